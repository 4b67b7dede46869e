//! The two publics: what the public listener has, what it must not have, and whose cookies count where.

use super::{Seen, TestSite, filled};
use crate::access::Role;
use crate::base::link::{DoorFacts, Per, Surface};
use crate::web::request::{Method, Request};
use crate::web::route::{self, On, Who};
use crate::web::routes::TABLE;

const PUBLIC: &str = "news.example.jp";

fn on(site: &TestSite, surface: Surface, host: &str, method: Method, url: &str) -> Request {
    let mut request = site.request(method, url);
    request.surface = surface;
    request.headers[0].1 = host.into();
    request
}

fn ask(site: &mut TestSite, surface: Surface, host: &str, method: Method, url: &str) -> Seen {
    let request = on(site, surface, host, method, url);
    site.send(&request, b"")
}

fn with_door(site: &TestSite, admin: &str, public: &str) {
    let (admin, public) = (admin.to_owned(), public.to_owned());
    let public_listener = !public.is_empty();
    site.site.house.set_door(DoorFacts { admin, public, public_listener, ..DoorFacts::default() });
}

/// A page without its request's id.
fn bare(seen: &Seen) -> (u16, String) {
    (seen.status, seen.body.clone())
}

#[test]
fn no_row_of_the_admin_surface_is_there_on_the_public_one_for_anybody() {
    let mut site = TestSite::signed_in(Role::Admin);
    with_door(&site, "http://127.0.0.1:8080", "https://news.example.jp");
    let nowhere = ask(&mut site, Surface::Public, PUBLIC, Method::Get, "/no/such/page");
    assert_eq!(nowhere.status, 404);
    let mut asked = 0;
    for row in TABLE.iter().filter(|r| r.on == On::Admin) {
        for method in [row.method, Method::Get, Method::Head, Method::Post, Method::Other] {
            let seen = ask(&mut site, Surface::Public, PUBLIC, method, &filled(row.path));
            assert_eq!(seen.status, 404, "{method:?} {}", row.path);
            if method == Method::Get {
                let here = |s: &Seen, path: &str| s.body.replace(&format!("value=\"{path}\""), "");
                let (path, other) = (filled(row.path), "/no/such/page");
                assert_eq!(here(&seen, &path), here(&nowhere, other), "{} looks like no other", row.path);
            }
        }
        asked += 1;
    }
    assert!(asked > 100, "{asked}");
    for way_in in ["/sign-in", "href=\"/\"", "/me", "menu"] {
        assert!(!nowhere.body.contains(way_in), "{way_in}");
    }
    let api = ask(&mut site, Surface::Public, PUBLIC, Method::Get, "/api/v1/status");
    assert_eq!(api.status, 404);
    assert!(!api.body.contains("\"kind\""));
}

#[test]
fn every_public_row_is_answered_on_both_surfaces() {
    let mut site = TestSite::new();
    with_door(&site, "http://127.0.0.1:8080", "https://news.example.jp");
    let rows: Vec<_> = TABLE.iter().filter(|r| r.on != On::Admin).collect();
    assert_eq!(rows.len(), 9);
    for row in rows {
        assert!(matches!(row.who, Who::Anywhere | Who::Public), "{} asks for somebody who is never there", row.path);
        let url = filled(row.path);
        let public = ask(&mut site, Surface::Public, PUBLIC, row.method, &url);
        let admin = ask(&mut site, Surface::Admin, "127.0.0.1:8080", row.method, &url);
        assert_eq!(public.status, admin.status, "{url}");
        assert_ne!(public.status, 405, "{url}");
    }
}

#[test]
fn the_door_is_told_of_every_row_and_how_its_requests_are_counted() {
    let classes = route::classes(TABLE);
    assert_eq!(classes.len(), TABLE.len());
    let public: Vec<_> =
        classes.iter().filter(|c| c.public).map(|c| (c.method.as_str(), c.path.as_str(), c.per)).collect();
    assert_eq!(
        public,
        [
            ("GET", "/assets/{hash}/{name}", Per::Address),
            ("GET", "/favicon.ico", Per::Address),
            ("POST", "/language", Per::Address),
            ("GET", "/readyz", Per::Address),
            ("GET", "/u/{token}", Per::Token),
            ("POST", "/u/{token}", Per::Token),
            ("POST", "/u/{token}/again", Per::Token),
            ("GET", "/m/{token}", Per::Token),
            ("GET", "/i/{name}", Per::Nothing),
        ]
    );
    assert!(classes.iter().all(|c| c.body == 0 || c.method == "POST"));
}

