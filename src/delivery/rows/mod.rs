//! All SQL of this room.

pub(super) mod domains;
pub(super) mod keys;
pub(super) mod messages;

use crate::base::Result;
use rusqlite::{Connection, OptionalExtension};

pub(super) fn setting(c: &Connection, name: &str) -> Result<Option<Vec<u8>>> {
    Ok(c.query_row("SELECT value FROM delivery_settings WHERE name = ?1", [name], |r| r.get(0)).optional()?)
}

pub(super) fn set_setting(c: &Connection, name: &str, value: &[u8]) -> Result<()> {
    c.execute("INSERT OR REPLACE INTO delivery_settings (name, value) VALUES (?1, ?2)", (name, value))?;
    Ok(())
}
