//! The ground floor: what every room stands on, and nothing that knows a room.
//!
//! Read in this order: `lang` (a sentence in two languages), `error` (the one error type), `clock` (time as a
//! value), `ids`, `by` (who acts), `build` (what this program is), `email` and `domain` (parsed once), `secret` and
//! `seal` (bytes that must not leak, and how they are sealed), `spool` (files in sealed chunks), `files`, `lock`, `provider` (where the root key
//! comes from), `limits` (every bound, by name), `progress` (how long work talks), `resolve` (names of hosts), `names` (what DNS
//! publishes), `slots` (the kept programs), `run` (where sockets stand), `frames` (the control socket's language), `link` (what door and
//! worker say to each other), `mailway` (a connection that brings mail), `log`.
//!
//! **Invariant:** imports no other room. **Invariant:** the wall clock is read in `clock.rs` alone.

#[macro_use]
pub mod lang;

pub mod build;
pub mod by;
pub mod clock;
pub mod domain;
pub mod email;
pub mod error;
pub mod files;
pub mod frames;
pub mod ids;
pub mod limits;
pub mod link;
pub mod lock;
pub mod log;
pub mod mailway;
pub mod names;
pub mod progress;
pub mod provider;
pub mod resolve;
pub mod run;
pub mod seal;
pub mod secret;
pub mod slots;
pub mod smtp;
pub mod spool;

pub use build::Build;
pub use by::By;
pub use clock::Time;
pub use domain::Domain;
pub use email::Email;
pub use error::{Error, Kind, Result};
pub use lang::{Lang, Say};
pub use lock::Lock;
pub use progress::Progress;
pub use secret::Secret;
