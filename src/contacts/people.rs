//! One contact, with every attribute of the house; and the list of them.

use super::address::address_hash;
use super::attribute::{Catalog, Role};
use super::value::{Misfit, Value};
use super::{key, rows, search};
use crate::base::{By, Email, Error, Result, Time, ids::ContactId, limits};
use crate::store::{Deed, Store, Tx};

#[derive(Clone, Debug)]
pub struct Person {
    pub id: ContactId,
    pub email: Email,
    /// The value of the identifying attribute, normalised, if the house uses one.
    pub key: Option<String>,
    pub created: Time,
    pub changed: Time,
    pub tags: Vec<String>,
    /// Every attribute, in the order of the catalogue; `value` is `None` where it is blank.
    pub values: Vec<Field>,
}

#[derive(Clone, Debug)]
pub struct Field {
    pub key: String,
    pub label: String,
    pub value: Option<Value>,
    pub substitute: String,
}

/// One line of the list.
#[derive(Clone, Debug)]
pub struct Seen {
    pub id: ContactId,
    pub email: String,
    pub key: Option<String>,
    pub name: String,
    pub changed: Time,
}

/// What somebody writes about one contact: attributes by key or label; a blank clears.
#[derive(Clone, Debug, Default)]
pub struct Edit {
    pub email: Option<String>,
    pub values: Vec<(String, String)>,
    pub tags: Vec<String>,
    pub tags_off: Vec<String>,
    /// The contact as its editor saw it: refused when somebody else changed it since.
    pub seen: Option<Time>,
}

/// Everything about one contact; `None` when there is none (any more).
pub fn fields(store: &Store, id: ContactId) -> Result<Option<Person>> {
    store.read(|c| {
        let catalog = rows::attributes::all(c)?;
        rows::people::person(c, &catalog, id)
    })
}

pub fn find(store: &Store, id: ContactId) -> Result<Person> {
    fields(store, id)?.ok_or_else(gone)
}

/// The contacts of one address: two may share it.
pub fn of_address(store: &Store, email: &Email) -> Result<Vec<ContactId>> {
    let hash = address_hash(store, email);
    store.read(|c| rows::people::of_address(c, &hash))
}

/// Newest first, before `before`. `text` is looked for in addresses, keys and names, however they are spelled.
pub fn list(store: &Store, text: &str, before: Option<ContactId>, most: usize) -> Result<Vec<Seen>> {
    let text = search::normalised(text.trim());
    store.read(|c| rows::people::page(c, &text, before, most.min(limits::PAGE_MAX)))
}

/// The lines of these contacts, each with its tags; who is gone has none.
pub fn lines(store: &Store, ids: &[ContactId]) -> Result<Vec<(Seen, Vec<String>)>> {
    store.read(|c| {
        let line = |id: &ContactId| match rows::people::line(c, *id)? {
            Some(seen) => Ok(Some((seen, rows::people::tags_of(c, *id)?))),
            None => Ok(None),
        };
        ids.iter().filter_map(|id| line(id).transpose()).collect()
    })
}

pub fn count(store: &Store) -> Result<u64> {
    store.read(rows::people::total)
}

/// Adds one contact by hand. Another one of the same address is refused unless the house has an identifying
/// attribute and the new one brings a value of it.
pub fn add(store: &Store, by: &By, now: Time, edit: &Edit) -> Result<ContactId> {
    let email = Email::parse(edit.email.as_deref().unwrap_or(""))?;
    let hash = address_hash(store, &email);
    store.write(by, now, "contact.add", |tx| {
        let catalog = rows::attributes::all(tx)?;
        let keyed = edit
            .values
            .iter()
            .any(|(name, text)| !text.trim().is_empty() && catalog.find(name).is_some_and(|a| a.role == Role::Key));
        if !keyed && !rows::people::of_address(tx, &hash)?.is_empty() {
            return Err(Error::conflict(say!(
                "このメールアドレスの連絡先はすでにあります。",
                "There is a contact of this address already."
            )));
        }
        let id = rows::people::add(tx, &email, &hash, now)?;
        write_fields(tx, &catalog, id, edit, now)?;
        Ok(id)
    })
}

