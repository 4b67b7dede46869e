//! How a door hands over, decided: no clock, no process.

use crate::base::{Say, limits};
use std::time::Duration;

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The next door does everything that can fail.
    Prepare,
    /// The worker says its last word to this door.
    Turn,
    /// The next door speaks to the worker and listens.
    Take,
}

impl Stage {
    pub(super) fn time(self) -> Duration {
        match self {
            Stage::Prepare => limits::SUCCESSOR_PREPARE,
            Stage::Turn => limits::SUCCESSOR_TURN,
            Stage::Take => limits::SUCCESSOR_TAKE,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Prepared,
    Turned,
    Took,
    /// The next door said why it cannot.
    Failed(Say),
    HeirGone,
    WorkerGone,
    /// This door shall close.
    Stop,
    Late,
}

/// What is to be done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Wait,
    /// Say the last word to the worker.
    Turn,
    /// Tell the next door that it is its turn.
    Take,
    /// The next door has the house.
    Handed,
    /// This door goes on. `spoke`: the worker was told that another would come.
    Kept {
        why: Say,
        spoke: bool,
    },
}

pub(super) fn next(stage: Stage, heard: Heard) -> Next {
    let kept = |why| Next::Kept { why, spoke: stage != Stage::Prepare };
    match (stage, heard) {
        (Stage::Prepare, Heard::Prepared) => Next::Turn,
        (Stage::Turn, Heard::Turned) => Next::Take,
        (Stage::Take, Heard::Took) => Next::Handed,
        (_, Heard::Prepared | Heard::Turned | Heard::Took) => Next::Wait,
        (_, Heard::Failed(why)) => kept(why),
        (_, Heard::HeirGone) => kept(say!("次の入口の処理が終わってしまいました。", "The next door has ended.")),
        (_, Heard::WorkerGone) => kept(say!("処理が終わってしまいました。", "The worker has ended.")),
        (_, Heard::Stop) => kept(stopped()),
        (Stage::Turn, Heard::Late) => kept(say!(
            "処理が入口の交代に応じませんでした。",
            "The worker did not take its leave of this door in time."
        )),
        (Stage::Prepare | Stage::Take, Heard::Late) => {
            kept(say!("次の入口が時間内に応答しませんでした。", "The next door did not answer in time."))
        }
    }
}

pub(super) fn stopped() -> Say {
    say!("サーバーが終了します。", "The server is ending.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(next: &Next) -> &str {
        match next {
            Next::Wait => "wait",
            Next::Turn => "turn",
            Next::Take => "take",
            Next::Handed => "handed",
            Next::Kept { spoke: false, .. } => "kept",
            Next::Kept { spoke: true, .. } => "kept, and back",
        }
    }

    #[test]
    fn one_step_follows_another_and_whatever_else_comes_keeps_this_door() {
        let why = || say!("だめ", "No.");
        #[rustfmt::skip]
        let table = [
            (Heard::Prepared,      ["turn", "wait", "wait"]),
            (Heard::Turned,        ["wait", "take", "wait"]),
            (Heard::Took,          ["wait", "wait", "handed"]),
            (Heard::Failed(why()), ["kept", "kept, and back", "kept, and back"]),
            (Heard::HeirGone,      ["kept", "kept, and back", "kept, and back"]),
            (Heard::WorkerGone,    ["kept", "kept, and back", "kept, and back"]),
            (Heard::Stop,          ["kept", "kept, and back", "kept, and back"]),
            (Heard::Late,          ["kept", "kept, and back", "kept, and back"]),
        ];
        for (heard, want) in table {
            let got = [Stage::Prepare, Stage::Turn, Stage::Take].map(|stage| next(stage, heard.clone()));
            assert_eq!(got.each_ref().map(said), want, "{heard:?}");
        }
    }

    #[test]
    fn the_worker_keeps_silent_for_longer_than_two_doors_may_take() {
        assert!(Stage::Turn.time() + Stage::Take.time() < limits::TURN_HUSH);
        assert!(limits::TURN_HUSH < limits::BEAT_LOST);
    }
}
