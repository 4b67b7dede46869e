use super::catcher::{Act, Catcher, Offer, Rule};
use super::engine::run_with;
use super::ledger::Change;
use super::smtp::Waits;
use super::*;
use crate::base::seal::Key;
use crate::base::{Email, Result, Secret, Time, clock, ids::ContactId, ids::RunId, limits};
use crate::store::Store;
use proptest::prelude::*;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const CA: &str = include_str!("../../tests/data/relay/ca.pem");
const CERT: &str = include_str!("../../tests/data/relay/cert.pem");
const KEY: &str = include_str!("../../tests/data/relay/key.pem");

/// Writes `p7` to `p7@example.jp`; skips and addresses can be set per contact.
#[derive(Default)]
struct Post {
    asked: AtomicU64,
    skips: Mutex<Vec<(ContactId, Skip)>>,
    others: Vec<(i64, &'static str)>,
}

impl Letters for Post {
    fn domains(&self, contacts: &[ContactId]) -> Result<Vec<Option<String>>> {
        Ok(contacts.iter().map(|_| Some("example.jp".to_owned())).collect())
    }

    fn letter(&self, run: RunId, contact: ContactId, _now: Time) -> Result<Result<Letter, Skip>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if let Some((_, skip)) = self.skips.lock().unwrap().iter().find(|(c, _)| *c == contact) {
            return Ok(Err(*skip));
        }
        let other = self.others.iter().find(|(n, _)| *n == contact.0).map(|(_, address)| (*address).to_owned());
        let to = Email::parse(&other.unwrap_or(format!("{contact}@example.jp")))?;
        let message = format!("Message-ID: <{run}.{contact}@x>\r\n\r\n.dots and 日本語\r\n").into_bytes();
        Ok(Ok(Letter { from: Email::parse("news@example.jp")?, to, message }))
    }
}

struct House {
    _dir: tempfile::TempDir,
    _store: Store,
    ledger: Ledger,
    post: Post,
    finish: Finish,
    steer: Steer,
    clock: Arc<AtomicI64>,
    policy: Policy,
}

impl House {
    fn with(recipients: i64) -> House {
        let dir = tempfile::tempdir().unwrap();
        let (store, _code) = Store::create(dir.path(), &Key::new([1; 32]), &[SCHEMA]).unwrap();
        let ledger = Ledger::create(&store, RunId(1)).unwrap();
        let contacts: Vec<_> = (1..=recipients).map(ContactId).collect();
        ledger.add(&contacts, Time(1)).unwrap();
        ledger.complete().unwrap();
        let clock = Arc::new(AtomicI64::new(1_000_000));
        let policy = Policy { connections: 3, ..Policy::default() };
        House {
            _dir: dir,
            _store: store,
            ledger,
            post: Post::default(),
            finish: Finish::default(),
            steer: Steer::new(),
            clock,
            policy,
        }
    }

    fn work<'a>(&'a self, route: &'a Route) -> Work<'a> {
        let clock = Arc::clone(&self.clock);
        Work {
            ledger: &self.ledger,
            route,
            letters: &self.post,
            finish: &self.finish,
            steer: &self.steer,
            policy: self.policy.clone(),
            clock: Arc::new(move || Time(clock.load(Ordering::SeqCst))),
        }
    }

    fn send(&self, relay: &Relay) -> Ended {
        let ended = run_with(&self.work(&relay.clone().into()), Waits::all(Duration::from_secs(5))).unwrap();
        assert!(self.counts().add_up());
        ended
    }

    fn counts(&self) -> Counts {
        self.ledger.counts().unwrap()
    }

    fn pass(&self, minutes: i64) {
        self.clock.fetch_add(minutes * 60_000, Ordering::SeqCst);
    }
}

fn catcher() -> Catcher {
    Catcher::start(Offer::new(clock::now)).unwrap()
}

fn relay_to(catcher: &Catcher) -> Relay {
    Relay::parse(&format!("smtp://{}", catcher.addr())).unwrap()
}

fn say(at: Step, whom: &str, times: Option<u32>, line: &str) -> Rule {
    Rule { at, whom: (!whom.is_empty()).then(|| whom.to_owned()), times, act: Act::Say(line.to_owned()) }
}

