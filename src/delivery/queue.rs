//! One run's mail to one destination: who waits for it, and what this run has heard from it.

use super::destination::Destination;
use super::row::Row;
use super::withheld::Withheld;
use crate::base::{Time, ids::ContactId};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

pub(super) struct Queue {
    pub(super) to: Arc<Destination>,
    waiting: Mutex<VecDeque<Waiting>>,
    /// Somebody came, or nobody will.
    pub(super) came: Notify,
    /// Lanes of this run that serve it.
    pub(super) lanes: AtomicUsize,
    /// Sessions of this run that are open now.
    pub(super) live: AtomicUsize,
    /// A connection was opened in this pass. Before that one lane tries alone: a wrong password is tried once, not ten
    /// times.
    pub(super) opened: AtomicBool,
    /// Refusals of MAIL FROM for now, one after another.
    pub(super) mail_deferrals: AtomicU32,
    withheld: Mutex<Withheld>,
}

/// A row that waits. Most were never tried, and of a million of those only the name is kept.
enum Waiting {
    New(ContactId),
    Tried(Box<Row>),
}

impl Queue {
    /// `sent` messages of the run were taken before.
    pub(super) fn new(to: Arc<Destination>, sent: u64) -> Queue {
        Queue {
            to,
            waiting: Mutex::default(),
            came: Notify::new(),
            lanes: AtomicUsize::new(0),
            live: AtomicUsize::new(0),
            opened: AtomicBool::new(false),
            mail_deferrals: AtomicU32::new(0),
            withheld: Mutex::new(Withheld::after(sent)),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.waiting().len()
    }

    pub(super) fn push(&self, row: Row) {
        self.waiting().push_back(Waiting::of(row));
        self.to.shape.waiting.fetch_add(1, Ordering::SeqCst);
        self.came.notify_one();
    }

    /// Not sent after all: it is the next one again.
    pub(super) fn put_back(&self, row: Row) {
        self.waiting().push_front(Waiting::of(row));
        self.to.shape.waiting.fetch_add(1, Ordering::SeqCst);
        self.came.notify_one();
    }

    /// The next one, and how many wait behind it.
    pub(super) fn pop(&self) -> Option<(Row, usize)> {
        let mut waiting = self.waiting();
        let row = waiting.pop_front()?.row();
        self.to.shape.waiting.fetch_sub(1, Ordering::SeqCst);
        Some((row, waiting.len()))
    }

    /// Everybody who waits.
    pub(super) fn empty(&self) -> Vec<Row> {
        let rows: Vec<Row> = self.waiting().drain(..).map(Waiting::row).collect();
        self.to.shape.waiting.fetch_sub(rows.len(), Ordering::SeqCst);
        rows
    }

    pub(super) fn withheld(&self) -> MutexGuard<'_, Withheld> {
        self.withheld.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lanes that have something to do here.
    pub(super) fn wants(&self) -> usize {
        let lanes = self.lanes.load(Ordering::SeqCst);
        let most = if self.opened.load(Ordering::SeqCst) { usize::MAX } else { 1 };
        most.min(self.len()).saturating_sub(lanes)
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.empty();
    }
}

impl Waiting {
    fn of(row: Row) -> Waiting {
        match row.is_new() {
            true => Waiting::New(row.contact),
            false => Waiting::Tried(Box::new(row)),
        }
    }

    fn row(self) -> Row {
        match self {
            Waiting::New(contact) => Row::queued(contact, Time(0)),
            Waiting::Tried(row) => *row,
        }
    }
}
