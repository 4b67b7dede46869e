//! The threads that lanes live on: each has its own loop over its lanes' sockets, and a lane stays where it began, so a
//! message crosses no thread but the ledger's.

use super::engine::runtime;
use super::floor::OnFloor;
use super::lane;
use crate::base::{Result, limits};
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// The way to the threads. They end when it is gone and their lanes have ended.
pub(super) struct Hands<'a> {
    to: Vec<UnboundedSender<OnFloor<'a>>>,
    next: AtomicUsize,
}

/// One thread's side.
pub(super) struct Hand<'a>(UnboundedReceiver<OnFloor<'a>>);

/// As many as there are processors, within bounds.
pub(super) fn hands<'a>() -> (Hands<'a>, Vec<Hand<'a>>) {
    let n = std::thread::available_parallelism().map_or(1, usize::from).min(limits::SENDING_THREADS);
    let (to, hands) = (0..n).map(|_| unbounded_channel()).map(|(tx, rx)| (tx, Hand(rx))).unzip();
    (Hands { to, next: AtomicUsize::new(0) }, hands)
}

impl<'a> Hands<'a> {
    pub(super) fn start(&self, lane: OnFloor<'a>) {
        let n = self.next.fetch_add(1, Ordering::Relaxed) % self.to.len();
        // A thread that is gone has failed the pass already; the lane is counted off as it is dropped.
        let _taken = self.to[n].send(lane);
    }
}

impl Hand<'_> {
    /// Until nobody can start a lane any more and the last one has ended.
    pub(super) fn work(mut self) -> Result<()> {
        runtime()?.block_on(async {
            let mut lanes = FuturesUnordered::new();
            let mut open = true;
            while open || !lanes.is_empty() {
                tokio::select! {
                    came = self.0.recv(), if open => match came {
                        Some(on) => lanes.push(lane::work(on)),
                        None => open = false,
                    },
                    Some(()) = lanes.next(), if !lanes.is_empty() => {}
                }
            }
        });
        Ok(())
    }
}
