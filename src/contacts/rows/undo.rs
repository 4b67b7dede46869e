//! Putting contacts back as they were before an import.

use super::imports::{self, Before};
use super::people;
use crate::base::{Email, Error, Result};
use crate::contacts::import::Import;
use rusqlite::Connection;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::contacts) enum Fate {
    Restored,
    Removed,
    Kept,
}

/// Undoes up to `most` contacts, and forgets their undo rows. Empty when there are none left.
pub(in crate::contacts) fn step(
    c: &Connection,
    import: &Import,
    most: usize,
    hash: impl Fn(&Email) -> [u8; 16],
) -> Result<Vec<Fate>> {
    let mut fates = Vec::new();
    for undo in imports::undo_rows(c, import.id, most)? {
        let id = undo.contact;
        people::unsay(c, id, import.id.0)?;
        fates.push(match undo.before {
            None => unmake(c, import, id)?,
            Some(json) => {
                let before: Before = serde_json::from_str(&json).map_err(Error::bug)?;
                restore(c, import, id, before, &hash)?
            }
        });
        imports::undo_done(c, import.id, id)?;
    }
    Ok(fates)
}

/// True while the contact is as the import left it.
fn untouched(c: &Connection, import: &Import, id: i64) -> Result<bool> {
    let stamp = people::stamp(c, id)?;
    Ok(stamp.is_some_and(|(changed, by, _)| changed == import.at.ms() && by == Some(import.id.0)))
}

fn unmake(c: &Connection, import: &Import, id: i64) -> Result<Fate> {
    if !untouched(c, import, id)? || people::is_used(c, id, import.id.0)? {
        return Ok(Fate::Kept);
    }
    people::take_out(c, id, None, import.at, "")?;
    Ok(Fate::Removed)
}

fn restore(
    c: &Connection,
    import: &Import,
    id: i64,
    before: Before,
    hash: &impl Fn(&Email) -> [u8; 16],
) -> Result<Fate> {
    if let Some(whole) = &before.gone {
        return Ok(if people::put_back(c, id, whole, hash)? { Fate::Restored } else { Fate::Kept });
    }
    for tag in &before.tags {
        super::tags::take_off(c, *tag, id)?;
    }
    if !untouched(c, import, id)? {
        return Ok(Fate::Kept);
    }
    for (attribute, v) in &before.values {
        people::put_raw(c, *attribute, id, v)?;
    }
    if let Some(email) = &before.email {
        let email = Email::parse(email)?;
        people::set_email(c, id, &email, &hash(&email))?;
    }
    people::set_key(c, id, before.key.as_deref())?;
    people::set_stamp(c, id, before.changed, before.import)?;
    people::search_again(c, id)?;
    Ok(Fate::Restored)
}
