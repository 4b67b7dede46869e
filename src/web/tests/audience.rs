//! Contacts, segments, topics and the do-not-send list, as a browser without scripts sees them.

use super::TestSite;
use super::pages::problems;
use crate::access::Role;
use crate::base::ids::{CampaignId, ContactId, RunId};
use crate::base::{By, Email, Lang};
use crate::contacts::address_hash;
use crate::contacts::failure::{self, Cause, Failure};
use crate::contacts::outcomes::{self, Feed};
use crate::contacts::segment::Outcome;

/// Two contacts, a tag, an attribute, a mail that bounced.
fn site(role: Role) -> TestSite {
    let mut site = TestSite::new();
    site.become_user(role);
    let store = &site.site.house.store;
    let by = By::house("test");
    let addr = |address: &str| {
        let hash = address_hash(store, &Email::parse(address).unwrap());
        i64::from_be_bytes(hash[..8].try_into().unwrap())
    };
    let (taro, hanako) = (addr("taro@example.jp"), addr("hanako@example.jp"));
    store
        .write(&by, site.now, "test.people", |tx| {
            tx.execute_batch(&format!(
                "INSERT INTO attributes (id, key, label, type, created) VALUES (1, '姓', '姓', 'text', 0), (2, '誕生日', '誕生日', 'date', 0);
                 INSERT INTO tags VALUES (1, '会員');
                 INSERT INTO contacts (id, email, addr, search, created, changed) VALUES (1, 'taro@example.jp', {taro}, 'taro@example.jp 山田', 0, 0), (2, 'hanako@example.jp', {hanako}, 'hanako@example.jp', 0, 0);
                 INSERT INTO tagged VALUES (1, 1); INSERT INTO vals VALUES (1, 1, '山田<b>'), (2, 1, 1000);"
            ))?;
            Ok(())
        })
        .unwrap();
    let list = [(ContactId(2), Outcome::Bounced)];
    let feed = Feed { run: RunId(1), campaign: CampaignId(1), outcomes: &list, after: 0, cursor: 1 };
    let (contact, run, receiver) = (ContactId(2), RunId(1), "example.jp");
    let strike = Failure { contact, run, receiver, place: 1, cause: Cause::Hard };
    store
        .write(&by, site.now, "test.feed", |tx| {
            outcomes::apply(tx, &feed).and_then(|_| failure::strike(store, tx, &by, &strike))
        })
        .unwrap();
    site
}

fn sound(site: &mut TestSite, url: &str) -> String {
    let seen = site.get(url);
    assert_eq!((seen.status, problems(&seen.body, Lang::Ja)), (200, Vec::<String>::new()), "{url}");
    seen.body
}

#[test]
fn the_list_is_searched_and_filtered_by_its_address() {
    let mut site = site(Role::Viewer);
    for (url, taro, hanako) in [
        ("/contacts", true, true),
        ("/contacts?q=山田", true, false),
        ("/contacts?tag=会員", true, false),
        ("/contacts?where=not+tag:会員", false, true),
        ("/contacts?q=nobody", false, false),
        ("/contacts?before=p2", true, false),
    ] {
        let body = sound(&mut site, &url.replace("山田", "%E5%B1%B1%E7%94%B0").replace("会員", "%E4%BC%9A%E5%93%A1"));
        assert_eq!((body.contains("taro@"), body.contains("hanako@")), (taro, hanako), "{url}");
    }
    assert!(sound(&mut site, "/contacts?where=nonsense").contains("notice-bad"));
}

#[test]
fn a_contact_shows_what_was_said_and_staff_can_record_more() {
    let mut site = site(Role::Staff);
    let body = sound(&mut site, "/contacts/p1");
    assert!(body.contains("山田&#60;b&#62;") || body.contains("山田&lt;b&gt;"), "escaped");
    let said = [
        ("topic", "t1"),
        ("basis", "opt_in"),
        ("where", "店頭"),
        ("wording", "送ってよいですか"),
        ("when", "2026-11-01"),
    ];
    assert_eq!(site.post("/contacts/p1/agree", &said).location, "/contacts/p1");
    let body = sound(&mut site, "/contacts/p1");
    assert!(body.contains("送ってよいですか") && body.contains("2026年11月1日") && body.contains("badge-good"));
    assert_eq!(site.post("/contacts/p1/agree", &[("topic", "t1"), ("where", ""), ("when", "いつか")]).status, 422);
    let unchosen = [("topic", "t1"), ("where", "店頭"), ("basis", "hearsay")];
    assert_eq!(site.post("/contacts/p1/agree", &unchosen).status, 422, "a basis that nobody chose is no consent");
    assert_eq!(site.post("/contacts/p1/refuse", &[("topic", "t1"), ("source", "電話")]).status, 303);
    assert_eq!(site.post("/contacts/p1/refuse", &[("topic", "")]).status, 303);
    assert!(sound(&mut site, "/contacts/p1").contains("/contacts/p1/unlist"));
    assert_eq!(site.post("/contacts/p1/unlist", &[("why", "")]).status, 422);
    assert_eq!(site.post("/contacts/p1/unlist", &[("why", "本人から電話")]).status, 303);
    assert!(sound(&mut site, "/contacts/p1").contains("本人から電話"));
    assert!(sound(&mut site, "/contacts/p2").contains("不達"));
    assert_eq!(site.get("/contacts/p3").status, 404);
}

