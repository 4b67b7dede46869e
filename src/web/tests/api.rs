//! What a script does with a token.

use super::{Seen, TestSite};
use crate::access::{Right, Role, token};
use crate::base::{By, Secret};
use crate::contacts::people;
use crate::web::form::encode;
use crate::web::request::Method;

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
