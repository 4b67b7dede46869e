//! Where access lines go: to the worker that lives, in batches; while there is none they wait, bounded.

use crate::base::limits;
use crate::base::link::{AccessLine, Mouth, ToWorker};
use std::collections::VecDeque;
use std::io::ErrorKind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[derive(Default)]
pub(crate) struct Lines(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    to: Option<Arc<Mouth>>,
    waiting: VecDeque<AccessLine>,
}

impl Lines {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn lead_to(&self, mouth: Option<Arc<Mouth>>) {
        self.kept().to = mouth;
    }

    fn keep(&self, lines: Vec<AccessLine>) {
        self.kept().waiting.extend(lines);
    }

    /// What came before everything that is kept now is lost when there is no more room.
    pub(crate) fn add(&self, lines: Vec<AccessLine>) {
        let mut kept = self.kept();
        kept.waiting.extend(lines);
        while kept.waiting.len() > limits::ACCESS_WAITING {
            kept.waiting.pop_front();
        }
        let Some(mouth) = kept.to.clone() else { return };
        let mut lines: Vec<AccessLine> = kept.waiting.drain(..).collect();
        drop(kept);
        while !lines.is_empty() {
            let mut rest = lines.split_off(lines.len().min(limits::ACCESS_PER_WORD));
            let word = ToWorker::Access { lines };
            match (mouth.say(&word), word) {
                // Another door speaks to it by now: they go by way of that one.
                (Err(e), ToWorker::Access { mut lines }) if e.kind() == ErrorKind::NotConnected => {
                    lines.append(&mut rest);
                    return self.keep(lines);
                }
                // A worker that does not hear is dead; what it was told last may be lost with it.
                _ => lines = rest,
            }
        }
    }
}
