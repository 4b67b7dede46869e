//! Contacts and their values.

use super::values;
use crate::base::{Email, Result, Time, ids::ContactId};
use crate::contacts::attribute::Catalog;
use crate::contacts::people::{Field, Person};
use crate::contacts::value::{Type, Value};
use rusqlite::{Connection, OptionalExtension, params};

pub(in crate::contacts) fn person(c: &Connection, catalog: &Catalog, id: ContactId) -> Result<Option<Person>> {
    let found = c
        .prepare_cached("SELECT email, key, created, changed FROM contacts WHERE id = ?1")?
        .query_row([id.0], |r| Ok((r.get::<_, String>(0)?, r.get(1)?, r.get(2)?, r.get(3)?)))
        .optional()?;
    let Some((email, key, created, changed)) = found else { return Ok(None) };
    let values = catalog
        .attributes
        .iter()
        .map(|a| {
            let value = value(c, a.id, a.kind, id)?;
            Ok(Field { key: a.key.clone(), label: a.label.clone(), value, substitute: a.substitute.clone() })
        })
        .collect::<Result<Vec<_>>>()?;
    let (created, changed) = (Time(created), Time(changed));
    Ok(Some(Person { id, email: Email::parse(&email)?, key, created, changed, tags: tags_of(c, id)?, values }))
}

fn value(c: &Connection, attribute: i64, kind: Type, id: ContactId) -> Result<Option<Value>> {
    let mut q = c.prepare_cached("SELECT v FROM vals WHERE attr = ?1 AND contact = ?2")?;
    let mut found = q.query(params![attribute, id.0])?;
    Ok(match found.next()? {
        Some(row) => values::from_sql(kind, row.get_ref(0)?),
        None => None,
    })
}

/// Looks in each tag's range for the contact: there are few tags.
pub(in crate::contacts) fn tags_of(c: &Connection, id: ContactId) -> Result<Vec<String>> {
    let mut q = c.prepare_cached(
        "SELECT name FROM tags WHERE EXISTS (SELECT 1 FROM tagged WHERE tag = tags.id AND contact = ?1) ORDER BY name",
    )?;
    let rows = q.query_map([id.0], |r| r.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
