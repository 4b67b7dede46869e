//! Topics, what was said about them, refusals by address.

use crate::base::{
    By, Email, Error, Result, Time,
    ids::{ContactId, TopicId},
};
use crate::contacts::address::{AddressHash, addr};
use crate::contacts::consent::{Agreement, Basis, EVERYTHING, Said, State, gone};
use crate::contacts::refusal::{Facts, Reaches};
use crate::contacts::rows::segment::{Query, refused, said};
use crate::contacts::segment::plan::Pick;
use crate::contacts::suppression::Reason;
use crate::contacts::topic::Topic;
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};
use std::collections::HashMap;

pub(in crate::contacts) fn topics(c: &Connection) -> Result<Vec<Topic>> {
    let mut q = c.prepare_cached("SELECT id, name, is_default FROM topics ORDER BY id")?;
    let rows = q.query_map([], |r| Ok(Topic { id: TopicId(r.get(0)?), name: r.get(1)?, is_default: r.get(2)? }))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub(in crate::contacts) fn insert_topic(c: &Connection, name: &str, is_default: bool, now: Time) -> Result<TopicId> {
    c.prepare_cached("INSERT INTO topics (name, is_default, created) VALUES (?1, ?2, ?3)")?.execute(params![
        name,
        is_default,
        now.ms()
    ])?;
    Ok(TopicId(c.last_insert_rowid()))
}

pub(in crate::contacts) fn make_default(c: &Connection, topic: TopicId) -> Result<()> {
    topic_exists(c, topic)?;
    c.prepare_cached("UPDATE topics SET is_default = (id = ?1)")?.execute([topic.0])?;
    Ok(())
}

pub(in crate::contacts) fn topic_exists(c: &Connection, topic: TopicId) -> Result<()> {
    match c.prepare_cached("SELECT 1 FROM topics WHERE id = ?1")?.exists([topic.0])? {
        true => Ok(()),
        false => Err(Error::missing(say!("その配信種別はありません。", "There is no such topic."))),
    }
}

pub(in crate::contacts) fn contact_exists(c: &Connection, contact: ContactId) -> Result<()> {
    match c.prepare_cached("SELECT 1 FROM contacts WHERE id = ?1")?.exists([contact.0])? {
        true => Ok(()),
        false => Err(gone()),
    }
}

/// Where a contact's mail goes, as hashes.
pub(in crate::contacts) struct Place {
    pub(in crate::contacts) addr: i64,
    pub(in crate::contacts) hash: [u8; 16],
}

pub(in crate::contacts) fn place(c: &Connection, hashes: &AddressHash, contact: ContactId) -> Result<Option<Place>> {
    let email: Option<String> = c
        .prepare_cached("SELECT email FROM contacts WHERE id = ?1")?
        .query_row([contact.0], |r| r.get(0))
        .optional()?;
    let Some(email) = email else { return Ok(None) };
    let hash = hashes.of(&Email::parse(&email)?);
    Ok(Some(Place { addr: addr(&hash), hash }))
}

/// One row of `consents`, before it has a number.
pub(in crate::contacts) struct Word {
    pub(in crate::contacts) given: bool,
    pub(in crate::contacts) at: Time,
    pub(in crate::contacts) basis: &'static str,
    pub(in crate::contacts) source: Option<i64>,
    pub(in crate::contacts) wording: Option<i64>,
    pub(in crate::contacts) by: String,
    pub(in crate::contacts) import: Option<i64>,
}

impl Word {
    pub(in crate::contacts) fn agreed(c: &Connection, by: &By, said: &Agreement) -> Result<Word> {
        Ok(Word {
            given: true,
            at: said.at,
            basis: said.basis.name(),
            source: phrase(c, &said.source)?,
            wording: phrase(c, &said.wording)?,
            by: by.to_string(),
            import: None,
        })
    }

    pub(in crate::contacts) fn refused(c: &Connection, by: &By, at: Time, source: &str) -> Result<Word> {
        let source = phrase(c, source)?;
        Ok(Word { given: false, at, basis: "", source, wording: None, by: by.to_string(), import: None })
    }

    /// A refusal of everything that was taken back, with the reason.
    pub(in crate::contacts) fn lifted(c: &Connection, by: &By, at: Time, why: &str) -> Result<Word> {
        Ok(Word { given: true, ..Word::refused(c, by, at, why)? })
    }
}

/// The number of a text that is kept once; `None` for an empty one.
pub(in crate::contacts) fn phrase(c: &Connection, text: &str) -> Result<Option<i64>> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let known =
        c.prepare_cached("SELECT id FROM phrases WHERE text = ?1")?.query_row([text], |r| r.get(0)).optional()?;
    if known.is_some() {
        return Ok(known);
    }
    c.prepare_cached("INSERT INTO phrases (text) VALUES (?1)")?.execute([text])?;
    Ok(Some(c.last_insert_rowid()))
}

