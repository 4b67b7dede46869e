//! Delivery: from a ledger of recipients to a relay's acceptance, one durable row each.

mod engine;
mod ledger;
mod letter;
mod relay;
mod row;
mod rows;
mod schema;
mod smtp;
mod steer;

pub use engine::{Ended, Policy, Work, run, send_one};
pub use ledger::{Complete, Decision, Ledger, Outcome};
pub use letter::{Letter, Letters, Skip};
pub use relay::{Login, Relay, Tls, relay, set_relay};
pub use row::{Counts, Row, State};
pub use schema::SCHEMA;
pub use smtp::reply::Reply;
pub use steer::Steer;
