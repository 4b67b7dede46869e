//! Sends what a ledger holds. See the page at the top of the room.

use super::{Ledger, Letter, Letters, Relay, Reply, Steer};
use crate::base::{Error, Result, Say, Time};
use std::time::Duration;

/// How a run is sent.
#[derive(Clone, Debug)]
pub struct Policy {
    pub connections: usize,
    /// A connection is closed after this many messages.
    pub per_connection: u32,
    /// Send rows again that an earlier process left on the wire; otherwise they are held in doubt for a person.
    pub resend_in_doubt: bool,
    /// A recipient is tried no longer than this after the first try …
    pub lifetime: Duration,
    /// … and not after this moment.
    pub end: Option<Time>,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            connections: 10,
            per_connection: 500,
            resend_in_doubt: false,
            lifetime: Duration::from_secs(24 * 3600),
            end: None,
        }
    }
}

/// Everything a run needs.
pub struct Work<'a> {
    pub ledger: &'a Ledger,
    pub relay: &'a Relay,
    pub letters: &'a dyn Letters,
    pub steer: &'a Steer,
    pub policy: Policy,
    pub clock: &'a (dyn Fn() -> Time + Sync),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Nothing more will happen by itself. Rows in doubt may wait for a person.
    Done,
    /// Deferred rows, or a relay that does not answer for now: run again then.
    Waiting { until: Time, why: Option<Say> },
    /// Something on our side is wrong; every unsent row is as it was. Run again when it is put right.
    Paused(Say),
    /// Paused or cancelled through `Steer`.
    Stopped,
}

/// Sends until nothing is left to do now. Blocks the calling thread.
pub fn run(work: &Work<'_>) -> Result<Ended> {
    let _work = work;
    Err(Error::bug("the engine is not built in"))
}

/// One message at once, outside any ledger: test mails.
pub fn send_one(relay: &Relay, letter: &Letter) -> Result<Reply> {
    let _asked = (relay, letter);
    Err(Error::bug("the engine is not built in"))
}
