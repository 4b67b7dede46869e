//! The PROXY header, version 2, as the door reads it from a connection.
#![no_main]
#![allow(dead_code, unused_imports, unused_macros)]

#[macro_use]
#[path = "../../../src/base/mod.rs"]
mod base;
#[path = "../../../src/door/front/proxy_v2.rs"]
mod proxy_v2;

use libfuzzer_sys::fuzz_target;

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

fuzz_target!(|bytes: &[u8]| {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let signed = [SIGNATURE, bytes].concat();
    for mut bytes in [bytes, &signed] {
        let all = bytes.len();
        let read = runtime.block_on(proxy_v2::read(&mut bytes));
        // What comes after the header is the client's, and is left alone.
        assert!(read.is_err() || all - bytes.len() >= 16);
    }
});
