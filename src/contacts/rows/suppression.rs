//! The do-not-send list and its batches.

use crate::base::{By, Error, Result, Time, ids::ContactId};
use crate::contacts::rows::consent::phrase;
use crate::contacts::suppression::{After, Batch, Entry, Reason};
use rusqlite::{Connection, OptionalExtension, Row, params};

pub(in crate::contacts) struct New {
    pub(in crate::contacts) at: Time,
    pub(in crate::contacts) reason: Reason,
    pub(in crate::contacts) batch: Option<i64>,
    pub(in crate::contacts) by: String,
}

const ENTRY: &str = "SELECT s.hash, (SELECT email FROM contacts c WHERE c.addr = s.addr LIMIT 1), s.reason, s.at, s.by FROM suppressions s";

fn entry(r: &Row<'_>) -> rusqlite::Result<Entry> {
    let (hash, reason): ([u8; 16], String) = (r.get(0)?, r.get(2)?);
    Ok(Entry {
        address: r.get(1)?,
        mark: data_encoding::HEXLOWER.encode(&hash[..6]),
        reason: Reason::parse(&reason).unwrap_or(Reason::Manual),
        at: Time(r.get(3)?),
        by: r.get(4)?,
        hash,
    })
}

pub(in crate::contacts) fn list(c: &Connection, after: Option<After>, most: usize) -> Result<Vec<Entry>> {
    let after = after.unwrap_or(After { at: i64::MAX, hash: [0xff; 16] });
    let mut q = c.prepare_cached(&format!(
        "{ENTRY} WHERE s.at < ?1 OR (s.at = ?1 AND s.hash < ?2) ORDER BY s.at DESC, s.hash DESC LIMIT ?3"
    ))?;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let rows = q.query_map(params![after.at, after.hash, most], entry)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub(in crate::contacts) fn count(c: &Connection) -> Result<u64> {
    let n: i64 = c.prepare_cached("SELECT count(*) FROM suppressions")?.query_row([], |r| r.get(0))?;
    u64::try_from(n).map_err(Error::bug)
}

pub(in crate::contacts) fn find(c: &Connection, hash: &[u8; 16]) -> Result<Option<Entry>> {
    Ok(c.prepare_cached(&format!("{ENTRY} WHERE s.hash = ?1"))?.query_row([hash], entry).optional()?)
}

/// What stands there now, as it would be put back.
pub(in crate::contacts) fn standing(c: &Connection, hash: &[u8; 16]) -> Result<Option<New>> {
    let mut q = c.prepare_cached("SELECT at, reason, batch, by FROM suppressions WHERE hash = ?1")?;
    let found = q.query_row([hash], |r| {
        let reason: String = r.get(1)?;
        let reason = Reason::parse(&reason).unwrap_or(Reason::Manual);
        Ok(New { at: Time(r.get(0)?), reason, batch: r.get(2)?, by: r.get(3)? })
    });
    Ok(found.optional()?)
}

pub(in crate::contacts) fn put(c: &Connection, hash: &[u8; 16], addr: i64, new: &New) -> Result<()> {
    c.prepare_cached(
        "INSERT INTO suppressions (hash, addr, at, reason, batch, by) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
         ON CONFLICT (hash) DO UPDATE SET at = ?3, reason = ?4, batch = ?5, by = ?6",
    )?
    .execute(params![hash, addr, new.at.ms(), new.reason.name(), new.batch, new.by])?;
    Ok(())
}

/// `false` when the address is on the list already.
pub(in crate::contacts) fn put_new(c: &Connection, hash: &[u8; 16], addr: i64, new: &New) -> Result<bool> {
    let n = c
        .prepare_cached(
            "INSERT INTO suppressions (hash, addr, at, reason, batch, by) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
             ON CONFLICT (hash) DO NOTHING",
        )?
        .execute(params![hash, addr, new.at.ms(), new.reason.name(), new.batch, new.by])?;
    Ok(n == 1)
}

pub(in crate::contacts) fn remove(c: &Connection, entry: &Entry, by: &By, at: Time, why: &str) -> Result<()> {
    c.prepare_cached("DELETE FROM suppressions WHERE hash = ?1")?.execute([entry.hash])?;
    let why = phrase(c, why)?;
    c.prepare_cached("INSERT INTO suppression_removals (hash, at, was, why, by) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![entry.hash, at.ms(), entry.reason.name(), why, by.to_string()])?;
    Ok(())
}

pub(in crate::contacts) fn contacts_at(c: &Connection, addr: i64) -> Result<Vec<ContactId>> {
    let mut q = c.prepare_cached("SELECT id FROM contacts WHERE addr = ?1")?;
    let rows = q.query_map([addr], |r| r.get(0).map(ContactId))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub(in crate::contacts) fn new_batch(c: &Connection, at: Time, by: &By) -> Result<i64> {
    c.prepare_cached("INSERT INTO suppression_batches (at, by, rows, added) VALUES (?1, ?2, 0, 0)")?
        .execute(params![at.ms(), by.to_string()])?;
    Ok(c.last_insert_rowid())
}

pub(in crate::contacts) fn grow_batch(c: &Connection, batch: i64, rows: u64, added: u64) -> Result<()> {
    c.prepare_cached("UPDATE suppression_batches SET rows = rows + ?2, added = added + ?3 WHERE id = ?1")?
        .execute(params![batch, rows as i64, added as i64])?;
    Ok(())
}

pub(in crate::contacts) fn open_batch(c: &Connection, batch: i64) -> Result<bool> {
    Ok(c.prepare_cached("SELECT 1 FROM suppression_batches WHERE id = ?1 AND undone IS NULL")?.exists([batch])?)
}

pub(in crate::contacts) fn close_batch(c: &Connection, batch: i64, at: Time) -> Result<()> {
    c.prepare_cached("UPDATE suppression_batches SET undone = ?2 WHERE id = ?1")?.execute(params![batch, at.ms()])?;
    Ok(())
}

pub(in crate::contacts) fn remove_of_batch(c: &Connection, batch: i64, most: usize) -> Result<u64> {
    let n = c
        .prepare_cached(
            "DELETE FROM suppressions WHERE hash IN (SELECT hash FROM suppressions WHERE batch = ?1 LIMIT ?2)",
        )?
        .execute(params![batch, most as i64])?;
    Ok(n as u64)
}

pub(in crate::contacts) fn batches(c: &Connection) -> Result<Vec<Batch>> {
    let mut q = c.prepare_cached(
        "SELECT id, at, by, rows, added, undone IS NOT NULL FROM suppression_batches ORDER BY id DESC",
    )?;
    let rows = q.query_map([], |r| {
        Ok(Batch {
            batch: r.get(0)?,
            at: Time(r.get(1)?),
            by: r.get(2)?,
            rows: r.get::<_, i64>(3)?.unsigned_abs(),
            added: r.get::<_, i64>(4)?.unsigned_abs(),
            undone: r.get(5)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub(in crate::contacts) fn note_outcome(c: &Connection, run: i64, contact: ContactId, outcome: &str) -> Result<()> {
    c.prepare_cached(
        "INSERT INTO outcomes (run, contact, outcome) VALUES (?1, ?2, ?3) \
         ON CONFLICT (run, contact) DO UPDATE SET outcome = ?3",
    )?
    .execute(params![run, contact.0, outcome])?;
    Ok(())
}

pub(in crate::contacts) fn outcome(c: &Connection, run: i64, contact: ContactId) -> Result<Option<String>> {
    let mut q = c.prepare_cached("SELECT outcome FROM outcomes WHERE run = ?1 AND contact = ?2")?;
    Ok(q.query_row(params![run, contact.0], |r| r.get(0)).optional()?)
}

pub(in crate::contacts) fn note_cursor(c: &Connection, run: i64, campaign: i64, cursor: u64) -> Result<()> {
    c.prepare_cached(
        "INSERT INTO runs_read (run, campaign, cursor) VALUES (?1, ?2, ?3) ON CONFLICT (run) DO UPDATE SET cursor = ?3",
    )?
    .execute(params![run, campaign, i64::try_from(cursor).unwrap_or(i64::MAX)])?;
    Ok(())
}

pub(in crate::contacts) fn cursor(c: &Connection, run: i64) -> Result<u64> {
    let found: Option<i64> =
        c.prepare_cached("SELECT cursor FROM runs_read WHERE run = ?1")?.query_row([run], |r| r.get(0)).optional()?;
    Ok(found.map_or(0, i64::unsigned_abs))
}

/// What happened to a contact in earlier runs: campaign, run, outcome; newest first.
pub(in crate::contacts) fn outcomes_of(
    c: &Connection,
    contact: ContactId,
    most: usize,
) -> Result<Vec<(i64, i64, String)>> {
    let mut q = c.prepare_cached(
        "SELECT r.campaign, o.run, o.outcome FROM runs_read r CROSS JOIN outcomes o ON o.run = r.run AND o.contact = ?1 \
         ORDER BY o.run DESC LIMIT ?2",
    )?;
    let rows = q.query_map(params![contact.0, most as i64], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
