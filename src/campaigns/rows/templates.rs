//! Saved templates.

use crate::base::{Result, Time, ids::TemplateId};
use crate::campaigns::source::Format;
use crate::campaigns::template::{Saved, Template};
use rusqlite::{Connection, OptionalExtension, Row, params};

pub(in crate::campaigns) fn insert(c: &Connection, t: &Template, now: Time) -> Result<TemplateId> {
    c.execute(
        "INSERT INTO templates (version, name, subject, format, body, text, created, changed)
         VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?6)",
        params![t.name, t.subject, t.format.name(), t.body, t.text, now.ms()],
    )?;
    Ok(TemplateId(c.last_insert_rowid()))
}

/// False when the template is not at `version` any more.
pub(in crate::campaigns) fn update(
    c: &Connection,
    id: TemplateId,
    version: i64,
    t: &Template,
    now: Time,
) -> Result<bool> {
    let n = c.execute(
        "UPDATE templates SET version = version + 1, name = ?3, subject = ?4, format = ?5, body = ?6, text = ?7,
         changed = ?8 WHERE id = ?1 AND version = ?2",
        params![id.0, version, t.name, t.subject, t.format.name(), t.body, t.text, now.ms()],
    )?;
    Ok(n == 1)
}

pub(in crate::campaigns) fn delete(c: &Connection, id: TemplateId) -> Result<()> {
    c.execute("DELETE FROM templates WHERE id = ?1", [id.0])?;
    Ok(())
}

const COLUMNS: &str = "SELECT id, version, name, subject, format, body, text, changed FROM templates";

pub(in crate::campaigns) fn all(c: &Connection) -> Result<Vec<Saved>> {
    let mut q = c.prepare_cached(&format!("{COLUMNS} ORDER BY name"))?;
    let rows = q.query_map([], raw)?;
    rows.map(|r| saved(r?)).collect()
}

pub(in crate::campaigns) fn one(c: &Connection, id: TemplateId) -> Result<Option<Saved>> {
    let mut q = c.prepare_cached(&format!("{COLUMNS} WHERE id = ?1"))?;
    q.query_row([id.0], raw).optional()?.map(saved).transpose()
}

type Raw = (i64, i64, String, String, String, String, Option<String>, i64);

fn raw(r: &Row<'_>) -> rusqlite::Result<Raw> {
    Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?, r.get(5)?, r.get(6)?, r.get(7)?))
}

fn saved((id, version, name, subject, format, body, text, changed): Raw) -> Result<Saved> {
    let template = Template { name, subject, format: Format::parse(&format)?, body, text };
    Ok(Saved { id: TemplateId(id), version, changed: Time(changed), template })
}
