//! A front with real sockets, and a worker on the other side that does what its script says.

use crate::base::Error;
use crate::base::link::{AccessLine, Per, RouteClass, Surface, header as ours};
use crate::door::front::{Front, FrontSettings, Listening, Outlet, Speaks};
use crate::door::gate::Gate;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// A request as the worker got it.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    pub(super) first: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    /// Which of its connections it came by.
    pub(super) connection: usize,
}

impl Heard {
    pub(super) fn all(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_str()).collect()
    }

    pub(super) fn path(&self) -> &str {
        self.first.split(' ').nth(1).unwrap()
    }
}

pub(super) type Script = dyn Fn(&Heard, &mut UnixStream) -> std::io::Result<()> + Send + Sync;

/// Answers with this text and length.
pub(super) fn say(out: &mut UnixStream, text: &str) -> std::io::Result<()> {
    write!(out, "HTTP/1.1 200 OK\r\nServer: test\r\nContent-Length: {}\r\n\r\n{text}", text.len())
}

#[derive(Default)]
pub(super) struct Log {
    pub(super) lines: Mutex<Vec<AccessLine>>,
    pub(super) faults: Mutex<Vec<String>>,
}

impl Outlet for Log {
    fn access(&self, lines: Vec<AccessLine>) {
        self.lines.lock().unwrap().extend(lines);
    }

    fn fault(&self, error: &Error) {
        self.faults.lock().unwrap().push(error.says().en.clone());
    }
}

/// Something that a test and a script wait for in each other.
#[derive(Default)]
pub(super) struct Bell(Mutex<usize>, Condvar);

impl Bell {
    pub(super) fn ring(&self) {
        *self.0.lock().unwrap() += 1;
        self.1.notify_all();
    }

    /// Takes one ring.
    pub(super) fn wait(&self) {
        let held = self.0.lock().unwrap();
        let (mut held, late) = self.1.wait_timeout_while(held, Duration::from_secs(20), |n| *n == 0).unwrap();
        assert!(!late.timed_out(), "nobody rang");
        *held -= 1;
    }
}

pub(super) struct World {
    pub(super) gate: Arc<Gate>,
    pub(super) front: Option<Front>,
    pub(super) log: Arc<Log>,
    pub(super) heard: Arc<Mutex<Vec<Heard>>>,
    pub(super) folder: tempfile::TempDir,
}

pub(super) fn routes() -> Vec<RouteClass> {
    let row = |method: &str, path: &str, public: bool, body: u64, per: Per| RouteClass {
        method: method.into(),
        path: path.into(),
        public,
        body,
        per,
    };
    vec![
        row("GET", "/", false, 0, Per::Address),
        row("GET", "/admin", false, 0, Per::Address),
        row("POST", "/import", false, 50 << 20, Per::Address),
        row("GET", "/p", true, 0, Per::Address),
        row("POST", "/p", true, 64 << 10, Per::Address),
        row("GET", "/p/{name}", true, 0, Per::Address),
        row("GET", "/u/{token}", true, 0, Per::Token),
        row("POST", "/u/{token}", true, 64 << 10, Per::Token),
    ]
}

impl World {
    /// A public and an admin listener, plain; a worker that says "hello" to everything.
    pub(super) fn plain() -> World {
        World::with(|_| {}, |_, out| say(out, "hello"))
    }

    pub(super) fn with(
        set: impl FnOnce(&mut FrontSettings),
        script: impl Fn(&Heard, &mut UnixStream) -> std::io::Result<()> + Send + Sync + 'static,
    ) -> World {
        let world = World::held(set);
        world.worker("first", script);
        world
    }

    /// No worker yet.
    pub(super) fn held(set: impl FnOnce(&mut FrontSettings)) -> World {
        let folder = tempfile::tempdir().unwrap();
        let here: SocketAddr = ([127, 0, 0, 1], 0).into();
        let listening = vec![
            Listening::bind(here, Surface::Public, Speaks::Http).unwrap(),
            Listening::bind(here, Surface::Admin, Speaks::Http).unwrap(),
        ];
        let mut settings = FrontSettings::new(listening, folder.path().join("spool"));
        set(&mut settings);
        let (gate, log) = (Gate::new(), Arc::new(Log::default()));
        let front = Front::start(&settings, Arc::clone(&gate), Arc::clone(&log) as Arc<dyn Outlet>).unwrap();
        World { gate, front: Some(front), log, heard: Arc::default(), folder }
    }

    /// Starts a worker and opens the gate to it.
    pub(super) fn worker(
        &self,
        name: &str,
        script: impl Fn(&Heard, &mut UnixStream) -> std::io::Result<()> + Send + Sync + 'static,
    ) {
        let path = self.listen_as(name, script);
        self.gate.open(path, "/nowhere".into(), routes());
    }

