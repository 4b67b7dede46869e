//! The door: what it costs beside nginx, what it holds, and how soon a large house answers. One JSON line per figure.
//!
//!     cargo bench --bench door                        all three; needs nginx and wrk (Debian)
//!     cargo bench --bench door -- relay               requests a second beside nginx with a file of the same size
//!     cargo bench --bench door -- held                10,000 slow and idle connections, and everybody else's p99
//!     cargo bench --bench door -- cold                start of the process to first answer, 1,000,000 contacts
//!
//! `CONTACTS`, `HELD`, `SECONDS`, `ROUNDS` and `RATE` change the sizes; `KEEP=DIR` keeps the house for the next time.
//!
//! The goals: `ratio` at least 0.25, `p99_ratio` under 2, `more_mib` under 100, `cold_ms` under 300.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used)] // prints its figures; a bench that cannot start has none

#[path = "../tests/load/mod.rs"]
mod load;
#[path = "../tests/stories/world.rs"]
#[allow(dead_code)] // the stories use all of it
mod world;

use load::figures::Figures;
use load::hold::Hold;
use load::house::{Loaded, Running, Size, free_port};
use load::open::{Load, Settings};
use load::plan::Mix;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A page of the worker that needs no link of a mail.
const PAGE: &str = "/u/test";
/// What nobody has, asked by many: limited for each address, not for all.
const HELD_PAGE: &str = "/assets/none/x";

fn main() {
    // Under `cargo test --bench door` it only shows that it still runs.
    let whole = std::env::args().any(|a| a == "--bench");
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let wants = |name: &str| wanted.is_empty() || wanted.iter().any(|w| w == name);
    let seconds = |large: u64| Duration::from_secs(number("SECONDS", if whole { large } else { 1 }));
    let contacts = number("CONTACTS", if whole { 1_000_000 } else { 1_000 }) as usize;
    let kept = std::env::var_os("KEEP").map(PathBuf::from);
    let loaded = Loaded::new(Size { contacts, links: 200 }, kept.as_deref());
    if wants("cold") {
        cold(&loaded, contacts, number("ROUNDS", if whole { 9 } else { 1 }));
    }
    if wants("relay") {
        relay(&loaded, seconds(10), number("ROUNDS", if whole { 3 } else { 1 }));
    }
    if wants("held") {
        held(&loaded, seconds(20), number("HELD", if whole { 10_000 } else { 300 }) as usize);
    }
}

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(usual)
}

fn say(figure: &str, mut value: Value) {
    value["figure"] = figure.into();
    println!("{value}");
}

fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Start of the process to the end of the first answer by the worker.
fn cold(loaded: &Loaded, contacts: usize, rounds: u64) {
    let mut times = Vec::new();
    for _ in 0..rounds {
        let running = loaded.serve(false, &[]);
        while !answered(running.public) {
            std::thread::park_timeout(Duration::from_millis(1));
        }
        times.push(running.began.elapsed().as_secs_f64() * 1000.0);
        assert_eq!(running.end(), 0);
    }
    let slowest = times.iter().copied().fold(0.0, f64::max);
    say(
        "cold_start",
        json!({"contacts": contacts, "rounds": rounds, "cold_ms": middle(times), "slowest_ms": slowest, "goal_ms": 300}),
    );
}

fn answered(to: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(to) else { return false };
    let mut answer = String::new();
    let asked = write!(stream, "GET {PAGE} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\n\r\n");
    asked.is_ok() && stream.read_to_string(&mut answer).is_ok() && answer.starts_with("HTTP/1.1 200")
}

/// Both answer the same client in turn, so that what else the machine does meets both.
fn relay(loaded: &Loaded, time: Duration, rounds: u64) {
    let running = loaded.serve(false, &[]);
    let path = small_page();
    let page = body(running.admin, &path);
    assert!(!page.is_empty());
    let nginx = Nginx::start(&page);
    for connections in [1, 16, 64] {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            theirs.push(wrk(nginx.at, "/page", connections, time));
            ours.push(wrk(running.admin, &path, connections, time));
        }
        let rate = |runs: &[Wrk]| middle(runs.iter().map(|w| w.rate).collect());
        let p99 = |runs: &[Wrk]| middle(runs.iter().map(|w| w.p99).collect());
        say(
            "relay",
            json!({"bytes": page.len(), "connections": connections, "rounds": rounds,
                "rate": rate(&ours), "nginx_rate": rate(&theirs), "ratio": rate(&ours) / rate(&theirs),
                "p99_ms": p99(&ours), "nginx_p99_ms": p99(&theirs),
                "errors": ours.iter().map(|w| w.errors).sum::<u64>(),
                "nginx_errors": theirs.iter().map(|w| w.errors).sum::<u64>(), "goal_ratio": 0.25}),
        );
    }
}

/// A picture of half a kilobyte, a whole one with its headers, that the worker serves to everybody however often:
/// links are limited one by one.
fn small_page() -> String {
    use sha2::{Digest, Sha256};
    let hash = Sha256::digest(include_bytes!("../assets/empty.svg"));
    format!("/assets/{}/empty.svg", data_encoding::HEXLOWER.encode(&hash[..6]))
}

fn body(at: SocketAddr, path: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(at).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let head = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
    answer.split_off(head)
}

struct Nginx {
    child: Child,
    at: SocketAddr,
    _dir: tempfile::TempDir,
}

