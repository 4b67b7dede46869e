//! What door and worker say to each other: lines of JSON over a socket that the worker is born with (its standard
//! input, or one end of a pair where both run in one process). The door speaks `ToWorker`, the worker `ToDoor`.
//!
//! A worker's life: *warm* (keys read, nothing opened) → `Open` → *opened* (stores open, pages answered, nothing sent
//! by itself) → `Start` → at work → `Quiesce` (no delivery, no long job, no event stream; pages still answered) →
//! `Close` → *closed*, and its process ends. The end of the socket is the end of the other side.
//!
//! The door may be exchanged at any time between: the last word of the one is `Turn`, the last word that is for it is
//! `Turned`, and the first word of the next one, on the same socket, is `Door`. In between nobody speaks, so that no
//! byte is in a buffer of somebody who goes.
//!
//! A release may meet the door of the release before it, and the other way round: both speak protocol N and N-1, fields
//! are only added, and a message that is not known is passed over.

use crate::base::{Error, Kind, Result, Say, limits};
use serde::{Deserialize, Serialize};
use std::io::{BufRead, BufReader, Write};
use std::net::IpAddr;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub const PROTOCOL: u32 = 1;

/// The headers with which the door hands a request to the worker. Whatever a client sends under a name that starts
/// with `PREFIX` is dropped.
pub mod header {
    pub const PREFIX: &str = "hakobu-";
    /// `admin` or `public`: the listener that a request came in by.
    pub const SURFACE: &str = "hakobu-surface";
    /// The client's address, without a port.
    pub const FROM: &str = "hakobu-from";
    /// `http` or `https`, as the client speaks.
    pub const SCHEME: &str = "hakobu-scheme";
    /// The id of the request, in the log and on error pages.
    pub const ID: &str = "hakobu-request";
    /// `FILE KEY LENGTH`: the body stands sealed in the spool (`base::spool`) under this file name, with this one-time
    /// key in hex, and has so many bytes; the request itself has none. The door removes the file after the answer.
    pub const SPOOL: &str = "hakobu-spool";
}

/// The two publics: those who run the house, and those who get its mails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Surface {
    Admin,
    Public,
}

impl Surface {
    pub fn name(self) -> &'static str {
        match self {
            Surface::Admin => "admin",
            Surface::Public => "public",
        }
    }

    pub fn parse(name: &str) -> Option<Surface> {
        [Surface::Admin, Surface::Public].into_iter().find(|s| s.name() == name)
    }
}

/// What requests of a route are counted by: mail providers and carrier NAT send bursts for many people from one
/// address, so what carries a person's token is limited per token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    Address,
    /// The last open part of the path.
    Token,
    /// Nothing: a picture of a mail is one file that all its recipients ask for at the same time.
    Nothing,
}

/// A row of the worker's route table, as far as the door needs to know it. Open parts of `path` stand in braces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteClass {
    pub method: String,
    pub path: String,
    /// Also answered on the public surface; all others only on the admin one.
    pub public: bool,
    /// Bytes that a body may have.
    pub body: u64,
    pub per: Per,
}

/// What the worker tells people about its door.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoorFacts {
    pub pid: u32,
    pub version: String,
    /// The slot that runs, and the one to go back to.
    pub slot: String,
    pub previous: Option<String>,
    /// URLs of the two surfaces.
    pub admin: String,
    pub public: String,
    /// The public surface has a listener of its own; otherwise the admin one answers for it, too.
    #[serde(default)]
    pub public_listener: bool,
    /// When the door began, in milliseconds since 1970.
    pub since: i64,
    /// Longest time that a request was held at the last switch.
    pub last_held_ms: Option<u64>,
}

/// A request as the access log keeps it. Times in milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessLine {
    pub at: i64,
    pub id: String,
    pub surface: Surface,
    pub from: IpAddr,
    pub method: String,
    /// Without the query, and with tokens cut out: `/u/…`.
    pub path: String,
    pub status: u16,
    pub bytes: u64,
    pub ms: u32,
    /// Milliseconds of these in which the request was held.
    pub held_ms: u32,
}

