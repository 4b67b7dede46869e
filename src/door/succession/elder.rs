//! The door before this one, as this one holds it while it still serves its last connections.

use super::words::{ToElder, ToHeir};
use crate::base::link::{Ear, Mouth};
use crate::base::{Error, Result, log};
use crate::door::access::Lines;
use serde_json::json;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

pub(crate) struct Elder {
    mouth: Arc<Mouth>,
    done: Arc<Done>,
}

#[derive(Default)]
struct Done {
    is: Mutex<bool>,
    changed: Condvar,
}

impl Elder {
    /// Its access lines go where ours go, for as long as it is there.
    pub(super) fn listen_to(mouth: Arc<Mouth>, mut ear: Ear, lines: Arc<Lines>) -> Result<Elder> {
        let done = Arc::new(Done::default());
        let telling = Arc::clone(&done);
        let listen = move || {
            while let Ok(Some(word)) = ear.hear::<ToHeir>() {
                if let ToHeir::Access { lines: some } = word {
                    lines.add(some);
                }
            }
            log::event("door_before_gone", &json!({}));
            *telling.is.lock().unwrap_or_else(PoisonError::into_inner) = true;
            telling.changed.notify_all();
        };
        std::thread::Builder::new()
            .name("elder".into())
            .spawn(listen)
            .map_err(|e| Error::io(say!("処理を始められません。", "Cannot start a thread."), e))?;
        Ok(Elder { mouth, done })
    }

    /// There is no worker for its requests either.
    pub(crate) fn shut(&self) {
        // One that has gone has no requests.
        self.mouth.say(&ToElder::Shut).ok();
    }

    /// It shall be done, and is when this returns, or the time was over.
    pub(crate) fn end(self, within: Duration) {
        self.mouth.say(&ToElder::End).ok();
        let is = self.done.is.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.done.changed.wait_timeout_while(is, within, |done| !*done));
    }
}
