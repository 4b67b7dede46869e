//! A door in the place of a door: after a release was committed, the program of the new slot takes over from this very
//! process, and neither a connection nor the worker notices.
//!
//! The old door starts the next one (`heir`), hands it copies of everything that cannot be had twice (`pass`, `words`:
//! the sockets that listen, the control socket, the house's lock, the link to the worker and a handle of its process),
//! and waits until the next one says that nothing can fail any more. Then the worker says its last word to the old door,
//! the next one its first (`offer` does what `plan` decides). What the old door still has in hand it serves to the end
//! (`linger`), unless it is told to be done; its access lines go by way of the next one, for which it is the `elder`.
//!
//! Whoever started the first door knows that process: under systemd it names the next one and goes. Everywhere else it
//! stays, does nothing but hand on the wish to end, and ends as the door of the day does (`anchor`).
//!
//! Reading order: `plan`, `words`, `pass`, `heir`, `offer` (the old door); `inherit`, `adopted`, `elder` (the next one);
//! `linger`, `anchor` (afterwards).
//!
//! **Invariant:** up to the next door's last word, `Took`, the old one can go on as if nothing had been.
//! **Invariant:** of two doors, one at a time speaks to the worker, and none while the other listens to it.

mod adopted;
mod anchor;
mod elder;
mod heir;
mod inherit;
mod linger;
mod offer;
mod pass;
mod plan;
pub(crate) mod words;

pub(crate) use anchor::Anchored;
pub(crate) use elder::Elder;
pub use inherit::Inheritance;
pub(crate) use linger::Linger;
pub(crate) use offer::{Handed, Outcome, offer};

/// Names, to the next door, the version that hands over to it.
pub(super) const TAKES_OVER: &str = "HAKOBU_TAKES_OVER_FROM";
