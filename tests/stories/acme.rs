//! A certificate from an authority: `serve --acme` against pebble, the test authority of Let's Encrypt.

use crate::load::house::{Running, free_port};
use crate::world::Home;
use serde_json::json;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// An authority, and a DNS server that answers 127.0.0.1 to everything.
struct Town {
    programs: Vec<Child>,
    directory: String,
    manage: SocketAddr,
    root: PathBuf,
}

impl Drop for Town {
    fn drop(&mut self) {
        for program in &mut self.programs {
            program.kill().ok();
            program.wait().ok();
        }
    }
}

/// Waits for a line that says so, then lets the rest of the talk go by.
fn started(command: &mut Command, says: &str) -> Child {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("tests/run installs pebble");
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.by_ref().any(|l| l.unwrap().contains(says)), "it never said {says}");
    std::thread::spawn(move || lines.for_each(drop));
    child
}

/// Where the authority looks for proofs: by handshake, and by text.
fn town(home: &Home, tls: SocketAddr, http: SocketAddr) -> Town {
    let own = rcgen::generate_simple_self_signed(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let root = home.file("ca.pem", own.cert.pem());
    let key = home.file("ca.key", own.signing_key.serialize_pem());
    let [dns, dns_manage, listen, manage] = [(); 4].map(|()| free_port());
    let config = json!({"pebble": {
        "listenAddress": listen.to_string(), "managementListenAddress": manage.to_string(),
        "certificate": root, "privateKey": key, "httpPort": http.port(), "tlsPort": tls.port(),
        "ocspResponderURL": "", "externalAccountBindingRequired": false}});
    let config = home.file("pebble.json", config.to_string());
    let names = started(
        Command::new("pebble-challtestsrv")
            .args(["-defaultIPv6", "", "-http01", "", "-https01", "", "-tlsalpn01", "", "-defaultIPv4", "127.0.0.1"])
            .args(["-dns01", &dns.to_string(), "-management", &dns_manage.to_string()]),
        "Starting management",
    );
    let authority = started(
        Command::new("pebble").args(["-config", config.to_str().unwrap(), "-dnsserver", &dns.to_string()]).envs([
            ("PEBBLE_VA_NOSLEEP", "1"),
            ("PEBBLE_WFE_NONCEREJECT", "0"),
            ("PEBBLE_AUTHZREUSE", "0"),
        ]),
        "Listening on",
    );
    let directory = format!("https://localhost:{}/dir", listen.port());
    Town { programs: vec![names, authority], directory, manage, root }
}

impl Town {
    /// Believes what this authority signed and nothing else, and finds the house under its public name.
    fn browser(&self, house: SocketAddr) -> reqwest::blocking::Client {
        let pem = std::fs::read(&self.root).unwrap();
        let own = reqwest::Certificate::from_pem(&pem).unwrap();
        let builder = || reqwest::blocking::Client::builder().no_proxy().timeout(Duration::from_secs(20));
        let asking = builder().tls_certs_only([own]).build().unwrap();
        let root = format!("https://localhost:{}/roots/0", self.manage.port());
        let root = asking.get(root).send().unwrap().bytes().unwrap();
        let root = reqwest::Certificate::from_pem(&root).unwrap();
        builder().tls_certs_only([root]).resolve("news.example.jp", house).build().unwrap()
    }
}

#[test]
fn a_house_gets_its_certificate_by_a_handshake_or_by_a_text_and_shows_it() {
    // Where nobody answers the handshake on the port of TLS, the text on the other one is the proof.
    for by_handshake in [true, false] {
        let home = Home::ready();
        let [http, https, nobody] = [(); 3].map(|()| free_port());
        let town = town(&home, if by_handshake { https } else { nobody }, if by_handshake { nobody } else { http });
        let (at_http, at_https) = (http.to_string(), https.to_string());
        let (root, directory) = (town.root.display().to_string(), town.directory.clone());
        let more = ["--http", &at_http, "--https", &at_https, "--acme", &directory, "--acme-root", &root];
        let mut words = more.to_vec();
        words.extend(["--acme-contact", "ops@example.jp"]);
        let program = PathBuf::from(env!("CARGO_BIN_EXE_hakobu"));
        let admin = free_port();
        let running = Running::start_at(&home, &program, (admin, admin), &words);
        let browser = town.browser(https);
        let url = format!("https://news.example.jp:{}/healthz", https.port());
        let since = Instant::now();
        let answer = loop {
            match browser.get(&url).send() {
                Ok(answer) => break answer,
                // Until then it shows one of its own making, which nobody believes.
                Err(e) => assert!(since.elapsed() < Duration::from_secs(60), "by handshake: {by_handshake}: {e:?}"),
            }
        };
        assert_eq!(answer.status().as_u16(), 200);
        assert!(answer.headers().contains_key("strict-transport-security"), "{:?}", answer.headers());
        assert_eq!(running.end(), 0);
        // The next start shows it from its first moment, without asking anybody.
        drop(town);
        let running = Running::start_at(&home, &program, (admin, admin), &words);
        running.wait_for(https);
        assert_eq!(browser.get(&url).send().unwrap().status().as_u16(), 200);
        assert_eq!(running.end(), 0);
    }
}
