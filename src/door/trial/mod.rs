//! The trial of a release: the worker hands over a program that is verified and ready in its slot, and the door puts it
//! in the place of the running one without a request lost, or takes it back.
//!
//! Reading order: `stage` (the names), `plan` (what follows what), `state` (what outlives a power cut), `record` (what
//! people are told).
//!
//! **Invariant:** the link of the slots alone says which release a start runs; switching it is the last thing a trial
//! does. Whatever else is found at a start is blue.

pub(crate) mod plan;
pub(crate) mod record;
pub(crate) mod stage;
pub(crate) mod state;
#[cfg(test)]
mod tests;
