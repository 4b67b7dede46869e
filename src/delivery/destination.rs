//! Where a message goes next: a relay or a receiver's hosts, with what is known of how it likes to be written to.

use super::Relay;
use super::shaping::{Event, Limits, Pace, Turn};
use crate::base::Time;
use std::sync::atomic::{AtomicUsize, Ordering};
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
}

impl Shape {
    pub(super) fn new(name: String, limits: Limits) -> Shape {
        let pace = Mutex::new(Pace::new(&limits));
        Shape { name, limits, pace, open: AtomicUsize::new(0) }
    }

    /// Of somebody who was asked and said so: a relay.
    pub(super) fn at_full_width(name: String, limits: Limits) -> Shape {
        let pace = Mutex::new(Pace::at_full_width(&limits));
        Shape { name, limits, pace, open: AtomicUsize::new(0) }
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

    /// Until when it is left alone.
    pub fn resting(&self, now: Time) -> Option<Time> {
        self.pace().resting(now)
    }

    /// Messages a minute as they are allowed now.
    pub fn per_minute(&self) -> Option<u32> {
        self.pace().per_minute(&self.limits)
    }

    pub(super) fn turn(&self, now: Time) -> Turn {
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
