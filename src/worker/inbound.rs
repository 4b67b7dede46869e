//! The worker's end of connections that bring mail: the door relays their bytes to a socket beside the pages', each in a
//! thread of its own, so many at a time. What is said on them is the house's business.

use crate::base::{Error, Result, limits};
use crate::house::House;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

pub(super) struct Inbound {
    socket: PathBuf,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

struct Shared {
    listener: UnixListener,
    house: Arc<House>,
    stop: AtomicBool,
    talking: Mutex<usize>,
    ended: Condvar,
}

impl Inbound {
    pub(super) fn start(house: &Arc<House>, socket: &Path) -> Result<Inbound> {
        let cannot = |e| Error::io(say!("受信用のソケットを開けません。", "Cannot open the socket for mail."), e);
        // What stands there is of a process that had our number before us.
        std::fs::remove_file(socket).ok();
        let listener = UnixListener::bind(socket).map_err(cannot)?;
        let (stop, talking, ended) = (AtomicBool::new(false), Mutex::new(0), Condvar::new());
        let shared = Arc::new(Shared { listener, house: Arc::clone(house), stop, talking, ended });
        let accepting = {
            let shared = Arc::clone(&shared);
            std::thread::Builder::new().name("inbound".into()).spawn(move || accept(&shared)).map_err(cannot)?
        };
        Ok(Inbound { socket: socket.to_owned(), shared, accepting })
    }

    /// Takes no more connections; those that are there are told to come back, and waited for.
    pub(super) fn stop(self) {
        self.shared.stop.store(true, Ordering::Release);
        rustix::net::shutdown(&self.shared.listener, rustix::net::Shutdown::Both).ok();
        self.accepting.join().ok();
        let some = |talking: &mut usize| *talking > 0;
        drop(self.shared.ended.wait_timeout_while(self.shared.talking(), limits::CLOSE_TIME, some));
        std::fs::remove_file(&self.socket).ok();
    }
}

impl Shared {
    fn talking(&self) -> MutexGuard<'_, usize> {
        self.talking.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn accept(shared: &Arc<Shared>) {
    while !shared.stop.load(Ordering::Acquire) {
        let Ok((stream, _)) = shared.listener.accept() else { continue };
        let mut talking = shared.talking();
        if *talking >= limits::INBOUND_CONNECTIONS {
            // The door says what is to be said to somebody who is not answered.
            continue;
        }
        let in_thread = Arc::clone(shared);
        if std::thread::Builder::new().name("mail".into()).spawn(move || one(&in_thread, stream)).is_ok() {
            *talking += 1;
        }
    }
}

fn one(shared: &Shared, stream: UnixStream) {
    let talk = || shared.house.converse(stream, &shared.stop);
    // A client who has gone, or a conversation that panicked, is one connection less.
    drop(std::panic::catch_unwind(std::panic::AssertUnwindSafe(talk)));
    *shared.talking() -= 1;
    shared.ended.notify_all();
}
