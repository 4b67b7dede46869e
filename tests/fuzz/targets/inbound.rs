//! The receiving side of SMTP: whatever comes, in whatever pieces, means the same and stays within its bounds.
#![no_main]
#![allow(dead_code, unused_imports, unused_macros)]

#[macro_use]
#[path = "../../../src/base/mod.rs"]
mod base;
#[path = "../../../src/delivery/inbound/data.rs"]
mod data;
#[path = "../../../src/delivery/inbound/line.rs"]
mod line;
#[path = "../../../src/delivery/inbound/machine.rs"]
mod machine;

use libfuzzer_sys::fuzz_target;
use machine::{Event, Machine, Recipients, Taking, Tls};

struct Book;

impl Recipients for Book {
    type Known = u8;

    fn taking(&self, local: &str, domain: Option<&str>, _: bool) -> Taking<u8> {
        match (local, domain) {
            ("a", _) => Taking::Yes(1),
            ("b", _) => Taking::NoSuch,
            _ => Taking::NotOurs,
        }
    }
}

fn talk(bytes: &[u8], piece: usize) -> Vec<Event<u8>> {
    let mut machine = Machine::new("mx.example.jp", Tls::Offered);
    let mut said: Vec<Event<u8>> = Vec::new();
    for piece in bytes.chunks(piece) {
        machine.hear(piece);
        while let Some(event) = machine.next(&Book) {
            match (event, said.last_mut()) {
                (Event::Piece(more), Some(Event::Piece(before))) => before.extend(more),
                (Event::End, _) => {
                    said.push(Event::End);
                    machine.settle(true);
                }
                (event, _) => said.push(event),
            }
        }
    }
    said
}

fuzz_target!(|bytes: &[u8]| {
    let begun = [b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@b>\r\nDATA\r\n", bytes].concat();
    for bytes in [bytes, &begun] {
        let whole = talk(bytes, usize::MAX);
        assert_eq!(talk(bytes, 1), whole);
        assert_eq!(talk(bytes, 7), whole);
    }
});
