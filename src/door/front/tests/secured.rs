//! TLS: who is understood, which certificate is shown, and how it is exchanged.

use super::world::{World, exchange, say};
use crate::base::link::Surface;
use crate::base::seal::Key;
use crate::door::front::{Certificate, Certificates, Listening, Speaks};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const GET: &[u8] = b"GET /p HTTP/1.1\r\nHost: localhost\r\n\r\n";

fn here() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

/// Plain and TLS on the public side, with a certificate of its own making.
fn of_ours(folder: PathBuf, seal: u8, name: &str) -> Certificate {
    Certificate::OfOurs { folder, seal: Key::new([seal; 32]), names: vec![name.to_owned()], authority: None }
}

fn self_signed(public_url: Option<&str>) -> World {
    let kept = tempfile::tempdir().unwrap();
    let folder = kept.path().to_owned();
    World::with(
        |s| {
            s.listening.push(Listening::bind(here(), Surface::Public, Speaks::Https).unwrap());
            s.public_url = public_url.map(str::to_owned);
            s.certificate = Some(of_ours(folder, 7, "localhost"));
        },
        |_, out| say(out, "hello"),
    )
}

fn trusting(
    certificate: Vec<u8>,
    alpn: &[&[u8]],
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(certificate)).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|a| a.to_vec()).collect();
    config
}

type Speaking = hyper::client::conn::http2::SendRequest<Full<Bytes>>;

/// A client of the public side, and the future that moves its bytes.
async fn by_http2(world: &World) -> (Speaking, impl Future<Output = hyper::Result<()>> + Send + use<>) {
    let config = trusting(shown(world), &[b"h2"], BOTH);
    let stream = tokio::net::TcpStream::connect(world.address(Surface::Public, Speaks::Https)).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
    hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap()
}

fn secure(to: SocketAddr, config: ClientConfig) -> StreamOwned<ClientConnection, TcpStream> {
    let name = ServerName::try_from("localhost").unwrap();
    StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), super::world::connect(to))
}

const BOTH: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS13, &rustls::version::TLS12];

fn shown(world: &World) -> Vec<u8> {
    world.front.as_ref().unwrap().certificates().shown().unwrap()
}

#[test]
fn both_versions_of_tls_are_spoken_with_a_certificate_of_our_own_making() {
    let world = self_signed(None);
    let to = world.address(Surface::Public, Speaks::Https);
    for (version, number) in [(&rustls::version::TLS12, "1.2"), (&rustls::version::TLS13, "1.3")] {
        let mut client = secure(to, trusting(shown(&world), &[b"http/1.1"], &[version]));
        let answer = exchange(&mut client, GET);
        assert_eq!((answer.status, answer.text()), (200, "hello"), "{number}");
        assert_eq!(answer.header("strict-transport-security"), None, "nobody believes this certificate");
        assert_eq!(client.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
    }
    assert_eq!(world.heard()[0].all("hakobu-scheme"), ["https"]);
}

#[test]
fn http_2_is_spoken_and_its_requests_reach_the_worker_like_all_others() {
    let world = self_signed(None);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (mut sender, connection) = by_http2(&world).await;
        tokio::spawn(connection);
        for (method, path, body, status) in [
            ("GET", "/p", "", 200),
            ("POST", "/p", "some words", 200),
            ("GET", "/admin", "", 404),
            ("HEAD", "/admin", "", 404),
            ("GET", "/p/%2e%2e/admin", "", 400),
            ("GET", "/p", "", 200),
        ] {
            let request = hyper::Request::builder()
                .method(method)
                .uri(format!("https://localhost{path}"))
                .header("cookie", "a=1")
                .header("cookie", "b=2")
                .header("hakobu-from", "6.6.6.6")
                .body(Full::new(Bytes::from(body)))
                .unwrap();
            let answer = sender.send_request(request).await.unwrap();
            assert_eq!(answer.status(), status, "{method} {path}");
            answer.into_body().collect().await.unwrap();
        }
    });
    let heard = world.heard();
    assert_eq!(heard.len(), 3);
    assert_eq!((heard[1].body.as_slice(), heard[1].all("content-length")), (&b"some words"[..], vec!["10"]));
    assert_eq!((heard[0].all("cookie"), heard[0].all("host")), (vec!["a=1; b=2"], vec!["localhost"]));
    assert_eq!(heard[0].all("hakobu-from"), ["127.0.0.1"]);
}

#[test]
fn an_http_2_connection_is_told_to_come_back_when_another_front_listens() {
    let mut world = self_signed(None);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (mut sender, connection) = by_http2(&world).await;
        let ended = tokio::spawn(connection);
        let request = hyper::Request::get("https://localhost/p").body(Full::new(Bytes::new())).unwrap();
        assert_eq!(sender.send_request(request).await.unwrap().status(), 200);
        world.front.as_mut().unwrap().linger();
        ended.await.unwrap().expect("it ends in good order");
        assert!(sender.is_closed());
    });
}

