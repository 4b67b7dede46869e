//! From the door to the worker: one new request over a kept connection to its Unix socket, and the answer back.
//!
//! **Invariant:** what was written to a worker is sent again only when it is a GET or a HEAD; what was not written may
//! always be. **Invariant:** a connection serves the worker that it was made for and no other, and stays in the lane that
//! made it.

use super::answer::{Flow, Out, is_kept};
use super::body::Body;
use super::plan::{Fault, is_safe, strip_answer};
use crate::base::limits;
use crate::base::link::header as ours;
use crate::door::gate::{Behind, Gate, Pass, Turned};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, Uri, Version};
use hyper_util::rt::TokioIo;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

type Sender = SendRequest<Full<Bytes>>;

/// A request as the worker will see it.
pub(crate) struct Errand {
    pub(crate) method: Method,
    pub(crate) target: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
    pub(crate) until: Instant,
}

/// How it ended, and how long it was held before it went.
pub(crate) struct Done {
    pub(crate) answer: Result<Response<Out>, Fault>,
    pub(crate) held: Duration,
}

pub(crate) struct Relay {
    gate: Arc<Gate>,
    /// A worker has a thread for each connection.
    places: Arc<Semaphore>,
    idle: Mutex<Vec<Kept>>,
    /// Held while a connection is made and proven.
    making: tokio::sync::Mutex<()>,
    memory: Arc<Semaphore>,
}

/// A connection that waits for work.
struct Kept {
    /// Of its worker.
    number: u64,
    /// The thread that moves its bytes.
    lane: ThreadId,
    sender: Sender,
}

/// One connection to a worker while it is in use.
pub(crate) struct Lease {
    relay: Arc<Relay>,
    number: u64,
    sender: Sender,
    _place: OwnedSemaphorePermit,
}

impl Lease {
    /// Back to the others; without this the connection ends.
    pub(crate) fn keep(self) {
        let mut idle = self.relay.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < limits::RELAYS_IDLE && !self.sender.is_closed() {
            idle.push(Kept { number: self.number, lane: thread::current().id(), sender: self.sender });
        }
    }
}

/// Why an attempt brought no answer.
enum Failed {
    /// Nothing reached the worker.
    Unsent,
    /// It had the request, or a part of it.
    Sent,
    Late,
}

impl Relay {
    pub(crate) fn new(gate: Arc<Gate>) -> Arc<Relay> {
        Arc::new(Relay {
            gate,
            places: Arc::new(Semaphore::new(limits::RELAYS)),
            idle: Mutex::default(),
            making: tokio::sync::Mutex::default(),
            memory: Arc::new(Semaphore::new(limits::ANSWERS_KEPT / (1 << 10))),
        })
    }

    /// Ends the connections that wait for work: their worker is about to go.
    pub(crate) fn let_go(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Takes the errand to whoever answers, waiting at the gate if need be. `fits` is asked once it is known who that
    /// is: another worker may have other routes.
    pub(crate) async fn go(self: &Arc<Relay>, errand: Errand, fits: impl Fn(&Behind) -> bool) -> Done {
        let (mut held, mut again) = (Duration::ZERO, is_safe(&errand.method));
        let waited_enough = Instant::now() + limits::HOLD_TIME;
        let answer = loop {
            let pass = match self.gate.enter().await {
                Ok(pass) => pass,
                Err(turned) => break Err(turned_away(turned)),
            };
            held += pass.waited;
            if !fits(&pass.behind) {
                break Err(Fault::NotFound);
            }
            match self.attempt(&errand, pass).await {
                Ok(answer) => break Ok(answer),
                Err(Failed::Late) => break Err(Fault::Broken),
                Err(Failed::Sent) if !again => break Err(Fault::Died),
                Err(Failed::Sent) => again = false,
                Err(Failed::Unsent) if Instant::now() > waited_enough => break Err(Fault::Maintenance),
                Err(Failed::Unsent) => {}
            }
            // Whoever watches the worker needs a moment to see that it has gone.
            tokio::time::sleep(limits::RELAY_PAUSE).await;
            held += limits::RELAY_PAUSE;
        };
        Done { answer, held }
    }

    async fn attempt(self: &Arc<Relay>, errand: &Errand, pass: Pass) -> Result<Response<Out>, Failed> {
        let sent = async {
            let mut lease = self.lease(&pass.behind).await?;
            let answer = loop {
                let mut e = match lease.sender.try_send_request(request(errand)).await {
                    Ok(answer) => break answer,
                    Err(e) => e,
                };
                // A kept connection that ended while it waited gives the request back.
                if e.take_message().is_none() {
                    return Err(Failed::Sent);
                }
                lease.sender = self.connect(&pass.behind).await?;
            };
            Ok((lease, answer))
        };
        let (lease, answer) = tokio::time::timeout_at(errand.until, sent).await.map_err(|_| Failed::Late)??;
        let receive = self.receive(errand, pass, lease, answer);
        tokio::time::timeout_at(errand.until, receive).await.map_err(|_| Failed::Late)?
    }

    async fn lease(self: &Arc<Relay>, behind: &Behind) -> Result<Lease, Failed> {
        let place = tokio::time::timeout(limits::HOLD_TIME, Arc::clone(&self.places).acquire_owned()).await;
        let Ok(Ok(place)) = place else { return Err(Failed::Unsent) };
        let sender = match self.kept(behind).await {
            Some(sender) => sender,
            None => self.connect(behind).await?,
        };
        Ok(Lease { relay: Arc::clone(self), number: behind.number, sender, _place: place })
    }

    async fn kept(&self, behind: &Behind) -> Option<Sender> {
        while let Some(mut sender) = self.waiting(behind.number) {
            if sender.ready().await.is_ok() {
                return Some(sender);
            }
        }
        None
    }

    /// One at a time, and the next only when this one was answered on. tiny_http gives a connection to a thread that
    /// waits, and counts it as waiting until it wakes: of two connections in one moment the second may stand in line
    /// for a thread that is busy as long as the first is kept, which is for ever.
    async fn connect(&self, behind: &Behind) -> Result<Sender, Failed> {
        let _alone = self.making.lock().await;
        if let Some(freed) = self.kept(behind).await {
            return Ok(freed);
        }
        tokio::time::timeout(limits::RELAY_PROOF, proven(behind)).await.unwrap_or(Err(Failed::Unsent))
    }

    fn waiting(&self, number: u64) -> Option<Sender> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.last().is_some_and(|kept| kept.number != number) {
            idle.retain(|kept| kept.number == number);
        }
        let lane = thread::current().id();
        let last = idle.iter().rposition(|kept| kept.lane == lane)?;
        Some(idle.remove(last).sender)
    }

