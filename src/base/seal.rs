//! Sealing: XChaCha20-Poly1305 with random 192-bit nonces, and what is derived from a key.
//!
//! A sealed value is `nonce (24) ‖ ciphertext ‖ tag (16)`. The associated data says *where* the value stands, so
//! that a value moved to another place does not open.

use crate::base::error::{Error, Result};
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use hmac::Mac;
use sha2::Sha256;
use zeroize::Zeroizing;

pub const KEY_LEN: usize = 32;
pub const NONCE_LEN: usize = 24;
pub const TAG_LEN: usize = 16;

/// A 256-bit key; wiped when dropped, never printed.
#[derive(Clone)]
pub struct Key(Zeroizing<[u8; KEY_LEN]>);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

/// Bytes from the operating system. The one source of chance that is not an argument: it makes keys and nonces.
/// The system call itself, because a static binary in an empty root finds neither a library's nor a device file.
pub fn random<const N: usize>() -> Result<[u8; N]> {
    let mut out = [0u8; N];
    let mut at = 0;
    while at < N {
        match rustix::rand::getrandom(&mut out[at..], rustix::rand::GetRandomFlags::empty()) {
            Ok(n) => at += n,
            Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(Error::bug(format!("no random bytes: {e}"))),
        }
    }
    Ok(out)
}

impl Key {
    pub fn new(bytes: [u8; KEY_LEN]) -> Key {
        Key(Zeroizing::new(bytes))
    }

    pub fn random() -> Result<Key> {
        random().map(Key::new)
    }

    pub fn from_slice(bytes: &[u8]) -> Option<Key> {
        bytes.try_into().ok().map(Key::new)
    }

    pub fn bytes(&self) -> &[u8; KEY_LEN] {
        &self.0
    }

    /// A key below this one, for one purpose (HKDF-SHA256).
    pub fn derive(&self, purpose: &str) -> Key {
        let mut out = Zeroizing::new([0u8; KEY_LEN]);
        // 32 bytes are far below HKDF's bound, so expanding cannot fail.
        let _always_fits = Hkdf::<Sha256>::new(None, self.0.as_slice()).expand(purpose.as_bytes(), out.as_mut_slice());
        Key(out)
    }

    /// HMAC-SHA256 of the parts, each preceded by its length, so that parts cannot run into each other.
    pub fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = match <hmac::Hmac<Sha256> as hmac::KeyInit>::new_from_slice(self.0.as_slice()) {
            Ok(mac) => mac,
            Err(_) => unreachable!("HMAC takes keys of any length"),
        };
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    /// A sealer with the key schedule done once.
    pub fn sealer(&self) -> Sealer {
        Sealer(XChaCha20Poly1305::new(&(*self.0).into()))
    }

    pub fn seal(&self, aad: &[u8], plain: &[u8]) -> Result<Vec<u8>> {
        self.sealer().seal(aad, plain)
    }

    pub fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>> {
        self.sealer().open(aad, sealed)
    }
}

/// A key made ready for many values.
#[derive(Clone)]
pub struct Sealer(XChaCha20Poly1305);

impl Sealer {
    pub fn seal(&self, aad: &[u8], plain: &[u8]) -> Result<Vec<u8>> {
        let nonce = random::<NONCE_LEN>()?;
        let body = self.seal_with(&nonce, aad, plain)?;
        let mut out = Vec::with_capacity(NONCE_LEN + body.len());
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&body);
        Ok(out)
    }

    pub fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>> {
        let (nonce, body) = sealed.split_first_chunk::<NONCE_LEN>().ok_or_else(broken)?;
        self.open_with(nonce, aad, body)
    }

    /// With a nonce of the caller's: only for a key that is used once per nonce (chunks of a blob).
    pub fn seal_with(&self, nonce: &[u8; NONCE_LEN], aad: &[u8], plain: &[u8]) -> Result<Vec<u8>> {
        self.0.encrypt(&XNonce::from(*nonce), Payload { msg: plain, aad }).map_err(|_| Error::bug("sealing failed"))
    }

    pub fn open_with(&self, nonce: &[u8; NONCE_LEN], aad: &[u8], body: &[u8]) -> Result<Vec<u8>> {
        self.0.decrypt(&XNonce::from(*nonce), Payload { msg: body, aad }).map_err(|_| broken())
    }
}

fn broken() -> Error {
    Error::damaged(say!(
        "封印されたデータが壊れているか、鍵が違います。",
        "Sealed data is damaged, or the key is another one."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_value_opens_only_at_its_place_and_untouched() {
        let key = Key::new([7; 32]);
        let sealed = key.seal(b"table|1", "山田".as_bytes()).expect("seal");
        assert_eq!(key.open(b"table|1", &sealed).expect("open"), "山田".as_bytes());
        assert!(key.open(b"table|2", &sealed).is_err());
        assert!(Key::new([8; 32]).open(b"table|1", &sealed).is_err());
        for i in 0..sealed.len() {
            let mut bent = sealed.clone();
            bent[i] ^= 1;
            assert!(key.open(b"table|1", &bent).is_err(), "byte {i}");
        }
    }

    #[test]
    fn keys_for_two_purposes_differ_and_parts_do_not_run_together() {
        let key = Key::new([7; 32]);
        assert_ne!(key.derive("a").bytes(), key.derive("b").bytes());
        assert_ne!(key.mac(&[b"ab", b"c"]), key.mac(&[b"a", b"bc"]));
    }
}
