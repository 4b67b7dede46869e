//! A release that never was: this program with another version, other root keys, and one fault. What it is stands in
//! JSON behind its own last byte, so that one build rehearses every release:
//!
//! `… program … | {"version":"0.2.0","roots":"…","sabotage":"dies_in_probation"} | length (8, big-endian) | HAKOBU-R`
//!
//! A fault of the worker is played on its link: the real worker lives behind it, and words are dropped, altered, or
//! are the last ones.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a rehearsal that cannot go on has failed

use hakobu::base::Build;
use hakobu::worker::life::{self, Origin};
use serde::Deserialize;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

const MARK: &[u8; 8] = b"HAKOBU-R";

#[derive(Deserialize)]
struct Part {
    version: String,
    #[serde(default)]
    roots: String,
    #[serde(default)]
    sabotage: Option<Sabotage>,
    /// A table more than the release before.
    #[serde(default)]
    table: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Sabotage {
    PreflightPanics,
    PreflightHangs,
    PreflightFails,
    DiesWarm,
    /// Takes all the room on the disk before it answers, and keeps it.
    FillsDisk,
    /// Its tables cannot be made, on the data itself alone.
    MigrationFails,
    DiesOpening,
    HangsOpening,
    OpensSlowly,
    Unhealthy,
    DiesAtCheck,
    DiesInProbation,
    HangsInProbation,
    UnwellInProbation,
    /// It does not become the door.
    DoorDies,
    DoorHangs,
}

fn main() -> ExitCode {
    let part = part();
    let words: Vec<String> = std::env::args().collect();
    let verb = |name: &str| words.get(1).is_some_and(|w| w == name);
    let build = build(&part, verb("worker"));
    match part.sabotage {
        Some(Sabotage::PreflightPanics) if verb("preflight") => panic!("as rehearsed"),
        Some(Sabotage::PreflightHangs) if verb("preflight") => loop {
            std::thread::park();
        },
        Some(Sabotage::DoorDies) if verb("serve") && takes_over() => std::process::abort(),
        Some(Sabotage::DoorHangs) if verb("serve") && takes_over() => loop {
            std::thread::park();
        },
        Some(sabotage) if verb("worker") && sabotage != Sabotage::MigrationFails => worker(sabotage, &words, build),
        _ => hakobu::cli::main(build),
    }
}

/// Started by the door before.
fn takes_over() -> bool {
    std::env::var_os("HAKOBU_TAKES_OVER_FROM").is_some()
}

fn part() -> Part {
    let mut own = std::fs::File::open("/proc/self/exe").unwrap();
    let mut foot = [0u8; 16];
    own.seek(SeekFrom::End(-16)).unwrap();
    own.read_exact(&mut foot).unwrap();
    let (length, mark) = foot.split_at(8);
    assert_eq!(mark, MARK, "this rehearses nothing: no part was given to it");
    let length = u64::from_be_bytes(length.try_into().unwrap());
    own.seek(SeekFrom::End(-16 - i64::try_from(length).unwrap())).unwrap();
    let mut text = vec![0; usize::try_from(length).unwrap()];
    own.read_exact(&mut text).unwrap();
    serde_json::from_slice(&text).unwrap()
}

/// A process has one build for its life.
fn build(part: &Part, worker: bool) -> Build {
    const NEW: &[(&str, &[&str])] = &[("rehearsal", &["CREATE TABLE rehearsal (n INTEGER PRIMARY KEY) STRICT;"])];
    const TORN: &[(&str, &[&str])] = &[(
        "rehearsal",
        &["CREATE TABLE rehearsal (n INTEGER PRIMARY KEY) STRICT;", "INSERT INTO no_such_table VALUES (1);"],
    )];
    let more_tables = match part.sabotage {
        Some(Sabotage::MigrationFails) if worker => TORN,
        Some(Sabotage::PreflightFails) => TORN,
        _ if part.table => NEW,
        _ => &[],
    };
    Build { version: part.version.clone().leak(), root_keys: part.roots.clone().leak(), more_tables }
}

fn worker(sabotage: Sabotage, words: &[String], build: Build) -> ExitCode {
    let data = words.iter().skip_while(|w| *w != "--data").nth(1).map(PathBuf::from).unwrap();
    if sabotage == Sabotage::FillsDisk {
        fill(&data);
    }
    let door = UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned().unwrap());
    let (ours, theirs) = UnixStream::pair().unwrap();
    let (from_door, to_worker) = (door.try_clone().unwrap(), ours.try_clone().unwrap());
    std::thread::spawn(move || pass(from_door, to_worker, |word| at_word_of_door(sabotage, word)));
    std::thread::spawn(move || pass(ours, door, |word| at_word_of_worker(sabotage, word)));
    match life::live(theirs, Origin::Folder(data), build) {
        Ok(()) => {
            // Its last words are still on their way.
            std::thread::park_timeout(Duration::from_millis(200));
            ExitCode::SUCCESS
        }
        Err(_) => ExitCode::FAILURE,
    }
}

/// To the last byte.
fn fill(data: &Path) {
    let mut all = std::fs::File::create(data.join("filler")).unwrap();
    for piece in [1 << 20, 4 << 10, 1] {
        let zeros = vec![0; piece];
        while all.write_all(&zeros).is_ok() {}
    }
}

/// Line by line; a word that becomes nothing is not said.
fn pass(from: UnixStream, mut to: UnixStream, mut change: impl FnMut(Value) -> Option<Value>) {
    for line in BufReader::new(from).lines().map_while(Result::ok) {
        if let Some(word) = change(serde_json::from_str(&line).unwrap())
            && to.write_all(format!("{word}\n").as_bytes()).is_err()
        {
            break;
        }
    }
    to.shutdown(std::net::Shutdown::Write).ok();
}

fn at_word_of_door(sabotage: Sabotage, word: Value) -> Option<Value> {
    match (sabotage, word["say"].as_str().unwrap_or_default()) {
        (Sabotage::DiesWarm, "hello") | (Sabotage::DiesAtCheck, "check") => std::process::abort(),
        (Sabotage::HangsOpening, "open") => return None,
        (Sabotage::OpensSlowly, "open") => std::thread::park_timeout(Duration::from_millis(800)),
        (Sabotage::DiesInProbation, "start") => {
            std::thread::spawn(|| {
                std::thread::park_timeout(Duration::from_millis(700));
                std::process::abort();
            });
        }
        (Sabotage::HangsInProbation, "check") if word["id"].as_u64() > Some(1) => return None,
        _ => {}
    }
    Some(word)
}

fn at_word_of_worker(sabotage: Sabotage, mut word: Value) -> Option<Value> {
    // Its stores are open and its tables made, and nobody hears of it.
    if sabotage == Sabotage::DiesOpening && word["say"] == "opened" {
        std::process::abort();
    }
    let check = (word["say"] == "checked").then(|| word["id"].as_u64()).flatten();
    let unwell = match sabotage {
        Sabotage::Unhealthy => check.is_some(),
        Sabotage::UnwellInProbation => check > Some(1),
        _ => false,
    };
    if unwell {
        word["fault"] = serde_json::json!({"kind": "unhealthy", "says": {"ja": "だめ", "en": "As rehearsed."}});
    }
    Some(word)
}
