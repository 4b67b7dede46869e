//! Locks: `house.lock` is held by whoever runs the house (the server, or a lone command) for its whole life, and
//! `worker.lock` by whoever has the data open; the store takes that one itself. A command decides by the lock, never by
//! a socket. The kernel lets go of a lock when the process dies.

use crate::base::{Error, Result};
use rustix::fs::{FlockOperation, flock};
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;

/// Held until dropped; the kernel lets go of it when the process dies, and all to whom it handed a copy.
pub struct Lock {
    file: File,
    /// Somebody else has it too, and goes on holding it.
    left: bool,
}

impl Lock {
    pub const HOUSE: &'static str = "house.lock";
    pub const WORKER: &'static str = "worker.lock";

    /// `None` while somebody else holds it.
    pub fn take(dir: &Path, name: &str) -> Result<Option<Lock>> {
        let open = || -> std::io::Result<File> {
            use std::os::unix::fs::OpenOptionsExt;
            std::fs::OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(dir.join(name))
        };
        let file =
            open().map_err(|e| Error::io(say!("ロックファイルを開けません。", "Cannot open the lock file."), e))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Lock { file, left: false })),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(e) => Err(cannot_lock(e)),
        }
    }

    /// A copy for another process: what is locked is the opened file, whoever holds a copy of it.
    pub fn copy(&self) -> Result<OwnedFd> {
        self.file
            .try_clone()
            .map(OwnedFd::from)
            .map_err(|e| Error::io(say!("ロックを渡せません。", "Cannot hand the lock over."), e))
    }

    /// From a copy. An error where it is no lock that is held.
    pub fn from_copy(copy: OwnedFd) -> Result<Lock> {
        let file = File::from(copy);
        flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(cannot_lock)?;
        Ok(Lock { file, left: false })
    }

    /// It stays locked: whoever got the copy holds it from now on.
    pub fn leave(mut self) {
        self.left = true;
    }
}

fn cannot_lock(e: rustix::io::Errno) -> Error {
    Error::io(say!("ロックできません。", "Cannot lock."), e.into())
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file is not enough: a child process that is just being started holds a copy of it for a moment.
        if !self.left {
            flock(&self.file, FlockOperation::Unlock).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_holds_the_lock_after_the_first_has_left_it() {
        let dir = tempfile::tempdir().unwrap();
        let take = || Lock::take(dir.path(), Lock::HOUSE).unwrap();
        let first = take().unwrap();
        let second = Lock::from_copy(first.copy().unwrap()).unwrap();
        first.leave();
        assert!(take().is_none(), "it is held");
        drop(second);
        assert!(take().is_some(), "it is free");
    }
}
