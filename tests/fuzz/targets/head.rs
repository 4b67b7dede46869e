//! The head of a request, as the door looks at it before anybody else does.
#![no_main]
#![allow(dead_code, unused_imports, unused_macros)]

#[macro_use]
#[path = "../../../src/base/mod.rs"]
mod base;
#[path = "../../../src/door/front/screen.rs"]
mod screen;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let whole = screen::end_of_head(bytes, 0);
    for cut in 0..bytes.len().min(64) {
        let early = screen::end_of_head(&bytes[..cut], 0);
        assert_eq!(early.or_else(|| screen::end_of_head(bytes, cut)), whole);
    }
    let Some(end) = whole else { return };
    let seen = screen::look(&bytes[..end]);
    if !seen.doubtful {
        // Whoever reads it by lines finds one way of framing at most.
        let text = bytes[..end].to_ascii_lowercase();
        let lines = text.split(|b| *b == b'\n');
        let framing = lines.filter(|l| l.starts_with(b"content-length") || l.starts_with(b"transfer-encoding"));
        assert!(framing.count() <= 1);
    }
});
