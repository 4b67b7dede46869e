//! The answer on its way to the client: whole in memory, or flowing through from the worker. When it is gone, sent or
//! not, its access line is written.

use super::access::Access;
use super::paced::Pulse;
use super::relay::Lease;
use crate::base::limits;
use crate::base::link::AccessLine;
use crate::door::gate::Pass;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

pub(crate) struct Out {
    from: From,
    ticket: Option<Ticket>,
}

enum From {
    /// With its share of the memory that all kept answers have.
    Whole(Option<Bytes>, Option<OwnedSemaphorePermit>),
    Flow(Box<Flow>),
}

/// An answer that is too long to keep, or that never ends by itself.
pub(crate) struct Flow {
    /// What was read of it before it was known to be long.
    pub(crate) first: Option<Bytes>,
    pub(crate) rest: Incoming,
    /// The worker is busy with it: a drain waits.
    pub(crate) pass: Option<Pass>,
    /// Goes back to where kept connections are when the answer was read to its end.
    pub(crate) lease: Option<Lease>,
    pub(crate) until: Instant,
}

/// What is left to do when the answer is gone.
pub(crate) struct Ticket {
    pub(crate) access: Access,
    pub(crate) line: Option<AccessLine>,
    pub(crate) began: std::time::Instant,
    pub(crate) pulse: Arc<Pulse>,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.pulse.active.fetch_sub(1, Ordering::AcqRel);
        if let Some(mut line) = self.line.take() {
            line.ms = u32::try_from(self.began.elapsed().as_millis()).unwrap_or(u32::MAX);
            self.access.note(line);
        }
    }
}

impl Out {
    pub(crate) fn whole(bytes: Bytes, room: Option<OwnedSemaphorePermit>) -> Out {
        Out { from: From::Whole(Some(bytes).filter(|b| !b.is_empty()), room), ticket: None }
    }

    pub(crate) fn flow(flow: Flow) -> Out {
        Out { from: From::Flow(Box::new(flow)), ticket: None }
    }

    pub(crate) fn with(mut self, mut ticket: Ticket) -> Out {
        if let (Some(line), From::Whole(Some(bytes), _)) = (&mut ticket.line, &self.from) {
            line.bytes = bytes.len() as u64;
        }
        self.ticket = Some(ticket);
        self
    }
}

impl Flow {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<std::io::Result<Bytes>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(first)));
        }
        if Instant::now() > self.until {
            return Poll::Ready(Some(Err(std::io::ErrorKind::TimedOut.into())));
        }
        loop {
            match ready!(Pin::new(&mut self.rest).poll_frame(cx)) {
                None => {
                    self.pass = None;
                    if let Some(lease) = self.lease.take() {
                        lease.keep();
                    }
                    return Poll::Ready(None);
                }
                Some(Err(e)) => return Poll::Ready(Some(Err(std::io::Error::other(e)))),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Poll::Ready(Some(Ok(data)));
                    }
                }
            }
        }
    }
}

impl Body for Out {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<std::io::Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        match &mut this.from {
            From::Whole(bytes, _) => Poll::Ready(bytes.take().map(|b| Ok(Frame::data(b)))),
            From::Flow(flow) => {
                let next = ready!(flow.poll(cx));
                if let (Some(Ok(data)), Some(Ticket { line: Some(line), .. })) = (&next, &mut this.ticket) {
                    line.bytes += data.len() as u64;
                }
                Poll::Ready(next.map(|data| data.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.from, From::Whole(None, _))
    }

    fn size_hint(&self) -> SizeHint {
        match &self.from {
            From::Whole(bytes, _) => SizeHint::with_exact(bytes.as_ref().map_or(0, |b| b.len() as u64)),
            From::Flow(flow) => {
                let mut hint = flow.rest.size_hint();
                if flow.first.is_some() {
                    hint = SizeHint::new();
                }
                hint
            }
        }
    }
}

/// Whether an answer of this length may be read whole before the client gets any of it.
pub(crate) fn is_kept(length: Option<u64>) -> bool {
    length.is_none_or(|n| n <= limits::ANSWER_KEPT as u64)
}
