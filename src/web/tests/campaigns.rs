//! Campaigns, senders, templates and the public pages, as a browser would use them.

use super::pages::problems;
use super::{Seen, TestSite};
use crate::access::Role;
use crate::base::{By, Email, Lang, Time, clock, ids::CampaignId};
use crate::campaigns::{campaign, result, run};
use crate::contacts::consent::{self, Agreement, Basis};
use crate::contacts::{address_hash, topic};
use crate::delivery::catcher::{Catcher, Offer};
use crate::delivery::{self, Relay};

fn sound(seen: &Seen) {
    assert_eq!(problems(&seen.body, Lang::Ja), Vec::<String>::new());
}

fn person(site: &TestSite, email: &str) {
    let (store, by, now) = (&site.site.house.store, By::house("test"), site.now);
    let hash = address_hash(store, &Email::parse(email).unwrap());
    let addr = i64::from_be_bytes(hash[..8].try_into().unwrap());
    let id = store
        .write(&by, now, "test.person", |tx| {
            tx.execute(
                "INSERT INTO contacts (email, addr, search, created, changed) VALUES (?1, ?2, ?1, 0, 0)",
                (email, addr),
            )?;
            Ok(tx.last_insert_rowid())
        })
        .unwrap();
    let topic = topic::ensure_default(store, &by, now, "お知らせ").unwrap();
    let said = Agreement { at: now, basis: Basis::OptIn, source: "店頭".into(), wording: "送ってよい".into() };
    consent::agree(store, &by, now, (crate::base::ids::ContactId(id), topic.id), &said).unwrap();
}

const DRAFT: [(&str, &str); 6] = [
    ("name", "秋の案内"),
    ("subject", "秋のご案内 A & B"),
    ("format", "markdown"),
    ("body", "# 秋\r\n\r\nこんにちは、{{ email }} さん。"),
    ("kind", "advertisement"),
    ("sender", "s2"),
];

fn ready() -> (TestSite, Catcher) {
    let mut site = TestSite::signed_in(Role::Admin);
    let catcher = Catcher::start(Offer::new(clock::now)).unwrap();
    let relay = Relay::parse(&format!("smtp://{}", catcher.addr())).unwrap();
    delivery::set_relay(&site.site.house.store, &By::house("test"), site.now, &relay).unwrap();
    person(&site, "hanako@example.jp");
    let seen = site.post(
        "/senders/new",
        &[
            ("from", "運ぶ商店 <news@news.example.jp>"),
            ("legal_name", "株式会社運ぶ商店"),
            ("postal_address", "東京都千代田区1-1"),
            ("contact", "03-0000-0000"),
        ],
    );
    assert_eq!((seen.status, seen.location.as_str()), (303, "/senders"));
    (site, catcher)
}

fn drive(site: &TestSite, id: CampaignId) {
    use crate::campaigns::drive::{Drive, drive};
    let store = &site.site.house.store;
    let route = site.site.house.route().unwrap();
    let clock: std::sync::Arc<dyn Fn() -> Time + Send + Sync> = std::sync::Arc::new(clock::now);
    let policy = delivery::Policy::default();
    drive(&Drive { store, route: &route, policy, progress: &crate::base::progress::Quiet, clock }, id).unwrap();
}

