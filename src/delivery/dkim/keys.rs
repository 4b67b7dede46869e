//! The keys of DKIM: made, sealed, kept in the books, and handed to the signer.

use super::pair::{Pair, selectors};
use super::plan;
use super::sign::{Key, Private, Signer};
use crate::base::{By, Domain, Error, Result, Time, seal};
use crate::delivery::rows;
use crate::store::{Deed, Store, Tx};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair, RsaKeyPair};
use data_encoding::BASE64;
use zeroize::Zeroizing;

/// Every pair of every domain.
pub fn all(store: &Store) -> Result<Vec<Pair>> {
    store.read(rows::keys::all)
}

/// The domain's pairs, the oldest first.
pub fn of(store: &Store, domain: &Domain) -> Result<Vec<Pair>> {
    store.read(|c| rows::keys::of(c, domain))
}

/// The domain's first pair. It waits for its records to be published.
pub fn create(store: &Store, by: &By, now: Time, domain: &Domain) -> Result<Pair> {
    let pair = make(store, domain, now)?;
    store.write(by, now, Deed::new("dkim.create", domain.as_str()), |tx| {
        match rows::keys::of(tx, domain)?.iter().any(Pair::is_in_use) {
            true => Err(there_is_one()),
            false => insert(tx, &pair, now),
        }
    })
}

/// The pair after the one that signs, unless one waits already.
pub fn next(store: &Store, by: &By, now: Time, domain: &Domain) -> Result<Pair> {
    if let Some(waiting) = of(store, domain)?.into_iter().rev().find(|p| p.state == super::State::Waiting) {
        return Ok(waiting);
    }
    let pair = make(store, domain, now)?;
    store.write(by, now, Deed::new("dkim.next", domain.as_str()), |tx| {
        match rows::keys::of(tx, domain)?.into_iter().rev().find(|p| p.state == super::State::Waiting) {
            Some(waiting) => Ok(waiting),
            None => insert(tx, &pair, now),
        }
    })
}

/// Does with a domain's pairs what is due. `seen`: the records of the pair that waits are published. True when something
/// has changed.
pub fn turn(store: &Store, by: &By, now: Time, domain: &Domain, seen: bool) -> Result<bool> {
    if plan::turn(&of(store, domain)?, seen, now).is_empty() {
        return Ok(false);
    }
    store.write(by, now, Deed::new("dkim.turn", domain.as_str()), |tx| {
        let turn = plan::turn(&rows::keys::of(tx, domain)?, seen, now);
        turn.activate.iter().try_for_each(|id| rows::keys::activate(tx, *id, now))?;
        turn.retire.iter().try_for_each(|id| rows::keys::retire(tx, *id, plan::until(now)))?;
        turn.remove.iter().try_for_each(|id| rows::keys::remove(tx, *id))?;
        Ok(!turn.is_empty())
    })
}

impl Pair {
    fn is_in_use(&self) -> bool {
        matches!(self.state, super::State::Waiting | super::State::Active)
    }
}

impl Signer {
    /// Who signs for mail from this domain: its own pair, else that of the nearest domain above it. The domains above
    /// are the house's own, because somebody made keys for them; DMARC counts them as the same in its relaxed mode.
    pub fn for_domain(store: &Store, domain: &Domain) -> Result<Option<Signer>> {
        let found = store.read(|c| {
            for name in domain.upwards() {
                if let Some(active) = rows::keys::active(c, name)? {
                    return Ok(Some((name.to_owned(), active)));
                }
            }
            Ok(None)
        })?;
        let Some((name, (id, stem, [rsa, ed]))) = found else { return Ok(None) };
        let [rsa_selector, ed_selector] = selectors(&stem);
        let rsa = opened(store, (&name, &rsa_selector), &rsa)?;
        let ed = opened(store, (&name, &ed_selector), &ed)?;
        let broken = |_| Error::damaged(say!("DKIM の鍵を読み取れません。", "A DKIM key cannot be read."));
        let keys = vec![
            Key { selector: rsa_selector, private: Private::Rsa(RsaKeyPair::from_pkcs8(&rsa).map_err(broken)?) },
            Key {
                selector: ed_selector,
                private: Private::Ed25519(Ed25519KeyPair::from_seed_unchecked(&ed).map_err(broken)?),
            },
        ];
        Ok(Some(Signer::new(&name, id, keys)))
    }

