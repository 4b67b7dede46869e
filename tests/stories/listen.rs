//! The admin's pages on an address that others reach: by TLS, or not at all.

use crate::load::house::{Running, free_port};
use crate::world::{Home, PASSWORD};
use reqwest::blocking::{Client, Response};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

/// One that believes every certificate, and finds the house under its public name and another one.
fn browser(at: SocketAddr) -> Client {
    let builder = Client::builder().no_proxy().timeout(Duration::from_secs(20)).tls_danger_accept_invalid_certs(true);
    let builder = builder.redirect(reqwest::redirect::Policy::none());
    builder.resolve("news.example.jp", at).resolve("evil.example", at).build().unwrap()
}

fn cookie(answer: &Response) -> String {
    answer.headers()["set-cookie"].to_str().unwrap().to_owned()
}

#[test]
fn on_an_address_that_others_reach_the_admins_pages_speak_tls_and_nothing_else() {
    let home = Home::ready();
    let port = free_port().port();
    let here = SocketAddr::from(([127, 0, 0, 1], port));
    let anywhere = SocketAddr::from(([0, 0, 0, 0], port));
    let program = PathBuf::from(env!("CARGO_BIN_EXE_hakobu"));
    let running = Running::start_at(&home, &program, (anywhere, anywhere), &[]);
    let browser = browser(here);
    let since = std::time::Instant::now();
    let status = loop {
        let said = home.ask(&["status"]);
        if said.exit == 0 && said.json()["state"] == "running" {
            break said.json();
        }
        assert!(since.elapsed() < Duration::from_secs(60), "{}{}", said.stdout, said.stderr);
    };
    assert_eq!(status["admin"], format!("https://news.example.jp:{port}/"), "{status}");

    let get = |host: &str| browser.get(format!("https://{host}:{port}/sign-in")).send().unwrap();
    for (host, fine) in [("127.0.0.1", true), ("news.example.jp", true), ("localhost", true), ("evil.example", false)] {
        let answer = get(host);
        assert_eq!(answer.status().as_u16(), if fine { 200 } else { 421 }, "{host}");
        let pinned = answer.headers().contains_key("strict-transport-security");
        assert!(!pinned, "{host}: nobody is bound to a certificate of our own making");
    }

    // Signed in by a cookie that only this host gets, over TLS.
    let form = [("email", "a@example.jp"), ("password", PASSWORD)];
    let pairs: Vec<String> = form.iter().map(|(n, v)| format!("{n}={}", encoded(v))).collect();
    let sign_in = |host: &str| {
        let request = browser.post(format!("https://{host}:{port}/sign-in"));
        request.header("content-type", "application/x-www-form-urlencoded").body(pairs.join("&")).send().unwrap()
    };
    let answer = sign_in("news.example.jp");
    assert_eq!(answer.status().as_u16(), 303);
    let said = cookie(&answer);
    for part in ["__Host-hakobu=", "Secure", "HttpOnly", "SameSite", "Path=/"] {
        assert!(said.contains(part), "{said}");
    }
    let session = said.split(';').next().unwrap().to_owned();
    let home_page = browser.get(format!("https://news.example.jp:{port}/")).header("cookie", session).send().unwrap();
    assert_eq!(home_page.status().as_u16(), 200);

    // Whoever types http:// is told.
    let mut plain = TcpStream::connect(here).unwrap();
    write!(plain, "GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n").unwrap();
    let mut told = String::new();
    plain.read_to_string(&mut told).unwrap();
    assert!(told.starts_with("HTTP/1.1 400") && told.contains("HTTPS only"), "{told}");
    assert_eq!(running.end(), 0);
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

#[test]
fn with_a_public_listener_beside_it_each_has_its_own_pages_and_both_show_the_same_certificate() {
    let home = Home::ready();
    let (port, public) = (free_port().port(), free_port());
    let anywhere = SocketAddr::from(([0, 0, 0, 0], port));
    let (program, at) = (PathBuf::from(env!("CARGO_BIN_EXE_hakobu")), public.to_string());
    let own = rcgen::generate_simple_self_signed(vec!["news.example.jp".to_owned()]).unwrap();
    home.file("c.pem", own.cert.pem());
    home.file("k.pem", own.signing_key.serialize_pem());
    let more = ["--https", &at, "--cert-file", "c.pem", "--cert-key-file", "k.pem"];
    let running = Running::start_at(&home, &program, (anywhere, anywhere), &more);
    let believing = |at: SocketAddr| {
        let root = reqwest::Certificate::from_pem(own.cert.pem().as_bytes()).unwrap();
        let builder = Client::builder().no_proxy().timeout(Duration::from_secs(20)).tls_certs_only([root]);
        builder.resolve("news.example.jp", at).build().unwrap()
    };
    let here = SocketAddr::from(([127, 0, 0, 1], port));
    let admin = believing(here).get(format!("https://news.example.jp:{port}/sign-in")).send().unwrap();
    assert_eq!(admin.status().as_u16(), 200);
    assert!(admin.headers().contains_key("strict-transport-security"), "a certificate that is believed");
    let path = format!("https://news.example.jp:{}/sign-in", public.port());
    assert_eq!(believing(public).get(path).send().unwrap().status().as_u16(), 404);
    assert_eq!(running.end(), 0);
}

#[test]
fn before_there_is_a_house_there_is_no_certificate_and_only_this_computer_is_listened_on() {
    let home = Home::new();
    for listen in ["0.0.0.0:8080", "[::]:8080", "192.0.2.1:80"] {
        let said = home.ask(&["serve", "--setup", "--listen", listen]);
        assert_eq!(said.exit, 8, "{listen}");
        let error = said.error();
        assert!(error["message"].as_str().unwrap().contains("Only this computer"), "{error}");
        assert!(error["hint"].as_str().unwrap().contains("ssh -L"), "{error}");
    }
}

#[test]
fn what_could_have_no_effect_is_refused_before_anything_listens() {
    let home = Home::ready();
    for (flags, word) in [
        (["--http", "127.0.0.1:0", "--proxy-protocol"], "--trusted-proxy"),
        (["--https", "127.0.0.1:0", "--acme=foo"], "letsencrypt"),
    ] {
        let said = home.ask(&[&["serve"], &flags[..]].concat());
        assert_eq!(said.exit, 8, "{flags:?}");
        assert!(said.error()["hint"].as_str().unwrap().contains(word), "{flags:?}");
    }
}
