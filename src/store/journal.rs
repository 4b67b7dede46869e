//! The journal: redb files whose values are sealed and whose keys are only numbers and hashes. One file per
//! campaign run, one per month for series. Finished files never change: `seal` makes that so.
//!
//! **Invariant:** a commit that failed is never answered as done; whether it is on disk is told by reading again. A
//! full disk is `Kind::Later` and the file works again once there is room; any other failure to write ends all writing
//! (`Store::is_sound`) until a restart.
//! **Invariant:** a file that does not open is named and left as it is.

use super::journal_file::{Handle, JournalFile, Opener, guarded, open_error};
use super::sound::Sound;
use super::turns::lock;
use crate::base::{
    Error, Result,
    files::{self, is_full},
    limits,
    seal::Key,
};
use redb::{Database, DatabaseError};
use std::collections::HashMap;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

pub struct Journal {
    dir: PathBuf,
    key: Key,
    sound: Sound,
    open: Mutex<HashMap<String, Arc<JournalFile>>>,
    damaged: Vec<DamagedFile>,
}

/// A file that did not open when the house did. Nothing was written to it.
#[derive(Debug)]
pub struct DamagedFile {
    pub name: String,
    pub error: Error,
}

impl Journal {
    pub(super) fn open(dir: &Path, key: Key, sound: Sound) -> Result<Journal> {
        let mut journal = Journal { dir: dir.to_owned(), key, sound, open: Mutex::default(), damaged: Vec::new() };
        for name in journal.names()? {
            if let Err(error) = check(&journal.path(&name)) {
                journal.damaged.push(DamagedFile { name, error });
            }
        }
        Ok(journal)
    }

    /// The file of this name (`r12`, `2026-11`), made if it is not there.
    pub fn file(&self, name: &str) -> Result<Arc<JournalFile>> {
        self.get(name, true)?.ok_or_else(|| Error::bug("a journal file that was made is not there"))
    }

    /// The file of this name if it exists.
    pub fn existing(&self, name: &str) -> Result<Option<Arc<JournalFile>>> {
        self.get(name, false)
    }

    /// Names of all files, sorted.
    pub fn names(&self) -> Result<Vec<String>> {
        let read = || -> std::io::Result<Vec<String>> {
            let mut names = Vec::new();
            for entry in std::fs::read_dir(&self.dir)? {
                let name = entry?.file_name().into_string().unwrap_or_default();
                names.extend(name.strip_suffix(".redb").map(str::to_owned));
            }
            names.sort();
            Ok(names)
        };
        read().map_err(|e| Error::io(say!("ジャーナルを読めません。", "Cannot read the journal."), e))
    }

    /// Files that did not open when the house did.
    pub fn damaged(&self) -> &[DamagedFile] {
        &self.damaged
    }

    /// From now on the file is only read. Nobody may hold it open for writing.
    pub fn seal(&self, name: &str) -> Result<()> {
        let mut open = lock(&self.open);
        if open.get(name).is_some_and(|file| Arc::strong_count(file) > 1) {
            return Err(Error::later(say!("この記録は使用中です。", "This ledger is in use.")));
        }
        open.remove(name);
        let path = self.path(name);
        let close = || std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o400));
        close().map_err(|e| Error::io(say!("記録 {name} を閉じられません。", "Cannot seal the ledger {name}."), e))
    }

    /// Gone from the disk when this returns. Nobody may hold it open.
    pub fn remove(&self, name: &str) -> Result<()> {
        let mut open = lock(&self.open);
        if open.get(name).is_some_and(|file| Arc::strong_count(file) > 1) {
            return Err(Error::later(say!("この記録は使用中です。", "This ledger is in use.")));
        }
        open.remove(name);
        std::fs::remove_file(self.path(name))
            .and_then(|()| files::sync_dir(&self.dir))
            .map_err(|e| Error::io(say!("記録 {name} を消せません。", "Cannot remove the ledger {name}."), e))
    }

    pub fn is_sealed(&self, name: &str) -> bool {
        is_sealed(&self.path(name))
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.redb"))
    }

    fn get(&self, name: &str, make: bool) -> Result<Option<Arc<JournalFile>>> {
        if name.is_empty() || name.contains(['/', '.']) {
            return Err(Error::bug("the name of a journal file"));
        }
        let mut open = lock(&self.open);
        if let Some(file) = open.get(name) {
            return Ok(Some(Arc::clone(file)));
        }
        let path = self.path(name);
        let exists = path.exists();
        if !make && !exists {
            return Ok(None);
        }
        if open.len() >= limits::JOURNAL_OPEN {
            open.retain(|_, file| Arc::strong_count(file) > 1);
        }
        if !exists {
            self.sound.check()?;
            self.make(name)?;
        }
        let opener: Opener = Box::new(move || open_file(&path));
        let file = Arc::new(JournalFile::open(name, self.key.derive(name).sealer(), self.sound.clone(), opener)?);
        open.insert(name.to_owned(), Arc::clone(&file));
        Ok(Some(file))
    }
}

impl Journal {
    /// Made beside and renamed when it is whole: a stop meanwhile leaves no half of a file under the name.
    fn make(&self, name: &str) -> Result<()> {
        let beside = self.dir.join(format!("{name}.making"));
        let io = |e| DatabaseError::Storage(redb::StorageError::Io(e));
        let made = guarded(|| {
            match std::fs::remove_file(&beside) {
                Err(e) if e.kind() != ErrorKind::NotFound => return Err(io(e)),
                _ => (),
            }
            let file = files::private_file(&beside).map_err(io)?;
            builder().create(&beside).map(drop)?;
            file.sync_all().map_err(io)?;
            std::fs::rename(&beside, self.path(name)).map_err(io)?;
            files::sync_dir(&self.dir).map_err(io)
        });
        if made.is_err() {
            // On a full disk its room is wanted; what cannot be removed now is removed when it is made again.
            std::fs::remove_file(&beside).ok();
        }
        made.map_err(|e| match e {
            DatabaseError::Storage(redb::StorageError::Io(e)) if !is_full(&e) => {
                Error::io(say!("記録 {name} を作れません。", "Cannot make the ledger {name}."), e)
            }
            e => open_error(name, e),
        })
    }
}

fn builder() -> redb::Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(limits::JOURNAL_CACHE);
    builder
}

fn open_file(path: &Path) -> std::result::Result<Handle, DatabaseError> {
    match is_sealed(path) {
        true => builder().open_read_only(path).map(Handle::Sealed),
        false => builder().open(path).map(Handle::Live),
    }
}

fn is_sealed(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|m| m.permissions().mode() & 0o200 == 0)
}

/// Whether the file opens. Only one that was in use when the process ended is opened for writing, to be repaired.
fn check(path: &Path) -> Result<()> {
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let read_only = || match builder().open_read_only(path) {
        Err(DatabaseError::RepairAborted) => open_file(path).map(drop),
        other => other.map(drop),
    };
    guarded(read_only).map_err(|e| open_error(&name, e))
}
