//! One letter as it goes on the wire, written by the lane that sends it.

use super::floor::Floor;
use super::{Letter, Skip};
use crate::base::{Result, Time, ids::ContactId};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A letter with its wire form, and when it was written.
pub(super) struct Written {
    pub(super) letter: Letter,
    pub(super) wire_form: Vec<u8>,
    pub(super) at: Time,
}

impl Floor<'_> {
    /// A recipient whose letter makes us panic is set aside by name; the run goes on.
    pub(super) fn written(&self, contact: ContactId) -> Result<std::result::Result<Written, Skip>> {
        let at = self.now();
        let written = catch_unwind(AssertUnwindSafe(|| -> Result<_> {
            Ok(match self.letters.letter(self.ledger.run(), contact, at)? {
                Ok(letter) => {
                    let (letter, wire_form) = self.finish.wire_form(letter, at)?;
                    Ok(Written { letter, wire_form, at })
                }
                Err(skip) => Err(skip),
            })
        }));
        written.unwrap_or(Ok(Err(Skip::Failed("panic"))))
    }
}
