//! Imports: the book of them, and the statements that one batch of rows needs, prepared once per batch.

use super::{consent, people, values};
use crate::base::{
    By, Error, Result, Time,
    ids::{ContactId, ImportId},
};
use crate::contacts::address::addr;
use crate::contacts::consent::Standing;
use crate::contacts::import::plan::{Change, Counts, Current, Entry, Found};
use crate::contacts::import::{Import, Mode, State};
use crate::contacts::value::{Type, Value};
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// What an import writes with every row, by number.
#[derive(Default)]
pub(in crate::contacts) struct Ids {
    pub(in crate::contacts) import: i64,
    /// In the order of the mapping; 0 for one that does not exist (a dry run makes none).
    pub(in crate::contacts) attributes: Vec<(i64, Type)>,
    pub(in crate::contacts) tags: Vec<i64>,
    pub(in crate::contacts) consent: Option<Standing>,
    pub(in crate::contacts) by: String,
    /// Whether keys identify, instead of addresses.
    pub(in crate::contacts) keyed: bool,
    /// A dry run that would be the first to identify by this attribute: what the keys would be.
    pub(in crate::contacts) keys: Option<HashMap<String, i64>>,
}

/// What a contact was before an import touched it: enough to put it back.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(in crate::contacts) struct Before {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::contacts) gone: Option<people::Whole>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::contacts) email: Option<String>,
    #[serde(default)]
    pub(in crate::contacts) key: Option<String>,
    #[serde(default)]
    pub(in crate::contacts) changed: i64,
    #[serde(default)]
    pub(in crate::contacts) import: Option<i64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::contacts) values: Vec<(i64, serde_json::Value)>,
    /// Tags that the import added.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::contacts) tags: Vec<i64>,
}

pub(in crate::contacts) fn create(c: &Connection, at: Time, by: &By, mode: Mode, options: &str) -> Result<ImportId> {
    c.execute(
        "INSERT INTO imports (at, by, state, mode, options) VALUES (?1, ?2, 'running', ?3, ?4)",
        params![at.ms(), by.to_string(), mode.name(), options],
    )?;
    Ok(ImportId(c.last_insert_rowid()))
}

pub(in crate::contacts) fn count(c: &Connection, id: ImportId, n: &Counts) -> Result<()> {
    c.prepare_cached(
        "UPDATE imports SET rows = ?2, new = ?3, changed = ?4, same = ?5, rejected = ?6, removed = ?7, duplicates = ?8 WHERE id = ?1",
    )?
    .execute(params![
        id.0,
        n.rows as i64,
        n.new as i64,
        n.changed as i64,
        n.same as i64,
        n.rejected as i64,
        n.removed as i64,
        n.duplicates as i64
    ])?;
    Ok(())
}

pub(in crate::contacts) fn set_state(c: &Connection, id: ImportId, state: State) -> Result<()> {
    c.execute("UPDATE imports SET state = ?2 WHERE id = ?1", params![id.0, state.name()])?;
    Ok(())
}

/// Imports that were running when their process ended.
pub(in crate::contacts) fn running(c: &Connection) -> Result<Vec<ImportId>> {
    let mut q = c.prepare("SELECT id FROM imports WHERE state = 'running'")?;
    Ok(q.query_map([], |r| Ok(ImportId(r.get(0)?)))?.collect::<rusqlite::Result<_>>()?)
}

pub(in crate::contacts) fn find(c: &Connection, id: ImportId) -> Result<Option<Import>> {
    let mut q = c.prepare_cached(&format!("{IMPORT} WHERE id = ?1"))?;
    Ok(q.query_row([id.0], import).optional()?)
}

