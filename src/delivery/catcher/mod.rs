//! A mail server that keeps what it is given: for `try`, whose mails show on a page, and for tests, which script
//! its answers. It listens on loopback only and passes nothing on.
//!
//! Here: what it offers and keeps. `conversation` speaks with one connection, `script` holds the answers out of the
//! ordinary.

mod conversation;
mod script;

use super::smtp::Step;
use crate::base::{Error, Result, Secret, Time};
use conversation::{TICK, converse};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
pub use script::{Act, Rule};
use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// One mail that was accepted.
#[derive(Clone, Debug)]
pub struct Caught {
    /// 1 for the first one ever caught.
    pub n: u64,
    pub from: String,
    pub to: Vec<String>,
    /// As it arrived, dots unstuffed.
    pub bytes: Vec<u8>,
    pub at: Time,
}

/// What the catcher offers and keeps.
#[derive(Clone)]
pub struct Offer {
    /// Which of this machine's loopback addresses.
    pub ip: Ipv4Addr,
    /// 0: any free port.
    pub port: u16,
    /// The newest so many mails are kept; the count goes on.
    pub keep: usize,
    pub pipelining: bool,
    pub utf8: bool,
    pub size: Option<u64>,
    /// Certificate and key (PEM): STARTTLS is offered.
    pub tls: Option<(String, String)>,
    /// TLS from the first byte (needs `tls`).
    pub implicit: bool,
    /// AUTH is offered and asked for.
    pub login: Option<(String, Secret)>,
    pub clock: fn() -> Time,
}

impl Offer {
    pub fn new(clock: fn() -> Time) -> Offer {
        let (tls, login, size) = (None, None, Some(50 << 20));
        let ip = Ipv4Addr::LOCALHOST;
        Offer { ip, port: 0, keep: 1_000, pipelining: true, utf8: true, size, tls, implicit: false, login, clock }
    }
}

pub struct Catcher {
    addr: SocketAddr,
    inner: Arc<Inner>,
    accepting: Option<JoinHandle<()>>,
}

struct Inner {
    offer: Offer,
    tls: Option<Arc<ServerConfig>>,
    state: Mutex<State>,
    changed: Condvar,
    stop: AtomicBool,
}

#[derive(Default)]
struct State {
    mails: VecDeque<Caught>,
    count: u64,
    rules: Vec<Rule>,
    heard: Vec<String>,
    connections: u64,
}

/// Commands that the transcript keeps: enough for any test, and `try` does not grow.
const HEARD_MAX: usize = 10_000;

impl Catcher {
    pub fn start(offer: Offer) -> Result<Catcher> {
        let cannot = |e| Error::io(say!("メールの受け皿を開けません。", "The mail catcher cannot listen."), e);
        let listener = TcpListener::bind((offer.ip, offer.port)).map_err(cannot)?;
        let addr = listener.local_addr().map_err(cannot)?;
        let tls = offer.tls.as_ref().map(|(cert, key)| server_config(cert, key)).transpose()?;
        let (state, changed, stop) = (Mutex::default(), Condvar::new(), AtomicBool::new(false));
        let inner = Arc::new(Inner { offer, tls, state, changed, stop });
        let server = Arc::clone(&inner);
        let accepting = std::thread::spawn(move || accept(&listener, &server));
        Ok(Catcher { addr, inner, accepting: Some(accepting) })
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The newest mails, oldest first.
    pub fn mails(&self) -> Vec<Caught> {
        self.inner.state().mails.iter().cloned().collect()
    }

    pub fn mail(&self, n: u64) -> Option<Caught> {
        self.inner.state().mails.iter().find(|mail| mail.n == n).cloned()
    }

    /// How many were ever caught.
    pub fn count(&self) -> u64 {
        self.inner.state().count
    }

    /// How many connections there ever were.
    pub fn connections(&self) -> u64 {
        self.inner.state().connections
    }

    /// Every command line so far, in the order of arrival.
    pub fn heard(&self) -> Vec<String> {
        self.inner.state().heard.clone()
    }

    pub fn rule(&self, rule: Rule) {
        self.inner.state().rules.push(rule);
    }

    pub fn clear_rules(&self) {
        self.inner.state().rules.clear();
    }

    /// Waits until `count` reaches `n`; false when it did not in time.
    pub fn wait_for(&self, n: u64, most: Duration) -> bool {
        let enough = |state: &mut State| state.count < n;
        let waited = self.inner.changed.wait_timeout_while(self.inner.state(), most, enough);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.count >= n
    }
}

impl Drop for Catcher {
    fn drop(&mut self) {
        self.inner.stop.store(true, Ordering::SeqCst);
        self.inner.changed.notify_all();
        // A connection of our own wakes the accepting thread.
        let _woken = TcpStream::connect(self.addr);
        if let Some(thread) = self.accepting.take() {
            let _ended = thread.join();
        }
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// The scripted act for this step, if there is one; using it up.
    fn scripted(&self, at: Step, about: &str) -> Option<Act> {
        script::next(&mut self.state().rules, at, about)
    }

    fn delay(&self, wait: Duration) {
        let stopped = |_: &mut State| !self.stopped();
        drop(self.changed.wait_timeout_while(self.state(), wait, stopped));
    }

    fn hear(&self, line: &str) {
        let mut state = self.state();
        if state.heard.len() < HEARD_MAX {
            state.heard.push(line.to_owned());
        }
    }

    fn catch(&self, from: String, to: Vec<String>, bytes: Vec<u8>) {
        let mut state = self.state();
        state.count += 1;
        let mail = Caught { n: state.count, from, to, bytes, at: (self.offer.clock)() };
        state.mails.push_back(mail);
        while state.mails.len() > self.offer.keep {
            state.mails.pop_front();
        }
        self.changed.notify_all();
    }
}

fn server_config(cert: &str, key: &str) -> Result<Arc<ServerConfig>> {
    let bad = || Error::refused(say!("証明書か鍵を読めません。", "The certificate or key cannot be read."));
    let certs: Vec<_> = CertificateDer::pem_slice_iter(cert.as_bytes()).filter_map(|c| c.ok()).collect();
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| bad())?;
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|_| bad())?
        .with_no_client_auth()
        .with_single_cert(certs, key)
        .map_err(|_| bad())?;
    Ok(Arc::new(config))
}

fn accept(listener: &TcpListener, inner: &Arc<Inner>) {
    for stream in listener.incoming() {
        if inner.stopped() {
            return;
        }
        let Ok(stream) = stream else { continue };
        inner.state().connections += 1;
        let inner = Arc::clone(inner);
        std::thread::spawn(move || {
            let ready = stream.set_nodelay(true).and_then(|()| stream.set_read_timeout(Some(TICK)));
            if ready.is_ok() {
                // A conversation that breaks off is the other side's business.
                let _over = converse(stream, &inner);
            }
        });
    }
}
