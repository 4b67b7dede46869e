//! What the engine asks for: one finished message for one recipient, or the reason why there is none.

use crate::base::{Email, Result, Time, ids::ContactId, ids::RunId};

/// One message, ready for the wire: complete, lines ending in CRLF, not dot-stuffed.
pub struct Letter {
    /// The envelope's sender, where bounces go.
    pub from: Email,
    pub to: Email,
    pub message: Vec<u8>,
}

/// Why a claimed recipient gets nothing. The words are reasons (`refused`, `gone`), never personal data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skip {
    Suppressed(&'static str),
    Cancelled,
    Failed(&'static str),
}

/// Who writes the letters. Asked when a row is claimed, on every attempt, right before it is sent, and from
/// several threads at once: refusals, erasures and suppression are checked inside.
///
/// An error means that no letter can be made for anybody; it ends the run and leaves every row as it was.
pub trait Letters: Send + Sync {
    fn letter(&self, run: RunId, contact: ContactId, now: Time) -> Result<Result<Letter, Skip>>;

    /// The domain of each contact's address, in small letters and ASCII, `None` where nobody is; asked when mail leaves
    /// straight to the receivers, and only to put it in order.
    fn domains(&self, contacts: &[ContactId]) -> Result<Vec<Option<String>>>;
}
