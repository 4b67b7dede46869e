//! Count of a segment with one tag and two attribute conditions over a million contacts: the house's own query on
//! the sealed books, beside the same question written by hand on plain SQLite with the same tables and cache.
//!
//! `cargo bench --bench segment [-- CONTACTS]` prints one JSON line.
#![allow(clippy::print_stdout, clippy::unwrap_used)] // prints its figures; a bench that cannot start has none

use hakobu::base::{By, Result, Time, clock, limits, seal::Key};
use hakobu::contacts::{MailKind, SCHEMA, refusal, segment, topic};
use hakobu::store::Store;
use rusqlite::{Connection, params};
use std::time::{Duration, Instant};

const SEGMENT: &str = "tag:会員 and 都道府県 = 東京都 and 年齢 >= 30";
const BY_HAND: &str = "SELECT count(*) FROM tagged t \
    JOIN vals a ON a.attr = 1 AND a.contact = t.contact JOIN vals b ON b.attr = 2 AND b.contact = t.contact \
    WHERE t.tag = 1 AND a.v = '東京都' AND b.v >= 30";
const OTHERS: [&str; 5] =
    ["not tag:会員", "tag:会員 or 年齢 >= 70", "tag:会員 or email contains 12", "会社 contains 12", ""];
const GROUP: i64 = 2_000;
const ROUNDS: usize = 5;

fn main() -> Result<()> {
    // Under `cargo test --all-targets` a bench only shows that it still runs.
    let most = if std::env::args().any(|a| a == "--bench") { 1_000_000 } else { 2_000 };
    let contacts = std::env::args().skip(1).find_map(|a| a.parse().ok()).unwrap_or(most);
    let dir = tempfile::tempdir().unwrap();
    let now = clock::now();
    let (store, _code) = Store::create(&dir.path().join("sealed"), &Key::new([7; 32]), &[SCHEMA])?;
    let plain = plain(&dir.path().join("plain.db"));
    fill(contacts, |sql| store.write(&By::house("bench"), now, "bench.fill", |tx| sql(tx)));
    fill(contacts, |sql| {
        plain.execute_batch("BEGIN").unwrap();
        sql(&plain)?;
        plain.execute_batch("COMMIT").unwrap();
        Ok(())
    });
    let segment = segment::read(&store, SEGMENT)?;
    let ours = || segment::count(&store, &segment, Time(now.ms())).unwrap();
    let theirs = || plain.query_row(BY_HAND, [], |r| r.get::<_, i64>(0)).unwrap().unsigned_abs();
    assert_eq!(ours(), theirs(), "both count the same people");
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        a.push(time(&ours));
        b.push(time(&theirs));
    }
    let (ours_ms, plain_ms) = (middle(a), middle(b));
    let line = serde_json::json!({
        "bench": "segment_count", "contacts": contacts, "picked": ours(), "segment": SEGMENT,
        "ms": ours_ms, "plain_ms": plain_ms, "ratio": ours_ms / plain_ms, "wanted_under": 3.0,
    });
    println!("{line}");
    others(&store, contacts, now)
}

/// Where no table of one condition alone drives the query, and what a check before sending counts: for the record.
fn others(store: &Store, contacts: i64, now: Time) -> Result<()> {
    let topic = topic::ensure_default(store, &By::house("bench"), now, "News")?.id;
    for text in OTHERS {
        let segment = segment::read(store, text)?;
        let ms = middle((0..3).map(|_| time(&|| segment::count(store, &segment, now).unwrap())).collect());
        println!(
            "{}",
            serde_json::json!({"bench": "segment_count_other", "contacts": contacts, "segment": text, "ms": ms})
        );
    }
    let all = segment::Segment::everybody();
    let about = refusal::About { topic, kind: MailKind::Advertisement, once_per_address: true };
    let tally = || refusal::tally(store, &all, now, about).unwrap().total();
    println!(
        "{}",
        serde_json::json!({"bench": "consent_tally", "contacts": contacts, "ms": middle(vec![time(&tally)])})
    );
    Ok(())
}

fn plain(path: &std::path::Path) -> Connection {
    let c = Connection::open(path).unwrap();
    let cache = limits::READER_CACHE_KIB;
    c.execute_batch(&format!("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -{cache};"))
        .unwrap();
    for step in SCHEMA.steps {
        c.execute_batch(step).unwrap();
    }
    c
}

fn fill(contacts: i64, write: impl Fn(&dyn Fn(&Connection) -> Result<()>) -> Result<()>) {
    write(&|c| {
        c.execute_batch(
            "INSERT INTO attributes (id, key, label, type, created) VALUES (1, '都道府県', '都道府県', 'text', 0), \
             (2, '年齢', '年齢', 'number', 0), (3, '会社', '会社', 'text', 0); INSERT INTO tags VALUES (1, '会員'), (2, '他');",
        )?;
        Ok(())
    })
    .unwrap();
    for from in (1..=contacts).step_by(GROUP as usize) {
        write(&|c| (from..(from + GROUP).min(contacts + 1)).try_for_each(|id| person(c, id))).unwrap();
    }
}

fn person(c: &Connection, id: i64) -> Result<()> {
    // A multiplicative hash spreads what a person has, the same in both databases.
    let chance = |salt: i64, n: i64| ((id.wrapping_mul(2_654_435_761) ^ salt.wrapping_mul(40_503)) >> 7).rem_euclid(n);
    c.prepare_cached("INSERT INTO contacts (id, email, addr, search, created, changed) VALUES (?1, ?2, ?3, ?4, 0, 0)")?
        .execute(params![
            id,
            format!("person{id}@example.jp"),
            id.wrapping_mul(0x9E37_79B9_7F4A_7C15_u64 as i64),
            format!("person{id}@example.jp 山田{id}")
        ])?;
    let prefecture = ["東京都", "大阪府", "北海道", "福岡県", "沖縄県"][chance(1, 5) as usize];
    let mut value = c.prepare_cached("INSERT INTO vals (attr, contact, v) VALUES (?1, ?2, ?3)")?;
    value.execute(params![1, id, prefecture])?;
    value.execute(params![2, id, 18 + chance(2, 60)])?;
    value.execute(params![3, id, format!("株式会社{}", chance(3, 5_000))])?;
    c.prepare_cached("INSERT INTO tagged (tag, contact) VALUES (?1, ?2)")?.execute(params![1 + chance(4, 2), id])?;
    Ok(())
}

fn time(f: &dyn Fn() -> u64) -> Duration {
    let start = Instant::now();
    f();
    start.elapsed()
}

/// The middle of the rounds, in milliseconds.
fn middle(mut rounds: Vec<Duration>) -> f64 {
    rounds.sort();
    rounds[rounds.len() / 2].as_secs_f64() * 1000.0
}
