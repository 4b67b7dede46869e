//! All SQL of this room.

use super::history::{Outcome, Update};
use crate::base::{Error, Result, Time};
use rusqlite::{OptionalExtension, Row, params};
use serde::{Serialize, de::DeserializeOwned};

pub(super) use rusqlite::Connection;

pub(super) fn setting(c: &Connection, name: &str) -> Result<Option<Vec<u8>>> {
    Ok(c.query_row("SELECT value FROM update_settings WHERE name = ?1", [name], |r| r.get(0)).optional()?)
}

pub(super) fn set_setting(c: &Connection, name: &str, value: &[u8]) -> Result<()> {
    c.execute("INSERT OR REPLACE INTO update_settings (name, value) VALUES (?1, ?2)", (name, value))?;
    Ok(())
}

/// The highest keys document seen, and the minimum version.
pub(super) fn seen(c: &Connection) -> Result<(u64, Option<String>)> {
    let found = c.query_row("SELECT keys, minimum FROM update_seen", [], |r| Ok((r.get::<_, i64>(0)?, r.get(1)?)));
    let (keys, minimum) = found.optional()?.unwrap_or_default();
    Ok((u64::try_from(keys).unwrap_or(0), minimum))
}

pub(super) fn set_seen(c: &Connection, keys: u64, minimum: Option<&str>) -> Result<()> {
    let keys = i64::try_from(keys).unwrap_or(i64::MAX);
    c.execute("INSERT OR REPLACE INTO update_seen (one, keys, minimum) VALUES (1, ?1, ?2)", params![keys, minimum])?;
    Ok(())
}

fn text(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(Error::bug)
}

/// A new one, or what became of one that is there: the notes and who began it stay as they were.
pub(super) fn put(c: &Connection, update: &Update) -> Result<()> {
    let (cause, notes) = (update.cause.as_ref().map(text).transpose()?, update.notes.as_ref().map(text).transpose()?);
    c.execute(
        "INSERT INTO updates (id, at, who, from_version, to_version, result, steps, held, longest_held_ms, cause, notes, minimum)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
         ON CONFLICT (id) DO UPDATE SET result = ?6, steps = ?7, held = ?8, longest_held_ms = ?9, cause = ?10",
        params![
            update.id,
            update.at.ms(),
            update.by,
            update.from,
            update.to,
            update.result.name(),
            text(&update.steps)?,
            i64::try_from(update.held_requests).unwrap_or(i64::MAX),
            i64::try_from(update.longest_held_ms).unwrap_or(i64::MAX),
            cause,
            notes,
            update.minimum,
        ],
    )?;
    Ok(())
}

const ALL: &str = "SELECT n, id, at, who, from_version, to_version, result, steps, held, longest_held_ms, cause, notes, minimum FROM updates";

struct Raw {
    update: Update,
    result: String,
    texts: [Option<String>; 3],
}

fn raw(r: &Row<'_>) -> rusqlite::Result<Raw> {
    let count = |at: usize| r.get::<_, i64>(at).map(|n| u64::try_from(n).unwrap_or(0));
    Ok(Raw {
        update: Update {
            n: r.get(0)?,
            id: r.get(1)?,
            at: Time(r.get(2)?),
            by: r.get(3)?,
            from: r.get(4)?,
            to: r.get(5)?,
            result: Outcome::Trying,
            steps: Vec::new(),
            held_requests: count(8)?,
            longest_held_ms: count(9)?,
            cause: None,
            notes: None,
            minimum: r.get(12)?,
        },
        result: r.get(6)?,
        texts: [Some(r.get(7)?), r.get(10)?, r.get(11)?],
    })
}

impl Raw {
    fn update(self) -> Result<Update> {
        fn read<T: DeserializeOwned>(text: &Option<String>) -> Result<Option<T>> {
            text.as_deref().map(serde_json::from_str).transpose().map_err(Error::bug)
        }
        let [steps, cause, notes] = &self.texts;
        Ok(Update {
            result: Outcome::parse(&self.result)?,
            steps: read(steps)?.unwrap_or_default(),
            cause: read(cause)?,
            notes: read(notes)?,
            ..self.update
        })
    }
}

pub(super) fn newest(c: &Connection, most: usize) -> Result<Vec<Update>> {
    let mut sql = c.prepare_cached(&format!("{ALL} ORDER BY n DESC LIMIT ?1"))?;
    let rows = sql.query_map([i64::try_from(most).unwrap_or(i64::MAX)], raw)?.collect::<rusqlite::Result<Vec<_>>>()?;
    rows.into_iter().map(Raw::update).collect()
}

pub(super) fn find(c: &Connection, id: &str) -> Result<Option<Update>> {
    let found = c.query_row(&format!("{ALL} WHERE id = ?1"), [id], raw).optional()?;
    found.map(Raw::update).transpose()
}

/// Updates with notes that this user has not read, oldest first.
pub(super) fn unread(c: &Connection, who: i64) -> Result<Vec<Update>> {
    let mut sql = c.prepare_cached(&format!(
        "{ALL} WHERE result = 'updated' AND notes IS NOT NULL
         AND n NOT IN (SELECT n FROM updates_read WHERE who = ?1) ORDER BY n"
    ))?;
    let rows = sql.query_map([who], raw)?.collect::<rusqlite::Result<Vec<_>>>()?;
    rows.into_iter().map(Raw::update).collect()
}

pub(super) fn mark_read(c: &Connection, who: i64, n: i64, at: Time) -> Result<()> {
    c.execute("INSERT OR IGNORE INTO updates_read (who, n, at) VALUES (?1, ?2, ?3)", params![who, n, at.ms()])?;
    Ok(())
}
