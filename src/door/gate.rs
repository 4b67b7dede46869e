//! The gate between the public and the worker: open, held, or shut. Requests wait here while the worker changes, in
//! the order in which they came, bounded in number and time; whoever is inside is counted until he is answered.

use crate::base::limits;
use crate::base::link::RouteClass;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// A worker that answers.
#[derive(Debug)]
pub(crate) struct Behind {
    /// Counts up with every worker: a kept connection is good for its own worker alone.
    pub(crate) number: u64,
    pub(crate) pages: PathBuf,
    pub(crate) control: PathBuf,
    pub(crate) routes: Vec<RouteClass>,
}

#[derive(Clone, Debug)]
enum State {
    Open(Arc<Behind>),
    Held,
    /// Nobody will answer soon.
    Shut,
}

/// Why a request does not get through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turned {
    /// It waited as long as it may.
    Late,
    /// Too many wait already.
    Crowded,
    Shut,
}

pub(crate) struct Gate {
    state: watch::Sender<State>,
    /// Since when each of those inside is there, in the order in which they came.
    inside: Mutex<BTreeMap<u64, Instant>>,
    passes: AtomicU64,
    waiting: AtomicUsize,
    held: Mutex<Held>,
    numbers: AtomicU64,
    switching: AtomicBool,
}

/// What the last hold cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) requests: u64,
    pub(crate) longest: Duration,
}

/// One request inside; going out is dropping it.
pub(crate) struct Pass {
    pub(crate) behind: Arc<Behind>,
    pub(crate) waited: Duration,
    number: u64,
    gate: Arc<Gate>,
}

impl Gate {
    /// Held from the start: no worker stands behind it yet.
    pub(crate) fn new() -> Arc<Gate> {
        Arc::new(Gate {
            state: watch::Sender::new(State::Held),
            inside: Mutex::default(),
            passes: AtomicU64::new(0),
            waiting: AtomicUsize::new(0),
            held: Mutex::default(),
            numbers: AtomicU64::new(0),
            switching: AtomicBool::new(false),
        })
    }

    pub(crate) fn open(&self, pages: PathBuf, control: PathBuf, routes: Vec<RouteClass>) {
        let number = self.numbers.fetch_add(1, Ordering::AcqRel) + 1;
        self.state.send_replace(State::Open(Arc::new(Behind { number, pages, control, routes })));
    }

    /// From now on requests wait, and a new count of what that costs begins.
    pub(crate) fn hold(&self) {
        self.switching.store(false, Ordering::Release);
        self.hold_anyhow();
    }

    /// The same, for a change of workers that is over in a moment.
    pub(crate) fn hold_for_a_switch(&self) {
        self.switching.store(true, Ordering::Release);
        self.hold_anyhow();
    }

    /// Nobody answers, and not because of a switch: whoever asks if we are ready is told so at once.
    pub(crate) fn is_away(&self) -> bool {
        self.behind().is_none() && !self.switching.load(Ordering::Acquire)
    }

    fn hold_anyhow(&self) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Held::default();
        self.state.send_replace(State::Held);
    }

    /// Requests are turned away at once.
    pub(crate) fn shut(&self) {
        self.switching.store(false, Ordering::Release);
        self.state.send_replace(State::Shut);
    }

    /// The worker that answers now, without going in.
    pub(crate) fn behind(&self) -> Option<Arc<Behind>> {
        match &*self.state.borrow() {
            State::Open(behind) => Some(Arc::clone(behind)),
            State::Held | State::Shut => None,
        }
    }

    fn inside(&self) -> MutexGuard<'_, BTreeMap<u64, Instant>> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.inside().len()
    }

    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Acquire)
    }

    pub(crate) fn held(&self) -> Held {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// In, now or once the gate opens.
    pub(crate) async fn enter(self: &Arc<Gate>) -> Result<Pass, Turned> {
        let since = Instant::now();
        if let Some(pass) = self.step_in(Duration::ZERO)? {
            return Ok(pass);
        }
        let _place = Place::take(self)?;
        let mut changes = self.state.subscribe();
        let outcome = tokio::time::timeout(limits::HOLD_TIME, async {
            loop {
                if let Some(pass) = self.step_in(since.elapsed())? {
                    return Ok(pass);
                }
                if changes.changed().await.is_err() {
                    return Err(Turned::Shut);
                }
            }
        })
        .await
        .unwrap_or(Err(Turned::Late));
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.requests += 1;
        held.longest = held.longest.max(since.elapsed());
        outcome
    }

    /// Counted before the state is looked at, so that whoever holds the gate and then sees nobody inside is right.
    fn step_in(self: &Arc<Gate>, waited: Duration) -> Result<Option<Pass>, Turned> {
        let number = self.passes.fetch_add(1, Ordering::AcqRel);
        self.inside().insert(number, Instant::now());
        let state = self.state.borrow().clone();
        if let State::Open(behind) = state {
            return Ok(Some(Pass { behind, waited, number, gate: Arc::clone(self) }));
        }
        self.inside().remove(&number);
        if matches!(state, State::Shut) { Err(Turned::Shut) } else { Ok(None) }
    }

    /// True when nobody inside has been there for long, false when that took too long: an answer that a slow client
    /// reads, an event stream. For threads outside of the runtime, as the next one.
    pub(crate) fn calm_within(&self, within: Duration) -> bool {
        let oldest = || self.inside().values().next().copied();
        until(within, limits::TRIAL_CALM_LOOK, || oldest().is_none_or(|since| since.elapsed() < limits::TRIAL_LONG))
    }

    /// True when everybody inside has gone, false when that took too long.
    pub(crate) fn empty_within(&self, within: Duration) -> bool {
        until(within, limits::DRAIN_STEP, || self.in_flight() == 0)
    }
}

