//! Campaigns.

use super::{json, parsed};
use crate::base::{Error, Result, Say, Time, ids::CampaignId, ids::RunId, ids::SenderId, ids::TopicId};
use crate::campaigns::campaign::{Campaign, Draft};
use crate::campaigns::plan::State;
use crate::campaigns::source::Format;
use crate::contacts::MailKind;
use rusqlite::{Connection, OptionalExtension, Row, params};

pub(in crate::campaigns) fn insert(c: &Connection, d: &Draft, submit: Option<&str>, now: Time) -> Result<CampaignId> {
    c.execute(
        "INSERT INTO campaigns (version, state, submit, created, changed, name, sender, subject, format, body, text,
         segment, topic, kind, reason, options)
         VALUES (1, 'draft', ?1, ?2, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        params![
            submit,
            now.ms(),
            d.name,
            d.sender.map(|s| s.0),
            d.subject,
            d.format.name(),
            d.body,
            d.text,
            d.segment,
            d.topic.map(|t| t.0),
            d.kind.name(),
            d.reason,
            json(&d.options)?
        ],
    )?;
    Ok(CampaignId(c.last_insert_rowid()))
}

/// False when the campaign is not at `version` any more.
pub(in crate::campaigns) fn update(c: &Connection, id: CampaignId, version: i64, d: &Draft, now: Time) -> Result<bool> {
    let n = c.execute(
        "UPDATE campaigns SET version = version + 1, changed = ?3, name = ?4, sender = ?5, subject = ?6, format = ?7,
         body = ?8, text = ?9, segment = ?10, topic = ?11, kind = ?12, reason = ?13, options = ?14
         WHERE id = ?1 AND version = ?2",
        params![
            id.0,
            version,
            now.ms(),
            d.name,
            d.sender.map(|s| s.0),
            d.subject,
            d.format.name(),
            d.body,
            d.text,
            d.segment,
            d.topic.map(|t| t.0),
            d.kind.name(),
            d.reason,
            json(&d.options)?
        ],
    )?;
    Ok(n == 1)
}

pub(in crate::campaigns) fn submitted(c: &Connection, submit: &str) -> Result<Option<CampaignId>> {
    let found = c.query_row("SELECT id FROM campaigns WHERE submit = ?1", [submit], |r| r.get(0)).optional()?;
    Ok(found.map(CampaignId))
}

/// A campaign's place in its life.
pub(in crate::campaigns) struct Place<'a> {
    pub(in crate::campaigns) state: State,
    pub(in crate::campaigns) at: Option<Time>,
    pub(in crate::campaigns) run: Option<RunId>,
    pub(in crate::campaigns) why: Option<&'a Say>,
}

pub(in crate::campaigns) fn place(c: &Connection, id: CampaignId, place: &Place<'_>, now: Time) -> Result<()> {
    let why = place.why.map(json).transpose()?;
    c.prepare_cached(
        "UPDATE campaigns SET version = version + 1, state = ?2, at = ?3, run = ?4, why = ?5, changed = ?6 WHERE id = ?1",
    )?
    .execute(params![id.0, place.state.name(), place.at.map(Time::ms), place.run.map(|r| r.0), why, now.ms()])?;
    Ok(())
}

pub(in crate::campaigns) fn delete(c: &Connection, id: CampaignId) -> Result<()> {
    c.execute("DELETE FROM campaign_files WHERE campaign = ?1", [id.0])?;
    c.execute("DELETE FROM campaigns WHERE id = ?1", [id.0])?;
    Ok(())
}

const COLUMNS: &str = "SELECT id, version, state, at, run, why, created, changed, name, sender, subject, format, body,
    text, segment, topic, kind, reason, options FROM campaigns";

pub(in crate::campaigns) fn one(c: &Connection, id: CampaignId) -> Result<Option<Campaign>> {
    let mut q = c.prepare_cached(&format!("{COLUMNS} WHERE id = ?1"))?;
    q.query_row([id.0], |r| Ok(campaign(r))).optional()?.transpose()
}

pub(in crate::campaigns) fn state(c: &Connection, id: CampaignId) -> Result<Option<State>> {
    let found: Option<String> =
        c.prepare_cached("SELECT state FROM campaigns WHERE id = ?1")?.query_row([id.0], |r| r.get(0)).optional()?;
    found.map(|s| state_of(&s)).transpose()
}

/// Newest first, before `before`.
pub(in crate::campaigns) fn page(
    c: &Connection,
    state: Option<State>,
    before: Option<CampaignId>,
    most: usize,
) -> Result<Vec<Campaign>> {
    let mut q =
        c.prepare_cached(&format!("{COLUMNS} WHERE id < ?1 AND (?2 IS NULL OR state = ?2) ORDER BY id DESC LIMIT ?3"))?;
    let before = before.map_or(i64::MAX, |b| b.0);
    let rows = q.query_map(params![before, state.map(State::name), most as i64], |r| Ok(campaign(r)))?;
    rows.map(|r| r?).collect()
}

/// A campaign, when it goes out, and its run.
pub(in crate::campaigns) type Due = (CampaignId, Option<Time>, Option<RunId>);

pub(in crate::campaigns) fn in_state(c: &Connection, state: State) -> Result<Vec<Due>> {
    let mut q = c.prepare_cached("SELECT id, at, run FROM campaigns WHERE state = ?1 ORDER BY at, id")?;
    let rows = q.query_map([state.name()], |r| {
        Ok((CampaignId(r.get(0)?), r.get::<_, Option<i64>>(1)?.map(Time), r.get::<_, Option<i64>>(2)?.map(RunId)))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn state_of(name: &str) -> Result<State> {
    State::parse(name).ok_or_else(|| Error::bug("a campaign in an unknown state"))
}

fn campaign(r: &Row<'_>) -> Result<Campaign> {
    let why: Option<String> = r.get(5)?;
    Ok(Campaign {
        id: CampaignId(r.get(0)?),
        version: r.get(1)?,
        state: state_of(&r.get::<_, String>(2)?)?,
        at: r.get::<_, Option<i64>>(3)?.map(Time),
        run: r.get::<_, Option<i64>>(4)?.map(RunId),
        why: why.map(|w| parsed(&w)).transpose()?,
        created: Time(r.get(6)?),
        changed: Time(r.get(7)?),
        draft: Draft {
            name: r.get(8)?,
            sender: r.get::<_, Option<i64>>(9)?.map(SenderId),
            subject: r.get(10)?,
            format: Format::parse(&r.get::<_, String>(11)?)?,
            body: r.get(12)?,
            text: r.get(13)?,
            segment: r.get(14)?,
            topic: r.get::<_, Option<i64>>(15)?.map(TopicId),
            kind: MailKind::parse(&r.get::<_, String>(16)?).ok_or_else(|| Error::bug("a kind of mail"))?,
            reason: r.get(17)?,
            options: parsed(&r.get::<_, String>(18)?)?,
        },
    })
}
