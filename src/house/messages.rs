//! The urgent lane of this house: takes single messages in and keeps the thread that brings them out.

use super::House;
use crate::base::{By, Error, Result, Time, clock, limits};
use crate::campaigns::message::{self, Words};
use crate::delivery::messages::{self, Accepted, Lane};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::Notify;

#[derive(Default)]
pub struct Desk {
    bell: Notify,
    thread: Mutex<Option<JoinHandle<Result<()>>>>,
}

impl Desk {
    fn thread(&self) -> MutexGuard<'_, Option<JoinHandle<Result<()>>>> {
        self.thread.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it could not finish in that time is in doubt at the next start.
    pub(super) fn join(&self, since: Instant, within: Duration) {
        self.bell.notify_one();
        let Some(thread) = self.thread().take() else { return };
        while !thread.is_finished() && since.elapsed() < within {
            std::thread::park_timeout(Duration::from_millis(5));
        }
        if thread.is_finished() {
            drop(thread.join());
        }
    }
}

impl House {
    /// Takes a message in: durable when this returns, and on its way at once while the house serves.
    pub fn send_message(&self, by: &By, now: Time, key: &str, words: &Words<'_>) -> Result<Accepted> {
        let key = key.trim();
        if key.is_empty() || key.chars().count() > limits::IDEMPOTENCY_KEY {
            let most = limits::IDEMPOTENCY_KEY;
            return Err(Error::refused(say!("冪等キーが必要です。", "An idempotency key is needed.")).hint(say!(
                "Idempotency-Key ヘッダーに、依頼ごとに異なる {most} 文字以内の値を付けてください。同じ値の再送は 1 通だけ送られます。",
                "Send a value of at most {most} characters in the header Idempotency-Key, another for each message. The same one sends once."
            )));
        }
        let Words { from, to, reply_to, subject, text, html } = words;
        let asked = serde_json::to_vec(&(from, to.as_str(), reply_to, subject, text, html)).map_err(Error::bug)?;
        let letter = message::letter(&self.store, words, now)?;
        let accepted = messages::accept(&self.store, by, now, (key, &asked), letter)?;
        self.messages.bell.notify_one();
        Ok(accepted)
    }

    /// For the clock: the lane's thread, started when there is none.
    pub(super) fn keep_messages_going(self: &Arc<House>, now: Time) -> Result<()> {
        let mut thread = self.messages.thread();
        let ended = match thread.take_if(|thread| thread.is_finished()) {
            Some(ended) => ended.join().unwrap_or_else(|_| Err(Error::bug("the urgent lane panicked"))),
            None => Ok(()),
        };
        if thread.is_none() && !self.is_ending() {
            messages::recover(&self.store, now)?;
            let house = Arc::clone(self);
            let work = move || house.bring_messages_out();
            let started = std::thread::Builder::new().name("messages".into()).spawn(work);
            let cannot = |e| Error::io(say!("送信を始められません。", "Cannot start sending."), e);
            *thread = Some(started.map_err(cannot)?);
        }
        ended
    }

    fn bring_messages_out(&self) -> Result<()> {
        messages::serve(&Lane {
            store: &self.store,
            route: &|| self.route(),
            clock: &clock::now,
            bell: &self.messages.bell,
            over: &|| self.is_ending(),
        })
    }
}
