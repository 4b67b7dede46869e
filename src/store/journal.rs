//! The journal: redb files whose values are sealed and whose keys are only numbers and hashes. One file per
//! campaign run, one per month for series. Finished files never change: `seal` makes that so.
//!
//! **Invariant:** a commit that failed is never answered as done; whether it is on disk is told by reading again. A
//! full disk is `Kind::Later` and the file works again once there is room; any other failure to write ends all writing
//! (`Store::is_sound`) until a restart.
//! **Invariant:** a file that does not open is named and left as it is.

use super::sound::{Sound, unsound};
use super::turns::lock;
use crate::base::{
    Error, Result, limits,
    seal::{Key, Sealer},
};
use redb::{Database, DatabaseError, ReadOnlyDatabase, ReadableDatabase, ReadableTable, TableDefinition};
use std::cell::RefCell;
use std::collections::HashMap;
use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::os::unix::fs::PermissionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};

/// A table's name; it is part of what seals each value.
pub type Table = &'static str;
pub(super) type Bytes = &'static [u8];

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

pub struct JournalFile {
    name: String,
    sealer: Sealer,
    sound: Sound,
    opener: Opener,
    db: RwLock<Handle>,
    /// The handle has seen a full disk and refuses everything from then on: open the file again before the next use.
    spent: AtomicBool,
    worked: AtomicBool,
}

/// Held by whoever works through a file alone; given back when dropped.
pub struct Alone(Arc<JournalFile>);

impl Drop for Alone {
    fn drop(&mut self) {
        self.0.worked.store(false, Ordering::SeqCst);
    }
}

pub(super) enum Handle {
    Live(Database),
    Sealed(ReadOnlyDatabase),
    Gone,
}

pub(super) type Opener = Box<dyn Fn() -> std::result::Result<Handle, DatabaseError> + Send + Sync>;

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
            let file = super::private_file(&beside).map_err(io)?;
            builder().create(&beside).map(drop)?;
            file.sync_all().map_err(io)?;
            std::fs::rename(&beside, self.path(name)).map_err(io)?;
            super::sync_dir(&self.dir).map_err(io)
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

/// A damaged file may make redb panic; that is an error like any other.
fn guarded<T>(f: impl FnOnce() -> std::result::Result<T, DatabaseError>) -> std::result::Result<T, DatabaseError> {
    let broken = |_| Err(DatabaseError::Storage(redb::StorageError::Corrupted("redb panicked".into())));
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(broken)
}

fn open_error(name: &str, e: DatabaseError) -> Error {
    match e {
        DatabaseError::DatabaseAlreadyOpen => {
            Error::later(say!("{name}.redb は別の処理が使用中です。", "{name}.redb is in use by another process."))
        }
        DatabaseError::Storage(redb::StorageError::Io(e)) if is_full(&e) => full().because(e),
        e => damaged(name).because(e),
    }
}

fn damaged(name: &str) -> Error {
    Error::damaged(say!(
        "ジャーナル {name}.redb が壊れています。上書きはしていません。",
        "The journal file {name}.redb is damaged. Nothing was overwritten."
    ))
    .hint(say!("バックアップから戻してください。", "Put it back from a backup."))
}

fn full() -> Error {
    Error::later(say!(
        "ディスクがいっぱいのため、記録できませんでした。",
        "The disk is full, so nothing more was recorded."
    ))
    .hint(say!("空きを作ってから、もう一度実行してください。", "Make room, then try again."))
}

fn is_full(e: &std::io::Error) -> bool {
    matches!(e.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge)
}

/// Closing writes too, and a damaged file may make that panic.
fn close(db: &mut Handle) {
    let handle = std::mem::replace(db, Handle::Gone);
    catch_unwind(AssertUnwindSafe(|| drop(handle))).ok();
}

impl Drop for JournalFile {
    fn drop(&mut self) {
        close(self.db.get_mut().unwrap_or_else(PoisonError::into_inner));
    }
}

