//! The plan in a small world of its own: two programs, one gate, one disk, and everything that can go wrong.

use super::plan::Plan;
use super::record::{self, Cost, Left};
use super::stage::{Act, Heard, Stage, Who, Word};
use crate::base::link::{TrialOrder, TrialResult};
use crate::base::{Say, Time, limits};
use proptest::prelude::*;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Process {
    Dead,
    Warm,
    Open,
    Working,
    /// Told to close and did, but its process is still there.
    Closed,
}

struct World {
    blue: Process,
    green: Process,
    /// Who is behind the gate; `None` is held, or shut.
    gate: Option<Who>,
    held_since: Option<Duration>,
    longest: Duration,
    link: Who,
    kept: Vec<(Stage, u64)>,
    at: Duration,
    dice: Vec<u8>,
    /// What happens next, when it is not the answer to an act.
    coming: Vec<Heard>,
}

/// The power was cut.
struct Dark;

fn why() -> Say {
    say!("だめ", "No.")
}

fn order() -> TrialOrder {
    TrialOrder {
        id: "u-1".into(),
        from: "0.1.0".into(),
        to: "0.2.0".into(),
        program: "/slots/0.2.0/hakobu".into(),
        data: "/data".into(),
        probation_ms: 3_000,
        steps: Vec::new(),
    }
}

impl World {
    fn new(dice: Vec<u8>) -> World {
        World {
            blue: Process::Working,
            green: Process::Dead,
            gate: Some(Who::Blue),
            held_since: None,
            longest: Duration::ZERO,
            link: Who::Blue,
            kept: Vec::new(),
            at: Duration::ZERO,
            dice,
            coming: Vec::new(),
        }
    }

    fn process(&mut self, who: Who) -> &mut Process {
        match who {
            Who::Blue => &mut self.blue,
            Who::Green => &mut self.green,
        }
    }

    fn other(&self, who: Who) -> Process {
        match who {
            Who::Blue => self.green,
            Who::Green => self.blue,
        }
    }

    /// 0 when the dice have all been thrown: then all goes well.
    fn throw(&mut self) -> u8 {
        self.dice.pop().unwrap_or(0)
    }

    fn gate(&mut self, to: Option<Who>) {
        if let Some(since) = self.held_since.take() {
            self.longest = self.longest.max(self.at - since);
        }
        self.gate = to;
    }

    /// One act, and what comes of it, if anything does.
    fn act(&mut self, act: Act) -> Result<(), Dark> {
        let dice = self.throw();
        if dice >= 250 {
            return Err(Dark);
        }
        let fails = (200..240).contains(&dice);
        let silent = (240..250).contains(&dice);
        let heard = match act {
            Act::Keep(_) if fails => Some(Heard::NotKept(why())),
            Act::Keep(stage) => {
                self.kept.push((stage, u64::try_from(self.at.as_millis()).unwrap()));
                Some(Heard::Kept)
            }
            Act::Note(_) => return Ok(()),
            Act::Run(who) => {
                let was = *self.process(who);
                assert!(matches!(was, Process::Dead | Process::Closed), "a second process of the same release");
                *self.process(who) = Process::Warm;
                Some(self.or_dies(who, fails, Heard::Warm(who)))
            }
            Act::Tell(who, word) => self.tell(who, word, fails),
            Act::Kill(who) => {
                *self.process(who) = Process::Dead;
                self.coming.push(Heard::Gone(who, why()));
                return Ok(());
            }
            Act::Hold => {
                self.gate(None);
                self.held_since = Some(self.at);
                return Ok(());
            }
            Act::Calm => Some(Heard::Calm),
            Act::Drain => Some(Heard::Drained),
            Act::Shut => {
                self.gate(None);
                return Ok(());
            }
            Act::Let(who) => {
                assert_eq!(*self.process(who), Process::Open, "the gate leads to nobody");
                self.gate(Some(who));
                return Ok(());
            }
            Act::Link if fails => Some(Heard::NotLinked(why())),
            Act::Link => {
                self.link = Who::Green;
                Some(Heard::Linked)
            }
            Act::End(_) => return Ok(()),
        };
        // Silence is an answer that never comes; the link always answers.
        self.coming.extend(heard.filter(|h| !silent || matches!(h, Heard::Linked | Heard::NotLinked(_))));
        Ok(())
    }

    fn tell(&mut self, who: Who, word: Word, fails: bool) -> Option<Heard> {
        let other = self.other(who);
        let was = *self.process(who);
        if matches!(was, Process::Dead | Process::Closed) {
            // Its death, or its last word, is on its way; what comes after a last word is nobody's any more.
            return None;
        }
        let (becomes, answer) = match word {
            Word::Quiesce => (was, Heard::Quiesced { in_doubt: 0 }),
            Word::Close => (Process::Closed, Heard::Closed(who)),
            Word::Open => {
                assert!(matches!(other, Process::Dead | Process::Closed | Process::Warm), "two have the data open");
                assert_eq!(was, Process::Warm);
                (Process::Open, Heard::Opened(who))
            }
            Word::Check(id) if fails && self.at.as_millis().is_multiple_of(2) => {
                return Some(Heard::Checked(who, id, Some(why())));
            }
            Word::Check(id) => (was, Heard::Checked(who, id, None)),
            Word::Start => {
                *self.process(who) = Process::Working;
                return None;
            }
        };
        if !fails {
            *self.process(who) = becomes;
        }
        Some(self.or_dies(who, fails, answer))
    }

    fn or_dies(&mut self, who: Who, fails: bool, answer: Heard) -> Heard {
        if !fails {
            return answer;
        }
        *self.process(who) = Process::Dead;
        Heard::Gone(who, why())
    }

