//! The door: who owns the public sockets for as long as the machine runs. It ends TLS, sets the limits,
//! relays whole requests to the worker over a Unix socket, and starts, watches, restarts and exchanges the worker.
//!
//! It knows no schema and opens no database: it must outlive every release. What it knows of the worker's pages is what
//! the worker tells it (`base::link`).
//!
//! Flow: `Ready::new` takes the addresses (`front`), `Ready::open` the control socket, starts the first worker and returns
//! when it answers; from then on `supervise` keeps one alive. `Door::close` ends everything in good order.
//!
//! Reading order: this file, `gate` (who may go in, who waits), `front` (the network), `starter` (what a worker is made
//! of), `hand` (one worker as the door holds it), `supervise` with `supervise_plan`, `trial` (one release in the place of
//! another), `succession` (one door in the place of another), `control` (the command line's way in), `facts`, `access`
//! with `shelf`,
//! `handed` and `notify` (the system), `ending` (signals).
//!
//! **Invariant:** imports nothing but `base` and `alarm`.
//! **Invariant:** whoever waits at the gate is answered: by a worker, or with 503 after a bound.

mod access;
pub mod acme;
mod control;
mod ending;
mod facts;
pub mod front;
pub(crate) mod gate;
mod hand;
mod handed;
mod notify;
mod shelf;
mod starter;
mod succession;
mod supervise;
mod supervise_plan;
mod trial;

pub use ending::Ending;
pub use handed::handed;
pub use starter::{Body, Born, Program, Starter, Successor, Thread};
pub use succession::Inheritance;

use crate::alarm::Bell;
use crate::base::link::{AccessLine, DoorFacts, Hidden, Surface, ToWorker};
use crate::base::seal::Key;
use crate::base::slots::Slots;
use crate::base::{Error, Kind, Result, clock, limits, log};
use access::Lines;
use control::Control;
use facts::{Facts, State};
use front::{Front, FrontSettings, Outlet, Speaks};
use gate::Gate;
use hand::Event;
use serde_json::json;
use shelf::Shelf;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use succession::Linger;
use supervise::{Supervisor, Watch};
use trial::board::Board;

/// What a door is told when it opens.
pub struct Settings {
    pub data: PathBuf,
    /// The first listener is the admin's.
    pub front: FrontSettings,
    /// Where links in mails point; empty while there is no house yet.
    pub public_url: String,
    /// The root key, where a person was asked for it.
    pub root: Option<Hidden>,
    /// What opens the alarm's settings; none where nobody is to be called.
    pub door_key: Option<Key>,
    pub version: &'static str,
    /// What this door takes over, where it comes after another one.
    pub inheritance: Option<Inheritance>,
}

/// The front, for whoever must tell it something while it is there.
pub(crate) type OpenFront = Arc<Mutex<Option<Front>>>;

pub struct Door {
    /// The admin's, as a browser finds it.
    url: String,
    front: OpenFront,
    lines: Arc<Lines>,
    facts: Arc<Facts>,
    address: SocketAddr,
    control: Control,
    tell: Sender<Event>,
    supervising: JoinHandle<Result<Option<Linger>>>,
}

/// The sockets are taken; no worker stands behind them yet.
pub struct Ready {
    front: Front,
    lines: Arc<Lines>,
    facts: Arc<Facts>,
    gate: Arc<Gate>,
    settings: Settings,
}

/// What the front has to say goes to the worker and into the log.
struct Heard(Arc<Lines>);

impl Outlet for Heard {
    fn access(&self, lines: Vec<AccessLine>) {
        self.0.add(lines);
    }

    fn fault(&self, error: &Error) {
        log::error("front", error);
    }
}

impl Ready {
    pub fn new(settings: Settings) -> Result<Ready> {
        let shelf = settings.door_key.as_ref().map(|key| Shelf::of(&settings.data, key));
        let (gate, lines) = (Gate::new(), Lines::new(shelf));
        let mut front = Front::prepare(&settings.front, Arc::clone(&gate), Arc::new(Heard(Arc::clone(&lines))))?;
        if settings.inheritance.is_none() {
            front.listen()?;
        }
        let (version, slots) = (settings.version.to_owned(), Slots::of(&settings.data));
        let facts = DoorFacts {
            pid: std::process::id(),
            slot: slots.current().ok().flatten().unwrap_or_else(|| version.clone()),
            version,
            previous: slots.previous().ok().flatten(),
            admin: admin_url(&front, &settings.public_url),
            public: public_url(&front, &settings.public_url),
            public_listener: front.addresses().iter().any(|(s, speaks, _)| *s == Surface::Public && speaks.has_pages()),
            since: clock::now().ms(),
            last_held_ms: None,
        };
        let facts = match &settings.inheritance {
            Some(inheritance) => inheritance.goes_on(facts),
            None => facts,
        };
        let facts = Facts::new(facts, Arc::clone(&gate), Arc::clone(&lines));
        Ok(Ready { front, lines, facts, gate, settings })
    }

    /// Where the admin's pages are.
    pub fn address(&self) -> SocketAddr {
        admin_of(&self.front)
    }

