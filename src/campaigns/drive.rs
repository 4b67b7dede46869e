//! Driving a run: its segment is expanded into the ledger, delivery works the ledger off, and what happened goes back
//! into the books.
//!
//! Books say what was decided, the ledger what happened to each recipient. A run goes *expanding* → rows and a
//! sealed `complete` in the ledger → *sending*; an interrupted expansion starts again, and the ledger's keys make that
//! harmless. Pause and cancel are states in the books: whoever drives looks there several times a second.

use super::audience;
use super::campaign::{self, Campaign, missing};
use super::feed;
use super::letters::RunLetters;
use super::plan::{self, Event, State};
use super::rows::{self, campaigns::Place};
use super::run::{self, Run, RunState, event};
use crate::base::{By, Error, Progress, Result, Say, Time, ids::CampaignId, ids::ContactId, limits};
use crate::contacts::reading;
use crate::delivery::{self, Ended, Finish, Ledger, Policy, Route, Steer, Work};
use crate::store::{Deed, Store};
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Who is being driven in this process: one engine at a time works on a ledger.
#[derive(Default)]
pub struct Running(Mutex<HashSet<CampaignId>>);

pub struct Claim<'a>(&'a Running, CampaignId);

impl Running {
    /// `None` while somebody else drives it.
    pub fn claim(&self, id: CampaignId) -> Option<Claim<'_>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id).then_some(Claim(self, id))
    }

    pub fn is_driven(&self, id: CampaignId) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&id)
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.1);
    }
}

/// What drives a campaign: lent by the worker, or by a command that waits.
pub struct Drive<'a> {
    pub store: &'a Store,
    pub route: &'a Route,
    pub policy: Policy,
    pub progress: &'a dyn Progress,
    pub clock: Arc<dyn Fn() -> Time + Send + Sync>,
}

/// Where a drive ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Driven {
    /// Every row is final, or in doubt and waiting for a person.
    Done,
    /// Deferred rows: drive again then.
    Waiting(Time),
    Paused(Say),
    /// Paused or cancelled by somebody, or the caller was asked to stop.
    Stopped,
}

/// Expands if need be, then sends until nothing is left to do now. Blocks. The caller holds the `Claim`.
pub fn drive(d: &Drive<'_>, id: CampaignId) -> Result<Driven> {
    let campaign = campaign::get(d.store, id)?;
    let Some(run) = campaign.run else { return Ok(Driven::Stopped) };
    let run = run::get(d.store, run)?;
    if campaign.state == State::Cancelled {
        settle_cancelled(d, &run)?;
        return Ok(Driven::Stopped);
    }
    if campaign.state != State::Sending {
        return Ok(Driven::Stopped);
    }
    if run.state == RunState::Expanding && !expand(d, &run)? {
        return stopped(d, id, &run);
    }
    let Some(ledger) = Ledger::find(d.store, run.id)? else { return lost(d, &campaign, &run) };
    let ended = send(d, &run, &ledger)?;
    report(d, &run, &ledger)?;
    conclude(d, id, &run, (&ledger, ended))
}

/// False when somebody stopped it: what is in the ledger by then is found again by its key.
fn expand(d: &Drive<'_>, run: &Run) -> Result<bool> {
    let every_contact = campaign::get(d.store, run.campaign)?.draft.options.every_contact;
    let ledger = Ledger::create(d.store, run.id)?;
    let segment = audience::segment(d.store, &run.segment)?;
    let (mut after, mut done) = (ContactId(0), 0);
    loop {
        let state = d.store.read(|c| rows::campaigns::state(c, run.campaign))?;
        if d.progress.stopped() || state != Some(State::Sending) {
            return Ok(false);
        }
        let mut ids = audience::page(d.store, &segment, run.at, after, limits::EXPAND_PAGE)?;
        let Some(last) = ids.last().copied() else { break };
        if !every_contact {
            ids = one_per_address(d.store, run, &ledger, ids)?;
        }
        after = last;
        done += ledger.add(&ids, (d.clock)())?;
        d.progress.tell(0, done);
    }
    let complete = ledger.complete()?;
    d.store.write(&By::house("delivery"), (d.clock)(), Deed::new("campaign.expanded", run.id.to_string()), |tx| {
        rows::runs::expanded(tx, run.id, complete.count, &complete.digest)
    })?;
    Ok(true)
}

