//! What a script does with a token.

use super::{Seen, TestSite};
use crate::access::{Right, Role, token};
use crate::base::{By, Secret};
use crate::contacts::value::Type;
use crate::contacts::{attribute, people};
use crate::web::form::encode;
use crate::web::request::Method;
use std::sync::Arc;

fn token_of(site: &TestSite, scopes: &[Right]) -> Secret {
    let owner = site.user(Role::Admin).id;
    token::make(&site.site.house.store, &By::house("test"), site.now, owner, ("script", scopes)).unwrap().1
}

fn call(site: &mut TestSite, token: &Secret, method: Method, url: &str, body: &str) -> Seen {
    let mut request = site.request(method, url);
    request.length = Some(body.len() as u64);
    request.headers.push(("authorization".into(), format!("Bearer {}", token.text().unwrap())));
    site.send(&request, body.as_bytes())
}

#[test]
fn a_token_reads_and_writes_within_its_scopes_and_no_further() {
    let mut site = TestSite::new();
    let view = token_of(&site, &[Right::View]);
    let edit = token_of(&site, &[Right::View, Right::Edit]);
    let seen = call(&mut site, &view, Method::Get, "/api/v1/campaigns", "");
    assert_eq!((seen.status, seen.body.contains("\"campaigns\"")), (200, true), "{}", seen.body);
    let new = format!("email=taro@example.jp&tag={}", encode("会員"));
    assert_eq!(call(&mut site, &view, Method::Post, "/api/v1/contacts", &new).status, 403);
    assert_eq!(people::count(&site.site.house.store).unwrap(), 0);
    assert_eq!(call(&mut site, &edit, Method::Post, "/api/v1/contacts", &new).status, 201);
    let again = call(&mut site, &edit, Method::Post, "/api/v1/contacts", &new);
    assert_eq!((again.status, again.body.contains("\"conflict\"")), (409, true), "{}", again.body);
    let count =
        call(&mut site, &view, Method::Get, &format!("/api/v1/contacts/count?segment={}", encode("tag:会員")), "");
    assert!(count.body.contains("\"count\":1"), "{}", count.body);
    assert_eq!(call(&mut site, &view, Method::Post, "/api/v1/campaigns/c1/send", "").status, 403);
    assert_eq!(call(&mut site, &view, Method::Get, "/api/v1/campaigns/c1", "").status, 404);
}

#[test]
fn what_is_no_form_too_long_or_of_the_wrong_type_gets_a_clear_error_and_changes_nothing() {
    let mut site = TestSite::new();
    let edit = token_of(&site, &[Right::View, Right::Edit]);
    let by = By::house("test");
    let (house, now) = (Arc::clone(&site.site.house), site.now);
    let store = &house.store;
    let number = attribute::Change { kind: Some(Type::Number), ..attribute::Change::default() };
    attribute::create(store, &by, now, "年齢", &number).unwrap();
    let typed = |age: &str| format!("email=taro@example.jp&{}={}", encode("年齢"), encode(age));
    for (body, status, kind) in [
        ("{".repeat(10 << 20), 413, "refused"),
        ("{\"email\":\"taro@example.jp\"}".to_owned(), 422, "refused"),
        (String::new(), 422, "refused"),
        ("email=%00%ff&email[]=x".to_owned(), 422, "refused"),
        (format!("email={}", encode("taro@example.jp\r\nBcc: b@example.jp")), 422, "refused"),
        (format!("email=taro@example.jp&{}=1", encode("ない属性")), 404, "missing"),
        (typed("三十"), 422, "refused"),
        (typed("[30]"), 422, "refused"),
    ] {
        let seen = call(&mut site, &edit, Method::Post, "/api/v1/contacts", &body);
        let start = &body[..body.len().min(80)];
        assert_eq!(seen.status, status, "{start}: {}", seen.body);
        let said: serde_json::Value = serde_json::from_str(&seen.body).unwrap();
        assert_eq!(said["error"]["kind"], kind, "{start}: {said}");
        assert_eq!(people::count(store).unwrap(), 0, "{start}");
    }
    for id in ["abc", "c0", "c99999999999999999999", "-1", "c1%00"] {
        let seen = call(&mut site, &edit, Method::Get, &format!("/api/v1/campaigns/{id}"), "");
        assert!(matches!(seen.status, 404 | 422), "{id}: {} {}", seen.status, seen.body);
    }
    assert_eq!(call(&mut site, &edit, Method::Post, "/api/v1/contacts", &typed("30")).status, 201);
}
