//! One request over a connection of its own or a kept one. Nothing is ever sent again: what a client that does not
//! retry would see is what counts.

use super::figures::Fault;
use super::plan::Way;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{HeaderMap, Request};
use hyper_util::rt::TokioIo;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpSocket;

/// Longer than a door holds a request.
pub const PATIENCE: Duration = Duration::from_secs(40);
const ANSWER_MAX: usize = 4 << 20;

/// What to ask, and where.
pub struct Call {
    pub to: SocketAddr,
    pub request: Request<Full<Bytes>>,
}

pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// Clients of many addresses, and the connections they keep.
pub struct Clients {
    /// They come from 127.0.1.1 and so many further addresses, so that a bound per address is not what is measured.
    addresses: u8,
    kept: Mutex<Vec<(SocketAddr, SendRequest<Full<Bytes>>)>>,
}

impl Clients {
    pub fn new(addresses: u8) -> Clients {
        Clients { addresses: addresses.max(1), kept: Mutex::default() }
    }

    pub async fn ask(&self, n: u32, way: Way, call: Call) -> Result<Reply, Fault> {
        let asked = self.once(n, way, call);
        tokio::time::timeout(PATIENCE, asked).await.unwrap_or(Err(Fault::Never))
    }

    async fn once(&self, n: u32, way: Way, mut call: Call) -> Result<Reply, Fault> {
        if way == Way::New {
            call.request.headers_mut().insert("connection", hyper::header::HeaderValue::from_static("close"));
        }
        let kept = if way == Way::Kept { self.take(call.to) } else { None };
        let mut connection = match kept {
            Some(connection) => connection,
            None => self.connect(n, call.to).await?,
        };
        let answer = connection.send_request(call.request).await.map_err(|_| Fault::Reset)?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, ANSWER_MAX).collect().await.map_err(|_| Fault::Reset)?.to_bytes();
        let stays = head.headers.get("connection").is_none_or(|c| c != "close");
        if way == Way::Kept && stays {
            self.kept.lock().unwrap_or_else(PoisonError::into_inner).push((call.to, connection));
        }
        Ok(Reply { status: head.status.as_u16(), headers: head.headers, body })
    }

    /// The one used last that still stands.
    fn take(&self, to: SocketAddr) -> Option<SendRequest<Full<Bytes>>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(_, c)| !c.is_closed());
        let at = kept.iter().rposition(|(addr, c)| *addr == to && c.is_ready())?;
        Some(kept.swap_remove(at).1)
    }

    async fn connect(&self, n: u32, to: SocketAddr) -> Result<SendRequest<Full<Bytes>>, Fault> {
        let from = IpAddr::V4(Ipv4Addr::new(127, 0, 1, 1 + (n % u32::from(self.addresses)) as u8));
        let connect = async {
            let socket = TcpSocket::new_v4()?;
            if to.ip().is_loopback() {
                socket.bind(SocketAddr::new(from, 0))?;
            }
            let stream = socket.connect(to).await?;
            stream.set_nodelay(true)?;
            Ok::<_, std::io::Error>(stream)
        };
        let stream = connect.await.map_err(|_| Fault::Refused)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|_| Fault::Reset)?;
        // How it ends is seen by whoever waits for an answer on it.
        tokio::spawn(async move { connection.await.ok() });
        Ok(sender)
    }
}
