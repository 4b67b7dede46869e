//! What reaches the real socket: the door's requests, bodies too large, requests framed two ways, and others than the door.

use super::TestSite;
use crate::access::Role;
use crate::base::clock;
use crate::base::link::{RouteClass, Surface, header};
use crate::base::seal::Key;
use crate::base::spool::Spool;
use crate::web::answer::{Answer, Live};
use crate::web::brought::Brought;
use crate::web::request::Request;
use crate::web::server::{Serve, Server};
use data_encoding::HEXLOWER;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

struct Served {
    server: Option<Server>,
    site: TestSite,
}

fn served() -> Served {
    let mut site = TestSite::new();
    // The socket reads the real clock.
    site.now = clock::now();
    site.become_user(Role::Admin);
    let listener = UnixListener::bind(site.site.house.data().join("pages")).unwrap();
    let server = Server::start(&site.site.house, listener).unwrap();
    Served { server: Some(server), site }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop();
        }
    }
}

/// What the door says beside what the client said.
fn door(surface: Surface) -> String {
    let (name, from, id) = (header::SURFACE, header::FROM, header::ID);
    format!("{name}: {}\r\n{from}: 192.0.2.7\r\n{id}: ABC234\r\n", surface.name())
}

impl Served {
    fn connect(&self) -> UnixStream {
        let stream = UnixStream::connect(self.site.site.house.data().join("pages")).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream
    }

    /// The answer's head and as much of its body as it announces, on a connection that is kept.
    fn ask(stream: &mut UnixStream, request: &[u8]) -> String {
        stream.write_all(request).unwrap();
        let (mut got, mut piece) = (Vec::new(), [0u8; 4096]);
        loop {
            let n = stream.read(&mut piece).unwrap();
            got.extend_from_slice(&piece[..n]);
            let text = String::from_utf8_lossy(&got).into_owned();
            let Some((head, body)) = text.split_once("\r\n\r\n") else {
                assert_ne!(n, 0, "the connection ended: {text}");
                continue;
            };
            let length = head.lines().find_map(|l| l.strip_prefix("Content-Length: ")).and_then(|n| n.parse().ok());
            if n == 0 || length.is_some_and(|l: usize| body.len() >= l) {
                return text;
            }
        }
    }

    fn say(&self, request: &[u8]) -> String {
        Served::ask(&mut self.connect(), request)
    }

    fn session(&self) -> String {
        format!("Cookie: hakobu={}\r\n", self.site.cookies[0].1)
    }
}

#[test]
fn a_kept_connection_carries_one_request_after_the_other_also_after_a_body_that_nobody_wanted() {
    let served = served();
    let mut stream = served.connect();
    let door = door(Surface::Admin);
    for _ in 0..3 {
        let head = format!("POST /sign-in HTTP/1.1\r\nHost: localhost\r\n{door}Accept: application/json\r\n");
        let mut request = format!("{head}Content-Length: 1000000\r\n\r\n").into_bytes();
        request.resize(request.len() + 1_000_000, b'x');
        let said = Served::ask(&mut stream, &request);
        assert!(said.starts_with("HTTP/1.1 413") && said.contains("\"request\":\"ABC234\""), "{said}");
        let get = format!("GET /sign-in HTTP/1.1\r\nHost: localhost\r\n{door}\r\n");
        assert!(Served::ask(&mut stream, get.as_bytes()).starts_with("HTTP/1.1 200"));
    }
    let mut request = format!("POST /sign-in HTTP/1.1\r\nHost: localhost\r\n{door}Content-Length: 2000000\r\n\r\n");
    request.push_str(&"x".repeat(2_000_000));
    assert!(Served::ask(&mut stream, request.as_bytes()).starts_with("HTTP/1.1 413"), "longer than is kept in memory");
}

#[test]
fn a_request_framed_two_ways_is_not_guessed_at() {
    let served = served();
    let door = door(Surface::Admin);
    for framing in [
        "Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
        "Content-Length: 4\r\nContent-Length: 5\r\n",
    ] {
        let request = format!("POST /sign-in HTTP/1.1\r\nHost: localhost\r\n{door}{framing}\r\n0\r\n\r\n");
        assert!(served.say(request.as_bytes()).starts_with("HTTP/1.1 411"), "{framing}");
    }
    let ask = |line: &str, host: &str| served.say(format!("{line} HTTP/1.1\r\n{host}{door}\r\n").as_bytes());
    assert!(ask("GET /", "Host: evil.example\r\n").starts_with("HTTP/1.1 421"));
    assert!(ask("GET /", "").starts_with("HTTP/1.1 421"));
    assert!(ask("DELETE /sign-in", "Host: localhost\r\n").starts_with("HTTP/1.1 405"));
}

