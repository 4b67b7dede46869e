//! Releases: who may sign them, how they are checked, put into a slot and made ready for the door to try.
//!
//! # Whom a house believes
//!
//! A house believes **root keys** and nobody else. Their public halves are built into the program; their private halves
//! lie offline and sign one kind of thing: the **keys document**. It says which **signing keys** sign releases today,
//! how many of them a release needs, and which keys are revoked. Signing keys sign the **manifest** of a release:
//! product, version, target, digest and size of the program, how long it may be installed, below which version nothing
//! may run afterwards. Manifest, keys document and program travel in one file, the **bundle**. Where the file comes
//! from (a forge, a bucket, a folder, a USB stick), over what connection and under what name, decides nothing.
//!
//! So a thief of one thing gets little. With the *release server*: they can withhold, until the manifest of what runs
//! has expired and the house says so. With *one signing key* where two are needed: nothing. With *enough signing keys*:
//! houses that update before the theft is found; then the root revokes the keys in the next release's keys document, and
//! every house that has seen it refuses the thief's releases, whatever version they claim. With *one root* where two
//! are needed: nothing. With *enough roots*: everything; that is why they are offline, and why there can be several.
//!
//! A house remembers three things, and each only rises: the highest keys document it has seen, the version it runs (an
//! update never goes down), and the minimum version, which a release raises only after it has proved itself. A version
//! that was merely *seen* is not remembered, so an absurd one blocks nothing.
//!
//! # The way of a release
//!
//! `fetch` (self_update lists and downloads, bounded in size and pace; or somebody brings a file) → `bundle::Head` (two
//! documents, stored, in the one way we write them) → `keys` (enough roots?) → `plan::judge_keys` → `manifest` (enough
//! signing keys?) → `plan::judge` → every byte of the body against the signed digest → only now a decompressor, and
//! only now a file that could run: `slot` fills `DATA/slots/VERSION` beside its place and names it by a rename →
//! `preflight` runs the new program on a copy of the data → `generation` keeps a copy for people → an order for the
//! door's trial. `prepare` is that walk; `history` keeps what became of it. `vendor` is the other side: it makes keys and
//! packs, and no house calls it.
//!
//! Reading order: this page, `version`, `signed`, `keys`, `manifest`, `bundle`, `plan` (with `refusal`, its sentences),
//! `trust`, `slot`, `source`, `fetch`, `offer`, `preflight`, `generation`, `prepare`, `history`, `vendor`.
//!
//! It is not the switch: the door tries, watches, commits and goes back. It is not a backup.
//!
//! **Invariant:** without a root key built in, nothing is ever accepted.
//! **Invariant:** before every check has passed, not one byte of a release stands in a slot; what is taken in meanwhile
//! is a file without a name.
//! **Invariant:** no bit of a bundle is free: what differs from what was signed, or from how we write it, is refused.
//! **Invariant:** nothing that nobody signed meets a decompressor.

pub mod bundle;
pub mod fetch;
mod generation;
pub mod history;
pub mod keys;
pub mod manifest;
pub mod notice;
pub mod offer;
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
pub mod start;
#[cfg(test)]
mod tests;
pub mod trust;
pub mod vendor;
mod version;

pub use schema::SCHEMA;
pub use version::Version;
