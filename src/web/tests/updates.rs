//! The update pages, the two notices, and what is new on the home page.

use super::TestSite;
use super::pages::problems;
use crate::access::{Role, user};
use crate::base::{By, Lang, clock};
use crate::campaigns::campaign;
use crate::contacts::MailKind;
use crate::delivery::catcher::{Catcher, Offer};
use crate::delivery::{Relay, set_relay};

fn write(site: &TestSite, path: &str, text: &str) {
    let path = site.site.house.data().join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// A slot with a release that says what it changes.
fn release(site: &TestSite, version: &str) {
    let notes = r#"{"ja":"写真を並べ替えられます。\n<b>速く</b>なりました。","en":"Photos can be sorted."}"#;
    let text = format!(r#"{{"signed":{{"version":"{version}","notes":{notes}}},"signatures":[]}}"#);
    write(site, &format!("slots/{version}/manifest.json"), &text);
}

/// What the door has written of an update that ended.
fn record(site: &TestSite, id: &str, result: &str) {
    let cause = if result == "rolled_back" {
        r#","cause":{"ja":"応答しませんでした。","en":"It did not answer."}"#
    } else {
        ""
    };
    let steps = r#"[{"step":"verify","ok":true,"ms":40},{"step":"health","ok":false,"ms":1500,"detail":"disk"},
        {"step":"files_put_back","ok":true,"ms":0,"detail":"link_unchanged"},{"step":"sing","ok":true,"ms":1}]"#;
    let text = format!(
        r#"{{"id":"{id}","result":"{result}","from":"0.9.0","to":"1.0.0","at":1763600000000,"held_requests":12,
        "longest_held_ms":180,"steps":{steps}{cause}}}"#
    );
    write(site, &format!("trials/{id}.json"), &text);
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
    assert!(!site.get("/").body.contains("新しくなりました"), "an installed program brings no record");
    release(&site, site.site.house.version());
    let home = site.get("/");
    assert_eq!(problems(&home.body, Lang::Ja), Vec::<String>::new());
    assert!(
        home.body.contains("新しくなりました（版 1.0.0）") && home.body.contains("&#60;b&#62;速く"),
        "{}",
        home.body
    );
    assert_eq!(site.post("/updates/read", &[]).location, "/");
    assert!(!site.get("/").body.contains("新しくなりました"));
    site.become_user(Role::Viewer);
    assert!(site.get("/").body.contains("新しくなりました"), "somebody else has not read it");
}

#[test]
fn the_page_tells_what_runs_what_goes_on_and_what_was() {
    for lang in [Lang::Ja, Lang::En] {
        let mut site = TestSite::new();
        site.lang = lang;
        site.become_user(Role::Admin);
        let empty = site.get("/settings/updates");
        assert_eq!((empty.status, problems(&empty.body, lang)), (200, vec![]));
        assert!(!empty.body.contains("data-live"));
        record(&site, "u-1", "updated");
        record(&site, "u-2", "rolled_back");
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
    record(&site, "u-1", "updated");
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

#[test]
fn the_notice_before_says_the_date_warns_when_it_is_late_and_can_become_a_draft() {
    let mut site = TestSite::signed_in(Role::Admin);
    let place = "/settings/updates/notice/before/1.1.0";
    assert_eq!(site.get(place).status, 404, "a version that is not here");
    release(&site, "1.1.0");
    record(&site, "u-1", "updated");
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
