//! Key pairs of DKIM. Private keys come and go sealed.

use crate::base::{Domain, Result, Time};
use crate::delivery::dkim::{Pair, State};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// A pair that was just made.
pub(in crate::delivery) struct New<'a> {
    pub(in crate::delivery) domain: &'a Domain,
    pub(in crate::delivery) stem: &'a str,
    /// Sealed.
    pub(in crate::delivery) private: [&'a [u8]; 2],
    /// What `p=` says.
    pub(in crate::delivery) public: [&'a str; 2],
}

pub(in crate::delivery) fn insert(c: &Connection, new: &New<'_>, now: Time) -> Result<i64> {
    let [rsa, ed] = new.private;
    c.execute(
        "INSERT INTO dkim_pairs (domain, stem, state, rsa, ed25519, rsa_public, ed25519_public, made)
         VALUES (?1, ?2, 'waiting', ?3, ?4, ?5, ?6, ?7)",
        params![new.domain.as_str(), new.stem, rsa, ed, new.public[0], new.public[1], now.ms()],
    )?;
    Ok(c.last_insert_rowid())
}

/// The domain's pairs, the oldest first.
pub(in crate::delivery) fn of(c: &Connection, domain: &Domain) -> Result<Vec<Pair>> {
    let sql = format!("SELECT {COLUMNS} FROM dkim_pairs WHERE domain = ?1 ORDER BY id");
    c.prepare_cached(&sql)?.query_map([domain.as_str()], raw)?.map(|r| pair(r?)).collect()
}

pub(in crate::delivery) fn all(c: &Connection) -> Result<Vec<Pair>> {
    let sql = format!("SELECT {COLUMNS} FROM dkim_pairs ORDER BY domain, id");
    c.prepare_cached(&sql)?.query_map([], raw)?.map(|r| pair(r?)).collect()
}

/// The pair that signs: its number, stem and sealed keys.
pub(in crate::delivery) type Active = (i64, String, [Vec<u8>; 2]);

/// Of exactly this domain.
pub(in crate::delivery) fn active(c: &Connection, domain: &str) -> Result<Option<Active>> {
    let sql = "SELECT id, stem, rsa, ed25519 FROM dkim_pairs WHERE domain = ?1 AND state = 'active' ORDER BY id DESC";
    let mut q = c.prepare_cached(sql)?;
    Ok(q.query_row([domain], |r| Ok((r.get(0)?, r.get(1)?, [r.get(2)?, r.get(3)?]))).optional()?)
}

pub(in crate::delivery) fn activate(c: &Connection, id: i64, now: Time) -> Result<()> {
    c.execute("UPDATE dkim_pairs SET state = 'active', since = ?2 WHERE id = ?1", params![id, now.ms()])?;
    Ok(())
}

pub(in crate::delivery) fn retire(c: &Connection, id: i64, until: Time) -> Result<()> {
    c.execute("UPDATE dkim_pairs SET state = 'retiring', until = ?2 WHERE id = ?1", params![id, until.ms()])?;
    Ok(())
}

/// The private keys are gone with it.
pub(in crate::delivery) fn remove(c: &Connection, id: i64) -> Result<()> {
    c.execute("UPDATE dkim_pairs SET state = 'gone', rsa = x'', ed25519 = x'' WHERE id = ?1", [id])?;
    Ok(())
}

const COLUMNS: &str = "id, domain, stem, state, rsa_public, ed25519_public, made, since, until";

type Raw = (i64, [String; 5], [Option<i64>; 3]);

fn raw(r: &Row<'_>) -> rusqlite::Result<Raw> {
    let texts = [r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?, r.get(5)?];
    Ok((r.get(0)?, texts, [r.get(6)?, r.get(7)?, r.get(8)?]))
}

fn pair((id, [domain, stem, state, rsa, ed], [made, since, until]): Raw) -> Result<Pair> {
    Ok(Pair {
        id,
        domain: Domain::parse(&domain)?,
        stem,
        state: State::parse(&state)?,
        public: [rsa, ed],
        made: Time(made.unwrap_or_default()),
        since: since.map(Time),
        until: until.map(Time),
    })
}
