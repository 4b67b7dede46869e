//! One clock, one loop: each tick asks every job what is due now and lets it do one bounded batch.

use super::{lock, log};
use crate::base::{Error, Result, clock, limits};
use crate::house::House;
use crate::house::due::{JOBS, Job};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

pub struct Clock {
    bell: Arc<Bell>,
    thread: JoinHandle<()>,
}

#[derive(Default)]
struct Bell {
    ended: Mutex<bool>,
    rung: Condvar,
}

impl Clock {
    pub fn start(house: &Arc<House>) -> Result<Clock> {
        let bell = Arc::new(Bell::default());
        let (house, in_thread) = (Arc::clone(house), Arc::clone(&bell));
        let thread = std::thread::Builder::new()
            .name("clock".into())
            .spawn(move || run(&house, &in_thread))
            .map_err(|e| Error::io(say!("時計を動かせません。", "Cannot start the clock."), e))?;
        Ok(Clock { bell, thread })
    }

    pub fn stop(self) {
        *lock(&self.bell.ended) = true;
        self.bell.rung.notify_all();
        self.thread.join().ok();
    }
}

fn run(house: &Arc<House>, bell: &Bell) {
    let mut failing: Vec<Option<String>> = vec![None; JOBS.len()];
    loop {
        for (job, failing) in JOBS.iter().zip(&mut failing) {
            tell_changes(job, attempt(house, job), failing);
        }
        let ended = lock(&bell.ended);
        let (ended, _) = bell
            .rung
            .wait_timeout_while(ended, limits::CLOCK_TICK, |ended| !*ended)
            .unwrap_or_else(PoisonError::into_inner);
        if *ended {
            return;
        }
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
