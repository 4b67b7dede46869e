//! What is shown to an authority that comes to look: by HTTP-01 a text under a path, by TLS-ALPN-01 a certificate for a
//! handshake of its own kind.

use rustls::sign::CertifiedKey;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The protocol of TLS-ALPN-01 (RFC 8737). A connection that asked for it carries no request.
pub(crate) const ALPN: &[u8] = b"acme-tls/1";
const PATH: &str = "/.well-known/acme-challenge/";

/// Empty unless an order is under way.
#[derive(Default)]
pub(crate) struct Proofs {
    texts: Mutex<HashMap<String, String>>,
    certificates: Mutex<HashMap<String, Arc<CertifiedKey>>>,
}

impl Proofs {
    /// The answer to a GET of `path` on a plain listener.
    pub(crate) fn text(&self, path: &str) -> Option<String> {
        let token = path.strip_prefix(PATH)?;
        self.texts.lock().unwrap_or_else(PoisonError::into_inner).get(token).cloned()
    }

    /// The certificate for a handshake that asked for `ALPN`.
    pub(crate) fn certificate(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        self.certificates.lock().unwrap_or_else(PoisonError::into_inner).get(&name.to_ascii_lowercase()).cloned()
    }

    pub(crate) fn show_text(&self, token: &str, text: &str) {
        self.texts.lock().unwrap_or_else(PoisonError::into_inner).insert(token.to_owned(), text.to_owned());
    }

    pub(super) fn show_certificate(&self, name: &str, certificate: CertifiedKey) {
        let mut all = self.certificates.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(name.to_ascii_lowercase(), Arc::new(certificate));
    }

    pub(super) fn clear(&self) {
        self.texts.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.certificates.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
