//! Takes connections, as long as there is a place for them; turns the others away in a few bytes.

use super::Front;
use super::connection::{self, Port};
use super::lanes::Deal;
use super::places::Full;
use super::settings::{Listening, Speaks, cannot_listen};
use super::state::State;
use crate::base::link::Surface;
use crate::base::{Result, limits};
use rustix::net;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};

/// Lets this process have as many descriptors as it may; how many connections that is good for.
pub(crate) fn raise_descriptors() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        // Where it may not be raised, what there is has to do.
        setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).ok();
    }
    let now = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(now.saturating_sub(limits::DESCRIPTORS_KEPT).max(now / 4)).unwrap_or(usize::MAX)
}

/// Ready to be taken into the runtime.
pub(crate) fn prepared(listening: &Listening) -> Result<(std::net::TcpListener, SocketAddr)> {
    let address = listening.socket.local_addr().map_err(|e| cannot_listen(([0, 0, 0, 0], 0).into(), e))?;
    let ready = || -> std::io::Result<std::net::TcpListener> {
        let socket = listening.socket.try_clone()?;
        socket.set_nonblocking(true)?;
        // The standard library asks for 128, which one burst fills.
        rustix::net::listen(&socket, limits::BACKLOG)?;
        Ok(socket)
    };
    ready().map(|socket| (socket, address)).map_err(|e| cannot_listen(address, e))
}

/// Until the front takes no more.
pub(crate) async fn accept(state: Arc<State>, listener: TcpListener, port: Port, deal: Deal) {
    loop {
        let taken = tokio::select! {
            () = state.lingering() => return,
            taken = listener.accept() => taken,
        };
        match taken {
            Ok((stream, from)) => begin(&state, stream, from, (port, &deal)),
            // A connection that is gone again, or no descriptors: neither ends the listening.
            Err(_) => tokio::time::sleep(limits::DESCRIPTORS_REST).await,
        }
    }
}

fn begin(state: &Arc<State>, stream: TcpStream, from: SocketAddr, (port, deal): (Port, &Deal)) {
    let ip = from.ip().to_canonical();
    let at_the_machine = port.surface == Surface::Admin && ip.is_loopback();
    let places = if port.speaks == Speaks::Smtp { &state.mail_places } else { &state.places };
    let place = places.take(at_the_machine).and_then(|place| {
        // A proxy of ours brings everybody; whom it brings is counted when that is known.
        let counted = !at_the_machine && !state.is_trusted(ip);
        if counted { place.count_for(ip) } else { Ok(place) }
    });
    match place {
        Ok(place) => {
            // One that cannot be taken out of this lane is a connection that has ended.
            let Ok(stream) = stream.into_std() else { return };
            let state = Arc::clone(state);
            deal.next().spawn(async move {
                if let Ok(stream) = TcpStream::from_std(stream) {
                    connection::serve(state, stream, ip, port, place).await;
                }
            });
        }
        Err(full) => turn_away(&stream, port, full),
    }
}

/// Nobody waits for this to be read: it fits into the socket's buffer, or it is lost.
pub(crate) fn turn_away(stream: &TcpStream, port: Port, full: Full) {
    let text = match port.speaks {
        Speaks::Https => return,
        Speaks::Http => refusal(full),
        Speaks::Smtp => "421 4.7.0 Too many connections\r\n".to_owned(),
    };
    // Past the runtime, which has not looked at this socket yet. What has come is taken, so that the end of the
    // connection does not take the answer back.
    let mut sink = [0u8; 4 << 10];
    net::recv(stream, &mut sink[..], net::RecvFlags::DONTWAIT).ok();
    net::send(stream, text.as_bytes(), net::SendFlags::DONTWAIT | net::SendFlags::NOSIGNAL).ok();
}

fn refusal(full: Full) -> String {
    let (status, wait) = match full {
        Full::All => ("503 Service Unavailable", limits::RETRY_AFTER),
        Full::Address => ("429 Too Many Requests", limits::RETRY_AFTER),
    };
    format!(
        "HTTP/1.1 {status}\r\nRetry-After: {wait}\r\nContent-Length: 0\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
}

impl Front {
    /// The addresses that are listened on, ports as they really are.
    pub fn addresses(&self) -> &[(Surface, Speaks, SocketAddr)] {
        &self.addresses
    }
}
