//! Updates of a running house: they go through, or the release of before runs on, and no answer is lost either way.

use crate::load::figures::Figures;
use crate::load::house::{Loaded, Running, Size, free_port};
use crate::load::open::{Load, Settings};
use crate::load::plan::Mix;
use crate::load::writes;
use crate::rehearsal::Vendor;
use crate::world::{Home, Said};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

const SMALL: Size = Size { contacts: 200, links: 40 };
const UPLOAD: usize = (1 << 20) + 70_000;

fn light() -> Settings {
    Settings { mix: Mix::USUAL, rate: 30.0, most: 100_000, life: Duration::from_secs(600), addresses: 16 }
}

fn apply(home: &Home, bundle: &Path, probation: &str) -> Said {
    home.ask(&["update", "apply", "--file", bundle.to_str().unwrap(), "--probation", probation])
}

fn step<'a>(told: &'a Value, name: &str) -> &'a Value {
    let steps = told["steps"].as_array().unwrap();
    steps.iter().find(|s| s["step"] == name).unwrap_or_else(|| panic!("no step {name}: {told}"))
}

/// The program that answers now, by its own word.
fn runs(home: &Home) -> String {
    home.ask(&["status"]).ok().json()["version"].as_str().unwrap().to_owned()
}

#[test]
fn an_update_and_the_way_back_lose_no_request_and_no_write() {
    let loaded = Loaded::new(SMALL, None);
    let home = &loaded.home;
    let vendor = Vendor::new(home);
    let bundle = vendor.bundle("0.2.0", json!({"table": true}));
    let running = Running::start(home, &vendor.program("0.1.0", json!({})), false, &[]);
    let load = Load::start(light(), Arc::new(loaded.target(&running, UPLOAD)));

    let up = apply(home, &bundle, "2").ok().json();
    assert_eq!(
        (up["result"].as_str(), up["from"].as_str(), up["to"].as_str()),
        (Some("updated"), Some("0.1.0"), Some("0.2.0"))
    );
    for name in ["fetch", "verify", "slot", "preflight", "generation", "warm", "quiesce", "close", "open", "commit"] {
        assert_eq!(step(&up, name)["ok"], true, "{up}");
    }
    assert_eq!(runs(home), "0.2.0");
    let link = std::fs::read_link(home.path("D/slots/current")).unwrap();
    assert_eq!(link, Path::new("0.2.0"));

    // The release before runs on data that the newer one has migrated.
    let down = home.ask(&["update", "rollback", "--probation", "2"]).ok().json();
    assert_eq!((down["result"].as_str(), down["to"].as_str()), (Some("updated"), Some("0.1.0")));
    assert_eq!(runs(home), "0.1.0");

    let records = load.stop();
    let figures = Figures::of(&records);
    assert_eq!(figures.failed, 0, "{}", figures.json());
    let history = settled(home);
    let results: Vec<_> =
        history["updates"].as_array().unwrap().iter().map(|u| u["result"].as_str().unwrap()).collect();
    assert_eq!(results, ["updated", "updated"], "{history}");
    assert_eq!(running.end(), 0);
    let found = writes::look_up(home, &records);
    assert_eq!(found.wrong(), 0, "{found:?}");
    assert!(!home.path("D/trial.jsonl").exists());
}

