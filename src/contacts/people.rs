//! One contact: who it is, with every attribute of the house.

use super::rows;
use super::value::Value;
use crate::base::{Email, Result, Time, ids::ContactId};
use crate::store::Store;

#[derive(Clone, Debug)]
pub struct Person {
    pub id: ContactId,
    pub email: Email,
    /// The value of the identifying attribute, if the house uses one.
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

/// Everything about one contact; `None` when there is none (any more).
pub fn fields(store: &Store, id: ContactId) -> Result<Option<Person>> {
    store.read(|c| {
        let catalog = rows::attributes::all(c)?;
        rows::people::person(c, &catalog, id)
    })
}
