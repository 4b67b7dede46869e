//! What a door that takes over from another has from it, until it is a door like any other.

use super::adopted::Adopted;
use super::anchor::Anchored;
use super::elder::Elder;
use super::words::{Offer, PROTOCOL, ToElder, ToHeir};
use super::{TAKES_OVER, pass};
use crate::base::link::{self, DoorFacts, Ear, Hidden, Mouth, ToWorker};
use crate::base::{Error, Kind, Result, Time, limits, log, run};
use crate::door::facts::State;
use crate::door::front::Listening;
use crate::door::hand::Hand;
use crate::door::starter::Born;
use crate::door::supervise::Supervisor;
use rustix::net::{AddressFamily, sockopt};
use serde_json::json;
use std::net::TcpListener;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, PoisonError};

pub struct Inheritance {
    offer: Offer,
    listening: Vec<Listening>,
    files: Files,
    mouth: Arc<Mouth>,
    ear: Ear,
}

/// Tells the door before why it has to stay.
pub struct Refusal(Arc<Mouth>);

impl Refusal {
    pub fn say(&self, e: &Error) {
        // A door that has gone does not need to be told.
        self.0.say(&ToElder::Failed { said: e.into() }).ok();
    }
}

/// What the door alone needs.
struct Files {
    control: UnixListener,
    lock: OwnedFd,
    link: UnixStream,
    worker: OwnedFd,
    anchor: Option<UnixStream>,
}

impl Inheritance {
    /// `None` for a process that was started in any other way.
    pub fn receive() -> Result<Option<Inheritance>> {
        let Some(from) = std::env::var_os(TAKES_OVER) else { return Ok(None) };
        let stdin = std::io::stdin();
        if sockopt::socket_domain(stdin.as_fd()) != Ok(AddressFamily::UNIX) {
            return Ok(None);
        }
        log::event("door_taking_over", &json!({"pid": std::process::id(), "from": from.to_string_lossy()}));
        let over = stdin.as_fd().try_clone_to_owned().map(UnixStream::from).map_err(cannot)?;
        over.set_read_timeout(Some(limits::SUCCESSOR_PREPARE)).map_err(cannot)?;
        let files = pass::receive(&over).map_err(cannot)?;
        let (mouth, mut ear) = link::halves(over)?;
        match ear.hear::<ToHeir>().map_err(cannot)? {
            Some(ToHeir::Offer(offer)) if offer.protocol.abs_diff(PROTOCOL) <= 1 => sorted(*offer, files, mouth, ear),
            _ => Err(unknown()),
        }
        .map(Some)
    }

    /// The root key, where a person was asked for it once.
    pub fn root(&self) -> Option<&Hidden> {
        self.offer.root.as_ref()
    }

    /// Every socket that the door before listens on, once.
    pub fn take_listening(&mut self) -> Vec<Listening> {
        std::mem::take(&mut self.listening)
    }

    /// What the door before was, and this one goes on being.
    pub(crate) fn goes_on(&self, facts: DoorFacts) -> DoorFacts {
        let before = &self.offer.door;
        DoorFacts { since: before.since, last_held_ms: before.last_held_ms, ..facts }
    }

    pub(crate) fn control(&self) -> Result<UnixListener> {
        self.files.control.try_clone().map_err(cannot)
    }

    /// Everything that can fail is done: says so, waits for its turn, and is the door when this returns.
    pub(crate) fn take(mut self, by: &mut Supervisor) -> Result<()> {
        let anchored = self.files.anchor.take().map(Anchored::hold).transpose()?;
        self.mouth.say(&ToElder::Prepared).map_err(cannot)?;
        self.wait_for_turn()?;
        let taken = self.take_now(by, anchored);
        if taken.is_err()
            && let Some(hand) = by.watch.hand.take()
        {
            // It is the worker of the door before, which goes on with it.
            hand.leave();
        }
        taken
    }

    fn take_now(self, by: &mut Supervisor, anchored: Option<Anchored>) -> Result<()> {
        let Inheritance { offer, files, mouth, ear, .. } = self;
        let worker = offer.worker;
        by.watch.numbers += 1;
        let body = Box::new(Adopted::new(worker.pid, files.worker));
        let mut hand = Hand::take(Born { link: files.link, body }, by.watch.numbers, &by.tell)?;
        hand.sockets = vec![worker.pages.clone(), worker.control.clone(), run::mail_beside(&worker.pages)];
        hand.say(&ToWorker::Door { door: by.facts.door() });
        by.lines.lead_to(Some(hand.mouth()));
        by.watch.hand = Some(hand);
        by.watch.worried = worker.worried;
        by.facts.worker_is(worker.pid, worker.version, Time(worker.since));
        by.facts.restarts_were(worker.restarts);
        by.facts.set_state(State::Running);
        by.gate.open(worker.pages, worker.control, worker.routes);
        by.control.listen()?;
        if let Some(front) = by.front.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            front.listen()?;
        }
        by.anchored = anchored;
        if let Some(anchored) = &mut by.anchored {
            anchored.here()?;
        }
        // From here on the end of this process is the end of the lock.
        by.starter.hold(files.lock)?;
        mouth.say(&ToElder::Took).map_err(cannot)?;
        by.elder = Some(Elder::listen_to(mouth, ear, Arc::clone(&by.lines))?);
        Ok(())
    }

    /// A door that changes its mind hangs up, or ends this process.
    fn wait_for_turn(&mut self) -> Result<()> {
        match self.ear.hear::<ToHeir>().map_err(cannot)? {
            Some(ToHeir::Take) => self.ear.be_patient().map_err(cannot),
            _ => Err(unknown()),
        }
    }

    pub fn refusal(&self) -> Refusal {
        Refusal(Arc::clone(&self.mouth))
    }
}

fn sorted(offer: Offer, files: Vec<OwnedFd>, mouth: Mouth, ear: Ear) -> Result<Inheritance> {
    let mut files = files.into_iter();
    let mut next = || files.next().ok_or_else(unknown);
    let (control, lock) = (UnixListener::from(next()?), next()?);
    let (link, worker) = (UnixStream::from(next()?), next()?);
    let anchor = if offer.anchored { Some(UnixStream::from(next()?)) } else { None };
    let mut listening = Vec::new();
    for (surface, speaks) in &offer.listening {
        listening.push(Listening { socket: TcpListener::from(next()?), surface: *surface, speaks: *speaks });
    }
    let files = Files { control, lock, link, worker, anchor };
    Ok(Inheritance { offer, listening, files, mouth: Arc::new(mouth), ear })
}

fn cannot(e: std::io::Error) -> Error {
    Error::io(say!("前の入口から引き継げません。", "Cannot take over from the door before."), e)
}

fn unknown() -> Error {
    Error::new(
        Kind::Unhealthy,
        say!("前の入口の言葉が分かりません。", "The door before said something that is not understood."),
    )
}
