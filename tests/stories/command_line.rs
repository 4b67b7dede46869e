use crate::world::Home;
use std::io::Write;
use std::process::{Command, Stdio};

#[test]
fn a_mistake_in_the_words_is_exit_2_with_the_nearest_name() {
    let home = Home::new();
    for (words, hint) in [
        (&["stats", "--json"][..], "status"),
        (&["status", "--dta", "D", "--json"], "--data"),
        (&["audit", "verfy", "--json"], "verify"),
        (&["status", "--lang", "fr", "--json"], "ja, en"),
    ] {
        let said = home.run(words);
        assert_eq!((said.exit, said.stdout.as_str()), (2, ""), "{words:?}");
        assert_eq!(said.error()["kind"], "refused");
        assert!(said.error()["hint"].as_str().unwrap().contains(hint), "{words:?}: {}", said.stderr);
    }
}

#[test]
fn without_a_data_folder_or_without_a_house_in_it_the_next_step_is_named() {
    let home = Home::new();
    let said = home.run(&["status", "--json"]);
    assert_eq!((said.exit, said.error()["kind"].as_str()), (4, Some("unanswered")));
    let said = home.ask(&["status"]);
    assert_eq!((said.exit, said.error()["kind"].as_str()), (10, Some("not_set_up")));
    assert!(said.error()["hint"].as_str().unwrap().contains("hakobu setup"));
    assert!(!home.path("D").exists());
}

#[test]
fn the_data_folder_may_come_from_the_environment() {
    let home = Home::ready();
    let said = crate::world::said(home.command(&["status", "--json"]).env("HAKOBU_DATA", "D").output().unwrap()).ok();
    assert_eq!(said.json()["data"], "D");
}

#[test]
fn the_language_of_the_shell_is_spoken_and_json_stays_as_it_is() {
    let home = Home::ready();
    let ja = |words: &[&str]| crate::world::said(home.command(words).env("LANG", "ja_JP.UTF-8").output().unwrap());
    assert!(ja(&["status", "--data", "D"]).ok().stdout.contains("データフォルダー"));
    assert!(ja(&["status", "--data", "D", "--lang", "en"]).ok().stdout.contains("data folder"));
    assert!(ja(&["--help"]).ok().stdout.contains("使い方"));
    let error = ja(&["status", "--data", "nowhere", "--json"]).error();
    assert_eq!((error["kind"].as_str(), error["message"].as_str().unwrap().is_ascii()), (Some("not_set_up"), false));
}

#[test]
fn help_version_completions_and_manual_come_without_a_house() {
    let home = Home::new();
    let help = home.run(&["--help"]).ok().stdout;
    assert!(help.find("hakobu try").unwrap() < help.find("Usage:").unwrap(), "examples first");
    assert_eq!(home.run(&["help", "setup"]).ok().stderr, "");
    assert_eq!(home.run(&["version", "--json"]).ok().json()["version"], env!("CARGO_PKG_VERSION"));
    assert!(home.run(&["completions", "bash"]).ok().stdout.contains("hakobu"));
    home.run(&["man", "pages"]).ok();
    assert!(std::fs::read_dir(home.path("pages")).unwrap().count() > 5);
}

#[test]
fn a_mistake_in_the_settings_file_is_exit_8_and_named() {
    let home = Home::ready();
    let file = home.path("D/hakobu.toml");
    let text = std::fs::read_to_string(&file).unwrap().replace("domain", "domian");
    std::fs::write(&file, text).unwrap();
    let said = home.ask(&["status"]);
    assert_eq!((said.exit, said.error()["hint"].as_str()), (8, Some("Did you mean domain?")));
}

#[test]
fn the_audit_record_is_listed_verified_and_exported() {
    let home = Home::ready();
    home.ask(&["audit", "export", "-o", "audit.jsonl"]).ok();
    let lines = home.ask(&["audit", "list"]).ok().json()["lines"].as_array().unwrap().len();
    let written = std::fs::read_to_string(home.path("audit.jsonl")).unwrap().lines().count();
    assert!(lines > 0 && lines == written, "{lines} {written}");
    assert_eq!(home.ask(&["audit", "verify"]).ok().json()["verified"], true);
    assert!(!home.path("audit.jsonl.part").exists());
    let refused = home.ask(&["audit", "export", "-o", "no/such/folder/x"]);
    assert_eq!(refused.exit, 5);
}