/// Leaves out contacts whose address an earlier contact of this run has, unless that one may not be written to.
/// Memory is that of one page: who is in already is asked of the ledger.
fn one_per_address(store: &Store, run: &Run, ledger: &Ledger, ids: Vec<ContactId>) -> Result<Vec<ContactId>> {
    let twins = reading::earlier_with_same_address(store, &ids)?;
    if twins.is_empty() {
        return Ok(ids);
    }
    let (topic, kind) = (run.content.topic, run.content.kind);
    let mut kept: Vec<ContactId> = Vec::with_capacity(ids.len());
    let mut here = HashSet::new();
    for id in ids {
        let mut taken = false;
        for (_, earlier) in twins.iter().filter(|(later, _)| *later == id) {
            let is_in = here.contains(earlier) || ledger.row(*earlier)?.is_some();
            taken |= is_in && audience::refusal(store, *earlier, topic, kind)?.is_none();
        }
        if !taken {
            here.insert(id);
            kept.push(id);
        }
    }
    Ok(kept)
}

/// Runs the engine with an eye on the books.
fn send(d: &Drive<'_>, run: &Run, ledger: &Ledger) -> Result<Ended> {
    let letters = RunLetters::new(d.store, run.content.clone())?;
    let (steer, over) = (Steer::new(), AtomicBool::new(false));
    let resend = campaign::get(d.store, run.campaign)?.draft.options.resend;
    let policy = Policy { resend_in_doubt: resend, ..d.policy.clone() };
    let finish = Finish::of(d.store, &run.content.sender.from_mailbox()?.email)?;
    let work = Work {
        ledger,
        route: d.route,
        letters: &letters,
        finish: &finish,
        steer: &steer,
        policy,
        clock: Arc::clone(&d.clock),
    };
    std::thread::scope(|s| {
        let watch = s.spawn(|| watch(d, run, (ledger, &steer, &over)));
        let ended = delivery::run(&work);
        over.store(true, Ordering::Release);
        watch.thread().unpark();
        let watched = watch.join().unwrap_or_else(|_| Err(Error::bug("the watch over a run panicked")));
        let ended = ended?;
        watched.map(|()| ended)
    })
}

const LOOK: Duration = Duration::from_millis(250);
/// Outcomes go to the books every so many looks.
const REPORT_EVERY: u32 = 8;

fn watch(d: &Drive<'_>, run: &Run, (ledger, steer, over): (&Ledger, &Steer, &AtomicBool)) -> Result<()> {
    let mut looks = 0u32;
    while !over.load(Ordering::Acquire) {
        let state = d.store.read(|c| rows::campaigns::state(c, run.campaign));
        let counts = ledger.counts();
        if let Ok(counts) = &counts {
            d.progress.tell(counts.recipients - counts.open(), counts.recipients);
        }
        match state {
            Ok(Some(State::Sending)) if !d.progress.stopped() => {}
            Ok(Some(State::Cancelled)) => steer.cancel(),
            Ok(_) => steer.pause(),
            Err(_) => steer.pause(),
        }
        looks += 1;
        if looks.is_multiple_of(REPORT_EVERY) && !steer.is_stopped() {
            report(d, run, ledger)?;
            d.route.refresh(d.store)?;
        }
        std::thread::park_timeout(LOOK);
    }
    Ok(())
}

fn report(d: &Drive<'_>, run: &Run, ledger: &Ledger) -> Result<()> {
    feed::report(d.store, (d.clock)(), run, ledger)
}

