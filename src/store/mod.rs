//! The cellar: everything that must survive. Books (SQLite through SQLCipher) hold what people write and decide,
//! the journal (redb, sealed values) holds what machines write, blobs hold files in sealed chunks. One keyring
//! holds their keys, wrapped by the root key, which never stands in the data folder.
//!
//! Reading order: `keyring`, `schema`, `books` (the signed, grouped write; `turns` is its queue, `engine` one
//! connection), `audit`, `journal` (`journal_file`), `blobs`, `sound` (whether the disk keeps its word),
//! `snapshot` (`dump` is how a live journal file travels).
//!
//! It is not a home for anybody's SQL: each room brings its own schema (`Schema`) and its own `rows.rs`.
//!
//! **Invariant:** `Store::write` is the only way to write to the books, and the audit line is in the same transaction.
//! **Invariant:** what was answered is on disk; after a failed fsync nothing more is acknowledged.
//! **Invariant:** no byte of plaintext reaches a file.

mod audit;
mod blobs;
mod books;
mod cipher;
mod dump;
mod engine;
mod journal;
mod journal_file;
mod keyring;
mod schema;
mod snapshot;
mod sound;
#[cfg(test)]
mod tests;
mod turns;

pub use audit::{AuditLine, Deed};
pub use blobs::{BlobId, Blobs};
pub use books::Tx;
pub use journal::{DamagedFile, Journal};
pub use journal_file::{Alone, Batch, JournalFile, Table, View};
pub use keyring::{KeyStatus, Keyring, RecoveryCode, WrapStatus};
pub use schema::Schema;
pub use snapshot::Snapshot;

use crate::base::{
    By, Error, Lock, Result, Time,
    files::{make_private_dir, private_file, sync_dir},
    limits,
    provider::{self, read_key},
    seal::Key,
};
use books::Books;
use engine::Way;
use sound::Sound;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Folders of a house, below the data folder.
const FOLDERS: [&str; 4] = ["books", "journal", "blobs", "spool"];
/// Where copies of the house may stand inside it, each in a folder of its own; no copy holds this folder.
pub const GENERATIONS: &str = "generations";
const BOOKS: &str = "books/books.db";

/// The open data folder. There is one at a time: whoever has it holds `worker.lock`.
pub struct Store {
    dir: PathBuf,
    keys: Keyring,
    sound: Sound,
    books: Books,
    journal: Journal,
    blobs: Blobs,
    _lock: Lock,
}

impl Store {
    /// Makes a house in `dir` and opens it. Refuses a folder that has one. A making that was interrupted is begun anew.
    pub fn create(dir: &Path, root: &Key, schemas: &[Schema]) -> Result<(Store, RecoveryCode)> {
        make_private_dir(dir)?;
        let lock = worker_lock(dir)?;
        clear_the_place(dir)?;
        let (keys, code) = Keyring::make(dir, root)?;
        for folder in FOLDERS {
            make_private_dir(&dir.join(folder))?;
        }
        refuse_root_key(dir, root)?;
        let made = |e| Error::io(say!("データベースを作れません。", "Cannot make the database."), e);
        private_file(&dir.join(BOOKS)).map_err(made)?;
        Books::open(&dir.join(BOOKS), &keys, schemas, Sound::new(), Way::Create)?;
        sync_dir(&dir.join("books")).map_err(made)?;
        keys.finish()?;
        Ok((Store::open_locked(dir, root, schemas, lock)?, code))
    }

    /// Opens what `create` made, bringing each room's tables up to date. Before anything is touched: another key is
    /// `Kind::WrongKey`, a second opener `Kind::Later`, a part that is missing or damaged `Kind::Damaged`. Journal
    /// files that do not open are told by `journal().damaged()`; the house works without them.
    pub fn open(dir: &Path, root: &Key, schemas: &[Schema]) -> Result<Store> {
        if !dir.join(keyring::FILE).exists() && dir.join(BOOKS).exists() && !dir.join(keyring::MAKING).exists() {
            return Err(lost(keyring::FILE));
        }
        Keyring::open(dir, root)?;
        Store::open_locked(dir, root, schemas, worker_lock(dir)?)
    }

    fn open_locked(dir: &Path, root: &Key, schemas: &[Schema], lock: Lock) -> Result<Store> {
        let keys = Keyring::open(dir, root)?;
        refuse_root_key(dir, root)?;
        for part in ["journal", "blobs", BOOKS] {
            if !dir.join(part).exists() {
                return Err(lost(part));
            }
        }
        make_private_dir(&dir.join("spool"))?;
        let sound = Sound::new();
        Ok(Store {
            books: Books::open(&dir.join(BOOKS), &keys, schemas, sound.clone(), Way::Write)?,
            journal: Journal::open(&dir.join("journal"), keys.journal(), sound.clone())?,
            blobs: Blobs::open(&dir.join("blobs"), &dir.join("spool"), keys.blobs())?,
            dir: dir.to_owned(),
            keys,
            sound,
            _lock: lock,
        })
    }

