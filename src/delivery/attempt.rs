//! One try: the letter, the mark, the envelope, the message, and what the answers come to.

use super::destination::Hosts;
use super::floor::Floor;
use super::lane;
use super::plan::{self, Meaning};
use super::queue::Queue;
use super::row::{Row, State};
use super::shaping::{Event, Reaction};
use super::smtp::session::{Content, Envelope, Session};
use super::smtp::{Step, refused, reply::Reply};
use super::verdict::{deferred, failed, next, skipped};
use super::withheld::Judged;
use super::written::Written;
use crate::base::{Email, Result, Say, limits};
use std::sync::atomic::Ordering;

/// What one try came to.
pub(super) enum Tried {
    /// The row has a new state.
    Settled(Row),
    /// No message left; once more on a new connection. With a sentence if it was the destination's own doing (421 to
    /// MAIL FROM), which is never held against a recipient.
    Again(Option<Say>),
    /// The message was refused: what is known by now of this row and of others that were refused the same way. A row
    /// that is not among them is as before.
    Refused(Vec<Row>),
    /// The run ends here; the row is as before.
    Untouched,
}

/// The flag says whether the session can be used again.
pub(super) async fn attempt(
    floor: &Floor<'_>,
    queue: &Queue,
    session: &mut Session,
    row: &Row,
) -> Result<(Tried, bool)> {
    if floor.steer.is_stopped() {
        return Ok((Tried::Untouched, true));
    }
    let mut written = match floor.written(row.contact)? {
        Ok(written) => written,
        Err(skip) => return Ok((Tried::Settled(skipped(floor, row, skip)), true)),
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
    let Some((envelope, durable)) = asked else { return back(floor, row, Tried::Untouched, false) };
    match envelope {
        Envelope::Open if !durable || floor.steer.is_stopped() => return back(floor, row, Tried::Untouched, false),
        Envelope::Open => {}
        closed => return not_open(floor, queue, row, (closed, &written.letter.to)).await,
    }
    // The server took its time: somebody may have refused in the meantime.
    if floor.now().since(written.at) > limits::LETTER_FRESH {
        written = match floor.written(row.contact)? {
            Ok(again) if again.letter.to == written.letter.to => again,
            Err(skip) => return Ok((Tried::Settled(skipped(floor, row, skip)), false)),
            Ok(_) => return back(floor, row, Tried::Untouched, false),
        };
    }
    content(floor, queue, (session, row), &written).await
}

/// It did not leave: the mark is taken back.
fn back(floor: &Floor<'_>, row: &Row, tried: Tried, keep: bool) -> Result<(Tried, bool)> {
    floor.clerk.back(row.contact);
    Ok((tried, keep))
}

async fn not_open(
    floor: &Floor<'_>,
    queue: &Queue,
    row: &Row,
    (envelope, to): (Envelope, &Email),
) -> Result<(Tried, bool)> {
    match envelope {
        Envelope::Refused(step, reply) => match answered(floor, queue, row, (step, &reply, to)).await {
            settled @ Tried::Settled(_) => Ok((settled, true)),
            refused @ Tried::Refused(_) => back(floor, row, refused, true),
            tried @ (Tried::Again(_) | Tried::Untouched) => back(floor, row, tried, false),
        },
        Envelope::Open | Envelope::Lost => back(floor, row, Tried::Again(None), false),
        Envelope::Impossible(reason) => Ok((Tried::Settled(failed(floor, row, reason)), true)),
        Envelope::TooBig { limit } => match queue.to.hosts {
            Hosts::Relay(_) => {
                floor.pause(too_big(limit));
                back(floor, row, Tried::Untouched, true)
            }
            Hosts::Mx(_) => Ok((Tried::Settled(failed(floor, row, "size")), true)),
        },
    }
}

async fn content(
    floor: &Floor<'_>,
    queue: &Queue,
    (session, row): (&mut Session, &Row),
    written: &Written,
) -> Result<(Tried, bool)> {
    match session.content(&written.wire_form).await {
        Content::Answered(reply) if reply.class() == 2 => {
            queue.mail_deferrals.store(0, Ordering::Relaxed);
            queue.to.shape.heard(Event::Taken, floor.now());
            believe_withheld(floor, queue).await;
            let said = plan::keep(&reply, &written.letter.to);
            Ok((Tried::Settled(next(floor, row, State::Sent, (reply.code, said))), true))
        }
        Content::Answered(reply) => match answered(floor, queue, row, (Step::Dot, &reply, &written.letter.to)).await {
            settled @ Tried::Settled(_) => Ok((settled, true)),
            tried @ (Tried::Refused(_) | Tried::Again(_) | Tried::Untouched) => {
                let keep = matches!(tried, Tried::Refused(_));
                back(floor, row, tried, keep)
            }
        },
        Content::NotSent => back(floor, row, Tried::Again(None), false),
        Content::NoAnswer => Ok((Tried::Settled(next(floor, row, State::InDoubt, (0, String::new()))), false)),
    }
}

/// What a refusal comes to.
async fn answered(floor: &Floor<'_>, queue: &Queue, row: &Row, (step, reply, to): (Step, &Reply, &Email)) -> Tried {
    let said = plan::keep(reply, to);
    match plan::meaning(step, reply) {
        Meaning::Later => {
            let so_far = if step == Step::Mail { queue.mail_deferrals.fetch_add(1, Ordering::Relaxed) } else { 0 };
            slow_down(floor, queue, (step, reply), so_far >= limits::MAIL_DEFERRALS).await;
            Tried::Settled(deferred(floor, row.clone(), reply.code, said))
        }
        Meaning::Bounce => Tried::Settled(next(floor, row, State::Bounced, (reply.code, said))),
        Meaning::Fail if matches!(step, Step::Data | Step::Dot) => {
            message_refused(floor, queue, row, (step, reply), said).await
        }
        Meaning::Fail => Tried::Settled(next(floor, row, State::Failed, (reply.code, said))),
        Meaning::Reconnect => {
            if matches!(queue.to.hosts, Hosts::Mx(_)) {
                slow_down(floor, queue, (step, reply), false).await;
            }
            Tried::Again((step == Step::Mail).then(|| refused(step, reply)))
        }
        Meaning::Ours => match queue.to.hosts {
            Hosts::Relay(_) => {
                floor.pause(ours(step, reply, &said));
                Tried::Untouched
            }
            // One receiver's opinion: about this message until everybody there is answered the same.
            Hosts::Mx(_) => message_refused(floor, queue, row, (step, reply), said).await,
        },
    }
}

/// A destination that says "not now" may mean us, not the recipient.
async fn slow_down(floor: &Floor<'_>, queue: &Queue, (step, reply): (Step, &Reply), everybody: bool) {
    let (shape, now) = (&queue.to.shape, floor.now());
    match queue.to.hosts {
        Hosts::Relay(_) if everybody => floor.rest(refused(step, reply)),
        Hosts::Relay(_) => {}
        Hosts::Mx(_) => {
            let asks = shape.limits().asks(reply);
            shape.heard(if everybody { Event::Away } else { Event::Asked(asks) }, now);
            if everybody || matches!(asks, Reaction::Rest { .. }) {
                lane::rest(floor, queue, (reply.code, "resting")).await;
            }
        }
    }
}

/// A refusal that everybody gets is nobody's.
async fn message_refused(
    floor: &Floor<'_>,
    queue: &Queue,
    row: &Row,
    (step, reply): (Step, &Reply),
    said: String,
) -> Tried {
    let failed = next(floor, row, State::Failed, (reply.code, said));
    let judged = queue.withheld().refused(row, failed, step, reply);
    let everybody = !judged.paused.is_empty();
    let rows = told(floor, queue, judged, (step, reply));
    if everybody && matches!(queue.to.hosts, Hosts::Mx(_)) {
        lane::rest(floor, queue, (reply.code, "refuses")).await;
    }
    Tried::Refused(rows)
}

/// The rows as they are from now on. If the refusal is nobody's, the run pauses, or this one receiver is left alone.
fn told(floor: &Floor<'_>, queue: &Queue, judged: Judged, (step, reply): (Step, &Reply)) -> Vec<Row> {
    let Judged { mut failed, paused } = judged;
    let Some(last) = paused.last() else { return failed };
    let until = match queue.to.hosts {
        Hosts::Relay(_) => {
            floor.pause(refused_for_all(step, reply, paused.len(), &last.said));
            None
        }
        Hosts::Mx(_) => {
            queue.to.shape.heard(Event::Refuses, floor.now());
            queue.to.shape.resting(floor.now())
        }
    };
    let due = |row: Row| Row { state: State::Deferred, until: until.unwrap_or(row.at), ..row };
    failed.extend(paused.into_iter().map(due));
    failed
}

/// What is withheld when nobody is left to be asked.
pub(super) fn left(floor: &Floor<'_>, queue: &Queue) -> Vec<Row> {
    if matches!(queue.to.hosts, Hosts::Mx(_)) {
        return queue.withheld().believed();
    }
    let (judged, answer) = queue.withheld().left();
    match answer {
        Some((step, reply)) => told(floor, queue, judged, (step, &reply)),
        None => judged.failed,
    }
}

/// The message is taken by now: what was withheld is told.
async fn believe_withheld(floor: &Floor<'_>, queue: &Queue) {
    let rows = queue.withheld().believed();
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
        "メールが相手のサーバーの上限（{kb} KB）より大きいため、送れません。",
        "The message is larger than the mail server takes ({kb} KB)."
    )
}
