//! Releases: how they are signed, checked, put into a slot and tried.

pub mod bundle;
pub mod fetch;
mod generation;
pub mod history;
pub mod keys;
pub mod manifest;
pub mod notice;
pub mod plan;
mod preflight;
pub mod prepare;
mod refusal;
mod rows;
mod schema;
mod signed;
pub mod slot;
pub mod source;
mod stamp;
#[cfg(test)]
mod tests;
pub mod trust;
pub mod vendor;
mod version;

pub use schema::SCHEMA;
pub use version::Version;
