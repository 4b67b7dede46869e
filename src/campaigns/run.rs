//! Runs: one sending of a campaign each. Here they are started, paused, resumed, cancelled and decided upon, all of it
//! in the books; `drive` does what the books say.

use super::audience;
use super::campaign::{self, missing};
use super::content::Content;
use super::plan::{self, Event, Start, State};
use super::preflight;
use super::rows::{self, campaigns::Place};
use crate::base::{By, Error, Result, Say, Time, ids::CampaignId, ids::ContactId, ids::RunId, limits};
use crate::delivery::{Counts, Decision, Ledger};
use crate::store::{Deed, Store};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunState {
    Expanding,
    Sending,
    Ended,
    Damaged,
}

impl RunState {
    pub const ALL: [RunState; 4] = [RunState::Expanding, RunState::Sending, RunState::Ended, RunState::Damaged];

    pub fn name(self) -> &'static str {
        match self {
            RunState::Expanding => "expanding",
            RunState::Sending => "sending",
            RunState::Ended => "ended",
            RunState::Damaged => "damaged",
        }
    }

    pub fn parse(name: &str) -> Option<RunState> {
        RunState::ALL.into_iter().find(|s| s.name() == name)
    }
}

/// One sending of a campaign.
#[derive(Clone, Debug)]
pub struct Run {
    pub id: RunId,
    pub campaign: CampaignId,
    pub state: RunState,
    pub at: Time,
    pub segment: String,
    pub content: Content,
    pub recipients: u64,
    pub counts: Counts,
    pub next: Option<Time>,
    pub ended: Option<Time>,
}

/// Starts a campaign: content and segment are frozen here. Starting what is being sent already changes nothing, so a
/// form sent twice sends once.
pub fn start(store: &Store, by: &By, now: Time, id: CampaignId, public_url: &str) -> Result<RunId> {
    let seen = campaign::get(store, id)?;
    if let (State::Sending, Some(run)) = (seen.state, seen.run) {
        return Ok(run);
    }
    plan::next(seen.state, Event::Start)?;
    let content = campaign::content(store, &seen, public_url)?;
    preflight::must_compile(store, &content)?;
    audience::segment(store, &seen.draft.segment)?;
    let floor = newest_ledger(store)?;
    store.write(by, now, Deed::new("campaign.start", id.to_string()), |tx| {
        let campaign = rows::campaigns::one(tx, id)?.ok_or_else(missing)?;
        if campaign.version != seen.version {
            return Err(Error::conflict(say!(
                "送信の直前に、ほかの人が内容を変更しました。",
                "Somebody changed the campaign just before it was sent."
            ))
            .hint(say!("内容を確認してから、もう一度送信してください。", "Look at it, then send again.")));
        }
        let state = plan::next(campaign.state, Event::Start)?;
        let run = rows::runs::insert(tx, (id, floor), &campaign.draft.segment, &content, now)?;
        rows::campaigns::place(tx, id, &Place { state, at: campaign.at, run: Some(run), why: None }, now)?;
        Ok(run)
    })
}

/// The highest run number that the journal knows: a ledger without its run is set aside, never taken for a new one.
fn newest_ledger(store: &Store) -> Result<i64> {
    let runs = store.journal().names()?.into_iter().filter_map(|n| RunId::parse(&n).ok());
    Ok(runs.map(|r| r.0).max().unwrap_or(0))
}

/// Ledgers that no run in the books knows, by name.
pub fn strays(store: &Store) -> Result<Vec<RunId>> {
    let ids: Vec<RunId> = store.journal().names()?.into_iter().filter_map(|n| RunId::parse(&n).ok()).collect();
    store.read(|c| {
        let mut out = Vec::new();
        for id in ids {
            if !rows::runs::exists(c, id)? {
                out.push(id);
            }
        }
        Ok(out)
    })
}

pub fn pause(store: &Store, by: &By, now: Time, id: CampaignId) -> Result<()> {
    event(store, by, now, id, ("campaign.pause", Event::Pause, None))
}

pub fn resume(store: &Store, by: &By, now: Time, id: CampaignId) -> Result<()> {
    event(store, by, now, id, ("campaign.resume", Event::Resume, None))?;
    // Whatever it waited for before, somebody wants it to go on now.
    store.write(by, now, Deed::new("campaign.due", id.to_string()), |tx| rows::runs::due_now(tx, id))
}

/// What is on the wire arrives; nothing else leaves.
pub fn cancel(store: &Store, by: &By, now: Time, id: CampaignId) -> Result<()> {
    event(store, by, now, id, ("campaign.cancel", Event::Cancel, None))
}