pub fn edit(store: &Store, by: &By, now: Time, id: ContactId, edit: &Edit) -> Result<()> {
    let email = edit.email.as_deref().map(Email::parse).transpose()?;
    let email = email.map(|e| (address_hash(store, &e), e));
    store.write(by, now, Deed::new("contact.edit", id.to_string()), |tx| {
        let (changed, ..) = rows::people::stamp(tx, id.0)?.ok_or_else(gone)?;
        if edit.seen.is_some_and(|seen| seen.ms() != changed) {
            return Err(Error::conflict(say!(
                "ほかの人がこの連絡先を変更しました。",
                "Somebody else has changed this contact."
            ))
            .hint(say!("開き直して、もう一度変更してください。", "Open it again and repeat your change.")));
        }
        if let Some((hash, email)) = &email {
            rows::people::set_email(tx, id.0, email, hash)?;
        }
        let catalog = rows::attributes::all(tx)?;
        write_fields(tx, &catalog, id, edit, now)
    })
}

fn write_fields(tx: &Tx<'_>, catalog: &Catalog, id: ContactId, edit: &Edit, now: Time) -> Result<()> {
    for (name, text) in &edit.values {
        let a = catalog.find(name).ok_or_else(|| no_attribute(name))?;
        match Value::read(a.kind, text, &a.choices, false).map_err(|why| misfit(&a.label, why))? {
            Some(value) => rows::people::set_value(tx, a.id, id.0, &value)?,
            None => {
                rows::people::clear_value(tx, a.id, id.0)?;
            }
        }
        if a.role == Role::Key {
            let key = key::normalised(text);
            rows::people::set_key(tx, id.0, Some(key.as_str()).filter(|k| !k.is_empty()))?;
        }
    }
    for name in &edit.tags {
        let tag = rows::tags::make(tx, &super::tag::checked(name)?)?;
        rows::tags::put(tx, tag, id.0)?;
    }
    for name in &edit.tags_off {
        if let Some(tag) = rows::tags::find(tx, name)? {
            rows::tags::take_off(tx, tag, id.0)?;
        }
    }
    rows::people::touch(tx, id.0, now)?;
    rows::people::search_again(tx, id.0)
}

/// Removes a contact and everything personal about it, in undo rows of imports too. What it had refused stays by the
/// hash of its address, so that no import revives it.
pub fn delete(store: &Store, by: &By, now: Time, id: ContactId) -> Result<()> {
    let person = find(store, id)?;
    let hash = address_hash(store, &person.email);
    store.write(by, now, Deed::new("contact.delete", id.to_string()), |tx| {
        rows::people::take_out(tx, id.0, Some(&hash), now, &by.to_string())?.ok_or_else(gone)?;
        rows::consent::forget_contact(tx, id)?;
        rows::people::forget_undo_of(tx, id.0)
    })
}

fn gone() -> Error {
    Error::missing(say!("その連絡先はありません。", "There is no such contact."))
}

pub(super) fn no_attribute(name: &str) -> Error {
    Error::missing(say!("属性「{name}」はありません。", "There is no attribute {name}."))
        .hint(say!("hakobu contacts attribute list で一覧を見られます。", "hakobu contacts attribute list shows them."))
}

fn misfit(label: &str, why: Misfit) -> Error {
    Error::refused(match why {
        Misfit::NotNumber => say!("「{label}」は数値で書いてください。", "{label} is a number."),
        Misfit::NotDate => {
            say!("「{label}」は 2026-11-20 のような日付で書いてください。", "{label} is a date such as 2026-11-20.")
        }
        Misfit::NotBool => say!("「{label}」は はい か いいえ で書いてください。", "{label} is yes or no."),
        Misfit::NotChoice => say!("「{label}」は選択肢から選んでください。", "{label} is one of its choices."),
        Misfit::TooLong => say!("「{label}」が長すぎます。", "{label} is too long."),
    })
}
