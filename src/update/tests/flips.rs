//! Random bit flips over whole bundles and over the separate manifest: every one refused, not a byte in a slot.
//! The normal run does a few hundred; `HAKOBU_FLIPS=10000` does as many as the release asks for.

use super::{Vendor, Yard};
use crate::update::bundle::Head;
use crate::update::manifest::Manifest;
use sha2::{Digest, Sha256};

fn flips() -> u64 {
    std::env::var("HAKOBU_FLIPS").ok().and_then(|n| n.parse().ok()).unwrap_or(300)
}

/// The n-th place of a repeatable series.
fn place(n: u64, bits: usize) -> usize {
    let hash = Sha256::digest(n.to_be_bytes());
    let number = hash[..8].iter().fold(0u64, |all, b| all << 8 | u64::from(*b));
    (number % bits as u64) as usize
}

#[test]
fn no_bit_flip_of_a_bundle_is_accepted() {
    let (vendor, yard) = (Vendor::new(), Yard::new());
    let bundle = vendor.pack("1.5.0");
    let good = std::fs::read(&bundle).unwrap();
    let head = Head::read(&good).unwrap().len;
    for n in 0..flips() {
        // Half of them in the head, which is the smaller part.
        let bits = if n % 2 == 0 { head * 8 } else { good.len() * 8 };
        let at = place(n, bits);
        let mut bad = good.clone();
        bad[at / 8] ^= 1 << (at % 8);
        std::fs::write(&bundle, &bad).unwrap();
        yard.refuses(&vendor, &bundle);
    }
    std::fs::write(&bundle, &good).unwrap();
    yard.install(&vendor, &bundle).unwrap();
}

#[test]
fn no_bit_flip_of_the_separate_manifest_is_accepted() {
    let vendor = Vendor::new();
    let bytes = std::fs::read(vendor.pack("1.5.0")).unwrap();
    let good = Head::read(&bytes).unwrap().manifest;
    let keys = vendor.document();
    assert!(Manifest::open(&good, &keys).is_ok());
    for n in 0..flips() {
        let at = place(n, good.len() * 8);
        let mut bad = good.clone();
        bad[at / 8] ^= 1 << (at % 8);
        assert!(Manifest::open(&bad, &keys).is_err(), "bit {at}");
    }
}
