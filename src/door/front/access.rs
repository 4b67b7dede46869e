//! Access lines on their way to the worker: queued without waiting, counted when there is no room, handed on in
//! batches by a thread of their own, since whoever takes them may have to wait for a socket.

use super::Outlet;
use crate::base::link::AccessLine;
use crate::base::{Error, Result, limits};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Instant;

#[derive(Clone)]
pub(crate) struct Access {
    queue: SyncSender<AccessLine>,
    dropped: Arc<AtomicU64>,
}

impl Access {
    pub(crate) fn start(to: Arc<dyn Outlet>) -> Result<(Access, JoinHandle<()>)> {
        let (queue, lines) = sync_channel(limits::ACCESS_QUEUE);
        let thread = std::thread::Builder::new().name("access".into()).spawn(move || carry(&lines, &*to));
        let thread = thread.map_err(|e| Error::bug(format!("no thread for access lines: {e}")))?;
        Ok((Access { queue, dropped: Arc::default() }, thread))
    }

    pub(crate) fn note(&self, line: AccessLine) {
        if self.queue.try_send(line).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// Ends when the last `Access` has gone.
fn carry(lines: &Receiver<AccessLine>, to: &dyn Outlet) {
    while let Ok(first) = lines.recv() {
        let (until, mut batch, mut over) = (Instant::now() + limits::ACCESS_EVERY, vec![first], false);
        while batch.len() < limits::ACCESS_BATCH && !over {
            match lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => batch.push(line),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => over = true,
            }
        }
        to.access(batch);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::link::Surface;
    use std::sync::{Condvar, Mutex};

    #[derive(Default)]
    struct Slow {
        may_go_on: Mutex<bool>,
        bell: Condvar,
        got: Mutex<usize>,
    }

    impl Outlet for Slow {
        fn access(&self, lines: Vec<AccessLine>) {
            let held = self.may_go_on.lock().unwrap();
            drop(self.bell.wait_while(held, |go| !*go).unwrap());
            *self.got.lock().unwrap() += lines.len();
        }

        fn fault(&self, _: &Error) {}
    }

    #[test]
    fn what_finds_no_room_is_counted_and_nobody_waits() {
        let outlet = Arc::new(Slow::default());
        let (access, thread) = Access::start(Arc::clone(&outlet) as Arc<dyn Outlet>).unwrap();
        let line = AccessLine {
            at: 0,
            id: String::new(),
            surface: Surface::Public,
            from: [127, 0, 0, 1].into(),
            method: "GET".into(),
            path: "/".into(),
            status: 200,
            bytes: 0,
            ms: 0,
            held_ms: 0,
        };
        let sent = limits::ACCESS_QUEUE + 2 * limits::ACCESS_BATCH;
        for _ in 0..sent {
            access.note(line.clone());
        }
        let dropped = access.dropped() as usize;
        assert!(dropped > 0);
        *outlet.may_go_on.lock().unwrap() = true;
        outlet.bell.notify_all();
        drop(access);
        thread.join().unwrap();
        assert_eq!(*outlet.got.lock().unwrap() + dropped, sent);
    }
}