#[test]
fn plain_http_is_sent_to_https_at_the_name_that_people_know() {
    let world = self_signed(Some("https://mail.example"));
    let answer = world.public("GET /u/t?x=1 HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    assert_eq!((answer.status, answer.header("location")), (308, Some("https://mail.example/u/t?x=1")));
    world.front.as_ref().unwrap().certificates().proofs().show_text("tok", "tok.proof");
    assert_eq!(world.public("GET /.well-known/acme-challenge/tok HTTP/1.1\r\nHost: a\r\n\r\n").text(), "tok.proof");
    assert_eq!(world.public("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").status, 200);
    // The admin side has no HTTPS of its own here and stays as it is.
    assert_eq!(world.admin("GET /admin HTTP/1.1\r\nHost: a\r\n\r\n").status, 200);
}

#[test]
fn plain_http_on_the_tls_port_is_told_so_and_garbage_ends_cleanly() {
    let world = self_signed(None);
    let to = world.address(Surface::Public, Speaks::Https);
    let answer = exchange(&mut super::world::connect(to), GET);
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("HTTPS"));
    for garbage in [&b"\x16\x03\x01\x00\x05hello"[..], b"\0\0\0", b"\x80\x2e\x01"] {
        let mut client = super::world::connect(to);
        client.write_all(garbage).unwrap();
        // The door may have hung up already.
        client.shutdown(std::net::Shutdown::Write).ok();
        client.read_to_end(&mut Vec::new()).ok();
    }
    assert_eq!(exchange(&mut secure(to, trusting(shown(&world), &[], BOTH)), GET).status, 200);
}

fn issue() -> (String, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

fn write(folder: &Path, (chain, key): (&str, &str)) {
    std::fs::write(folder.join("c.pem"), chain).unwrap();
    std::fs::write(folder.join("k.pem"), key).unwrap();
}

fn files(folder: &Path) -> Certificate {
    Certificate::Files { chain: folder.join("c.pem"), key: folder.join("k.pem") }
}

#[test]
fn a_new_certificate_is_shown_without_dropping_a_connection() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (issue(), issue());
    write(folder.path(), (&old.0, &old.1));
    let world = World::with(
        |s| {
            s.listening.push(Listening::bind(here(), Surface::Public, Speaks::Https).unwrap());
            s.certificate = Some(files(folder.path()));
        },
        |_, out| say(out, "hello"),
    );
    let to = world.address(Surface::Public, Speaks::Https);
    let der = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).unwrap().to_vec();
    let mut kept = secure(to, trusting(der(&old.0), &[], BOTH));
    let answer = exchange(&mut kept, GET);
    assert_eq!(answer.header("strict-transport-security"), Some("max-age=31536000"));
    write(folder.path(), (&new.0, &new.1));
    world.front.as_ref().unwrap().certificates().look().unwrap();
    assert_eq!(exchange(&mut kept, GET).status, 200, "the old connection goes on");
    assert_eq!(exchange(&mut secure(to, trusting(der(&new.0), &[], BOTH)), GET).status, 200);
}

#[test]
fn a_certificate_with_the_wrong_key_is_named_and_the_old_one_stays() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (issue(), issue());
    write(folder.path(), (&old.0, &old.1));
    let certificates = Certificates::open(Some(&files(folder.path()))).unwrap();
    let before = certificates.shown();
    std::fs::write(folder.path().join("c.pem"), &new.0).unwrap();
    assert!(certificates.look().is_ok(), "perhaps the key is on its way");
    let said = certificates.look().unwrap_err();
    assert!(said.says().en.contains("does not belong") && said.says().ja.contains("組"), "{said}");
    assert_eq!((certificates.shown(), certificates.fault().is_some()), (before.clone(), true));
    assert!(certificates.look().is_ok(), "said once");
    std::fs::write(folder.path().join("k.pem"), &new.1).unwrap();
    certificates.look().unwrap();
    assert!(certificates.shown() != before && certificates.fault().is_none());
    std::fs::remove_file(folder.path().join("k.pem")).unwrap();
    assert!(certificates.look().is_ok(), "perhaps a new one is on its way");
    assert!(certificates.look().is_err());
    assert!(certificates.shown().is_some());
}

#[test]
fn no_start_with_a_certificate_that_cannot_be_used() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (issue(), issue());
    for (chain, key, word) in [
        (one.0.as_str(), other.1.as_str(), "does not belong"),
        ("no pem", one.1.as_str(), "No certificate"),
        (one.0.as_str(), "no pem", "private key"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", one.1.as_str(), "Cannot use"),
    ] {
        write(folder.path(), (chain, key));
        let said = Certificates::open(Some(&files(folder.path()))).unwrap_err();
        assert!(said.says().en.contains(word), "{word}: {said}");
    }
}

#[test]
fn the_certificate_of_our_own_making_is_kept_sealed_and_made_anew_for_other_names() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("made").join("self-signed");
    let open = |seal: u8, name: &str| {
        Certificates::open(Some(&of_ours(file.parent().unwrap().to_owned(), seal, name))).unwrap().shown()
    };
    let first = open(7, "localhost");
    assert_eq!(open(7, "localhost"), first);
    let on_disk = std::fs::read(&file).unwrap();
    assert!(!on_disk.windows(11).any(|w| w == b"PRIVATE KEY"));
    let other = open(7, "192.0.2.1");
    assert_ne!(other, first);
    assert_ne!(open(8, "192.0.2.1"), other, "one that cannot be unsealed is made anew");
}
