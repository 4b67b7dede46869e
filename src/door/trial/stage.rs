//! The names of what a trial does, forward and back, what it asks for and what it hears.

use crate::base::{Say, limits};
use serde::{Deserialize, Serialize};
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stage {
    /// Green's process is there, with its keys; it has opened nothing.
    Warm,
    /// Blue ends delivery, long jobs and event streams; it goes on answering pages, and long answers come to their end.
    Quiesce,
    /// The gate is held.
    Pause,
    /// Nobody is inside any more.
    Drain,
    /// Blue closes the stores.
    Close,
    /// Green opens them, which migrates.
    Open,
    /// Green writes, reads back, decrypts, looks at queue and disk.
    Health,
    /// The gate opens to green.
    Switch,
    /// Green's clock and delivery start.
    Resume,
    /// Green is watched.
    Probation,
    /// The link of the slots is switched: from here on green is what a start runs.
    Commit,
}

impl Stage {
    pub(crate) const ALL: [Stage; 11] = [
        Stage::Warm,
        Stage::Quiesce,
        Stage::Pause,
        Stage::Drain,
        Stage::Close,
        Stage::Open,
        Stage::Health,
        Stage::Switch,
        Stage::Resume,
        Stage::Probation,
        Stage::Commit,
    ];

    pub(crate) fn next(self) -> Option<Stage> {
        Stage::ALL.into_iter().find(|s| *s > self)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Stage::Warm => "warm",
            Stage::Quiesce => "quiesce",
            Stage::Pause => "pause",
            Stage::Drain => "drain",
            Stage::Close => "close",
            Stage::Open => "open",
            Stage::Health => "health",
            Stage::Switch => "switch",
            Stage::Resume => "resume",
            Stage::Probation => "probation",
            Stage::Commit => "commit",
        }
    }

    /// How long it may take; `None` where nothing is waited for, or where waiting harms nobody.
    pub(crate) fn time(self) -> Option<Duration> {
        match self {
            Stage::Warm => Some(limits::TRIAL_WARM),
            Stage::Quiesce => Some(limits::TRIAL_QUIESCE),
            Stage::Drain => Some(limits::TRIAL_DRAIN),
            Stage::Close => Some(limits::TRIAL_CLOSE),
            Stage::Open => Some(limits::TRIAL_OPEN),
            Stage::Health => Some(limits::TRIAL_CHECK),
            Stage::Pause | Stage::Switch | Stage::Resume | Stage::Probation | Stage::Commit => None,
        }
    }
}

/// The way back, in its order. Steps that are not needed are passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Back {
    Hold,
    Drain,
    /// Green served people: it is asked to close before it is killed.
    CloseGreen,
    KillGreen,
    CloseBlue,
    KillBlue,
    /// Blue's program did not come up: a moment before it is started once more.
    Rest,
    Run,
    Open,
    Check,
}

impl Back {
    pub(crate) const ALL: [Back; 10] = [
        Back::Hold,
        Back::Drain,
        Back::CloseGreen,
        Back::KillGreen,
        Back::CloseBlue,
        Back::KillBlue,
        Back::Rest,
        Back::Run,
        Back::Open,
        Back::Check,
    ];

    pub(crate) fn next(self) -> Option<Back> {
        Back::ALL.into_iter().find(|b| *b > self)
    }

    pub(crate) fn time(self) -> Option<Duration> {
        match self {
            Back::Hold | Back::Rest => None,
            Back::Drain => Some(limits::TRIAL_DRAIN),
            Back::CloseGreen | Back::CloseBlue => Some(limits::TRIAL_CLOSE),
            Back::KillGreen | Back::KillBlue => Some(limits::TRIAL_KILL),
            Back::Run => Some(limits::TRIAL_WARM),
            Back::Open => Some(limits::TRIAL_OPEN),
            Back::Check => Some(limits::TRIAL_CHECK),
        }
    }
}

/// A step of the way back that was gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trod {
    pub(crate) back: Back,
    pub(crate) ok: bool,
    pub(crate) ms: u64,
    pub(crate) detail: Option<String>,
}

/// The release that runs, and the one that is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    Blue,
    Green,
}

/// What a worker is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    Quiesce,
    Close,
    Open,
    Check(u64),
    Start,
}

/// What is to be done. Those with a mark (●) are answered by an event; the others are done when they return.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// ● Write down, durably, that this stage begins.
    Keep(Stage),
    /// Write down why it goes back, if that can be done.
    Note(Say),
    /// ● Start this release's program as a fresh worker.
    Run(Who),
    /// ● Say this to a worker. Nothing answers `Word::Start`.
    Tell(Who, Word),
    /// ● Kill, and wait until it is dead.
    Kill(Who),
    /// ● Until nobody inside is there for long: who comes and goes is done in a moment, a long answer is not.
    Calm,
    /// Hold the gate.
    Hold,
    /// ● Until nobody is inside.
    Drain,
    /// Turn requests away: nobody will answer soon.
    Shut,
    /// Open the gate to this worker.
    Let(Who),
    /// ● Switch the link of the slots to green.
    Link,
    /// The trial is over, and this release runs.
    End(Who),
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Begin,
    Kept,
    NotKept(Say),
    Warm(Who),
    Quiesced {
        in_doubt: u64,
    },
    Calm,
    Drained,
    Closed(Who),
    Opened(Who),
    Checked(Who, u64, Option<Say>),
    /// The worker is dead.
    Gone(Who, Say),
    Linked,
    NotLinked(Say),
    /// What was waited for did not come by `Plan::due`.
    Late,
}

/// What a trial has done to the books so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Books {
    Untouched,
    /// Green was told to open them and never said that it had: its migration is whole or not there at all.
    Transaction,
    /// Green opened them: its migration only added.
    Additive,
}
