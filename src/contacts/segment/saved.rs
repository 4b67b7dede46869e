//! Segments kept under a name. What is kept is the text: it is read again, with the names of that day, when used.

use super::{Segment, Words};
use crate::base::{By, Error, Result, Time, ids::SegmentId};
use crate::contacts::rows::segment as rows;
use crate::store::{Deed, Store};

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Saved {
    #[serde(rename = "segment")]
    pub id: SegmentId,
    pub name: String,
    pub text: String,
    #[serde(skip)]
    pub created: Time,
    #[serde(skip)]
    pub changed: Time,
}

pub fn list(store: &Store) -> Result<Vec<Saved>> {
    store.read(rows::list)
}

/// By id (`g3`) or by name.
pub fn load(store: &Store, which: &str) -> Result<Saved> {
    store.read(|c| rows::find(c, which))?.ok_or_else(unknown)
}

/// The conditions that somebody means: as they stand, or those of the saved segment of that name or id.
pub fn meant(store: &Store, text: &str) -> Result<String> {
    let Err(mistake) = super::read(store, text) else { return Ok(text.to_owned()) };
    match store.read(|c| rows::find(c, text.trim()))? {
        Some(saved) => Ok(saved.text),
        None => Err(mistake),
    }
}

fn unknown() -> Error {
    Error::missing(say!("その絞り込みはありません。", "There is no such segment."))
        .hint(say!("一覧: hakobu segment list", "The list: hakobu segment list"))
}

/// Makes a segment, or changes the one of that name; a text that makes no sense is refused.
pub fn save(store: &Store, by: &By, now: Time, name: &str, text: &str) -> Result<Saved> {
    let name = name_of(name)?;
    let text = Segment::parse(text, &Words::read(store)?)?.text().to_owned();
    store.write(by, now, Deed::from("segment.save"), |tx| {
        match rows::by_name(tx, name)? {
            Some(old) => rows::update(tx, old.id, name, &text, now)?,
            None => {
                rows::insert(tx, name, &text, now)?;
            }
        }
        rows::by_name(tx, name)?.ok_or_else(unknown)
    })
}

/// Gives a saved segment another name and text.
pub fn change(store: &Store, by: &By, now: Time, id: SegmentId, name: &str, text: &str) -> Result<Saved> {
    let name = name_of(name)?;
    let text = Segment::parse(text, &Words::read(store)?)?.text().to_owned();
    store.write(by, now, Deed::new("segment.save", id.to_string()), |tx| {
        if rows::by_name(tx, name)?.is_some_and(|other| other.id != id) {
            return Err(Error::conflict(say!(
                "同じ名前の絞り込みがあります。",
                "There is a segment of this name already."
            )));
        }
        rows::update(tx, id, name, &text, now)?;
        rows::by_name(tx, name)?.ok_or_else(unknown)
    })
}

fn name_of(name: &str) -> Result<&str> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > NAME || SegmentId::parse(name).is_ok() {
        return Err(Error::refused(say!(
            "絞り込みの名前は 1〜{NAME} 文字で、番号の形（g3）でないものにします。",
            "A segment's name has 1 to {NAME} characters and does not look like an id (g3)."
        )));
    }
    Ok(name)
}

pub fn delete(store: &Store, by: &By, now: Time, which: &str) -> Result<Saved> {
    let saved = load(store, which)?;
    store.write(by, now, Deed::new("segment.delete", saved.id.to_string()), |tx| {
        match rows::delete(tx, saved.id)? {
            true => Ok(()),
            false => Err(unknown()),
        }
    })?;
    Ok(saved)
}

const NAME: usize = 100;
