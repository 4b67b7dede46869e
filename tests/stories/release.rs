use crate::world::{Home, fed, mode};
use serde_json::Value;
use std::path::Path;

/// A few words of shell that say of themselves what a program says.
fn program(home: &Home, version: &str) {
    use std::os::unix::fs::PermissionsExt;
    let text = format!("#!/bin/sh\necho '{{\"version\":\"{version}\",\"target\":\"x86_64-linux\"}}'\n");
    let path = home.file("B", text);
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn release(home: &Home, words: &[&str]) -> Value {
    home.run(&[&["release"], words, &["--json"]].concat()).ok().json()
}

#[test]
fn a_vendor_makes_keys_packs_a_release_and_revokes_a_stolen_key() {
    let home = Home::new();
    program(&home, "1.5.0");
    let keys = release(&home, &["keys", "--out", "keys"]);
    let signing = keys["signing"][0]["file"].as_str().unwrap();
    let root = keys["roots"][0]["file"].as_str().unwrap();
    for private in [signing, root] {
        assert_eq!(mode(&home.path(private)), 0o600, "{private}");
    }
    assert!(std::fs::read_to_string(home.path("keys/release.pub")).unwrap().contains("hakobu-root:"));
    let again = home.run(&["release", "keys", "--out", "keys", "--json"]);
    assert_eq!((again.exit, again.error()["kind"].as_str()), (1, Some("conflict")));

    let packed = release(&home, &["pack", "--binary", "B", "--key-file", signing, "--out", "out"]);
    assert_eq!((packed["version"].as_str(), packed["target"].as_str()), (Some("1.5.0"), Some("x86_64-linux")));
    let bundle = home.path(packed["bundle"].as_str().unwrap());
    assert!(bundle.ends_with("out/hakobu-1.5.0-x86_64-linux.tar.gz"));
    let listed = std::process::Command::new("tar").arg("tzf").arg(&bundle).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&listed.stdout), "keys.json\nmanifest.json\nhakobu\n");
    let manifest: Value = read(&home.path(packed["manifest"].as_str().unwrap()));
    assert_eq!(manifest["signed"]["version"], "1.5.0");

    let as_root = home.run(&["release", "pack", "--binary", "B", "--key-file", root, "--out", "out", "--json"]);
    assert!(as_root.error()["message"].as_str().unwrap().contains("not a signing key"));

    let lost = keys["signing"][0]["id"].as_str().unwrap();
    let revoke = ["revoke", "--root-key-file", root, "--keys", "keys/keys.json", "--key", lost, "--out", "keys"];
    let next = release(&home, &revoke);
    assert_eq!((next["version"].as_u64(), next["revoked"][0].as_str()), (Some(2), Some(lost)));
    let thief = home.run(&["release", "pack", "--binary", "B", "--key-file", signing, "--out", "out", "--json"]);
    assert_eq!(thief.exit, 12);
    assert!(thief.error()["message"].as_str().unwrap().contains("revoked"));
    let new = next["new"][0]["file"].as_str().unwrap();
    assert_eq!(release(&home, &["pack", "--binary", "B", "--key-file", new, "--out", "out"])["keys"], 2);
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn a_sealed_key_signs_with_its_passphrase_alone() {
    let home = Home::new();
    program(&home, "1.5.0");
    home.file("phrase", "とても長い合い言葉です\n");
    let keys = release(&home, &["keys", "--out", "keys", "--passphrase-file", "phrase"]);
    let signing = keys["signing"][0]["file"].as_str().unwrap();
    let pack = ["pack", "--binary", "B", "--key-file", signing, "--out", "out"];
    assert_eq!(home.run(&[&["release"], &pack[..], &["--json"]].concat()).exit, 4);
    release(&home, &[&pack[..], &["--passphrase-file", "phrase"]].concat());
}

#[test]
fn a_build_without_keys_says_so_and_the_source_is_kept_without_showing_its_token() {
    let home = Home::ready();
    let look = home.ask(&["update", "check"]).ok().json();
    assert_eq!((look["can_update"].as_bool(), look["newer"].is_null()), (Some(false), true));
    home.file("token", "s3cret\n");
    let set = ["update", "source", "set", "gitea", "--project", "a/b", "--url", "https://git.example.jp"];
    let set = home.ask(&[&set[..], &["--token-file", "token"]].concat()).ok().json();
    assert_eq!((set["source"]["kind"].as_str(), set["token"].as_bool()), (Some("gitea"), Some(true)));
    let shown = home.ask(&["update", "source", "show"]).ok();
    assert!(!shown.stdout.contains("s3cret") && shown.json() == set);
    let open = ["update", "source", "set", "gitea", "--project", "a/b", "--url", "http://10.0.0.1", "--token-file"];
    assert_eq!(home.ask(&[&open[..], &["token"]].concat()).exit, 2);
    assert!(home.ask(&["update", "source", "set", "none"]).ok().json()["source"].is_null());
    assert_eq!(home.ask(&["update", "history"]).ok().json()["updates"].as_array().unwrap().len(), 0);
}

#[test]
fn a_release_is_asked_on_a_copy_and_reports_what_it_did() {
    let home = Home::ready();
    let copied = std::process::Command::new("cp").arg("-r").arg(home.path("D")).arg(home.path("COPY")).status();
    assert!(copied.unwrap().success());
    let key = std::fs::read(home.path("K")).unwrap();
    let said = fed(home.command(&["preflight", "--data", "COPY", "--json"]), &key).ok().json();
    assert_eq!(said["ok"], true, "{said}");
    let steps: Vec<_> = said["steps"].as_array().unwrap().iter().map(|s| s["step"].as_str().unwrap()).collect();
    assert_eq!(steps, ["preflight.crypto", "preflight.open", "preflight.write", "preflight.pages"]);

    std::fs::write(home.path("COPY/books/books.db"), vec![7u8; 8192]).unwrap();
    let broken = fed(home.command(&["preflight", "--data", "COPY", "--json"]), &key);
    let said = broken.json();
    assert_eq!((broken.exit, said["ok"].as_bool()), (9, Some(false)));
    assert!(!said["fault"]["says"]["ja"].as_str().unwrap_or_default().is_empty(), "both languages: {said}");
    assert_eq!(fed(home.command(&["preflight", "--data", "COPY", "--json"]), b"").exit, 4);
}
