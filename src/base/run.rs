//! The run folder: where sockets stand while something runs, and how a command finds the one it looks for.

use crate::base::{Error, Result};
use sha2::{Digest, Sha256};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

/// In the data folder while a server runs: where its control socket stands.
pub const NOTE: &str = "control";
/// In the data folder of a house that is set up: its boot settings.
pub const SETTINGS: &str = "hakobu.toml";

/// A folder of ours alone: the session's, the system's, or one in /tmp that nobody else can have put there.
pub fn folder() -> Result<PathBuf> {
    let uid = rustix::process::geteuid();
    let session = std::env::var_os("RUNTIME_DIRECTORY").or_else(|| std::env::var_os("XDG_RUNTIME_DIR"));
    let mut wishes: Vec<PathBuf> = session.map(|d| PathBuf::from(d).join("hakobu")).into_iter().collect();
    wishes.push("/run/hakobu".into());
    wishes.push(format!("/tmp/hakobu-{}", uid.as_raw()).into());
    let fits = |dir: &PathBuf| {
        // `fits` looks at what stands there afterwards, so a failure to make it needs no answer here.
        std::fs::DirBuilder::new().mode(0o700).create(dir).ok();
        let owned = std::fs::symlink_metadata(dir)
            .is_ok_and(|m| m.is_dir() && m.uid() == uid.as_raw() && m.mode() & 0o077 == 0);
        owned && dir.as_os_str().len() < 80
    };
    wishes.into_iter().find(fits).ok_or_else(|| {
        Error::denied(say!("実行時フォルダーを作れません。", "There is no place for the run folder."))
            .hint(say!("XDG_RUNTIME_DIR を設定してください。", "Set XDG_RUNTIME_DIR."))
    })
}

/// What names of a house's sockets start with: short, however long the data folder's path is.
pub fn mark(data: &Path) -> String {
    let real = data.canonicalize().unwrap_or_else(|_| data.to_owned());
    let hash = Sha256::digest(real.as_os_str().as_encoded_bytes());
    data_encoding::HEXLOWER.encode(&hash[..8])
}

/// Where the running server said its socket is.
pub fn noted_socket(data: &Path) -> Option<PathBuf> {
    std::fs::read_to_string(data.join(NOTE)).ok().map(|t| PathBuf::from(t.trim_end()))
}

/// Where a worker takes mail: beside where it answers pages.
pub fn mail_beside(pages: &Path) -> PathBuf {
    pages.with_extension("m")
}

/// The name of an account at this machine. `/etc/passwd` is read directly: a static binary has no name service.
pub fn account(uid: u32) -> String {
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let found = passwd.lines().find_map(|line| {
        let mut parts = line.split(':');
        let (name, _, id) = (parts.next()?, parts.next()?, parts.next()?);
        (id == uid.to_string()).then(|| name.to_owned())
    });
    found.unwrap_or_else(|| uid.to_string())
}
