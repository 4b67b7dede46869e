//! The first run in a browser: one link from the terminal, seven steps, and then the house itself answers.
//!
//! Nothing else is served meanwhile. The link works for half an hour and for the browser that used it first; what is
//! typed stays in memory until the key step makes the house. After the last step this wizard hands every request on
//! to the pages.
//!
//! **Invariant:** without the link nothing is shown but where to find it. **Invariant:** no default password.

mod checks;
mod steps;

use super::answer::Answer;
use super::assets;
use super::brought::{Brought, cut_short};
use super::form::Values;
use super::gate;
use super::page::Page;
use super::request::{Method, Request};
use super::route;
use super::routes::TABLE;
use super::server::Serve;
use super::site::{Site, is_loopback_name};
use crate::base::link::{Per, RouteClass, Surface};
use crate::base::{Build, Error, Lang, Result, Secret, Time, limits, seal};
use crate::delivery::Relay;
use crate::house::House;
use askama::Template;
use data_encoding::BASE64URL_NOPAD;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use subtle::ConstantTimeEq;

const COOKIE: &str = "hakobu_setup";

/// What `Wizard::handle` answers beside rows that the pages have, too.
const ROUTES: &[(&str, &str)] = &[("GET", "/setup/{token}"), ("GET", "/setup/step/{n}"), ("POST", "/setup/step/{n}")];

pub struct Wizard {
    data: PathBuf,
    listen: SocketAddr,
    build: Build,
    born: Time,
    link: String,
    cookie: String,
    typed: Mutex<Typed>,
    done: Mutex<Sender<Arc<House>>>,
    /// The pages, from the last step on.
    next: OnceLock<Site>,
}

/// What has been typed so far.
#[derive(Default)]
struct Typed {
    claimed: bool,
    lang: Option<Lang>,
    email: String,
    name: String,
    password: Option<Secret>,
    domain: String,
    public_url: String,
    relay: Option<Relay>,
    /// The furthest step that may be opened.
    reached: u8,
    recovery: Option<Secret>,
    house: Option<Arc<House>>,
}

impl Wizard {
    /// For a data folder that has no house yet; the house comes out at the other end when it is made.
    pub fn new(
        data: PathBuf,
        listen: SocketAddr,
        build: Build,
        now: Time,
    ) -> Result<(Arc<Wizard>, Receiver<Arc<House>>)> {
        let (done, made) = mpsc::channel();
        let wizard = Wizard {
            data,
            listen,
            build,
            born: now,
            link: BASE64URL_NOPAD.encode(&seal::random::<24>()?),
            cookie: BASE64URL_NOPAD.encode(&seal::random::<32>()?),
            typed: Mutex::new(Typed { reached: 1, ..Typed::default() }),
            done: Mutex::new(done),
            next: OnceLock::new(),
        };
        Ok((Arc::new(wizard), made))
    }

    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The path of the one link.
    pub fn path(&self) -> String {
        format!("/setup/{}", self.link)
    }

    fn typed(&self) -> MutexGuard<'_, Typed> {
        self.typed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_ours(&self, request: &Request) -> bool {
        request.cookie(COOKIE).is_some_and(|c| bool::from(c.as_bytes().ct_eq(self.cookie.as_bytes())))
    }

    /// The link claims the wizard for the browser that brings it first.
    fn claim(&self, request: &Request, token: &str) -> Answer {
        let fits = bool::from(token.as_bytes().ct_eq(self.link.as_bytes()));
        let fresh = request.now.since(self.born) < limits::LINK_LIFE;
        let mut typed = self.typed();
        if fits && (self.is_ours(request) || (fresh && !typed.claimed)) {
            typed.claimed = true;
            let cookie = format!("{COOKIE}={}; Path=/; HttpOnly; SameSite=Lax", self.cookie);
            return Answer::see("/setup/step/1").header("Set-Cookie", cookie);
        }
        drop(typed);
        self.closed(request)
    }

    fn closed(&self, request: &Request) -> Answer {
        let w = super::words::Words(self.lang(request));
        let p = Page::bare(w.0, w.setup_closed()).lead(w.setup_closed_lead());
        Answer::page(&Closed { p }).unwrap_or_else(|_| Answer::text(w.setup_closed_lead().to_owned())).status(403)
    }

    fn lang(&self, request: &Request) -> Lang {
        self.typed().lang.unwrap_or_else(|| gate::wished(request).unwrap_or_default())
    }

    fn handle(&self, request: &Request, body: &Brought) -> Result<Answer> {
        let mut parts = request.path.trim_start_matches('/').split('/');
        match (request.method, parts.next(), parts.next(), parts.next(), parts.next()) {
            (Method::Get | Method::Head, Some("assets"), Some(hash), Some(name), None) => assets::find(hash, name),
            (Method::Get, Some("setup"), Some(token), None, None) => Ok(self.claim(request, token)),
            _ if !self.is_ours(request) => Ok(self.closed(request)),
            (Method::Get, Some("setup"), Some("step"), Some(n), None) => steps::show(self, request, number(n)),
            (Method::Post, Some("setup"), Some("step"), Some(n), None) => {
                let form = Wizard::form(body)?;
                steps::take(self, request, number(n), &form)
            }
            (Method::Post, Some("language"), None, None, None) => {
                let form = Wizard::form(body)?;
                self.typed().lang = Lang::parse(form.get("lang"));
                Ok(Answer::see(&format!("/setup/step/{}", self.typed().reached)))
            }
            _ => Ok(Answer::see(&format!("/setup/step/{}", self.typed().reached))),
        }
    }

    /// A form of our own page: the origin is checked before, the token here.
    fn form(body: &Brought) -> Result<Values> {
        match body.length() > limits::FORM_MAX {
            true => Err(cut_short()),
            false => Ok(Values::parse(&gate::text(body)?)),
        }
    }

    fn finish(&self, house: Arc<House>) {
        // Nobody waits only when the process is about to end.
        self.done.lock().unwrap_or_else(PoisonError::into_inner).send(Arc::clone(&house)).ok();
        self.next.get_or_init(|| Site::new(house));
    }
}

fn number(text: &str) -> u8 {
    text.parse().unwrap_or(1)
}

#[derive(Template)]
#[template(path = "setup-closed.html")]
struct Closed {
    p: Page,
}

impl Serve for Wizard {
    fn pass(&self, request: &Request, body: &Brought) -> Answer {
        if let Some(site) = self.next.get() {
            return site.pass(request, body);
        }
        let local = request.surface == Surface::Admin && request.header("host").is_some_and(is_loopback_name);
        let answer = match local && (request.method != Method::Post || gate::from_here(request)) {
            true => self.handle(request, body).unwrap_or_else(|e| self.failed(request, &e)),
            false => self.closed(request),
        };
        gate::dressed(answer, request, false)
    }

    /// Its own rows, and the pages that will answer after the last step.
    fn route_classes(&self) -> Vec<RouteClass> {
        let own = ROUTES.iter().map(|(method, path)| RouteClass {
            method: (*method).to_owned(),
            path: (*path).to_owned(),
            public: false,
            body: if *method == "POST" { limits::FORM_MAX } else { 0 },
            per: Per::Address,
        });
        own.chain(route::classes(TABLE)).collect()
    }
}

impl Wizard {
    fn failed(&self, request: &Request, e: &Error) -> Answer {
        let lang = self.lang(request);
        Answer::text(format!("{} {}", e.says().to(lang), e.hinted().map_or("", |h| h.to(lang))))
            .status(e.kind().http_status())
    }
}
