//! One connection to the books: how it is opened, what its errors mean, and how it is closed.

use super::cipher::{self, Inside};
use crate::base::{Error, Result, files::full, limits, seal::Key};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};
use std::ops::{Deref, DerefMut};
use std::path::Path;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Makes the file. Only for a house in the making.
    Create,
    Write,
    Read,
}

/// An open connection. It is closed where nobody pulls SQLCipher away from under it.
pub(super) struct Conn(Option<Connection>);

impl Conn {
    /// Opens and reads the first page, so that another key or a damaged file is said before anything is written.
    pub(super) fn open(path: &Path, key: &Key, way: Way) -> Result<Conn> {
        let _inside = Inside::enter();
        cipher::ready()?;
        let flags = match way {
            Way::Create => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
            Way::Write => OpenFlags::SQLITE_OPEN_READ_WRITE,
            Way::Read => OpenFlags::SQLITE_OPEN_READ_ONLY,
        };
        let conn = Conn(Some(Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?));
        // Until the file has shown itself whole, closing must not move the log into it.
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        // Its own log goes to standard error, where a script expects one JSON object; the error says as much.
        conn.execute_batch("PRAGMA cipher_log_level = NONE;")?;
        cipher::unlock(&conn, key)?;
        let cache = if way == Way::Read { limits::READER_CACHE_KIB } else { limits::WRITER_CACHE_KIB };
        conn.execute_batch(&format!(
            "PRAGMA cache_size = -{cache}; PRAGMA temp_store = MEMORY; PRAGMA foreign_keys = ON;
             PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"
        ))?;
        conn.busy_timeout(limits::BOOKS_BUSY)?;
        conn.set_prepared_statement_cache_capacity(limits::BOOKS_STATEMENTS);
        let tables: i64 = conn.query_row("SELECT count(*) FROM sqlite_master", [], |r| r.get(0))?;
        if tables == 0 && way == Way::Write {
            return Err(damaged("books.db is empty.", "books.db が空です。"));
        }
        if way != Way::Read {
            let keep = limits::WAL_KEEP;
            // Checkpoints are ours (`Books::checkpoint`): a snapshot switches them off, and a failed one is seen.
            conn.execute_batch(&format!(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;
                 PRAGMA journal_size_limit = {keep};"
            ))?;
            conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
        }
        Ok(conn)
    }
}

impl Deref for Conn {
    type Target = Connection;
    fn deref(&self) -> &Connection {
        match &self.0 {
            Some(conn) => conn,
            None => unreachable!("open until dropped"),
        }
    }
}

impl DerefMut for Conn {
    fn deref_mut(&mut self) -> &mut Connection {
        match &mut self.0 {
            Some(conn) => conn,
            None => unreachable!("open until dropped"),
        }
    }
}

impl Drop for Conn {
    fn drop(&mut self) {
        let _inside = Inside::enter();
        self.0 = None;
    }
}

/// An fsync that failed: what the disk holds is not known any more.
pub(super) fn unconfirmed(e: &rusqlite::Error) -> bool {
    let syncs = [ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_IOERR_DIR_FSYNC];
    e.sqlite_error().is_some_and(|s| syncs.contains(&s.extended_code))
}

fn damaged(en: &str, ja: &str) -> Error {
    Error::damaged(say!("{ja}上書きはしていません。", "{en} Nothing was overwritten."))
        .hint(say!("バックアップから戻してください。", "Put it back from a backup."))
}

impl From<rusqlite::Error> for Error {
    fn from(e: rusqlite::Error) -> Error {
        let error = match e.sqlite_error().map(|s| (s.code, s.extended_code)) {
            // The index of the log is mapped, not written: without room it cannot grow, and says so in its own way.
            Some((ErrorCode::DiskFull, _) | (_, ffi::SQLITE_IOERR_SHMSIZE)) => full(),
            Some((ErrorCode::NotADatabase, _)) => damaged(
                "books.db does not open with this house's key: the file is damaged or another house's.",
                "books.db をこの鍵で開けません。壊れているか、別のデータのものです。",
            ),
            Some((ErrorCode::DatabaseCorrupt, _)) => damaged("books.db is damaged.", "books.db が壊れています。"),
            Some((ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _)) => {
                Error::later(say!("データベースが使用中です。", "The database is busy."))
            }
            Some((
                ErrorCode::ConstraintViolation,
                ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY,
            )) => Error::conflict(say!("同じものがすでにあります。", "There is one like it already.")),
            Some((ErrorCode::SystemIoFailure, _)) => Error::new(
                crate::base::Kind::Unhealthy,
                say!("books.db の読み書きに失敗しました。", "Reading or writing books.db failed."),
            )
            .hint(say!("ディスクの状態を確かめてください。", "Check the disk.")),
            _ => Error::bug("the books"),
        };
        error.because(e)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_as_one_however_sqlite_meets_it() {
        for code in [ffi::SQLITE_FULL, ffi::SQLITE_IOERR_SHMSIZE] {
            let e = Error::from(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None));
            assert_eq!(e.kind(), crate::base::Kind::Later, "{code}");
            assert!(e.says().en.contains("full"));
        }
    }
}
