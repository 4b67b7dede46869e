//! The gate: every request goes through here, in this order, and nothing reaches a handler another way.
//!
//! host → row of this surface → who → right → origin → body within its limit → CSRF token → handler → headers of the answer.

use super::answer::{Answer, Content};
use super::brought::{Brought, cut_short};
use super::form::Values;
use super::multipart::{self, Upload};
use super::pages::oops;
use super::request::{Method, Request};
use super::route::{self, Body, Found, Route, Who};
use super::routes::TABLE;
use super::server::Serve;
use super::site::{Site, is_loopback_name};
use super::visit::{Caller, Visit};
use super::words::Words;
use crate::access::look::Look;
use crate::access::{self, Right};
use crate::base::link::{RouteClass, Surface};
use crate::base::{Error, Lang, Result, Secret, limits};
use std::cell::OnceCell;
use std::io::Read;
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
    fn pass(&self, request: &Request, body: &Brought) -> Answer {
        pass(self, request, body)
    }

    fn route_classes(&self) -> Vec<RouteClass> {
        route::classes(TABLE)
    }
}

pub(crate) fn pass(site: &Site, request: &Request, body: &Brought) -> Answer {
    // Where somebody's own proxy ends TLS, the door hears plain HTTP; the public URL says what browsers speak.
    let host = request.header("host").unwrap_or_default();
    let secure = request.https || site.is_public_https(host);
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
        look: OnceCell::new(),
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
    dressed(answer, request, secure && site.speaks_https())
}

fn handle(visit: &mut Visit<'_>, body: &Brought) -> std::result::Result<Answer, Turned> {
    let (surface, host) = (visit.request.surface, visit.request.header("host").unwrap_or_default());
    if !visit.site.answers_to(surface, host) {
        visit.look = Look::default().into();
        return Err(Turned::Host);
    }
    let found = route::find(TABLE, surface, visit.request.method, &visit.request.path);
    // Nobody is signed in on the public surface, whatever a browser brings along.
    if surface == Surface::Admin && !matches!(&found, Found::Row(row, _) if row.who == Who::Anywhere) {
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

fn take_body(row: &Route, visit: &mut Visit<'_>, body: &Brought) -> std::result::Result<(), Turned> {
    let length = visit.request.length.ok_or(Turned::NoLength)?;
    let limit = row.body.limit();
    if length > limit {
        return Err(Turned::TooLarge(limit));
    }
    if body.length() != length {
        return Err(Turned::Failed(cut_short()));
    }
    let kind = visit.request.header("content-type").unwrap_or_default();
    match row.body {
        Body::None => {}
        Body::Form | Body::LongForm if is_json(kind) => visit.form = Values::from_json(&text(body)?)?,
        Body::Form | Body::LongForm if multipart::boundary(kind).is_none() => visit.form = Values::parse(&text(body)?),
        Body::Form | Body::LongForm | Body::Upload(_) => {
            let (form, files) = upload(row, visit, body, kind)?;
            (visit.form, visit.files) = (form, files);
        }
    }
    Ok(())
}

fn is_json(kind: &str) -> bool {
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

pub(crate) fn text(body: &Brought) -> Result<String> {
    let mut bytes = Vec::new();
    body.open()?.read_to_end(&mut bytes).map_err(|e| cut_short().because(e))?;
    String::from_utf8(bytes).map_err(|e| {
        Error::refused(say!("送られた内容が UTF-8 ではありません。", "What was sent is not UTF-8.")).because(e)
    })
}

fn upload(
    row: &Route,
    visit: &Visit<'_>,
    body: &Brought,
    kind: &str,
) -> std::result::Result<(Values, Vec<Upload>), Turned> {
    let Some(boundary) = multipart::boundary(kind) else {
        // A form without files may come the plain way.
        return match body.length() > limits::FORM_MAX {
            true => Err(Turned::TooLarge(limits::FORM_MAX)),
            false => Ok((Values::parse(&text(body)?), Vec::new())),
        };
    };
    let refused = std::cell::Cell::new(false);
    let allowed = |fields: &Values| {
        csrf_ok(row, visit, fields).map_err(|_| {
            refused.set(true);
            cut_short()
        })
    };
    let taken = multipart::read(body, &multipart::Reading { boundary, allowed: &allowed });
    if refused.get() { Err(Turned::Csrf) } else { taken.map_err(Turned::Failed) }
}

/// On every answer, unless the handler has set its own (a hosted image may be shown by a mail reader). Scripts, styles
/// and images come from us; a frame shows only what was marked for it.
pub(crate) fn dressed(mut answer: Answer, request: &Request, pinned: bool) -> Answer {
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
    // A browser would never again speak plain HTTP with this computer's own name.
    if pinned && !request.header("host").is_some_and(is_loopback_name) {
        add("Strict-Transport-Security", "max-age=31536000");
    }
    add("Cache-Control", "no-store");
    if request.method == Method::Head && !matches!(answer.body, Content::Bytes(_)) {
        answer.body = Content::Bytes(Vec::new());
    }
    answer
}
