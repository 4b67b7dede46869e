//! A snapshot taken while everybody writes is one moment: whole, signed, never half of a transaction.
#![allow(clippy::print_stdout)] // figures

use super::*;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

#[test]
fn a_snapshot_under_load_opens_verifies_and_holds_no_half_transaction() {
    let (_dir, root, store) = house();
    store
        .write(&By::house("test"), Time(1), "t.two", |tx| {
            Ok(tx.execute_batch("CREATE TABLE two (n INTEGER PRIMARY KEY, half INTEGER, pad BLOB) STRICT;")?)
        })
        .unwrap();
    let (picture, _) = store.blobs().put(&b"a picture"[..]).unwrap();
    store.journal().file("r1").unwrap().write(|b| b.put("rows", b"old", b"run")).unwrap();
    store.journal().seal("r1").unwrap();
    store.journal().file("r2").unwrap();
    // Some weight, so that writes fall into the copying.
    for n in 0..40 {
        let fill = "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 100)
            INSERT INTO two SELECT -1000 * ?1 - i, 0, randomblob(2000) FROM c";
        store.write(&By::house("test"), Time(1), "t.fill", |tx| Ok(tx.execute(fill, [n])?)).unwrap();
    }
    let to = tempfile::tempdir().unwrap();
    let (ended, mut waits) = (AtomicBool::new(false), Vec::new());
    let made = std::thread::scope(|s| {
        let pairs = s.spawn(|| write_pairs(&store, &ended));
        let rows = s.spawn(|| write_rows(&store, &ended));
        let made = store.snapshot(&to.path().join("copy"), Time(5));
        ended.store(true, Ordering::Release);
        waits.extend(pairs.join().unwrap());
        waits.extend(rows.join().unwrap());
        made.unwrap()
    });
    waits.sort();
    println!("writers' longest wait during the snapshot: {:?} of {} writes", waits.last().unwrap(), waits.len());
    assert_eq!((made.blobs, made.journal_sealed, made.journal_live), (1, 1, 1));

    let copy = Store::open_snapshot(&to.path().join("copy"), &root, &[SCHEMA]).unwrap();
    assert!(copy.verify_audit().unwrap() > 1);
    let newest = copy.audit_newest(None, 1).unwrap();
    assert_eq!(newest[0].what, "store.snapshot", "the books are those of the snapshot's own commit");
    let halves: i64 =
        copy.read(|c| Ok(c.query_row("SELECT coalesce(sum(half), 0) FROM two", [], |r| r.get(0))?)).unwrap();
    assert_eq!(halves, 0);
    let whole: String = copy.read(|c| Ok(c.query_row("PRAGMA integrity_check", [], |r| r.get(0))?)).unwrap();
    assert_eq!(whole, "ok");
    assert_eq!(copy.blobs().read(&picture).unwrap().read_whole().unwrap(), b"a picture");
    assert_eq!(pairs_in(&copy) % 2, 0);
    let sealed = copy.journal().existing("r1").unwrap().unwrap();
    assert_eq!(sealed.read(|v| v.get("rows", b"old")).unwrap().unwrap(), b"run");
    assert!(copy.journal().is_sealed("r1"));
    add(&copy, 77).unwrap();
    assert_eq!(store.verify_audit().unwrap(), store.audit_newest(None, 1).unwrap()[0].n);
}

/// Books: two rows that sum to nothing, in one closure.
fn write_pairs(store: &Store, ended: &AtomicBool) -> Vec<Duration> {
    let mut waits = Vec::new();
    let mut n = 0i64;
    while !ended.load(Ordering::Acquire) || n < 20 {
        n += 1;
        let begun = Instant::now();
        store
            .write(&By::house("test"), Time(n), "t.pair", |tx| {
                tx.execute("INSERT INTO two VALUES (?1, ?2, zeroblob(600))", [2 * n, n])?;
                Ok(tx.execute("INSERT INTO two VALUES (?1, ?2, zeroblob(600))", [2 * n + 1, -n])?)
            })
            .unwrap();
        waits.push(begun.elapsed());
    }
    waits
}

