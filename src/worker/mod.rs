//! The worker: whoever has a house open and does its work: web pages, control socket, clock. A door started it, stands
//! before it, and tells it over their link what to do; it has no public socket and no say in its own life.
//!
//! It decides nothing about mail or people; it starts things, keeps them going, and ends them within seconds.
//!
//! Flow (`base::link` has the words): *warm* → `Open`: stores open, pages and commands answered (`Worker::open`) →
//! `Start`: the clock (`start`), and with it delivery → `Quiesce`: clock, delivery, long jobs, commands and event
//! streams end, pages are still answered (`quiesce`; only `Close` can follow) → `Close`. The end of the link is the end
//! of the door: what is open is closed, and the process ends.
//!
//! Reading order: this file, `life` (the link), `clock`, `pulse` (the heartbeat), `control` (the command line's way in), `inbound` (mail's way in),
//! `preflight` (what a new release is asked first).
//!
//! **Invariant:** every thread that is started here is joined in `close`, unless a mail host does not let it go.
//! **Invariant:** nothing is sent before `Start` and nothing is begun after `Quiesce`.

pub mod clock;
pub mod control;
mod inbound;
pub mod life;
pub mod preflight;
mod pulse;

use crate::base::{Error, Kind, Result, limits, log, run};
use crate::house::House;
use crate::web::Server;
use clock::Clock;
use control::Control;
use inbound::Inbound;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Where this worker's sockets stand: names of its own, since it may meet the one before it.
struct Places {
    pages: PathBuf,
    control: PathBuf,
}

impl Places {
    fn of(data: &Path) -> Result<Places> {
        let (folder, mark, pid) = (run::folder()?, run::mark(data), std::process::id());
        Ok(Places { pages: folder.join(format!("{mark}-{pid}.p")), control: folder.join(format!("{mark}-{pid}.c")) })
    }

    fn listen(&self) -> Result<UnixListener> {
        // What stands there is of a process that had our number before us.
        std::fs::remove_file(&self.pages).ok();
        UnixListener::bind(&self.pages)
            .map_err(|e| Error::io(say!("画面のソケットを開けません。", "Cannot open the pages' socket."), e))
    }
}

impl Drop for Places {
    fn drop(&mut self) {
        // The door removes them, too.
        std::fs::remove_file(&self.pages).ok();
    }
}

struct Worker {
    house: Arc<House>,
    web: Arc<Server>,
    control: Option<Control>,
    inbound: Option<Inbound>,
    clock: Option<Clock>,
    places: Places,
}

impl Worker {
    /// Pages and commands are answered; nothing happens by itself.
    fn open(house: Arc<House>) -> Result<Worker> {
        let places = Places::of(house.data())?;
        let web = Arc::new(Server::start(&house, places.listen()?)?);
        house.set_serving();
        let control = Some(Control::start(&house, &places.control)?);
        let inbound = Some(Inbound::start(&house, &run::mail_beside(&places.pages))?);
        Ok(Worker { house, web, control, inbound, clock: None, places })
    }

    fn start(&mut self) -> Result<()> {
        if self.clock.is_none() {
            self.clock = Some(Clock::start(&self.house)?);
            log::event("started", &serde_json::json!({"pid": std::process::id()}));
        }
        Ok(())
    }

    /// Comes to rest. The messages on the wire whose fate nobody will know.
    fn quiesce(&mut self) -> u64 {
        self.house.wind_down();
        self.web.end_streams();
        if let Some(control) = self.control.take() {
            control.stop();
        }
        if let Some(inbound) = self.inbound.take() {
            inbound.stop();
        }
        if let Some(clock) = self.clock.take() {
            clock.stop();
        }
        let in_doubt = self.house.join_running(limits::QUIESCE_TIME);
        if let Err(e) = self.house.store.settle() {
            log::error("settle", &e);
        }
        in_doubt
    }

    fn sound(&self) -> Result<()> {
        match (self.house.store.is_sound(), self.web.is_sound()) {
            (true, true) => Ok(()),
            (false, _) => Err(unsound()),
            (true, false) => Err(Error::bug("the pages' socket takes no more connections")),
        }
    }

    /// Everything down. When this returns the stores are closed, unless somebody does not let go of the house.
    fn close(mut self) {
        self.quiesce();
        stop_web(self.web);
        drop(self.places);
        let since = Instant::now();
        while Arc::strong_count(&self.house) > 1 && since.elapsed() < limits::CLOSE_TIME {
            std::thread::park_timeout(Duration::from_millis(2));
        }
        drop(self.house);
        log::event("stopped", &serde_json::json!({}));
    }
}

/// The heartbeat looks at the server now and then, for a moment.
fn stop_web(mut web: Arc<Server>) {
    loop {
        match Arc::try_unwrap(web) {
            Ok(server) => return server.stop(),
            Err(looked_at) => web = looked_at,
        }
        std::thread::yield_now();
    }
}

fn unsound() -> Error {
    Error::new(
        Kind::Unhealthy,
        say!("ディスクへの書き込みを確認できないため終了します。", "The disk did not confirm a write, so this ends."),
    )
}
