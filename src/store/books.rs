//! The books: one SQLCipher file, one writing connection whose callers share commits, a pool of readers.
//!
//! How a group forms: a caller takes the writer, opens a transaction if none is open, runs its closure inside a
//! savepoint and adds its audit line. If others are waiting for the writer it leaves the transaction open for
//! them; the last one (or the first after `GROUP_TIME`) commits for all. Everybody is answered after that commit.

use super::{audit, audit::Deed, cipher, keyring::Keyring};
use crate::base::{By, Error, Kind, Result, Time, limits, seal::Key};
use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// A room's tables: its name and the steps that made them. Steps are only ever added at the end, and only add.
#[derive(Clone, Copy)]
pub struct Schema {
    pub room: &'static str,
    pub steps: &'static [&'static str],
}

/// An open savepoint in the books. Reads as a connection; only `Store::write` makes one.
pub struct Tx<'a> {
    conn: &'a Connection,
    pub now: Time,
}

impl Deref for Tx<'_> {
    type Target = Connection;
    fn deref(&self) -> &Connection {
        self.conn
    }
}

pub(super) struct Books {
    path: PathBuf,
    key: Key,
    audit_key: Key,
    writer: Mutex<Writer>,
    waiting: AtomicUsize,
    sound: AtomicBool,
    readers: Mutex<Vec<Connection>>,
    reader_back: Condvar,
    readers_out: AtomicUsize,
}

struct Writer {
    conn: Connection,
    group: Option<Arc<Group>>,
    ran: usize,
    since: Instant,
}

/// The callers of one commit wait here for its outcome.
#[derive(Default)]
struct Group {
    outcome: Mutex<Option<std::result::Result<(), Failed>>>,
    done: Condvar,
}

#[derive(Clone, Copy)]
enum Failed {
    Full,
    Unsound,
}

impl Failed {
    fn error(self) -> Error {
        match self {
            Failed::Full => full(),
            Failed::Unsound => unsound(),
        }
    }
}

impl Books {
    pub(super) fn open(path: &Path, keys: &Keyring, schemas: &[Schema]) -> Result<Books> {
        let _inside = cipher::Inside::enter();
        let key = keys.books();
        let conn = connect(path, &key, false)?;
        let books = Books {
            path: path.to_owned(),
            key,
            audit_key: keys.audit(),
            writer: Mutex::new(Writer { conn, group: None, ran: 0, since: Instant::now() }),
            waiting: AtomicUsize::new(0),
            sound: AtomicBool::new(true),
            readers: Mutex::new(Vec::new()),
            reader_back: Condvar::new(),
            readers_out: AtomicUsize::new(0),
        };
        migrate(&mut lock(&books.writer).conn, schemas)?;
        Ok(books)
    }

    pub(super) fn is_sound(&self) -> bool {
        self.sound.load(Ordering::Acquire)
    }

