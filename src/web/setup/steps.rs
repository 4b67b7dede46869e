//! The seven steps: what each shows, and what it takes.

use super::checks::{self, Check, Verdict};
use super::{Typed, Wizard};
use crate::access::{password, session, user};
use crate::base::provider::{Phrase, Provider};
use crate::base::{By, Email, Error, Kind, Lang, Result, Secret, Time, clock};
use crate::delivery::{self, Letter, Relay};
use crate::house::{boot, setup};
use crate::web::answer::Answer;
use crate::web::field::{Faults, Field, Kind as Input};
use crate::web::form::Values;
use crate::web::page::Page;
use crate::web::request::Request;
use crate::web::words::Words;
use askama::Template;
use data_encoding::BASE64;
use std::path::PathBuf;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "setup.html")]
struct Step {
    p: Page,
    n: u8,
    steps: Vec<(&'static str, bool, bool)>,
    faults: Faults,
    fields: Vec<Field>,
    checks: Vec<Check>,
    recovery: String,
    button: &'static str,
    notice: Option<(bool, String)>,
    can_test: bool,
}

const LAST: u8 = 7;

pub(super) fn show(wizard: &Wizard, request: &Request, n: u8) -> Result<Answer> {
    let reached = wizard.typed().reached;
    if n == 0 || n > reached {
        return Ok(Answer::see(&format!("/setup/step/{reached}")));
    }
    // The house is made: there is no way back to its questions.
    if reached == LAST && n != LAST {
        return Ok(Answer::see("/setup/step/7"));
    }
    let lang = wizard.lang(request);
    draw(wizard, lang, n, (Faults::new(lang), None))
}

fn draw(wizard: &Wizard, lang: Lang, n: u8, (faults, notice): (Faults, Option<(bool, String)>)) -> Result<Answer> {
    let (w, typed) = (Words(lang), wizard.typed());
    let titles = [
        w.setup_language(),
        w.setup_checks(),
        w.setup_admin(),
        w.setup_domain(),
        w.setup_mail(),
        w.setup_key(),
        w.setup_finish(),
    ];
    let leads = [
        w.setup_language_lead(),
        w.setup_checks_lead(),
        w.setup_admin_lead(),
        w.setup_domain_lead(),
        w.setup_mail_lead(),
        w.setup_key_lead(),
        w.setup_finish_lead(),
    ];
    let at = usize::from(n.clamp(1, LAST)) - 1;
    let steps = titles.iter().enumerate().map(|(i, t)| (*t, i < at, i == at)).collect();
    let fields = fields(wizard, w, n, &typed).into_iter().map(|f| f.fault(&faults)).collect();
    let checks = if n == 2 { checks::judge(&checks::look(&wizard.data)) } else { Vec::new() };
    let recovery = match &typed.recovery {
        Some(code) if n == LAST => code.text().unwrap_or_default().to_owned(),
        Some(_) | None => String::new(),
    };
    let button = match n {
        6 => w.setup_make(),
        LAST => w.setup_start(),
        2 if checks.iter().any(|c| c.verdict == Verdict::Stop) => w.setup_again(),
        _ => w.setup_next(),
    };
    let can_test = n == LAST && typed.relay.is_some();
    let p = Page::bare(lang, titles[at]).lead(leads[at]).faulty(!faults.is_empty());
    let status = if faults.is_empty() { 200 } else { 422 };
    let step = Step { p, n, steps, faults, fields, checks, recovery, button, notice, can_test };
    Ok(Answer::page(&step)?.status(status))
}

fn fields(wizard: &Wizard, w: Words, n: u8, typed: &Typed) -> Vec<Field> {
    let text = |name: &str, label: &str| Field::new(w, Input::Text, name, label);
    match n {
        1 => vec![
            Field::new(w, Input::Radios, "lang", w.language())
                .required()
                .unmarked()
                .choice("ja", w.japanese(), "")
                .choice("en", w.english(), "")
                .value(w.0.tag()),
        ],
        3 => vec![
            Field::new(w, Input::Email, "email", w.mail_address())
                .required()
                .support(w.user_email_support())
                .value(typed.email.clone())
                .autocomplete("username"),
            text("name", w.user_name()).required().support(w.user_name_support()).value(typed.name.clone()),
            Field::new(w, Input::Password, "password", w.password())
                .required()
                .support(w.password_support())
                .autocomplete("new-password"),
        ],
        4 => vec![
            text("domain", w.general_domain()).required().support(w.setup_domain_support()).value(typed.domain.clone()),
            text("public_url", w.general_public_url()).support(w.setup_url_support()).value(typed.public_url.clone()),
        ],
        5 => vec![
            text("relay", w.setup_relay())
                .support(w.setup_relay_support())
                .value(typed.relay.as_ref().map(Relay::url).unwrap_or_default()),
            Field::new(w, Input::Password, "relay_password", w.setup_relay_password())
                .support(w.setup_relay_password_support())
                .autocomplete("off"),
        ],
        6 => {
            vec![text("key", w.key_file()).required().support(w.setup_key_support()).value(key_file(wizard)).width(60)]
        }
        7 => vec![text("code", w.setup_code()).required().support(w.setup_code_support()).width(6).autocomplete("off")],
        _ => Vec::new(),
    }
}

/// Beside the data folder, never in it.
fn key_file(wizard: &Wizard) -> String {
    let data = std::path::absolute(&wizard.data).unwrap_or_else(|_| wizard.data.clone());
    let name = data.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_else(|| "hakobu".into());
    data.with_file_name(format!("{name}.key")).display().to_string()
}

pub(super) fn take(wizard: &Wizard, request: &Request, n: u8, form: &Values) -> Result<Answer> {
    let reached = wizard.typed().reached;
    if n == 0 || n > reached || (reached == LAST && n != LAST) {
        return show(wizard, request, n);
    }
    if n == LAST {
        return finish(wizard, request, form);
    }
    let mut faults = Faults::new(wizard.lang(request));
    match n {
        1 => wizard.typed().lang = Lang::parse(form.get("lang")),
        2 => machine(wizard, &mut faults),
        3 => admin(wizard, form, &mut faults),
        4 => domain(wizard, form, &mut faults),
        5 => mail(wizard, form, &mut faults),
        _ => make(wizard, request, form, &mut faults),
    }
    if !faults.is_empty() {
        return draw(wizard, wizard.lang(request), n, (faults, None));
    }
    let mut typed = wizard.typed();
    typed.reached = typed.reached.max(n + 1);
    Ok(Answer::see(&format!("/setup/step/{}", n + 1)))
}

fn machine(wizard: &Wizard, faults: &mut Faults) {
    for check in checks::judge(&checks::look(&wizard.data)) {
        if check.verdict == Verdict::Stop {
            faults.add("checks", check.says);
        }
    }
}

fn admin(wizard: &Wizard, form: &Values, faults: &mut Faults) {
    let (email, name, secret) = (form.get("email"), form.get("name"), Secret::new(form.get("password")));
    faults.check("email", Email::parse(email));
    if name.trim().is_empty() {
        faults.add("name", say!("名前を入力してください。", "Enter a name."));
    }
    faults.check("password", password::accept(&secret, &[email, name]));
    let mut typed = wizard.typed();
    (typed.email, typed.name) = (email.trim().to_owned(), name.trim().to_owned());
    typed.password = Some(secret);
}

fn domain(wizard: &Wizard, form: &Values, faults: &mut Faults) {
    let domain = faults.check("domain", setup::domain(form.get("domain")));
    let url = match (form.get("public_url").trim(), &domain) {
        ("", Some(domain)) => format!("https://{domain}"),
        (typed, _) => typed.to_owned(),
    };
    if domain.is_some() || !url.is_empty() {
        faults.check("public_url", boot::public_url(&url));
    }
    let mut typed = wizard.typed();
    (typed.domain, typed.public_url) = (domain.unwrap_or_else(|| form.get("domain").to_owned()), url);
}

/// Mail may be left for later; what is given must make sense.
fn mail(wizard: &Wizard, form: &Values, faults: &mut Faults) {
    let url = form.get("relay").trim();
    let relay = match url.is_empty() {
        true => None,
        false => faults.check("relay", relay(url, form.get("relay_password"))),
    };
    wizard.typed().relay = relay;
}

fn relay(url: &str, password: &str) -> Result<Relay> {
    let relay = Relay::parse(url)?;
    let relay = if password.is_empty() { relay } else { relay.with_password(Secret::new(password))? };
    relay.verify().map(|()| relay)
}

fn make(wizard: &Wizard, request: &Request, form: &Values, faults: &mut Faults) {
    let made = answers(wizard, form.get("key"))
        .and_then(|answers| setup::run(&wizard.data, wizard.build, &By::house("setup"), request.now, &answers));
    let Some(done) = faults.check("key", made) else { return };
    let mut typed = wizard.typed();
    typed.recovery = done.recovery_code;
    typed.house = done.house.map(Arc::new);
}

fn answers(wizard: &Wizard, key: &str) -> Result<setup::Answers> {
    let typed = wizard.typed();
    let unanswered = || Error::new(Kind::Unanswered, say!("前の手順に戻ってください。", "Go back to an earlier step."));
    Ok(setup::Answers {
        key: Provider::File { path: PathBuf::from(key.trim()) },
        phrase: Phrase::None,
        domain: typed.domain.clone(),
        public_url: typed.public_url.clone(),
        listen: wizard.listen,
        lang: typed.lang.unwrap_or_default(),
        admin: setup::Admin {
            email: Email::parse(&typed.email)?,
            name: typed.name.clone(),
            password: typed.password.clone().ok_or_else(unanswered)?,
        },
        relay: typed.relay.clone(),
        probe: true,
        alarm_to: None,
    })
}

/// The recovery code is on paper when its last characters come back; then the pages open, signed in.
fn finish(wizard: &Wizard, request: &Request, form: &Values) -> Result<Answer> {
    let lang = wizard.lang(request);
    if form.has("test") {
        let sent = send_test(wizard, request.now, lang);
        let notice = match sent {
            Ok(()) => (true, Words(lang).setup_test_sent().to_owned()),
            Err(e) => (false, format!("{} {}", e.says().to(lang), e.hinted().map_or("", |h| h.to(lang)))),
        };
        return draw(wizard, lang, LAST, (Faults::new(lang), Some(notice)));
    }
    let code = wizard.typed().recovery.clone();
    let ends = |c: &Secret| {
        let plain: String = c.text().unwrap_or_default().chars().filter(|c| *c != '-').collect();
        let given = form.get("code").trim().to_uppercase();
        given.len() == 4 && plain.ends_with(&given)
    };
    if code.as_ref().is_some_and(|c| !ends(c)) {
        let mut faults = Faults::new(lang);
        faults.add("code", say!("復旧コードの最後の 4 文字と違います。", "These are not its last four characters."));
        return draw(wizard, lang, LAST, (faults, None));
    }
    let house = wizard.typed().house.clone().ok_or_else(|| Error::bug("a wizard without a house"))?;
    let email = Email::parse(&wizard.typed().email)?;
    let admin = user::find(&house.store, &email)?.ok_or_else(|| Error::bug("setup made no admin"))?;
    if let Some(code) = code.as_ref().and_then(Secret::text) {
        house.confirm_recovery(&By::house("setup"), request.now, code)?;
    }
    let agent = request.header("user-agent").unwrap_or_default();
    let (_, token) = session::open(&house.store, request.now, &admin, agent)?;
    let token = token.text().unwrap_or_default().to_owned();
    wizard.finish(house);
    Ok(Answer::see("/").header("Set-Cookie", format!("hakobu={token}; Path=/; HttpOnly; SameSite=Lax")))
}

fn send_test(wizard: &Wizard, now: Time, lang: Lang) -> Result<()> {
    let (to, domain, relay) = {
        let typed = wizard.typed();
        (Email::parse(&typed.email)?, typed.domain.clone(), typed.relay.clone())
    };
    let relay = relay.ok_or_else(|| Error::refused(say!("送信経路がありません。", "There is no relay.")))?;
    let from = Email::parse(&format!("news@{domain}"))?;
    let w = Words(lang);
    let encoded = |text: &str| BASE64.encode(text.as_bytes());
    let date = now.zoned(&clock::japan()).strftime("%a, %d %b %Y %H:%M:%S %z").to_string();
    let message = format!(
        "Date: {date}\r\nFrom: <{from}>\r\nTo: <{to}>\r\nMessage-ID: <setup-{}@{domain}>\r\nSubject: =?UTF-8?B?{}?=\r\n\
         MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n",
        now.ms(),
        encoded(w.setup_test_subject()),
        encoded(w.setup_test_body()),
    );
    delivery::send_one(&relay.into(), &Letter { from, to, message: message.into_bytes() }).map(drop)
}
