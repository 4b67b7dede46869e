//! The threads that meet the network. Each has a runtime of its own and keeps a connection from its first byte to its
//! last: on the door's side of a request nothing changes threads, since waking another one is what costs most.
//!
//! The first lane takes connections and deals them out in turn.

use crate::base::{Error, Result, limits};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::watch;

/// Ended by `end`, or in the background when dropped.
pub(crate) struct Lanes {
    deal: Deal,
    end: watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
}

/// Says whose turn it is.
#[derive(Clone)]
pub(crate) struct Deal {
    lanes: Arc<[Handle]>,
    next: Arc<AtomicUsize>,
}

impl Lanes {
    pub(crate) fn start() -> Result<Lanes> {
        let cannot = |e| Error::io(say!("通信を始められません。", "Cannot start the network threads."), e);
        let count = std::thread::available_parallelism().map_or(1, usize::from).min(limits::FRONT_THREADS);
        let end = watch::Sender::new(false);
        let (mut lanes, mut threads) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let blocking = limits::FRONT_WRITERS.div_ceil(count);
            let runtime = Builder::new_current_thread()
                .max_blocking_threads(blocking)
                .thread_name("writer")
                .enable_all()
                .build()
                .map_err(cannot)?;
            lanes.push(runtime.handle().clone());
            let ended = end.subscribe();
            let thread = std::thread::Builder::new().name("front".into()).spawn(move || run(runtime, ended));
            threads.push(thread.map_err(cannot)?);
        }
        let deal = Deal { lanes: lanes.into(), next: Arc::default() };
        Ok(Lanes { deal, end, threads })
    }

    pub(crate) fn deal(&self) -> &Deal {
        &self.deal
    }

    /// What still runs is cut off.
    pub(crate) fn end(mut self) {
        self.end.send_replace(true);
        for thread in self.threads.drain(..) {
            thread.join().ok();
        }
    }
}

impl Drop for Lanes {
    fn drop(&mut self) {
        self.end.send_replace(true);
    }
}

impl Deal {
    /// For what there is once.
    pub(crate) fn first(&self) -> &Handle {
        &self.lanes[0]
    }

    pub(crate) fn next(&self) -> &Handle {
        &self.lanes[self.next.fetch_add(1, Ordering::Relaxed) % self.lanes.len()]
    }
}

fn run(runtime: Runtime, mut ended: watch::Receiver<bool>) {
    // The front is gone: that is an end, too.
    runtime.block_on(async { ended.wait_for(|end| *end).await.is_ok() });
    runtime.shutdown_timeout(limits::LINGER_REST);
}