fn act(at: Step, whom: &str, times: Option<u32>, act: Act) -> Rule {
    Rule { act, ..say(at, whom, times, "") }
}

fn caught_to(catcher: &Catcher) -> Vec<String> {
    let mut to: Vec<_> = catcher.mails().into_iter().flat_map(|m| m.to).collect();
    to.sort();
    to
}

#[test]
fn everyone_gets_the_message_once_with_and_without_pipelining() {
    for pipelining in [true, false] {
        let house = House::with(50);
        let catcher = Catcher::start(Offer { pipelining, ..Offer::new(clock::now) }).unwrap();
        assert_eq!(house.send(&relay_to(&catcher)), Ended::Done);
        assert_eq!(house.counts(), Counts { recipients: 50, sent: 50, ..Counts::default() });
        let mut want: Vec<_> = (1..=50).map(|n| format!("p{n}@example.jp")).collect();
        want.sort();
        assert_eq!(caught_to(&catcher), want);
        let first = &catcher.mails()[0].bytes;
        assert!(String::from_utf8_lossy(first).ends_with("\r\n\r\n.dots and 日本語\r\n"));
        assert!(catcher.connections() <= 3);
        assert!(!catcher.heard().iter().any(|line| line == "RSET" || line == "NOOP"));
    }
}

#[test]
fn each_refusal_of_a_recipient_is_that_recipients_alone() {
    let house = House::with(6);
    let catcher = catcher();
    catcher.rule(say(Step::Rcpt, "p1@", None, "550 5.1.1 <p1@example.jp> unknown"));
    catcher.rule(say(Step::Rcpt, "p2@", None, "550 no such user p2"));
    catcher.rule(say(Step::Rcpt, "p3@", None, "550 5.2.2 full"));
    catcher.rule(say(Step::Dot, "p4@", None, "554 5.6.0 content"));
    catcher.rule(say(Step::Rcpt, "p5@", Some(1), "450 4.2.0 greylisted"));
    let relay = relay_to(&catcher);
    let Ended::Waiting { until, why: None } = house.send(&relay) else { panic!("p5 is deferred") };
    assert!(until >= Time(1_060_000) && until <= Time(1_072_000));
    let counts = Counts { recipients: 6, sent: 1, deferred: 1, bounced: 2, failed: 2, ..Counts::default() };
    assert_eq!(house.counts(), counts);
    let row = house.ledger.row(ContactId(1)).unwrap().unwrap();
    assert_eq!((row.code, row.said.as_str(), row.attempts), (550, "5.1.1 … unknown", 1));
    assert!(matches!(house.send(&relay), Ended::Waiting { .. }));
    house.pass(2);
    assert_eq!(house.send(&relay), Ended::Done);
    assert_eq!(house.ledger.row(ContactId(5)).unwrap().unwrap().attempts, 2);
    assert_eq!(house.counts(), Counts { sent: 2, deferred: 0, ..counts });
    let outcomes = house.ledger.outcomes(0, 100).unwrap();
    assert_eq!(outcomes.len(), 6);
    assert_eq!(house.ledger.outcomes(outcomes[3].seq, 100).unwrap(), outcomes[4..]);
}

#[test]
fn what_is_our_fault_pauses_and_touches_nobody() {
    for (step, line) in [
        (Step::Banner, "554 go away"),
        (Step::Ehlo, "550 who are you"),
        (Step::Mail, "550 5.1.8 unknown sender"),
        (Step::Mail, "550 no"),
        (Step::Rcpt, "550 5.7.1 relaying denied"),
        (Step::Data, "554 5.7.1 blocked"),
        (Step::Dot, "550 5.7.26 not authenticated"),
    ] {
        let house = House::with(10);
        let catcher = catcher();
        catcher.rule(say(step, "", None, line));
        assert!(matches!(house.send(&relay_to(&catcher)), Ended::Paused(_)), "{line}");
        assert_eq!(house.counts(), Counts { recipients: 10, queued: 10, ..Counts::default() }, "{line}");
        catcher.clear_rules();
        assert_eq!(house.send(&relay_to(&catcher)), Ended::Done, "{line}");
        assert_eq!(catcher.count(), 10);
    }
}

