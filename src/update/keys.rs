//! Who may sign: root keys, the keys document they sign, and the signing keys that it names. Pure but for chance.
//!
//! Roots never sign a release. Their public halves are built into every program; with `threshold` of them a keys
//! document names the signing keys of today, how many of them a release needs, and which are revoked.

use super::plan::Refusal;
use super::signed::{Role, Signature, Signed};
use super::stamp;
use crate::base::{Error, Result, Time, seal};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use data_encoding::{BASE64, HEXLOWER};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

pub const PRODUCT: &str = "hakobu";
const ROOT: &str = "hakobu-root:";
const THRESHOLD: &str = "threshold=";

/// An Ed25519 public key; its id is the beginning of its hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    pub fn id(&self) -> String {
        HEXLOWER.encode(&Sha256::digest(self.0)[..8])
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0).verify(message, signature).is_ok()
    }
}

impl TryFrom<String> for PublicKey {
    type Error = &'static str;

    fn try_from(text: String) -> std::result::Result<PublicKey, &'static str> {
        let bytes = BASE64.decode(text.as_bytes()).ok().and_then(|b| b.try_into().ok());
        bytes.map(PublicKey).ok_or("not an Ed25519 public key in base64")
    }
}

impl From<PublicKey> for String {
    fn from(key: PublicKey) -> String {
        BASE64.encode(&key.0)
    }
}

/// A private half. Only the vendor's machine ever holds one.
pub struct SecretKey {
    seed: Zeroizing<[u8; 32]>,
    pair: Ed25519KeyPair,
    public: PublicKey,
}

impl SecretKey {
    pub fn generate() -> Result<SecretKey> {
        SecretKey::from_seed(Zeroizing::new(seal::random::<32>()?))
    }

    pub(super) fn from_seed(seed: Zeroizing<[u8; 32]>) -> Result<SecretKey> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_slice()).map_err(|e| Error::bug(e.to_string()))?;
        let public = pair.public_key().as_ref().try_into().map(PublicKey).map_err(Error::bug)?;
        Ok(SecretKey { seed, pair, public })
    }

    pub(super) fn seed(&self) -> &[u8; 32] {
        &self.seed
    }

    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    pub(super) fn sign(&self, role: Role, body: &[u8]) -> Signature {
        let signature = self.pair.sign(&role.message(body));
        Signature { key: self.public.id(), signature: BASE64.encode(signature.as_ref()) }
    }
}

/// The roots that a program was built with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roots {
    pub threshold: usize,
    pub keys: Vec<PublicKey>,
}

impl Roots {
    /// Words apart from `#` comments: `hakobu-root:BASE64`, and `threshold=N` (1 if it is not there). No key at all is
    /// fine: then nothing is ever accepted.
    pub fn parse(text: &str) -> Result<Roots> {
        let wrong = || Error::refused(say!("ルート公開鍵を読み取れません。", "The root keys cannot be read."));
        let mut roots = Roots { threshold: 1, keys: Vec::new() };
        for word in text.lines().flat_map(|line| line.split('#').next().unwrap_or_default().split_whitespace()) {
            if let Some(key) = word.strip_prefix(ROOT) {
                let key = PublicKey::try_from(key.to_owned()).map_err(|_| wrong())?;
                if roots.keys.contains(&key) {
                    return Err(wrong());
                }
                roots.keys.push(key);
            } else {
                let n = word.strip_prefix(THRESHOLD).and_then(|n| n.parse().ok()).filter(|n| *n > 0);
                roots.threshold = n.ok_or_else(wrong)?;
            }
        }
        match roots.keys.is_empty() || roots.threshold <= roots.keys.len() {
            true => Ok(roots),
            false => Err(wrong()),
        }
    }

    /// What `parse` reads: the file `release.pub`.
    pub fn print(&self) -> String {
        let keys: String = self.keys.iter().map(|k| format!("{ROOT}{}\n", String::from(k.clone()))).collect();
        format!(
            "# Public halves of the offline root keys; releases are signed under them. See docs/releases.md.\n{THRESHOLD}{}\n{keys}",
            self.threshold
        )
    }

    fn find(&self, id: &str) -> Option<&PublicKey> {
        self.keys.iter().find(|k| k.id() == id)
    }
}

/// Signed by the roots: who signs releases today.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeysDocument {
    pub product: String,
    /// Counts up. A house never goes back to a lower one than it has seen.
    pub version: u64,
    #[serde(with = "stamp")]
    pub made: Time,
    #[serde(with = "stamp")]
    pub expires: Time,
    /// So many of `keys` must sign a release.
    pub threshold: usize,
    pub keys: Vec<PublicKey>,
    /// Ids of keys that signed once and never will again.
    pub revoked: Vec<String>,
}

impl KeysDocument {
    /// Signs it anew: the signatures of the document before are of no use.
    pub fn sign(&self, roots: &[SecretKey]) -> Result<Vec<u8>> {
        let body = serde_json::to_vec_pretty(self).map_err(Error::bug)?;
        let signatures: Vec<Signature> = roots.iter().map(|root| root.sign(Role::Keys, &body)).collect();
        Signed::join(&body, &signatures).map_err(Error::bug)
    }

