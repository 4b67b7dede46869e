//! TLS: which certificate is shown, where it comes from, and how it is exchanged while connections go on. A new one
//! is looked at before it is used; when it is no good, the one in use stays.

use super::selfsigned;
use super::settings::Certificate;
use crate::base::link::Said;
use crate::base::{Error, Kind, Result, limits};
use crate::door::acme::{ALPN, Proofs};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{InconsistentKeys, ServerConfig};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// The one of our own making, in the door's folder.
const SELF_SIGNED: &str = "self-signed";

/// The certificates in use, shared by all HTTPS listeners.
#[derive(Default)]
pub struct Certificates {
    shown: RwLock<Option<Arc<CertifiedKey>>>,
    /// For an authority that checks that a name is ours.
    proofs: Arc<Proofs>,
    /// Browsers believe it, so they may be told to come back by HTTPS alone.
    believed: AtomicBool,
    files: Option<Files>,
    fault: Mutex<Option<Said>>,
}

#[derive(Debug)]
struct Files {
    chain: PathBuf,
    key: PathBuf,
    seen: Mutex<Seen>,
}

/// What tells one file from the next at the same path.
type Stamp = [(i64, i64, u64, u64); 2];

#[derive(Debug, Default)]
struct Seen {
    /// What was taken into use, or given up; no stamp where a file is missing.
    done: Option<Stamp>,
    /// What did not load at the last look.
    failed: Option<Option<Stamp>>,
}

impl Certificates {
    /// Fails when there is a certificate that cannot be used: better not to start than to start without.
    pub(crate) fn open(from: Option<&Certificate>) -> Result<Arc<Certificates>> {
        let mut ours = Certificates::default();
        match from {
            None | Some(Certificate::Later) => {}
            Some(Certificate::OfOurs { folder, seal, names, .. }) => {
                ours.shown = RwLock::new(Some(Arc::new(selfsigned::open(&folder.join(SELF_SIGNED), seal, names)?)));
            }
            Some(Certificate::Files { chain, key }) => {
                let files = Files { chain: chain.clone(), key: key.clone(), seen: Mutex::default() };
                let stamp = files.stamp();
                ours.shown = RwLock::new(Some(Arc::new(files.load()?)));
                ours.believed = AtomicBool::new(true);
                files.seen.lock().unwrap_or_else(PoisonError::into_inner).done = stamp;
                ours.files = Some(files);
            }
        }
        Ok(Arc::new(ours))
    }

    /// From now on this one is shown to new connections.
    pub fn put(&self, chain_pem: &[u8], key_pem: &[u8]) -> Result<()> {
        let new = pair(chain_pem, key_pem, &say!("証明書", "the certificate"))?;
        *self.shown.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(new));
        self.believed.store(true, Ordering::Release);
        Ok(())
    }

    /// What is shown to an authority: filled by whoever orders certificates, read by all listeners.
    pub(crate) fn proofs(&self) -> &Arc<Proofs> {
        &self.proofs
    }

    /// Why the newest files are not in use.
    pub fn fault(&self) -> Option<Said> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The first certificate in use, as it goes over the wire.
    pub fn shown(&self) -> Option<Vec<u8>> {
        let shown = self.shown.read().unwrap_or_else(PoisonError::into_inner);
        shown.as_ref().and_then(|s| s.cert.first()).map(|c| c.to_vec())
    }

    pub(crate) fn is_believed(&self) -> bool {
        self.believed.load(Ordering::Acquire)
    }

    pub(crate) fn has_files(&self) -> bool {
        self.files.is_some()
    }

    /// Takes new files into use. Two files are not exchanged in one moment, so what does not fit together is looked at
    /// once more before anybody is told.
    pub(crate) fn look(&self) -> Result<()> {
        let Some(files) = &self.files else { return Ok(()) };
        let stamp = files.stamp();
        let mut seen = files.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if stamp == seen.done {
            return Ok(());
        }
        let again = seen.failed == Some(stamp);
        match files.load() {
            Ok(new) => {
                *self.shown.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(new));
                *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = None;
                *seen = Seen { done: stamp, failed: None };
                Ok(())
            }
            Err(e) if again => {
                *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(Said::from(&e));
                *seen = Seen { done: stamp, failed: None };
                Err(e)
            }
            Err(_) => {
                seen.failed = Some(stamp);
                Ok(())
            }
        }
    }
}

