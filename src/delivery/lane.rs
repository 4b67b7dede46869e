//! One connection's work: claim a row, ask for its letter, send it, hand in what became of it, and again.

use super::Skip;
use super::engine::Floor;
use super::plan::{self, Meaning, Patience};
use super::row::{Row, State};
use super::smtp::session::{Content, Envelope, Session};
use super::smtp::{Step, Trouble, refused, reply::Reply};
use super::withheld::Judged;
use super::writers::Written;
use crate::base::{Email, Result, Say, Time, limits, seal};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::watch;

/// An open session, counted as long as it lives.
struct Live<'a> {
    session: Session,
    _counted: Counted<'a>,
}

struct Counted<'a>(&'a Floor);

impl<'a> Counted<'a> {
    fn one(floor: &'a Floor) -> Counted<'a> {
        floor.live.fetch_add(1, Ordering::SeqCst);
        Counted(floor)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.live.fetch_sub(1, Ordering::SeqCst);
    }
}

/// What one try came to.
enum Tried {
    /// The row has a new state.
    Settled(Row),
    /// No message left; once more on a new connection. With a sentence if it was the relay's own doing (421 to MAIL
    /// FROM), which is never held against a recipient.
    Again(Option<Say>),
    /// The message was refused: what is known by now of this row and of others that were refused the same way. A row
    /// that is not among them is as before.
    Refused(Vec<Row>),
    /// The run ends here; the row is as before.
    Untouched,
}

pub(super) async fn work(floor: &Floor, opened: &watch::Sender<bool>) {
    let mut session = None;
    while let Some(row) = claim(floor) {
        if !open(floor, &mut session).await {
            put_back(floor, row);
            break;
        }
        opened.send_if_modified(|was| !std::mem::replace(was, true));
        deliver(floor, &mut session, row).await;
    }
    if let Some(Live { session, _counted }) = session.take() {
        session.quit().await;
    }
}

fn claim(floor: &Floor) -> Option<Row> {
    if floor.is_over() || floor.is_past_end() {
        return None;
    }
    let now = floor.now();
    let next = floor.claims.lock().unwrap_or_else(PoisonError::into_inner).next(&floor.ledger, now);
    next.unwrap_or_else(|e| {
        floor.fail(e);
        None
    })
}

fn put_back(floor: &Floor, row: Row) {
    floor.claims.lock().unwrap_or_else(PoisonError::into_inner).put_back(row);
}

/// Makes sure that there is a session to send through. False when there is none to be had: the lane ends.
async fn open<'a>(floor: &'a Floor, slot: &mut Option<Live<'a>>) -> bool {
    if let Some(live) = slot {
        if live.session.is_usable(floor.policy.per_connection).await {
            return true;
        }
        if let Some(Live { session, _counted }) = slot.take() {
            tokio::spawn(session.quit());
        }
    }
    let mut pause = Duration::from_secs(1);
    loop {
        let opening = Session::open(&floor.relay, &floor.trust, floor.waits);
        let opened = tokio::select! {
            biased;
            () = floor.over() => return false,
            opened = opening => opened,
        };
        match opened {
            Ok(session) => {
                *slot = Some(Live { session, _counted: Counted::one(floor) });
                return true;
            }
            Err(Trouble::Ours(say)) => {
                floor.pause(say);
                return false;
            }
            // Others get through: the relay wants fewer connections. With nobody through it is down.
            Err(Trouble::Later(say)) if floor.live.load(Ordering::SeqCst) == 0 => {
                floor.rest(say);
                return false;
            }
            Err(Trouble::Later(_)) => {
                tokio::select! { () = floor.over() => return false, () = tokio::time::sleep(pause) => {} }
                pause = (pause * 2).min(limits::RELAY_REST);
            }
        }
    }
}

/// One row to its end: at most one more try on a new connection.
async fn deliver<'a>(floor: &'a Floor, slot: &mut Option<Live<'a>>, row: Row) {
    for last in [false, true] {
        let Some(live) = slot.as_mut() else { return put_back(floor, row) };
        let relays_own = match attempt(floor, &mut live.session, &row).await {
            Err(e) => {
                floor.fail(e);
                *slot = None;
                return put_back(floor, row);
            }
            Ok((Tried::Settled(row), keep)) => {
                if !keep {
                    *slot = None;
                }
                return floor.clerk.settle(row).await;
            }
            Ok((Tried::Refused(rows), _)) => {
                for row in rows {
                    floor.clerk.settle(row).await;
                }
                return;
            }
            Ok((Tried::Untouched, keep)) => {
                if !keep {
                    *slot = None;
                }
                return put_back(floor, row);
            }
            Ok((Tried::Again(why), _)) => {
                *slot = None;
                why
            }
        };
        if let (true, Some(why)) = (last, relays_own) {
            floor.rest(why);
            return put_back(floor, row);
        }
        if last {
            let lost = "connection lost".to_owned();
            return floor.clerk.settle(deferred(floor, row, 0, lost)).await;
        }
        if !open(floor, slot).await {
            return put_back(floor, row);
        }
    }
}

