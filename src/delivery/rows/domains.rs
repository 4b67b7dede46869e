//! Sending domains.

use crate::base::{Domain, Email, Result, Time};
use crate::delivery::domains::Entry;
use rusqlite::{Connection, OptionalExtension, Row, params};

pub(in crate::delivery) fn save(c: &Connection, entry: &Entry, now: Time) -> Result<()> {
    c.execute(
        "INSERT INTO mail_domains (domain, return_path, reports, created) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (domain) DO UPDATE SET return_path = ?2, reports = ?3",
        params![entry.domain.as_str(), entry.return_path.as_str(), entry.reports.as_ref().map(Email::as_str), now.ms()],
    )?;
    Ok(())
}

pub(in crate::delivery) fn remove(c: &Connection, domain: &Domain) -> Result<bool> {
    Ok(c.execute("DELETE FROM mail_domains WHERE domain = ?1", [domain.as_str()])? == 1)
}

pub(in crate::delivery) fn one(c: &Connection, domain: &Domain) -> Result<Option<Entry>> {
    let mut q = c.prepare_cached("SELECT domain, return_path, reports FROM mail_domains WHERE domain = ?1")?;
    q.query_row([domain.as_str()], raw).optional()?.map(entry).transpose()
}

pub(in crate::delivery) fn all(c: &Connection) -> Result<Vec<Entry>> {
    let mut q = c.prepare_cached("SELECT domain, return_path, reports FROM mail_domains ORDER BY domain")?;
    q.query_map([], raw)?.map(|r| entry(r?)).collect()
}

type Raw = (String, String, Option<String>);

fn raw(r: &Row<'_>) -> rusqlite::Result<Raw> {
    Ok((r.get(0)?, r.get(1)?, r.get(2)?))
}

fn entry((domain, return_path, reports): Raw) -> Result<Entry> {
    let reports = reports.map(|text| Email::parse(&text)).transpose()?;
    Ok(Entry { domain: Domain::parse(&domain)?, return_path: Domain::parse(&return_path)?, reports })
}
