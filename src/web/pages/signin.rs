//! Signing in and out, one-time links, and the language.

use crate::access::{self, Attempt, LinkKind, User, link, session};
use crate::base::{Kind, Lang, Result, Secret, limits};
use crate::web::answer::Answer;
use crate::web::field::{Faults, Field, Kind as Input};
use crate::web::gate::{LANG_COOKIE, session_cookie};
use crate::web::page::Page;
use crate::web::visit::{Caller, Visit};
use askama::Template;

#[derive(Template)]
#[template(path = "sign-in.html")]
struct SignIn {
    p: Page,
    faults: Faults,
    fields: Vec<Field>,
    next: String,
    notice: &'static str,
}

pub(crate) fn form(v: &mut Visit<'_>) -> Result<Answer> {
    if let Caller::Session(_) = v.caller {
        return Ok(Answer::see("/"));
    }
    let next = v.query.get("next").to_owned();
    let notice = if v.query.has("out") { v.w.signed_out() } else { "" };
    draw(v, Faults::new(v.lang), next, notice)
}

fn draw(v: &Visit<'_>, faults: Faults, next: String, notice: &'static str) -> Result<Answer> {
    let w = v.w;
    let fields = vec![
        Field::new(w, Input::Email, "email", w.mail_address())
            .required()
            .unmarked()
            .value(v.form.get("email"))
            .autocomplete("username")
            .fault(&faults),
        Field::new(w, Input::Password, "password", w.password()).required().unmarked().autocomplete("current-password"),
    ];
    let p = v.page(w.sign_in()).faulty(!faults.is_empty());
    Answer::page(&SignIn { p, faults, fields, next, notice })
}

pub(crate) fn enter(v: &mut Visit<'_>) -> Result<Answer> {
    let (password, agent) = (v.secret("password"), v.header("user-agent").to_owned());
    let attempt = Attempt { email: v.form.get("email"), password: &password, from: v.from(), agent: &agent };
    match access::sign_in(&v.house.store, v.now, &attempt) {
        Ok((_, token)) => Ok(with_cookie(v, Answer::see(&safe_place(v.form.get("next"))), &token)),
        Err(e) if matches!(e.kind(), Kind::Denied | Kind::Later) => {
            let status = if e.kind() == Kind::Later { 429 } else { 422 };
            let next = v.form.get("next").to_owned();
            Ok(draw(v, Faults::one(v.lang, "email", &e), next, "")?.status(status))
        }
        Err(e) => Err(e),
    }
}

/// Only a path of ours: the page somebody wanted before signing in.
fn safe_place(next: &str) -> String {
    let ours = next.starts_with('/') && !next.starts_with("//") && !next.contains('\\') && next.is_ascii();
    if ours { next.to_owned() } else { "/".to_owned() }
}

fn with_cookie(v: &Visit<'_>, answer: Answer, token: &Secret) -> Answer {
    let (name, token) = (session_cookie(v.secure), token.text().unwrap_or_default());
    let (secure, age) = (if v.secure { "; Secure" } else { "" }, limits::SESSION_LIFE.as_secs());
    answer.header("Set-Cookie", format!("{name}={token}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{secure}"))
}

pub(crate) fn leave(v: &mut Visit<'_>) -> Result<Answer> {
    let (id, n) = (v.session()?.user.id, v.session()?.n);
    session::end(&v.house.store, &v.by(), v.now, id, n)?;
    let name = session_cookie(v.secure);
    let secure = if v.secure { "; Secure" } else { "" };
    let gone = format!("{name}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax{secure}");
    Ok(Answer::see("/sign-in?out=1").header("Set-Cookie", gone).header("Clear-Site-Data", "\"cache\", \"storage\""))
}

/// From the footer, for everybody; who is signed in keeps the choice.
pub(crate) fn language(v: &mut Visit<'_>) -> Result<Answer> {
    let lang = Lang::parse(v.form.get("lang")).unwrap_or(v.lang);
    if let Caller::Session(session) = &v.caller {
        access::user::set_language(&v.house.store, v.now, session.user.id, lang)?;
    }
    let cookie = format!("{LANG_COOKIE}={}; Path=/; Max-Age=31536000; SameSite=Lax", lang.tag());
    Ok(Answer::see(&safe_place(v.form.get("back"))).header("Set-Cookie", cookie))
}

#[derive(Template)]
#[template(path = "set-password.html")]
struct SetPassword {
    p: Page,
    faults: Faults,
    field: Field,
    email: String,
    action: String,
}

/// A one-time link: signs in at once, or asks for a password first.
pub(crate) fn link(v: &mut Visit<'_>) -> Result<Answer> {
    let token = Secret::new(v.part("token"));
    let (kind, user) = link::look(&v.house.store, v.now, &token)?;
    match kind {
        LinkKind::SignIn => {
            let user = link::enter(&v.house.store, v.now, &token)?;
            open(v, &user)
        }
        LinkKind::Invite | LinkKind::Reset => ask_password(v, kind, &user, Faults::new(v.lang)),
    }
}

fn open(v: &Visit<'_>, user: &User) -> Result<Answer> {
    let (_, token) = session::open(&v.house.store, v.now, user, v.header("user-agent"))?;
    Ok(with_cookie(v, Answer::see("/"), &token))
}

fn ask_password(v: &Visit<'_>, kind: LinkKind, user: &User, faults: Faults) -> Result<Answer> {
    let w = v.w;
    let (title, lead) = match kind {
        LinkKind::Invite => (w.invited_title(), w.invited_lead(&user.name, user.role.title().to(v.lang))),
        LinkKind::Reset | LinkKind::SignIn => (w.reset_title(), w.reset_lead(&user.name)),
    };
    let field = Field::new(w, Input::Password, "password", w.password_new())
        .required()
        .unmarked()
        .support(w.password_support())
        .autocomplete("new-password")
        .fault(&faults);
    let p = v.page(title).lead(lead).faulty(!faults.is_empty());
    let action = format!("/link/{}", v.part("token"));
    Answer::page(&SetPassword { p, faults, field, email: user.email.to_string(), action })
}

pub(crate) fn set_password(v: &mut Visit<'_>) -> Result<Answer> {
    let token = Secret::new(v.part("token"));
    let (kind, user) = link::look(&v.house.store, v.now, &token)?;
    match link::set_password(&v.house.store, v.now, &token, &v.secret("password")) {
        Ok(user) => {
            // Whoever is invited has read this page in a language that suits them.
            if kind == LinkKind::Invite && user.lang != v.lang {
                access::user::set_language(&v.house.store, v.now, user.id, v.lang)?;
            }
            open(v, &user)
        }
        Err(e) if e.kind() == Kind::Refused => {
            Ok(ask_password(v, kind, &user, Faults::one(v.lang, "password", &e))?.status(422))
        }
        Err(e) => Err(e),
    }
}
