//! TLS to a mail server: verified against the machine's own list of authorities, and a private one if it was given; or, to
//! hosts of receivers, with whatever certificate they show.

use super::peer::Guard;
use super::wire::Stream;
use super::{Trouble, Waits};
use crate::base::Say;
use crate::base::smtp::Tls;
use crate::delivery::Relay;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::sync::Arc;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// One per run: reading the machine's authorities takes milliseconds, and its connections share tickets.
#[derive(Clone)]
pub(in crate::delivery) struct Trust {
    verified: Option<Arc<ClientConfig>>,
    /// Takes any certificate: for hosts that are spoken to without encryption where they offer none.
    unverified: Option<Arc<ClientConfig>>,
}

impl Trust {
    pub(in crate::delivery) fn for_relay(relay: &Relay) -> Result<Trust, Trouble> {
        match relay.tls {
            Tls::Plain => Ok(Trust { verified: None, unverified: None }),
            Tls::StartTls | Tls::Implicit => Trust::of_machine(relay.extra_ca.as_deref()),
        }
    }

    /// For the hosts of receivers. A machine without authorities can still write to those who ask for none.
    pub(in crate::delivery) fn for_receivers() -> Result<Trust, Trouble> {
        let any = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|_| bad_authority())?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider())))
            .with_no_client_auth();
        let verified = Trust::of_machine(None).ok().and_then(|trust| trust.verified);
        Ok(Trust { verified, unverified: Some(Arc::new(any)) })
    }

    /// Whom this machine trusts, and one more authority if it is given.
    pub(in crate::delivery) fn of_machine(extra_ca: Option<&str>) -> Result<Trust, Trouble> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(pem) = extra_ca {
            for cert in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                cert.ok().and_then(|c| roots.add(c).ok()).ok_or_else(bad_authority)?;
            }
        }
        if roots.is_empty() {
            return Err(Trouble::Ours(say!(
                "信頼できる認証局の一覧がこの機械にありません（ca-certificates）。",
                "This machine has no list of trusted authorities (ca-certificates)."
            )));
        }
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|_| bad_authority())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Trust { verified: Some(Arc::new(config)), unverified: None })
    }

    pub(in crate::delivery) async fn protect(
        &self,
        stream: Box<dyn Stream>,
        (host, guard): (&str, Guard),
        waits: &Waits,
    ) -> Result<Box<dyn Stream>, Trouble> {
        let config = match guard {
            Guard::Opportunistic => self.unverified.clone(),
            Guard::Plain | Guard::StartTls | Guard::Implicit => self.verified.clone(),
        };
        let config = config.ok_or_else(bad_authority)?;
        let name = crate::base::resolve::a_labels(host).unwrap_or_default();
        let name = ServerName::try_from(name).map_err(|_| bad_name(host))?;
        match timeout(waits.command, TlsConnector::from(config).connect(name, stream)).await {
            Ok(Ok(stream)) => Ok(Box::new(stream)),
            Ok(Err(e)) if guard == Guard::Opportunistic => Err(Trouble::NoTls(unspoken(host, &e))),
            Ok(Err(e)) => Err(why(host, &e)),
            Err(_) => Err(Trouble::Later(say!("TLS の応答がありません。", "No answer while TLS was set up."))),
        }
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// Proves that the other side has the key of its certificate, and asks nothing else of it.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

fn unspoken(host: &str, e: &std::io::Error) -> Say {
    say!("{host} と TLS で話せません（{e}）。", "{host} does not speak TLS as expected ({e}).")
}

fn why(host: &str, e: &std::io::Error) -> Trouble {
    let told = e.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match told {
        Some(rustls::Error::InvalidCertificate(_)) => Trouble::Ours(say!(
            "{host} の証明書を信頼できません（{e}）。接続していません。",
            "The certificate of {host} is not trusted ({e}). Nothing was sent."
        )),
        Some(_) => Trouble::Ours(unspoken(host, e)),
        None => Trouble::Later(say!("TLS の途中で切断されました。", "The connection was lost while TLS was set up.")),
    }
}

fn bad_authority() -> Trouble {
    Trouble::Ours(say!("追加の認証局の証明書を読めません。", "The extra authority's certificate cannot be read."))
}

fn bad_name(host: &str) -> Trouble {
    Trouble::Ours(say!("{host} は TLS に使える名前ではありません。", "{host} is no name that TLS can use."))
}
