//! kill -9 at a random moment, again and again: a writer in a process of its own says which writes were acknowledged,
//! and after each kill every one of them is there, whole, and the audit chain verifies.
//!
//! A small count runs with the tests; the full one by
//! `HAKOBU_KILLS=10000 cargo test --release --lib store::tests::kills -- --nocapture` (`HAKOBU_SEED` to repeat a run).
#![allow(clippy::print_stdout)] // figures

use super::*;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

const HOME: &str = "HAKOBU_KILL_HOME";
const FROM: &str = "HAKOBU_KILL_FROM";
const END: &str = "HAKOBU_END_HOME";
const ROOT: [u8; 32] = [1; 32];
/// Cycles after which a new house is made, so that checking all of it stays cheap.
const HOUSE_CYCLES: u64 = 100;

/// One acknowledgement: where the write went, and its number or name.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Kept(char, String);

fn said(kind: char, what: &dyn std::fmt::Display) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\nkept {kind} {what}").and_then(|()| out.flush()).unwrap();
}

/// Not a test of its own: the process that is killed. Started by the test below, it writes until it dies.
#[test]
fn the_writer() {
    let (Ok(home), Ok(from)) = (std::env::var(HOME), std::env::var(FROM)) else { return };
    let from: i64 = from.parse().unwrap();
    let store = Store::open(Path::new(&home), &Key::new(ROOT), &[SCHEMA]).unwrap();
    said('o', &"open");
    std::thread::scope(|s| {
        for thread in 0..2 {
            let store = &store;
            s.spawn(move || {
                for n in (0..).map(|i| from + i * 2 + thread) {
                    add(store, n).unwrap();
                    said('b', &n);
                }
            });
        }
        s.spawn(|| {
            let file = store.journal().file("r1").unwrap();
            for n in from.. {
                let key = n.to_be_bytes();
                file.write(|b| b.put("rows", &key, b"one").and_then(|()| b.put("pairs", &key, b"other"))).unwrap();
                said('j', &n);
            }
        });
        for n in from.. {
            let (id, _) = store.blobs().put(format!("blob {n}").repeat(50).as_bytes()).unwrap();
            said('f', &id.as_str());
        }
    });
}

#[test]
fn no_acknowledged_write_is_lost_when_the_process_is_killed_at_any_moment() {
    let number =
        |name: &str, otherwise: u64| std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(otherwise);
    let (cycles, seed) = (number("HAKOBU_KILLS", 30), number("HAKOBU_SEED", 1));
    let mut dice = power::dice(seed);
    let (mut home, mut total, mut of_house) = (new_house(), [0usize; 3], 0);
    let begun = Instant::now();
    for cycle in 0..cycles {
        let last = cycle % HOUSE_CYCLES == HOUSE_CYCLES - 1 || cycle + 1 == cycles;
        let kept = write_until_killed(home.path(), 1_000_000 * i64::try_from(cycle + 1).unwrap(), &mut dice);
        let store = Store::open(home.path(), &Key::new(ROOT), &[SCHEMA]).unwrap();
        for write in &kept {
            assert!(is_there(&store, write), "cycle {cycle} of seed {seed}: {write:?} was acknowledged and is lost");
        }
        assert!(store.journal().damaged().is_empty());
        for (count, kind) in total.iter_mut().zip(['b', 'j', 'f']) {
            *count += kept.iter().filter(|k| k.0 == kind).count();
        }
        of_house += kept.iter().filter(|k| k.0 == 'b').count();
        if last {
            let lines = store.verify_audit().unwrap();
            assert_eq!(lines, count(&store), "every write has its audit line, and no other");
            assert!(count(&store) >= i64::try_from(of_house).unwrap());
            (home, of_house) = (new_house(), 0);
            let ([books, journal, blobs], kills, seconds) = (total, cycle + 1, begun.elapsed().as_secs());
            println!(
                "{{\"kills\":{kills},\"seed\":{seed},\"books\":{books},\"journal\":{journal},\"blobs\":{blobs},\"lost\":0,\"seconds\":{seconds}}}"
            );
        }
    }
    assert!(total.iter().all(|n| *n > 0));
}

