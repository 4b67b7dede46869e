//! The trial of a release, decided: events in, actions out. No clock (`at` is the time since the trial began), no
//! disk, no process.
//!
//! Forward: warm → quiesce → pause → drain → close → open → health → switch → resume → probation → commit. Before each
//! of them its name is on disk (`Act::Keep`, answered by `Heard::Kept`). Whatever fails before the link of the slots
//! is switched leads back (`Back`), and the way back is one path: green is ended, blue's program is started as a fresh
//! worker, opens, is checked and answers whoever waited. No data is ever put back: until green opened the books they
//! are untouched; a migration that fails is one transaction and is rolled back; one that succeeded only added.
//!
//! **Invariant:** a worker is told to open only when the other one has closed or is dead.
//! **Invariant:** the end is blue or green, answering behind an open gate; never neither.
//! **Invariant:** nothing on the way back waits for the disk.

use super::says;
use super::stage::{Act, Back, Books, Heard, Stage, Trod, Who, Word};
use crate::base::link::Step;
use crate::base::{Say, limits};
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Now {
    Idle,
    /// The stage's name is being written down.
    Keeping(Stage),
    At(Stage),
    Back(Back),
    Ended(Who),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gate {
    Open(Who),
    Held,
    Shut,
}

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    probation: Duration,
    now: Now,
    gate: Gate,
    /// Who lives and may have the data open, or be about to.
    blue: bool,
    green: bool,
    /// Blue was told to come to rest, so that only a fresh start makes it whole again.
    disturbed: bool,
    /// Green does not answer: asking it to close is in vain.
    hung: bool,
    /// Messages on the wire whose fate nobody will know.
    in_doubt: bool,
    /// When what happens now began; when it has to have ended; when the gate was held.
    since: Duration,
    due: Option<Duration>,
    held: Duration,
    /// The last check, whether its answer is still out, and how many failed one after another.
    check: u64,
    asked: bool,
    faults: u32,
    until: Duration,
    attempts: u32,
    books: Books,
    cause: Option<Say>,
    steps: Vec<Step>,
    back: Vec<Trod>,
}

impl Plan {
    /// Blue answers behind an open gate.
    pub(crate) fn new(probation: Duration) -> Plan {
        Plan {
            probation,
            now: Now::Idle,
            gate: Gate::Open(Who::Blue),
            blue: true,
            green: false,
            disturbed: false,
            hung: false,
            in_doubt: false,
            since: Duration::ZERO,
            due: None,
            held: Duration::ZERO,
            check: 0,
            asked: false,
            faults: 0,
            until: Duration::ZERO,
            attempts: 0,
            books: Books::Untouched,
            cause: None,
            steps: Vec::new(),
            back: Vec::new(),
        }
    }

    /// When `Heard::Late` is to be said, counted from the beginning of the trial.
    pub(crate) fn due(&self) -> Option<Duration> {
        self.due
    }

    pub(crate) fn ended(&self) -> Option<Who> {
        match self.now {
            Now::Ended(who) => Some(who),
            Now::Idle | Now::Keeping(_) | Now::At(_) | Now::Back(_) => None,
        }
    }

    /// The stages that ended, in their order; the last one may have failed.
    pub(crate) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The way back as far as it has been gone.
    pub(crate) fn way_back(&self) -> &[Trod] {
        &self.back
    }

    pub(crate) fn cause(&self) -> Option<&Say> {
        self.cause.as_ref()
    }

    pub(crate) fn books(&self) -> Books {
        self.books
    }

    /// Blue went on as it was: green failed before blue was told anything.
    pub(crate) fn undisturbed(&self) -> bool {
        self.blue && !self.disturbed
    }

    pub(crate) fn on(&mut self, at: Duration, heard: Heard) -> Vec<Act> {
        let mut acts = Vec::new();
        match heard {
            Heard::Gone(Who::Blue, _) | Heard::Closed(Who::Blue) => self.blue = false,
            Heard::Gone(Who::Green, _) => self.green = false,
            _ => {}
        }
        match self.now {
            Now::Idle if heard == Heard::Begin => self.keep(at, Stage::Warm, &mut acts),
            Now::Idle | Now::Ended(_) => {}
            Now::Keeping(stage) => self.keeping(at, stage, heard, &mut acts),
            Now::At(stage) => self.forward(at, stage, heard, &mut acts),
            Now::Back(step) => self.backward(at, step, heard, &mut acts),
        }
        acts
    }

