//! The control socket: how a command reaches the house while it is served. It belongs to the door, so that it is there
//! while the worker changes: calls wait then, bounded. It takes only calls of the account that runs the server (or of
//! root), tells the worker whose call it is, and hands bytes on; what is asked of the door itself it answers itself.

use super::facts::Facts;
use super::gate::Gate;
use super::trial::board::Board;
use crate::base::frames::{self, Frame, Line};
use crate::base::{Error, Result, clock, limits, run};
use rustix::event::{PollFd, PollFlags, poll};
use std::io;
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

#[derive(Clone)]
pub(crate) struct Control(Arc<Inner>);

struct Inner {
    note: Note,
    shared: Arc<Shared>,
    taking: Mutex<Taking>,
}

/// Who takes the calls.
enum Taking {
    /// Nobody yet, or nobody any more.
    Nobody(Option<UnixListener>),
    /// A thread, until the other end of this is closed.
    Here { listener: UnixListener, thread: JoinHandle<()>, _wake: UnixStream },
}

/// Where the socket stands, for whoever has the data folder.
struct Note {
    socket: PathBuf,
    note: PathBuf,
}

impl Note {
    fn leave(&self) -> Result<()> {
        if !self.note.with_file_name(run::SETTINGS).exists() {
            return Ok(());
        }
        std::fs::write(&self.note, self.socket.as_os_str().as_encoded_bytes()).map_err(cannot_open)
    }

    fn take_away(&self) {
        std::fs::remove_file(&self.socket).ok();
        std::fs::remove_file(&self.note).ok();
    }
}

fn cannot_open(e: io::Error) -> Error {
    Error::io(say!("制御ソケットを開けません。", "Cannot open the control socket."), e)
}

struct Shared {
    facts: Arc<Facts>,
    gate: Arc<Gate>,
    board: Arc<Board>,
    stop: AtomicBool,
    calls: AtomicUsize,
}

impl Control {
    pub(crate) fn start(data: &Path, facts: &Arc<Facts>, gate: &Arc<Gate>, board: &Arc<Board>) -> Result<Control> {
        let (folder, mark) = (run::folder()?, run::mark(data));
        sweep(&folder, &mark).map_err(cannot_open)?;
        let note = Note { socket: folder.join(format!("{mark}.sock")), note: data.join(run::NOTE) };
        let listener = UnixListener::bind(&note.socket).map_err(cannot_open)?;
        let control = Control::new(note, listener, (facts, gate, board));
        control.listen()?;
        Ok(control)
    }

    /// The socket of the door before this one; no call is taken from it until `listen`.
    pub(crate) fn inherited(
        data: &Path,
        listener: UnixListener,
        (facts, gate, board): (&Arc<Facts>, &Arc<Gate>, &Arc<Board>),
    ) -> Result<Control> {
        let address = listener.local_addr().map_err(cannot_open)?;
        let socket = address.as_pathname().ok_or_else(|| Error::bug("a control socket without a place"))?.to_owned();
        let note = Note { socket, note: data.join(run::NOTE) };
        Ok(Control::new(note, listener, (facts, gate, board)))
    }

    fn new(note: Note, listener: UnixListener, parts: (&Arc<Facts>, &Arc<Gate>, &Arc<Board>)) -> Control {
        let (facts, gate, board) = parts;
        let shared = Arc::new(Shared {
            facts: Arc::clone(facts),
            gate: Arc::clone(gate),
            board: Arc::clone(board),
            stop: AtomicBool::new(false),
            calls: AtomicUsize::new(0),
        });
        Control(Arc::new(Inner { note, shared, taking: Mutex::new(Taking::Nobody(Some(listener))) }))
    }

