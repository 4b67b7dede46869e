//! Frames of the control socket, as whoever may connect to it can say them.
#![no_main]
#![allow(dead_code, unused_imports, unused_macros)]

#[macro_use]
#[path = "../../../src/base/mod.rs"]
mod base;

use base::frames::{self, Line};
use libfuzzer_sys::fuzz_target;
use std::io::Write;
use std::os::unix::net::UnixStream;

fuzz_target!(|bytes: &[u8]| {
    // What does not fit into the socket at once would wait for a reader.
    let bytes = &bytes[..bytes.len().min(32 << 10)];
    let (caller, door) = UnixStream::pair().expect("a pair");
    (&caller).write_all(bytes).expect("room");
    drop(caller);
    let line = Line::new(door);
    while let Ok(Some((_, payload))) = line.receive(&mut || {}) {
        frames::split_output(&payload);
        frames::error_from(&payload);
        frames::from_json::<u32>(&payload).ok();
    }
});
