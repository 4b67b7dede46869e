//! The wizard from its link to the first page of the house.

use super::{PASSWORD, TestSite, pages::problems, seen};
use crate::access::Role;
use crate::base::link::Surface;
use crate::base::provider::Phrase;
use crate::base::{Build, Lang, Time};
use crate::house::House;
use crate::web::brought::Brought;
use crate::web::form::{Values, encode};
use crate::web::request::{Method, Request};
use crate::web::server::Serve;
use crate::web::setup::Wizard;

struct Browser {
    cookie: String,
    now: Time,
}

impl Browser {
    fn send(&mut self, wizard: &Wizard, method: Method, path: &str, fields: &[(&str, &str)]) -> super::Seen {
        let pairs: Vec<String> = fields.iter().map(|(n, v)| format!("{n}={}", encode(v))).collect();
        let body = pairs.join("&");
        let request = Request {
            method,
            path: path.into(),
            query: Values::default(),
            headers: vec![
                ("host".into(), "127.0.0.1:8080".into()),
                ("accept-language".into(), "ja".into()),
                ("cookie".into(), self.cookie.clone()),
            ],
            surface: Surface::Admin,
            https: false,
            from: "127.0.0.1".into(),
            length: Some(body.len() as u64),
            now: self.now,
            id: "TEST".into(),
        };
        let seen = seen(wizard.pass(&request, &Brought::Memory(body.into_bytes().into())));
        for (_, value) in seen.headers.iter().filter(|(n, _)| *n == "Set-Cookie") {
            self.cookie = format!("{}; {}", self.cookie, value.split(';').next().unwrap());
        }
        seen
    }

    fn page(&mut self, wizard: &Wizard, path: &str) -> String {
        let seen = self.send(wizard, Method::Get, path, &[]);
        assert_eq!(seen.status, 200, "{path}");
        assert_eq!(problems(&seen.body, Lang::Ja), Vec::<String>::new(), "{path}");
        seen.body
    }
}

#[test]
fn seven_steps_lead_from_the_link_to_a_house_with_its_admin_signed_in() {
    let dir = tempfile::tempdir().unwrap();
    let now = Time(1_800_000_000_000);
    let (wizard, made) =
        Wizard::new(dir.path().join("data"), "127.0.0.1:8080".parse().unwrap(), Build::TEST, now).unwrap();
    // The door stands before there is a house, and has its spool there.
    std::fs::create_dir_all(dir.path().join("data/spool")).unwrap();
    let mut me = Browser { cookie: String::new(), now };
    let mut other = Browser { cookie: String::new(), now };
    assert_eq!(me.send(&wizard, Method::Get, "/", &[]).status, 403);
    assert_eq!(me.send(&wizard, Method::Get, "/setup/wrong", &[]).status, 403);
    assert_eq!(me.send(&wizard, Method::Get, &wizard.path(), &[]).location, "/setup/step/1");
    assert_eq!(other.send(&wizard, Method::Get, &wizard.path(), &[]).status, 403, "the link was used");
    me.page(&wizard, "/setup/step/1");
    assert_eq!(me.send(&wizard, Method::Get, "/setup/step/5", &[]).location, "/setup/step/1", "no step is skipped");
    me.send(&wizard, Method::Post, "/setup/step/1", &[("lang", "ja")]);
    me.page(&wizard, "/setup/step/2");
    me.send(&wizard, Method::Post, "/setup/step/2", &[]);
    me.page(&wizard, "/setup/step/3");
    let weak = [("email", "a@example.jp"), ("name", "花子"), ("password", "short")];
    assert_eq!(me.send(&wizard, Method::Post, "/setup/step/3", &weak).status, 422);
    let admin = [("email", "a@example.jp"), ("name", "花子"), ("password", PASSWORD)];
    assert_eq!(me.send(&wizard, Method::Post, "/setup/step/3", &admin).location, "/setup/step/4");
    me.page(&wizard, "/setup/step/4");
    me.send(
        &wizard,
        Method::Post,
        "/setup/step/4",
        &[("domain", "news.example.jp"), ("public_url", "http://127.0.0.1:1")],
    );
    me.page(&wizard, "/setup/step/5");
    me.send(&wizard, Method::Post, "/setup/step/5", &[("relay", "")]);
    me.page(&wizard, "/setup/step/6");
    let key = dir.path().join("root.key").display().to_string();
    assert_eq!(me.send(&wizard, Method::Post, "/setup/step/6", &[("key", &key)]).location, "/setup/step/7");
    let page = me.page(&wizard, "/setup/step/7");
    let code = page.split("<code>").nth(1).unwrap().split('<').next().unwrap().replace('-', "");
    assert_eq!(me.send(&wizard, Method::Post, "/setup/step/7", &[("code", "0000")]).status, 422);
    let last = me.send(&wizard, Method::Post, "/setup/step/7", &[("code", &code[code.len() - 4..].to_lowercase())]);
    assert_eq!(last.location, "/");
    assert!(made.try_recv().is_ok());
    let home = me.send(&wizard, Method::Get, "/", &[]);
    assert!(home.status == 200 && home.body.contains("花子"), "{}", home.status);
}