fn conclude(d: &Drive<'_>, id: CampaignId, run: &Run, (ledger, ended): (&Ledger, Ended)) -> Result<Driven> {
    let (by, now) = (By::house("delivery"), (d.clock)());
    match ended {
        Ended::Done => {
            d.store.write(&by, now, Deed::new("campaign.done", id.to_string()), |tx| {
                let campaign = rows::campaigns::one(tx, id)?.ok_or_else(missing)?;
                rows::runs::set_state(tx, run.id, RunState::Ended, Some(now))?;
                match plan::next(campaign.state, Event::Finish) {
                    Ok(state) => rows::campaigns::place(
                        tx,
                        id,
                        &Place { state, at: campaign.at, run: campaign.run, why: None },
                        now,
                    ),
                    // Paused or cancelled at the very end, when there was nothing left to stop.
                    Err(_) if campaign.state == State::Cancelled => Ok(()),
                    Err(_) => {
                        let done = Place { state: State::Done, at: campaign.at, run: campaign.run, why: None };
                        rows::campaigns::place(tx, id, &done, now)
                    }
                }
            })?;
            Ok(Driven::Done)
        }
        Ended::Waiting { until, why: _ } => {
            let counts = ledger.counts()?;
            d.store.write(&by, now, Deed::new("campaign.wait", id.to_string()), |tx| {
                rows::runs::set_counts(tx, run.id, &counts, Some(until))
            })?;
            Ok(Driven::Waiting(until))
        }
        Ended::Paused(why) => {
            let paused = event(d.store, &by, now, id, ("campaign.pause", Event::Pause, Some(&why)));
            match campaign::get(d.store, id)?.state {
                State::Paused => Ok(Driven::Paused(why)),
                State::Cancelled => settle_cancelled(d, run).map(|()| Driven::Stopped),
                State::Draft | State::Scheduled | State::Held | State::Sending | State::Done | State::Damaged => {
                    paused.map(|()| Driven::Stopped)
                }
            }
        }
        Ended::Stopped => stopped(d, id, run),
    }
}

fn stopped(d: &Drive<'_>, id: CampaignId, run: &Run) -> Result<Driven> {
    if campaign::get(d.store, id)?.state == State::Cancelled {
        settle_cancelled(d, run)?;
    }
    Ok(Driven::Stopped)
}

fn settle_cancelled(d: &Drive<'_>, run: &Run) -> Result<()> {
    let now = (d.clock)();
    if let Some(ledger) = Ledger::find(d.store, run.id)? {
        ledger.recover(false, now)?;
        ledger.cancel(now)?;
        report(d, run, &ledger)?;
    }
    d.store.write(&By::house("delivery"), now, Deed::new("campaign.settled", run.id.to_string()), |tx| {
        rows::runs::set_state(tx, run.id, RunState::Ended, Some(now))
    })
}

/// A run that was being sent has no ledger: nobody knows who got what, so nothing is ever sent again by itself.
fn lost(d: &Drive<'_>, campaign: &Campaign, run: &Run) -> Result<Driven> {
    let (id, now) = (campaign.id, (d.clock)());
    let run_id = run.id;
    let why = say!(
        "送信記録 {run_id} が見つかりません。誰に届いたか分からないため、送信を続けません。",
        "The ledger {run_id} is not there. Nobody knows who got the mail, so nothing more is sent."
    );
    d.store.write(&By::house("delivery"), now, Deed::new("campaign.damaged", id.to_string()), |tx| {
        let state = plan::next(campaign.state, Event::Damage)?;
        rows::runs::set_state(tx, run.id, RunState::Damaged, Some(now))?;
        rows::campaigns::place(tx, id, &Place { state, at: campaign.at, run: Some(run.id), why: Some(&why) }, now)
    })?;
    Err(Error::damaged(why))
}
