//! In the middle of a run: somebody refuses, somebody pauses or cancels, the process is killed.

use crate::world::{Home, Serving};
use hakobu::base::clock;
use hakobu::delivery::Step;
use hakobu::delivery::catcher::{Act, Catcher, Offer, Rule};
use serde_json::Value;
use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Pause, resume and cancel act within this.
const AT_ONCE: Duration = Duration::from_secs(2);

struct Scene {
    home: Home,
    catcher: Catcher,
}

impl Scene {
    fn new(people: usize) -> Scene {
        let catcher = Catcher::start(Offer { keep: 100_000, ..Offer::new(clock::now) }).unwrap();
        let home = Home::new();
        home.setup(&["--relay", &format!("smtp://{}", catcher.addr())]).ok();
        let mut list = String::from("メールアドレス,姓\r\n");
        (0..people).for_each(|n| list.push_str(&format!("person{n}@example.jp,山田\r\n")));
        home.file("list.csv", list);
        home.file("wording.txt", "お知らせをメールで受け取ります。");
        home.file("mail.html", "<p>{{ 姓 }}様</p>");
        let words = ["--consent-source", "店頭", "--consent-text-file", "wording.txt"];
        home.ask(&[&["contacts", "import", "list.csv"], &words[..]].concat()).ok();
        Scene { home, catcher }
    }

    fn campaign(&self) -> String {
        let words = ["campaign", "create", "--name", "秋", "--from", "店 <news@news.example.jp>", "--subject", "秋"];
        let made = self.home.ask(&[&words[..], &["--html", "mail.html"]].concat()).ok().json();
        made["campaign"].as_str().unwrap().to_owned()
    }

    /// Every message is answered only after this.
    fn slow(&self, wait: Duration) {
        self.catcher.rule(Rule { at: Step::Dot, whom: None, times: None, act: Act::Delay(wait) });
    }

    fn caught(&self, n: u64) {
        assert!(self.catcher.wait_for(n, Duration::from_secs(60)), "{} of {n} caught", self.catcher.count());
    }

    /// How many more messages come while everything stands still.
    fn stands_still(&self) -> bool {
        let before = self.catcher.count();
        !self.catcher.wait_for(before + 1, Duration::from_millis(1500))
    }

    fn result(&self, id: &str) -> Value {
        let value = self.home.ask(&["campaign", "result", id]).ok().json();
        let n = |field: &str| value[field].as_u64().unwrap();
        let states =
            ["queued", "sending", "sent", "deferred", "bounced", "suppressed", "in_doubt", "cancelled", "expired"];
        assert_eq!(states.iter().map(|s| n(s)).sum::<u64>() + n("failed"), n("recipients"), "{value}");
        value
    }

    /// How often each address got one.
    fn times(&self) -> HashMap<String, usize> {
        let mut times = HashMap::new();
        self.catcher.mails().iter().for_each(|m| *times.entry(m.to[0].clone()).or_default() += 1);
        times
    }
}

/// One click of a mail program (RFC 8058): no cookie, no session, no page.
fn one_click(server: &Serving, link: &str) -> String {
    let host = server.url.trim_start_matches("http://").split('/').next().unwrap().to_owned();
    let path = link.trim_start_matches("https://news.example.jp");
    let body = "List-Unsubscribe=One-Click";
    let mut stream = TcpStream::connect(&host).unwrap();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: news.example.jp\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.lines().next().unwrap().to_owned()
}

fn refusal_links(catcher: &Catcher) -> HashMap<String, String> {
    let link = |mail: &[u8]| {
        let text = String::from_utf8_lossy(mail).replace("\r\n ", "");
        let start = text.find("https://news.example.jp/u/").unwrap();
        text[start..].split(['>', '\r', '\n']).next().unwrap().trim().to_owned()
    };
    catcher.mails().iter().map(|m| (m.to[0].clone(), link(&m.bytes))).collect()
}