#[test]
fn whoever_is_not_the_door_gets_nothing() {
    let served = served();
    let session = served.session();
    for line in ["", "hakobu-surface: all\r\n", "hakobu-from: 127.0.0.1\r\n"] {
        let said = served.say(format!("GET /me HTTP/1.1\r\nHost: localhost\r\n{session}{line}\r\n").as_bytes());
        assert!(said.starts_with("HTTP/1.1 421"), "{said}");
    }
    let door = door(Surface::Admin);
    let said = served.say(format!("GET /me HTTP/1.1\r\nHost: localhost\r\n{session}{door}\r\n").as_bytes());
    assert!(said.starts_with("HTTP/1.1 200") && said.contains("X-Request-Id: ABC234"), "{said}");
}

#[test]
fn an_upload_is_read_from_the_doors_spool_file_and_written_nowhere_else() {
    let served = served();
    let spool = served.site.site.house.data().join("spool");
    let mut body = format!("--XX\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{}\r\n", served.site.csrf);
    body.push_str("--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\nemail\n");
    for n in 0..4_000 {
        body.push_str(&format!("person{n}@example.jp\n"));
    }
    body.push_str("\r\n--XX--\r\n");
    let key = Key::random().unwrap();
    let mut file = Spool::create(spool.join("door-test1"), &key).unwrap();
    file.write_all(body.as_bytes()).unwrap();
    file.finish().unwrap();
    let (session, door) = (served.session(), door(Surface::Admin));
    let head = format!(
        "POST /suppression/import HTTP/1.1\r\nHost: localhost\r\n{session}{door}\
         Content-Type: multipart/form-data; boundary=XX\r\n"
    );
    let said = |file: &str, length: usize| {
        let spooled = format!("{}: {file} {} {length}\r\n", header::SPOOL, HEXLOWER.encode(key.bytes()));
        served.say(format!("{head}{spooled}Content-Length: 0\r\n\r\n").as_bytes())
    };
    assert!(said("door-test1", body.len()).starts_with("HTTP/1.1 303"));
    assert_eq!(std::fs::read_dir(&spool).unwrap().count(), 1, "only the door's own file");
    let store = &served.site.site.house.store;
    assert_eq!(crate::contacts::suppression::count(store).unwrap(), 4_000);
    assert!(said("door-test1", body.len() + 1).starts_with("HTTP/1.1 422"), "another length than the file's");
    assert!(said("door-gone", body.len()).starts_with("HTTP/1.1 422"), "no such file");
    assert!(said("../house.lock", 5).starts_with("HTTP/1.1 421"), "not a plain name");
}

/// A page that never ends, and one that does.
struct Endless;

impl Serve for Endless {
    fn pass(&self, request: &Request, _: &Brought) -> Answer {
        let mut n = 0;
        let step = move |_| {
            n += 1;
            Ok(Live::Now(format!("{n}")))
        };
        if request.path == "/page" { Answer::text("page".into()) } else { Answer::events(Box::new(step)) }
    }

    fn route_classes(&self) -> Vec<RouteClass> {
        Vec::new()
    }
}

#[test]
fn streams_end_at_once_when_they_are_asked_to_and_pages_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pages");
    let server = Server::with(Arc::new(Endless), UnixListener::bind(&path).unwrap(), dir.path()).unwrap();
    let get = |url: &str| format!("GET {url} HTTP/1.1\r\nHost: localhost\r\n{}\r\n", door(Surface::Admin));
    let mut stream = UnixStream::connect(&path).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let until = |stream: &mut UnixStream, end: &str| {
        let (mut got, mut piece) = (String::new(), [0u8; 1024]);
        while !got.contains(end) {
            let n = stream.read(&mut piece).unwrap();
            assert_ne!(n, 0, "{got}");
            got.push_str(&String::from_utf8_lossy(&piece[..n]));
        }
    };
    stream.write_all(get("/events").as_bytes()).unwrap();
    until(&mut stream, "data: 1");
    let began = Instant::now();
    server.end_streams();
    until(&mut stream, "0\r\n\r\n");
    assert!(began.elapsed() < Duration::from_millis(900), "{:?}", began.elapsed());
    stream.write_all(get("/page").as_bytes()).unwrap();
    until(&mut stream, "\r\n\r\npage");
    // Who asks for a stream now gets what stands, and comes back later.
    stream.write_all(get("/events").as_bytes()).unwrap();
    until(&mut stream, "0\r\n\r\n");
    assert!(server.is_sound() && server.stuck_for() < Duration::from_secs(1));
    server.stop();
}
