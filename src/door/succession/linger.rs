//! A door after it handed over: it answers those who are still here, over its own way to the same worker, and then it is
//! gone, or stays as the anchor.

use super::anchor::Anchor;
use super::heir::Heir;
use super::offer::Handed;
use super::words::ToElder;
use crate::base::{Error, Result, limits, log};
use crate::door::access::Lines;
use crate::door::control::Control;
use crate::door::ending::Ending;
use crate::door::gate::Gate;
use crate::door::hand::Event;
use crate::door::supervise::Supervisor;
use crate::door::{OpenFront, notify};
use serde_json::json;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

pub(crate) struct Linger {
    last: Last,
    anchor: Option<Anchor>,
}

/// What is left of the door.
struct Last {
    heir: Heir,
    events: Receiver<Event>,
    front: OpenFront,
    gate: Arc<Gate>,
    lines: Arc<Lines>,
    control: Control,
}

impl Linger {
    /// The old door lets go of everything that the next one has, and takes nothing new.
    pub(crate) fn begin(supervisor: Supervisor, handed: Handed) -> Linger {
        let Supervisor { watch, mut starter, gate, lines, front, control, events, bell, .. } = supervisor;
        let Handed { heir, anchor } = handed;
        starter.leave();
        if let Some(hand) = watch.hand {
            hand.leave();
        }
        lines.lead_to(Some(Arc::clone(&heir.mouth)));
        if anchor.is_none() {
            notify::main_is(heir.pid());
        }
        if let Some(bell) = bell {
            bell.end(limits::LAST_WORDS);
        }
        Linger { last: Last { heir, events, front, gate, lines, control }, anchor }
    }

    /// Until the last answer; the anchor, until the door of the day has ended. The exit code.
    pub(crate) fn live_on(self, ending: &Ending) -> Result<u8> {
        let Linger { last, anchor } = self;
        let Some(anchor) = anchor else {
            last.serve(&|| ending.within(Duration::ZERO));
            return Ok(0);
        };
        let serving = std::thread::Builder::new()
            .name("linger".into())
            .spawn(move || last.serve(&|| false))
            .map_err(|e| Error::io(say!("処理を始められません。", "Cannot start a thread."), e))?;
        let code = anchor.stay(ending);
        // It has ended with the door of the day, or within its bounds.
        serving.join().ok();
        Ok(code)
    }
}

impl Last {
    fn serve(self, is_over: &dyn Fn() -> bool) {
        let since = Instant::now();
        loop {
            let told = self.events.recv_timeout(limits::LINGER_LOOK);
            match told {
                Ok(Event::Heir(ToElder::Shut)) => self.gate.shut(),
                Ok(Event::Heir(ToElder::End) | Event::HeirGone | Event::Stop) | Err(RecvTimeoutError::Disconnected) => {
                    break;
                }
                Ok(Event::Heir(_) | Event::Said(..) | Event::Gone(_) | Event::Trial(_)) => {}
                Err(RecvTimeoutError::Timeout) if self.is_done() || since.elapsed() > limits::LINGER_MAX => break,
                Err(RecvTimeoutError::Timeout) => {}
            }
            if is_over() {
                break;
            }
        }
        let front = self.front.lock().unwrap_or_else(PoisonError::into_inner).take();
        let whole = front.is_none_or(|front| front.stop(limits::DRAIN_TIME));
        self.lines.add(Vec::new());
        self.heir.hang_up();
        let ms = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
        log::event("door_lingered", &json!({"pid": std::process::id(), "ms": ms, "cut_off": !whole}));
    }

    fn is_done(&self) -> bool {
        let front = self.front.lock().unwrap_or_else(PoisonError::into_inner);
        front.as_ref().is_none_or(|front| front.figures().connections == 0) && self.control.calls() == 0
    }
}