#[test]
fn whoever_refuses_while_a_run_is_under_way_gets_nothing_that_is_not_on_the_wire_already() {
    let scene = Scene::new(120);
    let first = scene.campaign();
    let server = scene.home.serve();
    scene.home.ask(&["campaign", "send", &first, "--wait"]).ok();
    scene.caught(120);
    let links = refusal_links(&scene.catcher);
    assert_eq!(links.len(), 120);

    scene.slow(Duration::from_millis(150));
    let second = scene.campaign();
    scene.home.ask(&["campaign", "send", &second]).ok();
    scene.caught(140);
    let late: Vec<String> = (90..120).map(|n| format!("person{n}@example.jp")).collect();
    for who in &late {
        let answer = one_click(&server, &links[who]);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    // Each answer is given; whatever of theirs was on the wire by then has arrived a second later.
    let so_far = scene.times();
    let done = scene.home.ask(&["campaign", "send", &second, "--wait", "--timeout", "60s"]).ok().json();
    assert_eq!(done["state"], "done");
    let refused = late.iter().filter(|who| so_far[*who] == 1).count() as u64;
    let (counts, times) = (scene.result(&second), scene.times());
    assert!(refused >= 10, "the run was slow enough to be refused: {refused}");
    let suppressed = counts["suppressed"].as_u64().unwrap();
    assert!(suppressed + 10 >= refused, "at most one a connection was on the wire: {counts}");
    assert_eq!(counts["sent"].as_u64().unwrap() + suppressed, 120);
    assert_eq!(late.iter().filter(|who| times[*who] == 1).count() as u64, suppressed);
    assert!((0..90).all(|n| times[&format!("person{n}@example.jp")] == 2));
}

#[test]
fn pause_resume_and_cancel_act_within_two_seconds_from_another_process() {
    let scene = Scene::new(400);
    scene.slow(Duration::from_millis(200));
    let server = scene.home.serve();
    let id = scene.campaign();
    scene.home.ask(&["campaign", "send", &id]).ok();
    scene.caught(20);
    let began = Instant::now();
    scene.home.ask(&["campaign", "pause", &id]).ok();
    let mut last = scene.catcher.count();
    while scene.catcher.wait_for(last + 1, Duration::from_millis(700)) {
        last = scene.catcher.count();
        assert!(began.elapsed() < AT_ONCE, "something still leaves after a pause");
    }
    assert!(scene.stands_still());
    let paused = scene.result(&id);
    assert_eq!((paused["state"].as_str(), paused["sending"].as_u64()), (Some("paused"), Some(0)), "{paused}");
    assert_eq!(paused["sent"].as_u64(), Some(scene.catcher.count()));

    let began = Instant::now();
    scene.home.ask(&["campaign", "resume", &id]).ok();
    scene.caught(paused["sent"].as_u64().unwrap() + 1);
    assert!(began.elapsed() < AT_ONCE, "{:?} to go on", began.elapsed());

    let began = Instant::now();
    scene.home.ask(&["campaign", "cancel", &id]).ok();
    let mut last = scene.catcher.count();
    while scene.catcher.wait_for(last + 1, Duration::from_millis(700)) {
        last = scene.catcher.count();
        assert!(began.elapsed() < AT_ONCE, "something still leaves after a cancel");
    }
    let end = settled(&scene, &id);
    assert_eq!(end["state"], "cancelled");
    assert_eq!(end["sent"].as_u64(), Some(scene.catcher.count()), "{end}");
    assert_eq!(end["sent"].as_u64().unwrap() + end["cancelled"].as_u64().unwrap(), 400, "{end}");
    assert_eq!(server.end(), 0);
    assert!(scene.times().values().all(|n| *n == 1));
}

fn settled(scene: &Scene, id: &str) -> Value {
    let until = Instant::now() + AT_ONCE;
    loop {
        let value = scene.result(id);
        if value["queued"] == 0 || Instant::now() > until {
            return value;
        }
    }
}

/// Killed after this: a moment, or so many caught mails.
enum Until {
    Caught(u64),
    Passed(Duration),
}

fn kill_during_send(scene: &Scene, id: &str, until: Until) {
    let words = ["campaign", "send", id, "--wait", "--data", "D", "--json"];
    let mut child = scene.home.command(&words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    match until {
        Until::Caught(n) => scene.caught(n),
        Until::Passed(time) => {
            let (_never, passing) = mpsc::channel::<()>();
            passing.recv_timeout(time).ok();
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_command_killed_while_it_sends_goes_on_with_nobody_lost_and_the_doubtful_named() {
    let scene = Scene::new(300);
    let id = scene.campaign();
    scene.slow(Duration::from_millis(20));
    for caught in [40, 90, 150] {
        kill_during_send(&scene, &id, Until::Caught(caught));
    }
    let end = scene.home.ask(&["campaign", "send", &id, "--wait"]).ok().json();
    let counts = scene.result(&id);
    let (sent, doubt) = (counts["sent"].as_u64().unwrap(), counts["in_doubt"].as_u64().unwrap());
    assert_eq!((end["state"].as_str(), sent + doubt), (Some("done"), 300), "{counts}");
    assert!(doubt <= 30, "no more than were on the wire: {counts}");
    assert!(scene.times().values().all(|n| *n == 1), "nobody twice unasked");
    let list = scene.home.run(&["campaign", "recipients", &id, "--state", "in_doubt", "--data", "D"]).ok().stdout;
    let named: Vec<&str> = list.lines().skip(1).filter_map(|l| l.split(',').nth(1)).collect();
    assert_eq!(named.len() as u64, doubt, "{list}");
    let times = scene.times();
    for n in 0..300 {
        let who = format!("person{n}@example.jp");
        assert!(times.contains_key(&who) || named.contains(&who.as_str()), "{who} is lost");
    }

    scene.home.ask(&["campaign", "decide", &id, "--resend"]).ok();
    if doubt > 0 {
        scene.home.ask(&["campaign", "send", &id, "--wait"]).ok();
    }
    assert_eq!(scene.result(&id)["sent"], 300);
    assert!(scene.times().iter().all(|(who, n)| *n == 1 || (*n == 2 && named.contains(&who.as_str()))));
    assert_eq!(scene.times().len(), 300);
}

#[test]
fn a_command_killed_while_it_gathers_the_recipients_gathers_them_again() {
    let scene = Scene::new(8_000);
    let id = scene.campaign();
    // The relay keeps its first caller waiting, so that every kill falls into what comes before the first mail.
    scene.catcher.rule(Rule { at: Step::Banner, whom: None, times: None, act: Act::Delay(Duration::from_secs(30)) });
    let (mut in_the_middle, mut ms) = (0, 40);
    loop {
        kill_during_send(&scene, &id, Until::Passed(Duration::from_millis(ms)));
        let gathered = match scene.home.ask(&["campaign", "show", &id]).ok().json()["state"] == "draft" {
            true => 0,
            false => scene.result(&id)["recipients"].as_u64().unwrap(),
        };
        in_the_middle += u32::from((1..8_000).contains(&gathered));
        if gathered == 8_000 {
            break;
        }
        ms += 20;
    }
    assert!(in_the_middle > 0, "some kill came while the recipients were being gathered");
    scene.catcher.clear_rules();
    scene.home.ask(&["campaign", "send", &id, "--wait"]).ok();
    let counts = scene.result(&id);
    assert_eq!((counts["recipients"].as_u64(), counts["sent"].as_u64()), (Some(8_000), Some(8_000)), "{counts}");
    assert_eq!((scene.times().len(), scene.catcher.count()), (8_000, 8_000));
}
