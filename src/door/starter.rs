//! Who starts a worker: as a process of its own, or as a thread where one process is enough (a house to look around
//! in, the first run, tests). Both get the other end of the same link.

use super::succession::TAKES_OVER;
use crate::base::{Error, Result};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub trait Starter: Send {
    fn start(&mut self) -> Result<Born>;

    /// Another release's program, on the same data.
    fn start_other(&mut self, _program: &Path) -> Result<Born> {
        Err(Error::refused(say!("この環境では更新できません。", "This house cannot be updated.")))
    }

    /// From now on `start` starts this program.
    fn adopt(&mut self, _program: &Path) {}

    /// What the door after this one is made of; `None` where there is none after it.
    fn successor(&self) -> Result<Option<Successor>> {
        Ok(None)
    }

    /// What is locked is held by the door after this one from now on.
    fn leave(&mut self) {}

    /// This door came after another one, and holds what that one had locked.
    fn hold(&mut self, _lock: OwnedFd) -> Result<()> {
        Ok(())
    }

    /// False where another start would find nothing to start with.
    fn may_again(&self) -> bool {
        true
    }
}

/// The next door: how it is started, and a copy of the house's lock for it.
pub struct Successor {
    pub command: Command,
    pub lock: OwnedFd,
}

/// A worker that was started, and the door's end of its link.
pub struct Born {
    pub link: UnixStream,
    pub body: Box<dyn Body>,
}

pub trait Body: Send {
    fn pid(&self) -> u32;
    fn kill(&mut self);
    /// Whether it has ended, waiting for that at most so long.
    fn ended(&mut self, within: Duration) -> bool;

    /// For another process that shall watch it; `None` where no other can.
    fn handle(&self) -> Result<Option<OwnedFd>> {
        Ok(None)
    }

    /// It lives on without us.
    fn leave(self: Box<Self>) {}
}

/// The hidden verb of a program, as a child process whose standard input is the link.
pub struct Program {
    pub path: PathBuf,
    pub data: PathBuf,
}

impl Program {
    /// This very program.
    pub fn own(data: &Path) -> Result<Program> {
        // The file may have been replaced since: what runs is still there under this name.
        let path = PathBuf::from("/proc/self/exe");
        let path = if path.exists() { path } else { std::env::current_exe().map_err(cannot)? };
        Ok(Program { path, data: data.to_owned() })
    }
}

impl Starter for Program {
    fn start(&mut self) -> Result<Born> {
        let (link, theirs) = UnixStream::pair().map_err(cannot)?;
        let mut command = Command::new(&self.path);
        command.arg0("hakobu").arg("worker").arg("--data").arg(&self.data);
        // Who reads our result reads no other's; its log lines go where ours go.
        command.stdin(Stdio::from(OwnedFd::from(theirs))).stdout(Stdio::null());
        // What the system tells and asks the door is not for the worker.
        for name in
            ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", TAKES_OVER]
        {
            command.env_remove(name);
        }
        // A Ctrl-C at the terminal is for the door, which ends its worker in good order.
        let child = command.process_group(0).spawn().map_err(cannot)?;
        Ok(Born { link, body: Box::new(Process(Some(child))) })
    }
}

fn cannot(e: std::io::Error) -> Error {
    Error::io(say!("処理を始められません。", "Cannot start the worker."), e)
}

/// Empty once it was left to another door.
struct Process(Option<Child>);

impl Body for Process {
    fn pid(&self) -> u32 {
        self.0.as_ref().map_or(0, Child::id)
    }

    fn kill(&mut self) {
        if let Some(child) = &mut self.0 {
            // One that has ended by itself cannot be killed, and need not.
            child.kill().ok();
        }
    }

    fn ended(&mut self, within: Duration) -> bool {
        poll(within, || self.0.as_mut().is_none_or(|child| !matches!(child.try_wait(), Ok(None))))
    }

    fn handle(&self) -> Result<Option<OwnedFd>> {
        let Some(child) = &self.0 else { return Ok(None) };
        pidfd_open(Pid::from_child(child), PidfdFlags::empty()).map(Some).map_err(|e| cannot(e.into()))
    }

    fn leave(mut self: Box<Self>) {
        self.0 = None;
    }
}

impl Drop for Process {
    /// Never left as a zombie, and never left behind.
    fn drop(&mut self) {
        if !self.ended(Duration::ZERO) {
            self.kill();
            if let Some(child) = &mut self.0 {
                child.wait().ok();
            }
        }
    }
}

/// A worker in a thread of this process, started once.
pub struct Thread(Option<Box<dyn FnOnce(UnixStream) + Send>>);

impl Thread {
    pub fn once(live: impl FnOnce(UnixStream) + Send + 'static) -> Thread {
        Thread(Some(Box::new(live)))
    }
}

impl Starter for Thread {
    fn start(&mut self) -> Result<Born> {
        let live = self.0.take().ok_or_else(|| Error::bug("a worker that starts once was started twice"))?;
        let (link, theirs) = UnixStream::pair().map_err(cannot)?;
        let thread = std::thread::Builder::new().name("worker".into()).spawn(move || live(theirs)).map_err(cannot)?;
        Ok(Born { link, body: Box::new(InThread(thread)) })
    }

    fn may_again(&self) -> bool {
        self.0.is_some()
    }
}

struct InThread(JoinHandle<()>);

impl Body for InThread {
    fn pid(&self) -> u32 {
        std::process::id()
    }

    /// Nobody can kill a thread: it ends because its link does.
    fn kill(&mut self) {}

    fn ended(&mut self, within: Duration) -> bool {
        poll(within, || self.0.is_finished())
    }
}

fn poll(within: Duration, mut ended: impl FnMut() -> bool) -> bool {
    let since = Instant::now();
    loop {
        match (ended(), since.elapsed() < within) {
            (true, _) => return true,
            (false, false) => return false,
            (false, true) => std::thread::park_timeout(Duration::from_millis(2)),
        }
    }
}
