//! The n-th call to the disk fails, for each n until all goes well: the caller is told, what was acknowledged stays,
//! and writing goes on once there is room. After a failed fsync nothing more is acknowledged.

use super::faulty::{Call, Fault, with};
use super::*;
use crate::base::{Kind, Time};
use rustix::io::Errno;
use std::collections::BTreeSet;

const FULL: Fault = Fault { on: Call::Write, after: 0, error: Errno::NOSPC, stays: true };

/// A closure that writes several pages.
fn add_wide(store: &Store, n: i64) -> Result<()> {
    store.write(&By::house("test"), Time(n), "t.wide", |tx| {
        for i in 0..8 {
            tx.execute("INSERT INTO wide VALUES (?1, randomblob(3000))", [n * 10 + i])?;
        }
        Ok(())
    })
}

fn wide_house() -> (tempfile::TempDir, Key, Store) {
    let (dir, root, store) = house();
    let table = "CREATE TABLE wide (n INTEGER PRIMARY KEY, b BLOB NOT NULL) STRICT;";
    store.write(&By::house("test"), Time(1), "t.table", |tx| Ok(tx.execute_batch(table)?)).unwrap();
    (dir, root, store)
}

/// The writes that are there, each of them whole.
fn kept(store: &Store) -> BTreeSet<i64> {
    let mut found = BTreeSet::new();
    store
        .read(|c| {
            let mut q = c.prepare("SELECT n / 10, count(*) FROM wide GROUP BY 1")?;
            for row in q.query_map([], |r| Ok((r.get::<_, i64>(0)?, r.get::<_, i64>(1)?)))? {
                let (n, rows) = row?;
                assert_eq!(rows, 8, "half of write {n}");
                found.insert(n);
            }
            Ok(())
        })
        .unwrap();
    found
}

#[test]
fn with_the_disk_full_at_any_write_the_caller_is_told_and_writing_works_again_once_there_is_room() {
    let (_dir, _root, store) = wide_house();
    let mut acknowledged = BTreeSet::new();
    for n in 0.. {
        let (outcome, failed) = with(Fault { after: n, ..FULL }, || add_wide(&store, i64::from(n)));
        match &outcome {
            Ok(()) => acknowledged.insert(i64::from(n)),
            Err(e) => {
                assert_eq!(e.kind(), Kind::Later, "write {n}: {}", e.chain());
                false
            }
        };
        assert!(store.is_sound());
        assert_eq!(kept(&store), acknowledged, "after write {n} failed");
        add_wide(&store, 100_000 + i64::from(n)).unwrap();
        acknowledged.insert(100_000 + i64::from(n));
        if failed == 0 {
            assert!(n > 8, "only {n} calls were tried");
            break;
        }
    }
    assert_eq!(kept(&store), acknowledged);
    let lines = i64::try_from(acknowledged.len()).unwrap() + 1;
    assert_eq!(store.verify_audit().unwrap(), lines, "every audit line has its write, and no other");
}

#[test]
fn after_a_failed_fsync_nothing_is_acknowledged_until_a_restart_and_nothing_acknowledged_is_lost() {
    let (dir, root, mut store) = wide_house();
    let mut acknowledged = BTreeSet::new();
    for n in 0..6 {
        add_wide(&store, 1000 + n).unwrap();
        acknowledged.insert(1000 + n);
        let fault = Fault { on: Call::Sync, after: 0, error: Errno::IO, stays: false };
        let (outcome, failed) = with(fault, || add_wide(&store, n));
        assert_eq!((outcome.unwrap_err().kind(), failed), (Kind::Unhealthy, 1));
        assert!(!store.is_sound());
        let refused = add_wide(&store, 2000 + n).unwrap_err();
        assert_eq!(refused.kind(), Kind::Unhealthy);
        let file = store.journal().file("r1");
        assert!(file.and_then(|f| f.write(|b| b.put("rows", b"1", b"1"))).is_err(), "the journal stops too");
        drop(store);
        store = Store::open(dir.path(), &root, &[SCHEMA]).unwrap();
        let there = kept(&store);
        assert!(acknowledged.is_subset(&there));
        // The write whose fsync failed may be there or not; nothing else may.
        acknowledged.extend(there.iter().filter(|k| (0..=n).contains(*k)));
        assert_eq!(there, acknowledged);
        store.verify_audit().unwrap();
    }
}

#[test]
fn an_input_output_error_at_any_write_loses_nothing_that_was_acknowledged() {
    let (dir, root, mut store) = wide_house();
    let mut acknowledged = BTreeSet::new();
    for n in 0.. {
        let fault = Fault { on: Call::Write, after: n, error: Errno::IO, stays: false };
        let (outcome, failed) = with(fault, || add_wide(&store, i64::from(n)));
        if outcome.is_ok() {
            acknowledged.insert(i64::from(n));
        }
        if !store.is_sound() {
            drop(store);
            store = Store::open(dir.path(), &root, &[SCHEMA]).unwrap();
        }
        let there = kept(&store);
        assert!(acknowledged.is_subset(&there), "write {n}");
        acknowledged = there;
        store.verify_audit().unwrap();
        add_wide(&store, 100_000 + i64::from(n)).unwrap();
        acknowledged.insert(100_000 + i64::from(n));
        if failed == 0 {
            break;
        }
    }
}

