//! A door hands over to the next one: what `plan` decides, done. Runs in the supervisor's thread; until the worker has
//! said its last word, everybody is served and watched as ever.

use super::heir::{Heir, cannot};
use super::plan::{self, Next, Stage};
use super::words::{Offer, PROTOCOL, ToElder, ToHeir, Worker};
use super::{anchor::Anchor, pass};
use crate::base::link::{Step, ToDoor};
use crate::base::{Error, Result, Say, limits, log};
use crate::door::front::Front;
use crate::door::hand::Event;
use crate::door::notify;
use crate::door::starter::Successor;
use crate::door::supervise::Supervisor;
use crate::door::trial;
use serde_json::json;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{MutexGuard, PoisonError};
use std::time::Instant;

/// How the supervisor goes on.
pub(crate) enum Outcome {
    /// As before. The step says why; none where there is no door after this one.
    Kept(Option<Step>),
    Died(Step),
    Stop(Step),
    Handed(Box<Handed>, Step),
}

/// The next door has the house.
pub(crate) struct Handed {
    pub(super) heir: Heir,
    pub(super) anchor: Option<Anchor>,
}

struct Attempt<'a> {
    supervisor: &'a mut Supervisor,
    heir: Heir,
    stage: Stage,
    due: Instant,
    beat: Instant,
    /// The worker has died, or this door shall close.
    then: Option<Then>,
}

#[derive(Clone, Copy)]
enum Then {
    Died,
    Stop,
}

/// To the end: either this door goes on, or it has only its last connections.
pub(crate) fn offer(supervisor: &mut Supervisor) -> Outcome {
    let since = Instant::now();
    let step = |ok, detail: Option<&Say>| Step {
        step: "door".to_owned(),
        ok,
        ms: u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX),
        detail: detail.map(|why| why.en.clone()),
    };
    let kept = |why: &Say| {
        log::event("door_kept", &json!({"why": why.en}));
        step(false, Some(why))
    };
    let successor = match supervisor.starter.successor() {
        Ok(Some(successor)) => successor,
        Ok(None) => return Outcome::Kept(None),
        Err(e) => return Outcome::Kept(Some(kept(e.says()))),
    };
    let mut anchor = None;
    match begin(supervisor, successor, &mut anchor) {
        Err(e) => {
            log::error("door", &e);
            Outcome::Kept(Some(kept(e.says())))
        }
        Ok(None) => Outcome::Kept(None),
        Ok(Some(attempt)) => match attempt.run() {
            Ok(heir) => {
                if let Some(anchor) = &mut anchor {
                    anchor.holds(heir.pid());
                }
                log::event("door_replaced", &json!({"pid": std::process::id(), "by": heir.pid()}));
                Outcome::Handed(Box::new(Handed { heir, anchor }), step(true, None))
            }
            Err((why, None)) => Outcome::Kept(Some(kept(&why))),
            Err((why, Some(Then::Died))) => Outcome::Died(kept(&why)),
            Err((why, Some(Then::Stop))) => Outcome::Stop(kept(&why)),
        },
    }
}

/// Starts the next door and offers it the house. `None` where the worker cannot be handed over.
fn begin<'a>(
    supervisor: &'a mut Supervisor,
    successor: Successor,
    anchor: &mut Option<Anchor>,
) -> Result<Option<Attempt<'a>>> {
    let Some((offer, files)) = estate(supervisor, successor.lock, anchor)? else { return Ok(None) };
    let heir = Heir::start(successor.command, &offer.door.version, supervisor.tell.clone())?;
    let borrowed: Vec<BorrowedFd<'_>> = files.iter().map(AsFd::as_fd).collect();
    let given = pass::send(&heir.link, &borrowed).and_then(|()| heir.mouth.say(&ToHeir::Offer(Box::new(offer))));
    if let Err(e) = given {
        heir.kill();
        return Err(cannot(e));
    }
    let (stage, now) = (Stage::Prepare, Instant::now());
    Ok(Some(Attempt { supervisor, heir, stage, due: now + stage.time(), beat: now, then: None }))
}

/// What there is to hand over, and the open files in the order that `Offer` names.
fn estate(
    supervisor: &Supervisor,
    lock: OwnedFd,
    anchor: &mut Option<Anchor>,
) -> Result<Option<(Offer, Vec<OwnedFd>)>> {
    let (Some(hand), Some(behind)) = (supervisor.hand(), supervisor.gate.behind()) else { return Ok(None) };
    let Some((link, process)) = hand.copy()? else { return Ok(None) };
    let Some((version, since, restarts)) = supervisor.facts.worker() else { return Ok(None) };
    let worker = Worker {
        pid: hand.pid(),
        version,
        since: since.ms(),
        restarts,
        pages: behind.pages.clone(),
        control: behind.control.clone(),
        routes: behind.routes.clone(),
        worried: supervisor.watch.worried,
    };
    let mut files: Vec<OwnedFd> = vec![supervisor.control.copy()?, lock, link, process];
    let ends = ends(supervisor, anchor)?;
    let anchored = ends.is_some();
    files.extend(ends.map(OwnedFd::from));
    let mut listening = Vec::new();
    // A door that is about to close has none.
    let Some(open) = &*front(supervisor) else { return Ok(None) };
    for one in open.listening() {
        files.push(one.socket.try_clone().map_err(cannot)?.into());
        listening.push((one.surface, one.speaks));
    }
    let (root, door) = (supervisor.root.clone(), supervisor.facts.door());
    Ok(Some((Offer { protocol: PROTOCOL, root, door, worker, anchored, listening }, files)))
}

