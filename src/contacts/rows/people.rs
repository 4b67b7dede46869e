//! Contacts and their values.

use super::{consent, values};
use crate::base::{
    Email, Result, Time,
    ids::{ContactId, TopicId},
};
use crate::contacts::address::addr;
use crate::contacts::attribute::{Catalog, Role};
use crate::contacts::consent::EVERYTHING;
use crate::contacts::people::{Field, Person, Seen};
use crate::contacts::search;
use crate::contacts::value::{Type, Value};
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

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
            let value = value(c, a.id, a.kind, id.0)?;
            Ok(Field { key: a.key.clone(), label: a.label.clone(), value, substitute: a.substitute.clone() })
        })
        .collect::<Result<Vec<_>>>()?;
    let (created, changed) = (Time(created), Time(changed));
    Ok(Some(Person { id, email: Email::parse(&email)?, key, created, changed, tags: tags_of(c, id)?, values }))
}

pub(in crate::contacts) fn value(c: &Connection, attribute: i64, kind: Type, id: i64) -> Result<Option<Value>> {
    let mut q = c.prepare_cached("SELECT v FROM vals WHERE attr = ?1 AND contact = ?2")?;
    let mut found = q.query(params![attribute, id])?;
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

pub(in crate::contacts) fn add(c: &Connection, email: &Email, hash: &[u8; 16], now: Time) -> Result<ContactId> {
    c.execute(
        "INSERT INTO contacts (id, email, addr, search, created, changed) VALUES ((SELECT max(newest_gone, coalesce((SELECT max(id) FROM contacts), 0)) + 1 FROM contact_numbers), ?1, ?2, '', ?3, ?3)",
        params![email.as_str(), addr(hash), now.ms()],
    )?;
    Ok(ContactId(c.last_insert_rowid()))
}

pub(in crate::contacts) fn set_email(c: &Connection, id: i64, email: &Email, hash: &[u8; 16]) -> Result<()> {
    c.execute("UPDATE contacts SET email = ?2, addr = ?3 WHERE id = ?1", params![id, email.as_str(), addr(hash)])?;
    Ok(())
}

pub(in crate::contacts) fn set_key(c: &Connection, id: i64, key: Option<&str>) -> Result<()> {
    c.prepare_cached("UPDATE contacts SET key = ?2 WHERE id = ?1")?.execute(params![id, key])?;
    Ok(())
}

pub(in crate::contacts) fn touch(c: &Connection, id: i64, now: Time) -> Result<()> {
    c.prepare_cached("UPDATE contacts SET changed = ?2 WHERE id = ?1")?.execute([id, now.ms()])?;
    Ok(())
}

pub(in crate::contacts) fn set_value(c: &Connection, attribute: i64, id: i64, value: &Value) -> Result<()> {
    c.prepare_cached("INSERT OR REPLACE INTO vals (attr, contact, v) VALUES (?1, ?2, ?3)")?.execute(params![
        attribute,
        id,
        values::to_sql(value)
    ])?;
    Ok(())
}

pub(in crate::contacts) fn clear_value(c: &Connection, attribute: i64, id: i64) -> Result<usize> {
    Ok(c.prepare_cached("DELETE FROM vals WHERE attr = ?1 AND contact = ?2")?.execute([attribute, id])?)
}

/// Writes the search text anew from address, key and names.
pub(in crate::contacts) fn search_again(c: &Connection, id: i64) -> Result<()> {
    let (email, key): (String, Option<String>) = c
        .prepare_cached("SELECT email, key FROM contacts WHERE id = ?1")?
        .query_row([id], |r| Ok((r.get(0)?, r.get(1)?)))?;
    let names: Vec<String> = c
        .prepare_cached(
            "SELECT CAST(v.v AS TEXT) FROM attributes a CROSS JOIN vals v ON v.attr = a.id AND v.contact = ?1
             WHERE a.role NOT IN ('', 'key') ORDER BY a.id",
        )?
        .query_map([id], |r| r.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let parts = [email.as_str(), key.as_deref().unwrap_or("")].into_iter().chain(names.iter().map(String::as_str));
    c.prepare_cached("UPDATE contacts SET search = ?2 WHERE id = ?1")?.execute(params![id, search::text_of(parts)])?;
    Ok(())
}

/// All of one contact, as an undo puts it back.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::contacts) struct Whole {
    email: String,
    key: Option<String>,
    created: i64,
    changed: i64,
    import: Option<i64>,
    values: Vec<(i64, serde_json::Value)>,
    tags: Vec<i64>,
    consents: Vec<Said>,
    /// The removal put the address on the do-not-send list.
    suppressed: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct Said {
    topic: i64,
    n: i64,
    given: i64,
    at: i64,
    basis: String,
    source: Option<i64>,
    wording: Option<i64>,
    by: String,
    import: Option<i64>,
}

/// Removes everything about a contact, and gives it back for an undo; `None` when there was nobody. What it had
/// refused stays, by the hash of its address, so that no import revives it.
pub(in crate::contacts) fn take_out(
    c: &Connection,
    id: i64,
    hash: Option<&[u8; 16]>,
    now: Time,
    by: &str,
) -> Result<Option<Whole>> {
    let Some(mut whole) = read_whole(c, id)? else { return Ok(None) };
    if let Some(hash) = hash {
        keep_refusals(c, &mut whole, hash, now, by)?;
    }
    for (attribute, _) in &whole.values {
        clear_value(c, *attribute, id)?;
    }
    for tag in &whole.tags {
        super::tags::take_off(c, *tag, id)?;
    }
    c.prepare_cached("DELETE FROM consents WHERE contact = ?1")?.execute([id])?;
    c.prepare_cached("DELETE FROM contacts WHERE id = ?1")?.execute([id])?;
    c.prepare_cached("UPDATE contact_numbers SET newest_gone = ?1 WHERE newest_gone < ?1")?.execute([id])?;
    Ok(Some(whole))
}

fn keep_refusals(c: &Connection, whole: &mut Whole, hash: &[u8; 16], now: Time, by: &str) -> Result<()> {
    let place = consent::Place { addr: addr(hash), hash: *hash };
    for topic in whole.refused() {
        if topic != EVERYTHING {
            consent::note_refusal(c, &place, TopicId(topic), now)?;
            continue;
        }
        let added = c
            .prepare_cached(
                "INSERT OR IGNORE INTO suppressions (hash, addr, at, reason, by) VALUES (?1, ?2, ?3, 'refused', ?4)",
            )?
            .execute(params![hash.as_slice(), addr(hash), now.ms(), by])?;
        whole.suppressed = added > 0;
    }
    Ok(())
}

impl Whole {
    /// The topics about which the last word was a refusal.
    fn refused(&self) -> Vec<i64> {
        let last = |s: &&Said| !self.consents.iter().any(|o| o.topic == s.topic && o.n > s.n);
        self.consents.iter().filter(last).filter(|s| s.given == 0).map(|s| s.topic).collect()
    }
}

fn read_whole(c: &Connection, id: i64) -> Result<Option<Whole>> {
    let whole = c
        .prepare_cached("SELECT email, key, created, changed, import FROM contacts WHERE id = ?1")?
        .query_row([id], |r| {
            Ok(Whole {
                email: r.get(0)?,
                key: r.get(1)?,
                created: r.get(2)?,
                changed: r.get(3)?,
                import: r.get(4)?,
                values: Vec::new(),
                tags: Vec::new(),
                consents: Vec::new(),
                suppressed: false,
            })
        })
        .optional()?;
    let Some(mut whole) = whole else { return Ok(None) };
    whole.values = c
        .prepare_cached("SELECT a.id, v.v FROM attributes a CROSS JOIN vals v ON v.attr = a.id AND v.contact = ?1")?
        .query_map([id], |r| Ok((r.get(0)?, values::raw_json(r.get_ref(1)?))))?
        .collect::<rusqlite::Result<_>>()?;
    whole.tags = c
        .prepare_cached("SELECT id FROM tags WHERE EXISTS (SELECT 1 FROM tagged WHERE tag = tags.id AND contact = ?1)")?
        .query_map([id], |r| r.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    whole.consents = c
        .prepare_cached(
            "SELECT topic, n, given, at, basis, source, wording, by, import FROM consents WHERE contact = ?1",
        )?
        .query_map([id], said)?
        .collect::<rusqlite::Result<_>>()?;
    Ok(Some(whole))
}

fn said(r: &rusqlite::Row<'_>) -> rusqlite::Result<Said> {
    Ok(Said {
        topic: r.get(0)?,
        n: r.get(1)?,
        given: r.get(2)?,
        at: r.get(3)?,
        basis: r.get(4)?,
        source: r.get(5)?,
        wording: r.get(6)?,
        by: r.get(7)?,
        import: r.get(8)?,
    })
}

/// Puts a removed contact back under its old number. False when the number or its key is taken by now.
pub(in crate::contacts) fn put_back(
    c: &Connection,
    id: i64,
    whole: &Whole,
    hash: impl FnOnce(&Email) -> [u8; 16],
) -> Result<bool> {
    let hash = hash(&Email::parse(&whole.email)?);
    let put = c
        .prepare_cached(
            "INSERT OR IGNORE INTO contacts (id, email, addr, key, search, created, changed, import) VALUES (?1, ?2, ?3, ?4, '', ?5, ?6, ?7)",
        )?
        .execute(params![id, whole.email, addr(&hash), whole.key, whole.created, whole.changed, whole.import])?;
    if put == 0 {
        return Ok(false);
    }
    for (attribute, v) in &whole.values {
        put_raw(c, *attribute, id, v)?;
    }
    for tag in &whole.tags {
        super::tags::put(c, *tag, id)?;
    }
    for s in &whole.consents {
        c.prepare_cached(
            "INSERT INTO consents (contact, topic, n, given, at, basis, source, wording, by, import) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![id, s.topic, s.n, s.given, s.at, s.basis, s.source, s.wording, s.by, s.import])?;
    }
    if whole.suppressed {
        c.prepare_cached("DELETE FROM suppressions WHERE hash = ?1 AND reason = 'refused' AND batch IS NULL")?
            .execute([hash.as_slice()])?;
    }
    search_again(c, id)?;
    Ok(true)
}

/// A value as an undo kept it; null clears.
pub(in crate::contacts) fn put_raw(c: &Connection, attribute: i64, id: i64, v: &serde_json::Value) -> Result<()> {
    match values::from_json(v) {
        Some(v) => {
            c.prepare_cached("INSERT OR REPLACE INTO vals (attr, contact, v) VALUES (?1, ?2, ?3)")?
                .execute(params![attribute, id, v])?;
        }
        None => {
            clear_value(c, attribute, id)?;
        }
    }
    Ok(())
}

pub(in crate::contacts) fn stamp(c: &Connection, id: i64) -> Result<Option<(i64, Option<i64>, String)>> {
    let mut q = c.prepare_cached("SELECT changed, import, email FROM contacts WHERE id = ?1")?;
    Ok(q.query_row([id], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?))).optional()?)
}

pub(in crate::contacts) fn set_stamp(c: &Connection, id: i64, changed: i64, import: Option<i64>) -> Result<()> {
    c.prepare_cached("UPDATE contacts SET changed = ?2, import = ?3 WHERE id = ?1")?
        .execute(params![id, changed, import])?;
    Ok(())
}

/// Somebody said something about this contact, or a run reached it, apart from this import.
pub(in crate::contacts) fn is_used(c: &Connection, id: i64, import: i64) -> Result<bool> {
    let mut q = c.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM consents WHERE contact = ?1 AND import IS NOT ?2)
             OR EXISTS (SELECT 1 FROM runs_read r CROSS JOIN outcomes o ON o.run = r.run AND o.contact = ?1)",
    )?;
    Ok(q.query_row([id, import], |r| r.get(0))?)
}

