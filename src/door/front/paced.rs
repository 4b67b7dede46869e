//! A connection that cannot be held for ever: its heads come within their time, its reader reads, and between
//! requests it may rest only so long. It also hands hyper one request at a time, its head looked at first.
//!
//! hyper's own timer begins before the first byte of a head, so it cannot tell a kept connection that rests from one
//! that trickles; and while a head is incomplete, only what has come of it is in memory here, not hyper's buffer.

use super::screen::{self, Framing, Seen};
use crate::base::limits;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// What a connection and the requests on it know of each other.
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    /// Requests whose answer is not finished.
    pub(crate) active: AtomicUsize,
    /// Requests so far.
    pub(crate) asked: AtomicUsize,
    /// The head that hyper reads next is doubtful.
    pub(crate) doubtful: AtomicBool,
    /// The next request's body has no known length: nothing may follow it.
    pub(crate) last: AtomicBool,
    /// The next request's body did not begin to come in time.
    pub(crate) slow: AtomicBool,
    /// Between requests; what was written has left.
    pub(crate) resting: AtomicBool,
    pub(crate) flushed: AtomicBool,
}

#[derive(Clone, Copy, Debug)]
enum Mode {
    Head,
    /// A head of so many bytes has come; its body, or so many bytes of it, before anybody hears of it.
    Early(usize, Framing, usize),
    /// So many bytes of a head, and what comes after it.
    Handing(usize, Framing),
    Body(u64),
    /// Bytes pass as they come.
    Rest,
}

pub(crate) struct Paced<IO> {
    io: IO,
    mode: Mode,
    kept: Vec<u8>,
    at: usize,
    searched: usize,
    any_yet: bool,
    read_timer: Timer,
    write_timer: Timer,
    pulse: Arc<Pulse>,
    idle: Duration,
}

/// Allocated when it is needed, running while there is a deadline.
#[derive(Default)]
struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
    running: Option<Duration>,
}

impl Timer {
    fn is_over(&mut self, after: Duration, cx: &mut Context<'_>) -> bool {
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep(after)));
        if self.running != Some(after) {
            sleep.as_mut().reset(Instant::now() + after);
            self.running = Some(after);
        }
        sleep.as_mut().poll(cx).is_ready()
    }

    fn stop(&mut self) {
        self.running = None;
    }
}

impl<IO> Paced<IO> {
    pub(crate) fn http1(io: IO, pulse: Arc<Pulse>, idle: Duration) -> Paced<IO> {
        Paced { mode: Mode::Head, ..Paced::http2(io, pulse, idle) }
    }

    /// Frames have their own bounds; only the reader is watched.
    pub(crate) fn http2(io: IO, pulse: Arc<Pulse>, idle: Duration) -> Paced<IO> {
        let (read_timer, write_timer) = (Timer::default(), Timer::default());
        let kept = Vec::new();
        Paced { io, mode: Mode::Rest, kept, at: 0, searched: 0, any_yet: false, read_timer, write_timer, pulse, idle }
    }

    pub(crate) fn into_inner(self) -> IO {
        self.io
    }

    fn pending(&self) -> &[u8] {
        &self.kept[self.at..]
    }

    /// Gives at most `most` of what is kept.
    fn give(&mut self, most: usize, out: &mut ReadBuf<'_>) -> usize {
        let n = self.pending().len().min(most).min(out.remaining());
        out.put_slice(&self.kept[self.at..self.at + n]);
        self.at += n;
        if self.at == self.kept.len() {
            self.kept.clear();
            self.at = 0;
            // A long head was an exception; the connection may live long.
            self.kept.shrink_to(2 << 10);
        }
        n
    }

    fn after_head(&mut self, framing: Framing) {
        self.searched = 0;
        self.mode = match framing {
            Framing::Length(0) => Mode::Head,
            Framing::Length(n) => Mode::Body(n),
            Framing::Unknown => Mode::Rest,
        };
    }

    /// How long the client may take over what it does now; `None` while it is our turn.
    fn patience(&self) -> Option<Duration> {
        let resting = self.pending().is_empty();
        match self.pulse.active.load(Ordering::Acquire) {
            0 if resting && self.any_yet => Some(self.idle),
            0 => Some(limits::HEAD_TIME),
            _ => None,
        }
    }
}

