//! What the front is told when it starts.

use super::rates::Rate;
use crate::base::link::Surface;
use crate::base::seal::Key;
use crate::base::{Error, Result, limits};
use crate::door::acme::Authority;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;

/// A socket that listens already, whoever bound it: this process, systemd, or the door before this one.
#[derive(Debug)]
pub struct Listening {
    pub socket: TcpListener,
    pub surface: Surface,
    pub speaks: Speaks,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaks {
    Http,
    Https,
    /// Mail that comes in.
    Smtp,
}

impl Speaks {
    pub fn scheme(self) -> &'static str {
        match self {
            Speaks::Http => "http",
            Speaks::Https => "https",
            Speaks::Smtp => "smtp",
        }
    }

    /// Whether pages are answered there.
    pub fn has_pages(self) -> bool {
        match self {
            Speaks::Http | Speaks::Https => true,
            Speaks::Smtp => false,
        }
    }
}

/// Where the certificate of the HTTPS listeners comes from.
#[derive(Clone, Debug)]
pub enum Certificate {
    /// PEM files, looked at again and again.
    Files { chain: PathBuf, key: PathBuf },
    /// Kept in `folder`, sealed: one of our own making for these names, and in its place one from an authority as soon as
    /// it has given one.
    OfOurs { folder: PathBuf, seal: Key, names: Vec<String>, authority: Option<Authority> },
    /// Handed over later with `Certificates::put`; until then there are no HTTPS connections.
    Later,
}

#[derive(Debug)]
pub struct FrontSettings {
    pub listening: Vec<Listening>,
    /// Scheme and host that people know: where plain HTTP on the public side is sent when there is HTTPS.
    pub public_url: Option<String>,
    pub certificate: Option<Certificate>,
    /// Folder of long bodies, which the worker reads.
    pub spool: PathBuf,
    /// Proxies of the operator's own, whose word on the client's address counts.
    pub trusted_proxies: Vec<IpNet>,
    /// The trusted proxies begin every connection with a PROXY header (version 2).
    pub proxy_protocol: bool,
    pub bounds: Bounds,
}

/// Bounds that an operator may choose.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub connections: usize,
    pub per_address: usize,
    /// The same of connections that bring mail.
    pub mail: usize,
    pub mail_per_address: usize,
    pub address_rate: Rate,
    pub token_rate: Rate,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds {
            connections: limits::CONNECTIONS_MAX,
            per_address: limits::PER_ADDRESS,
            mail: limits::INBOUND_CONNECTIONS,
            mail_per_address: limits::INBOUND_PER_ADDRESS,
            address_rate: Rate { per_second: limits::RATE_ADDRESS, burst: limits::RATE_ADDRESS_BURST },
            token_rate: Rate { per_second: limits::RATE_TOKEN, burst: limits::RATE_TOKEN_BURST },
        }
    }
}

impl FrontSettings {
    pub fn new(listening: Vec<Listening>, spool: PathBuf) -> FrontSettings {
        FrontSettings {
            listening,
            public_url: None,
            certificate: None,
            spool,
            trusted_proxies: Vec::new(),
            proxy_protocol: false,
            bounds: Bounds::default(),
        }
    }

    pub(crate) fn has_public_https(&self) -> bool {
        self.listening.iter().any(|l| l.surface == Surface::Public && l.speaks == Speaks::Https)
    }
}

impl Listening {
    /// A socket of our own. `[::]` hears IPv4 too.
    pub fn bind(address: SocketAddr, surface: Surface, speaks: Speaks) -> Result<Listening> {
        let socket = TcpListener::bind(address).map_err(|e| cannot_listen(address, e))?;
        Ok(Listening { socket, surface, speaks })
    }
}

pub(crate) fn cannot_listen(address: SocketAddr, e: std::io::Error) -> Error {
    let at = address.to_string();
    let hint = match e.kind() {
        std::io::ErrorKind::AddrInUse => say!(
            "ほかのプログラムがこのポートを使っています。止めるか、別のポートを選んでください。",
            "Another program uses this port. Stop it, or choose another port."
        ),
        std::io::ErrorKind::PermissionDenied => say!(
            "1024 未満のポートには権限が要ります。hakobu service install を使うか、別のポートを選んでください。",
            "Ports below 1024 need a permission. Use hakobu service install, or choose another port."
        ),
        _ => say!("アドレスとポートを確かめてください。", "Check the address and the port."),
    };
    Error::io(say!("{at} で待ち受けられません。", "Cannot listen on {at}."), e).hint(hint)
}
