//! A disk that fails on order. In the test binary the C library's calls that write are replaced by these: SQLite and
//! the standard library's files both end here. A fault is armed for the calling thread alone, whose n-th call fails.
//! (This is the one test file with `unsafe`: a symbol of the C library can be replaced in no other way, and a static
//! binary cannot be reached from outside.)
#![allow(unsafe_code)]

use rustix::fd::BorrowedFd;
use rustix::io::Errno;
use std::cell::Cell;
use std::ffi::{c_int, c_void};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Write,
    Sync,
}

#[derive(Clone, Copy)]
pub(super) struct Fault {
    pub(super) on: Call,
    /// Calls that still succeed.
    pub(super) after: u32,
    pub(super) error: Errno,
    /// All later calls fail too, as on a full disk; otherwise one.
    pub(super) stays: bool,
}

thread_local! {
    static ARMED: Cell<Option<Fault>> = const { Cell::new(None) };
    static FIRED: Cell<u32> = const { Cell::new(0) };
}

/// Runs `f` on a disk with that fault; how many calls failed.
pub(super) fn with<T>(fault: Fault, f: impl FnOnce() -> T) -> (T, u32) {
    ARMED.set(Some(fault));
    FIRED.set(0);
    let value = f();
    ARMED.set(None);
    (value, FIRED.get())
}

fn refused(call: Call) -> Option<Errno> {
    let fault = ARMED.try_with(Cell::get).ok().flatten().filter(|f| f.on == call)?;
    if fault.after > 0 {
        ARMED.set(Some(Fault { after: fault.after - 1, ..fault }));
        return None;
    }
    if !fault.stays {
        ARMED.set(None);
    }
    FIRED.set(FIRED.get() + 1);
    Some(fault.error)
}

unsafe extern "C" {
    fn __errno_location() -> *mut c_int;
}

fn answer<T>(call: Call, real: impl FnOnce() -> rustix::io::Result<T>) -> Result<T, ()> {
    let outcome = refused(call).map_or_else(real, Err);
    outcome.map_err(|e| {
        // SAFETY: the C library's own errno of this thread.
        unsafe { *__errno_location() = e.raw_os_error() };
    })
}

fn count(outcome: Result<usize, ()>) -> isize {
    outcome.map_or(-1, |n| n.cast_signed())
}

fn done(outcome: Result<(), ()>) -> c_int {
    outcome.map_or(-1, |()| 0)
}

// SAFETY (all below): the caller is held to the contract of the C function of the same name.
#[unsafe(no_mangle)]
unsafe extern "C" fn write(fd: c_int, from: *const c_void, n: usize) -> isize {
    let (fd, bytes) = unsafe { (BorrowedFd::borrow_raw(fd), std::slice::from_raw_parts(from.cast::<u8>(), n)) };
    count(answer(Call::Write, || rustix::io::write(fd, bytes)))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pwrite64(fd: c_int, from: *const c_void, n: usize, at: i64) -> isize {
    let (fd, bytes) = unsafe { (BorrowedFd::borrow_raw(fd), std::slice::from_raw_parts(from.cast::<u8>(), n)) };
    count(answer(Call::Write, || rustix::io::pwrite(fd, bytes, at.cast_unsigned())))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn ftruncate64(fd: c_int, len: i64) -> c_int {
    let fd = unsafe { BorrowedFd::borrow_raw(fd) };
    done(answer(Call::Write, || rustix::fs::ftruncate(fd, len.cast_unsigned())))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn fsync(fd: c_int) -> c_int {
    let fd = unsafe { BorrowedFd::borrow_raw(fd) };
    done(answer(Call::Sync, || rustix::fs::fsync(fd)))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn fdatasync(fd: c_int) -> c_int {
    let fd = unsafe { BorrowedFd::borrow_raw(fd) };
    done(answer(Call::Sync, || rustix::fs::fdatasync(fd)))
}
