//! The one file with `unsafe`: SQLCipher's raw key has no safe wrapper (a key in `PRAGMA key` would stay behind in SQL
//! buffers), and neither has OpenSSL's start and end, which decide whether two connections may work at once.
//!
//! **Invariant:** no connection is opened before `ready()` has said that OpenSSL was built with locks.
//! **Invariant:** once the process has begun to end, no thread is inside SQLCipher: both SQLCipher and OpenSSL free
//! their tables from exit handlers, under whoever still works.
#![allow(unsafe_code)]

use crate::base::{Error, Kind, Result, seal::Key};
use rusqlite::{Connection, ffi};
use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

const NO_ATEXIT: u64 = 0x0008_0000;
const BUILT_WITH: c_int = 1;

unsafe extern "C" {
    fn OPENSSL_init_crypto(options: u64, settings: *const c_void) -> c_int;
    fn OpenSSL_version(what: c_int) -> *const c_char;
    fn atexit(end: extern "C" fn()) -> c_int;
}

static INSIDE: AtomicUsize = AtomicUsize::new(0);
static ENDING: AtomicBool = AtomicBool::new(false);
/// How long the end of the process waits for those who are inside.
const END_WAITS: Duration = Duration::from_secs(5);

/// Starts OpenSSL and SQLCipher, once per process.
pub(super) fn ready() -> Result<()> {
    static READY: OnceLock<bool> = OnceLock::new();
    match *READY.get_or_init(start) {
        true => Ok(()),
        false => Err(Error::bug("SQLCipher's OpenSSL was built without threads: see .cargo/openssl-perl")),
    }
}

fn start() -> bool {
    // SAFETY: plain calls without arguments of ours; the version string is a static, NUL-terminated literal, and
    // `end` is a function without captures, registered after SQLCipher's own handler so that it runs before it.
    unsafe {
        let built = CStr::from_ptr(OpenSSL_version(BUILT_WITH)).to_bytes();
        let threads = built.windows(8).any(|w| w == b"-pthread");
        threads
            && OPENSSL_init_crypto(NO_ATEXIT, std::ptr::null()) == 1
            && ffi::sqlite3_initialize() == ffi::SQLITE_OK
            && atexit(end) == 0
    }
}

/// Runs at the end of the process, before SQLCipher's handler: lets those who are inside finish, and nobody else in.
extern "C" fn end() {
    ENDING.store(true, Ordering::SeqCst);
    let begun = Instant::now();
    while INSIDE.load(Ordering::SeqCst) > 0 && begun.elapsed() < END_WAITS {
        std::thread::yield_now();
    }
}

/// Held while a thread works with a connection.
pub(super) struct Inside(());

impl Inside {
    pub(super) fn enter() -> Inside {
        INSIDE.fetch_add(1, Ordering::SeqCst);
        if ENDING.load(Ordering::SeqCst) {
            INSIDE.fetch_sub(1, Ordering::SeqCst);
            loop {
                std::thread::park(); // the process is ending; there is nothing to come back to
            }
        }
        Inside(())
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        INSIDE.fetch_sub(1, Ordering::SeqCst);
    }
}

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
