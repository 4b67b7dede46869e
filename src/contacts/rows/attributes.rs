//! The attribute catalogue.

use crate::base::{Error, Result, Time};
use crate::contacts::attribute::{Attribute, Catalog, Role};
use crate::contacts::value::Type;
use rusqlite::{Connection, params};

pub(in crate::contacts) fn all(c: &Connection) -> Result<Catalog> {
    let mut q =
        c.prepare_cached("SELECT id, key, label, type, choices, substitute, role FROM attributes ORDER BY id")?;
    let rows = q.query_map([], |r| {
        let (kind, choices, role): (String, String, String) = (r.get(3)?, r.get(4)?, r.get(6)?);
        Ok(Attribute {
            id: r.get(0)?,
            key: r.get(1)?,
            label: r.get(2)?,
            kind: Type::parse(&kind).unwrap_or(Type::Text),
            choices: serde_json::from_str(&choices).unwrap_or_default(),
            substitute: r.get(5)?,
            role: Role::parse(&role),
        })
    })?;
    Ok(Catalog { attributes: rows.collect::<rusqlite::Result<_>>()? })
}

pub(in crate::contacts) struct New<'a> {
    pub(in crate::contacts) key: &'a str,
    pub(in crate::contacts) label: &'a str,
    pub(in crate::contacts) kind: Type,
    pub(in crate::contacts) choices: &'a [String],
    pub(in crate::contacts) role: Role,
}

pub(in crate::contacts) fn create(c: &Connection, new: &New<'_>, now: Time) -> Result<i64> {
    let choices = serde_json::to_string(new.choices).map_err(Error::bug)?;
    c.execute(
        "INSERT INTO attributes (key, label, type, choices, role, created) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![new.key, new.label, new.kind.name(), choices, new.role.name(), now.ms()],
    )?;
    Ok(c.last_insert_rowid())
}

pub(in crate::contacts) fn update(c: &Connection, a: &Attribute) -> Result<()> {
    let choices = serde_json::to_string(&a.choices).map_err(Error::bug)?;
    c.execute(
        "UPDATE attributes SET key = ?2, label = ?3, type = ?4, choices = ?5, substitute = ?6, role = ?7 WHERE id = ?1",
        params![a.id, a.key, a.label, a.kind.name(), choices, a.substitute, a.role.name()],
    )?;
    Ok(())
}

/// True while somebody has a value of it.
pub(in crate::contacts) fn is_used(c: &Connection, id: i64) -> Result<bool> {
    Ok(c.query_row("SELECT EXISTS (SELECT 1 FROM vals WHERE attr = ?1)", [id], |r| r.get(0))?)
}

/// Removes up to `most` of its values; how many.
pub(in crate::contacts) fn clear_some(c: &Connection, id: i64, most: usize) -> Result<usize> {
    Ok(c.execute(
        "DELETE FROM vals WHERE attr = ?1 AND contact IN (SELECT contact FROM vals WHERE attr = ?1 LIMIT ?2)",
        params![id, most as i64],
    )?)
}

pub(in crate::contacts) fn remove(c: &Connection, id: i64) -> Result<()> {
    c.execute("DELETE FROM attributes WHERE id = ?1", [id])?;
    Ok(())
}
