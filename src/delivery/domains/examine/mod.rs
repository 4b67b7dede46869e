//! What is published, held against what is wanted. Pure: data from `Known` in, findings out; what is not known yet is
//! noted there and found *not known now*.

mod dkim;
mod dmarc;
mod hosts;
mod spf;

use super::known::Known;
use super::records::{Profile, Wanted};
use crate::base::Say;
use serde::Serialize;

pub(super) use dkim::seen;

/// How a record stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    There,
    /// DNS did not answer.
    Unknown,
    /// Something else is there, or something is wrong with it.
    Different,
    Missing,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub wanted: Wanted,
    pub standing: Standing,
    /// What is published under that name.
    pub found: Vec<String>,
    pub says: Say,
    /// What to do; empty when all is well.
    pub fix: Say,
}

impl Finding {
    fn there(wanted: Wanted, found: Vec<String>, says: Say) -> Finding {
        Finding { wanted, standing: Standing::There, found, says, fix: say!("", "") }
    }

    fn missing(wanted: Wanted, says: Say, fix: Say) -> Finding {
        Finding { wanted, standing: Standing::Missing, found: Vec::new(), says, fix }
    }

    fn different(wanted: Wanted, found: Vec<String>, says: Say, fix: Say) -> Finding {
        Finding { wanted, standing: Standing::Different, found, says, fix }
    }

    fn unknown(wanted: Wanted) -> Finding {
        let says = say!("いまは DNS から返事がありません。", "DNS does not answer now.");
        let fix = say!("しばらくしてから、もう一度確かめてください。", "Check again in a while.");
        Finding { wanted, standing: Standing::Unknown, found: Vec::new(), says, fix }
    }

    /// Nothing is to be done, or nothing that must be.
    pub fn is_well(&self) -> bool {
        self.standing == Standing::There || !self.wanted.required
    }
}

/// Every record of a domain, the most important ones first.
pub(super) fn examine(profile: &Profile, known: &Known) -> Vec<Finding> {
    let mut list = dkim::findings(profile, known);
    list.extend(spf::findings(profile, known));
    list.push(dmarc::finding(profile, known));
    list.extend(hosts::findings(profile, known));
    list
}

/// `name=value` pairs between semicolons, as DKIM and DMARC write them.
fn tags(text: &str) -> Vec<(String, String)> {
    text.split(';')
        .filter_map(|tag| tag.split_once('='))
        .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
        .collect()
}

fn tag<'a>(tags: &'a [(String, String)], name: &str) -> Option<&'a str> {
    tags.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
}

fn publish() -> Say {
    say!("示した値を、そのまま公開してください。", "Publish the value shown, as it is.")
}

/// Several sentences as one.
fn together(list: Vec<Say>) -> Say {
    let join = |pick: fn(&Say) -> &str, gap: &str| list.iter().map(pick).collect::<Vec<_>>().join(gap);
    Say::new(join(|s| &s.ja, ""), join(|s| &s.en, " "))
}

#[cfg(test)]
mod tests;
