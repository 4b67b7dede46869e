//! Runs: one sending of a campaign each.

use super::{json, parsed};
use crate::base::{Error, Result, Time, ids::CampaignId, ids::RunId};
use crate::campaigns::content::Content;
use crate::campaigns::run::{Run, RunState};
use crate::delivery::Counts;
use rusqlite::{Connection, OptionalExtension, params};

pub(in crate::campaigns) fn insert(
    c: &Connection,
    (campaign, floor): (CampaignId, i64),
    segment: &str,
    content: &Content,
    now: Time,
) -> Result<RunId> {
    // Above every number that was ever used, also by a ledger that the books do not know.
    c.execute(
        "INSERT INTO runs (id, campaign, state, at, segment, content)
         VALUES (max(?5, (SELECT coalesce(max(id), 0) FROM runs)) + 1, ?1, 'expanding', ?2, ?3, ?4)",
        params![campaign.0, now.ms(), segment, json(content)?, floor],
    )?;
    Ok(RunId(c.last_insert_rowid()))
}

pub(in crate::campaigns) fn expanded(c: &Connection, id: RunId, recipients: u64, digest: &str) -> Result<()> {
    c.execute(
        "UPDATE runs SET state = 'sending', recipients = ?2, digest = ?3 WHERE id = ?1 AND state = 'expanding'",
        params![id.0, recipients as i64, digest],
    )?;
    Ok(())
}

pub(in crate::campaigns) fn set_state(c: &Connection, id: RunId, state: RunState, ended: Option<Time>) -> Result<()> {
    c.execute(
        "UPDATE runs SET state = ?2, ended = ?3 WHERE id = ?1",
        params![id.0, state.name(), ended.map(Time::ms)],
    )?;
    Ok(())
}

pub(in crate::campaigns) fn set_counts(c: &Connection, id: RunId, counts: &Counts, next: Option<Time>) -> Result<()> {
    c.prepare_cached("UPDATE runs SET counts = ?2, next = ?3 WHERE id = ?1")?.execute(params![
        id.0,
        json(counts)?,
        next.map(Time::ms)
    ])?;
    Ok(())
}

pub(in crate::campaigns) fn one(c: &Connection, id: RunId) -> Result<Option<Run>> {
    let mut q = c.prepare_cached(
        "SELECT id, campaign, state, at, segment, content, recipients, counts, next, ended FROM runs WHERE id = ?1",
    )?;
    q.query_row([id.0], |r| {
        Ok(|| -> Result<Run> {
            let state: String = r.get(2)?;
            let counts: String = r.get(7)?;
            Ok(Run {
                id: RunId(r.get(0)?),
                campaign: CampaignId(r.get(1)?),
                state: RunState::parse(&state).ok_or_else(|| Error::bug("a run in an unknown state"))?,
                at: Time(r.get(3)?),
                segment: r.get(4)?,
                content: parsed(&r.get::<_, String>(5)?)?,
                recipients: r.get::<_, i64>(6)? as u64,
                counts: if counts == "{}" { Counts::default() } else { parsed(&counts)? },
                next: r.get::<_, Option<i64>>(8)?.map(Time),
                ended: r.get::<_, Option<i64>>(9)?.map(Time),
            })
        }())
    })
    .optional()?
    .transpose()
}

/// What decides whether a run wants work, without its content.
pub(in crate::campaigns) fn standing(c: &Connection, id: RunId) -> Result<Option<(RunState, Option<Time>)>> {
    let mut q = c.prepare_cached("SELECT state, next FROM runs WHERE id = ?1")?;
    let found: Option<(String, Option<i64>)> = q.query_row([id.0], |r| Ok((r.get(0)?, r.get(1)?))).optional()?;
    found
        .map(|(state, next)| {
            let state = RunState::parse(&state).ok_or_else(|| Error::bug("a run in an unknown state"))?;
            Ok((state, next.map(Time)))
        })
        .transpose()
}

pub(in crate::campaigns) fn exists(c: &Connection, id: RunId) -> Result<bool> {
    Ok(c.query_row("SELECT EXISTS (SELECT 1 FROM runs WHERE id = ?1)", [id.0], |r| r.get(0))?)
}

pub(in crate::campaigns) fn due_now(c: &Connection, campaign: CampaignId) -> Result<()> {
    c.execute("UPDATE runs SET next = NULL WHERE campaign = ?1 AND ended IS NULL", [campaign.0])?;
    Ok(())
}
