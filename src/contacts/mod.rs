//! Contacts: who they are, what they agreed to, and how to pick some of them.

mod schema;

pub use schema::SCHEMA;
