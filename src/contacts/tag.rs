//! Tags: words that the house sticks on contacts. They never carry consent.

use super::rows;
use crate::base::{By, Error, Result, Time, ids::ContactId, limits};
use crate::store::{Deed, Store};

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Tag {
    #[serde(skip)]
    pub id: i64,
    #[serde(rename = "tag")]
    pub name: String,
    pub contacts: i64,
}

/// All tags by name, each with how many contacts carry it.
pub fn list(store: &Store) -> Result<Vec<Tag>> {
    store.read(rows::tags::all)
}

/// A tag as it is stored: trimmed, in one line, without the signs that part tags in a file.
pub(super) fn checked(name: &str) -> Result<String> {
    let name = name.trim();
    let most = limits::LABEL_MAX;
    let bad = name.is_empty()
        || name.chars().count() > most
        || name.chars().any(|c| c.is_control() || matches!(c, ';' | '；' | '、' | ',' | '，' | '|'));
    match bad {
        false => Ok(name.to_owned()),
        true => Err(Error::refused(say!("タグの名前が正しくありません。", "This cannot be a tag.")).hint(say!(
            "{most} 文字まで、「,」「;」「、」「|」を含まない 1 行で書いてください。",
            "One line of at most {most} characters, without , ; 、 or |."
        ))),
    }
}

/// Puts the tag on these contacts; on how many of them it was not before.
pub fn add(store: &Store, by: &By, now: Time, name: &str, contacts: &[ContactId]) -> Result<u64> {
    let name = checked(name)?;
    in_steps(store, by, now, "tag.add", contacts, |tx, id| {
        let tag = rows::tags::make(tx, &name)?;
        let put = rows::people::stamp(tx, id.0)?.is_some() && rows::tags::put(tx, tag, id.0)?;
        if put {
            rows::people::touch(tx, id.0, now)?;
        }
        Ok(put)
    })
}

/// Takes the tag off these contacts; off how many.
pub fn take_off(store: &Store, by: &By, now: Time, name: &str, contacts: &[ContactId]) -> Result<u64> {
    let tag = find(store, name)?;
    in_steps(store, by, now, "tag.take_off", contacts, |tx, id| {
        let took = rows::tags::take_off(tx, tag, id.0)?;
        if took {
            rows::people::touch(tx, id.0, now)?;
        }
        Ok(took)
    })
}

fn in_steps(
    store: &Store,
    by: &By,
    now: Time,
    what: &'static str,
    contacts: &[ContactId],
    each: impl Fn(&crate::store::Tx<'_>, ContactId) -> Result<bool>,
) -> Result<u64> {
    let mut count = 0;
    for some in contacts.chunks(limits::PAGE_MAX) {
        count += store.write(by, now, Deed::new(what, format!("contacts:{}", some.len())), |tx| {
            some.iter().try_fold(0, |n, id| Ok(n + u64::from(each(tx, *id)?)))
        })?;
    }
    Ok(count)
}

/// Gives a tag another name. Where that name exists already, the two become one.
pub fn rename(store: &Store, by: &By, now: Time, from: &str, to: &str) -> Result<()> {
    let (tag, to) = (find(store, from)?, checked(to)?);
    let Some(other) = store.read(|c| rows::tags::find(c, &to))?.filter(|o| *o != tag) else {
        let deed = Deed::new("tag.rename", tag.to_string());
        return store.write(by, now, deed, |tx| rows::tags::rename(tx, tag, &to));
    };
    loop {
        let deed = Deed::new("tag.join", format!("{tag}>{other}"));
        let moved = store.write(by, now, deed, |tx| {
            let some = rows::tags::some_of(tx, tag, limits::IMPORT_BATCH)?;
            for contact in &some {
                rows::tags::put(tx, other, *contact)?;
                rows::tags::take_off(tx, tag, *contact)?;
            }
            Ok(some.len())
        })?;
        if moved == 0 {
            return store.write(by, now, Deed::new("tag.remove", tag.to_string()), |tx| rows::tags::remove(tx, tag));
        }
    }
}

/// Takes a tag off everybody and out of the list.
pub fn remove(store: &Store, by: &By, now: Time, name: &str) -> Result<()> {
    let tag = find(store, name)?;
    loop {
        let off = store.write(by, now, Deed::new("tag.remove", tag.to_string()), |tx| {
            let some = rows::tags::some_of(tx, tag, limits::IMPORT_BATCH)?;
            some.iter().try_for_each(|contact| rows::tags::take_off(tx, tag, *contact).map(|_| ()))?;
            if some.is_empty() {
                rows::tags::remove(tx, tag)?;
            }
            Ok(some.len())
        })?;
        if off == 0 {
            return Ok(());
        }
    }
}

fn find(store: &Store, name: &str) -> Result<i64> {
    let found = store.read(|c| rows::tags::find(c, name.trim()))?;
    found.ok_or_else(|| Error::missing(say!("そのタグはありません。", "There is no such tag.")))
}
