//! What nobody who means well sends.

use super::world::{World, exchange, receive};
use crate::base::limits;
use crate::base::link::Surface;
use std::io::{Read, Write};

/// The answer, and that the connection ended with it: what followed was not taken for a request.
fn refused(world: &World, bytes: &[u8], status: &[u16]) {
    let mut client = world.connect(Surface::Public);
    let answer = exchange(&mut client, bytes);
    let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned();
    assert!(status.contains(&answer.status), "{shown:?} got {answer:?}");
    let mut rest = Vec::new();
    client.shutdown(std::net::Shutdown::Write).ok();
    client.read_to_end(&mut rest).ok();
    assert!(rest.is_empty(), "{shown:?} got a second answer");
}

#[test]
fn what_could_be_read_as_two_requests_is_refused_and_ends_the_connection() {
    let world = World::plain();
    let hidden = "GET /p/hidden HTTP/1.1\r\nHost: a\r\n\r\n";
    for lines in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
        "Content-Length: 0\r\nContent-Length: 35\r\n",
        "Content-Length: 35\r\nContent-Length: 35\r\n",
        "Content-Length: 0, 35\r\n",
        "Content-Length: +35\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "X: 1\r\n Transfer-Encoding: chunked\r\n",
        "X: 1\nTransfer-Encoding: chunked\r\n",
        "X: 1\r\r\n",
        "X: \0\r\n",
        ": no name\r\n",
    ] {
        refused(&world, format!("POST /p HTTP/1.1\r\nHost: a\r\n{lines}\r\n0\r\n\r\n{hidden}").as_bytes(), &[400]);
    }
    assert!(world.heard().is_empty());
}

