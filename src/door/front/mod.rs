//! The network half of the door: everything between a client's bytes and the worker's Unix socket.
//!
//! Flow: `listen` takes a connection if there is a place (`places`) and deals it to a lane (`lanes`) → `connection` reads the PROXY header, ends TLS
//! (`tls`, `selfsigned`), speaks HTTP/1.1 or 2, with `paced` keeping the time and `screen` looking at each head →
//! `serve` takes a request through its steps (`plan`, `table`, `rates` decide) → `body` reads all of it → the gate →
//! `relay` sends one new request over a kept connection → `answer` carries the answer back, whole or flowing → `access`
//! notes it. `mail` relays connections that bring mail. What the door says by itself stands in `pages`.
//!
//! It has threads of its own, so that nothing else in the process can hold up a client.
//!
//! **Invariant:** the worker gets one normalised request with at most one Content-Length and nothing under a `hakobu-`
//! name that the door did not write. **Invariant:** nothing here waits without a bound.

mod access;
mod answer;
mod body;
mod connection;
mod lanes;
mod listen;
mod mail;
mod paced;
mod pages;
mod places;
mod plan;
mod proxy_v2;
mod rates;
mod relay;
mod screen;
mod selfsigned;
mod serve;
mod settings;
mod state;
mod table;
mod tls;

#[cfg(test)]
mod tests;

pub(crate) use plan::host_name;
pub use rates::Rate;
pub use settings::{Bounds, Certificate, FrontSettings, Listening, Speaks};
pub use tls::Certificates;

use crate::base::link::{AccessLine, Surface};
use crate::base::{Error, Result, clock, limits};
use crate::door::acme::{self, Keeper};
use crate::door::gate::Gate;
use access::Access;
use connection::Port;
use lanes::Lanes;
use state::{Phase, State};
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Where the front puts what others must know. Called on threads that answer nobody; both may wait a while.
pub trait Outlet: Send + Sync {
    fn access(&self, lines: Vec<AccessLine>);
    /// Something that an operator must mend, once each time it comes up.
    fn fault(&self, error: &Error);
}

/// The open front. Dropping it ends everything at once; `stop` lets what is under way be finished.
pub struct Front {
    state: Arc<State>,
    lanes: Lanes,
    access: JoinHandle<()>,
    addresses: Vec<(Surface, Speaks, SocketAddr)>,
    /// Empty once another front listens in its place.
    listening: Vec<Listening>,
    outlet: Arc<dyn Outlet>,
    keeper: Option<Keeper>,
}

/// Figures of the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrontFigures {
    pub connections: usize,
    pub access_lines_dropped: u64,
}

impl Front {
    #[cfg(test)]
    pub(crate) fn start(settings: &FrontSettings, gate: Arc<Gate>, outlet: Arc<dyn Outlet>) -> Result<Front> {
        let mut front = Front::prepare(settings, gate, outlet)?;
        front.listen()?;
        Ok(front)
    }

    /// Everything that can fail, and no connection is taken yet.
    pub(crate) fn prepare(settings: &FrontSettings, gate: Arc<Gate>, outlet: Arc<dyn Outlet>) -> Result<Front> {
        let certificates = Certificates::open(settings.certificate.as_ref())?;
        let (access, thread) = Access::start(Arc::clone(&outlet))?;
        let descriptors = listen::raise_descriptors();
        let state = Arc::new(State::new(settings, gate, access, certificates, descriptors)?);
        let lanes = Lanes::start()?;
        let (mut addresses, mut listening) = (Vec::new(), Vec::new());
        for one in &settings.listening {
            let (socket, address) = listen::prepared(one)?;
            addresses.push((one.surface, one.speaks, address));
            listening.push(Listening { socket, surface: one.surface, speaks: one.speaks });
        }
        let keeper = keeper(settings, &state, &*outlet);
        Ok(Front { state, lanes, access: thread, addresses, listening, outlet, keeper })
    }