/// Newest first, before `before`.
pub(in crate::contacts) fn list(c: &Connection, before: Option<ImportId>, most: usize) -> Result<Vec<Import>> {
    let mut q = c.prepare_cached(&format!("{IMPORT} WHERE id < ?1 ORDER BY id DESC LIMIT ?2"))?;
    let rows = q.query_map(params![before.map_or(i64::MAX, |i| i.0), most as i64], import)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

const IMPORT: &str =
    "SELECT id, at, by, state, mode, rows, new, changed, same, rejected, removed, duplicates FROM imports";

fn import(r: &rusqlite::Row<'_>) -> rusqlite::Result<Import> {
    let (state, mode): (String, String) = (r.get(3)?, r.get(4)?);
    let n = |at: usize| r.get::<_, i64>(at).map(i64::unsigned_abs);
    Ok(Import {
        id: ImportId(r.get(0)?),
        at: Time(r.get(1)?),
        by: r.get(2)?,
        state: State::parse(&state).unwrap_or(State::Stopped),
        mode: Mode::parse(&mode).unwrap_or_default(),
        counts: Counts {
            rows: n(5)?,
            new: n(6)?,
            changed: n(7)?,
            same: n(8)?,
            rejected: n(9)?,
            removed: n(10)?,
            duplicates: n(11)?,
            suppressed: 0,
        },
    })
}

/// True when some address refuses some topic.
pub(in crate::contacts) fn any_refusals(c: &Connection) -> Result<bool> {
    Ok(c.query_row("SELECT EXISTS (SELECT 1 FROM refusals)", [], |r| r.get(0))?)
}

/// True when some contact's address hash lies in this range: a batch in order of the hash asks once.
pub(in crate::contacts) fn any_between(c: &Connection, first: i64, last: i64) -> Result<bool> {
    let mut q = c.prepare_cached("SELECT EXISTS (SELECT 1 FROM contacts WHERE addr BETWEEN ?1 AND ?2)")?;
    Ok(q.query_row([first, last], |r| r.get(0))?)
}

pub(in crate::contacts) fn any_contacts(c: &Connection) -> Result<bool> {
    Ok(c.query_row("SELECT EXISTS (SELECT 1 FROM contacts)", [], |r| r.get(0))?)
}

pub(in crate::contacts) fn any_suppressed(c: &Connection) -> Result<bool> {
    Ok(c.query_row("SELECT EXISTS (SELECT 1 FROM suppressions)", [], |r| r.get(0))?)
}

pub(in crate::contacts) fn is_suppressed(c: &Connection, hash: &[u8; 16]) -> Result<bool> {
    let mut q = c.prepare_cached("SELECT EXISTS (SELECT 1 FROM suppressions WHERE hash = ?1)")?;
    Ok(q.query_row([hash.as_slice()], |r| r.get(0))?)
}

/// Who a row is about, with everything that it could change.
pub(in crate::contacts) fn look_up(c: &Connection, ids: &Ids, entry: &Entry<'_>) -> Result<Found> {
    match named(c, ids, entry)?.as_slice() {
        [] => Ok(Found::Nobody),
        [id] => Ok(Found::One(current(c, ids, entry, *id)?)),
        _ => Ok(Found::Several),
    }
}

/// The contacts that a row names.
pub(in crate::contacts) fn named(c: &Connection, ids: &Ids, entry: &Entry<'_>) -> Result<Vec<i64>> {
    if let Some(id) = ids.keys.as_ref().and_then(|k| k.get(entry.key)) {
        return Ok(vec![*id]);
    }
    match ids.keyed {
        true => by_key(c, entry),
        false => by_address(c, entry, false),
    }
}

/// A key that is new here may belong to the one contact of that address that has no key yet.
fn by_key(c: &Connection, entry: &Entry<'_>) -> Result<Vec<i64>> {
    let mut q = c.prepare_cached("SELECT id FROM contacts WHERE key = ?1")?;
    match q.query_row([entry.key], |r| r.get(0)).optional()? {
        Some(id) => Ok(vec![id]),
        None if entry.email.is_empty() => Ok(Vec::new()),
        None => Ok(Some(by_address(c, entry, true)?).filter(|f| f.len() == 1).unwrap_or_default()),
    }
}

fn by_address(c: &Connection, entry: &Entry<'_>, keyless: bool) -> Result<Vec<i64>> {
    let mut q = c.prepare_cached("SELECT id, email, key IS NULL FROM contacts WHERE addr = ?1")?;
    let mut rows = q.query([addr(&entry.hash)])?;
    let (mut found, folded) = (Vec::new(), entry.email.to_lowercase());
    while let Some(r) = rows.next()? {
        let same = r.get_ref(1)?.as_str().is_ok_and(|e| e.to_lowercase() == folded);
        if same && (!keyless || r.get(2)?) {
            found.push(r.get(0)?);
        }
    }
    Ok(found)
}

fn current(c: &Connection, ids: &Ids, entry: &Entry<'_>, id: i64) -> Result<Current> {
    let (email, key) = c
        .prepare_cached("SELECT email, key FROM contacts WHERE id = ?1")?
        .query_row([id], |r| Ok((r.get(0)?, r.get(1)?)))?;
    let read = |(attribute, kind): &(i64, Type)| people::value(c, *attribute, *kind, id);
    let values = ids.attributes.iter().map(read).collect::<Result<Vec<Option<Value>>>>()?;
    let mut untagged = Vec::new();
    for (at, tag) in ids.tags.iter().enumerate() {
        if !is_tagged(c, *tag, id)? {
            untagged.push(at);
        }
    }
    let mut row_untagged = Vec::new();
    for (at, name) in entry.tags.iter().enumerate() {
        let tag = super::tags::find(c, name)?;
        if !matches!(tag, Some(tag) if is_tagged(c, tag, id)?) {
            row_untagged.push(at);
        }
    }
    let agrees = agrees(c, ids, entry, id)?;
    Ok(Current { id, email, key, values, untagged, row_untagged, agrees })
}

/// Whether the import's consent would be news about this contact: nothing is refused, and the same is not on record.
fn agrees(c: &Connection, ids: &Ids, entry: &Entry<'_>, id: i64) -> Result<bool> {
    let Some(Standing { topic, word }) = &ids.consent else { return Ok(false) };
    let contact = ContactId(id);
    let refused = consent::address_refused(c, addr(&entry.hash), *topic)?
        || consent::refused_everything(c, contact)?
        || consent::last(c, contact, topic.0)? == Some(false);
    Ok(!refused && !consent::is_last(c, contact, *topic, word)?)
}

fn is_tagged(c: &Connection, tag: i64, contact: i64) -> Result<bool> {
    let mut q = c.prepare_cached("SELECT EXISTS (SELECT 1 FROM tagged WHERE tag = ?1 AND contact = ?2)")?;
    Ok(q.query_row([tag, contact], |r| r.get(0))?)
}

/// The writing statements of one batch.
pub(in crate::contacts) struct Batch<'c> {
    c: &'c Connection,
    ids: &'c Ids,
    at: i64,
    put_contact: CachedStatement<'c>,
    put_value: CachedStatement<'c>,
    put_tag: CachedStatement<'c>,
    put_consent: CachedStatement<'c>,
    put_undo: CachedStatement<'c>,
}