pub(in crate::contacts) fn append(c: &Connection, contact: ContactId, topic: i64, w: &Word) -> Result<()> {
    c.prepare_cached(
        "INSERT INTO consents (contact, topic, n, given, at, basis, source, wording, by, import) VALUES (?1, ?2, \
         (SELECT coalesce(max(n), 0) + 1 FROM consents WHERE contact = ?1 AND topic = ?2), ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute(params![contact.0, topic, w.given, w.at.ms(), w.basis, w.source, w.wording, w.by, w.import])?;
    Ok(())
}

/// The last word about a topic: agreed, refused, or nothing was said.
pub(in crate::contacts) fn last(c: &Connection, contact: ContactId, topic: i64) -> Result<Option<bool>> {
    Ok(c.prepare_cached("SELECT given FROM consents WHERE contact = ?1 AND topic = ?2 ORDER BY n DESC LIMIT 1")?
        .query_row([contact.0, topic], |r| r.get(0))
        .optional()?)
}

/// Whether the last word is an agreement on the same grounds.
pub(in crate::contacts) fn is_last(c: &Connection, contact: ContactId, topic: TopicId, w: &Word) -> Result<bool> {
    let mut q = c.prepare_cached(
        "SELECT given = ?3 AND basis = ?4 AND source IS ?5 AND wording IS ?6 FROM consents \
         WHERE contact = ?1 AND topic = ?2 ORDER BY n DESC LIMIT 1",
    )?;
    let same =
        q.query_row(params![contact.0, topic.0, w.given, w.basis, w.source, w.wording], |r| r.get(0)).optional()?;
    Ok(same.unwrap_or(false))
}

pub(in crate::contacts) fn refused_everything(c: &Connection, contact: ContactId) -> Result<bool> {
    Ok(last(c, contact, EVERYTHING)? == Some(false))
}

pub(in crate::contacts) fn address_refused(c: &Connection, addr: i64, topic: TopicId) -> Result<bool> {
    Ok(c.prepare_cached("SELECT 1 FROM refusals WHERE addr = ?1 AND topic = ?2")?.exists([addr, topic.0])?)
}

pub(in crate::contacts) fn note_refusal(c: &Connection, place: &Place, topic: TopicId, now: Time) -> Result<()> {
    c.prepare_cached("INSERT INTO refusals (addr, topic, hash, at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING")?
        .execute(params![place.addr, topic.0, place.hash, now.ms()])?;
    Ok(())
}

pub(in crate::contacts) fn lift(c: &Connection, place: &Place, topic: TopicId) -> Result<()> {
    c.prepare_cached("DELETE FROM refusals WHERE addr = ?1 AND topic = ?2")?.execute([place.addr, topic.0])?;
    Ok(())
}

pub(in crate::contacts) fn state(c: &Connection, contact: ContactId, topic: TopicId) -> Result<State> {
    let sql = format!("SELECT {}, {} FROM (SELECT ?1 AS id) c", refused("?1", "?2"), said("?1", "?2"));
    let (refused, said): (bool, i64) =
        c.prepare_cached(&sql)?.query_row([contact.0, topic.0], |r| Ok((r.get(0)?, r.get(1)?)))?;
    Ok(match (refused, said) {
        (true, _) => State::Refused,
        (false, 1) => State::Agreed,
        (false, _) => State::Unsaid,
    })
}

pub(in crate::contacts) fn listed(c: &Connection, addr: i64) -> Result<Option<Reason>> {
    let name: Option<String> = c
        .prepare_cached("SELECT reason FROM suppressions WHERE addr = ?1")?
        .query_row([addr], |r| r.get(0))
        .optional()?;
    Ok(name.map(|n| Reason::parse(&n).unwrap_or(Reason::Manual)))
}

pub(in crate::contacts) fn history(c: &Connection, contact: ContactId) -> Result<Vec<Said>> {
    let mut q = c.prepare_cached(
        "SELECT s.topic, t.name, s.given, s.at, s.basis, p.text, w.text, s.by FROM consents s \
         LEFT JOIN topics t ON t.id = s.topic LEFT JOIN phrases p ON p.id = s.source LEFT JOIN phrases w ON w.id = s.wording \
         WHERE s.contact = ?1 ORDER BY s.at DESC, s.n DESC",
    )?;
    let rows = q.query_map([contact.0], |r| {
        let (topic, basis): (i64, String) = (r.get(0)?, r.get(4)?);
        Ok(Said {
            topic: (topic != EVERYTHING).then_some(TopicId(topic)),
            topic_name: r.get(1)?,
            agreed: r.get(2)?,
            at: Time(r.get(3)?),
            basis: Basis::parse(&basis),
            source: r.get(5)?,
            wording: r.get(6)?,
            by: r.get(7)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// What a decision to send needs to know; `None` when the contact is gone.
pub(in crate::contacts) fn facts(c: &Connection, contact: ContactId, topic: TopicId) -> Result<Option<Facts>> {
    let sql =
        format!("SELECT {LISTED}, {}, {} FROM contacts c WHERE c.id = ?1", refused("c.id", "?2"), said("c.id", "?2"));
    let found = c
        .prepare_cached(&sql)?
        .query_row([contact.0, topic.0], |r| Ok((r.get::<_, Option<String>>(0)?, r.get(1)?, r.get::<_, i64>(2)?)))
        .optional()?;
    Ok(found.map(|(listed, refused, said)| Facts {
        listed: listed.map(|n| Reason::parse(&n).unwrap_or(Reason::Manual)),
        refused,
        agreed: said == 1,
    }))
}

const LISTED: &str = "(SELECT reason FROM suppressions s WHERE s.addr = c.addr LIMIT 1)";

/// How many of a pick stand how: (on the list and why, refused, agreed) and their number. Each is looked up once, in
/// order of contacts, and counted here: there are few ways to stand, and a GROUP BY would sort everybody. With
/// `reached`, an address that several have counts once: those after the first that is reached are left out, as a run
/// leaves them out.
pub(in crate::contacts) fn tally(
    c: &Connection,
    pick: &Pick,
    topic: TopicId,
    reached: Reaches<'_>,
) -> Result<Vec<(Facts, u64)>> {
    let mut query = Query::whole(pick);
    let topic = query.bind(topic.0);
    let from = match query.walks() {
        true => query.from,
        false => format!("FROM (SELECT {} AS id {}) s CROSS JOIN contacts c ON c.id = s.id", query.id, query.from),
    };
    let sql = format!(
        "SELECT {LISTED}, {}, {}, EXISTS (SELECT 1 FROM refusals r WHERE r.addr = c.addr AND r.topic = {topic}),
         c.addr, c.id {from}",
        said("c.id", &topic),
        said("c.id", &EVERYTHING.to_string())
    );
    let mut twins = if reached.is_some() { shared_addresses(c)? } else { HashMap::new() };
    let mut q = c.prepare(&sql)?;
    let mut rows = q.query(params_from_iter(&query.bound))?;
    let mut tally = Vec::new();
    while let Some(r) = rows.next()? {
        let listed: Option<String> = r.get(0)?;
        let listed = listed.map(|n| Reason::parse(&n).unwrap_or(Reason::Manual));
        let (own, everything, address): (i64, i64, bool) = (r.get(1)?, r.get(2)?, r.get(3)?);
        let facts = Facts { listed, refused: own == 0 || everything == 0 || address, agreed: own == 1 };
        match twins.get_mut(&r.get::<_, i64>(4)?) {
            Some(group) => group.push((r.get::<_, i64>(5)?, facts)),
            None => count(&mut tally, facts),
        }
    }
    for mut group in twins.into_values() {
        group.sort_by_key(|(id, _)| *id);
        let is_reached = |facts: &Facts| reached.is_some_and(|reached| reached(facts));
        let first = group.iter().position(|(_, facts)| is_reached(facts)).unwrap_or(group.len());
        group.into_iter().take(first + 1).for_each(|(_, facts)| count(&mut tally, facts));
    }
    Ok(tally)
}

fn count(tally: &mut Vec<(Facts, u64)>, facts: Facts) {
    match tally.iter_mut().find(|(f, _)| *f == facts) {
        Some((_, n)) => *n += 1,
        None => tally.push((facts, 1)),
    }
}

/// Addresses that more than one contact has, each with a place for those of them that are picked.
fn shared_addresses(c: &Connection) -> Result<HashMap<i64, Vec<(i64, Facts)>>> {
    let mut q = c.prepare_cached("SELECT addr FROM contacts GROUP BY addr HAVING count(*) > 1")?;
    let rows = q.query_map([], |r| Ok((r.get(0)?, Vec::new())))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// A contact goes: its words go; refusals by address and the list stay.
pub(in crate::contacts) fn forget_contact(c: &Connection, contact: ContactId) -> Result<()> {
    c.prepare_cached("DELETE FROM consents WHERE contact = ?1")?.execute([contact.0])?;
    super::failure::forget_contact(c, contact)?;
    c.prepare_cached("DELETE FROM outcomes WHERE run IN (SELECT run FROM runs_read) AND contact = ?1")?
        .execute([contact.0])?;
    Ok(())
}
