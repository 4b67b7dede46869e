//! Mail that comes to the door: what is taken, what is not, and what a person sees of it.

use crate::load::house::free_port;
use crate::world::Home;
use hakobu::base::clock;
use hakobu::delivery::catcher::{Catcher, Offer};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

struct Talk(BufReader<TcpStream>);

impl Talk {
    fn begin(at: SocketAddr) -> Talk {
        let stream = TcpStream::connect(at).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Talk(BufReader::new(stream))
    }

    /// The last line of the answer.
    fn hear(&mut self) -> String {
        loop {
            let mut line = String::new();
            assert!(self.0.read_line(&mut line).unwrap() > 0, "the conversation goes on");
            if line.as_bytes()[3] != b'-' {
                return line.trim_end().to_owned();
            }
        }
    }

    fn say(&mut self, words: &str) -> String {
        self.0.get_mut().write_all(format!("{words}\r\n").as_bytes()).unwrap();
        self.hear()
    }
}

#[test]
fn what_is_for_the_house_is_kept_and_told_and_nothing_is_passed_on_for_strangers() {
    let home = Home::ready();
    home.ask(&["mail", "inbound", "set", "--returns", "Bounce.news.example.jp"]).ok();
    let domains = home.ask(&["mail", "inbound", "domains"]).ok().json();
    assert_eq!(domains["returns"], "bounce.news.example.jp");
    let at = free_port();
    let server =
        home.serving(home.command(&["serve", "--data", "D", "--listen", "127.0.0.1:0", "--smtp", &at.to_string()]));
    let mut talk = Talk::begin(at);
    assert_eq!(talk.hear(), "220 bounce.news.example.jp ESMTP");
    for (words, answer) in [
        ("EHLO mx.example.com", "250 STARTTLS"),
        ("MAIL FROM:<taro@example.com>", "250 2.1.0"),
        ("RCPT TO:<someone@gmail.com>", "550 5.7.1"),
        ("RCPT TO:<hanako@news.example.jp>", "550 5.1.1"),
        ("RCPT TO:<b+aaaaaaaaaaaaaaaaaaaaaaaaaaaa@bounce.news.example.jp>", "550 5.1.1"),
        ("RCPT TO:<signup@news.example.jp>", "250 2.1.5"),
        ("DATA", "354"),
        ("From: taro@example.com\r\nSubject: hello\r\n\r\nplease\r\n.", "250 2.0.0"),
        ("QUIT", "221 2.0.0"),
    ] {
        let said = talk.say(words);
        assert!(said.starts_with(answer), "{words}: {said}");
    }
    let since = Instant::now();
    let mail = loop {
        let list = home.ask(&["mail", "inbound", "list", "--shown"]).ok().json();
        if let Some(mail) = list["mails"].get(0) {
            break mail.clone();
        }
        assert!(since.elapsed() < Duration::from_secs(60), "{list}");
    };
    assert_eq!(
        (&mail["kind"][0], &mail["done"][0], &mail["came_to"][0]),
        (&"sign_up".into(), &"shown".into(), &"sign_up".into())
    );
    assert!(!mail.to_string().contains("taro"), "the list names nobody: {mail}");
    let id = mail["id"].as_str().unwrap();
    let shown = home.ask(&["mail", "inbound", "show", id]).ok().json();
    assert_eq!(shown["from"], "taro@example.com");
    assert!(shown["mail"].as_str().unwrap().contains("Subject: hello"), "{shown}");
    assert_eq!(home.ask(&["mail", "inbound", "show", "2020-01-1"]).exit, 5);
    assert_eq!(server.end(), 0);
    assert_eq!(home.ask(&["mail", "inbound", "list"]).ok().json()["mails"][0]["id"], id, "also without a server");
}

#[test]
fn what_a_person_writes_is_sent_on_as_it_came() {
    let home = Home::ready();
    let catcher = Catcher::start(Offer::new(clock::now)).unwrap();
    home.ask(&["relay", "set", &format!("smtp://{}", catcher.addr())]).ok();
    let at = free_port();
    let smtp = at.to_string();
    let server = home.serving(home.command(&["serve", "--data", "D", "--listen", "127.0.0.1:0", "--smtp", &smtp]));
    let mut talk = Talk::begin(at);
    talk.hear();
    for (words, answer) in [
        ("EHLO mx.example.com", "250"),
        ("MAIL FROM:<taro@example.com>", "250"),
        ("RCPT TO:<Reply@news.example.jp>", "250"),
        ("DATA", "354"),
        ("From: taro@example.com\r\nSubject: Re: News\r\n\r\n..thank you\r\n.", "250"),
        ("QUIT", "221"),
    ] {
        let said = talk.say(words);
        assert!(said.starts_with(answer), "{words}: {said}");
    }
    assert!(catcher.wait_for(1, Duration::from_secs(60)));
    let mail = catcher.mails().remove(0);
    assert_eq!((mail.from.as_str(), mail.to[0].as_str()), ("hakobu@news.example.jp", "a@example.jp"));
    let text = String::from_utf8(mail.bytes).unwrap();
    assert!(text.ends_with("From: taro@example.com\r\nSubject: Re: News\r\n\r\n.thank you\r\n"), "{text}");
    assert!(
        text.starts_with("Resent-Date: ") && text.contains("\r\nReceived: from [127.0.0.1] by news.example.jp "),
        "{text}"
    );
    assert_eq!(server.end(), 0);
    let list = home.ask(&["mail", "inbound", "list"]).ok().json();
    assert_eq!((&list["mails"][0]["kind"][0], &list["mails"][0]["done"][0]), (&"reply".into(), &"forwarded".into()));
}

#[test]
fn rules_and_receivers_are_told_and_changed() {
    let home = Home::ready();
    assert_eq!(home.ask(&["mail", "rules"]).ok().json()["soft_times"], 5);
    assert_eq!(home.ask(&["mail", "rules", "--soft-days", "7"]).ok().json()["soft_days"], 7);
    assert_eq!(home.ask(&["mail", "rules", "--hard-percent", "0"]).exit, 2);
    assert_eq!(home.ask(&["mail", "receiver", "list", "--all"]).ok().json()["receivers"], serde_json::json!([]));
    assert_eq!(home.ask(&["mail", "receiver", "resume", "docomo.ne.jp"]).exit, 5);
    let undo = |more: &[&str]| home.ask(&[&["contacts", "suppression", "undo"], more].concat());
    assert_eq!(undo(&["--since", "2026-11-01", "--dry-run"]).ok().json()["removed"], 0);
    assert_eq!(undo(&["--run", "r1", "--receiver", "docomo.ne.jp"]).ok().json()["removed"], 0);
    assert_eq!(undo(&[]).exit, 2);
    assert_eq!(undo(&["3", "--run", "r1"]).exit, 2);
}
