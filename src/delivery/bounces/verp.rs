//! Addresses of our own that name one message of one run: where its failure is told (`b+TOKEN@…`, the return path), where
//! its reader answers (`r+TOKEN@…`) and where a mail program refuses more of it (`u+TOKEN@…`).
//!
//! A token holds the run, the contact and a keyed hash over both and over what it is for, so nobody can make one, change
//! one, or use one of a kind as one of another. It is written in lower case in an alphabet without case, because some
//! hosts on the way fold letters, and it is as short as its numbers are: the longest address still fits RFC 5321's 64
//! octets before the `@`. It holds no personal data.
//!
//! **Invariant:** an address that was not made with this house's key names nobody.

use crate::base::ids::{ContactId, RunId};
use crate::base::seal::Key;
use data_encoding::BASE32_NOPAD;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

/// What an address is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    Bounce,
    Reply,
    Unsubscribe,
}

impl Purpose {
    pub const ALL: [Purpose; 3] = [Purpose::Bounce, Purpose::Reply, Purpose::Unsubscribe];

    fn letter(self) -> char {
        match self {
            Purpose::Bounce => 'b',
            Purpose::Reply => 'r',
            Purpose::Unsubscribe => 'u',
        }
    }
}

/// The message that an address names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct About {
    pub run: RunId,
    pub contact: ContactId,
}

/// Makes such addresses and reads them.
#[derive(Clone)]
pub struct Paths(Key);

/// 96 bits: a forger has one guess for each mail that he sends us.
const MAC: usize = 12;
const TOKEN_MAX: usize = 60;

impl Paths {
    /// `token` gives the key for a purpose (`Keyring::token`).
    pub fn new(token: impl Fn(&str) -> Key) -> Paths {
        Paths(token("delivery/paths"))
    }

    /// What stands before the `@`.
    pub fn local(&self, purpose: Purpose, about: About) -> String {
        let mut bytes = Vec::with_capacity(32);
        varint(about.run.0 as u64, &mut bytes);
        varint(about.contact.0 as u64, &mut bytes);
        let mac = self.mac(purpose, &bytes);
        bytes.extend_from_slice(&mac);
        format!("{}+{}", purpose.letter(), BASE32_NOPAD.encode(&bytes).to_ascii_lowercase())
    }

    /// Reads what stands before the `@`, in whatever case it came back.
    pub fn read(&self, local: &str) -> Option<(Purpose, About)> {
        let (letter, token) =
            local.split_once('+').filter(|(letter, token)| letter.len() == 1 && token.len() <= TOKEN_MAX)?;
        let purpose =
            Purpose::ALL.into_iter().find(|p| letter.eq_ignore_ascii_case(p.letter().encode_utf8(&mut [0; 4])))?;
        let bytes = BASE32_NOPAD.decode(token.to_ascii_uppercase().as_bytes()).ok()?;
        let (mut numbers, mac) = bytes.split_at_checked(bytes.len().checked_sub(MAC)?)?;
        let good: bool = self.mac(purpose, numbers).ct_eq(mac).into();
        let mut next = || unvarint(&mut numbers).filter(|n| good && *n > 0);
        let about = About { run: RunId(next()?), contact: ContactId(next()?) };
        numbers.is_empty().then_some((purpose, about))
    }

    fn mac(&self, purpose: Purpose, numbers: &[u8]) -> [u8; MAC] {
        let mut letter = [0; 4];
        let full = self.0.mac(&[purpose.letter().encode_utf8(&mut letter).as_bytes(), numbers]);
        let mut mac = [0; MAC];
        mac.copy_from_slice(&full[..MAC]);
        mac
    }
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

    fn paths(seed: u8) -> Paths {
        Paths::new(|_| Key::new([seed; 32]))
    }

    proptest! {
        #[test]
        fn an_address_is_read_back_and_any_changed_one_names_nobody(run in 1i64.., contact in 1i64.., bit in 0usize..4000, n in 0usize..3) {
            let (ours, about, purpose) = (paths(7), About { run: RunId(run), contact: ContactId(contact) }, Purpose::ALL[n]);
            let local = ours.local(purpose, about);
            prop_assert!(local.len() <= 64 && local.bytes().all(|b| b == b'+' || b.is_ascii_lowercase() || b.is_ascii_digit()));
            prop_assert_eq!(ours.read(&local), Some((purpose, about)));
            prop_assert_eq!(ours.read(&local.to_uppercase()), Some((purpose, about)));
            prop_assert_eq!(paths(8).read(&local), None);
            let (_, token) = local.split_once('+').unwrap();
            for other in Purpose::ALL.into_iter().filter(|p| *p != purpose) {
                prop_assert_eq!(ours.read(&format!("{}+{token}", other.letter())), None);
            }
            let mut bytes = BASE32_NOPAD.decode(token.to_uppercase().as_bytes()).unwrap();
            let at = bit / 8 % bytes.len();
            bytes[at] ^= 1 << (bit % 8);
            prop_assert_eq!(ours.read(&format!("{}+{}", purpose.letter(), BASE32_NOPAD.encode(&bytes))), None);
            prop_assert_eq!(ours.read(&local[..local.len() - 1 - bit % (local.len() - 1)]), None);
        }

        #[test]
        fn nothing_breaks_the_reader(local in "[bru]?\\+?[A-Za-z2-7+é]{0,70}") {
            prop_assert_eq!(paths(7).read(&local), None);
        }
    }

    #[test]
    fn nonsense_names_nobody() {
        for local in ["", "b", "b+", "+", "x+aaaa", "b+a", "b+====", "bb+aaaa", &format!("b+{}", "a".repeat(1000))] {
            assert_eq!(paths(7).read(local), None, "{local}");
        }
    }
}
