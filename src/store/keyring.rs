//! The keyring: random data keys, wrapped by the root key and by the printed recovery code.
//!
//! `keyring.json` holds only sealed bytes and when they were made. The root key comes from outside the data folder at
//! every start; below a data key everything is derived. A new root key is added beside the old one and the old one is
//! retired after it: a stop between the two leaves a keyring that both open. No data is rewritten.
//!
//! **Invariant:** which wrap a root key opens is looked up by the key's id, never tried.

use crate::base::{
    Error, Kind, Result, Time, files,
    provider::Provider,
    seal::{self, Key},
};
use data_encoding::{BASE32_NOPAD, BASE64, HEXLOWER};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

pub(super) const FILE: &str = "keyring.json";
/// The keyring of a house whose making has not ended.
pub(super) const MAKING: &str = "keyring.making";
/// In this order in the wrapped bytes; new keys are added at the end.
const NAMES: [&str; 6] = ["books", "journal", "blobs", "tokens", "audit", "backup"];

pub struct Keyring {
    path: PathBuf,
    keys: Vec<Key>,
}

/// The second way in: 160 random bits, printed once, never stored.
pub struct RecoveryCode(Zeroizing<String>);

#[derive(Clone, Serialize, Deserialize)]
struct File {
    version: u32,
    id: String,
    made: Time,
    roots: Vec<Wrap>,
    recovery: Wrap,
    /// When somebody typed the recovery code in to show that it was kept.
    recovery_confirmed: Option<Time>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Wrap {
    id: String,
    since: Time,
    sealed: String,
}

/// What may be told about the keys. No key bytes.
#[derive(Clone, Debug, Serialize)]
pub struct KeyStatus {
    pub provider: &'static str,
    /// Permissions of the key file (`0600`), for the provider *file*.
    pub mode: Option<String>,
    pub keyring: String,
    pub made: Time,
    pub root: Vec<WrapStatus>,
    pub recovery: WrapStatus,
    pub recovery_confirmed: Option<Time>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WrapStatus {
    pub id: String,
    pub since: Time,
}

impl Keyring {
    /// Makes the data keys and keeps them under the name of a house in the making; `finish` makes it a house.
    pub(super) fn make(dir: &Path, root: &Key) -> Result<(Keyring, RecoveryCode)> {
        let keys = NAMES.iter().map(|_| Key::random()).collect::<Result<Vec<Key>>>()?;
        let keyring = Keyring { path: dir.join(FILE), keys };
        let code = RecoveryCode::make()?;
        let (id, made) = (HEXLOWER.encode(&seal::random::<8>()?), changed(dir));
        let file = File {
            version: 1,
            made,
            roots: vec![keyring.wrap(&id, &root_wrapper(root), root_id(root), made)?],
            recovery: keyring.wrap(&id, &code.key()?, code.id()?, made)?,
            recovery_confirmed: None,
            id,
        };
        file.write(&dir.join(MAKING))?;
        Ok((keyring, code))
    }

    pub(super) fn finish(&self) -> Result<()> {
        let dir = self.path.parent().unwrap_or(Path::new("."));
        let rename = || std::fs::rename(dir.join(MAKING), &self.path).and_then(|()| files::sync_dir(dir));
        rename().map_err(|e| Error::io(say!("鍵束を作れません。", "Cannot make the keyring."), e))
    }

    pub(super) fn open(dir: &Path, root: &Key) -> Result<Keyring> {
        let path = dir.join(FILE);
        let file = File::read(&path)?;
        let id = root_id(root);
        let wrap = file.roots.iter().find(|w| w.id == id).ok_or_else(wrong_key)?;
        Ok(Keyring { keys: unwrap(&file.id, &root_wrapper(root), wrap)?, path })
    }

    /// With the printed code instead of the root key.
    pub(super) fn open_with_code(dir: &Path, code: &RecoveryCode) -> Result<Keyring> {
        let path = dir.join(FILE);
        let file = File::read(&path)?;
        Ok(Keyring { keys: code.unwrap(&file)?, path })
    }

