//! Connections that are only held: half a header, a body byte by byte, a kept connection that asks nothing. Whatever
//! the server closes is opened again, so that there are always as many.

use super::plan::mixed;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// How long between two bytes of one that trickles.
const TRICKLE: Duration = Duration::from_millis(700);

#[derive(Default)]
pub struct Counts {
    pub open: AtomicUsize,
    /// Opened over all, refused a connection, closed by the server.
    pub opened: AtomicUsize,
    pub refused: AtomicUsize,
    pub closed: AtomicUsize,
}

pub struct Held {
    stop: Arc<AtomicBool>,
    pub counts: Arc<Counts>,
    thread: std::thread::JoinHandle<()>,
}

/// `count` connections from `addresses` addresses to `to`; `path` is a page that is answered.
pub struct Hold {
    pub to: SocketAddr,
    pub path: String,
    pub count: usize,
    pub addresses: usize,
}

impl Hold {
    pub fn start(self) -> Held {
        let (stop, counts) = (Arc::new(AtomicBool::new(false)), Arc::<Counts>::default());
        let (told, counted) = (Arc::clone(&stop), Arc::clone(&counts));
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let hold = Arc::new(self);
                for n in 0..hold.count {
                    tokio::spawn(one(n, Arc::clone(&hold), Arc::clone(&counted)));
                    // Not all in one moment: that is another test.
                    if n % 50 == 49 {
                        tokio::time::sleep(Duration::from_millis(10)).await;
                    }
                }
                while !told.load(Ordering::Acquire) {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            });
        });
        Held { stop, counts, thread }
    }
}

impl Held {
    pub fn open(&self) -> usize {
        self.counts.open.load(Ordering::Acquire)
    }

    pub fn end(self) {
        self.stop.store(true, Ordering::Release);
        self.thread.join().unwrap();
    }
}

/// One place, taken again and again.
async fn one(n: usize, hold: Arc<Hold>, counts: Arc<Counts>) {
    loop {
        match connect(n, &hold).await {
            Ok(stream) => {
                counts.opened.fetch_add(1, Ordering::AcqRel);
                counts.open.fetch_add(1, Ordering::AcqRel);
                // It ends when the server ends it.
                held(n, &hold, stream).await.ok();
                counts.open.fetch_sub(1, Ordering::AcqRel);
                counts.closed.fetch_add(1, Ordering::AcqRel);
            }
            Err(_) => {
                counts.refused.fetch_add(1, Ordering::AcqRel);
            }
        }
        // A server that sheds is not hammered: a tenth to half of a second.
        tokio::time::sleep(Duration::from_millis(100 + mixed(n as u64) % 400)).await;
    }
}

async fn connect(n: usize, hold: &Hold) -> std::io::Result<TcpStream> {
    let address = n % hold.addresses;
    let from = Ipv4Addr::new(127, 1, (address / 250) as u8, 1 + (address % 250) as u8);
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(from.into(), 0))?;
    socket.connect(hold.to).await
}

async fn held(n: usize, hold: &Hold, mut stream: TcpStream) -> std::io::Result<()> {
    let (host, path) = (hold.to, &hold.path);
    match n % 3 {
        // Half a header, and nothing more.
        0 => stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nX-Half: ").as_bytes()).await?,
        // A body that comes byte by byte.
        1 => {
            let head = format!(
                "POST /u/held-{n} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
                 Content-Length: 60000\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).await?;
            return trickle(stream).await;
        }
        // One request, and then silence on a kept connection.
        _ => stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).await?,
    }
    let mut bytes = [0u8; 4096];
    while stream.read(&mut bytes).await? > 0 {}
    Ok(())
}

async fn trickle(mut stream: TcpStream) -> std::io::Result<()> {
    let mut bytes = [0u8; 4096];
    loop {
        tokio::select! {
            read = stream.read(&mut bytes) => if read? == 0 { return Ok(()) },
            () = tokio::time::sleep(TRICKLE) => stream.write_all(b"a").await?,
        }
    }
}
