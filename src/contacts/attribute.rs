//! Attributes: the columns that a house gives its contacts, each with its label as typed and a key for templates.

use super::value::Type;
use super::{key, rows};
use crate::base::{By, Error, Result, Time, limits};
use crate::store::{Deed, Store};
use std::collections::HashMap;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    pub id: i64,
    /// Valid in a template: `お名前_漢字`, `_2回目`.
    pub key: String,
    /// As typed: `お名前（漢字）`, `2回目`.
    pub label: String,
    pub kind: Type,
    pub choices: Vec<String>,
    /// Stands in a mail where a contact's value is blank.
    pub substitute: String,
    pub role: Role,
}

/// What the house knows an attribute to be; names make up the search key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    None,
    FamilyName,
    GivenName,
    FullName,
    FamilyKana,
    GivenKana,
    FullKana,
    /// Identifies a contact (会員番号): its values are unique, normalised in `contacts.key`.
    Key,
}

impl Role {
    pub const ALL: [Role; 8] = [
        Role::None,
        Role::FamilyName,
        Role::GivenName,
        Role::FullName,
        Role::FamilyKana,
        Role::GivenKana,
        Role::FullKana,
        Role::Key,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Role::None => "",
            Role::FamilyName => "family_name",
            Role::GivenName => "given_name",
            Role::FullName => "full_name",
            Role::FamilyKana => "family_kana",
            Role::GivenKana => "given_kana",
            Role::FullKana => "full_kana",
            Role::Key => "key",
        }
    }

    pub(super) fn parse(name: &str) -> Role {
        Role::ALL.into_iter().find(|r| r.name() == name).unwrap_or(Role::None)
    }
}

/// Every attribute of the house, in the order they were made.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    pub attributes: Vec<Attribute>,
}

impl Catalog {
    pub fn read(store: &Store) -> Result<Catalog> {
        store.read(rows::attributes::all)
    }

    /// By key, else by label.
    pub fn find(&self, name: &str) -> Option<&Attribute> {
        let name = name.trim();
        let by_key = self.attributes.iter().find(|a| a.key == name);
        by_key.or_else(|| self.attributes.iter().find(|a| a.label == name))
    }
}

/// What can be said about an attribute; what is `None` stays (or gets its default in a new one).
#[derive(Clone, Debug, Default)]
pub struct Change {
    pub label: Option<String>,
    pub key: Option<String>,
    pub kind: Option<Type>,
    pub choices: Option<Vec<String>>,
    pub substitute: Option<String>,
}

/// Makes an attribute of this label; text unless said otherwise.
pub fn create(store: &Store, by: &By, now: Time, label: &str, change: &Change) -> Result<Attribute> {
    store.write(by, now, "attribute.create", |tx| {
        let catalog = rows::attributes::all(tx)?;
        let most = limits::ATTRIBUTES_MAX;
        if catalog.attributes.len() >= most {
            return Err(Error::refused(say!("属性は {most} 個までです。", "A house has at most {most} attributes.")));
        }
        let taken = |k: &str| catalog.attributes.iter().any(|a| a.key == k || a.label == k);
        let blank = Attribute {
            id: 0,
            key: key::from_label(label, taken),
            label: String::new(),
            kind: Type::Text,
            choices: Vec::new(),
            substitute: String::new(),
            role: Role::None,
        };
        let change = Change { label: Some(label.to_owned()), ..change.clone() };
        let mut made = changed(&catalog, &blank, &change)?;
        let new = rows::attributes::New {
            key: &made.key,
            label: &made.label,
            kind: made.kind,
            choices: &made.choices,
            role: made.role,
        };
        made.id = rows::attributes::create(tx, &new, now)?;
        rows::attributes::update(tx, &made)?;
        Ok(made)
    })
}

/// Changes an attribute. Its type changes only while nobody has a value of it.
pub fn update(store: &Store, by: &By, now: Time, name: &str, change: &Change) -> Result<Attribute> {
    store.write(by, now, "attribute.update", |tx| {
        let catalog = rows::attributes::all(tx)?;
        let old = catalog.find(name).ok_or_else(|| super::people::no_attribute(name))?;
        let new = changed(&catalog, old, change)?;
        if new.kind != old.kind && rows::attributes::is_used(tx, old.id)? {
            return Err(Error::conflict(say!(
                "値のある属性の型は変えられません。",
                "The type of an attribute that has values cannot be changed."
            ))
            .hint(say!(
                "新しい属性を作り、その型で取り込み直してください。",
                "Make a new attribute and import into that."
            )));
        }
        rows::attributes::update(tx, &new)?;
        Ok(new)
    })
}

