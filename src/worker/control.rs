//! The worker's end of the control socket: how a command acts through the server that holds the lock. The door stands
//! before it, says whose call it is, and hands it on; each call is answered in a thread of its own. Only the account
//! that runs the server (or root) can reach it.

use crate::base::frames::{self, Frame, Line};
use crate::base::{By, Error, Progress, Result, clock, limits, run};
use crate::house::House;
use crate::house::ask::{Answer, Ask, Streams};
use crate::house::wire::{self, Call};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

/// Answers one ask of somebody at the machine. A function, so that it can be tried without a house.
pub type Answerer = dyn Fn(&By, Ask, &dyn Streams) -> Result<Answer> + Send + Sync;

pub struct Control {
    socket: PathBuf,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

struct Shared {
    listener: UnixListener,
    answer: Box<Answerer>,
    stop: AtomicBool,
    calls: Mutex<usize>,
    call_ended: Condvar,
}

impl Control {
    /// Listens for the commands of this house.
    pub fn start(house: &Arc<House>, socket: &Path) -> Result<Control> {
        let answering = Arc::clone(house);
        let answer = move |by: &By, ask: Ask, io: &dyn Streams| answering.answer(by, clock::now(), ask, io);
        Control::listen(socket, Box::new(answer))
    }

    /// The same for any answerer.
    pub fn listen(socket: &Path, answer: Box<Answerer>) -> Result<Control> {
        let cannot = |e| Error::io(say!("制御ソケットを開けません。", "Cannot open the control socket."), e);
        // The name is this worker's own: what stands there is left over.
        match std::fs::remove_file(socket) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(cannot(e)),
            Ok(()) | Err(_) => {}
        }
        let listener = UnixListener::bind(socket).map_err(cannot)?;
        let shared = Arc::new(Shared {
            listener,
            answer,
            stop: AtomicBool::new(false),
            calls: Mutex::new(0),
            call_ended: Condvar::new(),
        });
        let accepting = {
            let shared = Arc::clone(&shared);
            std::thread::Builder::new().name("control".into()).spawn(move || accept(&shared)).map_err(cannot)?
        };
        Ok(Control { socket: socket.to_owned(), shared, accepting })
    }

    /// Takes no more calls, asks the ones that run to stop, and waits for them.
    pub fn stop(self) {
        self.shared.stop.store(true, Ordering::Release);
        rustix::net::shutdown(&self.shared.listener, rustix::net::Shutdown::Both).ok();
        self.accepting.join().ok();
        let mut calls = lock(&self.shared.calls);
        while *calls > 0 {
            calls = self.shared.call_ended.wait(calls).unwrap_or_else(PoisonError::into_inner);
        }
        std::fs::remove_file(&self.socket).ok();
    }
}

fn lock<T>(m: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

fn accept(shared: &Arc<Shared>) {
    while !shared.stop.load(Ordering::Acquire) {
        let Ok((stream, _)) = shared.listener.accept() else { continue };
        let line = Line::new(stream);
        let mut calls = lock(&shared.calls);
        if *calls >= limits::CONTROL_CALLS {
            let busy =
                Error::later(say!("同時に実行できる操作の数を超えました。", "Too many commands at the same time."));
            line.send_outcome(&Err::<Answer, _>(busy)).ok();
            continue;
        }
        let in_thread = Arc::clone(shared);
        let started = std::thread::Builder::new().name("call".into()).spawn(move || {
            one_call(&in_thread, &line);
            *lock(&in_thread.calls) -= 1;
            in_thread.call_ended.notify_all();
        });
        if started.is_ok() {
            *calls += 1;
        }
    }
}

/// One connection carries one ask. A caller who has gone has nobody to be told anything.
fn one_call(shared: &Shared, line: &Line) {
    let outcome = peer(line.stream()).and_then(|by| {
        let (by, call) = read_call(line, by)?;
        let caller = Caller { line, stop: &shared.stop, gone: AtomicBool::new(false), told: Mutex::new(None) };
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| (shared.answer)(&by, call.ask, &caller)))
            .unwrap_or_else(|_| Err(Error::bug("answering panicked")))
    });
    line.send_outcome(&outcome).ok();
}

fn peer(stream: &UnixStream) -> Result<By> {
    let peer = rustix::net::sockopt::socket_peercred(stream)
        .map_err(|e| Error::io(say!("相手を確認できません。", "Cannot tell who is calling."), e.into()))?;
    let own = rustix::process::geteuid();
    match peer.uid == own || peer.uid.is_root() {
        true => Ok(By::Cli(run::account(peer.uid.as_raw()))),
        false => Err(Error::denied(say!(
            "このサーバーを動かしているアカウントだけが操作できます。",
            "Only the account that runs this server may do this."
        ))),
    }
}