    // Forward.

    fn keep(&mut self, at: Duration, stage: Stage, acts: &mut Vec<Act>) {
        (self.now, self.since) = (Now::Keeping(stage), at);
        self.due = Some(at + limits::TRIAL_KEEP);
        acts.push(Act::Keep(stage));
    }

    fn keeping(&mut self, at: Duration, stage: Stage, heard: Heard, acts: &mut Vec<Act>) {
        match heard {
            Heard::Kept => self.begin(at, stage, acts),
            Heard::NotKept(why) => self.turn(at, stage, why, acts),
            Heard::Late => self.turn(at, stage, says::disk_is_slow(), acts),
            Heard::Gone(who, why) if matters(who, stage) => self.turn(at, stage, why, acts),
            _ => {}
        }
    }

    fn begin(&mut self, at: Duration, stage: Stage, acts: &mut Vec<Act>) {
        self.now = Now::At(stage);
        self.due = stage.time().map(|t| at + t);
        match stage {
            Stage::Warm => self.run(Who::Green, acts),
            Stage::Quiesce => {
                self.disturbed = true;
                acts.push(Act::Tell(Who::Blue, Word::Quiesce));
            }
            Stage::Pause => {
                self.hold(at, acts);
                self.pass(at, stage, None, acts);
            }
            Stage::Drain => acts.push(Act::Drain),
            Stage::Close => acts.push(Act::Tell(Who::Blue, Word::Close)),
            Stage::Open => {
                self.books = Books::Transaction;
                acts.push(Act::Tell(Who::Green, Word::Open));
            }
            Stage::Health => self.ask(Who::Green, acts),
            Stage::Switch => {
                self.let_in(Who::Green, acts);
                self.pass(at, stage, None, acts);
            }
            Stage::Resume => {
                acts.push(Act::Tell(Who::Green, Word::Start));
                self.pass(at, stage, None, acts);
            }
            Stage::Probation => {
                self.until = at + self.probation;
                self.due = Some(self.until.min(at + limits::TRIAL_LOOK));
            }
            Stage::Commit => acts.push(Act::Link),
        }
    }

    fn forward(&mut self, at: Duration, stage: Stage, heard: Heard, acts: &mut Vec<Act>) {
        match (stage, heard) {
            (Stage::Close, Heard::Closed(Who::Blue)) => self.pass(at, stage, None, acts),
            (Stage::Close, Heard::Gone(Who::Blue, _)) => self.pass(at, stage, Some("killed"), acts),
            (Stage::Close, Heard::Late) => {
                self.due = None;
                acts.push(Act::Kill(Who::Blue));
            }
            // The link is being switched, and only its answer tells which release a start would run.
            (Stage::Commit, Heard::Gone(..)) => {}
            (Stage::Commit, Heard::Linked) => {
                self.record(at, stage.name(), None);
                self.end(Who::Green, acts);
            }
            (Stage::Commit, Heard::NotLinked(why)) => self.turn(at, stage, why, acts),
            (_, Heard::Gone(who, why)) if matters(who, stage) => self.turn(at, stage, why, acts),
            (Stage::Warm, Heard::Warm(Who::Green)) => self.pass(at, stage, None, acts),
            (Stage::Quiesce, Heard::Quiesced { in_doubt }) => {
                self.in_doubt = in_doubt > 0;
                acts.push(Act::Calm);
            }
            (Stage::Quiesce, Heard::Calm) => self.pass(at, stage, self.in_doubt.then_some("in_doubt"), acts),
            (Stage::Drain, Heard::Drained) => self.pass(at, stage, None, acts),
            // Whatever is still at work is ended when blue closes.
            (Stage::Quiesce | Stage::Drain, Heard::Late) => self.pass(at, stage, Some("late"), acts),
            (Stage::Open, Heard::Opened(Who::Green)) => {
                self.books = Books::Additive;
                self.pass(at, stage, None, acts);
            }
            (Stage::Health, Heard::Checked(Who::Green, id, fault)) if id == self.check => match fault {
                None => self.pass(at, stage, None, acts),
                Some(why) => self.turn(at, stage, why, acts),
            },
            (Stage::Probation, heard) => self.watch(at, heard, acts),
            (_, Heard::Late) => {
                self.hung = true;
                self.turn(at, stage, says::no_answer(), acts);
            }
            _ => {}
        }
    }