/// Letter, mark, envelope, message. The flag says whether the session can be used again.
async fn attempt(floor: &Floor, session: &mut Session, row: &Row) -> Result<(Tried, bool)> {
    let mut written = match letter(floor, row).await? {
        Some(Ok(written)) => written,
        Some(Err(skip)) => return Ok((Tried::Settled(skipped(floor, row, skip)), true)),
        None => return Ok((Tried::Untouched, true)),
    };
    // The mark goes to disk while the server thinks about the envelope; the message waits for both.
    let asked = tokio::select! {
        biased;
        both = async { tokio::join!(
            session.envelope(&written.letter, written.wire_form.len()),
            floor.clerk.start(row.contact),
        ) } => Some(both),
        () = floor.steer.stopped() => None,
    };
    let back = |tried, keep| {
        floor.clerk.back(row.contact);
        Ok((tried, keep))
    };
    let (envelope, durable) = match asked {
        Some(asked) => asked,
        None => return back(Tried::Untouched, false),
    };
    match envelope {
        Envelope::Open if !durable || floor.steer.is_stopped() => return back(Tried::Untouched, false),
        Envelope::Open => {}
        Envelope::Refused(step, reply) => {
            let to = written.letter.to.clone();
            return match answered(floor, row, step, &reply, &to) {
                settled @ Tried::Settled(_) => Ok((settled, true)),
                refused @ Tried::Refused(_) => back(refused, true),
                tried @ (Tried::Again(_) | Tried::Untouched) => back(tried, false),
            };
        }
        Envelope::Lost => return back(Tried::Again(None), false),
        Envelope::Impossible(reason) => return Ok((Tried::Settled(failed(floor, row, reason)), true)),
        Envelope::TooBig { limit } => {
            floor.pause(too_big(limit));
            return back(Tried::Untouched, true);
        }
    }
    // The server took its time: somebody may have refused in the meantime.
    if floor.now().since(written.at) > limits::LETTER_FRESH {
        written = match letter(floor, row).await? {
            Some(Ok(again)) if again.letter.to == written.letter.to => again,
            Some(Err(skip)) => return Ok((Tried::Settled(skipped(floor, row, skip)), false)),
            Some(Ok(_)) | None => return back(Tried::Untouched, false),
        };
    }
    content(floor, session, row, &written).await
}

async fn content(floor: &Floor, session: &mut Session, row: &Row, written: &Written) -> Result<(Tried, bool)> {
    match session.content(&written.wire_form).await {
        Content::Answered(reply) if reply.class() == 2 => {
            floor.mail_deferrals.store(0, Ordering::Relaxed);
            believe_withheld(floor).await;
            let said = plan::keep(&reply, &written.letter.to);
            Ok((Tried::Settled(next(floor, row, State::Sent, reply.code, said)), true))
        }
        Content::Answered(reply) => match answered(floor, row, Step::Dot, &reply, &written.letter.to) {
            settled @ Tried::Settled(_) => Ok((settled, true)),
            tried @ (Tried::Refused(_) | Tried::Again(_) | Tried::Untouched) => {
                floor.clerk.back(row.contact);
                let keep = matches!(tried, Tried::Refused(_));
                Ok((tried, keep))
            }
        },
        Content::NotSent => {
            floor.clerk.back(row.contact);
            Ok((Tried::Again(None), false))
        }
        Content::NoAnswer => Ok((Tried::Settled(next(floor, row, State::InDoubt, 0, String::new())), false)),
    }
}

/// `None` when the run is over.
async fn letter(floor: &Floor, row: &Row) -> Result<Option<std::result::Result<Written, Skip>>> {
    tokio::select! {
        biased;
        written = floor.writers.letter(row.contact) => written.transpose(),
        () = floor.steer.stopped() => Ok(None),
    }
}

/// What a refusal comes to.
fn answered(floor: &Floor, row: &Row, step: Step, reply: &Reply, to: &Email) -> Tried {
    let said = plan::keep(reply, to);
    match plan::meaning(step, reply) {
        Meaning::Later => {
            let so_far = if step == Step::Mail { floor.mail_deferrals.fetch_add(1, Ordering::Relaxed) } else { 0 };
            if so_far >= limits::MAIL_DEFERRALS {
                floor.rest(refused(step, reply));
            }
            Tried::Settled(deferred(floor, row.clone(), reply.code, said))
        }
        Meaning::Bounce => Tried::Settled(next(floor, row, State::Bounced, reply.code, said)),
        Meaning::Fail if matches!(step, Step::Data | Step::Dot) => message_refused(floor, row, (step, reply), said),
        Meaning::Fail => Tried::Settled(next(floor, row, State::Failed, reply.code, said)),
        Meaning::Reconnect => Tried::Again((step == Step::Mail).then(|| refused(step, reply))),
        Meaning::Ours => {
            floor.pause(ours(step, reply, &said));
            Tried::Untouched
        }
    }
}

