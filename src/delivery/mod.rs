//! Delivery: from a ledger of recipients to the relay's acceptance, with one durable row for each of them.
//!
//! It does not know what a campaign is and stores no mail. A room that wants to send makes a [`Ledger`], adds
//! contacts, and calls [`run`] with its own [`Letters`]; the engine claims rows, asks for each letter at the moment
//! it can leave, and writes down what became of it.
//!
//! **The way of one message.** A lane (one connection) claims a row and asks for its letter; that is when refusal,
//! consent, suppression and erasure are checked, on every attempt. MAIL, RCPT and DATA go out in one write where the
//! server offers PIPELINING. Meanwhile "this contact is on the wire" goes to disk, in one commit with what became of
//! the messages before. Only when both are done does the first byte of the message leave. If the server took longer
//! than a quarter of a second, the letter is asked for once more before that. So after a refusal was answered, nothing to that
//! person leaves that is not already on the wire.
//!
//! **What fails for whom.**
//! - *The mailbox does not exist*: 5xx to RCPT with 5.1.1, 5.1.3, 5.1.6, 5.1.10 or 5.2.1, or a bare 550. The row is
//!   **bounced**.
//! - *Not now*: any 4xx to RCPT, DATA or the message, and a connection that is lost twice for the same recipient. The
//!   row is **deferred**, and tried again after 1, 5, 15, 30, 60, 120 and then every 240 minutes, each up to a fifth
//!   longer by chance. After 24 hours from its first try, or at the run's end, it is **expired** instead. A greylist
//!   lets the second or third try through.
//! - *No, for another reason*: any other 5xx to RCPT, DATA or the message (mailbox full, content refused), an address
//!   that needs SMTPUTF8 where it is not offered, a letter that cannot be written. The row is **failed** with the reason
//!   and the mailbox is not held to be gone: RFC 5321 4.2.1 makes these permanent for this message, not for the person.
//! - *No to everybody*: the same 5xx to DATA or the message, [`limits::SAME_REFUSALS`](crate::base::limits) times in a
//!   row with nothing accepted in between, or fewer when nobody is left and no message of the run was answered
//!   otherwise. That is the message or us, whatever the code says. Such refusals are withheld until one message is
//!   accepted or the answer changes; before that the run is **paused** and says why, and those rows are open, due as
//!   soon as somebody resumes it. Refused the same way then, they are failed.
//! - *Our fault*: 5xx to the greeting, EHLO, STARTTLS, AUTH or MAIL FROM; 5.7.x, 530, 534, 535 or 538 to anything; a bare
//!   550 that speaks of relaying; a certificate that is not trusted; a message over the server's SIZE. The run is
//!   **paused** and says why, and every row is as it was: a wrong password must not destroy a customer list. The first
//!   connection of a run opens alone, so a wrong password is tried once.
//! - *The relay is away*: no connection, or 4xx to anything before MAIL FROM. Rows stay queued and the run waits. When
//!   other connections get through, the relay wants fewer of them: this one waits, longer each time. 4xx to MAIL FROM
//!   defers the row; twenty in a row let the run rest.
//! - *421, or a connection lost before the end of the message left*: nothing was taken. Once more on a new connection, at
//!   once, with no mark against anybody. 421 to MAIL FROM twice lets the run rest.
//! - *No answer to the final dot*: the message may have been taken, and no sender can know (RFC 1047). The row is **in
//!   doubt**: named, never sent again by itself, until a person says [`Decision::Resend`] or [`Decision::Accept`].
//!
//! **What a crash leaves.** Outcomes that were not on disk yet, and messages that were on the wire: together at most one
//! row per connection, each by name in the ledger's list of rows in flight. The next [`run`] puts them in doubt, or back
//! into the queue if [`Policy::resend_in_doubt`] says so; the Message-ID is the same, so a receiver can drop a double.
//! When the ledger cannot be written (a full disk), nothing more leaves and the run ends with that error.
//!
//! **Steering.** [`Steer::pause`] and [`Steer::cancel`] act at once: no message starts, connections that wait for an
//! answer are closed, and only messages whose last byte left are waited for. To resume, run again with a new [`Steer`].
//!
//! **Invariant:** a contact is durably in flight before the first byte of its message leaves.
//! **Invariant:** in flight are never more rows than connections.
//! **Invariant:** the sums change in the transaction that changes the rows, so states always add up to recipients.
//! **Invariant:** a row holds no address and no name; replies are kept with both replaced.
//! **Invariant:** one engine at a time works on a ledger.
//!
//! Reading order: `letter`, `row`, `ledger`, `plan` (every decision), `relay`, `direct` and `shaping` (the two ways out, and
//! how fast), `smtp` (the conversation), then the engine: `engine` (threads and endings), `floor` (what a pass shares), `sorter`
//! (rows into queues), `lane` (one connection) with `attempt` and `verdict`, `hands`
//! (threads), `written`, `withheld`, `claims`, `clerk`. `alarm_to` is an
//! address beside it. `inbound` takes what comes back, `bounces` reads it, `receivers` remembers how they answered, `dkim` signs, `domains` says what DNS should publish. `catcher` is
//! the server that tests and `try` send to.

mod alarm_to;
mod attempt;
pub mod bounces;
pub mod catcher;
mod claims;
mod clerk;
mod destination;
mod direct;
pub mod dkim;
pub mod domains;
mod engine;
mod finish;
mod floor;
mod hands;
pub mod inbound;
mod lane;
mod ledger;
mod letter;
pub mod messages;
mod own_mail;
mod plan;
mod probe;
mod queue;
pub mod receivers;
mod relay;
mod route;
mod row;
mod rows;
mod schema;
mod shaping;
mod single;
mod smtp;
mod sorter;
mod steer;
#[cfg(test)]
mod tests;
mod verdict;
mod withheld;
mod written;

pub use alarm_to::{alarm_to, set_alarm_to};
pub use destination::Shape;
pub use direct::{Direct, DirectSettings, SenderAddress, direct, held, set_direct, set_held};
pub use engine::{Clock, Ended, Policy, Work, run};
pub use finish::Finish;
pub use ledger::{Complete, Decision, Late, Ledger, Outcome, Told};
pub use letter::{Letter, Letters, Skip};
pub use own_mail::{own_mail, test_mail};
pub use probe::{Heard, probe};
pub use relay::{Relay, relay, set_relay};
pub use route::{Route, Routes};
pub use row::{Counts, Row, State};
pub use schema::SCHEMA;
pub use shaping::{Group, Limits, Reaction, Sign, groups, set_group};
pub use single::{check, send_one};
pub use smtp::{Step, reply::Reply, session::in_ascii};
pub use steer::Steer;