/// One step of an update, as data for people and scripts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    pub step: String,
    pub ok: bool,
    pub ms: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Step {
    /// Does it: the step, and the error if there was one. What the work has to say of itself is the detail.
    pub fn timed(name: impl Into<String>, work: impl FnOnce() -> Result<String>) -> (Step, Result<()>) {
        let since = Instant::now();
        let done = work();
        let detail = match &done {
            Ok(detail) => Some(detail.clone()).filter(|d| !d.is_empty()),
            Err(e) => Some(e.says().en.clone()),
        };
        let ms = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
        (Step { step: name.into(), ok: done.is_ok(), ms, detail }, done.map(drop))
    }
}

/// What the worker hands the door when a new release is ready in its slot: try it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialOrder {
    pub id: String,
    pub from: String,
    pub to: String,
    /// The program to try.
    pub program: PathBuf,
    /// The data folder to try it on: the running one for an update, another one for a restore in place.
    pub data: PathBuf,
    pub probation_ms: u64,
    /// What was done before the trial.
    pub steps: Vec<Step>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrialResult {
    Updated,
    RolledBack,
    Refused,
}

/// How a trial ended. The door writes it, the next worker imports it into the books.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialRecord {
    pub id: String,
    pub result: TrialResult,
    pub from: String,
    pub to: String,
    pub at: i64,
    pub held_requests: u64,
    pub longest_held_ms: u64,
    pub steps: Vec<Step>,
    /// Why it went back, in both languages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Say>,
}

/// An error that travels: what a person may read, never the cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    pub kind: String,
    pub says: Say,
    #[serde(default)]
    pub hint: Option<Say>,
}

impl From<&Error> for Said {
    fn from(e: &Error) -> Said {
        Said { kind: e.kind().name().to_owned(), says: e.says().clone(), hint: e.hinted().cloned() }
    }
}

impl From<Said> for Error {
    fn from(said: Said) -> Error {
        let error = Error::new(Kind::parse(&said.kind).unwrap_or(Kind::Bug), said.says);
        match said.hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "snake_case")]
pub enum ToWorker {
    /// The first words. `root` is the root key in hex where the door had to ask a person for it.
    Hello {
        protocol: u32,
        door: DoorFacts,
        root: Option<Hidden>,
    },
    /// Open the stores (which migrates them) and answer pages.
    Open,
    /// Clock and delivery may start.
    Start,
    /// Stop delivery and long jobs and end event streams; go on answering pages. `Quiesced` answers.
    Quiesce,
    /// Close the stores; `Closed` answers, and the process ends.
    Close,
    /// The door is about to end in good order: from now on the end of the link is no accident. `Close` still comes, unless
    /// somebody is in a hurry.
    Leaving,
    /// Prove that you are well: `Checked` answers.
    Check {
        id: u64,
    },
    /// Answered by the other side's own beat.
    Beat,
    /// Another process goes on from here: `Turned` answers and is the last word until its first one, `Door`.
    Turn,
    Door {
        door: DoorFacts,
    },
    Access {
        lines: Vec<AccessLine>,
    },
    /// A trial has ended.
    Record {
        record: TrialRecord,
    },
    #[serde(other)]
    Unknown,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "snake_case")]
pub enum ToDoor {
    Warm {
        protocol: u32,
        version: String,
        pid: u32,
    },
    Opened {
        pages: PathBuf,
        control: PathBuf,
        routes: Vec<RouteClass>,
    },
    Quiesced {
        in_doubt: u64,
    },
    Closed,
    Checked {
        id: u64,
        fault: Option<Said>,
    },
    Beat,
    /// What follows is for the next door.
    Turned,
    /// The record with this id stands in the books: the door may forget it.
    Recorded {
        id: String,
    },
    Trial {
        order: TrialOrder,
    },
    /// This ends the worker.
    Failed {
        said: Said,
    },
    #[serde(other)]
    Unknown,
}