    /// Starts the first worker, or takes over the one that is there; open when it answers.
    pub fn open(self, starter: Box<dyn Starter>) -> Result<Door> {
        let Ready { front, lines, facts, gate, settings } = self;
        let (address, url) = (admin_of(&front), facts.door().admin);
        let board = Arc::new(Board::default());
        let control = match &settings.inheritance {
            Some(i) => Control::inherited(&settings.data, i.control()?, (&facts, &gate, &board))?,
            None => Control::start(&settings.data, &facts, &gate, &board)?,
        };
        let front: OpenFront = Arc::new(Mutex::new(Some(front)));
        let (tell, events) = mpsc::channel();
        let bell = settings.door_key.map(|key| Bell::new(&settings.data, &key)).transpose()?;
        let mut supervisor = Supervisor {
            bell,
            data: settings.data,
            board,
            starter,
            root: settings.root,
            gate,
            facts: Arc::clone(&facts),
            lines: Arc::clone(&lines),
            front: Arc::clone(&front),
            control: control.clone(),
            tell: tell.clone(),
            events,
            watch: Watch::default(),
            elder: None,
            anchored: None,
            untold: None,
        };
        match settings.inheritance {
            Some(inheritance) => inheritance.take(&mut supervisor)?,
            None => {
                if let Err(e) = supervisor.first() {
                    control.stop();
                    return Err(e);
                }
                notify::ready();
            }
        }
        log::event("door_open", &json!({"pid": std::process::id(), "admin": address.to_string()}));
        let supervising = std::thread::Builder::new()
            .name("supervise".into())
            .spawn(move || supervisor.run())
            .map_err(|e| Error::io(say!("処理を始められません。", "Cannot start a thread."), e))?;
        Ok(Door { url, front, lines, facts, address, control, tell, supervising })
    }
}

impl Door {
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where the admin's pages are.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Until somebody asks for the end, or there is nothing left to start again.
    pub fn wait(&self, ending: &Ending) {
        while !ending.within(limits::CLOCK_TICK) && !self.supervising.is_finished() {}
    }

    /// Until the end is asked for, and to it: of this door, or, where another one took over, of what is left of it. The
    /// exit code.
    pub fn live(self, ending: &Ending) -> Result<u8> {
        self.wait(ending);
        let Some(linger) = self.close()? else { return Ok(0) };
        linger.live_on(ending)
    }

    /// Takes nothing new, lets what runs come to its end, and ends the worker.
    pub fn end(self) -> Result<()> {
        self.close().map(drop)
    }

    /// Something is left where another door took over: then nothing is closed here.
    fn close(self) -> Result<Option<Linger>> {
        if !self.supervising.is_finished() {
            notify::stopping();
            self.facts.set_state(State::Stopping);
            self.lines.say(&ToWorker::Leaving);
            stop(&self.front);
            // One that has ended by itself has an outcome already. Where another door took over, what is left of this one
            // hears the same events, and must not take this for its end.
            self.tell.send(Event::Stop).ok();
        }
        let Door { front, control, supervising, .. } = self;
        let outcome = supervising.join();
        if let Ok(Ok(Some(linger))) = outcome {
            return Ok(Some(linger));
        }
        stop(&front);
        control.stop();
        log::event("door_closed", &json!({}));
        let panicked = || Error::new(Kind::Bug, say!("入口の処理が異常終了しました。", "The door panicked."));
        outcome.unwrap_or_else(|_| Err(panicked())).map(|_| None)
    }
}

fn stop(front: &OpenFront) {
    let front = front.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(front) = front {
        front.stop(limits::DRAIN_TIME);
    }
}

fn admin_of(front: &Front) -> SocketAddr {
    let admin = front.addresses().iter().find(|(surface, ..)| *surface == Surface::Admin);
    admin.map_or(SocketAddr::from(([127, 0, 0, 1], 0)), |(_, _, address)| *address)
}

fn url_of(front: &Front, surface: Surface, otherwise: &str) -> String {
    let listens = front.addresses().iter().filter(|(s, speaks, _)| *s == surface && speaks.has_pages());
    let best = listens.max_by_key(|(_, speaks, _)| speaks.scheme().len());
    best.map_or(otherwise.to_owned(), |(_, speaks, at)| format!("{}://{at}/", speaks.scheme()))
}

/// An address that stands for all of this computer's is no place to go: the public name leads here then.
fn admin_url(front: &Front, public_url: &str) -> String {
    let url = url_of(front, Surface::Admin, "http://127.0.0.1/");
    let at = admin_of(front);
    match at.ip().is_unspecified() {
        false => url,
        true => {
            let rest = public_url.split("://").nth(1).unwrap_or_default();
            let name = front::host_name(rest.split('/').next().unwrap_or_default());
            let name = if name.is_empty() { "localhost" } else { name };
            url.replacen(&at.to_string(), &format!("{name}:{}", at.port()), 1)
        }
    }
}

/// What people are told; where the public listener is on this computer alone, that very listener.
fn public_url(front: &Front, known: &str) -> String {
    let pages = |(s, speaks, _): &&(Surface, Speaks, SocketAddr)| *s == Surface::Public && speaks.has_pages();
    let mut public = front.addresses().iter().filter(pages).peekable();
    match public.peek().is_some() && public.all(|(_, _, at)| at.ip().is_loopback()) {
        true => url_of(front, Surface::Public, known),
        false => known.to_owned(),
    }
}
