//! The one file that knows tiny_http: the door's socket on one side, `gate::pass` on the other.
//!
//! tiny_http must never meet a network: no time-outs, no limits, a thread per connection, and when a request is dropped
//! with an announced body unread it allocates what was announced. So it listens on a Unix socket in a private folder,
//! where only the door speaks: whole requests, one Content-Length, bodies that are long in the spool. A body is always
//! read to its end, also when nobody wants it. Whoever speaks without the door's headers gets nothing.

use super::answer::{Answer, Content, Live, Step};
use super::brought::Brought;
use super::form::Values;
use super::request::{Method, Request};
use super::setup::Wizard;
use super::site::Site;
use crate::base::link::{RouteClass, Surface, header};
use crate::base::{Error, Result, Say, clock, limits, seal};
use crate::house::House;
use data_encoding::BASE32_NOPAD;
use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Whoever answers: the pages, or the wizard before there are any.
pub(crate) trait Serve: Send + Sync {
    fn pass(&self, request: &Request, body: &Brought) -> Answer;
    fn route_classes(&self) -> Vec<RouteClass>;
}

pub struct Server {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    serve: Arc<dyn Serve>,
    http: tiny_http::Server,
    /// Where the door puts long bodies.
    spool: PathBuf,
    stop: AtomicBool,
    /// Event streams end, pages are still answered.
    quiet: AtomicBool,
    /// The accept loop has ended by itself.
    broken: AtomicBool,
    streams: AtomicUsize,
    /// What each thread is at: when it began with its request.
    at_work: Vec<Mutex<Option<Instant>>>,
    /// Wakes event streams when the server stops.
    bell: (Mutex<()>, Condvar),
}

impl Server {
    /// Serves on a socket that only the door reaches, until `stop`.
    pub fn start(house: &Arc<House>, listener: UnixListener) -> Result<Server> {
        Server::with(Arc::new(Site::new(Arc::clone(house))), listener, house.data())
    }

    /// The first run; when it has made a house, the same socket goes on with its pages.
    pub fn start_setup(wizard: &Arc<Wizard>, listener: UnixListener) -> Result<Server> {
        Server::with(Arc::clone(wizard) as Arc<dyn Serve>, listener, wizard.data())
    }

    pub(super) fn with(serve: Arc<dyn Serve>, listener: UnixListener, data: &Path) -> Result<Server> {
        let http =
            tiny_http::Server::from_listener(listener, None).map_err(|e| Error::bug(format!("tiny_http: {e}")))?;
        let shared = Arc::new(Shared {
            serve,
            http,
            spool: data.join("spool"),
            stop: AtomicBool::new(false),
            quiet: AtomicBool::new(false),
            broken: AtomicBool::new(false),
            streams: AtomicUsize::new(0),
            at_work: (0..limits::WEB_THREADS).map(|_| Mutex::new(None)).collect(),
            bell: (Mutex::new(()), Condvar::new()),
        });
        let mut threads = Vec::new();
        for n in 0..limits::WEB_THREADS {
            let shared = Arc::clone(&shared);
            let thread = std::thread::Builder::new().name("web".into()).spawn(move || work(&shared, n));
            threads.push(thread.map_err(|e| Error::io(say!("画面を動かせません。", "Cannot start the pages."), e))?);
        }
        Ok(Server { shared, threads })
    }

    /// What the door must know of the pages.
    pub fn route_classes(&self) -> Vec<RouteClass> {
        self.shared.serve.route_classes()
    }

    /// False when the socket takes no more connections: the process should end and start again.
    pub fn is_sound(&self) -> bool {
        !self.shared.broken.load(Ordering::Acquire)
    }

    /// How long no thread has been free for a request: nothing when one is.
    pub fn stuck_for(&self) -> Duration {
        let busy = |since: &Mutex<Option<Instant>>| {
            since.lock().unwrap_or_else(PoisonError::into_inner).map_or(Duration::ZERO, |s| s.elapsed())
        };
        self.shared.at_work.iter().map(busy).min().unwrap_or_default()
    }

