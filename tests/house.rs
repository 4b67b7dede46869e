//! The rules of the house, as tests: who may import whom, where each outside crate lives, how large a file may
//! grow. Changing a row is a design decision: say why in ARCHITECTURE.md.
#![allow(clippy::unwrap_used)] // a rule that cannot be read has failed

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each room and the rooms it may import.
const ROOMS: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("alarm", &["base"]),
    ("door", &["base", "alarm"]),
    ("units", &["base"]),
    ("store", &["base"]),
    ("access", &["base", "store"]),
    ("contacts", &["base", "store"]),
    ("delivery", &["base", "store"]),
    ("update", &["base", "store"]),
    ("campaigns", &["base", "store", "contacts", "delivery", "access"]),
    ("house", &["base", "store", "alarm", "access", "contacts", "delivery", "campaigns", "update"]),
    ("web", &["base", "house", "alarm", "access", "contacts", "delivery", "campaigns", "update"]),
    ("worker", &["base", "house", "web"]),
    (
        "cli",
        &["base", "house", "worker", "door", "alarm", "units", "access", "contacts", "delivery", "campaigns", "update"],
    ),
];

/// Outside crates with an address: a file that names one must lie under one of the paths.
const ADDRESSES: &[(&str, &[&str])] = &[
    ("tiny_http::", &["src/web/server.rs"]),
    ("redb::", &["src/store/"]),
    ("rusqlite::", &["src/store/", "rows.rs", "/rows/"]),
    ("rustls::", &["src/delivery/", "src/door/"]),
    ("hyper::", &["src/door/"]),
    ("mail_parser::", &["src/delivery/bounces/"]),
    ("lettre::", &["src/alarm/"]),
    ("self_update::", &["src/update/fetch"]),
    ("hickory_resolver::", &["src/base/resolve.rs", "src/base/names/"]),
    ("instant_acme::", &["src/door/acme/"]),
    ("clap::", &["src/cli/"]),
    ("SystemTime::now", &["src/base/clock.rs"]),
    ("allow(unsafe_code)", &["src/store/"]),
];

/// Logic wants small files. A catalogue (words, schema) may be long and says so by standing here.
const LONG: usize = 450;
const CATALOGUES: &[&str] = &["src/web/routes.rs", "src/base/limits.rs"];

struct Source {
    path: String,
    code: String,
    lines_before_tests: usize,
}

fn sources() -> Vec<Source> {
    let mut files = Vec::new();
    walk(Path::new("src"), &mut files);
    files.sort();
    files.into_iter().map(|path| read(&path)).collect()
}

fn walk(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => walk(&path, files),
            false if path.extension().is_some_and(|e| e == "rs") => files.push(path),
            false => {}
        }
    }
}

fn read(path: &Path) -> Source {
    let text = fs::read_to_string(path).unwrap();
    let production = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let code: Vec<&str> =
        production.lines().map(|line| if line.trim_start().starts_with("//") { "" } else { line }).collect();
    Source { path: path.display().to_string(), lines_before_tests: production.lines().count(), code: code.join("\n") }
}

impl Source {
    fn room(&self) -> Option<&str> {
        self.path.strip_prefix("src/")?.split_once('/').map(|(room, _)| room)
    }

    fn is_test(&self) -> bool {
        self.path.ends_with("tests.rs") || self.path.contains("/tests/")
    }

    /// The rooms named in `crate::room` and in `use crate::{room::…, other}`.
    fn imports(&self) -> BTreeSet<String> {
        let word = |s: &str| s.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
        let mut found = BTreeSet::new();
        for (at, _) in self.code.match_indices("crate::") {
            let rest = &self.code[at + "crate::".len()..];
            match rest.strip_prefix('{') {
                Some(group) => found.extend(top_names(group)),
                None => {
                    found.insert(word(rest));
                }
            }
        }
        found.retain(|name| ROOMS.iter().any(|(room, _)| room == name));
        found
    }
}

/// The first word of each item of a brace group, nested groups skipped.
fn top_names(group: &str) -> Vec<String> {
    let (mut depth, mut names, mut word, mut taken) = (0, Vec::new(), String::new(), false);
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names.push(std::mem::take(&mut word));
                taken = false;
            }
            c if depth == 0 && !taken && (c.is_alphanumeric() || c == '_') => word.push(c),
            c if depth == 0 && !c.is_whitespace() => taken = true,
            _ => {}
        }
    }
    names.push(word);
    names.retain(|n| !n.is_empty());
    names
}

