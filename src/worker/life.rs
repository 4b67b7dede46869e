//! A worker's life as its door leads it: one loop that hears what the door says and does it. When the door is gone
//! without a word the stores are closed and somebody is called, from here: the door, which rings for everything else,
//! cannot.

use super::pulse::Pulse;
use super::{Places, Worker, stop_web};
use crate::base::link::{self, DoorFacts, Ear, Mouth, PROTOCOL, ToDoor, ToWorker, TrialRecord};
use crate::base::seal::Key;
use crate::base::{Build, Error, Result, clock, limits, log, provider::Phrase};
use crate::house::{Boot, House};
use crate::web::{Server, Wizard};
use serde_json::json;
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Instant;

/// What there is to open.
pub enum Origin {
    /// A data folder; the door holds its `house.lock`.
    Folder(PathBuf),
    /// A house that is open already, with its lock: one to look around in.
    House(Arc<House>),
    /// No house yet: the first run, which ends when there is one.
    First(Arc<Wizard>, Receiver<Arc<House>>),
}

impl Origin {
    /// The first run of a data folder that has no house yet, and the path of its one link.
    pub fn first_run(data: &Path, listen: SocketAddr, build: Build) -> Result<(Origin, String)> {
        let (wizard, made) = Wizard::new(data.to_owned(), listen, build, clock::now())?;
        let path = wizard.path();
        Ok((Origin::First(wizard, made), path))
    }
}

/// Lives until the door says so, or has gone.
pub fn live(link: UnixStream, origin: Origin, build: Build) -> Result<()> {
    let (mouth, ear) = link::halves(link)?;
    let mouth = Arc::new(mouth);
    let words = listen(ear)?;
    let pulse = Pulse::start(&mouth)?;
    let (facts, at) = (DoorFacts::default(), At::Cold);
    let mut life = Life { build, mouth, pulse, origin, facts, root: None, at, leaving: false };
    let outcome = life.follow(&words);
    if let Err(e) = &outcome {
        log::error("worker", e);
        // A door that has gone does not need to be told.
        life.mouth.say(&ToDoor::Failed { said: e.into() }).ok();
    }
    let alarm = if matches!(outcome, Ok(End::Lost)) { life.alarm() } else { None };
    life.end();
    // The stores are closed by now: whoever starts the next worker does not wait for a mail.
    if let Some((data, root)) = alarm
        && let Err(e) = House::door_lost(&data, &root, clock::now())
    {
        log::error("alarm", &e);
    }
    outcome.map(drop)
}

/// How a life came to its end.
enum End {
    /// As the door wished.
    Closed,
    /// The door is gone, and nobody had said that it would go.
    Lost,
}

/// What the door says, from a thread of its own, so that the end of the link is heard whatever is being done.
fn listen(mut ear: Ear) -> Result<Receiver<ToWorker>> {
    let (tell, words) = mpsc::channel();
    let hear = move || {
        while let Ok(Some(word)) = ear.hear::<ToWorker>() {
            if tell.send(word).is_err() {
                break;
            }
        }
    };
    std::thread::Builder::new()
        .name("link".into())
        .spawn(hear)
        .map_err(|e| Error::io(say!("処理を始められません。", "Cannot start a thread."), e))?;
    Ok(words)
}

struct Life {
    build: Build,
    mouth: Arc<Mouth>,
    pulse: Pulse,
    origin: Origin,
    facts: DoorFacts,
    root: Option<Key>,
    at: At,
    /// The door has said that it ends.
    leaving: bool,
}

enum At {
    Cold,
    First(Arc<Server>, Places),
    Open(Box<Worker>),
    Closed,
}

