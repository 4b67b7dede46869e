//! Releases: how they are signed, checked, put into a slot and tried.

pub mod bundle;
pub mod change;
pub mod keys;
pub mod manifest;
pub mod notice;
pub mod plan;
mod refusal;
mod signed;
pub mod slot;
mod stamp;
#[cfg(test)]
mod tests;
pub mod trust;
pub mod vendor;
mod version;

pub use version::Version;
