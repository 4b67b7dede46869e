//! What is long under way when an update switches: an event stream, an upload, a download. Each is finished, or is told
//! cleanly that it has ended; none is cut off without a word.

use crate::load::house::Running;
use crate::rehearsal::Vendor;
use crate::world::{Home, Said};
use hakobu::base::clock;
use hakobu::delivery::Step;
use hakobu::delivery::catcher::{Act, Catcher, Offer, Rule};
use serde_json::json;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

const BOUNDARY: &str = "----crossing";

fn connect(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(300))).unwrap();
    stream
}

fn token(home: &Home, scopes: &str) -> String {
    let made = home.ask(&["token", "create", "crossing", "--scope", scopes, "--user", "a@example.jp"]).ok().json();
    made["secret"].as_str().unwrap().to_owned()
}

fn version(home: &Home) -> String {
    home.ask(&["status"]).ok().json()["version"].as_str().unwrap().to_owned()
}

fn apply(home: &Home, bundle: &Path) -> Said {
    home.ask(&["update", "apply", "--file", bundle.to_str().unwrap(), "--probation", "1"])
}

/// A house at 0.1.0 that serves, and a bundle of 0.2.0.
fn world(home: &Home) -> (Running, std::path::PathBuf) {
    let vendor = Vendor::new(home);
    let bundle = vendor.bundle("0.2.0", json!({"table": true}));
    (Running::start(home, &vendor.program("0.1.0", json!({})), false, &[]), bundle)
}

/// Status and headers; the body is still to be read.
fn head(from: &mut impl BufRead) -> (u16, Vec<String>) {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        assert!(from.read_line(&mut line).unwrap() > 0, "an answer that ends in its head: {lines:?}");
        match line.trim_end() {
            "" => break,
            text => lines.push(text.to_ascii_lowercase()),
        }
    }
    (lines[0][9..12].parse().unwrap(), lines)
}

/// The next chunk; empty at the proper end of a body. Anything else that ends it is no end.
fn chunk(from: &mut impl BufRead) -> Vec<u8> {
    let mut line = String::new();
    assert!(from.read_line(&mut line).unwrap() > 0, "cut off between two chunks");
    let length = usize::from_str_radix(line.trim(), 16).unwrap();
    let mut bytes = vec![0; length + 2];
    from.read_exact(&mut bytes).expect("a whole chunk");
    assert!(bytes.ends_with(b"\r\n"));
    bytes.truncate(length);
    bytes
}

/// A campaign that goes on for as long as its relay asks everybody to come later.
fn sending(home: &Home, catcher: &Catcher) -> String {
    let later = Act::Say("450 4.2.0 later".into());
    catcher.rule(Rule { at: Step::Rcpt, whom: None, times: None, act: later });
    home.file("list.csv", "email\ntaro@example.jp\n");
    home.file("wording.txt", "新商品のお知らせをメールで受け取ることに同意します。");
    let consent = ["--consent-source", "店頭", "--consent-text-file", "wording.txt"];
    home.ask(&[&["contacts", "import", "list.csv"][..], &consent].concat()).ok();
    home.file("mail.html", "<p>秋の新作が届きました。</p>");
    let words = ["campaign", "create", "--name", "秋", "--subject", "秋のご案内", "--html", "mail.html"];
    let campaign = home.ask(&[&words[..], &["--from", "運ぶ商店 <news@news.example.jp>"]].concat()).ok().json();
    campaign["campaign"].as_str().unwrap().to_owned()
}

#[test]
fn an_event_stream_ends_properly_at_the_switch_and_the_browser_finds_the_new_release() {
    let (home, catcher) = (Home::new(), Catcher::start(Offer::new(clock::now)).unwrap());
    home.setup(&["--relay", &format!("smtp://{}", catcher.addr())]).ok();
    let campaign = sending(&home, &catcher);
    let token = token(&home, "view");
    let (running, bundle) = world(&home);
    home.ask(&["campaign", "send", &campaign]).ok();
    let open = || {
        let mut stream = connect(running.admin);
        let host = running.admin;
        write!(
            stream,
            "GET /campaigns/{campaign}/live HTTP/1.1\r\nHost: {host}\r\nAccept: text/event-stream\r\n\
             Authorization: Bearer {token}\r\n\r\n"
        )
        .unwrap();
        let mut stream = BufReader::new(stream);
        let (status, lines) = head(&mut stream);
        assert!(status == 200 && lines.iter().any(|l| l == "transfer-encoding: chunked"), "{lines:?}");
        let first = String::from_utf8(chunk(&mut stream)).unwrap();
        assert!(first.starts_with("event: now\n"), "{first}");
        stream
    };
    let mut stream = open();
    std::thread::scope(|threads| {
        let applying = threads.spawn(|| apply(&home, &bundle));
        // Whatever it still says, its end is the one that the browser takes for "come again".
        while !chunk(&mut stream).is_empty() {}
        assert_eq!(applying.join().unwrap().ok().json()["result"], "updated");
    });
    assert_eq!(version(&home), "0.2.0");
    drop(open());
    assert_eq!(running.end(), 0);
}

