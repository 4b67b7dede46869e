//! The audit chain: one line per write, each holding the keyed hash of itself and of the line before.
//!
//! The head is read from the table inside the writing transaction, never kept in memory. A line names who, when
//! and what by ids; personal data does not belong in it.

use crate::base::{By, Error, Result, Time, seal::Key};
use rusqlite::{Connection, OptionalExtension, params};

pub(super) const SCHEMA: &str = "CREATE TABLE audit (
    n INTEGER PRIMARY KEY, at INTEGER NOT NULL, by TEXT NOT NULL, what TEXT NOT NULL, about TEXT NOT NULL,
    hash BLOB NOT NULL) STRICT;";

/// What a write does: a fixed event name and the ids it is about.
#[derive(Clone, Debug)]
pub struct Deed {
    pub what: &'static str,
    pub about: String,
}

impl Deed {
    pub fn new(what: &'static str, about: impl Into<String>) -> Deed {
        Deed { what, about: about.into() }
    }
}

impl From<&'static str> for Deed {
    fn from(what: &'static str) -> Deed {
        Deed::new(what, "")
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditLine {
    pub n: i64,
    pub at: Time,
    pub by: String,
    pub what: String,
    pub about: String,
    pub hash: Vec<u8>,
}

pub(super) fn append(c: &Connection, key: &Key, by: &By, now: Time, deed: &Deed) -> Result<()> {
    let (last, head) = c
        .prepare_cached("SELECT n, hash FROM audit ORDER BY n DESC LIMIT 1")?
        .query_row([], |r| Ok((r.get::<_, i64>(0)?, r.get::<_, Vec<u8>>(1)?)))
        .optional()?
        .unwrap_or((0, Vec::new()));
    let (n, by) = (last + 1, by.to_string());
    let hash = link(key, n, now, &by, deed.what, &deed.about, &head);
    c.prepare_cached("INSERT INTO audit (n, at, by, what, about, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
        .execute(params![n, now.ms(), by, deed.what, deed.about, hash])?;
    Ok(())
}

fn link(key: &Key, n: i64, at: Time, by: &str, what: &str, about: &str, before: &[u8]) -> [u8; 32] {
    key.mac(&[&n.to_be_bytes(), &at.ms().to_be_bytes(), by.as_bytes(), what.as_bytes(), about.as_bytes(), before])
}

fn row(r: &rusqlite::Row<'_>) -> rusqlite::Result<AuditLine> {
    Ok(AuditLine {
        n: r.get(0)?,
        at: Time(r.get(1)?),
        by: r.get(2)?,
        what: r.get(3)?,
        about: r.get(4)?,
        hash: r.get(5)?,
    })
}

const COLUMNS: &str = "SELECT n, at, by, what, about, hash FROM audit";

pub(super) fn lines(c: &Connection, after: i64, most: usize) -> Result<Vec<AuditLine>> {
    let mut q = c.prepare_cached(&format!("{COLUMNS} WHERE n > ?1 ORDER BY n LIMIT ?2"))?;
    let rows = q.query_map(params![after, most as i64], row)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn newest(c: &Connection, before: Option<i64>, most: usize) -> Result<Vec<AuditLine>> {
    let mut q = c.prepare_cached(&format!("{COLUMNS} WHERE n < ?1 ORDER BY n DESC LIMIT ?2"))?;
    let rows = q.query_map(params![before.unwrap_or(i64::MAX), most as i64], row)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn verify(c: &Connection, key: &Key) -> Result<i64> {
    let mut q = c.prepare(&format!("{COLUMNS} ORDER BY n"))?;
    let (mut n, mut head) = (0, Vec::new());
    for line in q.query_map([], row)? {
        let line = line?;
        n += 1;
        let fits = line.n == n && line.hash == link(key, n, line.at, &line.by, &line.what, &line.about, &head);
        if !fits {
            return Err(Error::damaged(say!(
                "監査記録の {n} 行目が前の行とつながりません。",
                "Audit line {n} does not fit the line before it."
            )));
        }
        head = line.hash;
    }
    Ok(n)
}
