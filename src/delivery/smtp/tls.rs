//! TLS to a relay: verified against the machine's own list of authorities, and a private one if it was given.

use super::wire::Stream;
use super::{Trouble, Waits};
use crate::delivery::Relay;
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// One per run: reading the machine's authorities takes milliseconds, and its connections share tickets.
#[derive(Clone)]
pub(in crate::delivery) struct Trust(Option<Arc<ClientConfig>>);

impl Trust {
    pub(in crate::delivery) fn for_relay(relay: &Relay) -> Result<Trust, Trouble> {
        if relay.tls == crate::base::smtp::Tls::Plain {
            return Ok(Trust(None));
        }
        Trust::of_machine(relay.extra_ca.as_deref())
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
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|_| bad_authority())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Trust(Some(Arc::new(config))))
    }

    pub(in crate::delivery) async fn protect(
        &self,
        stream: Box<dyn Stream>,
        host: &str,
        waits: &Waits,
    ) -> Result<Box<dyn Stream>, Trouble> {
        let config = self.0.clone().ok_or_else(bad_authority)?;
        let name = crate::base::resolve::a_labels(host).unwrap_or_default();
        let name = ServerName::try_from(name).map_err(|_| bad_name(host))?;
        match timeout(waits.command, TlsConnector::from(config).connect(name, stream)).await {
            Ok(Ok(stream)) => Ok(Box::new(stream)),
            Ok(Err(e)) => Err(why(host, &e)),
            Err(_) => Err(Trouble::Later(say!("TLS の応答がありません。", "No answer while TLS was set up."))),
        }
    }
}

fn why(host: &str, e: &std::io::Error) -> Trouble {
    let told = e.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match told {
        Some(rustls::Error::InvalidCertificate(_)) => Trouble::Ours(say!(
            "中継サーバー {host} の証明書を信頼できません（{e}）。接続していません。",
            "The certificate of the relay {host} is not trusted ({e}). Nothing was sent."
        )),
        Some(_) => Trouble::Ours(say!(
            "中継サーバー {host} と TLS で話せません（{e}）。",
            "The relay {host} does not speak TLS as expected ({e})."
        )),
        None => Trouble::Later(say!("TLS の途中で切断されました。", "The connection was lost while TLS was set up.")),
    }
}

fn bad_authority() -> Trouble {
    Trouble::Ours(say!("追加の認証局の証明書を読めません。", "The extra authority's certificate cannot be read."))
}

fn bad_name(host: &str) -> Trouble {
    Trouble::Ours(say!("{host} は TLS に使える名前ではありません。", "{host} is no name that TLS can use."))
}
