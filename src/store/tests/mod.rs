mod faults;
mod faulty;
mod kills;
mod opening;
mod power;
mod snapshot;

use super::*;
use crate::base::seal::Key;
use std::io::{Read, Seek, SeekFrom, Write};

const SCHEMA: Schema = Schema { room: "test", steps: &["CREATE TABLE t (n INTEGER PRIMARY KEY) STRICT;"] };

fn house() -> (tempfile::TempDir, Key, Store) {
    let dir = tempfile::tempdir().unwrap();
    let root = Key::new([1; 32]);
    let (store, _code) = Store::create(dir.path(), &root, &[SCHEMA]).unwrap();
    (dir, root, store)
}

fn add(store: &Store, n: i64) -> Result<()> {
    store.write(&By::house("test"), Time(n), "t.add", |tx| {
        tx.execute("INSERT INTO t VALUES (?1)", [n])?;
        Ok(())
    })
}

fn count(store: &Store) -> i64 {
    store.read(|c| Ok(c.query_row("SELECT count(*) FROM t", [], |r| r.get(0))?)).unwrap()
}

#[test]
fn a_write_is_kept_with_its_audit_line_and_a_refused_one_leaves_nothing() {
    let (dir, root, store) = house();
    let by = By::house("test");
    store.write(&by, Time(1), "t.add", |tx| Ok(tx.execute("INSERT INTO t VALUES (1)", [])?)).unwrap();
    let refused: Result<()> = store.write(&by, Time(2), "t.add", |tx| {
        tx.execute("INSERT INTO t VALUES (2)", [])?;
        Err(Error::bug("on purpose"))
    });
    assert!(refused.is_err());
    drop(store);
    let store = Store::open(dir.path(), &root, &[SCHEMA]).unwrap();
    assert_eq!((count(&store), store.verify_audit().unwrap()), (1, 1));
}

#[test]
fn many_writers_share_commits_and_everyone_is_answered_after_their_own() {
    let (_dir, _root, store) = house();
    std::thread::scope(|s| {
        for w in 0..8i64 {
            let store = &store;
            s.spawn(move || {
                for i in 0..50i64 {
                    store
                        .write(&By::house("test"), Time(1), "t.add", |tx| {
                            Ok(tx.execute("INSERT INTO t VALUES (?1)", [w * 100 + i])?)
                        })
                        .unwrap();
                }
            });
        }
    });
    assert_eq!((count(&store), store.verify_audit().unwrap()), (400, 400));
}

#[test]
fn a_changed_audit_line_breaks_the_chain() {
    let (_dir, _root, store) = house();
    for i in 0..3 {
        store.write(&By::house("test"), Time(i), "t.nothing", |_| Ok(())).unwrap();
    }
    store
        .write(&By::house("test"), Time(9), "t.forge", |tx| {
            Ok(tx.execute("UPDATE audit SET what = 'x' WHERE n = 2", [])?)
        })
        .unwrap();
    assert!(store.verify_audit().unwrap_err().says().en.contains("line 2"));
}

#[test]
fn a_journal_row_comes_back_and_scans_in_order() {
    let (dir, root, store) = house();
    let file = store.journal().file("r1").unwrap();
    file.write(|b| {
        for n in [3u64, 1, 2] {
            b.put("rows", &n.to_be_bytes(), format!("row {n}").as_bytes())?;
        }
        Ok(())
    })
    .unwrap();
    drop((file, store));
    let store = Store::open(dir.path(), &root, &[SCHEMA]).unwrap();
    let mut seen = Vec::new();
    store
        .journal()
        .existing("r1")
        .unwrap()
        .unwrap()
        .read(|v| {
            v.scan("rows", &2u64.to_be_bytes(), |_, value| {
                seen.push(String::from_utf8(value.to_vec()).unwrap());
                Ok(std::ops::ControlFlow::Continue(()))
            })
        })
        .unwrap();
    assert_eq!(seen, ["row 2", "row 3"]);
}

#[test]
fn a_blob_is_read_back_from_any_place() {
    let (_dir, _root, store) = house();
    for len in [0usize, 1, 65_535, 65_536, 65_537, 200_000] {
        let bytes: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
        let (id, size) = store.blobs().put(bytes.as_slice()).unwrap();
        assert_eq!(size, len as u64);
        let mut reader = store.blobs().read(&id).unwrap();
        let mut back = Vec::new();
        reader.read_to_end(&mut back).unwrap();
        assert!(back == bytes, "{len}");
        reader.seek(SeekFrom::Start(len as u64 / 2)).unwrap();
        back.clear();
        reader.read_to_end(&mut back).unwrap();
        assert!(back == bytes[len / 2..], "{len}");
    }
}

#[test]
fn a_spool_leaves_no_plaintext_and_no_file() {
    let (dir, _root, store) = house();
    let mut spool = store.blobs().spool().unwrap();
    spool.write_all(&b"canary ".repeat(20_000)).unwrap();
    for entry in std::fs::read_dir(dir.path().join("spool")).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(6).any(|w| w == b"canary"));
    }
    let mut back = String::new();
    spool.into_reader().unwrap().read_to_string(&mut back).unwrap();
    assert_eq!(back.len(), 140_000);
    assert_eq!(std::fs::read_dir(dir.path().join("spool")).unwrap().count(), 0);
}
