//! My account: language, password, sessions.

use crate::access::session::Listed;
use crate::access::{session, user};
use crate::base::{Error, Kind, Result};
use crate::web::answer::Answer;
use crate::web::field::{Faults, Field, Kind as Input};
use crate::web::page::Page;
use crate::web::visit::Visit;
use askama::Template;

#[derive(Template)]
#[template(path = "account.html")]
struct Account {
    p: Page,
    faults: Faults,
    email: String,
    role: String,
    means: String,
    language: Field,
    passwords: Vec<Field>,
    sessions: Vec<Listed>,
    this: i64,
}

pub(crate) fn show(v: &mut Visit<'_>) -> Result<Answer> {
    draw(v, Faults::new(v.lang))
}

fn draw(v: &Visit<'_>, faults: Faults) -> Result<Answer> {
    let (w, session) = (v.w, v.session()?);
    let user = &session.user;
    let mut passwords = Vec::new();
    if user.has_password {
        passwords.push(
            Field::new(w, Input::Password, "old", w.password_present())
                .required()
                .autocomplete("current-password")
                .fault(&faults),
        );
    }
    passwords.push(
        Field::new(w, Input::Password, "password", w.password_new())
            .required()
            .support(w.password_support())
            .autocomplete("new-password")
            .fault(&faults),
    );
    let language = Field::new(w, Input::Select, "lang", w.account_language())
        .unmarked()
        .choice("ja", w.japanese(), "")
        .choice("en", w.english(), "")
        .value(user.lang.tag());
    Answer::page(&Account {
        p: v.page(w.account()).faulty(!faults.is_empty()),
        faults,
        email: user.email.to_string(),
        role: user.role.title().to(v.lang).to_owned(),
        means: user.role.means().to(v.lang).to_owned(),
        language,
        passwords,
        sessions: session::list(&v.house.store, v.now, user.id)?.into_iter().map(short).collect(),
        this: session.n,
    })
}

/// What browsers call themselves, in two words.
fn short(mut listed: Listed) -> Listed {
    let first = |names: &[&'static str]| names.iter().copied().find(|n| listed.agent.contains(n)).unwrap_or("");
    let browser = first(&["Edg", "Firefox", "Chrome", "Safari", "curl"]).replace("Edg", "Edge");
    let system = first(&["iPhone", "iPad", "Android", "Windows", "Mac OS X", "Linux"]);
    if !browser.is_empty() {
        listed.agent = if system.is_empty() { browser } else { format!("{browser} ({system})") };
    }
    listed
}

pub(crate) fn password(v: &mut Visit<'_>) -> Result<Answer> {
    let (id, keep) = (v.session()?.user.id, v.session()?.n);
    let (old, new) = (v.secret("old"), v.secret("password"));
    match user::change_password(&v.house.store, v.now, id, (&old, &new), keep) {
        Ok(()) => v.back_to("/me", say!("パスワードを変更しました。", "Your password is changed.")),
        Err(e) => Ok(draw(v, Faults::one(v.lang, wrong_field(&e)?, &e))?.status(422)),
    }
}

/// Which field an error is about; what is neither is not the form's fault.
fn wrong_field(e: &Error) -> Result<&'static str> {
    match e.kind() {
        Kind::Denied | Kind::Later => Ok("old"),
        Kind::Refused => Ok("password"),
        Kind::Unanswered
        | Kind::Missing
        | Kind::Conflict
        | Kind::Stopped
        | Kind::Config
        | Kind::NotSetUp
        | Kind::WrongKey
        | Kind::Damaged
        | Kind::Unhealthy
        | Kind::Bug => Err(Error::new(e.kind(), e.says().clone())),
    }
}

pub(crate) fn end_session(v: &mut Visit<'_>) -> Result<Answer> {
    let id = v.session()?.user.id;
    let n = v.form.get("n").parse().unwrap_or(0);
    session::end(&v.house.store, &v.by(), v.now, id, n)?;
    v.back_to("/me", say!("その端末をサインアウトさせました。", "That device is signed out."))
}

pub(crate) fn end_others(v: &mut Visit<'_>) -> Result<Answer> {
    let (id, keep) = (v.session()?.user.id, v.session()?.n);
    let n = session::end_others(&v.house.store, &v.by(), v.now, id, keep)?;
    v.back_to("/me", say!("ほかの {n} 台をサインアウトさせました。", "Signed out {n} other devices."))
}
