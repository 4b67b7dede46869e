//! Tags: words that the house sticks on contacts. They never carry consent.

use super::rows;
use crate::base::Result;
use crate::store::Store;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    pub id: i64,
    pub name: String,
    pub contacts: i64,
}

/// All tags by name, each with how many contacts carry it.
pub fn list(store: &Store) -> Result<Vec<Tag>> {
    store.read(|c| rows::tags::all(c))
}
