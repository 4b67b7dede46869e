//! What became of each alarm: a small plain file, `alarms.json`, without a word that is anybody's. It outlives
//! processes, so that a door which fails again and again does not mail again and again.
//!
//! A file that is gone or does not read counts as empty, and one that cannot be written is passed over: on a full disk
//! the mail matters more than its record.

use super::plan::{self, Trouble};
use crate::base::files::replace_file;
use crate::base::{Lock, Result, Say, Time, limits};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const FILE: &str = "alarms.json";
const LOCK: &str = "alarms.lock";

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Log {
    /// By the event's name.
    pub(super) tallies: BTreeMap<String, Tally>,
    /// The last attempts, oldest first.
    pub attempts: VecDeque<Attempt>,
}

/// How it stands with one event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Tally {
    /// When a mail was last tried, and when one last left.
    pub(super) tried: Option<Time>,
    pub(super) told: Option<Time>,
    /// Attempts in a row that did not leave.
    pub(super) failures: u32,
    /// Happened since the last mail that left.
    pub(super) untold: u32,
}

/// One attempt to send an alarm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    pub at: Time,
    pub event: String,
    pub left: bool,
    /// Why it did not leave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Say>,
}

impl Log {
    pub fn read(data: &Path) -> Log {
        Log::from_file(&data.join(FILE)).unwrap_or_default()
    }

    fn from_file(path: &Path) -> Option<Log> {
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path).ok()?;
        file.take(limits::ALARM_FILE_MAX).read_to_end(&mut bytes).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// What the last attempt for this event came to.
    pub fn last(&self, event: &str) -> Option<&Attempt> {
        self.attempts.iter().rev().find(|a| a.event == event)
    }

    pub(super) fn tally(&self, name: &str) -> Tally {
        self.tallies.get(name).cloned().unwrap_or_default()
    }

    pub(super) fn trouble(&self) -> Trouble {
        plan::trouble(|name| self.tallies.get(name))
    }

    /// It happened once more.
    pub(super) fn count(&mut self, name: &str) {
        let tally = self.tallies.entry(name.to_owned()).or_default();
        tally.untold = tally.untold.saturating_add(1);
    }

    /// `told` of those counted were in the mail, if it left.
    pub(super) fn keep(&mut self, attempt: Attempt, told: u32) {
        let tally = self.tallies.entry(attempt.event.clone()).or_default();
        tally.tried = Some(attempt.at);
        if attempt.left {
            (tally.told, tally.failures) = (Some(attempt.at), 0);
            tally.untold = tally.untold.saturating_sub(told);
        } else {
            tally.failures = tally.failures.saturating_add(1);
        }
        self.attempts.push_back(attempt);
        while self.attempts.len() > limits::ALARMS_KEPT {
            self.attempts.pop_front();
        }
    }
}

/// The log of one data folder, with what this process knows of it.
pub(super) struct Book {
    data: PathBuf,
    known: Log,
}

impl Book {
    pub(super) fn of(data: &Path) -> Book {
        Book { data: data.to_owned(), known: Log::read(data) }
    }

    /// Changes the log as it stands in the file now; another process may have written there.
    pub(super) fn change(&mut self, change: impl FnOnce(&mut Log)) {
        // Not having the lock costs at most a count; not going on would cost the mail.
        let _lock = wait_for(&self.data, limits::ALARM_LOCK_WAIT).ok().flatten();
        let path = self.data.join(FILE);
        if let Some(log) = Log::from_file(&path) {
            self.known = log;
        }
        change(&mut self.known);
        if let Ok(bytes) = serde_json::to_vec_pretty(&self.known) {
            // On a full or broken disk this process goes on by what it knows.
            replace_file(&path, &bytes, 0o600).ok();
        }
    }

    pub(super) fn known(&self) -> &Log {
        &self.known
    }
}

fn wait_for(data: &Path, most: Duration) -> Result<Option<Lock>> {
    let begun = Instant::now();
    loop {
        match Lock::take(data, LOCK)? {
            None if begun.elapsed() < most => std::thread::park_timeout(Duration::from_millis(10)),
            found => return Ok(found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(at: i64, left: bool) -> Attempt {
        Attempt { at: Time(at), event: "worker_died".into(), left, why: None }
    }

    #[test]
    fn what_was_counted_is_told_once_and_only_when_the_mail_left() {
        let mut log = Log::default();
        for _ in 0..3 {
            log.count("worker_died");
        }
        log.keep(attempt(5, false), 3);
        assert_eq!((log.tally("worker_died").untold, log.tally("worker_died").failures), (3, 1));
        log.count("worker_died");
        log.keep(attempt(9, true), 3);
        let tally = log.tally("worker_died");
        assert_eq!((tally.untold, tally.failures, tally.told), (1, 0, Some(Time(9))));
        assert!(log.last("worker_died").unwrap().left);
        assert_eq!(log.last("test"), None);
    }

    #[test]
    fn two_processes_count_together_and_a_broken_file_counts_as_empty() {
        let dir = tempfile::tempdir().unwrap();
        let (mut one, mut two) = (Book::of(dir.path()), Book::of(dir.path()));
        one.change(|log| log.count("door_failed"));
        two.change(|log| log.count("door_failed"));
        assert_eq!(Log::read(dir.path()).tally("door_failed").untold, 2);
        std::fs::write(dir.path().join(FILE), b"{").unwrap();
        assert_eq!(Log::read(dir.path()), Log::default());
        one.change(|log| log.count("door_failed"));
        assert_eq!(Log::read(dir.path()).tally("door_failed").untold, 2, "it goes on by what it knows");
    }

    #[test]
    fn a_folder_that_cannot_be_written_does_not_stop_an_alarm() {
        let mut book = Book::of(Path::new("/nonexistent/folder"));
        book.change(|log| log.count("disk_unsound"));
        assert_eq!(book.known().tally("disk_unsound").untold, 1);
    }

    #[test]
    fn the_log_is_bounded() {
        let mut log = Log::default();
        (0..1000).for_each(|at| log.keep(attempt(at, true), 0));
        assert_eq!((log.attempts.len(), log.attempts.front().unwrap().at), (limits::ALARMS_KEPT, Time(950)));
    }
}