impl<'c> Batch<'c> {
    pub(in crate::contacts) fn new(c: &'c Connection, ids: &'c Ids, at: Time) -> Result<Batch<'c>> {
        Ok(Batch {
            c,
            ids,
            at: at.ms(),
            put_contact: c.prepare_cached(
                "INSERT INTO contacts (id, email, addr, key, search, created, changed, import) VALUES ((SELECT max(newest_gone, coalesce((SELECT max(id) FROM contacts), 0)) + 1 FROM contact_numbers), ?1, ?2, ?3, ?4, ?5, ?5, ?6)",
            )?,
            put_value: c.prepare_cached("INSERT OR REPLACE INTO vals (attr, contact, v) VALUES (?1, ?2, ?3)")?,
            put_tag: c.prepare_cached("INSERT OR IGNORE INTO tagged (tag, contact) VALUES (?1, ?2)")?,
            put_consent: c.prepare_cached(
                "INSERT INTO consents (contact, topic, n, given, at, basis, source, wording, by, import) VALUES (?1, ?2, 1, 1, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?,
            put_undo: c.prepare_cached(
                "INSERT OR IGNORE INTO import_undo (import, contact, row, before) VALUES (?1, ?2, ?3, ?4)",
            )?,
        })
    }

    /// `refused`: this address has refused something before, perhaps the topic of this consent.
    pub(in crate::contacts) fn add(&mut self, entry: &Entry<'_>, refused: bool) -> Result<i64> {
        let key = Some(entry.key).filter(|k| !k.is_empty());
        self.put_contact.execute(params![
            entry.email,
            addr(&entry.hash),
            key,
            entry.search,
            self.at,
            self.ids.import
        ])?;
        let id = self.c.last_insert_rowid();
        for ((attribute, _), cell) in self.ids.attributes.iter().zip(&entry.cells) {
            if let crate::contacts::import::plan::Cell::Filled(value) = cell {
                self.put_value.execute(params![attribute, id, values::to_sql(value)])?;
            }
        }
        for tag in &self.ids.tags {
            self.put_tag.execute([*tag, id])?;
        }
        for name in &entry.tags {
            self.put_tag.execute([super::tags::make(self.c, name)?, id])?;
        }
        if let Some(Standing { topic, word: w }) = &self.ids.consent
            && !(refused && consent::address_refused(self.c, addr(&entry.hash), *topic)?)
        {
            self.put_consent.execute(params![id, topic.0, self.at, w.basis, w.source, w.wording, w.by, w.import])?;
        }
        self.put_undo.execute(params![self.ids.import, id, entry.row, None::<&str>])?;
        Ok(id)
    }

