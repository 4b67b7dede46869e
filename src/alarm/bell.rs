//! Ringing: decide, mail, write down. Here and now (`ring`), or in a thread that tries again and tells what it counted
//! (`Bell`).

use super::log::{Attempt, Book};
use super::plan::{self, Verdict};
use super::{Event, Settings, mail};
use crate::base::seal::Key;
use crate::base::{Error, Kind, Result, Time, clock, limits};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What became of one ringing.
#[derive(Debug)]
pub enum Rung {
    /// A mail left; it told of so many times beside this one.
    Left { before: u32 },
    /// Counted; a mail may leave at this time.
    Counted { until: Time },
    /// There is nothing to tell.
    Nothing,
    /// A mail was tried and did not leave.
    Failed(Error),
}

/// Mails the event, or counts it. For a process of its own: it waits for the relay.
pub fn ring(data: &Path, door_key: &Key, event: &Event, now: Time) -> Result<Rung> {
    if Settings::read(data, door_key)?.is_none() {
        return Err(no_alarm());
    }
    Desk::new(data, door_key).happened(event, now)
}

fn no_alarm() -> Error {
    Error::new(Kind::Config, say!("警報の宛先がありません。", "No alarm is set up.")).hint(say!(
        "hakobu alarm set --to ADDRESS で宛先を、hakobu relay set で中継サーバーを設定してください。",
        "Set an address with hakobu alarm set --to ADDRESS, and a relay with hakobu relay set."
    ))
}

/// Everything that outlives one ringing.
struct Desk {
    data: PathBuf,
    key: Key,
    book: Book,
    /// The settings as they were last read: a disk that fails must not take the alarm with it.
    known: Option<Settings>,
}

impl Desk {
    fn new(data: &Path, key: &Key) -> Desk {
        let known = Settings::read(data, key).ok().flatten();
        Desk { data: data.to_owned(), key: key.clone(), book: Book::of(data), known }
    }

    fn happened(&mut self, event: &Event, now: Time) -> Result<Rung> {
        let name = event.name();
        self.book.change(|log| log.count(name));
        self.tell(event, now)
    }

    /// Mails what was counted, if it is time.
    fn tell(&mut self, event: &Event, now: Time) -> Result<Rung> {
        let name = event.name();
        let (tally, trouble) = (self.book.known().tally(name), self.book.known().trouble());
        match plan::verdict(name, &tally, trouble, now) {
            Verdict::Drop => return Ok(Rung::Nothing),
            Verdict::Wait(until) => return Ok(Rung::Counted { until }),
            Verdict::Mail => {}
        }
        let before = tally.untold.saturating_sub(1);
        let sent = self.settings().and_then(|settings| mail::send(&settings, event, before, now));
        let why = sent.as_ref().err().map(|e| e.says().clone());
        let attempt = Attempt { at: now, event: name.to_owned(), left: sent.is_ok(), why };
        self.book.change(|log| log.keep(attempt, tally.untold));
        Ok(match sent {
            Ok(()) => Rung::Left { before },
            Err(e) => Rung::Failed(e),
        })
    }

    fn settings(&mut self) -> Result<Settings> {
        match Settings::read(&self.data, &self.key) {
            Ok(found) => self.known = found,
            Err(e) if self.known.is_none() => return Err(e),
            Err(_) => {}
        }
        self.known.clone().ok_or_else(no_alarm)
    }
}

/// For a process that must not wait: a thread that mails, tries again, and tells what was counted when its time comes.
/// What happens while a mail is on its way waits in a bounded queue.
pub struct Bell {
    to: Option<SyncSender<(Event, Time)>>,
    thread: Option<JoinHandle<()>>,
}

impl Bell {
    /// Settings are read at each ringing: there may be none yet.
    pub fn new(data: &Path, door_key: &Key) -> Result<Bell> {
        Bell::with_clock(data, door_key, clock::now)
    }

    fn with_clock(data: &Path, door_key: &Key, clock: fn() -> Time) -> Result<Bell> {
        let (to, from) = sync_channel(limits::ALARM_QUEUE);
        let desk = Desk::new(data, door_key);
        let thread = std::thread::Builder::new()
            .name("alarm".into())
            .spawn(move || serve(desk, &from, clock))
            .map_err(|e| Error::io(say!("警報を準備できません。", "Cannot make the alarm ready."), e))?;
        Ok(Bell { to: Some(to), thread: Some(thread) })
    }

    /// Never waits. An event beyond the queue's bound is lost: the ones before it have said enough.
    pub fn ring(&self, event: Event, now: Time) {
        if let Some(to) = &self.to {
            to.try_send((event, now)).ok();
        }
    }

    /// For a process that ends because of what it rang for: waits for the mails that were asked for, but no longer than
    /// this. True when they were all tried.
    pub fn end(mut self, most: Duration) -> bool {
        self.to = None;
        let begun = Instant::now();
        let Some(thread) = self.thread.take() else { return true };
        while !thread.is_finished() && begun.elapsed() < most {
            std::thread::sleep(Duration::from_millis(10));
        }
        thread.is_finished()
    }
}

fn serve(mut desk: Desk, from: &Receiver<(Event, Time)>, clock: fn() -> Time) {
    // Events that were counted or did not leave, with the time to tell them.
    let mut later: BTreeMap<&'static str, (Event, Time)> = BTreeMap::new();
    loop {
        let next = later.values().map(|(_, at)| *at).min();
        let heard = match next {
            None => from.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(at) => from.recv_timeout(at.since(clock()).min(limits::ALARM_EVERY)),
        };
        match heard {
            Ok((event, now)) => {
                let rung = desk.happened(&event, now);
                postpone(&mut later, event, rung, clock());
            }
            Err(RecvTimeoutError::Timeout) => {
                let now = clock();
                for (event, _) in due(&mut later, now) {
                    let rung = desk.tell(&event, now);
                    postpone(&mut later, event, rung, now);
                }
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn due(later: &mut BTreeMap<&'static str, (Event, Time)>, now: Time) -> Vec<(Event, Time)> {
    let names: Vec<&'static str> = later.iter().filter(|(_, (_, at))| *at <= now).map(|(name, _)| *name).collect();
    names.into_iter().filter_map(|name| later.remove(name)).collect()
}

fn postpone(later: &mut BTreeMap<&'static str, (Event, Time)>, event: Event, rung: Result<Rung>, now: Time) {
    let at = match rung {
        Ok(Rung::Left { .. } | Rung::Nothing) => return,
        Ok(Rung::Counted { until }) => until,
        // The plan says how much longer; asking again costs nothing.
        Ok(Rung::Failed(_)) | Err(_) => now.plus(limits::ALARM_RETRIES.first().copied().unwrap_or(limits::ALARM_EVERY)),
    };
    later.insert(event.name(), (event, at));
}
