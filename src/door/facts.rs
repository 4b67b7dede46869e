//! What the door knows of itself: for people, for the worker, and for a command that asks while the worker is dead.

use super::access::Lines;
use super::gate::Gate;
use crate::base::Time;
use crate::base::link::DoorFacts;
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    Starting,
    Running,
    /// Requests wait while the worker changes in good order.
    Held,
    Restarting,
    Updating,
    Stopping,
}

pub(crate) struct Facts {
    known: Mutex<Known>,
    gate: Arc<Gate>,
    lines: Arc<Lines>,
}

struct Known {
    state: State,
    door: DoorFacts,
    worker: Option<At>,
    restarts: u64,
}

#[derive(Clone)]
struct At {
    pid: u32,
    version: String,
    since: Time,
}

impl Facts {
    pub(crate) fn new(door: DoorFacts, gate: Arc<Gate>, lines: Arc<Lines>) -> Arc<Facts> {
        let known = Known { state: State::Starting, door, worker: None, restarts: 0 };
        Arc::new(Facts { known: Mutex::new(known), gate, lines })
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn door(&self) -> DoorFacts {
        self.known().door.clone()
    }

    pub(crate) fn state(&self) -> State {
        self.known().state
    }

    /// `slots`: the one that runs now and the one to go back to, where that has changed.
    pub(crate) fn trial_ended(&self, slots: Option<(String, String)>, longest_held: Duration) {
        let mut known = self.known();
        if let Some((slot, previous)) = slots {
            (known.door.slot, known.door.previous) = (slot, Some(previous));
        }
        known.door.last_held_ms = Some(u64::try_from(longest_held.as_millis()).unwrap_or(u64::MAX));
    }

    pub(crate) fn set_state(&self, state: State) {
        self.known().state = state;
    }

    pub(crate) fn worker_is(&self, pid: u32, version: String, since: Time) {
        self.known().worker = Some(At { pid, version, since });
    }

    /// The worker's version, since when it is there, and how many died before.
    pub(crate) fn worker(&self) -> Option<(String, Time, u64)> {
        let known = self.known();
        known.worker.as_ref().map(|w| (w.version.clone(), w.since, known.restarts))
    }

    pub(crate) fn restarts_were(&self, restarts: u64) {
        self.known().restarts = restarts;
    }

    pub(crate) fn worker_gone(&self) {
        let mut known = self.known();
        known.worker = None;
        known.restarts += 1;
    }

    pub(crate) fn to_json(&self, now: Time) -> Value {
        let held = self.gate.held();
        let (waiting, in_flight) = (self.gate.waiting(), self.gate.in_flight());
        let known = self.known();
        let (door, worker) = (&known.door, &known.worker);
        let seconds = |since: Time| now.since(since).as_secs();
        let running = worker.as_ref().map(
            |w| json!({"pid": w.pid, "version": w.version, "uptime_s": seconds(w.since), "restarts": known.restarts}),
        );
        json!({
            "state": known.state,
            "slot": door.slot,
            "version": worker.as_ref().map_or(&door.version, |w| &w.version),
            "previous": door.previous,
            "admin": door.admin,
            "public": door.public,
            "door": {
                "pid": door.pid, "version": door.version, "uptime_s": seconds(Time(door.since)),
                "waiting": waiting, "in_flight": in_flight, "access_lines_lost": self.lines.lost(),
                "last_hold": {"requests": held.requests, "longest_ms": u64::try_from(held.longest.as_millis()).unwrap_or(u64::MAX)},
            },
            "worker": running,
        })
    }
}
