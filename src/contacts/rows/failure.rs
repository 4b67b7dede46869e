//! Failures that count, those that are held, and soft ones.

use crate::base::{
    Result, Time,
    ids::{ContactId, RunId},
};
use crate::contacts::failure::{Cause, Failure, Past, Undone, Which};
use crate::contacts::rows::suppression::New;
use crate::contacts::suppression::Reason;
use rusqlite::{Connection, Row, params};

/// One that put an address on the list, or would have.
pub(in crate::contacts) struct Strike {
    pub(in crate::contacts) n: i64,
    pub(in crate::contacts) hash: [u8; 16],
    pub(in crate::contacts) contact: ContactId,
    pub(in crate::contacts) at: Time,
    pub(in crate::contacts) held: bool,
    /// What stood on the list before.
    pub(in crate::contacts) before: Option<New>,
    run: RunId,
    receiver: String,
    place: u64,
    cause: Cause,
}

impl Strike {
    pub(in crate::contacts) fn failure(&self) -> Failure<'_> {
        let Strike { contact, run, receiver, place, cause, .. } = self;
        Failure { contact: *contact, run: *run, receiver, place: *place, cause: *cause }
    }
}

const STRIKE: &str =
    "SELECT n, hash, contact, run, receiver, place, at, cause, held, was, was_at, was_by, was_batch FROM failures";

fn strike(r: &Row<'_>) -> rusqlite::Result<Strike> {
    let (was, cause): (Option<String>, String) = (r.get(9)?, r.get(7)?);
    let before = match was {
        Some(was) => Some(New {
            reason: Reason::parse(&was).unwrap_or(Reason::Manual),
            at: Time(r.get::<_, Option<i64>>(10)?.unwrap_or_default()),
            by: r.get::<_, Option<String>>(11)?.unwrap_or_default(),
            batch: r.get(12)?,
        }),
        None => None,
    };
    Ok(Strike {
        n: r.get(0)?,
        hash: r.get(1)?,
        contact: ContactId(r.get(2)?),
        run: RunId(r.get(3)?),
        receiver: r.get(4)?,
        place: r.get::<_, i64>(5)?.unsigned_abs(),
        at: Time(r.get(6)?),
        cause: Cause::parse(&cause),
        held: r.get(8)?,
        before,
    })
}

fn strikes(c: &Connection, rest: &str, bound: impl rusqlite::Params) -> Result<Vec<Strike>> {
    let mut q = c.prepare_cached(&format!("{STRIKE} {rest}"))?;
    let rows = q.query_map(bound, strike)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn place_of(failure: &Failure<'_>) -> i64 {
    i64::try_from(failure.place).unwrap_or(i64::MAX)
}

pub(in crate::contacts) fn insert(
    c: &Connection,
    failure: &Failure<'_>,
    hash: &[u8; 16],
    before: Option<&New>,
    at: Time,
) -> Result<()> {
    let Failure { contact, run, receiver, cause, .. } = failure;
    let was = before.map(|b| b.reason.name());
    c.prepare_cached(
        "INSERT INTO failures (hash, contact, run, receiver, place, at, cause, held, was, was_at, was_by, was_batch) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8, ?9, ?10, ?11)",
    )?
    .execute(params![
        hash,
        contact.0,
        run.0,
        receiver,
        place_of(failure),
        at.ms(),
        cause.name(),
        was,
        before.map(|b| b.at.ms()),
        before.map(|b| b.by.as_str()),
        before.and_then(|b| b.batch),
    ])?;
    Ok(())
}

/// One held failure for each address.
pub(in crate::contacts) fn hold(c: &Connection, failure: &Failure<'_>, hash: &[u8; 16], at: Time) -> Result<()> {
    let Failure { contact, run, receiver, cause, .. } = failure;
    c.prepare_cached(
        "INSERT INTO failures (hash, contact, run, receiver, place, at, cause, held) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, 1 \
         WHERE NOT EXISTS (SELECT 1 FROM failures WHERE receiver = ?4 AND held = 1 AND hash = ?1)",
    )?
    .execute(params![hash, contact.0, run.0, receiver, place_of(failure), at.ms(), cause.name()])?;
    Ok(())
}

pub(in crate::contacts) fn set_held(c: &Connection, n: i64) -> Result<()> {
    c.prepare_cached(
        "UPDATE failures SET held = 1, was = NULL, was_at = NULL, was_by = NULL, was_batch = NULL WHERE n = ?1",
    )?
    .execute([n])?;
    Ok(())
}

pub(in crate::contacts) fn remove(c: &Connection, n: i64) -> Result<()> {
    c.prepare_cached("DELETE FROM failures WHERE n = ?1")?.execute([n])?;
    Ok(())
}

/// Hard ones of a receiver that belong to its results after a place.
pub(in crate::contacts) fn strikes_after(c: &Connection, receiver: &str, after: u64) -> Result<Vec<Strike>> {
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    strikes(c, "WHERE receiver = ?1 AND held = 0 AND place > ?2 AND cause = 'hard'", params![receiver, after])
}

pub(in crate::contacts) fn held(c: &Connection, receiver: &str) -> Result<Vec<Strike>> {
    strikes(c, "WHERE receiver = ?1 AND held = 1 ORDER BY n", [receiver])
}

const FITS: &str = "WHERE (?1 IS NULL OR run = ?1) AND (?2 IS NULL OR receiver = ?2) AND (?3 IS NULL OR at >= ?3)";

type Bound<'a> = (Option<i64>, Option<&'a str>, Option<i64>);

