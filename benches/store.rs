//! The store under load: waits of small writes beside an import and a snapshot, shared commits, the log under a long
//! reader. One JSON line per figure.
//!
//!     cargo bench --bench store
#![allow(clippy::print_stdout, clippy::unwrap_used)] // prints its figures; a bench that cannot start has none

use hakobu::base::seal::Key;
use hakobu::base::{By, Time};
use hakobu::store::{Schema, Store};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const SCHEMA: Schema = Schema {
    room: "bench",
    steps: &["CREATE TABLE people (id INTEGER PRIMARY KEY, email TEXT NOT NULL, addr INTEGER NOT NULL, search TEXT NOT NULL) STRICT;
    CREATE INDEX people_addr ON people (addr);
    CREATE TABLE small (n INTEGER PRIMARY KEY, v TEXT NOT NULL) STRICT;"],
};

fn main() {
    // Under `cargo test --all-targets` a bench only shows that it still runs.
    let scale = if std::env::args().any(|a| a == "--bench") { 100 } else { 1 };
    other_writers_beside_an_import(scale);
    shared_commits(scale);
    beside_a_snapshot(scale);
}

fn big_house(rows: i64) -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let (store, _code) = Store::create(dir.path(), &Key::new([1; 32]), &[SCHEMA]).unwrap();
    for batch in 0..rows / 1000 {
        import(&store, batch);
    }
    (dir, store)
}

/// A thousand rows in one closure, as an importer writes them.
fn import(store: &Store, batch: i64) -> Duration {
    let begun = Instant::now();
    store
        .write(&By::house("import"), Time(1), "t.import", |tx| {
            let mut add = tx.prepare_cached("INSERT INTO people VALUES (?1, ?2, ?3, ?4)")?;
            for id in batch * 1000..(batch + 1) * 1000 {
                let addr = id.wrapping_mul(0x9e37_79b9_7f4a_7c15u64.cast_signed());
                let email = format!("person{id}@example.jp");
                add.execute(rusqlite::params![id, email, addr, format!("{email} 山田 花子 {id}")])?;
            }
            Ok(())
        })
        .unwrap();
    begun.elapsed()
}

fn ms(waits: &mut [Duration], part: f64) -> f64 {
    waits.sort();
    let at = ((waits.len() as f64 * part) as usize).min(waits.len().saturating_sub(1));
    waits.get(at).map_or(0.0, |wait| wait.as_secs_f64() * 1000.0)
}

/// Small writes, one after the other, until told to stop.
fn small_writes(store: &Store, from: i64, ended: &AtomicBool) -> Vec<Duration> {
    let mut waits = Vec::new();
    for n in from.. {
        if ended.load(Ordering::Acquire) {
            break;
        }
        let begun = Instant::now();
        store
            .write(&By::house("bench"), Time(n), "t.small", |tx| {
                Ok(tx.execute("INSERT INTO small VALUES (?1, 'x')", [n])?)
            })
            .unwrap();
        waits.push(begun.elapsed());
    }
    waits
}

fn other_writers_beside_an_import(scale: i64) {
    for importers in [1, 3] {
        let (_dir, store) = big_house(1000 * scale);
        let ended = AtomicBool::new(false);
        let (mut waits, mut steps) = (Vec::new(), Vec::new());
        let begun = Instant::now();
        std::thread::scope(|s| {
            let others: Vec<_> = (0..2)
                .map(|w| (w, &store, &ended))
                .map(|(w, store, ended)| s.spawn(move || small_writes(store, w << 40, ended)))
                .collect();
            let imports: Vec<_> = (0..importers)
                .map(|i| (i, &store))
                .map(|(i, store)| {
                    s.spawn(move || (0..2 * scale).map(|b| import(store, 1000 * (i + 1) + b)).collect::<Vec<_>>())
                })
                .collect();
            imports.into_iter().for_each(|h| steps.extend(h.join().unwrap()));
            ended.store(true, Ordering::Release);
            others.into_iter().for_each(|h| waits.extend(h.join().unwrap()));
        });
        let rate =
            2_000.0 * scale as f64 * f64::from(i32::try_from(importers).unwrap()) / begun.elapsed().as_secs_f64();
        println!(
            "{{\"figure\":\"write beside import\",\"importers\":{importers},\"writes\":{},\"p50_ms\":{:.1},\"p99_ms\":{:.1},\"max_ms\":{:.1},\"import_p99_ms\":{:.1},\"import_rows_s\":{rate:.0}}}",
            waits.len(),
            ms(&mut waits, 0.5),
            ms(&mut waits, 0.99),
            ms(&mut waits, 1.0),
            ms(&mut steps, 0.99),
        );
    }
}

fn shared_commits(scale: i64) {
    for threads in [1, 8, 32] {
        let (_dir, store) = big_house(0);
        let ended = AtomicBool::new(false);
        let begun = Instant::now();
        let mut waits = Vec::new();
        std::thread::scope(|s| {
            let writers: Vec<_> = (0..threads)
                .map(|w| (w, &store, &ended))
                .map(|(w, store, ended)| s.spawn(move || small_writes(store, w << 40, ended)))
                .collect();
            while begun.elapsed() < Duration::from_millis(30 * scale as u64) {
                std::thread::yield_now();
            }
            ended.store(true, Ordering::Release);
            writers.into_iter().for_each(|h| waits.extend(h.join().unwrap()));
        });
        let rate = waits.len() as f64 / begun.elapsed().as_secs_f64();
        println!(
            "{{\"figure\":\"grouped writes\",\"threads\":{threads},\"writes_s\":{rate:.0},\"p99_ms\":{:.1}}}",
            ms(&mut waits, 0.99)
        );
    }
}

fn beside_a_snapshot(scale: i64) {
    let (_dir, store) = big_house(4000 * scale);
    let to = tempfile::tempdir().unwrap();
    let ended = AtomicBool::new(false);
    let (mut waits, made, took) = std::thread::scope(|s| {
        let writer = s.spawn(|| small_writes(&store, 1, &ended));
        let begun = Instant::now();
        let made = store.snapshot(&to.path().join("copy"), Time(5)).unwrap();
        let took = begun.elapsed();
        ended.store(true, Ordering::Release);
        (writer.join().unwrap(), made, took)
    });
    println!(
        "{{\"figure\":\"write beside snapshot\",\"books_mb\":{},\"snapshot_ms\":{:.0},\"writes\":{},\"p99_ms\":{:.1},\"max_ms\":{:.1}}}",
        made.books >> 20,
        took.as_secs_f64() * 1000.0,
        waits.len(),
        ms(&mut waits, 0.99),
        ms(&mut waits, 1.0),
    );
    let log = || std::fs::metadata(store.dir().join("books/books.db-wal")).unwrap().len() >> 20;
    let held = store
        .read(|c| {
            c.query_row("SELECT count(*) FROM people", [], |r| r.get::<_, i64>(0))?;
            for batch in 1000..1000 + 2 * scale {
                import(&store, batch);
            }
            Ok(log())
        })
        .unwrap();
    for batch in 1200..1200 + scale * 6 / 10 {
        import(&store, batch);
    }
    println!(
        "{{\"figure\":\"log under a long reader\",\"rows\":{},\"log_mb\":{held},\"log_mb_after\":{}}}",
        2000 * scale,
        log()
    );
}
