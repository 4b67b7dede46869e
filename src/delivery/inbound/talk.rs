//! One connection: what the client says goes into the machine, what the machine says goes back, and a message that is
//! whole goes into the tray before it is promised.

use super::addresses::{Addresses, To};
use super::machine::{Envelope, Event, Machine, Tls};
use super::tray::{self, Arrived};
use crate::base::mailway::{BEGIN_TLS, OVER};
use crate::base::spool::Spool;
use crate::base::{Result, Time, limits, log};
use crate::store::Store;
use std::io::{self, Cursor, Read, Write};
use std::net::IpAddr;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// Whoever receives: lent for one conversation.
pub struct Host<'a> {
    pub store: &'a Store,
    /// What this host calls itself.
    pub name: String,
    pub book: &'a Addresses,
    pub clock: &'a (dyn Fn() -> Time + Sync),
    /// The process ends.
    pub stop: &'a (dyn Fn() -> bool + Sync),
}

/// How often a silent conversation looks whether it must end.
const TICK: Duration = Duration::from_millis(250);

/// Until one side has had enough. How many messages were kept.
pub fn talk(host: &Host<'_>, (peer, tls): (IpAddr, Tls), stream: &mut UnixStream) -> io::Result<u64> {
    stream.set_read_timeout(Some(TICK))?;
    stream.set_write_timeout(Some(limits::WRITE_STALL))?;
    let mut talk = Talk { host, peer, machine: Machine::new(&host.name, tls), body: None, kept: 0 };
    let (mut heard, mut buffer) = (Instant::now(), vec![0u8; 16 << 10]);
    loop {
        let said = talk.drain();
        stream.write_all(&said.bytes)?;
        if said.over {
            return Ok(talk.kept);
        }
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(talk.kept),
            Ok(n) => {
                heard = Instant::now();
                talk.machine.hear(&buffer[..n]);
            }
            Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
        if (host.stop)() {
            talk.machine.leave("421 4.3.2 Come back in a minute");
        } else if heard.elapsed() > limits::INBOUND_IDLE {
            talk.machine.leave("421 4.4.2 Too long a silence");
        }
    }
}

struct Talk<'a> {
    host: &'a Host<'a>,
    peer: IpAddr,
    machine: Machine<To>,
    body: Option<(Envelope<To>, Body)>,
    kept: u64,
}

#[derive(Default)]
struct Words {
    bytes: Vec<u8>,
    over: bool,
}

impl Talk<'_> {
    /// Everything that can be done with what was heard, in one write.
    fn drain(&mut self) -> Words {
        let mut words = Words::default();
        while let Some(event) = self.machine.next(self.host.book) {
            match event {
                Event::Say(line) => words.bytes.extend_from_slice(format!("{line}\r\n").as_bytes()),
                Event::Begin(envelope) => self.body = Some((envelope, Body::default())),
                Event::Piece(bytes) => self.piece(&bytes),
                Event::End => self.whole(),
                Event::Discard => self.body = None,
                Event::StartTls => {
                    words.bytes.push(BEGIN_TLS);
                    words.over = true;
                    return words;
                }
                Event::Over => {
                    words.bytes.push(OVER);
                    words.over = true;
                    return words;
                }
            }
        }
        words
    }

    fn piece(&mut self, bytes: &[u8]) {
        let Some((_, body)) = &mut self.body else { return };
        if let Err(e) = body.push(self.host.store, bytes) {
            // What is missing a piece is not kept, and not promised.
            log::error("inbound", &e);
            self.body = None;
        }
    }

    fn whole(&mut self) {
        let kept = match self.body.take() {
            Some((envelope, body)) => self.keep(envelope, body).inspect_err(|e| log::error("inbound", e)).is_ok(),
            None => false,
        };
        self.kept += u64::from(kept);
        self.machine.settle(kept);
    }

    fn keep(&self, envelope: Envelope<To>, body: Body) -> Result<()> {
        let arrived = Arrived { peer: self.peer, host: self.host.name.clone(), envelope };
        tray::keep(self.host.store, (self.host.clock)(), arrived, body.into_reader()?)
    }
}

/// A message that comes in: in memory while it is short, sealed on disk when it is long.
#[derive(Default)]
struct Body {
    memory: Vec<u8>,
    spool: Option<Spool>,
}