/// 64 MB, or as many as `HAKOBU_UPLOAD_MB` says (1024 takes a minute, and 3 GB of disk).
fn megabytes() -> usize {
    std::env::var("HAKOBU_UPLOAD_MB").ok().and_then(|n| n.parse().ok()).unwrap_or(64)
}

#[test]
fn an_upload_that_is_half_way_at_the_switch_is_finished_after_it_and_found() {
    let home = Home::ready();
    let token = token(&home, "view,import");
    let (running, bundle) = world(&home);
    let head_of_part = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"list.csv\"\r\n\
         Content-Type: text/csv\r\n\r\nemail,note\r\nfirst@example.jp,{}\r\n",
        "a".repeat(100)
    );
    let tail = format!("last@example.jp,end\r\n\r\n--{BOUNDARY}--\r\n");
    // Rows as an import takes them: their number says whether all of it came.
    let row = |n: usize| format!("{n:010}@example.jp,{}\r\n", "x".repeat(1000));
    let rows = megabytes() * (1 << 20) / row(0).len();
    let length = head_of_part.len() + rows * row(0).len() + tail.len();
    let mut stream = connect(running.admin);
    let host = running.admin;
    write!(
        stream,
        "POST /contacts/import HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nContent-Length: {length}\r\n\
         Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n{head_of_part}"
    )
    .unwrap();
    let mut half = std::io::BufWriter::with_capacity(1 << 20, &mut stream);
    for n in 0..rows / 2 {
        half.write_all(row(n).as_bytes()).unwrap();
    }
    half.flush().unwrap();
    drop(half);
    assert_eq!(apply(&home, &bundle).ok().json()["result"], "updated");
    let mut rest = std::io::BufWriter::with_capacity(1 << 20, &mut stream);
    for n in rows / 2..rows {
        rest.write_all(row(n).as_bytes()).unwrap();
    }
    rest.write_all(tail.as_bytes()).unwrap();
    rest.flush().unwrap();
    drop(rest);
    let (status, lines) = head(&mut BufReader::new(stream));
    assert_eq!(status, 303, "{lines:?}");
    let place = lines.iter().find_map(|l| l.strip_prefix("location: ")).unwrap();
    assert!(place.starts_with("/contacts/import/"), "{place}");
    let get = |path: &str| {
        let mut stream = connect(running.admin);
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    // Ids tell small letters from capital ones, so the place is asked for as it was said.
    let page = get(place);
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("first@example.jp"), "{page}");
    assert_eq!(version(&home), "0.2.0");
    assert_eq!(running.end(), 0);
}

#[test]
fn a_download_that_somebody_reads_slowly_is_waited_for_and_whole() {
    let home = Home::ready();
    // Long values, so that few contacts are many bytes: more than the system keeps on the way.
    let wide: String = (0..400)
        .fold("email,メモ\r\n".to_owned(), |all, n| all + &format!("c{n}@example.jp,{}\r\n", "長".repeat(9_000)));
    home.file("wide.csv", wide);
    home.file("wording.txt", "同意します。");
    let consent = ["--consent-source", "店頭", "--consent-text-file", "wording.txt"];
    home.ask(&[&["contacts", "import", "wide.csv"][..], &consent].concat()).ok();
    let token = token(&home, "view,export");
    let (running, bundle) = world(&home);
    let mut stream = connect(running.admin);
    rustix::net::sockopt::set_socket_recv_buffer_size(&stream, 64 << 10).unwrap();
    let host = running.admin;
    let body = "form=csv&segment=";
    write!(
        stream,
        "POST /contacts/export HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nContent-Length: {}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut stream = BufReader::with_capacity(16 << 10, stream);
    let (status, lines) = head(&mut stream);
    assert!(status == 200 && lines.iter().any(|l| l == "transfer-encoding: chunked"), "{lines:?}");
    let mut all = chunk(&mut stream);
    std::thread::scope(|threads| {
        let applying = threads.spawn(|| apply(&home, &bundle));
        let since = Instant::now();
        // Nothing is read until the house comes to rest for the switch.
        while !std::fs::read_to_string(home.path("D/trial.jsonl")).unwrap_or_default().contains("\"quiesce\"") {
            assert!(since.elapsed() < Duration::from_secs(120) && !applying.is_finished(), "the switch comes");
            std::thread::park_timeout(Duration::from_millis(1));
        }
        loop {
            match chunk(&mut stream) {
                end if end.is_empty() => break,
                more => all.extend(more),
            }
        }
        assert_eq!(applying.join().unwrap().ok().json()["result"], "updated");
    });
    let text = String::from_utf8(all).unwrap();
    assert_eq!((text.matches("@example.jp").count(), text.matches('長').count()), (400, 400 * 9_000));
    assert_eq!(version(&home), "0.2.0");
    assert_eq!(running.end(), 0);
}
