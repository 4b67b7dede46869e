//! What recipients open from a mail: refusing it, taking that back, reading it in a browser, its pictures. Nobody
//! signs in here; the signed link is the right to do exactly this. Opening a page changes nothing: scanners follow links.

use crate::base::{Error, Kind, Result};
use crate::campaigns::file;
use crate::campaigns::unsubscribe::{self, Page as About};
use crate::web::answer::Answer;
use crate::web::page::Page;
use crate::web::visit::Visit;
use askama::Template;

#[derive(Template)]
#[template(path = "refuse.html")]
struct Refuse {
    p: Page,
    about: About,
    token: String,
    stage: Stage,
}

#[derive(PartialEq, Eq)]
enum Stage {
    Ask,
    Refused,
    Resumed,
}

pub(crate) fn ask(v: &mut Visit<'_>) -> Result<Answer> {
    let about = unsubscribe::page(&v.house.store, v.part("token"))?;
    let stage = match &about {
        About::Real { refused: true, .. } => Stage::Refused,
        About::Real { .. } | About::Test => Stage::Ask,
    };
    draw(v, about, stage)
}

fn draw(v: &Visit<'_>, about: About, stage: Stage) -> Result<Answer> {
    let w = v.w;
    let title = match stage {
        Stage::Ask => w.refuse_title(),
        Stage::Refused => w.refused_title(),
        Stage::Resumed => w.resumed_title(),
    };
    Answer::page(&Refuse { p: v.page(title), about, token: v.part("token").to_owned(), stage })
}

/// The button of the page and the one click of a mail program (RFC 8058): no redirect, nothing asked, no cookie.
pub(crate) fn refuse(v: &mut Visit<'_>) -> Result<Answer> {
    let (store, token) = (&v.house.store, v.part("token"));
    unsubscribe::refuse(store, v.now, token)?;
    if v.form.get("List-Unsubscribe") == "One-Click" {
        return Ok(Answer::text("OK".into()));
    }
    draw(v, unsubscribe::page(store, token)?, Stage::Refused)
}

pub(crate) fn again(v: &mut Visit<'_>) -> Result<Answer> {
    let (store, token) = (&v.house.store, v.part("token"));
    unsubscribe::agree_again(store, v.now, token, v.w.refuse_do_again_wording())?;
    draw(v, unsubscribe::page(store, token)?, Stage::Resumed)
}

#[derive(Template)]
#[template(path = "web-copy.html")]
struct WebCopy {
    p: Page,
    text: String,
}

/// The mail itself, in a sandbox by its content policy: whatever an author writes, no script of theirs runs here.
pub(crate) fn web_copy(v: &mut Visit<'_>) -> Result<Answer> {
    let Some(copy) = unsubscribe::web_copy(&v.house.store, v.part("token"))? else {
        let p = v.page(v.w.web_copy_gone()).lead(v.w.web_copy_gone_text());
        return Ok(Answer::page(&WebCopy { p, text: String::new() })?.status(404));
    };
    match copy.html {
        Some(html) => Ok(Answer::html(html).framed()),
        None => Answer::page(&WebCopy { p: v.page(copy.subject), text: copy.text }),
    }
}

/// `TOKEN.png`. Mail programs and web copies show it from anywhere.
pub(crate) fn image(v: &mut Visit<'_>) -> Result<Answer> {
    let token = v.part("name").split('.').next().unwrap_or_default();
    let (card, mut reader) = file::public(&v.house.store, token)?;
    if card.media == "image/svg+xml" || !card.media.starts_with("image/") {
        return Err(Error::new(Kind::Missing, say!("その画像はありません。", "There is no such image.")));
    }
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut reader, &mut bytes)
        .map_err(|e| Error::io(say!("画像を読めません。", "The image cannot be read."), e))?;
    Ok(Answer::bytes(&card.media, bytes)
        .header("Cache-Control", "public, max-age=86400")
        .header("Cross-Origin-Resource-Policy", "cross-origin"))
}
