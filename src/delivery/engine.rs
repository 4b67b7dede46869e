//! Sends what a ledger holds: starts the threads and lanes of a run, and says how it ended.

use super::claims::Claims;
use super::clerk::{Clerk, clerk};
use super::lane;
use super::smtp::session::{Content, Envelope, Session, Trust};
use super::smtp::{Step, Trouble, Waits, refused};
use super::withheld::Withheld;
use super::writers::{Writers, writers};
use super::{Ledger, Letter, Letters, Relay, Reply, Steer, plan};
use crate::base::{Error, Kind, Result, Say, Time, limits};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};

pub type Clock = Arc<dyn Fn() -> Time + Send + Sync>;

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
            connections: limits::CONNECTIONS,
            per_connection: limits::PER_CONNECTION,
            resend_in_doubt: false,
            lifetime: limits::BULK_LIFETIME,
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
    pub clock: Clock,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Nothing more will happen by itself. Rows in doubt may wait for a person.
    Done,
    /// Deferred rows, or a relay that does not answer for now (`why`): run again then.
    Waiting { until: Time, why: Option<Say> },
    /// Something on our side is wrong; every unsent row is as it was. Run again when it is put right.
    Paused(Say),
    /// Paused or cancelled through `Steer`.
    Stopped,
}

/// What the lanes of one pass share.
pub(super) struct Floor {
    pub(super) ledger: Ledger,
    pub(super) relay: Relay,
    pub(super) trust: Trust,
    pub(super) waits: Waits,
    pub(super) policy: Policy,
    pub(super) steer: Steer,
    pub(super) clock: Clock,
    pub(super) clerk: Clerk,
    pub(super) writers: Writers,
    pub(super) claims: Arc<Mutex<Claims>>,
    /// Sessions that are open now.
    pub(super) live: AtomicUsize,
    /// Refusals of MAIL FROM for now, one after another.
    pub(super) mail_deferrals: AtomicU32,
    /// Refusals of the message that nobody is told yet.
    pub(super) withheld: Mutex<Withheld>,
    over: AtomicBool,
    over_changed: Notify,
    why: Mutex<Why>,
}

/// Why no more rows are claimed in this pass.
#[derive(Default)]
struct Why {
    paused: Option<Say>,
    resting: Option<Say>,
    error: Option<Error>,
}

impl Floor {
    /// Something is wrong on our side.
    pub(super) fn pause(&self, say: Say) {
        self.end(|why| why.paused = why.paused.take().or(Some(say)));
    }

    /// The relay does not want more for now.
    pub(super) fn rest(&self, say: Say) {
        self.end(|why| why.resting = why.resting.take().or(Some(say)));
    }

    pub(super) fn fail(&self, e: Error) {
        self.end(|why| why.error = why.error.take().or(Some(e)));
    }

    fn end(&self, f: impl FnOnce(&mut Why)) {
        f(&mut self.why.lock().unwrap_or_else(PoisonError::into_inner));
        self.over.store(true, Ordering::SeqCst);
        self.over_changed.notify_waiters();
    }

    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst) || self.steer.is_stopped() || self.clerk.has_failed()
    }

    /// When no more rows will be claimed, for whatever reason.
    pub(super) async fn over(&self) {
        let ended = self.over_changed.notified();
        tokio::pin!(ended);
        ended.as_mut().enable();
        if !self.is_over() {
            tokio::select! { () = ended => {} () = self.steer.stopped() => {} }
        }
    }

    pub(super) fn now(&self) -> Time {
        (self.clock)()
    }

    pub(super) fn is_past_end(&self) -> bool {
        self.policy.end.is_some_and(|end| self.now() >= end)
    }
}

/// Sends until nothing is left to do now. Blocks the calling thread. One engine at a time works on a ledger.
pub fn run(work: &Work<'_>) -> Result<Ended> {
    run_with(work, Waits::rfc5321())
}

pub(super) fn run_with(work: &Work<'_>, waits: Waits) -> Result<Ended> {
    work.relay.verify()?;
    let _alone = work.ledger.work_alone()?;
    work.ledger.recover(work.policy.resend_in_doubt, (work.clock)())?;
    let trust = match Trust::for_relay(work.relay) {
        Ok(trust) => trust,
        Err(Trouble::Ours(say) | Trouble::Later(say)) => return Ok(Ended::Paused(say)),
    };
    loop {
        if let Some(end) = one_pass(work, &trust, waits)? {
            return Ok(end);
        }
    }
}

/// Every row that can be claimed now, once. `None` when there is more by the end of it.
fn one_pass(work: &Work<'_>, trust: &Trust, waits: Waits) -> Result<Option<Ended>> {
    let counts = work.ledger.counts()?;
    let lanes = usize::try_from(counts.open()).unwrap_or(usize::MAX).min(work.policy.connections);
    let claims = Arc::new(Mutex::new(Claims::default()));
    let (clerk, desk) = clerk();
    let (writers, asked) = writers();
    let why = std::thread::scope(|threads| -> Result<Why> {
        let keeping = threads.spawn(|| desk.write_all(work.ledger, &claims));
        for _ in 0..limits::WRITERS_OF_LETTERS {
            threads.spawn(|| asked.write_all(work.ledger.run(), work.letters, &*work.clock));
        }
        let floor = Floor {
            ledger: work.ledger.clone(),
            relay: work.relay.clone(),
            trust: trust.clone(),
            waits,
            policy: work.policy.clone(),
            steer: work.steer.clone(),
            clock: Arc::clone(&work.clock),
            clerk,
            writers,
            claims: Arc::clone(&claims),
            live: AtomicUsize::new(0),
            mail_deferrals: AtomicU32::new(0),
            withheld: Mutex::new(Withheld::after(counts.sent)),
            over: AtomicBool::new(false),
            over_changed: Notify::new(),
            why: Mutex::default(),
        };
        let why = runtime()?.block_on(all_lanes(floor, lanes));
        keeping.join().map_err(|_| Error::bug("the ledger's thread panicked"))??;
        Ok(why)
    })?;
    let given = claims.lock().unwrap_or_else(PoisonError::into_inner).given;
    how_it_ended(work, why, given)
}

