//! When a certificate is ordered: pure.

use crate::base::{Time, limits};
use std::time::Duration;

/// How the last attempts of this process went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Last {
    pub(super) at: Option<Time>,
    pub(super) failures: u32,
}

impl Last {
    pub(super) fn after(self, good: bool, now: Time) -> Last {
        Last { at: Some(now), failures: if good { 0 } else { self.failures.saturating_add(1) } }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Order,
    Wait(Duration),
}

/// Renewed when two thirds of its life are over, which fits certificates of ninety days as well as those of six.
/// After a failure the wait doubles from a minute to a day: authorities block who asks too often.
pub(super) fn next(kept: Option<(Time, Time)>, last: Last, now: Time) -> Next {
    let due = kept.map_or(now, |(since, until)| since.plus(until.since(since) * 2 / 3));
    let allowed = match (last.at, last.failures) {
        (None, _) | (_, 0) => now,
        (Some(at), failures) => at.plus(rest(failures)),
    };
    // A clock that was put back must not make us wait for what it said before.
    let allowed = allowed.min(now.plus(limits::ACME_REST_MAX));
    match due.max(allowed).since(now) {
        Duration::ZERO => Next::Order,
        wait => Next::Wait(wait),
    }
}

fn rest(failures: u32) -> Duration {
    limits::ACME_REST.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(limits::ACME_REST_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000;

    #[test]
    fn a_certificate_is_ordered_when_there_is_none_and_when_two_thirds_of_its_life_are_over() {
        let life = Some((Time(0), Time(90 * DAY)));
        let days = |n: u64| Next::Wait(Duration::from_secs(n * 86_400));
        for (kept, now, want) in [
            (None, 0, Next::Order),
            (life, 0, days(60)),
            (life, 59 * DAY, days(1)),
            (life, 60 * DAY, Next::Order),
            (life, 100 * DAY, Next::Order),
            (Some((Time(0), Time(6 * DAY))), 3 * DAY, days(1)),
        ] {
            assert_eq!(next(kept, Last::default(), Time(now)), want, "{kept:?} at {now}");
        }
    }

    #[test]
    fn failures_make_the_wait_longer_up_to_a_day() {
        let wait = |failures, after: i64| next(None, Last { at: Some(Time(0)), failures }, Time(after));
        assert_eq!(wait(1, 0), Next::Wait(Duration::from_secs(60)));
        assert_eq!(wait(1, 60_000), Next::Order);
        assert_eq!(wait(4, 0), Next::Wait(Duration::from_secs(480)));
        assert_eq!(wait(40, 0), Next::Wait(Duration::from_secs(86_400)));
        assert_eq!(wait(0, 0), Next::Order);
    }

    #[test]
    fn a_clock_that_was_put_back_does_not_stop_renewal_for_more_than_a_day() {
        let last = Last { at: Some(Time(1_000 * DAY)), failures: 3 };
        assert_eq!(next(None, last, Time(0)), Next::Wait(Duration::from_secs(86_400)));
    }
}