/// Journal: two rows in each transaction.
fn write_rows(store: &Store, ended: &AtomicBool) -> Vec<Duration> {
    let file = store.journal().file("r2").unwrap();
    let mut waits = Vec::new();
    let mut n = 0u64;
    while !ended.load(Ordering::Acquire) || n < 20 {
        n += 1;
        let begun = Instant::now();
        file.write(|b| {
            b.put("rows", &(2 * n).to_be_bytes(), b"one")?;
            b.put("rows", &(2 * n + 1).to_be_bytes(), b"other")
        })
        .unwrap();
        waits.push(begun.elapsed());
    }
    waits
}

fn pairs_in(store: &Store) -> u64 {
    let mut rows = 0;
    let file = store.journal().existing("r2").unwrap().unwrap();
    file.read(|v| {
        v.scan("rows", &[], |_, _| {
            rows += 1;
            Ok(std::ops::ControlFlow::Continue(()))
        })
    })
    .unwrap();
    rows
}

#[test]
fn a_dumped_journal_file_comes_back_row_for_row_and_a_bent_part_is_refused() {
    let (_dir, root, store) = house();
    let file = store.journal().file("2026-11").unwrap();
    file.write(|b| {
        for n in 0..9000u64 {
            b.put(if n % 3 == 0 { "hits" } else { "rows" }, &n.to_be_bytes(), format!("row {n}").as_bytes())?;
        }
        Ok(())
    })
    .unwrap();
    let to = tempfile::tempdir().unwrap();
    let (good, bad) = (to.path().join("good"), to.path().join("bad"));
    assert_eq!(store.snapshot(&good, Time(5)).unwrap().journal_rows, 9000);
    store.snapshot(&bad, Time(5)).unwrap();
    let part = bad.join("journal/2026-11.dump/000000");
    let mut bytes = std::fs::read(&part).unwrap();
    assert!(bytes == std::fs::read(good.join("journal/2026-11.dump/000000")).unwrap(), "unchanged parts are equal");
    bytes[20] ^= 1;
    std::fs::write(&part, bytes).unwrap();
    assert_eq!(Store::open_snapshot(&bad, &root, &[SCHEMA]).err().unwrap().kind().exit_code(), 12);
    let copy = Store::open_snapshot(&good, &root, &[SCHEMA]).unwrap();
    let file = copy.journal().existing("2026-11").unwrap().unwrap();
    for n in [0u64, 1, 4097, 8999] {
        let table = if n % 3 == 0 { "hits" } else { "rows" };
        let back = file.read(|v| v.get(table, &n.to_be_bytes())).unwrap().unwrap();
        assert_eq!(back, format!("row {n}").into_bytes());
    }
}

#[test]
fn a_snapshot_goes_to_an_empty_folder_outside_the_data_and_one_without_its_end_does_not_open() {
    let (dir, root, store) = house();
    let to = tempfile::tempdir().unwrap();
    std::fs::write(to.path().join("mine.txt"), b"mine").unwrap();
    assert!(store.snapshot(to.path(), Time(1)).is_err());
    assert!(store.snapshot(&dir.path().join("copy"), Time(1)).is_err());
    let generations = dir.path().join(GENERATIONS);
    for within in [generations.clone(), generations.join("a/b"), generations.join("a/../../c")] {
        assert!(store.snapshot(&within, Time(1)).is_err(), "{}", within.display());
        std::fs::remove_dir_all(&generations).ok();
    }
    store.snapshot(&generations.join("a"), Time(1)).unwrap();
    store.snapshot(&generations.join("b"), Time(1)).unwrap();
    assert!(!generations.join("b").join(GENERATIONS).exists(), "no copy holds copies");
    Store::open_snapshot(&generations.join("a"), &root, &[SCHEMA]).unwrap();
    let half = to.path().join("half");
    store.snapshot(&half, Time(1)).unwrap();
    std::fs::remove_file(half.join("keyring.json")).unwrap();
    assert!(Store::open_snapshot(&half, &root, &[SCHEMA]).is_err());
}
