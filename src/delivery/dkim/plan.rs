//! What becomes of key pairs, decided without clock, disk or network.
//!
//! A pair waits until its records are seen, then signs; the pair before it stays published for a while, because mail that
//! it signed is still on its way and is checked again by those who forward it.

use super::pair::{Pair, State};
use crate::base::{Time, clock, limits};

/// What is to be done with a domain's pairs at this moment, by number.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) activate: Option<i64>,
    pub(super) retire: Vec<i64>,
    pub(super) remove: Vec<i64>,
}

impl Turn {
    pub(super) fn is_empty(&self) -> bool {
        *self == Turn::default()
    }
}

/// `seen`: the records of the pair that waits are published, or somebody said not to look.
pub(super) fn turn(pairs: &[Pair], seen: bool, now: Time) -> Turn {
    let of = |state: State| pairs.iter().filter(move |p| p.state == state);
    let activate = of(State::Waiting).next_back().map(|p| p.id).filter(|_| seen);
    let retire = if activate.is_some() { of(State::Active).map(|p| p.id).collect() } else { Vec::new() };
    let over = |p: &&Pair| p.until.is_some_and(|until| until <= now);
    Turn { activate, retire, remove: of(State::Retiring).filter(over).map(|p| p.id).collect() }
}

/// Until when a pair that stops signing now stays published.
pub(super) fn until(now: Time) -> Time {
    now.plus(limits::DKIM_OVERLAP)
}

/// `hkb20261201`, and `hkb20261201-2` for a second one on the same day.
pub(super) fn stem(now: Time, taken: &[Pair]) -> String {
    let day = format!("hkb{}", now.date(&clock::japan()).strftime("%Y%m%d"));
    let is_free = |stem: &String| taken.iter().all(|p| p.stem != *stem);
    let numbered = (2..).map(|n| format!("{day}-{n}"));
    std::iter::once(day.clone()).chain(numbered).find(is_free).unwrap_or(day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Domain;

    fn pair(id: i64, state: State, until: Option<i64>) -> Pair {
        Pair {
            id,
            domain: Domain::parse("example.jp").unwrap(),
            stem: format!("hkb{id}"),
            state,
            public: [String::new(), String::new()],
            made: Time(0),
            since: None,
            until: until.map(Time),
        }
    }

    #[test]
    fn a_pair_signs_when_it_is_seen_and_the_one_before_it_retires() {
        use State::{Active, Gone, Retiring, Waiting};
        let none = Turn::default;
        for (pairs, seen, want) in [
            (vec![], true, none()),
            (vec![(1, Waiting)], false, none()),
            (vec![(1, Waiting)], true, Turn { activate: Some(1), ..none() }),
            (vec![(1, Active)], true, none()),
            (vec![(1, Active), (2, Waiting)], false, none()),
            (vec![(1, Active), (2, Waiting)], true, Turn { activate: Some(2), retire: vec![1], ..none() }),
            (
                vec![(1, Gone), (2, Retiring), (3, Active), (4, Waiting)],
                true,
                Turn { activate: Some(4), retire: vec![3], ..none() },
            ),
        ] {
            let pairs: Vec<Pair> = pairs.into_iter().map(|(id, state)| pair(id, state, Some(1000))).collect();
            assert_eq!(turn(&pairs, seen, Time(10)), want, "{pairs:?}");
        }
    }

    #[test]
    fn a_retired_pair_is_removed_at_its_date_and_not_before() {
        let pairs = [pair(1, State::Retiring, Some(100)), pair(2, State::Active, None)];
        assert!(turn(&pairs, false, Time(99)).is_empty());
        assert_eq!(turn(&pairs, false, Time(100)).remove, [1]);
        assert_eq!(until(Time(0)).ms(), 14 * 24 * 3_600_000);
    }

    #[test]
    fn selectors_carry_the_day_and_never_come_twice() {
        let now = Time::parse("2026-12-01 08:00", &clock::japan()).unwrap();
        let mut taken = Vec::new();
        for want in ["hkb20261201", "hkb20261201-2", "hkb20261201-3"] {
            let stem = stem(now, &taken);
            assert_eq!(stem, want);
            taken.push(Pair { stem, ..pair(1, State::Gone, None) });
        }
    }
}
