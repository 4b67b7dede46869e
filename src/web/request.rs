//! A request as the gate sees it, whoever brought it (the door or a test).

use super::form::Values;
use crate::base::Time;
use crate::base::link::Surface;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Head,
    Post,
    /// Anything else: no row has it.
    Other,
}

pub(crate) struct Request {
    pub(crate) method: Method,
    /// Percent-decoded parts are cut out later: this is the path as it came, without the query.
    pub(crate) path: String,
    pub(crate) query: Values,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// The listener that it came in by, whatever its `Host` says.
    pub(crate) surface: Surface,
    /// The client speaks TLS with the door.
    pub(crate) https: bool,
    pub(crate) from: String,
    /// What the body announces; `None` when it does not say (chunked), which is refused.
    pub(crate) length: Option<u64>,
    pub(crate) now: Time,
    pub(crate) id: String,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        let all = self.headers.iter().filter(|(n, _)| n == "cookie").flat_map(|(_, v)| v.split(';'));
        all.filter_map(|pair| pair.trim().split_once('=')).find(|(n, _)| *n == name).map(|(_, v)| v)
    }

    /// Scripts ask for JSON by header or by path; everybody else gets a page.
    pub(crate) fn wants_json(&self) -> bool {
        self.path.starts_with("/api/") || self.header("accept").is_some_and(|a| a.starts_with("application/json"))
    }
}
