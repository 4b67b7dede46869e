//! A worker that another process started: this one has a handle of it, which is never another process by mistake.

use crate::base::{Error, Result};
use crate::door::starter::Body;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Signal, pidfd_send_signal};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

pub(super) struct Adopted {
    pid: u32,
    /// Empty once it was left to another door.
    process: Option<OwnedFd>,
}

impl Adopted {
    pub(super) fn new(pid: u32, process: OwnedFd) -> Adopted {
        Adopted { pid, process: Some(process) }
    }
}

impl Body for Adopted {
    fn pid(&self) -> u32 {
        self.pid
    }

    fn kill(&mut self) {
        if let Some(process) = &self.process {
            // One that has ended by itself cannot be killed, and need not.
            pidfd_send_signal(process, Signal::KILL).ok();
        }
    }

    fn ended(&mut self, within: Duration) -> bool {
        self.process.as_ref().is_none_or(|process| has_ended(process, within))
    }

    fn handle(&self) -> Result<Option<OwnedFd>> {
        let copied = self.process.as_ref().map(OwnedFd::try_clone).transpose();
        copied.map_err(|e| Error::io(say!("処理を渡せません。", "Cannot hand the worker over."), e))
    }

    fn leave(mut self: Box<Self>) {
        self.process = None;
    }
}

impl Drop for Adopted {
    /// Never left behind; whoever is its parent buries it.
    fn drop(&mut self) {
        if !self.ended(Duration::ZERO) {
            self.kill();
        }
    }
}

/// Whether a process has ended, waiting for that at most so long.
pub(super) fn has_ended(process: &impl AsFd, within: Duration) -> bool {
    let until = Instant::now() + within;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        // It fits: every bound of ours does.
        let left = Timespec::try_from(left).unwrap_or(Timespec { tv_sec: 1, tv_nsec: 0 });
        match poll(&mut [PollFd::new(process, PollFlags::IN)], Some(&left)) {
            Ok(0) => return false,
            Ok(_) => return true,
            Err(rustix::io::Errno::INTR) => {}
            // Nothing can be known of it any more.
            Err(_) => return true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::{Pid, PidfdFlags, pidfd_open};
    use std::process::{Command, Stdio};

    #[test]
    fn a_process_of_others_is_seen_alive_and_killed_and_seen_dead() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let process = pidfd_open(Pid::from_child(&child), PidfdFlags::empty()).unwrap();
        let mut adopted = Adopted::new(child.id(), process);
        assert!(!adopted.ended(Duration::from_millis(1)));
        let again = Box::new(Adopted::new(child.id(), adopted.handle().unwrap().unwrap()));
        again.leave();
        assert!(!adopted.ended(Duration::ZERO), "left is not killed");
        adopted.kill();
        assert!(adopted.ended(Duration::from_secs(60)));
        child.wait().unwrap();
        assert!(adopted.ended(Duration::ZERO));
    }
}
