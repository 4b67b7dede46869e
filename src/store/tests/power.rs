//! The journal on a disk that loses power: what was not synced is dropped, reordered and torn, at any moment. And on
//! one whose n-th call fails.

use super::*;
use crate::base::Kind;
use crate::store::journal_file::{Handle, Opener};
use proptest::prelude::*;
use redb::{BackendError, Database, StorageBackend};
use std::io;
use std::ops::Bound;
use std::sync::{Arc, Mutex};

#[derive(Clone, Debug)]
enum Op {
    Write(u64, Vec<u8>),
    Len(u64),
    Sync,
    /// The journal has answered: commits up to this one are on disk.
    Acknowledged(u64),
}

#[derive(Debug, Default)]
struct Disk {
    now: Vec<u8>,
    log: Vec<Op>,
    /// Calls until the one that fails, and with what.
    fault: Option<(u32, io::ErrorKind)>,
    failed: bool,
}

#[derive(Clone, Debug, Default)]
struct Power(Arc<Mutex<Disk>>);

impl Power {
    fn holding(image: Vec<u8>) -> Power {
        Power(Arc::new(Mutex::new(Disk { now: image, ..Disk::default() })))
    }

    fn change(&self, op: Op) -> io::Result<()> {
        let mut disk = self.0.lock().unwrap();
        match &mut disk.fault {
            Some((0, kind)) => {
                let kind = *kind;
                disk.failed = true;
                if kind != io::ErrorKind::StorageFull {
                    disk.fault = None;
                }
                return Err(kind.into());
            }
            Some((left, _)) => *left -= 1,
            None => (),
        }
        apply(&mut disk.now, &op);
        disk.log.push(op);
        Ok(())
    }
}

fn apply(bytes: &mut Vec<u8>, op: &Op) {
    match op {
        Op::Write(at, data) => {
            let at = usize::try_from(*at).unwrap();
            bytes.resize(bytes.len().max(at + data.len()), 0);
            bytes[at..at + data.len()].copy_from_slice(data);
        }
        Op::Len(len) => bytes.resize(usize::try_from(*len).unwrap(), 0),
        Op::Sync | Op::Acknowledged(_) => (),
    }
}

