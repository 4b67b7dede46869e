//! The one file with `unsafe`: SQLCipher's raw key has no safe wrapper, and a key in `PRAGMA key` would stay behind
//! in SQL buffers.
#![allow(unsafe_code)]

use crate::base::{Error, Kind, Result, seal::Key};
use rusqlite::{Connection, ffi};
use zeroize::Zeroizing;

/// Hands the raw 256-bit key to SQLCipher. Must come before the first statement on the connection.
pub(super) fn unlock(conn: &Connection, key: &Key) -> Result<()> {
    let literal = Zeroizing::new(format!("x'{}'", data_encoding::HEXLOWER.encode(key.bytes())));
    let len = i32::try_from(literal.len()).map_err(|_| Error::bug("key literal length"))?;
    // SAFETY: the handle is live for as long as `conn` is borrowed, the database name is a NUL-terminated literal,
    // and SQLCipher copies `len` bytes of the key before it returns.
    let code = unsafe { ffi::sqlite3_key_v2(conn.handle(), c"main".as_ptr(), literal.as_ptr().cast(), len) };
    match code {
        ffi::SQLITE_OK => Ok(()),
        _ => Err(Error::new(
            Kind::WrongKey,
            say!("データベースの鍵を設定できません。", "The database did not take the key."),
        )),
    }
}
