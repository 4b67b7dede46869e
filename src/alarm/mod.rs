//! The one mail that must leave when all else is down: the worker is dead, the disk fails, the door itself was
//! restarted. It needs no worker, no books and no running Hakobu: only one sealed file, which the house writes whenever
//! the relay or the alarm address changes, and the *door key*, which opens it.
//!
//! It is not monitoring (what is probed, and when that counts as down) and not a queue: an alarm that cannot leave is
//! tried again by whoever rang, for as long as that process lives, and its count goes with the next one.
//!
//! Flow: `event` (what happened, in words) → `plan` (mail it now, or count it) → `mail` (one conversation with the
//! relay) → `log` (what became of it). `bell` does this in a thread of its own for a process that must not wait (the
//! door); `ring` does it here and now (the command line).
//!
//! **Invariant:** no personal data in a mail or in the log: what, when, how often, and which command to run.
//! **Invariant:** imports nothing but `base`; the settings are sealed with a key that is derived from the root key and
//! from which the root key cannot be found.

mod bell;
mod event;
mod log;
mod mail;
mod plan;
mod settings;

pub use bell::{Bell, Rung, ring};
pub use event::Event;
pub use log::{Attempt, Log};
pub use mail::takes;
pub use settings::{FILE, Settings};

use crate::base::seal::Key;

/// What whoever starts a door derives from the root key, and all that a door keeps of it.
pub fn door_key(root: &Key) -> Key {
    root.derive("door")
}
