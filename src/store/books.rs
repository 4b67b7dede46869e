//! The books: one SQLCipher file, one writing connection whose callers share commits, a pool of readers.
//!
//! How a group forms: a caller takes its turn at the writer, opens a transaction if none is open, runs its closure
//! inside a savepoint and adds its audit line. If others are in line it leaves the transaction open for them; the last
//! one (or the first after `GROUP_TIME`) commits for all. Everybody is answered after that commit.
//!
//! What a failure costs: an error of the closure undoes that closure alone. Where the engine has undone more than that
//! (a full disk does), or cannot say, the whole transaction is rolled back and everybody in the group is told that
//! nothing was written. A commit that the disk did not confirm ends all writing until a restart.

use super::audit::{self, Deed};
use super::cipher::Inside;
use super::engine::{Conn, Way, unconfirmed};
use super::keyring::Keyring;
use super::schema::{self, Schema};
use super::sound::{Sound, unsound};
use super::turns::{Turn, Turns, lock};
use crate::base::{By, Error, Kind, Result, Time, files::full, limits, seal::Key};
use rusqlite::{Connection, ErrorCode};
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Instant;

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
    sound: Sound,
    // Before the writer, so that they are closed before it: the last to close moves the log into the main file.
    readers: Mutex<Readers>,
    reader_back: Condvar,
    writer: Turns<Writer>,
    /// Snapshots that are being taken: while there is one, the main file does not change.
    holds: AtomicUsize,
}

#[derive(Default)]
struct Readers {
    idle: Vec<Conn>,
    out: usize,
}

struct Writer {
    conn: Conn,
    group: Option<Arc<Group>>,
    ran: usize,
    since: Instant,
    /// Pages in the write-ahead log after the last commit, told by the engine.
    logged: Arc<AtomicUsize>,
    /// `logged` at the last checkpoint.
    checkpointed: usize,
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
    Undone,
    Unsound,
}

impl Failed {
    fn error(self) -> Error {
        match self {
            Failed::Full => full(),
            Failed::Unsound => unsound(),
            Failed::Undone => Error::later(say!(
                "同時に行われたほかの書き込みの失敗のため、何も書き込まれませんでした。もう一度実行してください。",
                "A write that ran together with this one failed, so nothing was written. Try again."
            )),
        }
    }
}

/// What became of one closure.
enum Ran<T> {
    Kept(T),
    /// Undone alone; the transaction goes on.
    Undone(Error),
    /// The transaction is gone, or in a state that nobody can vouch for.
    Lost(Error),
}

