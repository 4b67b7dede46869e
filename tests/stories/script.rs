//! The main job by script, with nothing typed by hand.

use crate::world::{Home, Said};
use hakobu::base::clock;
use hakobu::delivery::catcher::{Catcher, Offer};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

const LIST: &str = "メールアドレス,姓,名,年齢\r\n\
hanako@example.jp,山田,花子,41\r\n\
taro@example.jp,鈴木,太郎,33\r\n\
young@example.jp,高橋,蓮,19\r\n\
broken,佐藤,誠,50\r\n\
a..b@docomo.ne.jp,中村,愛,60\r\n";

const FIELDS: [&str; 13] = [
    "campaign",
    "state",
    "recipients",
    "queued",
    "sending",
    "sent",
    "deferred",
    "bounced",
    "suppressed",
    "in_doubt",
    "cancelled",
    "expired",
    "failed",
];

pub fn home_with_catcher() -> (Home, Catcher) {
    let catcher = Catcher::start(Offer::new(clock::now)).unwrap();
    let home = Home::new();
    home.setup(&["--relay", &format!("smtp://{}", catcher.addr())]).ok();
    home.file("list.csv", LIST);
    home.file("wording.txt", "新商品のお知らせをメールで受け取ることに同意します。");
    home.file("mail.html", "<p>{{ 姓 }} {{ 名 }} 様</p><p>秋の新作が届きました。</p>");
    (home, catcher)
}

pub fn import(home: &Home) -> Said {
    home.ask(&[
        "contacts",
        "import",
        "list.csv",
        "--tag",
        "2026秋",
        "--consent-source",
        "店頭",
        "--consent-text-file",
        "wording.txt",
    ])
    .ok()
}

pub fn create(home: &Home) -> String {
    let made = home
        .ask(&[
            "campaign",
            "create",
            "--name",
            "秋の案内",
            "--from",
            "運ぶ商店 <news@news.example.jp>",
            "--subject",
            "{{ 姓 }}様へ",
            "--html",
            "mail.html",
            "--segment",
            "tag:2026秋 and 年齢 >= 30",
        ])
        .ok();
    made.json()["campaign"].as_str().unwrap().to_owned()
}

fn counts_add_up(said: &Said) {
    let value = said.json();
    let n = |field: &str| value[field].as_u64().unwrap_or_else(|| panic!("{field} in {value}"));
    assert!(FIELDS.iter().all(|f| !value[*f].is_null()), "{value}");
    assert_eq!(FIELDS[3..].iter().map(|f| n(f)).sum::<u64>(), n("recipients"), "{value}");
}

#[test]
fn from_a_csv_to_mail_without_a_server() {
    let (home, catcher) = home_with_catcher();
    let imported = import(&home).json();
    let n = |field: &str| imported[field].as_u64().unwrap();
    assert_eq!((n("rows"), n("new"), n("changed"), n("same"), n("rejected")), (5, 4, 0, 0, 1));
    assert_eq!(imported["errors_file"], "list.errors.csv");
    assert!(std::fs::read_to_string(home.path("list.errors.csv")).unwrap().contains("broken"));

    let campaign = create(&home);
    assert_eq!(home.ask(&["campaign", "test", &campaign, "--to", "me@example.jp"]).ok().json()["sent"], 1);
    assert_eq!(home.ask(&["campaign", "send", &campaign]).exit, 4, "no server, and not told to wait");
    let sent = home.ask(&["campaign", "send", &campaign, "--wait"]).ok();
    counts_add_up(&sent);
    assert_eq!((sent.json()["state"].as_str(), sent.json()["sent"].as_u64()), (Some("done"), Some(3)));
    let result = home.ask(&["campaign", "result", &campaign]).ok();
    counts_add_up(&result);
    assert_eq!(catcher.count(), 4);
    assert!(catcher.heard().iter().any(|l| l.contains("\"a..b\"@docomo.ne.jp")));
    let rows = home.run(&["campaign", "recipients", &campaign, "--data", "D"]).ok().stdout;
    assert!(rows.contains("hanako@example.jp") && !rows.contains("young@example.jp"));

    let again = home.ask(&["campaign", "send", &campaign, "--wait"]);
    assert_eq!((again.exit, catcher.count()), (1, 4), "what was sent is not sent again: {}", again.stderr);
    let undone = home.ask(&["contacts", "undo", "i1"]).ok().json();
    assert_eq!(undone["import"], "i1");
}