    /// Lets `root` open this keyring too. The old root key still does, until `retire_roots`.
    pub fn rewrap_root(&self, root: &Key, now: Time) -> Result<()> {
        let mut file = File::read(&self.path)?;
        let id = root_id(root);
        file.roots.retain(|w| w.id != id);
        file.roots.push(self.wrap(&file.id, &root_wrapper(root), id, now)?);
        file.write(&self.path)
    }

    /// From now on `keep` alone opens this keyring (and the recovery code).
    pub fn retire_roots(&self, keep: &Key) -> Result<()> {
        let mut file = File::read(&self.path)?;
        let id = root_id(keep);
        file.roots.retain(|w| w.id == id);
        match file.roots.is_empty() {
            true => Err(wrong_key()),
            false => file.write(&self.path),
        }
    }

    /// Lets `root` alone open the keyring in a copy of the house: whoever works on a copy is never handed the key of the
    /// house itself.
    pub fn lend(&self, copy: &Path, root: &Key, now: Time) -> Result<()> {
        let of_copy = Keyring { path: copy.join(FILE), keys: self.keys.clone() };
        of_copy.rewrap_root(root, now)?;
        of_copy.retire_roots(root)
    }

    /// Somebody typed the code in: keeps that it was seen, or refuses one that is not this keyring's.
    pub fn check_recovery(&self, code: &RecoveryCode, now: Time) -> Result<()> {
        let mut file = File::read(&self.path)?;
        code.unwrap(&file)?;
        file.recovery_confirmed = Some(now);
        file.write(&self.path)
    }

    /// A new code to print; the one before opens nothing any more.
    pub fn renew_recovery(&self, now: Time) -> Result<RecoveryCode> {
        let mut file = File::read(&self.path)?;
        let code = RecoveryCode::make()?;
        file.recovery = self.wrap(&file.id, &code.key()?, code.id()?, now)?;
        file.recovery_confirmed = None;
        file.write(&self.path)?;
        Ok(code)
    }

    /// Needs no key.
    pub fn status(dir: &Path, provider: &Provider) -> Result<KeyStatus> {
        let file = File::read(&dir.join(FILE))?;
        let about = |w: &Wrap| WrapStatus { id: w.id.clone(), since: w.since };
        Ok(KeyStatus {
            provider: provider.name(),
            mode: provider.mode().map(|m| format!("{m:04o}")),
            root: file.roots.iter().map(about).collect(),
            recovery: about(&file.recovery),
            keyring: file.id,
            made: file.made,
            recovery_confirmed: file.recovery_confirmed,
        })
    }