    /// Whether the pair that this signer holds is still the one that signs: asked now and then by whoever keeps a
    /// signer for long.
    pub fn is_current(&self, store: &Store) -> Result<bool> {
        let active = store.read(|c| rows::keys::active(c, self.domain()))?;
        Ok(active.is_some_and(|(id, ..)| id == self.pair()))
    }
}

/// A pair that is in no table yet: public halves, and private ones sealed.
struct Made {
    domain: Domain,
    stem: String,
    private: [Vec<u8>; 2],
    public: [String; 2],
}

/// Takes a tenth of a second, so outside of any write.
fn make(store: &Store, domain: &Domain, now: Time) -> Result<Made> {
    let failed = |_| Error::bug("no key could be made");
    let rsa = RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed)?;
    let private = AsDer::<Pkcs8V1Der<'_>>::as_der(&rsa).map_err(failed)?;
    let public = AsDer::<PublicKeyX509Der<'_>>::as_der(rsa.public_key()).map_err(failed)?;
    let seed = Zeroizing::new(seal::random::<32>()?);
    let ed = Ed25519KeyPair::from_seed_unchecked(seed.as_slice()).map_err(|_| Error::bug("no key could be made"))?;
    let stem = plan::stem(now, &of(store, domain)?);
    let [rsa_selector, ed_selector] = selectors(&stem);
    Ok(Made {
        private: [
            sealed(store, (domain.as_str(), &rsa_selector), private.as_ref())?,
            sealed(store, (domain.as_str(), &ed_selector), seed.as_slice())?,
        ],
        public: [BASE64.encode(public.as_ref()), BASE64.encode(ed.public_key().as_ref())],
        domain: domain.clone(),
        stem,
    })
}

fn insert(tx: &Tx<'_>, made: &Made, now: Time) -> Result<Pair> {
    let new = rows::keys::New {
        domain: &made.domain,
        stem: &made.stem,
        private: [&made.private[0], &made.private[1]],
        public: [&made.public[0], &made.public[1]],
    };
    let id = rows::keys::insert(tx, &new, now)?;
    rows::keys::of(tx, &made.domain)?
        .into_iter()
        .find(|p| p.id == id)
        .ok_or_else(|| Error::bug("a DKIM pair that is not there"))
}

/// A sealed key opens only under its own domain and selector.
fn place((domain, selector): (&str, &str)) -> Vec<u8> {
    format!("{selector}._domainkey.{domain}").into_bytes()
}

fn sealed(store: &Store, at: (&str, &str), private: &[u8]) -> Result<Vec<u8>> {
    store.keys().token("delivery/dkim").seal(&place(at), private)
}

fn opened(store: &Store, at: (&str, &str), sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    store.keys().token("delivery/dkim").open(&place(at), sealed).map(Zeroizing::new)
}

