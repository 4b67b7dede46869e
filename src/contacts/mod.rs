//! Contacts: who they are, what they agreed to, and how to pick some of them.
//!
//! It is not a mailer: it never sends, and it does not know what a campaign is. It answers who somebody is
//! (`people`), who is meant (`segment`) and whether they may be written to (`refusal`).
//!
//! Reading order: `address` (the keyed hash), `value` and `attribute` (typed columns that the house defines),
//! `people`, `tag`, `import`, `export`; then `topic`, `consent`, `suppression`, `failure` (what comes back), `refusal`, `segment`.
//!
//! **Invariant:** all SQL stands in `rows/`. **Invariant:** an import never lifts a refusal.
//! **Invariant:** of an import, `new + changed + same + rejected = rows`.
//! **Invariant:** no value, address or file name in an error, a log line or an audit line.

mod address;
mod key;
mod rows;
mod schema;
#[cfg(test)]
mod tests;

pub mod attribute;
pub mod consent;
pub mod export;
pub mod failure;
pub mod import;
pub mod outcomes;
pub mod people;
pub mod reading;
pub mod refusal;
pub mod search;
pub mod segment;
pub mod suppression;
pub mod tag;
pub mod topic;
pub mod value;

pub use address::{AddressHash, address_hash};
pub use refusal::{MailKind, Refusal, may_send};
pub use schema::SCHEMA;
