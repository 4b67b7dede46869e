use crate::world::{Home, Said};
use serde_json::Value;

fn code_of(said: &Said) -> String {
    let found = said
        .stderr
        .lines()
        .find_map(|l| serde_json::from_str::<Value>(l).ok()?["recovery_code"].as_str().map(str::to_owned));
    found.unwrap_or_else(|| panic!("no code in {}", said.stderr))
}

#[test]
fn the_root_key_is_changed_and_the_old_one_opens_nothing() {
    let home = Home::ready();
    home.ask(&["key", "rotate", "--key-file", "K2", "--yes"]).ok();
    assert_eq!(home.ask(&["key", "status"]).ok().json()["root"].as_array().unwrap().len(), 1);
    home.ask(&["status"]).ok();
    std::fs::copy(home.path("K"), home.path("K2")).unwrap();
    assert_eq!(home.ask(&["status"]).exit, 11);
    assert_eq!(home.ask(&["key", "rotate", "--key-file", "K3"]).exit, 4, "asks first");
    assert_eq!(home.ask(&["key", "rotate", "--yes"]).exit, 2);
}

#[test]
fn a_lost_key_is_replaced_with_the_recovery_code() {
    let home = Home::new();
    let code = code_of(&home.setup(&[]).ok());
    home.file("paper", &code);
    assert!(home.ask(&["key", "confirm", "--code-file", "paper"]).ok().json()["recovery"]["confirmed"].is_string());
    std::fs::remove_file(home.path("K")).unwrap();
    assert_eq!(home.ask(&["status"]).exit, 8);
    home.file("wrong", "AAAA-AAAA-AAAA-AAAA-AAAA-AAAA-AAAA-AAAA");
    assert_ne!(home.ask(&["key", "recover", "--key-file", "N", "--code-file", "wrong"]).exit, 0);
    home.ask(&["key", "recover", "--key-file", "N2", "--code-file", "paper"]).ok();
    home.ask(&["status"]).ok();
}

#[test]
fn a_new_recovery_code_ends_the_one_before() {
    let home = Home::new();
    home.file("old", code_of(&home.setup(&[]).ok()));
    let said = home.ask(&["key", "new-code", "--yes"]).ok();
    let new = code_of(&said);
    assert!(!said.stdout.contains(&new));
    home.file("new", &new);
    assert_ne!(home.ask(&["key", "confirm", "--code-file", "old"]).exit, 0);
    home.ask(&["key", "confirm", "--code-file", "new"]).ok();
}
