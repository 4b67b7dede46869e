//! Delivery as a customer does it: the binary sends a campaign straight to a receiver on this machine, every outcome
//! durable; beside what the machine can do at all. One JSON line per figure.
//!
//!     cargo bench --bench deliver                     100,000 recipients, 20 connections
//!     SIGN=1 cargo bench --bench deliver              the same, signed (RSA-2048)
//!     RECIPIENTS=1000000 CONNECTIONS=1000 DELAY_MS=20 cargo bench --bench deliver
//!
//! `C` is `smtp-source -s 10 -d -l 5000` into `smtp-sink` (Debian: postfix), `S` the signatures a second of `openssl speed
//! -multi 2 rsa2048`, both in the same run. The mail has 5 kB, five fields and five links.
//!
//! The goals: signed at least 0.80 × S, unsigned at least 2 × C.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used)] // prints its figures; a bench that cannot start has none

#[path = "../../tests/stories/world.rs"]
#[allow(dead_code)] // the stories use all of it
mod world;

mod fast;
mod peers;

use fast::Sink;
use hakobu::base::names::zone::Zone;
use serde_json::{Value, json};
use std::fmt::Write;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};
use world::Home;

fn main() {
    // Under `cargo test --bench deliver` it only shows that it still runs.
    let whole = std::env::args().any(|a| a == "--bench");
    let recipients = number("RECIPIENTS", if whole { 100_000 } else { 200 });
    let (connections, delay) = (number("CONNECTIONS", 20), Duration::from_millis(number("DELAY_MS", 0)));
    let signed = number("SIGN", 0) == 1;
    let (c, s) = if whole { (peers::smtp_source(), peers::signatures()) } else { (1.0, 1.0) };
    let house = House::new(recipients, connections, signed);
    let sink = Sink::start(house.port, delay);
    house.learn(sink.port());
    let sent = house.send();
    let rate = recipients as f64 / sink.seconds();
    assert_eq!(sink.count(), recipients, "{sent:?}");
    say(
        "deliver",
        json!({"recipients": recipients, "connections": connections, "delay_ms": delay.as_millis() as u64, "signed": signed,
            "bytes": sink.bytes() / recipients, "rate": rate, "whole_seconds": sent.seconds,
            "cpu_us": sent.cpu.as_secs_f64() * 1e6 / recipients as f64, "peak_mb": sent.peak_kb / 1024,
            "C": c, "to_C": rate / c, "S": s, "to_S": rate / s}),
    );
}

pub(crate) fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(usual)
}

fn say(figure: &str, mut value: Value) {
    value["figure"] = figure.into();
    println!("{value}");
}

struct House {
    home: Home,
    zone: Zone,
    campaign: String,
    connections: u64,
    port: u16,
}

/// What a whole `campaign send --wait` took.
#[derive(Debug)]
struct Sent {
    seconds: f64,
    cpu: Duration,
    peak_kb: u64,
}

impl House {
    fn new(recipients: u64, connections: u64, signed: bool) -> House {
        let (home, zone) = (Home::new(), Zone::start().unwrap());
        home.setup(&[]).ok();
        let boot = std::fs::read_to_string(home.path("D/hakobu.toml")).unwrap();
        home.file("D/hakobu.toml", format!("{boot}\n[mail]\ndns = [\"{}\"]\n", zone.addr()));
        zone.mail_host("fast.example", 10, "mx.fast.example").address("mx.fast.example", Ipv4Addr::LOCALHOST.into());
        let mut list = String::from("メールアドレス,姓,名,都道府県,会員番号,店舗\r\n");
        for n in 0..recipients {
            write!(list, "p{n}@fast.example,山田,花子,東京都,{n},銀座店\r\n").unwrap();
        }
        home.file("list.csv", list);
        home.file("wording.txt", "お知らせをメールで受け取ります。");
        home.file("mail.html", html());
        let consent = ["--consent-source", "店頭", "--consent-text-file", "wording.txt"];
        home.ask(&[&["contacts", "import", "list.csv"], &consent[..]].concat()).ok();
        let words =
            ["campaign", "create", "--name", "秋", "--from", "店 <news@news.example.jp>", "--html", "mail.html"];
        let made = home.ask(&[&words[..], &["--subject", "{{ 姓 }}様へ秋のご案内"]].concat()).ok().json();
        let campaign = made["campaign"].as_str().unwrap().to_owned();
        if signed {
            home.ask(&["mail", "dkim", "create", "--domain", "news.example.jp"]).ok();
            home.ask(&["mail", "dkim", "rotate", "--domain", "news.example.jp", "--now"]).ok();
        }
        House { home, zone, campaign, connections, port: 0 }
    }

    /// Where the sink listens.
    fn learn(&self, port: u16) {
        let (port, wide) = (port.to_string(), self.connections.to_string());
        let set = ["mail", "direct", "set", "--hello", "mail.news.example.jp", "--private", "--port", &port];
        self.home.ask(&set).ok();
        let limits = ["mail", "shaping", "set", "others", "--connections", &wide, "--per-connection", "10000"];
        self.home.ask(&limits).ok();
        assert!(self.zone.addr().port() > 0);
    }

    fn send(&self) -> Sent {
        let began = Instant::now();
        let words = ["campaign", "send", &self.campaign, "--data", "D", "--wait", "--json"];
        let mut child = self.home.command(&words).stdout(std::process::Stdio::null()).spawn().unwrap();
        let mut sent = Sent { seconds: 0.0, cpu: Duration::ZERO, peak_kb: 0 };
        // What the kernel has counted is gone with the process: it is looked at while it lives.
        while child.try_wait().unwrap().is_none() {
            if let Some((cpu, peak)) = usage(child.id()) {
                (sent.cpu, sent.peak_kb) = (cpu, peak);
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
        sent.seconds = began.elapsed().as_secs_f64();
        sent
    }
}

/// Processor time and peak memory of a process so far.
fn usage(pid: u32) -> Option<(Duration, u64)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit(") ").next()?.split(' ').collect();
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let peak = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?.trim().trim_end_matches(" kB").parse().ok()?;
    Some((Duration::from_millis(ticks * 10), peak))
}

/// Five links, five fields, and as much text as makes a mail of 5 kB.
fn html() -> String {
    let mut html =
        String::from("<h1>{{ 姓 }} {{ 名 }}様</h1><p>会員番号 {{ 会員番号 }}、{{ 都道府県 }}、{{ 店舗 }}</p>");
    for n in 1..=5 {
        write!(html, "<p><a href=\"https://shop.example.jp/autumn/{n}\">秋のご案内 {n}</a></p>").unwrap();
    }
    while html.len() < 1_300 {
        html.push_str("<p>いつもご利用いただきありがとうございます。店舗では秋の案内を配布しています。</p>");
    }
    html
}
