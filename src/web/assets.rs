//! Style sheet, script and pictures: inside the binary, served under a name that holds their hash, kept for ever.

use super::answer::Answer;
use super::visit::Visit;
use crate::base::{Error, Result};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

struct Asset {
    name: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
    hash: String,
}

fn asset(name: &'static str, kind: &'static str, bytes: &'static [u8]) -> Asset {
    Asset { name, kind, bytes, hash: HEXLOWER.encode(&Sha256::digest(bytes)[..6]) }
}

static ALL: LazyLock<[Asset; 4]> = LazyLock::new(|| {
    [
        asset("style.css", "text/css; charset=utf-8", include_bytes!("../../assets/style.css")),
        asset("hakobu.js", "text/javascript; charset=utf-8", include_bytes!("../../assets/hakobu.js")),
        asset("logo.svg", "image/svg+xml", include_bytes!("../../assets/logo.svg")),
        asset("empty.svg", "image/svg+xml", include_bytes!("../../assets/empty.svg")),
    ]
});

/// `/assets/HASH/style.css`.
pub(crate) fn url(name: &str) -> String {
    match ALL.iter().find(|a| a.name == name) {
        Some(a) => format!("/assets/{}/{}", a.hash, a.name),
        None => format!("/assets/none/{name}"),
    }
}

pub(crate) fn serve(v: &mut Visit<'_>) -> Result<Answer> {
    find(v.part("hash"), v.part("name"))
}

pub(crate) fn find(hash: &str, name: &str) -> Result<Answer> {
    let found = ALL.iter().find(|a| a.name == name && a.hash == hash);
    let asset = found.ok_or_else(|| Error::missing(say!("このファイルはありません。", "There is no such file.")))?;
    Ok(Answer::bytes(asset.kind, asset.bytes.to_vec()).header("Cache-Control", "public, max-age=31536000, immutable"))
}

/// Browsers ask for it unasked.
pub(crate) fn favicon(_: &mut Visit<'_>) -> Result<Answer> {
    Ok(Answer::see(&url("logo.svg")).header("Cache-Control", "public, max-age=86400"))
}
