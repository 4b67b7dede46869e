//! The one file that knows tiny_http: a socket on one side, `gate::pass` on the other.
//!
//! tiny_http must never meet a network: no time-outs, no limits, a thread per connection, and when a request is
//! dropped with an announced body unread it allocates what was announced (100 GB ends the process). So: it listens on
//! loopback only; a body within `DRAIN_MAX` is always read to its end; one that announces more, or does not say, is
//! answered and then *forgotten*, connection and all, so that its reader is never dropped. What it logs to nobody, we
//! log: a dead accept loop ends `Server::wait`.

use super::answer::{Answer, Content, Live, Step};
use super::form::Values;
use super::request::{Method, Request};
use super::setup::Wizard;
use super::site::Site;
use crate::base::{Error, Result, Say, clock, limits, seal};
use crate::house::House;
use data_encoding::BASE32_NOPAD;
use std::io::{Cursor, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

/// Whoever answers: the pages, or the wizard before there are any.
pub(crate) trait Serve: Send + Sync {
    fn pass(&self, request: &Request, body: &mut dyn Read) -> Answer;
    /// How much a request may bring.
    fn body_limit(&self, method: Method, path: &str) -> u64;
}

pub struct Server {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    address: SocketAddr,
}

struct Shared {
    serve: Arc<dyn Serve>,
    http: tiny_http::Server,
    stop: AtomicBool,
    /// The accept loop has ended by itself.
    broken: AtomicBool,
    streams: AtomicUsize,
    /// Wakes event streams when the server stops.
    bell: (Mutex<()>, Condvar),
}

impl Server {
    /// Listens on a loopback address and serves until `stop`.
    pub fn start(house: &Arc<House>, listen: SocketAddr) -> Result<Server> {
        Server::with(Arc::new(Site::new(Arc::clone(house))), listen)
    }

    /// The first run; when it has made a house, the same socket goes on with its pages.
    pub fn start_setup(wizard: &Arc<Wizard>, listen: SocketAddr) -> Result<Server> {
        Server::with(Arc::clone(wizard) as Arc<dyn Serve>, listen)
    }

    fn with(serve: Arc<dyn Serve>, listen: SocketAddr) -> Result<Server> {
        if !listen.ip().is_loopback() {
            return Err(Error::refused(say!(
                "待ち受けられるのはループバックアドレスだけです。",
                "Only loopback addresses can be listened on."
            ))
            .hint(say!("例: 127.0.0.1:8080", "For example: 127.0.0.1:8080")));
        }
        let cannot = |e| {
            let at = listen.to_string();
            Error::io(say!("{at} で待ち受けられません。", "Cannot listen on {at}."), e)
        };
        let listener = TcpListener::bind(listen).map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        let http =
            tiny_http::Server::from_listener(listener, None).map_err(|e| Error::bug(format!("tiny_http: {e}")))?;
        let shared = Arc::new(Shared {
            serve,
            http,
            stop: AtomicBool::new(false),
            broken: AtomicBool::new(false),
            streams: AtomicUsize::new(0),
            bell: (Mutex::new(()), Condvar::new()),
        });
        let mut threads = Vec::new();
        for _ in 0..limits::WEB_THREADS {
            let shared = Arc::clone(&shared);
            let work = move || work(&shared);
            threads.push(std::thread::Builder::new().name("web".into()).spawn(work).map_err(cannot)?);
        }
        Ok(Server { shared, threads, address })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// False when the socket takes no more connections: the process should end and start again.
    pub fn is_sound(&self) -> bool {
        !self.shared.broken.load(Ordering::Acquire)
    }

    /// Answers what is being answered, takes nothing new.
    pub fn stop(self) {
        self.shared.stop.store(true, Ordering::Release);
        self.shared.bell.1.notify_all();
        for _ in &self.threads {
            self.shared.http.unblock();
        }
        for thread in self.threads {
            thread.join().ok();
        }
        // Event streams look at `stop` once a second; a client that does not read is not waited for.
        let mut held = self.shared.bell.0.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..5 {
            if self.shared.streams.load(Ordering::Acquire) == 0 {
                break;
            }
            self.shared.bell.1.notify_all();
            let waited = self.shared.bell.1.wait_timeout(held, limits::WEB_STREAM_STEP / 5);
            held = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

fn work(shared: &Arc<Shared>) {
    while !shared.stop.load(Ordering::Acquire) {
        match shared.http.recv() {
            Ok(request) => one(shared, request),
            Err(_) if shared.stop.load(Ordering::Acquire) => return,
            Err(_) => {
                shared.broken.store(true, Ordering::Release);
                return;
            }
        }
    }
}

fn one(shared: &Arc<Shared>, mut http: tiny_http::Request) {
    let request = request_of(&http);
    let readable = request
        .length
        .is_some_and(|n| n <= limits::DRAIN_MAX.max(shared.serve.body_limit(request.method, &request.path)));
    if !readable {
        let answer = shared.serve.pass(&request, &mut std::io::empty());
        return forget(http, answer);
    }
    let length = request.length.unwrap_or(0);
    let answer = {
        let mut body = http.as_reader().take(length);
        let answer = shared.serve.pass(&request, &mut body);
        // Whoever sends a body reads the answer only when the body has gone.
        std::io::copy(&mut body, &mut std::io::sink()).ok();
        answer
    };
    match answer.body {
        Content::Events(step) => stream(shared, http, answer.headers, step),
        Content::Bytes(bytes) => {
            let length = bytes.len();
            respond(http, answer.status, answer.headers, Box::new(Cursor::new(bytes)), Some(length));
        }
        Content::Stream(from) => respond(http, answer.status, answer.headers, from, None),
    }
}

fn request_of(http: &tiny_http::Request) -> Request {
    let (path, query) = http.url().split_once('?').unwrap_or((http.url(), ""));
    let headers: Vec<(String, String)> = http
        .headers()
        .iter()
        .take(limits::HEADERS_MAX)
        .map(|h| (h.field.as_str().as_str().to_ascii_lowercase(), h.value.as_str().to_owned()))
        .collect();
    let has = |name: &str| headers.iter().any(|(n, _)| n == name);
    let lengths: Vec<Option<u64>> =
        headers.iter().filter(|(n, _)| n == "content-length").map(|(_, v)| v.parse().ok()).collect();
    // What frames the body two ways, or in no way we read, is not guessed at.
    let length = match lengths.as_slice() {
        [] if !has("transfer-encoding") => Some(0),
        [one] if !has("transfer-encoding") => *one,
        _ => None,
    };
    let path = if http.url().len() > limits::URL_MAX { "/too-long" } else { path };
    Request {
        method: match http.method() {
            tiny_http::Method::Get => Method::Get,
            tiny_http::Method::Head => Method::Head,
            tiny_http::Method::Post => Method::Post,
            _ => Method::Other,
        },
        path: path.to_owned(),
        query: Values::parse(query),
        headers,
        from: http.remote_addr().map(|a| a.ip().to_string()).unwrap_or_default(),
        length,
        now: clock::now(),
        id: seal::random::<10>().map(|b| BASE32_NOPAD.encode(&b)).unwrap_or_default(),
    }
}

fn header(name: &str, value: &str) -> Option<tiny_http::Header> {
    tiny_http::Header::from_bytes(name, value).ok()
}

fn respond(
    http: tiny_http::Request,
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Box<dyn Read + Send>,
    length: Option<usize>,
) {
    let headers = headers.iter().filter_map(|(n, v)| header(n, v)).chain(header("Server", "hakobu")).collect();
    let response = tiny_http::Response::new(tiny_http::StatusCode(status), headers, body, length, None)
        // Bodies in memory go out with their length; only streams are chunked.
        .with_chunked_threshold(usize::MAX);
    // A client that has gone needs no answer.
    http.respond(response).ok();
}

/// Answers a request whose body will not be read, and lets go of the connection without closing it: closing would
/// drop the reader. `upgrade` is the only way to take both ends out of a request; the length stands behind the
/// protocol's name because tiny_http leaves it out there.
fn forget(http: tiny_http::Request, answer: Answer) {
    let bytes = match answer.body {
        Content::Bytes(bytes) => bytes,
        Content::Stream(_) | Content::Events(_) => Vec::new(),
    };
    let headers = answer.headers.iter().filter_map(|(n, v)| header(n, v)).chain(header("Server", "hakobu")).collect();
    let response =
        tiny_http::Response::new(tiny_http::StatusCode(answer.status), headers, std::io::empty(), Some(0), None);
    let length = bytes.len();
    let mut ends = http.upgrade(&format!("none\r\nContent-Length: {length}"), response);
    ends.write_all(&bytes).and_then(|()| ends.flush()).ok();
    std::mem::forget(ends);
}

/// Events have a thread of their own, so that pages are served while somebody watches.
fn stream(shared: &Arc<Shared>, http: tiny_http::Request, headers: Vec<(&'static str, String)>, step: Box<Step>) {
    if shared.streams.fetch_add(1, Ordering::AcqRel) >= limits::WEB_STREAMS {
        shared.streams.fetch_sub(1, Ordering::AcqRel);
        // The browser falls back to asking now and then.
        return respond(http, 503, headers, Box::new(std::io::empty()), Some(0));
    }
    let shared = Arc::clone(shared);
    let counted = Arc::clone(&shared);
    let run = move || {
        // A client that has gone ends the stream, and that is all.
        events(&shared, http.into_writer(), &headers, step).ok();
        shared.streams.fetch_sub(1, Ordering::AcqRel);
    };
    if std::thread::Builder::new().name("events".into()).spawn(run).is_err() {
        counted.streams.fetch_sub(1, Ordering::AcqRel);
    }
}

fn events(
    shared: &Shared,
    mut out: Box<dyn Write + Send>,
    headers: &[(&'static str, String)],
    mut step: Box<Step>,
) -> std::io::Result<()> {
    write!(out, "HTTP/1.1 200 OK\r\nServer: hakobu\r\nTransfer-Encoding: chunked\r\n")?;
    for (name, value) in headers {
        write!(out, "{name}: {value}\r\n")?;
    }
    out.write_all(b"\r\n")?;
    let (start, mut spoke, mut last) = (clock::now(), clock::now(), String::new());
    while !shared.stop.load(Ordering::Acquire) && clock::now().since(start) < limits::WEB_STREAM_LIFE {
        let (html, over) = match step(clock::now()) {
            Ok(Live::Now(html)) => (html, false),
            Ok(Live::Last(html)) => (html, true),
            Err(e) => (error_line(e.says()), true),
        };
        if html != last {
            chunk(&mut out, &event(if over { "last" } else { "now" }, &html))?;
            (last, spoke) = (html, clock::now());
        } else if over {
            chunk(&mut out, "event: over\ndata:\n\n")?;
        } else if clock::now().since(spoke) > limits::WEB_HEARTBEAT {
            chunk(&mut out, ": still here\n\n")?;
            spoke = clock::now();
        }
        if over {
            break;
        }
        let held = shared.bell.0.lock().unwrap_or_else(PoisonError::into_inner);
        drop(shared.bell.1.wait_timeout(held, limits::WEB_STREAM_STEP));
    }
    out.write_all(b"0\r\n\r\n")?;
    out.flush()
}

fn error_line(says: &Say) -> String {
    format!("<p class=\"fault\" lang=\"ja\">{}</p><p class=\"fault\" lang=\"en\">{}</p>", says.ja, says.en)
}

fn event(name: &str, html: &str) -> String {
    let data: String = html.lines().map(|l| format!("data: {l}\n")).collect();
    format!("event: {name}\n{data}\n")
}

/// Each chunk is flushed: an event that waits in a buffer is not one.
fn chunk(out: &mut dyn Write, text: &str) -> std::io::Result<()> {
    write!(out, "{:x}\r\n{text}\r\n", text.len())?;
    out.flush()
}