    /// Probation ends with a check that was asked for after its time was up, so a green that hangs never passes.
    fn watch(&mut self, at: Duration, heard: Heard, acts: &mut Vec<Act>) {
        match heard {
            Heard::Late if self.asked => {
                self.hung = true;
                self.turn(at, Stage::Probation, says::no_answer(), acts);
            }
            Heard::Late => {
                self.ask(Who::Green, acts);
                self.due = Some(at + limits::TRIAL_CHECK);
            }
            Heard::Checked(Who::Green, id, fault) if self.asked && id == self.check => {
                self.asked = false;
                let over = at >= self.until;
                let next = at + if fault.is_some() { limits::TRIAL_LOOK_AGAIN } else { limits::TRIAL_LOOK };
                self.due = Some(if over { next } else { self.until.min(next) });
                match fault {
                    None if over => self.pass(at, Stage::Probation, None, acts),
                    None => self.faults = 0,
                    Some(why) => {
                        self.faults += 1;
                        if self.faults >= limits::TRIAL_FAULTS {
                            self.turn(at, Stage::Probation, why, acts);
                        }
                    }
                }
            }
            _ => {}
        }
    }

    /// This stage is done; the next one.
    fn pass(&mut self, at: Duration, stage: Stage, detail: Option<&str>, acts: &mut Vec<Act>) {
        self.record(at, stage.name(), detail);
        if let Some(next) = stage.next() {
            self.keep(at, next, acts);
        }
    }

    // Back.

    fn turn(&mut self, at: Duration, stage: Stage, why: Say, acts: &mut Vec<Act>) {
        self.record(at, stage.name(), None);
        if let Some(step) = self.steps.last_mut() {
            step.ok = false;
        }
        self.asked = false;
        self.cause = Some(why.clone());
        acts.push(Act::Note(why));
        self.step_back(at, Back::Hold, acts);
    }

    /// The first step from `from` on that is needed.
    fn step_back(&mut self, at: Duration, from: Back, acts: &mut Vec<Act>) {
        if self.gate == Gate::Held && at >= self.held + limits::HOLD_TIME {
            self.gate = Gate::Shut;
            acts.push(Act::Shut);
        }
        let mut step = Some(from);
        while let Some(back) = step.filter(|b| !self.needs(*b)) {
            step = back.next();
        }
        let Some(back) = step else { return self.end(Who::Blue, acts) };
        (self.now, self.since) = (Now::Back(back), at);
        self.due = back.time().map(|t| at + t);
        match back {
            Back::Hold => {
                self.hold(at, acts);
                self.trod(at, back, true, None, acts);
            }
            Back::Drain => acts.push(Act::Drain),
            Back::CloseGreen => acts.push(Act::Tell(Who::Green, Word::Close)),
            Back::KillGreen => acts.push(Act::Kill(Who::Green)),
            Back::CloseBlue => acts.push(Act::Tell(Who::Blue, Word::Close)),
            Back::KillBlue => acts.push(Act::Kill(Who::Blue)),
            Back::Rest => self.due = Some(at + rest(self.attempts)),
            Back::Run => self.run(Who::Blue, acts),
            Back::Open => acts.push(Act::Tell(Who::Blue, Word::Open)),
            Back::Check => self.ask(Who::Blue, acts),
        }
    }

    fn needs(&self, back: Back) -> bool {
        let served = self.steps.iter().any(|s| s.step == Stage::Switch.name());
        match back {
            Back::Hold => !self.undisturbed() && matches!(self.gate, Gate::Open(_)),
            Back::Drain => self.back.last().is_some_and(|t| t.back == Back::Hold),
            Back::CloseGreen => self.green && served && !self.hung,
            Back::KillGreen => self.green,
            Back::CloseBlue => self.blue && self.disturbed && self.attempts == 0,
            Back::KillBlue => self.blue && self.disturbed,
            Back::Rest => self.attempts > 0,
            Back::Run | Back::Open | Back::Check => !self.undisturbed(),
        }
    }