    fn taking(&self) -> MutexGuard<'_, Taking> {
        self.0.taking.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes calls from now on.
    pub(crate) fn listen(&self) -> Result<()> {
        let mut taking = self.taking();
        let Taking::Nobody(listener) = &mut *taking else { return Ok(()) };
        let listener = listener.take().ok_or_else(|| Error::bug("a control socket that was let go of"))?;
        // Two doors take calls from it for a moment: what looks like a call to both is one for one of them.
        listener.set_nonblocking(true).map_err(cannot_open)?;
        let (wake, woken) = UnixStream::pair().map_err(cannot_open)?;
        let (own, shared) = (listener.try_clone().map_err(cannot_open)?, Arc::clone(&self.0.shared));
        let thread = std::thread::Builder::new()
            .name("control".into())
            .spawn(move || accept(&own, &woken, &shared))
            .map_err(cannot_open)?;
        *taking = Taking::Here { listener, thread, _wake: wake };
        Ok(())
    }

    /// Says where the socket is, once there is a house: before, its folder must stay empty.
    pub(crate) fn leave_note(&self) -> Result<()> {
        self.0.note.leave()
    }

    /// The socket, for another door.
    pub(crate) fn copy(&self) -> Result<OwnedFd> {
        match &*self.taking() {
            Taking::Here { listener, .. } => listener.try_clone().map(OwnedFd::from).map_err(cannot_open),
            Taking::Nobody(_) => Err(Error::bug("nobody listens at the control socket")),
        }
    }

    /// Another door takes the calls. Those that were taken here are answered.
    pub(crate) fn let_go(&self) {
        self.take_no_more();
    }

    /// Calls that are not answered yet.
    pub(crate) fn calls(&self) -> usize {
        self.0.shared.calls.load(Ordering::Acquire)
    }

    /// Takes no more calls. Those that run end with the worker.
    pub(crate) fn stop(&self) {
        self.0.shared.stop.store(true, Ordering::Release);
        self.0.shared.board.close();
        if let Some(listener) = self.take_no_more() {
            // Whoever waits in the socket is not left waiting.
            rustix::net::shutdown(&listener, rustix::net::Shutdown::Both).ok();
        }
        self.0.note.take_away();
    }

    fn take_no_more(&self) -> Option<UnixListener> {
        let before = std::mem::replace(&mut *self.taking(), Taking::Nobody(None));
        match before {
            Taking::Nobody(listener) => listener,
            Taking::Here { listener, thread, _wake } => {
                drop(_wake);
                thread.join().ok();
                Some(listener)
            }
        }
    }
}