#[test]
fn when_one_closure_fills_the_disk_everybody_in_its_group_is_told_and_nobody_is_written() {
    let (_dir, _root, store) = wide_house();
    let (first, second) = std::thread::scope(|s| {
        let (inside, enter) = std::sync::mpsc::channel();
        let store = &store;
        let first = s.spawn(move || {
            store.write(&By::house("test"), Time(1), "t.add", |tx| {
                inside.send(()).unwrap();
                while store.books.in_line() == 0 {
                    std::thread::yield_now();
                }
                Ok(tx.execute("INSERT INTO t VALUES (1)", [])?)
            })
        });
        enter.recv().unwrap();
        let second = s.spawn(move || {
            // A cache of ten pages, so that the closure itself has to write to the disk.
            let write = || {
                store.write(&By::house("test"), Time(2), "t.wide", |tx| {
                    tx.execute_batch("PRAGMA cache_size = 10; PRAGMA cache_spill = 10;")?;
                    for i in 0..60 {
                        tx.execute("INSERT INTO wide VALUES (?1, randomblob(3000))", [i])?;
                    }
                    Ok(())
                })
            };
            let (outcome, failed) = with(FULL, write);
            assert!(failed > 0);
            outcome
        });
        (first.join().unwrap(), second.join().unwrap())
    });
    assert_eq!(second.unwrap_err().kind(), Kind::Later);
    assert_eq!(first.unwrap_err().kind(), Kind::Later, "its transaction is gone, so it must not be answered as done");
    assert_eq!((count(&store), kept(&store).len()), (0, 0));
    add(&store, 1).unwrap();
    assert_eq!((count(&store), store.verify_audit().unwrap()), (1, 2));
}

#[test]
fn a_closure_that_panics_undoes_itself_alone() {
    let (_dir, _root, store) = house();
    let outcome: Result<()> = store.write(&By::house("test"), Time(1), "t.panic", |tx| {
        tx.execute("INSERT INTO t VALUES (1)", [])?;
        panic!("on purpose")
    });
    assert_eq!(outcome.unwrap_err().kind(), Kind::Bug);
    let nested: Result<()> = store.write(&By::house("test"), Time(1), "t.outer", |_| add(&store, 5));
    assert!(nested.is_err(), "a write inside a write is refused instead of hanging");
    add(&store, 2).unwrap();
    assert_eq!((count(&store), store.verify_audit().unwrap()), (1, 1));
}

#[test]
fn a_journal_on_a_full_disk_tells_the_caller_and_works_again_once_there_is_room() {
    let (_dir, _root, store) = house();
    let file = store.journal().file("r1").unwrap();
    let put = |n: u64| file.write(|b| (0..20).try_for_each(|i| b.put("rows", &(n * 100 + i).to_be_bytes(), &[7; 900])));
    let has = |n: u64| {
        let there = |i: u64| file.read(|v| v.get("rows", &(n * 100 + i).to_be_bytes())).unwrap().is_some();
        let rows = (0..20).filter(|i| there(*i)).count();
        assert!(rows == 0 || rows == 20, "half of write {n}");
        rows == 20
    };
    let mut acknowledged = Vec::new();
    for n in 0.. {
        let (outcome, failed) = with(Fault { after: n, ..FULL }, || put(u64::from(n)));
        match outcome {
            Ok(()) => acknowledged.push(u64::from(n)),
            Err(e) => assert_eq!(e.kind(), Kind::Later, "{}", e.chain()),
        }
        put(10_000 + u64::from(n)).unwrap();
        acknowledged.push(10_000 + u64::from(n));
        assert!(acknowledged.iter().all(|n| has(*n)), "after write {n} failed");
        if failed == 0 {
            break;
        }
    }
    assert!(store.is_sound());
}

#[test]
fn a_journal_whose_fsync_failed_makes_the_whole_house_unsound() {
    let (_dir, _root, store) = house();
    let file = store.journal().file("r1").unwrap();
    file.write(|b| b.put("rows", b"1", b"one")).unwrap();
    let fault = Fault { on: Call::Sync, after: 0, error: Errno::IO, stays: false };
    let (outcome, _) = with(fault, || file.write(|b| b.put("rows", b"2", b"two")));
    assert_eq!(outcome.unwrap_err().kind(), Kind::Unhealthy);
    assert!(!store.is_sound());
    assert_eq!(add(&store, 1).unwrap_err().kind(), Kind::Unhealthy);
    assert_eq!(file.write(|b| b.put("rows", b"3", b"three")).unwrap_err().kind(), Kind::Unhealthy);
}