/// What this import said about consent, where nothing was said after it.
pub(in crate::contacts) fn unsay(c: &Connection, id: i64, import: i64) -> Result<()> {
    c.prepare_cached(
        "DELETE FROM consents WHERE contact = ?1 AND import = ?2 AND NOT EXISTS
         (SELECT 1 FROM consents o WHERE o.contact = ?1 AND o.topic = consents.topic AND o.n > consents.n)",
    )?
    .execute([id, import])?;
    Ok(())
}

/// What undo rows hold of somebody who is erased.
pub(in crate::contacts) fn forget_undo_of(c: &Connection, id: i64) -> Result<()> {
    c.execute("DELETE FROM import_undo WHERE contact = ?1 AND import IN (SELECT id FROM imports)", [id])?;
    Ok(())
}

/// A page of contacts by number, newest first, before `before`.
pub(in crate::contacts) fn page(
    c: &Connection,
    search: &str,
    before: Option<ContactId>,
    most: usize,
) -> Result<Vec<Seen>> {
    let mut q = c.prepare_cached(
        "SELECT id, email, key, changed FROM contacts WHERE id < ?1 AND (?2 = '' OR instr(search, ?2) > 0)
         ORDER BY id DESC LIMIT ?3",
    )?;
    let rows = q.query_map(params![before.map_or(i64::MAX, |b| b.0), search, most as i64], |r| {
        Ok(Seen {
            id: ContactId(r.get(0)?),
            email: r.get(1)?,
            key: r.get(2)?,
            changed: Time(r.get(3)?),
            name: String::new(),
        })
    })?;
    let mut page: Vec<Seen> = rows.collect::<rusqlite::Result<_>>()?;
    for seen in &mut page {
        seen.name = name_of(c, seen.id.0)?;
    }
    Ok(page)
}

