//! What the control socket says about a house: the call, and where the socket stands. Its frames are `base::frames`.

use super::ask::Ask;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// In the data folder while a server runs: where its control socket stands.
pub const NOTE: &str = "control";

/// The first frame of a call.
#[derive(Serialize, Deserialize)]
pub struct Call {
    pub version: u32,
    pub ask: Ask,
}

pub const VERSION: u32 = 1;

/// A name short enough for a socket, however long the data folder's path is.
pub fn socket_name(data: &Path) -> String {
    let real = data.canonicalize().unwrap_or_else(|_| data.to_owned());
    let hash = Sha256::digest(real.as_os_str().as_encoded_bytes());
    format!("{}.sock", data_encoding::HEXLOWER.encode(&hash[..8]))
}

/// Where the running server said its socket is.
pub fn noted_socket(data: &Path) -> Option<PathBuf> {
    std::fs::read_to_string(data.join(NOTE)).ok().map(|t| PathBuf::from(t.trim_end()))
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
