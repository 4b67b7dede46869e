//! What a house says about the way in: which domains' mail comes here, and where failures are to be told.

use super::addresses::Domain;
use crate::base::{By, Email, Error, Result, Time};
use crate::delivery::rows;
use crate::store::{Deed, Store};
use serde::{Deserialize, Serialize};

/// Nothing is set at first: mail leaves with its sender's own address as the return path, as ever.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WayIn {
    /// The domain of return paths (`b+TOKEN@…`). Its MX must lead here.
    pub return_domain: Option<String>,
    /// Other domains whose mail comes here.
    pub domains: Vec<Domain>,
}

const NAME: &str = "way_in";

impl WayIn {
    /// Every domain, the one of return paths first, and the house's own.
    pub fn all(&self, house: &str) -> Vec<Domain> {
        let mut all: Vec<Domain> = self.return_domain.iter().map(|name| Domain::usual(name)).collect();
        all.extend(self.domains.iter().cloned());
        all.push(Domain::usual(house));
        let mut seen = std::collections::BTreeSet::new();
        all.retain(|domain| seen.insert(domain.name.clone()));
        all
    }
}

pub fn way_in(store: &Store) -> Result<WayIn> {
    let Some(sealed) = store.read(|c| rows::setting(c, NAME))? else { return Ok(WayIn::default()) };
    let bytes = store.keys().token("delivery/settings").open(NAME.as_bytes(), &sealed)?;
    serde_json::from_slice(&bytes).map_err(Error::bug)
}

pub fn set_way_in(store: &Store, by: &By, now: Time, way: &WayIn) -> Result<()> {
    let names = way.return_domain.iter().chain(way.domains.iter().map(|d| &d.name));
    for name in names {
        Email::parse(&format!("postmaster@{name}")).map_err(|_| {
            Error::refused(say!("ドメインの形が正しくありません。", "This is not a domain name."))
                .hint(say!("例: bounce.example.jp", "For example: bounce.example.jp"))
        })?;
    }
    let bytes = serde_json::to_vec(way).map_err(Error::bug)?;
    let sealed = store.keys().token("delivery/settings").seal(NAME.as_bytes(), &bytes)?;
    store.write(by, now, Deed::new("delivery.set_way_in", NAME), |tx| rows::set_setting(tx, NAME, &sealed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::seal::Key;

    #[test]
    fn the_way_in_comes_back_as_it_was_set_and_each_domain_stands_there_once() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(dir.path(), &Key::new([1; 32]), &[crate::delivery::SCHEMA]).unwrap().0;
        assert_eq!(way_in(&store).unwrap(), WayIn::default());
        let domains = vec![Domain::usual("News.Example.JP")];
        let way = WayIn { return_domain: Some("bounce.example.jp".into()), domains };
        set_way_in(&store, &By::house("test"), Time(1), &way).unwrap();
        assert_eq!(way_in(&store).unwrap(), way);
        let names: Vec<String> = way.all("news.example.jp").into_iter().map(|d| d.name).collect();
        assert_eq!(names, ["bounce.example.jp", "news.example.jp"]);
        let bad = WayIn { return_domain: Some("no domain".into()), ..way };
        assert!(set_way_in(&store, &By::house("test"), Time(1), &bad).is_err());
    }
}