/// One line of the list.
pub(in crate::contacts) fn line(c: &Connection, id: ContactId) -> Result<Option<Seen>> {
    let found = c
        .prepare_cached("SELECT email, key, changed FROM contacts WHERE id = ?1")?
        .query_row([id.0], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))
        .optional()?;
    let Some((email, key, changed)) = found else { return Ok(None) };
    Ok(Some(Seen { id, email, key, changed: Time(changed), name: name_of(c, id.0)? }))
}

/// The contacts of one address.
pub(in crate::contacts) fn of_address(c: &Connection, hash: &[u8; 16]) -> Result<Vec<ContactId>> {
    let mut q = c.prepare_cached("SELECT id FROM contacts WHERE addr = ?1")?;
    Ok(q.query_map([addr(hash)], |r| Ok(ContactId(r.get(0)?)))?.collect::<rusqlite::Result<_>>()?)
}

fn name_of(c: &Connection, id: i64) -> Result<String> {
    let mut q = c.prepare_cached(
        "SELECT a.role, CAST(v.v AS TEXT) FROM attributes a CROSS JOIN vals v ON v.attr = a.id AND v.contact = ?1
         WHERE a.role IN ('full_name', 'family_name', 'given_name')",
    )?;
    let named: Vec<(String, String)> =
        q.query_map([id], |r| Ok((r.get(0)?, r.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
    let of = |role: Role| named.iter().find(|(r, _)| r == role.name()).map_or("", |(_, v)| v.as_str());
    let full = of(Role::FullName);
    Ok(match full.is_empty() {
        false => full.to_owned(),
        true => format!("{} {}", of(Role::FamilyName), of(Role::GivenName)).trim().to_owned(),
    })
}

pub(in crate::contacts) fn total(c: &Connection) -> Result<u64> {
    let n: i64 = c.query_row("SELECT count(*) FROM contacts", [], |r| r.get(0))?;
    Ok(n.unsigned_abs())
}

/// Numbers and addresses after `after`, for walking through everybody.
pub(in crate::contacts) fn walk(c: &Connection, after: i64, most: usize) -> Result<Vec<(i64, String)>> {
    let mut q = c.prepare_cached("SELECT id, email FROM contacts WHERE id > ?1 ORDER BY id LIMIT ?2")?;
    Ok(q.query_map(params![after, most as i64], |r| Ok((r.get(0)?, r.get(1)?)))?.collect::<rusqlite::Result<_>>()?)
}

/// Contacts after `after` that have a value of this attribute, and the value as text.
pub(in crate::contacts) fn with_value(
    c: &Connection,
    attribute: i64,
    after: i64,
    most: usize,
) -> Result<Vec<(i64, String)>> {
    let mut q = c.prepare_cached(
        "SELECT contact, CAST(v AS TEXT) FROM vals WHERE attr = ?1 AND contact > ?2 ORDER BY contact LIMIT ?3",
    )?;
    let rows = q.query_map(params![attribute, after, most as i64], |r| Ok((r.get(0)?, r.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contacts::SCHEMA;
    use crate::contacts::rows::{imports, suppression};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// What the database does about one contact among so many, counted in its own steps.
    fn steps(contacts: i64) -> u64 {
        let mut c = Connection::open_in_memory().unwrap();
        SCHEMA.steps.iter().for_each(|step| c.execute_batch(step).unwrap());
        for (id, role) in [(1, "full_name"), (2, ""), (3, "")] {
            c.execute(
                "INSERT INTO attributes (id, key, label, type, role, created) VALUES (?1, ?2, ?2, 'text', ?3, 0)",
                params![id, format!("a{id}"), role],
            )
            .unwrap();
        }
        c.execute_batch("INSERT INTO runs_read VALUES (1, 1, 0); INSERT INTO imports (id, at, by, state, mode, options) VALUES (1, 5, 'me', 'done', 'add', '{}')").unwrap();
        for n in 1..=contacts {
            let id = add(&c, &Email::parse(&format!("a{n}@example.jp")).unwrap(), &[n as u8; 16], Time(0)).unwrap();
            (1..=3).for_each(|a| {
                c.execute("INSERT INTO vals VALUES (?1, ?2, 'x')", [a, id.0]).unwrap();
            });
            c.execute("INSERT INTO outcomes VALUES (1, ?1, 'sent')", [id.0]).unwrap();
            c.execute("INSERT INTO import_undo (import, contact, row) VALUES (1, ?1, ?1)", [id.0]).unwrap();
        }
        let counted = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&counted);
        c.progress_handler(1, Some(move || count.fetch_add(1, Ordering::Relaxed) == u64::MAX)).unwrap();
        let id = ContactId(contacts / 2);
        assert_eq!(line(&c, id).unwrap().unwrap().name, "x");
        search_again(&c, id.0).unwrap();
        assert_eq!(read_whole(&c, id.0).unwrap().unwrap().values.len(), 3);
        assert!(is_used(&c, id.0, 1).unwrap());
        suppression::outcomes_of(&c, id, 9).unwrap();
        imports::forget_undo(&c, Time(5), 9).unwrap();
        counted.load(Ordering::Relaxed)
    }

    #[test]
    fn what_is_known_of_one_contact_is_looked_up_however_many_there_are() {
        let (few, many) = (steps(20), steps(400));
        assert!(many < few * 2, "{few} steps among 20, {many} among 400");
    }
}
