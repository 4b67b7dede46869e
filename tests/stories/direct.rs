//! Mail that goes straight to the receivers: real name look-ups, real hosts, the command line around them.

use crate::world::Home;
use hakobu::base::clock;
use hakobu::base::names::zone::Zone;
use hakobu::delivery::Step;
use hakobu::delivery::catcher::{Act, Catcher, Offer, Rule};
use std::net::Ipv4Addr;

struct Scene {
    home: Home,
    zone: Zone,
    one: Catcher,
    two: Catcher,
}

impl Scene {
    /// Five people at each of two domains, whose hosts stand at two loopback addresses.
    fn new() -> Scene {
        let zone = Zone::start().unwrap();
        let one = Catcher::start(Offer::new(clock::now)).unwrap();
        let (ip, port) = (Ipv4Addr::new(127, 0, 0, 2), one.addr().port());
        let two = Catcher::start(Offer { ip, port, ..Offer::new(clock::now) }).unwrap();
        for (domain, ip) in [("one.example", Ipv4Addr::LOCALHOST), ("two.example", ip)] {
            let host = format!("mx.{domain}");
            zone.mail_host(domain, 10, &host).address(&host, ip.into());
        }
        let home = Home::new();
        home.setup(&[]).ok();
        let boot = std::fs::read_to_string(home.path("D/hakobu.toml")).unwrap();
        home.file("D/hakobu.toml", format!("{boot}\n[mail]\ndns = [\"{}\"]\n", zone.addr()));
        let mut list = String::from("メールアドレス,姓\r\n");
        (0..5).for_each(|n| list.push_str(&format!("a{n}@one.example,山田\r\nb{n}@two.example,佐藤\r\n")));
        home.file("list.csv", list);
        home.file("wording.txt", "お知らせをメールで受け取ります。");
        home.file("mail.html", "<p>{{ 姓 }}様</p>");
        let consent = ["--consent-source", "店頭", "--consent-text-file", "wording.txt"];
        home.ask(&[&["contacts", "import", "list.csv"], &consent[..]].concat()).ok();
        let set = ["mail", "direct", "set", "--hello", "mail.news.example.jp", "--private", "--port"];
        let set = home.ask(&[&set[..], &[&port.to_string()]].concat()).ok().json();
        assert_eq!((&set["direct"], &set["senders"][0]["hello"]), (&true.into(), &"mail.news.example.jp".into()));
        Scene { home, zone, one, two }
    }

    fn campaign(&self) -> String {
        let words = ["campaign", "create", "--name", "秋", "--from", "店 <news@news.example.jp>", "--subject", "秋"];
        let made = self.home.ask(&[&words[..], &["--html", "mail.html"]].concat()).ok().json();
        made["campaign"].as_str().unwrap().to_owned()
    }
}

#[test]
fn a_campaign_goes_straight_to_the_hosts_of_its_receivers() {
    let s = Scene::new();
    let sent = s.home.ask(&["campaign", "send", &s.campaign(), "--wait"]).ok().json();
    assert_eq!((&sent["sent"], &sent["recipients"]), (&10.into(), &10.into()));
    assert_eq!((s.one.count(), s.two.count()), (5, 5));
    assert!(s.zone.asked().iter().any(|q| q == "one.example MX"), "{:?}", s.zone.asked());
    s.home.ask(&["mail", "test", "--to", "me@two.example"]).ok();
    assert_eq!(s.two.count(), 6);
}

#[test]
fn a_receiver_can_be_held_back_and_let_go_and_what_waits_is_tried_at_once() {
    let s = Scene::new();
    s.home.ask(&["mail", "queue", "pause", "two.example"]).ok();
    let server = s.home.serve();
    s.home.ask(&["campaign", "send", &s.campaign()]).ok();
    assert!(s.one.wait_for(5, std::time::Duration::from_secs(30)));
    let queue = loop {
        let queue = s.home.ask(&["mail", "queue"]).ok().json();
        if queue["queued"] == 0 {
            break queue;
        }
    };
    assert_eq!((&queue["deferred"], s.two.count()), (&5.into(), 0), "{queue}");
    assert_eq!(queue["held"][0], "two.example");
    s.home.ask(&["mail", "queue", "resume", "two.example"]).ok();
    assert_eq!(s.home.ask(&["mail", "queue", "retry"]).ok().json()["retried"], 5);
    assert!(s.two.wait_for(5, std::time::Duration::from_secs(30)));
    assert_eq!(server.end(), 0);
}

#[test]
fn one_receiver_that_refuses_everything_does_not_pause_the_others() {
    let s = Scene::new();
    s.one.rule(Rule { at: Step::Banner, whom: None, times: None, act: Act::Say("554 5.7.1 listed".into()) });
    let words = ["campaign", "send", &s.campaign(), "--wait", "--timeout", "5s"];
    let sent = s.home.ask(&words).json();
    assert_eq!((&sent["sent"], &sent["deferred"], &sent["bounced"]), (&5.into(), &5.into(), &0.into()), "{sent}");
}

#[test]
fn limits_of_a_receiver_are_shown_with_their_source_changed_and_taken_back() {
    let home = Home::ready();
    let of = |answer: &serde_json::Value, name: &str| {
        answer["groups"].as_array().unwrap().iter().find(|g| g["name"] == name).unwrap().clone()
    };
    let docomo = of(&home.ask(&["mail", "shaping", "list"]).ok().json(), "docomo");
    assert!(docomo["connections"] == 2 && docomo["source"].as_str().unwrap().contains("docomo"), "{docomo}");
    let set = home.ask(&["mail", "shaping", "set", "docomo", "--connections", "1", "--per-minute", "60"]).ok().json();
    let changed = of(&set, "docomo");
    assert_eq!(
        (&changed["connections"], &changed["per_minute"], &changed["own"]),
        (&1.into(), &60.into(), &true.into())
    );
    assert_eq!(of(&home.ask(&["mail", "shaping", "reset", "docomo"]).ok().json(), "docomo"), docomo);
    assert_eq!(home.ask(&["mail", "shaping", "set", "nobody", "--connections", "1"]).error()["kind"], "missing");
    assert_eq!(home.ask(&["mail", "direct", "set", "--hello", "localhost"]).error()["kind"], "refused");
    assert_eq!(home.ask(&["mail", "queue", "resume", "example.jp"]).error()["kind"], "missing");
}
