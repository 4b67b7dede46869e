//! What a handler gets: the house, who is asking, and what they sent, already checked.

use super::answer::{Answer, Live};
use super::form::Values;
use super::multipart::Upload;
use super::page::Page;
use super::request::Request;
use super::route::Parts;
use super::site::{Flash, Site};
use super::words::Words;
use crate::access::look::{self, Look};
use crate::access::{ApiToken, Right, Session};
use crate::base::{By, Error, Lang, Result, Say, Secret, Time, log};
use crate::house::House;
use std::cell::OnceCell;
use std::sync::Arc;

pub(crate) enum Caller {
    Nobody,
    Session(Session),
    Token(ApiToken),
}

pub(crate) struct Visit<'a> {
    pub(crate) site: &'a Site,
    pub(crate) house: &'a Arc<House>,
    pub(crate) now: Time,
    pub(crate) lang: Lang,
    pub(crate) w: Words,
    pub(crate) query: Values,
    pub(crate) form: Values,
    pub(crate) files: Vec<Upload>,
    pub(crate) caller: Caller,
    /// Read by the first page that is drawn; the product's own under a host name that is not ours.
    pub(super) look: OnceCell<Look>,
    pub(super) request: &'a Request,
    pub(super) parts: Parts,
    pub(super) secure: bool,
}

impl Visit<'_> {
    /// An open part of the row's path.
    pub(crate) fn part(&self, name: &str) -> &str {
        self.parts.iter().find(|(n, _)| *n == name).map_or("", |(_, v)| v.as_str())
    }

    pub(crate) fn path(&self) -> &str {
        &self.request.path
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.request.header(name).unwrap_or_default()
    }

    /// Scheme and host as this browser reached us: for links that are handed over now.
    pub(crate) fn own_address(&self) -> String {
        let host = self.header("host");
        if self.secure { format!("https://{host}") } else { format!("http://{host}") }
    }

    pub(crate) fn from(&self) -> &str {
        &self.request.from
    }

    pub(crate) fn session(&self) -> Result<&Session> {
        match &self.caller {
            Caller::Session(session) => Ok(session),
            Caller::Nobody | Caller::Token(_) => {
                Err(Error::denied(say!("サインインが必要です。", "You need to sign in.")))
            }
        }
    }

    pub(crate) fn by(&self) -> By {
        match &self.caller {
            Caller::Session(session) => session.by(),
            Caller::Token(token) => token.by(),
            Caller::Nobody => By::Public,
        }
    }

    /// For what a page shows or hides; a row's right has been checked before the handler runs.
    pub(crate) fn may(&self, right: Right) -> bool {
        match &self.caller {
            Caller::Session(session) => session.user.role.may(right),
            Caller::Token(token) => token.may(right),
            Caller::Nobody => false,
        }
    }

    /// Whether there is a page at this address that the caller may open: for links to other rooms' pages.
    pub(crate) fn leads(&self, path: &str) -> bool {
        super::routes::leads(self, path)
    }

    /// Name and colour of the house. A page is drawn without them rather than not at all.
    pub(crate) fn look(&self) -> &Look {
        self.look.get_or_init(|| {
            look::get(&self.house.store).unwrap_or_else(|e| {
                log::error("look", &e);
                Look::default()
            })
        })
    }

    /// A new page with this title, menu and flash.
    pub(crate) fn page(&self, title: impl Into<String>) -> Page {
        Page::new(self, title.into())
    }

    pub(crate) fn secret(&self, field: &str) -> Secret {
        Secret::new(self.form.get(field))
    }

    /// Redirect with a sentence that the next page shows.
    pub(crate) fn back_to(&self, place: &str, says: Say) -> Result<Answer> {
        self.flash(Flash { good: true, says });
        Ok(Answer::see(place))
    }

    /// Redirect with the reason why nothing was done.
    pub(crate) fn back_with(&self, place: &str, error: &Error) -> Result<Answer> {
        let (says, hint) = (error.says(), super::field::hint(error));
        let hint = hint.map_or((String::new(), String::new()), |h| (h.ja.clone(), format!(" {}", h.en)));
        let says = Say::new(format!("{}{}", says.ja, hint.0), format!("{}{}", says.en, hint.1));
        self.flash(Flash { good: false, says });
        Ok(Answer::see(place))
    }

    fn flash(&self, flash: Flash) {
        if let Caller::Session(session) = &self.caller {
            self.site.remember(session.n, flash);
        }
    }

    /// A live region: events for a browser that listens, one fragment for one that asks again.
    pub(crate) fn live(&self, mut step: impl FnMut(Time) -> Result<Live> + Send + 'static) -> Result<Answer> {
        if self.header("accept").starts_with("text/event-stream") {
            return Ok(Answer::events(Box::new(step)));
        }
        let html = match step(self.now)? {
            Live::Now(html) => html,
            Live::Last(html) => return Ok(Answer::html(html).header("X-Live", "over")),
        };
        Ok(Answer::html(html))
    }
}
