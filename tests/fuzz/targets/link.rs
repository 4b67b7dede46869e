//! Lines between door and worker, as a worker that went mad could write them.
#![no_main]
#![allow(dead_code, unused_imports, unused_macros)]

#[macro_use]
#[path = "../../../src/base/mod.rs"]
mod base;

use base::link::{ToDoor, ToWorker, halves};
use libfuzzer_sys::fuzz_target;
use std::io::Write;
use std::os::unix::net::UnixStream;

fuzz_target!(|bytes: &[u8]| {
    let bytes = &bytes[..bytes.len().min(32 << 10)];
    for worker in [true, false] {
        let (mad, other) = UnixStream::pair().expect("a pair");
        (&mad).write_all(bytes).expect("room");
        drop(mad);
        let Ok((_, mut ear)) = halves(other) else { return };
        match worker {
            true => while let Ok(Some(_)) = ear.hear::<ToDoor>() {},
            false => while let Ok(Some(_)) = ear.hear::<ToWorker>() {},
        }
    }
});
