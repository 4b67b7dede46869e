//! Mail that comes in, as the reader of failures and complaints takes it apart.
#![no_main]
#![allow(dead_code, unused_imports, unused_macros)]

#[macro_use]
#[path = "../../../src/base/mod.rs"]
mod base;
#[path = "../../../src/delivery/bounces/class.rs"]
mod class;
#[path = "../../../src/delivery/bounces/clean.rs"]
mod clean;
#[path = "../../../src/delivery/bounces/complaint.rs"]
mod complaint;
#[path = "../../../src/delivery/bounces/free_form.rs"]
mod free_form;
#[path = "../../../src/delivery/bounces/kind.rs"]
mod kind;
#[path = "../../../src/delivery/bounces/mail.rs"]
mod mail;
#[path = "../../../src/delivery/bounces/report.rs"]
mod report;
#[path = "../../../src/delivery/bounces/said.rs"]
mod said;
#[path = "../../../src/delivery/bounces/verp.rs"]
mod verp;

use kind::{Kind, Postbox};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let paths = verp::Paths::new(|_| base::seal::Key::new([7; 32]));
    if let Ok(local) = std::str::from_utf8(bytes) {
        assert!(paths.read(local).is_none());
    }
    let mail = mail::Mail::read(bytes);
    for to in Postbox::ALL {
        for nobody in [true, false] {
            if let Kind::Bounce { said, .. } = kind::read(&mail, to, nobody).kind {
                assert!(!clean::keep(&said.words, None).contains('@'));
            }
        }
    }
});
