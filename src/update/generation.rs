//! Copies of the data that an update makes: one that the new release is tried on and that goes away again, and one
//! that stays until the next update, for people. Nothing is ever put back from it by itself.

use crate::base::files::make_private_dir;
use crate::base::{Error, Result, Time};
use crate::store::{GENERATIONS, Store};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

const PREFLIGHT: &str = "preflight";

/// A copy that is removed when it is dropped.
pub(super) struct Passing(PathBuf);

impl Passing {
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        // What stays is cleared by the next one.
        std::fs::remove_dir_all(&self.0).ok();
    }
}

pub(super) fn copy_for_preflight(store: &Store, id: &str, now: Time) -> Result<Passing> {
    let dir = store.dir().join(GENERATIONS);
    make_private_dir(&dir)?;
    clear(&dir, |name| name.starts_with(PREFLIGHT))?;
    let copy = Passing(dir.join(format!("{PREFLIGHT}-{id}")));
    store.snapshot(copy.path(), now)?;
    Ok(copy)
}

/// The new one first; only when it is whole the older ones go.
pub(super) fn take(store: &Store, id: &str, now: Time) -> Result<String> {
    let dir = store.dir().join(GENERATIONS);
    make_private_dir(&dir)?;
    let place = dir.join(id);
    if let Err(e) = store.snapshot(&place, now) {
        clear(&dir, |name| name == id)?;
        return Err(e);
    }
    clear(&dir, |name| name != id)?;
    Ok(id.to_owned())
}

fn clear(dir: &Path, which: impl Fn(&str) -> bool) -> Result<()> {
    let cannot = |e| Error::io(say!("古い世代を消せません。", "Cannot remove an old generation."), e);
    for entry in std::fs::read_dir(dir).map_err(cannot)? {
        let entry = entry.map_err(cannot)?;
        if entry.file_name().to_str().is_some_and(&which) {
            match std::fs::remove_dir_all(entry.path()) {
                Err(e) if e.kind() != ErrorKind::NotFound => return Err(cannot(e)),
                Ok(()) | Err(_) => {}
            }
        }
    }
    Ok(())
}
