//! One connection's work: claim a row, send it, hand in what became of it, and again.

use super::attempt::{Tried, attempt};
use super::destination::Hosts;
use super::floor::{Floor, OnFloor};
use super::queue::Queue;
use super::row::Row;
use super::shaping::{Event, Turn};
use super::smtp::Trouble;
use super::smtp::session::Session;
use super::verdict;
use crate::base::{Say, limits};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::sleep;

/// An open session, counted as long as it lives.
struct Live<'a> {
    session: Session,
    _counted: Counted<'a>,
}

struct Counted<'a>(&'a Queue);

impl<'a> Counted<'a> {
    fn one(queue: &'a Queue) -> Counted<'a> {
        queue.live.fetch_add(1, Ordering::SeqCst);
        Counted(queue)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.live.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Whether there is a session to send through.
enum Opened {
    Yes,
    /// The way is not there now: after a pause perhaps.
    After(Duration),
    /// The lane ends.
    No,
}

pub(super) async fn work(on: OnFloor<'_>) {
    let (floor, queue) = (&*on.floor, &*on.queue);
    let mut session = None;
    let mut pause = Duration::from_secs(1);
    while let Some(row) = next(floor, queue).await {
        match open(floor, queue, &mut session, (&row, pause)).await {
            Opened::Yes => {
                if !queue.opened.swap(true, Ordering::SeqCst) {
                    floor.changed.notify_one();
                }
                pause = Duration::from_secs(1);
                deliver(floor, queue, &mut session, row).await;
            }
            Opened::After(wait) => {
                queue.put_back(row);
                tokio::select! { () = floor.over() => break, () = sleep(wait) => {} }
                pause = (pause * 2).min(limits::RELAY_REST);
            }
            Opened::No => {
                give_back(floor, queue, row).await;
                break;
            }
        }
    }
    if let Some(Live { session, _counted }) = session.take() {
        session.quit().await;
    }
}

/// The next row, at the destination's pace. None when there is nothing more to do here.
async fn next(floor: &Floor<'_>, queue: &Queue) -> Option<Row> {
    loop {
        if floor.is_over() || floor.is_past_end() {
            return None;
        }
        let now = floor.now();
        if queue.len() > 0 {
            if let Turn::At(at) = queue.to.shape.turn(now) {
                if queue.to.shape.resting(now).is_some() {
                    rest(floor, queue, (0, "resting")).await;
                    return None;
                }
                tokio::select! { () = floor.over() => {}, () = sleep(at.since(now)) => {} }
                continue;
            }
            if let Some((row, left)) = queue.pop() {
                if left == limits::CLAIM_PAGE / 2 {
                    floor.changed.notify_one();
                }
                floor.given.fetch_add(1, Ordering::Relaxed);
                return Some(row);
            }
        }
        // The register of who comes is looked at before the last one is awaited.
        let came = queue.came.notified();
        tokio::pin!(came);
        came.as_mut().enable();
        if floor.all_sorted.load(Ordering::SeqCst) && queue.len() == 0 {
            return None;
        }
        if queue.len() == 0 {
            floor.changed.notify_one();
            tokio::select! {
                () = floor.over() => {}
                () = came => {}
                () = sleep(limits::LANE_IDLE) => return None,
            }
        }
    }
}

/// Not sent after all. Where its destination is at rest by now, the row is put off with the others.
async fn give_back(floor: &Floor<'_>, queue: &Queue, row: Row) {
    floor.given.fetch_sub(1, Ordering::Relaxed);
    match queue.to.shape.resting(floor.now()) {
        Some(until) => verdict::put_off(floor, row, until, (0, "resting")).await,
        None => queue.put_back(row),
    }
}

/// Makes sure that there is a session to send through.
async fn open<'a>(
    floor: &Floor<'_>,
    queue: &'a Queue,
    slot: &mut Option<Live<'a>>,
    (row, pause): (&Row, Duration),
) -> Opened {
    let most = queue.to.shape.limits().per_connection;
    if let Some(live) = slot {
        if live.session.is_usable(most).await {
            return Opened::Yes;
        }
        if let Some(Live { session, _counted }) = slot.take() {
            tokio::spawn(session.quit());
        }
    }
    let opening = floor.route.open(&queue.to, floor.trust.as_ref(), floor.waits);
    let opened = tokio::select! {
        biased;
        () = floor.over() => return Opened::No,
        opened = opening => opened,
    };
    match (opened, &queue.to.hosts) {
        (Ok(session), _) => {
            floor.reached();
            *slot = Some(Live { session, _counted: Counted::one(queue) });
            Opened::Yes
        }
        (Err(trouble), Hosts::Relay(_)) => relay_trouble(floor, queue, trouble, pause),
        (Err(trouble), Hosts::Mx(_)) => receiver_trouble(floor, queue, trouble, row).await,
    }
}

fn relay_trouble(floor: &Floor<'_>, queue: &Queue, trouble: Trouble, pause: Duration) -> Opened {
    match trouble {
        Trouble::Ours(say) => floor.pause(say),
        // Others get through: the relay wants fewer connections. With nobody through it is down.
        trouble if queue.live.load(Ordering::SeqCst) == 0 => floor.rest(trouble.into_say()),
        Trouble::Later(_) | Trouble::Away(_) | Trouble::NoTls(_) => return Opened::After(pause),
    }
    Opened::No
}

/// A receiver's host does not speak with us: its rows are put off, and everybody else's mail goes on.
async fn receiver_trouble(floor: &Floor<'_>, queue: &Queue, trouble: Trouble, row: &Row) -> Opened {
    let (shape, now) = (&queue.to.shape, floor.now());
    let open = queue.live.load(Ordering::SeqCst);
    if open > 0 && !matches!(trouble, Trouble::Ours(_)) {
        shape.heard(Event::Crowded { open: u16::try_from(open).unwrap_or(u16::MAX) }, now);
        return Opened::No;
    }
    if matches!(trouble, Trouble::Away(_)) && floor.unreached(&queue.to.key) {
        floor.pause(port_closed());
        return Opened::No;
    }
    let (event, word) = match trouble {
        Trouble::Ours(_) => (Event::Refuses, "refuses"),
        Trouble::Later(_) | Trouble::NoTls(_) => (Event::Away, "busy"),
        Trouble::Away(_) => (Event::Away, "away"),
    };
    let _the_row_in_hand_is_given_back_by_the_lane = row;
    shape.heard(event, now);
    rest(floor, queue, (0, word)).await;
    Opened::No
}

/// Everybody who waits is put off until the destination's rest is over.
pub(super) async fn rest(floor: &Floor<'_>, queue: &Queue, why: (u16, &str)) {
    let Some(until) = queue.to.shape.resting(floor.now()) else { return };
    for row in queue.empty() {
        verdict::put_off(floor, row, until, why).await;
    }
}

fn port_closed() -> Say {
    say!(
        "どの受信側のサーバーにも接続できません。このサーバーから外への 25 番ポートが閉じられているようです。回線やクラウドの事業者に開放を申し込むか、中継サーバー（ポート 587 など）を設定してください。",
        "No receiver's host can be reached. Port 25 to the outside seems to be closed on this server. Ask your provider to open it, or set a relay (port 587 and the like)."
    )
}

/// One row to its end: at most one more try on a new connection.
async fn deliver<'a>(floor: &Floor<'_>, queue: &'a Queue, slot: &mut Option<Live<'a>>, row: Row) {
    for last in [false, true] {
        let Some(live) = slot.as_mut() else { return put_back(floor, queue, row) };
        let relays_own = match attempt(floor, queue, &mut live.session, &row).await {
            Err(e) => {
                floor.fail(e);
                *slot = None;
                return put_back(floor, queue, row);
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
                return put_back(floor, queue, row);
            }
            Ok((Tried::Again(why), _)) => {
                *slot = None;
                why
            }
        };
        if let (true, Some(why)) = (last, relays_own) {
            return turned_away(floor, queue, row, why).await;
        }
        if last {
            let lost = "connection lost".to_owned();
            return floor.clerk.settle(verdict::deferred(floor, row, 0, lost)).await;
        }
        match open(floor, queue, slot, (&row, Duration::ZERO)).await {
            Opened::Yes => {}
            Opened::After(_) | Opened::No => return give_back(floor, queue, row).await,
        }
    }
}

fn put_back(floor: &Floor<'_>, queue: &Queue, row: Row) {
    floor.given.fetch_sub(1, Ordering::Relaxed);
    queue.put_back(row);
}

/// 421 to MAIL FROM twice: this destination wants a rest.
async fn turned_away(floor: &Floor<'_>, queue: &Queue, row: Row, why: Say) {
    match queue.to.hosts {
        Hosts::Relay(_) => floor.rest(why),
        Hosts::Mx(_) => {
            queue.to.shape.heard(Event::Away, floor.now());
            rest(floor, queue, (421, "busy")).await;
        }
    }
    give_back(floor, queue, row).await;
}

/// Nobody is left to be asked. When somebody ended the run, what is withheld stays as it was instead.
pub(super) async fn end_withheld(floor: &Floor<'_>, queue: &Queue) {
    if floor.is_over() {
        return;
    }
    for row in super::attempt::left(floor, queue) {
        floor.clerk.settle(row).await;
    }
}
