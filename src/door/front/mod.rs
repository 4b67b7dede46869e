//! The network half of the door: everything between a client's bytes and the worker's Unix socket.
//!
//! Flow: `listen` takes a connection if there is a place (`places`) → `connection` reads the PROXY header, ends TLS
//! (`tls`, `selfsigned`), speaks HTTP/1.1 or 2, with `paced` keeping the time and `screen` looking at each head →
//! `serve` takes a request through its steps (`plan`, `table`, `rates` decide) → `body` reads all of it → the gate →
//! `relay` sends one new request over a kept connection → `answer` carries the answer back, whole or flowing → `access`
//! notes it. What the door says by itself stands in `pages`.
//!
//! It has a runtime of its own, so that nothing else in the process can hold up a client.
//!
//! **Invariant:** the worker gets one normalised request with at most one Content-Length and nothing under a `hakobu-`
//! name that the door did not write. **Invariant:** nothing here waits without a bound.

mod access;
mod answer;
mod body;
mod connection;
mod listen;
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
use state::State;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// Where the front puts what others must know. Called on threads that answer nobody; both may wait a while.
pub trait Outlet: Send + Sync {
    fn access(&self, lines: Vec<AccessLine>);
    /// Something that an operator must mend, once each time it comes up.
    fn fault(&self, error: &Error);
}

/// The open front. Dropping it ends everything at once; `stop` lets what is under way be finished.
pub struct Front {
    state: Arc<State>,
    runtime: Option<Runtime>,
    access: Option<JoinHandle<()>>,
    addresses: Vec<(Surface, Speaks, SocketAddr)>,
}

/// Figures of the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrontFigures {
    pub connections: usize,
    pub access_lines_dropped: u64,
}

impl Front {
    pub(crate) fn start(settings: &FrontSettings, gate: Arc<Gate>, outlet: Arc<dyn Outlet>) -> Result<Front> {
        let certificates = Certificates::open(settings.certificate.as_ref())?;
        let (access, thread) = Access::start(Arc::clone(&outlet))?;
        let descriptors = listen::raise_descriptors();
        let state = Arc::new(State::new(settings, gate, access, certificates, descriptors)?);
        let runtime = Builder::new_multi_thread()
            .worker_threads(limits::FRONT_THREADS)
            .max_blocking_threads(limits::FRONT_WRITERS)
            .thread_name("front")
            .enable_all()
            .build()
            .map_err(|e| Error::io(say!("通信を始められません。", "Cannot start the network threads."), e))?;
        let keeper = keeper(settings, &state, &*outlet);
        let mut addresses = Vec::new();
        let entered = runtime.enter();
        for listening in &settings.listening {
            let (socket, address) = listen::prepared(listening)?;
            let socket = tokio::net::TcpListener::from_std(socket).map_err(|e| settings::cannot_listen(address, e))?;
            let port = Port { surface: listening.surface, speaks: listening.speaks };
            tokio::spawn(listen::accept(Arc::clone(&state), socket, port));
            addresses.push((port.surface, port.speaks, address));
        }
        if state.certificates.has_files() {
            tokio::spawn(watch_files(Arc::clone(&state), Arc::clone(&outlet)));
        }
        if let Some(keeper) = keeper {
            tokio::spawn(keep_fresh(Arc::clone(&state), keeper, outlet));
        }
        drop(entered);
        Ok(Front { state, runtime: Some(runtime), access: Some(thread), addresses })
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
        FrontFigures { connections: self.state.places.taken(), access_lines_dropped: self.state.access.dropped() }
    }

    /// Takes no new connection from now on; those that rest end, and what is under way is finished within the time.
    /// True when nobody was cut off.
    pub fn stop(mut self, within: Duration) -> bool {
        self.state.stop.send_replace(true);
        let Some(runtime) = self.runtime.take() else { return true };
        let state = Arc::clone(&self.state);
        let done = runtime.block_on(async move {
            let empty = async {
                while state.places.taken() > 0 {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            tokio::time::timeout(within, empty).await.is_ok()
        });
        runtime.shutdown_timeout(limits::LINGER_REST);
        let thread = self.access.take();
        drop(self);
        // The last lines are on their way; the thread ends when nobody can write one any more.
        if let Some(thread) = thread {
            thread.join().ok();
        }
        done
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.state.stop.send_replace(true);
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Whoever gets certificates from an authority. One that an earlier door got is shown from the first connection on.
fn keeper(settings: &FrontSettings, state: &State, outlet: &dyn Outlet) -> Option<Keeper> {
    let Some(Certificate::OfOurs { folder, seal, authority, .. }) = &settings.certificate else { return None };
    let proofs = Arc::clone(state.certificates.proofs());
    let keeper = Keeper::new(authority.clone()?, folder.clone(), seal, proofs);
    // What cannot be read is told by the keeper itself, and ordered anew.
    if let Ok(Some(kept)) = keeper.kept(clock::now())
        && let Err(e) = state.certificates.put(kept.chain.as_bytes(), kept.key.as_bytes())
    {
        outlet.fault(&e);
    }
    Some(keeper)
}

/// The certificate that an authority gave, now and every time it gives another.
async fn keep_fresh(state: Arc<State>, keeper: Keeper, outlet: Arc<dyn Outlet>) {
    let use_it = {
        let state = Arc::clone(&state);
        move |given: Result<acme::Certificate>| {
            let used = given.and_then(|c| state.certificates.put(c.chain.as_bytes(), c.key.as_bytes()));
            if let Err(e) = used {
                outlet.fault(&e);
            }
        }
    };
    tokio::select! {
        () = state.stopped() => {}
        () = keeper.keep(use_it) => {}
    }
}

/// Files of a certificate change without a word.
async fn watch_files(state: Arc<State>, outlet: Arc<dyn Outlet>) {
    let mut every = tokio::time::interval(limits::CERTIFICATE_EVERY);
    loop {
        tokio::select! {
            () = state.stopped() => return,
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
