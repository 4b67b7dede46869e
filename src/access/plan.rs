//! Decisions without clock or disk: how long a guesser waits, when a session is over, who may be suspended.

use super::Role;
use crate::base::{Time, limits};
use std::time::Duration;

/// Two counters with different patience: one account is guessed at by one person, one address may be an office.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counted {
    Account,
    Address,
}

/// After `fails` failures the next try is allowed this long after the last one.
pub(super) fn wait_after(fails: u32, counted: Counted) -> Duration {
    let free = match counted {
        Counted::Account => limits::GUESSES_FREE_ACCOUNT,
        Counted::Address => limits::GUESSES_FREE_ADDRESS,
    };
    match fails.checked_sub(free) {
        None => Duration::ZERO,
        Some(over) => limits::GUESS_WAIT.saturating_mul(1 << over.min(8)).min(limits::GUESS_WAIT_MAX),
    }
}

/// `Some(until)` while the next try must wait.
pub(super) fn blocked_until(fails: u32, last: Time, now: Time, counted: Counted) -> Option<Time> {
    let until = last.plus(wait_after(fails, counted));
    (until > now).then_some(until)
}

/// Failures fade: a day without one starts from zero.
pub(super) fn faded(fails: u32, last: Time, now: Time) -> u32 {
    if now.since(last) > limits::GUESS_FORGET { 0 } else { fails }
}

pub(super) fn session_over(created: Time, seen: Time, now: Time) -> bool {
    now.since(created) > limits::SESSION_LIFE || now.since(seen) > limits::SESSION_IDLE
}

/// Whether taking `role` away (or the user out) would leave a house that nobody can govern.
/// `counted`: the user is one of the `active_admins` (in force, with a password of their own).
pub(super) fn is_last_admin(role: Role, suspended: bool, counted: bool, active_admins: i64) -> bool {
    role == Role::Admin && !suspended && active_admins <= i64::from(counted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_grows_and_has_a_ceiling() {
        let minutes = |fails| wait_after(fails, Counted::Account).as_secs() / 60;
        for (fails, want) in [(0, 0), (4, 0), (5, 2), (6, 4), (7, 8), (8, 16), (9, 30), (10, 30), (1000, 30)] {
            assert_eq!(minutes(fails), want, "{fails}");
        }
        assert_eq!(wait_after(19, Counted::Address), Duration::ZERO);
    }

    #[test]
    fn nobody_gets_more_than_ten_guesses_at_an_account_in_an_hour() {
        let (mut now, mut fails, mut last, mut tries) = (Time(0), 0, Time(0), 0);
        while now.since(Time(0)) < Duration::from_secs(3600) {
            if blocked_until(fails, last, now, Counted::Account).is_none() {
                (tries, fails, last) = (tries + 1, fails + 1, now);
            }
            now = now.plus(Duration::from_secs(1));
        }
        assert!(tries <= 10, "{tries}");
    }

    #[test]
    fn a_session_ends_when_idle_and_when_old() {
        let at = |hours: u64| Time(0).plus(Duration::from_secs(hours * 3600));
        for (created, seen, now, over) in
            [(0, 0, 11, false), (0, 0, 13, true), (0, 160, 161, false), (0, 168, 169, true)]
        {
            assert_eq!(session_over(at(created), at(seen), at(now)), over, "{created} {seen} {now}");
        }
    }

    #[test]
    fn the_last_admin_is_the_only_one_who_is() {
        for (role, suspended, counted, admins, want) in [
            (Role::Admin, false, true, 1, true),
            (Role::Admin, false, true, 2, false),
            (Role::Admin, false, false, 1, false),
            (Role::Admin, false, false, 0, true),
            (Role::Admin, true, true, 1, false),
            (Role::Staff, false, true, 1, false),
        ] {
            assert_eq!(is_last_admin(role, suspended, counted, admins), want);
        }
    }
}
