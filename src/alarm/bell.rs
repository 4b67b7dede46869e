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
use std::time::Duration;

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
    done: Receiver<()>,
}

impl Bell {
    /// Settings are read at each ringing: there may be none yet.
    pub fn new(data: &Path, door_key: &Key) -> Result<Bell> {
        Bell::with_clock(data, door_key, clock::now)
    }

    fn with_clock(data: &Path, door_key: &Key, clock: fn() -> Time) -> Result<Bell> {
        let (to, from) = sync_channel(limits::ALARM_QUEUE);
        let desk = Desk::new(data, door_key);
        let (through, done) = sync_channel(0);
        std::thread::Builder::new()
            .name("alarm".into())
            .spawn(move || {
                serve(desk, &from, clock);
                drop::<SyncSender<()>>(through);
            })
            .map_err(|e| Error::io(say!("警報を準備できません。", "Cannot make the alarm ready."), e))?;
        Ok(Bell { to: Some(to), done })
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
        // Nothing is ever said here: the thread lets go of its end when it is through.
        matches!(self.done.recv_timeout(most), Err(RecvTimeoutError::Disconnected))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alarm::{Log, door_key};
    use crate::base::smtp::{Login, Tls};
    use crate::base::{Email, Lang, Secret};
    use crate::delivery::Step;
    use crate::delivery::catcher::{Act, Catcher, Offer, Rule};
    use std::time::Instant;

    const CERT: &str = include_str!("../../tests/data/relay/cert.pem");
    const CERT_KEY: &str = include_str!("../../tests/data/relay/key.pem");
    const CA: &str = include_str!("../../tests/data/relay/ca.pem");
    const SOON: Duration = Duration::from_secs(20);

    struct World {
        dir: tempfile::TempDir,
        catcher: Catcher,
    }

    impl World {
        fn new(offer: Offer, change: impl FnOnce(&mut Settings)) -> World {
            let world = World { dir: tempfile::tempdir().unwrap(), catcher: Catcher::start(offer).unwrap() };
            let mut settings = Settings {
                to: Email::parse("ops@example.jp").unwrap(),
                from: Email::parse("hakobu@news.example.jp").unwrap(),
                host: "localhost".into(),
                port: world.catcher.addr().port(),
                tls: Tls::Plain,
                login: None,
                extra_ca: None,
                house: "例の会社".into(),
                lang: Lang::Ja,
            };
            change(&mut settings);
            settings.write(world.dir.path(), &key()).unwrap();
            world
        }

        fn plain() -> World {
            World::new(Offer::new(|| Time(0)), |_| {})
        }

        fn ring(&self, event: &Event, now: i64) -> Rung {
            ring(self.dir.path(), &key(), event, Time(now)).unwrap()
        }

        fn mail(&self, n: u64) -> String {
            String::from_utf8(self.catcher.mail(n).unwrap().bytes).unwrap()
        }
    }

    fn key() -> Key {
        door_key(&Key::new([5; 32]))
    }

    fn text_of(mail: &str) -> String {
        let body = mail.split_once("\r\n\r\n").unwrap().1;
        let bytes = data_encoding::BASE64.decode(body.replace("\r\n", "").as_bytes()).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn one_mail_leaves_with_the_sealed_file_and_the_door_key_alone() {
        let world = World::plain();
        assert!(matches!(world.ring(&Event::DoorFailed, 0), Rung::Left { before: 0 }));
        let caught = world.catcher.mail(1).unwrap();
        assert_eq!((caught.from.as_str(), caught.to), ("hakobu@news.example.jp", vec!["ops@example.jp".to_owned()]));
        let mail = world.mail(1);
        for header in ["From: Hakobu <hakobu@news.example.jp>", "To: ops@example.jp", "Auto-Submitted: auto-generated"]
        {
            assert!(mail.contains(header), "{mail}");
        }
        assert!(mail.contains("Date: Thu, 01 Jan 1970 00:00:00 +0000") && mail.contains("Message-ID: <"), "{mail}");
        assert!(text_of(&mail).contains("例の会社") && text_of(&mail).contains("systemctl status hakobu"));
    }

    #[test]
    fn a_crash_loop_is_counted_and_told_together() {
        let world = World::plain();
        let died = Event::WorkerDied { times: 1 };
        assert!(matches!(world.ring(&died, 0), Rung::Left { before: 0 }));
        for second in 1..900 {
            assert!(matches!(world.ring(&died, second * 1000), Rung::Counted { until: Time(900_000) }), "{second}");
        }
        assert!(matches!(world.ring(&died, 900_000), Rung::Left { before: 899 }));
        assert_eq!(world.catcher.count(), 2);
        assert!(text_of(&world.mail(2)).contains("899 回"));
    }

    #[test]
    fn what_is_another_event_does_not_wait() {
        let world = World::plain();
        assert!(matches!(world.ring(&Event::WorkerBack, 0), Rung::Nothing));
        assert!(matches!(world.ring(&Event::WorkerStuck { silent_s: 10 }, 0), Rung::Left { .. }));
        assert!(matches!(world.ring(&Event::DiskUnsound, 1), Rung::Left { .. }));
        assert!(matches!(world.ring(&Event::WorkerBack, 2), Rung::Left { .. }));
        assert!(matches!(world.ring(&Event::WorkerBack, 3), Rung::Nothing), "told already");
    }

    #[test]
    fn a_refused_alarm_says_why_without_the_words_of_the_relay_and_is_tried_again() {
        let world = World::plain();
        let act = Act::Say("550 5.1.1 <ops@example.jp> unknown".into());
        world.catcher.rule(Rule { at: Step::Rcpt, whom: None, times: Some(1), act });
        let Rung::Failed(e) = world.ring(&Event::DoorFailed, 0) else { panic!("it was refused") };
        assert!(e.says().en.contains("(550)") && !e.chain().contains("ops@"), "{}", e.chain());
        let log = Log::read(world.dir.path());
        assert!(!log.last("door_failed").unwrap().left && log.last("door_failed").unwrap().why.is_some());
        assert!(matches!(world.ring(&Event::DoorFailed, 59_000), Rung::Counted { until: Time(60_000) }));
        assert!(matches!(world.ring(&Event::DoorFailed, 60_000), Rung::Left { before: 2 }));
        assert!(!std::fs::read_to_string(world.dir.path().join("alarms.json")).unwrap().contains('@'));
    }

    #[test]
    fn the_way_is_protected_or_nothing_is_said() {
        let offer = |implicit| Offer {
            tls: Some((CERT.into(), CERT_KEY.into())),
            implicit,
            login: Some(("taro".into(), Secret::new(*b"hidden"))),
            ..Offer::new(|| Time(0))
        };
        let login = Some(Login { user: "taro".into(), password: Secret::new(*b"hidden") });
        for (tls, trusted) in [(Tls::StartTls, true), (Tls::Implicit, true), (Tls::StartTls, false)] {
            let world = World::new(offer(tls == Tls::Implicit), |s| {
                s.tls = tls;
                s.login = login.clone();
                s.extra_ca = trusted.then(|| CA.to_owned());
            });
            let rung = world.ring(&Event::Test, 0);
            assert_eq!(matches!(rung, Rung::Left { .. }), trusted, "{tls:?} {rung:?}");
            let said = world.catcher.heard().join("\n");
            assert_eq!(said.contains("AUTH"), trusted, "{said}");
        }
        let stripped = World::new(Offer::new(|| Time(0)), |s| s.tls = Tls::StartTls);
        assert!(matches!(stripped.ring(&Event::Test, 0), Rung::Failed(_)), "it never falls back");
        assert_eq!(stripped.catcher.count(), 0);
    }

    #[test]
    fn without_settings_the_one_who_rings_is_told_how_to_make_them() {
        let dir = tempfile::tempdir().unwrap();
        let e = ring(dir.path(), &key(), &Event::Test, Time(0)).unwrap_err();
        assert_eq!(e.kind(), Kind::Config);
    }

    #[test]
    fn a_bell_never_waits_for_its_relay_and_reads_its_settings_when_it_rings() {
        let world = World::plain();
        world.catcher.rule(Rule {
            at: Step::Banner,
            whom: None,
            times: Some(1),
            act: Act::Delay(Duration::from_millis(300)),
        });
        let bell = Bell::with_clock(world.dir.path(), &key(), || Time(0)).unwrap();
        let begun = Instant::now();
        for _ in 0..1000 {
            bell.ring(Event::WorkerDied { times: 1 }, Time(0));
        }
        assert!(begun.elapsed() < Duration::from_millis(250));
        bell.ring(Event::DiskUnsound, Time(0));
        assert!(bell.end(SOON));
        assert!((1..=2).contains(&world.catcher.count()), "one for each event that found room");
    }

    #[test]
    fn a_bell_tells_what_it_counted_when_the_time_has_come() {
        use std::sync::atomic::{AtomicI64, Ordering};
        static NOW: AtomicI64 = AtomicI64::new(0);
        let world = World::plain();
        let bell = Bell::with_clock(world.dir.path(), &key(), || Time(NOW.load(Ordering::SeqCst))).unwrap();
        bell.ring(Event::WorkerDied { times: 1 }, Time(0));
        assert!(world.catcher.wait_for(1, SOON));
        bell.ring(Event::WorkerDied { times: 2 }, Time(1_000));
        // The next event finds that the clock has gone on.
        NOW.store(900_000, Ordering::SeqCst);
        bell.ring(Event::Test, Time(900_000));
        assert!(world.catcher.wait_for(3, SOON));
        let told: Vec<String> = (2..=3).map(|n| text_of(&world.mail(n))).collect();
        assert!(told.iter().any(|t| t.contains("続けて 2 回")), "{told:?}");
        assert!(bell.end(SOON));
    }
}
