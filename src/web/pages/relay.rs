//! The relay: where mail goes next, whether the way works, and a test mail.

use super::direct::{self, Direct};
use crate::base::smtp::{Login, Tls};
use crate::base::{Email, Error, Kind, Result, Secret};
use crate::delivery::{self, Relay as Place, Route};
use crate::web::answer::Answer;
use crate::web::field::{Faults, Field, Kind as Input};
use crate::web::page::Page;
use crate::web::visit::Visit;
use askama::Template;

const HERE: &str = "/settings/relay";

#[derive(Template)]
#[template(path = "relay.html")]
struct Shown {
    p: Page,
    faults: Faults,
    fields: Vec<Field>,
    to: Field,
    is_set: bool,
    direct: Direct,
}

pub(crate) fn show(v: &mut Visit<'_>) -> Result<Answer> {
    draw(v, Faults::new(v.lang))
}

fn draw(v: &Visit<'_>, faults: Faults) -> Result<Answer> {
    let saved = delivery::relay(&v.house.store)?;
    let w = v.w;
    let own = v.session().map(|s| s.user.email.as_str().to_owned()).unwrap_or_default();
    let to = Field::new(w, Input::Email, "to", w.relay_test_to()).unmarked().support(w.relay_test_to_support());
    let to = to.value(if v.form.has("to") { v.form.get("to").to_owned() } else { own }).fault(&faults);
    Answer::page(&Shown {
        p: v.page(w.menu_relay()).lead(w.relay_lead()).faulty(!faults.is_empty()),
        fields: fields(v, saved.as_ref(), &faults),
        faults,
        to,
        is_set: saved.is_some(),
        direct: direct::direct(v)?,
    })
}

fn fields(v: &Visit<'_>, saved: Option<&Place>, faults: &Faults) -> Vec<Field> {
    let w = v.w;
    let typed = |name: &str, saved: String| if v.form.has("host") { v.form.get(name).to_owned() } else { saved };
    let user = saved.and_then(|r| r.login.as_ref()).map(|l| l.user.clone()).unwrap_or_default();
    let kind = Field::new(w, Input::Radios, "kind", w.relay_kind())
        .required()
        .choice("smtp+starttls", w.relay_starttls(), "")
        .choice("smtps", w.relay_implicit(), "")
        .choice("smtp", w.relay_plain(), "")
        .value(typed("kind", saved.map_or("smtp+starttls", |r| scheme(r.tls)).to_owned()))
        .fault(faults);
    let host = Field::new(w, Input::Text, "host", w.relay_host()).required().support(w.relay_host_support());
    let host = host.value(typed("host", saved.map(|r| r.host.clone()).unwrap_or_default())).fault(faults);
    let port = Field::new(w, Input::Text, "port", w.relay_port()).support(w.relay_port_support());
    let port = port.value(typed("port", saved.map(|r| r.port.to_string()).unwrap_or_default())).fault(faults);
    let kept = !user.is_empty();
    let user =
        Field::new(w, Input::Text, "user", w.relay_user()).support(w.relay_user_support()).value(typed("user", user));
    let means = if kept { w.relay_password_kept() } else { w.relay_password_support() };
    let password = Field::new(w, Input::Password, "password", w.relay_password()).support(means).fault(faults);
    let ca = Field::new(w, Input::Area, "ca", w.relay_ca()).support(w.relay_ca_support());
    let ca = ca.value(typed("ca", saved.and_then(|r| r.extra_ca.clone()).unwrap_or_default())).fault(faults);
    vec![kind, host, port, user.fault(faults), password, ca]
}

fn scheme(tls: Tls) -> &'static str {
    match tls {
        Tls::Plain => "smtp",
        Tls::StartTls => "smtp+starttls",
        Tls::Implicit => "smtps",
    }
}

/// The form as a relay. The password that is kept goes to the same host, port and user only.
fn given(v: &Visit<'_>) -> Result<Place> {
    let (kind, host, port) = (v.form.get("kind"), v.form.get("host").trim(), v.form.get("port").trim());
    let host = if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() };
    let port = if port.is_empty() { String::new() } else { format!(":{port}") };
    let place = Place::parse(&format!("{kind}://{host}{port}"))?;
    let ca = v.form.get("ca").trim();
    let extra_ca = (!ca.is_empty()).then(|| ca.to_owned());
    let (user, typed) = (v.form.get("user").trim(), v.secret("password"));
    if user.is_empty() {
        return Ok(Place { extra_ca, ..place });
    }
    let saved = delivery::relay(&v.house.store)?.filter(|r| (&r.host, r.port) == (&place.host, place.port));
    let kept = saved.and_then(|r| r.login).filter(|l| l.user == user).map(|l| l.password);
    let password = if typed.bytes().is_empty() { kept.unwrap_or(Secret::new("")) } else { typed };
    Ok(Place { extra_ca, login: Some(Login { user: user.to_owned(), password }), ..place })
}

/// The field that an error of the form belongs to.
fn field_of(v: &Visit<'_>, e: &Error) -> &'static str {
    match e.kind() {
        Kind::Config => "password",
        _ if v.form.get("kind") == "smtp" && !v.form.get("user").is_empty() => "kind",
        _ => "host",
    }
}

pub(crate) fn save(v: &mut Visit<'_>) -> Result<Answer> {
    let set = given(v).and_then(|relay| v.house.set_relay(&v.by(), v.now, &relay));
    match set {
        Ok(()) => v.back_to(HERE, say!("中継サーバーの設定を保存しました。", "The relay is saved.")),
        Err(e) if matches!(e.kind(), Kind::Refused | Kind::Config) => {
            Ok(draw(v, Faults::one(v.lang, field_of(v, &e), &e))?.status(422))
        }
        Err(e) => Err(e),
    }
}

pub(crate) fn check(v: &mut Visit<'_>) -> Result<Answer> {
    match v.house.relay().and_then(|relay| delivery::check(&Route::from(relay))) {
        Ok(()) => v.back_to(
            HERE,
            say!("接続、暗号化、認証を確かめました。問題はありません。", "Connection, encryption and sign-in work."),
        ),
        Err(e) => v.back_with(HERE, &e),
    }
}

pub(crate) fn test(v: &mut Visit<'_>) -> Result<Answer> {
    let to = match Email::parse(v.form.get("to")) {
        Ok(to) => to,
        Err(e) => return Ok(draw(v, Faults::one(v.lang, "to", &e))?.status(422)),
    };
    match v.house.send_test_mail(&v.by(), v.now, &to, v.lang) {
        Ok(_) => v.back_to(
            HERE,
            say!(
                "テストメールを送りました。届いたか確かめてください。",
                "The test mail is accepted. Look whether it arrives."
            ),
        ),
        Err(e) => v.back_with(HERE, &e),
    }
}
