//! The mail that leaves when all else is down, with the real binary.

use crate::world::Home;
use hakobu::base::clock;
use hakobu::delivery::catcher::{Catcher, Offer};
use std::fs;

fn catcher() -> Catcher {
    Catcher::start(Offer::new(clock::now)).unwrap()
}

fn text(catcher: &Catcher, n: u64) -> String {
    let mail = String::from_utf8(catcher.mail(n).unwrap().bytes).unwrap();
    let body = mail.split_once("\r\n\r\n").unwrap().1.replace("\r\n", "");
    String::from_utf8(data_encoding::BASE64.decode(body.as_bytes()).unwrap()).unwrap()
}

#[test]
fn the_alarm_leaves_without_a_server_and_without_the_books() {
    let (home, catcher) = (Home::new(), catcher());
    let relay = format!("smtp://{}", catcher.addr());
    home.setup(&["--relay", &relay, "--alarm-to", "ops@example.jp"]).ok();
    for file in fs::read_dir(home.path("D")).unwrap().map(|e| e.unwrap().path()) {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        if !["hakobu.toml", "alarm.sealed"].contains(&name.as_str()) {
            let gone = if file.is_dir() { fs::remove_dir_all(&file) } else { fs::remove_file(&file) };
            gone.unwrap();
        }
    }
    let said = home.ask(&["alarm", "send", "--event", "door_failed"]).ok();
    assert_eq!(said.json()["result"], "left");
    assert_eq!(catcher.mail(1).unwrap().to, ["ops@example.jp"]);
    assert!(text(&catcher, 1).contains("news.example.jp"));
    // The same again within the quarter of an hour is counted.
    assert_eq!(home.ask(&["alarm", "send", "--event", "door_failed"]).ok().json()["result"], "counted");
    assert_eq!(catcher.count(), 1);
    let unknown = home.ask(&["alarm", "send", "--event", "sunshine"]);
    assert_eq!(unknown.exit, 2);
    assert!(unknown.error()["hint"].as_str().unwrap().contains("door_failed"));
}

#[test]
fn the_admin_is_told_by_default_and_another_address_or_relay_reaches_the_sealed_copy_at_once() {
    let (home, first, second) = (Home::new(), catcher(), catcher());
    home.setup(&["--relay", &format!("smtp://{}", first.addr())]).ok();
    assert_eq!(home.ask(&["alarm", "show"]).ok().json()["to"], "a@example.jp");
    home.ask(&["alarm", "test"]).ok();
    assert_eq!(first.mail(1).unwrap().to, ["a@example.jp"]);

    home.ask(&["alarm", "set", "--to", "ops@example.jp"]).ok();
    home.ask(&["relay", "set", &format!("smtp://{}", second.addr())]).ok();
    home.ask(&["alarm", "send", "--event", "test"]).ok();
    assert_eq!(second.mail(1).unwrap().to, ["ops@example.jp"]);
    let show = home.ask(&["alarm", "show"]).ok().json();
    assert_eq!((&show["ready"], show["attempts"].as_array().unwrap().len()), (&true.into(), 2));
    let audit = home.ask(&["audit", "list"]).ok().stdout;
    assert!(audit.contains("delivery.set_alarm_to") && !audit.contains("ops@"));
}

#[test]
fn a_worker_whose_door_was_killed_calls_somebody_and_one_whose_door_ends_does_not() {
    let (home, catcher) = (Home::new(), catcher());
    home.setup(&["--relay", &format!("smtp://{}", catcher.addr()), "--alarm-to", "ops@example.jp"]).ok();
    assert_eq!(home.serve().end(), 0);
    assert_eq!(catcher.count(), 0, "a good end is nothing to tell");
    let server = home.serve();
    server.kill();
    assert!(catcher.wait_for(1, std::time::Duration::from_secs(60)));
    assert_eq!(catcher.mail(1).unwrap().to, ["ops@example.jp"]);
    assert!(text(&catcher, 1).contains("受付のプロセスがなくなった"), "{}", text(&catcher, 1));
    // The house is free: the worker has closed it before it called.
    assert_eq!(home.serve().end(), 0);
    assert_eq!(catcher.count(), 1);
}

#[test]
fn another_root_key_opens_the_alarm_too() {
    let (home, catcher) = (Home::new(), catcher());
    home.setup(&["--relay", &format!("smtp://{}", catcher.addr())]).ok();
    home.ask(&["key", "rotate", "--key-file", "K2", "--yes"]).ok();
    home.ask(&["alarm", "send", "--event", "door_failed"]).ok();
    assert_eq!(catcher.count(), 1);
}

#[test]
fn the_doctor_says_when_there_is_no_alarm_or_it_was_never_tried_or_did_not_leave() {
    let home = Home::ready();
    let doctor = |home: &Home| {
        let checks = home.ask(&["doctor"]).json()["checks"].clone();
        let alarm = checks.as_array().unwrap().iter().find(|c| c["check"] == "alarm").unwrap().clone();
        (alarm["health"].as_str().unwrap().to_owned(), alarm["says"].as_str().unwrap().to_owned())
    };
    assert_eq!(doctor(&home).0, "warn");
    let none = home.ask(&["alarm", "test"]);
    assert_eq!((none.exit, none.error()["kind"].as_str()), (8, Some("config")));

    let catcher = catcher();
    home.ask(&["relay", "set", &format!("smtp://{}", catcher.addr())]).ok();
    assert!(doctor(&home).1.contains("never been tried"));
    home.ask(&["alarm", "test"]).ok();
    assert_eq!(doctor(&home).0, "ok");
    drop(catcher);
    assert_eq!(home.ask(&["alarm", "test"]).exit, 6);
    assert_eq!(doctor(&home).0, "fail");
}
