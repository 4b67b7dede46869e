//! The wizard from its link to the first page of the house.

use super::{PASSWORD, pages::problems, seen};
use crate::base::link::Surface;
use crate::base::{Build, Lang, Time};
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

#[test]
fn the_link_dies_after_half_an_hour() {
    let dir = tempfile::tempdir().unwrap();
    let (wizard, _made) =
        Wizard::new(dir.path().join("data"), "127.0.0.1:8080".parse().unwrap(), Build::TEST, Time(0)).unwrap();
    let mut late = Browser { cookie: String::new(), now: Time(31 * 60 * 1000) };
    assert_eq!(late.send(&wizard, Method::Get, &wizard.path(), &[]).status, 403);
}
