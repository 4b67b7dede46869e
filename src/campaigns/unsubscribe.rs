//! The public side of a mail: refusing its topic, taking that back, and reading the mail in a browser. No login: the
//! signed link is the right to do exactly this.
//!
//! **Invariant:** a refusal is in the books before it is answered; what was not on the wire by then does not leave.
//! **Invariant:** looking at a page changes nothing (scanners follow links); only a POST refuses.

use super::audience;
use super::content::FileRole;
use super::letters::hosted;
use super::links::{Signer, TEST};
use super::render::Renderer;
use super::run;
use crate::base::{Result, Time};
use crate::contacts::attribute::Catalog;
use crate::contacts::reading;
use crate::store::Store;

/// What the page shows. No address: whoever was forwarded the mail sees the same page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Page {
    /// The link of a test mail or a preview: it explains itself.
    Test,
    Real {
        topic: String,
        sender: String,
        refused: bool,
    },
}

pub fn page(store: &Store, token: &str) -> Result<Page> {
    if token == TEST {
        return Ok(Page::Test);
    }
    let holder = Signer::new(store).refusal(token)?;
    let content = run::get(store, holder.run)?.content;
    let refused = audience::has_refused(store, holder.contact, holder.topic)?;
    Ok(Page::Real { topic: content.topic_name, sender: content.sender.shown_name().to_owned(), refused })
}

/// Refuses the topic for everyone at that address. One click or a button on the page; doing it twice changes nothing.
pub fn refuse(store: &Store, now: Time, token: &str) -> Result<()> {
    match token {
        TEST => Ok(()),
        token => audience::refuse(store, now, &Signer::new(store).refusal(token)?),
    }
}

/// Takes the refusal back, on the same page. `wording` is the sentence that stood beside the button.
pub fn agree_again(store: &Store, now: Time, token: &str, wording: &str) -> Result<()> {
    match token {
        TEST => Ok(()),
        token => audience::agree(store, now, &Signer::new(store).refusal(token)?, wording),
    }
}

/// The mail as its recipient got it, to be shown in a frame without scripts.
pub struct WebCopy {
    pub subject: String,
    pub html: Option<String>,
    pub text: String,
}

/// `None` for the link of a test mail, and when the recipient is gone.
pub fn web_copy(store: &Store, token: &str) -> Result<Option<WebCopy>> {
    if token == TEST {
        return Ok(None);
    }
    let signer = Signer::new(store);
    let holder = signer.web(token)?;
    let content = run::get(store, holder.run)?.content;
    let renderer = Renderer::new(&content, &Catalog::read(store)?, |f| match f.role {
        FileRole::Hosted | FileRole::Embedded => hosted(&content.public_url, f),
        FileRole::Attachment => String::new(),
    })?;
    let Some(person) = reading::picked(store, &renderer.used(), holder.contact)? else { return Ok(None) };
    let links = signer.links(&content.public_url, &holder);
    let made = renderer.render(&person, &links)?;
    Ok(Some(WebCopy { subject: made.subject.as_str().to_owned(), html: made.html, text: made.text }))
}
