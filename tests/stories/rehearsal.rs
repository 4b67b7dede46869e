//! Releases that never were, packed and signed like real ones (`tests/rehearsal`).

use crate::world::Home;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Whoever makes releases: keys of its own, in the home of one story.
pub struct Vendor<'a> {
    home: &'a Home,
    signing: String,
    roots: String,
}

impl<'a> Vendor<'a> {
    pub fn new(home: &'a Home) -> Vendor<'a> {
        Vendor::of(home, "keys")
    }

    /// One whose keys lie in a folder of this name.
    pub fn of(home: &'a Home, folder: &str) -> Vendor<'a> {
        let keys = home.run(&["release", "keys", "--out", folder, "--json"]).ok().json();
        let roots = std::fs::read_to_string(home.path(&format!("{folder}/release.pub"))).unwrap();
        Vendor { home, signing: keys["signing"][0]["file"].as_str().unwrap().to_owned(), roots }
    }

    /// A program of this version; `part` may add a fault to it.
    pub fn program(&self, version: &str, part: Value) -> PathBuf {
        let mut whole = json!({"version": version, "roots": self.roots});
        whole.as_object_mut().unwrap().extend(part.as_object().unwrap().clone());
        let path = self.home.path(&format!("program-{version}"));
        let text = whole.to_string();
        let part = [text.as_bytes(), &(text.len() as u64).to_be_bytes(), b"HAKOBU-R"].concat();
        let foot = path.with_extension("part");
        std::fs::write(&foot, part).unwrap();
        // Written by another process: a test beside this one that starts a program would hold the file open for writing
        // for a moment, and what is open for writing cannot be started.
        let join = r#"cat "$1" "$2" > "$3" && chmod 755 "$3""#;
        let made = Command::new("sh").args(["-c", join, "join"]).arg(stripped()).args([&foot, &path]).status().unwrap();
        assert!(made.success());
        path
    }

    /// The same, as a bundle.
    pub fn bundle(&self, version: &str, part: Value) -> PathBuf {
        let program = self.program(version, part);
        let words = ["release", "pack", "--binary", program.to_str().unwrap(), "--key-file", &self.signing];
        let packed = self.home.run(&[&words[..], &["--out", "out", "--json"]].concat()).ok().json();
        std::fs::remove_file(program).unwrap();
        self.home.path(packed["bundle"].as_str().unwrap())
    }
}

/// Without what only a debugger reads, once for all stories of this run: the smaller it is the faster it is packed.
fn stripped() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let from = env!("CARGO_BIN_EXE_hakobu-rehearsal");
        let to = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("rehearsal-{}", std::process::id()));
        let done = Command::new("strip").arg("-o").arg(&to).arg(from).status().is_ok_and(|s| s.success());
        if !done {
            std::fs::copy(from, &to).unwrap();
        }
        to
    })
}
