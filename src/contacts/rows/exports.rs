//! What an export reads, and the record of it.

use super::values;
use crate::base::{By, Result, Time, ids::ContactId};
use crate::contacts::attribute::Catalog;
use crate::contacts::export::Record;
use crate::contacts::value::Value;
use rusqlite::{Connection, params};
use std::collections::HashMap;

pub(in crate::contacts) struct Row {
    pub(in crate::contacts) email: String,
    /// In the order of the catalogue.
    pub(in crate::contacts) values: Vec<Option<Value>>,
    pub(in crate::contacts) tags: Vec<String>,
}

/// These contacts, which stand in the order of their numbers; whoever is gone is left out.
pub(in crate::contacts) fn page(c: &Connection, catalog: &Catalog, ids: &[ContactId]) -> Result<Vec<Row>> {
    let (Some(first), Some(last)) = (ids.first(), ids.last()) else { return Ok(Vec::new()) };
    let places: HashMap<i64, usize> = ids.iter().enumerate().map(|(at, id)| (id.0, at)).collect();
    let mut rows: Vec<Option<Row>> = Vec::new();
    let mut one = c.prepare_cached("SELECT email FROM contacts WHERE id = ?1")?;
    for id in ids {
        let mut found = one.query([id.0])?;
        let blank = |email| Row { email, values: vec![None; catalog.attributes.len()], tags: Vec::new() };
        rows.push(found.next()?.map(|r| r.get(0)).transpose()?.map(blank));
    }
    let place = |contact: i64| places.get(&contact).copied();
    let mut range = c.prepare_cached("SELECT contact, v FROM vals WHERE attr = ?1 AND contact BETWEEN ?2 AND ?3")?;
    for (n, a) in catalog.attributes.iter().enumerate() {
        let mut found = range.query([a.id, first.0, last.0])?;
        while let Some(r) = found.next()? {
            if let Some(row) = place(r.get(0)?).and_then(|at| rows[at].as_mut()) {
                row.values[n] = values::from_sql(a.kind, r.get_ref(1)?);
            }
        }
    }
    let mut tagged = c.prepare_cached("SELECT contact FROM tagged WHERE tag = ?1 AND contact BETWEEN ?2 AND ?3")?;
    let mut tags = c.prepare_cached("SELECT id, name FROM tags ORDER BY name")?;
    for tag in tags.query_map([], |r| Ok((r.get::<_, i64>(0)?, r.get::<_, String>(1)?)))? {
        let (id, name) = tag?;
        let mut found = tagged.query([id, first.0, last.0])?;
        while let Some(r) = found.next()? {
            if let Some(row) = place(r.get(0)?).and_then(|at| rows[at].as_mut()) {
                row.tags.push(name.clone());
            }
        }
    }
    Ok(rows.into_iter().flatten().collect())
}

pub(in crate::contacts) fn begin(c: &Connection, (at, by): (Time, &By), segment: &str, form: &str) -> Result<i64> {
    c.execute(
        "INSERT INTO exports (at, by, segment, form) VALUES (?1, ?2, ?3, ?4)",
        params![at.ms(), by.to_string(), segment, form],
    )?;
    Ok(c.last_insert_rowid())
}

pub(in crate::contacts) fn end(c: &Connection, id: i64, rows: u64, sha256: &str) -> Result<()> {
    c.execute("UPDATE exports SET rows = ?2, sha256 = ?3 WHERE id = ?1", params![id, rows as i64, sha256])?;
    Ok(())
}

pub(in crate::contacts) fn list(c: &Connection, most: usize) -> Result<Vec<Record>> {
    let mut q =
        c.prepare_cached("SELECT id, at, by, segment, form, rows, sha256 FROM exports ORDER BY id DESC LIMIT ?1")?;
    let rows = q.query_map([most as i64], |r| {
        Ok(Record {
            export: r.get(0)?,
            at: Time(r.get(1)?),
            by: r.get(2)?,
            segment: r.get(3)?,
            form: r.get(4)?,
            rows: r.get::<_, Option<i64>>(5)?.map(i64::unsigned_abs),
            sha256: r.get(6)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