/// A text that must not be printed by accident.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hidden(pub String);

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hidden(…)")
    }
}

/// The speaking half. Lines go out whole, whoever speaks.
pub struct Mouth {
    stream: Mutex<UnixStream>,
    hush: Mutex<Hush>,
    changed: Condvar,
}

/// Whether one may speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hush {
    Free,
    /// Whoever wants to speak waits, at most until then.
    Until(Instant),
    /// Another process speaks here.
    ForEver,
}

/// The listening half.
pub struct Ear {
    lines: BufReader<UnixStream>,
}

/// Both halves of one end.
pub fn halves(stream: UnixStream) -> Result<(Mouth, Ear)> {
    let other =
        stream.try_clone().map_err(|e| Error::io(say!("接続を分けられません。", "Cannot share the link."), e))?;
    let mouth = Mouth { stream: Mutex::new(stream), hush: Mutex::new(Hush::Free), changed: Condvar::new() };
    Ok((mouth, Ear { lines: BufReader::new(other) }))
}

impl Mouth {
    pub fn say(&self, message: &impl Serialize) -> std::io::Result<()> {
        let line = line(message)?;
        let mut stream = self.stream();
        loop {
            let mut hush = self.hush();
            match *hush {
                Hush::Free => break,
                Hush::ForEver => return Err(std::io::ErrorKind::NotConnected.into()),
                Hush::Until(end) if end <= Instant::now() => *hush = Hush::Free,
                Hush::Until(end) => {
                    drop(stream);
                    let left = end.saturating_duration_since(Instant::now());
                    drop(self.changed.wait_timeout(hush, left).unwrap_or_else(PoisonError::into_inner));
                    stream = self.stream();
                }
            }
        }
        stream.write_all(&line)
    }

    /// The last word for now: whoever wants to speak waits until `speak`, and no longer than this.
    pub fn say_last(&self, message: &impl Serialize, most: Duration) -> std::io::Result<()> {
        let line = line(message)?;
        let mut stream = self.stream();
        stream.write_all(&line)?;
        *self.hush() = Hush::Until(Instant::now() + most);
        Ok(())
    }

    pub fn speak(&self) {
        *self.hush() = Hush::Free;
        self.changed.notify_all();
    }

    /// Another process speaks here from now on: whoever still tries gets an error (`NotConnected`).
    pub fn fall_silent(&self) {
        *self.hush() = Hush::ForEver;
        self.changed.notify_all();
    }

