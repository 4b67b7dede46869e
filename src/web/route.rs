//! A row of the route table, and how a path finds its row.

use super::answer::Answer;
use super::request::Method;
use super::visit::Visit;
use crate::access::Right;
use crate::base::link::{Per, RouteClass, Surface};
use crate::base::{Result, limits};

pub(crate) type Handler = fn(&mut Visit<'_>) -> Result<Answer>;

/// Who may use a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// Anybody; a POST must come from a page of ours.
    Public,
    /// Anybody, also from elsewhere (one-click unsubscribe): no session is looked at.
    Anywhere,
    /// Everybody who is signed in.
    SignedIn,
    /// Those whose role has the right; API tokens that have it, too.
    Right(Right),
}

/// The listeners that a row is answered on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum On {
    /// For those who run the house: the public listener does not have it.
    Admin,
    /// What recipients of mails open, and how its requests are counted there. The admin listener has it, too.
    Public(Per),
}

impl On {
    pub(crate) fn is_on(self, surface: Surface) -> bool {
        match (self, surface) {
            (On::Public(_), _) | (On::Admin, Surface::Admin) => true,
            (On::Admin, Surface::Public) => false,
        }
    }

    fn per(self) -> Per {
        match self {
            On::Admin => Per::Address,
            On::Public(per) => per,
        }
    }
}

/// What a POST may bring, and how much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    None,
    Form,
    /// A form with long texts (a mail's HTML).
    LongForm,
    /// multipart/form-data with files.
    Upload(u64),
}

impl Body {
    pub(crate) fn limit(self) -> u64 {
        match self {
            Body::None => 0,
            Body::Form => limits::FORM_MAX,
            Body::LongForm => limits::LONG_FORM_MAX,
            Body::Upload(most) => most,
        }
    }
}

pub(crate) struct Route {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    /// So many of its bytes stand before the first open part: they tell most rows apart.
    fixed: usize,
    pub(crate) on: On,
    pub(crate) who: Who,
    pub(crate) body: Body,
    pub(crate) handler: Handler,
}

pub(crate) const fn get(path: &'static str, on: On, who: Who, handler: Handler) -> Route {
    Route { method: Method::Get, path, fixed: fixed(path), on, who, body: Body::None, handler }
}

pub(crate) const fn post(path: &'static str, on: On, who: Who, body: Body, handler: Handler) -> Route {
    Route { method: Method::Post, path, fixed: fixed(path), on, who, body, handler }
}

const fn fixed(path: &str) -> usize {
    let mut at = 0;
    while at < path.len() && path.as_bytes()[at] != b'{' {
        at += 1;
    }
    at
}

/// What the open parts of a pattern hold: `/campaigns/{id}` and `/campaigns/c1` give `id = c1`.
pub(crate) type Parts = Vec<(&'static str, String)>;

impl Route {
    fn fits(&self, path: &str) -> Option<Parts> {
        if !path.starts_with(&self.path[..self.fixed]) {
            return None;
        }
        let (mut want, mut have) = (self.path.split('/'), path.split('/'));
        let mut parts = Parts::new();
        loop {
            match (want.next(), have.next()) {
                (None, None) => return Some(parts),
                (Some(w), Some(h)) => match w.strip_prefix('{').and_then(|w| w.strip_suffix('}')) {
                    Some(name) if !h.is_empty() => parts.push((name, super::form::decode(&h.replace('+', "%2B")))),
                    None if w == h => {}
                    _ => return None,
                },
                _ => return None,
            }
        }
    }
}

/// The table as the door needs to know it.
pub(crate) fn classes(table: &[Route]) -> Vec<RouteClass> {
    let class = |row: &Route| RouteClass {
        method: if row.method == Method::Post { "POST" } else { "GET" }.to_owned(),
        path: row.path.to_owned(),
        public: row.on.is_on(Surface::Public),
        body: row.body.limit(),
        per: row.on.per(),
    };
    table.iter().map(class).collect()
}

pub(crate) enum Found<'a> {
    Row(&'a Route, Parts),
    /// The path is there, with another method.
    Method,
    Nothing,
}

/// Fixed paths before open ones, so that `/users/new` is not a user called new. A row of the other surface is not there.
pub(crate) fn find<'a>(table: &'a [Route], surface: Surface, method: Method, path: &str) -> Found<'a> {
    let method = if method == Method::Head { Method::Get } else { method };
    let here = table.iter().filter(|r| r.on.is_on(surface));
    let mut fitting: Vec<(&Route, Parts)> = here.filter_map(|r| r.fits(path).map(|p| (r, p))).collect();
    fitting.sort_by_key(|(_, parts)| parts.len());
    if fitting.is_empty() {
        return Found::Nothing;
    }
    match fitting.into_iter().find(|(r, _)| r.method == method) {
        Some((row, parts)) => Found::Row(row, parts),
        None => Found::Method,
    }
}
