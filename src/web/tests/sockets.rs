//! What reaches a real socket: bodies too large, lengths that lie, requests framed two ways.

use super::TestSite;
use crate::web::server::Server;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

struct Served {
    server: Option<Server>,
    _site: TestSite,
}

fn served() -> Served {
    let site = TestSite::new();
    let server = Server::start(&site.site.house, "127.0.0.1:0".parse().unwrap()).unwrap();
    Served { server: Some(server), _site: site }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop();
        }
    }
}

impl Served {
    /// The answer's head and as much of its body as it announces.
    fn say(&self, request: &[u8]) -> String {
        let address = self.server.as_ref().unwrap().address();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.write_all(request).unwrap();
        let (mut got, mut piece) = (Vec::new(), [0u8; 4096]);
        loop {
            let n = stream.read(&mut piece).unwrap();
            got.extend_from_slice(&piece[..n]);
            let text = String::from_utf8_lossy(&got).into_owned();
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let length = head.lines().find_map(|l| l.strip_prefix("Content-Length: ")).and_then(|n| n.parse().ok());
            if n == 0 || length.is_some_and(|l: usize| body.len() >= l) {
                return text;
            }
        }
    }

    fn get(&self) -> String {
        self.say(b"GET /sign-in HTTP/1.1\r\nHost: localhost\r\n\r\n")
    }
}

#[test]
fn a_length_that_would_fill_the_memory_is_answered_and_the_server_lives_on() {
    let served = served();
    for length in ["100000000000", "18446744073709551615", "99999999999999999999999", "-1", "abc", "70000000"] {
        let request = format!(
            "POST /sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {length}\r\n\r\nemail=a"
        );
        let said = served.say(request.as_bytes());
        assert!(said.starts_with("HTTP/1.1 413") || said.starts_with("HTTP/1.1 411"), "{length}: {said}");
    }
    assert!(served.get().starts_with("HTTP/1.1 200"));
}

#[test]
fn ten_megabytes_where_ten_kilobytes_are_expected_get_a_page_and_nothing_else() {
    let served = served();
    let mut request =
        b"POST /sign-in HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\nContent-Length: 10485760\r\n\r\n"
            .to_vec();
    request.resize(request.len() + 10_485_760, b'x');
    let said = served.say(&request);
    assert!(said.starts_with("HTTP/1.1 413") && said.contains("\"kind\":\"refused\""), "{said}");
    assert!(served.get().starts_with("HTTP/1.1 200"));
}

#[test]
fn a_request_framed_two_ways_is_not_guessed_at() {
    let served = served();
    for framing in [
        "Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
        "Content-Length: 4\r\nContent-Length: 5\r\n",
    ] {
        let request = format!("POST /sign-in HTTP/1.1\r\nHost: localhost\r\n{framing}\r\n0\r\n\r\n");
        assert!(served.say(request.as_bytes()).starts_with("HTTP/1.1 411"), "{framing}");
    }
    assert!(served.say(b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n").starts_with("HTTP/1.1 421"));
    assert!(served.say(b"GET / HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 421"));
    assert!(served.say(b"DELETE /sign-in HTTP/1.1\r\nHost: localhost\r\n\r\n").starts_with("HTTP/1.1 405"));
}
