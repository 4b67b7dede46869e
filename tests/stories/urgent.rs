//! Single messages that a script hands in over HTTP: durable before the answer, once for each key, never behind bulk mail.

use crate::world::{Home, Serving};
use hakobu::base::clock;
use hakobu::delivery::Step;
use hakobu::delivery::catcher::{Act, Catcher, Offer, Rule};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

struct Scene {
    home: Home,
    catcher: Catcher,
    token: String,
}

impl Scene {
    fn new() -> Scene {
        let catcher = Catcher::start(Offer::new(clock::now)).unwrap();
        let home = Home::new();
        home.setup(&["--relay", &format!("smtp://{}", catcher.addr())]).ok();
        home.file("mail.html", "<p>{{ 姓 }}様</p>");
        let words = ["campaign", "create", "--name", "秋", "--from", "店 <news@news.example.jp>", "--subject", "秋"];
        home.ask(&[&words[..], &["--html", "mail.html"]].concat()).ok();
        let made = home.ask(&["token", "create", "script", "--scope", "send", "--user", "a@example.jp"]).ok().json();
        let token = made["secret"].as_str().unwrap().to_owned();
        Scene { home, catcher, token }
    }

    fn ask(&self, server: &Serving, request: &str, (key, body): (&str, &str)) -> (u16, Value) {
        let host = server.url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let mut stream = TcpStream::connect(&host).unwrap();
        let (token, length) = (&self.token, body.len());
        write!(
            stream,
            "{request} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nIdempotency-Key: {key}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let code = head.split(' ').nth(1).unwrap().parse().unwrap();
        (code, serde_json::from_str(body).unwrap_or(Value::Null))
    }

    fn hand_in(&self, server: &Serving, key: &str, subject: &str) -> (u16, Value) {
        let body =
            json!({"from": "news@news.example.jp", "to": "hanako@example.jp", "subject": subject, "text": "本文\n"});
        self.ask(server, "POST /api/messages", (key, &body.to_string()))
    }

    fn state(&self, server: &Serving, id: &Value) -> Value {
        self.ask(server, &format!("GET /api/messages/{}", id.as_str().unwrap()), ("", "")).1
    }

    fn until(&self, server: &Serving, id: &Value, state: &str) -> Value {
        loop {
            let now = self.state(server, id);
            if now["state"] == state {
                return now;
            }
        }
    }
}

#[test]
fn a_message_is_taken_once_for_each_key_and_sent() {
    let s = Scene::new();
    let server = s.home.serve();
    let (code, first) = s.hand_in(&server, "order-1", "ご注文の確認");
    assert_eq!((code, &first["state"]), (202, &"queued".into()), "{first}");
    let (code, again) = s.hand_in(&server, "order-1", "ご注文の確認");
    assert_eq!((code, &again["message"]), (200, &first["message"]));
    let (code, other) = s.hand_in(&server, "order-1", "別の件名");
    assert_eq!((code, &other["error"]["kind"]), (409, &"conflict".into()), "{other}");
    let sent = s.until(&server, &first["message"], "sent");
    assert_eq!((&sent["code"], &sent["attempts"], s.catcher.count()), (&250.into(), &1.into(), 1), "{sent}");
    let mail = String::from_utf8_lossy(&s.catcher.mails()[0].bytes).into_owned();
    assert!(mail.contains("hanako@example.jp") && !mail.contains("List-Unsubscribe"), "{mail}");
    assert_eq!(server.end(), 0);
}

#[test]
fn what_is_wrong_with_a_message_is_said_and_nothing_is_sent() {
    let s = Scene::new();
    let server = s.home.serve();
    let body =
        |from: &str, to: &str, text: &str| json!({"from": from, "to": to, "subject": "x", "text": text}).to_string();
    let ours = "news@news.example.jp";
    for (key, body) in [
        ("", body(ours, "a@example.jp", "x")),
        ("k", body("ceo@other.example", "a@example.jp", "x")),
        ("k", body(ours, "nobody", "x")),
        ("k", body(ours, "a@example.jp", "")),
        ("k", "[]".to_owned()),
        (
            "k",
            json!({"from": ours, "to": "a@example.jp", "subject": "a\r\nBcc: b@example.jp", "text": "x"}).to_string(),
        ),
    ] {
        let (code, answer) = s.ask(&server, "POST /api/messages", (key, &body));
        assert!(code == 422 || answer["state"] == "queued", "{code} {answer} {body}");
        if answer["state"] == "queued" {
            s.until(&server, &answer["message"], "sent");
        }
    }
    assert!(s.catcher.mails().iter().all(|mail| !String::from_utf8_lossy(&mail.bytes).contains("\r\nBcc:")));
    assert_eq!(s.ask(&server, "GET /api/messages/msg999", ("", "")).0, 404);
    assert_eq!(server.end(), 0);
}

#[test]
fn a_message_that_was_taken_survives_a_kill_and_one_on_the_wire_is_named() {
    let s = Scene::new();
    s.catcher.rule(Rule { at: Step::Dot, whom: None, times: Some(1), act: Act::Delay(Duration::from_secs(60)) });
    let server = s.home.serve();
    let (_, hanging) = s.hand_in(&server, "hangs", "一");
    while !s.catcher.heard().iter().any(|line| line == "DATA") {
        std::thread::yield_now();
    }
    s.catcher.rule(Rule { at: Step::Rcpt, whom: None, times: Some(1), act: Act::Say("451 4.3.0 later".into()) });
    let (_, waits) = s.hand_in(&server, "waits", "二");
    s.until(&server, &waits["message"], "deferred");
    server.kill();
    let server = s.home.serve();
    s.until(&server, &hanging["message"], "in_doubt");
    assert_eq!(s.state(&server, &waits["message"])["state"], "deferred");
    assert_eq!(server.end(), 0);
}

#[test]
fn a_message_does_not_wait_for_bulk_mail() {
    let s = Scene::new();
    let mut list = String::from("メールアドレス,姓\r\n");
    (0..60).for_each(|n| list.push_str(&format!("person{n}@example.jp,山田\r\n")));
    s.home.file("list.csv", list);
    s.home.file("wording.txt", "お知らせをメールで受け取ります。");
    let consent = ["--consent-source", "店頭", "--consent-text-file", "wording.txt"];
    s.home.ask(&[&["contacts", "import", "list.csv"], &consent[..]].concat()).ok();
    s.catcher.rule(Rule {
        at: Step::Dot,
        whom: Some("person".into()),
        times: None,
        act: Act::Delay(Duration::from_secs(9)),
    });
    let server = s.home.serve();
    s.home.ask(&["campaign", "send", "c1"]).ok();
    while s.catcher.heard().iter().filter(|line| *line == "DATA").count() < 10 {
        std::thread::yield_now();
    }
    let (_, urgent) = s.hand_in(&server, "now", "至急");
    s.until(&server, &urgent["message"], "sent");
    assert_eq!(s.catcher.count(), 1, "every bulk message still waits for its answer");
    s.home.ask(&["campaign", "cancel", "c1"]).ok();
    server.kill();
}
