//! The cellar: everything that must survive. Books (SQLite through SQLCipher) hold what people write and decide,
//! the journal (redb, sealed values) holds what machines write, blobs hold files in sealed chunks. One keyring
//! holds their keys, wrapped by the root key, which never stands in the data folder.
//!
//! Reading order: `keyring`, `books` (the signed, grouped write), `audit`, `journal`, `blobs`, `lock`.
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
mod journal;
mod keyring;
mod lock;
#[cfg(test)]
mod tests;

pub use audit::{AuditLine, Deed};
pub use blobs::{BlobId, BlobReader, Blobs, Spool};
pub use books::{Schema, Tx};
pub use journal::{Batch, Journal, JournalFile, Table, View};
pub use keyring::{Keyring, RecoveryCode};
pub use lock::Lock;

use crate::base::{By, Error, Result, Time, seal::Key};
use std::path::{Path, PathBuf};

/// The open data folder.
pub struct Store {
    dir: PathBuf,
    keys: Keyring,
    books: books::Books,
    journal: Journal,
    blobs: Blobs,
}

impl Store {
    /// Makes keyring and folders in `dir`, and opens them. Refuses a folder that has a keyring.
    pub fn create(dir: &Path, root: &Key, schemas: &[Schema]) -> Result<(Store, RecoveryCode)> {
        make_private_dir(dir)?;
        let code = Keyring::create(dir, root)?;
        Ok((Store::open(dir, root, schemas)?, code))
    }

    /// Opens what `create` made, bringing each room's tables up to date.
    pub fn open(dir: &Path, root: &Key, schemas: &[Schema]) -> Result<Store> {
        let keys = Keyring::open(dir, root)?;
        for sub in ["books", "journal", "blobs", "spool"] {
            make_private_dir(&dir.join(sub))?;
        }
        Ok(Store {
            books: books::Books::open(&dir.join("books/books.db"), &keys, schemas)?,
            journal: Journal::open(&dir.join("journal"), keys.journal())?,
            blobs: Blobs::open(&dir.join("blobs"), &dir.join("spool"), keys.blobs())?,
            dir: dir.to_owned(),
            keys,
        })
    }

    /// The only way to write: `f` runs inside a savepoint of a group transaction, the deed's audit line is chained
    /// in the same transaction, and the answer comes after the commit is durable. Keep `f` under 50 ms.
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

    /// False after a failed fsync: nothing is acknowledged any more, the process must end and start again.
    pub fn is_sound(&self) -> bool {
        self.books.is_sound()
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

fn make_private_dir(dir: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|e| {
        let at = dir.display().to_string();
        Error::io(say!("フォルダー {at} を作れません。", "Cannot make the folder {at}."), e)
    })
}

/// Writes beside, syncs, renames, syncs the folder: the file is the old one or the new one, whole.
pub fn replace_file(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let beside = path.with_extension("new");
    let write = || -> std::io::Result<()> {
        let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&beside, path)?;
        std::fs::File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
    };
    write().map_err(|e| {
        let at = path.display().to_string();
        Error::io(say!("{at} に書き込めません。", "Cannot write {at}."), e)
    })
}
