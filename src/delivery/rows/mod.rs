//! All SQL of this room.

pub(super) mod domains;
pub(super) mod keys;
pub(super) mod messages;

use super::bounces::Window;
use super::receivers::Receiver;
use crate::base::{Result, Time};
use rusqlite::{Connection, OptionalExtension, Row, params};

pub(super) fn setting(c: &Connection, name: &str) -> Result<Option<Vec<u8>>> {
    Ok(c.query_row("SELECT value FROM delivery_settings WHERE name = ?1", [name], |r| r.get(0)).optional()?)
}

pub(super) fn set_setting(c: &Connection, name: &str, value: &[u8]) -> Result<()> {
    c.execute("INSERT OR REPLACE INTO delivery_settings (name, value) VALUES (?1, ?2)", (name, value))?;
    Ok(())
}

const RECEIVER: &str = "SELECT domain, results, paused FROM receivers";

fn receiver_of(r: &Row<'_>) -> rusqlite::Result<Receiver> {
    let results: Vec<u8> = r.get(1)?;
    Ok(Receiver { domain: r.get(0)?, window: Window::decode(&results), paused: r.get::<_, Option<i64>>(2)?.map(Time) })
}

pub(super) fn receiver(c: &Connection, domain: &str) -> Result<Option<Receiver>> {
    Ok(c.prepare_cached(&format!("{RECEIVER} WHERE domain = ?1"))?.query_row([domain], receiver_of).optional()?)
}

pub(super) fn put_receiver(c: &Connection, receiver: &Receiver, now: Time) -> Result<()> {
    let paused = receiver.paused.map(Time::ms);
    c.prepare_cached("INSERT OR REPLACE INTO receivers (domain, results, changed, paused) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![receiver.domain, receiver.window.encode(), now.ms(), paused])?;
    Ok(())
}

pub(super) fn paused_receivers(c: &Connection) -> Result<Vec<Receiver>> {
    let mut q = c.prepare_cached(&format!("{RECEIVER} WHERE paused IS NOT NULL ORDER BY domain"))?;
    let rows = q.query_map([], receiver_of)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// A page of all of them after a domain.
pub(super) fn receivers(c: &Connection, after: &str, most: usize) -> Result<Vec<Receiver>> {
    let mut q = c.prepare_cached(&format!("{RECEIVER} WHERE domain > ?1 ORDER BY domain LIMIT ?2"))?;
    let rows = q.query_map(params![after, i64::try_from(most).unwrap_or(i64::MAX)], receiver_of)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