#[test]
fn a_message_that_everybody_refuses_pauses_and_a_person_decides() {
    for (step, line) in [(Step::Dot, "554 5.6.0 content"), (Step::Data, "554 no")] {
        let house = House::with(60);
        let catcher = catcher();
        catcher.rule(say(step, "", Some(35), line));
        let relay = relay_to(&catcher);
        let n = limits::SAME_REFUSALS as u64;
        let Ended::Paused(why) = house.send(&relay) else { panic!("{line}") };
        assert!(why.en.contains("554") && why.en.contains("not the recipients"), "{why:?}");
        let counts = house.counts();
        assert_eq!((counts.failed, counts.sent, counts.bounced, counts.in_doubt), (0, 0, 0, 0), "{counts:?}");
        assert!(counts.deferred >= n && counts.open() == 60, "{counts:?}");
        // Somebody resumes: who is refused the same way again has failed, and the others still have not.
        while let Ended::Paused(_) = house.send(&relay) {}
        let counts = house.counts();
        assert_eq!((counts.open(), counts.failed + counts.sent), (0, 60), "{counts:?}");
        assert!(counts.failed < 35 && counts.sent == 60 - counts.failed, "{counts:?}");
    }
}

#[test]
fn refusals_of_single_messages_stay_their_recipients_own() {
    let house = House::with(40);
    let catcher = catcher();
    for n in 1..=9 {
        catcher.rule(say(Step::Dot, &format!("p{n}@"), None, "554 5.6.0 content"));
    }
    assert_eq!(house.send(&relay_to(&catcher)), Ended::Done);
    assert_eq!(house.counts(), Counts { recipients: 40, sent: 31, failed: 9, ..Counts::default() });
}

#[test]
fn a_message_that_the_few_there_are_refuse_pauses_once_and_a_person_decides() {
    for (step, line) in [(Step::Dot, "554 5.6.0 content"), (Step::Data, "554 no")] {
        for (recipients, unknown) in [(4, 0), (1, 0), (4, 1)] {
            let house = House::with(recipients);
            let catcher = catcher();
            catcher.rule(say(step, "", None, line));
            if unknown > 0 {
                catcher.rule(say(Step::Rcpt, "p1@", None, "550 5.1.1 unknown"));
            }
            let (relay, asked) = (relay_to(&catcher), recipients as u64 - unknown);
            let Ended::Paused(why) = house.send(&relay) else { panic!("{line}") };
            assert!(why.en.contains("554") && why.en.contains("not the recipients"), "{why:?}");
            let paused =
                Counts { recipients: recipients as u64, deferred: asked, bounced: unknown, ..Counts::default() };
            assert_eq!(house.counts(), paused);
            // Somebody resumes with the cause in place: the run comes to an end.
            assert_eq!(house.send(&relay), Ended::Done);
            assert_eq!(house.counts(), Counts { deferred: 0, failed: asked, ..paused });
        }
    }
    // And with the cause removed.
    let (house, catcher) = (House::with(4), catcher());
    catcher.rule(say(Step::Dot, "", None, "554 5.6.0 content"));
    let relay = relay_to(&catcher);
    assert!(matches!(house.send(&relay), Ended::Paused(_)));
    catcher.clear_rules();
    assert_eq!(house.send(&relay), Ended::Done);
    assert_eq!(house.counts(), Counts { recipients: 4, sent: 4, ..Counts::default() });
}

#[test]
fn few_refusals_after_messages_that_were_taken_or_refused_otherwise_are_their_recipients_own() {
    let (house, catcher) = (House::with(5), catcher());
    catcher.rule(say(Step::Dot, "p1@", None, "552 5.3.4 too big"));
    catcher.rule(say(Step::Dot, "", None, "554 5.6.0 content"));
    assert_eq!(house.send(&relay_to(&catcher)), Ended::Done);
    assert_eq!(house.counts(), Counts { recipients: 5, failed: 5, ..Counts::default() });
    // The last one is deferred while the others are taken, and refused in a later pass.
    let house = House::with(3);
    catcher.clear_rules();
    catcher.rule(say(Step::Rcpt, "p3@", Some(1), "450 4.2.0 greylisted"));
    assert!(matches!(house.send(&relay_to(&catcher)), Ended::Waiting { .. }));
    catcher.rule(say(Step::Dot, "p3@", None, "554 5.6.0 content"));
    house.pass(2);
    assert_eq!(house.send(&relay_to(&catcher)), Ended::Done);
    assert_eq!(house.counts(), Counts { recipients: 3, sent: 2, failed: 1, ..Counts::default() });
}

