//! One connection, from its first byte to its last: PROXY header, TLS, HTTP/1.1 or 2, and a clean end.

use super::paced::{Paced, Pulse};
use super::places::Place;
use super::serve::{self, Line};
use super::settings::Speaks;
use super::state::State;
use super::{listen, mail, proxy_v2};
use crate::base::limits;
use crate::base::link::Surface;
use crate::door::acme::ALPN;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsAcceptor;

/// What a listener is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Port {
    pub(crate) surface: Surface,
    pub(crate) speaks: Speaks,
}

/// The first byte of a TLS handshake.
const TLS_HANDSHAKE: u8 = 0x16;

pub(crate) async fn serve(state: Arc<State>, mut stream: TcpStream, ip: IpAddr, port: Port, place: Place) {
    // Answers are written whole; waiting for more would only delay them.
    stream.set_nodelay(true).ok();
    let (peer, place) = match behind_proxy(&state, &mut stream, ip, place).await {
        Ok(known) => known,
        // A connection that ends in the middle of its first words has nobody to tell.
        Err(_) => return,
    };
    let Some(place) = place else { return listen::turn_away(&stream, port, super::places::Full::Address) };
    let line = Line { state, port, peer, pulse: Arc::new(Pulse::default()) };
    let ended = match port.speaks {
        Speaks::Http => plain(line, stream).await,
        // What TLS keeps is not for those who do not speak it.
        Speaks::Https => Box::pin(secured(line, stream)).await,
        Speaks::Smtp => Box::pin(mail::serve(&line.state, stream, peer)).await,
    };
    drop(ended);
    drop(place);
}

/// Whose connection it is, where a proxy of ours says so. No place when that one has too many already.
async fn behind_proxy(
    state: &State,
    stream: &mut TcpStream,
    ip: IpAddr,
    place: Place,
) -> io::Result<(IpAddr, Option<Place>)> {
    if !state.proxy_protocol || !state.is_trusted(ip) {
        return Ok((ip, Some(place)));
    }
    match Box::pin(timeout(limits::HEAD_TIME, proxy_v2::read(stream))).await?? {
        Some(source) => Ok((source, place.count_for(source).ok())),
        None => Ok((ip, Some(place))),
    }
}

async fn plain(line: Line, stream: TcpStream) -> io::Result<()> {
    let idle = line.idle();
    let mut paced = Paced::http1(stream, Arc::clone(&line.pulse), idle);
    match next_head(&line, &mut paced).await? {
        None | Some(TLS_HANDSHAKE) => Ok(()),
        Some(_) => speak_http1(line, paced).await,
    }
}

async fn secured(line: Line, mut stream: TcpStream) -> io::Result<()> {
    let mut first = [0u8; 1];
    let peeked = tokio::select! {
        peeked = timeout(limits::HANDSHAKE_TIME, stream.peek(&mut first)) => peeked??,
        () = line.state.stopped() => return Ok(()),
    };
    match first {
        _ if peeked == 0 => return Ok(()),
        [TLS_HANDSHAKE] => {}
        [b] if b.is_ascii_uppercase() => return Box::pin(wrong_port(&mut stream)).await,
        _ => return Ok(()),
    }
    let Some(acceptor) = line.state.tls.clone() else { return Ok(()) };
    let accepted = Box::pin(timeout(limits::HANDSHAKE_TIME, TlsAcceptor::from(acceptor).accept(stream)));
    let stream = accepted.await??;
    let spoken = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
    let (pulse, idle) = (Arc::clone(&line.pulse), line.idle());
    match spoken.as_deref() {
        Some(b"h2") => Box::pin(speak_http2(line, Paced::http2(stream, pulse, idle))).await,
        // Whoever checks that a name is ours has seen the certificate by now.
        Some(ALPN) => Ok(()),
        _ => {
            let mut paced = Paced::http1(stream, pulse, idle);
            match next_head(&line, &mut paced).await? {
                None => Ok(()),
                Some(_) => speak_http1(line, paced).await,
            }
        }
    }
}

/// Plain HTTP came where TLS is spoken.
async fn wrong_port(stream: &mut TcpStream) -> io::Result<()> {
    const TEXT: &str = "このポートでは HTTPS だけを受け付けています。\nThis port speaks HTTPS only.\n";
    let head = format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n{TEXT}",
        TEXT.len()
    );
    timeout(limits::LINGER_TIME, stream.write_all(head.as_bytes())).await??;
    linger(stream).await
}

/// A connection that rests among many is put down to its socket, and taken up again by its next head.
pub(super) async fn speak_http1<IO>(line: Line, mut io: Paced<IO>) -> io::Result<()>
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let line = Arc::new(line);
    while let Some(resting) = Box::pin(answer_http1(&line, io)).await? {
        io = resting;
        if next_head(&line, &mut io).await?.is_none() {
            break;
        }
    }
    Ok(())
}

