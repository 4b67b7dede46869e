//! Sending domains: what each should publish so that its mail is believed, and what it does publish.
//!
//! `records` says what is wanted, from the house's own facts (`sending`: HELO name, addresses, a relay's SPF; `entry`: return
//! path, reports; the pairs of DKIM). `examine` holds against it what DNS said, pure, through `known`; `check` asks DNS.
//!
//! A record is *there*, *missing*, *different* (something else is there, or something is wrong with it), or *unknown*: DNS
//! did not answer now. Nobody publishes anything from here: people copy the records into their DNS.
//!
//! Reading order: `sending`, `entry`, `records`, `known`, `spf`, `examine`, `check`.

mod check;
mod entry;
mod examine;
mod known;
mod records;
mod sending;
mod spf;

pub use check::{Report, check, is_seen, wanted};
pub use entry::{Entry, entries, entry, remove, save};
pub use examine::{Finding, Standing};
pub use records::{Check, Profile, RecordType, Wanted, txt_line};
pub use sending::{Sending, Source, sending, set_sending};

use crate::base::{Domain, Result};
use crate::delivery::dkim::{self, Pair, State};
use crate::store::Store;

/// All that the records of this domain follow from.
pub fn profile(store: &Store, domain: &Domain) -> Result<Profile> {
    Ok(Profile { entry: entry(store, domain)?, sending: sending(store)?, pairs: pairs(store, domain)? })
}

/// The domain's own pairs, else those of the nearest domain above it that has some: as the signer is chosen.
fn pairs(store: &Store, domain: &Domain) -> Result<Vec<Pair>> {
    for name in domain.upwards() {
        let pairs = dkim::of(store, &Domain::parse(name)?)?;
        if pairs.iter().any(|p| p.state != State::Gone) {
            return Ok(pairs);
        }
    }
    Ok(Vec::new())
}
