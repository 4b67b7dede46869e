//! Connections that bring mail: their bytes go to the worker's mail socket and back, and nothing here knows what they mean.
//!
//! Of SMTP the door says one line by itself, and only where nobody else can: 421 when there is no worker, when it has
//! gone in the middle, and when a client is silent for too long. TLS is begun here when the worker says that the client
//! asked for it: the plain conversation ends there with all that was said in it, and another one begins inside.

use super::connection::linger;
use super::state::State;
use crate::base::mailway::{BEGIN_TLS, Intro, OVER, Protection};
use crate::base::{limits, run};
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;

const NOBODY: &str = "421 4.3.2 Nobody is here to take it; come back in a minute\r\n";
const SILENT: &str = "421 4.4.2 That took too long\r\n";

/// How one conversation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    Over,
    /// The client waits for a handshake.
    AskedForTls,
}

pub(crate) async fn serve(state: &Arc<State>, mut stream: TcpStream, from: IpAddr) -> io::Result<()> {
    let until = Instant::now() + limits::INBOUND_TIME;
    let tls = state.tls.clone().filter(|_| state.certificates.shown().is_some());
    let offer = if tls.is_some() { Protection::Offered } else { Protection::Plain };
    match (relay(state, &mut stream, Intro { from, tls: offer }, until).await?, tls) {
        (Ended::AskedForTls, Some(tls)) => {
            let accepted = timeout(limits::HANDSHAKE_TIME, TlsAcceptor::from(tls).accept(stream));
            let mut inside = Box::pin(accepted).await??;
            relay(state, &mut inside, Intro { from, tls: Protection::On }, until).await?;
            Box::pin(linger(&mut inside)).await
        }
        (Ended::AskedForTls | Ended::Over, _) => Box::pin(linger(&mut stream)).await,
    }
}

async fn relay<IO>(state: &State, client: &mut IO, intro: Intro, until: Instant) -> io::Result<Ended>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let Some(mut worker) = reach(state, intro).await else { return say(client, NOBODY).await };
    let (mut said, mut answered) = (vec![0u8; 16 << 10], [0u8; 4 << 10]);
    let mut silent = Instant::now() + limits::INBOUND_IDLE;
    loop {
        tokio::select! {
            read = worker.read(&mut answered) => {
                // One that has gone without a last byte has not ended the conversation.
                let bytes = &answered[..read.unwrap_or(0)];
                let end = bytes.iter().position(|b| matches!(*b, OVER | BEGIN_TLS));
                tell(client, &bytes[..end.unwrap_or(bytes.len())]).await?;
                match end.map(|at| bytes[at]) {
                    Some(BEGIN_TLS) => return Ok(Ended::AskedForTls),
                    Some(_) => return Ok(Ended::Over),
                    None if bytes.is_empty() => return say(client, NOBODY).await,
                    None => {}
                }
            }
            read = client.read(&mut said) => {
                let n = read?;
                if n == 0 {
                    return Ok(Ended::Over);
                }
                silent = Instant::now() + limits::INBOUND_IDLE;
                // A worker that has said its last word takes nothing more: the word is read next.
                if timeout(limits::WRITE_STALL, worker.write_all(&said[..n])).await.is_err() {
                    return say(client, NOBODY).await;
                }
            }
            () = sleep_until(silent.min(until)) => return say(client, SILENT).await,
            () = state.stopped() => return say(client, NOBODY).await,
        }
    }
}

/// The worker that is there now; nobody waits for one that comes.
async fn reach(state: &State, intro: Intro) -> Option<UnixStream> {
    let behind = state.gate.behind()?;
    let connect = async {
        let mut worker = UnixStream::connect(run::mail_beside(&behind.pages)).await?;
        worker.write_all(intro.line().as_bytes()).await?;
        Ok::<_, io::Error>(worker)
    };
    timeout(limits::RELAY_PROOF, connect).await.ok()?.ok()
}

async fn say<IO: AsyncWrite + Unpin>(client: &mut IO, words: &str) -> io::Result<Ended> {
    tell(client, words.as_bytes()).await.map(|()| Ended::Over)
}

async fn tell<IO: AsyncWrite + Unpin>(client: &mut IO, bytes: &[u8]) -> io::Result<()> {
    let tell = async {
        client.write_all(bytes).await?;
        client.flush().await
    };
    timeout(limits::WRITE_STALL, tell).await?
}