    pub(in crate::contacts) fn change(&mut self, entry: &Entry<'_>, now: &Current, change: &Change) -> Result<()> {
        let before = self.before(entry, now, change)?;
        for (at, value) in &change.values {
            let attribute = self.ids.attributes[*at].0;
            match value {
                Some(v) => self.put_value.execute(params![attribute, now.id, values::to_sql(v)])?,
                None => people::clear_value(self.c, attribute, now.id)?,
            };
        }
        for at in &now.untagged {
            self.put_tag.execute([self.ids.tags[*at], now.id])?;
        }
        for at in &now.row_untagged {
            self.put_tag.execute([super::tags::make(self.c, entry.tags[*at])?, now.id])?;
        }
        if let Some(standing) = self.ids.consent.as_ref().filter(|_| change.consent) {
            consent::append(self.c, ContactId(now.id), standing.topic.0, &standing.word)?;
        }
        let email = if change.email { entry.email } else { &now.email };
        let key = if change.key { Some(entry.key) } else { now.key.as_deref() };
        let hash = if change.email { Some(addr(&entry.hash)) } else { None };
        self.c
            .prepare_cached(
                "UPDATE contacts SET email = ?2, addr = coalesce(?3, addr), key = ?4, changed = ?5, import = ?6 WHERE id = ?1",
            )?
            .execute(params![now.id, email, hash, key, self.at, self.ids.import])?;
        people::search_again(self.c, now.id)?;
        self.put_undo.execute(params![self.ids.import, now.id, entry.row, before])?;
        Ok(())
    }

    fn before(&self, entry: &Entry<'_>, now: &Current, change: &Change) -> Result<String> {
        let (changed, import) = self
            .c
            .prepare_cached("SELECT changed, import FROM contacts WHERE id = ?1")?
            .query_row([now.id], |r| Ok((r.get(0)?, r.get(1)?)))?;
        let was = |at: usize| now.values[at].as_ref().map_or(serde_json::Value::Null, values::to_json);
        let mut tags: Vec<i64> = now.untagged.iter().map(|at| self.ids.tags[*at]).collect();
        for at in &now.row_untagged {
            tags.push(super::tags::make(self.c, entry.tags[*at])?);
        }
        let before = Before {
            gone: None,
            email: change.email.then(|| now.email.clone()),
            key: now.key.clone(),
            changed,
            import,
            values: change.values.iter().map(|(at, _)| (self.ids.attributes[*at].0, was(*at))).collect(),
            tags,
        };
        serde_json::to_string(&before).map_err(Error::bug)
    }

    /// Takes the contact away; its undo row holds all of it. `row` is 0 where no row of the file named it.
    pub(in crate::contacts) fn remove(&mut self, id: i64, row: u32, hash: Option<&[u8; 16]>) -> Result<()> {
        let gone = people::take_out(self.c, id, hash, Time(self.at), &self.ids.by)?;
        let before = serde_json::to_string(&Before { gone, ..Before::default() }).map_err(Error::bug)?;
        self.put_undo.execute(params![self.ids.import, id, row, before])?;
        Ok(())
    }
}

/// One thing that an import did.
pub(in crate::contacts) struct Undo {
    pub(in crate::contacts) contact: i64,
    pub(in crate::contacts) before: Option<String>,
}

pub(in crate::contacts) fn undo_rows(c: &Connection, id: ImportId, most: usize) -> Result<Vec<Undo>> {
    let mut q = c.prepare_cached("SELECT contact, before FROM import_undo WHERE import = ?1 LIMIT ?2")?;
    let rows = q.query_map(params![id.0, most as i64], |r| Ok(Undo { contact: r.get(0)?, before: r.get(1)? }))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub(in crate::contacts) fn undo_left(c: &Connection, id: ImportId) -> Result<u64> {
    let n: i64 = c.query_row("SELECT count(*) FROM import_undo WHERE import = ?1", [id.0], |r| r.get(0))?;
    Ok(n.unsigned_abs())
}

pub(in crate::contacts) fn undo_done(c: &Connection, id: ImportId, contact: i64) -> Result<()> {
    c.prepare_cached("DELETE FROM import_undo WHERE import = ?1 AND contact = ?2")?.execute([id.0, contact])?;
    Ok(())
}

/// Forgets how to undo imports older than `before`: their rows hold what people once were.
pub(in crate::contacts) fn forget_undo(c: &Connection, before: Time, most: usize) -> Result<usize> {
    Ok(c.execute(
        "DELETE FROM import_undo WHERE (import, contact) IN (SELECT u.import, u.contact FROM imports i
         CROSS JOIN import_undo u ON u.import = i.id WHERE i.at < ?1 LIMIT ?2)",
        params![before.ms(), most as i64],
    )?)
}

/// Attributes that this import made and that nobody has a value of now.
pub(in crate::contacts) fn drop_unused_attributes(c: &Connection, ids: &[i64]) -> Result<()> {
    for id in ids {
        c.execute("DELETE FROM attributes WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM vals WHERE attr = ?1)", [id])?;
    }
    Ok(())
}

pub(in crate::contacts) fn options(c: &Connection, id: ImportId) -> Result<String> {
    Ok(c.query_row("SELECT options FROM imports WHERE id = ?1", [id.0], |r| r.get(0))?)
}
