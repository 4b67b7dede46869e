//! The gate: every request goes through here, in this order, and nothing reaches a handler another way.
//!
//! host → row → who → right → origin → body within its limit → CSRF token → handler → headers of the answer.

use super::answer::{Answer, Content};
use super::form::Values;
use super::multipart::{self, ReadSeek, Sink, Upload};
use super::pages::oops;
use super::request::{Method, Request};
use super::route::{self, Body, Found, Route, Who};
use super::routes::TABLE;
use super::server::Serve;
use super::site::Site;
use super::visit::{Caller, Visit};
use super::words::Words;
use crate::access::look::{self, Look};
use crate::access::{self, Right};
use crate::base::{Error, Lang, Result, Secret};
use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

pub(crate) const LANG_COOKIE: &str = "hakobu_lang";

/// Why a request is turned away before its handler.
pub(crate) enum Turned {
    Host,
    NotFound,
    Method,
    SignIn,
    Right(Right),
    CrossSite,
    Csrf,
    TooLarge(u64),
    NoLength,
    Failed(Error),
}

impl From<Error> for Turned {
    fn from(e: Error) -> Turned {
        Turned::Failed(e)
    }
}

impl Serve for Site {
    fn pass(&self, request: &Request, body: &mut dyn Read) -> Answer {
        pass(self, request, body)
    }

    fn body_limit(&self, method: Method, path: &str) -> u64 {
        body_limit(method, path)
    }
}

pub(crate) fn pass(site: &Site, request: &Request, body: &mut dyn Read) -> Answer {
    let secure = is_public_https(site, request);
    let mut visit = Visit {
        site,
        house: &site.house,
        now: request.now,
        lang: Lang::Ja,
        w: Words(Lang::Ja),
        query: request.query.clone(),
        form: Values::default(),
        files: Vec::new(),
        caller: Caller::Nobody,
        look: Look::default(),
        request,
        parts: Vec::new(),
        secure,
    };
    speak(&mut visit);
    let handled = catch_unwind(AssertUnwindSafe(|| handle(&mut visit, body)));
    let answer = match handled {
        Ok(Ok(answer)) => answer,
        Ok(Err(turned)) => oops::answer(&visit, turned),
        Err(_) => oops::answer(&visit, Turned::Failed(Error::bug("a page panicked"))),
    };
    dressed(answer, request, secure)
}

fn handle(visit: &mut Visit<'_>, body: &mut dyn Read) -> std::result::Result<Answer, Turned> {
    if !host_ok(visit.site, visit.request) {
        return Err(Turned::Host);
    }
    visit.look = look::get(&visit.house.store)?;
    let found = route::find(TABLE, visit.request.method, &visit.request.path);
    if !matches!(&found, Found::Row(row, _) if row.who == Who::Anywhere) {
        recognise(visit)?;
    }
    let (row, parts) = match found {
        Found::Row(row, parts) => (row, parts),
        Found::Method => return Err(Turned::Method),
        Found::Nothing => return Err(Turned::NotFound),
    };
    visit.parts = parts;
    admit(row, visit)?;
    if row.method == Method::Post {
        same_origin(row, visit)?;
        take_body(row, visit, body)?;
        csrf_ok(row, visit, &visit.form)?;
    }
    (row.handler)(visit).map_err(Turned::Failed)
}

/// How much a request may bring; what has no row brings nothing.
pub(crate) fn body_limit(method: Method, path: &str) -> u64 {
    match route::find(TABLE, method, path) {
        Found::Row(row, _) => row.body.limit(),
        Found::Method | Found::Nothing => 0,
    }
}

/// A page of ours answers under loopback names and the public one: a name that somebody else points at us (DNS
/// rebinding) gets nothing.
fn host_ok(site: &Site, request: &Request) -> bool {
    request.header("host").is_some_and(|h| h.eq_ignore_ascii_case(site.public_host()) || is_loopback_name(h))
}

pub(crate) fn is_loopback_name(host: &str) -> bool {
    let port = |p: &str| p.parse::<u16>().is_ok();
    let name = host.rsplit_once(':').filter(|(n, p)| !n.ends_with(':') && port(p)).map_or(host, |(n, _)| n);
    ["localhost", "127.0.0.1", "[::1]"].contains(&name)
}