#[test]
fn a_campaign_is_written_checked_tested_and_sent_from_the_pages() {
    let (mut site, catcher) = ready();
    let seen = site.post("/campaigns/new", &[&DRAFT[..], &[("submit", "x1"), ("check", "1")]].concat());
    assert_eq!((seen.status, seen.location.as_str()), (303, "/campaigns/c1/check"));
    let seen = site.post("/campaigns/new", &[&DRAFT[..], &[("submit", "x1")]].concat());
    assert_eq!(seen.location, "/campaigns/c1/edit", "the same form twice is one campaign");
    for url in [
        "/campaigns",
        "/campaigns/new",
        "/campaigns/c1/edit",
        "/campaigns/c1/check",
        "/campaigns/c1/check?as=p1",
        "/campaigns/c1/files",
        "/senders",
        "/senders/s2",
    ] {
        let seen = site.get(url);
        assert_eq!(seen.status, 200, "{url}: {}", seen.body);
        sound(&seen);
    }
    let shown = site.get("/campaigns/c1/preview");
    assert!(
        shown.body.contains("こんにちは、hanako@example.jp さん。") && shown.body.contains("株式会社運ぶ商店"),
        "{}",
        shown.body
    );
    assert!(shown.headers.iter().any(|(n, v)| *n == "Content-Security-Policy" && v.contains("sandbox")));
    let typed =
        site.post("/campaigns/preview?of=c1", &[&DRAFT[..3], &[("body", "{{ 無い }}"), ("kind", "notice")]].concat());
    assert!(typed.body.contains("知らない項目があります: 無い"), "{}", typed.body);

    assert_eq!(site.post("/campaigns/c1/test", &[("to", "me@example.jp")]).status, 303);
    assert_eq!(catcher.count(), 1);
    assert_eq!(site.post("/campaigns/c1/test", &[("to", "nobody")]).status, 422);
    assert_eq!(site.post("/campaigns/c1/test", &[]).status, 422);
    let several = [("to", "me@example.jp\r\nyou@example.jp、she@example.jp"), ("as", "p1")];
    assert_eq!(site.post("/campaigns/c1/test", &several).status, 303);
    assert_eq!(catcher.count(), 4);
    assert_eq!(site.post("/campaigns/c1/schedule", &[("at", "昨日")]).status, 422);
    assert_eq!(site.post("/campaigns/c1/schedule", &[("at", "2026-11-21 09:00")]).status, 303);
    assert_eq!(site.post("/campaigns/c1/unschedule", &[]).status, 303);
    assert_eq!(site.post("/campaigns/c1/send", &[]).location, "/campaigns/c1");
    assert_eq!(site.post("/campaigns/c1/send", &[]).location, "/campaigns/c1", "pressed twice");
    let running = site.get("/campaigns/c1");
    assert!(running.body.contains("data-live=\"/campaigns/c1/live\""), "{}", running.body);
    sound(&running);
    drive(&site, CampaignId(1));
    assert_eq!(catcher.count(), 5);
    let live = site.get("/campaigns/c1/live");
    assert!(
        live.headers.iter().any(|(n, v)| *n == "X-Live" && v == "over") && live.body.contains("受理"),
        "{}",
        live.body
    );
    for url in ["/campaigns/c1", "/campaigns/c1/recipients", "/campaigns/c1/recipients?state=sent"] {
        let seen = site.get(url);
        assert_eq!(seen.status, 200);
        sound(&seen);
    }
    assert!(site.get("/campaigns/c1/recipients").body.contains("hanako@example.jp"));
    assert!(site.get("/campaigns/c1/result.csv").body.contains("hanako@example.jp,sent"));
    assert_eq!(site.post("/campaigns/c1/copy", &[]).location, "/campaigns/c2/edit");
    assert_eq!(site.post("/campaigns/c2/delete", &[]).location, "/campaigns");
}

#[test]
fn two_admins_on_one_draft_second_sees_both_versions_and_decides() {
    let (mut site, _catcher) = ready();
    site.post("/campaigns/new", &DRAFT);
    let form = |body: &'static str, version: &'static str| {
        let mut all = DRAFT.to_vec();
        all[3] = ("body", body);
        all.push(("version", version));
        all
    };
    assert_eq!(site.post("/campaigns/c1/edit", &form("先に保存した本文", "1")).status, 303);
    let seen = site.post("/campaigns/c1/edit", &form("後から来た本文", "1"));
    assert_eq!(seen.status, 409);
    assert!(seen.body.contains("先に保存した本文") && seen.body.contains("後から来た本文"), "{}", seen.body);
    sound(&seen);
    assert_eq!(site.post("/campaigns/c1/edit", &form("後から来た本文", "2")).status, 303);
    let saved = campaign::get(&site.site.house.store, CampaignId(1)).unwrap();
    assert_eq!(saved.draft.body, "後から来た本文");
}

