//! What is refused at the door, by name, with nothing touched: another key, a second opener, damage, a key in the data.

use super::*;
use crate::base::{Kind, Time, provider::Provider};
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// Every file with its content, length and times.
fn picture(dir: &Path) -> BTreeMap<PathBuf, (Vec<u8>, i64, i64, u32)> {
    let mut seen = BTreeMap::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let about = path.metadata().unwrap();
            if about.is_dir() {
                folders.push(path.clone());
            }
            let bytes = if about.is_dir() { Vec::new() } else { std::fs::read(&path).unwrap() };
            seen.insert(path, (bytes, about.mtime(), about.mtime_nsec(), about.mode()));
        }
    }
    seen
}

/// A house with something in books, journal and blobs, closed.
fn lived_in() -> (tempfile::TempDir, Key) {
    let (dir, root, store) = house();
    for n in 0..40 {
        add(&store, n).unwrap();
    }
    store.journal().file("r1").unwrap().write(|b| b.put("rows", b"1", b"one")).unwrap();
    store.blobs().put(&b"a picture"[..]).unwrap();
    (dir, root)
}

#[test]
fn every_file_and_folder_of_a_house_is_private() {
    let (dir, _root) = lived_in();
    for (path, (_, _, _, mode)) in picture(dir.path()) {
        assert_eq!(mode & 0o077, 0, "{}", path.display());
    }
}

#[test]
fn with_another_key_nothing_is_touched() {
    let (dir, _root) = lived_in();
    let before = picture(dir.path());
    let refused = Store::open(dir.path(), &Key::new([2; 32]), &[SCHEMA]).err().unwrap();
    assert_eq!(refused.kind().exit_code(), 11);
    assert!(before == picture(dir.path()));
}

#[test]
fn a_second_opener_is_told_to_wait_until_the_first_is_gone() {
    let (dir, root, store) = house();
    let refused = Store::open(dir.path(), &root, &[SCHEMA]).err().unwrap();
    assert_eq!(refused.kind().exit_code(), 6);
    drop(store);
    Store::open(dir.path(), &root, &[SCHEMA]).unwrap();
}

#[test]
fn damaged_books_are_named_refused_and_left_as_they_are() {
    for damage in ["flipped", "cut", "empty", "text", "gone"] {
        let (dir, root) = lived_in();
        let path = dir.path().join("books/books.db");
        let mut bytes = std::fs::read(&path).unwrap();
        match damage {
            "flipped" => bytes[100] ^= 1,
            "cut" => bytes.truncate(1000),
            "empty" => bytes.clear(),
            _ => bytes = b"not a database at all\n".repeat(400),
        }
        match damage {
            "gone" => std::fs::remove_file(&path).unwrap(),
            _ => std::fs::write(&path, &bytes).unwrap(),
        }
        let before = picture(dir.path());
        let refused = Store::open(dir.path(), &root, &[SCHEMA]).err().expect(damage);
        assert_eq!(refused.kind().exit_code(), 12, "{damage}: {}", refused.chain());
        assert!(refused.says().en.contains("books"), "{damage}: {refused}");
        assert!(before == picture(dir.path()), "{damage}");
    }
}

#[test]
fn a_damaged_page_of_the_books_is_an_error_when_it_is_read() {
    let (dir, root, store) = house();
    store
        .write(&By::house("test"), Time(1), "t.many", |tx| {
            Ok(tx.execute_batch("CREATE TABLE wide (n INTEGER PRIMARY KEY, b BLOB); WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 300) INSERT INTO wide SELECT i, randomblob(1000) FROM c;")?)
        })
        .unwrap();
    drop(store);
    let path = dir.path().join("books/books.db");
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.len() - 9000;
    bytes[at] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let store = Store::open(dir.path(), &root, &[SCHEMA]).unwrap();
    let read = store.read(|c| Ok(c.query_row("SELECT sum(length(b)) FROM wide", [], |r| r.get::<_, i64>(0))?));
    let refused = read.unwrap_err();
    assert_eq!(refused.kind(), Kind::Damaged, "{}", refused.chain());
}