impl std::fmt::Debug for Certificates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificates").field("files", &self.files).finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if hello.alpn().is_some_and(|mut all| all.any(|one| one == ALPN)) {
            return self.proofs.certificate(hello.server_name()?);
        }
        self.shown.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// TLS 1.2 and 1.3, HTTP/2 and 1.1.
pub(crate) fn config(certificates: &Arc<Certificates>) -> Result<Arc<ServerConfig>> {
    let bug = |e: rustls::Error| Error::bug(format!("TLS: {e}"));
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_protocol_versions(&[&TLS13, &TLS12]);
    let resolver = Arc::clone(certificates) as Arc<dyn ResolvesServerCert>;
    let mut config = builder.map_err(bug)?.with_no_client_auth().with_cert_resolver(resolver);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec(), ALPN.to_vec()];
    // Returning clients save a signature each; the keys change by themselves and are never written down.
    config.ticketer = aws_lc_rs::Ticketer::new().map_err(bug)?;
    Ok(Arc::new(config))
}

impl Files {
    fn stamp(&self) -> Option<Stamp> {
        let one = |path: &Path| {
            let m = std::fs::metadata(path).ok()?;
            Some((m.mtime(), m.mtime_nsec(), m.len(), m.ino()))
        };
        Some([one(&self.chain)?, one(&self.key)?])
    }

    fn load(&self) -> Result<CertifiedKey> {
        let (chain, key) = (read(&self.chain)?, read(&self.key)?);
        let at = self.chain.display().to_string();
        pair(&chain, &key, &say!("証明書 {at}", "the certificate {at}"))
    }
}

fn read(path: &Path) -> Result<zeroize::Zeroizing<Vec<u8>>> {
    use std::io::Read;
    let mut bytes = zeroize::Zeroizing::new(Vec::new());
    let read = std::fs::File::open(path).and_then(|f| f.take(limits::CERTIFICATE_MAX).read_to_end(&mut bytes));
    read.map_err(|e| {
        let at = path.display().to_string();
        Error::io(say!("{at} を読めません。", "Cannot read {at}."), e)
    })?;
    Ok(bytes)
}

/// A chain and its key, checked to belong together. `what` names it for people.
pub(crate) fn pair(chain: &[u8], key: &[u8], what: &crate::base::Say) -> Result<CertifiedKey> {
    let (ja, en) = (&what.ja, &what.en);
    let config = |says| Error::new(Kind::Config, says);
    let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(chain)
        .collect::<std::result::Result<_, _>>()
        .map_err(|e| config(say!("{ja}は PEM 形式ではありません。", "Not in PEM form: {en}.")).because(e))?;
    if certificates.is_empty() {
        return Err(config(say!("{ja}に証明書が入っていません。", "No certificate in {en}.")));
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|e| {
        config(say!("{ja}の秘密鍵を読み取れません。", "Cannot read the private key of {en}."))
            .because(e)
            .hint(say!("暗号化されていない PEM 形式の鍵が必要です。", "It must be a PEM file without a passphrase."))
    })?;
    CertifiedKey::from_der(certificates, key, &aws_lc_rs::default_provider()).map_err(|e| match e {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => config(say!(
            "{ja}と秘密鍵が組になっていません。",
            "The private key does not belong to {en}."
        ))
        .hint(say!("同じときに発行された組を指定してください。", "Name the two files that were issued together.")),
        e => config(say!("{ja}を使えません。", "Cannot use {en}.")).because(e),
    })
}