/// Whoever holds the house's lock owns these names: what stands there is left over.
fn sweep(folder: &Path, mark: &str) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(mark) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Until the other end of `woken` is closed.
fn accept(listener: &UnixListener, woken: &UnixStream, shared: &Arc<Shared>) {
    loop {
        let mut both = [PollFd::new(listener, PollFlags::IN), PollFd::new(woken, PollFlags::IN)];
        // Interrupted or not, what there is is looked at.
        poll(&mut both, None).ok();
        if !both[1].revents().is_empty() {
            return;
        }
        let Ok((stream, _)) = listener.accept() else { continue };
        if stream.set_nonblocking(false).is_err() {
            continue;
        }
        let line = Line::new(stream);
        if shared.calls.fetch_add(1, Ordering::AcqRel) >= limits::CONTROL_CALLS {
            shared.calls.fetch_sub(1, Ordering::AcqRel);
            answer(
                &line,
                Err(Error::later(say!(
                    "同時に実行できる操作の数を超えました。",
                    "Too many commands at the same time."
                ))),
            );
            continue;
        }
        let in_thread = Arc::clone(shared);
        let started = std::thread::Builder::new().name("call".into()).spawn(move || {
            if let Err(e) = one_call(&in_thread, &line) {
                answer(&line, Err(e));
            }
            in_thread.calls.fetch_sub(1, Ordering::AcqRel);
        });
        if started.is_err() {
            shared.calls.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

/// A caller who has gone has nobody to be told anything.
fn answer(line: &Line, outcome: Result<serde_json::Value>) {
    line.send_outcome(&outcome).ok();
}

fn one_call(shared: &Shared, line: &Line) -> Result<()> {
    let account = peer(line.stream())?;
    let cannot = |e| Error::io(say!("依頼を読めません。", "Cannot read the ask."), e);
    match line.receive(&mut || {}).map_err(cannot)? {
        Some((Frame::Door, _)) => {
            answer(line, Ok(shared.facts.to_json(clock::now())));
            Ok(())
        }
        Some((Frame::Await, id)) => {
            let id: String = frames::from_json(&id)?;
            let record = shared.board.follow(&id, &mut |step| {
                // A caller who has gone has nobody to be told anything.
                line.send_json(Frame::Progress, step).ok();
            })?;
            answer(line, serde_json::to_value(record).map_err(Error::bug));
            Ok(())
        }
        Some((Frame::Ask, ask)) => {
            let worker = reach(shared, account)?;
            worker.send(Frame::Ask, &ask).map_err(cannot)?;
            hand_on(line.stream(), worker.stream()).map_err(cannot)
        }
        _ => Err(Error::refused(say!("最初の言葉が依頼ではありません。", "The first frame is not an ask."))),
    }
}

/// The account's number of whoever calls.
fn peer(stream: &UnixStream) -> Result<u32> {
    let peer = rustix::net::sockopt::socket_peercred(stream)
        .map_err(|e| Error::io(say!("相手を確認できません。", "Cannot tell who is calling."), e.into()))?;
    let own = rustix::process::geteuid();
    match peer.uid == own || peer.uid.is_root() {
        true => Ok(peer.uid.as_raw()),
        false => Err(Error::denied(say!(
            "このサーバーを動かしているアカウントだけが操作できます。",
            "Only the account that runs this server may do this."
        ))),
    }
}

/// A worker that has taken the call, once there is one. One that is coming to rest takes none, and the next one does.
fn reach(shared: &Shared, account: u32) -> Result<Line> {
    let since = Instant::now();
    while since.elapsed() < limits::HOLD_TIME && !shared.stop.load(Ordering::Acquire) {
        if let Some(line) = shared.gate.behind().and_then(|behind| taken(&behind.control, account).ok()) {
            return Ok(line);
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
    let state = serde_json::to_value(shared.facts.state()).map_err(Error::bug)?;
    let state = state.as_str().unwrap_or_default().to_owned();
    Err(Error::later(say!(
        "いまは操作を受け付けられません（{state}）。",
        "No command can be taken right now ({state})."
    ))
    .hint(say!(
        "少し待ってから、もう一度実行してください。状態は hakobu status で確認できます。",
        "Wait a little, then try again. See hakobu status."
    )))
}

fn taken(control: &Path, account: u32) -> io::Result<Line> {
    let line = Line::new(UnixStream::connect(control)?);
    line.stream().set_read_timeout(Some(limits::HOLD_TIME))?;
    line.send_json(Frame::Peer, &account)?;
    let mut late = false;
    match line.receive(&mut || late = true)? {
        Some((Frame::Peer, _)) if !late => {
            line.stream().set_read_timeout(None)?;
            Ok(line)
        }
        _ => Err(io::ErrorKind::ConnectionRefused.into()),
    }
}

/// Bytes both ways until the worker has said all. A caller who hangs up is an end that the worker sees.
fn hand_on(caller: &UnixStream, worker: &UnixStream) -> io::Result<()> {
    let (mut from_caller, mut to_worker) = (caller.try_clone()?, worker.try_clone()?);
    std::thread::scope(|threads| {
        threads.spawn(move || {
            io::copy(&mut from_caller, &mut to_worker).ok();
            to_worker.shutdown(Shutdown::Write).ok();
        });
        let (mut from_worker, mut to_caller) = (worker, caller);
        let copied = io::copy(&mut from_worker, &mut to_caller);
        // The other direction ends with it.
        caller.shutdown(Shutdown::Both).ok();
        worker.shutdown(Shutdown::Both).ok();
        copied.map(drop)
    })
}
