//! Tags and who carries them.

use crate::base::Result;
use crate::contacts::tag::Tag;
use rusqlite::{Connection, OptionalExtension, params};

pub(in crate::contacts) fn all(c: &Connection) -> Result<Vec<Tag>> {
    let mut q =
        c.prepare_cached("SELECT id, name, (SELECT count(*) FROM tagged WHERE tag = tags.id) FROM tags ORDER BY name")?;
    let rows = q.query_map([], |r| Ok(Tag { id: r.get(0)?, name: r.get(1)?, contacts: r.get(2)? }))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub(in crate::contacts) fn find(c: &Connection, name: &str) -> Result<Option<i64>> {
    let mut q = c.prepare_cached("SELECT id FROM tags WHERE name = ?1")?;
    Ok(q.query_row([name], |r| r.get(0)).optional()?)
}

/// The tag of this name, made if there is none.
pub(in crate::contacts) fn make(c: &Connection, name: &str) -> Result<i64> {
    if let Some(id) = find(c, name)? {
        return Ok(id);
    }
    c.prepare_cached("INSERT INTO tags (name) VALUES (?1)")?.execute([name])?;
    Ok(c.last_insert_rowid())
}

pub(in crate::contacts) fn put(c: &Connection, tag: i64, contact: i64) -> Result<bool> {
    Ok(c.prepare_cached("INSERT OR IGNORE INTO tagged (tag, contact) VALUES (?1, ?2)")?.execute([tag, contact])? > 0)
}

pub(in crate::contacts) fn take_off(c: &Connection, tag: i64, contact: i64) -> Result<bool> {
    Ok(c.prepare_cached("DELETE FROM tagged WHERE tag = ?1 AND contact = ?2")?.execute([tag, contact])? > 0)
}

pub(in crate::contacts) fn rename(c: &Connection, tag: i64, name: &str) -> Result<()> {
    c.execute("UPDATE tags SET name = ?2 WHERE id = ?1", params![tag, name])?;
    Ok(())
}

pub(in crate::contacts) fn remove(c: &Connection, tag: i64) -> Result<()> {
    c.execute("DELETE FROM tagged WHERE tag = ?1", [tag])?;
    c.execute("DELETE FROM tags WHERE id = ?1", [tag])?;
    Ok(())
}

/// The contacts of a tag, for moving them in bounded steps.
pub(in crate::contacts) fn some_of(c: &Connection, tag: i64, most: usize) -> Result<Vec<i64>> {
    let mut q = c.prepare_cached("SELECT contact FROM tagged WHERE tag = ?1 LIMIT ?2")?;
    Ok(q.query_map(params![tag, most as i64], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?)
}
