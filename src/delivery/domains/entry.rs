//! A sending domain as the house keeps it.

use crate::base::{By, Domain, Email, Error, Result, Time};
use crate::delivery::rows;
use crate::store::{Deed, Store};

/// What a domain needs to be told beyond its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub domain: Domain,
    /// Where failures come back; the domain itself or one below it, so that SPF counts for it.
    pub return_path: Domain,
    /// Who gets the receivers' daily reports (`rua`); nobody unless named.
    pub reports: Option<Email>,
}

/// The label that a return path has unless somebody names another.
const LABEL: &str = "bounce";

impl Entry {
    /// As a domain is before anything was set.
    pub fn plain(domain: &Domain) -> Result<Entry> {
        let return_path = Domain::parse(&domain.below(LABEL))?;
        Ok(Entry { domain: domain.clone(), return_path, reports: None })
    }

    /// With another return path: a label below the domain, or a whole name.
    pub fn returning_to(self, text: &str) -> Result<Entry> {
        let text = text.trim();
        let whole = if text.contains('.') { text.to_owned() } else { self.domain.below(text) };
        let return_path = Domain::parse(&whole)?;
        match return_path.is_within(&self.domain) {
            true => Ok(Entry { return_path, ..self }),
            false => Err(not_within(&self.domain)),
        }
    }

    pub fn reporting_to(self, reports: Option<Email>) -> Entry {
        Entry { reports, ..self }
    }
}

fn not_within(domain: &Domain) -> Error {
    Error::refused(say!(
        "返送先は、このドメイン自身かその下の名前にしてください。",
        "The return path is this domain, or a name below it."
    ))
    .hint(say!("例: {LABEL}.{domain}", "For example: {LABEL}.{domain}"))
}

/// What was set for the domain, else what stands for every domain.
pub fn entry(store: &Store, domain: &Domain) -> Result<Entry> {
    match store.read(|c| rows::domains::one(c, domain))? {
        Some(entry) => Ok(entry),
        None => Entry::plain(domain),
    }
}

/// Every domain that somebody added or set something for.
pub fn entries(store: &Store) -> Result<Vec<Entry>> {
    store.read(rows::domains::all)
}

pub fn save(store: &Store, by: &By, now: Time, entry: &Entry) -> Result<()> {
    store.write(by, now, Deed::new("domain.save", entry.domain.as_str()), |tx| rows::domains::save(tx, entry, now))
}

/// Takes it off the list. Its keys stay as they are.
pub fn remove(store: &Store, by: &By, now: Time, domain: &Domain) -> Result<()> {
    store.write(by, now, Deed::new("domain.remove", domain.as_str()), |tx| match rows::domains::remove(tx, domain)? {
        true => Ok(()),
        false => Err(Error::missing(say!("そのドメインは登録されていません。", "That domain is not on the list."))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain(name: &str) -> Domain {
        Domain::parse(name).unwrap()
    }

    #[test]
    fn a_return_path_stays_within_its_domain() {
        for (text, want) in [
            ("bounce", Some("bounce.example.jp")),
            ("r.mail.example.jp", Some("r.mail.example.jp")),
            ("example.jp", Some("example.jp")),
            ("example.com", None),
            ("anexample.jp", None),
            ("a b", None),
        ] {
            let entry = Entry::plain(&domain("example.jp")).unwrap().returning_to(text).ok();
            assert_eq!(entry.as_ref().map(|e| e.return_path.as_str()), want, "{text}");
        }
    }

    #[test]
    fn what_was_set_comes_back_and_goes_away() {
        let dir = tempfile::tempdir().unwrap();
        let (store, _code) =
            Store::create(dir.path(), &crate::base::seal::Key::new([1; 32]), &[crate::delivery::SCHEMA]).unwrap();
        let (by, d) = (By::house("test"), domain("example.jp"));
        assert_eq!(entry(&store, &d).unwrap().return_path.as_str(), "bounce.example.jp");
        assert!(entries(&store).unwrap().is_empty());
        let set = entry(&store, &d).unwrap().returning_to("r").unwrap();
        let set = set.reporting_to(Some(Email::parse("dmarc@example.jp").unwrap()));
        for _ in 0..2 {
            save(&store, &by, Time(1), &set).unwrap();
        }
        assert_eq!((entry(&store, &d).unwrap(), entries(&store).unwrap()), (set.clone(), vec![set]));
        remove(&store, &by, Time(1), &d).unwrap();
        assert!(remove(&store, &by, Time(1), &d).is_err());
    }
}
