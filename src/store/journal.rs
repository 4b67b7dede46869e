//! The journal: redb files whose values are sealed and whose keys are only numbers and hashes. One file per
//! campaign run, one per month for series. Finished files never change.

use crate::base::{
    Error, Result, limits,
    seal::{Key, Sealer},
};
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// A table's name; it is part of what seals each value.
pub type Table = &'static str;

pub struct Journal {
    dir: PathBuf,
    key: Key,
    open: Mutex<HashMap<String, Arc<JournalFile>>>,
}

pub struct JournalFile {
    name: String,
    path: PathBuf,
    sealer: Sealer,
    db: RwLock<Database>,
}

impl Journal {
    pub(super) fn open(dir: &Path, key: Key) -> Result<Journal> {
        Ok(Journal { dir: dir.to_owned(), key, open: Mutex::new(HashMap::new()) })
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
        let list = std::fs::read_dir(&self.dir)
            .map_err(|e| Error::io(say!("ジャーナルを読めません。", "Cannot read the journal."), e))?;
        let mut names: Vec<String> = list
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok()?.strip_suffix(".redb").map(str::to_owned))
            .collect();
        names.sort();
        Ok(names)
    }

    fn get(&self, name: &str, make: bool) -> Result<Option<Arc<JournalFile>>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = open.get(name) {
            return Ok(Some(Arc::clone(file)));
        }
        let path = self.dir.join(format!("{name}.redb"));
        if !make && !path.exists() {
            return Ok(None);
        }
        let file = Arc::new(JournalFile {
            name: name.to_owned(),
            sealer: self.key.derive(name).sealer(),
            db: RwLock::new(open_database(&path)?),
            path,
        });
        open.insert(name.to_owned(), Arc::clone(&file));
        Ok(Some(file))
    }
}

fn open_database(path: &Path) -> Result<Database> {
    Database::builder().set_cache_size(limits::JOURNAL_CACHE).create(path).map_err(|e| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match e {
            redb::DatabaseError::DatabaseAlreadyOpen => {
                Error::later(say!("{name} は別の処理が使用中です。", "{name} is in use by another process."))
            }
            e => Error::damaged(say!(
                "ジャーナル {name} を開けません。上書きはしていません。",
                "The journal file {name} does not open. Nothing was overwritten."
            ))
            .because(e),
        }
    })
}

impl JournalFile {
    pub fn name(&self) -> &str {
        &self.name
    }

    /// One durable transaction: when this returns Ok, it is on disk.
    pub fn write<T>(&self, f: impl FnOnce(&mut Batch<'_>) -> Result<T>) -> Result<T> {
        let outcome = self.try_write(f);
        if let Err(e) = &outcome
            && e.kind() == crate::base::Kind::Later
        {
            self.reopen()?;
        }
        outcome
    }

    fn try_write<T>(&self, f: impl FnOnce(&mut Batch<'_>) -> Result<T>) -> Result<T> {
        let db = self.db.read().unwrap_or_else(PoisonError::into_inner);
        let mut tx = db.begin_write().map_err(redb_error)?;
        tx.set_quick_repair(true);
        let value = f(&mut Batch { tx: &tx, file: self })?;
        tx.commit().map_err(redb_error)?;
        Ok(value)
    }

    /// After a full disk a handle refuses writes even once there is room: close it and open it again.
    fn reopen(&self) -> Result<()> {
        let mut db = self.db.write().unwrap_or_else(PoisonError::into_inner);
        // The old handle must be gone before the file opens again, so an empty one takes its place meanwhile.
        *db = Database::builder().create_with_backend(redb::backends::InMemoryBackend::new()).map_err(redb_error)?;
        *db = open_database(&self.path)?;
        Ok(())
    }

    /// One consistent moment.
    pub fn read<T>(&self, f: impl FnOnce(&View<'_>) -> Result<T>) -> Result<T> {
        let db = self.db.read().unwrap_or_else(PoisonError::into_inner);
        let tx = db.begin_read().map_err(redb_error)?;
        f(&View { tx: &tx, file: self })
    }

    fn aad(&self, table: Table, key: &[u8]) -> Vec<u8> {
        [self.name.as_bytes(), b"|", table.as_bytes(), b"|", key].concat()
    }
}

fn define(table: Table) -> TableDefinition<'static, &'static [u8], &'static [u8]> {
    TableDefinition::new(table)
}

pub struct Batch<'a> {
    tx: &'a redb::WriteTransaction,
    file: &'a JournalFile,
}

impl Batch<'_> {
    pub fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let open = self.tx.open_table(define(table)).map_err(redb_error)?;
        let Some(sealed) = open.get(key).map_err(redb_error)? else { return Ok(None) };
        self.file.sealer.open(&self.file.aad(table, key), sealed.value()).map(Some)
    }

    pub fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<()> {
        let sealed = self.file.sealer.seal(&self.file.aad(table, key), value)?;
        let mut open = self.tx.open_table(define(table)).map_err(redb_error)?;
        open.insert(key, sealed.as_slice()).map_err(redb_error)?;
        Ok(())
    }

    pub fn remove(&mut self, table: Table, key: &[u8]) -> Result<bool> {
        let mut open = self.tx.open_table(define(table)).map_err(redb_error)?;
        Ok(open.remove(key).map_err(redb_error)?.is_some())
    }
}

pub struct View<'a> {
    tx: &'a redb::ReadTransaction,
    file: &'a JournalFile,
}

impl View<'_> {
    pub fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let Some(open) = self.open(table)? else { return Ok(None) };
        let Some(sealed) = open.get(key).map_err(redb_error)? else { return Ok(None) };
        self.file.sealer.open(&self.file.aad(table, key), sealed.value()).map(Some)
    }

    /// Every row from `from` on, in key order, until `f` breaks.
    pub fn scan(
        &self,
        table: Table,
        from: &[u8],
        mut f: impl FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let Some(open) = self.open(table)? else { return Ok(()) };
        for row in open.range(from..).map_err(redb_error)? {
            let (key, sealed) = row.map_err(redb_error)?;
            let value = self.file.sealer.open(&self.file.aad(table, key.value()), sealed.value())?;
            if f(key.value(), &value)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn open(&self, table: Table) -> Result<Option<redb::ReadOnlyTable<&'static [u8], &'static [u8]>>> {
        match self.tx.open_table(define(table)) {
            Ok(open) => Ok(Some(open)),
            Err(redb::TableError::TableDoesNotExist(_)) => Ok(None),
            Err(e) => Err(redb_error(e)),
        }
    }
}

fn redb_error(e: impl Into<redb::Error>) -> Error {
    match e.into() {
        redb::Error::Io(io) if io.kind() == std::io::ErrorKind::StorageFull => Error::later(say!(
            "ディスクがいっぱいのため、記録できませんでした。",
            "The disk is full, so nothing was recorded."
        ))
        .because(io),
        redb::Error::PreviousIo => {
            Error::later(say!("前の書き込みの失敗から回復しています。", "Recovering from a failed write."))
        }
        e @ redb::Error::Corrupted(_) => {
            Error::damaged(say!("ジャーナルが壊れています。", "The journal is damaged.")).because(e)
        }
        e => Error::bug("the journal").because(e),
    }
}
