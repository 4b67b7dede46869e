//! Whom a conversation is with: where it is, how the way there is protected, and who we are to it.

use super::{Trouble, Waits};
use crate::base::smtp::{Login, Tls};
use crate::base::{Error, Say, resolve};
use crate::delivery::Relay;
use std::net::{IpAddr, SocketAddr};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// How the way is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::delivery) enum Guard {
    Plain,
    /// TLS with a certificate that is trusted, or nothing.
    StartTls,
    /// The same from the first byte.
    Implicit,
    /// TLS with whatever certificate, where it is offered: better than none, and what mail hosts do among each other.
    Opportunistic,
}

pub(in crate::delivery) struct Peer<'a> {
    pub(in crate::delivery) host: &'a str,
    /// Where the host is; empty: its name is looked up.
    pub(in crate::delivery) at: Vec<IpAddr>,
    pub(in crate::delivery) port: u16,
    pub(in crate::delivery) guard: Guard,
    pub(in crate::delivery) login: Option<&'a Login>,
    /// Our name; none: this machine's.
    pub(in crate::delivery) hello: Option<&'a str>,
    /// The address of ours that the connection comes from; none: the system chooses.
    pub(in crate::delivery) from: Option<IpAddr>,
}

impl<'a> Peer<'a> {
    pub(in crate::delivery) fn relay(relay: &'a Relay) -> Peer<'a> {
        let guard = match relay.tls {
            Tls::Plain => Guard::Plain,
            Tls::StartTls => Guard::StartTls,
            Tls::Implicit => Guard::Implicit,
        };
        let login = relay.login.as_ref();
        Peer { host: &relay.host, at: Vec::new(), port: relay.port, guard, login, hello: None, from: None }
    }

    pub(super) async fn connect(&self, waits: &Waits) -> Result<TcpStream, Trouble> {
        let (host, port) = (self.host, self.port);
        let found = match self.at.is_empty() {
            false => self.at.clone(),
            true => timeout(waits.connect, resolve::addresses(host)).await.unwrap_or_else(|_| {
                Err(Error::later(say!("{host} の名前を引けません。", "The name {host} cannot be looked up.")))
            })?,
        };
        let mut last = say!("応答がありません", "no answer");
        for ip in found {
            match timeout(waits.connect, self.reach(SocketAddr::new(ip, port))).await {
                Ok(Ok(stream)) => {
                    let _faster = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Ok(Err(e)) => last = Say::new(e.to_string(), e.to_string()),
                Err(_) => {}
            }
        }
        let Say { ja, en } = last;
        Err(Trouble::Away(say!("{host}:{port} に接続できません（{ja}）。", "Cannot connect to {host}:{port} ({en}).")))
    }

    async fn reach(&self, to: SocketAddr) -> std::io::Result<TcpStream> {
        let Some(from) = self.from else { return TcpStream::connect(to).await };
        let socket = if to.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.bind(SocketAddr::new(from, 0))?;
        socket.connect(to).await
    }
}
