//! Short reads for letters and results.

use super::values;
use crate::base::{Email, Result, Time, ids::ContactId};
use crate::contacts::attribute::Catalog;
use crate::contacts::people::{Field, Person};
use rusqlite::{Connection, OptionalExtension, params};

pub(in crate::contacts) fn picked(c: &Connection, catalog: &Catalog, id: ContactId) -> Result<Option<Person>> {
    let found = c
        .prepare_cached("SELECT email, key, created, changed FROM contacts WHERE id = ?1")?
        .query_row([id.0], |r| Ok((r.get::<_, String>(0)?, r.get(1)?, r.get(2)?, r.get(3)?)))
        .optional()?;
    let Some((email, key, created, changed)) = found else { return Ok(None) };
    let mut q = c.prepare_cached("SELECT v FROM vals WHERE attr = ?1 AND contact = ?2")?;
    let mut fields = Vec::with_capacity(catalog.attributes.len());
    for a in &catalog.attributes {
        let mut found = q.query(params![a.id, id.0])?;
        let value = match found.next()? {
            Some(row) => values::from_sql(a.kind, row.get_ref(0)?),
            None => None,
        };
        fields.push(Field { key: a.key.clone(), label: a.label.clone(), value, substitute: a.substitute.clone() });
    }
    let (created, changed) = (Time(created), Time(changed));
    Ok(Some(Person { id, email: Email::parse(&email)?, key, created, changed, tags: Vec::new(), values: fields }))
}

pub(in crate::contacts) fn emails(c: &Connection, ids: &[ContactId]) -> Result<Vec<Option<Email>>> {
    let mut q = c.prepare_cached("SELECT email FROM contacts WHERE id = ?1")?;
    ids.iter()
        .map(|id| {
            let found: Option<String> = q.query_row([id.0], |r| r.get(0)).optional()?;
            found.map(|e| Email::parse(&e)).transpose()
        })
        .collect()
}

pub(in crate::contacts) fn earlier_with_same_address(
    c: &Connection,
    ids: &[ContactId],
) -> Result<Vec<(ContactId, ContactId)>> {
    let mut q = c.prepare_cached(
        "SELECT b.id FROM contacts a JOIN contacts b ON b.addr = a.addr AND b.id < a.id WHERE a.id = ?1 ORDER BY b.id",
    )?;
    let mut out = Vec::new();
    for id in ids {
        let rows = q.query_map([id.0], |r| r.get(0))?;
        for earlier in rows {
            out.push((*id, ContactId(earlier?)));
        }
    }
    Ok(out)
}