#[test]
fn a_wrong_password_is_tried_once_and_pauses() {
    let house = House::with(20);
    let login = Some(("taro".to_owned(), Secret::new(*b"right")));
    let catcher = Catcher::start(Offer { login, ..Offer::new(clock::now) }).unwrap();
    let relay = Relay::parse(&format!("smtp://taro@{}", catcher.addr())).unwrap();
    let wrong = relay.clone().with_password(Secret::new(*b"wrong")).unwrap();
    let Ended::Paused(why) = house.send(&wrong) else { panic!("paused") };
    assert!(why.en.contains("password"), "{}", why.en);
    assert_eq!((house.counts().queued, catcher.connections()), (20, 1));
    assert_eq!(house.send(&relay.with_password(Secret::new(*b"right")).unwrap()), Ended::Done);
    assert_eq!(catcher.count(), 20);
}

#[test]
fn a_421_means_a_new_connection_and_no_mark_against_anybody() {
    let house = House::with(12);
    let catcher = catcher();
    catcher.rule(say(Step::Mail, "", Some(1), "421 4.7.0 too many messages"));
    catcher.rule(act(Step::Rcpt, "p7@", Some(1), Act::Drop));
    assert_eq!(house.send(&relay_to(&catcher)), Ended::Done);
    assert_eq!((house.counts().sent, catcher.count()), (12, 12));
    assert!(house.ledger.rows(None, 100).unwrap().iter().all(|row| row.attempts == 1));
}

#[test]
fn a_relay_that_says_421_to_everything_gets_a_rest_and_rows_stay_queued() {
    let house = House::with(9);
    let catcher = catcher();
    catcher.rule(say(Step::Mail, "", None, "421 4.7.0 busy"));
    assert!(matches!(house.send(&relay_to(&catcher)), Ended::Waiting { why: Some(_), .. }));
    assert_eq!(house.counts(), Counts { recipients: 9, queued: 9, ..Counts::default() });
}

#[test]
fn a_connection_lost_twice_defers_the_recipient() {
    let house = House::with(1);
    let catcher = catcher();
    catcher.rule(act(Step::Rcpt, "", None, Act::Drop));
    assert!(matches!(house.send(&relay_to(&catcher)), Ended::Waiting { .. }));
    assert_eq!((house.counts().deferred, catcher.connections()), (1, 2));
}

#[test]
fn a_connection_lost_after_the_final_dot_is_in_doubt_and_a_person_decides() {
    let house = House::with(5);
    let catcher = catcher();
    catcher.rule(act(Step::Dot, "p2@", Some(1), Act::KeepAndDrop));
    catcher.rule(act(Step::Dot, "p4@", Some(1), Act::Drop));
    let relay = relay_to(&catcher);
    assert_eq!(house.send(&relay), Ended::Done);
    let doubt = |house: &House| -> Vec<i64> {
        house.ledger.in_doubt(None, 10).unwrap().iter().map(|row| row.contact.0).collect()
    };
    assert_eq!((doubt(&house), house.counts().sent), (vec![2, 4], 3));
    assert_eq!(house.send(&relay), Ended::Done);
    assert_eq!(catcher.count(), 4, "nothing in doubt is sent again by itself");
    house.ledger.decide(&[ContactId(2), ContactId(1)], Decision::Accept, Time(5)).unwrap();
    house.ledger.decide(&[ContactId(4)], Decision::Resend, Time(5)).unwrap();
    assert_eq!(house.send(&relay), Ended::Done);
    assert_eq!((doubt(&house), house.counts().sent, catcher.count()), (vec![], 5, 5));
}

