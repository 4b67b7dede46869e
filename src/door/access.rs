//! Where access lines go: to the worker that lives, in batches. While there is none they wait: sealed on the shelf, or,
//! where there is no key to seal with (a house to look around in, the first run), in bounded memory.

use super::shelf::Shelf;
use crate::base::link::{AccessLine, Mouth, ToWorker};
use crate::base::{Result, limits, log};
use serde_json::json;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[derive(Default)]
pub(crate) struct Lines {
    kept: Mutex<Kept>,
    shelf: Option<Shelf>,
    /// Those that found no room anywhere, since the door began.
    lost: AtomicU64,
}

#[derive(Default)]
struct Kept {
    to: Option<Arc<Mouth>>,
    /// Where there is no shelf.
    waiting: VecDeque<AccessLine>,
    /// So many of the lost ones somebody was told of.
    told: u64,
    failing: bool,
}

impl Lines {
    pub(crate) fn new(shelf: Option<Shelf>) -> Arc<Lines> {
        Arc::new(Lines { shelf, ..Lines::default() })
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// A word to the worker that the lines go to.
    pub(crate) fn say(&self, word: &ToWorker) {
        let to = self.kept().to.clone();
        if let Some(mouth) = to {
            // One that does not hear has gone.
            mouth.say(word).ok();
        }
    }

    /// What waits goes to a new worker at once, from a thread of its own: whoever says this waits for no disk.
    pub(crate) fn lead_to(self: &Arc<Lines>, mouth: Option<Arc<Mouth>>) {
        self.kept().to.clone_from(&mouth);
        let Some(mouth) = mouth else { return };
        let lines = Arc::clone(self);
        let started = std::thread::Builder::new().name("access".into()).spawn(move || lines.hand_over(&mouth));
        // Without a thread the next line brings those before it along.
        drop(started);
    }

    pub(crate) fn add(&self, lines: Vec<AccessLine>) {
        let to = self.kept().to.clone();
        let left = match to {
            Some(mouth) => {
                self.hand_over(&mouth);
                tell(&mouth, lines)
            }
            None => lines,
        };
        if !left.is_empty() {
            self.put_by(left);
        }
    }

    fn hand_over(&self, mouth: &Mouth) {
        let waiting: Vec<AccessLine> = self.kept().waiting.drain(..).collect();
        let left = tell(mouth, waiting);
        if !left.is_empty() {
            self.put_by(left);
        }
        if let Some(shelf) = &self.shelf {
            let unread = shelf.clear(&mut |lines| tell(mouth, lines).is_empty());
            if let Ok(records @ 1..) = &unread {
                log::event("access_lines_unreadable", &json!({"records": records}));
            }
            self.note(unread);
        }
        let lost = self.lost();
        let told = std::mem::replace(&mut self.kept().told, lost);
        if lost > told {
            log::event("access_lines_lost", &json!({"lines": lost - told}));
        }
    }

    fn put_by(&self, lines: Vec<AccessLine>) {
        let count = lines.len();
        let lost = match &self.shelf {
            Some(shelf) => {
                let put = shelf.put(&lines);
                let room = matches!(put, Ok(true));
                self.note(put);
                if room { 0 } else { count }
            }
            None => self.remember(lines),
        };
        self.lost.fetch_add(lost as u64, Ordering::Relaxed);
    }

    /// What came before everything that is kept now is lost when there is no more room.
    fn remember(&self, lines: Vec<AccessLine>) -> usize {
        let mut kept = self.kept();
        kept.waiting.extend(lines);
        let over = kept.waiting.len().saturating_sub(limits::ACCESS_WAITING);
        kept.waiting.drain(..over);
        over
    }

    /// A disk that fails every second is one line in the log.
    fn note<T>(&self, outcome: Result<T>) {
        let was = std::mem::replace(&mut self.kept().failing, outcome.is_err());
        if let (Err(e), false) = (outcome, was) {
            log::error("access log", &e);
        }
    }
}

/// Those that it did not take. A worker that does not hear is dead; what it was told last may be lost with it.
fn tell(mouth: &Mouth, mut lines: Vec<AccessLine>) -> Vec<AccessLine> {
    while !lines.is_empty() {
        let rest = lines.split_off(lines.len().min(limits::ACCESS_PER_WORD));
        let word = ToWorker::Access { lines };
        if mouth.say(&word).is_err()
            && let ToWorker::Access { lines } = word
        {
            return [lines, rest].concat();
        }
        lines = rest;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::link::{Ear, Surface, halves};
    use crate::base::seal::Key;
    use std::os::unix::net::UnixStream;

    fn line(n: i64) -> AccessLine {
        AccessLine {
            at: n,
            id: n.to_string(),
            surface: Surface::Public,
            from: [192, 0, 2, 7].into(),
            method: "GET".into(),
            path: "/u/…".into(),
            status: 200,
            bytes: 0,
            ms: 0,
            held_ms: 0,
        }
    }

    fn worker() -> (Arc<Mouth>, Ear) {
        let (door, worker) = UnixStream::pair().unwrap();
        worker.set_read_timeout(Some(std::time::Duration::from_secs(20))).unwrap();
        (Arc::new(halves(door).unwrap().0), halves(worker).unwrap().1)
    }

    /// The next so many lines that a worker is told.
    fn heard(ear: &mut Ear, most: usize) -> Vec<i64> {
        let mut all = Vec::new();
        while all.len() < most {
            let Some(ToWorker::Access { lines }) = ear.hear().unwrap() else { panic!("access lines") };
            all.extend(lines.iter().map(|l| l.at));
        }
        all
    }

    fn shelf(dir: &tempfile::TempDir) -> Option<Shelf> {
        Some(Shelf::of(dir.path(), &Key::new([3; 32])))
    }

    #[test]
    fn what_comes_while_there_is_no_worker_reaches_the_next_one_in_its_order() {
        let dir = tempfile::tempdir().unwrap();
        for lines in [Lines::new(None), Lines::new(shelf(&dir))] {
            lines.add(vec![line(1), line(2)]);
            lines.add(vec![line(3)]);
            let (mouth, mut ear) = worker();
            lines.lead_to(Some(mouth));
            assert_eq!(heard(&mut ear, 3), [1, 2, 3]);
            lines.add(vec![line(4)]);
            assert_eq!(heard(&mut ear, 1), [4]);
            assert_eq!(lines.lost(), 0);
        }
    }

    #[test]
    fn they_outlive_the_door_sealed_and_what_a_dead_worker_did_not_hear_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let first = Lines::new(shelf(&dir));
        let (mouth, ear) = worker();
        first.lead_to(Some(mouth));
        drop(ear);
        first.add(vec![line(1)]);
        first.lead_to(None);
        first.add(vec![line(2)]);
        drop(first);
        let sealed = std::fs::read(dir.path().join("door/access.sealed")).unwrap();
        assert!(!String::from_utf8_lossy(&sealed).contains("192.0.2.7"));
        let (mouth, mut ear) = worker();
        Lines::new(shelf(&dir)).lead_to(Some(mouth));
        assert_eq!(heard(&mut ear, 2), [1, 2]);
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_are_lost_and_counted() {
        let lines = Lines::new(None);
        lines.add((0..limits::ACCESS_WAITING as i64 + 7).map(line).collect());
        assert_eq!(lines.lost(), 7);
        let (mouth, mut ear) = worker();
        lines.lead_to(Some(mouth));
        assert_eq!(heard(&mut ear, 1)[0], 7);
    }
}
