//! Campaigns: what is written, to whom it goes, and what became of it.
//!
//! It sends nothing itself: `delivery` asks it for letters (`letters`), when a row is claimed. It keeps no list of
//! people: `contacts` says who is meant and who may be written to (`audience` is the only place that asks; `feed` tells it what became of them).
//!
//! The flow: a `campaign` is a draft with a `sender` profile and files; `preflight` lists what would go wrong; `run`
//! freezes the `content`, expands the segment into the ledger and drives delivery; each letter is made by the
//! `render`er that also makes previews and test mails (`proof`); refusals come back through `unsubscribe`.
//!
//! Reading order: `plan`, `campaign`, `sender`, `file`, `template`; `source`, `shield`, `engine`, `render`, `footer`,
//! `header`, `mime`; `preflight`, `proof`; `run`, `drive`, `letters`, `feed`, `result`; `links`, `unsubscribe`, `returns` (what comes back).
//!
//! **Invariant:** preview, test, send and web copy go through one renderer.
//! **Invariant:** whether somebody may be written to is asked for each letter, on every attempt, never remembered.
//! **Invariant:** what a run sends was frozen when it started.
//! **Invariant:** a run in *sending* without its ledger is damaged and never expanded again.

mod audience;
pub mod campaign;
pub mod content;
pub mod drive;
mod engine;
mod feed;
pub mod file;
mod footer;
pub mod header;
mod letters;
mod links;
pub mod message;
mod mime;
mod plan;
pub mod preflight;
pub mod proof;
mod render;
pub mod result;
pub mod returns;
mod rows;
pub mod run;
mod schema;
pub mod sender;
mod shield;
pub mod source;
pub mod template;
pub mod unsubscribe;

#[cfg(test)]
mod tests;

pub use plan::State;
pub use render::{FIXED, Rendered};
pub use schema::SCHEMA;
