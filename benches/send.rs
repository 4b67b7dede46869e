//! A run of personalised mails of 5 kB to a local smtp-sink, beside a bare smtp-source to the same sink with the
//! same sessions and size. One JSON line per figure.
//!
//!     cargo bench --bench send                 100,000 recipients, 10 connections
//!     RECIPIENTS=1000000 CONNECTIONS=20 cargo bench --bench send
#![allow(clippy::print_stdout, clippy::expect_used)] // prints its figures; a bench that cannot start has none

use hakobu::base::seal::Key;
use hakobu::base::{Email, Error, Result, Time, clock, ids::ContactId, ids::RunId};
use hakobu::delivery::{Ended, Finish, Ledger, Letter, Letters, Policy, Relay, SCHEMA, Skip, Steer, Work, run};
use hakobu::store::Store;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

const SIZE: usize = 5_000;

/// A template with three fields, rendered per recipient and encoded as a campaign's would be.
struct Post {
    templates: minijinja::Environment<'static>,
}

impl Post {
    fn new() -> Result<Post> {
        let line = "いつもご利用いただきありがとうございます。{{ 姓 }}様の{{ 都道府県 }}の店舗では秋の案内を配布しています。\n";
        let mut templates = minijinja::Environment::new();
        let mut body = String::from("{{ 姓 }}様\n会員番号 {{ 会員番号 }}\n");
        while body.len() < SIZE * 7 / 10 {
            body.push_str(line);
        }
        templates.add_template_owned("body", body).map_err(Error::bug)?;
        Ok(Post { templates })
    }
}

impl Letters for Post {
    fn domains(&self, contacts: &[ContactId]) -> Result<Vec<Option<String>>> {
        Ok(vec![Some("example.jp".to_owned()); contacts.len()])
    }

    fn letter(&self, run: RunId, contact: ContactId, _now: Time) -> Result<Result<Letter, Skip>> {
        let fields = minijinja::context! { 姓 => format!("山田{}", contact.0 % 97), 都道府県 => "東京都", 会員番号 => contact.0 };
        let text = self.templates.get_template("body").and_then(|t| t.render(fields)).map_err(Error::bug)?;
        let base64 = data_encoding::BASE64.encode(text.as_bytes());
        let mut message = format!(
            "From: <news@example.jp>\r\nTo: <{contact}@example.jp>\r\nSubject: =?UTF-8?B?56eL44Gu5qGI5YaF?=\r\n\
             Message-ID: <{run}.{contact}@example.jp>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Content-Transfer-Encoding: base64\r\n\r\n"
        )
        .into_bytes();
        for line in base64.as_bytes().chunks(76) {
            message.extend_from_slice(line);
            message.extend_from_slice(b"\r\n");
        }
        Ok(Ok(Letter {
            from: Email::parse("news@example.jp")?,
            to: Email::parse(&format!("{contact}@example.jp"))?,
            message,
        }))
    }
}

struct Sink(Child, u16);

impl Sink {
    fn start() -> Sink {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
        let mut command = Command::new("/usr/sbin/smtp-sink");
        if rustix::process::getuid().is_root() {
            command.args(["-u", "nobody"]);
        }
        let child = command.args([&format!("127.0.0.1:{port}"), "1000"]).spawn().expect("smtp-sink (Debian: postfix)");
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::park_timeout(Duration::from_millis(20));
        }
        Sink(child, port)
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _gone = self.0.kill().and_then(|()| self.0.wait());
    }
}

fn number(name: &str, usual: i64) -> i64 {
    std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(usual)
}

/// Messages a second of a bare smtp-source.
fn bare(sink: &Sink, messages: i64, sessions: i64) -> f64 {
    let began = Instant::now();
    let (m, s, l, at) = (messages.to_string(), sessions.to_string(), SIZE.to_string(), format!("127.0.0.1:{}", sink.1));
    let args = ["-d", "-s", &s, "-m", &m, "-l", &l, &at];
    let done = Command::new("/usr/sbin/smtp-source").args(args).stdout(Stdio::null()).status().expect("smtp-source");
    assert!(done.success());
    messages as f64 / began.elapsed().as_secs_f64()
}

/// Messages a second of a run, the run's own peak memory in MB, and the size of one message.
fn ours(sink: &Sink, recipients: i64, connections: i64) -> Result<(f64, u64, usize)> {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (store, _code) = Store::create(dir.path(), &Key::random()?, &[SCHEMA])?;
    let ledger = Ledger::create(&store, RunId(1))?;
    let began = Instant::now();
    for first in (1..=recipients).step_by(10_000) {
        let page: Vec<_> = (first..(first + 10_000).min(recipients + 1)).map(ContactId).collect();
        ledger.add(&page, Time(1))?;
    }
    ledger.complete()?;
    say("ledger_rows_per_second", recipients as f64 / began.elapsed().as_secs_f64(), recipients);
    let post = Post::new()?;
    let size = post.letter(RunId(1), ContactId(1), Time(1))?.map_or(0, |letter| letter.message.len());
    let work = Work {
        ledger: &ledger,
        route: &Relay::parse(&format!("smtp://127.0.0.1:{}", sink.1))?.into(),
        letters: &post,
        finish: &Finish::default(),
        steer: &Steer::new(),
        policy: Policy { connections: connections as usize, ..Policy::default() },
        clock: Arc::new(clock::now),
    };
    std::fs::write("/proc/self/clear_refs", "5").ok();
    let began = Instant::now();
    assert_eq!(run(&work)?, Ended::Done);
    let rate = recipients as f64 / began.elapsed().as_secs_f64();
    assert_eq!(ledger.counts()?.sent, recipients as u64);
    Ok((rate, peak_mb(), size))
}

fn peak_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap_or("");
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap_or(0) / 1024
}

fn say(figure: &str, value: f64, of: i64) {
    println!("{}", serde_json::json!({"figure": figure, "value": (value * 1000.0).round() / 1000.0, "recipients": of}));
}

fn main() -> Result<()> {
    let (recipients, connections) = (number("RECIPIENTS", 100_000), number("CONNECTIONS", 10));
    let sink = Sink::start();
    let (_, small_mb, size) = ours(&sink, recipients / 10, connections)?;
    say("message_bytes", size as f64, 1);
    say("peak_mb", small_mb as f64, recipients / 10);
    let source = bare(&sink, recipients, connections);
    say("smtp_source_per_second", source, recipients);
    let (rate, mb, _) = ours(&sink, recipients, connections)?;
    say("sent_per_second", rate, recipients);
    say("ratio_to_smtp_source", rate / source, recipients);
    say("peak_mb", mb as f64, recipients);
    Ok(())
}
