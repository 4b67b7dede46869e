//! The way in, wired: conversations with those who bring mail, and the reading of what they brought.
//!
//! A conversation ends with a mail in the tray; a thread of its own reads the tray, since sending a reply on may take as
//! long as a relay wishes. What was read is done twice without harm, so a stop in between costs nothing.

use super::House;
use crate::base::mailway::{Intro, LINE_MAX, Protection};
use crate::base::{Email, Error, Kind, Result, Time, clock, limits, log};
use crate::campaigns::returns::{self, Came, FORWARDED, Followed};
use crate::delivery::inbound::tray::{self, Item, Outcome};
use crate::delivery::inbound::{Addresses, Host, Tls, WayIn, talk, way_in};
use crate::delivery::{self, Letter, in_ascii};
use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Who reads the tray now.
#[derive(Default)]
pub(super) struct Desk(Mutex<Option<JoinHandle<Result<()>>>>);

impl Desk {
    fn reader(&self) -> MutexGuard<'_, Option<JoinHandle<Result<()>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `House::wind_down` has told it to end.
    pub(super) fn join(&self, within: Duration) {
        let Some(thread) = self.reader().take() else { return };
        let since = Instant::now();
        while !thread.is_finished() && since.elapsed() < within {
            std::thread::park_timeout(Duration::from_millis(5));
        }
        if thread.is_finished() {
            // What it could not finish is due still.
            thread.join().ok();
        }
    }
}

impl House {
    /// One connection that the door relays, to its end.
    pub fn converse(&self, mut stream: UnixStream, stop: &AtomicBool) -> io::Result<()> {
        let intro = intro(&mut stream)?;
        let tls = match intro.tls {
            Protection::Plain => Tls::No,
            Protection::Offered => Tls::Offered,
            Protection::On => Tls::On,
        };
        // The door says what is to be said when there is nobody who can answer.
        let way = way_in(&self.store).map_err(io::Error::other)?;
        let name = way.return_domain.clone().unwrap_or_else(|| self.boot.domain.clone());
        let book = self.addresses(&way);
        let stops = || stop.load(Ordering::Acquire) || !self.store.is_sound();
        let host = Host { store: &self.store, name, book: &book, clock: &clock::now, stop: &stops };
        let kept = talk(&host, (intro.from, tls), &mut stream)?;
        if kept > 0 {
            self.ring();
        }
        Ok(())
    }

    /// Every address that takes mail.
    pub fn addresses(&self, way: &WayIn) -> Addresses {
        Addresses::new(way.all(&self.boot.domain), returns::paths(&self.store))
    }

    /// For the clock: somebody reads as long as there is something to read.
    pub(super) fn look_into_tray(self: &Arc<House>, now: Time) -> Result<()> {
        let mut reader = self.inbound.reader();
        if reader.as_ref().is_some_and(|r| !r.is_finished()) {
            return Ok(());
        }
        let ended =
            reader.take().map_or(Ok(()), |r| r.join().unwrap_or_else(|_| Err(Error::bug("reading mail panicked"))));
        if !tray::due(&self.store, now, 1)?.is_empty() {
            let house = Arc::clone(self);
            let read = move || house.read_tray(now);
            let thread = std::thread::Builder::new().name("inbound".into()).spawn(read);
            *reader = Some(thread.map_err(|e| Error::io(say!("処理を始められません。", "Cannot start a thread."), e))?);
        }
        ended
    }

    fn read_tray(&self, now: Time) -> Result<()> {
        for (was_due, mut item) in tray::due(&self.store, now, limits::INBOUND_AT_ONCE)? {
            if self.is_ending() {
                return Ok(());
            }
            self.read_item(&mut item)?;
            tray::settle(&self.store, clock::now(), was_due, item)?;
        }
        Ok(())
    }

    /// An error is ours and about nobody's mail; what a mail does to its reader is said of the mail.
    fn read_item(&self, item: &mut Item) -> Result<()> {
        let now = clock::now();
        let Some(bytes) = tray::bytes(&self.store, item, limits::INBOUND_SIZE + limits::KB)? else {
            item.decide_all(&Outcome::of("gone", "nothing", false));
            return Ok(());
        };
        for n in 0..item.to.len() {
            if item.to[n].outcome.is_some() {
                continue;
            }
            let came = Came { to: &item.to[n].to, nobody: item.nobody, bytes: &bytes[..bytes.len().min(READ)] };
            let followed = catch_unwind(AssertUnwindSafe(|| returns::follow(&self.store, now, &came)));
            let outcome = match followed {
                Ok(Ok(Followed::Done(outcome))) => Some(outcome),
                Ok(Ok(Followed::Forward(to, outcome))) => self.forward((&to, outcome), &bytes, now)?,
                Ok(Ok(Followed::Later)) => None,
                Ok(Err(e)) => return Err(e),
                Err(_) => Some(Outcome::of("unclear", "shown", true)),
            };
            let given_up = || item.is_given_up(now).then(|| Outcome::of("unclear", "given_up", true));
            item.to[n].outcome = outcome.or_else(given_up);
        }
        Ok(())
    }

    /// Nothing while the way out is closed.
    fn forward(&self, (to, outcome): (&Email, Outcome), bytes: &[u8], now: Time) -> Result<Option<Outcome>> {
        let Some(route) = self.routes.current(&self.store)? else { return Ok(None) };
        let from = Email::parse(&format!("hakobu@{}", self.boot.domain))?;
        let letter = Letter { from: from.clone(), to: to.clone(), message: resent((&from, to), bytes, now) };
        match delivery::send_one(&route, &letter) {
            Ok(_) => Ok(Some(outcome)),
            Err(e) if e.kind() == Kind::Refused => {
                log::error("forward", &e);
                Ok(Some(Outcome { done: "refused_by_relay".into(), shown: true, ..outcome }))
            }
            Err(e) => {
                log::error("forward", &e);
                Ok(None)
            }
        }
    }
}

/// Of a mail that is read for what it means.
const READ: usize = limits::READ_MAIL as usize;

/// RFC 5322 3.6.6: as it came, with who sent it on before it. Nothing in it is changed, so that its signatures hold.
fn resent((from, to): (&Email, &Email), bytes: &[u8], now: Time) -> Vec<u8> {
    let date = now.zoned(&clock::japan()).strftime("%a, %d %b %Y %H:%M:%S %z").to_string();
    let name = |email: &Email| in_ascii(email).unwrap_or_else(|| email.envelope());
    let head = format!(
        "Resent-Date: {date}\r\nResent-From: <{}>\r\nResent-To: <{}>\r\n{FORWARDED}: {}\r\n",
        name(from),
        name(to),
        from.domain()
    );
    [head.as_bytes(), bytes].concat()
}

/// The door's line, byte by byte: what follows it is the client's.
fn intro(stream: &mut UnixStream) -> io::Result<Intro> {
    stream.set_read_timeout(Some(limits::RELAY_PROOF))?;
    let (mut line, mut byte) = (Vec::new(), [0u8; 1]);
    while line.len() < LINE_MAX && line.last() != Some(&b'\n') {
        stream.read_exact(&mut byte)?;
        line.push(byte[0]);
    }
    let text = String::from_utf8(line).map_err(io::Error::other)?;
    Intro::parse(&text).ok_or_else(|| io::ErrorKind::InvalidData.into())
}
