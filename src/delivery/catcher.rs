//! A mail server that keeps what it is given: for `try`, whose mails show on a page, and for tests, which script
//! its answers. It listens on loopback only and passes nothing on.

use super::smtp::Step;
use crate::base::{Error, Result, Secret, Time};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
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
        Offer { port: 0, keep: 1_000, pipelining: true, utf8: true, size, tls, implicit: false, login, clock }
    }
}

/// A scripted answer. The first rule that fits and is not used up decides.
#[derive(Clone, Debug)]
pub struct Rule {
    pub at: Step,
    /// Only where the command's address (at `Dot`: a recipient's) contains this.
    pub whom: Option<String>,
    /// How often; `None` for always.
    pub times: Option<u32>,
    pub act: Act,
}

#[derive(Clone, Debug)]
pub enum Act {
    /// This reply, `450 4.2.0 later`. At `Dot` a 2xx keeps the mail, anything else does not.
    Say(String),
    /// Hangs up without a word; at `Dot`, after the whole message, which is not kept.
    Drop,
    /// At `Dot`: keeps the mail and hangs up without a word.
    KeepAndDrop,
    /// Waits, then goes on as ever.
    Delay(Duration),
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
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, offer.port)).map_err(cannot)?;
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
        let mut state = self.state();
        let rule = state.rules.iter_mut().find(|rule| {
            rule.at == at
                && rule.times != Some(0)
                && rule.whom.as_ref().is_none_or(|whom| about.contains(whom.as_str()))
        })?;
        rule.times = rule.times.map(|n| n - 1);
        Some(rule.act.clone())
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

/// How often a waiting connection looks whether the catcher has been stopped.
const TICK: Duration = Duration::from_millis(500);

/// Reads through time-outs until the catcher stops.
struct Patient<S> {
    stream: S,
    inner: Arc<Inner>,
}

impl<S: Read> Read for Patient<S> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        loop {
            match self.stream.read(buf) {
                Err(e) if matches!(e.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                    if self.inner.stopped() {
                        return Ok(0);
                    }
                }
                other => return other,
            }
        }
    }
}

impl<S: Write> Write for Patient<S> {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        self.stream.write(buf)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.stream.flush()
    }
}

trait Duplex: Read + Write {}
impl<T: Read + Write> Duplex for T {}

/// `Hang up` is an error like a broken connection: both end the conversation.
fn hang_up() -> std::io::Error {
    std::io::ErrorKind::ConnectionAborted.into()
}

fn converse(stream: TcpStream, inner: &Arc<Inner>) -> std::io::Result<()> {
    let patient = Patient { stream, inner: Arc::clone(inner) };
    let mut talk = Talk { inner, tls: false, signed_in: false, line: Vec::new() };
    if inner.offer.implicit
        && let Some(config) = &inner.tls
    {
        let connection = ServerConnection::new(Arc::clone(config)).map_err(std::io::Error::other)?;
        talk.tls = true;
        let mut stream: Box<dyn Duplex> = Box::new(StreamOwned::new(connection, patient));
        return talk.greet(&mut BufReader::new(&mut stream));
    }
    let mut plain = BufReader::new(patient);
    talk.greet(&mut plain).and_then(|()| if talk.tls { Ok(()) } else { Err(hang_up()) })?;
    // STARTTLS was accepted: what was buffered in plain text is thrown away with its reader.
    let config = inner.tls.as_ref().ok_or_else(hang_up)?;
    let connection = ServerConnection::new(Arc::clone(config)).map_err(std::io::Error::other)?;
    let mut stream: Box<dyn Duplex> = Box::new(StreamOwned::new(connection, plain.into_inner()));
    talk.commands(&mut BufReader::new(&mut stream))
}

struct Talk<'a> {
    inner: &'a Inner,
    tls: bool,
    signed_in: bool,
    line: Vec<u8>,
}

type Way<'w, S> = &'w mut BufReader<S>;

