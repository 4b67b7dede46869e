use super::*;
use crate::base::ids::{ContactId, RunId};
use crate::base::names::zone::{Fault, Zone};
use crate::base::seal::Key;
use crate::base::{Email, clock};
use crate::delivery::catcher::{Act, Catcher, Offer, Rule};
use crate::delivery::engine::run_with;
use crate::delivery::shaping::groups;
use crate::delivery::smtp::Step;
use crate::delivery::{
    Counts, Ended, Finish, Ledger, Letter, Letters, Policy, Route, Row, SCHEMA, Skip, State, Steer, Work,
};
use crate::store::Store;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

const CERT: &str = include_str!("../../../tests/data/relay/cert.pem");
const KEY: &str = include_str!("../../../tests/data/relay/key.pem");

/// `p7` lives at the domain that stands seventh in a list that repeats.
struct Post(Vec<&'static str>);

impl Post {
    fn domain(&self, contact: ContactId) -> &'static str {
        self.0[(contact.0 - 1) as usize % self.0.len()]
    }
}

impl Letters for Post {
    fn letter(&self, run: RunId, contact: ContactId, _now: Time) -> Result<std::result::Result<Letter, Skip>> {
        let to = Email::parse(&format!("{contact}@{}", self.domain(contact)))?;
        let message = format!("Message-ID: <{run}.{contact}@x>\r\n\r\nbody\r\n").into_bytes();
        Ok(Ok(Letter { from: Email::parse("news@example.jp")?, to, message }))
    }

    fn domains(&self, contacts: &[ContactId]) -> Result<Vec<Option<String>>> {
        Ok(contacts.iter().map(|contact| Some(self.domain(*contact).to_owned())).collect())
    }
}

/// A ledger, a name server, and receivers on loopback addresses that share one port.
struct World {
    _dir: tempfile::TempDir,
    store: Store,
    ledger: Ledger,
    post: Post,
    finish: Finish,
    zone: Zone,
    clock: Arc<AtomicI64>,
    steer: Steer,
    port: u16,
}

