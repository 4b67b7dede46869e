//! The do-not-send list (停止リスト): addresses that get no advertisement. It holds keyed hashes, so that it outlives
//! the contact it came from, no import can revive what it stops, and it tells nothing to who reads the disk.
//!
//! An entry has one reason, the gravest that was given: a complaint outweighs a bounce, a bounce a refusal. Entries
//! come from refusals of everything, from bounces and complaints, by hand, and in batches from an old system's file;
//! a batch can be undone, except for entries that have got a graver reason of their own since.
//!
//! **Invariant:** only a person takes an address off, stating why; the reason is kept and audited.

mod file;

pub use file::{Batch, Taken, batches, export, import, undo};

use super::address::{AddressHash, addr};
use super::consent::EVERYTHING;
use super::rows::{consent, failure, suppression as rows};
use crate::base::{By, Email, Error, Result, Time};
use crate::store::{Deed, Store, Tx};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    Manual,
    Imported,
    Refused,
    Bounced,
    Complained,
}

impl Reason {
    pub const ALL: [Reason; 5] =
        [Reason::Manual, Reason::Imported, Reason::Refused, Reason::Bounced, Reason::Complained];

    pub fn name(self) -> &'static str {
        match self {
            Reason::Manual => "manual",
            Reason::Imported => "imported",
            Reason::Refused => "refused",
            Reason::Bounced => "bounced",
            Reason::Complained => "complained",
        }
    }

    pub fn parse(name: &str) -> Option<Reason> {
        Reason::ALL.into_iter().find(|r| r.name() == name)
    }

    /// Stops advertisements only. The others stop every mail.
    pub fn is_refusal(self) -> bool {
        match self {
            Reason::Manual | Reason::Imported | Reason::Refused => true,
            Reason::Bounced | Reason::Complained => false,
        }
    }
}

/// One entry. The address is known only while a contact holds it.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Entry {
    pub address: Option<String>,
    /// The first bytes of the hash in hex: names the entry where no address is known.
    pub mark: String,
    pub reason: Reason,
    pub at: Time,
    pub by: String,
    #[serde(skip)]
    pub(super) hash: [u8; 16],
}

/// Where a page of the list ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct After {
    pub(super) at: i64,
    pub(super) hash: [u8; 16],
}

impl After {
    /// For a link to the next page.
    pub fn token(&self) -> String {
        format!("{}.{}", self.at, data_encoding::HEXLOWER.encode(&self.hash))
    }

    pub fn parse(token: &str) -> Option<After> {
        let (at, hash) = token.split_once('.')?;
        let hash = data_encoding::HEXLOWER.decode(hash.as_bytes()).ok()?;
        Some(After { at: at.parse().ok()?, hash: hash.try_into().ok()? })
    }
}

impl Entry {
    pub fn after(&self) -> After {
        After { at: self.at.ms(), hash: self.hash }
    }
}

/// Newest first.
pub fn list(store: &Store, after: Option<After>, most: usize) -> Result<Vec<Entry>> {
    store.read(|c| rows::list(c, after, most))
}

pub fn count(store: &Store) -> Result<u64> {
    store.read(rows::count)
}

pub fn find(store: &Store, email: &Email) -> Result<Option<Entry>> {
    let hash = AddressHash::new(store).of(email);
    store.read(|c| rows::find(c, &hash))
}

/// By hand. `false`: it was on the list already, for a reason as grave.
pub fn add(store: &Store, by: &By, now: Time, email: &Email, reason: Reason) -> Result<bool> {
    let hash = AddressHash::new(store).of(email);
    store.write(by, now, Deed::new("suppression.add", mark(&hash)), |tx| put(tx, by, now, &hash, reason))
}

/// Takes an address off the list, with what led to it. Contacts at that address that refused everything no longer
/// do; what they said about single topics stands.
pub fn remove(store: &Store, by: &By, now: Time, email: &Email, why: &str) -> Result<()> {
    let why = why.trim();
    if why.is_empty() || why.chars().count() > WHY {
        return Err(Error::refused(say!(
            "停止リストから外す理由が必要です（{WHY} 文字まで）。",
            "Taking an address off the list needs a reason (at most {WHY} characters)."
        ))
        .hint(say!(
            "例: --reason 本人から再開の申し出（電話 11/20）",
            "For example: --reason 'asked for mail again by phone'"
        )));
    }
    let hash = AddressHash::new(store).of(email);
    store.write(by, now, Deed::new("suppression.remove", mark(&hash)), |tx| {
        let entry = rows::find(tx, &hash)?.ok_or_else(|| {
            Error::missing(say!("そのアドレスは停止リストにありません。", "That address is not on the list."))
        })?;
        rows::remove(tx, &entry, by, now, why)?;
        let lifted = consent::Word::lifted(tx, by, now, why)?;
        for contact in rows::contacts_at(tx, addr(&hash))? {
            // Who took the address off has looked: earlier failures count no more.
            failure::forget_soft(tx, contact)?;
            if consent::refused_everything(tx, contact)? {
                consent::append(tx, contact, EVERYTHING, &lifted)?;
            }
        }
        Ok(())
    })
}

/// On the list, for the graver of the two reasons. `true`: something changed.
pub(super) fn put(tx: &Tx<'_>, by: &By, now: Time, hash: &[u8; 16], reason: Reason) -> Result<bool> {
    let graver = rows::find(tx, hash)?.is_none_or(|old| reason > old.reason);
    if graver {
        rows::put(tx, hash, addr(hash), &rows::New { at: now, reason, batch: None, by: by.to_string() })?;
    }
    Ok(graver)
}

fn mark(hash: &[u8; 16]) -> String {
    data_encoding::HEXLOWER.encode(&hash[..6])
}

const WHY: usize = 500;
