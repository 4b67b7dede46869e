//! The life of a campaign, decided: which state follows from what, what is due, and what a missed start means.
//! No clock, no disk, no network.

use crate::base::{Error, Result, Say, Time, limits};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Draft,
    Scheduled,
    /// Its start was missed by too much: somebody decides whether it still goes out.
    Held,
    Sending,
    Paused,
    Done,
    Cancelled,
    /// Its ledger is gone or does not verify. It is never sent again by itself.
    Damaged,
}

impl State {
    pub const ALL: [State; 8] = [
        State::Draft,
        State::Scheduled,
        State::Held,
        State::Sending,
        State::Paused,
        State::Done,
        State::Cancelled,
        State::Damaged,
    ];

    pub fn name(self) -> &'static str {
        match self {
            State::Draft => "draft",
            State::Scheduled => "scheduled",
            State::Held => "held",
            State::Sending => "sending",
            State::Paused => "paused",
            State::Done => "done",
            State::Cancelled => "cancelled",
            State::Damaged => "damaged",
        }
    }

    pub fn ja(self) -> &'static str {
        match self {
            State::Draft => "下書き",
            State::Scheduled => "予約済み",
            State::Held => "確認待ち",
            State::Sending => "送信中",
            State::Paused => "一時停止中",
            State::Done => "完了",
            State::Cancelled => "中止",
            State::Damaged => "破損",
        }
    }

    pub fn parse(name: &str) -> Option<State> {
        State::ALL.into_iter().find(|s| s.name() == name)
    }

    /// Its content may be changed.
    pub fn is_editable(self) -> bool {
        matches!(self, State::Draft | State::Scheduled | State::Held)
    }

    /// It has or had recipients.
    pub fn has_run(self) -> bool {
        matches!(self, State::Sending | State::Paused | State::Done | State::Damaged)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    Schedule,
    Unschedule,
    Miss,
    Start,
    Pause,
    Resume,
    Cancel,
    Finish,
    /// Somebody wants rows in doubt sent again after the end.
    Reopen,
    Damage,
}

/// The state after an event; an event that does not fit is a conflict that says where the campaign is.
pub(super) fn next(state: State, event: Event) -> Result<State> {
    use Event::*;
    use State::*;
    match (event, state) {
        (Schedule, Draft | Scheduled | Held) => Ok(Scheduled),
        (Unschedule, Scheduled | Held) => Ok(Draft),
        (Miss, Scheduled) => Ok(Held),
        (Start, Draft | Scheduled | Held) => Ok(Sending),
        (Pause, Sending) => Ok(Paused),
        (Resume, Paused) => Ok(Sending),
        (Cancel, Draft | Scheduled | Held | Sending | Paused) => Ok(Cancelled),
        (Finish, Sending) => Ok(Done),
        (Reopen, Done | Paused) => Ok(Sending),
        (Reopen, Sending) => Ok(Sending),
        (Damage, Sending | Paused) => Ok(Damaged),
        (_, state) => {
            let (ja, en) = (state.ja(), state.name());
            let conflict = Error::conflict(say!(
                "この配信は今「{ja}」なので、その操作はできません。",
                "The campaign is {en} now, so that cannot be done."
            ));
            Err(conflict.hint(instead(state)))
        }
    }
}

/// What can be done with a campaign in this state.
fn instead(state: State) -> Say {
    match state {
        State::Draft => say!("まず送信するか予約してください。", "Send or schedule it first."),
        State::Scheduled | State::Held => {
            say!(
                "hakobu campaign unschedule で下書きに戻せます。",
                "hakobu campaign unschedule makes it a draft again."
            )
        }
        State::Sending => say!("hakobu campaign pause で一時停止できます。", "hakobu campaign pause stops it for now."),
        State::Paused => say!(
            "hakobu campaign resume で再開できます。理由は hakobu campaign show で確かめられます。",
            "hakobu campaign resume goes on; hakobu campaign show tells why it was paused."
        ),
        State::Done | State::Cancelled | State::Damaged => {
            say!("hakobu campaign copy で同じ内容の下書きを作れます。", "hakobu campaign copy makes a new draft of it.")
        }
    }
}

/// What to do with a scheduled campaign at `now`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    NotYet,
    Now,
    /// Missed by more than `START_LATE`: hold it and ask.
    Hold,
}

pub(super) fn start(at: Time, now: Time) -> Start {
    if now < at {
        Start::NotYet
    } else if now.since(at) > limits::START_LATE {
        Start::Hold
    } else {
        Start::Now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_campaign_goes_only_where_its_life_allows() {
        use Event::*;
        use State::*;
        for (from, event, want) in [
            (Draft, Schedule, Some(Scheduled)),
            (Draft, Start, Some(Sending)),
            (Draft, Pause, None),
            (Scheduled, Schedule, Some(Scheduled)),
            (Scheduled, Unschedule, Some(Draft)),
            (Scheduled, Miss, Some(Held)),
            (Held, Start, Some(Sending)),
            (Held, Unschedule, Some(Draft)),
            (Sending, Start, None),
            (Sending, Pause, Some(Paused)),
            (Sending, Cancel, Some(Cancelled)),
            (Sending, Finish, Some(Done)),
            (Sending, Schedule, None),
            (Paused, Resume, Some(Sending)),
            (Paused, Cancel, Some(Cancelled)),
            (Paused, Finish, None),
            (Done, Start, None),
            (Done, Cancel, None),
            (Done, Reopen, Some(Sending)),
            (Cancelled, Resume, None),
            (Cancelled, Reopen, None),
            (Damaged, Start, None),
            (Damaged, Resume, None),
        ] {
            assert_eq!(next(from, event).ok(), want, "{from:?} {event:?}");
        }
    }

    #[test]
    fn a_start_is_taken_late_by_half_an_hour_and_no_more() {
        let at = Time(10_000_000);
        for (now, want) in [
            (9_999_999, Start::NotYet),
            (10_000_000, Start::Now),
            (10_000_000 + 30 * 60_000, Start::Now),
            (10_000_001 + 30 * 60_000, Start::Hold),
        ] {
            assert_eq!(start(at, Time(now)), want, "{now}");
        }
    }

    #[test]
    fn every_state_is_found_by_its_name() {
        for state in State::ALL {
            assert_eq!(State::parse(state.name()), Some(state));
        }
    }
}
