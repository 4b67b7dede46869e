//! Receivers (the domains of addresses), how they have answered lately, and which of them pause.
//!
//! When more than a tenth of a receiver's last five hundred results say that there is no such mailbox, something is wrong
//! there or with our list: its group pauses until a person has looked. Whoever sends asks `is_paused` for each receiver.

use super::bounces::{Rules, Window, plan};
use super::rows;
use crate::base::{By, Error, Result, Time};
use crate::store::{Deed, Store, Tx};
use serde::Serialize;
use std::collections::BTreeMap;

/// One receiver. The domain is in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receiver {
    pub domain: String,
    pub window: Window,
    /// Since when it pauses.
    pub paused: Option<Time>,
}

/// For people and scripts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Standing {
    pub domain: String,
    pub results: u32,
    pub hard: u32,
    pub paused: Option<Time>,
}

impl Receiver {
    pub fn standing(&self) -> Standing {
        let Receiver { domain, window, paused } = self;
        Standing { domain: domain.clone(), results: window.results(), hard: window.hard(), paused: *paused }
    }
}

/// How the receivers of some results stand after them.
#[derive(Default)]
pub struct Noted {
    all: BTreeMap<String, Receiver>,
    /// Those that pause because of these results.
    pub newly_paused: Vec<Receiver>,
}

impl Noted {
    pub fn is_paused(&self, domain: &str) -> bool {
        self.all.get(domain).is_some_and(|r| r.paused.is_some())
    }

    /// The place of its newest result.
    pub fn place(&self, domain: &str) -> u64 {
        self.all.get(domain).map_or(0, |r| r.window.total())
    }
}

/// Results by domain, and whether each was hard; in the caller's transaction.
pub fn note(tx: &Tx<'_>, rules: &Rules, results: &[(&str, bool)]) -> Result<Noted> {
    let mut noted = Noted::default();
    for (domain, hard) in results {
        if !noted.all.contains_key(*domain) {
            let (window, paused) = (Window::default(), None);
            let new = || Receiver { domain: (*domain).to_owned(), window, paused };
            let known = rows::receiver(tx, domain)?.unwrap_or_else(new);
            noted.all.insert((*domain).to_owned(), known);
        }
        if let Some(receiver) = noted.all.get_mut(*domain) {
            receiver.window.note(*hard);
        }
    }
    for receiver in noted.all.values_mut() {
        if receiver.paused.is_none() && plan::pauses(&receiver.window, rules) {
            receiver.paused = Some(tx.now);
            noted.newly_paused.push(receiver.clone());
        }
        rows::put_receiver(tx, receiver, tx.now)?;
    }
    Ok(noted)
}

pub fn is_paused(store: &Store, domain: &str) -> Result<bool> {
    let domain = domain.to_lowercase();
    Ok(store.read(|c| rows::receiver(c, &domain))?.is_some_and(|r| r.paused.is_some()))
}

/// All that pause; few, if any.
pub fn paused(store: &Store) -> Result<Vec<Receiver>> {
    store.read(rows::paused_receivers)
}

pub fn list(store: &Store, after: &str, most: usize) -> Result<Vec<Receiver>> {
    store.read(|c| rows::receivers(c, after, most))
}

/// It goes on, and is judged by what comes from now on; in the caller's transaction.
pub fn resume(tx: &Tx<'_>, domain: &str) -> Result<()> {
    let domain = domain.to_lowercase();
    let receiver = rows::receiver(tx, &domain)?.filter(|r| r.paused.is_some()).ok_or_else(|| {
        Error::missing(say!("その受信側は止まっていません。", "This receiver does not pause."))
            .hint(say!("`hakobu mail receiver list` で確かめられます。", "See `hakobu mail receiver list`."))
    })?;
    let going = Receiver { window: receiver.window.cleared(), paused: None, ..receiver };
    rows::put_receiver(tx, &going, tx.now)
}

const RULES: &str = "bounce_rules";

pub fn rules(store: &Store) -> Result<Rules> {
    let Some(sealed) = store.read(|c| rows::setting(c, RULES))? else { return Ok(Rules::default()) };
    let bytes = store.keys().token("delivery/settings").open(RULES.as_bytes(), &sealed)?;
    serde_json::from_slice(&bytes).map_err(Error::bug)
}

pub fn set_rules(store: &Store, by: &By, now: Time, rules: &Rules) -> Result<()> {
    let fits =
        (1..=50).contains(&rules.soft_times) && rules.soft_days <= 365 && (1..=100).contains(&rules.hard_percent);
    if !fits || !(1..=500).contains(&rules.hard_least) {
        return Err(Error::refused(say!("不達の決まりの値が範囲外です。", "A rule about failures is out of range."))
            .hint(say!(
                "一時エラーの回数は 1〜50、日数は 0〜365、割合は 1〜100、最少件数は 1〜500 です。",
                "Soft failures 1 to 50, days 0 to 365, percent 1 to 100, at least 1 to 500."
            )));
    }
    let bytes = serde_json::to_vec(rules).map_err(Error::bug)?;
    let sealed = store.keys().token("delivery/settings").seal(RULES.as_bytes(), &bytes)?;
    store.write(by, now, Deed::new("delivery.set_bounce_rules", RULES), |tx| rows::set_setting(tx, RULES, &sealed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::seal::Key;

    fn store(dir: &std::path::Path) -> Store {
        Store::create(dir, &Key::new([1; 32]), &[crate::delivery::SCHEMA]).unwrap().0
    }

    fn told(store: &Store, results: &[(&str, bool)]) -> Noted {
        let rules = rules(store).unwrap();
        store.write(&By::house("test"), Time(5), "test.note", |tx| note(tx, &rules, results)).unwrap()
    }

    #[test]
    fn a_receiver_pauses_alone_and_begins_anew_when_it_is_resumed() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        let good = vec![("docomo.ne.jp", false); 100];
        let hard = vec![("docomo.ne.jp", true); 19];
        told(&store, &good);
        let noted = told(&store, &hard);
        assert!(noted.newly_paused.is_empty() && !noted.is_paused("docomo.ne.jp"));
        assert_eq!(noted.place("docomo.ne.jp"), 119);
        let noted = told(&store, &[("docomo.ne.jp", true), ("au.com", false)]);
        assert_eq!(noted.newly_paused.len(), 1);
        assert!(is_paused(&store, "DoCoMo.ne.jp").unwrap() && !is_paused(&store, "au.com").unwrap());
        assert!(told(&store, &[("docomo.ne.jp", true)]).newly_paused.is_empty(), "it is told once");
        assert_eq!(paused(&store).unwrap()[0].standing().hard, 21);
        let resume_it = || store.write(&By::house("test"), Time(6), "test.resume", |tx| resume(tx, "docomo.ne.jp"));
        resume_it().unwrap();
        assert!(paused(&store).unwrap().is_empty());
        assert_eq!(resume_it().unwrap_err().kind(), crate::base::Kind::Missing);
        assert!(told(&store, &[("docomo.ne.jp", true)]).newly_paused.is_empty());
        assert_eq!(list(&store, "", 10).unwrap().len(), 2);
    }

    #[test]
    fn rules_come_back_as_they_were_set_and_nonsense_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        assert_eq!(rules(&store).unwrap(), Rules::default());
        let mine = Rules { soft_times: 3, ..Rules::default() };
        set_rules(&store, &By::house("test"), Time(1), &mine).unwrap();
        assert_eq!(rules(&store).unwrap(), mine);
        let bad = Rules { soft_times: 0, ..mine };
        assert!(set_rules(&store, &By::house("test"), Time(1), &bad).is_err());
    }
}