/// Types through the steps until the house is made and its recovery code stands on the screen.
fn to_the_last_step(wizard: &Wizard, me: &mut Browser, key: &str) -> String {
    me.send(wizard, Method::Get, &wizard.path(), &[]);
    let admin = [("email", "a@example.jp"), ("name", "花子"), ("password", PASSWORD)];
    let place = [("domain", "news.example.jp"), ("public_url", "http://127.0.0.1:1")];
    let steps: [&[(&str, &str)]; 6] = [&[("lang", "ja")], &[], &admin, &place, &[("relay", "")], &[("key", key)]];
    for (n, fields) in (1..).zip(steps) {
        let seen = me.send(wizard, Method::Post, &format!("/setup/step/{n}"), fields);
        assert_eq!(seen.location, format!("/setup/step/{}", n + 1), "{}", seen.body);
    }
    let page = me.page(wizard, "/setup/step/7");
    page.split("<code>").nth(1).unwrap().split('<').next().unwrap().to_owned()
}

fn code_in(page: &str) -> Option<&str> {
    page.split("<code>").nth(1)?.split('<').next()
}

#[test]
fn a_wizard_that_ends_before_its_last_step_leaves_a_house_that_asks_for_its_recovery_code() {
    let dir = tempfile::tempdir().unwrap();
    let (now, data) = (Time(1_800_000_000_000), dir.path().join("data"));
    let (wizard, made) = Wizard::new(data.clone(), "127.0.0.1:8080".parse().unwrap(), Build::TEST, now).unwrap();
    let mut me = Browser { cookie: String::new(), now };
    let old = to_the_last_step(&wizard, &mut me, &dir.path().join("root.key").display().to_string());
    assert!(made.try_recv().is_err());
    drop((wizard, made));

    let house = House::open(&data, &Phrase::None, Build::TEST, now).unwrap();
    let mut site = TestSite::of(house, now, dir);
    assert_eq!(site.post("/sign-in", &[("email", "a@example.jp"), ("password", PASSWORD)]).location, "/");
    site.reread_csrf();
    assert!(site.get("/").body.contains("/settings/recovery"), "the home page reminds of it");
    let here = "/settings/recovery";
    let before = site.get(here);
    assert_eq!((before.status, problems(&before.body, Lang::Ja)), (200, Vec::<String>::new()));
    assert!(!before.body.contains(&old), "a code that was made is not shown again");
    for wrong in ["", "0000", "ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ"] {
        let seen = site.post("/settings/recovery/confirm", &[("code", wrong)]);
        assert_eq!((seen.status, problems(&seen.body, Lang::Ja)), (422, Vec::<String>::new()), "{wrong}");
    }
    let made = site.post(here, &[]);
    assert_eq!((made.status, problems(&made.body, Lang::Ja)), (200, Vec::<String>::new()));
    let new = code_in(&made.body).unwrap().to_owned();
    assert!(new != old && !site.get(here).body.contains(&new), "it is shown once");
    assert_eq!(site.post("/settings/recovery/confirm", &[("code", &old)]).status, 422, "it opens nothing any more");
    assert!(!site.site.house.recovery_is_confirmed().unwrap());
    let kept = site.post("/settings/recovery/confirm", &[("code", &new.to_lowercase())]);
    assert_eq!((kept.status, kept.location.as_str()), (303, here));
    assert!(site.site.house.recovery_is_confirmed().unwrap());
    assert!(!site.get("/").body.contains(here), "the home page is content");
}

#[test]
fn only_an_admin_comes_near_the_recovery_code() {
    for role in [Role::Staff, Role::Viewer] {
        let mut site = TestSite::signed_in(role);
        assert_eq!(site.get("/settings/recovery").status, 403);
        assert_eq!(site.post("/settings/recovery", &[]).status, 403);
        assert_eq!(site.post("/settings/recovery/confirm", &[("code", "x")]).status, 403);
        assert!(!site.get("/").body.contains("/settings/recovery"));
    }
}

#[test]
fn the_link_dies_after_half_an_hour() {
    let dir = tempfile::tempdir().unwrap();
    let (wizard, _made) =
        Wizard::new(dir.path().join("data"), "127.0.0.1:8080".parse().unwrap(), Build::TEST, Time(0)).unwrap();
    let mut late = Browser { cookie: String::new(), now: Time(31 * 60 * 1000) };
    assert_eq!(late.send(&wizard, Method::Get, &wizard.path(), &[]).status, 403);
}