fn there_is_one() -> Error {
    Error::conflict(say!("このドメインには DKIM の鍵がすでにあります。", "This domain has DKIM keys already.")).hint(
        say!("新しい鍵に替えるには hakobu mail dkim rotate を使います。", "hakobu mail dkim rotate exchanges them."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Kind;
    use crate::delivery::dkim::State;
    use std::time::Duration;

    fn house(dir: &std::path::Path) -> Store {
        Store::create(dir, &seal::Key::new([1; 32]), &[crate::delivery::SCHEMA]).unwrap().0
    }

    fn domain(name: &str) -> Domain {
        Domain::parse(name).unwrap()
    }

    const MAIL: &[u8] = b"From: <news@news.example.jp>\r\nTo: <a@example.jp>\r\n\r\nHello\r\n";

    #[test]
    fn keys_wait_sign_retire_and_go() {
        let dir = tempfile::tempdir().unwrap();
        let (store, by, d) = (house(dir.path()), By::house("test"), domain("example.jp"));
        let states = || of(&store, &d).unwrap().iter().map(|p| p.state).collect::<Vec<_>>();
        let first = create(&store, &by, Time(0), &d).unwrap();
        assert_eq!((first.state, states()), (State::Waiting, vec![State::Waiting]));
        assert_eq!(create(&store, &by, Time(0), &d).unwrap_err().kind(), Kind::Conflict);
        assert!(Signer::for_domain(&store, &d).unwrap().is_none(), "nobody could check what it signs");
        assert!(!turn(&store, &by, Time(0), &d, false).unwrap());
        assert!(turn(&store, &by, Time(0), &d, true).unwrap());
        let signer = Signer::for_domain(&store, &d).unwrap().unwrap();
        assert!(signer.is_current(&store).unwrap());

        let second = next(&store, &by, Time(1), &d).unwrap();
        assert_eq!(next(&store, &by, Time(2), &d).unwrap(), second, "one that waits is not made twice");
        assert!(signer.is_current(&store).unwrap());
        assert!(turn(&store, &by, Time(3), &d, true).unwrap());
        assert_eq!(states(), [State::Retiring, State::Active]);
        assert!(!signer.is_current(&store).unwrap());
        let after = Time(3).plus(Duration::from_secs(14 * 24 * 3600));
        assert!(!turn(&store, &by, after.minus(Duration::from_millis(1)), &d, false).unwrap());
        assert!(turn(&store, &by, after, &d, false).unwrap());
        assert_eq!(states(), [State::Gone, State::Active]);
    }

    #[test]
    fn the_signer_is_the_domains_own_or_that_of_the_nearest_one_above() {
        let dir = tempfile::tempdir().unwrap();
        let (store, by) = (house(dir.path()), By::house("test"));
        for name in ["example.jp", "shop.example.jp"] {
            create(&store, &by, Time(0), &domain(name)).unwrap();
            turn(&store, &by, Time(0), &domain(name), true).unwrap();
        }
        let signer = |name: &str| Signer::for_domain(&store, &domain(name)).unwrap().map(|s| s.domain().to_owned());
        for (from, want) in [
            ("example.jp", Some("example.jp")),
            ("news.example.jp", Some("example.jp")),
            ("a.b.example.jp", Some("example.jp")),
            ("shop.example.jp", Some("shop.example.jp")),
            ("mail.shop.example.jp", Some("shop.example.jp")),
            ("example.com", None),
            ("anexample.jp", None),
        ] {
            assert_eq!(signer(from).as_deref(), want, "{from}");
        }
    }

    #[test]
    fn the_kept_keys_are_those_that_were_published() {
        let dir = tempfile::tempdir().unwrap();
        let (store, by, d) = (house(dir.path()), By::house("test"), domain("example.jp"));
        let pair = create(&store, &by, Time::parse("2026-12-01", &crate::base::clock::japan()).unwrap(), &d).unwrap();
        turn(&store, &by, Time(0), &d, true).unwrap();
        let [rsa, ed] = pair.records();
        assert_eq!(rsa.name, "hkb20261201r._domainkey.example.jp");
        assert_eq!(ed.name, "hkb20261201e._domainkey.example.jp");
        assert!(rsa.value.starts_with("v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A"), "{}", rsa.value);
        assert_eq!(ed.value.len(), "v=DKIM1; k=ed25519; p=".len() + 44);
        let header = Signer::for_domain(&store, &d).unwrap().unwrap().sign(MAIL, Time(0)).unwrap();
        let header = String::from_utf8(header).unwrap();
        assert!(
            header.contains("s=hkb20261201r;")
                && header.contains("s=hkb20261201e;")
                && header.contains("d=example.jp;")
        );
    }

    #[test]
    fn private_keys_lie_sealed_and_are_destroyed_with_their_pair() {
        let dir = tempfile::tempdir().unwrap();
        let (store, by, d) = (house(dir.path()), By::house("test"), domain("example.jp"));
        create(&store, &by, Time(0), &d).unwrap();
        turn(&store, &by, Time(0), &d, true).unwrap();
        let (id, _, [rsa, ed]) = store.read(|c| rows::keys::active(c, "example.jp")).unwrap().unwrap();
        assert!(RsaKeyPair::from_pkcs8(&rsa).is_err() && ed.len() == 32 + seal::NONCE_LEN + seal::TAG_LEN);
        assert!(opened(&store, ("example.com", "x"), &ed).is_err(), "not under another name");
        store.write(&by, Time(0), "test", |tx| rows::keys::remove(tx, id)).unwrap();
        assert_eq!(of(&store, &d).unwrap()[0].state, State::Gone);
        assert!(store.read(|c| rows::keys::active(c, "example.jp")).unwrap().is_none());
    }
}
