//! A sending domain by script, from nothing to signed mail, over a DNS of the story's own.

use crate::world::{Home, Said};
use hakobu::base::names::zone::Zone;
use serde_json::Value;

fn world() -> (Home, Zone) {
    let (home, zone) = (Home::ready(), Zone::start().unwrap());
    let settings = home.path("D/hakobu.toml");
    let text = std::fs::read_to_string(&settings).unwrap();
    std::fs::write(&settings, format!("{text}\n[mail]\ndns = [\"{}\"]\n", zone.addr())).unwrap();
    (home, zone)
}

const DOMAIN: &str = "news.example.jp";

fn dns(home: &Home, more: &[&str]) -> Said {
    home.ask(&[&["mail", "dns", "--domain", DOMAIN], more].concat())
}

fn records(value: &Value) -> Vec<Value> {
    value["records"].as_array().unwrap().clone()
}

/// What an admin does by hand.
fn publish(zone: &Zone, value: &Value) {
    for record in records(value).iter().filter(|r| r["required"] == true) {
        let of = |key: &str| record[key].as_str().unwrap();
        let (name, value) = (of("name"), of("value"));
        match of("type") {
            "TXT" => zone.remove(name).text(name, value),
            "MX" if value.is_empty() => zone.mail_host(name, 10, "mail.example.jp"),
            "MX" => zone.mail_host(name, 10, value.split_once(' ').unwrap().1),
            "A" => zone.address(name, value.parse().unwrap()),
            "PTR" => zone.reverse("192.0.2.7".parse().unwrap(), value),
            other => panic!("{other}"),
        };
    }
}

fn states(home: &Home) -> Vec<String> {
    let value = home.ask(&["mail", "dkim", "list", "--domain", DOMAIN]).ok().json();
    value["pairs"].as_array().unwrap().iter().map(|p| p["state"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_domain_is_brought_into_order_and_its_keys_are_exchanged() {
    let (home, zone) = world();
    let listed = home.ask(&["mail", "domain", "list"]).ok().json();
    assert_eq!(listed["domains"][0]["domain"], DOMAIN);
    assert!(listed["domains"][0]["ok"].is_null(), "nobody has looked yet");
    let sending = ["mail", "sending", "set", "--helo", "mail.example.jp", "--address", "10.0.0.5=192.0.2.7"];
    assert_eq!(home.ask(&sending).ok().json()["addresses"][0]["public"], "192.0.2.7");

    let made = home.ask(&["mail", "dkim", "create", "--domain", DOMAIN]).ok().json();
    assert_eq!(
        (&made["pairs"][0]["state"], made["pairs"][0]["records"].as_array().unwrap().len()),
        (&"waiting".into(), 2)
    );
    assert_eq!(home.ask(&["mail", "dkim", "create", "--domain", DOMAIN]).exit, 1, "there is one already");

    let bare = dns(&home, &[]).ok().json();
    assert_eq!((&bare["ok"], bare["different"].as_u64()), (&Value::Bool(false), Some(0)));
    assert!(records(&bare).iter().all(|r| r["state"] == "missing"), "{bare}");
    assert_eq!(dns(&home, &["--strict"]).exit, 3);
    let text = home.run(&["mail", "dns", "--domain", DOMAIN, "--data", "D"]).ok().stdout;
    assert!(text.contains("_dmarc.news.example.jp. IN TXT \"v=DMARC1; p=none\""), "{text}");

    publish(&zone, &bare);
    let good = dns(&home, &["--strict"]).ok().json();
    assert_eq!(good["ok"], true, "{good}");
    assert_eq!(states(&home), ["active"], "what was seen is used");

    let rotate = ["mail", "dkim", "rotate", "--domain", DOMAIN];
    home.ask(&rotate).ok();
    home.ask(&rotate).ok();
    assert_eq!(states(&home), ["active", "waiting"], "not before it is seen, and only one");
    publish(&zone, &dns(&home, &[]).ok().json());
    home.ask(&rotate).ok();
    assert_eq!(states(&home), ["retiring", "active"]);
    home.ask(&[&rotate[..], &["--now"]].concat()).ok();
    assert_eq!(states(&home), ["retiring", "retiring", "active"], "without looking");
    assert_eq!(dns(&home, &["--strict"]).exit, 3, "and DNS does not have it");
}

#[test]
fn a_dns_that_is_silent_is_no_verdict() {
    let (home, zone) = world();
    drop(zone);
    let said = dns(&home, &[]).ok().json();
    let standing: Vec<Value> = records(&said).iter().map(|r| r["state"].clone()).collect();
    assert!(standing.iter().skip(1).all(|s| s == "unknown"), "{said}");
    assert_eq!(home.ask(&["mail", "dns", "--domain", "nonsense"]).exit, 2);
    assert_eq!(home.ask(&["mail", "domain", "remove", "--domain", "example.com"]).exit, 5);
}

#[test]
fn a_domains_settings_are_set_and_shown() {
    let (home, _zone) = world();
    let set =
        ["mail", "domain", "set", "--domain", "Shop.example.jp", "--return-path", "r", "--reports", "d@example.jp"];
    let shown = home.ask(&set).ok().json();
    assert_eq!((&shown["return_path"], &shown["reports"]), (&"r.shop.example.jp".into(), &"d@example.jp".into()));
    let none = home.ask(&["mail", "domain", "set", "--domain", "shop.example.jp", "--reports", ""]).ok().json();
    assert_eq!((&none["return_path"], &none["reports"]), (&"r.shop.example.jp".into(), &Value::Null));
    assert_eq!(home.ask(&["mail", "domain", "set", "--domain", "shop.example.jp", "--return-path", "a.b.c"]).exit, 2);
    home.ask(&["mail", "domain", "remove", "--domain", "shop.example.jp"]).ok();
    let sending = home.ask(&["mail", "sending", "set", "--include", "spf.relay.example"]).ok().json();
    assert_eq!(sending["includes"][0], "spf.relay.example");
    let emptied = home.ask(&["mail", "sending", "set", "--no-include"]).ok().json();
    assert!(emptied["includes"].as_array().unwrap().is_empty());
}
