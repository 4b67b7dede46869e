//! What a row becomes after a try.

use super::Skip;
use super::floor::Floor;
use super::plan::{self, Patience};
use super::row::{Row, State};
use crate::base::{Time, limits, seal};

/// After a try that got an answer about it.
pub(super) fn next(floor: &Floor<'_>, row: &Row, state: State, (code, said): (u16, String)) -> Row {
    let at = floor.now();
    let attempts = row.attempts.saturating_add(1);
    Row { contact: row.contact, state, attempts, code, said, at, since: since(row, at), until: Time(0) }
}

pub(super) fn deferred(floor: &Floor<'_>, row: Row, code: u16, said: String) -> Row {
    let tried = next(floor, &row, State::Deferred, (code, said));
    let jitter = throw();
    match plan::retry_at(tried.attempts, (tried.since, tried.at), patience(floor), jitter) {
        Some(until) => Row { until, ..tried },
        None => Row { state: State::Expired, ..tried },
    }
}

/// Not tried: its destination is left alone until then.
pub(super) async fn put_off(floor: &Floor<'_>, row: Row, until: Time, (code, word): (u16, &str)) {
    let at = floor.now();
    let (since, contact, attempts) = (since(&row, at), row.contact, row.attempts);
    let row = Row { contact, state: State::Deferred, attempts, code, said: word.to_owned(), at, since, until };
    let row = match plan::is_in_time((since, until), patience(floor)) {
        // A crowd that was put off together does not come back as one.
        true => Row { until: until.plus(limits::PUT_OFF_SPREAD * u32::from(throw()) / 255), ..row },
        false => Row { state: State::Expired, until: Time(0), ..row },
    };
    floor.clerk.settle(row).await;
}

pub(super) fn failed(floor: &Floor<'_>, row: &Row, reason: &str) -> Row {
    next(floor, row, State::Failed, (0, reason.to_owned()))
}

/// The domain takes no mail, now and later.
pub(super) fn unreachable(floor: &Floor<'_>, row: &Row, word: &str) -> Row {
    next(floor, row, State::Bounced, (0, word.to_owned()))
}

/// Nobody has this contact any more: the letter's writer says what that comes to.
pub(super) async fn settle_gone(floor: &Floor<'_>, row: Row) {
    match floor.written(row.contact) {
        Ok(Err(skip)) => floor.clerk.settle(skipped(floor, &row, skip)).await,
        // Somebody came back in between.
        Ok(Ok(_)) => floor.clerk.settle(deferred(floor, row, 0, "moved".to_owned())).await,
        Err(e) => floor.fail(e),
    }
}

/// Not tried, so not an attempt.
pub(super) fn skipped(floor: &Floor<'_>, row: &Row, skip: Skip) -> Row {
    let (state, reason) = match skip {
        Skip::Suppressed(reason) => (State::Suppressed, reason),
        Skip::Cancelled => (State::Cancelled, ""),
        Skip::Failed(reason) => (State::Failed, reason),
    };
    let (contact, attempts, since) = (row.contact, row.attempts, row.since);
    Row { contact, state, attempts, code: 0, said: reason.into(), at: floor.now(), since, until: Time(0) }
}

fn since(row: &Row, now: Time) -> Time {
    if row.since.ms() == 0 { now } else { row.since }
}

fn patience(floor: &Floor<'_>) -> Patience {
    Patience { lifetime: floor.policy.lifetime, end: floor.policy.end }
}

fn throw() -> u8 {
    seal::random::<1>().map(|[byte]| byte).unwrap_or_default()
}
