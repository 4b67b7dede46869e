//! The door of the new release in the place of the old one: nobody who is connected notices, and whoever started the
//! first process still ends everything with it.

use crate::load::house::Running;
use crate::rehearsal::Vendor;
use crate::world::{Home, PASSWORD, signal};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::process::Stdio;
use std::time::{Duration, Instant};

fn door(home: &Home) -> (u32, String) {
    let status = home.status();
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

/// The same, with something that begins while the new release is in probation.
fn apply_during(home: &Home, vendor: &Vendor<'_>, begin: impl FnOnce()) {
    let (bundle, before) = (vendor.bundle("0.2.0", json!({})), door(home));
    let words = ["update", "apply", "--file", bundle.to_str().unwrap(), "--probation", "4", "--data", "D", "--json"];
    let updating = home.command(&words).stdout(Stdio::piped()).spawn().unwrap();
    until("probation", || {
        std::fs::read_to_string(home.path("D/trial.jsonl")).unwrap_or_default().contains("[\"probation\",")
    });
    begin();
    let told = crate::world::said(updating.wait_with_output().unwrap()).ok().json();
    assert_eq!(step(&told)["ok"], true, "{told}");
    assert_ne!(door(home), before);
}

fn step(told: &Value) -> &Value {
    let steps = told["steps"].as_array().unwrap();
    steps.iter().find(|s| s["step"] == "door").unwrap_or_else(|| panic!("no step: {told}"))
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
    assert_eq!(home.status()["state"], "stopped");
}

/// What a system is told, over a socket of its own.
struct System(UnixDatagram);

impl System {
    fn hears(&self, wanted: &str) -> String {
        let mut word = [0u8; 256];
        loop {
            let n = self.0.recv(&mut word).unwrap_or_else(|e| panic!("{wanted}: {e}"));
            let word = String::from_utf8_lossy(&word[..n]).into_owned();
            if word.starts_with(wanted) {
                return word;
            }
        }
    }
}

#[test]
fn a_system_that_watches_is_told_which_process_it_is_and_the_old_one_goes() {
    let home = Home::ready();
    let vendor = Vendor::new(&home);
    let system = System(UnixDatagram::bind(home.path("notify")).unwrap());
    system.0.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let program = vendor.program("0.1.0", json!({}));
    let mut command = home.command_of(&program, &["serve", "--data", "D", "--listen", "127.0.0.1:0"]);
    command.env("NOTIFY_SOCKET", home.path("notify")).env("WATCHDOG_USEC", "30000000");
    let mut first = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    system.hears("READY=1");

    apply(&home, &vendor, "0.2.0", json!({}));
    let (second, _) = door(&home);
    assert_eq!(system.hears("MAINPID="), format!("MAINPID={second}"));
    assert_eq!(first.wait().unwrap().code(), Some(0));
    // Whatever the first one said is behind these.
    (0..3).for_each(|_| drop(system.hears("WATCHDOG=1")));
    assert_eq!(home.status()["state"], "running");
    signal(second, "TERM");
    system.hears("STOPPING=1");
    until("it has ended", || !lives(second));
    assert_eq!(home.status()["state"], "stopped");
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
        assert_eq!(home.status()["version"], version);
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
    until("it runs", || home.status()["state"] == "running");
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
    until("it runs", || home.status()["state"] == "running");
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
    until("it is asked", || home.status()["state"] != "running");
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
    let begin = format!(
        "POST /api/v1/contacts HTTP/1.1\r\nHost: news.example.jp\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{}",
        body.len(),
        &body[..5]
    );
    let mut slow = None;
    apply_during(&home, &vendor, || slow.insert(Kept::to(running.public)).say(&begin));
    let mut slow = slow.unwrap();
    slow.say(&body[5..]);
    let (code, head) = slow.answer();
    assert_eq!((code, head.contains("connection: close")), (201, true), "{head}");
    assert_eq!(running.end(), 0);
}

impl Kept {
    /// A form of the admin's pages, filled in; what the answer's head says.
    fn post(&mut self, path: &str, cookies: &str, fields: &[(&str, &str)]) {
        let encoded = |text: &str| text.bytes().map(|b| format!("%{b:02x}")).collect::<String>();
        let body: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let body = body.join("&");
        self.say(&format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nOrigin: http://{}\r\nSec-Fetch-Site: same-origin\r\n\
             Cookie: {cookies}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            self.host(),
            self.host(),
            body.len()
        ));
    }

    fn host(&self) -> SocketAddr {
        self.0.get_ref().peer_addr().unwrap()
    }

    /// A page, and the hidden token of its form.
    fn page(&mut self, path: &str, cookies: &str) -> String {
        let host = self.host();
        self.say(&format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nCookie: {cookies}\r\n\r\n"));
        let (code, page) = self.whole();
        assert_eq!(code, 200, "{page}");
        let token = page.split("name=\"csrf\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
        token.unwrap_or_default().to_owned()
    }

    fn whole(&mut self) -> (u16, String) {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(self.0.read_line(&mut head).unwrap(), 0, "an answer comes: {head}");
        }
        let length = head.to_lowercase().split("content-length: ").nth(1).map(str::to_owned);
        let length = length.and_then(|rest| rest.split("\r\n").next().and_then(|n| n.parse().ok()));
        let mut body = vec![0; length.unwrap_or(0)];
        self.0.read_exact(&mut body).unwrap();
        (head[9..12].parse().unwrap(), head + &String::from_utf8_lossy(&body))
    }
}

/// Signed in at the pages; the cookies.
fn signed_in(at: SocketAddr) -> String {
    let mut page = Kept::to(at);
    let token = page.page("/sign-in", "");
    page.post("/sign-in", "", &[("csrf", &token), ("email", "a@example.jp"), ("password", PASSWORD)]);
    let (code, head) = page.whole();
    assert_eq!(code, 303, "{head}");
    let cookies = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
    cookies.filter_map(|(_, value)| value.split(';').next()).collect::<Vec<_>>().join("; ")
}

#[test]
fn a_download_that_is_under_way_when_the_door_changes_is_finished() {
    const NOTE: usize = 9_000;
    const ROWS: usize = 1_200;
    let home = Home::ready();
    let vendor = Vendor::new(&home);
    let rows = (0..ROWS).map(|n| format!("a{n}@example.jp,{}\n", "x".repeat(NOTE))).collect::<String>();
    home.file("long.csv", format!("メールアドレス,メモ\n{rows}"));
    home.ask(&["contacts", "import", "long.csv"]).ok();
    let running = Running::start(&home, &vendor.program("0.1.0", json!({})), false, &[]);
    let cookies = signed_in(running.admin);
    let mut slow = Kept::to(running.admin);
    let token = slow.page("/contacts/export", &cookies);
    apply_during(&home, &vendor, || {
        slow.post("/contacts/export", &cookies, &[("csrf", &token), ("form", "csv")]);
        let mut head = [0; 12];
        slow.0.read_exact(&mut head).unwrap();
        assert_eq!(&head, b"HTTP/1.1 200");
    });
    let (mut rest, mut part) = (Vec::new(), vec![0; 1 << 20]);
    while !rest.ends_with(b"\r\n0\r\n\r\n") {
        let n = slow.0.read(&mut part).unwrap();
        assert_ne!(n, 0, "all of it comes, not {} bytes", rest.len());
        rest.extend_from_slice(&part[..n]);
    }
    assert!(rest.iter().filter(|b| **b == b'x').count() >= ROWS * NOTE);
    assert_eq!(running.end(), 0);
}

#[test]
fn a_door_that_cannot_have_what_it_needs_says_why_and_the_old_one_has_lost_nothing() {
    let home = Home::ready();
    let vendor = Vendor::new(&home);
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    home.file("cert.pem", made.cert.pem());
    home.file("key.pem", made.signing_key.serialize_pem());
    let tls = ["--https", "127.0.0.1:0", "--cert-file", "cert.pem", "--cert-key-file", "key.pem"];
    let running = Running::start(&home, &vendor.program("0.1.0", json!({})), false, &tls);
    std::fs::remove_file(home.path("key.pem")).unwrap();
    let told = apply(&home, &vendor, "0.2.0", json!({}));
    assert_eq!(step(&told)["ok"], false, "{told}");
    assert!(!step(&told)["detail"].as_str().unwrap().contains("has ended"), "it says why: {told}");
    let now = home.status();
    assert_eq!(now["door"]["pid"], running.pid());
    let second = home.ask(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(
        (second.exit, second.error()["kind"].as_str()),
        (6, Some("later")),
        "the lock is held: {}",
        second.stderr
    );
    Kept::to(running.admin).page("/sign-in", "");
    assert_eq!(home.status()["worker"]["pid"], now["worker"]["pid"]);
    assert_eq!(running.end(), 0);
}