fn is_public_https(site: &Site, request: &Request) -> bool {
    site.public_is_https() && request.header("host").is_some_and(|h| h.eq_ignore_ascii_case(site.public_host()))
}

/// The reader's language: the user's own choice, else the cookie, else what the browser asks for.
fn speak(visit: &mut Visit<'_>) {
    let chosen = visit.request.cookie(LANG_COOKIE).and_then(Lang::parse);
    let user = match &visit.caller {
        Caller::Session(session) => Some(session.user.lang),
        Caller::Nobody | Caller::Token(_) => None,
    };
    visit.lang = user.or(chosen).or_else(|| wished(visit.request)).unwrap_or(visit.house.boot.lang);
    visit.w = Words(visit.lang);
}

/// What the browser asks for.
pub(crate) fn wished(request: &Request) -> Option<Lang> {
    let wish = request.header("accept-language").unwrap_or_default();
    wish.split(',').find_map(|w| Lang::parse(w.split(';').next().unwrap_or_default().trim()))
}

/// `__Host-` ties the cookie to this host and to TLS; plain loopback has no TLS to tie it to.
pub(crate) fn session_cookie(secure: bool) -> &'static str {
    if secure { "__Host-hakobu" } else { "hakobu" }
}

fn recognise(visit: &mut Visit<'_>) -> Result<()> {
    let (store, now) = (&visit.house.store, visit.now);
    if let Some(bearer) = visit.request.header("authorization").and_then(|a| a.strip_prefix("Bearer ")) {
        if let Some(token) = access::token::of(store, now, &Secret::new(bearer.trim()))? {
            visit.caller = Caller::Token(token);
        }
        return Ok(());
    }
    if let Some(cookie) = visit.request.cookie(session_cookie(visit.secure))
        && let Some(session) = access::session::of(store, now, &Secret::new(cookie))?
    {
        visit.caller = Caller::Session(session);
        speak(visit);
    }
    Ok(())
}

fn admit(row: &Route, visit: &Visit<'_>) -> std::result::Result<(), Turned> {
    match (row.who, &visit.caller) {
        (Who::Public | Who::Anywhere, _) | (Who::SignedIn, Caller::Session(_)) => Ok(()),
        (Who::SignedIn | Who::Right(_), Caller::Nobody) | (Who::SignedIn, Caller::Token(_)) => Err(Turned::SignIn),
        (Who::Right(right), Caller::Session(_) | Caller::Token(_)) => match visit.may(right) {
            true => Ok(()),
            false => Err(Turned::Right(right)),
        },
    }
}

fn same_origin(row: &Route, visit: &Visit<'_>) -> std::result::Result<(), Turned> {
    if row.who == Who::Anywhere || from_here(visit.request) { Ok(()) } else { Err(Turned::CrossSite) }
}

/// Browsers say where a POST comes from. What says nothing at all is no browser, and has no cookie to abuse.
pub(crate) fn from_here(request: &Request) -> bool {
    let site_says = request.header("sec-fetch-site").is_none_or(|s| s == "same-origin" || s == "none");
    let host = request.header("host").unwrap_or_default();
    let fits = |o: &str| o.split_once("://").is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(host));
    site_says && request.header("origin").is_none_or(fits)
}

fn csrf_ok(row: &Route, visit: &Visit<'_>, form: &Values) -> std::result::Result<(), Turned> {
    match (&visit.caller, row.who) {
        (Caller::Session(session), Who::Public | Who::SignedIn | Who::Right(_)) => {
            let given = visit.request.header("x-csrf-token").unwrap_or_else(|| form.get("csrf"));
            if session.csrf_fits(given) { Ok(()) } else { Err(Turned::Csrf) }
        }
        // A token is not sent by a browser on its own; without a session there is nothing to ride on.
        (Caller::Token(_) | Caller::Nobody, _) | (Caller::Session(_), Who::Anywhere) => Ok(()),
    }
}