async fn all_lanes(floor: Floor, lanes: usize) -> Why {
    let floor = Arc::new(floor);
    // The first connection opens alone: a wrong password is tried once, not ten times.
    let (opened, first) = watch::channel(false);
    let opened = Arc::new(opened);
    let tasks: Vec<_> = (0..lanes)
        .map(|n| {
            let (floor, opened, mut first) = (Arc::clone(&floor), Arc::clone(&opened), first.clone());
            tokio::spawn(async move {
                if n > 0 {
                    let _opened_or_gone = first.wait_for(|open| *open).await;
                }
                lane::work(&floor, &opened).await;
                opened.send_replace(true);
            })
        })
        .collect();
    for task in tasks {
        if let Err(e) = task.await {
            floor.fail(Error::bug("a lane of the engine panicked").because(e));
        }
    }
    lane::end_withheld(&floor).await;
    std::mem::take(&mut *floor.why.lock().unwrap_or_else(PoisonError::into_inner))
}

fn how_it_ended(work: &Work<'_>, why: Why, given: u64) -> Result<Option<Ended>> {
    let now = (work.clock)();
    if let Some(e) = why.error {
        return Err(e);
    }
    if work.steer.is_cancelled() {
        work.ledger.cancel(now)?;
    } else if work.policy.end.is_some_and(|end| now >= end) {
        work.ledger.expire(now)?;
    }
    let counts = work.ledger.counts()?;
    Ok(match (work.steer.is_stopped(), why.paused, why.resting) {
        (true, _, _) => Some(Ended::Stopped),
        (false, Some(say), _) => Some(Ended::Paused(say)),
        (false, None, Some(why)) if counts.open() > 0 => {
            Some(Ended::Waiting { until: now.plus(limits::RELAY_REST), why: Some(why) })
        }
        (false, None, _) if counts.queued > 0 && given > 0 => None,
        (false, None, _) if counts.queued > 0 => return Err(Error::bug("queued rows that nobody can claim")),
        (false, None, _) => match work.ledger.next_due()? {
            Some(due) if due <= now => None,
            Some(until) => Some(Ended::Waiting { until, why: None }),
            None => Some(Ended::Done),
        },
    })
}

pub(super) fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Error::io(say!("送信を始められません。", "Sending cannot start."), e))
}

/// One message at once, outside any ledger: test mails. The reply is the relay's acceptance.
pub fn send_one(relay: &Relay, letter: &Letter) -> Result<Reply> {
    relay.verify()?;
    let waits = Waits::all(limits::SMTP_CONNECT);
    runtime()?.block_on(async {
        let mut session = open(relay, waits).await?;
        let wire_form = plan::on_the_wire(&letter.message);
        let no = |say: Say| Error::refused(say).hint(hint());
        let reply = match session.envelope(letter, wire_form.len()).await {
            Envelope::Open => match session.content(&wire_form).await {
                Content::Answered(reply) if reply.class() == 2 => reply,
                Content::Answered(reply) => return Err(no(refused(Step::Dot, &reply))),
                Content::NotSent | Content::NoAnswer => return Err(lost()),
            },
            Envelope::Refused(step, reply) => return Err(no(refused(step, &reply))),
            Envelope::Lost => return Err(lost()),
            Envelope::Impossible(_) => {
                return Err(no(say!(
                    "この宛先には送れません。",
                    "This address cannot be written to through the relay."
                )));
            }
            Envelope::TooBig { limit } => return Err(no(lane::too_big(limit))),
        };
        session.quit().await;
        Ok(reply)
    })
}

/// Everything but a message: name, connection, greeting, TLS, sign-in. An error says which of them failed and why.
pub fn check(relay: &Relay) -> Result<()> {
    relay.verify()?;
    runtime()?.block_on(async {
        open(relay, Waits::all(limits::SMTP_CONNECT)).await?.quit().await;
        Ok(())
    })
}

async fn open(relay: &Relay, waits: Waits) -> Result<Session> {
    let opened = match Trust::for_relay(relay) {
        Ok(trust) => Session::open(relay, &trust, waits).await,
        Err(trouble) => Err(trouble),
    };
    opened.map_err(|trouble| match trouble {
        Trouble::Ours(say) => Error::new(Kind::Config, say).hint(hint()),
        Trouble::Later(say) => Error::later(say).hint(hint()),
    })
}

fn lost() -> Error {
    Error::later(say!("中継サーバーとの接続が切れました。", "The connection to the relay was lost."))
}

fn hint() -> Say {
    say!(
        "中継サーバーの設定（ホスト、ポート、暗号化、ユーザー名、パスワード）を確かめてください。",
        "Check the relay's settings: host, port, encryption, user and password."
    )
}