#[test]
fn what_is_wrong_in_a_draft_is_said_at_its_field_and_a_stop_keeps_it_from_starting() {
    let (mut site, _catcher) = ready();
    for (name, value, field) in [
        ("subject", "a\r\nBcc: x@example.jp", "f-subject"),
        ("segment", "tag:", "f-segment"),
        ("name", "", "f-name"),
        ("reply_to", "no", "f-reply_to"),
    ] {
        let mut all: Vec<(&str, &str)> = DRAFT.iter().filter(|(n, _)| *n != name).copied().collect();
        all.push((name, value));
        let seen = site.post("/campaigns/new", &all);
        assert_eq!(seen.status, 422, "{name}");
        assert!(seen.body.contains(&format!("id=\"{field}-fault\"")), "{name}: {}", seen.body);
        sound(&seen);
    }
    let mut all = DRAFT.to_vec();
    all[3] = ("body", "{{ 無い }}");
    site.post("/campaigns/new", &all);
    let seen = site.post("/campaigns/c1/send", &[]);
    assert_eq!(seen.status, 422);
    sound(&seen);
    assert!(run::due(&site.site.house.store, site.now, "https://x.jp").unwrap().is_empty());
}

#[test]
fn the_editor_tells_whom_it_reaches_and_shows_a_mail_as_anyone() {
    let (mut site, catcher) = ready();
    person(&site, "taro@example.jp");
    site.post("/campaigns/new", &[&DRAFT[..], &[("submit", "x1")]].concat());
    let counted = |site: &mut TestSite, segment: &str| {
        site.post("/campaigns/count", &[&DRAFT[..], &[("segment", segment)]].concat()).body
    };
    let all = counted(&mut site, "");
    assert!(all.contains("data-tell=\"届く見込み 2\"") && all.contains("絞り込みに当てはまる"), "{all}");
    assert!(counted(&mut site, "tag:").contains("class=\"fault\""));
    let opened = site.get("/campaigns/c1/edit");
    assert!(opened.body.contains("data-tell=\"届く見込み 2\""), "there without scripts, too");
    let preview = opened.body.split("id=\"preview-title\"").nth(1).unwrap();
    assert_eq!(preview.matches("form=\"draft\"").count(), 2, "field and button beside the preview are the draft's");
    sound(&opened);
    for (typed, address) in [("p1", "hanako"), ("TARO@example.jp", "taro"), ("p2", "taro"), ("hanako", "hanako")] {
        let shown = site.post("/campaigns/preview?of=c1", &[&DRAFT[..], &[("as", typed)]].concat());
        assert!(shown.body.contains(&format!("{address}@example.jp さん")), "{typed}: {}", shown.body);
    }
    let nobody = site.post("/campaigns/preview?of=c1", &[&DRAFT[..], &[("as", "いない人")]].concat());
    assert!(nobody.body.contains("当てはまる連絡先がありません"), "{}", nobody.body);
    let checked = site.get("/campaigns/c1/check?as=example.jp");
    assert!(checked.body.contains("ほかの候補") && checked.body.contains("/preview?as=p2"), "{}", checked.body);
    sound(&checked);

    site.post("/contacts/p1/edit", &[("email", "hanako@example.jp"), ("tags", "社内")]);
    site.post("/contacts/p2/edit", &[("email", "taro@example.jp"), ("tags", "社内")]);
    site.post("/contacts/p2/refuse", &[("source", "電話"), ("topic", "t1")]);
    let form = site.get("/campaigns/c1/check").body;
    assert!(form.contains("タグ: 社内"), "{form}");
    assert_eq!(site.post("/campaigns/c1/test", &[("group", "社内")]).status, 303);
    assert_eq!(catcher.mails().iter().map(|m| m.to[0].as_str()).collect::<Vec<_>>(), ["hanako@example.jp"]);
}

