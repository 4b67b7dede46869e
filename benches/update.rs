//! Updates under load, up and down: an open-loop generator with new and kept connections, pages, writes and uploads
//! runs across all of them; afterwards every acknowledged write is looked up. One JSON line per update, and the sum.
//!
//!     cargo bench --bench update                      10 updates, 1,000,000 contacts
//!     UPDATES=100 REQUESTS=1000000 RATE=1000 cargo bench --bench update
//!
//! `CONTACTS`, `LINKS` (unsubscribe links that can be used), `PROBATION` (seconds of each update) and `KEEP=DIR` (keeps the
//! house for the next time) change the rest. Latency counts from the moment at which a request was due.
//!
//! The goals: `failed`, `lost`, `doubled` and `unasked` 0; `inside` p99 at most 250 ms, longest at most 1 s.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::unwrap_used, clippy::expect_used)] // prints its figures; a bench that cannot start has none

#[path = "../tests/load/mod.rs"]
mod load;
#[path = "../tests/stories/rehearsal.rs"]
#[allow(dead_code)] // the stories use all of it
mod rehearsal;
#[path = "../tests/load/switches.rs"]
mod switches;
#[path = "../tests/stories/world.rs"]
#[allow(dead_code)] // the stories use all of it
mod world;

use load::figures::{Figures, Record, stall, within};
use load::house::{Loaded, Running, Size};
use load::open::{Load, Settings};
use load::plan::Mix;
use load::writes;
use rehearsal::Vendor;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use switches::Switch;

/// More than a door keeps in memory.
const UPLOAD: usize = (1 << 20) + 70_000;

fn main() {
    // Under `cargo test --bench update` it only shows that it still runs.
    let whole = std::env::args().any(|a| a == "--bench");
    let usual = |large: usize, small: usize| if whole { large } else { small };
    let updates = number("UPDATES", usual(10, 2));
    let requests = number("REQUESTS", updates * usual(10_000, 100));
    let rate = number("RATE", usual(500, 50)) as f64;
    let size = Size { contacts: number("CONTACTS", usual(1_000_000, 200)), links: number("LINKS", usual(5_000, 40)) };
    let kept = std::env::var_os("KEEP").map(PathBuf::from);
    let loaded = Loaded::new(size, kept.as_deref());
    let vendor = Vendor::new(&loaded.home);
    let first = vendor.program("0.1.0", json!({}));
    let running = Running::start(&loaded.home, &first, true, &[]);
    let target = Arc::new(loaded.target(&running, UPLOAD));
    let life = Duration::from_secs(6 * 3600);
    let load = Load::start(Settings { mix: Mix::USUAL, rate, most: usize::MAX, life, addresses: 64 }, target);
    let probation = number("PROBATION", 2) as u64;
    let mut done = Vec::new();
    for n in 0..updates {
        wait_for(&load, requests / updates * n + (rate as usize).min(requests / updates));
        let switch = switches::nth(&loaded.home, &load, &vendor, n, probation);
        // So that a long run can be followed; the line with what clients saw comes at the end.
        eprintln!("{} {}", n + 1, switch.said);
        done.push(switch);
    }
    wait_for(&load, requests);
    let records = load.stop();
    assert_eq!(running.end(), 0);
    for switch in &done {
        say("update", switch.json(&records));
    }
    sum(&loaded, &records, &done, size);
}

fn number(name: &str, usual: usize) -> usize {
    std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(usual)
}

fn say(figure: &str, mut value: Value) {
    value["figure"] = figure.into();
    println!("{value}");
}

fn wait_for(load: &Load, sent: usize) {
    while load.sent() < sent && !load.is_over() {
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

fn sum(loaded: &Loaded, records: &[Record], done: &[Switch], size: Size) {
    let spans: Vec<_> = done.iter().filter_map(|s| stall(records, &s.span)).collect();
    let inside = Figures::of(spans.iter().flat_map(|span| within(records, span)));
    let outside = Figures::of(records.iter().filter(|r| !done.iter().any(|s| s.span.contains(&r.due))));
    let found = writes::look_up(&loaded.home, records);
    say(
        "updates",
        json!({"updates": done.len(), "updated": done.iter().filter(|s| s.is_updated()).count(),
            "doors_replaced": done.iter().filter(|s| s.replaced_the_door()).count(), "contacts": size.contacts,
            "all": Figures::of(records).json(), "inside": inside.json(), "between": outside.json(),
            "goal_inside_p99_ms": 250, "goal_inside_max_ms": 1000, "writes": found, "wrong_writes": found.wrong()}),
    );
}
