//! One clock, one loop: each tick asks every job what is due now and lets it do one bounded batch.

use super::log;
use crate::base::{Error, Result, clock, limits};
use crate::house::House;
use crate::house::due::{JOBS, Job};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;

pub struct Clock {
    thread: JoinHandle<()>,
}

impl Clock {
    pub fn start(house: &Arc<House>) -> Result<Clock> {
        let house = Arc::clone(house);
        let thread = std::thread::Builder::new()
            .name("clock".into())
            .spawn(move || run(&house))
            .map_err(|e| Error::io(say!("時計を動かせません。", "Cannot start the clock."), e))?;
        Ok(Clock { thread })
    }

    /// After `House::wind_down`.
    pub fn stop(self) {
        self.thread.join().ok();
    }
}

fn run(house: &Arc<House>) {
    let mut failing: Vec<Option<String>> = vec![None; JOBS.len()];
    while !house.is_ending() {
        for (job, failing) in JOBS.iter().zip(&mut failing) {
            tell_changes(job, attempt(house, job), failing);
        }
        house.await_bell(limits::CLOCK_TICK);
    }
}

/// A job that panics is an error of ours; the others go on.
fn attempt(house: &Arc<House>, job: &Job) -> Result<()> {
    catch_unwind(AssertUnwindSafe(|| (job.run)(house, clock::now())))
        .unwrap_or_else(|_| Err(Error::bug(format!("the job {} panicked", job.name))))
}

/// The same failure every second is one line in the log.
fn tell_changes(job: &Job, outcome: Result<()>, failing: &mut Option<String>) {
    let now = outcome.as_ref().err().map(Error::chain);
    if let (Err(e), true) = (&outcome, now != *failing) {
        log::error(job.name, e);
    }
    *failing = now;
}