#[test]
fn a_recipient_refuses_with_one_click_or_on_the_page_and_takes_it_back() {
    let (mut site, catcher) = ready();
    site.post("/campaigns/new", &DRAFT);
    site.post("/campaigns/c1/send", &[]);
    drive(&site, CampaignId(1));
    let mail = String::from_utf8(catcher.mails()[0].bytes.clone()).unwrap();
    let url =
        mail.split("List-Unsubscribe: <https://news.example.jp").nth(1).unwrap().split('>').next().unwrap().to_owned();
    site.cookies.clear();
    site.csrf.clear();
    let page = site.get(&url);
    assert!(page.body.contains("配信を停止する") && !page.body.contains("hanako"), "{}", page.body);
    sound(&page);
    let (store, contact) = (std::sync::Arc::clone(&site.site.house), crate::base::ids::ContactId(1));
    let topic = topic::default(&store.store).unwrap().id;
    let refused = || consent::state(&store.store, contact, topic).unwrap() == consent::State::Refused;
    assert!(!refused(), "opening the page refuses nothing");
    let seen = site.post(&url, &[("List-Unsubscribe", "One-Click")]);
    assert_eq!((seen.status, seen.location.as_str()), (200, ""));
    assert!(refused());
    let page = site.get(&url);
    assert!(page.body.contains("配信を停止しました"), "{}", page.body);
    sound(&page);
    let seen = site.post(&format!("{url}/again"), &[]);
    sound(&seen);
    assert!(!refused());
    sound(&site.post(&url, &[]));
    assert!(refused());
    assert_eq!(site.get("/u/nonsense").status, 404);
    sound(&site.get("/u/test"));
    assert_eq!(site.get("/m/test").status, 404);
    assert_eq!(result::sums(&store.store, CampaignId(1)).unwrap().counts.sent, 1);
}

#[test]
fn a_file_is_added_shown_in_public_and_removed() {
    let (mut site, _catcher) = ready();
    site.post("/campaigns/new", &DRAFT);
    let csrf = site.csrf.clone();
    let body = format!(
        "--B\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{csrf}\r\n--B\r\nContent-Disposition: form-data; \
         name=\"role\"\r\n\r\nhosted\r\n--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"../logo.gif\"\r\n\
         Content-Type: image/gif\r\n\r\nGIF89a\r\n--B--\r\n"
    );
    let seen = site.post_raw("/campaigns/c1/files", body.as_bytes(), "multipart/form-data; boundary=B");
    assert_eq!(seen.status, 303, "{}", seen.body);
    let card = crate::campaigns::file::list(&site.site.house.store, CampaignId(1)).unwrap().remove(0);
    assert_eq!(card.name, "logo.gif");
    sound(&site.get("/campaigns/c1/files"));
    let posing = body.replace("GIF89a", "<script>").replace("../logo", "posing");
    assert_eq!(site.post_raw("/campaigns/c1/files", posing.as_bytes(), "multipart/form-data; boundary=B").status, 422);
    let seen = site.get(&format!("/i/{}.gif", card.token));
    assert_eq!((seen.status, seen.body.as_str()), (200, "GIF89a"));
    assert_eq!(site.post("/campaigns/c1/files/remove", &[("name", "logo.gif")]).status, 303);
    assert_eq!(site.get(&format!("/i/{}.gif", card.token)).status, 404);
}

#[test]
fn templates_are_kept_and_start_campaigns() {
    let mut site = TestSite::signed_in(Role::Staff);
    let fields = [("name", "毎月の案内"), ("subject", "{{ email }}様"), ("format", "html"), ("body", "<p>x</p>")];
    assert_eq!(site.post("/templates/new", &fields).location, "/templates");
    for url in ["/templates", "/templates/m1", "/templates/new", "/campaigns/new?template=m1"] {
        let seen = site.get(url);
        assert_eq!(seen.status, 200, "{url}");
        sound(&seen);
    }
    assert!(site.get("/campaigns/new?template=m1").body.contains("毎月の案内"));
    assert_eq!(
        site.post("/templates/new", &[("name", "x"), ("format", "mjml"), ("body", "<mjml><mj-body>")]).status,
        422
    );
    assert_eq!(site.post("/templates/m1/delete", &[]).location, "/templates");
    assert_eq!(site.get("/senders/new").status, 403, "staff do not change settings");
}

#[test]
fn a_draft_with_a_sender_or_a_topic_that_is_not_there_is_not_saved() {
    let (mut site, _catcher) = ready();
    for (name, value) in [("sender", "s99"), ("topic", "t99"), ("kind", "spam")] {
        let mut draft: Vec<(&str, &str)> = DRAFT.iter().copied().filter(|(n, _)| *n != name).collect();
        draft.push((name, value));
        assert_eq!(site.post("/campaigns/new", &draft).status, 422, "{name}");
    }
}