fn changed(catalog: &Catalog, old: &Attribute, change: &Change) -> Result<Attribute> {
    let mut new = old.clone();
    if let Some(label) = &change.label {
        new.label = checked_label(label)?;
    }
    if let Some(key) = &change.key {
        new.key.clone_from(key);
    }
    if let Some(kind) = change.kind {
        new.kind = kind;
    }
    if let Some(choices) = &change.choices {
        new.choices = choices.iter().map(|c| c.trim().to_owned()).filter(|c| !c.is_empty()).collect();
    }
    if let Some(substitute) = &change.substitute {
        new.substitute.clone_from(substitute);
    }
    let others = || catalog.attributes.iter().filter(|a| a.id != old.id);
    if !key::is_valid(&new.key) {
        return Err(Error::refused(say!("その名前は差し込みに使えません。", "That key is no name in a template."))
            .hint(say!(
                "文字、数字、_ だけで、数字以外から始めてください。",
                "Letters, digits and _, not beginning with a digit."
            )));
    }
    if others().any(|a| a.key == new.key || a.label == new.label) {
        return Err(Error::conflict(say!("同じ名前の属性があります。", "There is an attribute of that name.")));
    }
    let most = limits::CHOICES_MAX;
    if new.choices.len() > most {
        return Err(Error::refused(say!("選択肢は {most} 個までです。", "At most {most} choices.")));
    }
    Ok(new)
}

fn checked_label(label: &str) -> Result<String> {
    let (label, most) = (label.trim(), limits::LABEL_MAX);
    match label.is_empty() || label.chars().count() > most || label.chars().any(char::is_control) {
        false => Ok(label.to_owned()),
        true => Err(Error::refused(say!(
            "属性の名前は {most} 文字までの 1 行です。",
            "The name of an attribute is one line of at most {most} characters."
        ))),
    }
}

/// Removes an attribute and everybody's value of it, in bounded steps.
pub fn remove(store: &Store, by: &By, now: Time, name: &str) -> Result<()> {
    let catalog = Catalog::read(store)?;
    let found = catalog.find(name).ok_or_else(|| super::people::no_attribute(name))?;
    if found.role == Role::Key {
        return Err(Error::refused(say!(
            "連絡先を識別する属性は削除できません。",
            "The attribute that identifies contacts cannot be removed."
        )));
    }
    loop {
        let deed = Deed::new("attribute.remove", found.id.to_string());
        let cleared = store.write(by, now, deed, |tx| {
            let n = rows::attributes::clear_some(tx, found.id, limits::IMPORT_BATCH * 4)?;
            if n == 0 {
                rows::attributes::remove(tx, found.id)?;
            }
            Ok(n)
        })?;
        if cleared == 0 {
            return Ok(());
        }
    }
}

/// Makes this attribute the one that identifies contacts, and its values their keys.
pub(super) fn identify_by(store: &Store, by: &By, now: Time, id: i64) -> Result<()> {
    let catalog = Catalog::read(store)?;
    let Some(found) = catalog.attributes.iter().find(|a| a.id == id && a.role != Role::Key) else { return Ok(()) };
    keys_of(store, id)?; // refuses values that two contacts share, before anything is written
    let mut after = 0;
    loop {
        let some = store.read(|c| rows::people::with_value(c, id, after, limits::PAGE_MAX))?;
        let Some((last, _)) = some.last() else { break };
        after = *last;
        store.write(by, now, Deed::new("attribute.identify", id.to_string()), |tx| {
            for (contact, text) in &some {
                let key = key::normalised(text);
                rows::people::set_key(tx, *contact, Some(key.as_str()).filter(|k| !k.is_empty()))?;
                rows::people::search_again(tx, *contact)?;
            }
            Ok(())
        })?;
    }
    let role = Attribute { role: Role::Key, ..found.clone() };
    store.write(by, now, Deed::new("attribute.identify", id.to_string()), |tx| rows::attributes::update(tx, &role))
}

/// The keys that contacts would have by this attribute.
pub(super) fn keys_of(store: &Store, id: i64) -> Result<HashMap<String, i64>> {
    let (mut keys, mut after, mut shared) = (HashMap::new(), 0, 0u64);
    loop {
        let some = store.read(|c| rows::people::with_value(c, id, after, limits::PAGE_MAX))?;
        let Some((last, _)) = some.last() else { break };
        after = *last;
        for (contact, text) in some {
            let key = key::normalised(&text);
            shared += u64::from(!key.is_empty() && keys.insert(key, contact).is_some());
        }
    }
    match shared {
        0 => Ok(keys),
        _ => Err(Error::conflict(say!(
            "この属性では連絡先を識別できません。同じ値の連絡先が {shared} 件あります。",
            "This attribute does not identify contacts: {shared} of them share a value."
        ))),
    }
}

pub(super) fn another_key(label: &str) -> Error {
    Error::conflict(say!(
        "連絡先はすでに「{label}」で識別されています。",
        "Contacts are identified by {label} already."
    ))
    .hint(say!("--key に「{label}」を指定してください。", "Give --key {label}."))
}

impl Attribute {
    /// The type's name, for people.
    pub fn kind_label(&self) -> crate::base::lang::Say {
        match self.kind {
            Type::Text => say!("文字", "text"),
            Type::Number => say!("数値", "number"),
            Type::Date => say!("日付", "date"),
            Type::Bool => say!("はい／いいえ", "yes/no"),
            Type::Choice => say!("選択", "choice"),
            Type::Multi => say!("複数選択", "several choices"),
        }
    }
}
