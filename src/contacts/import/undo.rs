//! Undoing a whole import, in bounded steps that can be interrupted and continued.
//!
//! Decided: tags and consents of the import go in any case (unless somebody said something about that topic after
//! it). Values and addresses go back where nobody changed the contact since. A contact that the import made is
//! removed, unless it was changed, mailed or asked since: then it stays, and is counted as kept.

use super::{Import, State, find};
use crate::base::{By, Error, Progress, Result, Time, ids::ImportId, limits};
use crate::contacts::address::AddressHash;
use crate::contacts::rows;
use crate::contacts::rows::undo::Fate;
use crate::store::{Deed, Store};
use serde::Serialize;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Undone {
    /// Contacts as they were before the import.
    pub restored: u64,
    /// Contacts of the import that are gone again.
    pub removed: u64,
    /// Contacts that were used since and stay, without the import's tags and consents.
    pub kept: u64,
    pub stopped: bool,
}

pub fn undo(store: &Store, (by, now): (&By, Time), id: ImportId, progress: &dyn Progress) -> Result<Undone> {
    let import = find(store, id)?;
    check(&import)?;
    let hash = AddressHash::new(store);
    let total = store.read(|c| rows::imports::undo_left(c, id))?;
    let (mut undone, mut done) = (Undone::default(), 0);
    loop {
        progress.tell(done, total);
        if progress.stopped() {
            undone.stopped = true;
            return Ok(undone);
        }
        let fates = store.write(by, now, Deed::new("import.undo", id.to_string()), |tx| {
            rows::undo::step(tx, &import, limits::UNDO_BATCH, |email| hash.of(email))
        })?;
        for fate in &fates {
            match fate {
                Fate::Restored => undone.restored += 1,
                Fate::Removed => undone.removed += 1,
                Fate::Kept => undone.kept += 1,
            }
        }
        done += fates.len() as u64;
        if fates.is_empty() {
            break;
        }
    }
    let made = made_by(store, id)?;
    store.write(by, now, Deed::new("import.undone", id.to_string()), |tx| {
        rows::imports::drop_unused_attributes(tx, &made)?;
        rows::imports::set_state(tx, id, State::Undone)
    })?;
    Ok(undone)
}

fn check(import: &Import) -> Result<()> {
    match import.state {
        State::Done | State::Stopped => Ok(()),
        State::Undone => Err(Error::conflict(say!(
            "この取り込みはすでに取り消されています。",
            "This import has been undone already."
        ))),
        State::Running => {
            Err(Error::conflict(say!("この取り込みはまだ動いています。", "This import is still running."))
                .hint(say!("先に中止してください。", "Stop it first.")))
        }
    }
}

fn made_by(store: &Store, id: ImportId) -> Result<Vec<i64>> {
    let options = store.read(|c| rows::imports::options(c, id))?;
    let options: serde_json::Value = serde_json::from_str(&options).map_err(Error::bug)?;
    Ok(options["made"].as_array().into_iter().flatten().filter_map(serde_json::Value::as_i64).collect())
}

/// For the moment when a house opens: an import that was running when its process ended has stopped. What it did
/// stands, is counted, and can be undone or completed by importing the same file again.
pub fn mark_stopped(store: &Store, by: &By, now: Time) -> Result<Vec<ImportId>> {
    let running = store.read(rows::imports::running)?;
    if !running.is_empty() {
        store.write(by, now, "import.stopped", |tx| {
            running.iter().try_for_each(|id| rows::imports::set_state(tx, *id, State::Stopped))
        })?;
    }
    Ok(running)
}

/// Forgets how to undo imports older than `before`, a bounded step at a time: what contacts once were is personal
/// data. How many rows are gone; 0 when there is nothing left to forget.
pub fn forget(store: &Store, by: &By, now: Time, before: Time) -> Result<usize> {
    let most = limits::IMPORT_BATCH * 4;
    store.write(by, now, "import.forget", |tx| rows::imports::forget_undo(tx, before, most))
}
