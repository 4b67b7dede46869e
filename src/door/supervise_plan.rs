//! How a worker is kept alive, decided: no clock, no process.

use crate::base::limits;
use std::time::Duration;

/// How many deaths in a row this one is.
pub(crate) fn row(before: u32, lived: Duration) -> u32 {
    if lived >= limits::LIVED_WELL { 1 } else { before.saturating_add(1) }
}

/// How long after the `row`-th death in a row the next worker is started.
pub(crate) fn pause(row: u32) -> Duration {
    let n = usize::try_from(row.saturating_sub(1)).unwrap_or(usize::MAX);
    let last = limits::RESTART_PAUSES.last().copied().unwrap_or_default();
    limits::RESTART_PAUSES.get(n).copied().unwrap_or(last)
}

/// What happens while there is no worker, by how long that has been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outage {
    /// Who comes waits.
    Bridged,
    /// Waiting has no point any more: who comes is told so at once, and somebody is called.
    Felt,
    /// The system may start the whole door anew.
    Lost,
}

pub(crate) fn outage(since: Duration) -> Outage {
    match since {
        s if s < limits::HOLD_TIME => Outage::Bridged,
        s if s < limits::OUTAGE_MAX => Outage::Felt,
        _ => Outage::Lost,
    }
}

pub(crate) fn is_dead(silent: Duration) -> bool {
    silent >= limits::BEAT_LOST
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn the_first_restart_is_at_once_and_the_pauses_grow_up_to_a_bound() {
        for (row, wait) in [(0, 0), (1, 0), (2, 1), (3, 2), (4, 5), (5, 10), (6, 20), (7, 20), (u32::MAX, 20)] {
            assert_eq!(pause(row), s(wait), "{row}");
            assert_eq!(outage(pause(row) + s(5)), Outage::Bridged, "{row}: who comes in between waits and is answered");
        }
    }

    #[test]
    fn a_worker_that_lived_well_begins_a_new_row() {
        for (before, lived, want) in [(0, 0, 1), (1, 3, 2), (5, 59, 6), (5, 60, 1), (u32::MAX, 0, u32::MAX)] {
            assert_eq!(row(before, s(lived)), want, "{before} {lived}");
        }
    }

    #[test]
    fn an_outage_is_bridged_then_felt_then_lost() {
        for (since, want) in
            [(0, Outage::Bridged), (29, Outage::Bridged), (30, Outage::Felt), (299, Outage::Felt), (300, Outage::Lost)]
        {
            assert_eq!(outage(s(since)), want, "{since}");
        }
    }

    #[test]
    fn a_worker_is_dead_after_ten_seconds_of_silence_and_not_before() {
        assert!(!is_dead(s(9)) && is_dead(s(10)));
    }
}
