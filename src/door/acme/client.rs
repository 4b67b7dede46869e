//! The HTTP with which an authority is asked: one connection a request, names resolved without the C library, TLS
//! verified against the machine's authorities and the one that was named.

use crate::base::{Error, Result, limits, resolve};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Request, Response, Uri, header};
use hyper_util::rt::TokioIo;
use instant_acme::{BodyWrapper, BytesResponse, HttpClient};
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, RootCertStore};
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

type Failure = Box<dyn std::error::Error + Send + Sync>;

pub(super) struct Client {
    tls: Arc<ClientConfig>,
}

impl Client {
    pub(super) fn new(roots: Option<&Path>) -> Result<Client> {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(path) = roots {
            let read =
                CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<std::result::Result<Vec<_>, _>>);
            store.add_parsable_certificates(read.map_err(|e| {
                let at = path.display().to_string();
                Error::refused(say!("{at} を証明書として読めません。", "{at} cannot be read as certificates."))
                    .because(e)
            })?);
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let tls = tls.map_err(Error::bug)?.with_root_certificates(store).with_no_client_auth();
        Ok(Client { tls: Arc::new(tls) })
    }
}

impl HttpClient for Client {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = std::result::Result<BytesResponse, instant_acme::Error>> + Send>> {
        let tls = Arc::clone(&self.tls);
        Box::pin(async move {
            let asked = tokio::time::timeout(limits::ACME_REQUEST, ask(tls, request)).await;
            let answered = asked.unwrap_or_else(|_| Err("no answer in time".into()));
            answered.map(BytesResponse::from).map_err(instant_acme::Error::Other)
        })
    }
}

async fn ask(
    tls: Arc<ClientConfig>,
    mut request: Request<BodyWrapper<Bytes>>,
) -> std::result::Result<Response<Full<Bytes>>, Failure> {
    let uri = request.uri().clone();
    let stream = connect(tls, &uri).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // It ends with the one request that it carries.
    let driving = tokio::spawn(connection);
    let authority = uri.authority().ok_or("a URL without a host")?.as_str().to_owned();
    *request.uri_mut() = uri.path_and_query().map_or("/", |p| p.as_str()).parse()?;
    request.headers_mut().insert(header::HOST, authority.parse()?);
    let (head, body) = sender.send_request(request).await?.into_parts();
    let body = Limited::new(body, limits::ACME_ANSWER).collect().await?.to_bytes();
    driving.abort();
    Ok(Response::from_parts(head, Full::new(body)))
}

async fn connect(tls: Arc<ClientConfig>, uri: &Uri) -> std::result::Result<TlsStream<TcpStream>, Failure> {
    if uri.scheme_str() != Some("https") {
        return Err("an authority is asked over https alone".into());
    }
    let host = uri.host().ok_or("a URL without a host")?;
    let port = uri.port_u16().unwrap_or(443);
    let found = resolve::addresses(host).await.map_err(|e| e.chain())?;
    let mut last: Failure = format!("{host} has no address").into();
    for ip in found {
        match TcpStream::connect(SocketAddr::new(ip, port)).await {
            Ok(stream) => {
                let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned())?;
                return Ok(TlsConnector::from(tls).connect(name, stream).await?);
            }
            Err(e) => last = e.into(),
        }
    }
    Err(last)
}
