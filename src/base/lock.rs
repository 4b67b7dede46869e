//! Locks: `house.lock` is held by whoever runs the house (the server, or a lone command) for its whole life, and
//! `worker.lock` by whoever has the data open; the store takes that one itself. A command decides by the lock, never by
//! a socket. The kernel lets go of a lock when the process dies.

use crate::base::{Error, Result};
use rustix::fs::{FlockOperation, flock};
use std::fs::File;
use std::path::Path;

/// Held until dropped; the kernel lets go of it when the process dies.
pub struct Lock(File);

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
            Ok(()) => Ok(Some(Lock(file))),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(e) => Err(Error::io(say!("ロックできません。", "Cannot lock."), e.into())),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file is not enough: a child process that is just being started holds a copy of it for a moment.
        flock(&self.0, FlockOperation::Unlock).ok();
    }
}
