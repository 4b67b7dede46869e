//! The whole web room without a socket: `TestSite` drives the gate as a browser would.

mod api;
mod audience;
mod campaigns;
mod colours;
mod contact_edit;
mod domains;
mod first_run;
mod import;
mod look;
mod mail;
mod pages;
mod sockets;
mod surfaces;
mod updates;

use super::answer::{Answer, Content};
use super::brought::Brought;
use super::form::{Values, encode};
use super::request::{Method, Request};
use super::route::{Body, Who};
use super::routes::TABLE;
use super::site::Site;
use super::{gate, words};
use crate::access::link::Life;
use crate::access::{self, LinkKind, NewUser, Right, Role, User};
use crate::base::link::Surface;
use crate::base::provider::{Phrase, Provider};
use crate::base::{Build, By, Email, Lang, Secret, Time, clock};
use crate::house::House;
use crate::house::setup::{self, Admin, Answers};
use std::io::Read;
use std::sync::Arc;

pub(crate) const PASSWORD: &str = "tsukue mado neko yama";

/// A house in a temporary folder, a fixed clock, and a browser's cookies.
pub(crate) struct TestSite {
    pub(crate) site: Site,
    pub(crate) now: Time,
    pub(crate) lang: Lang,
    pub(crate) cookies: Vec<(String, String)>,
    pub(crate) csrf: String,
    _dir: tempfile::TempDir,
}

pub(crate) struct Seen {
    pub(crate) status: u16,
    pub(crate) location: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

impl TestSite {
    pub(crate) fn new() -> TestSite {
        let dir = tempfile::tempdir().unwrap();
        let answers = Answers {
            key: Provider::File { path: dir.path().join("root.key") },
            phrase: Phrase::None,
            domain: "news.example.jp".into(),
            public_url: "https://news.example.jp".into(),
            listen: "127.0.0.1:8080".parse().unwrap(),
            lang: Lang::Ja,
            admin: Admin {
                email: Email::parse("admin@example.jp").unwrap(),
                name: "山田 花子".into(),
                password: Secret::new(PASSWORD),
            },
            relay: None,
            probe: false,
            alarm_to: None,
        };
        let now = Time::parse("2026-11-20 10:05", &clock::japan()).unwrap();
        let done = setup::run(&dir.path().join("data"), Build::TEST, &By::house("test"), now, &answers).unwrap();
        TestSite::of(done.house.unwrap(), now, dir)
    }

    /// The pages of a house that was made otherwise.
    pub(crate) fn of(house: House, now: Time, dir: tempfile::TempDir) -> TestSite {
        let site = Site::new(Arc::new(house));
        TestSite { site, now, lang: Lang::Ja, cookies: Vec::new(), csrf: String::new(), _dir: dir }
    }

    pub(crate) fn user(&self, role: Role) -> User {
        let store = &self.site.house.store;
        let new = NewUser {
            email: Email::parse(&format!("{}@example.jp", role.name())).unwrap(),
            name: format!("山田 {}", role.name()),
            role,
            lang: self.lang,
        };
        if let Some(user) = access::user::find(store, &new.email).unwrap() {
            return user;
        }
        let id = access::user::add(store, &By::house("test"), self.now, &new, Some(&Secret::new(PASSWORD))).unwrap();
        access::user::get(store, id).unwrap()
    }

    /// Signed in as a user of this role, without the slow password.
    pub(crate) fn signed_in(role: Role) -> TestSite {
        let mut site = TestSite::new();
        site.become_user(role);
        site
    }

    /// A new one, seen by somebody of this role who reads this language.
    pub(crate) fn read_by(role: Role, lang: Lang) -> TestSite {
        let mut site = TestSite::new();
        site.lang = lang;
        let user = site.user(role);
        access::user::set_language(&site.site.house.store, site.now, user.id, lang).unwrap();
        site.become_user(role);
        site
    }

    pub(crate) fn become_user(&mut self, role: Role) {
        let user = self.user(role);
        let (session, token) =
            access::session::open(&self.site.house.store, self.now, &user, "Firefox 140 (Linux)").unwrap();
        self.cookies = vec![("hakobu".into(), token.text().unwrap().into())];
        self.csrf = session.csrf;
    }

    pub(crate) fn request(&self, method: Method, url: &str) -> Request {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let cookies: Vec<String> = self.cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
        Request {
            method,
            path: path.into(),
            query: Values::parse(query),
            headers: vec![
                ("host".into(), "127.0.0.1:8080".into()),
                ("accept-language".into(), self.lang.tag().into()),
                ("cookie".into(), cookies.join("; ")),
            ],
            surface: Surface::Admin,
            https: false,
            from: "127.0.0.1".into(),
            length: Some(0),
            now: self.now,
            id: "TEST".into(),
        }
    }

    pub(crate) fn send(&mut self, request: &Request, body: &[u8]) -> Seen {
        let answer = gate::pass(&self.site, request, &Brought::Memory(body.into()));
        for (_, value) in answer.headers.iter().filter(|(n, _)| *n == "Set-Cookie") {
            let (name, value) = value.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.retain(|(n, _)| n != name);
            if !value.is_empty() {
                self.cookies.push((name.into(), value.into()));
            }
        }
        seen(answer)
    }

