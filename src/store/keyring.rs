//! The keyring: random data keys, wrapped once by the root key and once by the printed recovery code.
//!
//! `keyring.json` holds only sealed bytes. The root key comes from outside the data folder at every start; below a
//! data key everything is derived.

use super::replace_file;
use crate::base::{
    Error, Kind, Result,
    seal::{self, Key},
};
use data_encoding::{BASE32_NOPAD, BASE64};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

const FILE: &str = "keyring.json";
/// In this order in the wrapped bytes; new keys are added at the end.
const NAMES: [&str; 6] = ["books", "journal", "blobs", "tokens", "audit", "backup"];

pub struct Keyring {
    keys: Vec<Key>,
}

/// The second way in: 160 random bits, printed once, never stored.
pub struct RecoveryCode(Zeroizing<String>);

#[derive(Serialize, Deserialize)]
struct File {
    version: u32,
    id: String,
    root: String,
    recovery: String,
}

impl Keyring {
    pub(super) fn create(dir: &Path, root: &Key) -> Result<RecoveryCode> {
        let path = dir.join(FILE);
        if path.exists() {
            return Err(Error::conflict(say!(
                "このフォルダーにはすでに鍵束があります。",
                "This folder has a keyring already."
            )));
        }
        let mut bundle = Zeroizing::new(Vec::new());
        for _ in NAMES {
            bundle.extend_from_slice(Key::random()?.bytes());
        }
        let code = RecoveryCode::make()?;
        let id = data_encoding::HEXLOWER.encode(&seal::random::<8>()?);
        let file = File {
            version: 1,
            root: BASE64.encode(&root.derive("keyring/root").seal(id.as_bytes(), &bundle)?),
            recovery: BASE64.encode(&code.key()?.seal(id.as_bytes(), &bundle)?),
            id,
        };
        let json = serde_json::to_vec_pretty(&file).map_err(Error::bug)?;
        replace_file(&path, &json, 0o600)?;
        Ok(code)
    }

    pub(super) fn open(dir: &Path, root: &Key) -> Result<Keyring> {
        let file = read(&dir.join(FILE))?;
        Keyring::unwrap_with(&file, &root.derive("keyring/root"), &file.root)
    }

    fn unwrap_with(file: &File, key: &Key, sealed: &str) -> Result<Keyring> {
        let wrong = || {
            Error::new(
                Kind::WrongKey,
                say!("鍵が違います。データには触れていません。", "This is the wrong key. The data was not touched."),
            )
            .hint(say!(
                "このデータフォルダーを作ったときの鍵ファイルを指定してください。",
                "Give the key that this data folder was made with."
            ))
        };
        let sealed = BASE64.decode(sealed.as_bytes()).map_err(|_| damaged())?;
        let bundle = Zeroizing::new(key.open(file.id.as_bytes(), &sealed).map_err(|_| wrong())?);
        let keys: Vec<Key> = bundle.chunks(seal::KEY_LEN).filter_map(Key::from_slice).collect();
        match keys.len() >= NAMES.len() {
            true => Ok(Keyring { keys }),
            false => Err(damaged()),
        }
    }

    pub(super) fn books(&self) -> Key {
        self.keys[0].clone()
    }

    pub(super) fn journal(&self) -> Key {
        self.keys[1].clone()
    }

    pub(super) fn blobs(&self) -> Key {
        self.keys[2].clone()
    }

    pub(super) fn audit(&self) -> Key {
        self.keys[4].clone()
    }

    /// A key for signed links and keyed hashes, one per purpose.
    pub fn token(&self, purpose: &str) -> Key {
        self.keys[3].derive(purpose)
    }
}

impl RecoveryCode {
    fn make() -> Result<RecoveryCode> {
        let bytes = Zeroizing::new(seal::random::<20>()?);
        Ok(RecoveryCode(Zeroizing::new(BASE32_NOPAD.encode(bytes.as_slice()))))
    }

    /// In groups of four, for paper.
    pub fn printed(&self) -> String {
        let groups: Vec<String> =
            self.0.as_bytes().chunks(4).map(|g| String::from_utf8_lossy(g).into_owned()).collect();
        groups.join("-")
    }

    /// 160 bits of chance need no slow derivation.
    fn key(&self) -> Result<Key> {
        let bytes = BASE32_NOPAD.decode(self.0.as_bytes()).map_err(|_| damaged())?;
        let mut wide = [0u8; seal::KEY_LEN];
        wide[..20].copy_from_slice(bytes.get(..20).ok_or_else(damaged)?);
        Ok(Key::new(wide).derive("keyring/recovery"))
    }
}

fn read(path: &PathBuf) -> Result<File> {
    let bytes = std::fs::read(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => Error::new(
            Kind::NotSetUp,
            say!("このフォルダーはまだ準備されていません。", "This folder is not set up yet."),
        )
        .hint(say!("先に hakobu setup を実行してください。", "Run hakobu setup first.")),
        _ => Error::io(say!("鍵束を読めません。", "Cannot read the keyring."), e),
    })?;
    serde_json::from_slice(&bytes).map_err(|e| damaged().because(e))
}

fn damaged() -> Error {
    Error::damaged(say!("鍵束 keyring.json が壊れています。", "The keyring file keyring.json is damaged."))
}
