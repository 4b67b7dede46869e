//! The one error type: a kind, a sentence for the person, a hint on what to do next, and the cause for the log.
//!
//! Rules: the sentence and the hint never hold personal data (a row number, never the row's address); the kind
//! decides status, exit code and retry, one `match` each; a cause is kept, not printed to outsiders.

use crate::base::lang::{Lang, Say};
use std::fmt;

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The request itself is wrong: a bad flag, a bad value, a template that does not compile.
    Refused,
    /// An answer that only a person can give is missing.
    Unanswered,
    Missing,
    /// Somebody else was there first, or the thing is in another state by now.
    Conflict,
    /// Not now: busy, locked, disk full. Trying again may succeed.
    Later,
    Denied,
    /// Work stopped before its end.
    Stopped,
    Config,
    NotSetUp,
    WrongKey,
    /// A file or a chain that does not verify.
    Damaged,
    Unhealthy,
    /// Our fault.
    Bug,
}

impl Kind {
    /// The name in `{"error":{"kind":…}}`. A promise: names are added, never changed.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Refused => "refused",
            Kind::Unanswered => "unanswered",
            Kind::Missing => "missing",
            Kind::Conflict => "conflict",
            Kind::Later => "later",
            Kind::Denied => "denied",
            Kind::Stopped => "stopped",
            Kind::Config => "config",
            Kind::NotSetUp => "not_set_up",
            Kind::WrongKey => "wrong_key",
            Kind::Damaged => "damaged",
            Kind::Unhealthy => "unhealthy",
            Kind::Bug => "bug",
        }
    }

    pub fn exit_code(self) -> u8 {
        match self {
            Kind::Bug | Kind::Conflict => 1,
            Kind::Refused => 2,
            Kind::Stopped => 3,
            Kind::Unanswered => 4,
            Kind::Missing => 5,
            Kind::Later => 6,
            Kind::Denied => 7,
            Kind::Config => 8,
            Kind::Unhealthy => 9,
            Kind::NotSetUp => 10,
            Kind::WrongKey => 11,
            Kind::Damaged => 12,
        }
    }

    pub fn http_status(self) -> u16 {
        match self {
            Kind::Refused | Kind::Unanswered => 422,
            Kind::Missing => 404,
            Kind::Conflict => 409,
            Kind::Denied => 403,
            Kind::Later | Kind::Stopped | Kind::Unhealthy => 503,
            Kind::Config | Kind::NotSetUp | Kind::WrongKey | Kind::Damaged | Kind::Bug => 500,
        }
    }

    /// The reverse of `name`, for an error that came over the control socket.
    pub fn parse(name: &str) -> Option<Kind> {
        use Kind::*;
        [
            Refused, Unanswered, Missing, Conflict, Later, Denied, Stopped, Config, NotSetUp, WrongKey, Damaged,
            Unhealthy, Bug,
        ]
        .into_iter()
        .find(|k| k.name() == name)
    }
}

#[derive(Debug)]
pub struct Error {
    inner: Box<Inner>,
}

#[derive(Debug)]
struct Inner {
    kind: Kind,
    says: Say,
    hint: Option<Say>,
    cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    pub fn new(kind: Kind, says: Say) -> Error {
        Error { inner: Box::new(Inner { kind, says, hint: None, cause: None }) }
    }

    pub fn refused(says: Say) -> Error {
        Error::new(Kind::Refused, says)
    }

    pub fn missing(says: Say) -> Error {
        Error::new(Kind::Missing, says)
    }

    pub fn conflict(says: Say) -> Error {
        Error::new(Kind::Conflict, says)
    }

    pub fn later(says: Say) -> Error {
        Error::new(Kind::Later, says)
    }

    pub fn denied(says: Say) -> Error {
        Error::new(Kind::Denied, says)
    }

    pub fn damaged(says: Say) -> Error {
        Error::new(Kind::Damaged, says)
    }

    /// A state that the code rules out. `what` is for the log and for us, so it is English in both languages.
    pub fn bug(what: impl fmt::Display) -> Error {
        Error::new(Kind::Bug, say!("内部エラーです（{what}）。", "Internal error ({what})."))
    }

    /// An error of the operating system, said with what was being done.
    pub fn io(doing: Say, cause: std::io::Error) -> Error {
        let kind = match cause.kind() {
            std::io::ErrorKind::NotFound => Kind::Missing,
            std::io::ErrorKind::PermissionDenied => Kind::Denied,
            std::io::ErrorKind::IsADirectory | std::io::ErrorKind::NotADirectory => Kind::Refused,
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Kind::Later,
            _ => Kind::Bug,
        };
        let Say { ja, en } = doing;
        Error::new(kind, say!("{ja}（{cause}）", "{en} ({cause})")).because(cause)
    }

    pub fn hint(mut self, hint: Say) -> Error {
        self.inner.hint = Some(hint);
        self
    }

    pub fn because(mut self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        self.inner.cause = Some(cause.into());
        self
    }

    pub fn kind(&self) -> Kind {
        self.inner.kind
    }

    pub fn says(&self) -> &Say {
        &self.inner.says
    }

    pub fn hinted(&self) -> Option<&Say> {
        self.inner.hint.as_ref()
    }

    /// `{"error":{"kind","message","hint"}}`.
    pub fn to_json(&self, lang: Lang) -> serde_json::Value {
        serde_json::json!({"error": {
            "kind": self.kind().name(),
            "message": self.says().to(lang),
            "hint": self.hinted().map(|h| h.to(lang)).unwrap_or(""),
        }})
    }

    /// The sentence and its causes, for the log.
    pub fn chain(&self) -> String {
        let mut out = self.inner.says.en.clone();
        let mut next = self.inner.cause.as_deref().map(|c| c as &dyn std::error::Error);
        while let Some(cause) = next {
            out.push_str(": ");
            out.push_str(&cause.to_string());
            next = cause.source();
        }
        out
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.says.fmt(f)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_again_by_its_name() {
        for kind in [Kind::Refused, Kind::Unanswered, Kind::Stopped, Kind::WrongKey, Kind::Bug, Kind::Unhealthy] {
            assert_eq!(Kind::parse(kind.name()), Some(kind));
        }
        assert_eq!(Kind::parse("nothing"), None);
    }

    #[test]
    fn the_cause_is_in_the_chain_and_not_in_the_sentence() {
        let e = Error::refused(say!("開けません。", "Cannot open.")).because("inner detail");
        assert_eq!(e.to_json(Lang::En)["error"]["message"], "Cannot open.");
        assert_eq!(e.chain(), "Cannot open.: inner detail");
    }
}
