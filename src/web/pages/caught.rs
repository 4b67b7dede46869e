//! Mails that a practice house has caught: a list, and each as HTML, text and source.

use crate::base::{Error, Result};
use crate::delivery::catcher::{Catcher, Caught};
use crate::web::answer::Answer;
use crate::web::mail::Mail;
use crate::web::page::Page;
use crate::web::visit::Visit;
use askama::Template;

/// Mails on the list.
const SHOWN: usize = 200;

#[derive(Template)]
#[template(path = "caught.html")]
struct List {
    p: Page,
    rows: Vec<(Caught, Mail)>,
    total: String,
}

fn catcher<'v>(v: &'v Visit<'_>) -> Result<&'v Catcher> {
    v.house.catcher().ok_or_else(|| {
        Error::missing(say!("この環境はメールを外に送ります。", "This house sends its mail out."))
            .hint(say!("練習用の環境は hakobu try で開けます。", "hakobu try opens a house for practice."))
    })
}

pub(crate) fn list(v: &mut Visit<'_>) -> Result<Answer> {
    let catcher = catcher(v)?;
    let newest = catcher.mails().into_iter().rev().take(SHOWN);
    let rows: Vec<(Caught, Mail)> =
        newest.map(|caught| (Mail::read(&caught.bytes), caught)).map(|(m, c)| (c, m)).collect();
    let (all, shown) = (catcher.count(), rows.len());
    let more = all > shown as u64;
    let p = v.page(v.w.menu_mails()).lead(v.w.caught_lead()).wide();
    let mut total = v.w.caught_total(&p.n(all));
    if more {
        total = format!("{total} {}", v.w.caught_shown(&shown.to_string()));
    }
    Answer::page(&List { p, rows, total })
}

#[derive(Template)]
#[template(path = "caught-one.html")]
struct One {
    p: Page,
    caught: Caught,
    mail: Mail,
    source: String,
    view: &'static str,
}

fn one(v: &Visit<'_>) -> Result<Caught> {
    let gone = || Error::missing(say!("このメールはもうありません。", "This mail is gone."));
    catcher(v)?.mail(v.part("n").parse().unwrap_or(0)).ok_or_else(gone)
}

pub(crate) fn show(v: &mut Visit<'_>) -> Result<Answer> {
    let caught = one(v)?;
    let mail = Mail::read(&caught.bytes);
    let view = match (v.query.get("view"), mail.html.is_some()) {
        ("source", _) => "source",
        ("text", _) | (_, false) => "text",
        (_, true) => "html",
    };
    let title = if mail.subject.is_empty() { v.w.caught_no_subject().to_owned() } else { mail.subject.clone() };
    let source = String::from_utf8_lossy(&caught.bytes).into_owned();
    let p = v.page(title).under(v.w.menu_mails(), "/mails").wide();
    Answer::page(&One { p, caught, mail, source, view })
}

/// The HTML part alone, for the sandboxed frame.
pub(crate) fn html(v: &mut Visit<'_>) -> Result<Answer> {
    let mail = Mail::read(&one(v)?.bytes);
    Ok(Answer::html(mail.html.unwrap_or_default()).framed())
}
