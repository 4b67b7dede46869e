//! Import of generated contacts (mail, name, three attributes, one tag, consent), beside bare prepared inserts of the
//! same rows (consent and undo rows included) into plain SQLite: 10,000 rows a transaction, the same cache, the same
//! tables and indexes, in the same run. One JSON line per figure.
//!
//!     cargo bench --bench import               1,000,000 contacts
//!     CONTACTS=100000 cargo bench --bench import
//!
//! The goals: `ratio` at least 0.35, `other_writer_p99_ms` under 250, `peak_mib` under 150.
#![allow(clippy::print_stdout)] // prints its figures; a bench that cannot start has none

use hakobu::base::progress::Quiet;
use hakobu::base::seal::Key;
use hakobu::base::{By, Error, Result, Time, limits};
use hakobu::contacts::consent::Basis;
use hakobu::contacts::import::{self, Consent, Hints, Order, Source};
use hakobu::contacts::{SCHEMA, topic};
use hakobu::store::Store;
use rusqlite::{Connection, params};
use std::io::Read;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const FAMILY: [&str; 8] = ["佐藤", "鈴木", "高橋", "田中", "渡辺", "伊藤", "山本", "中村"];
const CITY: [&str; 5] = ["東京都", "大阪府", "愛知県", "福岡県", "北海道"];

struct Person {
    email: String,
    name: String,
    city: &'static str,
    age: u64,
    points: u64,
}

fn person(n: u64) -> Person {
    // Addresses in no order, as in a real list.
    let mixed = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    Person {
        email: format!("{:x}.{n}@example{}.jp", mixed >> 40, n % 7),
        name: format!("{} {}", FAMILY[n as usize % 8], n % 1000),
        city: CITY[n as usize % 5],
        age: 18 + mixed % 70,
        points: mixed % 10_000,
    }
}

/// The file, made as it is read.
struct File {
    next: u64,
    count: u64,
    line: Vec<u8>,
    at: usize,
}

impl Read for File {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        if self.at == self.line.len() {
            if self.next > self.count {
                return Ok(0);
            }
            self.at = 0;
            self.line = match self.next {
                0 => "メールアドレス,氏名,都道府県,年齢,ポイント\n".into(),
                n => {
                    let p = person(n);
                    format!("{},{},{},{},{}\n", p.email, p.name, p.city, p.age, p.points).into_bytes()
                }
            };
            self.next += 1;
        }
        let n = out.len().min(self.line.len() - self.at);
        out[..n].copy_from_slice(&self.line[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}

fn main() -> Result<()> {
    let count = std::env::var("CONTACTS").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    let dir = tempfile::tempdir().map_err(Error::bug)?;
    let (ours, waits) = imported(dir.path(), count)?;
    // Read before the plain run, which has a cache of its own.
    let peak = peak_mib();
    let plain = inserted(&dir.path().join("plain.db"), count)?;
    let rate = |took: Duration| (count as f64 / took.as_secs_f64()).round();
    say("import", serde_json::json!({"contacts": count, "rows_per_s": rate(ours), "seconds": ours.as_secs_f64()}));
    say(
        "plain_inserts",
        serde_json::json!({"contacts": count, "rows_per_s": rate(plain), "seconds": plain.as_secs_f64()}),
    );
    say("import_ratio", serde_json::json!({"ratio": plain.as_secs_f64() / ours.as_secs_f64(), "goal": 0.35}));
    say(
        "other_writer",
        serde_json::json!({"writes": waits.len(), "p50_ms": at(&waits, 0.5), "p99_ms": at(&waits, 0.99), "max_ms": at(&waits, 1.0), "goal_p99_ms": 250}),
    );
    say("import_memory", serde_json::json!({"peak_mib": peak, "goal_mib": 150}));
    Ok(())
}

fn say(figure: &str, mut value: serde_json::Value) {
    value["figure"] = figure.into();
    println!("{value}");
}

fn at(sorted: &[f64], part: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * part).round() as usize).copied().unwrap_or(0.0)
}

