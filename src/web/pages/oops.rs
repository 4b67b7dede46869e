//! The pages that say no: what happened, what to do, and the request's number for whoever is asked about it.

use crate::base::link::Surface;
use crate::base::{Error, Kind, Result};
use crate::web::answer::Answer;
use crate::web::field::hint;
use crate::web::form::encode;
use crate::web::gate::Turned;
use crate::web::page::Page;
use crate::web::request::Method;
use crate::web::visit::{Caller, Visit};
use askama::Template;

#[derive(Template)]
#[template(path = "oops.html")]
struct Oops<'a> {
    p: Page,
    text: &'a str,
    hint: &'a str,
    id: &'a str,
}

struct Told {
    status: u16,
    kind: Kind,
    title: &'static str,
    text: String,
    hint: String,
}

pub(crate) fn answer(v: &Visit<'_>, turned: Turned) -> Answer {
    if let Turned::Failed(e) = &turned
        && e.kind().http_status() == 500
    {
        log(v, e);
    }
    if v.request.surface == Surface::Public && matches!(turned, Turned::Host | Turned::NotFound) {
        return nothing_here(v, &turned);
    }
    let json = v.request.wants_json() || matches!(v.caller, Caller::Token(_));
    if matches!(turned, Turned::SignIn) && v.request.method == Method::Get && !json {
        let here = format!("{}{}", v.path(), v.query.with("", ""));
        return Answer::see(&if here == "/" {
            "/sign-in".to_owned()
        } else {
            format!("/sign-in?next={}", encode(&here))
        });
    }
    let told = told(v, &turned);
    if json {
        let error = serde_json::json!({"error": {
            "kind": told.kind.name(), "message": told.text, "hint": told.hint, "request": v.request.id}});
        return Answer::json(&error).status(told.status);
    }
    draw(v, &told).unwrap_or_else(|_| Answer::text(told.text.clone())).status(told.status)
}

/// The same page for every address that the public surface does not have, whether or not the admin one has it.
fn nothing_here(v: &Visit<'_>, turned: &Turned) -> Answer {
    let status = if matches!(turned, Turned::Host) { 421 } else { 404 };
    let told = Told {
        status,
        kind: Kind::Missing,
        title: v.w.oops_not_found(),
        text: v.w.oops_public_text().to_owned(),
        hint: String::new(),
    };
    draw(v, &told).unwrap_or_else(|_| Answer::text(told.text.clone())).status(status)
}

fn draw(v: &Visit<'_>, told: &Told) -> Result<Answer> {
    Answer::page(&Oops { p: v.page(told.title), text: &told.text, hint: &told.hint, id: &v.request.id })
}

fn told(v: &Visit<'_>, turned: &Turned) -> Told {
    let w = v.w;
    let plain =
        |status, kind, title, text: &str| Told { status, kind, title, text: text.to_owned(), hint: String::new() };
    match turned {
        Turned::Host => plain(421, Kind::Denied, w.oops_host(), w.oops_host_text()),
        Turned::NotFound => plain(404, Kind::Missing, w.oops_not_found(), w.oops_not_found_text()),
        Turned::Method => plain(405, Kind::Refused, w.oops_method(), w.oops_method_text()),
        Turned::SignIn => plain(401, Kind::Denied, w.oops_sign_in(), w.oops_sign_in()),
        Turned::Right(right) => {
            let right = right.title();
            let text = match &v.caller {
                Caller::Session(s) => w.oops_right(s.user.role.title().to(v.lang), right.to(v.lang)),
                Caller::Token(_) | Caller::Nobody => w.oops_token(right.to(v.lang)),
            };
            plain(403, Kind::Denied, w.oops_denied(), &text)
        }
        Turned::CrossSite => plain(403, Kind::Denied, w.oops_denied(), w.oops_cross()),
        Turned::Csrf => plain(403, Kind::Denied, w.oops_csrf(), w.oops_csrf_text()),
        Turned::TooLarge(most) => plain(413, Kind::Refused, w.oops_large(), &w.oops_large_text(&size(*most))),
        Turned::NoLength => plain(411, Kind::Refused, w.oops_length(), w.oops_length_text()),
        Turned::Failed(e) => failed(v, e, e.kind().http_status()),
    }
}

fn failed(v: &Visit<'_>, e: &Error, status: u16) -> Told {
    let w = v.w;
    let title = match e.kind() {
        Kind::Missing => w.oops_not_found(),
        Kind::Denied => w.oops_denied(),
        Kind::Conflict => w.oops_conflict(),
        Kind::Refused | Kind::Unanswered => w.oops_refused(),
        Kind::Later | Kind::Stopped | Kind::Unhealthy => w.oops_later(),
        Kind::Config | Kind::NotSetUp | Kind::WrongKey | Kind::Damaged | Kind::Bug => w.oops_bug(),
    };
    // What went wrong inside is for the log; outsiders get the number.
    let (text, hint) = match e.kind() == Kind::Bug {
        true => (w.oops_bug_text(), ""),
        false => (e.says().to(v.lang), hint(e).map_or("", |h| h.to(v.lang))),
    };
    Told { status, kind: e.kind(), title, text: text.to_owned(), hint: hint.to_owned() }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_048_576 => format!("{} kB", bytes / 1024),
        1_048_576..1_073_741_824 => format!("{} MB", bytes / 1_048_576),
        _ => format!("{} GB", bytes / 1_073_741_824),
    }
}

#[allow(clippy::print_stderr)] // the server's log
fn log(v: &Visit<'_>, e: &Error) {
    eprintln!("request {} failed: {}", v.request.id, e.chain());
}
