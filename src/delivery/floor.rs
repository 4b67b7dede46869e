//! What the lanes of one pass share, and why it ends.

use super::claims::Claims;
use super::clerk::Clerk;
use super::destination::{Destination, Place};
use super::hands::Hands;
use super::queue::Queue;
use super::smtp::Waits;
use super::smtp::session::Trust;
use super::{Clock, Finish, Ledger, Letters, Policy, Route, Steer};
use crate::base::{Error, Say, Time, limits};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

pub(super) struct Floor<'a> {
    pub(super) ledger: Ledger,
    pub(super) route: Route,
    pub(super) trust: Option<Trust>,
    pub(super) waits: Waits,
    pub(super) policy: Policy,
    pub(super) steer: Steer,
    pub(super) clock: Clock,
    pub(super) clerk: Clerk,
    pub(super) letters: &'a dyn Letters,
    pub(super) finish: &'a Finish,
    pub(super) hands: Hands<'a>,
    pub(super) claims: Arc<Mutex<Claims>>,
    /// Messages of the run that were taken before this pass.
    pub(super) sent: u64,
    queues: Mutex<HashMap<String, Arc<Queue>>>,
    lanes: AtomicUsize,
    /// Rows that lanes took.
    pub(super) given: AtomicU64,
    /// Nobody else will come to any queue for now.
    pub(super) all_sorted: AtomicBool,
    /// Lanes ended, were let in, or run out of rows: whoever oversees the pass looks again.
    pub(super) changed: Notify,
    reach: Mutex<Reach>,
    over: AtomicBool,
    over_changed: Notify,
    why: Mutex<Why>,
}

/// Whether anybody at all is reached: a closed port 25 looks like everybody being away.
#[derive(Default)]
struct Reach {
    somebody: bool,
    away: HashSet<String>,
}

/// Why no more rows are claimed in this pass.
#[derive(Default)]
pub(super) struct Why {
    pub(super) paused: Option<Say>,
    pub(super) resting: Option<Say>,
    pub(super) error: Option<Error>,
}

/// What a pass is made of.
pub(super) struct Parts<'a> {
    pub(super) ledger: Ledger,
    pub(super) route: Route,
    pub(super) trust: Option<Trust>,
    pub(super) waits: Waits,
    pub(super) policy: Policy,
    pub(super) steer: Steer,
    pub(super) clock: Clock,
    pub(super) clerk: Clerk,
    pub(super) letters: &'a dyn Letters,
    pub(super) finish: &'a Finish,
    pub(super) hands: Hands<'a>,
    pub(super) claims: Arc<Mutex<Claims>>,
    pub(super) sent: u64,
}

impl<'a> Floor<'a> {
    pub(super) fn new(parts: Parts<'a>) -> Floor<'a> {
        let Parts { ledger, route, trust, waits, policy, steer, clock, clerk, letters, finish, hands, claims, sent } =
            parts;
        Floor {
            ledger,
            route,
            trust,
            waits,
            policy,
            steer,
            clock,
            clerk,
            letters,
            finish,
            hands,
            claims,
            sent,
            queues: Mutex::default(),
            lanes: AtomicUsize::new(0),
            given: AtomicU64::new(0),
            all_sorted: AtomicBool::new(false),
            changed: Notify::new(),
            reach: Mutex::default(),
            over: AtomicBool::new(false),
            over_changed: Notify::new(),
            why: Mutex::default(),
        }
    }

    /// Something is wrong on our side.
    pub(super) fn pause(&self, say: Say) {
        self.end(|why| why.paused = why.paused.take().or(Some(say)));
    }

    /// The relay does not want more for now.
    pub(super) fn rest(&self, say: Say) {
        self.end(|why| why.resting = why.resting.take().or(Some(say)));
    }

    pub(super) fn fail(&self, e: Error) {
        self.end(|why| why.error = why.error.take().or(Some(e)));
    }

    fn end(&self, f: impl FnOnce(&mut Why)) {
        f(&mut self.why.lock().unwrap_or_else(PoisonError::into_inner));
        self.over.store(true, Ordering::SeqCst);
        self.over_changed.notify_waiters();
        self.changed.notify_one();
    }

    pub(super) fn why(&self) -> Why {
        std::mem::take(&mut *self.why.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst) || self.steer.is_stopped() || self.clerk.has_failed()
    }

    /// When no more rows will be claimed, for whatever reason.
    pub(super) async fn over(&self) {
        let ended = self.over_changed.notified();
        tokio::pin!(ended);
        ended.as_mut().enable();
        if !self.is_over() {
            tokio::select! { () = ended => {} () = self.steer.stopped() => {} }
        }
    }

    pub(super) fn now(&self) -> Time {
        (self.clock)()
    }

    pub(super) fn is_past_end(&self) -> bool {
        self.policy.end.is_some_and(|end| self.now() >= end)
    }

    /// The queue of a destination, made when somebody first waits for it.
    pub(super) fn queue(&self, to: &Arc<Destination>) -> Arc<Queue> {
        let mut queues = self.queues();
        match queues.get(&to.key) {
            Some(queue) => Arc::clone(queue),
            None => {
                let queue = Arc::new(Queue::new(Arc::clone(to), self.sent));
                queues.insert(to.key.clone(), Arc::clone(&queue));
                queue
            }
        }
    }

    pub(super) fn all_queues(&self) -> Vec<Arc<Queue>> {
        self.queues().values().cloned().collect()
    }

    fn queues(&self) -> MutexGuard<'_, HashMap<String, Arc<Queue>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn lanes(&self) -> usize {
        self.lanes.load(Ordering::SeqCst)
    }

    /// Starts lanes where rows wait and the destination has places.
    pub(super) fn staff(self: &Arc<Floor<'a>>) {
        for queue in self.all_queues() {
            for _ in 0..queue.wants() {
                if self.lanes() >= self.policy.all_connections {
                    return;
                }
                let Some(place) = queue.to.shape.place() else { break };
                self.hands.start(OnFloor::new(self, &queue, place));
            }
        }
    }

    pub(super) fn reached(&self) {
        self.reach.lock().unwrap_or_else(PoisonError::into_inner).somebody = true;
    }

    /// Nobody answers there. True when that is so wherever we tried.
    pub(super) fn unreached(&self, key: &str) -> bool {
        let mut reach = self.reach.lock().unwrap_or_else(PoisonError::into_inner);
        if !reach.somebody && reach.away.len() < limits::NOBODY_REACHED {
            reach.away.insert(key.to_owned());
        }
        !reach.somebody && reach.away.len() >= limits::NOBODY_REACHED
    }
}

/// A lane as it is counted, here and in its queue.
pub(super) struct OnFloor<'a> {
    pub(super) floor: Arc<Floor<'a>>,
    pub(super) queue: Arc<Queue>,
    _place: Place,
}

impl<'a> OnFloor<'a> {
    fn new(floor: &Arc<Floor<'a>>, queue: &Arc<Queue>, place: Place) -> OnFloor<'a> {
        floor.lanes.fetch_add(1, Ordering::SeqCst);
        queue.lanes.fetch_add(1, Ordering::SeqCst);
        OnFloor { floor: Arc::clone(floor), queue: Arc::clone(queue), _place: place }
    }
}

impl Drop for OnFloor<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.floor.fail(Error::bug("a lane of the engine panicked"));
        }
        self.queue.lanes.fetch_sub(1, Ordering::SeqCst);
        self.floor.lanes.fetch_sub(1, Ordering::SeqCst);
        self.floor.changed.notify_one();
    }
}
