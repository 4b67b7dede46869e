//! Attributes: the columns that a house gives its contacts, each with its label as typed and a key for templates.

use super::rows;
use super::value::Type;
use crate::base::Result;
use crate::store::Store;

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
}

impl Role {
    pub const ALL: [Role; 7] = [
        Role::None,
        Role::FamilyName,
        Role::GivenName,
        Role::FullName,
        Role::FamilyKana,
        Role::GivenKana,
        Role::FullKana,
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
        store.read(|c| rows::attributes::all(c))
    }

    /// By key, else by label.
    pub fn find(&self, name: &str) -> Option<&Attribute> {
        let name = name.trim();
        let by_key = self.attributes.iter().find(|a| a.key == name);
        by_key.or_else(|| self.attributes.iter().find(|a| a.label == name))
    }
}
