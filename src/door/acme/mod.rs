//! A certificate from an ACME authority (RFC 8555), and a new one before it ends.
//!
//! Flow: `plan` says when → `order` (account, order, proof by TLS-ALPN-01 or HTTP-01, certificate; its HTTP is `client`)
//! → `vault` (account and certificate, sealed with the door's key) → whoever serves TLS gets it.
//!
//! It listens nowhere: the listeners ask `Proofs` when somebody comes to look for a proof.
//!
//! **Invariant:** a certificate that works stays in use until a better one is there; a failure is told and tried again,
//! never more often than `plan` allows.

mod client;
mod order;
mod plan;
mod proofs;
#[cfg(test)]
mod tests;
mod vault;

pub(crate) use proofs::{ALPN, Proofs};
pub use vault::Certificate;

use crate::base::{Error, Result, Time, clock, limits, seal::Key};
use plan::{Last, Next};
use std::path::PathBuf;
use std::sync::Arc;
use vault::Vault;

/// Let's Encrypt's directory, for those who say `letsencrypt`.
const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";

/// What is wanted of an authority.
#[derive(Clone, Debug)]
pub struct Authority {
    /// The URL of its directory, or `letsencrypt`.
    pub directory: String,
    pub names: Vec<String>,
    /// Where the authority writes when something is wrong.
    pub contact: Option<String>,
    /// PEM of the authority's own root where the machine does not know it (a company's own ACME server).
    pub roots: Option<PathBuf>,
    /// A listener on port 443, one on port 80: which proofs can be given.
    pub by_tls: bool,
    pub by_http: bool,
}

impl Authority {
    fn directory(&self) -> &str {
        if self.directory == "letsencrypt" { LETS_ENCRYPT } else { &self.directory }
    }
}

/// Keeps one certificate fresh for as long as it is polled.
pub(crate) struct Keeper {
    authority: Authority,
    vault: Vault,
    proofs: Arc<Proofs>,
    last: Last,
}

impl Keeper {
    pub(crate) fn new(authority: Authority, data: PathBuf, door_key: &Key, proofs: Arc<Proofs>) -> Keeper {
        Keeper { authority, vault: Vault::new(data, door_key), proofs, last: Last::default() }
    }

    /// The certificate of an earlier run, if it is for these names and has not ended.
    pub(crate) fn kept(&self, now: Time) -> Result<Option<Certificate>> {
        let kept = self.vault.certificate()?;
        Ok(kept.filter(|c| c.is_for(&self.authority.names) && c.until > now))
    }

    /// Runs until dropped; every new certificate and every failure is told. The one of an earlier run is `kept`.
    pub(crate) async fn keep(mut self, mut tell: impl FnMut(Result<Certificate>) + Send) {
        loop {
            let now = clock::now();
            // What cannot be read is told by whoever asks for it first, and is ordered anew.
            let kept = self.kept(now).ok().flatten();
            match plan::next(kept.as_ref().map(|c| (c.since, c.until)), self.last, now) {
                Next::Wait(time) => tokio::time::sleep(time.min(limits::ACME_LOOK)).await,
                Next::Order => tell(self.renew(now).await),
            }
        }
    }

    async fn renew(&mut self, now: Time) -> Result<Certificate> {
        let mut outcome = self.order(&self.authority).await;
        if outcome.is_err() && self.authority.by_tls && self.authority.by_http {
            // Somebody else may stand on port 443 of this name: the other proof goes another way.
            let by_text = Authority { by_tls: false, ..self.authority.clone() };
            outcome = self.order(&by_text).await;
        }
        let outcome = outcome.and_then(|certificate| {
            self.vault.keep_certificate(&certificate)?;
            Ok(certificate)
        });
        self.last = self.last.after(outcome.is_ok(), now);
        outcome
    }

    async fn order(&self, wanted: &Authority) -> Result<Certificate> {
        let ordering = order::obtain(wanted, &self.vault, &self.proofs);
        let outcome = tokio::time::timeout(limits::ACME_TIME, ordering).await.unwrap_or_else(|_| {
            Err(Error::later(say!("認証局からの応答が遅すぎます。", "The certificate authority takes too long.")))
        });
        self.proofs.clear();
        outcome
    }
}
