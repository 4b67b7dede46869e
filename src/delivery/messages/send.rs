//! Brings urgent messages out: many at a time, so that a receiver that is slow holds up its own alone.

use super::Progress;
use crate::base::ids::MessageId;
use crate::base::{By, Result, Time, limits, seal};
use crate::delivery::engine::runtime;
use crate::delivery::plan::{self, Meaning, Patience};
use crate::delivery::single;
use crate::delivery::smtp::session::{Content, Envelope, Session};
use crate::delivery::smtp::{Step, Waits, reply::Reply};
use crate::delivery::{Letter, Route, State, rows};
use crate::store::{Deed, Store};
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::Notify;

/// One message that is due.
pub(in crate::delivery) struct Due {
    pub(in crate::delivery) id: MessageId,
    pub(in crate::delivery) letter: Letter,
    pub(in crate::delivery) attempts: u16,
    pub(in crate::delivery) accepted: Time,
}

/// What the lane needs of the house.
pub struct Lane<'a> {
    pub store: &'a Store,
    /// The way out as it is set now.
    pub route: &'a dyn Fn() -> Result<Route>,
    pub clock: &'a (dyn Fn() -> Time + Sync),
    /// Rung when a message came.
    pub bell: &'a Notify,
    pub over: &'a dyn Fn() -> bool,
}

/// What an earlier process left on the wire may have arrived: it is named, and not sent again.
pub fn recover(store: &Store, now: Time) -> Result<u64> {
    let by = By::house("messages");
    store.write(&by, now, Deed::new("message.recover", ""), |tx| rows::messages::in_doubt(tx, now))
}

/// Brings out what is due until it is over, and then what is on its way. Blocks the calling thread.
pub fn serve(lane: &Lane<'_>) -> Result<()> {
    runtime()?.block_on(async {
        let mut tries = FuturesUnordered::new();
        loop {
            if !(lane.over)() {
                let room = limits::URGENT_AT_ONCE - tries.len();
                for due in take(lane, room)? {
                    tries.push(attempt(lane, due));
                }
            } else if tries.is_empty() {
                return Ok(());
            }
            tokio::select! {
                Some(tried) = tries.next(), if !tries.is_empty() => settle(lane, &tried)?,
                () = lane.bell.notified() => {}
                () = tokio::time::sleep(limits::URGENT_LOOK) => {}
            }
        }
    })
}

/// Those that are due, durably on the wire from now on.
fn take(lane: &Lane<'_>, most: usize) -> Result<Vec<Due>> {
    let now = (lane.clock)();
    let due = lane.store.read(|c| rows::messages::due(c, now, most))?;
    if !due.is_empty() {
        let (by, deed) = (By::house("messages"), Deed::new("message.start", due.len().to_string()));
        lane.store.write(&by, now, deed, |tx| due.iter().try_for_each(|one| rows::messages::start(tx, one.id, now)))?;
    }
    Ok(due)
}

fn settle(lane: &Lane<'_>, (id, progress): &(MessageId, Progress)) -> Result<()> {
    let (by, deed) = (By::house("messages"), Deed::new("message.settle", id.to_string()));
    lane.store.write(&by, progress.at, deed, |tx| rows::messages::settle(tx, *id, progress))
}

async fn attempt(lane: &Lane<'_>, due: Due) -> (MessageId, Progress) {
    let Due { id, letter, attempts, accepted } = due;
    let ended = match (lane.route)() {
        Ok(route) => tried(&route, &letter).await,
        Err(_) => Ended::Later(0, "route".to_owned()),
    };
    (id, progress(ended, attempts.saturating_add(1), (accepted, (lane.clock)())))
}

async fn tried(route: &Route, letter: &Letter) -> Ended {
    let wire_form = plan::on_the_wire(&letter.message);
    // What stops us before the envelope says nothing about this message yet.
    let Ok(mut session) = single::open(route, letter.to.domain(), Waits::all(limits::SMTP_CONNECT)).await else {
        return Ended::Later(0, "connect".to_owned());
    };
    let ended = one(&mut session, letter, &wire_form).await;
    session.quit().await;
    ended
}

enum Ended {
    Said(State, u16, String),
    Later(u16, String),
}

async fn one(session: &mut Session, letter: &Letter, wire_form: &[u8]) -> Ended {
    match session.envelope(letter, wire_form.len()).await {
        Envelope::Open => match session.content(wire_form).await {
            Content::Answered(reply) if reply.class() == 2 => {
                Ended::Said(State::Sent, reply.code, plan::keep(&reply, &letter.to))
            }
            Content::Answered(reply) => refused(Step::Dot, &reply, letter),
            Content::NotSent => Ended::Later(0, "connection lost".to_owned()),
            Content::NoAnswer => Ended::Said(State::InDoubt, 0, String::new()),
        },
        Envelope::Refused(step, reply) => refused(step, &reply, letter),
        Envelope::Lost => Ended::Later(0, "connection lost".to_owned()),
        Envelope::Impossible(reason) => Ended::Said(State::Failed, 0, reason.to_owned()),
        Envelope::TooBig { .. } => Ended::Said(State::Failed, 0, "size".to_owned()),
    }
}

fn refused(step: Step, reply: &Reply, letter: &Letter) -> Ended {
    let said = plan::keep(reply, &letter.to);
    match plan::meaning(step, reply) {
        Meaning::Bounce => Ended::Said(State::Bounced, reply.code, said),
        Meaning::Fail => Ended::Said(State::Failed, reply.code, said),
        // What is our own fault may be mended before the message's time is over.
        Meaning::Later | Meaning::Reconnect | Meaning::Ours => Ended::Later(reply.code, said),
    }
}

fn progress(ended: Ended, attempts: u16, (accepted, now): (Time, Time)) -> Progress {
    let (state, code, said, next) = match ended {
        Ended::Said(state, code, said) => (state, code, said, None),
        Ended::Later(code, said) => {
            let patience = Patience { lifetime: limits::BULK_LIFETIME, end: None };
            let jitter = seal::random::<1>().map(|[byte]| byte).unwrap_or_default();
            match plan::retry_at(attempts, (accepted, now), patience, jitter) {
                Some(next) => (State::Deferred, code, said, Some(next)),
                None => (State::Expired, code, said, None),
            }
        }
    };
    Progress { state, attempts, code, said, at: now, next }
}
