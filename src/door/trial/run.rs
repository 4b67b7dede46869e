//! A trial, done: what `plan` decides is said to workers and to the gate, what they say is told to `plan`. Runs in the
//! supervisor's thread, which has nothing else to do meanwhile.

use super::holds::Holds;
use super::keeper::{Keeper, Switch};
use super::plan::Plan;
use super::record;
use super::report::{not_begun, refuse, report, write_down};
use super::says;
use super::stage::{Act, Heard, Who, Word};
use super::state;
use crate::base::link::{PROTOCOL, RouteClass, ToDoor, ToWorker, TrialOrder};
use crate::base::slots::Slots;
use crate::base::{Error, Result, Say, clock, limits, log};
use crate::door::facts::State;
use crate::door::hand::{Event, Hand};
use crate::door::notify;
use crate::door::supervise::Supervisor;
use crate::door::supervise_plan as life;
use serde_json::json;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

/// How the supervisor goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// A worker is in hand and answers.
    Runs,
    /// Green was committed and is dead: its program is to be started again.
    Died,
    /// The door closes.
    Stop,
}

struct Run<'a> {
    supervisor: &'a mut Supervisor,
    order: TrialOrder,
    plan: Plan,
    keeper: Keeper,
    began: Instant,
    beat: Instant,
    /// Blue is in the supervisor's hand.
    green: Option<Hand>,
    /// Said that it has closed; its process is ending.
    closed: Option<Hand>,
    /// Where the worker that opened last is reached.
    opened: Option<(PathBuf, PathBuf, Vec<RouteClass>)>,
    holds: Holds,
}

enum Next {
    Heard(Heard),
    Nothing,
    Stop,
}

/// Tries a release, to the end. Whatever hinders it from beginning is its end, too.
pub(crate) fn run(supervisor: &mut Supervisor, order: TrialOrder) -> After {
    supervisor.board.began(&order.id);
    // No request of a door that was replaced meets a worker that closes.
    if let Some(elder) = supervisor.elder.take() {
        elder.end(limits::LINGER_DONE);
    }
    log::event("trial", &json!({"id": order.id, "from": order.from, "to": order.to}));
    let keeper = match begin(supervisor, &order) {
        Ok(keeper) => keeper,
        Err(e) => {
            log::error("trial", &e);
            report(supervisor, not_begun(&order, &e));
            return After::Runs;
        }
    };
    let now = Instant::now();
    let plan = Plan::new(Duration::from_millis(order.probation_ms).min(limits::PROBATION_MAX));
    supervisor.facts.set_state(State::Updating);
    let mut run = Run {
        supervisor,
        order,
        plan,
        keeper,
        began: now,
        beat: now,
        green: None,
        closed: None,
        opened: None,
        holds: Holds::default(),
    };
    run.hear(Heard::Begin);
    loop {
        if let Some(who) = run.plan.ended() {
            return run.finish(who);
        }
        match run.next() {
            Next::Heard(heard) => run.hear(heard),
            Next::Nothing => {}
            Next::Stop => return run.leave(),
        }
    }
}

fn begin(supervisor: &Supervisor, order: &TrialOrder) -> Result<Keeper> {
    let data = &supervisor.data;
    let same = |path: &PathBuf| path.canonicalize().unwrap_or_else(|_| path.clone());
    if same(&order.data) != same(data) {
        return Err(Error::refused(say!(
            "別のデータフォルダーでの試行には、まだ対応していません。",
            "A trial on another data folder is not supported."
        )));
    }
    let slots = Slots::of(data);
    if order.program != slots.program(&order.to) || !slots.has(&order.to) || !slots.has(&order.from) {
        return Err(Error::missing(say!("スロットにプログラムがありません。", "A slot has no program.")));
    }
    // The disk was full when the last one ended.
    supervisor.find_what_was_left()?;
    let open = state::Open::begin(data, order)?;
    let switch = Switch { slots, from: order.from.clone(), to: order.to.clone() };
    Keeper::start(open, switch, supervisor.tell.clone())
}

