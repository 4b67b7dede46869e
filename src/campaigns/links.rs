//! Signed links: who may refuse what, and who may read which mail again, without a login. A link holds numbers and
//! a keyed hash, no personal data; it says nothing to anybody who does not have the house's key.

use super::render::Links;
use crate::base::{
    Error, Result,
    ids::{ContactId, RunId, TopicId},
    seal::Key,
};
use crate::delivery::bounces::About;
use crate::store::Store;
use data_encoding::BASE64URL_NOPAD;
use subtle::ConstantTimeEq;

const MAC: usize = 16;
/// Stands in test mails and previews: its page explains itself and refuses nothing.
pub(super) const TEST: &str = "test";

/// Whom a link is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Holder {
    pub(super) run: RunId,
    pub(super) contact: ContactId,
    pub(super) topic: TopicId,
}

pub(super) struct Signer {
    refusal: Key,
    web: Key,
    message: Key,
}

impl Signer {
    pub(super) fn new(store: &Store) -> Signer {
        let key = |purpose| store.keys().token(purpose);
        Signer { refusal: key("campaigns/refusal"), web: key("campaigns/web"), message: key("campaigns/message") }
    }

    pub(super) fn links(&self, public_url: &str, holder: &Holder) -> Links {
        let token = sign(&self.refusal, holder);
        let web = format!("{public_url}/m/{}", sign(&self.web, holder));
        Links { unsubscribe: format!("{public_url}/u/{token}"), token, web }
    }

    /// The same for every attempt at the same recipient, so that a receiver can drop a double.
    pub(super) fn message_id(&self, holder: &Holder, domain: &str) -> String {
        let (run, contact) = (holder.run, holder.contact);
        format!("{}.{}.{}@{domain}", run.0, contact.0, self.message_mark(run, contact))
    }

    /// The message that an id names, if we gave it.
    pub(super) fn message(&self, id: &str) -> Option<About> {
        let (local, _) = id.split_once('@')?;
        let mut parts = local.split('.');
        let mut number = || parts.next()?.parse::<i64>().ok().filter(|n| *n > 0);
        let about = About { run: RunId(number()?), contact: ContactId(number()?) };
        let mark = parts.next().filter(|_| parts.next().is_none())?.to_ascii_lowercase();
        let good: bool = self.message_mark(about.run, about.contact).as_bytes().ct_eq(mark.as_bytes()).into();
        good.then_some(about)
    }

    fn message_mark(&self, run: RunId, contact: ContactId) -> String {
        let mac = self.message.mac(&[&run.0.to_be_bytes(), &contact.0.to_be_bytes()]);
        data_encoding::HEXLOWER.encode(&mac[..10])
    }

    pub(super) fn refusal(&self, token: &str) -> Result<Holder> {
        verify(&self.refusal, token)
    }

    pub(super) fn web(&self, token: &str) -> Result<Holder> {
        verify(&self.web, token)
    }
}

/// Links that lead nowhere in particular.
pub(super) fn inert(public_url: &str) -> Links {
    let url = format!("{public_url}/u/{TEST}");
    Links { token: url.clone(), unsubscribe: url, web: format!("{public_url}/m/{TEST}") }
}

fn sign(key: &Key, holder: &Holder) -> String {
    let mut bytes = Vec::with_capacity(32);
    for n in [holder.run.0, holder.contact.0, holder.topic.0] {
        varint(n as u64, &mut bytes);
    }
    let mac = key.mac(&[&bytes]);
    bytes.extend_from_slice(&mac[..MAC]);
    BASE64URL_NOPAD.encode(&bytes)
}

fn verify(key: &Key, token: &str) -> Result<Holder> {
    let read = || {
        let bytes = BASE64URL_NOPAD.decode(token.as_bytes()).ok().filter(|b| b.len() <= 64)?;
        let (mut numbers, mac) = bytes.split_at_checked(bytes.len().checked_sub(MAC)?)?;
        let good: bool = key.mac(&[numbers])[..MAC].ct_eq(mac).into();
        let mut next = || unvarint(&mut numbers).filter(|_| good);
        let (run, contact, topic) = (next()?, next()?, next()?);
        numbers.is_empty().then_some(Holder { run: RunId(run), contact: ContactId(contact), topic: TopicId(topic) })
    };
    read().ok_or_else(|| {
        Error::missing(say!("このリンクは正しくありません。", "This link is not valid."))
            .hint(say!("メールの中のリンクを、もう一度開いてください。", "Open the link in the mail once more."))
    })
}

fn varint(mut n: u64, out: &mut Vec<u8>) {
    while n >= 0x80 {
        out.push((n as u8 & 0x7f) | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

fn unvarint(bytes: &mut &[u8]) -> Option<i64> {
    let mut n = 0u64;
    for shift in (0..63).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        n |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return i64::try_from(n).ok();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_link_is_read_back_and_any_changed_one_is_refused(run in 1i64.., contact in 1i64.., topic in 1i64..9, bit in 0usize..4000) {
            let (key, other) = (Key::new([7; 32]), Key::new([8; 32]));
            let holder = Holder { run: RunId(run), contact: ContactId(contact), topic: TopicId(topic) };
            let token = sign(&key, &holder);
            prop_assert_eq!(verify(&key, &token).unwrap(), holder);
            prop_assert!(verify(&other, &token).is_err());
            let mut bytes = BASE64URL_NOPAD.decode(token.as_bytes()).unwrap();
            let at = bit / 8 % bytes.len();
            bytes[at] ^= 1 << (bit % 8);
            prop_assert!(verify(&key, &BASE64URL_NOPAD.encode(&bytes)).is_err());
        }
    }

    #[test]
    fn nonsense_is_no_link() {
        for token in ["", "a", "test", "../../x", "AAAA", &"A".repeat(1000)] {
            assert!(verify(&Key::new([7; 32]), token).is_err(), "{token}");
        }
    }
}