#[test]
fn bad_chunks_are_refused_and_good_ones_become_one_length() {
    let world = World::plain();
    let post = |body: &str| format!("POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
    for body in
        ["z\r\n", "-1\r\nx\r\n0\r\n\r\n", "3\r\nabcd\r\n0\r\n\r\n", "FFFFFFFFFFFFFFFFF\r\n", "3\nabc\r\n0\r\n\r\n"]
    {
        refused(&world, post(body).as_bytes(), &[400]);
    }
    assert!(world.heard().is_empty());
    let fine = post("3;name=value\r\nabc\r\n2\r\nde\r\n0\r\nX-Trailer: 1\r\n\r\n");
    assert_eq!(world.public(&fine).status, 200);
    let heard = world.heard().remove(0);
    assert_eq!((heard.body.as_slice(), heard.all("content-length")), (&b"abcde"[..], vec!["5"]));
    assert!(heard.all("transfer-encoding").is_empty() && heard.all("x-trailer").is_empty());
}

#[test]
fn a_path_that_means_another_one_or_nothing_is_refused() {
    let world = World::plain();
    for path in [
        "/p/../admin",
        "/p/%2e%2e/admin",
        "/%2E./admin",
        "/p/..%2fadmin",
        "/p/%00",
        "/p/%FF",
        "/p/%c0%ae",
        "/p/%0d%0aX:%201",
        "/p/%",
        "/p/\u{7f}",
        "*",
        "p",
        "http://b.example/p",
        "http://a@a.example/p",
        "//\\",
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n");
        let answer = world.public(&request);
        assert!(matches!(answer.status, 400 | 404), "{path} got {answer:?}");
    }
    for raw in [&b"GET /p/\xff HTTP/1.1\r\nHost: a\r\n\r\n"[..], b"GET /p/\0 HTTP/1.1\r\nHost: a\r\n\r\n"] {
        refused(&world, raw, &[400]);
    }
    for lines in ["", "Host: a\r\nHost: a\r\n", "Host: a b\r\n", "Host: a/b\r\n", "Host:\r\n"] {
        refused(&world, format!("GET /p HTTP/1.1\r\n{lines}\r\n").as_bytes(), &[400]);
    }
    assert!(world.heard().is_empty());
    let absolute = "GET http://a.example/p?q=1 HTTP/1.1\r\nHost: a.example\r\n\r\n";
    assert_eq!(world.public(absolute).status, 200);
    assert_eq!(world.heard()[0].path(), "/p?q=1");
}

#[test]
fn everything_oversized_is_refused_before_it_is_read() {
    let world = World::plain();
    let long = "a".repeat(limits::URL_MAX);
    refused(&world, format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes(), &[414]);
    let many: String = (0..=limits::HEADERS_MAX).map(|n| format!("X-{n}: 1\r\n")).collect();
    refused(&world, format!("GET /p HTTP/1.1\r\nHost: a\r\n{many}\r\n").as_bytes(), &[400, 431]);
    let large = format!("GET /p HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "a".repeat(limits::HEAD_MAX));
    refused(&world, large.as_bytes(), &[400, 431]);
    let announced = "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000000\r\nExpect: 100-continue\r\n\r\n";
    refused(&world, announced.as_bytes(), &[413]);
    let endless = format!(
        "POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        format!("4000\r\n{}\r\n", "a".repeat(0x4000)).repeat(5)
    );
    refused(&world, endless.as_bytes(), &[413]);
    // Nothing is taken with a request that has no body by its route.
    let with_body = "GET /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
    refused(&world, with_body.as_bytes(), &[413]);
    assert!(world.heard().is_empty());
}

#[test]
fn whoever_asks_before_sending_is_told_to_go_on() {
    let world = World::plain();
    let mut client = world.connect(Surface::Public);
    client.write_all(b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n").unwrap();
    let mut go_on = [0u8; 25];
    client.read_exact(&mut go_on).unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    client.write_all(b"hello").unwrap();
    assert_eq!(receive(&mut client, false).status, 200);
    assert_eq!(world.heard()[0].body, b"hello");
}

#[test]
fn a_client_cannot_say_what_only_the_door_may_say() {
    let world = World::plain();
    let forged = "GET /p HTTP/1.1\r\nHost: a\r\nHakobu-From: 1.2.3.4\r\nHAKOBU-SURFACE: admin\r\nhakobu-scheme: https\r\n\
        hakobu-spool: x y 1\r\nhakobu-new: 1\r\nX-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\n\
        X-Real-IP: 1.2.3.4\r\nForwarded: for=1.2.3.4\r\nConnection: X-Own, keep-alive\r\nX-Own: 1\r\nTE: trailers\r\n\
        Upgrade: h2c\r\nAccept: */*\r\n\r\n";
    assert_eq!(world.public(forged).status, 200);
    let mut names: Vec<String> = world.heard()[0].headers.iter().map(|(n, _)| n.clone()).collect();
    names.sort_unstable();
    assert_eq!(names, ["accept", "hakobu-from", "hakobu-request", "hakobu-scheme", "hakobu-surface", "host"]);
    let heard = world.heard().remove(0);
    assert_eq!((heard.all("hakobu-surface"), heard.all("hakobu-from")), (vec!["public"], vec!["127.0.0.1"]));
}

#[test]
fn tunnels_and_echoes_are_refused() {
    let world = World::plain();
    for request in
        ["CONNECT a:443 HTTP/1.1\r\nHost: a:443", "TRACE /p HTTP/1.1\r\nHost: a", "BREW /p HTTP/1.1\r\nHost: a"]
    {
        let answer = world.public(format!("{request}\r\nConnection: close\r\n\r\n"));
        assert_eq!(answer.status, 405, "{request}");
    }
    assert!(world.heard().is_empty());
}

#[test]
fn what_is_no_http_ends_cleanly() {
    let world = World::plain();
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"\0\0\0\0",
        b"SSH-2.0-x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let mut client = world.connect(Surface::Public);
        client.write_all(bytes).unwrap();
        client.shutdown(std::net::Shutdown::Write).unwrap();
        let mut said = Vec::new();
        client.read_to_end(&mut said).ok();
        assert!(said.is_empty() || said.starts_with(b"HTTP/1.1 4"), "{said:?}");
    }
    assert_eq!(world.public("GET /p HTTP/1.1\r\nHost: a\r\n\r\n").status, 200);
}