    /// Whatever the roots say, and nothing else. A signature by a root that this program does not know is passed over:
    /// that is how roots change.
    pub fn open(bytes: &[u8], roots: &Roots) -> Result<KeysDocument, Refusal> {
        if roots.keys.is_empty() {
            return Err(Refusal::NoRoots);
        }
        let signed = Signed::split(bytes).ok_or(Refusal::Shape { part: "keys.json" })?;
        let signers = signed.signers(Role::Keys, |id| roots.find(id))?;
        if signers.len() < roots.threshold {
            return Err(Refusal::KeysUnsigned { have: signers.len(), need: roots.threshold });
        }
        let document: KeysDocument =
            serde_json::from_slice(signed.body).map_err(|_| Refusal::Shape { part: "keys.json" })?;
        match document.is_sound() {
            true => Ok(document),
            false => Err(Refusal::Shape { part: "keys.json" }),
        }
    }

    /// What it says without asking who says it: for the vendor's own tools, which are about to sign it anew.
    pub fn unverified(bytes: &[u8]) -> Option<KeysDocument> {
        serde_json::from_slice(Signed::split(bytes)?.body).ok()
    }

    pub fn find(&self, id: &str) -> Option<&PublicKey> {
        self.keys.iter().find(|k| k.id() == id)
    }

    fn is_sound(&self) -> bool {
        let ids: std::collections::BTreeSet<String> = self.keys.iter().map(PublicKey::id).collect();
        self.product == PRODUCT
            && (1..=self.keys.len()).contains(&self.threshold)
            && ids.len() == self.keys.len()
            && !self.revoked.iter().any(|id| ids.contains(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u8) -> SecretKey {
        SecretKey::from_seed(Zeroizing::new([n; 32])).unwrap()
    }

    fn roots(threshold: usize, keys: &[u8]) -> Roots {
        Roots { threshold, keys: keys.iter().map(|n| key(*n).public().clone()).collect() }
    }

    fn document() -> KeysDocument {
        KeysDocument {
            product: PRODUCT.into(),
            version: 3,
            made: Time(1_000),
            expires: Time(9_000),
            threshold: 1,
            keys: vec![key(10).public().clone(), key(11).public().clone()],
            revoked: vec![key(12).public().id()],
        }
    }

    #[test]
    fn a_keys_document_opens_under_enough_roots_and_under_no_less() {
        let signed = |with: &[u8]| document().sign(&with.iter().map(|n| key(*n)).collect::<Vec<_>>()).unwrap();
        for (with, threshold, known, opens) in [
            (&[1][..], 1, &[1][..], true),
            (&[1], 1, &[1, 2, 3], true),
            (&[1], 2, &[1, 2, 3], false),
            (&[1, 3], 2, &[1, 2, 3], true),
            (&[1, 4], 2, &[1, 2, 3], false),
            (&[4, 1], 1, &[1], true),
            (&[4], 1, &[1], false),
            (&[1, 1], 2, &[1, 2], false),
            (&[1], 1, &[], false),
        ] {
            let opened = KeysDocument::open(&signed(with), &roots(threshold, known));
            assert_eq!(opened.is_ok(), opens, "{with:?} of {known:?}, {threshold} needed: {opened:?}");
        }
    }

    #[test]
    fn a_document_that_contradicts_itself_is_refused_though_it_is_signed() {
        let bad: [fn(&mut KeysDocument); 6] = [
            |d| d.product = "other".into(),
            |d| d.threshold = 0,
            |d| d.threshold = 3,
            |d| d.keys.clear(),
            |d| d.keys.push(d.keys[0].clone()),
            |d| d.revoked.push(d.keys[0].id()),
        ];
        for change in bad {
            let mut document = document();
            change(&mut document);
            let opened = KeysDocument::open(&document.sign(&[key(1)]).unwrap(), &roots(1, &[1]));
            assert_eq!(opened, Err(Refusal::Shape { part: "keys.json" }));
        }
    }

    #[test]
    fn a_signature_in_one_role_is_none_in_the_other() {
        let body = serde_json::to_vec(&document()).unwrap();
        let whole = Signed::join(&body, &[key(1).sign(Role::Manifest, &body)]).unwrap();
        let id = key(1).public().id();
        assert_eq!(KeysDocument::open(&whole, &roots(1, &[1])), Err(Refusal::FalseSignature { key: id }));
    }

    #[test]
    fn the_roots_are_read_back_and_may_stand_on_one_line() {
        let two = roots(2, &[1, 2, 3]);
        assert_eq!(Roots::parse(&two.print()).unwrap(), two);
        let line = two.print().lines().skip(1).collect::<Vec<_>>().join(" ");
        assert_eq!(Roots::parse(&line).unwrap(), two);
        assert!(Roots::parse("# nothing\n").unwrap().keys.is_empty());
        for bad in ["threshold=0", "hakobu-root:AAAA", "key", &two.print().replace("=2", "=4"), &two.print().repeat(2)]
        {
            assert!(Roots::parse(bad).is_err(), "{bad}");
        }
    }
}