/// The first byte of the next head, once all of it is there. `None` when the connection has ended, or rests while the front
/// stops; what has begun to come by then is still heard out.
async fn next_head<IO: AsyncRead + Unpin>(line: &Line, io: &mut Paced<IO>) -> io::Result<Option<u8>> {
    tokio::select! {
        head = io.next_head() => head?,
        () = line.state.stopped() => match io.first_byte() {
            None => return Ok(None),
            Some(_) => io.next_head().await?,
        },
    }
    Ok(io.first_byte())
}

/// Until the connection ends, or rests and should be put down.
async fn answer_http1<IO>(line: &Arc<Line>, io: Paced<IO>) -> io::Result<Option<Paced<IO>>>
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = http1::Builder::new();
    // `Paced` keeps the time of heads: hyper's own clock would run while a kept connection rests.
    builder.header_read_timeout(None).timer(TokioTimer::new()).half_close(false).keep_alive(true);
    builder.max_headers(limits::HEADERS_MAX).max_buf_size(limits::HEAD_MAX).max_header_size(limits::HEAD_MAX);
    let service = service_fn({
        let line = Arc::clone(line);
        move |request: Request<Incoming>| serve::answer(Arc::clone(&line), request)
    });
    let mut connection = builder.serve_connection(TokioIo::new(io), service);
    let mut stopped = pin!(line.state.stopped());
    let mut going = false;
    let ended = loop {
        let next = poll_fn(|cx| match Pin::new(&mut connection).poll(cx) {
            Poll::Ready(ended) => Poll::Ready(Some(ended)),
            Poll::Pending if line.can_be_put_down() => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        });
        tokio::select! {
            biased;
            ended = next => break ended,
            () = &mut stopped, if !going => {
                going = true;
                Pin::new(&mut connection).graceful_shutdown();
            }
        }
    };
    let io = connection.into_parts().io.into_inner();
    match ended {
        None => Ok(Some(io)),
        // hyper has said its last word and shut its side; an answer that came before the body's end is still to be read.
        Some(Ok(())) => Box::pin(linger(&mut io.into_inner())).await.map(|()| None),
        Some(Err(_)) => Ok(None),
    }
}

/// Reads what is still on its way, for a while: closing on unread bytes would take the answer back.
pub(super) async fn linger(io: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> io::Result<()> {
    io.shutdown().await?;
    let mut sink = [0u8; 4 << 10];
    let drain = async {
        let mut left = limits::LINGER_BYTES;
        while left > 0 {
            match timeout(limits::LINGER_REST, io.read(&mut sink)).await?? {
                0 => break,
                n => left = left.saturating_sub(n as u64),
            }
        }
        Ok(())
    };
    timeout(limits::LINGER_TIME, drain).await?
}

pub(super) async fn speak_http2<IO>(line: Line, io: Paced<IO>) -> io::Result<()>
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let line = Arc::new(line);
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.timer(TokioTimer::new());
    builder.max_concurrent_streams(limits::H2_STREAMS).max_header_list_size(limits::HEAD_MAX as u32);
    builder.initial_stream_window_size(limits::H2_WINDOW);
    builder.initial_connection_window_size(limits::H2_CONNECTION_WINDOW);
    builder.max_send_buf_size(limits::H2_WINDOW as usize).keep_alive_timeout(limits::HEAD_TIME);
    let service = service_fn({
        let line = Arc::clone(&line);
        move |request: Request<Incoming>| serve::answer(Arc::clone(&line), request)
    });
    let mut connection = pin!(builder.serve_connection(TokioIo::new(io), service));
    // What is under way is answered, and the client knows from which request on it has to come back.
    let mut stopped = pin!(line.state.lingering());
    let mut look = tokio::time::interval(limits::KEEP_ALIVE_CROWDED);
    let (mut going, mut busy, mut asked_before) = (None::<Instant>, Instant::now(), 0);
    loop {
        tokio::select! {
            ended = &mut connection => return ended.map_err(io::Error::other),
            () = &mut stopped, if going.is_none() => {
                going = Some(Instant::now());
                connection.as_mut().graceful_shutdown();
            }
            _ = look.tick() => {
                let asked = line.pulse.asked.load(Ordering::Acquire);
                // A short request comes and goes between two looks.
                let active = line.pulse.active.load(Ordering::Acquire) > 0 || asked != asked_before;
                asked_before = asked;
                match going {
                    _ if active => busy = Instant::now(),
                    // It was asked to end, has nothing left to do, and does not go.
                    Some(asked) if asked.max(busy).elapsed() > limits::HEAD_TIME => return Ok(()),
                    None if busy.elapsed() > line.idle() => {
                        going = Some(Instant::now());
                        connection.as_mut().graceful_shutdown();
                    }
                    _ => {}
                }
            }
        }
    }
}