fn take_body(row: &Route, visit: &mut Visit<'_>, body: &mut dyn Read) -> std::result::Result<(), Turned> {
    let length = visit.request.length.ok_or(Turned::NoLength)?;
    let limit = row.body.limit();
    if length > limit {
        return Err(Turned::TooLarge(limit));
    }
    let mut body = body.take(length);
    let kind = visit.request.header("content-type").unwrap_or_default();
    match row.body {
        Body::None => {}
        Body::Form | Body::LongForm if multipart::boundary(kind).is_none() => {
            visit.form = Values::parse(&text(&mut body)?);
        }
        Body::Form | Body::LongForm | Body::Upload(_) => {
            let (form, files) = upload(row, visit, &mut body, kind)?;
            (visit.form, visit.files) = (form, files);
        }
    }
    Ok(())
}

fn text(body: &mut dyn Read) -> Result<String> {
    let mut bytes = Vec::new();
    body.read_to_end(&mut bytes).map_err(|e| cut_short().because(e))?;
    String::from_utf8(bytes).map_err(|e| {
        Error::refused(say!("送られた内容が UTF-8 ではありません。", "What was sent is not UTF-8.")).because(e)
    })
}

fn cut_short() -> Error {
    Error::refused(say!("送信が途中で切れました。", "The request was cut short."))
}

/// A sealed spool that is being written, and how it turns into something to read.
struct Spooling<W, F>(W, F);

fn spooling<W, F>(spool: W, done: F) -> Box<dyn Sink>
where
    W: Write + 'static,
    F: FnOnce(W) -> Result<Box<dyn ReadSeek>> + 'static,
{
    Box::new(Spooling(spool, done))
}

impl<W: Write, F> Write for Spooling<W, F> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

impl<W: Write, F: FnOnce(W) -> Result<Box<dyn ReadSeek>>> Sink for Spooling<W, F> {
    fn done(self: Box<Self>) -> Result<Box<dyn ReadSeek>> {
        (self.1)(self.0)
    }
}

fn upload(
    row: &Route,
    visit: &Visit<'_>,
    body: &mut dyn Read,
    kind: &str,
) -> std::result::Result<(Values, Vec<Upload>), Turned> {
    let Some(boundary) = multipart::boundary(kind) else {
        // A form without files may come the plain way.
        return Ok((Values::parse(&text(&mut body.take(crate::base::limits::FORM_MAX))?), Vec::new()));
    };
    let refused = std::cell::Cell::new(false);
    let allowed = |fields: &Values| {
        csrf_ok(row, visit, fields).map_err(|_| {
            refused.set(true);
            cut_short()
        })
    };
    let sink = || {
        let spool = visit.house.store.blobs().spool()?;
        Ok(spooling(spool, |s| s.into_reader().map(|r| Box::new(r) as Box<dyn ReadSeek>)))
    };
    let taken = multipart::read(body, &multipart::Reading { boundary, allowed: &allowed, sink: &sink });
    if refused.get() { Err(Turned::Csrf) } else { taken.map_err(Turned::Failed) }
}

/// On every answer, unless the handler has set its own (a hosted image may be shown by a mail reader). Scripts, styles and images come from us; a frame shows only what was marked for it.
pub(crate) fn dressed(mut answer: Answer, request: &Request, secure: bool) -> Answer {
    let policy = match answer.framed {
        true => {
            "default-src 'none'; img-src 'self' data: https:; style-src 'unsafe-inline'; sandbox; frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
        }
        false => {
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; frame-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
        }
    };
    let mut add = |name: &'static str, value: &str| {
        if !answer.headers.iter().any(|(n, _)| *n == name) {
            answer.headers.push((name, value.to_owned()));
        }
    };
    add("Content-Security-Policy", policy);
    add("X-Content-Type-Options", "nosniff");
    // `no-referrer` would also empty the Origin of our own forms.
    add("Referrer-Policy", "same-origin");
    add("Cross-Origin-Opener-Policy", "same-origin");
    add("Cross-Origin-Resource-Policy", "same-origin");
    add("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()");
    add("X-Request-Id", &request.id);
    if secure {
        add("Strict-Transport-Security", "max-age=31536000");
    }
    add("Cache-Control", "no-store");
    if request.method == Method::Head && !matches!(answer.body, Content::Bytes(_)) {
        answer.body = Content::Bytes(Vec::new());
    }
    answer
}
