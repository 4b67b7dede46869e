//! Where a message goes next: a relay or a receiver's hosts, with what is known of how it likes to be written to.

use super::Relay;
use super::shaping::{Event, Limits, Pace, Turn};
use crate::base::{Time, limits};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(super) struct Destination {
    /// What tells it from others.
    pub(super) key: String,
    pub(super) hosts: Hosts,
    pub(super) shape: Arc<Shape>,
}

pub(super) enum Hosts {
    Relay(Box<Relay>),
    /// In the order in which they are tried.
    Mx(Vec<String>),
}

/// One receiver's limits and its pace, shared by every run that writes to it.
pub struct Shape {
    name: String,
    limits: Limits,
    pace: Mutex<Pace>,
    open: AtomicUsize,
    /// Rows in memory that wait for it, of every run.
    pub(super) waiting: AtomicUsize,
    /// A person holds its mail back.
    held: AtomicBool,
}

impl Shape {
    pub(super) fn new(name: String, limits: Limits) -> Shape {
        let pace = Mutex::new(Pace::new(&limits));
        Shape::with(name, limits, pace)
    }

    fn with(name: String, limits: Limits, pace: Mutex<Pace>) -> Shape {
        let (open, waiting, held) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(false));
        Shape { name, limits, pace, open, waiting, held }
    }

    /// Of somebody who was asked and said so: a relay.
    pub(super) fn at_full_width(name: String, limits: Limits) -> Shape {
        let pace = Mutex::new(Pace::at_full_width(&limits));
        Shape::with(name, limits, pace)
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Connections that are open or being opened.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    /// Rows in memory that wait for it.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    /// Until when it is left alone; one that is held back, until the next look.
    pub fn resting(&self, now: Time) -> Option<Time> {
        let held = self.is_held().then(|| now.plus(limits::HELD_LOOK));
        held.or_else(|| self.pace().resting(now))
    }

    pub fn is_held(&self) -> bool {
        self.held.load(Ordering::SeqCst)
    }

    pub(super) fn hold(&self, held: bool) {
        self.held.store(held, Ordering::SeqCst);
    }

    /// Messages a minute as they are allowed now.
    pub fn per_minute(&self) -> Option<u32> {
        self.pace().per_minute(&self.limits)
    }

    pub(super) fn turn(&self, now: Time) -> Turn {
        if self.is_held() {
            return Turn::At(now.plus(limits::HELD_LOOK));
        }
        self.pace().take(&self.limits, now)
    }

    pub(super) fn heard(&self, event: Event, now: Time) {
        self.pace().heard(&self.limits, event, now);
    }

    /// A place for one more connection, kept as long as the answer lives.
    pub(super) fn place(self: &Arc<Shape>) -> Option<Place> {
        let most = self.pace().connections(&self.limits);
        let took = self.open.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |open| (open < most).then_some(open + 1));
        took.ok().map(|_| Place(Arc::clone(self)))
    }

    fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) struct Place(Arc<Shape>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}
