//! What letters and results read of contacts: short reads, many times a second.

use super::attribute::Catalog;
use super::people::Person;
use super::rows;
use crate::base::{Email, Result, ids::ContactId};
use crate::store::Store;

/// As `people::fields`, with the values of these attributes alone and no tags.
pub fn picked(store: &Store, attributes: &Catalog, id: ContactId) -> Result<Option<Person>> {
    store.read(|c| rows::reading::picked(c, attributes, id))
}

/// The addresses of these contacts, in their order; `None` for whoever is gone.
pub fn emails(store: &Store, ids: &[ContactId]) -> Result<Vec<Option<Email>>> {
    store.read(|c| rows::reading::emails(c, ids))
}

/// For each of these contacts, the earlier ones with the same address: `(later, earlier)`. Most have none.
pub fn earlier_with_same_address(store: &Store, ids: &[ContactId]) -> Result<Vec<(ContactId, ContactId)>> {
    store.read(|c| rows::reading::earlier_with_same_address(c, ids))
}
