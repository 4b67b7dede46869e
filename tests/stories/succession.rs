//! The door of the new release in the place of the old one: nobody who is connected notices, and whoever started the
//! first process still ends everything with it.

use crate::load::house::Running;
use crate::rehearsal::Vendor;
use crate::world::Home;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

fn status(home: &Home) -> Value {
    home.ask(&["status"]).ok().json()
}

fn door(home: &Home) -> (u32, String) {
    let status = status(home);
    let door = &status["door"];
    (door["pid"].as_u64().unwrap() as u32, door["version"].as_str().unwrap().to_owned())
}

fn apply(home: &Home, vendor: &Vendor<'_>, version: &str, part: Value) -> Value {
    let bundle = vendor.bundle(version, part);
    let told = home.ask(&["update", "apply", "--file", bundle.to_str().unwrap(), "--probation", "1"]).ok().json();
    assert_eq!(told["result"], "updated", "{told}");
    std::fs::remove_file(bundle).unwrap();
    told
}

fn step(told: &Value) -> &Value {
    let steps = told["steps"].as_array().unwrap();
    steps.iter().find(|s| s["step"] == "door").unwrap_or_else(|| panic!("no step: {told}"))
}

fn signal(pid: u32, name: &str) {
    assert!(Command::new("kill").args(["-s", name, &pid.to_string()]).status().unwrap().success());
}

fn lives(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !stat.is_empty() && !stat.contains(") Z ")
}

