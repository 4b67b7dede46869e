//! One file of the journal: a durable transaction, a consistent moment, and what an error means for the house.

use super::sound::{Sound, unsound};
use crate::base::{Error, Result, files::is_full, seal::Sealer};
use redb::{Database, DatabaseError, ReadOnlyDatabase, ReadableDatabase, ReadableTable, TableDefinition};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Once, PoisonError, RwLock, RwLockReadGuard};

/// A table's name; it is part of what seals each value.
pub type Table = &'static str;
pub(super) type Bytes = &'static [u8];

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

/// A damaged file may make redb panic; that is an error like any other, and says so as one: nothing is printed.
pub(super) fn guarded<T>(
    f: impl FnOnce() -> std::result::Result<T, DatabaseError>,
) -> std::result::Result<T, DatabaseError> {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !EXPECTED.get() {
                before(info)
            }
        }));
    });
    let broken = |_| Err(DatabaseError::Storage(redb::StorageError::Corrupted("redb panicked".into())));
    let outer = EXPECTED.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(broken);
    EXPECTED.set(outer);
    outcome
}

thread_local! {
    /// This thread reads a file that may be damaged.
    static EXPECTED: Cell<bool> = const { Cell::new(false) };
}

pub(super) fn open_error(name: &str, e: DatabaseError) -> Error {
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

pub(super) fn full() -> Error {
    Error::later(say!(
        "ディスクがいっぱいのため、記録できませんでした。",
        "The disk is full, so nothing more was recorded."
    ))
    .hint(say!("空きを作ってから、もう一度実行してください。", "Make room, then try again."))
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
