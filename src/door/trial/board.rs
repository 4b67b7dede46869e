//! What is told of trials to those who wait for one: the steps as they end, and the record.

use crate::base::link::{Step, TrialRecord};
use crate::base::{Error, Result, limits};
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

#[derive(Default)]
pub(crate) struct Board {
    posted: Mutex<Posted>,
    changed: Condvar,
}

#[derive(Default)]
struct Posted {
    running: Option<(String, Vec<Step>)>,
    /// The last ones, oldest first.
    ended: VecDeque<TrialRecord>,
    closed: bool,
}

impl Board {
    fn posted(&self) -> MutexGuard<'_, Posted> {
        self.posted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn began(&self, id: &str) {
        self.posted().running = Some((id.to_owned(), Vec::new()));
        self.changed.notify_all();
    }

    /// All steps so far.
    pub(crate) fn steps(&self, steps: &[Step]) {
        if let Some((_, known)) = &mut self.posted().running {
            known.extend_from_slice(steps.get(known.len()..).unwrap_or_default());
        }
        self.changed.notify_all();
    }

    pub(crate) fn ended(&self, record: TrialRecord) {
        let mut posted = self.posted();
        posted.running = None;
        posted.ended.push_back(record);
        while posted.ended.len() > limits::TRIALS_TOLD {
            posted.ended.pop_front();
        }
        drop(posted);
        self.changed.notify_all();
    }

    /// Nobody will tell more: the door closes.
    pub(crate) fn close(&self) {
        self.posted().closed = true;
        self.changed.notify_all();
    }

    /// Until the trial has ended. Each step is told once.
    pub(crate) fn follow(&self, id: &str, tell: &mut dyn FnMut(&Step)) -> Result<TrialRecord> {
        let since = Instant::now();
        let mut told = 0;
        let mut posted = self.posted();
        loop {
            if let Some(record) = posted.ended.iter().rfind(|r| r.id == id) {
                return Ok(record.clone());
            }
            let steps = match &posted.running {
                Some((running, steps)) if running == id => steps.get(told..).unwrap_or_default().to_vec(),
                // It may be on its way from the worker.
                _ if since.elapsed() < limits::TRIAL_KEEP && !posted.closed => Vec::new(),
                _ => return Err(unknown()),
            };
            if posted.closed {
                return Err(closed());
            }
            if steps.is_empty() {
                let (woken, _) =
                    self.changed.wait_timeout(posted, limits::CLOCK_TICK).unwrap_or_else(PoisonError::into_inner);
                posted = woken;
                continue;
            }
            told += steps.len();
            drop(posted);
            steps.iter().for_each(&mut *tell);
            posted = self.posted();
        }
    }
}

fn unknown() -> Error {
    Error::missing(say!("その番号の試行はありません。", "There is no trial with that id."))
        .hint(say!("これまでの記録: hakobu update history", "Those that were: hakobu update history"))
}

fn closed() -> Error {
    Error::later(say!("サーバーが終了しました。", "The server is ending."))
        .hint(say!("結果は hakobu update history で確認できます。", "hakobu update history says how it ended."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::link::TrialResult;
    use std::sync::Arc;

    fn step(name: &str) -> Step {
        Step { step: name.into(), ok: true, ms: 1, detail: None }
    }

    fn record(id: &str) -> TrialRecord {
        TrialRecord {
            id: id.into(),
            result: TrialResult::Updated,
            from: "0.1.0".into(),
            to: "0.2.0".into(),
            at: 1,
            held_requests: 0,
            longest_held_ms: 0,
            steps: Vec::new(),
            cause: None,
        }
    }

    #[test]
    fn whoever_waits_is_told_each_step_once_and_then_the_record() {
        let board = Arc::new(Board::default());
        let waiting = {
            let board = Arc::clone(&board);
            std::thread::spawn(move || {
                let mut told = Vec::new();
                (board.follow("u", &mut |s| told.push(s.step.clone())).unwrap().id, told)
            })
        };
        board.began("u");
        board.steps(&[step("warm")]);
        board.steps(&[step("warm"), step("quiesce")]);
        while Arc::strong_count(&board) > 1 && !waiting.is_finished() {
            board.steps(&[step("warm"), step("quiesce"), step("pause")]);
            board.ended(record("u"));
        }
        let (id, told) = waiting.join().unwrap();
        assert_eq!(id, "u");
        assert!(["warm", "quiesce", "pause"].starts_with(&told.iter().map(String::as_str).collect::<Vec<_>>()));
        assert_eq!(board.follow("u", &mut |_| ()).unwrap().id, "u", "also afterwards");
    }

    #[test]
    fn the_end_of_the_door_ends_the_waiting() {
        let board = Board::default();
        board.began("u");
        board.close();
        assert_eq!(board.follow("u", &mut |_| ()).unwrap_err().kind(), crate::base::Kind::Later);
        assert_eq!(board.follow("v", &mut |_| ()).unwrap_err().kind(), crate::base::Kind::Missing);
    }
}