fn until(what: &str, reached: impl Fn() -> bool) {
    let since = Instant::now();
    while !reached() {
        assert!(since.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// A connection that is kept.
struct Kept(BufReader<TcpStream>);

impl Kept {
    fn to(at: SocketAddr) -> Kept {
        let stream = TcpStream::connect(at).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Kept(BufReader::new(stream))
    }

    fn say(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).unwrap();
    }

    fn ask(&mut self, path: &str) -> (u16, String) {
        self.say(&format!("GET {path} HTTP/1.1\r\nHost: news.example.jp\r\n\r\n"));
        self.answer()
    }

    /// Status and head; the body is read to its end.
    fn answer(&mut self) -> (u16, String) {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(self.0.read_line(&mut head).unwrap(), 0, "an answer comes: {head}");
        }
        let head = head.to_lowercase();
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
        let mut body = vec![0; length.expect("a length").parse().unwrap()];
        self.0.read_exact(&mut body).unwrap();
        (head[9..12].parse().unwrap(), head)
    }
}

#[test]
fn the_next_release_becomes_the_door_and_whoever_is_connected_is_answered() {
    let home = Home::ready();
    let vendor = Vendor::new(&home);
    let running = Running::start(&home, &vendor.program("0.1.0", json!({})), false, &[]);
    assert_eq!(door(&home), (running.pid(), "0.1.0".to_owned()));
    let mut kept = Kept::to(running.public);
    assert_eq!(kept.ask("/sign-in").0, 200);

    let told = apply(&home, &vendor, "0.2.0", json!({}));
    assert_eq!(step(&told)["ok"], true, "{told}");
    let (second, version) = door(&home);
    assert_eq!((second != running.pid(), version.as_str()), (true, "0.2.0"));
    let (code, head) = kept.ask("/sign-in");
    assert_eq!((code, head.contains("connection: close")), (200, true), "{head}");
    assert_eq!(kept.0.read(&mut [0]).unwrap(), 0, "and then it is closed");
    let mut kept = Kept::to(running.public);
    let (code, head) = kept.ask("/sign-in");
    assert_eq!((code, head.contains("connection: close")), (200, false), "{head}");

    let down = home.ask(&["update", "rollback", "--probation", "1"]).ok().json();
    assert_eq!(step(&down)["ok"], true, "{down}");
    let (third, version) = door(&home);
    assert_eq!((third != second, version.as_str()), (true, "0.1.0"));
    assert_eq!(kept.ask("/sign-in").0, 200);
    until("the second door has gone", || !lives(second));
    assert!(lives(running.pid()));

    assert_eq!(running.end(), 0);
    assert!(!lives(third));
    assert_eq!(status(&home)["state"], "stopped");
}

#[test]
fn a_door_that_dies_or_hangs_before_it_is_one_leaves_the_old_one() {
    let home = Home::ready();
    let vendor = Vendor::new(&home);
    let running = Running::start(&home, &vendor.program("0.1.0", json!({})), false, &[]);
    let mut kept = Kept::to(running.public);
    assert_eq!(kept.ask("/sign-in").0, 200);
    for (version, sabotage) in [("0.2.0", "door_dies"), ("0.3.0", "door_hangs")] {
        let told = apply(&home, &vendor, version, json!({"sabotage": sabotage}));
        assert_eq!(step(&told)["ok"], false, "{told}");
        assert!(step(&told)["detail"].as_str().unwrap().contains("door"), "{told}");
        assert_eq!(door(&home), (running.pid(), "0.1.0".to_owned()));
        assert_eq!(status(&home)["version"], version);
        assert_eq!(kept.ask("/sign-in").0, 200);
    }
    assert_eq!(running.end(), 0);
}

#[test]
fn when_the_new_door_is_killed_the_first_process_says_so_and_another_server_starts() {
    let home = Home::ready();
    let vendor = Vendor::new(&home);
    let running = Running::start(&home, &vendor.program("0.1.0", json!({})), false, &[]);
    apply(&home, &vendor, "0.2.0", json!({}));
    let (new, _) = door(&home);
    signal(new, "KILL");
    assert_eq!(running.ended(), 128 + 9);
    let again = Running::start(&home, &vendor.program("0.2.0", json!({})), false, &[]);
    until("it runs", || status(&home)["state"] == "running");
    assert_eq!(again.end(), 0);
}

#[test]
fn when_the_first_process_is_killed_the_door_ends_and_another_server_starts() {
    let home = Home::ready();
    let vendor = Vendor::new(&home);
    let running = Running::start(&home, &vendor.program("0.1.0", json!({})), false, &[]);
    apply(&home, &vendor, "0.2.0", json!({}));
    let (new, _) = door(&home);
    signal(running.pid(), "KILL");
    let again = Running::start(&home, &vendor.program("0.2.0", json!({})), false, &[]);
    assert!(!lives(new));
    until("it runs", || status(&home)["state"] == "running");
    assert_eq!(again.end(), 0);
}

#[test]
fn a_second_wish_to_end_ends_at_once() {
    let home = Home::ready();
    let vendor = Vendor::new(&home);
    let running = Running::start(&home, &vendor.program("0.1.0", json!({})), false, &[]);
    apply(&home, &vendor, "0.2.0", json!({}));
    let (new, _) = door(&home);
    // A request that does not come to its end holds a door that ends in good order.
    let mut slow = Kept::to(running.public);
    slow.say("POST /sign-in HTTP/1.1\r\nHost: news.example.jp\r\nContent-Length: 10\r\n\r\nx");
    signal(running.pid(), "INT");
    until("it is asked", || status(&home)["state"] != "running");
    signal(running.pid(), "INT");
    assert_eq!(running.ended(), 130);
    until("the door has gone", || !lives(new));
}

#[test]
fn an_upload_that_began_before_is_finished_after() {
    let home = Home::ready();
    let vendor = Vendor::new(&home);
    let running = Running::start(&home, &vendor.program("0.1.0", json!({})), false, &[]);
    let made = home.ask(&["token", "create", "load", "--scope", "view,edit", "--user", "a@example.jp"]).ok().json();
    let token = made["secret"].as_str().unwrap();
    let body = "email=slow%40example.jp";
    let mut slow = Kept::to(running.public);
    slow.say(&format!(
        "POST /api/v1/contacts HTTP/1.1\r\nHost: news.example.jp\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{}",
        body.len(),
        &body[..5]
    ));
    apply(&home, &vendor, "0.2.0", json!({}));
    assert_ne!(door(&home).0, running.pid());
    slow.say(&body[5..]);
    let (code, head) = slow.answer();
    assert_eq!((code, head.contains("connection: close")), (201, true), "{head}");
    assert_eq!(running.end(), 0);
}