fn new_house() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    drop(Store::create(home.path(), &Key::new(ROOT), &[SCHEMA]).unwrap());
    home
}

/// Starts the writer, kills it at a moment of chance (one time in five while it opens), and says what it acknowledged.
fn write_until_killed(home: &Path, from: i64, dice: &mut impl FnMut(u64) -> u64) -> Vec<Kept> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::tests::kills::the_writer", "--nocapture", "--test-threads=1"])
        .env(HOME, home)
        .env(FROM, from.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let (tell, heard) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        let mut line = String::new();
        while out.read_line(&mut line).is_ok_and(|n| n > 0) {
            // A line without its end was cut by the kill: nothing was acknowledged by it.
            if let Some((kind, what)) = line.strip_suffix('\n').and_then(|l| l.strip_prefix("kept ")?.split_once(' ')) {
                tell.send(Kept(kind.chars().next().unwrap(), what.to_owned())).unwrap();
            }
            line.clear();
        }
    });
    let while_it_opens = dice(5) == 0;
    let mut kept = Vec::new();
    if !while_it_opens {
        let opened = heard.recv_timeout(Duration::from_secs(60)).expect("the writer does not open the house");
        assert_eq!(opened.0, 'o');
    }
    let until = Instant::now() + Duration::from_micros(dice(60_000));
    while let Ok(write) = heard.recv_timeout(until.saturating_duration_since(Instant::now())) {
        kept.push(write);
        if Instant::now() >= until {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap();
    kept.extend(heard.try_iter());
    kept.retain(|k| k.0 != 'o');
    kept
}

fn is_there(store: &Store, Kept(kind, what): &Kept) -> bool {
    match kind {
        'b' => {
            let row = |c: &rusqlite::Connection| c.prepare_cached("SELECT 1 FROM t WHERE n = ?1")?.exists([what]);
            store.read(|c| Ok(row(c)?)).unwrap()
        }
        'j' => {
            let key = what.parse::<i64>().unwrap().to_be_bytes();
            let file = store.journal().existing("r1").unwrap().unwrap();
            let both = file.read(|v| Ok((v.get("rows", &key)?, v.get("pairs", &key)?))).unwrap();
            both == (Some(b"one".to_vec()), Some(b"other".to_vec()))
        }
        _ => {
            let id = BlobId::parse(what).unwrap();
            store.blobs().read(&id).and_then(|mut r| r.read_whole()).is_ok_and(|b| b.starts_with(b"blob "))
        }
    }
}

/// Not a test of its own: ends in an orderly way while its threads go on writing and reading.
#[test]
fn the_one_that_ends() {
    let Ok(home) = std::env::var(END) else { return };
    let store: &'static Store = Box::leak(Box::new(Store::open(Path::new(&home), &Key::new(ROOT), &[SCHEMA]).unwrap()));
    let (tell, heard) = mpsc::channel();
    for thread in 0..4i64 {
        let tell = tell.clone();
        std::thread::spawn(move || {
            for n in (0..).map(|i| i * 4 + thread) {
                add(store, n).unwrap();
                count(store);
                tell.send(()).ok();
            }
        });
    }
    heard.iter().take(40).count();
    std::process::exit(0);
}

#[test]
fn a_process_may_end_while_its_threads_are_inside_the_books() {
    for _ in 0..10 {
        let home = new_house();
        let ended = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "store::tests::kills::the_one_that_ends", "--test-threads=1"])
            .env(END, home.path())
            .output()
            .unwrap();
        assert!(ended.status.success(), "{:?} {}", ended.status, String::from_utf8_lossy(&ended.stderr));
        assert!(count(&Store::open(home.path(), &Key::new(ROOT), &[SCHEMA]).unwrap()) >= 40);
    }
}
