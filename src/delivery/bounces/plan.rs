//! What follows from what came back: decisions alone.
//!
//! One *hard* failure is enough: the mailbox does not exist. A *soft* one counts only in a row: five of them, over at least
//! fourteen days, with nothing that arrived in between. A *block* is about us or the message and counts never. When too many
//! of a receiver's last results are hard, it is not so many people who have gone, but one mail system that answers wrongly:
//! its group pauses, and nobody is held to be gone because of it.

use super::class::Class;
use super::complaint::Kind as Grievance;
use super::kind::{Incoming, Kind, Postbox};
use super::window::Window;
use crate::base::{Time, ids::RunId};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What a house may set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rules {
    /// So many soft failures in a row …
    pub soft_times: u32,
    /// … over at least so many days take an address off.
    pub soft_days: u32,
    /// More than so many of a hundred last results hard: the receiver's group pauses.
    pub hard_percent: u32,
    /// But not before there were so many.
    pub hard_least: u32,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules { soft_times: 5, soft_days: 14, hard_percent: 10, hard_least: 20 }
    }
}

/// What happened to one contact in one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Past {
    pub run: RunId,
    /// When it failed softly, if it did.
    pub soft: Option<Time>,
    /// It was taken, and nobody said otherwise since.
    pub arrived: bool,
}

/// Whether soft failures have been enough; `history` is newest first.
pub fn is_worn_out(history: &[Past], rules: &Rules) -> bool {
    let row = history.iter().take_while(|past| past.soft.is_some() || !past.arrived);
    let times: Vec<Time> = row.filter_map(|past| past.soft).collect();
    let (Some(first), Some(last)) = (times.iter().min(), times.iter().max()) else { return false };
    let days = Duration::from_secs(u64::from(rules.soft_days) * 24 * 3600);
    times.len() >= rules.soft_times as usize && last.since(*first) >= days
}

/// Whether a receiver's group must pause.
pub fn pauses(window: &Window, rules: &Rules) -> bool {
    let (hard, of) = (window.hard(), window.results());
    hard >= rules.hard_least.max(1) && hard * 100 > rules.hard_percent * of
}

/// What is to be done about a mail that came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The message did not arrive after all.
    Fail(Class),
    /// Its reader wants no advertisement any more, and said so to others.
    Complain,
    /// Its reader refuses its topic.
    Refuse,
    /// For a person of the house to read.
    Forward,
    /// Nothing, and nothing of it is kept.
    Nothing,
    /// Nothing that a program could do: it is kept, and shown.
    Show,
}