impl StorageBackend for Power {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().now.len() as u64)
    }

    fn read(&self, at: u64, out: &mut [u8]) -> io::Result<()> {
        let disk = self.0.lock().unwrap();
        let at = usize::try_from(at).unwrap();
        let from = disk.now.get(at..at + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(from);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(Op::Len(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.change(Op::Sync)
    }

    fn write(&self, at: u64, data: &[u8]) -> io::Result<()> {
        self.change(Op::Write(at, data.to_vec()))
    }

    fn try_lock_range(&self, _: Bound<u64>, _: Bound<u64>) -> std::result::Result<bool, BackendError> {
        Ok(true)
    }

    fn try_lock_shared_range(&self, _: Bound<u64>, _: Bound<u64>) -> std::result::Result<bool, BackendError> {
        Ok(true)
    }

    fn lock_range(&self, _: Bound<u64>, _: Bound<u64>) -> std::result::Result<(), BackendError> {
        Ok(())
    }

    fn lock_shared_range(&self, _: Bound<u64>, _: Bound<u64>) -> std::result::Result<(), BackendError> {
        Ok(())
    }

    fn unlock_range(&self, _: Bound<u64>, _: Bound<u64>) -> std::result::Result<(), BackendError> {
        Ok(())
    }
}

fn open(disk: &Power, sound: &Sound) -> Result<JournalFile> {
    let disk = disk.clone();
    let opener: Opener = Box::new(move || {
        Database::builder().set_cache_size(1 << 20).create_with_backend(disk.clone()).map(Handle::Live)
    });
    JournalFile::open("r1", Key::new([1; 32]).sealer(), sound.clone(), opener)
}

/// Commit `n` changes the counter, adds its own rows, and changes and removes earlier ones.
fn commit(file: &JournalFile, n: u64) -> Result<()> {
    file.write(|b| {
        b.put("meta", b"last", &n.to_be_bytes())?;
        for i in 0..(n % 7) + 1 {
            b.put("rows", &(n * 16 + i).to_be_bytes(), &vec![b'r'; (n % 5) as usize * 300])?;
        }
        if n > 3 {
            b.put("rows", &((n - 3) * 16).to_be_bytes(), b"changed")?;
            b.remove("rows", &((n - 2) * 16).to_be_bytes())?;
        }
        Ok(())
    })
}

/// The last commit that is there; everything that belongs to it must be, and nothing of a later one.
fn whole(file: &JournalFile) -> u64 {
    let mut rows = std::collections::BTreeMap::new();
    let last = file
        .read(|v| {
            v.scan("rows", &[], |key, value| {
                rows.insert(u64::from_be_bytes(key.try_into().unwrap()), value.len());
                Ok(std::ops::ControlFlow::Continue(()))
            })?;
            v.get("meta", b"last")
        })
        .unwrap();
    let last = last.map_or(0, |n| u64::from_be_bytes(n.try_into().unwrap()));
    let mut wanted = std::collections::BTreeMap::new();
    for n in 1..=last {
        for i in 0..(n % 7) + 1 {
            wanted.insert(n * 16 + i, (n % 5) as usize * 300);
        }
        if n > 3 {
            wanted.insert((n - 3) * 16, "changed".len());
            wanted.remove(&((n - 2) * 16));
        }
    }
    assert!(rows == wanted, "not the rows of commit {last}");
    last
}

/// One run of commits on a disk that remembers every call.
fn history(commits: u64) -> Vec<Op> {
    let disk = Power::default();
    let file = open(&disk, &Sound::new()).unwrap();
    disk.0.lock().unwrap().log.push(Op::Acknowledged(0));
    for n in 1..=commits {
        commit(&file, n).unwrap();
        disk.0.lock().unwrap().log.push(Op::Acknowledged(n));
    }
    std::mem::take(&mut disk.0.lock().unwrap().log)
}

/// What the disk may hold when power goes at `cut`: all that was synced, and any part of the rest in any order.
fn image(log: &[Op], cut: usize, mut chance: impl FnMut(u64) -> u64) -> (Vec<u8>, u64) {
    let log = &log[..cut];
    let synced = log.iter().rposition(|op| matches!(op, Op::Sync)).map_or(0, |at| at + 1);
    let mut bytes = Vec::new();
    log[..synced].iter().for_each(|op| apply(&mut bytes, op));
    let mut rest: Vec<Op> = log[synced..].to_vec();
    for i in (1..rest.len()).rev() {
        rest.swap(i, usize::try_from(chance(i as u64 + 1)).unwrap());
    }
    for op in &rest {
        match (chance(4), op) {
            (0, _) => (),
            (1, Op::Write(at, data)) => tear(&mut bytes, *at, data, &mut chance),
            (_, op) => apply(&mut bytes, op),
        }
    }
    let acknowledged = log.iter().rev().find_map(|op| match op {
        Op::Acknowledged(n) => Some(*n),
        Op::Write(..) | Op::Len(_) | Op::Sync => None,
    });
    (bytes, acknowledged.unwrap_or(0))
}

/// Some sectors of a write, not all.
fn tear(bytes: &mut Vec<u8>, at: u64, data: &[u8], chance: &mut impl FnMut(u64) -> u64) {
    for (i, sector) in data.chunks(512).enumerate() {
        if chance(2) == 0 {
            apply(bytes, &Op::Write(at + i as u64 * 512, sector.to_vec()));
        }
    }
}

fn survives(log: &[Op], cut: usize, chance: impl FnMut(u64) -> u64) {
    let (bytes, acknowledged) = image(log, cut, chance);
    let disk = Power::holding(bytes);
    let file = match open(&disk, &Sound::new()) {
        Ok(file) => file,
        // Power went before the file was made.
        Err(_) if !log[..cut].iter().any(|op| matches!(op, Op::Acknowledged(_))) => return,
        Err(e) => panic!("does not open at {cut}: {}", e.chain()),
    };
    let last = whole(&file);
    assert!(last >= acknowledged, "commit {acknowledged} was acknowledged, {last} is there");
    commit(&file, last + 1).unwrap();
    drop(file);
    assert_eq!(whole(&open(&disk, &Sound::new()).unwrap()), last + 1, "and it goes on");
}

/// xorshift: a seed names a whole run.
pub(super) fn dice(mut state: u64) -> impl FnMut(u64) -> u64 {
    state = state.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below.max(1)
    }
}

/// `HAKOBU_IMAGES=100000` for the full count.
#[test]
fn no_acknowledged_commit_of_the_journal_is_lost_when_power_goes_at_any_moment() {
    let images = std::env::var("HAKOBU_IMAGES").ok().and_then(|n| n.parse().ok()).unwrap_or(60u64);
    let log = history(40);
    for seed in 0..images {
        let mut dice = dice(seed + 1);
        let cut = usize::try_from(dice(log.len() as u64 + 1)).unwrap();
        survives(&log, cut, dice);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn the_same_for_histories_of_any_length(commits in 0u64..12, seed in any::<u64>()) {
        let log = history(commits);
        for round in 0..8 {
            let mut dice = dice(seed ^ round);
            let cut = usize::try_from(dice(log.len() as u64 + 1)).unwrap();
            survives(&log, cut, dice);
        }
    }
}

#[test]
fn with_the_nth_call_failing_the_journal_keeps_every_acknowledged_commit() {
    for kind in [io::ErrorKind::StorageFull, io::ErrorKind::Other] {
        let disk = Power::default();
        let mut sound = Sound::new();
        let mut file = open(&disk, &sound).unwrap();
        let mut last = 0;
        for n in 0.. {
            disk.0.lock().unwrap().fault = Some((n, kind));
            let outcome = commit(&file, last + 1);
            let failed = std::mem::take(&mut disk.0.lock().unwrap().failed);
            disk.0.lock().unwrap().fault = None;
            if outcome.is_err() && kind == io::ErrorKind::Other {
                assert!(!sound.is(), "call {n}");
                assert_eq!(commit(&file, 999).unwrap_err().kind(), Kind::Unhealthy);
                sound = Sound::new();
                drop(file);
                file = open(&disk, &sound).unwrap();
            }
            let there = whole(&file);
            let wanted = last + u64::from(outcome.is_ok());
            assert!(there == wanted || (outcome.is_err() && there == wanted + 1), "call {n}: {there}, not {wanted}");
            last = there;
            commit(&file, last + 1).unwrap();
            last += 1;
            if !failed {
                assert!(n > 5, "only {n} calls were tried");
                break;
            }
        }
    }
}
