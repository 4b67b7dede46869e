//! A mail as a reader that is not ours sees it: Python's `email` package.

use crate::script::{home_with_catcher, import};
use serde_json::Value;
use std::io::Write;
use std::process::{Command, Stdio};

const READ: &str = r#"
import sys, json, email
from email import policy
from email.header import decode_header, make_header
from email.utils import parseaddr
raw = sys.stdin.buffer.read()
m = email.message_from_bytes(raw, policy=policy.default)
# The default policy keeps the space between two encoded words of a name (RFC 2047 6.2 drops it); the older one is right.
sender = str(make_header(decode_header(parseaddr(email.message_from_bytes(raw)["from"].replace("\r\n", ""))[0])))
parts = [{"type": p.get_content_type(), "name": p.get_filename(), "disposition": p.get_content_disposition(),
          "id": p.get("Content-ID"), "text": p.get_content() if p.get_content_maintype() == "text" else None}
         for p in m.walk() if not p.is_multipart()]
print(json.dumps({"subject": m["subject"], "from": sender, "to": m["to"].addresses[0].addr_spec,
    "reply_to": str(m["reply-to"]), "date": m["date"].datetime.isoformat(), "id": m["message-id"],
    "unsubscribe": m["list-unsubscribe"], "post": m["list-unsubscribe-post"], "list": m["list-id"],
    "shape": [p.get_content_type() for p in m.walk() if p.is_multipart()], "parts": parts,
    "defects": [str(d) for p in m.walk() for d in p.defects], "headers": sorted(set(k.lower() for k in m.keys()))}))
"#;