#[test]
fn what_a_crash_left_on_the_wire_is_held_or_sent_again_as_the_run_says() {
    for resend in [false, true] {
        let mut house = House::with(5);
        house.policy.resend_in_doubt = resend;
        house.ledger.apply(&[Change::Start(ContactId(3)), Change::Start(ContactId(4))]).unwrap();
        assert_eq!(house.counts(), Counts { recipients: 5, queued: 3, sending: 2, ..Counts::default() });
        let catcher = catcher();
        assert_eq!(house.send(&relay_to(&catcher)), Ended::Done);
        let (sent, in_doubt) = if resend { (5, 0) } else { (3, 2) };
        assert_eq!(house.counts(), Counts { recipients: 5, sent, in_doubt, ..Counts::default() });
        assert_eq!(catcher.count(), sent);
    }
}

#[test]
fn pause_and_cancel_act_at_once_even_while_connections_wait() {
    for cancel in [false, true] {
        let house = House::with(30);
        let catcher = catcher();
        catcher.rule(act(Step::Mail, "", None, Act::Delay(Duration::from_secs(60))));
        let relay = relay_to(&catcher);
        let (steer, asked) = (house.steer.clone(), Instant::now());
        std::thread::scope(|s| {
            let sending = s.spawn(|| house.send(&relay));
            while catcher.heard().iter().filter(|l| l.starts_with("MAIL")).count() < 1 {
                std::thread::yield_now();
            }
            if cancel {
                steer.cancel()
            } else {
                steer.pause()
            }
            assert_eq!(sending.join().unwrap(), Ended::Stopped);
        });
        assert!(asked.elapsed() < Duration::from_secs(3));
        let untouched = Counts { recipients: 30, ..Counts::default() };
        let want = if cancel { Counts { cancelled: 30, ..untouched } } else { Counts { queued: 30, ..untouched } };
        assert_eq!((house.counts(), catcher.count()), (want, 0));
    }
}

#[test]
fn a_skip_is_recorded_and_every_attempt_asks_again() {
    let house = House::with(4);
    let catcher = catcher();
    catcher.rule(say(Step::Rcpt, "p4@", Some(1), "451 4.0.0 later"));
    let skips = [Skip::Suppressed("refused"), Skip::Cancelled, Skip::Failed("template")];
    *house.post.skips.lock().unwrap() = (1..=3).map(ContactId).zip(skips).collect();
    let relay = relay_to(&catcher);
    assert!(matches!(house.send(&relay), Ended::Waiting { .. }));
    house.post.skips.lock().unwrap().push((ContactId(4), Skip::Suppressed("refused")));
    house.pass(5);
    assert_eq!(house.send(&relay), Ended::Done);
    let counts = Counts { recipients: 4, suppressed: 2, cancelled: 1, failed: 1, ..Counts::default() };
    assert_eq!((house.counts(), catcher.count()), (counts, 0));
    assert_eq!(house.ledger.row(ContactId(1)).unwrap().unwrap().said, "refused");
    assert_eq!(house.post.asked.load(Ordering::SeqCst), 5);
}

#[test]
fn a_refusal_while_the_server_thinks_is_still_honoured() {
    let house = House::with(1);
    let catcher = catcher();
    catcher.rule(act(Step::Data, "", Some(1), Act::Delay(Duration::from_millis(300))));
    let relay = relay_to(&catcher);
    std::thread::scope(|s| {
        let sending = s.spawn(|| house.send(&relay));
        while !catcher.heard().iter().any(|line| line == "DATA") {
            std::thread::yield_now();
        }
        house.post.skips.lock().unwrap().push((ContactId(1), Skip::Suppressed("refused")));
        house.pass(1);
        assert_eq!(sending.join().unwrap(), Ended::Done);
    });
    assert_eq!((house.counts().suppressed, catcher.count()), (1, 0));
}

#[test]
fn a_connection_ends_after_its_share_and_rset_comes_only_after_a_refusal() {
    let mut house = House::with(10);
    house.policy.connections = 1;
    house.policy.per_connection = 4;
    let catcher = catcher();
    catcher.rule(say(Step::Rcpt, "p2@", None, "550 5.1.1 no"));
    assert_eq!(house.send(&relay_to(&catcher)), Ended::Done);
    assert_eq!((catcher.count(), catcher.connections()), (9, 3));
    assert_eq!(catcher.heard().iter().filter(|line| *line == "RSET").count(), 1);
}

