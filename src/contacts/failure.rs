//! What failed messages do to an address: off it goes, onto the do-not-send list, and why that was stays on record, so
//! that it can be taken back by run, receiver and time.
//!
//! Whether a failure is enough is decided elsewhere. Here are the consequences: a *strike* puts the address on the list; a
//! failure that is *held* waits until a person has looked at its receiver, and does nothing until then; soft failures are
//! noted one by one. What stood on the list before a strike is kept beside it and comes back with an undo: taking back a
//! failure never lifts a refusal.

use super::address::AddressHash;
use super::rows::{consent, failure as rows, suppression as listed};
use super::suppression::{self, Reason};
use crate::base::{
    By, Email, Result, Time,
    ids::{ContactId, RunId},
};
use crate::store::{Deed, Store, Tx};

/// Why an address was taken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// There is no such mailbox.
    Hard,
    /// It failed softly too often.
    Soft,
}

impl Cause {
    pub(super) fn name(self) -> &'static str {
        match self {
            Cause::Hard => "hard",
            Cause::Soft => "soft",
        }
    }

    pub(super) fn parse(name: &str) -> Cause {
        if name == "soft" { Cause::Soft } else { Cause::Hard }
    }
}

/// One failure that counts against an address.
#[derive(Clone, Debug)]
pub struct Failure<'a> {
    pub contact: ContactId,
    pub run: RunId,
    /// The domain of the address, in lower case.
    pub receiver: &'a str,
    /// Which of its receiver's results it was.
    pub place: u64,
    pub cause: Cause,
}

/// The domains of contacts, in lower case, in their order; `None` for whoever is gone.
pub fn receivers(tx: &Tx<'_>, contacts: &[ContactId]) -> Result<Vec<Option<String>>> {
    let emails = super::rows::reading::emails(tx, contacts)?;
    Ok(emails.into_iter().map(|e| e.map(|e| receiver(&e))).collect())
}

/// As `Failure::receiver` has it.
pub fn receiver(email: &Email) -> String {
    email.domain().to_lowercase()
}

/// Puts the address on the list. `false`: it was there for a reason as grave, or the contact is gone.
pub fn strike(store: &Store, tx: &Tx<'_>, by: &By, failure: &Failure<'_>) -> Result<bool> {
    let Some(place) = consent::place(tx, &AddressHash::new(store), failure.contact)? else { return Ok(false) };
    let before = listed::standing(tx, &place.hash)?;
    if !suppression::put(tx, by, tx.now, &place.hash, Reason::Bounced)? {
        return Ok(false);
    }
    rows::insert(tx, failure, &place.hash, before.as_ref(), tx.now)?;
    Ok(true)
}

/// Notes it, and leaves the address as it is until somebody decides about its receiver.
pub fn hold(store: &Store, tx: &Tx<'_>, failure: &Failure<'_>) -> Result<()> {
    let Some(place) = consent::place(tx, &AddressHash::new(store), failure.contact)? else { return Ok(()) };
    rows::hold(tx, failure, &place.hash, tx.now)
}

/// The receiver pauses: strikes that belong to the results because of which it does become held ones, and their addresses
/// are as they were. How many.
pub fn hold_back(tx: &Tx<'_>, by: &By, receiver: &str, after: u64) -> Result<u64> {
    let strikes = rows::strikes_after(tx, receiver, after)?;
    for strike in &strikes {
        take_back(tx, by, strike, "受信側の一時停止")?;
        rows::set_held(tx, strike.n)?;
    }
    Ok(strikes.len() as u64)
}

/// Decides about what is held for a receiver: struck now, or forgotten. How many; in the caller's transaction.
pub fn release(tx: &Tx<'_>, by: &By, receiver: &str, believe: bool) -> Result<u64> {
    let held = rows::held(tx, receiver)?;
    for one in &held {
        rows::remove(tx, one.n)?;
        if believe {
            let before = listed::standing(tx, &one.hash)?;
            if suppression::put(tx, by, tx.now, &one.hash, Reason::Bounced)? {
                rows::insert(tx, &one.failure(), &one.hash, before.as_ref(), tx.now)?;
            }
        }
    }
    Ok(held.len() as u64)
}