fn until(within: Duration, step: Duration, done: impl Fn() -> bool) -> bool {
    let end = Instant::now() + within;
    while !done() {
        if Instant::now() >= end {
            return false;
        }
        std::thread::park_timeout(step);
    }
    true
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.gate.inside().remove(&self.number);
    }
}

/// One of the places in front of a held gate.
struct Place<'a>(&'a Gate);

impl Place<'_> {
    fn take(gate: &Gate) -> Result<Place<'_>, Turned> {
        let place = Place(gate);
        match gate.waiting.fetch_add(1, Ordering::AcqRel) < limits::HELD_MAX {
            true => Ok(place),
            false => Err(Turned::Crowded),
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(gate: &Gate) {
        gate.open("/pages".into(), "/control".into(), Vec::new());
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_waits_at_a_held_gate_and_goes_in_when_it_opens() {
        let gate = Gate::new();
        let waiting = tokio::spawn({
            let gate = Arc::clone(&gate);
            async move { gate.enter().await }
        });
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!((gate.waiting(), gate.in_flight()), (1, 0));
        open(&gate);
        let pass = waiting.await.unwrap().unwrap();
        assert_eq!((gate.waiting(), gate.in_flight(), gate.held().requests), (0, 1, 1));
        drop(pass);
        assert_eq!(gate.in_flight(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever() {
        assert_eq!(Gate::new().enter().await.err(), Some(Turned::Late));
    }

    #[tokio::test(start_paused = true)]
    async fn a_shut_gate_turns_away_at_once_also_those_who_wait() {
        let gate = Gate::new();
        let waiting = tokio::spawn({
            let gate = Arc::clone(&gate);
            async move { gate.enter().await.err() }
        });
        tokio::task::yield_now().await;
        gate.shut();
        assert_eq!(waiting.await.unwrap(), Some(Turned::Shut));
        assert_eq!(gate.enter().await.err(), Some(Turned::Shut));
    }

    #[tokio::test]
    async fn an_empty_gate_is_told_from_one_with_somebody_inside() {
        let gate = Gate::new();
        open(&gate);
        let pass = gate.enter().await.unwrap();
        gate.hold();
        assert!(!gate.empty_within(Duration::from_millis(1)));
        drop(pass);
        assert!(gate.empty_within(Duration::ZERO));
    }

    #[tokio::test]
    async fn one_who_just_came_does_not_disturb_the_calm() {
        let gate = Gate::new();
        open(&gate);
        assert!(gate.calm_within(Duration::ZERO));
        let pass = gate.enter().await.unwrap();
        assert!(gate.calm_within(Duration::ZERO));
        let long_ago = Instant::now() - 2 * limits::TRIAL_LONG;
        gate.inside().insert(pass.number, long_ago);
        assert!(!gate.calm_within(Duration::from_millis(20)));
        drop(pass);
        assert!(gate.calm_within(Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn every_worker_has_a_number_of_its_own() {
        let gate = Gate::new();
        open(&gate);
        let first = gate.behind().unwrap().number;
        open(&gate);
        assert_eq!(gate.behind().unwrap().number, first + 1);
    }
}
