//! The door and its worker: what dies is replaced, and whoever asked meanwhile is answered.

use crate::load::house::free_port;
use crate::world::{Home, Serving, signal};
use hakobu::base::clock;
use hakobu::delivery::catcher::{Catcher, Offer};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

fn worker(status: &Value) -> u64 {
    status["worker"]["pid"].as_u64().unwrap()
}

/// Until the house says so; a minute is more than any bound of the door.
fn until(home: &Home, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let since = Instant::now();
    loop {
        let now = home.status();
        if wanted(&now) {
            return now;
        }
        assert!(since.elapsed() < Duration::from_secs(60), "{what}: {now}");
    }
}

/// One request on a connection of its own; an answer that is cut off is none.
fn ask(server: &Serving, head: &str, body: &str) -> Option<(u16, String)> {
    let host = server.url.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(host).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(60))).ok()?;
    let length = body.len();
    write!(stream, "{head}\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}").ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    Some((status, answer))
}

#[test]
fn a_worker_that_is_killed_again_and_again_loses_no_answer_and_no_acknowledged_write() {
    let home = Home::ready();
    let server = home.serve();
    let made = ["token", "create", "load", "--scope", "view,edit", "--user", "a@example.jp"];
    let made = home.ask(&made).ok();
    let token = made.stdout.split('"').find(|w| w.starts_with("hk_")).unwrap().to_owned();
    let over = AtomicBool::new(false);
    let (acknowledged, answered) = std::thread::scope(|threads| {
        let writers: Vec<_> = (0..2)
            .map(|n| {
                let (server, token, over) = (&server, &token, &over);
                threads.spawn(move || {
                    let head = format!(
                        "POST /api/v1/contacts HTTP/1.1\r\nAuthorization: Bearer {token}\r\n\
                         Content-Type: application/x-www-form-urlencoded"
                    );
                    let mut acknowledged = Vec::new();
                    for i in 0.. {
                        if over.load(Ordering::Acquire) {
                            break;
                        }
                        let email = format!("w{n}-{i}@example.jp");
                        let body = format!("email={}", email.replace('@', "%40"));
                        match ask(server, &head, &body).expect("every request is answered") {
                            (201, _) => acknowledged.push(email),
                            (503, answer) => assert!(answer.to_lowercase().contains("retry-after:"), "{answer}"),
                            (status, answer) => panic!("{status}: {answer}"),
                        }
                    }
                    acknowledged
                })
            })
            .collect();
        let reader = threads.spawn(|| {
            let mut answered = 0;
            while !over.load(Ordering::Acquire) {
                let (status, answer) = ask(&server, "GET /sign-in HTTP/1.1", "").expect("every request is answered");
                assert_eq!(status, 200, "{answer}");
                answered += 1;
            }
            answered
        });
        for _ in 0..3 {
            let before = until(&home, "running", |s| s["state"] == "running" && s["worker"].is_object());
            signal(worker(&before), "KILL");
            until(&home, "another worker", |s| {
                s["state"] == "running" && s["worker"]["pid"].as_u64().is_some_and(|pid| pid != worker(&before))
            });
        }
        over.store(true, Ordering::Release);
        let written: Vec<String> = writers.into_iter().flat_map(|w| w.join().unwrap()).collect();
        (written, reader.join().unwrap())
    });
    assert!(acknowledged.len() > 10 && answered > 10, "{} writes, {answered} reads", acknowledged.len());
    assert_eq!(server.end(), 0);
    home.ask(&["contacts", "export", "-o", "all.csv"]).ok();
    let all = std::fs::read_to_string(home.path("all.csv")).unwrap();
    let lost: Vec<_> = acknowledged.iter().filter(|email| !all.contains(email.as_str())).collect();
    assert!(lost.is_empty(), "{lost:?}");
}

#[test]
fn a_worker_that_stands_still_is_found_and_replaced() {
    let home = Home::ready();
    let server = home.serve();
    let before = worker(&home.status());
    signal(before, "STOP");
    let (code, answer) = ask(&server, "GET /sign-in HTTP/1.1", "").unwrap();
    assert_eq!(code, 200, "{answer}");
    assert_ne!(worker(&until(&home, "running", |s| s["state"] == "running")), before);
    assert_eq!(server.end(), 0);
}

