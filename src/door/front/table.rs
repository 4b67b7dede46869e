//! Which row of the worker's route table a request belongs to: the same answer as the worker gives, without asking it.
//! Pure.

use crate::base::limits;
use crate::base::link::{Per, RouteClass, Surface};
use std::collections::HashMap;

/// The worker's routes, sorted for looking up.
#[derive(Debug, Default)]
pub(crate) struct RouteTable {
    /// Paths without open parts.
    fixed: HashMap<String, Vec<RouteClass>>,
    /// By number of parts; those with fewer open ones first.
    open: HashMap<usize, Vec<RouteClass>>,
}

/// What the table says about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    Row(&'a RouteClass),
    /// The path is there, with another method; whether any of its rows is public.
    Method {
        public: bool,
    },
    Nothing,
}

fn is_open(part: &str) -> bool {
    part.starts_with('{') && part.ends_with('}')
}

fn open_parts(path: &str) -> usize {
    path.split('/').filter(|p| is_open(p)).count()
}

fn fits(pattern: &str, path: &str) -> bool {
    // Most rows are told apart by what stands before their first open part.
    if !path.starts_with(&pattern[..pattern.find('{').unwrap_or(pattern.len())]) {
        return false;
    }
    let mut have = path.split('/');
    let all = pattern
        .split('/')
        .all(|want| have.next().is_some_and(|h| if is_open(want) { !h.is_empty() } else { want == h }));
    all && have.next().is_none()
}

impl RouteTable {
    pub(crate) fn new(routes: &[RouteClass]) -> RouteTable {
        let mut table = RouteTable::default();
        for route in routes {
            match open_parts(&route.path) {
                0 => table.fixed.entry(route.path.clone()).or_default().push(route.clone()),
                _ => table.open.entry(route.path.split('/').count()).or_default().push(route.clone()),
            }
        }
        for rows in table.open.values_mut() {
            rows.sort_by_key(|r| open_parts(&r.path));
        }
        table
    }

    /// Fixed paths before open ones, so that `/users/new` is not a user called new.
    pub(crate) fn find(&self, method: &str, path: &str) -> Found<'_> {
        let method = if method == "HEAD" { "GET" } else { method };
        let fixed = self.fixed.get(path).into_iter().flatten();
        let open = self.open.get(&path.split('/').count()).into_iter().flatten().filter(|r| fits(&r.path, path));
        let (mut there, mut public) = (false, false);
        for row in fixed.chain(open) {
            if row.method == method {
                return Found::Row(row);
            }
            there = true;
            public |= row.public;
        }
        if there { Found::Method { public } } else { Found::Nothing }
    }
}

impl Found<'_> {
    /// Whether somebody on this side may know that the path is there.
    pub(crate) fn is_answered_on(self, surface: Surface) -> bool {
        match (surface, self) {
            (Surface::Admin, _) => true,
            (Surface::Public, Found::Row(row)) => row.public,
            (Surface::Public, Found::Method { public }) => public,
            (Surface::Public, Found::Nothing) => false,
        }
    }

    pub(crate) fn body_limit(self) -> u64 {
        match self {
            Found::Row(row) => row.body,
            // Read and thrown away by whoever answers that this is not there.
            Found::Method { .. } | Found::Nothing => limits::FORM_MAX,
        }
    }

    /// What stands in the last open part of a row that is counted by it.
    pub(crate) fn token(self, path: &str) -> Option<&str> {
        let Found::Row(row) = self else { return None };
        if row.per != Per::Token {
            return None;
        }
        row.path.split('/').zip(path.split('/')).filter(|(want, _)| is_open(want)).map(|(_, have)| have).last()
    }

    /// The path as the log keeps it: tokens cut out, and of what is no path of ours only the first part.
    pub(crate) fn logged(self, path: &str) -> String {
        let Found::Row(row) = self else { return first_part(path) };
        if row.per != Per::Token {
            return path.chars().take(limits::ACCESS_PATH).collect();
        }
        let parts = row.path.split('/').map(|want| if is_open(want) { "…" } else { want });
        parts.collect::<Vec<_>>().join("/")
    }
}

fn first_part(path: &str) -> String {
    match path.char_indices().skip(1).find(|(_, c)| *c == '/') {
        Some((at, _)) => path[..at].chars().take(limits::ACCESS_PATH).chain("/…".chars()).collect(),
        None if path.len() <= 1 => path.to_owned(),
        None => "/…".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(method: &str, path: &str, public: bool, per: Per) -> RouteClass {
        RouteClass { method: method.into(), path: path.into(), public, body: 7, per }
    }

    fn table() -> RouteTable {
        RouteTable::new(&[
            row("GET", "/", false, Per::Address),
            row("GET", "/users/{id}", false, Per::Address),
            row("GET", "/users/new", false, Per::Address),
            row("POST", "/users/{id}", false, Per::Address),
            row("GET", "/u/{token}", true, Per::Token),
            row("POST", "/u/{token}", true, Per::Token),
            row("GET", "/f/{form}/{token}", true, Per::Token),
            row("GET", "/f/{form}/new", true, Per::Address),
        ])
    }

    #[test]
    fn the_row_with_the_fewest_open_parts_wins_as_it_does_in_the_worker() {
        let table = table();
        for (method, path, want) in [
            ("GET", "/", "/"),
            ("HEAD", "/", "/"),
            ("GET", "/users/new", "/users/new"),
            ("GET", "/users/u1", "/users/{id}"),
            ("POST", "/users/new", "/users/{id}"),
            ("GET", "/f/a/new", "/f/{form}/new"),
            ("GET", "/f/a/b", "/f/{form}/{token}"),
        ] {
            assert!(matches!(table.find(method, path), Found::Row(r) if r.path == want), "{method} {path}");
        }
        for (method, path, want) in [
            ("PUT", "/u/x", Found::Method { public: true }),
            ("POST", "/", Found::Method { public: false }),
            ("GET", "/users/", Found::Nothing),
            ("GET", "/users", Found::Nothing),
            ("GET", "/users/a/b", Found::Nothing),
            ("GET", "//", Found::Nothing),
            ("GET", "/u/", Found::Nothing),
        ] {
            assert_eq!(table.find(method, path), want, "{method} {path}");
        }
    }

    #[test]
    fn only_public_rows_are_answered_on_the_public_side() {
        let table = table();
        for (method, path, public) in [
            ("GET", "/u/x", true),
            ("PUT", "/u/x", true),
            ("GET", "/", false),
            ("POST", "/", false),
            ("GET", "/users/new", false),
            ("GET", "/nothing", false),
        ] {
            assert_eq!(table.find(method, path).is_answered_on(Surface::Public), public, "{method} {path}");
            assert!(table.find(method, path).is_answered_on(Surface::Admin));
        }
    }

    #[test]
    fn a_token_is_counted_and_never_logged() {
        let table = table();
        for (path, token, logged) in [
            ("/u/SECRET", Some("SECRET"), "/u/…"),
            ("/f/f1/SECRET", Some("SECRET"), "/f/…/…"),
            ("/users/u1", None, "/users/u1"),
            ("/u/SECRET/more", None, "/u/…"),
            ("/SECRET", None, "/…"),
            ("/", None, "/"),
        ] {
            let found = table.find("GET", path);
            assert_eq!((found.token(path), found.logged(path).as_str()), (token, logged), "{path}");
        }
    }
}
