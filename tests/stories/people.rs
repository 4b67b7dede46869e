use crate::world::{Home, PASSWORD};

#[test]
fn users_come_go_and_change_roles_but_the_last_admin_stays() {
    let home = Home::ready();
    home.file("other", "まったく別の、とても長い合い言葉です");
    let added = home.ask(&["user", "add", "b@example.jp", "--role", "staff", "--password-file", "other"]).ok().json();
    assert_eq!((&added["user"], &added["state"]), (&"u2".into(), &"active".into()));
    let invited = home.ask(&["user", "invite", "c@example.jp", "--role", "viewer"]).ok().json();
    assert!(invited["link"].as_str().unwrap().starts_with("https://news.example.jp/link/"), "{invited}");
    assert_eq!(home.ask(&["user", "suspend", "b@example.jp"]).ok().json()["state"], "suspended");
    assert_eq!(home.ask(&["user", "resume", "u2"]).ok().json()["state"], "active");
    assert_eq!(home.ask(&["user", "role", "u2", "viewer"]).ok().json()["role"], "viewer");
    assert_eq!(home.ask(&["user", "list"]).ok().json()["users"].as_array().unwrap().len(), 3);
    assert_ne!(home.ask(&["user", "suspend", "a@example.jp"]).exit, 0);
    assert_eq!(home.ask(&["user", "suspend", "nobody@example.jp"]).exit, 5);
    assert_eq!(home.ask(&["user", "add", "b@example.jp", "--password-file", "other"]).exit, 1);
    assert_eq!(home.ask(&["user", "add", "d@example.jp"]).exit, 4);
    home.ask(&["user", "password", "u2", "--password-file", "password"]).ok();
    assert!(home.ask(&["user", "password", "u2"]).ok().json()["link"].is_string());
}

#[test]
fn a_token_is_shown_once_and_ends_when_revoked() {
    let home = Home::ready();
    let made = home.ask(&["token", "create", "nightly", "--scope", "view,import", "--user", "u1"]).ok().json();
    let secret = made["secret"].as_str().unwrap().to_owned();
    let listed = home.ask(&["token", "list"]).ok();
    assert!(!listed.stdout.contains(&secret));
    home.ask(&["token", "revoke", &made["token"].to_string()]).ok();
    assert!(home.ask(&["token", "list"]).ok().json()["tokens"][0]["revoked"].is_string());
    assert_eq!(home.ask(&["token", "create", "x", "--scope", "all", "--user", "u1"]).exit, 2);
}

#[test]
fn nothing_secret_stands_in_the_audit_record() {
    let home = Home::ready();
    home.ask(&["user", "invite", "canary@example.jp", "--role", "viewer"]).ok();
    home.ask(&["audit", "export", "-o", "audit.jsonl"]).ok();
    let audit = std::fs::read_to_string(home.path("audit.jsonl")).unwrap();
    assert!(audit.contains("user.add") && !audit.contains("canary") && !audit.contains(PASSWORD));
}