#[test]
fn a_deferred_row_expires_when_its_time_is_over() {
    let mut house = House::with(1);
    house.policy.lifetime = Duration::from_secs(600);
    let catcher = catcher();
    catcher.rule(say(Step::Rcpt, "", None, "451 4.0.0 later"));
    let relay = relay_to(&catcher);
    assert!(matches!(house.send(&relay), Ended::Waiting { .. }));
    house.pass(9);
    assert_eq!(house.send(&relay), Ended::Done);
    assert_eq!(house.counts(), Counts { recipients: 1, expired: 1, ..Counts::default() });
    let mut late = House::with(3);
    late.policy.end = Some(Time(5));
    assert_eq!(late.send(&relay), Ended::Done);
    assert_eq!(late.counts(), Counts { recipients: 3, expired: 3, ..Counts::default() });
}

#[test]
fn starttls_and_implicit_tls_are_verified_and_carry_the_password() {
    for implicit in [false, true] {
        let tls = Some((CERT.to_owned(), KEY.to_owned()));
        let login = Some(("taro".to_owned(), Secret::new(*b"right")));
        let catcher = Catcher::start(Offer { tls, implicit, login, ..Offer::new(clock::now) }).unwrap();
        let scheme = if implicit { "smtps" } else { "smtp+starttls" };
        let url = format!("{scheme}://taro@localhost:{}", catcher.addr().port());
        let relay = Relay::parse(&url).unwrap().with_password(Secret::new(*b"right")).unwrap();
        let house = House::with(5);
        let Ended::Paused(why) = house.send(&relay) else { panic!("an unknown authority is not trusted") };
        assert!(why.en.contains("certificate"), "{}", why.en);
        assert!(!catcher.heard().iter().any(|line| line.starts_with("AUTH")));
        assert_eq!(house.send(&relay.with_extra_ca(CA.into())), Ended::Done);
        assert_eq!(catcher.count(), 5);
    }
}

#[test]
fn a_relay_without_starttls_gets_no_mail() {
    let house = House::with(1);
    let catcher = catcher();
    let url = format!("smtp+starttls://localhost:{}", catcher.addr().port());
    assert!(matches!(house.send(&Relay::parse(&url).unwrap()), Ended::Paused(_)));
    assert_eq!((house.counts().queued, catcher.count()), (1, 0));
}

#[test]
fn a_check_says_what_is_wrong() {
    let catcher = catcher();
    assert!(check(&relay_to(&catcher).into()).is_ok());
    let port = catcher.addr().port();
    for (url, word) in [
        (format!("smtps://localhost:{port}"), "TLS"),
        (format!("smtp+starttls://localhost:{port}"), "STARTTLS"),
        ("smtp://localhost:1".into(), "connect"),
    ] {
        let said = check(&Relay::parse(&url).unwrap().into()).unwrap_err();
        assert!(said.says().en.contains(word), "{url}: {}", said.says().en);
    }
    let relay = Relay::parse(&format!("smtp://u@127.0.0.1:{port}")).unwrap().with_password(Secret::new(*b"x")).unwrap();
    assert!(check(&relay.into()).unwrap_err().says().en.contains("sign in"));
}

#[test]
fn a_relay_that_is_down_leaves_every_row_queued_and_says_so() {
    let house = House::with(7);
    let relay = Relay::parse("smtp://127.0.0.1:1").unwrap();
    let Ended::Waiting { why: Some(why), .. } = house.send(&relay) else { panic!("waiting") };
    assert!(why.en.contains("connect"));
    assert_eq!(house.counts().queued, 7);
}

#[test]
fn a_local_part_beyond_ascii_needs_smtputf8_and_a_domain_travels_in_ascii() {
    let mut house = House::with(2);
    house.post.others = vec![(1, "花子@example.jp"), (2, "taro@例え.jp")];
    let utf8 = false;
    let catcher = Catcher::start(Offer { utf8, ..Offer::new(clock::now) }).unwrap();
    assert_eq!(house.send(&relay_to(&catcher)), Ended::Done);
    assert_eq!(caught_to(&catcher), ["taro@xn--r8jz45g.jp"]);
    assert_eq!(house.ledger.row(ContactId(1)).unwrap().unwrap().said, "smtputf8");
}

