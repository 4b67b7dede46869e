//! The next door as this one holds it: a child process that knows it is to take over, and the words between the two.

use super::TAKES_OVER;
use super::words::{ToElder, ToHeir};
use crate::base::link::{self, Mouth};
use crate::base::{Error, Result, limits};
use crate::door::hand::Event;
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::Sender;

pub(super) struct Heir {
    child: Child,
    pub(super) mouth: Arc<Mouth>,
    pub(super) link: UnixStream,
}

impl Heir {
    /// Started, with the link to it as its standard input. What it says comes as `Event::Heir`.
    pub(super) fn start(mut command: Command, version: &str, tell: Sender<Event>) -> Result<Heir> {
        let (ours, theirs) = UnixStream::pair().map_err(cannot)?;
        // One that does not read must not hold this door.
        ours.set_write_timeout(Some(limits::BEAT_LOST)).map_err(cannot)?;
        let link = ours.try_clone().map_err(cannot)?;
        let (mouth, mut ear) = link::halves(ours)?;
        command.env(TAKES_OVER, version).stdin(Stdio::from(OwnedFd::from(theirs)));
        // A Ctrl-C at the terminal is for the process that was started there, which hands it on.
        let child = command.process_group(0).spawn().map_err(cannot)?;
        let heir = Heir { child, mouth: Arc::new(mouth), link };
        let listen = move || {
            while let Ok(Some(word)) = ear.hear::<ToElder>() {
                if tell.send(Event::Heir(word)).is_err() {
                    return;
                }
            }
            // Nobody waits for it any more.
            tell.send(Event::HeirGone).ok();
        };
        match std::thread::Builder::new().name("heir".into()).spawn(listen) {
            Ok(_) => Ok(heir),
            Err(e) => {
                heir.kill();
                Err(cannot(e))
            }
        }
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What cannot be said is not answered, and that is noticed.
    pub(super) fn say(&self, word: &ToHeir) {
        self.mouth.say(word).ok();
    }

    /// Dead when this returns.
    pub(super) fn kill(mut self) {
        // One that has ended by itself cannot be killed, and need not.
        self.child.kill().ok();
        self.child.wait().ok();
        self.hang_up();
    }

    pub(super) fn hang_up(&self) {
        self.link.shutdown(Shutdown::Both).ok();
    }
}

pub(super) fn cannot(e: std::io::Error) -> Error {
    Error::io(say!("次の入口を始められません。", "Cannot start the next door."), e)
}