/// A refusal that everybody gets is nobody's.
fn message_refused(floor: &Floor, row: &Row, (step, reply): (Step, &Reply), said: String) -> Tried {
    let failed = next(floor, row, State::Failed, reply.code, said);
    let mut withheld = floor.withheld.lock().unwrap_or_else(PoisonError::into_inner);
    let judged = withheld.refused(row, failed, step, reply);
    Tried::Refused(told(floor, judged, step, reply))
}

/// The rows as they are from now on. If the refusal is nobody's, the run pauses.
fn told(floor: &Floor, judged: Judged, step: Step, reply: &Reply) -> Vec<Row> {
    let Judged { mut failed, paused } = judged;
    if let Some(last) = paused.last() {
        floor.pause(refused_for_all(step, reply, paused.len(), &last.said));
    }
    let due = |row: Row| Row { state: State::Deferred, until: row.at, ..row };
    failed.extend(paused.into_iter().map(due));
    failed
}

/// Nobody is left to be asked. When somebody ended the run, what is withheld stays as it was instead.
pub(super) async fn end_withheld(floor: &Floor) {
    if floor.is_over() {
        return;
    }
    let (judged, answer) = floor.withheld.lock().unwrap_or_else(PoisonError::into_inner).left();
    let rows = match answer {
        Some((step, reply)) => told(floor, judged, step, &reply),
        None => judged.failed,
    };
    for row in rows {
        floor.clerk.settle(row).await;
    }
}

/// The message is taken by now: what was withheld is told.
async fn believe_withheld(floor: &Floor) {
    let rows = floor.withheld.lock().unwrap_or_else(PoisonError::into_inner).believed();
    for row in rows {
        floor.clerk.settle(row).await;
    }
}

fn refused_for_all(step: Step, reply: &Reply, count: usize, said: &str) -> Say {
    let Say { ja, en } = refused(step, reply);
    say!(
        "{ja}同じ応答が {count} 通続き、その間に受け付けられたメールがないため、宛先ではなくメールの内容か設定の問題とみて、配信を一時停止しました。中継サーバーの応答: {said}",
        "{en} Messages refused like this in a row, with none taken in between: {count}. So it is the message or the settings and not the recipients: the run is paused. The relay said: {said}"
    )
}

/// Why the run pauses, with the relay's own words (addresses replaced).
fn ours(step: Step, reply: &Reply, said: &str) -> Say {
    let Say { ja, en } = refused(step, reply);
    say!(
        "{ja}宛先の問題ではないため、配信を一時停止しました。中継サーバーの応答: {said}",
        "{en} This is not about a recipient, so the run is paused. The relay said: {said}"
    )
}

pub(super) fn too_big(limit: u64) -> Say {
    let kb = limit / limits::KB;
    say!(
        "メールが中継サーバーの上限（{kb} KB）より大きいため、送れません。",
        "The message is larger than the relay takes ({kb} KB)."
    )
}

/// The row after a try that got an answer about it.
fn next(floor: &Floor, row: &Row, state: State, code: u16, said: String) -> Row {
    let at = floor.now();
    let since = if row.since.ms() == 0 { at } else { row.since };
    let attempts = row.attempts.saturating_add(1);
    Row { contact: row.contact, state, attempts, code, said, at, since, until: Time(0) }
}

fn deferred(floor: &Floor, row: Row, code: u16, said: String) -> Row {
    let tried = next(floor, &row, State::Deferred, code, said);
    let patience = Patience { lifetime: floor.policy.lifetime, end: floor.policy.end };
    let jitter = seal::random::<1>().map(|[byte]| byte).unwrap_or_default();
    match plan::retry_at(tried.attempts, tried.since, tried.at, patience, jitter) {
        Some(until) => Row { until, ..tried },
        None => Row { state: State::Expired, ..tried },
    }
}

fn failed(floor: &Floor, row: &Row, reason: &str) -> Row {
    next(floor, row, State::Failed, 0, reason.to_owned())
}

/// Not tried, so not an attempt.
fn skipped(floor: &Floor, row: &Row, skip: Skip) -> Row {
    let (state, reason) = match skip {
        Skip::Suppressed(reason) => (State::Suppressed, reason),
        Skip::Cancelled => (State::Cancelled, ""),
        Skip::Failed(reason) => (State::Failed, reason),
    };
    let at = floor.now();
    Row {
        contact: row.contact,
        state,
        attempts: row.attempts,
        code: 0,
        said: reason.into(),
        at,
        since: row.since,
        until: Time(0),
    }
}
