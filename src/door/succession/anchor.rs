//! The process that people know, once it is a door no more: whoever started it waits for it, sends it signals and reads
//! its exit code. It asks the door of the day to end when it is asked to, ends as that one does, and buries what nobody
//! else buries. The other way round each door has one end of a socket, whose end is the anchor's: then the door asks
//! itself to end.
//!
//! Over that socket a door says its process number when it takes over, and nothing else is ever said.

use super::adopted::has_ended;
use crate::base::{Error, Result, limits};
use crate::door::ending::Ending;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, WaitStatus, getpid, kill_process, pidfd_open, pidfd_send_signal,
    set_child_subreaper, wait,
};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

pub(super) struct Anchor {
    doors: UnixStream,
    door: u32,
    /// `None` once it is gone.
    process: Option<OwnedFd>,
    ended: Option<WaitStatus>,
}

impl Anchor {
    /// And the end for the doors to come. From now on the orphans among our descendants are our children.
    pub(super) fn new() -> Result<(Anchor, UnixStream)> {
        let (doors, theirs) = UnixStream::pair().map_err(cannot)?;
        doors.set_nonblocking(true).map_err(cannot)?;
        set_child_subreaper(Some(getpid())).map_err(|e| cannot(e.into()))?;
        Ok((Anchor { doors, door: 0, process: None, ended: None }, theirs))
    }

    /// The first door after this one.
    pub(super) fn holds(&mut self, door: u32) {
        self.door = door;
        self.process = raw(door).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
    }

    /// Until the door of the day has ended. Its exit code.
    pub(super) fn stay(mut self, ending: &Ending) -> u8 {
        let mut asked = None;
        loop {
            match asked {
                None if ending.within(limits::CLOCK_TICK) => asked = Some(0),
                None => {}
                Some(_) => self.rest(),
            }
            self.bury();
            let gone = self.process.as_ref().is_none_or(|process| has_ended(process, Duration::ZERO));
            // It may have made place for another one, which said so before.
            if !self.hear() && gone {
                break;
            }
            if asked.is_some_and(|door| door != self.door) {
                asked = Some(self.door);
                self.ask();
            }
        }
        self.bury_all();
        self.code()
    }

    fn rest(&self) {
        match &self.process {
            Some(process) => drop(has_ended(process, limits::CLOCK_TICK)),
            None => std::thread::park_timeout(limits::DRAIN_STEP),
        }
    }

    fn ask(&self) {
        if let Some(process) = &self.process {
            // One that has ended cannot be asked.
            pidfd_send_signal(process, Signal::TERM).ok();
        }
    }

    /// True when there is another door.
    fn hear(&mut self) -> bool {
        let mut number = [0u8; 4];
        let before = self.door;
        // Four bytes are written in one piece.
        while matches!(self.doors.read(&mut number), Ok(4)) {
            let door = u32::from_be_bytes(number);
            if door != self.door {
                self.holds(door);
            }
        }
        self.door != before
    }

    fn bury(&mut self) -> bool {
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) => {
                    self.hear();
                    if raw(self.door) == Some(pid) {
                        self.ended = Some(status);
                    }
                }
                Ok(None) => return true,
                // No children.
                Err(_) => return false,
            }
        }
    }

    /// The last worker may still be closing its stores, and a door may have a child that outlives it for a moment.
    fn bury_all(&mut self) {
        let since = Instant::now();
        while self.bury() && since.elapsed() < limits::ANCHOR_WAIT {
            std::thread::park_timeout(limits::DRAIN_STEP);
        }
    }

    fn code(&self) -> u8 {
        let Some(status) = self.ended else { return 1 };
        let code = status.exit_status().or_else(|| status.terminating_signal().map(|signal| 128 + signal));
        code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
    }
}

fn raw(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

fn cannot(e: std::io::Error) -> Error {
    Error::io(say!("最初の処理とつながれません。", "Cannot be tied to the first process."), e)
}

/// A door's end.
pub(crate) struct Anchored(UnixStream);

impl Anchored {
    /// The end of the anchor is a wish to end, and while this process is ending already, to do so at once.
    pub(super) fn hold(end: UnixStream) -> Result<Anchored> {
        let mut listened = end.try_clone().map_err(cannot)?;
        let listen = move || {
            // Nothing is ever said to a door.
            while matches!(listened.read(&mut [0u8; 1]), Ok(1)) {}
            kill_process(getpid(), Signal::TERM).ok();
        };
        std::thread::Builder::new().name("anchor".into()).spawn(listen).map_err(cannot)?;
        Ok(Anchored(end))
    }

    /// This process is the door from now on.
    pub(super) fn here(&mut self) -> Result<()> {
        self.0.write_all(&std::process::id().to_be_bytes()).map_err(cannot)
    }

    pub(super) fn copy(&self) -> Result<UnixStream> {
        self.0.try_clone().map_err(cannot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_anchor_hears_of_each_door_and_forgets_the_one_before() {
        let (mut anchor, mut theirs) = Anchor::new().unwrap();
        anchor.holds(std::process::id());
        assert!(!anchor.hear());
        for door in [1u32, 2] {
            theirs.write_all(&door.to_be_bytes()).unwrap();
        }
        assert!(anchor.hear());
        assert_eq!(anchor.door, 2);
        assert_eq!(anchor.code(), 1, "nothing is known of its end");
    }
}