#[test]
fn a_release_that_fails_at_any_place_leaves_the_one_before_running() {
    let loaded = Loaded::new(SMALL, None);
    let home = &loaded.home;
    let vendor = Vendor::new(home);
    let running = Running::start(home, &vendor.program("0.1.0", json!({})), false, &[]);
    let load = Load::start(light(), Arc::new(loaded.target(&running, UPLOAD)));
    #[rustfmt::skip]
    let table = [
        ("preflight_panics", "refused", "preflight", ""),
        ("preflight_fails", "refused", "preflight", ""),
        ("dies_warm", "rolled_back", "warm", "untouched"),
        ("migration_fails", "rolled_back", "open", "transaction"),
        ("dies_opening", "rolled_back", "open", "transaction"),
        ("unhealthy", "rolled_back", "health", "additive"),
        ("dies_at_check", "rolled_back", "health", "additive"),
        ("dies_in_probation", "rolled_back", "probation", "additive"),
        ("unwell_in_probation", "rolled_back", "probation", "additive"),
        ("hangs_opening", "rolled_back", "open", "transaction"),
        ("hangs_in_probation", "rolled_back", "probation", "additive"),
    ];
    for (n, (sabotage, result, place, database)) in table.into_iter().enumerate() {
        let bundle = vendor.bundle(&format!("0.2.{n}"), json!({"sabotage": sabotage}));
        let said = apply(home, &bundle, "1");
        let told = said.json();
        assert_eq!((said.exit, told["result"].as_str()), (1, Some(result)), "{sabotage}: {told}");
        let failed = step(&told, place);
        assert_eq!(failed["ok"], false, "{sabotage}: {told}");
        assert!(told["cause"].as_str().is_some_and(|c| !c.is_empty()), "{sabotage}: {told}");
        if result == "rolled_back" {
            assert_eq!(step(&told, "database")["detail"], database, "{sabotage}: {told}");
            for name in ["files_put_back", "processes_restarted", "operation_checked", "reported"] {
                assert_eq!(step(&told, name)["ok"], true, "{sabotage}: {told}");
            }
        }
        assert_eq!(runs(home), "0.1.0", "{sabotage}");
        std::fs::remove_file(bundle).unwrap();
    }
    let records = load.stop();
    assert_eq!(running.end(), 0);
    let found = writes::look_up(home, &records);
    assert_eq!(found.wrong(), 0, "{found:?}");
}

#[test]
fn what_is_not_signed_as_it_stands_is_refused_before_anything_is_in_a_slot() {
    let home = Home::ready();
    let vendor = Vendor::new(&home);
    let bundle = vendor.bundle("0.2.0", json!({}));
    let running = Running::start(&home, &vendor.program("0.1.0", json!({})), false, &[]);
    let whole = std::fs::read(&bundle).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    let other = Vendor::of(&home, "others").bundle("0.2.0", json!({}));
    let foreign = std::fs::read(other).unwrap();
    for (name, bytes) in [("cut", &whole[..whole.len() / 2]), ("flipped", &flipped), ("foreign", &foreign)] {
        let said = apply(&home, &home.file("bad.tar.gz", bytes), "1");
        assert_eq!((said.exit, said.json()["result"].as_str()), (12, Some("refused")), "{name}: {}", said.stdout);
        assert!(!home.path("D/slots/0.2.0").exists(), "{name}");
    }
    assert_eq!(runs(&home), "0.1.0");
    assert_eq!(running.end(), 0);
}

#[test]
fn a_preflight_that_hangs_is_ended_at_its_bound_and_the_update_refused() {
    let home = Home::ready();
    let vendor = Vendor::new(&home);
    let bundle = vendor.bundle("0.2.0", json!({"sabotage": "preflight_hangs"}));
    let running = Running::start(&home, &vendor.program("0.1.0", json!({})), false, &[]);
    let began = Instant::now();
    let said = home.ask(&["update", "apply", "--file", bundle.to_str().unwrap(), "--preflight", "1"]);
    let told = said.json();
    assert_eq!((said.exit, told["result"].as_str()), (1, Some("refused")), "{told}");
    assert!(
        told["cause"].as_str().unwrap_or_else(|| told["cause"]["en"].as_str().unwrap()).contains("in time"),
        "{told}"
    );
    assert!(began.elapsed() < Duration::from_secs(60));
    assert_eq!(step(&told, "preflight")["ok"], false, "{told}");
    assert_eq!(runs(&home), "0.1.0");
    let copies = std::fs::read_dir(home.path("D/generations")).unwrap();
    assert_eq!(copies.count(), 0, "the copy that it was tried on is gone");
    assert_eq!(running.end(), 0);
}

#[test]
fn where_nothing_runs_an_update_is_refused_with_what_to_do() {
    let home = Home::ready();
    let said = home.ask(&["update", "rollback"]);
    let error = said.error();
    assert_eq!((said.exit, error["kind"].as_str()), (1, Some("conflict")), "{error}");
    assert!(error["hint"].as_str().unwrap().contains("hakobu serve"), "{error}");
}

