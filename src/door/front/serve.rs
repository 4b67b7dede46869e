//! One request, from its head to its answer, in this order and no other:
//!
//! head looked at → method → target → own pages → host → whose it is → redirect → route and surface → rate → body →
//! gate → worker → headers of the answer.

use super::answer::{Out, Ticket};
use super::connection::Port;
use super::paced::Pulse;
use super::pages::{self, Reader};
use super::plan::{self, Fault};
use super::relay::Errand;
use super::settings::Speaks;
use super::state::State;
use super::table::Found;
use crate::base::link::{AccessLine, Surface, header as ours};
use crate::base::{clock, limits};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Uri, Version, http::request};
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;

/// What all requests of one connection share.
pub(crate) struct Line {
    pub(crate) state: Arc<State>,
    pub(crate) port: Port,
    pub(crate) peer: IpAddr,
    pub(crate) pulse: Arc<Pulse>,
}

/// A status that is never sent: the client went away before there was one.
const GONE: u16 = 499;
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What is known of a request once its head was taken.
struct Asked {
    id: String,
    client: IpAddr,
    https: bool,
    target: Uri,
    host: HeaderValue,
}

impl Line {
    /// How long this connection may rest between requests.
    pub(crate) fn idle(&self) -> Duration {
        if self.state.places.is_crowded() { limits::KEEP_ALIVE_CROWDED } else { limits::KEEP_ALIVE }
    }

    /// Nothing is under way, all that was written has left, and there are many like it.
    pub(crate) fn can_be_put_down(&self) -> bool {
        let Pulse { active, resting, flushed, .. } = &*self.pulse;
        // A request that was handed over in this moment has begun by now.
        let idle = active.load(Ordering::Acquire) == 0 && resting.load(Ordering::Acquire);
        idle && flushed.load(Ordering::Acquire) && self.state.places.are_many()
    }

    fn ticket(&self, request: &Request<Incoming>, id: &str) -> Ticket {
        self.pulse.active.fetch_add(1, Ordering::AcqRel);
        self.pulse.asked.fetch_add(1, Ordering::AcqRel);
        let line = AccessLine {
            at: clock::now().ms(),
            id: id.to_owned(),
            surface: self.port.surface,
            from: self.peer,
            method: if plan::method_is_taken(request.method()) { request.method().to_string() } else { "-".into() },
            path: "…".to_owned(),
            status: GONE,
            bytes: 0,
            ms: 0,
            held_ms: 0,
        };
        let (access, pulse) = (self.state.access.clone(), Arc::clone(&self.pulse));
        Ticket { access, line: Some(line), began: std::time::Instant::now(), pulse }
    }
}

pub(crate) async fn answer(line: Arc<Line>, request: Request<Incoming>) -> Result<Response<Out>, Infallible> {
    let id = line.state.id();
    let mut ticket = line.ticket(&request, &id);
    let doubtful = line.pulse.doubtful.swap(false, Ordering::AcqRel);
    let slow = line.pulse.slow.swap(false, Ordering::AcqRel);
    let last = line.pulse.last.swap(false, Ordering::AcqRel);
    let reader = Reader::of(request.uri().path(), request.headers());
    let (head, version) = (request.method() == Method::HEAD, request.version());
    let answered = match (doubtful, slow) {
        (true, _) => Err(Fault::Malformed),
        (false, true) => Err(Fault::TooSlow),
        (false, false) => handle(&line, request, &id, &mut ticket).await,
    };
    let ends = last || answered.as_ref().is_err_and(|fault| fault.ends_connection());
    let mut answer = answered.unwrap_or_else(|fault| own_page(&line.state, fault, reader, &id, head));
    dress(&line, &mut answer, &id);
    if (ends || !line.state.takes_more()) && version < Version::HTTP_2 {
        answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    if let Some(noted) = &mut ticket.line {
        noted.status = answer.status().as_u16();
    }
    Ok(answer.map(|out| out.with(ticket)))
}

async fn handle(
    line: &Arc<Line>,
    request: Request<Incoming>,
    id: &str,
    ticket: &mut Ticket,
) -> Result<Response<Out>, Fault> {
    let state = &line.state;
    let (mut parts, body) = request.into_parts();
    if !plan::method_is_taken(&parts.method) {
        return Err(Fault::Method);
    }
    let target = plan::target(&parts.uri)?;
    if target == "/healthz" {
        ticket.line = None;
        return Ok(text(StatusCode::OK, "ok\n"));
    }
    let asked = ask(line, &parts, &target, id)?;
    if let Some(noted) = &mut ticket.line {
        noted.from = asked.client;
    }
    if let Some(answer) = by_ourselves(line, &parts.method, &asked) {
        return Ok(answer);
    }
    let known = state.routes().await?;
    let found = known.table.find(parts.method.as_str(), asked.target.path());
    let ready = asked.target.path() == "/readyz" && plan::is_safe(&parts.method);
    if let Some(noted) = &mut ticket.line {
        noted.path = found.logged(asked.target.path());
    }
    if !found.is_answered_on(line.port.surface) && !ready {
        count(line, &asked, Found::Nothing)?;
        return Err(Fault::NotFound);
    }
    count(line, &asked, found)?;
    if body.size_hint().lower() > found.body_limit() {
        return Err(Fault::TooLarge);
    }
    let until = Instant::now() + limits::REQUEST_TIME;
    let body = state.desk.read(body, found.body_limit()).await?;
    dress_request(&mut parts.headers, line, &asked);
    let errand = Errand { method: parts.method, target: asked.target, headers: parts.headers, body, until };
    let number = known.number;
    Box::pin(relay(line, errand, number, ready, ticket)).await
}

/// A deed is brought to its end even when whoever asked for it does not wait: the gate must know of it as long as the
/// worker is at it.
async fn relay(
    line: &Arc<Line>,
    errand: Errand,
    number: u64,
    ready: bool,
    ticket: &mut Ticket,
) -> Result<Response<Out>, Fault> {
    let (state, surface) = (Arc::clone(&line.state), line.port.surface);
    let safe = plan::is_safe(&errand.method);
    let going = async move {
        let (method, path) = (errand.method.clone(), errand.target.path().to_owned());
        let relay = Arc::clone(&state.relay);
        let fits = |behind: &crate::door::gate::Behind| {
            let same = ready || behind.number == number;
            same || state.routes_of(behind).table.find(method.as_str(), &path).is_answered_on(surface)
        };
        relay.go(errand, fits).await
    };
    let done = if safe { going.await } else { tokio::spawn(going).await.map_err(|_| Fault::Broken)? };
    if let Some(noted) = &mut ticket.line {
        noted.held_ms = u32::try_from(done.held.as_millis()).unwrap_or(u32::MAX);
    }
    done.answer
}

fn ask(line: &Line, parts: &request::Parts, target: &str, id: &str) -> Result<Asked, Fault> {
    let state = &line.state;
    let host = plan::host(&parts.uri, &parts.headers)?;
    Ok(Asked {
        id: id.to_owned(),
        client: plan::client(line.peer, &parts.headers, &state.trusted),
        https: line.port.speaks == Speaks::Https || plan::forwarded_https(line.peer, &parts.headers, &state.trusted),
        target: target.parse().map_err(|_| Fault::Malformed)?,
        host: HeaderValue::from_str(host).map_err(|_| Fault::Malformed)?,
    })
}

/// What needs no worker: proofs that this host is ours, the way to HTTPS, and that nobody is ready.
fn by_ourselves(line: &Line, method: &Method, asked: &Asked) -> Option<Response<Out>> {
    let (state, path) = (&line.state, asked.target.path());
    if let Some(proof) = state.certificates.proofs().text(path).filter(|_| plan::is_safe(method)) {
        return Some(text(StatusCode::OK, &proof));
    }
    if line.port.surface == Surface::Public && state.public_https && !asked.https {
        return redirect(state, asked);
    }
    (path == "/readyz" && state.gate.is_away()).then(|| {
        let mut answer = text(StatusCode::SERVICE_UNAVAILABLE, "ng\n");
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(limits::RETRY_AFTER));
        answer
    })
}