#[test]
fn a_blob_that_finds_no_room_is_refused_leaves_nothing_and_is_stored_later() {
    let (dir, _root, store) = house();
    let bytes = vec![3u8; 200_000];
    for n in 0.. {
        let (outcome, failed) = with(Fault { after: n, ..FULL }, || store.blobs().put(bytes.as_slice()));
        if failed == 0 {
            outcome.unwrap();
            break;
        }
        assert_eq!(outcome.unwrap_err().kind(), Kind::Later);
        assert_eq!(std::fs::read_dir(dir.path().join("spool")).unwrap().count(), 0);
        assert_eq!(std::fs::read_dir(dir.path().join("blobs")).unwrap().count(), 0);
    }
}

#[test]
fn when_writing_ends_while_a_group_is_open_everybody_in_it_is_told() {
    let (_dir, _root, store) = house();
    std::thread::scope(|s| {
        let (inside, enter) = std::sync::mpsc::channel();
        let store = &store;
        let first = s.spawn(move || {
            store.write(&By::house("test"), Time(1), "t.add", |tx| {
                inside.send(()).unwrap();
                while store.books.in_line() == 0 {
                    std::thread::yield_now();
                }
                store.sound.lose(); // as a failed fsync of the journal does
                Ok(tx.execute("INSERT INTO t VALUES (1)", [])?)
            })
        });
        enter.recv().unwrap();
        let second = s.spawn(move || add(store, 2));
        for outcome in [first.join().unwrap().map(drop), second.join().unwrap()] {
            assert_eq!(outcome.unwrap_err().kind(), Kind::Unhealthy);
        }
    });
    assert_eq!(count(&store), 0);
}

#[test]
fn a_write_to_the_journal_that_panics_leaves_nothing_and_the_next_one_works() {
    let (_dir, _root, store) = house();
    let file = store.journal().file("r1").unwrap();
    let outcome: Result<()> = file.write(|b| {
        b.put("rows", b"1", b"one")?;
        panic!("on purpose")
    });
    assert_eq!(outcome.unwrap_err().kind(), Kind::Bug);
    file.write(|b| b.put("rows", b"2", b"two")).unwrap();
    assert!(file.read(|v| v.get("rows", b"1")).unwrap().is_none());
}

/// On a real disk of 12 MB: `mount -t tmpfs -o size=12m tmpfs DIR`, then `HAKOBU_SMALL_DISK=DIR cargo test …`.
#[test]
fn on_a_real_disk_that_fills_up_nothing_acknowledged_is_lost_and_writing_works_again() {
    let Some(disk) = std::env::var_os("HAKOBU_SMALL_DISK").map(std::path::PathBuf::from) else { return };
    let (root, home) = (Key::new([1; 32]), disk.join("house"));
    let (store, _code) = Store::create(&home, &root, &[SCHEMA]).unwrap();
    let table = "CREATE TABLE wide (n INTEGER PRIMARY KEY, b BLOB NOT NULL) STRICT;";
    store.write(&By::house("test"), Time(1), "t.table", |tx| Ok(tx.execute_batch(table)?)).unwrap();
    let (mut books, mut journal, mut n) = (BTreeSet::new(), BTreeSet::new(), 0);
    for round in 0..20u64 {
        // Fill what is left but for a little more each time.
        let ballast = disk.join("ballast");
        let mut file = std::fs::File::create(&ballast).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
        let len = file.metadata().unwrap().len();
        file.set_len(len.saturating_sub(round * 30_000)).unwrap();
        drop(file);
        let (mut refused, mut tried) = ((0, 0), 0);
        while (refused.0 < 3 || refused.1 < 3) && tried < 400 {
            (n, tried) = (n + 1, tried + 1);
            match add_wide(&store, n) {
                Ok(()) => drop(books.insert(n)),
                Err(e) if e.kind() == Kind::Later => refused.0 += 1,
                Err(e) => panic!("books, round {round}: {}", e.chain()),
            }
            let key = n.to_be_bytes();
            match store.journal().file("r1").and_then(|f| f.write(|b| b.put("rows", &key, &[1; 2000]))) {
                Ok(()) => drop(journal.insert(key)),
                Err(e) if e.kind() == Kind::Later => refused.1 += 1,
                Err(e) => panic!("journal, round {round}: {}", e.chain()),
            }
        }
        assert!(store.is_sound() && refused.0 > 0, "round {round}");
        std::fs::remove_file(&ballast).unwrap();
        assert_eq!(kept(&store), books, "round {round}");
        let file = store.journal().file("r1").unwrap();
        let there = |key: &[u8; 8]| file.read(|v| v.get("rows", key)).unwrap().is_some();
        assert!(journal.iter().all(there), "round {round}");
        n += 1;
        add_wide(&store, n).unwrap();
        books.insert(n);
        file.write(|b| b.put("rows", &n.to_be_bytes(), b"again")).unwrap();
        store.verify_audit().unwrap();
    }
    drop(store);
    let store = Store::open(&home, &root, &[SCHEMA]).unwrap();
    assert_eq!(kept(&store), books);
}
