//! The vendor's side: making keys, keeping them in files, packing a release, changing the keys document. It needs no
//! house, and no house ever calls it.

use super::bundle::{self, Head};
use super::keys::{KeysDocument, PRODUCT, Roots, SecretKey};
use super::manifest::{Digest, Manifest};
use super::{Version, keys::PublicKey};
use crate::base::provider::Cost;
use crate::base::{Error, Kind, Result, Say, Secret, Time, limits};
use data_encoding::BASE64;
use serde::{Deserialize, Serialize};
use std::io::{Read, Write};
use std::time::Duration;
use zeroize::{Zeroize, Zeroizing};

/// A private key in a file of its own, sealed by a passphrase where one is given.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    hakobu_release_key: KeyRole,
    id: String,
    public: PublicKey,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sealed: Option<Sealed>,
}

impl Drop for KeyFile {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    cost: Cost,
    secret: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyRole {
    /// Offline: signs keys documents alone.
    Root,
    /// Signs releases.
    Signing,
}

/// The text of a key's file.
pub fn print_key(key: &SecretKey, role: KeyRole, phrase: Option<&Secret>) -> Result<Zeroizing<String>> {
    let public = key.public().clone();
    let mut file = KeyFile { hakobu_release_key: role, id: public.id(), public, secret: None, sealed: None };
    match phrase {
        None => file.secret = Some(BASE64.encode(key.seed())),
        Some(phrase) => {
            let cost = Cost::new()?;
            let sealed = cost.stretch(phrase)?.seal(file.id.as_bytes(), key.seed())?;
            file.sealed = Some(Sealed { cost, secret: BASE64.encode(&sealed) });
        }
    }
    let text = serde_json::to_string_pretty(&file).map_err(Error::bug)?;
    Ok(Zeroizing::new(text + "\n"))
}

/// A key from the text of its file. The wrong kind of key is refused: a root never signs a release.
pub fn read_key(text: &str, role: KeyRole, phrase: Option<&Secret>) -> Result<SecretKey> {
    let file: KeyFile = serde_json::from_str(text).map_err(|e| not_a_key().because(e))?;
    if file.hakobu_release_key != role {
        return Err(Error::refused(match role {
            KeyRole::Root => say!("これはルート鍵ではありません。", "This is not a root key."),
            KeyRole::Signing => say!("これは署名鍵ではありません。", "This is not a signing key."),
        }));
    }
    let seed = match (&file.secret, &file.sealed, phrase) {
        (Some(secret), None, _) => BASE64.decode(secret.as_bytes()).map_err(|e| not_a_key().because(e))?,
        (None, Some(sealed), Some(phrase)) => {
            let bytes = BASE64.decode(sealed.secret.as_bytes()).map_err(|e| not_a_key().because(e))?;
            sealed.cost.stretch(phrase)?.open(file.id.as_bytes(), &bytes).map_err(|_| wrong_phrase())?
        }
        (None, Some(_), None) => return Err(no_phrase()),
        _ => return Err(not_a_key()),
    };
    let seed = Zeroizing::new(seed);
    let seed: [u8; 32] = seed.as_slice().try_into().map_err(|_| not_a_key())?;
    let key = SecretKey::from_seed(Zeroizing::new(seed))?;
    match *key.public() == file.public {
        true => Ok(key),
        false => Err(not_a_key()),
    }
}

fn not_a_key() -> Error {
    Error::refused(say!("リリース鍵のファイルではありません。", "This is not the file of a release key."))
}

fn no_phrase() -> Error {
    Error::new(Kind::Unanswered, say!("この鍵にはパスフレーズが必要です。", "This key needs its passphrase."))
        .hint(say!("--passphrase-file で渡してください。", "Give it with --passphrase-file."))
}

fn wrong_phrase() -> Error {
    Error::new(Kind::WrongKey, say!("鍵のパスフレーズが違います。", "The key's passphrase is wrong."))
}

/// A vendor's first keys.
pub struct NewKeys {
    pub roots: Vec<SecretKey>,
    pub signing: Vec<SecretKey>,
    /// What goes into the program.
    pub public: Roots,
    /// `keys.json`, signed by every root.
    pub document: Vec<u8>,
}

pub struct HowMany {
    pub roots: usize,
    pub root_threshold: usize,
    pub signing: usize,
    pub signing_threshold: usize,
}

pub fn new_keys(how_many: &HowMany, now: Time, lasts: Duration) -> Result<NewKeys> {
    let fits = |n: usize, of: usize| (1..=of).contains(&n) && of <= limits::RELEASE_KEYS;
    let HowMany { roots, root_threshold, signing, signing_threshold } = *how_many;
    if !fits(root_threshold, roots) || !fits(signing_threshold, signing) {
        return Err(Error::refused(say!(
            "鍵の数と必要な署名数が合いません。",
            "The numbers of keys and of needed signatures do not fit."
        )));
    }
    let make = |n| (0..n).map(|_| SecretKey::generate()).collect::<Result<Vec<_>>>();
    let (roots, signing) = (make(roots)?, make(signing)?);
    let document = KeysDocument {
        product: PRODUCT.into(),
        version: 1,
        made: now,
        expires: now.plus(lasts),
        threshold: signing_threshold,
        keys: signing.iter().map(|k| k.public().clone()).collect(),
        revoked: Vec::new(),
    };
    let public = Roots { threshold: root_threshold, keys: roots.iter().map(|k| k.public().clone()).collect() };
    Ok(NewKeys { document: document.sign(&roots)?, roots, signing, public })
}

/// What becomes of signing keys in a new keys document.
pub enum Change<'a> {
    /// Nothing: the same keys for longer.
    Renew,
    /// These, or all where none is named, make room for new ones.
    Rotate(&'a [String]),
    /// These make room for new ones, and are named as never to be believed again.
    Revoke(&'a [String]),
}

/// The next keys document, and the new signing keys that it names.
pub fn next_keys(
    document: &KeysDocument,
    change: &Change<'_>,
    now: Time,
    lasts: Duration,
) -> Result<(KeysDocument, Vec<SecretKey>)> {
    let mut next = document.clone();
    next.version += 1;
    next.made = now;
    next.expires = now.plus(lasts);
    let all: Vec<String> = document.keys.iter().map(PublicKey::id).collect();
    let out: Vec<String> = match change {
        Change::Renew => Vec::new(),
        Change::Rotate([]) => all.clone(),
        Change::Rotate(ids) | Change::Revoke(ids) => ids.to_vec(),
    };
    if let Some(stranger) = out.iter().find(|id| !all.contains(id)) {
        return Err(Error::missing(say!(
            "鍵文書に {stranger} という鍵はありません。",
            "The keys document has no key {stranger}."
        )));
    }
    let new = out.iter().map(|_| SecretKey::generate()).collect::<Result<Vec<_>>>()?;
    next.keys.retain(|k| !out.contains(&k.id()));
    next.keys.extend(new.iter().map(|k| k.public().clone()));
    if let Change::Revoke(ids) = change {
        next.revoked.extend_from_slice(ids);
    }
    Ok((next, new))
}

/// What a release is to say of itself.
pub struct Order {
    pub version: Version,
    pub target: String,
    pub minimum: Option<Version>,
    pub lasts: Duration,
    pub notes: Say,
}

/// A packed release: the bundle is the head and then the body, which has been written already.
pub struct Packed {
    pub manifest: Manifest,
    /// The signed manifest by itself.
    pub document: Vec<u8>,
    pub head: Vec<u8>,
}

/// Packs a program into `body`, and signs what it is. What a house would refuse is refused here.
pub fn pack(
    order: Order,
    now: Time,
    (signing, keys): (&[SecretKey], &[u8]),
    (program, size): (&mut dyn Read, u64),
    body: &mut dyn Write,
) -> Result<Packed> {
    let today = KeysDocument::unverified(keys).ok_or(super::plan::Refusal::Shape { part: "keys.json" })?;
    if today.expires <= now {
        return Err(super::plan::Refusal::KeysExpired { at: today.expires }.into());
    }
    if size > limits::PROGRAM_MAX {
        return Err(super::plan::Refusal::TooLarge { size }.into());
    }
    let (program, packed): (Digest, Digest) = bundle::pack(program, size, body)
        .map_err(|e| Error::io(say!("リリースを作れません。", "Cannot pack the release."), e))?;
    let manifest = Manifest {
        product: PRODUCT.into(),
        version: order.version,
        target: order.target,
        program,
        packed,
        made: now,
        expires: now.plus(order.lasts).min(today.expires),
        minimum: order.minimum,
        keys: today.version,
        notes: order.notes,
    };
    let document = manifest.sign(signing)?;
    Manifest::open(&document, &today)?;
    let head = Head::write(keys, &document);
    Head::read(&head)?;
    Ok(Packed { manifest, document, head })
}