#[test]
fn a_test_mail_comes_back_with_the_relays_answer() {
    let catcher = catcher();
    let post = Post::default();
    let letter = post.letter(RunId(1), ContactId(1), Time(1)).unwrap().unwrap();
    assert_eq!(send_one(&relay_to(&catcher).into(), &letter).unwrap().code, 250);
    catcher.rule(say(Step::Rcpt, "", None, "550 5.1.1 no"));
    assert!(send_one(&relay_to(&catcher).into(), &letter).is_err());
}

#[test]
fn two_engines_never_work_on_one_ledger() {
    let house = House::with(1);
    let alone = house.ledger.work_alone().unwrap();
    let relay = Route::from(Relay::parse("smtp://127.0.0.1:1").unwrap());
    assert!(run(&house.work(&relay)).is_err());
    drop(alone);
    assert!(run(&house.work(&relay)).is_ok());
}

#[test]
fn a_settled_list_takes_nobody_new_and_keeps_its_digest() {
    let house = House::with(3);
    assert!(house.ledger.add(&[ContactId(9)], Time(1)).is_err());
    assert_eq!(house.ledger.complete().unwrap().count, 3);
    assert_eq!(House::with(3).ledger.complete().unwrap(), house.ledger.complete().unwrap());
    assert_ne!(House::with(4).ledger.complete().unwrap(), house.ledger.complete().unwrap());
}

#[derive(Clone, Debug)]
enum Move {
    Add(i64),
    Start(i64),
    Back(i64),
    Become(i64, usize, i64),
    Recover(bool),
    Decide(i64, bool),
}

fn moves() -> impl Strategy<Value = Move> {
    let who = 1..12i64;
    prop_oneof![
        who.clone().prop_map(Move::Add),
        who.clone().prop_map(Move::Start),
        who.clone().prop_map(Move::Back),
        (who.clone(), 2..State::ALL.len(), 1..5i64).prop_map(|(c, s, t)| Move::Become(c, s, t)),
        any::<bool>().prop_map(Move::Recover),
        (who, any::<bool>()).prop_map(|(c, r)| Move::Decide(c, r)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn the_states_always_add_up_to_the_recipients(moves in proptest::collection::vec(moves(), 1..60)) {
        let dir = tempfile::tempdir().unwrap();
        let (store, _code) = Store::create(dir.path(), &Key::new([1; 32]), &[]).unwrap();
        let ledger = Ledger::create(&store, RunId(1)).unwrap();
        for (n, step) in moves.into_iter().enumerate() {
            let now = Time(n as i64 + 1);
            let there = |c| ledger.row(ContactId(c)).unwrap();
            match step {
                Move::Add(c) => drop(ledger.add(&[ContactId(c)], now).unwrap()),
                Move::Start(c) if there(c).is_some() => ledger.apply(&[Change::Start(ContactId(c))]).unwrap(),
                Move::Back(c) => ledger.apply(&[Change::Back(ContactId(c))]).unwrap(),
                Move::Become(c, state, until) if there(c).is_some() => {
                    let row = Row { state: State::ALL[state], until: Time(until), at: now, ..there(c).unwrap() };
                    let twice = [Change::Become(row.clone()), Change::Become(row)];
                    ledger.apply(&twice).unwrap();
                }
                Move::Recover(resend) => drop(ledger.recover(resend, now).unwrap()),
                Move::Decide(c, true) => drop(ledger.decide(&[ContactId(c)], Decision::Resend, now).unwrap()),
                Move::Decide(c, false) => drop(ledger.decide(&[ContactId(c)], Decision::Accept, now).unwrap()),
                Move::Start(_) | Move::Become(..) => {}
            }
            let (counts, rows) = (ledger.counts().unwrap(), ledger.rows(None, 100).unwrap());
            prop_assert!(counts.add_up());
            for state in State::ALL {
                prop_assert_eq!(counts.of(state), rows.iter().filter(|r| r.state == state).count() as u64);
            }
            let due = ledger.due(Time(i64::MAX), 100).unwrap().len();
            let deferred = rows.iter().filter(|r| r.until.ms() > 0 && r.state == State::Deferred).count();
            prop_assert!(due >= deferred && due <= 12);
        }
    }
}