#[test]
fn from_a_csv_to_mail_through_a_server() {
    let (home, catcher) = home_with_catcher();
    let server = home.serve();
    import(&home);
    let campaign = create(&home);
    let started = home.ask(&["campaign", "send", &campaign]).ok();
    counts_add_up(&started);
    assert!(catcher.wait_for(3, std::time::Duration::from_secs(20)));
    assert_eq!(server.end(), 0);
    let result = home.ask(&["campaign", "result", &campaign]).ok();
    counts_add_up(&result);
    assert_eq!(result.json()["sent"], 3);
}

#[test]
fn what_is_found_before_sending_stops_it_or_warns() {
    let (home, catcher) = home_with_catcher();
    import(&home);
    home.file("wrong.html", "<p>{{ 名前がない }}</p>");
    let made = home.ask(&["campaign", "create", "--name", "x", "--subject", "x", "--html", "wrong.html"]).ok().json();
    let id = made["campaign"].as_str().unwrap();
    let checked = home.ask(&["campaign", "check", id]);
    assert_eq!((checked.exit, &checked.json()["ready"]), (2, &false.into()));
    let refused = home.ask(&["campaign", "send", id, "--wait"]);
    assert_eq!((refused.exit, refused.error()["kind"].as_str()), (2, Some("refused")));
    let young = ["--segment", "年齢 < 30 or 姓 = 山田", "--from", "店 <news@news.example.jp>"];
    home.file("links.html", "<p>{{ 姓 }}様</p><a href=\"/autumn\">秋</a>");
    let words = ["campaign", "create", "--name", "y", "--subject", "y", "--html", "links.html"];
    let linked = home.ask(&[&words[..], &young].concat()).ok().json();
    let strict = home.ask(&["campaign", "send", linked["campaign"].as_str().unwrap(), "--wait", "--strict"]);
    assert_eq!(strict.exit, 4, "a link that leads nowhere from a mail: {}", strict.stderr);
    assert_eq!(catcher.count(), 0);
    let bare = create(&home);
    let checked = home.ask(&["campaign", "check", &bare]).ok().json();
    let found = checked["findings"].as_array().unwrap().iter().find(|f| f["code"] == "sender_incomplete").unwrap();
    assert_eq!(found["level"], "note", "the display is appended as far as it is known");
    assert_eq!(home.ask(&["campaign", "send", &bare, "--wait", "--strict"]).ok().json()["sent"], 3);
    assert_eq!(home.ask(&["campaign", "send", "c99", "--wait"]).exit, 5);
    assert_eq!(home.ask(&["campaign", "send", "99", "--wait"]).exit, 2);
}

#[test]
fn a_relay_that_is_away_is_waited_for_until_the_timeout_and_nobody_is_marked() {
    let (home, catcher) = home_with_catcher();
    import(&home);
    let campaign = create(&home);
    drop(catcher);
    let said = home.ask(&["campaign", "send", &campaign, "--wait", "--timeout", "1s"]);
    assert_eq!(said.exit, 3, "{}", said.stderr);
    counts_add_up(&said);
    assert_eq!((said.json()["bounced"].as_u64(), said.json()["failed"].as_u64()), (Some(0), Some(0)));
    let next = Catcher::start(Offer::new(clock::now)).unwrap();
    home.ask(&["relay", "set", &format!("smtp://{}", next.addr())]).ok();
    let said = home.ask(&["campaign", "send", &campaign, "--wait", "--timeout", "90s"]);
    assert!(said.exit == 0 || said.exit == 3, "{} {}", said.stdout, said.stderr);
}

#[test]
fn the_first_interrupt_stops_cleanly_and_what_was_done_is_kept() {
    let home = Home::ready();
    let mut list = String::from("メールアドレス,姓\r\n");
    for i in 0..60_000 {
        list.push_str(&format!("person{i}@example.jp,山田\r\n"));
    }
    home.file("list.csv", list);
    let words = ["contacts", "import", "list.csv", "--data", "D", "--json", "--progress", "json"];
    let mut child = home.command(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut progress = BufReader::new(child.stderr.take().unwrap()).lines();
    let first = progress.next().unwrap().unwrap();
    assert!(first.contains("progress"), "{first}");
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-s", "INT", &pid]).status().unwrap().success());
    let rest: Vec<String> = progress.map_while(Result::ok).collect();
    let said = crate::world::said(child.wait_with_output().unwrap());
    assert_eq!(said.exit, 3, "{} {rest:?}", said.stdout);
    let imports = home.ask(&["contacts", "imports"]).ok().json();
    let states: Vec<&str> = imports["imports"].as_array().unwrap().iter().filter_map(|i| i["state"].as_str()).collect();
    assert!(states.iter().all(|s| *s == "stopped"), "{imports}");
    assert_eq!(home.ask(&["contacts", "import", "list.csv"]).ok().json()["rows"], 60_000);
}
