//! Hands what comes to a loopback address through the gate to the worker's pages, one request per connection, with the
//! door's headers. For one browser on this computer, and for nothing else.

use super::gate::{Gate, Turned};
use crate::base::link::header;
use crate::base::seal::{Key, random};
use crate::base::spool::{DOORS, Spool};
use crate::base::{Error, Result, limits};
use data_encoding::{BASE32_NOPAD, HEXLOWER};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub(super) struct Front {
    pub(super) address: SocketAddr,
    stop: Arc<AtomicBool>,
    accepting: std::thread::JoinHandle<()>,
}

struct Way {
    gate: Arc<Gate>,
    runtime: tokio::runtime::Handle,
    spool: PathBuf,
}

impl Front {
    pub(super) fn start(
        listen: SocketAddr,
        data: &Path,
        gate: &Arc<Gate>,
        runtime: &tokio::runtime::Handle,
    ) -> Result<Front> {
        let cannot = |e| {
            let at = listen.to_string();
            Error::io(say!("{at} で待ち受けられません。", "Cannot listen on {at}."), e)
        };
        let outer = TcpListener::bind(listen).map_err(cannot)?;
        let address = outer.local_addr().map_err(cannot)?;
        let way = Arc::new(Way { gate: Arc::clone(gate), runtime: runtime.clone(), spool: data.join("spool") });
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let accept = move || {
            for stream in outer.incoming().flatten() {
                if stopped.load(Ordering::Acquire) {
                    return;
                }
                let way = Arc::clone(&way);
                // A client that has gone needs no answer.
                std::thread::spawn(move || one(&way, stream).ok());
            }
        };
        let accepting = std::thread::Builder::new().name("front".into()).spawn(accept).map_err(cannot)?;
        Ok(Front { address, stop, accepting })
    }

    pub(super) fn stop(self) {
        self.stop.store(true, Ordering::Release);
        // Wakes the accepting thread.
        TcpStream::connect(self.address).ok();
        self.accepting.join().ok();
    }
}

fn one(way: &Way, mut client: TcpStream) -> io::Result<()> {
    let mut got = Vec::new();
    let end = loop {
        let mut piece = [0u8; 4096];
        let n = client.read(&mut piece)?;
        got.extend_from_slice(&piece[..n]);
        match got.windows(4).position(|w| w == b"\r\n\r\n") {
            Some(at) => break at,
            None if n == 0 || got.len() > 16 << 10 => return Ok(()),
            None => {}
        }
    };
    let text = String::from_utf8_lossy(&got[..end]).into_owned();
    let named = |line: &&str, name: &str| line.to_ascii_lowercase().starts_with(name);
    let length =
        text.split("\r\n").find(|l| named(l, "content-length:")).and_then(|l| l[15..].trim().parse::<u64>().ok());
    let mut head: Vec<String> = text
        .split("\r\n")
        .filter(|l| !["connection:", "expect:", header::PREFIX, "content-length:"].iter().any(|n| named(l, n)))
        .map(str::to_owned)
        .collect();
    if text.to_ascii_lowercase().contains("expect: 100-continue") {
        client.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    let id = random::<10>().map(|b| BASE32_NOPAD.encode(&b)).map_err(io::Error::other)?;
    head.push(format!("{}: admin\r\n{}: http\r\n{}: {id}", header::SURFACE, header::SCHEME, header::ID));
    head.push(format!("{}: {}\r\nConnection: close", header::FROM, client.peer_addr()?.ip()));
    let length = length.unwrap_or(0);
    let mut body = (&got[end + 4..]).chain(client.try_clone()?).take(length);
    let mut spooled = None;
    if length > limits::BODY_IN_MEMORY {
        let (key, name) = (Key::random().map_err(io::Error::other)?, format!("{DOORS}{}", id.to_ascii_lowercase()));
        let mut spool = Spool::create(way.spool.join(&name), &key).map_err(io::Error::other)?;
        io::copy(&mut body, &mut spool)?;
        spool.finish().map_err(io::Error::other)?;
        head.push(format!("{}: {name} {} {length}\r\nContent-Length: 0", header::SPOOL, HEXLOWER.encode(key.bytes())));
        spooled = Some(spool);
    } else {
        head.push(format!("Content-Length: {length}"));
    }
    let mut kept = Vec::new();
    body.read_to_end(&mut kept)?;
    let again = text.starts_with("GET ") || text.starts_with("HEAD ");
    loop {
        let pass = match way.runtime.block_on(way.gate.enter()) {
            Ok(pass) => pass,
            Err(Turned::Late | Turned::Crowded | Turned::Shut) => return client.write_all(LATER),
        };
        let sent = UnixStream::connect(&pass.behind.pages).and_then(|mut pages| {
            pages.write_all(format!("{}\r\n\r\n", head.join("\r\n")).as_bytes())?;
            pages.write_all(&kept)?;
            let mut first = [0u8; 4096];
            match pages.read(&mut first)? {
                0 => Err(io::ErrorKind::UnexpectedEof.into()),
                n => Ok((pages, first[..n].to_vec())),
            }
        });
        match sent {
            Ok((mut pages, first)) => {
                client.write_all(&first)?;
                io::copy(&mut pages, &mut client)?;
                drop(spooled);
                return Ok(());
            }
            // The worker is gone; the gate will be held in a moment.
            Err(_) if again => std::thread::park_timeout(limits::PROGRESS_EVERY),
            Err(_) => return client.write_all(LATER),
        }
    }
}

const LATER: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
