//! Sender profiles.

use super::{json, parsed};
use crate::base::{Result, Time, ids::SenderId};
use crate::campaigns::sender::{Profile, Sender};
use rusqlite::{Connection, OptionalExtension, Row, params};

pub(in crate::campaigns) fn insert(c: &Connection, sender: &Sender, now: Time) -> Result<SenderId> {
    c.prepare_cached("INSERT INTO senders (version, name, sender, created, changed) VALUES (1, ?1, ?2, ?3, ?3)")?
        .execute(params![sender.name, json(sender)?, now.ms()])?;
    Ok(SenderId(c.last_insert_rowid()))
}

/// False when the profile is not at `version` any more.
pub(in crate::campaigns) fn update(c: &Connection, id: SenderId, version: i64, s: &Sender, now: Time) -> Result<bool> {
    let n = c
        .prepare_cached(
            "UPDATE senders SET version = version + 1, name = ?3, sender = ?4, changed = ?5 WHERE id = ?1 AND version = ?2",
        )?
        .execute(params![id.0, version, s.name, json(s)?, now.ms()])?;
    Ok(n == 1)
}

pub(in crate::campaigns) fn delete(c: &Connection, id: SenderId) -> Result<()> {
    c.execute("DELETE FROM senders WHERE id = ?1", [id.0])?;
    Ok(())
}

pub(in crate::campaigns) fn used(c: &Connection, id: SenderId) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM campaigns WHERE sender = ?1 AND state IN ('draft', 'scheduled', 'held'))";
    Ok(c.query_row(sql, [id.0], |r| r.get(0))?)
}

pub(in crate::campaigns) fn all(c: &Connection) -> Result<Vec<Profile>> {
    let mut q = c.prepare_cached("SELECT id, version, sender FROM senders ORDER BY id")?;
    let rows = q.query_map([], raw)?;
    rows.map(|r| profile(r?)).collect()
}

pub(in crate::campaigns) fn one(c: &Connection, id: SenderId) -> Result<Option<Profile>> {
    let mut q = c.prepare_cached("SELECT id, version, sender FROM senders WHERE id = ?1")?;
    q.query_row([id.0], raw).optional()?.map(profile).transpose()
}

type Raw = (i64, i64, String);

fn raw(r: &Row<'_>) -> rusqlite::Result<Raw> {
    Ok((r.get(0)?, r.get(1)?, r.get(2)?))
}

fn profile((id, version, sender): Raw) -> Result<Profile> {
    Ok(Profile { id: SenderId(id), version, sender: parsed(&sender)? })
}