    /// What the plan hears next: an answer, a death out of the blue, or that time is up.
    fn next(&mut self, plan: &Plan) -> Heard {
        let passes = u64::from(self.throw());
        self.at += Duration::from_millis(passes);
        let dice = self.throw();
        for (who, number) in [(Who::Blue, 254), (Who::Green, 255)] {
            if dice == number && !matches!(*self.process(who), Process::Dead | Process::Closed) {
                *self.process(who) = Process::Dead;
                // Whatever it was about to say, it does not say now.
                self.coming.retain(|h| !of(h, who));
                return Heard::Gone(who, why());
            }
        }
        if !self.coming.is_empty() {
            return self.coming.remove(0);
        }
        let due = plan.due().expect("nothing is waited for, and nothing will happen");
        self.at = self.at.max(due);
        Heard::Late
    }

    /// The door after a power cut: what the link says is started.
    fn boot(&mut self) {
        (self.blue, self.green, self.gate) = (Process::Dead, Process::Dead, None);
        self.held_since = None;
        *self.process(self.link) = Process::Working;
        self.gate = Some(self.link);
    }
}

fn of(heard: &Heard, who: Who) -> bool {
    match heard {
        Heard::Warm(w) | Heard::Closed(w) | Heard::Opened(w) | Heard::Checked(w, ..) | Heard::Gone(w, _) => *w == who,
        Heard::Quiesced { .. } => who == Who::Blue,
        _ => false,
    }
}

fn run(world: &mut World) -> Result<Plan, Dark> {
    let mut plan = Plan::new(Duration::from_millis(order().probation_ms));
    let mut acts = plan.on(world.at, Heard::Begin);
    for _ in 0..10_000 {
        for act in acts {
            world.act(act)?;
        }
        if plan.ended().is_some() {
            return Ok(plan);
        }
        let heard = world.next(&plan);
        acts = plan.on(world.at, heard);
    }
    panic!("a trial without an end: {plan:?}");
}

/// One of the two has the data and answers; a death in the very last moment is the supervisor's to mend.
fn one_runs(world: &World, who: Who) {
    let (own, other) = match who {
        Who::Blue => (world.blue, world.green),
        Who::Green => (world.green, world.blue),
    };
    assert!(matches!(other, Process::Dead | Process::Closed), "the other one is {other:?}");
    assert!(matches!(own, Process::Working | Process::Dead), "{own:?}");
    assert_eq!(world.gate, Some(who));
    assert_eq!(world.link, who);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn whatever_fails_the_end_is_one_of_the_two_behind_an_open_gate(dice in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut world = World::new(dice);
        match run(&mut world) {
            Ok(plan) => {
                let who = plan.ended().unwrap();
                one_runs(&world, who);
                let record = record::ended(&order(), &plan, Cost::default(), Time(1));
                prop_assert_eq!(record.result == TrialResult::Updated, who == Who::Green);
                prop_assert_eq!(record.cause.is_none(), who == Who::Green);
                prop_assert_eq!(record.steps.iter().any(|s| s.step == "operation_checked"), who == Who::Blue);
            }
            Err(Dark) => {
                world.boot();
                let current = if world.link == Who::Green { "0.2.0" } else { "0.1.0" };
                let left = Left { order: order(), stages: world.kept.clone(), cause: None };
                one_runs(&world, left.who(Some(current)));
                let record = record::cut(&left, Some(current), Time(1));
                prop_assert_eq!(record.result == TrialResult::Updated, world.link == Who::Green);
            }
        }
        let most = limits::HOLD_TIME + limits::TRIAL_REST_MAX + limits::TRIAL_WARM;
        prop_assert!(world.longest < most, "held for {:?}", world.longest);
    }

    /// Few things fail: these come far.
    #[test]
    fn a_trial_with_one_mishap_ends_well_too(before in 0usize..120, mishap in 200u8..=255) {
        let mut dice = vec![0; before];
        dice.insert(0, mishap);
        let mut world = World::new(dice);
        match run(&mut world) {
            Ok(plan) => one_runs(&world, plan.ended().unwrap()),
            Err(Dark) => {
                world.boot();
                one_runs(&world, world.link);
            }
        }
    }
}

#[test]
fn the_record_of_a_way_back_has_the_five_steps() {
    let left = |stages: &[Stage]| Left {
        order: order(),
        stages: stages.iter().enumerate().map(|(n, s)| (*s, 10 * n as u64)).collect(),
        cause: None,
    };
    for (last, database) in [(Stage::Close, "untouched"), (Stage::Open, "transaction"), (Stage::Probation, "additive")]
    {
        let stages: Vec<Stage> = Stage::ALL.into_iter().filter(|s| *s <= last).collect();
        let record = record::cut(&left(&stages), Some("0.1.0"), Time(7));
        let names: Vec<&str> = record.steps.iter().map(|s| s.step.as_str()).collect();
        let want = ["files_put_back", "database", "processes_restarted", "operation_checked", "reported"];
        assert!(names.ends_with(&want), "{names:?}");
        assert_eq!(record.steps[stages.len() + 1].detail.as_deref(), Some(database));
        let cut = &record.steps[stages.len() - 1];
        assert_eq!((cut.step.as_str(), cut.ok), (last.name(), false));
        assert!(record.cause.unwrap().en.contains(last.name()));
    }
}

#[test]
fn after_the_link_was_switched_a_trial_that_was_cut_has_succeeded() {
    let left = Left { order: order(), stages: vec![(Stage::Warm, 0), (Stage::Commit, 90)], cause: None };
    let record = record::cut(&left, Some("0.2.0"), Time(7));
    assert_eq!((record.result, record.cause.is_none()), (TrialResult::Updated, true));
    assert!(record.steps.iter().all(|s| s.ok));
    assert_eq!(record::cut(&left, None, Time(7)).result, TrialResult::RolledBack);
}
