//! Where the root key comes from. The key file holds 32 bytes in base64 on one line.

use super::boot::KeyFrom;
use crate::base::{Error, Result, seal::Key};
use data_encoding::BASE64;
use std::path::Path;
use zeroize::Zeroizing;

pub(super) fn root(from: &KeyFrom, data: &Path) -> Result<Key> {
    match from {
        KeyFrom::File(path) => {
            refuse_inside(path, data)?;
            read_file(path)
        }
        KeyFrom::Passphrase | KeyFrom::Credential(_) | KeyFrom::Command(_) => {
            Err(Error::bug("this key provider is not built yet"))
        }
    }
}

/// The data folder never holds the key that opens it.
pub(super) fn refuse_inside(path: &Path, data: &Path) -> Result<()> {
    let real = |p: &Path| p.canonicalize().or_else(|_| std::path::absolute(p)).unwrap_or_else(|_| p.to_owned());
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match real(path).starts_with(real(data)) || real(parent).starts_with(real(data)) {
        false => Ok(()),
        true => Err(Error::new(
            crate::base::Kind::Config,
            say!(
                "鍵ファイルをデータフォルダーの中に置くことはできません。",
                "The key file may not stand inside the data folder."
            ),
        )
        .hint(say!(
            "鍵は別の場所（例: /etc/hakobu/root.key）に置き、バックアップも分けてください。",
            "Keep the key elsewhere (for example /etc/hakobu/root.key), and back it up separately."
        ))),
    }
}

fn read_file(path: &Path) -> Result<Key> {
    let at = path.display().to_string();
    let text = std::fs::read(path)
        .map(Zeroizing::new)
        .map_err(|e| Error::io(say!("鍵ファイル {at} を読めません。", "Cannot read the key file {at}."), e))?;
    let bytes = BASE64.decode(text.trim_ascii()).map(Zeroizing::new).ok();
    bytes.and_then(|b| Key::from_slice(&b)).ok_or_else(|| {
        Error::new(crate::base::Kind::WrongKey, say!("{at} は鍵ファイルではありません。", "{at} is not a key file."))
    })
}
