//! What became of every update: one row each, from the attempt to the record that the door wrote.
//!
//! **Invariant:** the highest keys document seen only rises. **Invariant:** the minimum version only rises, and only
//! after a release has proved itself.

use super::keys::KeysDocument;
use super::plan::{self, Refusal, Standing};
use super::{Version, rows};
use crate::base::link::{Step, TrialRecord, TrialResult};
use crate::base::{Build, By, Error, Result, Say, Time, ids::UserId};
use crate::store::{Deed, Store};
use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Handed to the door, which has not said how it ended.
    Trying,
    Updated,
    RolledBack,
    Refused,
}

impl Outcome {
    const ALL: [Outcome; 4] = [Outcome::Trying, Outcome::Updated, Outcome::RolledBack, Outcome::Refused];

    pub fn name(self) -> &'static str {
        match self {
            Outcome::Trying => "trying",
            Outcome::Updated => "updated",
            Outcome::RolledBack => "rolled_back",
            Outcome::Refused => "refused",
        }
    }

    pub(super) fn parse(name: &str) -> Result<Outcome> {
        let found = Outcome::ALL.into_iter().find(|o| o.name() == name);
        found.ok_or_else(|| Error::bug(format!("an update has the result {name}")))
    }
}

impl From<TrialResult> for Outcome {
    fn from(result: TrialResult) -> Outcome {
        match result {
            TrialResult::Updated => Outcome::Updated,
            TrialResult::RolledBack => Outcome::RolledBack,
            TrialResult::Refused => Outcome::Refused,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Update {
    #[serde(skip)]
    pub n: i64,
    pub id: String,
    pub at: Time,
    pub by: String,
    pub from: String,
    /// Empty where it was not found out.
    pub to: String,
    pub result: Outcome,
    pub held_requests: u64,
    pub longest_held_ms: u64,
    pub steps: Vec<Step>,
    pub cause: Option<Say>,
    pub notes: Option<Say>,
    #[serde(skip)]
    pub minimum: Option<String>,
}

/// Writes down an attempt: one that goes to the door now, or one that was refused.
pub fn begin(store: &Store, by: &By, now: Time, update: &Update) -> Result<()> {
    let deed = Deed::new("update.begin", &update.id);
    store.write(by, now, deed, |tx| rows::put(tx, update))
}

/// Takes in what the door wrote. Taken in twice it is the same as once. The minimum version is raised here, last of all.
pub fn import(store: &Store, now: Time, record: &TrialRecord) -> Result<()> {
    let by = By::house("update");
    store.write(&by, now, Deed::new("update.record", &record.id), |tx| {
        let begun = rows::find(tx, &record.id)?;
        let update = Update {
            n: 0,
            id: record.id.clone(),
            at: begun.as_ref().map_or(Time(record.at), |b| b.at),
            by: begun.as_ref().map_or_else(|| by.to_string(), |b| b.by.clone()),
            from: record.from.clone(),
            to: record.to.clone(),
            result: record.result.into(),
            held_requests: record.held_requests,
            longest_held_ms: record.longest_held_ms,
            steps: record.steps.clone(),
            cause: record.cause.clone(),
            notes: begun.as_ref().and_then(|b| b.notes.clone()),
            minimum: begun.as_ref().and_then(|b| b.minimum.clone()),
        };
        rows::put(tx, &update)?;
        match (update.result, update.minimum) {
            (Outcome::Updated, Some(minimum)) => raise_minimum(tx, &Version::parse(&minimum)?),
            _ => Ok(()),
        }
    })
}

fn raise_minimum(tx: &rows::Connection, to: &Version) -> Result<()> {
    let (keys, old) = rows::seen(tx)?;
    let old = old.as_deref().map(Version::parse).transpose()?;
    match old.is_some_and(|old| old >= *to) {
        true => Ok(()),
        false => rows::set_seen(tx, keys, Some(&to.to_string())),
    }
}

/// Remembers that this keys document was seen: no older one is believed from now on.
pub fn saw_keys(store: &Store, by: &By, now: Time, document: &KeysDocument) -> Result<()> {
    if store.read(rows::seen)?.0 >= document.version {
        return Ok(());
    }
    store.write(by, now, Deed::new("update.saw_keys", document.version.to_string()), |tx| {
        let (keys, minimum) = rows::seen(tx)?;
        rows::set_seen(tx, keys.max(document.version), minimum.as_deref())
    })
}

/// What a release is held against in this house now.
pub fn standing(store: &Store, build: Build, now: Time, wanted: Option<Version>) -> Result<Standing> {
    let (keys_seen, minimum) = store.read(rows::seen)?;
    let minimum = minimum.as_deref().map(Version::parse).transpose()?;
    Ok(Standing { running: Version::parse(build.version)?, target: Build::target(), minimum, keys_seen, now, wanted })
}

/// May the house go back to this version?
pub fn may_go_back(store: &Store, to: &Version) -> Result<(), Error> {
    let minimum = store.read(rows::seen)?.1.as_deref().map(Version::parse).transpose()?;
    plan::may_go_back(to, minimum.as_ref()).map_err(|refusal: Refusal| refusal.into())
}

/// The newest first.
pub fn list(store: &Store, most: usize) -> Result<Vec<Update>> {
    store.read(|c| rows::newest(c, most))
}

pub fn find(store: &Store, id: &str) -> Result<Option<Update>> {
    store.read(|c| rows::find(c, id))
}

/// Updates whose notes this user has not read yet, oldest first.
pub fn unread(store: &Store, user: UserId) -> Result<Vec<Update>> {
    store.read(|c| rows::unread(c, user.0))
}

pub fn mark_read(store: &Store, by: &By, now: Time, user: UserId, n: i64) -> Result<()> {
    store.write(by, now, Deed::new("update.read", n.to_string()), |tx| rows::mark_read(tx, user.0, n, now))
}