    pub(crate) fn get(&mut self, url: &str) -> Seen {
        let request = self.request(Method::Get, url);
        self.send(&request, b"")
    }

    /// A form as the page sends it, with the session's token.
    pub(crate) fn post(&mut self, url: &str, fields: &[(&str, &str)]) -> Seen {
        let mut all = vec![("csrf", self.csrf.as_str())];
        all.extend_from_slice(fields);
        let body: Vec<String> = all.iter().map(|(n, v)| format!("{}={}", encode(n), encode(v))).collect();
        self.post_raw(url, body.join("&").as_bytes(), "application/x-www-form-urlencoded")
    }

    pub(crate) fn post_raw(&mut self, url: &str, body: &[u8], kind: &str) -> Seen {
        let mut request = self.request(Method::Post, url);
        request.length = Some(body.len() as u64);
        request.headers.push(("content-type".into(), kind.into()));
        self.send(&request, body)
    }

    /// Brings the session's CSRF token back after signing in by a form or link.
    pub(crate) fn reread_csrf(&mut self) {
        let page = self.get("/me").body;
        self.csrf = page.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    }
}

fn seen(answer: Answer) -> Seen {
    let location = answer.location().unwrap_or_default().to_owned();
    let body = match answer.body {
        Content::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Content::Stream(mut from) => {
            let mut bytes = Vec::new();
            from.read_to_end(&mut bytes).unwrap();
            String::from_utf8_lossy(&bytes).into_owned()
        }
        Content::Events(_) => "events".to_owned(),
    };
    Seen { status: answer.status, location, headers: answer.headers, body }
}

fn filled(path: &str) -> String {
    let id = |part: &str| if part.starts_with('{') { "1".to_owned() } else { part.to_owned() };
    path.split('/').map(id).collect::<Vec<_>>().join("/")
}

#[test]
fn nobody_gets_past_any_row_that_asks_for_somebody() {
    let mut site = TestSite::new();
    for row in TABLE.iter().filter(|r| matches!(r.who, Who::Right(_) | Who::SignedIn)) {
        let seen = match row.method {
            Method::Get => site.get(&filled(row.path)),
            _ => site.post(&filled(row.path), &[]),
        };
        match row.method {
            Method::Get if !row.path.starts_with("/api/") => {
                assert_eq!(seen.status, 303, "{}", row.path);
                assert!(seen.location.starts_with("/sign-in"), "{}", row.path);
            }
            _ => assert_eq!(seen.status, 401, "{}", row.path),
        }
    }
}

#[test]
fn a_role_without_the_right_is_turned_away_from_every_row() {
    for role in [Role::Staff, Role::Viewer] {
        let mut site = TestSite::signed_in(role);
        for row in TABLE {
            let Who::Right(right) = row.who else { continue };
            if role.may(right) {
                continue;
            }
            let seen = match row.method {
                Method::Get => site.get(&filled(row.path)),
                _ => site.post(&filled(row.path), &[]),
            };
            assert_eq!(seen.status, 403, "{} as {}", row.path, role.name());
        }
    }
}

#[test]
fn every_post_of_a_signed_in_person_needs_the_token_and_our_own_page() {
    let mut site = TestSite::signed_in(Role::Admin);
    let good = std::mem::take(&mut site.csrf);
    for row in TABLE.iter().filter(|r| r.method == Method::Post && r.who != Who::Anywhere) {
        let url = filled(row.path);
        let (kind, body): (&str, &[u8]) = match row.body {
            Body::Upload(_) => (
                "multipart/form-data; boundary=XX",
                b"--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nx\r\n--XX--\r\n",
            ),
            Body::None => ("", b""),
            Body::Form | Body::LongForm => ("application/x-www-form-urlencoded", b"csrf=wrong"),
        };
        assert_eq!(site.post_raw(&url, body, kind).status, 403, "{url} without a token");
        let mut request = site.request(Method::Post, &url);
        request.headers.push(("x-csrf-token".into(), good.clone()));
        request.headers.push(("origin".into(), "https://evil.example".into()));
        assert_eq!(site.send(&request, b"").status, 403, "{url} from elsewhere");
        request.headers.pop();
        request.headers.push(("sec-fetch-site".into(), "cross-site".into()));
        assert_eq!(site.send(&request, b"").status, 403, "{url} from elsewhere");
    }
}

#[test]
fn too_much_is_refused_by_name_before_it_is_read() {
    let mut site = TestSite::signed_in(Role::Admin);
    for row in TABLE.iter().filter(|r| r.method == Method::Post) {
        let mut request = site.request(Method::Post, &filled(row.path));
        request.length = Some(row.body.limit() + 1);
        assert_eq!(site.send(&request, b"").status, 413, "{}", row.path);
        request.length = None;
        assert_eq!(site.send(&request, b"").status, 411, "{}", row.path);
    }
}

#[test]
fn a_name_that_is_not_ours_gets_nothing() {
    let mut site = TestSite::signed_in(Role::Admin);
    for (host, status) in [
        ("127.0.0.1:8080", 200),
        ("localhost:1", 200),
        ("[::1]:8080", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("", 421),
    ] {
        let mut request = site.request(Method::Get, "/me");
        request.headers[0].1 = host.into();
        assert_eq!(site.send(&request, b"").status, status, "{host}");
    }
    // Under the public name the cookie has another name: this one is not looked at.
    let mut request = site.request(Method::Get, "/me");
    request.headers[0].1 = "news.example.jp".into();
    assert_eq!(site.send(&request, b"").status, 303);
}

#[test]
fn signing_in_opens_a_new_session_and_signing_out_ends_it() {
    let mut site = TestSite::new();
    site.user(Role::Admin);
    let wrong = site.post("/sign-in", &[("email", "admin@example.jp"), ("password", "not this one, sorry")]);
    assert_eq!(wrong.status, 422);
    let unknown = site.post("/sign-in", &[("email", "nobody@example.jp"), ("password", "not this one, sorry")]);
    assert_eq!(wrong.body.replace("admin@", ""), unknown.body.replace("nobody@", ""));
    let seen = site.post("/sign-in", &[("email", "Admin@Example.JP"), ("password", PASSWORD), ("next", "/me?x=1")]);
    assert_eq!((seen.status, seen.location.as_str()), (303, "/me?x=1"));
    let cookie = seen.headers.iter().find(|(n, _)| *n == "Set-Cookie").unwrap();
    assert!(cookie.1.contains("HttpOnly; SameSite=Lax"), "{}", cookie.1);
    assert_eq!(site.get("/").status, 200);
    site.reread_csrf();
    assert_eq!(site.post("/sign-out", &[]).location, "/sign-in?out=1");
    assert_eq!(site.get("/").status, 303);
}

#[test]
fn nobody_is_sent_to_another_site_after_signing_in() {
    let mut site = TestSite::new();
    site.user(Role::Admin);
    for next in ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"] {
        let seen = site.post("/sign-in", &[("email", "admin@example.jp"), ("password", PASSWORD), ("next", next)]);
        assert_eq!(seen.location, "/", "{next}");
        site.cookies.clear();
    }
}

#[test]
fn the_language_is_the_users_own_then_the_cookies_then_the_browsers() {
    let mut site = TestSite::new();
    site.lang = Lang::En;
    assert!(site.get("/sign-in").body.contains("<html lang=\"en\">"));
    site.post("/language", &[("lang", "ja"), ("back", "/sign-in")]);
    assert!(site.get("/sign-in").body.contains("<html lang=\"ja\">"));
    site.become_user(Role::Viewer);
    assert!(site.get("/me").body.contains("<html lang=\"en\">"));
}

#[test]
fn who_is_invited_goes_on_in_the_language_in_which_they_chose_a_password() {
    let mut site = TestSite::new();
    let email = Email::parse("bob@example.jp").unwrap();
    let new = NewUser { email, name: "Bob".into(), role: Role::Staff, lang: Lang::Ja };
    let (store, by) = (&site.site.house.store, By::house("test"));
    let id = access::user::add(store, &by, site.now, &new, None).unwrap();
    let token = access::link::make(store, &by, site.now, (LinkKind::Invite, id), Life::ONCE).unwrap();
    site.lang = Lang::En;
    let place = format!("/link/{}", token.text().unwrap());
    assert!(site.get(&place).body.contains("<html lang=\"en\">"));
    assert_eq!(site.post(&place, &[("password", PASSWORD)]).location, "/");
    site.lang = Lang::Ja;
    assert!(site.get("/").body.contains("<html lang=\"en\">"));
}

#[test]
fn every_answer_carries_the_headers_that_keep_others_out() {
    let mut site = TestSite::signed_in(Role::Admin);
    for url in ["/", "/sign-in", "/nowhere", "/me"] {
        let seen = site.get(url);
        for name in ["Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy", "X-Request-Id"] {
            assert!(seen.headers.iter().any(|(n, _)| *n == name), "{url} {name}");
        }
    }
}

#[test]
fn every_word_is_there_in_both_languages_and_no_word_twice() {
    let all = words::catalogue();
    let japanese =
        |t: &str| t.chars().any(|c| ('\u{3040}'..='\u{30ff}').contains(&c) || ('\u{4e00}'..='\u{9fff}').contains(&c));
    for (name, ja, en) in &all {
        assert!(!ja.is_empty() && !en.is_empty(), "{name}");
        assert!(!japanese(en) || *name == "japanese", "{name}: {en}");
    }
    assert!(all.iter().any(|(_, ja, _)| japanese(ja)));
}

#[test]
fn every_row_of_the_table_is_there_once() {
    let mut seen = std::collections::HashSet::new();
    for row in TABLE {
        assert!(seen.insert((format!("{:?}", row.method), row.path)), "{}", row.path);
        assert!(row.who != Who::Right(Right::View) || row.method == Method::Get, "{} changes something", row.path);
    }
}
