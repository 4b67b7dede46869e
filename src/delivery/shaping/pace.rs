//! How fast one destination is written to now: pure decisions over what it has answered. Wider and faster while it takes
//! mail, slower and at rest when it says so.

use super::limits::{Limits, Reaction};
use crate::base::Time;
use std::time::Duration;

/// What a destination did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::delivery) enum Event {
    /// A message was taken.
    Taken,
    /// It asks for less, in one of its own ways.
    Asked(Reaction),
    /// A connection could not be opened, or was not greeted, while others are open.
    Crowded { open: u16 },
    /// Nobody gets through.
    Away,
    /// It wants no mail of ours for now.
    Refuses,
}

/// Whether a message may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::delivery) enum Turn {
    Now,
    /// Not before then.
    At(Time),
}

#[derive(Clone, Debug)]
pub(in crate::delivery) struct Pace {
    /// Connections that may be open.
    width: u16,
    /// Halvings of the rate.
    slow: u8,
    /// Messages taken since the last change for the better or the worse.
    taken: u32,
    /// Rests, one after another without a message taken between them.
    rests: u8,
    rest_until: Time,
    /// When the next message is due, in thousandths of a millisecond: the sum of exact gaps.
    next: i128,
}

/// After so many messages taken per open connection one more is opened, or a halving is undone.
const BETTER_AFTER: u32 = 20;
/// Without a rate of its own a destination that asks for less gets this many messages a minute, halved at each asking.
const SLOWED_PER_MINUTE: u32 = 600;
const SLOWEST: u8 = 8;
/// Rests when nobody gets through, each next one longer.
const AWAY_MINUTES: [u64; 6] = [1, 2, 5, 10, 20, 30];
/// Rests after a refusal of everything.
const REFUSED_MINUTES: [u64; 4] = [10, 30, 60, 120];

impl Pace {
    pub(in crate::delivery) fn new(limits: &Limits) -> Pace {
        Pace { width: limits.start(), slow: 0, taken: 0, rests: 0, rest_until: Time(0), next: 0 }
    }

    /// As wide as it may get, from the beginning.
    pub(in crate::delivery) fn at_full_width(limits: &Limits) -> Pace {
        Pace { width: limits.connections, ..Pace::new(limits) }
    }

    pub(in crate::delivery) fn connections(&self, limits: &Limits) -> usize {
        usize::from(self.width.min(limits.connections).max(1))
    }

    /// Until when it is left alone; `None` when it is not.
    pub(in crate::delivery) fn resting(&self, now: Time) -> Option<Time> {
        (now < self.rest_until).then_some(self.rest_until)
    }

    /// Messages a minute, as they are allowed now; `None` without a bound.
    pub(in crate::delivery) fn per_minute(&self, limits: &Limits) -> Option<u32> {
        let whole = limits.per_minute.or((self.slow > 0).then_some(SLOWED_PER_MINUTE));
        whole.map(|n| (n >> self.slow).max(1))
    }

    /// Takes the next turn if it has come.
    pub(in crate::delivery) fn take(&mut self, limits: &Limits, now: Time) -> Turn {
        if let Some(until) = self.resting(now) {
            return Turn::At(until);
        }
        let Some(rate) = self.per_minute(limits) else { return Turn::Now };
        let now_us = i128::from(now.ms()) * 1_000;
        if self.next > now_us {
            return Turn::At(Time(i64::try_from((self.next + 999) / 1_000).unwrap_or(i64::MAX)));
        }
        let gap = i128::from(60_000_000 / u64::from(rate));
        // A second's worth may be caught up, no more.
        self.next = self.next.max(now_us - 1_000_000) + gap;
        Turn::Now
    }

    pub(in crate::delivery) fn heard(&mut self, limits: &Limits, event: Event, now: Time) {
        match event {
            Event::Taken => self.better(limits),
            Event::Asked(Reaction::Slower) => self.worse(),
            Event::Asked(Reaction::Rest { minutes }) => {
                self.worse();
                self.rest(minutes.into(), now);
            }
            Event::Asked(Reaction::Nothing) => {}
            Event::Crowded { open } => {
                self.width = open.max(1);
                self.taken = 0;
            }
            Event::Away => self.rest_of(&AWAY_MINUTES, now),
            Event::Refuses => self.rest_of(&REFUSED_MINUTES, now),
        }
    }

    fn better(&mut self, limits: &Limits) {
        (self.rests, self.taken) = (0, self.taken + 1);
        if self.taken < BETTER_AFTER * u32::from(self.width) {
            return;
        }
        self.taken = 0;
        if self.slow > 0 {
            self.slow -= 1;
        } else if self.width < limits.connections {
            self.width += 1 + self.width / 2;
            self.width = self.width.min(limits.connections);
        }
    }

    fn worse(&mut self) {
        // What was on its way when it asked is not asked for again: one step at a time.
        if self.slow == 0 || self.taken > 0 {
            self.slow = (self.slow + 1).min(SLOWEST);
            self.width = (self.width / 2).max(1);
        }
        self.taken = 0;
    }