impl JournalFile {
    pub(super) fn open(name: &str, sealer: Sealer, sound: Sound, opener: Opener) -> Result<JournalFile> {
        let db = guarded(&opener).map_err(|e| open_error(name, e))?;
        let (spent, worked) = (AtomicBool::new(false), AtomicBool::new(false));
        Ok(JournalFile { name: name.to_owned(), sealer, sound, opener, db: RwLock::new(db), spent, worked })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The right to work through this file; `None` while somebody else of this process has it.
    pub fn alone(self: &Arc<Self>) -> Option<Alone> {
        let free = self.worked.compare_exchange(false, true, Ordering::SeqCst, Ordering::SeqCst).is_ok();
        free.then(|| Alone(Arc::clone(self)))
    }

    /// One durable transaction: when this returns Ok, it is on disk. After an error of `Kind::Later` it may be on disk
    /// or not: read before trying again. A write in this file inside `f` hangs.
    pub fn write<T>(&self, f: impl FnOnce(&mut Batch<'_>) -> Result<T>) -> Result<T> {
        self.sound.check()?;
        let db = self.ready()?;
        let Handle::Live(db) = &*db else {
            let name = &self.name;
            return Err(Error::conflict(say!("記録 {name} は閉じられています。", "The ledger {name} is sealed.")));
        };
        let mut tx = db.begin_write().map_err(|e| self.failed(e))?;
        tx.set_quick_repair(true);
        let mut batch = Batch { tx: &tx, file: self, tables: RefCell::default() };
        let outcome = catch_unwind(AssertUnwindSafe(|| f(&mut batch)));
        drop(batch);
        let value = outcome.unwrap_or_else(|_| Err(Error::bug("a write to the journal panicked")))?;
        tx.commit().map_err(|e| self.failed(e))?;
        Ok(value)
    }

    /// One consistent moment.
    pub fn read<T>(&self, f: impl FnOnce(&View<'_>) -> Result<T>) -> Result<T> {
        self.read_raw(|tx| f(&View { tx, file: self }))
    }

    pub(super) fn read_raw<T>(&self, f: impl FnOnce(&redb::ReadTransaction) -> Result<T>) -> Result<T> {
        let db = self.ready()?;
        let tx = match &*db {
            Handle::Live(db) => db.begin_read(),
            Handle::Sealed(db) => db.begin_read(),
            Handle::Gone => return Err(Error::bug("a journal file without a handle")),
        };
        let tx = tx.map_err(|e| self.unread(e))?;
        // A file that was damaged in the right place makes redb panic.
        let outcome = catch_unwind(AssertUnwindSafe(|| f(&tx)));
        outcome.unwrap_or_else(|_| Err(damaged(&self.name).because("a read of the journal panicked")))
    }

    /// The handle; after a full disk a fresh one.
    fn ready(&self) -> Result<RwLockReadGuard<'_, Handle>> {
        if self.spent.load(Ordering::Acquire) {
            let mut db = self.db.write().unwrap_or_else(PoisonError::into_inner);
            if self.spent.load(Ordering::Acquire) {
                // The old handle must be gone before the file opens again.
                close(&mut db);
                *db = guarded(&self.opener).map_err(|e| open_error(&self.name, e))?;
                self.spent.store(false, Ordering::Release);
            }
        }
        Ok(self.db.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What an error while writing means for the file and for the house.
    fn failed(&self, e: impl Into<redb::Error>) -> Error {
        match e.into() {
            redb::Error::Io(e) if is_full(&e) => {
                self.spent.store(true, Ordering::Release);
                full().because(e)
            }
            redb::Error::PreviousIo => {
                self.spent.store(true, Ordering::Release);
                full()
            }
            redb::Error::Io(e) => {
                self.sound.lose();
                unsound().because(e)
            }
            e @ redb::Error::Corrupted(_) => damaged(&self.name).because(e),
            e => Error::bug("the journal").because(e),
        }
    }

    fn unread(&self, e: impl Into<redb::Error>) -> Error {
        match e.into() {
            e @ redb::Error::Corrupted(_) => damaged(&self.name).because(e),
            redb::Error::PreviousIo => {
                self.spent.store(true, Ordering::Release);
                full()
            }
            redb::Error::Io(e) => Error::io(say!("記録を読めません。", "Cannot read a ledger."), e),
            e => Error::bug("the journal").because(e),
        }
    }

    fn seal(&self, table: Table, key: &[u8], value: &[u8]) -> Result<Vec<u8>> {
        self.sealer.seal(&self.place(table, key), value)
    }

    fn unseal(&self, table: Table, key: &[u8], sealed: &[u8]) -> Result<Vec<u8>> {
        self.sealer.open(&self.place(table, key), sealed).map_err(|e| damaged(&self.name).because(e))
    }

    fn place(&self, table: Table, key: &[u8]) -> Vec<u8> {
        [self.name.as_bytes(), b"|", table.as_bytes(), b"|", key].concat()
    }
}

pub(super) fn define(table: &str) -> TableDefinition<'_, Bytes, Bytes> {
    TableDefinition::new(table)
}

type OpenTable<'a> = redb::Table<'a, Bytes, Bytes>;

/// A transaction that is being written. Its tables are opened once.
pub struct Batch<'a> {
    tx: &'a redb::WriteTransaction,
    file: &'a JournalFile,
    tables: RefCell<HashMap<Table, OpenTable<'a>>>,
}

impl<'a> Batch<'a> {
    pub fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.with(table, |open| {
            let Some(sealed) = open.get(key).map_err(|e| self.file.failed(e))? else { return Ok(None) };
            self.file.unseal(table, key, sealed.value()).map(Some)
        })
    }

    pub fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<()> {
        let sealed = self.file.seal(table, key, value)?;
        self.with(table, |open| open.insert(key, sealed.as_slice()).map(drop).map_err(|e| self.file.failed(e)))
    }

    pub fn remove(&mut self, table: Table, key: &[u8]) -> Result<bool> {
        self.with(table, |open| Ok(open.remove(key).map_err(|e| self.file.failed(e))?.is_some()))
    }

    fn with<T>(&self, table: Table, f: impl FnOnce(&mut OpenTable<'a>) -> Result<T>) -> Result<T> {
        use std::collections::hash_map::Entry;
        let mut tables = self.tables.borrow_mut();
        match tables.entry(table) {
            Entry::Occupied(open) => f(open.into_mut()),
            Entry::Vacant(place) => {
                f(place.insert(self.tx.open_table(define(table)).map_err(|e| self.file.failed(e))?))
            }
        }
    }
}

pub struct View<'a> {
    tx: &'a redb::ReadTransaction,
    file: &'a JournalFile,
}

impl View<'_> {
    pub fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let Some(open) = self.open(table)? else { return Ok(None) };
        let Some(sealed) = open.get(key).map_err(|e| self.file.unread(e))? else { return Ok(None) };
        self.file.unseal(table, key, sealed.value()).map(Some)
    }

    /// Every row from `from` on, in key order, until `f` breaks.
    pub fn scan(
        &self,
        table: Table,
        from: &[u8],
        mut f: impl FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let Some(open) = self.open(table)? else { return Ok(()) };
        for row in open.range(from..).map_err(|e| self.file.unread(e))? {
            let (key, sealed) = row.map_err(|e| self.file.unread(e))?;
            let value = self.file.unseal(table, key.value(), sealed.value())?;
            if f(key.value(), &value)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn open(&self, table: Table) -> Result<Option<redb::ReadOnlyTable<Bytes, Bytes>>> {
        match self.tx.open_table(define(table)) {
            Ok(open) => Ok(Some(open)),
            Err(redb::TableError::TableDoesNotExist(_)) => Ok(None),
            Err(e) => Err(self.file.unread(e)),
        }
    }
}
