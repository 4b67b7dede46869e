//! Keeps one worker alive: starts it, listens to its heart, kills what does not live, starts it again, and ends it in
//! good order when the door closes. What it decides stands in `supervise_plan`.
//!
//! **Invariant:** the gate is open only while a worker that said `Opened` lives.
//! **Invariant:** a worker is started only when the one before it has ended.

use super::facts::{Facts, State};
use super::gate::Gate;
use super::hand::{Event, Hand};
use super::starter::Starter;
use super::succession::{self, Anchored, Elder, Handed, Linger, Outcome};
use super::supervise_plan::{self as plan, Outage};
use super::trial::{self, After, board::Board, record, state};
use super::{OpenFront, access::Lines, control::Control, notify};
use crate::alarm::{self, Bell};
use crate::base::link::{Hidden, PROTOCOL, ToDoor, ToWorker, TrialRecord};
use crate::base::slots::Slots;
use crate::base::{Error, Kind, Result, clock, limits, log, run};
use serde_json::json;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

pub(crate) struct Supervisor {
    pub(crate) data: PathBuf,
    pub(crate) board: Arc<Board>,
    pub(crate) starter: Box<dyn Starter>,
    /// Where the door had to ask a person for it.
    pub(crate) root: Option<Hidden>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) facts: Arc<Facts>,
    pub(crate) lines: Arc<Lines>,
    pub(crate) front: OpenFront,
    pub(crate) control: Control,
    pub(crate) tell: Sender<Event>,
    pub(crate) events: Receiver<Event>,
    pub(crate) watch: Watch,
    /// Rings where somebody must know; none in a house to look around in.
    pub(crate) bell: Option<Bell>,
    /// The door before this one, while it serves its last connections.
    pub(crate) elder: Option<Elder>,
    /// What ties this door to the process that people know, where that is another one.
    pub(crate) anchored: Option<Anchored>,
    /// The end of a trial of which those who wait were not told yet.
    pub(crate) untold: Option<TrialRecord>,
}

/// What is remembered of the workers so far.
#[derive(Default)]
pub(crate) struct Watch {
    pub(super) hand: Option<Hand>,
    pub(super) numbers: u64,
    /// Deaths in a row.
    row: u32,
    /// Since when nobody answers, and whether somebody was called.
    outage: Option<Instant>,
    called: bool,
    /// The worker said that it closes, unasked: it wants to be started anew.
    leaving: bool,
    /// One has died, and none has lived well since.
    pub(super) worried: bool,
}

impl Watch {
    /// A worker that was put in place by a trial begins a new row.
    pub(super) fn at_peace(&mut self) {
        (self.outage, self.called, self.leaving, self.row) = (None, false, false, 0);
    }
}

/// Why a worker is not attended any more.
enum Attended {
    Died,
    Stop,
    Handed(Box<Handed>),
}

/// What an attempt to start a worker came to.
enum Up {
    Ready,
    Failed(Error),
    Died,
    Stop,
}

impl Supervisor {
    /// The first worker. What keeps it from opening is the error.
    pub(crate) fn first(&mut self) -> Result<()> {
        for _ in 0..limits::FIRST_STARTS {
            match self.bring_up()? {
                Up::Ready => return Ok(()),
                Up::Failed(e) => return Err(e),
                Up::Stop => break,
                Up::Died => {}
            }
        }
        Err(Error::new(
            Kind::Unhealthy,
            say!("処理が起動の途中で終わりました。", "The worker ended before it could answer."),
        )
        .hint(say!("ログを確認してください。", "The log says more.")))
    }

    /// Until the door closes, or another one has the house. An error is a worker that cannot be started again.
    pub(crate) fn run(mut self) -> Result<Option<Linger>> {
        loop {
            match self.attend() {
                Attended::Died => {}
                Attended::Stop => {
                    self.close();
                    return Ok(None);
                }
                Attended::Handed(handed) => return Ok(Some(Linger::begin(self, *handed))),
            }
            if !self.starter.may_again() {
                self.gate.shut();
                return Err(Error::new(Kind::Unhealthy, say!("処理が終わりました。", "The worker has ended.")));
            }
            if self.revive() {
                self.close();
                return Ok(None);
            }
        }
    }