    /// With the printed recovery code and a new root key: from then on `root` opens the house, and no older root key
    /// does. No data is rewritten.
    pub fn recover(dir: &Path, code: &RecoveryCode, root: &Key, now: Time) -> Result<()> {
        let keys = Keyring::open_with_code(dir, code)?;
        let _lock = worker_lock(dir)?;
        refuse_root_key(dir, root)?;
        keys.rewrap_root(root, now)?;
        keys.retire_roots(root)
    }

    /// The only way to write: `f` runs inside a savepoint of a group transaction, the deed's audit line is chained
    /// in the same transaction, and the answer comes after the commit is durable. Keep `f` under 50 ms. A write inside
    /// `f` is refused.
    pub fn write<T>(
        &self,
        by: &By,
        now: Time,
        deed: impl Into<Deed>,
        f: impl FnOnce(&Tx<'_>) -> Result<T>,
    ) -> Result<T> {
        self.books.write(by, now, deed.into(), f)
    }

    /// Reads from one consistent moment of the books.
    pub fn read<T>(&self, f: impl FnOnce(&rusqlite::Connection) -> Result<T>) -> Result<T> {
        self.books.read(f)
    }

    /// Does now what closing would have to do, while everything goes on.
    pub fn settle(&self) -> Result<()> {
        self.books.settle()
    }

    /// False after a write that the disk did not confirm, in the books or in the journal: nothing is acknowledged any
    /// more, the process must end and start again.
    pub fn is_sound(&self) -> bool {
        self.sound.is()
    }

    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    pub fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    pub fn keys(&self) -> &Keyring {
        &self.keys
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The audit lines after `after`, oldest first.
    pub fn audit(&self, after: i64, most: usize) -> Result<Vec<AuditLine>> {
        self.books.read(|c| audit::lines(c, after, most))
    }

    /// The newest lines before `before` (`None`: from the end), newest first.
    pub fn audit_newest(&self, before: Option<i64>, most: usize) -> Result<Vec<AuditLine>> {
        self.books.read(|c| audit::newest(c, before, most))
    }

    /// Walks the whole chain; the number of lines, or the first line that does not fit.
    pub fn verify_audit(&self) -> Result<i64> {
        self.books.read(|c| audit::verify(c, &self.keys.audit()))
    }
}

fn lost(part: &str) -> Error {
    Error::damaged(say!(
        "データフォルダーに {part} がありません。新しく作ることはしません。",
        "The data folder has lost {part}. It is not made anew."
    ))
    .hint(say!("バックアップから戻してください。", "Put it back from a backup."))
}

/// The data itself. A second opener is told to wait.
fn worker_lock(dir: &Path) -> Result<Lock> {
    Lock::take(dir, Lock::WORKER)?.ok_or_else(|| {
        Error::later(say!("このデータフォルダーは使用中です。", "This data folder is in use.")).hint(say!(
            "動いている hakobu を止めるか、しばらく待ってから実行してください。",
            "Stop the hakobu that is running, or wait and try again."
        ))
    })
}

/// A house in the making may be begun anew; anything else that stands here already is somebody's data.
fn clear_the_place(dir: &Path) -> Result<()> {
    if dir.join(keyring::FILE).exists() {
        return Err(Error::conflict(say!(
            "このフォルダーにはすでに鍵束があります。",
            "This folder has a keyring already."
        )));
    }
    let books = dir.join("books");
    match (dir.join(keyring::MAKING).exists(), dir.join(BOOKS).exists()) {
        (true, true) => std::fs::remove_dir_all(&books)
            .map_err(|e| Error::io(say!("作りかけのデータを消せません。", "Cannot clear a half-made house."), e)),
        (false, true) => Err(lost(keyring::FILE)),
        (_, false) => Ok(()),
    }
}

/// The data folder never contains the key that opens it, whatever the file is called.
fn refuse_root_key(dir: &Path, root: &Key) -> Result<()> {
    let doing = || say!("データフォルダーを読めません。", "Cannot read the data folder.");
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).map_err(|e| Error::io(doing(), e))? {
            let entry = entry.map_err(|e| Error::io(doing(), e))?;
            let about = entry.metadata().map_err(|e| Error::io(doing(), e))?;
            let ours = folder == dir && FOLDERS.iter().chain([&GENERATIONS]).any(|f| entry.file_name() == *f);
            if about.is_dir() && !ours {
                folders.push(entry.path());
            }
            let small = about.is_file() && about.len() <= limits::KEY_TEXT_MAX as u64;
            // What cannot be read cannot be the key that this process uses.
            let found = small.then(|| std::fs::read(entry.path()).map(Zeroizing::new).ok()).flatten();
            if found.and_then(|bytes| read_key(&bytes)).is_some_and(|key| key.bytes() == root.bytes()) {
                return Err(provider::inside());
            }
        }
    }
    Ok(())
}