pub(super) fn event(
    store: &Store,
    by: &By,
    now: Time,
    id: CampaignId,
    (what, event, why): (&'static str, Event, Option<&Say>),
) -> Result<()> {
    store.write(by, now, Deed::new(what, id.to_string()), |tx| {
        let campaign = rows::campaigns::one(tx, id)?.ok_or_else(missing)?;
        let state = plan::next(campaign.state, event)?;
        if state == campaign.state {
            return Ok(());
        }
        rows::campaigns::place(tx, id, &Place { state, at: campaign.at, run: campaign.run, why }, now)
    })
}

/// Settles every row in doubt. After `Resend` the campaign is sending again and wants to be driven.
pub fn decide(store: &Store, by: &By, now: Time, id: CampaignId, decision: Decision) -> Result<u64> {
    let campaign = campaign::get(store, id)?;
    let run = campaign.run.ok_or_else(never_sent)?;
    let ledger = Ledger::find(store, run)?.ok_or_else(never_sent)?;
    let state = match decision {
        Decision::Resend => plan::next(campaign.state, Event::Reopen)?,
        Decision::Accept => campaign.state,
    };
    let mut settled = 0;
    let mut after = None;
    loop {
        let page: Vec<ContactId> =
            ledger.in_doubt(after, limits::EXPAND_PAGE)?.into_iter().map(|row| row.contact).collect();
        let Some(last) = page.last().copied() else { break };
        settled += ledger.decide(&page, decision, now)?;
        after = Some(last);
    }
    let what = match decision {
        Decision::Resend => "campaign.resend",
        Decision::Accept => "campaign.accept",
    };
    let counts = ledger.counts()?;
    store.write(by, now, Deed::new(what, format!("{id} {settled}")), |tx| {
        rows::runs::set_counts(tx, run, &counts, None)?;
        if decision == Decision::Resend && settled > 0 {
            rows::runs::set_state(tx, run, RunState::Sending, None)?;
            rows::campaigns::place(tx, id, &Place { state, at: campaign.at, run: Some(run), why: None }, now)?;
        }
        Ok(settled)
    })
}

pub(super) fn never_sent() -> Error {
    Error::missing(say!("この配信はまだ送信されていません。", "This campaign has not been sent yet."))
}

pub fn get(store: &Store, id: RunId) -> Result<Run> {
    store
        .read(|c| rows::runs::one(c, id))?
        .ok_or_else(|| Error::missing(say!("その送信はありません。", "There is no such run.")))
}

/// What is not final yet of everything that is being sent.
pub fn outstanding(store: &Store) -> Result<Counts> {
    let mut sum = Counts::default();
    for ledger in sending(store)? {
        sum = sum.and(&ledger.counts()?);
    }
    Ok(sum)
}

/// Everything that is deferred is due now. How many rows that were.
pub fn retry(store: &Store, by: &By, now: Time) -> Result<u64> {
    let mut retried = 0;
    for ledger in sending(store)? {
        retried += ledger.hurry(now)?;
    }
    let ids = store.read(|c| rows::campaigns::in_state(c, State::Sending))?;
    store.write(by, now, Deed::new("campaign.retry", retried.to_string()), |tx| {
        ids.iter().try_for_each(|(id, ..)| rows::runs::due_now(tx, *id))
    })?;
    Ok(retried)
}

/// The ledgers of campaigns that are being sent.
fn sending(store: &Store) -> Result<Vec<Ledger>> {
    let ids = store.read(|c| rows::campaigns::in_state(c, State::Sending))?;
    let runs = ids.iter().map(|(id, ..)| Ok(campaign::get(store, *id)?.run));
    let runs = runs.collect::<Result<Vec<_>>>()?;
    let found = runs.into_iter().flatten().map(|run| Ledger::find(store, run)).collect::<Result<Vec<_>>>()?;
    Ok(found.into_iter().flatten().collect())
}

/// What the clock has to do at `now`: starts what is due, holds what was missed, and names what wants to be driven.
pub fn due(store: &Store, now: Time, public_url: &str) -> Result<Vec<CampaignId>> {
    let scheduled = store.read(|c| rows::campaigns::in_state(c, State::Scheduled))?;
    for (id, at, _) in scheduled {
        match at.map_or(Start::NotYet, |at| plan::start(at, now)) {
            Start::NotYet => {}
            Start::Now => start_or_hold(store, now, id, public_url)?,
            Start::Hold => hold(store, now, id, &missed())?,
        }
    }
    store.read(|c| {
        let mut out = Vec::new();
        for state in [State::Sending, State::Cancelled] {
            for (id, _, run) in rows::campaigns::in_state(c, state)? {
                let Some((run, next)) = run.map(|r| rows::runs::standing(c, r)).transpose()?.flatten() else {
                    continue;
                };
                let open = matches!(run, RunState::Expanding | RunState::Sending);
                let is_due = state == State::Cancelled || next.is_none_or(|n| n <= now);
                if open && is_due {
                    out.push(id);
                }
            }
        }
        Ok(out)
    })
}

fn missed() -> Say {
    say!(
        "予約の時刻を30分以上過ぎたため、送信を始めていません。今から送るかどうかを決めてください。",
        "The start was missed by more than 30 minutes, so nothing was sent. Decide whether it still goes out."
    )
}

fn start_or_hold(store: &Store, now: Time, id: CampaignId, public_url: &str) -> Result<()> {
    match start(store, &By::house("clock"), now, id, public_url) {
        Ok(_) => Ok(()),
        Err(e) => hold(store, now, id, e.says()),
    }
}

fn hold(store: &Store, now: Time, id: CampaignId, why: &Say) -> Result<()> {
    event(store, &By::house("clock"), now, id, ("campaign.hold", Event::Miss, Some(why)))
}