#[test]
fn a_session_is_not_looked_at_on_the_public_surface() {
    let mut site = TestSite::signed_in(Role::Admin);
    with_door(&site, "http://127.0.0.1:8080", "http://127.0.0.1:8081");
    let details = ask(&mut site, Surface::Admin, "127.0.0.1:8080", Method::Get, "/readyz").body;
    assert!(details.contains("\"ready\":true"), "{details}");
    assert_eq!(ask(&mut site, Surface::Public, "127.0.0.1:8081", Method::Get, "/readyz").body, "ok");
    let secret = {
        let (store, user) = (&site.site.house.store, site.user(Role::Admin));
        let by = crate::base::By::house("test");
        crate::access::token::make(store, &by, site.now, user.id, ("probe", &[crate::access::Right::View])).unwrap().1
    };
    let mut request = on(&site, Surface::Public, "127.0.0.1:8081", Method::Get, "/readyz");
    request.headers.push(("authorization".into(), format!("Bearer {}", secret.text().unwrap())));
    assert_eq!(site.send(&request, b"").body, "ok");
    // A language is chosen without a token of the session, and changes nothing of the user's.
    let request = on(&site, Surface::Public, "127.0.0.1:8081", Method::Post, "/language");
    assert_eq!(site.send(&request, b"").status, 303);
}

#[test]
fn each_surface_answers_under_its_own_names() {
    use Surface::{Admin, Public};
    let mut site = TestSite::new();
    let alone = ("", "");
    let network = ("https://10.0.0.5:8443", "https://news.example.jp");
    let look_around = ("http://127.0.0.1:8080", "http://127.0.0.1:8081");
    for (door, surface, host, ours) in [
        (alone, Admin, "127.0.0.1:8080", true),
        (alone, Admin, PUBLIC, true),
        (alone, Admin, "evil.example", false),
        (alone, Public, PUBLIC, true),
        (alone, Public, "127.0.0.1:8080", false),
        (network, Admin, "localhost:8080", true),
        (network, Admin, "10.0.0.5:8443", true),
        (network, Admin, "10.0.0.5", false),
        (network, Admin, "192.168.1.5:8443", true),
        (network, Admin, "news.example.jp:8443", true),
        (network, Admin, "evil.example:8443", false),
        (network, Admin, PUBLIC, false),
        (network, Public, "NEWS.example.jp", true),
        (network, Public, "10.0.0.5:8443", false),
        (network, Public, "localhost", false),
        (network, Public, "", false),
        (look_around, Public, "localhost:8081", true),
        (look_around, Public, "127.0.0.1:9", true),
        (look_around, Public, "evil.example", false),
        (look_around, Admin, PUBLIC, false),
    ] {
        with_door(&site, door.0, door.1);
        let seen = ask(&mut site, surface, host, Method::Get, "/favicon.ico");
        assert_eq!(seen.status, if ours { 303 } else { 421 }, "{door:?} {surface:?} {host}");
    }
    let (status, body) = bare(&ask(&mut site, Surface::Public, "evil.example", Method::Get, "/"));
    assert!(status == 421 && !body.contains("href=\"/\""));
}

#[test]
fn the_doors_scheme_decides_about_secure_cookies_and_hsts() {
    let mut site = TestSite::new();
    site.user(Role::Admin);
    with_door(&site, "https://10.0.0.5:8443", "https://news.example.jp");
    let form = format!("email=admin%40example.jp&password={}", super::PASSWORD.replace(' ', "+"));
    for (host, https, prefix, hsts) in [
        ("10.0.0.5:8443", true, "__Host-hakobu=", true),
        ("localhost:8080", true, "__Host-hakobu=", false),
        ("localhost:8080", false, "hakobu=", false),
    ] {
        site.cookies.clear();
        let mut request = on(&site, Surface::Admin, host, Method::Post, "/sign-in");
        request.https = https;
        request.length = Some(form.len() as u64);
        let seen = site.send(&request, form.as_bytes());
        let header = |name: &str| seen.headers.iter().find(|(n, _)| *n == name).map(|(_, v)| v.as_str());
        let cookie = header("Set-Cookie").unwrap();
        assert!(cookie.starts_with(prefix) && cookie.ends_with("; Secure") == https, "{cookie}");
        assert_eq!(header("Strict-Transport-Security").is_some(), hsts, "{host} {https}");
    }
}

#[test]
fn a_link_to_sign_in_never_points_at_the_public_surface() {
    let site = TestSite::new();
    let secret = crate::base::Secret::new("abc");
    assert_eq!(site.site.house.link(&secret), "https://news.example.jp/link/abc");
    with_door(&site, "http://127.0.0.1:8080/", "https://news.example.jp");
    assert_eq!(site.site.house.link(&secret), "http://127.0.0.1:8080/link/abc");
}

#[test]
fn readiness_is_one_word_for_those_who_may_not_see_more_and_is_never_cached() {
    let mut site = TestSite::new();
    let seen = site.get("/readyz");
    assert_eq!((seen.status, seen.body.as_str()), (200, "ok"));
    assert!(seen.headers.iter().any(|(n, v)| *n == "Cache-Control" && v == "no-store"));
    site.become_user(Role::Viewer);
    let seen = site.get("/readyz");
    let value: serde_json::Value = serde_json::from_str(&seen.body).unwrap();
    assert_eq!((value["ready"].as_bool(), value["checks"][0]["check"].as_str()), (Some(true), Some("books")));
    std::fs::remove_dir_all(site.site.house.data().join("spool")).unwrap();
    assert_eq!(site.get("/readyz").status, 503);
    site.cookies.clear();
    assert_eq!(site.get("/readyz").body, "ng");
}
