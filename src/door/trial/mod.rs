//! The trial of a release: the worker hands over a program that is verified and ready in its slot, and the door puts it
//! in the place of the running one without a request lost, or takes it back.
//!
//! Reading order: `stage` (the names), `plan` (what follows what), `run` (does it), `keeper` (its hand on the disk),
//! `state` (what outlives a power cut), `record` (what people are told; `says`, `report`), `board` (those who wait).
//!
//! **Invariant:** the link of the slots alone says which release a start runs; switching it is the last thing a trial
//! does. Whatever else is found at a start is blue.

pub(crate) mod board;
mod holds;
mod keeper;
mod plan;
pub(crate) mod record;
mod report;
mod run;
mod says;
pub(crate) mod stage;
pub(crate) mod state;
#[cfg(test)]
mod tests;

pub(crate) use report::{refuse, report};
pub(crate) use run::{After, run};