#[test]
fn a_damaged_or_lost_keyring_is_named_and_left_as_it_is() {
    for damage in ["cut", "bent", "gone"] {
        let (dir, root) = lived_in();
        let path = dir.path().join("keyring.json");
        let text = std::fs::read_to_string(&path).unwrap();
        match damage {
            "cut" => std::fs::write(&path, &text[..text.len() / 2]).unwrap(),
            "bent" => std::fs::write(
                &path,
                text.replacen("\"sealed\": \"A", "\"sealed\": \"B", 1).replacen(
                    "\"sealed\": \"",
                    "\"sealed\": \"AAAA",
                    1,
                ),
            )
            .unwrap(),
            _ => std::fs::remove_file(&path).unwrap(),
        }
        let before = picture(dir.path());
        let refused = Store::open(dir.path(), &root, &[SCHEMA]).err().expect(damage);
        assert_eq!(refused.kind().exit_code(), 12, "{damage}: {refused}");
        assert!(refused.says().en.contains("keyring.json"), "{damage}: {refused}");
        assert!(Store::create(dir.path(), &root, &[SCHEMA]).is_err(), "{damage}");
        let ours = |p: &PathBuf| !p.ends_with("worker.lock");
        let after = picture(dir.path());
        assert!(before.keys().filter(|p| ours(p)).all(|p| p == dir.path() || before[p] == after[p]), "{damage}");
    }
}

#[test]
fn damaged_journal_files_are_told_by_name_and_the_house_opens_without_them() {
    let (dir, root) = lived_in();
    let store = Store::open(dir.path(), &root, &[SCHEMA]).unwrap();
    for name in ["r2", "r3"] {
        store.journal().file(name).unwrap().write(|b| b.put("rows", b"1", b"one")).unwrap();
    }
    drop(store);
    let path = |name: &str| dir.path().join(format!("journal/{name}.redb"));
    std::fs::write(path("r2"), b"not a journal").unwrap();
    let whole = std::fs::read(path("r3")).unwrap();
    std::fs::write(path("r3"), &whole[..5000]).unwrap();
    let before = (std::fs::read(path("r2")).unwrap(), std::fs::read(path("r3")).unwrap());
    let store = Store::open(dir.path(), &root, &[SCHEMA]).unwrap();
    let told: Vec<&str> = store.journal().damaged().iter().map(|d| d.name.as_str()).collect();
    assert_eq!(told, ["r2", "r3"]);
    let refused = store.journal().file("r2").err().unwrap();
    assert_eq!(refused.kind().exit_code(), 12);
    assert!(refused.says().en.contains("r2"), "{refused}");
    assert!(store.journal().file("r3").is_err());
    assert!(store.journal().file("r1").unwrap().read(|v| v.get("rows", b"1")).unwrap().is_some());
    assert!(before == (std::fs::read(path("r2")).unwrap(), std::fs::read(path("r3")).unwrap()));
}

#[test]
fn a_damaged_blob_is_named_wherever_it_was_bent_or_cut() {
    let (_dir, _root, store) = house();
    let (id, _) = store.blobs().put(vec![7u8; 150_000].as_slice()).unwrap();
    let path = store.dir().join("blobs").join(&id.as_str()[..2]).join(id.as_str());
    let whole = std::fs::read(&path).unwrap();
    for damage in 0..12 {
        let mut bytes = whole.clone();
        match damage {
            0..8 => bytes[damage * whole.len() / 8 + 3] ^= 1,
            8 => bytes.truncate(0),
            9 => bytes.truncate(10),
            10 => bytes.truncate(whole.len() - 1),
            _ => bytes.truncate(16 + 65_536 + 16),
        }
        std::fs::write(&path, &bytes).unwrap();
        let read = store.blobs().read(&id).and_then(|mut r| r.read_whole());
        let refused = read.expect_err("a damaged blob was read");
        assert_eq!(refused.kind(), Kind::Damaged, "{damage}");
        assert!(refused.says().en.contains(id.as_str()), "{damage}");
    }
}

#[test]
fn what_a_dead_process_left_in_the_spool_goes_and_what_the_door_holds_there_stays() {
    let (dir, root) = lived_in();
    let spool = dir.path().join("spool");
    std::fs::write(spool.join("left-over"), "x").unwrap();
    std::fs::write(spool.join("door-held"), "x").unwrap();
    Store::open(dir.path(), &root, &[SCHEMA]).unwrap();
    assert!(!spool.join("left-over").exists() && spool.join("door-held").exists());
}