/// Whose call it is, and the call. The door has looked at its caller and says who that is; a direct call is the peer's.
fn read_call(line: &Line, peer: By) -> Result<(By, Call)> {
    let (by, payload) = match receive(line)? {
        (Frame::Ask, payload) => (peer, payload),
        (Frame::Peer, account) => {
            let by = By::Cli(run::account(frames::from_json(&account)?));
            line.send(Frame::Peer, b"").map_err(cannot_read)?;
            match receive(line)? {
                (Frame::Ask, payload) => (by, payload),
                _ => return Err(no_ask()),
            }
        }
        _ => return Err(no_ask()),
    };
    let call: Call = frames::from_json(&payload)?;
    match call.version == wire::VERSION {
        true => Ok((by, call)),
        false => frames::from_json(b"another version"),
    }
}

fn receive(line: &Line) -> Result<(Frame, Vec<u8>)> {
    line.receive(&mut || {}).map_err(cannot_read)?.ok_or_else(no_ask)
}

fn cannot_read(e: io::Error) -> Error {
    Error::io(say!("依頼を読めません。", "Cannot read the ask."), e)
}

fn no_ask() -> Error {
    Error::refused(say!("最初の言葉が依頼ではありません。", "The first frame is not an ask."))
}

/// The caller's files and screen, on the other side of the socket.
struct Caller<'a> {
    line: &'a Line,
    stop: &'a AtomicBool,
    gone: AtomicBool,
    told: Mutex<Option<Instant>>,
}

impl Streams for Caller<'_> {
    fn input(&self, name: &str) -> Result<Box<dyn Read + Send + '_>> {
        Ok(Box::new(Input { caller: self, name: name.to_owned(), held: Vec::new(), at: 0, ended: false }))
    }

    fn output(&self, name: &str) -> Result<Box<dyn Write + Send + '_>> {
        let out = Output { caller: self, name: name.to_owned() };
        Ok(Box::new(io::BufWriter::with_capacity(limits::WIRE_CHUNK, out)))
    }

    fn progress(&self) -> &dyn Progress {
        self
    }
}

impl Progress for Caller<'_> {
    fn tell(&self, done: u64, total: u64) {
        let mut told = lock(&self.told);
        if told.is_none_or(|t| t.elapsed() >= limits::PROGRESS_EVERY) {
            *told = Some(Instant::now());
            let sent = self.line.send_json(Frame::Progress, &(done, total));
            self.gone.fetch_or(sent.is_err(), Ordering::AcqRel);
        }
    }

    fn stopped(&self) -> bool {
        if self.stop.load(Ordering::Acquire) || self.gone.load(Ordering::Acquire) {
            return true;
        }
        // All that a caller says unasked is `Stop`; one who has hung up reads as an end.
        let mut first = [0u8; 1];
        let flags = rustix::net::RecvFlags::PEEK | rustix::net::RecvFlags::DONTWAIT;
        let stopped = match rustix::net::recv(self.line.stream().as_fd(), &mut first, flags) {
            Ok((_, 0)) => true,
            Ok(_) => first[0] == Frame::Stop as u8,
            Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) => false,
            Err(_) => true,
        };
        self.gone.fetch_or(stopped, Ordering::AcqRel);
        stopped
    }
}

struct Input<'a> {
    caller: &'a Caller<'a>,
    name: String,
    held: Vec<u8>,
    at: usize,
    ended: bool,
}

impl Input<'_> {
    fn next_chunk(&mut self) -> io::Result<()> {
        self.caller.line.send(Frame::Want, self.name.as_bytes())?;
        loop {
            match self.caller.line.receive(&mut || {})? {
                Some((Frame::Chunk, bytes)) => {
                    self.ended = bytes.is_empty();
                    (self.held, self.at) = (bytes, 0);
                    return Ok(());
                }
                Some((Frame::Stop, _)) => self.caller.gone.store(true, Ordering::Release),
                Some(_) | None => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
    }
}

impl Read for Input<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.at == self.held.len() && !self.ended {
            self.next_chunk()?;
        }
        let n = (&self.held[self.at..]).read(out)?;
        self.at += n;
        Ok(n)
    }
}

struct Output<'a> {
    caller: &'a Caller<'a>,
    name: String,
}

impl Write for Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = bytes.len().min(limits::WIRE_CHUNK);
        self.caller.line.send(Frame::Output, &frames::output_frame(&self.name, &bytes[..n]))?;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