    pub(super) fn listen_as(
        &self,
        name: &str,
        script: impl Fn(&Heard, &mut UnixStream) -> std::io::Result<()> + Send + Sync + 'static,
    ) -> PathBuf {
        let path = self.folder.path().join(name);
        let (listener, heard) = (UnixListener::bind(&path).unwrap(), Arc::clone(&self.heard));
        let script: Arc<Script> = Arc::new(script);
        std::thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let (stream, heard, script) = (stream.unwrap(), Arc::clone(&heard), Arc::clone(&script));
                std::thread::spawn(move || one_connection(stream, number, &heard, &*script));
            }
        });
        path
    }

    pub(super) fn address(&self, surface: Surface, speaks: Speaks) -> SocketAddr {
        let all = self.front.as_ref().unwrap().addresses();
        all.iter().find(|(s, p, _)| (*s, *p) == (surface, speaks)).unwrap().2
    }

    pub(super) fn connect(&self, surface: Surface) -> TcpStream {
        connect(self.address(surface, Speaks::Http))
    }

    /// Sends these bytes on the public side and reads until the connection ends or the answer is whole.
    pub(super) fn public(&self, bytes: impl AsRef<[u8]>) -> Answer {
        exchange(&mut self.connect(Surface::Public), bytes.as_ref())
    }

    pub(super) fn admin(&self, bytes: impl AsRef<[u8]>) -> Answer {
        exchange(&mut self.connect(Surface::Admin), bytes.as_ref())
    }

    pub(super) fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }

    /// Ends the front; then every access line has come.
    pub(super) fn lines(&mut self) -> Vec<AccessLine> {
        self.front.take().unwrap().stop(Duration::from_secs(5));
        self.log.lines.lock().unwrap().clone()
    }
}

pub(super) fn connect(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

fn one_connection(stream: UnixStream, number: usize, heard: &Mutex<Vec<Heard>>, script: &Script) {
    let mut out = stream.try_clone().unwrap();
    let mut lines = BufReader::new(stream);
    while let Some(request) = hear(&mut lines, number) {
        // Whether anybody is there.
        if request.all(ours::SURFACE).is_empty() {
            out.write_all(b"HTTP/1.1 421 Misdirected Request\r\nContent-Length: 0\r\n\r\n").ok();
            continue;
        }
        heard.lock().unwrap().push(request.clone());
        if script(&request, &mut out).is_err() {
            out.shutdown(std::net::Shutdown::Both).ok();
            return;
        }
    }
}

fn hear(lines: &mut BufReader<UnixStream>, connection: usize) -> Option<Heard> {
    let mut line = || {
        let mut text = String::new();
        lines.read_line(&mut text).ok().filter(|n| *n > 0)?;
        Some(text.trim_end_matches("\r\n").to_owned())
    };
    let first = line()?;
    let mut headers = Vec::new();
    loop {
        let text = line()?;
        let Some((name, value)) = text.split_once(": ") else { break };
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let length = headers.iter().find(|(n, _)| n == "content-length").map_or(0, |(_, v)| v.parse().unwrap());
    let mut body = vec![0; length];
    lines.read_exact(&mut body).ok()?;
    Some(Heard { first, headers, body, connection })
}

/// An answer as a client reads it.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1).filter_map(|l| l.split_once(": "));
        lines.filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v).next()
    }

    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

pub(super) fn exchange(stream: &mut (impl Read + Write), bytes: &[u8]) -> Answer {
    // An early answer may end the connection before all is written.
    stream.write_all(bytes).ok();
    receive(stream, bytes.starts_with(b"HEAD"))
}

/// Status 0 when the connection ended without an answer.
pub(super) fn receive(stream: &mut impl Read, head_only: bool) -> Answer {
    let mut all = Vec::new();
    let mut byte = [0u8; 1];
    while !all.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => all.push(byte[0]),
            _ => break,
        }
    }
    let head = String::from_utf8(all).unwrap();
    let status = head.get(9..12).and_then(|s| s.parse().ok()).unwrap_or(0);
    let mut answer = Answer { status, head, body: Vec::new() };
    if status == 100 {
        return receive(stream, head_only);
    }
    if head_only || matches!(status, 0 | 204 | 304) {
        return answer;
    }
    if answer.header("transfer-encoding").is_some() {
        answer.body = chunked(stream);
        return answer;
    }
    let length: usize = answer.header("content-length").map_or(0, |v| v.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    answer.body = body;
    answer
}

fn chunked(stream: &mut impl Read) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let chunk = one_chunk(stream);
        if chunk.is_empty() {
            return body;
        }
        body.extend(chunk);
    }
}

pub(super) fn one_chunk(stream: &mut impl Read) -> Vec<u8> {
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        let mut byte = [0u8; 1];
        stream.read_exact(&mut byte).unwrap();
        line.push(byte[0]);
    }
    let size = usize::from_str_radix(std::str::from_utf8(&line).unwrap().trim(), 16).unwrap();
    let mut chunk = vec![0; size + 2];
    stream.read_exact(&mut chunk).unwrap();
    chunk.truncate(size);
    chunk
}
