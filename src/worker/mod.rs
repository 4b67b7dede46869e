//! The worker: the process that runs a house: web pages, control socket, clock.
//!
//! It decides nothing about mail or people; it starts things, keeps them going, and ends them within seconds.
//!
//! Flow: `start` binds the web address and the control socket and starts the clock; `wait` until a signal, or until
//! disk or socket are no longer sound; `stop` takes nothing new, asks what runs to end, and waits for it.
//!
//! Reading order: this file, `clock`, `control` (the command line's way in), `notify` (telling systemd), `log`,
//! `preflight` (what a new release is asked first).
//!
//! **Invariant:** every thread that is started here is joined in `stop`.

pub mod clock;
pub mod control;
pub mod log;
pub mod notify;
pub mod preflight;

use crate::base::{self, Build, Error, Kind, Result, limits};
use crate::house::House;
use crate::web::{Server, Wizard};
use clock::Clock;
use control::Control;
use signal_hook::{consts, flag, iterator::Signals};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};

pub struct Worker {
    house: Arc<House>,
    web: Server,
    control: Control,
    clock: Clock,
}

impl Worker {
    /// Everything up, or nothing: the address is taken first, because it is what most often fails.
    pub fn start(house: &Arc<House>, listen: SocketAddr) -> Result<Worker> {
        Worker::behind(Server::start(house, listen)?, house)
    }

    /// Where nobody has set the house up yet: the wizard first, on the same socket. `None` when the process is asked
    /// to end before it is done.
    pub fn first_run(made: &Receiver<Arc<House>>, web: Server, ending: &Ending) -> Result<Option<Worker>> {
        loop {
            match made.recv_timeout(limits::CLOCK_TICK) {
                Ok(house) => return Worker::behind(web, &house).map(Some),
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
                Err(RecvTimeoutError::Timeout) if ending.0.try_recv().is_ok() => {
                    web.stop();
                    return Ok(None);
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// The wizard's socket, the path of its one link, and where the house comes out.
    pub fn open_wizard(
        data: &Path,
        listen: SocketAddr,
        build: Build,
    ) -> Result<(Server, String, Receiver<Arc<House>>)> {
        let (wizard, made) = Wizard::new(data.to_owned(), listen, build, base::clock::now())?;
        Ok((Server::start_setup(&wizard, listen)?, wizard.path(), made))
    }

    fn behind(web: Server, house: &Arc<House>) -> Result<Worker> {
        let control = Control::start(house)?;
        let clock = Clock::start(house)?;
        house.set_serving();
        log::event("started", &serde_json::json!({"listen": web.address().to_string()}));
        Ok(Worker { house: Arc::clone(house), web, control, clock })
    }

    pub fn address(&self) -> SocketAddr {
        self.web.address()
    }

    /// Until somebody asks for the end. An unsound disk or a dead socket ends it too, as an error.
    pub fn wait(&self, ending: &Ending) -> Result<()> {
        loop {
            match ending.0.recv_timeout(limits::CLOCK_TICK) {
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Err(RecvTimeoutError::Timeout) if !self.house.store.is_sound() || !self.web.is_sound() => {
                    return Err(unsound());
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// Takes nothing new, asks what runs to end, waits for it, and lets go of the house.
    pub fn stop(self) {
        notify::stopping();
        self.house.wind_down();
        self.control.stop();
        self.clock.stop();
        self.house.join_running();
        self.web.stop();
        log::event("stopped", &serde_json::json!({}));
    }
}

/// Tells when the process is asked to end.
pub struct Ending(mpsc::Receiver<()>);

impl Ending {
    /// SIGTERM and SIGINT end it cleanly; a second one ends the process at once.
    pub fn on_signals() -> Result<Ending> {
        let cannot = |e| Error::io(say!("シグナルを受け取れません。", "Cannot listen for signals."), e);
        let second = Arc::new(AtomicBool::new(false));
        for (signal, exit) in [(consts::SIGINT, 130), (consts::SIGTERM, 143)] {
            flag::register_conditional_shutdown(signal, exit, Arc::clone(&second))
                .and_then(|_| flag::register(signal, Arc::clone(&second)))
                .map_err(cannot)?;
        }
        let mut signals = Signals::new([consts::SIGINT, consts::SIGTERM]).map_err(cannot)?;
        let (tell, told) = mpsc::channel();
        std::thread::Builder::new()
            .name("signals".into())
            .spawn(move || {
                if signals.forever().next().is_some() {
                    // Nobody listens any more: the end has begun by itself.
                    tell.send(()).ok();
                }
            })
            .map_err(cannot)?;
        Ok(Ending(told))
    }

    /// Ends when `others` say so too, such as a closed standard input.
    pub fn also(self, tell: impl FnOnce(mpsc::Sender<()>)) -> Ending {
        let (to, from) = mpsc::channel();
        tell(to.clone());
        std::thread::spawn(move || {
            self.0.recv().ok();
            to.send(()).ok();
        });
        Ending(from)
    }
}

fn unsound() -> Error {
    Error::new(
        Kind::Unhealthy,
        say!(
            "ディスクまたは待ち受けに異常があるため終了します。もう一度起動してください。",
            "The disk or the listening socket has failed, so this ends. Start it again."
        ),
    )
}
