//! The update pages, the two notices, and what is new on the home page.

use super::TestSite;
use super::pages::problems;
use crate::access::{Role, user};
use crate::base::link::{DoorFacts, Step, ToDoor, halves};
use crate::base::provider::Phrase;
use crate::base::slots::Slots;
use crate::base::{Build, By, Lang, clock, limits};
use crate::campaigns::campaign;
use crate::contacts::MailKind;
use crate::delivery::catcher::{Catcher, Offer};
use crate::delivery::{Relay, set_relay};
use crate::house::House;
use crate::update::Version;
use crate::update::fetch::bundle_name;
use crate::update::history::{self, Outcome, Update};
use crate::update::source::{self, Settings, Source};
use crate::update::vendor::{self, HowMany, Order};
use std::net::TcpListener;
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
    let live = format!("{place}/live");
    assert_eq!(site.post(&format!("{place}/send"), &[]).location, place);
    assert!(site.get(place).body.contains("中継サーバー"), "without a relay it says so");
    let gone = site.user(Role::Staff);
    user::suspend(&site.site.house.store, &By::house("test"), site.now, gone.id).unwrap();
    site.user(Role::Viewer);
    let catcher = with_relay(&site);
    site.post(&format!("{place}/send"), &[]);
    assert!(over(&mut site, &live).contains("2 人に送りました。"));
    let to: Vec<String> = catcher.mails().iter().flat_map(|m| m.to.clone()).collect();
    assert_eq!(to.len(), 2, "{to:?}");
    assert!(to.contains(&"admin@example.jp".into()) && to.contains(&"viewer@example.jp".into()), "{to:?}");
    let page = site.get(place).body;
    for part in ["受理 2 通", "全員受け取っています", "2 人に送りました。"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    site.post(&format!("{place}/send"), &[]);
    over(&mut site, &live);
    assert_eq!(catcher.count(), 2, "nobody is told twice");
    assert!(site.get("/settings/updates").body.contains("受理 2 通"));
}

#[test]
fn a_notice_is_sent_behind_the_page_one_at_a_time_and_the_page_tells_how_far_it_is_and_where_it_stopped() {
    let mut site = TestSite::signed_in(Role::Admin);
    record(&site, "u-1", Outcome::Updated);
    record(&site, "u-2", Outcome::Updated);
    // A relay that takes the connection and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let relay = Relay::parse(&format!("smtp://{}", silent.local_addr().unwrap())).unwrap();
    set_relay(&site.site.house.store, &By::house("test"), site.now, &relay).unwrap();
    let place = "/settings/updates/notice/after/u-1";
    assert_eq!(site.post(&format!("{place}/send"), &[]).location, place);
    let held = silent.accept().unwrap();
    let page = site.get(place);
    assert_eq!((page.status, problems(&page.body, Lang::Ja)), (200, vec![]));
    for part in ["data-live", "送っています（0 / 1 人）", "<progress"] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    assert!(!page.body.contains("/send\""), "it cannot be sent twice");
    let other = "/settings/updates/notice/after/u-2";
    assert!(!site.get(other).body.contains("data-live"));
    site.post(&format!("{other}/send"), &[]);
    assert!(site.get(other).body.contains("お知らせを送っているところです。"));
    drop((held, silent));
    assert!(!over(&mut site, &format!("{place}/live")).contains("<progress"));
    let page = site.get(place).body;
    assert_eq!(problems(&page, Lang::Ja), Vec::<String>::new());
    assert!(page.contains("notice-bad") && page.contains("いま送る") && page.contains("まだ送っていません"), "{page}");
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
    assert_eq!(apply(&mut site, "10").location, "/settings/updates");
    assert!(site.get("/settings/updates").body.contains("サーバーが動いていないため"));
    let page = bring(&mut site, &good);
    assert!(page.body.contains("版 1.1.0"));
    let older = bundle(&mut site, "0.5.0");
    assert!(bring(&mut site, &older).body.contains("notice-bad"), "an older one is refused");
}

/// The same house in another process.
fn started_again(site: TestSite) -> TestSite {
    let TestSite { site: pages, now, lang, cookies, csrf, _dir: dir } = site;
    let (data, build) = (pages.house.data().to_owned(), pages.house.build);
    drop(pages);
    let house = House::open(&data, &Phrase::None, build, now).unwrap();
    TestSite { lang, cookies, csrf, ..TestSite::of(house, now, dir) }
}

#[test]
fn what_is_offered_outlives_the_server_until_it_is_installed_or_replaced() {
    let mut site = TestSite::signed_in(Role::Admin);
    let good = bundle(&mut site, "1.1.0");
    assert!(bring(&mut site, &good).body.contains("版 1.1.0"));
    let mut site = started_again(site);
    let page = site.get("/settings/updates").body;
    assert!(page.contains("版 1.1.0") && page.contains("選んだファイル"), "{page}");
    assert_eq!(site.get("/settings/updates/notice/before/1.1.0").status, 200);
    let blobs = || site.site.house.store.blobs().any().unwrap();
    assert!(blobs().is_some());
    let house = Arc::get_mut(&mut site.site.house).unwrap();
    house.build.version = "1.1.0";
    let done = r#"{"id":"u-1","at":0,"from":"1.0.0","to":"1.1.0","result":"updated","steps":[],"held_requests":0,"longest_held_ms":0,"cause":null}"#;
    house.take_in_trial(site.now, &serde_json::from_str(done).unwrap()).unwrap();
    assert!(site.get("/settings/updates").body.contains("まだ見つかっていません"));
    assert_eq!(site.site.house.store.blobs().any().unwrap(), None, "its bytes are gone");
}