    fn backward(&mut self, at: Duration, back: Back, heard: Heard, acts: &mut Vec<Act>) {
        match (back, heard) {
            (Back::Run, Heard::Warm(Who::Blue)) | (Back::Open, Heard::Opened(Who::Blue)) => {
                self.trod(at, back, true, None, acts);
            }
            (Back::Check, Heard::Checked(Who::Blue, id, fault)) if id == self.check => {
                // It is what ran before: with a fault too it is better than nobody.
                let ok = fault.is_none();
                self.let_in(Who::Blue, acts);
                acts.push(Act::Tell(Who::Blue, Word::Start));
                self.trod(at, back, ok, fault.map(|f| f.en), acts);
            }
            (Back::Run | Back::Open | Back::Check, Heard::Gone(Who::Blue, why)) => self.again(at, back, why, acts),
            (Back::Run | Back::Open | Back::Check, Heard::Late) => self.again(at, back, says::blue_silent(), acts),
            (Back::KillGreen, Heard::Gone(Who::Blue, _)) if !self.disturbed => {
                // Blue died of itself while green was being ended.
                self.disturbed = true;
                self.step_back(at, Back::Hold, acts);
            }
            (Back::Drain, Heard::Drained | Heard::Late)
            | (Back::CloseGreen, Heard::Closed(Who::Green) | Heard::Gone(Who::Green, _) | Heard::Late)
            | (Back::KillGreen, Heard::Gone(Who::Green, _))
            | (Back::CloseBlue, Heard::Closed(Who::Blue) | Heard::Gone(Who::Blue, _) | Heard::Late)
            | (Back::KillBlue, Heard::Gone(Who::Blue, _))
            | (Back::Rest, Heard::Late) => self.trod(at, back, true, None, acts),
            (Back::KillGreen | Back::KillBlue, Heard::Late) => {
                // It sits in the kernel, and nobody else may open what it has open.
                self.due = None;
                self.gate = Gate::Shut;
                acts.push(Act::Shut);
            }
            _ => {}
        }
    }

    fn trod(&mut self, at: Duration, back: Back, ok: bool, detail: Option<String>, acts: &mut Vec<Act>) {
        self.back.push(Trod { back, ok, ms: ms(at.saturating_sub(self.since)), detail });
        match back.next() {
            Some(next) => self.step_back(at, next, acts),
            None => self.end(Who::Blue, acts),
        }
    }

    /// Blue's program did not come up. It is tried until it does: there is nothing else to go back to.
    fn again(&mut self, at: Duration, back: Back, why: Say, acts: &mut Vec<Act>) {
        self.attempts = self.attempts.saturating_add(1);
        let took = ms(at.saturating_sub(self.since));
        self.back.push(Trod { back, ok: false, ms: took, detail: Some(why.en) });
        self.disturbed = true;
        self.step_back(at, Back::KillBlue, acts);
    }

    // Both ways.

    fn run(&mut self, who: Who, acts: &mut Vec<Act>) {
        match who {
            // A blue that is started anew is not the one that was never disturbed.
            Who::Blue => (self.blue, self.disturbed) = (true, true),
            Who::Green => self.green = true,
        }
        acts.push(Act::Run(who));
    }

    fn ask(&mut self, who: Who, acts: &mut Vec<Act>) {
        self.check += 1;
        self.asked = true;
        acts.push(Act::Tell(who, Word::Check(self.check)));
    }

    fn hold(&mut self, at: Duration, acts: &mut Vec<Act>) {
        (self.gate, self.held) = (Gate::Held, at);
        acts.push(Act::Hold);
    }

    fn let_in(&mut self, who: Who, acts: &mut Vec<Act>) {
        self.gate = Gate::Open(who);
        self.asked = false;
        acts.push(Act::Let(who));
    }

