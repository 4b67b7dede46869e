//! When an event is mailed, and when it is only counted: pure.
//!
//! The first one goes out at once. After a mail that left, the same event is counted for `ALARM_EVERY` and then told
//! together; after one that did not leave, it is tried again sooner. So a crash loop costs four mails an hour, and a
//! relay that is away costs no more than that.

use super::log::Tally;
use crate::base::{Time, limits};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Mail,
    /// Not before this time.
    Wait(Time),
    /// Nobody needs to know.
    Drop,
}

pub(super) fn verdict(name: &str, tally: &Tally, trouble: Trouble, now: Time) -> Verdict {
    match name {
        "test" => Verdict::Mail,
        "worker_back" if trouble == Trouble::None => Verdict::Drop,
        _ => match free_from(tally).filter(|t| *t > now && !clock_went_back(tally, now)) {
            Some(then) => Verdict::Wait(then),
            None => Verdict::Mail,
        },
    }
}

/// Whether the last word about the worker was a bad one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    None,
    Told,
}

pub(super) fn trouble<'a>(of: impl Fn(&str) -> Option<&'a Tally>) -> Trouble {
    let told = |name: &str| of(name).and_then(|t| t.told);
    let bad = ["worker_died", "worker_stuck", "worker_cannot_start"].into_iter().filter_map(told).max();
    match bad > told("worker_back") {
        true => Trouble::Told,
        false => Trouble::None,
    }
}

/// The end of the wait after what was last tried.
fn free_from(tally: &Tally) -> Option<Time> {
    let tried = tally.tried?;
    Some(tried.plus(match usize::try_from(tally.failures).unwrap_or(usize::MAX) {
        0 => limits::ALARM_EVERY,
        n => limits::ALARM_RETRIES.get(n - 1).copied().unwrap_or(limits::ALARM_EVERY),
    }))
}

/// A mail from the future would silence the alarm until then.
fn clock_went_back(tally: &Tally, now: Time) -> bool {
    tally.tried.is_some_and(|t| t > now)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIN: i64 = 60_000;

    fn tally(tried: Option<i64>, failures: u32) -> Tally {
        Tally { tried: tried.map(|m| Time(m * MIN)), failures, ..Tally::default() }
    }

    #[test]
    fn the_first_goes_out_at_once_and_the_next_ones_wait() {
        use Verdict::{Mail, Wait};
        let at = |minutes: i64| Time(minutes * MIN);
        for (name, tried, failures, now, want) in [
            ("worker_died", None, 0, 100, Mail),
            ("worker_died", Some(100), 0, 101, Wait(at(115))),
            ("worker_died", Some(100), 0, 114, Wait(at(115))),
            ("worker_died", Some(100), 0, 115, Mail),
            // It did not leave: sooner, and then no sooner than one that did.
            ("worker_died", Some(100), 1, 100, Wait(at(101))),
            ("worker_died", Some(100), 1, 101, Mail),
            ("worker_died", Some(100), 2, 101, Wait(at(105))),
            ("worker_died", Some(100), 3, 110, Wait(at(115))),
            ("worker_died", Some(100), 9, 110, Wait(at(115))),
            // The clock was set back by a day.
            ("worker_died", Some(1540), 0, 100, Mail),
            ("test", Some(100), 0, 100, Mail),
        ] {
            let found = verdict(name, &tally(tried, failures), Trouble::None, at(now));
            assert_eq!(found, want, "{name} {tried:?} {failures} {now}");
        }
    }

    #[test]
    fn being_back_is_news_only_after_an_alarm_that_left() {
        let told = |at: i64| Tally { told: Some(Time(at)), ..Tally::default() };
        for (died, stuck, back, want) in [
            (None, None, None, Trouble::None),
            (Some(5), None, None, Trouble::Told),
            (Some(5), None, Some(9), Trouble::None),
            (Some(5), Some(12), Some(9), Trouble::Told),
        ] {
            let (died, stuck, back) = (died.map(told), stuck.map(told), back.map(told));
            let found = trouble(|name| match name {
                "worker_died" => died.as_ref(),
                "worker_stuck" => stuck.as_ref(),
                "worker_back" => back.as_ref(),
                _ => None,
            });
            assert_eq!(found, want);
        }
        let never = tally(None, 0);
        assert_eq!(verdict("worker_back", &never, Trouble::None, Time(0)), Verdict::Drop);
        assert_eq!(verdict("worker_back", &never, Trouble::Told, Time(0)), Verdict::Mail);
    }

    #[test]
    fn a_crash_loop_of_a_day_costs_at_most_ninety_seven_mails() {
        let (mut tally, mut mails) = (Tally::default(), 0);
        for second in 0..24 * 3600 {
            let now = Time(second * 1000);
            if verdict("worker_died", &tally, Trouble::None, now) == Verdict::Mail {
                (mails, tally.tried) = (mails + 1, Some(now));
            }
        }
        assert_eq!(mails, 96);
    }
}