/// How many failures are held for a receiver.
pub fn held(store: &Store, receiver: &str) -> Result<u64> {
    Ok(store.read(|c| rows::held(c, receiver))?.len() as u64)
}

/// A soft failure; the same twice is one. `false` when the contact is gone.
pub fn note_soft(store: &Store, tx: &Tx<'_>, contact: ContactId, run: RunId) -> Result<bool> {
    let Some(place) = consent::place(tx, &AddressHash::new(store), contact)? else { return Ok(false) };
    rows::note_soft(tx, contact, run, &place.hash, tx.now)?;
    Ok(true)
}

/// One run of a contact's past: when it failed softly, and whether it was taken with nothing said against it since.
pub type Past = (RunId, Option<Time>, bool);

/// Newest first, at the address that the contact has now.
pub fn history(store: &Store, tx: &Tx<'_>, contact: ContactId, most: usize) -> Result<Vec<Past>> {
    let Some(place) = consent::place(tx, &AddressHash::new(store), contact)? else { return Ok(Vec::new()) };
    rows::history(tx, contact, &place.hash, most)
}

/// A reader called our mail spam. `false`: that stood on record, or nobody is at that number any more.
pub fn complain(store: &Store, by: &By, now: Time, contact: ContactId) -> Result<bool> {
    let hashes = AddressHash::new(store);
    store.write(by, now, Deed::new("suppression.complaint", contact.to_string()), |tx| {
        let Some(place) = consent::place(tx, &hashes, contact)? else { return Ok(false) };
        suppression::put(tx, by, now, &place.hash, Reason::Complained)
    })
}

/// Which strikes are meant: all that fit every one of these.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Which {
    pub run: Option<RunId>,
    pub receiver: Option<String>,
    pub since: Option<Time>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Undone {
    /// Addresses that are off the list again, or back to what stood there before.
    pub restored: u64,
    /// Held failures that are forgotten.
    pub held: u64,
}

impl Which {
    pub fn is_empty(&self) -> bool {
        *self == Which::default()
    }
}

/// Strikes in one write.
const GROUP: usize = 500;

/// Takes strikes back. With `dry`, only counts them.
pub fn undo(store: &Store, by: &By, now: Time, which: &Which, dry: bool) -> Result<Undone> {
    let which = Which { receiver: which.receiver.as_ref().map(|r| r.to_lowercase()), ..which.clone() };
    if dry {
        return store.read(|c| rows::count(c, &which));
    }
    let mut undone = Undone::default();
    loop {
        let deed = Deed::new("suppression.undo_failures", about(&which));
        let group = store.write(by, now, deed, |tx| {
            let group = rows::page(tx, &which, GROUP)?;
            let mut done = Undone::default();
            for one in &group {
                match one.held {
                    true => done.held += 1,
                    false => done.restored += u64::from(take_back(tx, by, one, "不達による停止の取り消し")?),
                }
                rows::remove(tx, one.n)?;
            }
            Ok((group.len(), done))
        })?;
        undone.restored += group.1.restored;
        undone.held += group.1.held;
        if group.0 < GROUP {
            return Ok(undone);
        }
    }
}

fn about(which: &Which) -> String {
    let run = which.run.map(|r| r.to_string());
    let since = which.since.map(|t| t.rfc3339(&crate::base::clock::japan()));
    // A domain may be one person's own.
    let receiver = which.receiver.as_ref().map(|_| "receiver".to_owned());
    [run, receiver, since].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// The list as it was before the strike, unless something graver or a person has come in between.
fn take_back(tx: &Tx<'_>, by: &By, strike: &rows::Strike, why: &str) -> Result<bool> {
    rows::forget_soft(tx, strike.contact)?;
    let Some(entry) = listed::find(tx, &strike.hash)? else { return Ok(false) };
    if entry.reason != Reason::Bounced || entry.at != strike.at {
        return Ok(false);
    }
    listed::remove(tx, &entry, by, tx.now, why)?;
    if let Some(before) = &strike.before {
        listed::put(tx, &strike.hash, super::address::addr(&strike.hash), before)?;
    }
    Ok(true)
}
