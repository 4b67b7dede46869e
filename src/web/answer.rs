//! What a handler returns.

use crate::base::{Error, Result, Time};
use askama::Template;
use std::io::Read;

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Content,
    /// May be shown in a frame of our own pages (previews), and nowhere else.
    pub(crate) framed: bool,
}

pub(crate) enum Content {
    Bytes(Vec<u8>),
    Stream(Box<dyn Read + Send>),
    Events(Box<Step>),
}

/// Asked about once a second for what a live region shows now.
pub(crate) type Step = dyn FnMut(Time) -> Result<Live> + Send;

pub(crate) enum Live {
    /// The fragment; sent when it differs from the one before.
    Now(String),
    /// The last fragment: the work is over.
    Last(String),
}

impl Answer {
    fn new(status: u16, kind: &str, body: Vec<u8>) -> Answer {
        let headers = vec![("Content-Type", kind.to_owned())];
        Answer { status, headers, body: Content::Bytes(body), framed: false }
    }

    pub(crate) fn html(html: String) -> Answer {
        Answer::new(200, "text/html; charset=utf-8", html.into_bytes())
    }

    pub(crate) fn page(template: &impl Template) -> Result<Answer> {
        template.render().map(Answer::html).map_err(|e| Error::bug(format!("drawing a page: {e}")))
    }

    pub(crate) fn text(text: String) -> Answer {
        Answer::new(200, "text/plain; charset=utf-8", text.into_bytes())
    }

    pub(crate) fn json(value: &serde_json::Value) -> Answer {
        Answer::new(200, "application/json", value.to_string().into_bytes())
    }

    pub(crate) fn bytes(kind: &str, bytes: Vec<u8>) -> Answer {
        Answer::new(200, kind, bytes)
    }

    /// After a form: the page that shows the result.
    pub(crate) fn see(place: &str) -> Answer {
        // A place is a path of ours, never a URL that came in.
        let place = if place.starts_with('/') && !place.starts_with("//") { place } else { "/" };
        let place: String = place.chars().filter(|c| !c.is_control() && c.is_ascii()).collect();
        let mut answer = Answer::new(303, "text/plain; charset=utf-8", Vec::new());
        answer.headers.push(("Location", place));
        answer
    }

    /// A download. The name may hold any script (RFC 5987).
    pub(crate) fn file(name: &str, kind: &str, from: Box<dyn Read + Send>) -> Answer {
        let plain: String =
            name.chars().map(|c| if c.is_ascii_alphanumeric() || "-._".contains(c) { c } else { '_' }).collect();
        let full = super::form::encode(name);
        let disposition = format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{full}");
        let headers = vec![("Content-Type", kind.to_owned()), ("Content-Disposition", disposition)];
        Answer { status: 200, headers, body: Content::Stream(from), framed: false }
    }

    pub(crate) fn events(step: Box<Step>) -> Answer {
        let headers = vec![("Content-Type", "text/event-stream; charset=utf-8".to_owned())];
        Answer { status: 200, headers, body: Content::Events(step), framed: false }
    }

    pub(crate) fn status(mut self, status: u16) -> Answer {
        self.status = status;
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Answer {
        let value: String = value.into().chars().filter(|c| !c.is_control()).collect();
        self.headers.push((name, value));
        self
    }

    pub(crate) fn framed(mut self) -> Answer {
        self.framed = true;
        self
    }

    #[cfg(test)]
    pub(crate) fn location(&self) -> Option<&str> {
        self.headers.iter().find(|(n, _)| *n == "Location").map(|(_, v)| v.as_str())
    }
}