#[test]
fn when_the_door_is_killed_the_worker_goes_too_and_another_server_starts() {
    let home = Home::ready();
    let server = home.serve();
    let pid = worker(&home.status());
    server.kill();
    assert_eq!(home.serve().end(), 0);
    // Nobody but init may be left to bury it.
    let left = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    assert!(left.is_empty() || left.contains(") Z "), "the worker has ended: {left}");
    assert_eq!(home.status()["state"], "stopped");
}

#[test]
fn status_names_both_processes_and_works_while_there_is_no_worker() {
    let home = Home::ready();
    let server = home.serve();
    let before = home.status();
    assert_eq!((&before["state"], before["admin"].as_str()), (&"running".into(), Some(server.url.as_str())));
    assert!(before["door"]["pid"].as_u64() != before["worker"]["pid"].as_u64() && before["contacts"] == 0, "{before}");
    // The second death in a row is followed by a pause, which is when there is none.
    signal(worker(&before), "KILL");
    let second = until(&home, "another worker", |s| {
        s["state"] == "running" && s["worker"]["pid"].as_u64().is_some_and(|pid| pid != worker(&before))
    });
    signal(worker(&second), "KILL");
    let between = until(&home, "no worker", |s| s["worker"]["pid"].as_u64() != Some(worker(&second)));
    assert!(["restarting", "running"].contains(&between["state"].as_str().unwrap()), "{between}");
    // A command waits for the next one.
    home.ask(&["contacts", "add", "a@example.jp"]).ok();
    assert_eq!(home.status()["contacts"], 1);
    assert_eq!(server.end(), 0);
}

#[test]
fn the_first_signal_ends_in_good_order_and_the_second_at_once() {
    let (home, catcher) = (Home::new(), Catcher::start(Offer::new(clock::now)).unwrap());
    home.setup(&["--relay", &format!("smtp://{}", catcher.addr())]).ok();
    let mut server = home.serve();
    let pid = worker(&home.status());
    // Somebody whose request does not come to its end holds the first one up.
    let host = server.url.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let mut slow = TcpStream::connect(&host).unwrap();
    write!(slow, "POST /sign-in HTTP/1.1\r\nHost: {host}\r\nContent-Length: 9\r\n\r\nabc").unwrap();
    let ready = ask(&server, "GET /sign-in HTTP/1.1", "").unwrap();
    assert_eq!(ready.0, 200);
    server.signal("TERM");
    while TcpStream::connect(&host).is_ok() {
        std::thread::yield_now();
    }
    assert!(!server.has_ended(), "the request is waited for");
    let began = Instant::now();
    server.signal("TERM");
    assert_eq!(server.ended(), 143);
    assert!(began.elapsed() < Duration::from_secs(2));
    gone(pid);
    assert_eq!(catcher.count(), 0, "whoever is in a hurry is not to be called");
    assert_eq!(home.serve().end(), 0);
}

/// Ended; nobody but init may be left to bury it.
fn gone(pid: u64) {
    let since = Instant::now();
    loop {
        let left = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        if left.is_empty() || left.contains(") Z ") {
            return;
        }
        assert!(since.elapsed() < Duration::from_secs(60), "it lives: {left}");
    }
}