#[test]
fn a_root_key_in_the_data_folder_is_refused_at_every_start() {
    let (dir, root) = lived_in();
    std::fs::create_dir(dir.path().join("notes")).unwrap();
    let hidden = dir.path().join("notes/harmless.txt");
    for form in [root.bytes().to_vec(), data_encoding::BASE64.encode(root.bytes()).into_bytes()] {
        std::fs::write(&hidden, form).unwrap();
        assert_eq!(Store::open(dir.path(), &root, &[SCHEMA]).err().unwrap().kind(), Kind::Config);
    }
    std::fs::remove_file(hidden).unwrap();
    Store::open(dir.path(), &root, &[SCHEMA]).unwrap();
}

#[test]
fn a_root_key_is_replaced_without_a_moment_in_which_no_key_fits() {
    let (dir, root) = lived_in();
    let (new, other) = (Key::new([5; 32]), Key::new([6; 32]));
    let opens = |key: &Key| Store::open(dir.path(), key, &[SCHEMA]).is_ok();
    let books = std::fs::read(dir.path().join("books/books.db")).unwrap();
    Store::open(dir.path(), &root, &[SCHEMA]).unwrap().keys().rewrap_root(&new, Time(5)).unwrap();
    assert!(opens(&root) && opens(&new) && !opens(&other));
    Store::open(dir.path(), &new, &[SCHEMA]).unwrap().keys().retire_roots(&new).unwrap();
    assert!(!opens(&root) && opens(&new));
    let status = Keyring::status(dir.path(), &Provider::Passphrase).unwrap();
    assert_eq!((status.root.len(), status.root[0].since), (1, Time(5)));
    assert!(books == std::fs::read(dir.path().join("books/books.db")).unwrap(), "no data is rewritten");
}

#[test]
fn the_recovery_code_lets_a_new_root_key_in_and_no_other_code_does() {
    let dir = tempfile::tempdir().unwrap();
    let (root, new) = (Key::new([1; 32]), Key::new([3; 32]));
    let (store, code) = Store::create(dir.path(), &root, &[SCHEMA]).unwrap();
    add(&store, 1).unwrap();
    let typed = RecoveryCode::parse(&code.printed().to_lowercase().replace('-', " ")).unwrap();
    let wrong = RecoveryCode::parse(&"A".repeat(32)).unwrap();
    assert_eq!(store.keys().check_recovery(&wrong, Time(7)).unwrap_err().kind(), Kind::WrongKey);
    store.keys().check_recovery(&typed, Time(8)).unwrap();
    let status = Keyring::status(dir.path(), &Provider::Passphrase).unwrap();
    assert_eq!(status.recovery_confirmed, Some(Time(8)));
    drop(store);
    assert!(RecoveryCode::parse("ABCD-EFGH").is_err());
    assert_eq!(Store::recover(dir.path(), &wrong, &new, Time(9)).unwrap_err().kind(), Kind::WrongKey);
    Store::recover(dir.path(), &typed, &new, Time(9)).unwrap();
    assert_eq!(Store::open(dir.path(), &root, &[SCHEMA]).err().unwrap().kind(), Kind::WrongKey);
    let store = Store::open(dir.path(), &new, &[SCHEMA]).unwrap();
    assert_eq!(count(&store), 1);
    let renewed = store.keys().renew_recovery(Time(10)).unwrap();
    assert!(store.keys().check_recovery(&typed, Time(11)).is_err());
    store.keys().check_recovery(&renewed, Time(12)).unwrap();
}

#[test]
fn a_making_that_was_interrupted_is_begun_anew_and_a_house_is_never_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let root = Key::new([1; 32]);
    drop(Store::create(dir.path(), &root, &[SCHEMA]).unwrap());
    std::fs::rename(dir.path().join("keyring.json"), dir.path().join("keyring.making")).unwrap();
    assert_eq!(Store::open(dir.path(), &root, &[SCHEMA]).err().unwrap().kind(), Kind::NotSetUp);
    drop(Store::create(dir.path(), &root, &[SCHEMA]).unwrap());
    assert_eq!(Store::create(dir.path(), &root, &[SCHEMA]).err().unwrap().kind(), Kind::Conflict);
}

