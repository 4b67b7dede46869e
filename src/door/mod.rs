//! The door: the process that owns the public sockets for as long as the machine runs. It ends TLS, sets the limits,
//! relays whole requests to the worker over a Unix socket, and starts, watches, restarts and exchanges the worker.
//!
//! It knows no schema and opens no database: it must outlive every release. What it knows of the worker's pages is what
//! the worker tells it (`base::link`).
//!
//! Flow: `Door::open` takes the addresses and the control socket, starts the first worker and returns when it answers;
//! from then on `supervise` keeps one alive. `close` ends everything in good order.
//!
//! Reading order: this file, `gate` (who may go in, who waits), `starter` (what a worker is made of), `hand` (one worker
//! as the door holds it), `supervise` with `supervise_plan`, `control` (the command line's way in), `facts`, `access`,
//! `notify` (the system), `ending` (signals).
//!
//! **Invariant:** imports nothing but `base` and `alarm`.
//! **Invariant:** whoever waits at the gate is answered: by a worker, or with 503 after a bound.

mod access;
pub mod acme;
mod control;
mod ending;
mod facts;
pub(crate) mod gate;
mod hand;
mod notify;
mod stand_in;
mod starter;
mod supervise;
mod supervise_plan;

pub use ending::Ending;
pub use starter::{Body, Born, Program, Starter, Thread};

use crate::base::link::{DoorFacts, Hidden};
use crate::base::{Error, Kind, Result, clock, limits, log};
use access::Lines;
use control::Control;
use facts::Facts;
use gate::Gate;
use hand::Event;
use serde_json::json;
use stand_in::Front;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::thread::JoinHandle;
use supervise::{Supervisor, Watch};

/// What a door is told when it opens.
pub struct Settings {
    pub data: PathBuf,
    pub admin: SocketAddr,
    /// Where links in mails point; empty while there is no house yet.
    pub public_url: String,
    /// The root key, where a person was asked for it.
    pub root: Option<Hidden>,
    pub version: &'static str,
}

pub struct Door {
    front: Front,
    control: Control,
    tell: Sender<Event>,
    supervising: JoinHandle<Result<()>>,
    _runtime: tokio::runtime::Runtime,
}

/// The sockets are taken; no worker stands behind them yet.
pub struct Ready {
    front: Front,
    facts: Arc<Facts>,
    gate: Arc<Gate>,
    settings: Settings,
    runtime: tokio::runtime::Runtime,
}

impl Ready {
    /// Takes the addresses first, because that is what most often fails.
    pub fn new(settings: Settings) -> Result<Ready> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(limits::DOOR_THREADS)
            .thread_name("door")
            .enable_all()
            .build()
            .map_err(|e| Error::io(say!("入口を開けません。", "The door cannot open."), e))?;
        let gate = Gate::new();
        let front = Front::start(settings.admin, &settings.data, &gate, runtime.handle())?;
        let version = settings.version.to_owned();
        let facts = DoorFacts {
            pid: std::process::id(),
            slot: version.clone(),
            version,
            previous: None,
            admin: format!("http://{}/", front.address),
            public: settings.public_url.clone(),
            public_listener: false,
            since: clock::now().ms(),
            last_held_ms: None,
        };
        let facts = Facts::new(facts, Arc::clone(&gate));
        Ok(Ready { front, facts, gate, settings, runtime })
    }

    pub fn address(&self) -> SocketAddr {
        self.front.address
    }

    /// Starts the first worker; open when it answers.
    pub fn open(self, starter: Box<dyn Starter>) -> Result<Door> {
        let Ready { front, facts, gate, settings, runtime } = self;
        let control = Control::start(&settings.data, &facts, &gate)?;
        let (tell, events) = mpsc::channel();
        let mut supervisor = Supervisor {
            starter,
            root: settings.root,
            gate,
            facts,
            lines: Arc::new(Lines::default()),
            note: control.note(),
            tell: tell.clone(),
            events,
            runtime: runtime.handle().clone(),
            watch: Watch::default(),
        };
        if let Err(e) = supervisor.first() {
            front.stop();
            control.stop();
            return Err(e);
        }
        notify::ready();
        log::event("door_open", &json!({"pid": std::process::id(), "admin": front.address.to_string()}));
        let supervising = std::thread::Builder::new()
            .name("supervise".into())
            .spawn(move || supervisor.run())
            .map_err(|e| Error::io(say!("処理を始められません。", "Cannot start a thread."), e))?;
        Ok(Door { front, control, tell, supervising, _runtime: runtime })
    }
}

impl Door {
    pub fn address(&self) -> SocketAddr {
        self.front.address
    }

    /// Until somebody asks for the end, or there is nothing left to start again.
    pub fn wait(&self, ending: &Ending) {
        while !ending.within(limits::CLOCK_TICK) && !self.supervising.is_finished() {}
    }

    /// Takes nothing new, lets what runs come to its end, and ends the worker.
    pub fn close(self) -> Result<()> {
        notify::stopping();
        self.front.stop();
        // One that has ended by itself has an outcome already.
        self.tell.send(Event::Stop).ok();
        let outcome = self.supervising.join();
        self.control.stop();
        log::event("door_closed", &json!({}));
        outcome.unwrap_or_else(|_| {
            Err(Error::new(Kind::Bug, say!("入口の処理が異常終了しました。", "The door panicked.")))
        })
    }
}
