//! A receiver that does nothing but answer: a thread for each connection, one write for whatever can be answered.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

pub struct Sink {
    port: u16,
    told: Arc<Told>,
}

#[derive(Default)]
struct Told {
    count: AtomicU64,
    bytes: AtomicU64,
    /// The first and the last message.
    span: Mutex<Option<(Instant, Instant)>>,
}

impl Sink {
    pub fn start(port: u16, delay: Duration) -> Sink {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        let (port, told) = (listener.local_addr().unwrap().port(), Arc::<Told>::default());
        let tell = Arc::clone(&told);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let told = Arc::clone(&tell);
                let small = std::thread::Builder::new().stack_size(128 << 10);
                small.spawn(move || converse(stream, &told, delay).ok()).unwrap();
            }
        });
        Sink { port, told }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn count(&self) -> u64 {
        self.told.count.load(Ordering::SeqCst)
    }

    pub fn bytes(&self) -> u64 {
        self.told.bytes.load(Ordering::SeqCst)
    }

    /// From the first message to the last.
    pub fn seconds(&self) -> f64 {
        let span = self.told.span.lock().unwrap();
        span.map_or(0.0, |(first, last)| last.duration_since(first).as_secs_f64()).max(1e-9)
    }
}

fn converse(mut stream: TcpStream, told: &Told, delay: Duration) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    stream.write_all(b"220 fast\r\n")?;
    let (mut had, mut some) = (Vec::new(), vec![0u8; 64 << 10]);
    let mut in_message = false;
    loop {
        let n = stream.read(&mut some)?;
        if n == 0 {
            return Ok(());
        }
        had.extend_from_slice(&some[..n]);
        let mut out = Vec::new();
        while let Some(used) = step(&had, &mut in_message, &mut out, told) {
            had.drain(..used);
        }
        if !out.is_empty() {
            wait(delay);
            stream.write_all(&out)?;
        }
    }
}

/// As long as a network would take, whatever wakes the thread.
fn wait(delay: Duration) {
    let until = Instant::now() + delay;
    while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        std::thread::park_timeout(left);
    }
}

/// Answers the next whole command or message; how long it was.
fn step(had: &[u8], in_message: &mut bool, out: &mut Vec<u8>, told: &Told) -> Option<usize> {
    if *in_message {
        let end = had.windows(5).position(|w| w == b"\r\n.\r\n")? + 5;
        *in_message = false;
        told.count.fetch_add(1, Ordering::SeqCst);
        told.bytes.fetch_add(end as u64, Ordering::SeqCst);
        let now = Instant::now();
        let mut span = told.span.lock().unwrap();
        *span = Some((span.map_or(now, |(first, _)| first), now));
        out.extend_from_slice(b"250 2.0.0 taken\r\n");
        return Some(end);
    }
    let end = had.windows(2).position(|w| w == b"\r\n")? + 2;
    let answer: &[u8] = match had.get(..4)? {
        b"EHLO" => b"250-fast\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 50000000\r\n",
        b"DATA" => {
            *in_message = true;
            b"354 go\r\n"
        }
        b"QUIT" => b"221 bye\r\n",
        _ => b"250 ok\r\n",
    };
    out.extend_from_slice(answer);
    Some(end)
}