#[test]
fn the_probation_is_chosen_where_an_update_begins_and_a_wrong_one_starts_nothing() {
    for lang in [Lang::Ja, Lang::En] {
        let mut site = TestSite::read_by(Role::Admin, lang);
        let good = bundle(&mut site, "1.1.0");
        site.site.house.set_door(DoorFacts { pid: 7, ..DoorFacts::default() });
        let page = bring(&mut site, &good).body;
        assert!(page.contains("name=\"probation\" class=\"w-6\" value=\"10\""), "{page}");
        for wrong in ["0", "1441", "ten", ""] {
            let seen = apply(&mut site, wrong);
            assert_eq!((seen.status, problems(&seen.body, lang)), (422, vec![]), "{wrong}");
            let says = lang.pick("1〜1,440 の整数で入力してください", "a whole number of minutes from 1 to 1,440");
            assert!(seen.body.contains(says) && seen.body.contains("#f-probation"), "{}", seen.body);
        }
        assert!(site.site.house.past_updates().unwrap().is_empty());
    }
}

#[test]
fn a_running_probation_says_how_long_it_is() {
    let mut site = TestSite::signed_in(Role::Admin);
    for (ms, says) in [(900_000, "見極め期間（15 分）"), (5_000, "見極め期間（5.0 秒）")] {
        let order = format!(
            r#"{{"id":"u-3","from":"1.0.0","to":"1.1.0","program":"/p","data":"/d","probation_ms":{ms},"steps":[]}}"#
        );
        write(&site, "trial.jsonl", &format!("{{\"order\":{order}}}\n{{\"stage\":[\"probation\",0]}}\n"));
        let live = site.get("/settings/updates/live").body;
        assert!(live.contains(says), "{live}");
    }
}

const SOURCE: &str = "/settings/updates/source";

fn saved(site: &TestSite) -> Option<Settings> {
    source::get(&site.site.house.store).unwrap()
}

#[test]
fn the_source_of_updates_is_set_at_a_page_and_its_token_is_never_shown_again() {
    let mut site = TestSite::signed_in(Role::Admin);
    assert!(site.get("/settings/updates").body.contains("取得元を決める"));
    let page = site.get(SOURCE);
    assert_eq!((page.status, problems(&page.body, Lang::Ja)), (200, vec![]));
    assert!(!page.body.contains("いま確かめる"), "nothing to check yet");
    let forge = |token: &'static str, url: &'static str| {
        [("kind", "gitea"), ("project", "team/hakobu"), ("url", url), ("token", token)]
    };
    assert_eq!(site.post(SOURCE, &forge("s3cret-token", "https://git.example.jp/")).location, SOURCE);
    let token = |site: &TestSite| saved(site).unwrap().token.and_then(|t| t.text().map(str::to_owned));
    assert_eq!(token(&site).as_deref(), Some("s3cret-token"));
    let page = site.get(SOURCE).body;
    assert_eq!(problems(&page, Lang::Ja), Vec::<String>::new());
    assert!(!page.contains("s3cret") && page.contains("保存してあります"), "{page}");
    assert!(page.contains("value=\"gitea\" checked") && page.contains("value=\"team/hakobu\""), "{page}");
    assert!(site.get("/settings/updates").body.contains("取得元（Gitea team/hakobu）"));
    // Left empty it stays, for the same place alone; and it can be forgotten.
    site.post(SOURCE, &forge("", "https://git.example.jp"));
    assert_eq!(token(&site).as_deref(), Some("s3cret-token"));
    site.post(SOURCE, &forge("", "https://elsewhere.example.jp"));
    assert_eq!(token(&site), None);
    site.post(SOURCE, &forge("s3cret-token", "https://git.example.jp"));
    let mut drop = forge("", "https://git.example.jp").to_vec();
    drop.push(("token_drop", "1"));
    site.post(SOURCE, &drop);
    assert_eq!(token(&site), None);
    site.post(SOURCE, &[("kind", "s3"), ("bucket", "b"), ("region", "ap-northeast-1")]);
    assert!(matches!(saved(&site).unwrap().source, Source::S3 { url: None, .. }));
    site.post(SOURCE, &[("kind", "none")]);
    assert_eq!(saved(&site), None);
}