#[test]
fn a_door_with_few_descriptors_turns_away_politely_and_goes_on() {
    let home = Home::ready();
    let few = "ulimit -n 256 && exec \"$0\" \"$@\"";
    let program = env!("CARGO_BIN_EXE_hakobu");
    let [admin, public] = [(); 2].map(|()| free_port().to_string());
    let mut command = home.command_of(std::path::Path::new("sh"), &["-c", few, program, "serve", "--data", "D"]);
    command.args(["--listen", &admin, "--http", &public, "--per-address", "10000"]);
    let mut child = command.stderr(std::process::Stdio::null()).spawn().unwrap();
    until(&home, "running", |s| s["state"] == "running");
    let (mut held, mut turned) = (Vec::new(), 0);
    for n in 0..400 {
        let mut stream = TcpStream::connect(if n % 2 == 0 { &admin } else { &public }).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        // Whoever is turned away may be told so before he has asked.
        write!(stream, "GET /healthz HTTP/1.1\r\nHost: {public}\r\n\r\n").ok();
        let mut answer = [0u8; 12];
        stream.read_exact(&mut answer).unwrap();
        match &answer[9..] {
            b"200" => held.push(stream),
            b"503" => turned += 1,
            other => panic!("{}", String::from_utf8_lossy(other)),
        }
    }
    assert!(held.len() > 60 && turned > 100, "{} held, {turned} turned away", held.len());
    // A command goes another way, and needs its own.
    home.ask(&["contacts", "add", "a@example.jp"]).ok();
    drop(held);
    let since = Instant::now();
    loop {
        let mut stream = TcpStream::connect(&public).unwrap();
        write!(stream, "GET /readyz HTTP/1.1\r\nHost: {public}\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok();
        if answer.starts_with("HTTP/1.1 200") {
            break;
        }
        assert!(since.elapsed() < Duration::from_secs(30), "{answer}");
    }
    signal(u64::from(child.id()), "TERM");
    assert!(child.wait().unwrap().success());
}

#[test]
fn lines_of_the_access_log_that_no_worker_took_lie_sealed_and_reach_one_after_a_restart() {
    let home = Home::ready();
    let server = home.serve();
    let sealed = home.path("D/door/access.sealed");
    // Without its key no worker comes back.
    let before = worker(&home.status());
    std::fs::rename(home.path("K"), home.path("away")).unwrap();
    signal(before, "KILL");
    gone(before);
    // What the door says by itself needs no worker.
    let (code, _) = ask(&server, "GET /%zz HTTP/1.1", "").unwrap();
    assert_eq!(code, 400);
    let since = Instant::now();
    while std::fs::metadata(&sealed).map_or(0, |m| m.len()) == 0 {
        assert!(since.elapsed() < Duration::from_secs(60), "a line lies there");
    }
    server.kill();
    std::fs::rename(home.path("away"), home.path("K")).unwrap();
    assert!(!String::from_utf8_lossy(&std::fs::read(&sealed).unwrap()).contains("127.0.0.1"));
    let server = home.serve();
    let since = Instant::now();
    while std::fs::metadata(&sealed).unwrap().len() > 0 {
        assert!(since.elapsed() < Duration::from_secs(60), "the next worker has taken them");
    }
    let now = home.status();
    assert_eq!(now["door"]["access_lines_lost"], 0, "{now}");
    assert_eq!(server.end(), 0);
}

#[test]
fn serve_with_the_wrong_key_says_so() {
    let home = Home::ready();
    let other = Home::ready();
    std::fs::copy(other.path("K"), home.path("K")).unwrap();
    let said = home.ask(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!((said.exit, said.error()["kind"].as_str()), (11, Some("wrong_key")));
}

#[test]
fn a_public_listener_answers_what_recipients_open_and_nothing_else() {
    let home = Home::ready();
    let mut command = home.command(&["serve", "--data", "D", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
    let mut child = command.stderr(std::process::Stdio::null()).spawn().unwrap();
    let since = Instant::now();
    let public = loop {
        let said = home.ask(&["status"]);
        let public = (said.exit == 0).then(|| said.json()["public"].as_str().unwrap_or_default().to_owned());
        if let Some(host) = public.as_deref().and_then(|p| p.strip_prefix("http://127.0.0.1:")) {
            break format!("127.0.0.1:{}", host.trim_end_matches('/'));
        }
        assert!(since.elapsed() < Duration::from_secs(60), "{}", said.stderr);
    };
    let get = |path: &str| {
        let mut stream = TcpStream::connect(&public).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {public}\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer[9..12].to_owned()
    };
    assert_eq!((get("/healthz").as_str(), get("/sign-in").as_str(), get("/settings").as_str()), ("200", "404", "404"));
    signal(u64::from(child.id()), "TERM");
    assert!(child.wait().unwrap().success());
}
