//! Campaigns.

use super::{json, parsed};
use crate::base::{Error, Result, Say, Time, ids::CampaignId, ids::RunId, ids::SenderId, ids::TopicId};
use crate::campaigns::campaign::{Campaign, Draft};
use crate::campaigns::plan::State;
use crate::campaigns::source::Format;
use crate::contacts::MailKind;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};

/// What people write: the columns of a draft and their values, in one place for whoever inserts or changes one.
fn written(d: &Draft) -> Result<[(&'static str, Value); 11]> {
    let id = |id: Option<i64>| id.map_or(Value::Null, Value::Integer);
    Ok([
        ("name", d.name.clone().into()),
        ("sender", id(d.sender.map(|s| s.0))),
        ("subject", d.subject.clone().into()),
        ("format", d.format.name().to_owned().into()),
        ("body", d.body.clone().into()),
        ("text", d.text.clone().into()),
        ("segment", d.segment.clone().into()),
        ("topic", id(d.topic.map(|t| t.0))),
        ("kind", d.kind.name().to_owned().into()),
        ("reason", d.reason.clone().into()),
        ("options", json(&d.options)?.into()),
    ])
}

/// Under a number that no campaign had before.
pub(in crate::campaigns) fn insert(c: &Connection, d: &Draft, submit: Option<&str>, now: Time) -> Result<CampaignId> {
    let (names, values): (Vec<_>, Vec<_>) = written(d)?.into_iter().unzip();
    let (names, marks) = (names.join(", "), vec!["?"; values.len()].join(", "));
    let sql = format!(
        "INSERT INTO campaigns (submit, created, changed, {names}, id, version, state) VALUES (?, ?, ?, {marks},
         (SELECT max(newest_gone, coalesce((SELECT max(id) FROM campaigns), 0)) + 1 FROM campaign_numbers), 1, 'draft')"
    );
    let own = [submit.map(str::to_owned).into(), Value::Integer(now.ms()), Value::Integer(now.ms())];
    c.execute(&sql, params_from_iter(own.into_iter().chain(values)))?;
    Ok(CampaignId(c.last_insert_rowid()))
}

/// False when the campaign is not at `version` any more.
pub(in crate::campaigns) fn update(c: &Connection, id: CampaignId, version: i64, d: &Draft, now: Time) -> Result<bool> {
    let (names, values): (Vec<_>, Vec<_>) = written(d)?.into_iter().unzip();
    let sets = names.join(" = ?, ");
    let sql =
        format!("UPDATE campaigns SET version = version + 1, {sets} = ?, changed = ? WHERE id = ? AND version = ?");
    let own = [now.ms(), id.0, version].map(Value::Integer);
    Ok(c.execute(&sql, params_from_iter(values.into_iter().chain(own)))? == 1)
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
    c.execute("UPDATE campaign_numbers SET newest_gone = ?1 WHERE newest_gone < ?1", [id.0])?;
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