fn read(mail: &[u8]) -> Value {
    let mut python =
        Command::new("python3").args(["-c", READ]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    python.stdin.take().unwrap().write_all(mail).unwrap();
    let out = python.wait_with_output().unwrap();
    assert!(out.status.success());
    serde_json::from_slice(&out.stdout).unwrap()
}

#[test]
fn a_japanese_mail_with_files_is_read_whole_by_somebody_elses_parser() {
    let (home, catcher) = home_with_catcher();
    import(&home);
    home.file("mail.html", "<p>{{ 姓 }}様 A &amp; B</p><img src=\"ロゴ.png\" alt=\"店\">");
    home.file("ロゴ.png", b"\x89PNG");
    home.file("秋のご案内（とても長い名前の添付ファイル、最終版その二）.pdf", b"%PDF");
    let subject =
        "{{ 姓 }}様へ：秋の新作コレクションのご案内と、会員さまだけの特別なお知らせ（必ず最後までお読みください）A & B";
    let mut words = vec![
        "campaign",
        "create",
        "--name",
        "秋",
        "--from",
        "運ぶ商店（東京・大阪・福岡の三店舗からお届け） <news@news.example.jp>",
    ];
    words.extend([
        "--subject",
        subject,
        "--html",
        "mail.html",
        "--segment",
        "姓 = 山田",
        "--reply-to",
        "窓口 <help@example.jp>",
    ]);
    words.extend(["--embed", "ロゴ.png", "--attach", "秋のご案内（とても長い名前の添付ファイル、最終版その二）.pdf"]);
    let id = home.ask(&words).ok().json()["campaign"].as_str().unwrap().to_owned();
    home.ask(&["campaign", "send", &id, "--wait"]).ok();
    let bytes = catcher.mails()[0].bytes.clone();
    for line in bytes.split(|b| *b == b'\n') {
        assert!(line.len() <= 998 && (line.is_empty() || line.ends_with(b"\r")));
    }
    let mail = read(&bytes);
    assert_eq!(mail["defects"], serde_json::json!([]), "{mail}");
    assert_eq!(mail["subject"], subject.replace("{{ 姓 }}", "山田"));
    assert_eq!(mail["from"], "運ぶ商店（東京・大阪・福岡の三店舗からお届け）");
    assert_eq!(mail["to"], "hanako@example.jp");
    assert_eq!(mail["reply_to"], "窓口 <help@example.jp>");
    assert!(mail["unsubscribe"].as_str().unwrap().starts_with("<https://"), "{mail}");
    assert_eq!(mail["post"], "List-Unsubscribe=One-Click");
    assert_eq!(mail["shape"], serde_json::json!(["multipart/mixed", "multipart/alternative", "multipart/related"]));
    let part = |kind: &str| mail["parts"].as_array().unwrap().iter().find(|p| p["type"] == kind).unwrap().clone();
    assert!(part("text/plain")["text"].as_str().unwrap().contains("山田様 A & B"));
    let html = part("text/html")["text"].as_str().unwrap().to_owned();
    let cid = part("image/png")["id"].as_str().unwrap().trim_matches(['<', '>']).to_owned();
    assert!(html.contains("山田様 A &amp; B") && html.contains(&format!("src=\"cid:{cid}\"")), "{html}");
    assert_eq!(part("image/png")["name"], "ロゴ.png");
    assert_eq!(part("application/pdf")["name"], "秋のご案内（とても長い名前の添付ファイル、最終版その二）.pdf");
    assert_eq!(part("application/pdf")["disposition"], "attachment");
    assert!(!mail["headers"].as_array().unwrap().iter().any(|h| h == "bcc"));
}

#[test]
fn a_draft_is_edited_by_script_and_a_second_editor_is_told() {
    let (home, _catcher) = home_with_catcher();
    import(&home);
    let id = crate::script::create(&home);
    let shown = home.ask(&["campaign", "show", &id]).ok().json();
    assert_eq!(shown["version"], 1);
    let edited = home.ask(&["campaign", "edit", &id, "--subject", "{{ 姓 }}様", "--at-version", "1"]).ok().json();
    assert_eq!((edited["version"].as_i64(), edited["subject"].as_str()), (Some(2), Some("{{ 姓 }}様")));
    let late = home.ask(&["campaign", "edit", &id, "--subject", "別の件名", "--at-version", "1"]);
    assert_eq!((late.exit, late.error()["kind"].as_str()), (1, Some("conflict")));
    assert_eq!(home.ask(&["campaign", "preflight", &id]).ok().json()["ready"], true);
}

#[test]
fn a_template_is_kept_and_starts_campaigns_and_a_draft_changes_in_every_part() {
    let (home, catcher) = home_with_catcher();
    import(&home);
    home.file("note.txt", "{{ 姓 }}様、テキストです。");
    home.file("地図.pdf", b"%PDF");
    let words = ["template", "save", "季節", "--subject", "{{ 姓 }}様へ季節のご案内", "--html", "mail.html"];
    let saved = home.ask(&words).ok().json();
    assert_eq!((saved["template"].as_str(), saved["format"].as_str()), (Some("m1"), Some("html")));
    assert_eq!(home.ask(&["template", "save", "季節", "--text", "note.txt"]).ok().json()["version"], 2);
    assert_eq!(home.ask(&["template", "list"]).ok().json()["templates"][0]["name"], "季節");
    let shown = home.ask(&["template", "show", "季節"]).ok().json();
    assert!(
        shown["body"].as_str().unwrap().contains("秋の新作") && shown["text"].as_str().unwrap().contains("テキスト")
    );

    let refused = home.ask(&["campaign", "create", "--name", "x"]);
    assert_eq!((refused.exit, refused.error()["kind"].as_str()), (4, Some("unanswered")));
    let words = ["campaign", "create", "--name", "x", "--template", "m1", "--from", "店 <news@news.example.jp>"];
    let made = home.ask(&words).ok().json();
    let id = made["campaign"].as_str().unwrap().to_owned();
    assert_eq!(made["subject"], "{{ 姓 }}様へ季節のご案内");
    home.ask(&["topic", "create", "季節の便り"]).ok();
    home.file("next.md", "# {{ 姓 }}様\n\n冬です。");
    let mut words = vec!["campaign", "edit", &id, "--name", "冬", "--from", "別の店 <winter@news.example.jp>"];
    words.extend(["--subject", "冬", "--markdown", "next.md", "--segment", "年齢 >= 40", "--topic", "季節の便り"]);
    words.extend(["--kind", "notice", "--reason", "回収のお知らせ", "--reply-to", "help@example.jp"]);
    words.extend(["--every-contact", "--attach", "地図.pdf"]);
    let edited = home.ask(&words).ok().json();
    let told = |field: &str| edited[field].as_str().unwrap().to_owned();
    assert_eq!((told("name"), told("subject"), told("format")), ("冬".into(), "冬".into(), "markdown".into()));
    assert_eq!((told("kind"), told("reason"), told("topic")), ("notice".into(), "回収のお知らせ".into(), "t2".into()));
    assert_eq!((told("reply_to"), told("segment")), ("help@example.jp".into(), "年齢 >= 40".into()));
    assert_eq!((&edited["every_contact"], &edited["files"][0]["name"]), (&true.into(), &"地図.pdf".into()));
    let words = ["campaign", "edit", &id, "--every-contact=false", "--remove-file", "地図.pdf", "--topic", "t1"];
    let edited = home.ask(&words).ok().json();
    assert_eq!((&edited["every_contact"], edited["files"].as_array().unwrap().len()), (&false.into(), 0));
    assert_eq!(home.ask(&["campaign", "edit", &id, "--segment", "年齢 >"]).exit, 2);
    assert_eq!(home.ask(&["campaign", "send", &id, "--wait"]).ok().json()["sent"], 2);
    let mail = read(&catcher.mails()[0].bytes);
    assert_eq!((mail["subject"].as_str(), mail["from"].as_str()), (Some("冬"), Some("別の店")));
    assert!(mail["parts"][0]["text"].as_str().unwrap().contains("テキストです"), "the text part stayed: {mail}");

    home.ask(&["template", "delete", "季節"]).ok();
    assert_eq!(home.ask(&["template", "show", "m1"]).exit, 5);
}
