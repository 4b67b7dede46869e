//! Threads on which letters are written, so that templates and the books never hold up the network.

use super::{Finish, Letter, Letters, Skip};
use crate::base::{Result, Time, ids::ContactId, ids::RunId};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use tokio::sync::oneshot;

/// A letter with its wire form, and when it was written.
pub(super) struct Written {
    pub(super) letter: Letter,
    pub(super) wire_form: Vec<u8>,
    pub(super) at: Time,
}

type Answer = Result<Result<Written, Skip>>;

/// The way to the writing threads.
#[derive(Clone)]
pub(super) struct Writers(Sender<Ask>);

/// The threads' side.
pub(super) struct Asked(Mutex<Receiver<Ask>>);

enum Ask {
    Letter(ContactId, oneshot::Sender<Answer>),
    Domains(Vec<ContactId>, oneshot::Sender<Domains>),
}

type Domains = Result<Vec<Option<String>>>;

pub(super) fn writers() -> (Writers, Asked) {
    let (tx, rx) = channel();
    (Writers(tx), Asked(Mutex::new(rx)))
}

impl Writers {
    /// `None` when the threads are gone, which is when the run is over.
    pub(super) async fn letter(&self, contact: ContactId) -> Option<Answer> {
        let (answer, written) = oneshot::channel();
        self.0.send(Ask::Letter(contact, answer)).ok()?;
        written.await.ok()
    }

    /// The domain of each contact's address; nobody's when the threads are gone.
    pub(super) async fn domains(&self, contacts: Vec<ContactId>) -> Domains {
        let (answer, found) = oneshot::channel();
        match self.0.send(Ask::Domains(contacts, answer)) {
            Ok(()) => found.await.unwrap_or_else(|_| Ok(Vec::new())),
            Err(_) => Ok(Vec::new()),
        }
    }
}

impl Asked {
    /// Until every `Writers` is gone.
    pub(super) fn write_all(&self, run: RunId, with: (&dyn Letters, &Finish), clock: &dyn Fn() -> Time) {
        loop {
            let next = self.0.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(ask) = next else { return };
            match ask {
                Ask::Letter(contact, answer) => {
                    let written = catch_unwind(AssertUnwindSafe(|| write(run, contact, with, clock())));
                    // A recipient whose letter makes us panic is set aside by name; the run goes on.
                    let _nobody_waits = answer.send(written.unwrap_or(Ok(Err(Skip::Failed("panic")))));
                }
                Ask::Domains(contacts, answer) => {
                    let _nobody_waits = answer.send(with.0.domains(&contacts));
                }
            }
        }
    }
}

fn write(run: RunId, contact: ContactId, (letters, finish): (&dyn Letters, &Finish), at: Time) -> Answer {
    Ok(match letters.letter(run, contact, at)? {
        Ok(letter) => {
            let (letter, wire_form) = finish.wire_form(letter, at)?;
            Ok(Written { letter, wire_form, at })
        }
        Err(skip) => Err(skip),
    })
}