#[test]
fn the_doctor_names_what_is_missing_and_what_to_do() {
    let home = Home::ready();
    let value = home.ask(&["doctor"]).ok().json();
    let relay = value["checks"].as_array().unwrap().iter().find(|c| c["check"] == "relay").unwrap();
    assert_eq!((&value["healthy"], &relay["health"]), (&true.into(), &"warn".into()));
    assert!(relay["fix"].as_str().unwrap().contains("hakobu relay set"));
    home.ask(&["relay", "set", "smtp://127.0.0.1:25"]).ok();
    assert_eq!(home.ask(&["relay", "show"]).ok().json()["relay"], "smtp://127.0.0.1:25");
    assert_eq!(home.ask(&["relay", "set", "smtp://u:secret@host"]).exit, 2);
}

#[test]
fn a_saved_segment_stands_for_its_text() {
    let home = Home::ready();
    home.ask(&["contacts", "add", "a@example.jp"]).ok();
    home.ask(&["segment", "save", "みんな", "email ends @example.jp"]).ok();
    for name in ["みんな", "g1", "email ends @example.jp"] {
        let counted = home.ask(&["segment", "count", name]).ok().json();
        assert_eq!((&counted["count"], &counted["text"]), (&1.into(), &"email ends @example.jp".into()), "{name}");
    }
    assert_eq!(home.ask(&["segment", "count", "だれか"]).exit, 2);
    std::fs::write(home.path("mail.html"), "<p>x</p>").unwrap();
    let words = ["campaign", "create", "--name", "x", "--subject", "x", "--html", "mail.html", "--segment", "みんな"];
    assert_eq!(home.ask(&words).ok().json()["segment"], "email ends @example.jp");
}

#[test]
fn a_place_for_rejected_rows_that_is_none_is_told_before_anything_is_imported() {
    let home = Home::ready();
    std::fs::write(home.path("list.csv"), "mail\na@example.jp\nnobody\n").unwrap();
    assert_eq!(home.ask(&["contacts", "import", "list.csv", "--errors", "no/such/x.csv"]).exit, 5);
    assert_eq!(home.ask(&["contacts", "import", "."]).exit, 2);
    assert_eq!(home.ask(&["contacts", "imports"]).ok().json()["imports"].as_array().unwrap().len(), 0);
}

#[test]
fn an_input_that_is_no_table_is_refused_at_once_and_an_endless_one_stops_when_told() {
    let home = Home::ready();
    let said = home.ask(&["contacts", "import", "/dev/zero"]);
    assert_eq!((said.exit, said.error()["kind"].as_str()), (2, Some("refused")), "{}", said.stderr);
    for serving in [false, true] {
        let server = serving.then(|| home.serve());
        let mut command = home.command(&["contacts", "import", "-", "--data", "D", "--json"]);
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().unwrap();
        let (mut rows, pid) = (child.stdin.take().unwrap(), child.id().to_string());
        rows.write_all(b"email\n").unwrap();
        let page = b"taro@example.jp\n".repeat(10_000);
        for _ in 0..20 {
            rows.write_all(&page).unwrap();
        }
        assert!(Command::new("kill").args(["-s", "TERM", &pid]).status().unwrap().success());
        // Somebody writes on for ever: the pipe breaks when the command has ended.
        while rows.write_all(&page).is_ok() {}
        let said = crate::world::said(child.wait_with_output().unwrap());
        assert_eq!((said.exit, said.error()["kind"].as_str()), (3, Some("stopped")), "{serving}: {}", said.stderr);
        assert_eq!(home.ask(&["contacts", "imports"]).ok().json()["imports"], serde_json::json!([]));
        drop(server);
    }
}