fn imported(dir: &Path, count: u64) -> Result<(Duration, Vec<f64>)> {
    let (store, _) = Store::create(&dir.join("data"), &Key::new([7; 32]), &[SCHEMA])?;
    let by = By::house("bench");
    topic::create(&store, &by, Time(1), "お知らせ")?;
    let order = Order {
        tags: vec!["2026秋".into()],
        consent: Some(Consent {
            topic: None,
            basis: Basis::OptIn,
            source: "店頭".into(),
            wording: "お知らせの配信に同意します。".into(),
        }),
        ..Order::default()
    };
    let (done, waits) = (AtomicBool::new(false), Mutex::new(Vec::new()));
    let took = std::thread::scope(|s| {
        s.spawn(|| other_writer(&store, &done, &waits));
        let start = Instant::now();
        let file = File { next: 0, count, line: Vec::new(), at: 0 };
        let outcome = Source::open(&store, file, &Hints::default(), &Quiet).and_then(|mut source| {
            import::run(&store, (&by, Time(2)), &mut source, &order, &Quiet, &mut std::io::sink())
        });
        done.store(true, Ordering::Release);
        outcome.map(|report| (report, start.elapsed()))
    });
    let (report, took) = took?;
    if report.counts.new != count {
        return Err(Error::bug("not every contact was new"));
    }
    let mut waits = waits.into_inner().unwrap_or_default();
    waits.sort_by(f64::total_cmp);
    Ok((took, waits))
}

/// A small write twenty times a second, as a click in the pages would be.
fn other_writer(store: &Store, done: &AtomicBool, waits: &Mutex<Vec<f64>>) {
    let by = By::house("other");
    while !done.load(Ordering::Acquire) {
        std::thread::park_timeout(Duration::from_millis(50));
        let start = Instant::now();
        if store.write(&by, Time(3), "bench.click", |_| Ok(())).is_ok()
            && let Ok(mut waits) = waits.lock()
        {
            waits.push(start.elapsed().as_secs_f64() * 1000.0);
        }
    }
}

fn inserted(path: &Path, count: u64) -> Result<Duration> {
    let c = Connection::open(path)?;
    let cache = limits::WRITER_CACHE_KIB;
    c.execute_batch(&format!(
        "PRAGMA cache_size = -{cache}; PRAGMA temp_store = MEMORY; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
    ))?;
    for step in SCHEMA.steps {
        c.execute_batch(step)?;
    }
    let start = Instant::now();
    for from in (1..=count).step_by(10_000) {
        c.execute_batch("BEGIN")?;
        insert_some(&c, from..(from + 10_000).min(count + 1))?;
        c.execute_batch("COMMIT")?;
    }
    Ok(start.elapsed())
}

fn insert_some(c: &Connection, numbers: std::ops::Range<u64>) -> Result<()> {
    let mut contact = c.prepare_cached(
        "INSERT INTO contacts (email, addr, key, search, created, changed, import) VALUES (?1, ?2, NULL, ?3, 1, 1, 1)",
    )?;
    let mut value = c.prepare_cached("INSERT INTO vals (attr, contact, v) VALUES (?1, ?2, ?3)")?;
    let mut tag = c.prepare_cached("INSERT INTO tagged (tag, contact) VALUES (1, ?1)")?;
    let mut consent = c.prepare_cached(
        "INSERT INTO consents (contact, topic, n, given, at, basis, source, wording, by, import) VALUES (?1, 1, 1, 1, 1, 'opt_in', 1, 2, 'house:bench', 1)",
    )?;
    let mut undo =
        c.prepare_cached("INSERT INTO import_undo (import, contact, row, before) VALUES (1, ?1, ?2, NULL)")?;
    for n in numbers {
        let p = person(n);
        let hash = n.wrapping_mul(0x9E37_79B9_7F4A_7C15) as i64;
        contact.execute(params![p.email, hash, format!("{}\n{}", p.email, p.name)])?;
        let id = c.last_insert_rowid();
        value.execute(params![1, id, p.name])?;
        value.execute(params![2, id, p.city])?;
        value.execute(params![3, id, p.age as i64])?;
        value.execute(params![4, id, p.points as i64])?;
        tag.execute([id])?;
        consent.execute([id])?;
        undo.execute(params![id, n as i64])?;
    }
    Ok(())
}

/// The most memory that this process ever held.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap_or("");
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) / 1024
}