impl Nginx {
    /// With its access log on, as ours is.
    fn start(page: &[u8]) -> Nginx {
        let (dir, at) = (tempfile::tempdir().unwrap(), free_port());
        let root = dir.path().display();
        std::fs::write(dir.path().join("page"), page).unwrap();
        let user = if rustix::process::getuid().is_root() { "user root;" } else { "" };
        let conf = format!(
            "daemon off; pid {root}/pid; error_log {root}/error.log; {user} worker_processes auto;\n\
             events {{ worker_connections 4096; }}\n\
             http {{ access_log {root}/access.log; default_type text/html; keepalive_requests 1000000;\n\
             client_body_temp_path {root}/a; proxy_temp_path {root}/b; fastcgi_temp_path {root}/c;\n\
             uwsgi_temp_path {root}/d; scgi_temp_path {root}/e;\n\
             server {{ listen {at}; root {root}; }} }}\n"
        );
        std::fs::write(dir.path().join("conf"), conf).unwrap();
        let program = if Path::new("/usr/sbin/nginx").exists() { "/usr/sbin/nginx" } else { "nginx" };
        let mut command = Command::new(program);
        command.arg("-c").arg(dir.path().join("conf")).stderr(Stdio::null());
        let child = command.spawn().expect("nginx (Debian: nginx)");
        let began = Instant::now();
        while TcpStream::connect(at).is_err() {
            assert!(began.elapsed() < Duration::from_secs(10), "nginx listens");
            std::thread::park_timeout(Duration::from_millis(5));
        }
        Nginx { child, at, _dir: dir }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // SIGTERM, so that its workers end with it.
        let pid = self.child.id().to_string();
        Command::new("kill").arg(pid).status().ok();
        self.child.wait().ok();
    }
}

struct Wrk {
    rate: f64,
    p99: f64,
    errors: u64,
}

fn wrk(at: SocketAddr, path: &str, connections: u32, time: Duration) -> Wrk {
    let (c, d) = (connections.to_string(), format!("{}s", time.as_secs()));
    let out = Command::new("wrk")
        .args(["-t", "1", "-c", &c, "-d", &d, "--latency", &format!("http://{at}{path}")])
        .output()
        .expect("wrk (Debian: wrk)");
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let after = |name: &str| text.lines().find_map(|l| l.trim().strip_prefix(name)).map(str::trim);
    let count = |part: &str| part.rsplit(' ').next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
    let errors = after("Socket errors:").map_or(0, |l| l.split(',').map(count).sum::<u64>());
    let others = after("Non-2xx or 3xx responses:").map_or(0, count);
    Wrk {
        rate: after("Requests/sec:").and_then(|r| r.parse().ok()).unwrap_or_else(|| panic!("{text}")),
        p99: after("99%").map_or(f64::NAN, millis),
        errors: errors + others,
    }
}

/// `850.00us`, `1.20ms`, `2.00s`.
fn millis(text: &str) -> f64 {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let number: f64 = text.trim_end_matches(unit).parse().unwrap_or(f64::NAN);
    match unit {
        "us" => number / 1000.0,
        "ms" => number,
        _ => number * 1000.0,
    }
}

/// Everybody else's requests with and without the slow ones.
fn held(loaded: &Loaded, time: Duration, count: usize) {
    let running = loaded.serve(true, &[]);
    let target = Arc::new(loaded.target(&running, 0));
    let rate = number("RATE", 200) as f64;
    let life = time;
    let load = || {
        let settings = Settings { mix: Mix::READING, rate, most: usize::MAX, life, addresses: 64 };
        Figures::of(&Load::start(settings, target.clone()).finish())
    };
    // Warm: the first requests fill caches and connections.
    load();
    let (quiet, before) = (load(), Memory::of(&running));
    let hold = Hold { to: running.public, path: HELD_PAGE.into(), count, addresses: 200 }.start();
    let began = Instant::now();
    while hold.open() < count * 99 / 100 && began.elapsed() < Duration::from_secs(60) {
        std::thread::park_timeout(Duration::from_millis(50));
    }
    let (busy, open, during) = (load(), hold.open(), Memory::of(&running));
    let counts = [&hold.counts.opened, &hold.counts.refused, &hold.counts.closed];
    let [opened, refused, closed] = counts.map(|n| n.load(std::sync::atomic::Ordering::Acquire));
    hold.end();
    let after = load();
    say(
        "held",
        json!({"wanted": count, "open": open, "opened": opened, "refused": refused, "closed_by_server": closed,
            "rate": rate, "quiet": quiet.json(), "busy": busy.json(), "after": after.json(),
            "p99_ratio": busy.p99 / quiet.p99, "goal_p99_ratio": 2,
            "door_mib": [before.mib, during.mib], "more_mib": during.mib - before.mib, "goal_more_mib": 100,
            "door_threads": [before.threads, during.threads]}),
    );
}

struct Memory {
    mib: f64,
    threads: u64,
}

impl Memory {
    fn of(running: &Running) -> Memory {
        let status = std::fs::read_to_string(format!("/proc/{}/status", running.pid())).unwrap();
        let value = |name: &str| {
            let line = status.lines().find_map(|l| l.strip_prefix(name)).unwrap_or_default();
            line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0)
        };
        Memory { mib: (value("VmRSS:") / 102) as f64 / 10.0, threads: value("Threads:") }
    }
}
