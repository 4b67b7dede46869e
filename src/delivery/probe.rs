//! Whether an address of ours answers: one small request, asked as a reader's browser would ask it. The name is looked
//! up, the certificate checked, a redirect read and not followed. Private addresses are as good as any: the address is
//! the house's own setting, nobody else's words.

use super::engine::runtime;
use super::smtp::session::{Guard, Trust};
use super::smtp::wire::Stream;
use super::smtp::{Trouble, Waits};
use crate::base::{limits, resolve};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The beginning of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    pub status: u16,
    /// Where a redirect leads.
    pub location: Option<String>,
}

/// Asks for `path` below a public URL. `None` when nothing answers within `limits::PROBE_WAIT`.
pub fn probe(url: &str, path: &str) -> Option<Heard> {
    let place = Place::of(url)?;
    let asked = async { timeout(limits::PROBE_WAIT, ask(&place, path)).await };
    runtime().ok()?.block_on(asked).ok()?
}

#[derive(Debug, PartialEq, Eq)]
struct Place {
    tls: bool,
    host: String,
    port: u16,
    /// As it stands in the URL, for the header.
    authority: String,
    below: String,
}

impl Place {
    fn of(url: &str) -> Option<Place> {
        let (scheme, rest) = url.split_once("://")?;
        let tls = scheme == "https";
        let (authority, below) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
            _ => (authority, if tls { 443 } else { 80 }),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        (!host.is_empty()).then(|| Place { tls, host, port, authority: authority.into(), below: below.into() })
    }
}

async fn ask(place: &Place, path: &str) -> Option<Heard> {
    let mut stream = connect(place).await.ok()?;
    let Place { authority, below, .. } = place;
    let request = format!(
        "GET {below}{path} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: hakobu\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.ok()?;
    stream.flush().await.ok()?;
    let mut read = Vec::new();
    loop {
        if let Some(end) = read.windows(4).position(|w| w == b"\r\n\r\n") {
            return heard(&read[..end]);
        }
        // Enough of a head without an end: what is wanted stands at its beginning.
        if read.len() > limits::PROBE_HEAD || stream.read_buf(&mut read).await.ok()? == 0 {
            return heard(&read);
        }
    }
}

async fn connect(place: &Place) -> Result<Box<dyn Stream>, Trouble> {
    let silent = || Trouble::Later(say!("応答がありません。", "No answer."));
    let mut found = None;
    for ip in resolve::addresses(&place.host).await? {
        // The next address gets its turn while there is time.
        if let Ok(Ok(stream)) =
            timeout(limits::PROBE_WAIT / 2, TcpStream::connect(SocketAddr::new(ip, place.port))).await
        {
            found = Some(stream);
            break;
        }
    }
    let stream: Box<dyn Stream> = Box::new(found.ok_or_else(silent)?);
    match place.tls {
        true => {
            Trust::of_machine(None)?
                .protect(stream, (&place.host, Guard::Implicit), &Waits::all(limits::PROBE_WAIT))
                .await
        }
        false => Ok(stream),
    }
}

fn heard(head: &[u8]) -> Option<Heard> {
    let head = String::from_utf8_lossy(head);
    let mut lines = head.split("\r\n");
    let status = lines.next()?.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
    let location = lines.filter_map(|l| l.split_once(':')).find(|(name, _)| name.eq_ignore_ascii_case("location"));
    Some(Heard { status, location: location.map(|(_, value)| value.trim().to_owned()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;

    /// Answers one request with these bytes and tells what was asked.
    fn once(answer: &'static str) -> (String, std::thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let (mut asked, mut some) = (Vec::new(), [0; 512]);
            while !asked.ends_with(b"\r\n\r\n") {
                let n = stream.read(&mut some).unwrap();
                asked.extend_from_slice(&some[..n]);
            }
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8(asked).unwrap()
        });
        (url, asked)
    }

    #[test]
    fn what_answers_is_told_and_a_redirect_is_not_followed() {
        let (url, asked) = once("HTTP/1.1 303 See Other\r\nlocation: /assets/x/logo.svg\r\nContent-Length: 0\r\n\r\n");
        let heard = probe(&format!("{url}/news"), "/favicon.ico").unwrap();
        assert_eq!(heard, Heard { status: 303, location: Some("/assets/x/logo.svg".into()) });
        let asked = asked.join().unwrap();
        assert!(asked.starts_with("GET /news/favicon.ico HTTP/1.1\r\nHost: 127.0.0.1:"), "{asked}");
    }

    #[test]
    fn silence_and_nonsense_are_no_answer() {
        let (url, _asked) = once("220 mail.example.jp ESMTP\r\n\r\n");
        assert_eq!(probe(&url, "/"), None);
        let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert_eq!(probe(&format!("http://{nobody}"), "/"), None);
        // Encryption where none is spoken.
        let (url, _asked) = once("HTTP/1.1 200 OK\r\n\r\n");
        assert_eq!(probe("https://", "/"), None);
        assert_eq!(probe(&url, "/").map(|h| h.status), Some(200));
    }

    #[test]
    fn a_url_names_host_port_and_what_lies_below() {
        let place = |tls, host: &str, port, authority: &str, below: &str| {
            Some(Place { tls, host: host.into(), port, authority: authority.into(), below: below.into() })
        };
        for (url, want) in [
            ("https://news.example.jp", place(true, "news.example.jp", 443, "news.example.jp", "")),
            ("http://127.0.0.1:8080/a", place(false, "127.0.0.1", 8080, "127.0.0.1:8080", "/a")),
            ("https://[::1]", place(true, "::1", 443, "[::1]", "")),
            ("https://[::1]:8443", place(true, "::1", 8443, "[::1]:8443", "")),
            ("https://host:port", None),
            ("nonsense", None),
        ] {
            assert_eq!(Place::of(url), want, "{url}");
        }
    }
}