impl Body {
    fn push(&mut self, store: &Store, bytes: &[u8]) -> Result<()> {
        if self.spool.is_none() && self.memory.len() + bytes.len() <= limits::INBOUND_IN_MEMORY {
            self.memory.extend_from_slice(bytes);
            return Ok(());
        }
        if self.spool.is_none() {
            let mut spool = store.blobs().spool()?;
            spool.write_all(&std::mem::take(&mut self.memory)).map_err(crate::base::spool::io_error)?;
            self.spool = Some(spool);
        }
        match &mut self.spool {
            Some(spool) => spool.write_all(bytes).map_err(crate::base::spool::io_error),
            None => Ok(()),
        }
    }

    fn into_reader(self) -> Result<Box<dyn Read>> {
        Ok(match self.spool {
            Some(spool) => Box::new(spool.into_reader()?),
            None => Box::new(Cursor::new(self.memory)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::{ContactId, RunId};
    use crate::base::seal::Key;
    use crate::delivery::bounces::{About, Paths, Purpose};
    use crate::delivery::inbound::Domain;

    const NOW: Time = Time(1_795_000_000_000);

    fn said(store: &Store, text: &[u8], tls: Tls, stop: bool) -> (Vec<u8>, u64) {
        let paths = Paths::new(|_| Key::new([7; 32]));
        let book = Addresses::new(vec![Domain::usual("bounce.example.jp")], paths);
        let (clock, stops) = (|| NOW, move || stop);
        let host = Host { store, name: "mx.example.jp".into(), book: &book, clock: &clock, stop: &stops };
        let (mut ours, mut theirs) = UnixStream::pair().unwrap();
        std::thread::scope(|threads| {
            let talking = threads.spawn(move || talk(&host, ([192, 0, 2, 7].into(), tls), &mut ours).unwrap());
            theirs.write_all(text).unwrap();
            let mut heard = Vec::new();
            theirs.read_to_end(&mut heard).unwrap();
            (heard, talking.join().unwrap())
        })
    }

    fn house() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(dir.path(), &Key::new([1; 32]), &[crate::delivery::SCHEMA]).unwrap().0;
        (dir, store)
    }

    #[test]
    fn a_report_is_in_the_tray_when_it_is_promised_long_or_short() {
        let (_dir, store) = house();
        let about = About { run: RunId(7), contact: ContactId(42) };
        let path = Paths::new(|_| Key::new([7; 32])).local(Purpose::Bounce, about);
        let long = "x".repeat(70) + "\r\n";
        let long = long.repeat(2 * limits::INBOUND_IN_MEMORY / 72);
        for body in ["short\r\n", &long] {
            let text =
                format!("EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<{path}@bounce.example.jp>\r\nDATA\r\n{body}.\r\nQUIT\r\n");
            let (heard, kept) = said(&store, text.as_bytes(), Tls::No, false);
            let heard = String::from_utf8(heard).unwrap();
            assert!(heard.ends_with("250 2.0.0 Kept\r\n221 2.0.0 Goodbye\r\n\u{4}"), "{heard}");
            assert_eq!(kept, 1);
        }
        let items = tray::due(&store, NOW, 10).unwrap();
        assert_eq!(items.len(), 2);
        assert_eq!((items[0].1.to[0].to.about, items[0].1.nobody), (Some(about), true));
        let whole = tray::bytes(&store, &items[1].1, u64::MAX).unwrap().unwrap();
        assert!(whole.ends_with(long.as_bytes()) && whole.starts_with(b"Received: "));
        assert!(std::fs::read_dir(_dir.path().join("spool")).unwrap().next().is_none(), "nothing is left behind");
    }

    #[test]
    fn the_last_byte_says_how_it_ended() {
        let (_dir, store) = house();
        let (heard, _) = said(&store, b"EHLO x\r\nSTARTTLS\r\nMAIL FROM:<a@b>\r\n", Tls::Offered, false);
        assert!(heard.ends_with(b"220 2.0.0 Begin\r\n\x16"));
        let (heard, _) = said(&store, b"EHLO x\r\n", Tls::No, true);
        assert!(String::from_utf8(heard).unwrap().ends_with("421 4.3.2 Come back in a minute\r\n\u{4}"));
    }
}
