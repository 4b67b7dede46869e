//! The package's build script: lays the release's public root keys where `main.rs` includes them.
//!
//! They come from `HAKOBU_RELEASE_PUB` (a path, or the text itself), else from `packaging/release.pub`. None is
//! allowed: such a build runs, and its `update` refuses everything. What cannot be keys fails the build.

use std::path::{Path, PathBuf};
use std::{env, fs};

const VARIABLE: &str = "HAKOBU_RELEASE_PUB";
const FILE: &str = "packaging/release.pub";
const KEY: &str = "hakobu-root:";
const THRESHOLD: &str = "threshold=";

fn main() {
    println!("cargo::rerun-if-changed=packaging/build.rs");
    println!("cargo::rerun-if-env-changed={VARIABLE}");
    let text = match env::var(VARIABLE).ok().filter(|v| !v.trim().is_empty()) {
        Some(literal) if literal.contains(KEY) => literal,
        Some(path) => read(Path::new(&path)),
        None => read(Path::new(FILE)),
    };
    check(&text);
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("release.pub");
    if let Err(e) = fs::write(&out, text) {
        fail(&format!("cannot write {}: {e}", out.display()));
    }
}

fn read(path: &Path) -> String {
    println!("cargo::rerun-if-changed={}", path.display());
    fs::read_to_string(path).unwrap_or_else(|e| fail(&format!("cannot read {}: {e}", path.display())))
}

/// Words apart from comments: `threshold=N` and `hakobu-root:` with the 44 characters of 32 bytes in base64. What they
/// mean is read by `update::keys`.
fn check(text: &str) {
    let words = text.lines().flat_map(|line| line.split('#').next().unwrap_or_default().split_whitespace());
    for word in words {
        let key = word.strip_prefix(KEY).is_some_and(|k| k.len() == 44 && k.ends_with('='));
        let threshold = word.strip_prefix(THRESHOLD).is_some_and(|n| n.parse::<u32>().is_ok_and(|n| n > 0));
        if !key && !threshold {
            fail(&format!("{VARIABLE}: neither {KEY}… nor {THRESHOLD}N: {word:?}"));
        }
    }
}

fn fail(why: &str) -> ! {
    println!("cargo::error={why}");
    std::process::exit(1)
}
