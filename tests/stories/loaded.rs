//! A house under load. Counts only: how fast it is, the benches say.

use crate::load::figures::Figures;
use crate::load::hold::Hold;
use crate::load::house::{Loaded, Running, Size};
use crate::load::open::{Load, Settings};
use crate::load::plan::Mix;
use crate::load::writes;
use crate::rehearsal::Vendor;
use crate::switches;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

const SMALL: Size = Size { contacts: 500, links: 60 };
const UPLOAD: usize = (1 << 20) + 70_000;

fn settings(most: usize) -> Settings {
    Settings { mix: Mix::USUAL, rate: 100.0, most, life: Duration::from_secs(60), addresses: 16 }
}

#[test]
fn every_request_of_a_mixed_load_is_answered_rightly_and_every_write_is_found_once() {
    let loaded = Loaded::new(SMALL, None);
    let running = loaded.serve(false, &[]);
    let target = Arc::new(loaded.target(&running, UPLOAD));
    let records = Load::start(settings(400), target).finish();
    let figures = Figures::of(&records);
    assert_eq!((figures.requests, figures.failed), (400, 0), "{}", figures.json());
    assert_eq!(running.end(), 0);
    let found = writes::look_up(&loaded.home, &records);
    assert_eq!(found.wrong(), 0, "{found:?}");
    let sorts = [found.contacts, found.refusals, found.uploads];
    assert!(sorts.iter().all(|w| w.acknowledged > 0 && w.unanswered == 0), "{found:?}");
}

#[test]
fn slow_clients_that_are_held_take_nobody_elses_answers() {
    let loaded = Loaded::new(Size { contacts: 10, links: 10 }, None);
    let running = loaded.serve(false, &[]);
    let held = Hold { to: running.public, path: "/assets/none/x".into(), count: 300, addresses: 30 }.start();
    let target = Arc::new(loaded.target(&running, UPLOAD));
    let records = Load::start(Settings { mix: Mix::READING, ..settings(300) }, target).finish();
    let figures = Figures::of(&records);
    assert_eq!((figures.requests, figures.failed), (300, 0), "{}", figures.json());
    assert!(held.open() > 200, "{}", held.open());
    held.end();
}

#[test]
fn a_burst_on_a_fresh_worker_leaves_nobody_waiting_for_a_thread() {
    let loaded = Loaded::new(Size { contacts: 10, links: 60 }, None);
    let running = loaded.serve(false, &[]);
    let target = Arc::new(loaded.target(&running, UPLOAD));
    let burst = Settings { mix: Mix::READING, rate: 5_000.0, ..settings(400) };
    let figures = Figures::of(&Load::start(burst, target).finish());
    assert_eq!((figures.requests, figures.failed), (400, 0), "{}", figures.json());
}

#[test]
fn ten_updates_up_and_down_under_load_fail_no_request_and_lose_no_write() {
    let loaded = Loaded::new(SMALL, None);
    let vendor = Vendor::new(&loaded.home);
    let first = vendor.program("0.1.0", json!({}));
    let running = Running::start(&loaded.home, &first, true, &[]);
    let target = Arc::new(loaded.target(&running, UPLOAD));
    let life = Duration::from_secs(600);
    let load = Load::start(Settings { rate: 40.0, life, ..settings(usize::MAX) }, target);
    for n in 0..10 {
        let switch = switches::nth(&loaded.home, &load, &vendor, n, 1);
        assert!(switch.is_updated(), "{n}: {}", switch.said);
    }
    let records = load.stop();
    let figures = Figures::of(&records);
    assert_eq!(figures.failed, 0, "{}", figures.json());
    assert_eq!(running.end(), 0);
    let found = writes::look_up(&loaded.home, &records);
    assert_eq!(found.wrong(), 0, "{found:?}");
}