/// `known`: it bears our mark, so that it is about a message that we sent.
pub fn next(incoming: &Incoming, to: Postbox, known: bool) -> Next {
    match &incoming.kind {
        Kind::Bounce { class, .. } if known => Next::Fail(*class),
        Kind::Complaint(c) => match c.kind {
            Grievance::NotSpam | Grievance::Technical => Next::Nothing,
            Grievance::Abuse | Grievance::OptOut if known => Next::Complain,
            Grievance::Abuse | Grievance::OptOut => Next::Show,
        },
        Kind::Unsubscribe if known => Next::Refuse,
        // Somebody answers, and asks; a person can see who it is.
        Kind::Unsubscribe if matches!(to, Postbox::Reply | Postbox::Bounce) => Next::Forward,
        Kind::Bounce { .. } | Kind::Unsubscribe | Kind::SignUp | Kind::Unclear => Next::Show,
        Kind::Reply => Next::Forward,
        Kind::Delay | Kind::Delivered | Kind::Automatic => Next::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::super::complaint::Complaint;
    use super::super::said::Said;
    use super::*;

    const DAY: i64 = 24 * 3600 * 1000;

    /// `s3`: soft on day 3, `a`: arrived, `-`: neither. Newest first.
    fn history(text: &str) -> Vec<Past> {
        let one = |(n, word): (usize, &str)| Past {
            run: RunId(100 - n as i64),
            soft: word.strip_prefix('s').map(|day| Time(day.parse::<i64>().unwrap() * DAY)),
            arrived: word == "a",
        };
        text.split_whitespace().enumerate().map(one).collect()
    }

    #[test]
    fn five_soft_failures_in_a_row_over_two_weeks_are_enough_and_less_is_not() {
        for (past, want) in [
            ("s14 s10 s8 s4 s0", true),
            ("s14 s10 - s8 s4 - s0 a", true),
            ("s13 s10 s8 s4 s0", false),
            ("s14 s10 s8 s0", false),
            ("s14 s10 s8 a s4 s0", false),
            ("a s14 s10 s8 s4 s0", false),
            ("s30 s29 s28 s27 a s0", false),
            ("s3 s4 s2 s1 s18", true),
            ("", false),
            ("a a a", false),
        ] {
            assert_eq!(is_worn_out(&history(past), &Rules::default()), want, "{past}");
        }
        let rules = Rules { soft_times: 2, soft_days: 0, ..Rules::default() };
        assert!(is_worn_out(&history("s1 s1"), &rules) && !is_worn_out(&history("s1"), &rules));
    }

    #[test]
    fn a_group_pauses_above_a_tenth_and_not_for_a_handful() {
        for (good, hard, want) in [
            (450, 50, false),
            (449, 51, true),
            (2_000, 51, true),
            (0, 19, false),
            (0, 20, true),
            (180, 20, false),
            (179, 20, true),
            (1_000, 0, false),
        ] {
            let mut window = Window::default();
            (0..good).for_each(|_| window.note(false));
            (0..hard).for_each(|_| window.note(true));
            assert_eq!(pauses(&window, &Rules::default()), want, "{good} {hard}");
        }
        assert!(!pauses(&Window::default(), &Rules { hard_least: 0, hard_percent: 0, ..Rules::default() }));
    }

    #[test]
    fn what_came_back_has_its_consequence() {
        use Postbox as P;
        let bounce = |class| Kind::Bounce { class, said: Said::default() };
        let complaint = |kind| Kind::Complaint(Complaint { kind, message_id: None, path: None, feedback_id: None });
        for (kind, to, known, want) in [
            (bounce(Class::Hard), P::Bounce, true, Next::Fail(Class::Hard)),
            (bounce(Class::Block), P::Reply, true, Next::Fail(Class::Block)),
            (bounce(Class::Hard), P::Bounce, false, Next::Show),
            (complaint(Grievance::Abuse), P::Feedback, true, Next::Complain),
            (complaint(Grievance::OptOut), P::Abuse, true, Next::Complain),
            (complaint(Grievance::Abuse), P::Feedback, false, Next::Show),
            (complaint(Grievance::NotSpam), P::Feedback, true, Next::Nothing),
            (complaint(Grievance::Technical), P::Feedback, false, Next::Nothing),
            (Kind::Unsubscribe, P::Unsubscribe, true, Next::Refuse),
            (Kind::Unsubscribe, P::Reply, true, Next::Refuse),
            (Kind::Unsubscribe, P::Unsubscribe, false, Next::Show),
            (Kind::Unsubscribe, P::Reply, false, Next::Forward),
            (Kind::Reply, P::Reply, true, Next::Forward),
            (Kind::Reply, P::Postmaster, false, Next::Forward),
            (Kind::SignUp, P::SignUp, false, Next::Show),
            (Kind::Unclear, P::Bounce, true, Next::Show),
            (Kind::Automatic, P::Reply, true, Next::Nothing),
            (Kind::Delay, P::Bounce, true, Next::Nothing),
            (Kind::Delivered, P::Bounce, true, Next::Nothing),
        ] {
            let incoming = Incoming { kind, message_id: None };
            assert_eq!(next(&incoming, to, known), want, "{incoming:?} {to:?} {known}");
        }
    }
}
