//! What the worker gets, and what comes back.

use super::world::{Bell, World, exchange, one_chunk, receive, say};
use crate::base::link::Surface;
use crate::base::seal::Key;
use crate::base::spool::Reader;
use crate::base::{limits, link};
use crate::door::front::Rate;
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const GET: &str = "GET /p HTTP/1.1\r\nHost: a.example\r\n\r\n";
const POST: &str = "POST /p HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nhello";

#[test]
fn a_request_goes_through_and_connections_are_kept_on_both_sides() {
    let mut world = World::plain();
    let mut client = world.connect(Surface::Public);
    for _ in 0..3 {
        let answer = exchange(&mut client, GET.as_bytes());
        assert_eq!((answer.status, answer.text()), (200, "hello"));
        assert_eq!(answer.header("x-request-id").map(str::len), Some(16));
    }
    let heard = world.heard();
    assert!(heard.iter().all(|h| h.connection == 0), "one connection to the worker");
    assert_eq!(heard[0].all("hakobu-surface"), ["public"]);
    assert_eq!(heard[0].all("hakobu-scheme"), ["http"]);
    assert_eq!(heard[0].all("hakobu-from"), ["127.0.0.1"]);
    assert_eq!(heard[0].all("host"), ["a.example"]);
    let ids: std::collections::HashSet<_> = heard.iter().map(|h| h.all("hakobu-request")[0].to_owned()).collect();
    assert_eq!(ids.len(), 3);
    drop(client);
    let lines = world.lines();
    assert_eq!(lines.len(), 3);
    assert_eq!((lines[0].status, lines[0].bytes, lines[0].path.as_str()), (200, 5, "/p"));
}

#[test]
fn connections_that_rest_among_many_are_taken_up_again_by_their_next_request() {
    let generous = Rate { per_second: 10_000, burst: 10_000 };
    let world = World::with(
        |s| (s.bounds.per_address, s.bounds.address_rate) = (1_000, generous),
        |heard, out| say(out, &String::from_utf8_lossy(&heard.body)),
    );
    let many = limits::CONNECTIONS_WARM + 20;
    let mut clients: Vec<_> = (0..many).map(|_| world.connect(Surface::Public)).collect();
    for client in clients.iter_mut().chain(&mut [world.connect(Surface::Public)]) {
        for request in [POST, POST, GET, POST] {
            let answer = exchange(client, request.as_bytes());
            let want = if request == POST { "hello" } else { "" };
            assert_eq!((answer.status, answer.text()), (200, want));
        }
    }
    assert_eq!(world.heard().len(), 4 * (many + 1));
}

