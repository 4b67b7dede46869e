//! One worker as the door holds it: its body, its link, and when it was last heard.

use super::starter::{Body, Born};
use super::succession::words::ToElder;
use super::trial::stage::Heard;
use crate::base::link::{self, DoorFacts, Mouth, ToDoor, ToWorker};
use crate::base::{Error, Result, limits};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What reaches whoever supervises.
pub(crate) enum Event {
    /// The worker of this number said something; a beat is not worth an event.
    Said(u64, ToDoor),
    /// Its link has ended.
    Gone(u64),
    /// Something that a trial waited for and that no worker says.
    Trial(Heard),
    /// The door that shall come after this one said something, or has gone.
    Heir(ToElder),
    HeirGone,
    /// The door shall close.
    Stop,
}

pub(crate) struct Hand {
    pub(crate) number: u64,
    pub(crate) born: Instant,
    mouth: Arc<Mouth>,
    body: Box<dyn Body>,
    heard: Arc<Mutex<Instant>>,
    link: std::os::unix::net::UnixStream,
    /// After `Turned` the link is read on only when this says so.
    go_on: Sender<()>,
    /// Its sockets, to be removed after it.
    pub(crate) sockets: Vec<PathBuf>,
}

impl Hand {
    pub(crate) fn take(born: Born, number: u64, tell: &Sender<Event>) -> Result<Hand> {
        let cannot = |e| Error::io(say!("処理を始められません。", "Cannot start the worker."), e);
        let link = born.link.try_clone().map_err(cannot)?;
        // A worker that does not read must not hold the door.
        born.link.set_write_timeout(Some(limits::BEAT_LOST)).map_err(cannot)?;
        let (mouth, mut ear) = link::halves(born.link)?;
        let heard = Arc::new(Mutex::new(Instant::now()));
        let (hearing, tell) = (Arc::clone(&heard), tell.clone());
        let (go_on, may_go_on) = mpsc::channel();
        let listen = move || {
            while let Ok(Some(word)) = ear.hear::<ToDoor>() {
                *hearing.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
                let turned = matches!(word, ToDoor::Turned);
                if !matches!(word, ToDoor::Beat | ToDoor::Unknown) && tell.send(Event::Said(number, word)).is_err() {
                    return;
                }
                // What follows is for another door, unless that one does not come.
                if turned && may_go_on.recv().is_err() {
                    return;
                }
            }
            // Whoever supervised has ended before.
            tell.send(Event::Gone(number)).ok();
        };
        std::thread::Builder::new().name("link".into()).spawn(listen).map_err(cannot)?;
        let (mouth, born_at) = (Arc::new(mouth), Instant::now());
        Ok(Hand { number, born: born_at, mouth, body: born.body, heard, link, go_on, sockets: Vec::new() })
    }

    /// What cannot be said is not worth an error: the end of the link is an event of its own.
    pub(crate) fn say(&self, word: &ToWorker) {
        self.mouth.say(word).ok();
    }

    pub(crate) fn mouth(&self) -> Arc<Mouth> {
        Arc::clone(&self.mouth)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.body.pid()
    }

    /// The link and the process, for another door; `None` where no other process can have them.
    pub(crate) fn copy(&self) -> Result<Option<(OwnedFd, OwnedFd)>> {
        let Some(process) = self.body.handle()? else { return Ok(None) };
        let link = self
            .link
            .try_clone()
            .map_err(|e| Error::io(say!("接続を渡せません。", "Cannot hand the link over."), e))?;
        Ok(Some((link.into(), process)))
    }

    /// Our last word, unless `turn_back` follows.
    pub(crate) fn turn(&self) {
        // What cannot be said is not answered, and that is noticed.
        self.mouth.say_last(&ToWorker::Turn, limits::TURN_HUSH).ok();
    }

    /// Nobody else speaks here after all.
    pub(crate) fn turn_back(&self, door: DoorFacts) {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.mouth.speak();
        self.say(&ToWorker::Door { door });
        // A link that has ended is not listened to any more.
        self.go_on.send(()).ok();
    }

    /// The worker lives on with another door.
    pub(crate) fn leave(self) {
        self.mouth.fall_silent();
        self.body.leave();
    }

    pub(crate) fn silent(&self) -> Duration {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    pub(crate) fn ended(&mut self, within: Duration) -> bool {
        self.body.ended(within)
    }

    /// Gone when this returns, and its sockets with it: at once for a process; a thread ends with its link.
    pub(crate) fn kill(mut self) {
        self.body.kill();
        self.link.shutdown(std::net::Shutdown::Both).ok();
        self.body.ended(limits::CLOSE_TIME);
        self.clear();
    }

    pub(crate) fn clear(&self) {
        for socket in &self.sockets {
            // The worker removes them itself when it can.
            std::fs::remove_file(socket).ok();
        }
    }
}
