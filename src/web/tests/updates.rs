//! The update pages, the two notices, and what is new on the home page.

use super::TestSite;
use super::pages::problems;
use crate::access::{Role, user};
use crate::base::link::{DoorFacts, Step, ToDoor, halves};
use crate::base::slots::Slots;
use crate::base::{Build, By, Lang, clock, limits};
use crate::campaigns::campaign;
use crate::contacts::MailKind;
use crate::delivery::catcher::{Catcher, Offer};
use crate::delivery::{Relay, set_relay};
use crate::update::Version;
use crate::update::history::{self, Outcome, Update};
use crate::update::vendor::{self, HowMany, Order};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

fn write(site: &TestSite, path: &str, text: &str) {
    let path = site.site.house.data().join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

const NOTES: &str = "写真を並べ替えられます。\n<b>速く</b>なりました。";

/// An update that ended, as the books keep it.
fn record(site: &TestSite, id: &str, result: Outcome) {
    let store = &site.site.house.store;
    let step = |step: &str, ok, detail: &str| Step { step: step.into(), ok, ms: 1_500, detail: Some(detail.into()) };
    let update = Update {
        n: 0,
        id: id.into(),
        at: site.now.plus(limits::DAY),
        by: "user:u1".into(),
        from: "0.9.0".into(),
        to: "1.0.0".into(),
        result,
        held_requests: 12,
        longest_held_ms: 180,
        steps: vec![
            step("health", false, "disk"),
            step("files_put_back", true, "link_unchanged"),
            step("sing", true, ""),
        ],
        cause: (result == Outcome::RolledBack).then(|| say!("応答しませんでした。", "It did not answer.")),
        notes: Some(say!("{NOTES}", "Photos can be sorted.")),
        minimum: None,
    };
    history::begin(store, &By::house("test"), site.now, &update).unwrap();
}

fn with_relay(site: &TestSite) -> Catcher {
    let catcher = Catcher::start(Offer::new(clock::now)).unwrap();
    let relay = Relay::parse(&format!("smtp://{}", catcher.addr())).unwrap();
    set_relay(&site.site.house.store, &By::house("test"), site.now, &relay).unwrap();
    catcher
}

#[test]
fn what_is_new_is_shown_to_each_user_until_it_is_read() {
    let mut site = TestSite::signed_in(Role::Admin);
    assert!(!site.get("/").body.contains("新しくなりました"));
    record(&site, "u-1", Outcome::RolledBack);
    assert!(!site.get("/").body.contains("新しくなりました"), "nothing is new after a way back");
    record(&site, "u-2", Outcome::Updated);
    let home = site.get("/");
    assert_eq!(problems(&home.body, Lang::Ja), Vec::<String>::new());
    assert!(
        home.body.contains("新しくなりました（版 1.0.0）") && home.body.contains("&#60;b&#62;速く"),
        "{}",
        home.body
    );
    site.post("/updates/read", &[("n", "99")]);
    assert!(site.get("/").body.contains("新しくなりました"), "something else was read");
    assert_eq!(site.post("/updates/read", &[("n", "2")]).location, "/");
    assert!(!site.get("/").body.contains("新しくなりました"));
    site.become_user(Role::Viewer);
    assert!(site.get("/").body.contains("新しくなりました"), "somebody else has not read it");
    assert_eq!(site.get("/settings/updates").status, 403);
}

#[test]
fn the_page_tells_what_runs_what_goes_on_and_what_was() {
    for lang in [Lang::Ja, Lang::En] {
        let mut site = TestSite::new();
        site.lang = lang;
        site.become_user(Role::Admin);
        let user = site.user(Role::Admin);
        user::set_language(&site.site.house.store, site.now, user.id, lang).unwrap();
        let empty = site.get("/settings/updates");
        assert_eq!((empty.status, problems(&empty.body, lang)), (200, vec![]));
        assert!(!empty.body.contains("data-live"));
        record(&site, "u-1", Outcome::Updated);
        record(&site, "u-2", Outcome::RolledBack);
        let order =
            r#"{"id":"u-3","from":"1.0.0","to":"1.1.0","program":"/p","data":"/d","probation_ms":5000,"steps":[]}"#;
        write(
            &site,
            "trial.jsonl",
            &format!("{{\"order\":{order}}}\n{{\"stage\":[\"warm\",0]}}\n{{\"stage\":[\"drain\",250]}}\n"),
        );
        let seen = site.get("/settings/updates");
        assert_eq!(problems(&seen.body, lang), Vec::<String>::new());
        for part in ["data-live", "0.9.0 → 1.0.0", "/settings/updates/u-2", lang.pick("更新しました", "Updated")]
        {
            assert!(seen.body.contains(part), "{part}");
        }
        let live = site.get("/settings/updates/live").body;
        assert!(live.contains(lang.pick("処理中の操作を待つ", "Wait for requests under way")), "{live}");
        let one = site.get("/settings/updates/u-2");
        assert_eq!((one.status, problems(&one.body, lang)), (200, vec![]));
        let (cause, step) = (
            lang.pick("応答しませんでした。", "It did not answer."),
            lang.pick("1. ファイルを戻す", "1. Files put back"),
        );
        for part in [cause, step, "sing"] {
            assert!(one.body.contains(part), "{part}");
        }
        assert_eq!(site.get("/settings/updates/u-9").status, 404);
    }
}

#[test]
fn the_notice_of_completion_reaches_each_active_user_once_and_is_written_down() {
    let mut site = TestSite::signed_in(Role::Admin);
    let place = "/settings/updates/notice/after/u-1";
    assert_eq!(site.get(place).status, 404);
    record(&site, "u-1", Outcome::Updated);
    let page = site.get(place);
    assert_eq!((page.status, problems(&page.body, Lang::Ja)), (200, vec![]));
    assert!(
        page.body.contains("12 件の操作を、最長 0.2 秒") && page.body.contains("まだ送っていません"),
        "{}",
        page.body
    );
    assert_eq!(site.post(&format!("{place}/send"), &[]).location, place);
    assert!(site.get(place).body.contains("中継サーバー"), "without a relay it says so");
    let gone = site.user(Role::Staff);
    user::suspend(&site.site.house.store, &By::house("test"), site.now, gone.id).unwrap();
    site.user(Role::Viewer);
    let catcher = with_relay(&site);
    site.post(&format!("{place}/send"), &[]);
    let to: Vec<String> = catcher.mails().iter().flat_map(|m| m.to.clone()).collect();
    assert_eq!(to.len(), 2, "{to:?}");
    assert!(to.contains(&"admin@example.jp".into()) && to.contains(&"viewer@example.jp".into()), "{to:?}");
    let page = site.get(place).body;
    assert!(page.contains("受理 2 通") && page.contains("全員受け取っています"), "{page}");
    site.post(&format!("{place}/send"), &[]);
    assert_eq!(catcher.count(), 2, "nobody is told twice");
    assert!(site.get("/settings/updates").body.contains("受理 2 通"));
}

/// A vendor's bundle of `version`, and a house that believes its keys.
fn bundle(site: &mut TestSite, version: &str) -> Vec<u8> {
    let how_many = HowMany { roots: 1, root_threshold: 1, signing: 1, signing_threshold: 1 };
    let keys = vendor::new_keys(&how_many, site.now, limits::DAY * 700).unwrap();
    let house = Arc::get_mut(&mut site.site.house).unwrap();
    house.build.root_keys = Box::leak(keys.public.print().into_boxed_str());
    let order = Order {
        version: Version::parse(version).unwrap(),
        target: Build::target(),
        minimum: None,
        lasts: limits::DAY * 90,
        notes: say!("{NOTES}", "Photos can be sorted."),
    };
    let (program, mut body) = (vec![7u8; 100_000], Vec::new());
    let signed = (&keys.signing[..], &keys.document[..]);
    let packed = vendor::pack(order, site.now, signed, (&mut &program[..], 100_000), &mut body).unwrap();
    [packed.head, body].concat()
}

fn bring(site: &mut TestSite, bundle: &[u8]) -> super::Seen {
    let mut body =
        format!("--XX\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{}\r\n", site.csrf).into_bytes();
    body.extend(b"--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"h.tar.gz\"\r\n\r\n");
    body.extend(bundle);
    body.extend(b"\r\n--XX--\r\n");
    let seen = site.post_raw("/settings/updates/bring", &body, "multipart/form-data; boundary=XX");
    assert_eq!(seen.location, "/settings/updates");
    site.get("/settings/updates")
}

#[test]
fn a_bundle_is_believed_by_its_signatures_alone_and_shown_with_what_it_changes() {
    let mut site = TestSite::signed_in(Role::Admin);
    let good = bundle(&mut site, "1.1.0");
    let mut bent = good.clone();
    bent[700] ^= 1;
    for bad in [&b"no bundle"[..], &bent, &good[..good.len() - 1]] {
        let page = bring(&mut site, bad).body;
        assert!(page.contains("notice-bad") && !page.contains("版 1.1.0"), "{page}");
    }
    site.site.house.set_door(DoorFacts { pid: 7, previous: Some("0.9.0".into()), ..DoorFacts::default() });
    let page = bring(&mut site, &good);
    assert_eq!(problems(&page.body, Lang::Ja), Vec::<String>::new());
    for part in ["版 1.1.0", "写真を並べ替えられます。", "選んだファイル", "この版に更新する", "版 0.9.0 に戻す"]
    {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    assert_eq!(site.post("/settings/updates/apply", &[("version", "1.1.0")]).location, "/settings/updates");
    assert!(site.get("/settings/updates").body.contains("サーバーが動いていないため"));
    let page = bring(&mut site, &good);
    assert!(page.body.contains("版 1.1.0"));
    let older = bundle(&mut site, "0.5.0");
    assert!(bring(&mut site, &older).body.contains("notice-bad"), "an older one is refused");
}

#[test]
fn an_update_that_cannot_be_prepared_says_why_and_one_at_a_time_is_tried() {
    let mut site = TestSite::signed_in(Role::Admin);
    let good = bundle(&mut site, "1.1.0");
    let (worker, door) = UnixStream::pair().unwrap();
    door.set_nonblocking(true).unwrap();
    site.site.house.set_link(Arc::new(halves(worker).unwrap().0));
    site.site.house.set_serving();
    let (_mouth, mut ear) = halves(door).unwrap();
    let mut heard = || match ear.hear::<ToDoor>() {
        Ok(Some(ToDoor::Trial { order })) => Some(order),
        _ => None,
    };
    bring(&mut site, &good);
    assert_eq!(site.post("/settings/updates/apply", &[("version", "1.1.0")]).location, "/settings/updates");
    // Its program is no program: the rehearsal refuses it, and nothing goes to the door.
    let page = over(&mut site);
    assert!(page.contains("更新を始めませんでした"), "{page}");
    assert_eq!(heard(), None);
    let past = site.site.house.past_updates().unwrap();
    assert_eq!((past.len(), past[0].result, past[0].to.as_str()), (1, Outcome::Refused, "1.1.0"));
    assert!(site.get(&format!("/settings/updates/{}", past[0].id)).body.contains("写しの上での試運転"));
    // What runs has been given a slot of its own, so there is a way back to it; to go to one is a trial, too.
    let slots = Slots::of(site.site.house.data());
    assert!(slots.has("1.0.0"));
    std::fs::create_dir_all(slots.slot("0.9.0")).unwrap();
    std::fs::write(slots.program("0.9.0"), "x").unwrap();
    site.post("/settings/updates/back", &[]);
    assert!(site.get("/settings/updates").body.contains("戻せる版がありません"));
    slots.switch("1.0.0", "0.9.0").unwrap();
    slots.switch("0.9.0", "1.0.0").unwrap();
    site.post("/settings/updates/back", &[]);
    let order = loop {
        if let Some(order) = heard() {
            break order;
        }
        std::thread::yield_now();
    };
    assert_eq!((order.from.as_str(), order.to.as_str()), ("1.0.0", "0.9.0"));
    write(&site, "trial.jsonl", &format!("{{\"order\":{}}}\n", serde_json::to_string(&order).unwrap()));
    site.post("/settings/updates/back", &[]);
    assert!(site.get("/settings/updates").body.contains("別の更新が進行中です"));
    assert_eq!(heard(), None, "one at a time");
}

/// The live part when nothing goes on any more.
fn over(site: &mut TestSite) -> String {
    loop {
        let page = site.get("/settings/updates/live");
        if page.headers.iter().any(|(n, _)| *n == "X-Live") {
            return page.body;
        }
        std::thread::yield_now();
    }
}

#[test]
fn the_notice_before_says_the_date_warns_when_it_is_late_and_can_become_a_draft() {
    let mut site = TestSite::signed_in(Role::Admin);
    let place = "/settings/updates/notice/before/1.1.0";
    assert_eq!(site.get(place).status, 404, "a version that is not here");
    let good = bundle(&mut site, "1.1.0");
    bring(&mut site, &good);
    record(&site, "u-1", Outcome::Updated);
    let page = site.get(place);
    assert_eq!((page.status, problems(&page.body, Lang::Ja)), (200, vec![]));
    assert!(page.body.contains("写真を並べ替えられます。") && page.body.contains("2026-11-28 10:00"), "{}", page.body);
    assert!(!page.body.contains("お約束の 7 日前"));
    let late = site.get(&format!("{place}?at=2026-11-23+10%3A00")).body;
    assert!(late.contains("あと 2 日") && late.contains("2026年11月23日(月) 10:00"), "{late}");
    let wrong = site.get(&format!("{place}?at=tomorrow"));
    assert_eq!(wrong.location, place);
    let catcher = with_relay(&site);
    site.post(&format!("{place}/send"), &[("at", "2026-11-01 10:00")]);
    assert_eq!(catcher.count(), 0, "a date in the past is told to nobody");
    site.post(&format!("{place}/send"), &[("at", "2026-11-29 10:00")]);
    assert_eq!(catcher.count(), 1);
    let drafted = site.post(&format!("{place}/draft"), &[("at", "2026-11-29 10:00")]).location;
    assert!(drafted.starts_with("/campaigns/c1/"), "{drafted}");
    let draft = campaign::list(&site.site.house.store, None, None, 10).unwrap().remove(0).draft;
    assert!(draft.kind == MailKind::Notice && draft.body.contains("2026年11月29日(日) 10:00"), "{draft:?}");
}