#[test]
fn requests_that_come_together_are_answered_one_after_the_other() {
    let world = World::with(|_| {}, |heard, out| say(out, &String::from_utf8_lossy(&heard.body)));
    let mut client = world.connect(Surface::Public);
    let post = |body: &str| format!("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    client.write_all([post("one"), post("second"), post("third")].concat().as_bytes()).unwrap();
    let said: Vec<String> = (0..3).map(|_| receive(&mut client, false).text().to_owned()).collect();
    assert_eq!(said, ["one", "second", "third"]);
}

#[test]
fn a_long_body_waits_sealed_and_the_worker_adopts_it_by_name_and_key() {
    let world = World::held(|_| {});
    let folder = world.folder.path().join("spool");
    let length = limits::BODY_KEPT * 2 + 77;
    world.worker("w", move |heard, out| {
        let spool = heard.all(link::header::SPOOL)[0].to_owned();
        let parts: Vec<&str> = spool.split(' ').collect();
        let sealed = std::fs::read(folder.join(parts[0]))?;
        let key = data_encoding::HEXLOWER.decode(parts[1].as_bytes()).unwrap();
        let file = std::fs::File::open(folder.join(parts[0]))?;
        let mut body = Vec::new();
        Reader::open(file, &Key::from_slice(&key).unwrap(), "spool").unwrap().read_to_end(&mut body)?;
        let fine = body.iter().all(|b| *b == b'a') && !sealed.windows(16).any(|w| w == [b'a'; 16]);
        say(out, &format!("{fine} {} {} {}", body.len(), parts[2], heard.all("content-length")[0]))
    });
    for chunked in [false, true] {
        let mut client = world.connect(Surface::Admin);
        let framing =
            if chunked { "Transfer-Encoding: chunked".to_owned() } else { format!("Content-Length: {length}") };
        write!(client, "POST /import HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n").unwrap();
        if chunked {
            write!(client, "{length:x}\r\n").unwrap();
        }
        client.write_all(&vec![b'a'; length]).unwrap();
        if chunked {
            client.write_all(b"\r\n0\r\n\r\n").unwrap();
        }
        let answer = receive(&mut client, false);
        assert_eq!(answer.text(), format!("true {length} {length} 0"), "{answer:?}");
    }
    let left = std::fs::read_dir(world.folder.path().join("spool")).unwrap().count();
    assert_eq!(left, 0, "the files went with the answers");
}

#[test]
fn answers_keep_their_meaning_and_lose_what_was_between_worker_and_door() {
    let world = World::with(
        |_| {},
        |heard, out| match heard.path() {
            "/p/none" => write!(out, "HTTP/1.1 204 No Content\r\nServer: t\r\n\r\n"),
            "/p/same" => write!(out, "HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\nContent-Length: 7\r\n\r\n"),
            "/p/part" => {
                write!(out, "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 1-2/9\r\nContent-Length: 2\r\n\r\nbc")
            }
            "/p/chunks" => {
                write!(out, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n")
            }
            "/p/hop" => write!(
                out,
                "HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Own\r\nX-Own: 1\r\nKeep-Alive: timeout=5\r\nUpgrade: x\r\n\
                 Proxy-Authenticate: x\r\nHakobu-Secret: 1\r\nX-Fine: 1\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 0\r\n\r\n"
            ),
            _ if heard.first.starts_with("HEAD") => write!(out, "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n"),
            _ => say(out, "hello"),
        },
    );
    let mut client = world.connect(Surface::Public);
    let mut ask = |method: &str, path: &str| {
        exchange(&mut client, format!("{method} {path} HTTP/1.1\r\nHost: a\r\nRange: bytes=1-2\r\n\r\n").as_bytes())
    };
    let none = ask("GET", "/p/none");
    assert_eq!((none.status, none.header("content-length"), none.header("transfer-encoding")), (204, None, None));
    let same = ask("GET", "/p/same");
    assert_eq!((same.status, same.header("etag")), (304, Some("\"1\"")));
    let part = ask("GET", "/p/part");
    assert_eq!((part.status, part.text(), part.header("content-range")), (206, "bc", Some("bytes 1-2/9")));
    let chunks = ask("GET", "/p/chunks");
    assert_eq!((chunks.text(), chunks.header("content-length")), ("hello", Some("5")));
    let hop = ask("GET", "/p/hop");
    for name in ["x-own", "keep-alive", "upgrade", "proxy-authenticate", "hakobu-secret", "connection"] {
        assert_eq!(hop.header(name), None, "{name}");
    }
    assert_eq!((hop.header("x-fine"), hop.head.matches("set-cookie").count()), (Some("1"), 2));
    let head = ask("HEAD", "/p");
    assert_eq!((head.status, head.header("content-length")), (200, Some("1234")));
    let head = ask("HEAD", "/admin");
    assert_eq!((head.status, head.header("content-length").is_some()), (404, true));
    // The connection is still in step after all of these.
    assert_eq!(ask("GET", "/p").text(), "hello");
}

#[test]
fn an_event_is_seen_before_the_next_one_is_written() {
    let bell = Arc::new(Bell::default());
    let world = World::with(|_| {}, {
        let bell = Arc::clone(&bell);
        move |_, out| {
            write!(out, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")?;
            for text in ["data: 1\n\n", "data: 2\n\n"] {
                write!(out, "{:x}\r\n{text}\r\n", text.len())?;
                bell.wait();
            }
            write!(out, "0\r\n\r\n")
        }
    });
    let mut client = world.connect(Surface::Public);
    client.write_all(GET.as_bytes()).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0u8; 1];
        client.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    assert_eq!(one_chunk(&mut client), b"data: 1\n\n");
    assert_eq!(world.gate.in_flight(), 1, "a stream holds up a drain until the worker ends it");
    bell.ring();
    assert_eq!(one_chunk(&mut client), b"data: 2\n\n");
    bell.ring();
    assert_eq!(one_chunk(&mut client), b"");
    assert_eq!(exchange_twice(&world), "the front goes on");
}

fn exchange_twice(world: &World) -> &'static str {
    world.worker("after", |_, out| say(out, "the front goes on"));
    let answer = world.public(GET);
    if answer.text() == "the front goes on" { "the front goes on" } else { "it does not" }
}

#[test]
fn a_reader_who_takes_his_time_holds_up_no_switch() {
    let long = "x".repeat(limits::ANSWER_KEPT - 1);
    let world = World::with(|_| {}, move |_, out| say(out, &long));
    let mut client = world.connect(Surface::Public);
    client.write_all(GET.as_bytes()).unwrap();
    client.read_exact(&mut [0u8; 1]).unwrap();
    world.gate.hold();
    assert!(world.gate.empty_within(Duration::from_secs(5)));
    let mut rest = vec![0u8; limits::ANSWER_KEPT - 1];
    client.read_exact(&mut rest).unwrap();
}

#[test]
fn an_answer_that_is_too_long_to_keep_flows_through_whole() {
    let world = World::with(
        |_| {},
        |heard, out| match heard.path() {
            "/p" => say(out, &"x".repeat(3 << 20)),
            _ => {
                write!(out, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
                for _ in 0..48 {
                    write!(out, "10000\r\n{}\r\n", "y".repeat(0x10000))?;
                }
                write!(out, "0\r\n\r\n")
            }
        },
    );
    let mut client = world.connect(Surface::Public);
    for (path, letter) in [("/p", b'x'), ("/p/chunks", b'y'), ("/p", b'x')] {
        let answer = exchange(&mut client, format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
        assert!(answer.body.len() == 3 << 20 && answer.body.iter().all(|b| *b == letter), "{path}");
    }
}

#[test]
fn a_request_that_came_during_a_hold_is_answered_by_the_next_worker() {
    let mut world = World::plain();
    world.public(GET);
    world.gate.hold();
    let mut client = world.connect(Surface::Public);
    client.write_all(POST.as_bytes()).unwrap();
    while world.gate.waiting() == 0 {
        std::thread::yield_now();
    }
    world.front.as_ref().unwrap().let_go();
    world.worker("second", |_, out| say(out, "from the second"));
    assert_eq!(receive(&mut client, false).text(), "from the second");
    assert_eq!(world.gate.held().requests, 1);
    drop(client);
    assert_eq!(world.lines().len(), 2);
}

#[test]
fn a_worker_that_dies_over_a_deed_gets_it_never_twice() {
    let deeds = Arc::new(AtomicUsize::new(0));
    let world = World::with(|_| {}, {
        let deeds = Arc::clone(&deeds);
        move |_, _| {
            deeds.fetch_add(1, Ordering::SeqCst);
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
    });
    let answer = world.public(POST);
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")));
    assert_eq!(deeds.load(Ordering::SeqCst), 1);
    // Looking twice does no harm, but not for ever.
    assert_eq!(world.public(GET).status, 503);
    assert_eq!(deeds.load(Ordering::SeqCst), 3);
}

#[test]
fn what_never_reached_a_dead_worker_waits_for_the_next_one() {
    let world = World::held(|_| {});
    world.gate.open(world.folder.path().join("nobody"), "/nowhere".into(), super::world::routes());
    let mut client = world.connect(Surface::Public);
    client.write_all(POST.as_bytes()).unwrap();
    while world.gate.in_flight() == 0 {
        std::thread::yield_now();
    }
    world.worker("second", |heard, out| say(out, &String::from_utf8_lossy(&heard.body)));
    assert_eq!(receive(&mut client, false).text(), "hello");
}

#[test]
fn a_kept_connection_that_the_worker_closed_is_not_a_failure() {
    let world = World::with(
        |_| {},
        |_, out| {
            say(out, "hello")?;
            out.shutdown(std::net::Shutdown::Both)
        },
    );
    for _ in 0..20 {
        assert_eq!(world.public(GET).status, 200);
    }
}

#[test]
fn a_deed_goes_on_in_the_eyes_of_the_gate_when_its_client_has_gone() {
    let (begun, go_on) = (Arc::new(Bell::default()), Arc::new(Bell::default()));
    let world = World::with(|_| {}, {
        let (begun, go_on) = (Arc::clone(&begun), Arc::clone(&go_on));
        move |_, out| {
            begun.ring();
            go_on.wait();
            say(out, "done")
        }
    });
    let mut client = world.connect(Surface::Public);
    client.write_all(POST.as_bytes()).unwrap();
    begun.wait();
    drop(client);
    while world.front.as_ref().unwrap().figures().connections > 0 {
        std::thread::yield_now();
    }
    assert_eq!(world.gate.in_flight(), 1);
    go_on.ring();
    while world.gate.in_flight() > 0 {
        std::thread::yield_now();
    }
}