fn redirect(state: &State, asked: &Asked) -> Option<Response<Out>> {
    let host = state.public_host.as_deref().or_else(|| asked.host.to_str().ok().map(plan::host_name))?;
    let to = HeaderValue::from_str(&format!("https://{host}{}", asked.target)).ok()?;
    let mut answer = Response::new(Out::whole(Bytes::new(), None));
    *answer.status_mut() = StatusCode::PERMANENT_REDIRECT;
    answer.headers_mut().insert(header::LOCATION, to);
    Some(answer)
}

/// By token where the row says so, never by address too: mail providers and carriers ask for many people at once.
fn count(line: &Line, asked: &Asked, found: Found<'_>) -> Result<(), Fault> {
    let (state, now) = (&line.state, line.state.ms());
    let counted = match found.token(asked.target.path()) {
        Some(token) => state.by_token.take(&token, now),
        None if line.port.surface == Surface::Admin && asked.client.is_loopback() => Ok(()),
        None => state.by_address.take(&plan::counted_as(asked.client), now),
    };
    counted.map_err(|wait| Fault::TooMany { wait })
}

/// What the worker is told, and nothing of it comes from the client.
fn dress_request(headers: &mut HeaderMap, line: &Line, asked: &Asked) {
    plan::strip_request(headers);
    plan::one_cookie(headers);
    plan::ascii_values(headers);
    headers.insert(header::HOST, asked.host.clone());
    headers.insert(ours::SURFACE, HeaderValue::from_static(line.port.surface.name()));
    headers.insert(ours::SCHEME, HeaderValue::from_static(if asked.https { "https" } else { "http" }));
    for (name, text) in [(ours::FROM, asked.client.to_string()), (ours::ID, asked.id.clone())] {
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(name, value);
        }
    }
}

fn dress(line: &Line, answer: &mut Response<Out>, id: &str) {
    let headers = answer.headers_mut();
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
    let (secure, believed) = (line.port.speaks == Speaks::Https, line.state.certificates.is_believed());
    match line.port.surface {
        // Nobody can be bound to a certificate that browsers warn of.
        _ if secure && !believed => drop(headers.remove(header::STRICT_TRANSPORT_SECURITY)),
        Surface::Public if secure => {
            headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
        }
        // A browser counts names, not ports: the worker knows whether the public pages speak HTTPS, too.
        Surface::Public | Surface::Admin => {}
    }
}

fn own_page(state: &State, fault: Fault, reader: Reader, id: &str, head: bool) -> Response<Out> {
    let page = pages::fault(fault, reader, id);
    let length = page.body.len();
    let bytes = if head { Bytes::new() } else { Bytes::from(page.body) };
    let mut answer = Response::new(Out::whole(bytes, None));
    *answer.status_mut() = StatusCode::from_u16(fault.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(page.kind));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(header::CONTENT_SECURITY_POLICY, state.policy.clone());
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::VARY, HeaderValue::from_static("accept, accept-language"));
    if let Some(wait) = fault.retry_after() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(wait));
    }
    if fault == Fault::Method
        && let Ok(allow) = HeaderValue::from_str(&pages::allow())
    {
        headers.insert(header::ALLOW, allow);
    }
    answer
}

fn text(status: StatusCode, says: &str) -> Response<Out> {
    let mut answer = Response::new(Out::whole(Bytes::copy_from_slice(says.as_bytes()), None));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
