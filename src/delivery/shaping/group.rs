//! Receiving groups: whom a preset or an admin's own numbers are for.

use super::{Limits, presets};
use crate::base::{By, Error, Result, Time, limits};
use crate::delivery::rows;
use crate::store::{Deed, Store};
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Group {
    pub name: String,
    /// Domains of addresses, and everything below them.
    pub domains: Vec<String>,
    /// Ends of names of mail hosts.
    pub hosts: Vec<String>,
    #[serde(flatten)]
    pub limits: Limits,
    /// Where the numbers come from, and when they were read there.
    pub source: String,
    pub read: String,
    /// Whether an admin changed them.
    pub own: bool,
}

/// The name of the group of everybody else.
pub(in crate::delivery) const OTHERS: &str = "others";

impl Group {
    /// Whether all of its domains are one receiver, who counts what we send to any of them.
    pub(in crate::delivery) fn is_one_receiver(&self) -> bool {
        self.name != OTHERS
    }

    /// The group of a domain with these mail hosts, the name of the domain first.
    pub(in crate::delivery) fn of<'a>(groups: &'a [Group], domain: &str, hosts: &[String]) -> Option<&'a Group> {
        let by_domain = groups.iter().find(|g| g.domains.iter().any(|d| is_below(domain, d)));
        by_domain
            .or_else(|| groups.iter().find(|g| hosts.iter().any(|host| g.hosts.iter().any(|end| is_below(host, end)))))
            .or_else(|| groups.iter().find(|g| g.name == OTHERS))
    }
}

fn is_below(name: &str, parent: &str) -> bool {
    let name = name.trim_end_matches('.');
    let Some(at) = name.len().checked_sub(parent.len()) else { return false };
    name.is_char_boundary(at) && name[at..].eq_ignore_ascii_case(parent) && (at == 0 || name[..at].ends_with('.'))
}

const SETTING: &str = "shaping";

/// What admins changed, by the name of the group.
type Own = BTreeMap<String, Limits>;

/// Every group as it is in force, the others last.
pub fn groups(store: &Store) -> Result<Vec<Group>> {
    let own = own(store)?;
    let mut groups = presets::all();
    for group in &mut groups {
        if let Some(limits) = own.get(&group.name) {
            (group.limits, group.own) = (limits.clone(), true);
        }
    }
    Ok(groups)
}

/// Other numbers for one group; `None` brings the preset back.
pub fn set_group(store: &Store, by: &By, now: Time, name: &str, limits: Option<Limits>) -> Result<()> {
    if !presets::all().iter().any(|group| group.name == name) {
        return Err(Error::missing(say!(
            "受信側のグループ {name} はありません。",
            "There is no receiving group {name}."
        ))
        .hint(say!(
            "hakobu mail shaping list で名前を確かめてください。",
            "hakobu mail shaping list shows their names."
        )));
    }
    if let Some(limits) = &limits {
        verify(limits)?;
    }
    let mut own = own(store)?;
    match limits {
        Some(limits) => own.insert(name.to_owned(), limits),
        None => own.remove(name),
    };
    let bytes = serde_json::to_vec(&own).map_err(Error::bug)?;
    store.write(by, now, Deed::new("delivery.shaping", name), |tx| rows::set_setting(tx, SETTING, &bytes))
}

fn verify(of: &Limits) -> Result<()> {
    let fits = (1..=limits::DIRECT_CONNECTIONS as u16).contains(&of.connections)
        && (1..=limits::PER_CONNECTION_MAX).contains(&of.per_connection)
        && of.per_minute.is_none_or(|n| (1..=limits::PER_MINUTE_MAX).contains(&n));
    let (open, each, rate) = (limits::DIRECT_CONNECTIONS, limits::PER_CONNECTION_MAX, limits::PER_MINUTE_MAX);
    fits.then_some(()).ok_or_else(|| {
        Error::refused(say!("数が範囲を超えています。", "A number is out of range.")).hint(say!(
            "接続数は 1〜{open}、接続あたりの通数は 1〜{each}、毎分の通数は 1〜{rate} です。",
            "Connections 1 to {open}, messages on one 1 to {each}, messages a minute 1 to {rate}."
        ))
    })
}

fn own(store: &Store) -> Result<Own> {
    let Some(bytes) = store.read(|c| rows::setting(c, SETTING))? else { return Ok(Own::new()) };
    serde_json::from_slice(&bytes).map_err(Error::bug)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::seal::Key;

    #[test]
    fn a_group_is_found_by_domain_then_by_mail_host() {
        let groups = presets::all();
        let of = |domain: &str, host: &str| {
            Group::of(&groups, domain, &[host.to_owned()]).map(|g| g.name.as_str()).unwrap_or_default().to_owned()
        };
        for (domain, host, want) in [
            ("docomo.ne.jp", "x", "docomo"),
            ("EZWEB.ne.jp", "x", "au"),
            ("a.vodafone.ne.jp", "x", "softbank"),
            ("yahoo.co.jp", "mx1.mail.yahoo.co.jp", "yahoo_japan"),
            ("notyahoo.co.jp", "mx.example.jp", "others"),
            ("gmail.com", "x", "gmail"),
            ("school.example.jp", "aspmx.l.google.com.", "gmail"),
            ("hotmail.co.jp", "x", "outlook"),
            ("example.jp", "mx.example.jp", "others"),
        ] {
            assert_eq!(of(domain, host), want, "{domain} {host}");
        }
    }

    #[test]
    fn an_admins_numbers_stay_until_they_are_taken_back() {
        let dir = tempfile::tempdir().unwrap();
        let (store, _code) = Store::create(dir.path(), &Key::new([1; 32]), &[crate::delivery::SCHEMA]).unwrap();
        let by = By::house("test");
        let gmail = || groups(&store).unwrap().into_iter().find(|g| g.name == "gmail").unwrap();
        let preset = gmail();
        let mine = Limits { connections: 3, per_minute: Some(60), ..preset.limits.clone() };
        set_group(&store, &by, Time(1), "gmail", Some(mine.clone())).unwrap();
        assert_eq!((gmail().limits, gmail().own), (mine.clone(), true));
        set_group(&store, &by, Time(1), "gmail", None).unwrap();
        assert_eq!(gmail(), preset);
        assert!(set_group(&store, &by, Time(1), "nobody", None).is_err());
        let none = Limits { connections: 0, ..mine };
        assert!(set_group(&store, &by, Time(1), "gmail", Some(none)).is_err());
    }
}
