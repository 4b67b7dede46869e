//! The hand on a running engine: pause and cancel from another thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use tokio::sync::Notify;

const GO: u8 = 0;
const PAUSE: u8 = 1;
const CANCEL: u8 = 2;

/// One per run of the engine. Both words act at once: no message starts after them, connections that wait are
/// closed, and only messages whose last byte is out are waited for.
/// Clones steer the same run.
#[derive(Clone, Default)]
pub struct Steer(Arc<Wheel>);

#[derive(Default)]
struct Wheel {
    asked: AtomicU8,
    changed: Notify,
}

impl Steer {
    pub fn new() -> Steer {
        Steer::default()
    }

    /// Stop; what was not sent stays queued.
    pub fn pause(&self) {
        let _was = self.0.asked.compare_exchange(GO, PAUSE, Ordering::SeqCst, Ordering::SeqCst);
        self.0.changed.notify_waiters();
    }

    /// Stop; what was not sent becomes cancelled.
    pub fn cancel(&self) {
        self.0.asked.store(CANCEL, Ordering::SeqCst);
        self.0.changed.notify_waiters();
    }

    pub fn is_stopped(&self) -> bool {
        self.0.asked.load(Ordering::SeqCst) != GO
    }

    pub fn is_cancelled(&self) -> bool {
        self.0.asked.load(Ordering::SeqCst) == CANCEL
    }

    pub(super) async fn stopped(&self) {
        loop {
            let change = self.0.changed.notified();
            tokio::pin!(change);
            change.as_mut().enable();
            if self.is_stopped() {
                return;
            }
            change.await;
        }
    }
}
