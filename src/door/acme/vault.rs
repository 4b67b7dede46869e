//! The account and the certificate on disk, sealed with the door's key.

use crate::base::{Error, Result, Time, files::replace_file, seal::Key};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::path::PathBuf;
use x509_parser::prelude::{FromDer, X509Certificate};

const ACCOUNT: &str = "acme-account.sealed";
const CERTIFICATE: &str = "acme-certificate.sealed";

#[derive(Clone, Serialize, Deserialize)]
pub struct Certificate {
    pub names: Vec<String>,
    /// PEM, the leaf first.
    pub chain: String,
    pub key: String,
    pub since: Time,
    pub until: Time,
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Certificate({:?})", self.names)
    }
}

impl Certificate {
    pub(super) fn read(names: &[String], chain: String, key: String) -> Result<Certificate> {
        let unreadable = || {
            Error::refused(say!(
                "認証局から届いた証明書を読めません。",
                "The certificate that the authority sent cannot be read."
            ))
        };
        let leaf = CertificateDer::from_pem_slice(chain.as_bytes()).map_err(|e| unreadable().because(e))?;
        let (_, leaf) = X509Certificate::from_der(&leaf).map_err(|e| unreadable().because(e))?;
        let (since, until) = (leaf.validity().not_before.timestamp(), leaf.validity().not_after.timestamp());
        Ok(Certificate { names: names.to_vec(), chain, key, since: Time(since * 1_000), until: Time(until * 1_000) })
    }

    pub(super) fn is_for(&self, names: &[String]) -> bool {
        names.iter().all(|n| self.names.contains(n))
    }
}

pub(super) struct Vault {
    folder: PathBuf,
    key: Key,
}

impl Vault {
    pub(super) fn new(folder: PathBuf, door_key: &Key) -> Vault {
        Vault { folder, key: door_key.derive("acme") }
    }

    pub(super) fn certificate(&self) -> Result<Option<Certificate>> {
        self.read(CERTIFICATE)
    }

    pub(super) fn keep_certificate(&self, certificate: &Certificate) -> Result<()> {
        self.write(CERTIFICATE, certificate)
    }

    /// An account is good for the directory that it was made at.
    pub(super) fn account(&self, directory: &str) -> Result<Option<serde_json::Value>> {
        let kept: Option<(String, serde_json::Value)> = self.read(ACCOUNT)?;
        Ok(kept.filter(|(at, _)| at == directory).map(|(_, account)| account))
    }

    pub(super) fn keep_account(&self, directory: &str, account: &impl Serialize) -> Result<()> {
        self.write(ACCOUNT, &(directory, account))
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let doing = || say!("{name} を読めません。", "Cannot read {name}.");
        let sealed = match std::fs::read(self.folder.join(name)) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(Error::io(doing(), e)),
            Ok(sealed) => sealed,
        };
        // One of another root key, or damaged: what it held can be asked for again.
        let Ok(plain) = self.key.open(name.as_bytes(), &sealed).map(zeroize::Zeroizing::new) else { return Ok(None) };
        serde_json::from_slice(&plain).map(Some).map_err(|e| Error::damaged(doing()).because(e))
    }

    fn write(&self, name: &str, value: &impl Serialize) -> Result<()> {
        let plain = serde_json::to_vec(value).map(zeroize::Zeroizing::new).map_err(Error::bug)?;
        replace_file(&self.folder.join(name), &self.key.seal(name.as_bytes(), &plain)?, 0o600)
    }
}