impl World {
    fn with(recipients: i64, domains: &[&'static str]) -> (World, Catcher) {
        let dir = tempfile::tempdir().unwrap();
        let (store, _code) = Store::create(dir.path(), &Key::new([1; 32]), &[SCHEMA]).unwrap();
        let ledger = Ledger::create(&store, RunId(1)).unwrap();
        ledger.add(&(1..=recipients).map(ContactId).collect::<Vec<_>>(), Time(1)).unwrap();
        ledger.complete().unwrap();
        let zone = Zone::start().unwrap();
        let first = Catcher::start(Offer::new(clock::now)).unwrap();
        let (port, clock) = (first.addr().port(), Arc::new(AtomicI64::new(0)));
        let post = Post(domains.to_vec());
        (
            World { _dir: dir, store, ledger, post, finish: Finish::default(), zone, clock, steer: Steer::new(), port },
            first,
        )
    }

    /// A domain with one host at this loopback address.
    fn receiver(&self, domain: &str, last: u8) {
        let host = format!("mx.{domain}");
        self.zone.mail_host(domain, 10, &host).address(&host, Ipv4Addr::new(127, 0, 0, last).into());
    }

    fn catcher(&self, last: u8, change: impl FnOnce(Offer) -> Offer) -> Catcher {
        let ip = Ipv4Addr::new(127, 0, 0, last);
        Catcher::start(change(Offer { ip, port: self.port, ..Offer::new(clock::now) })).unwrap()
    }

    fn settings(&self) -> DirectSettings {
        DirectSettings { port: self.port, private: true, ..DirectSettings::named("mail.us.example") }
    }

    fn route(&self, settings: DirectSettings) -> Route {
        let names = Names::new(&[self.zone.addr()]).within(Duration::from_secs(2));
        Route::Direct(Arc::new(Direct::new(settings, groups(&self.store).unwrap(), names).unwrap()))
    }

    fn send(&self, route: &Route) -> Ended {
        let clock = Arc::clone(&self.clock);
        let work = Work {
            ledger: &self.ledger,
            route,
            letters: &self.post,
            finish: &self.finish,
            steer: &self.steer,
            policy: Policy::default(),
            clock: Arc::new(move || clock::now().plus(Duration::from_secs(clock.load(Ordering::SeqCst) as u64))),
        };
        let ended = run_with(&work, Waits::all(Duration::from_secs(5))).unwrap();
        assert!(self.counts().add_up());
        ended
    }

    fn counts(&self) -> Counts {
        self.ledger.counts().unwrap()
    }

    fn row(&self, contact: i64) -> Row {
        self.ledger.row(ContactId(contact)).unwrap().unwrap()
    }

    fn pass(&self, minutes: i64) {
        self.clock.fetch_add(minutes * 60, Ordering::SeqCst);
    }
}

fn say(at: Step, times: Option<u32>, line: &str) -> Rule {
    Rule { at, whom: None, times, act: Act::Say(line.to_owned()) }
}

#[test]
fn every_domain_is_written_to_at_its_own_host_and_by_our_own_name() {
    let (world, one) = World::with(30, &["one.example", "two.example", "bare.example"]);
    let two = world.catcher(2, |offer| offer);
    world.receiver("one.example", 1);
    world.receiver("two.example", 2);
    // No MX record: the domain itself is the host.
    world.zone.address("bare.example", Ipv4Addr::new(127, 0, 0, 2).into());
    assert_eq!(world.send(&world.route(world.settings())), Ended::Done);
    assert_eq!(world.counts(), Counts { recipients: 30, sent: 30, ..Counts::default() });
    assert_eq!((one.count(), two.count()), (10, 20));
    assert!(one.heard().iter().any(|line| line == "EHLO mail.us.example"), "{:?}", one.heard());
    assert!(one.connections() <= 5);
}

#[test]
fn the_second_host_is_tried_when_the_first_is_not_there() {
    let (world, _one) = World::with(3, &["one.example"]);
    let two = world.catcher(2, |offer| offer);
    world.zone.mail_host("one.example", 10, "gone.example").mail_host("one.example", 20, "mx.one.example");
    world.zone.address("gone.example", Ipv4Addr::new(127, 0, 0, 9).into());
    world.zone.address("mx.one.example", Ipv4Addr::new(127, 0, 0, 2).into());
    assert_eq!(world.send(&world.route(world.settings())), Ended::Done);
    assert_eq!(two.count(), 3);
}

#[test]
fn a_domain_that_takes_no_mail_bounces_and_one_that_nobody_knows_now_waits() {
    let (world, one) = World::with(5, &["null.example", "none.example", "loop.example", "dark.example", "one.example"]);
    world.receiver("one.example", 1);
    world.zone.mail_host("null.example", 0, ".");
    world.zone.mail_host("loop.example", 10, "mail.us.example");
    world.zone.fault("dark.example", Fault::ServerFailure);
    assert!(matches!(world.send(&world.route(world.settings())), Ended::Waiting { .. }));
    let said = |n| (world.row(n).state, world.row(n).said);
    assert_eq!(said(1), (State::Bounced, "null_mx".into()));
    assert_eq!(said(2), (State::Bounced, "no_domain".into()));
    assert_eq!(said(3), (State::Bounced, "mx_loop".into()));
    assert_eq!(said(4), (State::Deferred, "dns".into()));
    assert_eq!((said(5).0, one.count()), (State::Sent, 1));
}

#[test]
fn a_host_inside_this_network_gets_no_mail_unless_it_may() {
    let (world, one) = World::with(2, &["one.example"]);
    world.receiver("one.example", 1);
    let closed = DirectSettings { private: false, ..world.settings() };
    assert!(matches!(world.send(&world.route(closed)), Ended::Waiting { .. }));
    assert_eq!((one.connections(), world.counts().deferred), (0, 2));
}

#[test]
fn one_receiver_that_refuses_us_rests_and_the_others_go_on() {
    for (step, line) in
        [(Step::Banner, "554 5.7.1 listed"), (Step::Mail, "550 5.7.1 no"), (Step::Dot, "550 5.7.1 spam")]
    {
        let (world, one) = World::with(40, &["one.example", "two.example"]);
        let two = world.catcher(2, |offer| offer);
        world.receiver("one.example", 1);
        world.receiver("two.example", 2);
        one.rule(say(step, None, line));
        let route = world.route(world.settings());
        assert!(matches!(world.send(&route), Ended::Waiting { .. }), "{line}");
        let counts = world.counts();
        assert_eq!((two.count(), counts.sent, counts.bounced, counts.queued), (20, 20, 0, 0), "{line} {counts:?}");
        assert!(counts.deferred >= 10 && counts.deferred + counts.failed == 20, "{line} {counts:?}");
        // It thinks again; everybody who was put off gets the mail.
        one.clear_rules();
        world.pass(20);
        assert_eq!(world.send(&route), Ended::Done, "{line}");
        assert_eq!(world.counts().sent + world.counts().failed, 40, "{line}");
    }
}

#[test]
fn a_receiver_that_asks_for_less_gets_less() {
    let (world, one) = World::with(20, &["yahoo.co.jp"]);
    world.receiver("yahoo.co.jp", 1);
    one.rule(say(Step::Mail, Some(1), "421 VS98-IP0 deferred"));
    let route = world.route(world.settings());
    let Ended::Waiting { until, .. } = world.send(&route) else { panic!("waiting") };
    assert!(until.since(clock::now()) >= Duration::from_secs(3590), "its own words mean an hour");
    assert!(one.count() <= 2 && world.counts().queued == 0, "{:?}", world.counts());
    world.pass(63);
    while !matches!(world.send(&route), Ended::Done) {
        world.pass(1);
    }
    assert_eq!(one.count(), 20);
}

#[test]
fn a_slow_receiver_holds_up_nobody_but_its_own() {
    let (world, one) = World::with(200, &["slow.example", "two.example"]);
    let two = world.catcher(2, |offer| offer);
    world.receiver("slow.example", 1);
    world.receiver("two.example", 2);
    one.rule(Rule { at: Step::Mail, whom: None, times: None, act: Act::Delay(Duration::from_secs(60)) });
    let route = world.route(world.settings());
    std::thread::scope(|s| {
        let sending = s.spawn(|| world.send(&route));
        assert!(two.wait_for(100, Duration::from_secs(30)));
        world.steer.pause();
        assert_eq!(sending.join().unwrap(), Ended::Stopped);
    });
    assert_eq!((one.count(), world.counts().queued), (0, 100));
}

#[test]
fn when_nobody_at_all_is_reached_the_port_is_closed_and_the_relay_is_offered() {
    let (world, _one) = World::with(9, &["a.example", "b.example", "c.example"]);
    for (domain, last) in [("a.example", 11), ("b.example", 12), ("c.example", 13)] {
        world.receiver(domain, last);
    }
    let Ended::Paused(why) = world.send(&world.route(world.settings())) else { panic!("paused") };
    assert!(why.en.contains("Port 25") && why.en.contains("relay"), "{}", why.en);
    assert_eq!(world.counts().bounced, 0);
}

#[test]
fn mail_travels_encrypted_where_it_can_whoever_signed_the_certificate() {
    let (world, _one) = World::with(2, &["one.example"]);
    let two = world.catcher(2, |offer| Offer { tls: Some((CERT.to_owned(), KEY.to_owned())), ..offer });
    world.receiver("one.example", 2);
    assert_eq!(world.send(&world.route(world.settings())), Ended::Done);
    assert_eq!(two.count(), 2);
    assert!(two.heard().iter().any(|line| line == "STARTTLS"), "{:?}", two.heard());
}

#[test]
fn a_pass_of_many_domains_stays_within_the_connections_there_may_be() {
    let (world, one) = World::with(300, &["one.example"]);
    world.receiver("one.example", 1);
    assert_eq!(world.send(&world.route(world.settings())), Ended::Done);
    assert_eq!(one.count(), 300);
    // Five at a time, a hundred messages on each.
    assert!(one.connections() <= 8, "{}", one.connections());
}