    /// While a worker lives.
    fn attend(&mut self) -> Attended {
        loop {
            match self.next() {
                Some(Event::Stop) => return Attended::Stop,
                Some(Event::Said(_, ToDoor::Closed)) => self.leaves(),
                Some(Event::Said(_, ToDoor::Failed { said })) => self.hear_last_words(&said.into()),
                Some(Event::Said(_, ToDoor::Recorded { id })) => self.recorded(&id),
                Some(Event::Said(_, ToDoor::Trial { order })) => match trial::run(self, order) {
                    After::Runs => match self.hand_over() {
                        Some(Attended::Died) => return self.bury("gone"),
                        Some(attended) => return attended,
                        None => {}
                    },
                    After::Died => return self.bury("gone"),
                    After::Stop => return Attended::Stop,
                },
                // Its trial has ended, or the next door did not come.
                Some(Event::Said(..) | Event::Trial(_) | Event::Heir(_) | Event::HeirGone) => {}
                Some(Event::Gone(_)) => return self.bury("gone"),
                None if self.is_silent() => return self.bury("silent"),
                None => {}
            }
        }
    }

    /// After a release was committed: its program becomes the door. Those who wait for the end of the update are told
    /// when a call already reaches the next door.
    fn hand_over(&mut self) -> Option<Attended> {
        let mut record = self.untold.take()?;
        let (step, attended) = match succession::offer(self) {
            Outcome::Kept(step) => (step, None),
            Outcome::Died(step) => (Some(step), Some(Attended::Died)),
            Outcome::Stop(step) => (Some(step), Some(Attended::Stop)),
            Outcome::Handed(handed, step) => {
                self.control.let_go();
                if let Some(front) = self.front.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
                    front.linger();
                }
                (Some(step), Some(Attended::Handed(handed)))
            }
        };
        record.steps.extend(step);
        self.board.ended(record);
        attended
    }

    /// The worker closes by itself, to be started anew.
    pub(super) fn leaves(&mut self) {
        self.gate.hold();
        self.watch.leaving = true;
    }

    /// Starts workers until one answers. True when the door closes meanwhile.
    fn revive(&mut self) -> bool {
        loop {
            if self.pause(plan::pause(self.watch.row)) {
                return true;
            }
            match self.bring_up() {
                Ok(Up::Ready) => return false,
                Ok(Up::Stop) => return true,
                Ok(Up::Died) => {}
                Ok(Up::Failed(e)) | Err(e) => {
                    log::error("worker", &e);
                    self.ring(alarm::Event::WorkerCannotStart { why: e.says().clone() });
                }
            }
            self.watch.row = self.watch.row.saturating_add(1);
        }
    }

    fn pause(&mut self, how_long: Duration) -> bool {
        let until = Instant::now() + how_long;
        while Instant::now() < until {
            if let Some(Event::Stop) = self.next() {
                return true;
            }
        }
        false
    }

    fn bring_up(&mut self) -> Result<Up> {
        let born = self.starter.start()?;
        self.control.leave_note()?;
        self.watch.numbers += 1;
        let hand = Hand::take(born, self.watch.numbers, &self.tell)?;
        hand.say(&ToWorker::Hello { protocol: PROTOCOL, door: self.facts.door(), root: self.root.clone() });
        self.watch.hand = Some(hand);
        loop {
            match self.next() {
                Some(Event::Stop) => return Ok(Up::Stop),
                Some(Event::Gone(_)) => {
                    self.end_of_hand();
                    return Ok(Up::Died);
                }
                Some(Event::Said(_, ToDoor::Failed { said })) => {
                    self.end_of_hand();
                    return Ok(Up::Failed(said.into()));
                }
                Some(Event::Said(_, word)) => {
                    if self.grow(word) {
                        return Ok(Up::Ready);
                    }
                }
                None if self.is_silent() => {
                    self.end_of_hand();
                    return Ok(Up::Died);
                }
                Some(Event::Trial(_) | Event::Heir(_) | Event::HeirGone) | None => {}
            }
        }
    }

    /// One step towards a worker that answers; true when it does.
    fn grow(&mut self, word: ToDoor) -> bool {
        let Some(hand) = &mut self.watch.hand else { return false };
        match word {
            ToDoor::Warm { version, .. } => {
                self.facts.worker_is(hand.pid(), version, clock::now());
                hand.say(&ToWorker::Open);
                false
            }
            ToDoor::Opened { pages, control, routes } => {
                hand.sockets = vec![pages.clone(), control.clone(), run::mail_beside(&pages)];
                hand.say(&ToWorker::Start);
                self.lines.lead_to(Some(hand.mouth()));
                // Whoever is answered from now on sees how the last trial ended.
                self.tell_records();
                self.gate.open(pages, control, routes);
                self.facts.set_state(State::Running);
                (self.watch.outage, self.watch.called) = (None, false);
                true
            }
            _ => false,
        }
    }

    pub(super) fn hand(&self) -> Option<&Hand> {
        self.watch.hand.as_ref()
    }

    /// A worker has come up: a trial that ended with the last door gets its record, and those that no worker has taken
    /// into its books are told again.
    fn tell_records(&mut self) {
        if let Err(e) = self.find_what_was_left() {
            log::error("trial", &e);
        }
        let records = state::records(&self.data).unwrap_or_else(|e| {
            log::error("trial", &e);
            Vec::new()
        });
        if let Some(hand) = &self.watch.hand {
            for record in records {
                hand.say(&ToWorker::Record { record });
            }
        }
    }

    /// A trial that ended and whose record was not written, or that its door did not outlive.
    pub(super) fn find_what_was_left(&self) -> Result<()> {
        let Some(left) = state::left(&self.data)? else { return Ok(()) };
        let current = Slots::of(&self.data).current()?;
        let record = record::cut(&left, current.as_deref(), clock::now());
        match trial::report(self, record) {
            true => state::finish(&self.data),
            false => Ok(()),
        }
    }

    /// It stands in the books.
    pub(super) fn recorded(&self, id: &str) {
        if let Err(e) = state::forget_record(&self.data, id) {
            log::error("trial", &e);
        }
    }

    /// The next event of the worker that is in hand, or `None` after a second, in which the other side is told that
    /// this one lives.
    fn next(&mut self) -> Option<Event> {
        let event = self.events.recv_timeout(limits::BEAT_EVERY);
        self.beat();
        match event {
            Ok(Event::Said(n, _) | Event::Gone(n)) if self.watch.hand.as_ref().is_none_or(|h| h.number != n) => None,
            Ok(event) => Some(event),
            // `self.tell` keeps the channel open.
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => None,
        }
    }

    pub(super) fn beat(&mut self) {
        if let Some(hand) = &self.watch.hand {
            hand.say(&ToWorker::Beat);
        }
        if self.watch.worried && self.hand().is_some_and(|h| h.born.elapsed() >= limits::LIVED_WELL) {
            self.watch.worried = false;
            self.ring(alarm::Event::WorkerBack);
        }
        match self.watch.outage.map_or(Outage::Bridged, |since| plan::outage(since.elapsed())) {
            Outage::Bridged => notify::watchdog(),
            Outage::Felt => {
                notify::watchdog();
                self.call();
            }
            Outage::Lost => {}
        }
    }

    fn ring(&self, event: alarm::Event) {
        if let Some(bell) = &self.bell {
            bell.ring(event, clock::now());
        }
    }

    pub(super) fn hear_last_words(&self, e: &Error) {
        log::error("worker", e);
        if e.kind() == Kind::Unhealthy {
            self.ring(alarm::Event::DiskUnsound);
        }
    }

    /// Once per outage: nobody waits any more, and somebody must know.
    fn call(&mut self) {
        if !self.watch.called {
            self.watch.called = true;
            self.gate.shut();
            log::event("worker_down", &json!({"deaths": self.watch.row}));
        }
    }

    fn is_silent(&self) -> bool {
        self.watch.hand.as_ref().is_some_and(|h| plan::is_dead(h.silent()))
    }

    /// The worker in hand is dead, or counts as it.
    fn bury(&mut self, how: &str) -> Attended {
        self.gate.hold();
        if let Some(elder) = &self.elder {
            elder.shut();
        }
        self.lines.lead_to(None);
        let lived = self.watch.hand.as_ref().map(|h| (h.pid(), h.born.elapsed()));
        let silent = self.watch.hand.as_ref().map_or(Duration::ZERO, Hand::silent);
        self.end_of_hand();
        let planned = std::mem::take(&mut self.watch.leaving);
        if let (Some((pid, lived)), false) = (lived, planned) {
            self.watch.row = plan::row(self.watch.row, lived);
            self.watch.worried = true;
            self.ring(match plan::is_dead(silent) {
                true => alarm::Event::WorkerStuck { silent_s: silent.as_secs() },
                false => alarm::Event::WorkerDied { times: self.watch.row },
            });
            log::event("worker_died", &json!({"pid": pid, "how": how, "row": self.watch.row}));
        }
        self.facts.worker_gone();
        self.facts.set_state(State::Restarting);
        self.watch.outage.get_or_insert_with(Instant::now);
        Attended::Died
    }

    fn end_of_hand(&mut self) {
        if let Some(mut hand) = self.watch.hand.take() {
            match hand.ended(limits::LAST_WORDS) {
                true => hand.clear(),
                false => hand.kill(),
            }
        }
    }

    /// In good order: rest, nobody inside, closed, gone. What takes too long is cut off.
    fn close(&mut self) {
        self.facts.set_state(State::Stopping);
        if let Some(elder) = self.elder.take() {
            elder.end(limits::LINGER_DONE);
        }
        self.lines.lead_to(None);
        if let Some(bell) = self.bell.take() {
            bell.end(limits::LAST_WORDS);
        }
        if let Some(hand) = &self.watch.hand {
            hand.say(&ToWorker::Quiesce);
            self.hear_out(limits::QUIESCE_TIME + limits::DRAIN_TIME, |word| matches!(word, ToDoor::Quiesced { .. }));
        }
        self.gate.shut();
        self.let_go(limits::DRAIN_TIME);
        if let Some(hand) = &self.watch.hand {
            hand.say(&ToWorker::Close);
            self.hear_out(limits::CLOSE_TIME, |word| matches!(word, ToDoor::Closed));
        }
        if let Some(mut hand) = self.watch.hand.take() {
            match hand.ended(limits::CLOSE_TIME) {
                true => hand.clear(),
                false => hand.kill(),
            }
        }
    }

    /// Nobody inside, and no kept connection to the worker, once this returns; or the time was over.
    fn let_go(&self, within: Duration) {
        self.gate.empty_within(within);
        if let Some(front) = self.front.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            front.let_go();
        }
    }

    /// Until the worker has said it, or has gone, or the time is over.
    fn hear_out(&mut self, within: Duration, wanted: impl Fn(&ToDoor) -> bool) {
        let until = Instant::now() + within;
        while Instant::now() < until {
            match self.next() {
                Some(Event::Said(_, word)) if wanted(&word) => return,
                Some(Event::Gone(_)) => return,
                Some(Event::Said(..) | Event::Trial(_) | Event::Heir(_) | Event::HeirGone | Event::Stop) | None => {}
            }
        }
    }
}