#[test]
fn the_builder_writes_the_text_without_scripts() {
    let mut site = site(Role::Staff);
    sound(&mut site, "/segments");
    sound(&mut site, "/segments/new");
    let add = [
        ("act", "add"),
        ("join", "all"),
        ("what0", "tag"),
        ("how0", "is"),
        ("value0", "会員"),
        ("what1", "age:2"),
        ("how1", "at_least"),
        ("value1", "30"),
    ];
    let seen = site.post("/segments", &add);
    assert_eq!((seen.status, problems(&seen.body, Lang::Ja)), (200, Vec::<String>::new()));
    assert!(
        seen.body.contains("tag:会員 and age(誕生日) &#62;= 30")
            || seen.body.contains("tag:会員 and age(誕生日) &gt;= 30"),
        "{}",
        seen.body
    );
    assert!(seen.body.contains("1 件"), "{}", seen.body);
    let wrong = site.post("/segments/count", &[("text", "tag:会社")]);
    assert!(
        wrong.body.contains("5 文字目") && wrong.body.contains("会員") && wrong.body.contains('^'),
        "{}",
        wrong.body
    );
    let seen = site.post("/segments", &[("act", "save"), ("name", "会員"), ("text", "tag:会社")]);
    assert_eq!((seen.status, problems(&seen.body, Lang::Ja)), (422, Vec::<String>::new()));
    let saved = site.post("/segments", &[("act", "save"), ("name", "会員"), ("text", "tag:会員")]);
    assert_eq!(saved.location, "/segments/g1");
    let renamed = site.post("/segments", &[("act", "save"), ("id", "g1"), ("name", "会員の方"), ("text", "tag:会員")]);
    assert_eq!(renamed.location, "/segments/g1");
    assert!(sound(&mut site, "/segments").contains("会員の方"));
    assert!(sound(&mut site, "/segments/g1").contains("会員の方"));
    assert!(sound(&mut site, "/contacts?segment=g1").contains("taro@"));
    assert_eq!(site.post("/segments/g1/delete", &[]).location, "/segments");
}

#[test]
fn topics_are_made_and_one_is_the_default() {
    let mut site = site(Role::Staff);
    assert_eq!(site.post("/topics", &[("name", "催し")]).status, 303);
    let seen = site.post("/topics", &[("name", "催し")]);
    assert_eq!((seen.status, problems(&seen.body, Lang::Ja)), (422, Vec::<String>::new()));
    assert_eq!(site.post("/topics/t2/default", &[]).status, 303);
    assert!(sound(&mut site, "/topics").contains("催し"));
}

#[test]
fn the_list_takes_addresses_and_files_and_lets_go_only_with_a_reason() {
    let mut site = site(Role::Admin);
    assert!(sound(&mut site, "/suppression").contains("hanako@example.jp"));
    assert_eq!(site.post("/suppression/add", &[("add", "x@example.jp")]).status, 303);
    assert_eq!(site.post("/suppression/add", &[("add", "x")]).status, 422);
    assert!(sound(&mut site, "/suppression?q=x@example.jp").contains("notice-warn"));
    assert!(sound(&mut site, "/suppression?q=y@example.jp").contains("停止リストにありません"));
    let seen = site.post("/suppression/remove", &[("remove", "x@example.jp"), ("why", "")]);
    assert_eq!((seen.status, problems(&seen.body, Lang::Ja)), (422, Vec::<String>::new()));
    assert_eq!(site.post("/suppression/remove", &[("remove", "x@example.jp"), ("why", "電話")]).status, 303);
    let csrf = site.csrf.clone();
    let body = format!(
        "--XX\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{csrf}\r\n--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\nz@example.jp\r\nyy\r\n--XX--\r\n"
    );
    assert_eq!(site.post_raw("/suppression/import", body.as_bytes(), "multipart/form-data; boundary=XX").status, 303);
    assert!(sound(&mut site, "/suppression").contains("/suppression/1/undo"));
    assert!(site.post("/suppression/export", &[]).body.contains("hanako@example.jp"));
    assert_eq!(site.post("/suppression/1/undo", &[]).status, 303);
}