    /// Ends event streams, for good: browsers come back by themselves, and find whoever answers then.
    pub fn end_streams(&self) {
        self.shared.quiet.store(true, Ordering::Release);
        self.shared.bell.1.notify_all();
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

fn work(shared: &Arc<Shared>, n: usize) {
    let mark = |at: Option<Instant>| *shared.at_work[n].lock().unwrap_or_else(PoisonError::into_inner) = at;
    while !shared.stop.load(Ordering::Acquire) {
        match shared.http.recv() {
            Ok(request) => {
                mark(Some(Instant::now()));
                one(shared, request);
                mark(None);
            }
            Err(_) if shared.stop.load(Ordering::Acquire) => return,
            Err(_) => {
                shared.broken.store(true, Ordering::Release);
                return;
            }
        }
    }
}

fn one(shared: &Arc<Shared>, mut http: tiny_http::Request) {
    let answer = match whole(shared, &mut http) {
        Ok((request, body)) => shared.serve.pass(&request, &body),
        Err(answer) => answer,
    };
    match answer.body {
        Content::Events(step) => stream(shared, http, answer.headers, step),
        Content::Bytes(bytes) => respond(http, answer.status, &answer.headers, &bytes),
        Content::Stream(from) => flow(http, answer.status, &answer.headers, from),
    }
}

/// The request and what it brings, or what is said to somebody who is not the door.
fn whole(shared: &Shared, http: &mut tiny_http::Request) -> std::result::Result<(Request, Brought), Answer> {
    let request = request_of(http);
    let announced = request.as_ref().ok().and_then(|r| r.length).unwrap_or(0);
    let plain = Brought::from_socket(http.as_reader(), announced)
        // Nobody is there any more to read this.
        .map_err(|_| Answer::text("cut short".to_owned()).status(400))?;
    let mut request = request?;
    match request.header(header::SPOOL).map(|said| Brought::from_door(said, &shared.spool)) {
        None => Ok((request, plain)),
        Some(Some(sealed)) if announced == 0 => {
            request.length = Some(sealed.length());
            Ok((request, sealed))
        }
        Some(_) => Err(not_the_door()),
    }
}

fn not_the_door() -> Answer {
    Answer::text("Only the door speaks here.".to_owned()).status(421)
}

fn request_of(http: &tiny_http::Request) -> std::result::Result<Request, Answer> {
    let (path, query) = http.url().split_once('?').unwrap_or((http.url(), ""));
    let headers: Vec<(String, String)> = http
        .headers()
        .iter()
        // What the door adds is beyond what a client may send.
        .take(limits::HEADERS_MAX * 2)
        .map(|h| (h.field.as_str().as_str().to_ascii_lowercase(), h.value.as_str().to_owned()))
        .collect();
    let named = |name: &str| headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
    let surface = named(header::SURFACE).and_then(Surface::parse).ok_or_else(not_the_door)?;
    let id = match named(header::ID) {
        Some(id) => id.to_owned(),
        None => seal::random::<10>().map(|b| BASE32_NOPAD.encode(&b)).unwrap_or_default(),
    };
    let path = if http.url().len() > limits::URL_MAX { "/too-long" } else { path };
    Ok(Request {
        method: match http.method() {
            tiny_http::Method::Get => Method::Get,
            tiny_http::Method::Head => Method::Head,
            tiny_http::Method::Post => Method::Post,
            _ => Method::Other,
        },
        path: path.to_owned(),
        query: Values::parse(query),
        surface,
        https: named(header::SCHEME) == Some("https"),
        from: named(header::FROM).unwrap_or_default().to_owned(),
        length: length(&headers),
        now: clock::now(),
        id,
        headers,
    })
}

/// What frames the body two ways, or in no way we read, is not guessed at.
fn length(headers: &[(String, String)]) -> Option<u64> {
    let lengths: Vec<Option<u64>> =
        headers.iter().filter(|(n, _)| n == "content-length").map(|(_, v)| v.parse().ok()).collect();
    let chunked = headers.iter().any(|(n, _)| n == "transfer-encoding");
    match lengths.as_slice() {
        [] if !chunked => Some(0),
        [one] if !chunked => *one,
        _ => None,
    }
}

fn line(name: &str, value: &str) -> Option<tiny_http::Header> {
    tiny_http::Header::from_bytes(name, value).ok()
}

type Headers = [(&'static str, String)];

/// In one piece, so that whoever reads is woken once.
fn respond(http: tiny_http::Request, status: u16, headers: &Headers, body: &[u8]) {
    let shown = *http.method() != tiny_http::Method::Head;
    let mut out = head(status, headers);
    if status != 204 && status != 304 {
        out.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(if shown { body } else { b"" });
    let mut writer = http.into_writer();
    // A client that has gone needs no answer.
    writer.write_all(&out).and_then(|()| writer.flush()).ok();
}

/// Without its empty line. A value that is more than one line of ASCII is left out.
fn head(status: u16, headers: &Headers) -> Vec<u8> {
    let reason = tiny_http::StatusCode(status).default_reason_phrase();
    let mut out = format!("HTTP/1.1 {status} {reason}\r\nServer: hakobu\r\n");
    for (name, value) in headers.iter().filter(|(_, value)| value.bytes().all(|b| matches!(b, b'\t' | b' '..=b'~'))) {
        out.extend([name, ": ", value, "\r\n"]);
    }
    out.into_bytes()
}

/// As it comes, in chunks.
fn flow(http: tiny_http::Request, status: u16, headers: &Headers, body: Box<dyn Read + Send>) {
    let headers = headers.iter().filter_map(|(n, v)| line(n, v)).chain(line("Server", "hakobu")).collect();
    let response = tiny_http::Response::new(tiny_http::StatusCode(status), headers, body, None, None);
    // A client that has gone needs no answer.
    http.respond(response).ok();
}

/// Events have a thread of their own, so that pages are served while somebody watches.
fn stream(shared: &Arc<Shared>, http: tiny_http::Request, headers: Vec<(&'static str, String)>, step: Box<Step>) {
    if shared.streams.fetch_add(1, Ordering::AcqRel) >= limits::WEB_STREAMS {
        shared.streams.fetch_sub(1, Ordering::AcqRel);
        // The browser falls back to asking now and then.
        return respond(http, 503, &headers, b"");
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
    headers: &Headers,
    mut step: Box<Step>,
) -> std::io::Result<()> {
    out.write_all(&head(200, headers))?;
    out.write_all(b"Transfer-Encoding: chunked\r\n\r\n")?;
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
        // The browser comes back by itself.
        if over || shared.quiet.load(Ordering::Acquire) {
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