    fn wrap(&self, keyring: &str, by: &Key, id: String, since: Time) -> Result<Wrap> {
        let mut bundle = Zeroizing::new(Vec::with_capacity(self.keys.len() * seal::KEY_LEN));
        self.keys.iter().for_each(|key| bundle.extend_from_slice(key.bytes()));
        let sealed = BASE64.encode(&by.seal(&place(keyring, &id), &bundle)?);
        Ok(Wrap { id, since, sealed })
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
    const BYTES: usize = 20;

    fn make() -> Result<RecoveryCode> {
        let bytes = Zeroizing::new(seal::random::<{ RecoveryCode::BYTES }>()?);
        Ok(RecoveryCode(Zeroizing::new(BASE32_NOPAD.encode(bytes.as_slice()))))
    }

    /// As typed from paper: any case, with or without dashes, and 0, 1 and 8 for the letters they look like.
    pub fn parse(text: &str) -> Result<RecoveryCode> {
        let letter = |c: char| match c.to_ascii_uppercase() {
            '0' => 'O',
            '1' => 'I',
            '8' => 'B',
            other => other,
        };
        let typed = text.chars().filter(|c| !c.is_whitespace() && *c != '-').map(letter);
        let code = RecoveryCode(Zeroizing::new(typed.collect()));
        code.key().map(|_| code)
    }

    /// In groups of four, for paper.
    pub fn printed(&self) -> String {
        let groups: Vec<String> =
            self.0.as_bytes().chunks(4).map(|g| String::from_utf8_lossy(g).into_owned()).collect();
        groups.join("-")
    }

    /// 160 bits of chance need no slow derivation.
    fn key(&self) -> Result<Key> {
        let bytes = BASE32_NOPAD.decode(self.0.as_bytes()).map(Zeroizing::new).ok();
        let bytes = bytes.filter(|b| b.len() == RecoveryCode::BYTES).ok_or_else(|| {
            Error::refused(say!("復旧コードの形が正しくありません。", "This is not a recovery code."))
                .hint(say!("4 文字ずつ 8 組、合わせて 32 文字です。", "It has 32 characters, in eight groups of four."))
        })?;
        let mut wide = Zeroizing::new([0u8; seal::KEY_LEN]);
        wide[..RecoveryCode::BYTES].copy_from_slice(&bytes);
        Ok(Key::new(*wide).derive("keyring/recovery"))
    }

    fn id(&self) -> Result<String> {
        Ok(id_of(&self.key()?))
    }

    fn unwrap(&self, file: &File) -> Result<Vec<Key>> {
        match file.recovery.id == self.id()? {
            true => unwrap(&file.id, &self.key()?, &file.recovery),
            false => Err(Error::new(
                Kind::WrongKey,
                say!("復旧コードが違います。", "This is not the recovery code of this house."),
            )
            .hint(say!(
                "印刷した紙を確かめて、もう一度入力してください。",
                "Check the printed sheet and type it again."
            ))),
        }
    }
}

impl File {
    fn read(path: &Path) -> Result<File> {
        let bytes = std::fs::read(path).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => Error::new(
                Kind::NotSetUp,
                say!("このフォルダーはまだ準備されていません。", "This folder is not set up yet."),
            )
            .hint(say!("先に hakobu setup を実行してください。", "Run hakobu setup first.")),
            _ => Error::io(say!("鍵束を読めません。", "Cannot read the keyring."), e),
        })?;
        let file: File = serde_json::from_slice(&bytes).map_err(|e| damaged().because(e))?;
        match file.version {
            1 => Ok(file),
            _ => Err(damaged()),
        }
    }

    fn write(&self, path: &Path) -> Result<()> {
        files::replace_file(path, &serde_json::to_vec_pretty(self).map_err(Error::bug)?, 0o600)
    }
}

fn unwrap(keyring: &str, by: &Key, wrap: &Wrap) -> Result<Vec<Key>> {
    let sealed = BASE64.decode(wrap.sealed.as_bytes()).map_err(|e| damaged().because(e))?;
    // The id says that the key is the right one, so bytes that do not open are damaged.
    let bundle = by.open(&place(keyring, &wrap.id), &sealed).map(Zeroizing::new).map_err(|e| damaged().because(e))?;
    let keys: Vec<Key> = bundle.chunks(seal::KEY_LEN).filter_map(Key::from_slice).collect();
    match keys.len() >= NAMES.len() {
        true => Ok(keys),
        false => Err(damaged()),
    }
}

fn place(keyring: &str, wrap: &str) -> Vec<u8> {
    format!("keyring|{keyring}|{wrap}").into_bytes()
}

fn root_wrapper(root: &Key) -> Key {
    root.derive("keyring/root")
}

fn root_id(root: &Key) -> String {
    id_of(&root_wrapper(root))
}

fn id_of(key: &Key) -> String {
    HEXLOWER.encode(&key.derive("keyring/id").bytes()[..8])
}

/// When the folder was changed last, by its own clock: a house is made when its folder is.
fn changed(dir: &Path) -> Time {
    let since = |t: std::time::SystemTime| t.duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_millis();
    let ms = std::fs::metadata(dir).and_then(|m| m.modified()).map_or(0, since);
    Time(i64::try_from(ms).unwrap_or(0))
}

fn wrong_key() -> Error {
    Error::new(
        Kind::WrongKey,
        say!("鍵が違います。データには触れていません。", "This is the wrong key. The data was not touched."),
    )
    .hint(say!(
        "このデータフォルダーを作ったときの鍵を指定してください。",
        "Give the key that this data folder was made with."
    ))
}

fn damaged() -> Error {
    Error::damaged(say!(
        "鍵束 keyring.json が壊れています。上書きはしていません。",
        "The keyring file keyring.json is damaged. Nothing was overwritten."
    ))
    .hint(say!("バックアップから keyring.json を戻してください。", "Put keyring.json back from a backup."))
}