fn front(supervisor: &Supervisor) -> MutexGuard<'_, Option<Front>> {
    supervisor.front.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The next door's end of the anchor: ours, where there is one; this process becomes the anchor where no system knows
/// another way.
fn ends(supervisor: &Supervisor, anchor: &mut Option<Anchor>) -> Result<Option<UnixStream>> {
    if let Some(anchored) = &supervisor.anchored {
        return anchored.copy().map(Some);
    }
    if notify::is_asked_for() {
        return Ok(None);
    }
    let (ours, theirs) = Anchor::new()?;
    *anchor = Some(ours);
    Ok(Some(theirs))
}

impl Attempt<'_> {
    fn run(mut self) -> std::result::Result<Heir, (Say, Option<Then>)> {
        loop {
            let heard = self.hear();
            match plan::next(self.stage, heard) {
                Next::Wait => {}
                Next::Turn => {
                    // Nobody else may speak to the worker any more.
                    self.supervisor.lines.lead_to(None);
                    if let Some(hand) = self.supervisor.hand() {
                        hand.turn();
                    }
                    self.wait_for(Stage::Turn);
                }
                // Somebody has asked for the end meanwhile.
                Next::Take if front(self.supervisor).is_none() => {
                    self.then = Some(Then::Stop);
                    return Err(self.keep(plan::stopped(), true));
                }
                Next::Take => {
                    self.heir.say(&ToHeir::Take);
                    self.wait_for(Stage::Take);
                }
                Next::Handed => return Ok(self.heir),
                Next::Kept { why, spoke } => return Err(self.keep(why, spoke)),
            }
        }
    }

    fn wait_for(&mut self, stage: Stage) {
        (self.stage, self.due) = (stage, Instant::now() + stage.time());
    }

    fn keep(self, why: Say, spoke: bool) -> (Say, Option<Then>) {
        // Before the worker hears from this door again.
        self.heir.kill();
        if let (true, Some(hand)) = (spoke, self.supervisor.hand()) {
            hand.turn_back(self.supervisor.facts.door());
            self.supervisor.lines.lead_to(Some(hand.mouth()));
        }
        (why, self.then)
    }

    fn hear(&mut self) -> plan::Heard {
        loop {
            let left = self.due.saturating_duration_since(Instant::now());
            let event = self.supervisor.events.recv_timeout(left.min(limits::BEAT_EVERY));
            self.keep_beating();
            let heard = match event {
                Ok(Event::Stop) => {
                    self.then = Some(Then::Stop);
                    Some(plan::Heard::Stop)
                }
                Ok(Event::Heir(word)) => by_heir(word),
                Ok(Event::HeirGone) => Some(plan::Heard::HeirGone),
                Ok(Event::Said(n, word)) if self.is_ours(n) => self.by_worker(word),
                Ok(Event::Gone(n)) if self.is_ours(n) => {
                    self.then = Some(Then::Died);
                    Some(plan::Heard::WorkerGone)
                }
                Ok(Event::Said(..) | Event::Gone(_) | Event::Trial(_)) => None,
                // `tell` keeps the channel open.
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    (Instant::now() >= self.due).then_some(plan::Heard::Late)
                }
            };
            if let Some(heard) = heard {
                return heard;
            }
        }
    }

    fn is_ours(&self, number: u64) -> bool {
        self.supervisor.hand().is_some_and(|hand| hand.number == number)
    }

    fn by_worker(&mut self, word: ToDoor) -> Option<plan::Heard> {
        match word {
            ToDoor::Turned => return Some(plan::Heard::Turned),
            ToDoor::Recorded { id } => self.supervisor.recorded(&id),
            ToDoor::Trial { order } => trial::refuse(self.supervisor, &order),
            ToDoor::Failed { said } => self.supervisor.hear_last_words(&said.into()),
            ToDoor::Closed => self.supervisor.leaves(),
            ToDoor::Warm { .. }
            | ToDoor::Opened { .. }
            | ToDoor::Quiesced { .. }
            | ToDoor::Checked { .. }
            | ToDoor::Beat
            | ToDoor::Unknown => {}
        }
        None
    }

    /// The worker hears nothing between this door and the next.
    fn keep_beating(&mut self) {
        if self.beat.elapsed() < limits::BEAT_EVERY {
            return;
        }
        self.beat = Instant::now();
        match self.stage {
            Stage::Prepare => self.supervisor.beat(),
            Stage::Turn | Stage::Take => notify::watchdog(),
        }
    }
}

fn by_heir(word: ToElder) -> Option<plan::Heard> {
    match word {
        ToElder::Prepared => Some(plan::Heard::Prepared),
        ToElder::Took => Some(plan::Heard::Took),
        ToElder::Failed { said } => Some(plan::Heard::Failed(Error::from(said).says().clone())),
        ToElder::Shut | ToElder::End | ToElder::Unknown => None,
    }
}