    pub(super) fn write<T>(&self, by: &By, now: Time, deed: Deed, f: impl FnOnce(&Tx<'_>) -> Result<T>) -> Result<T> {
        let _inside = cipher::Inside::enter();
        self.waiting.fetch_add(1, Ordering::AcqRel);
        let mut writer = lock(&self.writer);
        self.waiting.fetch_sub(1, Ordering::AcqRel);
        if !self.is_sound() {
            return Err(unsound());
        }
        let group = writer.join()?;
        let outcome = writer.savepoint(|conn| {
            let value = f(&Tx { conn, now })?;
            audit::append(conn, &self.audit_key, by, now, &deed)?;
            Ok(value)
        });
        if writer.conn.is_autocommit() {
            // The engine rolled everything back by itself (a full disk does that): the whole group has failed.
            writer.close(Err(Failed::Full));
            return outcome.and(Err(full()));
        }
        let others_wait = self.waiting.load(Ordering::Acquire) > 0;
        if !others_wait || writer.ran >= limits::GROUP_MAX || writer.since.elapsed() >= limits::GROUP_TIME {
            let committed = self.commit(&mut writer);
            writer.close(committed);
        }
        drop(writer);
        let value = outcome?;
        group.wait().map_err(Failed::error)?;
        Ok(value)
    }

    fn commit(&self, writer: &mut Writer) -> std::result::Result<(), Failed> {
        let Err(e) = writer.conn.execute_batch("COMMIT") else { return Ok(()) };
        let full = e.sqlite_error_code() == Some(ErrorCode::DiskFull);
        if !writer.conn.is_autocommit() && writer.conn.execute_batch("ROLLBACK").is_err() {
            self.sound.store(false, Ordering::Release);
        }
        if full && self.is_sound() {
            return Err(Failed::Full);
        }
        // Whether the commit reached the disk is not known: acknowledge nothing from here on.
        self.sound.store(false, Ordering::Release);
        Err(Failed::Unsound)
    }

    pub(super) fn read<T>(&self, f: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let _inside = cipher::Inside::enter();
        let conn = self.borrow_reader()?;
        conn.execute_batch("BEGIN")?;
        let outcome = catch_unwind(AssertUnwindSafe(|| f(&conn)));
        let ended = conn.is_autocommit() || conn.execute_batch("ROLLBACK").is_ok();
        self.return_reader(ended.then_some(conn));
        outcome.unwrap_or_else(|_| Err(Error::bug("a read panicked")))
    }

    fn borrow_reader(&self) -> Result<Connection> {
        let mut idle = lock(&self.readers);
        loop {
            if let Some(conn) = idle.pop() {
                self.readers_out.fetch_add(1, Ordering::AcqRel);
                return Ok(conn);
            }
            if self.readers_out.load(Ordering::Acquire) < limits::READERS {
                let conn = connect(&self.path, &self.key, true)?;
                self.readers_out.fetch_add(1, Ordering::AcqRel);
                return Ok(conn);
            }
            idle = self.reader_back.wait(idle).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn return_reader(&self, conn: Option<Connection>) {
        let mut idle = lock(&self.readers);
        idle.extend(conn);
        self.readers_out.fetch_sub(1, Ordering::AcqRel);
        self.reader_back.notify_one();
    }
}

impl Writer {
    /// The open group, opening a transaction if there is none.
    fn join(&mut self) -> Result<Arc<Group>> {
        if let Some(group) = &self.group {
            return Ok(Arc::clone(group));
        }
        self.conn.execute_batch("BEGIN IMMEDIATE")?;
        let group = Arc::new(Group::default());
        self.group = Some(Arc::clone(&group));
        self.ran = 0;
        self.since = Instant::now();
        Ok(group)
    }

    fn savepoint<T>(&mut self, f: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        self.ran += 1;
        self.conn.prepare_cached("SAVEPOINT one")?.execute([])?;
        let outcome =
            catch_unwind(AssertUnwindSafe(|| f(&self.conn))).unwrap_or_else(|_| Err(Error::bug("a write panicked")));
        if self.conn.is_autocommit() {
            return outcome;
        }
        if outcome.is_err() {
            self.conn.prepare_cached("ROLLBACK TO one")?.execute([])?;
        }
        self.conn.prepare_cached("RELEASE one")?.execute([])?;
        outcome
    }

    fn close(&mut self, outcome: std::result::Result<(), Failed>) {
        if let Some(group) = self.group.take() {
            *lock(&group.outcome) = Some(outcome);
            group.done.notify_all();
        }
    }
}

impl Group {
    fn wait(&self) -> std::result::Result<(), Failed> {
        let mut outcome = lock(&self.outcome);
        loop {
            match *outcome {
                Some(result) => return result,
                None => outcome = self.done.wait(outcome).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

fn lock<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

fn connect(path: &Path, key: &Key, read_only: bool) -> Result<Connection> {
    cipher::ready()?;
    let flags = match read_only {
        true => OpenFlags::SQLITE_OPEN_READ_ONLY,
        false => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
    };
    let conn = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    cipher::unlock(&conn, key)?;
    let cache = if read_only { limits::READER_CACHE_KIB } else { limits::WRITER_CACHE_KIB };
    conn.execute_batch(&format!("PRAGMA cache_size = -{cache}; PRAGMA temp_store = MEMORY; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;"))?;
    if !read_only {
        conn.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000;")?;
    }
    conn.busy_timeout(std::time::Duration::from_secs(5))?;
    conn.set_prepared_statement_cache_capacity(256);
    Ok(conn)
}

/// Runs the steps of each room that have not run yet, all in one transaction.
fn migrate(conn: &mut Connection, schemas: &[Schema]) -> Result<()> {
    let tx = conn.transaction()?;
    tx.execute_batch("CREATE TABLE IF NOT EXISTS room_schema (room TEXT PRIMARY KEY, steps INTEGER NOT NULL) STRICT;")?;
    let own = [Schema { room: "store", steps: &[audit::SCHEMA] }];
    for schema in own.iter().chain(schemas) {
        let done: i64 =
            tx.query_row("SELECT coalesce(max(steps), 0) FROM room_schema WHERE room = ?1", [schema.room], |r| {
                r.get(0)
            })?;
        for step in schema.steps.iter().skip(usize::try_from(done).unwrap_or(0)) {
            tx.execute_batch(step)?;
        }
        let steps = i64::try_from(schema.steps.len()).unwrap_or(0).max(done);
        tx.execute(
            "INSERT INTO room_schema (room, steps) VALUES (?1, ?2) ON CONFLICT (room) DO UPDATE SET steps = ?2",
            rusqlite::params![schema.room, steps],
        )?;
    }
    tx.commit()?;
    Ok(())
}

fn full() -> Error {
    Error::later(say!(
        "ディスクがいっぱいのため、書き込めませんでした。何も変わっていません。",
        "The disk is full, so nothing was written. Nothing has changed."
    ))
    .hint(say!("空きを作ってから、もう一度実行してください。", "Make room, then try again."))
}

fn unsound() -> Error {
    Error::new(
        Kind::Damaged,
        say!(
            "ディスクへの書き込みを確認できませんでした。再起動するまで、書き込みを受け付けません。",
            "The disk did not confirm a write. Nothing more is accepted until a restart."
        ),
    )
}

impl From<rusqlite::Error> for Error {
    fn from(e: rusqlite::Error) -> Error {
        let error = match e.sqlite_error().map(|s| (s.code, s.extended_code)) {
            Some((ErrorCode::DiskFull, _)) => full(),
            Some((ErrorCode::NotADatabase, _)) => Error::damaged(say!(
                "books.db を開けません。鍵が違うか、ファイルが壊れています。",
                "books.db does not open: the key is another one, or the file is damaged."
            )),
            Some((ErrorCode::DatabaseCorrupt, _)) => Error::damaged(say!(
                "books.db が壊れています。上書きはしていません。",
                "books.db is damaged. Nothing was overwritten."
            )),
            Some((ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _)) => {
                Error::later(say!("データベースが使用中です。", "The database is busy."))
            }
            Some((
                ErrorCode::ConstraintViolation,
                ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY,
            )) => Error::conflict(say!("同じものがすでにあります。", "There is one like it already.")),
            _ => Error::bug("the books"),
        };
        error.because(e)
    }
}