    fn stream(&self) -> MutexGuard<'_, UnixStream> {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hush(&self) -> MutexGuard<'_, Hush> {
        self.hush.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn line(message: &impl Serialize) -> std::io::Result<zeroize::Zeroizing<Vec<u8>>> {
    let mut line = zeroize::Zeroizing::new(serde_json::to_vec(message).map_err(std::io::Error::other)?);
    line.push(b'\n');
    Ok(line)
}

impl Ear {
    /// From now on silence may last.
    pub fn be_patient(&self) -> std::io::Result<()> {
        self.lines.get_ref().set_read_timeout(None)
    }

    /// The next message; `None` when the other side has gone.
    pub fn hear<T: serde::de::DeserializeOwned>(&mut self) -> std::io::Result<Option<T>> {
        let mut line = zeroize::Zeroizing::new(Vec::new());
        let most = limits::LINK_LINE_MAX as u64;
        let read = std::io::Read::take(&mut self.lines, most).read_until(b'\n', &mut line)?;
        match line.last() {
            None => Ok(None),
            Some(b'\n') => serde_json::from_slice(&line).map(Some).map_err(std::io::Error::other),
            Some(_) if read as u64 == most => Err(std::io::ErrorKind::InvalidData.into()),
            // The other side died in the middle of a word.
            Some(_) => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_said_is_heard_and_the_end_is_heard_too() {
        let (a, b) = UnixStream::pair().unwrap();
        let (mouth, kept) = halves(a).unwrap();
        let (_, mut ear) = halves(b).unwrap();
        mouth.say(&ToWorker::Check { id: 7 }).unwrap();
        assert!(matches!(ear.hear().unwrap(), Some(ToWorker::Check { id: 7 })));
        drop((mouth, kept));
        assert!(ear.hear::<ToWorker>().unwrap().is_none());
    }

    #[test]
    fn after_a_last_word_nobody_speaks_until_the_turn_is_over() {
        let (a, b) = UnixStream::pair().unwrap();
        let (mouth, _kept) = halves(a).unwrap();
        let (_, mut ear) = halves(b).unwrap();
        std::thread::scope(|threads| {
            mouth.say_last(&ToDoor::Turned, Duration::from_secs(60)).unwrap();
            threads.spawn(|| mouth.say(&ToDoor::Closed).unwrap());
            assert!(matches!(ear.hear().unwrap(), Some(ToDoor::Turned)));
            ear.lines.get_ref().set_nonblocking(true).unwrap();
            assert_eq!(ear.hear::<ToDoor>().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
            ear.lines.get_ref().set_nonblocking(false).unwrap();
            mouth.speak();
            assert!(matches!(ear.hear().unwrap(), Some(ToDoor::Closed)));
        });
        mouth.say_last(&ToDoor::Turned, Duration::ZERO).unwrap();
        mouth.say(&ToDoor::Beat).expect("nobody came: the bound is over");
        mouth.say_last(&ToDoor::Turned, Duration::from_secs(60)).unwrap();
        mouth.fall_silent();
        assert_eq!(mouth.say(&ToDoor::Beat).unwrap_err().kind(), std::io::ErrorKind::NotConnected);
    }

    #[test]
    fn a_word_of_a_later_release_is_passed_over() {
        let heard: ToWorker = serde_json::from_str(r#"{"say":"sing","song":1}"#).unwrap();
        assert!(matches!(heard, ToWorker::Unknown));
        let heard: ToDoor = serde_json::from_str(r#"{"say":"beat","mood":"good"}"#).unwrap();
        assert!(matches!(heard, ToDoor::Beat));
    }

    #[test]
    fn a_root_key_is_not_printed_by_accident() {
        let said = ToWorker::Hello { protocol: 1, door: DoorFacts::default(), root: Some(Hidden("ab".repeat(32))) };
        assert!(!format!("{said:?}").contains("abab"));
    }

    /// How many words somebody who writes these bytes and hangs up is heard to say.
    fn words<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> usize {
        let (a, b) = UnixStream::pair().unwrap();
        (&a).write_all(bytes).unwrap();
        drop(a);
        let (_, mut ear) = halves(b).unwrap();
        std::iter::from_fn(|| ear.hear::<T>().ok().flatten()).count()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(
            std::env::var("HAKOBU_FUZZ").ok().and_then(|n| n.parse().ok()).unwrap_or(256)
        ))]

        #[test]
        fn nothing_that_is_written_breaks_the_ear(
            bytes in proptest::collection::vec(any::<u8>(), 0..400),
            pieces in proptest::collection::vec(proptest::sample::select(&[
                "{\"say\":\"", "beat", "checked", "opened", "\"", ",\"id\":1", ",\"routes\":[", "{", "}", "]", "\n", "null", "-1",
            ][..]), 0..24),
        ) {
            for bytes in [&bytes[..], pieces.concat().as_bytes()] {
                let lines = bytes.iter().filter(|b| **b == b'\n').count();
                prop_assert!(words::<ToDoor>(bytes) <= lines && words::<ToWorker>(bytes) <= lines);
            }
        }
    }
}