#[test]
fn opening_and_closing_a_house_changes_no_finished_file() {
    let (dir, root) = lived_in();
    Store::open(dir.path(), &root, &[SCHEMA]).unwrap().journal().seal("r1").unwrap();
    let before = picture(&dir.path().join("journal"));
    let store = Store::open(dir.path(), &root, &[SCHEMA]).unwrap();
    let file = store.journal().existing("r1").unwrap().unwrap();
    assert_eq!(file.read(|v| v.get("rows", b"1")).unwrap().unwrap(), b"one");
    assert_eq!(file.write(|b| b.put("rows", b"2", b"two")).unwrap_err().kind(), Kind::Conflict);
    drop((file, store));
    assert!(before == picture(&dir.path().join("journal")));
}

#[test]
fn a_journal_file_whose_making_was_interrupted_is_made_again() {
    let (dir, root, store) = house();
    drop(store);
    std::fs::write(dir.path().join("journal/r1.making"), b"half of a file").unwrap();
    let store = Store::open(dir.path(), &root, &[SCHEMA]).unwrap();
    assert!(store.journal().damaged().is_empty() && store.journal().names().unwrap().is_empty());
    store.journal().file("r1").unwrap().write(|b| b.put("rows", b"1", b"one")).unwrap();
    assert_eq!(store.journal().names().unwrap(), ["r1"]);
    std::fs::write(dir.path().join("journal/r2.redb"), b"").unwrap();
    assert_eq!(store.journal().file("r2").err().unwrap().kind(), Kind::Damaged, "an empty file is none of ours");
}

/// Flips one bit after the other, all over a file; what opens must read as before, anything else is named damage.
fn bent(path: &Path, flips: u64, seed: u64, reads: impl Fn() -> Result<bool>) -> u64 {
    let whole = std::fs::read(path).unwrap();
    let mut dice = power::dice(seed);
    let mut seen = 0;
    for _ in 0..flips {
        let mut bytes = whole.clone();
        let at = usize::try_from(dice(whole.len() as u64)).unwrap();
        bytes[at] ^= 1 << dice(8);
        std::fs::write(path, &bytes).unwrap();
        match reads() {
            Ok(same) => assert!(same, "byte {at} was flipped and other data was read"),
            Err(e) => {
                assert_eq!(e.kind(), Kind::Damaged, "byte {at}: {}", e.chain());
                seen += 1;
            }
        }
    }
    std::fs::write(path, whole).unwrap();
    seen
}

#[test]
fn a_flipped_bit_in_the_books_is_named_or_harmless_and_never_other_data() {
    let (dir, root) = lived_in();
    let read = || {
        let store = Store::open(dir.path(), &root, &[SCHEMA])?;
        store.verify_audit()?;
        let sum: i64 = store.read(|c| Ok(c.query_row("SELECT sum(n) FROM t", [], |r| r.get(0))?))?;
        Ok(sum == (0..40).sum::<i64>())
    };
    assert!(bent(&dir.path().join("books/books.db"), 40, 3, read) > 12);
}

#[test]
fn a_flipped_bit_in_a_journal_file_is_named_or_harmless_and_never_other_data() {
    let (dir, root, store) = house();
    let value = |n: u64| format!("row {n} ").repeat(30).into_bytes();
    let file = store.journal().file("r1").unwrap();
    file.write(|b| (0..400u64).try_for_each(|n| b.put("rows", &n.to_be_bytes(), &value(n)))).unwrap();
    drop(file);
    store.journal().seal("r1").unwrap();
    drop(store);
    let path = dir.path().join("journal/r1.redb");
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let read = || {
        let store = Store::open(dir.path(), &root, &[SCHEMA])?;
        let file = store.journal().existing("r1")?.expect("it is there");
        let (mut n, mut same) = (0u64, true);
        file.read(|v| {
            v.scan("rows", &[], |key, found| {
                same &= key == n.to_be_bytes() && found == value(n);
                n += 1;
                Ok(std::ops::ControlFlow::Continue(()))
            })
        })?;
        Ok(same && n == 400)
    };
    assert!(bent(&path, 50, 5, read) > 1);
}