/// Longest line and message that are taken.
const LINE_MAX: u64 = 64 << 10;
const MESSAGE_MAX: usize = 64 << 20;

impl Talk<'_> {
    fn greet<S: Read + Write>(&mut self, way: Way<'_, S>) -> std::io::Result<()> {
        self.answer(way, Step::Banner, "", "220 catcher.localhost ESMTP")?;
        self.commands(way)
    }

    /// Until QUIT (an error, as any end is) or an accepted STARTTLS.
    fn commands<S: Read + Write>(&mut self, way: Way<'_, S>) -> std::io::Result<()> {
        let (mut from, mut to): (Option<String>, Vec<String>) = (None, Vec::new());
        loop {
            let line = self.read_line(way)?;
            self.inner.hear(&line);
            let verb = line.split([' ', ':']).next().unwrap_or("").to_ascii_uppercase();
            match verb.as_str() {
                "EHLO" | "HELO" => {
                    let offers = self.offers();
                    self.answer(way, Step::Ehlo, "", &offers)?;
                }
                "STARTTLS" if self.inner.tls.is_some() && !self.tls => {
                    if self.answer(way, Step::StartTls, "", "220 2.0.0 go ahead")? {
                        self.tls = true;
                        return Ok(());
                    }
                }
                "AUTH" => self.sign_in(way, &line)?,
                "MAIL" if self.inner.offer.login.is_some() && !self.signed_in => {
                    say(way, "530 5.7.0 authentication required")?;
                }
                "MAIL" => {
                    if self.answer(way, Step::Mail, &line, "250 2.1.0 ok")? {
                        from = Some(address(&line));
                        to.clear();
                    }
                }
                "RCPT" if from.is_none() => say(way, "503 5.5.1 MAIL first")?,
                "RCPT" => {
                    if self.answer(way, Step::Rcpt, &line, "250 2.1.5 ok")? {
                        to.push(address(&line));
                    }
                }
                "DATA" if to.is_empty() => say(way, "503 5.5.1 no valid recipients")?,
                "DATA" => {
                    if self.answer(way, Step::Data, &to.join(" "), "354 go ahead")? {
                        let bytes = read_message(way)?;
                        self.take(way, from.take().unwrap_or_default(), std::mem::take(&mut to), bytes)?;
                    }
                }
                "RSET" => {
                    (from, to) = (None, Vec::new());
                    say(way, "250 2.0.0 ok")?;
                }
                "NOOP" => say(way, "250 2.0.0 ok")?,
                "QUIT" => {
                    say(way, "221 2.0.0 bye")?;
                    return Err(hang_up());
                }
                _ => say(way, "502 5.5.2 what?")?,
            }
        }
    }

    fn offers(&self) -> String {
        let offer = &self.inner.offer;
        let mut lines = vec!["catcher.localhost".to_owned(), "ENHANCEDSTATUSCODES".into(), "8BITMIME".into()];
        lines.extend(offer.pipelining.then(|| "PIPELINING".into()));
        lines.extend(offer.utf8.then(|| "SMTPUTF8".into()));
        lines.extend(offer.size.map(|size| format!("SIZE {size}")));
        lines.extend((self.inner.tls.is_some() && !self.tls).then(|| "STARTTLS".into()));
        lines.extend(offer.login.is_some().then(|| "AUTH PLAIN LOGIN".into()));
        let last = lines.pop().unwrap_or_default();
        lines.iter().map(|l| format!("250-{l}\r\n")).collect::<String>() + &format!("250 {last}")
    }

    /// Answers as scripted, or as ever. True when the step was taken.
    fn answer<S: Read + Write>(&self, way: Way<'_, S>, at: Step, about: &str, usual: &str) -> std::io::Result<bool> {
        match self.inner.scripted(at, about) {
            None => say(way, usual).map(|()| true),
            Some(Act::Say(line)) => say(way, &line).map(|()| line.starts_with(['2', '3'])),
            Some(Act::Drop | Act::KeepAndDrop) => Err(hang_up()),
            Some(Act::Delay(wait)) => {
                self.inner.delay(wait);
                say(way, usual).map(|()| true)
            }
        }
    }

    fn take<S: Read + Write>(
        &self,
        way: Way<'_, S>,
        from: String,
        to: Vec<String>,
        bytes: Vec<u8>,
    ) -> std::io::Result<()> {
        match self.inner.scripted(Step::Dot, &to.join(" ")) {
            Some(Act::Say(line)) => {
                if line.starts_with('2') {
                    self.inner.catch(from, to, bytes);
                }
                return say(way, &line);
            }
            Some(Act::Drop) => return Err(hang_up()),
            Some(Act::KeepAndDrop) => {
                self.inner.catch(from, to, bytes);
                return Err(hang_up());
            }
            Some(Act::Delay(wait)) => self.inner.delay(wait),
            None => {}
        }
        self.inner.catch(from, to, bytes);
        say(way, "250 2.0.0 caught")
    }

    fn sign_in<S: Read + Write>(&mut self, way: Way<'_, S>, line: &str) -> std::io::Result<()> {
        let Some((user, password)) = self.inner.offer.login.clone() else { return say(way, "502 5.5.1 no AUTH") };
        let mut words = line.split_whitespace().skip(1);
        let way_in = words.next().unwrap_or("").to_ascii_uppercase();
        let given = match (way_in.as_str(), words.next()) {
            ("PLAIN", Some(both)) => {
                let both = decoded(both);
                let mut parts = both.split(|b| *b == 0).skip(1).map(<[u8]>::to_vec);
                (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
            }
            ("LOGIN", None) => {
                say(way, "334 VXNlcm5hbWU6")?;
                let user = decoded(&self.read_line(way)?);
                say(way, "334 UGFzc3dvcmQ6")?;
                (user, decoded(&self.read_line(way)?))
            }
            _ => return say(way, "504 5.5.4 unknown way to sign in"),
        };
        let right = given.0 == user.as_bytes() && given.1 == password.bytes();
        let usual = if right { "235 2.7.0 welcome" } else { "535 5.7.8 wrong" };
        self.signed_in = self.answer(way, Step::Auth, "", usual)? && right;
        Ok(())
    }

    fn read_line<S: Read>(&mut self, way: Way<'_, S>) -> std::io::Result<String> {
        self.line.clear();
        way.by_ref().take(LINE_MAX).read_until(b'\n', &mut self.line)?;
        match self.line.ends_with(b"\n") {
            true => Ok(String::from_utf8_lossy(&self.line).trim_end().to_owned()),
            false => Err(hang_up()),
        }
    }
}

fn say<S: Read + Write>(way: Way<'_, S>, line: &str) -> std::io::Result<()> {
    way.get_mut().write_all(format!("{line}\r\n").as_bytes())?;
    way.get_mut().flush()
}

fn decoded(text: &str) -> Vec<u8> {
    data_encoding::BASE64.decode(text.trim().as_bytes()).unwrap_or_default()
}

/// What stands between the angle brackets.
fn address(line: &str) -> String {
    line.split_once('<').and_then(|(_, rest)| rest.rsplit_once('>')).map_or("", |(inside, _)| inside).to_owned()
}

fn read_message<S: Read>(way: Way<'_, S>) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        let start = bytes.len();
        way.by_ref().take(MESSAGE_MAX as u64).read_until(b'\n', &mut bytes)?;
        let line = &bytes[start..];
        if !line.ends_with(b"\n") || bytes.len() > MESSAGE_MAX {
            return Err(hang_up());
        }
        if line == b".\r\n" {
            bytes.truncate(start);
            return Ok(bytes);
        }
        if line[0] == b'.' {
            bytes.remove(start);
        }
    }
}
