//! One clock, one loop: each tick asks every job what is due now and lets it do one bounded batch.

use crate::base::{Error, Result, Time, clock, limits, log};
use crate::house::House;
use crate::house::due::{JOBS, Job};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// When the clock last looked: one that stands still is a sick worker.
#[derive(Clone)]
pub struct Tick(Arc<Mutex<Instant>>);

impl Tick {
    fn now(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    pub fn since(&self) -> Duration {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }
}

pub struct Clock {
    thread: JoinHandle<()>,
    tick: Tick,
}

impl Clock {
    pub fn start(house: &Arc<House>) -> Result<Clock> {
        let house = Arc::clone(house);
        let tick = Tick(Arc::new(Mutex::new(Instant::now())));
        let ticking = tick.clone();
        let thread = std::thread::Builder::new()
            .name("clock".into())
            .spawn(move || run(&house, &ticking))
            .map_err(|e| Error::io(say!("時計を動かせません。", "Cannot start the clock."), e))?;
        Ok(Clock { thread, tick })
    }

    pub fn tick(&self) -> &Tick {
        &self.tick
    }

    /// After `House::wind_down`.
    pub fn stop(self) {
        self.thread.join().ok();
    }
}

/// Where a job stands.
#[derive(Default)]
struct Mark {
    next: Option<Time>,
    failing: Option<String>,
}

fn run(house: &Arc<House>, tick: &Tick) {
    let mut marks: Vec<Mark> = JOBS.iter().map(|_| Mark::default()).collect();
    while !house.is_ending() {
        for (job, mark) in JOBS.iter().zip(&mut marks) {
            tick.now();
            let now = clock::now();
            if mark.next.is_none_or(|next| now >= next) {
                let outcome = attempt(house, job, now);
                let more = matches!(outcome, Ok(true));
                mark.next = (!more).then(|| now.plus(job.every));
                tell_changes(job, &outcome, &mut mark.failing);
            }
        }
        house.await_bell(limits::CLOCK_TICK);
    }
}

/// A job that panics is an error of ours; the others go on.
fn attempt(house: &Arc<House>, job: &Job, now: Time) -> Result<bool> {
    catch_unwind(AssertUnwindSafe(|| (job.run)(house, now)))
        .unwrap_or_else(|_| Err(Error::bug(format!("the job {} panicked", job.name))))
}

/// The same failure every second is one line in the log.
fn tell_changes(job: &Job, outcome: &Result<bool>, failing: &mut Option<String>) {
    let now = outcome.as_ref().err().map(Error::chain);
    if let (Err(e), true) = (outcome, now != *failing) {
        log::error(job.name, e);
    }
    *failing = now;
}