impl Books {
    pub(super) fn open(path: &Path, keys: &Keyring, schemas: &[Schema], sound: Sound, way: Way) -> Result<Books> {
        let _inside = Inside::enter();
        let key = keys.books();
        let mut conn = Conn::open(path, &key, way)?;
        let logged = Arc::new(AtomicUsize::new(0));
        let told = Arc::clone(&logged);
        conn.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages: i32| {
            told.store(usize::try_from(pages).unwrap_or(0), Ordering::Release);
            Ok(())
        }))?;
        schema::migrate(&mut conn, schemas)?;
        let writer = Writer { conn, group: None, ran: 0, since: Instant::now(), logged, checkpointed: 0 };
        Ok(Books {
            path: path.to_owned(),
            key,
            audit_key: keys.audit(),
            sound,
            writer: Turns::new(writer),
            holds: AtomicUsize::new(0),
            readers: Mutex::default(),
            reader_back: Condvar::new(),
        })
    }

    pub(super) fn write<T>(&self, by: &By, now: Time, deed: Deed, f: impl FnOnce(&Tx<'_>) -> Result<T>) -> Result<T> {
        let _inside = Inside::enter();
        let mut writer = self.turn()?;
        let group = writer.join()?;
        let ran = writer.savepoint(|conn| {
            let value = f(&Tx { conn, now })?;
            audit::append(conn, &self.audit_key, by, now, &deed)?;
            Ok(value)
        });
        let outcome = match ran {
            Ran::Kept(value) => Ok(value),
            Ran::Undone(error) => Err(error),
            Ran::Lost(error) => {
                self.abandon(&mut writer, &error);
                return Err(error);
            }
        };
        if writer.is_last() {
            let committed = self.commit(&mut writer);
            writer.answer(committed);
            self.checkpoint(&mut writer);
        }
        drop(writer);
        let value = outcome?;
        group.wait().map_err(Failed::error)?;
        Ok(value)
    }

    /// The writer, when its turn has come. Where writing has ended meanwhile, those whose transaction was left open
    /// for this caller are told.
    fn turn(&self) -> Result<Turn<'_, Writer>> {
        let mut writer = self.writer.take()?;
        if let Err(unsound) = self.sound.check() {
            self.abandon(&mut writer, &unsound);
            return Err(unsound);
        }
        Ok(writer)
    }

    fn commit(&self, writer: &mut Writer) -> std::result::Result<(), Failed> {
        let Err(e) = writer.conn.execute_batch("COMMIT") else { return Ok(()) };
        self.roll_back(writer);
        if e.sqlite_error_code() == Some(ErrorCode::DiskFull) && self.sound.is() {
            return Err(Failed::Full);
        }
        // Whether the commit reached the disk is not known: acknowledge nothing from here on.
        self.sound.lose();
        Err(Failed::Unsound)
    }

    fn roll_back(&self, writer: &Writer) {
        if !writer.conn.is_autocommit() && writer.conn.execute_batch("ROLLBACK").is_err() {
            self.sound.lose();
        }
    }

    fn abandon(&self, writer: &mut Writer, error: &Error) {
        self.roll_back(writer);
        writer.answer(Err(match (self.sound.is(), error.kind()) {
            (false, _) => Failed::Unsound,
            (true, Kind::Later) => Failed::Full,
            (true, _) => Failed::Undone,
        }));
    }

    /// Moves the log into the main file when it has grown. Nobody waits for its outcome: what is in the log is safe.
    fn checkpoint(&self, writer: &mut Writer) {
        if self.holds.load(Ordering::Acquire) > 0 || !self.sound.is() || !writer.is_long() {
            return;
        }
        writer.checkpointed = writer.logged.load(Ordering::Acquire);
        if let Err(e) = writer.conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
            && unconfirmed(&e)
        {
            self.sound.lose();
        }
    }

    /// Moves the log into the main file, however short it is, so that closing has little left to do.
    pub(super) fn settle(&self) -> Result<()> {
        let _inside = Inside::enter();
        let mut writer = self.turn()?;
        // Those before saw somebody wait, and left it to him to commit for them.
        let committed = match writer.conn.is_autocommit() {
            true => Ok(()),
            false => self.commit(&mut writer),
        };
        writer.answer(committed);
        committed.map_err(Failed::error)?;
        if self.holds.load(Ordering::Acquire) > 0 {
            return Ok(());
        }
        writer.checkpointed = writer.logged.load(Ordering::Acquire);
        match writer.conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
            Err(e) if unconfirmed(&e) => {
                self.sound.lose();
                Err(e.into())
            }
            Err(_) | Ok(()) => Ok(()),
        }
    }

    /// Commits a line of its own, and switches checkpoints off until the hold is dropped. From here on the main file
    /// and the log up to the mark are the books as of this commit, whatever others write meanwhile.
    pub(super) fn hold(&self, by: &By, now: Time, deed: &Deed) -> Result<Hold<'_>> {
        let _inside = Inside::enter();
        let mut writer = self.turn()?;
        writer.join()?;
        let ran = writer.savepoint(|conn| audit::append(conn, &self.audit_key, by, now, deed));
        if let Ran::Undone(error) | Ran::Lost(error) = ran {
            self.abandon(&mut writer, &error);
            return Err(error);
        }
        let committed = self.commit(&mut writer);
        writer.answer(committed);
        committed.map_err(Failed::error)?;
        let page: String = writer.conn.query_row("PRAGMA cipher_page_size", [], |r| r.get(0))?;
        let page: u64 = page.parse().map_err(Error::bug)?;
        self.holds.fetch_add(1, Ordering::AcqRel);
        const HEADER: u64 = 32;
        const FRAME: u64 = 24;
        let mark = HEADER + writer.logged.load(Ordering::Acquire) as u64 * (FRAME + page);
        Ok(Hold { books: self, mark })
    }

    pub(super) fn read<T>(&self, f: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let _inside = Inside::enter();
        let conn = self.borrow_reader()?;
        let begun = conn.execute_batch("BEGIN").map_err(Error::from);
        let outcome = begun.and_then(|()| {
            catch_unwind(AssertUnwindSafe(|| f(&conn))).unwrap_or_else(|_| Err(Error::bug("a read panicked")))
        });
        let ended = conn.is_autocommit() || conn.execute_batch("ROLLBACK").is_ok();
        self.return_reader(ended.then_some(conn));
        outcome
    }

    fn borrow_reader(&self) -> Result<Conn> {
        let mut readers = lock(&self.readers);
        let begun = Instant::now();
        loop {
            if let Some(conn) = readers.idle.pop() {
                readers.out += 1;
                return Ok(conn);
            }
            if readers.out < limits::READERS {
                let conn = Conn::open(&self.path, &self.key, Way::Read)?;
                readers.out += 1;
                return Ok(conn);
            }
            let left = limits::READER_WAIT.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return Err(Error::later(say!("データベースが混み合っています。", "The database is busy.")));
            }
            readers = self.reader_back.wait_timeout(readers, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn return_reader(&self, conn: Option<Conn>) {
        let mut readers = lock(&self.readers);
        readers.idle.extend(conn);
        readers.out -= 1;
        self.reader_back.notify_one();
    }
}

#[cfg(test)]
impl Books {
    pub(super) fn in_line(&self) -> usize {
        self.writer.in_line()
    }
}

/// The books stand still in two files up to here, while others write on.
pub(super) struct Hold<'a> {
    books: &'a Books,
    /// Bytes of the write-ahead log that belong to it.
    pub(super) mark: u64,
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        self.books.holds.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Turn<'_, Writer> {
    /// Whether this caller commits for the group.
    fn is_last(&self) -> bool {
        !self.others_wait() || self.ran >= limits::GROUP_MAX || self.since.elapsed() >= limits::GROUP_TIME
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

    fn savepoint<T>(&mut self, f: impl FnOnce(&Connection) -> Result<T>) -> Ran<T> {
        self.ran += 1;
        if let Err(e) = self.step("SAVEPOINT one") {
            return Ran::Lost(e);
        }
        let outcome =
            catch_unwind(AssertUnwindSafe(|| f(&self.conn))).unwrap_or_else(|_| Err(Error::bug("a write panicked")));
        if self.conn.is_autocommit() {
            // The engine has rolled everything back by itself; a full disk does that.
            return Ran::Lost(outcome.err().unwrap_or_else(|| Error::bug("a write ended its own transaction")));
        }
        match outcome {
            Ok(value) => match self.step("RELEASE one") {
                Ok(()) => Ran::Kept(value),
                Err(e) => Ran::Lost(e),
            },
            Err(error) => match self.step("ROLLBACK TO one").and_then(|()| self.step("RELEASE one")) {
                Ok(()) => Ran::Undone(error),
                Err(_) => Ran::Lost(error),
            },
        }
    }

    fn step(&self, sql: &str) -> Result<()> {
        self.conn.prepare_cached(sql)?.execute([])?;
        Ok(())
    }

    fn answer(&mut self, outcome: std::result::Result<(), Failed>) {
        if let Some(group) = self.group.take() {
            *lock(&group.outcome) = Some(outcome);
            group.done.notify_all();
        }
    }

    /// Past the length at which the log is moved, and then every so many pages while a long reader keeps it.
    fn is_long(&self) -> bool {
        let logged = self.logged.load(Ordering::Acquire);
        let begun_anew = logged < self.checkpointed;
        logged >= limits::WAL_PAGES && (begun_anew || logged >= self.checkpointed + limits::WAL_PAGES / 4)
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
