//! The relay's page and the page of caught mails, against a catcher.

use super::TestSite;
use super::pages::problems;
use crate::access::Role;
use crate::base::smtp::Tls;
use crate::base::{Lang, clock};
use crate::delivery::catcher::{Catcher, Offer};
use crate::delivery::relay;

#[test]
fn a_relay_is_set_checked_and_tried_and_its_mail_can_be_read() {
    let mut site = TestSite::signed_in(Role::Admin);
    let catcher = Catcher::start(Offer::new(clock::now)).unwrap();
    let port = catcher.addr().port().to_string();
    assert_eq!(site.get("/mails").status, 404);
    let bad = [("kind", "smtp"), ("host", "mail.example.jp"), ("user", "taro"), ("password", "hidden")];
    let seen = site.post("/settings/relay", &bad);
    assert_eq!((seen.status, seen.body.contains("暗号化なし")), (422, true), "{}", seen.body);
    assert_eq!(problems(&seen.body, Lang::Ja), Vec::<String>::new());
    let good = [("kind", "smtp"), ("host", "127.0.0.1"), ("port", port.as_str())];
    assert_eq!(site.post("/settings/relay", &good).location, "/settings/relay");
    assert_eq!(relay(&site.site.house.store).unwrap().unwrap().tls, Tls::Plain);
    site.post("/settings/relay/check", &[]);
    assert!(site.get("/settings/relay").body.contains("問題はありません"));
    assert_eq!(site.post("/settings/relay/test", &[("to", "nobody")]).status, 422);
    site.post("/settings/relay/test", &[("to", "me@example.jp")]);
    assert!(site.get("/settings/relay").body.contains("テストメールを送りました"));
    assert_eq!(catcher.count(), 1);
    site.site.house.set_catcher(catcher);
    for url in ["/mails", "/mails/1", "/mails/1?view=text", "/mails/1?view=source"] {
        let seen = site.get(url);
        assert_eq!((seen.status, problems(&seen.body, Lang::Ja)), (200, vec![]), "{url}");
        assert!(seen.body.contains("Hakobu のテストメール"), "{url}");
    }
    assert!(
        site.get("/mails/1/html").headers.iter().any(|(n, v)| *n == "Content-Security-Policy" && v.contains("sandbox"))
    );
    assert!(site.get("/").body.contains("href=\"/mails\""));
}

#[test]
fn the_password_is_kept_for_the_same_host_and_user_only_and_never_shown() {
    let mut site = TestSite::signed_in(Role::Admin);
    let form = |host: &'static str, password: &'static str| {
        [("kind", "smtps"), ("host", host), ("user", "taro"), ("password", password)]
    };
    assert_eq!(site.post("/settings/relay", &form("mail.example.jp", "very-hidden")).status, 303);
    assert_eq!(site.post("/settings/relay", &form("mail.example.jp", "")).status, 303);
    assert!(!site.get("/settings/relay").body.contains("very-hidden"));
    let kept = relay(&site.site.house.store).unwrap().unwrap().login.unwrap();
    assert_eq!(kept.password.text(), Some("very-hidden"));
    assert_eq!(site.post("/settings/relay", &form("evil.example.jp", "")).status, 422);
}
