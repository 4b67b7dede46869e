//! Urgent messages.

use crate::base::{Email, Result, Time, ids::MessageId};
use crate::delivery::messages::{Due, Message, Progress};
use crate::delivery::row::unreadable;
use crate::delivery::{Letter, State};
use rusqlite::{Connection, OptionalExtension, params};

/// The message of this key, and the digest of what was asked under it.
pub(in crate::delivery) fn by_key(c: &Connection, key: &str) -> Result<Option<(MessageId, Vec<u8>)>> {
    let mut q = c.prepare_cached("SELECT id, digest FROM messages WHERE key = ?1")?;
    Ok(q.query_row([key], |r| Ok((MessageId(r.get(0)?), r.get(1)?))).optional()?)
}

pub(in crate::delivery) fn insert(
    c: &Connection,
    (key, digest): (&str, &[u8]),
    letter: &Letter,
    now: Time,
) -> Result<MessageId> {
    c.prepare_cached(
        "INSERT INTO messages (key, digest, sender, recipient, mail, state, attempts, code, said, accepted, at, next)
         VALUES (?1, ?2, ?3, ?4, ?5, 'queued', 0, 0, '', ?6, ?6, ?6)",
    )?
    .execute(params![key, digest, letter.from.as_str(), letter.to.as_str(), letter.message, now.ms()])?;
    Ok(MessageId(c.last_insert_rowid()))
}

pub(in crate::delivery) fn one(c: &Connection, id: MessageId) -> Result<Option<Message>> {
    let sql = "SELECT state, attempts, code, said, at, next, accepted FROM messages WHERE id = ?1";
    let found = c.prepare_cached(sql)?.query_row([id.0], |r| {
        let name: String = r.get(0)?;
        let (attempts, code, said) = (r.get(1)?, r.get(2)?, r.get(3)?);
        let (at, next) = (Time(r.get(4)?), r.get::<_, Option<i64>>(5)?.map(Time));
        let progress = |state| Progress { state, attempts, code, said, at, next };
        Ok((State::parse(&name).map(progress), Time(r.get(6)?)))
    });
    let Some((progress, accepted_at)) = found.optional()? else { return Ok(None) };
    Ok(Some(Message { id, progress: progress.ok_or_else(unreadable)?, accepted_at }))
}

/// Those that are due, the longest waiting first.
pub(in crate::delivery) fn due(c: &Connection, now: Time, most: usize) -> Result<Vec<Due>> {
    let sql = "SELECT id, sender, recipient, mail, attempts, accepted FROM messages
               WHERE next IS NOT NULL AND next <= ?1 ORDER BY next LIMIT ?2";
    let mut q = c.prepare_cached(sql)?;
    let rows = q.query_map(params![now.ms(), most as i64], |r| {
        let letter: (String, String, Vec<u8>) = (r.get(1)?, r.get(2)?, r.get(3)?);
        Ok((MessageId(r.get(0)?), letter, r.get(4)?, Time(r.get(5)?)))
    })?;
    rows.map(|row| {
        let (id, (from, to, message), attempts, accepted) = row?;
        let letter = Letter { from: Email::parse(&from)?, to: Email::parse(&to)?, message };
        Ok(Due { id, letter, attempts, accepted })
    })
    .collect()
}

pub(in crate::delivery) fn start(c: &Connection, id: MessageId, now: Time) -> Result<()> {
    c.prepare_cached("UPDATE messages SET state = 'sending', next = NULL, at = ?2 WHERE id = ?1")?
        .execute(params![id.0, now.ms()])?;
    Ok(())
}

/// As it is from now on. Mail and address go with the last word on them.
pub(in crate::delivery) fn settle(c: &Connection, id: MessageId, p: &Progress) -> Result<()> {
    c.prepare_cached(
        "UPDATE messages SET state = ?2, attempts = ?3, code = ?4, said = ?5, at = ?6, next = ?7,
                recipient = CASE WHEN ?7 IS NULL THEN '' ELSE recipient END,
                mail = CASE WHEN ?7 IS NULL THEN x'' ELSE mail END
         WHERE id = ?1",
    )?
    .execute(params![id.0, p.state.name(), p.attempts, p.code, p.said, p.at.ms(), p.next.map(Time::ms)])?;
    Ok(())
}

/// Whatever is on the wire without anybody who sends it.
pub(in crate::delivery) fn in_doubt(c: &Connection, now: Time) -> Result<u64> {
    let sql = "UPDATE messages SET state = 'in_doubt', at = ?1, recipient = '', mail = x'' WHERE state = 'sending'";
    Ok(c.execute(sql, [now.ms()])? as u64)
}
