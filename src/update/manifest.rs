//! What a release is, signed: product, version, target, digests and sizes, how long it may be installed, and its notes.
//! Pure.

use super::keys::{KeysDocument, PRODUCT, SecretKey};
use super::plan::Refusal;
use super::signed::{Role, Signature, Signed};
use super::{Version, stamp};
use crate::base::{Error, Result, Say, Time};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

/// The SHA-256 and the length of some bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    pub sha256: String,
    pub size: u64,
}

impl Digest {
    pub(super) fn of(hash: &[u8], size: u64) -> Digest {
        Digest { sha256: HEXLOWER.encode(hash), size }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub product: String,
    pub version: Version,
    pub target: String,
    /// The program itself.
    pub program: Digest,
    /// The second half of the bundle, byte for byte: it is checked before anything unpacks it.
    pub packed: Digest,
    #[serde(with = "stamp")]
    pub made: Time,
    /// Not to be installed after this: somebody who withholds newer releases cannot do so for ever.
    #[serde(with = "stamp")]
    pub expires: Time,
    /// Once this release has proved itself, the house never goes below this version again, not even back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<Version>,
    /// The keys document that this release was signed under.
    pub keys: u64,
    pub notes: Say,
}

impl Manifest {
    pub fn sign(&self, keys: &[SecretKey]) -> Result<Vec<u8>> {
        let body = serde_json::to_vec_pretty(self).map_err(Error::bug)?;
        let signatures: Vec<Signature> = keys.iter().map(|key| key.sign(Role::Manifest, &body)).collect();
        Signed::join(&body, &signatures).map_err(Error::bug)
    }

    /// What enough of today's signing keys say. A bundle brings the document it was signed under, so a signature by
    /// anybody else is not passed over.
    pub fn open(bytes: &[u8], keys: &KeysDocument) -> Result<Manifest, Refusal> {
        let shape = || Refusal::Shape { part: "manifest.json" };
        let signed = Signed::split(bytes).ok_or_else(shape)?;
        for signature in &signed.signatures {
            let key = signature.key.clone();
            if keys.revoked.contains(&key) {
                return Err(Refusal::Revoked { key });
            }
            if keys.find(&key).is_none() {
                return Err(Refusal::Stranger { key });
            }
        }
        let signers = signed.signers(Role::Manifest, |id| keys.find(id))?;
        if signers.len() < keys.threshold {
            return Err(Refusal::Unsigned { have: signers.len(), need: keys.threshold });
        }
        let manifest: Manifest = serde_json::from_slice(signed.body).map_err(|_| shape())?;
        match manifest.keys == keys.version {
            true => Ok(manifest),
            false => Err(Refusal::OtherKeys { manifest: manifest.keys, document: keys.version }),
        }
    }

    /// `hakobu-1.4.0-x86_64-linux.tar.gz`.
    pub fn bundle_name(&self) -> String {
        bundle_name(&self.version, &self.target)
    }
}

pub fn bundle_name(version: &Version, target: &str) -> String {
    format!("{PRODUCT}-{version}-{target}.tar.gz")
}

/// The version in a bundle's name, when it is one for this target. A name proves nothing; it says what to look at.
pub fn version_in_name(name: &str, target: &str) -> Option<Version> {
    let middle = name.strip_prefix(PRODUCT)?.strip_prefix('-')?.strip_suffix(".tar.gz")?;
    Version::parse(middle.strip_suffix(target)?.strip_suffix('-')?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_bundle_says_its_version_and_target() {
        let version = Version::parse("1.4.0-rc.1").unwrap();
        let name = bundle_name(&version, "x86_64-linux");
        assert_eq!(name, "hakobu-1.4.0-rc.1-x86_64-linux.tar.gz");
        assert_eq!(version_in_name(&name, "x86_64-linux"), Some(version));
        for other in
            ["hakobu-1.4.0-aarch64-linux.tar.gz", "hakobu-x86_64-linux.tar.gz", "other-1.0.0-x86_64-linux.tar.gz"]
        {
            assert_eq!(version_in_name(other, "x86_64-linux"), None);
        }
    }
}