fn bound(which: &Which) -> Bound<'_> {
    (which.run.map(|r| r.0), which.receiver.as_deref(), which.since.map(Time::ms))
}

pub(in crate::contacts) fn page(c: &Connection, which: &Which, most: usize) -> Result<Vec<Strike>> {
    let (run, receiver, since) = bound(which);
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    strikes(c, &format!("{FITS} ORDER BY n LIMIT ?4"), params![run, receiver, since, most])
}

/// What an undo would do: strikes whose entry still stands as they left it, and held ones.
pub(in crate::contacts) fn count(c: &Connection, which: &Which) -> Result<Undone> {
    let sql = format!(
        "SELECT count(*) FILTER (WHERE held = 0 AND EXISTS (SELECT 1 FROM suppressions s WHERE s.hash = failures.hash \
         AND s.reason = 'bounced' AND s.at = failures.at)), count(*) FILTER (WHERE held = 1) FROM failures {FITS}"
    );
    let n = c.prepare_cached(&sql)?.query_row(bound(which), |r| Ok((r.get::<_, i64>(0)?, r.get::<_, i64>(1)?)))?;
    Ok(Undone { restored: n.0.unsigned_abs(), held: n.1.unsigned_abs() })
}

pub(in crate::contacts) fn note_soft(
    c: &Connection,
    contact: ContactId,
    run: RunId,
    hash: &[u8; 16],
    at: Time,
) -> Result<()> {
    c.prepare_cached(
        "INSERT INTO soft_failures (contact, run, hash, at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (contact, run) DO NOTHING",
    )?
    .execute(params![contact.0, run.0, hash, at.ms()])?;
    Ok(())
}

pub(in crate::contacts) fn history(
    c: &Connection,
    contact: ContactId,
    hash: &[u8; 16],
    most: usize,
) -> Result<Vec<Past>> {
    let mut q = c.prepare_cached(
        "SELECT r.run, s.at, coalesce(o.outcome = 'sent', 0) FROM runs_read r \
         LEFT JOIN soft_failures s ON s.contact = ?1 AND s.run = r.run AND s.hash = ?2 \
         LEFT JOIN outcomes o ON o.run = r.run AND o.contact = ?1 \
         WHERE s.at IS NOT NULL OR o.outcome IS NOT NULL ORDER BY r.run DESC LIMIT ?3",
    )?;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let rows = q.query_map(params![contact.0, hash, most], |r| {
        Ok((RunId(r.get(0)?), r.get::<_, Option<i64>>(1)?.map(Time), r.get(2)?))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// It begins anew.
pub(in crate::contacts) fn forget_soft(c: &Connection, contact: ContactId) -> Result<()> {
    c.prepare_cached("DELETE FROM soft_failures WHERE contact = ?1")?.execute([contact.0])?;
    Ok(())
}

/// The contact goes; what stands on the list because of it stays, and can be taken back by run and time.
pub(in crate::contacts) fn forget_contact(c: &Connection, contact: ContactId) -> Result<()> {
    forget_soft(c, contact)?;
    c.prepare_cached("UPDATE failures SET contact = 0, receiver = '' WHERE contact = ?1")?.execute([contact.0])?;
    Ok(())
}
