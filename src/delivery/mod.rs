//! Delivery: from a ledger of recipients to a relay's acceptance, one durable row each.

pub mod catcher;
mod claims;
mod clerk;
mod engine;
mod lane;
mod ledger;
mod letter;
mod plan;
mod relay;
mod row;
mod rows;
mod schema;
mod smtp;
mod steer;
#[cfg(test)]
mod tests;
mod writers;

pub use engine::{Clock, Ended, Policy, Work, check, run, send_one};
pub use ledger::{Complete, Decision, Ledger, Outcome};
pub use letter::{Letter, Letters, Skip};
pub use relay::{Login, Relay, Tls, relay, set_relay};
pub use row::{Counts, Row, State};
pub use schema::SCHEMA;
pub use smtp::{Step, reply::Reply};
pub use steer::Steer;