fn report(broken: Vec<String>) {
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn every_room_imports_only_the_rooms_below_it() {
    let mut broken = Vec::new();
    for source in sources() {
        let Some(room) = source.room() else { continue };
        let Some((_, may)) = ROOMS.iter().find(|(name, _)| *name == room) else {
            broken.push(format!("{}: the room {room} is not in the table", source.path));
            continue;
        };
        for import in source.imports() {
            if import != room && !may.contains(&import.as_str()) {
                broken.push(format!("{}: {room} may not import {import}", source.path));
            }
        }
    }
    report(broken);
}

#[test]
fn a_grouped_import_is_read_like_a_plain_one() {
    assert_eq!(top_names("base::{By, Time}, store::Store,\n    cli}; use x"), ["base", "store", "cli"]);
}

#[test]
fn every_outside_crate_stays_at_its_address() {
    let mut broken = Vec::new();
    for source in sources().iter().filter(|s| !s.is_test()) {
        for (name, homes) in ADDRESSES {
            // `tokio_rustls::` is not `rustls::`.
            let named = source
                .code
                .match_indices(name)
                .any(|(at, _)| !source.code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'));
            if named && !homes.iter().any(|home| source.path.contains(home)) {
                broken.push(format!("{}: {name} lives in {}", source.path, homes.join(", ")));
            }
        }
    }
    report(broken);
}

#[test]
fn nobody_climbs_over_the_wall_or_re_exports_a_room() {
    let mut broken = Vec::new();
    for source in sources() {
        if source.code.contains("super::super::") {
            broken.push(format!("{}: super::super", source.path));
        }
        if source.path == "src/lib.rs" && source.code.contains("pub use") {
            broken.push("src/lib.rs: a re-export".to_owned());
        }
    }
    report(broken);
}

#[test]
fn files_of_logic_stay_small() {
    let too_long = sources()
        .iter()
        .filter(|s| !s.is_test() && s.lines_before_tests > LONG && !CATALOGUES.contains(&s.path.as_str()))
        .map(|s| format!("{}: {} lines before its tests; is it one thing?", s.path, s.lines_before_tests))
        .collect();
    report(too_long);
}

#[test]
fn nothing_is_left_unfinished_or_switched_off() {
    let mut broken = Vec::new();
    let mut files: Vec<PathBuf> = Vec::new();
    for dir in ["src", "tests", "benches"].into_iter().filter(|d| Path::new(d).exists()) {
        walk(Path::new(dir), &mut files);
    }
    for path in files.iter().filter(|p| !p.ends_with("house.rs")) {
        let text = fs::read_to_string(path).unwrap();
        for word in ["todo!(", "unimplemented!(", "#[ignore", "FIXME", "XXX"] {
            if text.contains(word) {
                broken.push(format!("{}: {word}", path.display()));
            }
        }
    }
    report(broken);
}

#[test]
fn the_papers_stay_short_enough_to_be_read() {
    for (path, most) in [("ARCHITECTURE.md", 200), ("README.md", 150), ("README.ja.md", 150)] {
        let lines = fs::read_to_string(path).unwrap().lines().count();
        assert!(lines > 20 && lines <= most, "{path} has {lines} lines, wanted are 20 to {most}");
    }
}

/// Licences that may stand in the tree; every crate must offer at least one whole alternative of these.
const LICENCES: &[&str] = &[
    "MIT",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "0BSD",
    "Unlicense",
    "CC0-1.0",
    "Unicode-3.0",
    "MPL-2.0",
    "OpenSSL",
    "CDLA-Permissive-2.0",
    "MIT-0",
    "BSL-1.0",
    "blessing", // SQLite: public domain
    "WTFPL",    // libtomcrypt, inside SQLCipher's sources
];

#[test]
fn every_crate_in_the_tree_has_a_licence_we_may_ship_and_comes_from_the_registry() {
    let out = std::process::Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let tree: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    let mut broken = Vec::new();
    for package in tree["packages"].as_array().unwrap().iter().filter(|p| p["name"] != "hakobu") {
        let name = format!("{} {}", package["name"].as_str().unwrap(), package["version"].as_str().unwrap());
        let licence = package["license"].as_str().unwrap_or("none named");
        if !allowed(licence) {
            broken.push(format!("{name}: {licence}"));
        }
        if !package["source"].as_str().unwrap_or_default().starts_with("registry+") {
            broken.push(format!("{name}: not from the registry"));
        }
    }
    report(broken);
}

#[test]
fn the_tree_has_one_crypto_library_and_one_http_client_that_resolves_names_itself() {
    let out = std::process::Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--prefix", "none", "--edges", "normal,build"])
        .args(["--target", "x86_64-unknown-linux-gnu", "--format", "{p} | {f}"])
        .output()
        .unwrap();
    let tree = String::from_utf8_lossy(&out.stdout);
    let named = |name: &str| -> BTreeSet<String> {
        let start = format!("{name} v");
        tree.lines().map(|l| l.trim_end_matches(" (*)").to_owned()).filter(|l| l.starts_with(&start)).collect()
    };
    assert!(!named("rustls").is_empty(), "{}", String::from_utf8_lossy(&out.stderr));
    for foreign in ["ring", "native-tls"] {
        assert!(named(foreign).is_empty(), "{foreign} is in the tree");
    }
    // self_update makes clients of its own: they resolve through hickory because the one reqwest there is was built so.
    let clients = named("reqwest");
    assert!(clients.len() == 1 && clients.iter().all(|c| c.contains("hickory-dns")), "{clients:?}");
}

/// `A OR B` needs one, `A AND B` needs both; the innermost brackets are read first.
fn allowed(licence: &str) -> bool {
    let licence = licence.replace('/', " OR ");
    if let Some(close) = licence.find(')')
        && let Some(open) = licence[..close].rfind('(')
    {
        let inner = if allowed(&licence[open + 1..close]) { "MIT" } else { "no" };
        return allowed(&format!("{}{inner}{}", &licence[..open], &licence[close + 1..]));
    }
    licence.split(" OR ").any(|one| one.split(" AND ").all(|l| LICENCES.contains(&l.trim())))
}

#[test]
fn a_licence_expression_is_read_with_its_alternatives() {
    for (text, want) in [
        ("MIT OR Apache-2.0", true),
        ("MIT/Apache-2.0", true),
        ("GPL-3.0", false),
        ("GPL-3.0 OR MIT", true),
        ("MIT AND GPL-3.0", false),
        ("(MIT OR Apache-2.0) AND Unicode-3.0", true),
        ("ISC AND (Apache-2.0 OR ISC) AND OpenSSL", true),
    ] {
        assert_eq!(allowed(text), want, "{text}");
    }
}
