//! Against pebble, the test authority of Let's Encrypt, which is not ours: both proofs, a second start, a refusal.

use super::proofs::ALPN;
use super::vault::Vault;
use super::*;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

struct Town {
    dir: tempfile::TempDir,
    programs: Vec<Child>,
    directory: String,
    proofs: Arc<Proofs>,
}

impl Drop for Town {
    fn drop(&mut self) {
        for program in &mut self.programs {
            program.kill().ok();
            program.wait().ok();
        }
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// An authority, a DNS server that answers 127.0.0.1 to everything, and the listeners that serve our proofs.
async fn town(names_resolve: bool) -> Town {
    let dir = tempfile::tempdir().unwrap();
    let own = rcgen::generate_simple_self_signed(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    std::fs::write(dir.path().join("ca.pem"), own.cert.pem()).unwrap();
    std::fs::write(dir.path().join("ca.key"), own.signing_key.serialize_pem()).unwrap();
    let proofs = Arc::new(Proofs::default());
    let (http, tls) = (serve_texts(&proofs).await, serve_handshakes(&proofs).await);
    let [dns, manage, listen] = [(); 3].map(|()| free_port());
    let config = serde_json::json!({"pebble": {
        "listenAddress": format!("127.0.0.1:{listen}"), "managementListenAddress": format!("127.0.0.1:{}", free_port()),
        "certificate": dir.path().join("ca.pem"), "privateKey": dir.path().join("ca.key"),
        "httpPort": http.port(), "tlsPort": tls.port(), "ocspResponderURL": "", "externalAccountBindingRequired": false}});
    std::fs::write(dir.path().join("pebble.json"), config.to_string()).unwrap();
    let address = if names_resolve { "127.0.0.1" } else { "" };
    let names = started(
        Command::new("pebble-challtestsrv")
            .args(["-defaultIPv6", "", "-http01", "", "-https01", "", "-tlsalpn01", ""])
            .args(["-defaultIPv4", address, "-dns01", &format!("127.0.0.1:{dns}")])
            .args(["-management", &format!("127.0.0.1:{manage}")]),
        "Starting management",
    );
    let authority = started(
        Command::new("pebble")
            .args(["-config", dir.path().join("pebble.json").to_str().unwrap()])
            .args(["-dnsserver", &format!("127.0.0.1:{dns}")])
            .envs([("PEBBLE_VA_NOSLEEP", "1"), ("PEBBLE_WFE_NONCEREJECT", "0"), ("PEBBLE_AUTHZREUSE", "0")]),
        "Listening on",
    );
    let directory = format!("https://localhost:{listen}/dir");
    Town { dir, programs: vec![names, authority], directory, proofs }
}

/// Waits for a line that says so, then lets the rest of the talk go by.
fn started(command: &mut Command, says: &str) -> Child {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.by_ref().any(|l| l.unwrap().contains(says)), "it never said {says}");
    std::thread::spawn(move || lines.for_each(drop));
    child
}

async fn serve_texts(proofs: &Arc<Proofs>) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, proofs) = (listener.local_addr().unwrap(), Arc::clone(proofs));
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut asked = [0u8; 2048];
            let n = client.read(&mut asked).await.unwrap();
            let head = String::from_utf8_lossy(&asked[..n]).into_owned();
            let text = proofs.text(head.split(' ').nth(1).unwrap_or_default()).unwrap_or_default();
            let answer =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}", text.len());
            client.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    address
}

#[derive(Debug)]
struct Handshakes(Arc<Proofs>);

impl std::fmt::Debug for Proofs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Proofs(…)")
    }
}

impl ResolvesServerCert for Handshakes {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        assert!(hello.alpn()?.any(|p| p == ALPN));
        self.0.certificate(hello.server_name()?)
    }
}

async fn serve_handshakes(proofs: &Arc<Proofs>) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_no_client_auth().with_cert_resolver(Arc::new(Handshakes(Arc::clone(proofs))));
    config.alpn_protocols = vec![ALPN.to_vec()];
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            acceptor.accept(client).await.ok();
        }
    });
    address
}

impl Town {
    fn wants(&self, by_tls: bool, by_http: bool) -> Authority {
        Authority {
            directory: self.directory.clone(),
            names: vec!["news.example.jp".to_owned(), "www.example.jp".to_owned()],
            contact: Some("admin@example.jp".to_owned()),
            roots: Some(self.dir.path().join("ca.pem")),
            by_tls,
            by_http,
        }
    }

    fn keeper(&self, authority: Authority) -> Keeper {
        Keeper::new(authority, self.dir.path().to_owned(), &Key::new([7; 32]), Arc::clone(&self.proofs))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_proven_by_a_handshake_or_by_a_text_and_kept_sealed() {
    let town = town(true).await;
    for (by_tls, by_http) in [(true, false), (false, true)] {
        let mut keeper = town.keeper(town.wants(by_tls, by_http));
        let certificate = keeper.renew(clock::now()).await.unwrap();
        assert!(certificate.until > clock::now() && certificate.chain.matches("BEGIN CERTIFICATE").count() >= 2);
        let kept = town.keeper(town.wants(true, true)).kept(clock::now()).unwrap().unwrap();
        assert_eq!((kept.chain, kept.key), (certificate.chain, certificate.key.clone()));
        let secret = certificate.key.lines().nth(1).unwrap();
        for file in std::fs::read_dir(town.dir.path()).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            assert!(!bytes.windows(secret.len()).any(|w| w == secret.as_bytes()), "the key stands in plain text");
        }
    }
    assert!(town.proofs.text("/.well-known/acme-challenge/x").is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_points_elsewhere_is_refused_with_the_authoritys_own_words_and_the_account_is_kept() {
    let town = town(false).await;
    let mut keeper = town.keeper(town.wants(false, true));
    let error = keeper.renew(clock::now()).await.unwrap_err();
    assert!(error.says().en.contains("could not confirm"), "{error:?}");
    assert!(Vault::new(town.dir.path().to_owned(), &Key::new([7; 32])).account(&town.directory).unwrap().is_some());
    assert!(
        matches!(plan::next(None, keeper.last, clock::now()), plan::Next::Wait(_)),
        "it rests before it asks again"
    );
}

#[tokio::test]
async fn an_authority_that_is_not_trusted_or_not_there_is_told_and_nothing_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority {
        directory: format!("https://localhost:{}/dir", free_port()),
        names: vec!["news.example.jp".to_owned()],
        contact: None,
        roots: None,
        by_tls: true,
        by_http: true,
    };
    let mut keeper = Keeper::new(authority, dir.path().to_owned(), &Key::new([7; 32]), Arc::default());
    let error = keeper.renew(clock::now()).await.unwrap_err();
    assert!(error.says().en.contains("could not be used"), "{error:?}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn what_another_door_sealed_counts_as_not_there() {
    let dir = tempfile::tempdir().unwrap();
    let certificate = Certificate {
        names: vec!["a.example".to_owned()],
        chain: "chain".to_owned(),
        key: "key".to_owned(),
        since: Time(0),
        until: Time(i64::MAX),
    };
    Vault::new(dir.path().to_owned(), &Key::new([1; 32])).keep_certificate(&certificate).unwrap();
    let of = |key: u8| Vault::new(dir.path().to_owned(), &Key::new([key; 32])).certificate().unwrap();
    assert!(of(1).is_some() && of(2).is_none());
}