    fn rest_of(&mut self, minutes: &[u64], now: Time) {
        // Several connections hear the same answer.
        if self.resting(now).is_none() {
            let n = usize::from(self.rests).min(minutes.len() - 1);
            self.rest(minutes[n], now);
        }
    }

    fn rest(&mut self, minutes: u64, now: Time) {
        self.rests = self.rests.saturating_add(1);
        self.rest_until = self.rest_until.max(now.plus(Duration::from_secs(minutes * 60)));
        self.width = 1;
        self.taken = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(connections: u16, per_minute: Option<u32>) -> Limits {
        Limits { connections, per_connection: 100, per_minute, signs: Vec::new() }
    }

    fn minutes(n: i64) -> Time {
        Time(n * 60_000)
    }

    #[test]
    fn it_widens_while_mail_is_taken_and_never_beyond_its_limit() {
        let limits = limits(10, None);
        let mut pace = Pace::new(&limits);
        assert_eq!(pace.connections(&limits), 2);
        let mut widths = vec![2];
        for _ in 0..2_000 {
            pace.heard(&limits, Event::Taken, Time(0));
            if *widths.last().unwrap() != pace.connections(&limits) {
                widths.push(pace.connections(&limits));
            }
        }
        assert_eq!(widths, [2, 4, 7, 10]);
    }

    #[test]
    fn a_rate_is_kept_to_the_message_and_a_pause_is_not_caught_up() {
        let limits = limits(10, Some(600));
        let mut pace = Pace::new(&limits);
        let sent = |pace: &mut Pace, from: i64, to: i64| {
            (from..to).filter(|ms| pace.take(&limits, Time(*ms)) == Turn::Now).count()
        };
        sent(&mut pace, 1_000_000, 1_002_000);
        assert_eq!(sent(&mut pace, 1_002_000, 1_062_000), 600);
        let Turn::At(next) = pace.take(&limits, Time(1_061_999)) else { panic!("not yet") };
        assert!(next > Time(1_061_999) && next <= Time(1_062_099), "{next:?}");
        // An hour later a second's worth is due at once, not an hour's.
        let later = 1_062_000 + 3_600_000;
        let at_once = (0..1_000).filter(|_| pace.take(&limits, Time(later)) == Turn::Now).count();
        assert!((10..=11).contains(&at_once), "{at_once}");
    }

    #[test]
    fn one_asking_for_less_halves_it_once_and_taken_mail_brings_it_back() {
        let limits = limits(8, None);
        let mut pace = Pace::new(&limits);
        (0..1_000).for_each(|_| pace.heard(&limits, Event::Taken, Time(0)));
        assert_eq!((pace.connections(&limits), pace.per_minute(&limits)), (8, None));
        // Eight connections hear the same.
        (0..8).for_each(|_| pace.heard(&limits, Event::Asked(Reaction::Slower), Time(0)));
        assert_eq!((pace.connections(&limits), pace.per_minute(&limits)), (4, Some(300)));
        pace.heard(&limits, Event::Taken, Time(0));
        pace.heard(&limits, Event::Asked(Reaction::Slower), Time(0));
        assert_eq!((pace.connections(&limits), pace.per_minute(&limits)), (2, Some(150)));
        (0..2_000).for_each(|_| pace.heard(&limits, Event::Taken, Time(0)));
        assert_eq!((pace.connections(&limits), pace.per_minute(&limits)), (8, None));
    }

    #[test]
    fn rests_grow_until_something_is_taken() {
        let limits = limits(4, None);
        let mut pace = Pace::new(&limits);
        let mut now = minutes(0);
        for wait in [1, 2, 5, 10, 20, 30, 30] {
            pace.heard(&limits, Event::Away, now);
            pace.heard(&limits, Event::Away, now);
            let until = pace.resting(now).unwrap();
            assert_eq!(until.ms() - now.ms(), minutes(wait).ms());
            assert_eq!(pace.take(&limits, now), Turn::At(until));
            now = until;
            assert_eq!(pace.resting(now), None);
        }
        pace.heard(&limits, Event::Taken, now);
        pace.heard(&limits, Event::Refuses, now);
        assert_eq!(pace.resting(now).unwrap().ms() - now.ms(), minutes(10).ms());
        pace.heard(&limits, Event::Asked(Reaction::Rest { minutes: 60 }), now);
        assert_eq!(pace.resting(now).unwrap().ms() - now.ms(), minutes(60).ms());
    }

    #[test]
    fn a_crowd_is_as_wide_as_what_was_let_in() {
        let limits = limits(20, None);
        let mut pace = Pace::new(&limits);
        (0..2_000).for_each(|_| pace.heard(&limits, Event::Taken, Time(0)));
        pace.heard(&limits, Event::Crowded { open: 5 }, Time(0));
        assert_eq!(pace.connections(&limits), 5);
        pace.heard(&limits, Event::Crowded { open: 0 }, Time(0));
        assert_eq!(pace.connections(&limits), 1);
    }
}
