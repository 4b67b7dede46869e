//! The one thread of a trial that touches the disk: a disk that hangs holds this thread and nothing else.

use super::stage::{Heard, Stage};
use super::state;
use crate::base::slots::Slots;
use crate::base::{Error, Result, Say, log};
use crate::door::hand::Event;
use std::sync::mpsc::{self, Sender};

enum Work {
    Stage(Stage, u64),
    Cause(Say),
    Link,
}

pub(super) struct Keeper {
    to: Sender<Work>,
}

/// What the slots' link leads from and to.
pub(super) struct Switch {
    pub(super) slots: Slots,
    pub(super) from: String,
    pub(super) to: String,
}

impl Keeper {
    /// What is answered comes as `Event::Trial`.
    pub(super) fn start(mut open: state::Open, switch: Switch, tell: Sender<Event>) -> Result<Keeper> {
        let (to, work) = mpsc::channel();
        let keep = move || {
            for work in work {
                let heard = match work {
                    Work::Stage(stage, ms) => match open.stage(stage, ms) {
                        Ok(()) => Heard::Kept,
                        Err(e) => Heard::NotKept(e.says().clone()),
                    },
                    Work::Cause(why) => {
                        if let Err(e) = open.cause(&why) {
                            // The record says it too, if that can be written.
                            log::error("trial", &e);
                        }
                        continue;
                    }
                    Work::Link => switch.link(),
                };
                // A trial that has ended does not wait for an answer.
                tell.send(Event::Trial(heard)).ok();
            }
        };
        std::thread::Builder::new()
            .name("trial".into())
            .spawn(keep)
            .map_err(|e| Error::io(say!("処理を始められません。", "Cannot start a thread."), e))?;
        Ok(Keeper { to })
    }

    pub(super) fn stage(&self, stage: Stage, ms: u64) {
        self.ask(Work::Stage(stage, ms));
    }

    pub(super) fn cause(&self, why: Say) {
        self.ask(Work::Cause(why));
    }

    pub(super) fn link(&self) {
        self.ask(Work::Link);
    }

    fn ask(&self, work: Work) {
        // The thread lives as long as this; if it panicked the stage is late.
        self.to.send(work).ok();
    }
}

impl Switch {
    /// The link says what a start runs: after an error it is asked, because a rename may be done and not yet durable.
    fn link(&self) -> Heard {
        match self.slots.switch(&self.from, &self.to) {
            Ok(()) => Heard::Linked,
            Err(e) => match self.slots.current() {
                Ok(Some(current)) if current == self.to => {
                    log::error("trial", &e);
                    Heard::Linked
                }
                _ => Heard::NotLinked(e.says().clone()),
            },
        }
    }
}