#[test]
fn after_a_package_upgrade_the_new_program_puts_itself_in_place() {
    let home = Home::ready();
    let vendor = Vendor::new(&home);
    let running = Running::start(&home, &vendor.program("0.1.0", json!({})), false, &[]);
    let new = vendor.program("0.2.0", json!({}));
    let words = ["update", "apply", "--this", "--probation", "1", "--data", "D", "--json"];
    let said = crate::world::said(home.command_of(&new, &words).output().unwrap());
    assert_eq!(said.ok().json()["result"], "updated");
    assert_eq!(runs(&home), "0.2.0");
    let older = vendor.program("0.1.5", json!({}));
    let said = crate::world::said(home.command_of(&older, &words).output().unwrap());
    assert_eq!((said.exit, said.json()["result"].as_str()), (12, Some("refused")));
    assert_eq!(running.end(), 0);
}

/// The history, once the record of the last trial stands in it.
fn settled(home: &Home) -> Value {
    let since = Instant::now();
    loop {
        let history = home.ask(&["update", "history"]).ok().json();
        if history["updates"].as_array().unwrap().iter().all(|u| u["result"] != "trying") {
            return history;
        }
        assert!(since.elapsed() < Duration::from_secs(20), "{history}");
    }
}

/// Every process of a server, at once.
fn kill_all(running: Running) {
    let door = running.pid();
    let mut tree: Vec<String> = Vec::new();
    for task in std::fs::read_dir(format!("/proc/{door}/task")).unwrap() {
        let path = task.unwrap().path().join("children");
        let text = std::fs::read_to_string(path).unwrap_or_default();
        tree.extend(text.split_whitespace().map(str::to_owned));
    }
    // The door last: its end is a word to its workers.
    tree.push(door.to_string());
    Command::new("kill").arg("-9").args(&tree).status().unwrap();
    drop(running);
}

#[test]
fn power_that_goes_at_any_step_finds_one_of_the_two_afterwards_and_every_write() {
    let loaded = Loaded::new(SMALL, None);
    let home = &loaded.home;
    let vendor = Vendor::new(home);
    let blue = vendor.program("0.1.0", json!({}));
    let bundle = vendor.bundle("0.2.0", json!({"sabotage": "opens_slowly"}));
    let at = free_port();
    let mut running = Running::start_at(home, &blue, (at, at), &[]);
    let load = Load::start(light(), Arc::new(loaded.target(&running, UPLOAD)));
    for stage in ["warm", "quiesce", "drain", "close", "open", "health", "switch", "probation"] {
        assert_eq!(runs(home), "0.1.0", "before {stage}");
        let words = ["update", "apply", "--file", bundle.to_str().unwrap(), "--probation", "30", "--data", "D"];
        let mut asking = home.command(&words).spawn().unwrap();
        let (since, line) = (Instant::now(), format!("{{\"stage\":[\"{stage}\","));
        while !std::fs::read_to_string(home.path("D/trial.jsonl")).unwrap_or_default().contains(&line) {
            assert!(since.elapsed() < Duration::from_secs(120), "{stage} comes");
            std::thread::park_timeout(Duration::from_millis(1));
        }
        kill_all(running);
        asking.wait().unwrap();
        running = Running::start_at(home, &blue, (at, at), &[]);
        // The next one begins when this one is told.
        settled(home);
    }
    let records = load.stop();
    assert_eq!(runs(home), "0.1.0");
    let history = settled(home);
    let updates = history["updates"].as_array().unwrap();
    assert_eq!(updates.len(), 8, "{history}");
    for update in updates {
        assert_eq!(update["result"], "rolled_back", "{update}");
        assert_eq!(step(update, "operation_checked")["ok"], true, "{update}");
    }
    assert_eq!(running.end(), 0);
    let found = writes::look_up(home, &records);
    assert_eq!(found.contacts.lost + found.refusals.lost + found.uploads.lost, 0, "{found:?}");
}
