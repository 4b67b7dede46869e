//! Sends what a ledger holds: starts the threads and lanes of a run, and says how it ended.

use super::claims::Claims;
use super::clerk::clerk;
use super::floor::{Floor, Parts, Why};
use super::hands::hands;
use super::lane;
use super::smtp::Waits;
use super::smtp::session::Trust;
use super::sorter::Sorter;
use super::{Finish, Ledger, Letters, Route, Steer};
use crate::base::{Error, Result, Say, Time, limits};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub type Clock = Arc<dyn Fn() -> Time + Send + Sync>;

/// How a run is sent.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Connections to the relay.
    pub connections: usize,
    /// A connection to it is closed after this many messages.
    pub per_connection: u32,
    /// Connections to receivers at a time, all together; each receiver has its own limit.
    pub all_connections: usize,
    /// Send rows again that an earlier process left on the wire; otherwise they are held in doubt for a person.
    pub resend_in_doubt: bool,
    /// A recipient is tried no longer than this after the first try …
    pub lifetime: Duration,
    /// … and not after this moment.
    pub end: Option<Time>,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            connections: limits::CONNECTIONS,
            per_connection: limits::PER_CONNECTION,
            all_connections: limits::DIRECT_CONNECTIONS,
            resend_in_doubt: false,
            lifetime: limits::BULK_LIFETIME,
            end: None,
        }
    }
}

/// Everything a run needs.
pub struct Work<'a> {
    pub ledger: &'a Ledger,
    pub route: &'a Route,
    pub letters: &'a dyn Letters,
    pub finish: &'a Finish,
    pub steer: &'a Steer,
    pub policy: Policy,
    pub clock: Clock,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Nothing more will happen by itself. Rows in doubt may wait for a person.
    Done,
    /// Deferred rows, or a relay that does not answer for now (`why`): run again then.
    Waiting { until: Time, why: Option<Say> },
    /// Something on our side is wrong; every unsent row is as it was. Run again when it is put right.
    Paused(Say),
    /// Paused or cancelled through `Steer`.
    Stopped,
}

/// Sends until nothing is left to do now. Blocks the calling thread. One engine at a time works on a ledger.
pub fn run(work: &Work<'_>) -> Result<Ended> {
    run_with(work, Waits::rfc5321())
}

pub(super) fn run_with(work: &Work<'_>, waits: Waits) -> Result<Ended> {
    work.route.verify()?;
    let _alone = work.ledger.work_alone()?;
    work.ledger.recover(work.policy.resend_in_doubt, (work.clock)())?;
    let trust = match work.route.trust() {
        Ok(trust) => trust,
        Err(trouble) => return Ok(Ended::Paused(trouble.into_say())),
    };
    loop {
        if let Some(end) = one_pass(work, trust.as_ref(), waits)? {
            return Ok(end);
        }
    }
}

/// Every row that can be claimed now, once. `None` when there is more by the end of it.
fn one_pass(work: &Work<'_>, trust: Option<&Trust>, waits: Waits) -> Result<Option<Ended>> {
    let sent = work.ledger.counts()?.sent;
    let claims = Arc::new(Mutex::new(Claims::default()));
    let (clerk, desk) = clerk();
    let (why, given) = std::thread::scope(|threads| -> Result<(Why, u64)> {
        let keeping = threads.spawn(|| desk.write_all(work.ledger, &claims));
        let (hands, each) = hands();
        let working: Vec<_> = each.into_iter().map(|hand| threads.spawn(|| hand.work())).collect();
        let floor = Arc::new(Floor::new(Parts {
            ledger: work.ledger.clone(),
            route: work.route.clone(),
            trust: trust.cloned(),
            waits,
            policy: work.policy.clone(),
            steer: work.steer.clone(),
            clock: Arc::clone(&work.clock),
            clerk,
            letters: work.letters,
            finish: work.finish,
            hands,
            claims: Arc::clone(&claims),
            sent,
        }));
        let ended = runtime()?.block_on(oversee(floor));
        for hand in working {
            hand.join().map_err(|_| Error::bug("a thread of the engine panicked"))??;
        }
        keeping.join().map_err(|_| Error::bug("the ledger's thread panicked"))??;
        Ok(ended)
    })?;
    how_it_ended(work, why, given)
}

/// Sorts rows into queues and staffs them with lanes until nobody waits. Why it ended, and how many rows were taken.
async fn oversee(floor: Arc<Floor<'_>>) -> (Why, u64) {
    let mut sorter = Sorter::new(&floor);
    loop {
        let changed = floor.changed.notified();
        if !floor.is_over() && !floor.is_past_end() {
            if let Err(e) = sorter.sort(&floor).await {
                floor.fail(e);
            }
            floor.staff();
        }
        if floor.lanes() == 0 && (floor.is_over() || is_idle(&floor, &sorter)) {
            break;
        }
        let rests = sorter.is_dry() || floor.is_over() || sorter.has_enough(&floor);
        let most = if rests { limits::SORT_AGAIN } else { Duration::ZERO };
        let answer = tokio::select! {
            biased;
            answer = sorter.answer() => Some(answer),
            () = changed => None,
            () = tokio::time::sleep(most) => None,
        };
        if let Some(answer) = answer {
            sorter.answered(&floor, answer).await;
        }
    }
    for queue in floor.all_queues() {
        lane::end_withheld(&floor, &queue).await;
    }
    (floor.why(), floor.given.load(Ordering::SeqCst))
}

/// Nobody waits, and nobody is left who could come now.
fn is_idle(floor: &Floor<'_>, sorter: &Sorter) -> bool {
    floor.is_past_end() || (sorter.is_dry() && floor.all_queues().iter().all(|queue| queue.len() == 0))
}

fn how_it_ended(work: &Work<'_>, why: Why, given: u64) -> Result<Option<Ended>> {
    let now = (work.clock)();
    if let Some(e) = why.error {
        return Err(e);
    }
    if work.steer.is_cancelled() {
        work.ledger.cancel(now)?;
    } else if work.policy.end.is_some_and(|end| now >= end) {
        work.ledger.expire(now)?;
    }
    let counts = work.ledger.counts()?;
    Ok(match (work.steer.is_stopped(), why.paused, why.resting) {
        (true, _, _) => Some(Ended::Stopped),
        (false, Some(say), _) => Some(Ended::Paused(say)),
        (false, None, Some(why)) if counts.open() > 0 => {
            Some(Ended::Waiting { until: now.plus(limits::RELAY_REST), why: Some(why) })
        }
        (false, None, _) if counts.queued > 0 && given > 0 => None,
        (false, None, _) if counts.queued > 0 => return Err(Error::bug("queued rows that nobody can claim")),
        (false, None, _) => match work.ledger.next_due()? {
            Some(due) if due <= now => None,
            Some(until) => Some(Ended::Waiting { until, why: None }),
            None => Some(Ended::Done),
        },
    })
}

pub(super) fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Error::io(say!("送信を始められません。", "Sending cannot start."), e))
}
