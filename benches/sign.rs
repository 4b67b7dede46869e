//! A message of 5 kB signed with both keys, beside the two bare signature operations in the same run: what is left is
//! the signer's own work.
//!
//! `cargo bench --bench sign` prints one JSON line per kind of body.
#![allow(clippy::print_stdout, clippy::unwrap_used)] // prints its figures; a bench that cannot start has none

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use hakobu::base::{By, Domain, Result, clock, seal::Key};
use hakobu::delivery::{SCHEMA, dkim};
use hakobu::store::Store;
use std::time::Instant;

const ROUNDS: usize = 5;

fn main() -> Result<()> {
    // Under `cargo test --all-targets` a bench only shows that it still runs.
    let messages = if std::env::args().any(|a| a == "--bench") { 2_000 } else { 5 };
    let dir = tempfile::tempdir().unwrap();
    let (store, _code) = Store::create(dir.path(), &Key::new([7; 32]), &[SCHEMA])?;
    let (by, domain, now) = (By::house("bench"), Domain::parse("news.example.jp")?, clock::now());
    dkim::create(&store, &by, now, &domain)?;
    dkim::turn(&store, &by, now, &domain, true)?;
    let signer = dkim::Signer::for_domain(&store, &domain)?.unwrap();
    let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let ed = Ed25519KeyPair::generate().unwrap();
    let mut signature = vec![0; rsa.public_modulus_len()];
    let encoded = "aGVsbG8gd29ybGQgaGVsbG8gd29ybGQgaGVsbG8gd29ybGQgaGVsbG8gd29ybGQgaGVsbG8g\r\n".repeat(56);
    let text = "A line of words with single spaces, and  some double ones before its end \r\n".repeat(56);
    for (body, bytes) in [("base64", encoded), ("text", text)] {
        let message = format!("{HEAD}{bytes}").into_bytes();
        let (mut whole, mut bare) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            whole.push(time(messages, || drop(signer.sign(&message, now).unwrap())));
            bare.push(time(messages, || {
                rsa.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), b"thirty-two bytes of some header", &mut signature)
                    .unwrap();
                ed.try_sign(b"thirty-two bytes of some header.").unwrap();
            }));
        }
        let (whole, bare) = (middle(whole), middle(bare));
        let line = serde_json::json!({
            "bench": "sign", "body": body, "bytes": message.len(), "us": whole, "operations_us": bare,
            "own_us": whole - bare, "wanted_under": 10.0,
        });
        println!("{line}");
    }
    Ok(())
}

const HEAD: &str = "From: =?utf-8?b?6YGL44G25ZWG5bqX?= <news@news.example.jp>\r\nTo: <hanako@example.jp>\r\n\
    Subject: =?utf-8?b?56eL44Gu?=\r\n =?utf-8?b?5qGI5YaF?=\r\nDate: Tue, 1 Dec 2026 10:00:00 +0900\r\n\
    Message-ID: <1.2@news.example.jp>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
    Content-Transfer-Encoding: 8bit\r\nList-Unsubscribe: <https://news.example.jp/u/0123456789012345678901234567890>\r\n\
    List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\r\n";

/// Microseconds of one.
fn time(times: u32, mut work: impl FnMut()) -> f64 {
    let start = Instant::now();
    for _ in 0..times {
        work();
    }
    start.elapsed().as_secs_f64() * 1e6 / f64::from(times)
}

fn middle(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