impl Life {
    fn follow(&mut self, words: &Receiver<ToWorker>) -> Result<End> {
        let mut heard = Instant::now();
        while !matches!(self.at, At::Closed) {
            match words.recv_timeout(limits::CLOCK_TICK) {
                Ok(word) => {
                    heard = Instant::now();
                    self.on(word)?;
                }
                Err(RecvTimeoutError::Disconnected) if self.leaving => return Ok(End::Closed),
                Err(RecvTimeoutError::Disconnected) => {
                    log::event("door_lost", &json!({}));
                    return Ok(End::Lost);
                }
                Err(RecvTimeoutError::Timeout) if heard.elapsed() > limits::DOOR_LOST => {
                    log::event("door_silent", &json!({}));
                    return Ok(End::Lost);
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            self.look()?;
        }
        Ok(End::Closed)
    }

    /// What it takes to call somebody; nobody is called from a house to look around in, or before there is one.
    fn alarm(&self) -> Option<(PathBuf, Key)> {
        match (&self.origin, &self.root) {
            (Origin::Folder(data), Some(root)) => Some((data.clone(), root.clone())),
            _ => None,
        }
    }

    fn on(&mut self, word: ToWorker) -> Result<()> {
        match word {
            ToWorker::Hello { door, root, .. } => {
                self.set_facts(door);
                self.root = root.and_then(|hex| crate::base::provider::read_key(hex.0.as_bytes()));
                self.warm()?;
                let version = self.build.version.to_owned();
                self.say(&ToDoor::Warm { protocol: PROTOCOL, version, pid: std::process::id() });
            }
            ToWorker::Open => self.open()?,
            ToWorker::Start => self.start()?,
            ToWorker::Quiesce => {
                let in_doubt = match &mut self.at {
                    At::Open(worker) => worker.quiesce(),
                    At::Cold | At::First(..) | At::Closed => 0,
                };
                self.pulse.watch_clock(None);
                self.say(&ToDoor::Quiesced { in_doubt });
            }
            ToWorker::Close => {
                self.close();
                self.say(&ToDoor::Closed);
            }
            ToWorker::Check { id } => {
                let fault = self.check().err();
                self.say(&ToDoor::Checked { id, fault: fault.as_ref().map(Into::into) });
            }
            ToWorker::Turn => {
                // A door that has gone is noticed by whoever listens to it.
                self.mouth.say_last(&ToDoor::Turned, limits::TURN_HUSH).ok();
            }
            ToWorker::Door { door } => {
                self.mouth.speak();
                self.set_facts(door);
            }
            ToWorker::Access { lines } => {
                if let At::Open(worker) = &self.at
                    && let Err(e) = worker.house.log_access(&lines)
                {
                    log::error("access log", &e);
                }
            }
            ToWorker::Record { record } => self.take_in(&record),
            ToWorker::Leaving => self.leaving = true,
            ToWorker::Beat | ToWorker::Unknown => {}
        }
        Ok(())
    }

    /// The door keeps a record until it hears that it stands in the books.
    fn take_in(&self, record: &TrialRecord) {
        let At::Open(worker) = &self.at else { return };
        match worker.house.take_in_trial(clock::now(), record) {
            Ok(()) => self.say(&ToDoor::Recorded { id: record.id.clone() }),
            Err(e) => log::error("update record", &e),
        }
    }

    fn say(&self, word: &ToDoor) {
        // A door that has gone is noticed at the next word.
        self.mouth.say(word).ok();
    }

    fn set_facts(&mut self, facts: DoorFacts) {
        self.facts = facts;
        if let At::Open(worker) = &self.at {
            worker.house.set_door(self.facts.clone());
        }
    }

    /// What can be known without opening anything: the settings, and the root key.
    fn warm(&mut self) -> Result<()> {
        if let (Origin::Folder(data), None) = (&self.origin, &self.root) {
            self.root = Some(Boot::read(data)?.key.root_key(data, &Phrase::None)?);
        }
        Ok(())
    }

    fn open(&mut self) -> Result<()> {
        let house = match &self.origin {
            Origin::First(wizard, _) => {
                let places = Places::of(wizard.data())?;
                let web = Arc::new(Server::start_setup(wizard, places.listen()?)?);
                self.opened(&web, &places);
                self.at = At::First(web, places);
                return Ok(());
            }
            Origin::House(house) => Arc::clone(house),
            Origin::Folder(data) => {
                let root = self.root.as_ref().ok_or_else(|| Error::bug("Open before Hello"))?;
                Arc::new(House::open_behind((Boot::read(data)?, self.build), data, root, clock::now())?)
            }
        };
        house.set_door(self.facts.clone());
        house.set_link(Arc::clone(&self.mouth));
        let worker = Worker::open(house)?;
        self.opened(&worker.web, &worker.places);
        self.at = At::Open(Box::new(worker));
        Ok(())
    }

    fn opened(&self, web: &Arc<Server>, places: &Places) {
        self.pulse.watch_web(web);
        let (pages, control) = (places.pages.clone(), places.control.clone());
        self.say(&ToDoor::Opened { pages, control, routes: web.route_classes() });
    }

    fn start(&mut self) -> Result<()> {
        if let At::Open(worker) = &mut self.at {
            worker.start()?;
            self.pulse.watch_clock(worker.clock.as_ref().map(super::Clock::tick));
        }
        Ok(())
    }

    fn check(&self) -> Result<()> {
        match &self.at {
            At::Open(worker) => worker.sound().and_then(|()| worker.house.health(clock::now())),
            At::Cold | At::First(..) | At::Closed => {
                Err(Error::later(say!("まだデータを開いていません。", "The data is not open.")))
            }
        }
    }

    /// Each second: a disk or socket that has failed ends the worker, and a first run that is done makes place.
    fn look(&mut self) -> Result<()> {
        match (&self.at, &self.origin) {
            (At::Open(worker), _) => worker.sound(),
            (At::First(..), Origin::First(_, made)) => {
                if let Ok(house) = made.try_recv() {
                    drop(house);
                    self.close();
                    self.say(&ToDoor::Closed);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn close(&mut self) {
        // Whoever else has the house lets go of it, so that its stores close here.
        self.origin = Origin::Folder(PathBuf::new());
        match std::mem::replace(&mut self.at, At::Closed) {
            At::Open(worker) => worker.close(),
            At::First(web, _places) => stop_web(web),
            At::Cold | At::Closed => {}
        }
    }

    fn end(mut self) {
        self.close();
        self.pulse.stop();
    }
}