impl<IO: AsyncRead + Unpin> Paced<IO> {
    /// Ready when a whole head has come with the first of its body, or something that is none (too long, or the end).
    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Mode::Head = self.mode {
            if self.finds_head() {
                break;
            }
            match self.poll_more(cx) {
                Poll::Ready(Ok(0)) => self.mode = Mode::Rest,
                Poll::Ready(Ok(_)) => self.pulse.resting.store(false, Ordering::Release),
                Poll::Ready(Err(e)) => return Poll::Ready(Err(e)),
                Poll::Pending => return self.wait(cx),
            }
        }
        self.poll_early(cx)
    }

    /// True when there is nothing to be read before somebody looks at what has come.
    fn finds_head(&mut self) -> bool {
        let Some(end) = screen::end_of_head(self.pending(), self.searched) else {
            self.searched = self.pending().len();
            let too_long = self.searched > limits::HEAD_MAX;
            if too_long {
                self.mode = Mode::Rest;
            }
            return too_long;
        };
        let Seen { framing, doubtful, waits } = screen::look(&self.pending()[..end]);
        self.pulse.doubtful.store(doubtful, Ordering::Release);
        self.pulse.last.store(framing == Framing::Unknown, Ordering::Release);
        let early = match framing {
            Framing::Length(n @ 1..=limits::FORM_MAX) if !waits => n.min(limits::BODY_FIRST) as usize,
            Framing::Length(_) | Framing::Unknown => 0,
        };
        self.mode = Mode::Early(end, framing, end + early);
        self.any_yet = true;
        self.read_timer.stop();
        true
    }

    /// A body that is slow to begin costs what has come of it, and not yet what it takes to answer.
    fn poll_early(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Mode::Early(end, framing, enough) = self.mode {
            let over = self.pending().len() >= enough
                || match self.poll_more(cx) {
                    // Cut short, which is for hyper to say.
                    Poll::Ready(read) => read? == 0,
                    Poll::Pending if self.read_timer.is_over(limits::BODY_GRACE, cx) => {
                        self.pulse.slow.store(true, Ordering::Release);
                        true
                    }
                    Poll::Pending => return Poll::Pending,
                };
            if over {
                self.read_timer.stop();
                self.mode = Mode::Handing(end, framing);
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut room = [0u8; 2 << 10];
        let mut buf = ReadBuf::new(&mut room);
        ready!(Pin::new(&mut self.io).poll_read(cx, &mut buf))?;
        self.kept.extend_from_slice(buf.filled());
        Poll::Ready(Ok(buf.filled().len()))
    }

    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.patience() {
            Some(most) if self.read_timer.is_over(most, cx) => {
                self.kept = Vec::new();
                self.at = 0;
                self.mode = Mode::Rest;
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
            Some(_) => {
                self.pulse.resting.store(self.any_yet && self.pending().is_empty(), Ordering::Release);
                Poll::Pending
            }
            None => {
                self.read_timer.stop();
                Poll::Pending
            }
        }
    }

    /// A head has come, or the connection is at its end. Nothing but what has come was allocated.
    pub(crate) async fn next_head(&mut self) -> io::Result<()> {
        if self.pending().is_empty() {
            self.kept = Vec::new();
        }
        std::future::poll_fn(|cx| self.poll_head(cx)).await
    }

    pub(crate) fn first_byte(&self) -> Option<u8> {
        self.pending().first().copied()
    }

    /// Bytes of a body: what is kept first, then straight from the connection, never beyond `most`.
    fn poll_upto(&mut self, most: u64, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<u64>> {
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(out.remaining());
        if !self.pending().is_empty() {
            return Poll::Ready(Ok(self.give(most, out) as u64));
        }
        let mut part = ReadBuf::new(out.initialize_unfilled_to(most));
        ready!(Pin::new(&mut self.io).poll_read(cx, &mut part))?;
        let n = part.filled().len();
        out.advance(n);
        Poll::Ready(Ok(n as u64))
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Paced<IO> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_head(cx))?;
        match this.mode {
            // `poll_head` is ready only when there is no head to wait for.
            Mode::Head | Mode::Early(..) => Poll::Ready(Ok(())),
            Mode::Handing(left, framing) => {
                match left - this.give(left, out) {
                    0 => this.after_head(framing),
                    left => this.mode = Mode::Handing(left, framing),
                }
                Poll::Ready(Ok(()))
            }
            Mode::Body(left) => {
                let n = ready!(this.poll_upto(left, cx, out))?;
                this.mode = if n == left { Mode::Head } else { Mode::Body(left - n) };
                Poll::Ready(Ok(()))
            }
            Mode::Rest if !this.pending().is_empty() => {
                this.give(usize::MAX, out);
                Poll::Ready(Ok(()))
            }
            Mode::Rest => Pin::new(&mut this.io).poll_read(cx, out),
        }
    }
}

impl<IO: Unpin> Paced<IO> {
    /// A writer that cannot go on waits for a reader who does not read.
    fn watched<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        self.pulse.flushed.store(written.is_ready(), Ordering::Release);
        match written {
            Poll::Pending if self.write_timer.is_over(limits::WRITE_STALL, cx) => {
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
            Poll::Pending => Poll::Pending,
            done => {
                self.write_timer.stop();
                done
            }
        }
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Paced<IO> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.io).poll_write(cx, bytes);
        this.watched(cx, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.io).poll_write_vectored(cx, parts);
        this.watched(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.io).poll_flush(cx);
        this.watched(cx, flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let shut = Pin::new(&mut this.io).poll_shutdown(cx);
        this.watched(cx, shut)
    }
}
