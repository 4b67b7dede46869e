//! The worker's heartbeat: a thread that tells the door each second that this worker lives, as long as it does. One
//! whose pages or clock stand still keeps silent, and the door draws the conclusion.

use super::clock::Tick;
use crate::base::link::{Mouth, ToDoor};
use crate::base::{Error, Result, limits};
use crate::web::Server;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::JoinHandle;

pub(super) struct Pulse {
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    over: AtomicBool,
    watched: Mutex<Watched>,
}

/// What must move for the worker to be alive.
#[derive(Default)]
struct Watched {
    web: Option<Weak<Server>>,
    clock: Option<Tick>,
}

impl Pulse {
    pub(super) fn start(mouth: &Arc<Mouth>) -> Result<Pulse> {
        let shared = Arc::new(Shared::default());
        let (beating, mouth) = (Arc::clone(&shared), Arc::clone(mouth));
        let beat = move || {
            while !beating.over.load(Ordering::Acquire) {
                if beating.is_alive() {
                    // A door that has gone is noticed by whoever listens to it.
                    mouth.say(&ToDoor::Beat).ok();
                }
                std::thread::park_timeout(limits::BEAT_EVERY);
            }
        };
        let thread = std::thread::Builder::new()
            .name("pulse".into())
            .spawn(beat)
            .map_err(|e| Error::io(say!("処理を始められません。", "Cannot start a thread."), e))?;
        Ok(Pulse { shared, thread })
    }

    pub(super) fn watch_web(&self, web: &Arc<Server>) {
        self.shared.watched().web = Some(Arc::downgrade(web));
    }

    pub(super) fn watch_clock(&self, tick: Option<&Tick>) {
        self.shared.watched().clock = tick.cloned();
    }

    pub(super) fn stop(self) {
        self.shared.over.store(true, Ordering::Release);
        self.thread.thread().unpark();
        self.thread.join().ok();
    }
}

impl Shared {
    fn watched(&self) -> std::sync::MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_alive(&self) -> bool {
        let watched = self.watched();
        let web = watched.web.as_ref().and_then(Weak::upgrade);
        web.is_none_or(|w| w.stuck_for() < limits::WORKER_STUCK)
            && watched.clock.as_ref().is_none_or(|t| t.since() < limits::WORKER_STUCK)
    }
}