#[test]
fn what_is_wrong_with_a_source_is_said_at_its_field_and_nothing_is_saved() {
    for lang in [Lang::Ja, Lang::En] {
        let mut site = TestSite::read_by(Role::Admin, lang);
        let wrong: &[(&str, &[(&str, &str)])] = &[
            ("kind", &[("kind", "ftp")]),
            ("project", &[("kind", "github"), ("project", "alone")]),
            ("url", &[("kind", "gitlab"), ("project", "a/b"), ("url", "ftp://x")]),
            ("url", &[("kind", "gitea"), ("project", "a/b"), ("url", "http://10.0.0.5"), ("token", "t")]),
            ("bucket", &[("kind", "s3"), ("region", "x")]),
            ("region", &[("kind", "s3"), ("bucket", "b")]),
            ("bucket_url", &[("kind", "s3"), ("bucket", "b"), ("bucket_url", "x")]),
            ("path", &[("kind", "folder"), ("path", "usb/hakobu")]),
            ("path", &[("kind", "folder")]),
        ];
        for (field, fields) in wrong {
            let seen = site.post(SOURCE, fields);
            assert_eq!((seen.status, problems(&seen.body, lang)), (422, vec![]), "{fields:?}");
            assert!(seen.body.contains(&format!("id=\"f-{field}-fault\"")), "{field}: {}", seen.body);
            assert_eq!(saved(&site), None, "{fields:?}");
        }
    }
}

#[test]
fn a_source_is_asked_at_once_and_what_it_has_is_kept_or_the_page_says_why_it_does_not_answer() {
    let mut site = TestSite::signed_in(Role::Admin);
    let check = format!("{SOURCE}/check");
    let good = bundle(&mut site, "1.1.0");
    site.post(&check, &[]);
    assert!(site.get(SOURCE).body.contains("リリースの取得元が設定されていません"), "without one it says so");
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{nobody}");
    site.post(SOURCE, &[("kind", "gitea"), ("project", "a/b"), ("url", &url)]);
    assert_eq!(site.post(&check, &[]).location, SOURCE);
    let page = site.get(SOURCE).body;
    assert!(page.contains("notice-bad") && page.contains("取得元が応答しません。"), "{page}");
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    site.post(SOURCE, &[("kind", "folder"), ("path", place)]);
    assert_eq!(site.post(&check, &[]).location, SOURCE);
    assert!(site.get(SOURCE).body.contains("より新しい版はありません"));
    std::fs::write(folder.path().join(bundle_name(&Version::parse("1.1.0").unwrap())), &good).unwrap();
    assert_eq!(site.post(&check, &[]).location, "/settings/updates");
    let page = site.get("/settings/updates").body;
    assert!(page.contains("新しい版 1.1.0 があります") && page.contains("設定した取得元"), "{page}");
    let mut site = started_again(site);
    assert!(site.get("/settings/updates").body.contains("設定した取得元"), "it is remembered");
    // The release is withdrawn: it is offered no more. What somebody brought stays.
    std::fs::remove_file(folder.path().join(bundle_name(&Version::parse("1.1.0").unwrap()))).unwrap();
    site.post("/settings/updates/look", &[]);
    assert!(!site.get("/settings/updates").body.contains("設定した取得元"));
    bring(&mut site, &good);
    site.post("/settings/updates/look", &[]);
    assert!(site.get("/settings/updates").body.contains("選んだファイル"));
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
    assert_eq!(apply(&mut site, "10").location, "/settings/updates");
    // Its program is no program: the rehearsal refuses it, and nothing goes to the door.
    let page = over(&mut site, "/settings/updates/live");
    assert!(page.contains("更新を始めませんでした"), "{page}");
    assert_eq!(heard(), None);
    let past = site.site.house.past_updates().unwrap();
    assert_eq!((past.len(), past[0].result, past[0].to.as_str()), (1, Outcome::Refused, "1.1.0"));
    let record = site.get(&format!("/settings/updates/{}", past[0].id)).body;
    assert!(record.contains("写しの上での試運転"));
    let cause = past[0].cause.as_ref().unwrap();
    assert!(record.matches(&*cause.ja).count() == 2 && !record.contains(&*cause.en), "{record}");
    let page = site.get("/settings/updates").body;
    assert_eq!(problems(&page, Lang::Ja), Vec::<String>::new());
    assert!(page.contains("版 1.1.0") && page.contains("一度試し、更新しませんでした"), "{page}");
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

fn apply(site: &mut TestSite, probation: &str) -> super::Seen {
    site.post("/settings/updates/apply", &[("version", "1.1.0"), ("probation", probation)])
}

/// A live part when nothing goes on any more.
fn over(site: &mut TestSite, live: &str) -> String {
    loop {
        let page = site.get(live);
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
    let sent = site.post(&format!("{place}/send"), &[("at", "2026-11-29 10:00")]);
    assert_eq!(sent.location, format!("{place}?at=2026-11-29%2010%3A00"), "the date stays");
    over(&mut site, &format!("{place}/live"));
    assert_eq!(catcher.count(), 1);
    let drafted = site.post(&format!("{place}/draft"), &[("at", "2026-11-29 10:00")]).location;
    assert!(drafted.starts_with("/campaigns/c1/"), "{drafted}");
    let draft = campaign::list(&site.site.house.store, None, None, 10).unwrap().remove(0).draft;
    assert!(draft.kind == MailKind::Notice && draft.body.contains("2026年11月29日(日) 10:00"), "{draft:?}");
}
