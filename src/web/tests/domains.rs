//! Sending domains, as an admin would bring one into order.

use super::TestSite;
use super::pages::problems;
use crate::access::Role;
use crate::base::names::Names;
use crate::base::names::zone::Zone;
use crate::base::{By, Domain, Lang, Time};
use crate::delivery::dkim;
use std::sync::Arc;
use std::time::Duration;

const HERE: &str = "/senders/domains/news.example.jp";

fn world() -> (TestSite, Zone) {
    world_in(Lang::Ja)
}

fn world_in(lang: Lang) -> (TestSite, Zone) {
    let zone = Zone::start().unwrap();
    let mut site = TestSite::read_by(Role::Admin, lang);
    let house = Arc::get_mut(&mut site.site.house).unwrap();
    house.names = Names::new(&[zone.addr()]).within(Duration::from_millis(500));
    (site, zone)
}

fn publish_keys(site: &TestSite, zone: &Zone) {
    let domain = Domain::parse("news.example.jp").unwrap();
    for pair in dkim::of(&site.site.house.store, &domain).unwrap() {
        for record in pair.records() {
            zone.remove(&record.name).text(&record.name, &record.value);
        }
    }
}

fn publish_rest(zone: &Zone) {
    let ip = "192.0.2.7".parse().unwrap();
    zone.text("bounce.news.example.jp", "v=spf1 ip4:192.0.2.7 -all")
        .text("news.example.jp", "v=spf1 ip4:192.0.2.7 ~all");
    zone.text("_dmarc.news.example.jp", "v=DMARC1; p=none").text("mail.example.jp", "v=spf1 a -all");
    zone.mail_host("bounce.news.example.jp", 10, "mail.example.jp").mail_host("news.example.jp", 10, "mail.example.jp");
    zone.address("mail.example.jp", ip).reverse(ip, "mail.example.jp");
}

#[test]
fn from_nothing_to_a_domain_that_is_all_set() {
    let (mut site, zone) = world();
    let list = site.get("/senders").body;
    assert!(list.contains(HERE) && list.contains("未確認"), "the house's own domain is there");
    let set = site.post("/senders/server", &[("helo", "mail.example.jp"), ("addresses", "10.0.0.5=192.0.2.7\r\n")]);
    assert_eq!((set.status, set.location.as_str()), (303, "/senders"));
    let page = site.get(HERE).body;
    assert!(page.contains("まだ確かめていません") && page.contains("v=spf1 ip4:192.0.2.7 -all"), "{page}");

    assert_eq!(site.post(&format!("{HERE}/check"), &[]).location, HERE);
    let page = site.get(HERE).body;
    assert!(page.contains("未公開") && page.contains("対応が必要なレコード"), "{page}");
    assert!(!page.contains("hakobu mail"), "a page names no commands");

    assert_eq!(site.post(&format!("{HERE}/keys"), &[]).location, HERE);
    assert!(site.get(HERE).body.contains("v=DKIM1; k=ed25519; p="));
    publish_rest(&zone);
    publish_keys(&site, &zone);
    site.post(&format!("{HERE}/check"), &[]);
    let page = site.get(HERE).body;
    assert!(page.contains("使い始めました") && page.contains("使用中") && page.contains("整っています"), "{page}");
    assert!(site.get("/senders").body.contains("整っています"));

    site.post(&format!("{HERE}/keys"), &[]);
    let page = site.get(HERE).body;
    assert!(page.contains("準備中") && page.contains("使用中"), "the old keys go on until the new ones are seen");
    site.post(&format!("{HERE}/keys/use"), &[]);
    assert!(site.get(HERE).body.contains("引退中"));
}

#[test]
fn a_domain_is_added_set_up_and_taken_off_the_list() {
    let (mut site, _zone) = world();
    assert_eq!(site.post("/senders/domains", &[("domain", "not a domain")]).status, 422);
    let added = site.post("/senders/domains", &[("domain", "Shop.Example.jp")]);
    assert_eq!(added.location, "/senders/domains/shop.example.jp");
    let set = |site: &mut TestSite, path: &str, reports: &str| {
        site.post("/senders/domains/shop.example.jp", &[("return_path", path), ("reports", reports)])
    };
    assert_eq!(set(&mut site, "r", "dmarc@example.jp").status, 303);
    let page = site.get("/senders/domains/shop.example.jp").body;
    assert!(page.contains("r.shop.example.jp") && page.contains("rua=mailto:dmarc@example.jp"));
    for (path, reports) in [("example.com", ""), ("r", "nobody"), ("", "")] {
        assert_eq!(set(&mut site, path, reports).status, 422, "{path} {reports}");
    }
    assert_eq!(site.post("/senders/server", &[("helo", "x"), ("addresses", "mail.example.jp")]).status, 422);
    assert_eq!(site.post("/senders/domains/shop.example.jp/remove", &[]).location, "/senders");
    assert_eq!(site.get("/senders/domains/shop.example.jp").status, 404);
    assert_eq!(site.get("/senders/domains/1").status, 404);
}

#[test]
fn every_state_of_the_page_can_be_read_aloud() {
    for lang in [Lang::Ja, Lang::En] {
        let (mut site, zone) = world_in(lang);
        let look = |site: &mut TestSite, what: &str| {
            for url in ["/senders", HERE, "/senders/server"] {
                assert_eq!(problems(&site.get(url).body, lang), Vec::<String>::new(), "{what}: {url}");
            }
        };
        site.post(
            "/senders/server",
            &[("helo", "mail.example.jp"), ("addresses", "192.0.2.7"), ("includes", "spf.example")],
        );
        look(&mut site, "not checked");
        site.post(&format!("{HERE}/keys"), &[]);
        site.post(&format!("{HERE}/check"), &[]);
        look(&mut site, "missing");
        zone.text("news.example.jp", "v=spf1 +all").text("news.example.jp", "v=spf1 -all");
        publish_keys(&site, &zone);
        site.post(&format!("{HERE}/check"), &[]);
        look(&mut site, "different");
        drop(zone);
        let zone = Zone::start().unwrap();
        site.post(&format!("{HERE}/check"), &[]);
        look(&mut site, "unknown");
        drop(zone);
        let faulty = site.post(HERE, &[("return_path", "example.com")]);
        assert_eq!((faulty.status, problems(&faulty.body, lang)), (422, Vec::new()));
    }
}

#[test]
fn keys_of_the_domain_above_are_named_and_own_ones_can_be_made() {
    let (mut site, _zone) = world();
    let (store, by) = (&site.site.house.store, By::house("test"));
    let above = Domain::parse("example.jp").unwrap();
    dkim::create(store, &by, Time(1), &above).unwrap();
    dkim::turn(store, &by, Time(1), &above, true).unwrap();
    let page = site.get(HERE).body;
    assert!(page.contains("上のドメイン example.jp の鍵") && page.contains("鍵を作る"));
    assert!(site.get("/senders").body.contains("example.jp の鍵"));
}