    fn end(&mut self, who: Who, acts: &mut Vec<Act>) {
        (self.now, self.due) = (Now::Ended(who), None);
        acts.push(Act::End(who));
    }

    fn record(&mut self, at: Duration, name: &str, detail: Option<&str>) {
        let detail = detail.map(str::to_owned);
        let ms = ms(at.saturating_sub(self.since));
        self.steps.push(Step { step: name.to_owned(), ok: true, ms, detail });
    }
}

/// Whether a stage cannot go on without this worker.
fn matters(who: Who, stage: Stage) -> bool {
    match who {
        Who::Blue => stage <= Stage::Close,
        Who::Green => true,
    }
}

/// Before blue's program is started for the so-many-th time again.
fn rest(attempts: u32) -> Duration {
    let doubled = limits::TRIAL_REST.saturating_mul(1 << attempts.saturating_sub(1).min(10));
    doubled.min(limits::TRIAL_REST_MAX)
}

fn ms(t: Duration) -> u64 {
    u64::try_from(t.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Heard::*;
    use Who::*;

    const PROBATION: Duration = Duration::from_secs(600);

    fn why() -> Say {
        say!("だめ", "No.")
    }

    /// What a world in which all goes well answers to the last act.
    fn well(acts: &[Act]) -> Heard {
        match acts.last().expect("an act that is answered") {
            Act::Keep(_) => Kept,
            Act::Run(who) => Warm(*who),
            Act::Tell(_, Word::Quiesce) => Quiesced { in_doubt: 0 },
            Act::Tell(who, Word::Close) => Closed(*who),
            Act::Tell(who, Word::Open) => Opened(*who),
            Act::Tell(who, Word::Check(id)) => Checked(*who, *id, None),
            Act::Kill(who) => Gone(*who, why()),
            Act::Calm => Calm,
            Act::Drain => Drained,
            Act::Link => Linked,
            other => panic!("{other:?} is not answered"),
        }
    }

    /// Goes well until `stage` has begun, and says what was done last.
    fn until(stage: Stage) -> (Plan, Vec<Act>) {
        let mut plan = Plan::new(PROBATION);
        let mut acts = plan.on(Duration::ZERO, Begin);
        while plan.now != Now::At(stage) {
            acts = step(&mut plan, &acts);
        }
        (plan, acts)
    }

    /// One answer, or time that passes where none is waited for. In probation answers come when its time is up.
    fn step(plan: &mut Plan, acts: &[Act]) -> Vec<Act> {
        match acts.last() {
            None | Some(Act::Note(_)) => plan.on(plan.due().unwrap(), Late),
            Some(_) if plan.now == Now::At(Stage::Probation) => plan.on(plan.until, well(acts)),
            Some(_) => plan.on(plan.since, well(acts)),
        }
    }

    /// Everything that is done from here on when nothing else fails.
    fn rest_of(plan: &mut Plan, mut acts: Vec<Act>) -> Vec<Act> {
        let mut all = Vec::new();
        loop {
            all.extend(acts.iter().cloned());
            if plan.ended().is_some() {
                return all;
            }
            acts = step(plan, &acts);
        }
    }

    #[test]
    fn a_trial_that_goes_well_takes_these_steps_in_this_order() {
        let mut plan = Plan::new(Duration::ZERO);
        let begun = plan.on(Duration::ZERO, Begin);
        let done = rest_of(&mut plan, begun);
        let acts: Vec<_> = done.into_iter().filter(|a| !matches!(a, Act::Keep(_))).collect();
        let want = [
            Act::Run(Green),
            Act::Tell(Blue, Word::Quiesce),
            Act::Calm,
            Act::Hold,
            Act::Drain,
            Act::Tell(Blue, Word::Close),
            Act::Tell(Green, Word::Open),
            Act::Tell(Green, Word::Check(1)),
            Act::Let(Green),
            Act::Tell(Green, Word::Start),
            Act::Tell(Green, Word::Check(2)),
            Act::Link,
            Act::End(Green),
        ];
        assert_eq!(acts, want);
        assert_eq!(plan.steps().iter().map(|s| s.step.as_str()).collect::<Vec<_>>(), Stage::ALL.map(Stage::name));
        assert!(plan.steps().iter().all(|s| s.ok) && plan.cause().is_none());
    }

    #[test]
    fn nothing_begins_before_its_name_is_on_disk() {
        let mut plan = Plan::new(PROBATION);
        let mut acts = plan.on(Duration::ZERO, Begin);
        for stage in Stage::ALL {
            assert_eq!(acts.last(), Some(&Act::Keep(stage)));
            acts = plan.on(Duration::ZERO, Kept);
            while acts.last().is_none_or(|a| !matches!(a, Act::Keep(_) | Act::End(_))) {
                acts = step(&mut plan, &acts);
            }
        }
        assert_eq!(plan.ended(), Some(Green));
    }

    /// What is done after a failure, without what is written down.
    fn after(stage: Stage, heard: Heard) -> (Plan, Vec<Act>) {
        let (mut plan, _) = until(stage);
        let at = plan.due().unwrap_or_default();
        let acts = plan.on(at, heard);
        let done = rest_of(&mut plan, acts);
        (plan, done.into_iter().filter(|a| !matches!(a, Act::Keep(_) | Act::Note(_))).collect())
    }

    const BLUE_AGAIN: [Act; 2] = [Act::Run(Blue), Act::Tell(Blue, Word::Open)];

    /// From the start of blue's program to the end; `n` is the number of the check.
    fn again(n: u64) -> Vec<Act> {
        let check = Act::Tell(Blue, Word::Check(n));
        [&BLUE_AGAIN[..], &[check, Act::Let(Blue), Act::Tell(Blue, Word::Start), Act::End(Blue)]].concat()
    }

    #[test]
    fn a_green_that_fails_before_blue_was_told_anything_leaves_blue_as_it_is() {
        for heard in [Gone(Green, why()), Late] {
            let killed = heard == Late;
            let (plan, done) = after(Stage::Warm, heard);
            let want = if killed { vec![Act::Kill(Green), Act::End(Blue)] } else { vec![Act::End(Blue)] };
            assert_eq!(done, want);
            assert!(plan.undisturbed() && plan.books() == Books::Untouched);
        }
    }

    #[test]
    fn each_failure_leads_back_by_the_same_way() {
        let kill = Act::Kill(Green);
        let (hold, drain) = (Act::Hold, Act::Drain);
        let (close_blue, kill_blue) = (Act::Tell(Blue, Word::Close), Act::Kill(Blue));
        let close_green = Act::Tell(Green, Word::Close);
        #[rustfmt::skip]
        let table: Vec<(Stage, Heard, Vec<Act>, u64, Books)> = vec![
            (Stage::Quiesce, Gone(Green, why()), vec![hold.clone(), drain.clone(), close_blue.clone()], 1, Books::Untouched),
            (Stage::Quiesce, Gone(Blue, why()), vec![hold.clone(), drain.clone(), kill.clone()], 1, Books::Untouched),
            (Stage::Drain, Gone(Green, why()), vec![close_blue.clone()], 1, Books::Untouched),
            (Stage::Drain, Gone(Blue, why()), vec![kill.clone()], 1, Books::Untouched),
            (Stage::Close, Gone(Green, why()), vec![close_blue, kill_blue], 1, Books::Untouched),
            (Stage::Open, Gone(Green, why()), vec![], 1, Books::Transaction),
            (Stage::Open, Late, vec![kill.clone()], 1, Books::Transaction),
            (Stage::Health, Gone(Green, why()), vec![], 2, Books::Additive),
            (Stage::Health, Checked(Green, 1, Some(why())), vec![kill.clone()], 2, Books::Additive),
            (Stage::Health, Late, vec![kill.clone()], 2, Books::Additive),
            (Stage::Probation, Gone(Green, why()), vec![hold.clone(), drain.clone()], 2, Books::Additive),
            (Stage::Commit, NotLinked(why()), vec![hold, drain, close_green, kill], 0, Books::Additive),
        ];
        for (stage, heard, first, check, books) in table {
            let said = format!("{stage:?} {heard:?}");
            let (plan, done) = after(stage, heard);
            let check = if check == 0 { plan.check } else { check };
            // A worker that said it has closed is not killed; one that was asked twice is.
            let done: Vec<_> = match stage {
                Stage::Close => done.into_iter().filter(|a| *a != Act::Kill(Blue)).collect(),
                _ => done,
            };
            let first: Vec<_> = first.into_iter().filter(|a| stage != Stage::Close || *a != Act::Kill(Blue)).collect();
            assert_eq!(done, [first, again(check)].concat(), "{said}");
            assert_eq!((plan.ended(), plan.books()), (Some(Blue), books), "{said}");
            let last = plan.steps().last().unwrap();
            assert_eq!((last.step.as_str(), last.ok), (stage.name(), false), "{said}");
            assert!(plan.cause().is_some() && !plan.undisturbed() || plan.blue, "{said}");
        }
    }

    #[test]
    fn a_disk_that_takes_no_line_leads_back_before_the_stage_begins() {
        for stage in Stage::ALL {
            for heard in [NotKept(why()), Late] {
                let mut plan = Plan::new(PROBATION);
                let mut acts = plan.on(Duration::ZERO, Begin);
                while plan.now != Now::Keeping(stage) {
                    acts = step(&mut plan, &acts);
                }
                let at = plan.due().unwrap();
                let acts = plan.on(at, heard);
                rest_of(&mut plan, acts);
                assert_eq!(plan.ended(), Some(Blue), "{stage:?}");
                assert_eq!(plan.undisturbed(), stage <= Stage::Quiesce, "{stage:?}");
            }
        }
    }

    #[test]
    fn work_that_does_not_come_to_rest_in_time_is_ended_and_said() {
        for (stage, detail) in [(Stage::Quiesce, "late"), (Stage::Drain, "late")] {
            let (mut plan, _) = until(stage);
            let acts = plan.on(plan.due().unwrap(), Late);
            assert!(matches!(acts.last(), Some(Act::Keep(s)) if Some(*s) == stage.next()));
            assert_eq!(plan.steps().last().unwrap().detail.as_deref(), Some(detail));
        }
        let (mut plan, _) = until(Stage::Quiesce);
        plan.on(Duration::ZERO, Quiesced { in_doubt: 2 });
        plan.on(Duration::ZERO, Calm);
        assert_eq!(plan.steps().last().unwrap().detail.as_deref(), Some("in_doubt"));
    }

    #[test]
    fn a_blue_that_does_not_close_is_killed_before_green_opens() {
        let (mut plan, _) = until(Stage::Close);
        assert_eq!(plan.on(plan.due().unwrap(), Late), [Act::Kill(Blue)]);
        assert_eq!(plan.on(Duration::ZERO, Gone(Blue, why())), [Act::Keep(Stage::Open)]);
    }

    #[test]
    fn one_bad_look_in_probation_is_forgiven_and_three_in_a_row_are_not() {
        let (mut plan, mut acts) = until(Stage::Probation);
        let mut looks = Vec::new();
        for bad in [true, false, true, true, false, true, true, true] {
            assert!(acts.is_empty());
            let asked = plan.on(plan.due().unwrap(), Late);
            let [Act::Tell(Green, Word::Check(id))] = asked[..] else { panic!("{asked:?}") };
            acts = plan.on(plan.due().unwrap(), Checked(Green, id, bad.then(why)));
            looks.push(!acts.is_empty());
        }
        assert_eq!(looks, [false, false, false, false, false, false, false, true]);
        rest_of(&mut plan, acts);
        assert_eq!(plan.ended(), Some(Blue));
    }

    #[test]
    fn probation_ends_only_with_a_look_after_its_time() {
        let (mut plan, _) = until(Stage::Probation);
        let asked = plan.on(PROBATION - Duration::from_millis(1), Late);
        let [Act::Tell(Green, Word::Check(id))] = asked[..] else { panic!("{asked:?}") };
        assert_eq!(plan.on(PROBATION - Duration::from_millis(1), Checked(Green, id, None)), []);
        assert_eq!(plan.due(), Some(PROBATION));
        plan.on(PROBATION, Late);
        assert_eq!(plan.on(PROBATION, Checked(Green, id, None)), [], "an answer to an older question");
        let last = plan.due().unwrap();
        assert_eq!(plan.on(last, Late)[1..], [Act::Hold, Act::Drain], "a green that hangs does not pass");
    }

    #[test]
    fn a_hung_green_is_not_asked_to_close_and_one_that_is_unwell_is() {
        let (mut plan, _) = until(Stage::Probation);
        plan.on(plan.due().unwrap(), Late);
        let acts = plan.on(plan.due().unwrap(), Late);
        let done = rest_of(&mut plan, acts);
        assert!(!done.contains(&Act::Tell(Green, Word::Close)) && done.contains(&Act::Kill(Green)), "{done:?}");
        let (plan, done) = after(Stage::Commit, NotLinked(why()));
        assert!(done.contains(&Act::Tell(Green, Word::Close)), "{plan:?}");
    }

    #[test]
    fn once_the_link_is_being_switched_only_its_answer_counts() {
        let (mut plan, _) = until(Stage::Commit);
        assert_eq!(plan.on(Duration::ZERO, Gone(Green, why())), []);
        assert_eq!(plan.on(Duration::ZERO, Linked), [Act::End(Green)]);
    }

    #[test]
    fn blue_is_started_until_it_comes_and_nobody_waits_for_ever() {
        let (mut plan, _) = until(Stage::Health);
        let mut at = Duration::from_secs(1);
        let mut acts = plan.on(at, Checked(Green, 1, Some(why())));
        let (mut runs, mut shut_at) = (0, None);
        while runs < 10 {
            acts = match acts.last() {
                Some(Act::Run(Blue)) => {
                    runs += 1;
                    plan.on(at, Gone(Blue, why()))
                }
                Some(Act::Kill(who)) => plan.on(at, Gone(*who, why())),
                _ => {
                    at = plan.due().unwrap();
                    plan.on(at, Late)
                }
            };
            shut_at = shut_at.or(acts.contains(&Act::Shut).then_some(at));
        }
        assert!(shut_at.unwrap() < limits::HOLD_TIME + limits::TRIAL_REST_MAX, "{shut_at:?}");
        let done = rest_of(&mut plan, acts);
        assert_eq!((plan.ended(), done.contains(&Act::Let(Blue))), (Some(Blue), true));
        assert!(plan.way_back().iter().filter(|t| !t.ok).count() >= 9);
    }

    #[test]
    fn a_blue_that_opens_unwell_is_let_in_all_the_same() {
        let (mut plan, _) = until(Stage::Health);
        let mut acts = plan.on(Duration::ZERO, Checked(Green, 1, Some(why())));
        while acts.last() != Some(&Act::Tell(Blue, Word::Check(2))) {
            acts = plan.on(Duration::ZERO, well(&acts));
        }
        let acts = plan.on(Duration::ZERO, Checked(Blue, 2, Some(why())));
        assert_eq!(acts, [Act::Let(Blue), Act::Tell(Blue, Word::Start), Act::End(Blue)]);
        assert!(!plan.way_back().last().unwrap().ok);
    }

    #[test]
    fn a_blue_that_dies_by_itself_while_green_is_ended_is_started_again() {
        let (mut plan, _) = until(Stage::Warm);
        assert_eq!(plan.on(plan.due().unwrap(), Late).last(), Some(&Act::Kill(Green)));
        let acts = plan.on(Duration::ZERO, Gone(Blue, why()));
        assert_eq!(acts, [Act::Hold, Act::Drain]);
        let done = rest_of(&mut plan, acts);
        assert!(done.ends_with(&again(1)), "{done:?}");
    }

    #[test]
    fn those_who_wait_are_answered_within_their_time_whatever_green_does() {
        let green: Duration =
            [Stage::Drain, Stage::Close, Stage::Open, Stage::Health].iter().filter_map(|s| s.time()).sum();
        let most = green + limits::TRIAL_REST;
        assert!(most < limits::HOLD_TIME, "{most:?}");
    }

    #[test]
    fn the_rests_grow_and_are_bounded() {
        let rests: Vec<_> = (1..9).map(|n| rest(n).as_millis()).collect();
        assert_eq!(rests, [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000]);
        assert_eq!(rest(u32::MAX), limits::TRIAL_REST_MAX);
    }
}
