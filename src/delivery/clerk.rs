//! Writes the ledger while a run goes: one thread, everything that waits in one commit.
//!
//! A connection hands in the outcome of its last message without waiting and then waits for the mark of its next
//! one; both end up in the same commit, so a message costs one wait and connections share the fsync.

use super::claims::Claims;
use super::ledger::{Change, Ledger};
use super::row::Row;
use crate::base::{Result, ids::ContactId, limits};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;

/// The way to the writing thread.
#[derive(Clone)]
pub(super) struct Clerk {
    notes: Sender<Note>,
    backlog: Arc<AtomicUsize>,
    failed: Arc<AtomicBool>,
}

/// The writing thread's side.
pub(super) struct Desk {
    notes: Receiver<Note>,
    backlog: Arc<AtomicUsize>,
    failed: Arc<AtomicBool>,
}

struct Note {
    change: Change,
    durable: Option<oneshot::Sender<()>>,
}

pub(super) fn clerk() -> (Clerk, Desk) {
    let (tx, rx) = channel();
    let (backlog, failed) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let desk = Desk { notes: rx, backlog: Arc::clone(&backlog), failed: Arc::clone(&failed) };
    (Clerk { notes: tx, backlog, failed }, desk)
}

impl Clerk {
    /// True once "this one is on the wire" is on disk; false when it cannot be, and then nothing may leave.
    pub(super) async fn start(&self, contact: ContactId) -> bool {
        self.hand_in(Change::Start(contact), true).await
    }

    /// It did not leave after all.
    pub(super) fn back(&self, contact: ContactId) {
        let _durable_is_not_awaited = self.note(Change::Back(contact), None);
    }

    /// What became of a row. Waits only when the writing thread is far behind.
    pub(super) async fn settle(&self, row: Row) {
        let far_behind = self.backlog.load(Ordering::Relaxed) > limits::LEDGER_GROUP;
        self.hand_in(Change::Become(row), far_behind).await;
    }

    /// The ledger cannot be written: the run must end.
    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::SeqCst)
    }

    async fn hand_in(&self, change: Change, wait: bool) -> bool {
        if !wait {
            return self.note(change, None);
        }
        let (tx, rx) = oneshot::channel();
        self.note(change, Some(tx)) && rx.await.is_ok()
    }

    fn note(&self, change: Change, durable: Option<oneshot::Sender<()>>) -> bool {
        self.backlog.fetch_add(1, Ordering::Relaxed);
        self.notes.send(Note { change, durable }).is_ok()
    }
}

impl Desk {
    /// Until every `Clerk` is gone. An outcome that could not be written is tried once more at the end; what then
    /// is still not on disk stays in flight, and so in doubt.
    pub(super) fn write_all(self, ledger: &Ledger, claims: &Mutex<Claims>) -> Result<()> {
        let (mut unsaved, mut failure) = (Vec::new(), None);
        while let Ok(first) = self.notes.recv() {
            let mut group = vec![first];
            group.extend(self.notes.try_iter().take(limits::LEDGER_GROUP - 1));
            self.backlog.fetch_sub(group.len(), Ordering::Relaxed);
            let (changes, waiting): (Vec<_>, Vec<_>) = group.into_iter().map(|n| (n.change, n.durable)).unzip();
            if failure.is_some() {
                unsaved.extend(changes.into_iter().filter(|c| !matches!(c, Change::Start(_))));
                continue;
            }
            match ledger.apply(&changes) {
                Ok(()) => {
                    release(claims, &changes);
                    for waiter in waiting.into_iter().flatten() {
                        let _may_have_left = waiter.send(());
                    }
                }
                Err(e) => {
                    self.failed.store(true, Ordering::SeqCst);
                    failure = Some(e);
                    unsaved.extend(changes.into_iter().filter(|c| !matches!(c, Change::Start(_))));
                }
            }
        }
        match failure {
            None => Ok(()),
            Some(e) => ledger.apply(&unsaved).and(Err(e)),
        }
    }
}

fn release(claims: &Mutex<Claims>, changes: &[Change]) {
    let mut claims = claims.lock().unwrap_or_else(PoisonError::into_inner);
    for change in changes {
        if let Change::Become(row) = change {
            claims.release(row.contact);
        }
    }
}