    /// Whole, if it is short, so that the pass is given back before the client reads; else as it flows.
    async fn receive(
        self: &Arc<Relay>,
        errand: &Errand,
        pass: Pass,
        lease: Lease,
        answer: Response<Incoming>,
    ) -> Result<Response<Out>, Failed> {
        let (mut parts, mut rest) = answer.into_parts();
        strip_answer(&mut parts.headers);
        parts.version = Version::default();
        parts.extensions.clear();
        let events =
            parts.headers.get(header::CONTENT_TYPE).is_some_and(|t| t.as_bytes().starts_with(b"text/event-stream"));
        let room = if events { None } else { self.room(rest.size_hint().exact()) };
        let mut first = Vec::new();
        if room.is_some() || rest.is_end_stream() {
            loop {
                match rest.frame().await {
                    None => {
                        lease.keep();
                        return Ok(Response::from_parts(parts, Out::whole(joined(first), room)));
                    }
                    // The client has seen nothing of it yet, so a safe request may still be sent again.
                    Some(Err(_)) => return Err(Failed::Sent),
                    Some(Ok(frame)) => first.extend(frame.into_data()),
                }
                if first.iter().map(Bytes::len).sum::<usize>() > limits::ANSWER_KEPT {
                    break;
                }
            }
        }
        let first = Some(joined(first)).filter(|b| !b.is_empty());
        let flow = Flow { first, rest, pass: Some(pass), lease: Some(lease), until: errand.until };
        Ok(Response::from_parts(parts, Out::flow(flow)))
    }

    /// Room in memory for an answer of this length; `None` when it is too long, or there is none left.
    fn room(&self, length: Option<u64>) -> Option<OwnedSemaphorePermit> {
        if !is_kept(length) {
            return None;
        }
        let most = length.unwrap_or(limits::ANSWER_KEPT as u64).div_ceil(1 << 10);
        Arc::clone(&self.memory).try_acquire_many_owned(u32::try_from(most).ok()?).ok()
    }
}

fn joined(mut parts: Vec<Bytes>) -> Bytes {
    match parts.len() {
        0 => Bytes::new(),
        1 => parts.swap_remove(0),
        _ => parts.concat().into(),
    }
}

pub(crate) fn turned_away(turned: Turned) -> Fault {
    match turned {
        Turned::Crowded => Fault::Crowded,
        Turned::Late | Turned::Shut => Fault::Maintenance,
    }
}

/// A connection that has a thread at the other end: a request without our headers is turned away by whoever reads it.
async fn proven(behind: &Behind) -> Result<Sender, Failed> {
    let stream = UnixStream::connect(&behind.pages).await.map_err(|_| Failed::Unsent)?;
    let made = http1::Builder::new().handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = made.map_err(|_| Failed::Unsent)?;
    // How it ends is told to whoever waits for an answer on it.
    tokio::spawn(async { connection.await.ok() });
    let answer = sender.send_request(Request::new(Full::default())).await.map_err(|_| Failed::Unsent)?;
    answer.into_body().collect().await.map_err(|_| Failed::Unsent)?;
    sender.ready().await.map_err(|_| Failed::Unsent)?;
    Ok(sender)
}

fn request(errand: &Errand) -> Request<Full<Bytes>> {
    let bytes = match &errand.body {
        Body::Memory(bytes, _) => bytes.clone(),
        Body::None | Body::File(_) => Bytes::new(),
    };
    let length = bytes.len();
    let mut request = Request::new(Full::new(bytes));
    *request.method_mut() = errand.method.clone();
    *request.uri_mut() = errand.target.clone();
    *request.headers_mut() = errand.headers.clone();
    if length > 0 || !is_safe(&errand.method) {
        request.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    if let Body::File(stored) = &errand.body
        && let Ok(value) = HeaderValue::from_str(&stored.header)
    {
        request.headers_mut().insert(ours::SPOOL, value);
    }
    request
}