    /// Takes connections from now on.
    pub(crate) fn listen(&mut self) -> Result<()> {
        let deal = self.lanes.deal();
        let _first = deal.first().enter();
        for (one, (.., address)) in self.listening.iter().zip(&self.addresses) {
            let cannot = |e| settings::cannot_listen(*address, e);
            let socket = one.socket.try_clone().and_then(tokio::net::TcpListener::from_std).map_err(cannot)?;
            let port = Port { surface: one.surface, speaks: one.speaks };
            tokio::spawn(listen::accept(Arc::clone(&self.state), socket, port, deal.clone()));
        }
        if self.state.certificates.has_files() {
            tokio::spawn(watch_files(Arc::clone(&self.state), Arc::clone(&self.outlet)));
        }
        if let Some(keeper) = self.keeper.take() {
            tokio::spawn(keep_fresh(Arc::clone(&self.state), keeper, Arc::clone(&self.outlet)));
        }
        Ok(())
    }

    /// The sockets, for a front in another process.
    pub(crate) fn listening(&self) -> &[Listening] {
        &self.listening
    }

    /// Takes no new connection from now on, another front does; those that are there are served as long as they last.
    pub(crate) fn linger(&mut self) {
        self.listening.clear();
        self.state.phase.send_replace(Phase::Lingering);
    }

    /// For whoever gets certificates from an authority.
    pub fn certificates(&self) -> &Arc<Certificates> {
        &self.state.certificates
    }

    /// Ends the connections to the worker that wait for work. To be called once the gate is drained and before the
    /// worker is told to close.
    pub fn let_go(&self) {
        self.state.relay.let_go();
    }

    pub fn figures(&self) -> FrontFigures {
        FrontFigures { connections: self.state.taken(), access_lines_dropped: self.state.access.dropped() }
    }

    /// Takes no new connection from now on; those that rest end, and what is under way is finished within the time.
    /// True when nobody was cut off.
    pub fn stop(mut self, within: Duration) -> bool {
        // Who comes is refused, not left waiting.
        self.listening.clear();
        self.state.phase.send_replace(Phase::Stopping);
        let until = Instant::now() + within;
        while self.state.taken() > 0 && Instant::now() < until {
            std::thread::park_timeout(limits::DRAIN_STEP);
        }
        let done = self.state.taken() == 0;
        self.lanes.end();
        drop(self.state);
        // The last lines are on their way; the thread ends when nobody can write one any more.
        self.access.join().ok();
        done
    }
}

/// Whoever gets certificates from an authority. One that an earlier door got is shown from the first connection on.
fn keeper(settings: &FrontSettings, state: &State, outlet: &dyn Outlet) -> Option<Keeper> {
    let Some(Certificate::OfOurs { folder, seal, authority, .. }) = &settings.certificate else { return None };
    let proofs = Arc::clone(state.certificates.proofs());
    let keeper = Keeper::new(authority.clone()?, folder.clone(), seal, proofs);
    // What cannot be read is ordered anew.
    if let Some(kept) = keeper.kept(clock::now()).transpose() {
        show(state, kept, outlet);
    }
    Some(keeper)
}

fn show(state: &State, given: Result<acme::Certificate>, outlet: &dyn Outlet) {
    let shown = given.and_then(|c| state.certificates.put(c.chain.as_bytes(), c.key.as_bytes()));
    if let Err(e) = shown {
        outlet.fault(&e);
    }
}

/// Every certificate that an authority gives from now on.
async fn keep_fresh(state: Arc<State>, keeper: Keeper, outlet: Arc<dyn Outlet>) {
    let use_it = {
        let state = Arc::clone(&state);
        move |given| show(&state, given, &*outlet)
    };
    tokio::select! {
        () = state.lingering() => {}
        () = keeper.keep(use_it) => {}
    }
}

/// Files of a certificate change without a word.
async fn watch_files(state: Arc<State>, outlet: Arc<dyn Outlet>) {
    let mut every = tokio::time::interval(limits::CERTIFICATE_EVERY);
    loop {
        tokio::select! {
            () = state.lingering() => return,
            _ = every.tick() => {}
        }
        let (certificates, outlet) = (Arc::clone(&state.certificates), Arc::clone(&outlet));
        let look = tokio::task::spawn_blocking(move || {
            if let Err(e) = certificates.look() {
                outlet.fault(&e);
            }
        });
        // A panic in there is one missed look.
        look.await.ok();
    }
}
