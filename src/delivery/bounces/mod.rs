//! What comes back: reading of failures, complaints, automatic answers and replies, and what follows from them.
//!
//! Everything here is pure: bytes in, meaning out; no clock, no disk, no network. The bytes are a stranger's: they may be
//! anything, of any depth, and say anything. So the walk through a mail is bounded (`mail`), nothing that a mail says
//! about whom it concerns is believed unless it bears our mark (`verp`), and what is kept of it holds no address (`clean`).
//!
//! Flow: `mail` takes it apart → `kind` says what it is, by `report` (RFC 3464), `free_form` (words alone), `complaint`
//! (RFC 5965) and who seems to have written it → `class` (with `said`) says whether a failure is the mailbox's → `plan`
//! says what follows, with the last results of a receiver (`window`).
//!
//! **Invariant:** no mail, however made, takes more than time and memory in proportion to its length.
//! **Invariant:** a failure that is told without a token or a Message-ID of ours is held against nobody.

mod class;
mod clean;
mod complaint;
mod free_form;
mod kind;
mod mail;
pub mod plan;
mod report;
mod said;
mod verp;
mod window;

pub use class::Class;
pub use clean::keep;
pub use complaint::{Complaint, Kind as Grievance};
pub use kind::{Incoming, Kind, Postbox, read};
pub use mail::Mail;
pub use plan::{Next, Past, Rules};
pub use said::{Said, Status};
pub use verp::{About, Paths, Purpose};
pub use window::Window;
