//! What delivery adds to a letter that is written: signatures in the name of its sender's domain.

use super::dkim::Signer;
use super::{Letter, plan};
use crate::base::{Domain, Email, Result, Time};
use crate::store::Store;

/// Made once for a run; shared by all threads.
#[derive(Debug, Default)]
pub struct Finish {
    signer: Option<Signer>,
}

impl Finish {
    /// For mail from this address. A domain without keys is not signed for: the relay may do it.
    pub fn of(store: &Store, from: &Email) -> Result<Finish> {
        let signer = match Domain::parse(from.domain()) {
            Ok(domain) => Signer::for_domain(store, &domain)?,
            // A relay inside a closed network takes mail from names that are no domains of the internet.
            Err(_) => None,
        };
        Ok(Finish { signer })
    }

    /// The letter as it leaves.
    pub fn letter(&self, letter: Letter, now: Time) -> Result<Letter> {
        let Some(signer) = &self.signer else { return Ok(letter) };
        let mut message = signer.sign(&letter.message, now)?;
        message.extend_from_slice(&letter.message);
        Ok(Letter { message, ..letter })
    }

    /// The letter and its wire form.
    pub(super) fn wire_form(&self, letter: Letter, now: Time) -> Result<(Letter, Vec<u8>)> {
        let letter = self.letter(letter, now)?;
        let wire_form = plan::on_the_wire(&letter.message);
        Ok((letter, wire_form))
    }
}