impl Run<'_> {
    fn hear(&mut self, first: Heard) {
        let mut heard = VecDeque::from([first]);
        while let Some(next) = heard.pop_front() {
            for act in self.plan.on(self.began.elapsed(), next) {
                heard.extend(self.act(act));
            }
        }
        self.supervisor.board.steps(self.plan.steps());
    }

    /// Does one thing. What is known at once is the answer; the rest comes as an event.
    fn act(&mut self, act: Act) -> Option<Heard> {
        match act {
            Act::Keep(stage) => self.keeper.stage(stage, ms(self.began.elapsed())),
            Act::Note(why) => {
                log::event("trial_turned", &json!({"id": self.order.id, "why": why.en}));
                self.keeper.cause(why);
            }
            Act::Run(who) => return self.start(who).err().map(|e| Heard::Gone(who, e.says().clone())),
            Act::Tell(who, word) => self.tell(who, word),
            Act::Kill(who) => {
                if let Some(hand) = self.take(who) {
                    hand.kill();
                }
                return Some(Heard::Gone(who, says::killed()));
            }
            Act::Hold => self.hold(),
            Act::Calm => self.calm(),
            Act::Drain => self.drain(),
            Act::Shut => {
                log::event("worker_down", &json!({"trial": self.order.id}));
                self.supervisor.gate.shut();
            }
            Act::Let(who) => self.let_in(who),
            Act::Link => self.keeper.link(),
            Act::End(_) => {}
        }
        None
    }

    fn hand(&self, who: Who) -> Option<&Hand> {
        match who {
            Who::Blue => self.supervisor.hand(),
            Who::Green => self.green.as_ref(),
        }
    }

    fn take(&mut self, who: Who) -> Option<Hand> {
        match who {
            Who::Blue => self.supervisor.watch.hand.take(),
            Who::Green => self.green.take(),
        }
    }

    fn start(&mut self, who: Who) -> Result<()> {
        let supervisor = &mut *self.supervisor;
        if who == Who::Blue
            && let Some(old) = self.closed.take()
        {
            end(old);
        }
        let born = match who {
            Who::Blue => supervisor.starter.start()?,
            Who::Green => supervisor.starter.start_other(&self.order.program)?,
        };
        supervisor.watch.numbers += 1;
        let hand = Hand::take(born, supervisor.watch.numbers, &supervisor.tell)?;
        let door = supervisor.facts.door();
        hand.say(&ToWorker::Hello { protocol: PROTOCOL, door, root: supervisor.root.clone() });
        match who {
            Who::Blue => supervisor.watch.hand = Some(hand),
            Who::Green => self.green = Some(hand),
        }
        Ok(())
    }

    fn tell(&mut self, who: Who, word: Word) {
        if word == Word::Close && who == Who::Blue {
            self.supervisor.lines.lead_to(None);
        }
        let word = match word {
            Word::Quiesce => ToWorker::Quiesce,
            Word::Close => ToWorker::Close,
            Word::Open => ToWorker::Open,
            Word::Check(id) => ToWorker::Check { id },
            Word::Start => ToWorker::Start,
        };
        if let Some(hand) = self.hand(who) {
            hand.say(&word);
        }
    }

    fn hold(&mut self) {
        self.holds.begin(&self.supervisor.gate);
        self.supervisor.facts.set_state(State::Held);
    }

    fn calm(&self) {
        let gate = Arc::clone(&self.supervisor.gate);
        self.later(Heard::Calm, move || gate.calm_within(limits::TRIAL_QUIESCE));
    }

    /// The answer carries no number: a drain that is over is waited for no more, so an old one cannot answer a new one.
    fn drain(&self) {
        let (gate, front) = (Arc::clone(&self.supervisor.gate), Arc::clone(&self.supervisor.front));
        self.later(Heard::Drained, move || {
            let empty = gate.empty_within(limits::TRIAL_DRAIN);
            if let (true, Some(front)) = (empty, front.lock().unwrap_or_else(PoisonError::into_inner).as_ref()) {
                front.let_go();
            }
            empty
        });
    }

    /// Hears it when `wait` says so. What is never heard is late, and that is the way back.
    fn later(&self, heard: Heard, wait: impl FnOnce() -> bool + Send + 'static) {
        let tell = self.supervisor.tell.clone();
        let run = move || {
            if wait() {
                // A door that has closed waits for nothing.
                tell.send(Event::Trial(heard)).ok();
            }
        };
        if let Err(e) = std::thread::Builder::new().name("trial".into()).spawn(run) {
            log::error("trial", &Error::io(say!("処理を始められません。", "Cannot start a thread."), e));
        }
    }

    fn let_in(&mut self, who: Who) {
        let Some((pages, control, routes)) = self.opened.take() else { return };
        let mouth = self.hand(who).map(Hand::mouth);
        let supervisor = &mut *self.supervisor;
        supervisor.lines.lead_to(mouth);
        supervisor.gate.open(pages, control, routes);
        supervisor.facts.set_state(State::Updating);
    }

    fn next(&mut self) -> Next {
        let due = self.plan.due().map(|due| due.saturating_sub(self.began.elapsed()));
        let wait = due.unwrap_or(limits::BEAT_EVERY).min(limits::BEAT_EVERY.saturating_sub(self.beat.elapsed()));
        let event = self.supervisor.events.recv_timeout(wait);
        self.keep_beating();
        match event {
            Ok(Event::Stop) => Next::Stop,
            Ok(Event::Trial(heard)) => Next::Heard(heard),
            // A door that did not come.
            Ok(Event::Heir(_) | Event::HeirGone) => Next::Nothing,
            Ok(Event::Said(number, word)) => self.word(number, word),
            Ok(Event::Gone(number)) => match self.who(number) {
                Some(who) => Next::Heard(self.dead(who, None)),
                None => Next::Nothing,
            },
            // `tell` keeps the channel open.
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => self.time_passed(),
        }
    }

    fn time_passed(&mut self) -> Next {
        for who in [Who::Blue, Who::Green] {
            if self.hand(who).is_some_and(|h| life::is_dead(h.silent())) {
                return Next::Heard(self.dead(who, Some(says::silent())));
            }
        }
        match self.plan.due().is_some_and(|due| self.began.elapsed() >= due) {
            true => Next::Heard(Heard::Late),
            false => Next::Nothing,
        }
    }

    fn keep_beating(&mut self) {
        if self.beat.elapsed() < limits::BEAT_EVERY {
            return;
        }
        self.beat = Instant::now();
        for hand in [self.supervisor.hand(), self.green.as_ref()].into_iter().flatten() {
            hand.say(&ToWorker::Beat);
        }
        notify::watchdog();
    }

    fn who(&self, number: u64) -> Option<Who> {
        [Who::Blue, Who::Green].into_iter().find(|who| self.hand(*who).is_some_and(|h| h.number == number))
    }

    /// A worker whose link has ended, or that said that it fails, is dead when this returns.
    fn dead(&mut self, who: Who, why: Option<Say>) -> Heard {
        if let Some(hand) = self.take(who) {
            end(hand);
        }
        Heard::Gone(who, why.unwrap_or_else(says::gone))
    }

    fn word(&mut self, number: u64, word: ToDoor) -> Next {
        let Some(who) = self.who(number) else { return Next::Nothing };
        Next::Heard(match word {
            ToDoor::Warm { version, .. } if who == Who::Green && version != self.order.to => {
                self.dead(who, Some(says::another(&version)))
            }
            ToDoor::Warm { version, .. } => {
                if let (Who::Blue, Some(hand)) = (who, self.hand(who)) {
                    self.supervisor.facts.worker_is(hand.pid(), version, clock::now());
                }
                Heard::Warm(who)
            }
            ToDoor::Quiesced { in_doubt } => Heard::Quiesced { in_doubt },
            ToDoor::Closed => {
                if let Some(hand) = self.take(who) {
                    match who {
                        Who::Blue => self.closed = Some(hand),
                        Who::Green => self.green = Some(hand),
                    }
                }
                Heard::Closed(who)
            }
            ToDoor::Opened { pages, control, routes } => {
                if let Some(hand) = self.hand_mut(who) {
                    hand.sockets = vec![pages.clone(), control.clone(), crate::base::run::mail_beside(&pages)];
                }
                self.opened = Some((pages, control, routes));
                Heard::Opened(who)
            }
            ToDoor::Checked { id, fault } => Heard::Checked(who, id, fault.map(|f| f.says)),
            ToDoor::Failed { said } => self.dead(who, Some(said.says)),
            ToDoor::Recorded { id } => {
                self.supervisor.recorded(&id);
                return Next::Nothing;
            }
            ToDoor::Trial { order } => {
                refuse(self.supervisor, &order);
                return Next::Nothing;
            }
            ToDoor::Beat | ToDoor::Turned | ToDoor::Unknown => return Next::Nothing,
        })
    }

    fn hand_mut(&mut self, who: Who) -> Option<&mut Hand> {
        match who {
            Who::Blue => self.supervisor.watch.hand.as_mut(),
            Who::Green => self.green.as_mut(),
        }
    }

    fn finish(mut self, who: Who) -> After {
        if let Some(old) = self.closed.take() {
            end(old);
        }
        if who == Who::Green {
            self.supervisor.watch.hand = self.green.take();
            self.supervisor.starter.adopt(&self.order.program);
            if let Some(hand) = self.supervisor.hand() {
                self.supervisor.facts.worker_is(hand.pid(), self.order.to.clone(), clock::now());
            }
        }
        let cost = self.holds.end(&self.supervisor.gate);
        let slots = (who == Who::Green).then(|| (self.order.to.clone(), self.order.from.clone()));
        self.supervisor.facts.trial_ended(slots, cost.longest);
        self.supervisor.facts.set_state(State::Running);
        self.supervisor.watch.at_peace();
        let record = record::ended(&self.order, &self.plan, cost, clock::now());
        if write_down(self.supervisor, &record)
            && let Err(e) = state::finish(&self.supervisor.data)
        {
            // The next door finds it and writes the same result again.
            log::error("trial", &e);
        }
        let another = self.supervisor.facts.door().version != self.order.to;
        match who == Who::Green && another && self.supervisor.hand().is_some() {
            // Those who wait hear of the door, too.
            true => self.supervisor.untold = Some(record),
            false => self.supervisor.board.ended(record),
        }
        match self.supervisor.hand() {
            Some(hand) => {
                hand.say(&ToWorker::Door { door: self.supervisor.facts.door() });
                After::Runs
            }
            None => After::Died,
        }
    }

    /// The door closes in the middle of it: whoever answers is ended in good order by the supervisor, and the next
    /// door finds a trial that was not finished, which is blue.
    fn leave(mut self) -> After {
        let blue_answers = self.supervisor.hand().is_some() && self.closed.is_none();
        if let Some(old) = self.closed.take() {
            end(old);
        }
        match (self.green.take(), blue_answers) {
            (Some(green), true) => green.kill(),
            (green, _) => {
                if let Some(other) = std::mem::replace(&mut self.supervisor.watch.hand, green) {
                    other.kill();
                }
            }
        }
        After::Stop
    }
}

/// Dead when this returns.
fn end(mut hand: Hand) {
    match hand.ended(limits::LAST_WORDS) {
        true => hand.clear(),
        false => hand.kill(),
    }
}

fn ms(t: Duration) -> u64 {
    u64::try_from(t.as_millis()).unwrap_or(u64::MAX)
}
