//! All SQL of the notices.

use crate::base::{By, Result, Time, ids::UserId};
use rusqlite::{Connection, OptionalExtension, params};

/// What became of a notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    pub at: Time,
    pub by: String,
    pub accepted: u64,
    pub refused: u64,
}

pub(super) fn add(
    tx: &Connection,
    (which, about): (&str, &str),
    user: UserId,
    (at, by, accepted): (Time, &By, bool),
) -> Result<()> {
    tx.prepare_cached(
        "INSERT INTO update_notices (which, about, user, at, by, accepted) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT DO UPDATE SET at = ?4, by = ?5, accepted = max(accepted, ?6)",
    )?
    .execute(params![which, about, user.0, at.ms(), by.to_string(), accepted])?;
    Ok(())
}

pub(super) fn told(c: &Connection, which: &str, about: &str) -> Result<Option<Told>> {
    let sums = "SELECT max(at), sum(accepted), count(*) - sum(accepted),
                (SELECT by FROM update_notices WHERE which = ?1 AND about = ?2 ORDER BY at DESC LIMIT 1)
                FROM update_notices WHERE which = ?1 AND about = ?2 HAVING count(*) > 0";
    let row = |r: &rusqlite::Row<'_>| {
        let (accepted, refused): (i64, i64) = (r.get(1)?, r.get(2)?);
        Ok(Told { at: Time(r.get(0)?), by: r.get(3)?, accepted: accepted as u64, refused: refused as u64 })
    };
    Ok(c.prepare_cached(sums)?.query_row(params![which, about], row).optional()?)
}

pub(super) fn reached(c: &Connection, which: &str, about: &str) -> Result<Vec<UserId>> {
    let mut all =
        c.prepare_cached("SELECT user FROM update_notices WHERE which = ?1 AND about = ?2 AND accepted = 1")?;
    let found = all.query_map(params![which, about], |r| r.get(0).map(UserId))?;
    Ok(found.collect::<std::result::Result<_, _>>()?)
}
