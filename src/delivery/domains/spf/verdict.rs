//! A record asked about one address (RFC 7208 4), and counted.

use super::record::{Mechanism, Prefixes, Qualifier, Spf};
use crate::base::names::Records;
use crate::delivery::domains::known::Known;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::net::IpAddr;

/// What stands under a name.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::delivery::domains) enum Published {
    None,
    One(Spf),
    /// More than one record: receivers take that for an error.
    Several(Vec<String>),
    Broken(String),
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::delivery::domains) enum Outcome {
    Says(Qualifier),
    /// No record, or none of its terms matches.
    Nothing,
    Error,
    Unknown,
}

/// RFC 7208 4.6.4.
pub(in crate::delivery::domains) const LOOKUPS_MAX: u32 = 10;
/// Where counting ends, and how deep includes are followed.
const COUNTED_MAX: u32 = 30;

pub(in crate::delivery::domains) fn published(known: &Known, name: &str) -> Published {
    let texts = match known.texts(name) {
        Records::Found(texts) => texts,
        Records::Absent => return Published::None,
        Records::Unknown => return Published::Unknown,
    };
    let mut ours: Vec<String> = texts.into_iter().filter(|t| is_spf(t)).collect();
    match ours.len() {
        0 => Published::None,
        1 => {
            let text = ours.remove(0);
            Spf::parse(&text).map_or(Published::Broken(text), Published::One)
        }
        _ => Published::Several(ours),
    }
}

fn is_spf(text: &str) -> bool {
    text.split(' ').next().is_some_and(|first| first.eq_ignore_ascii_case("v=spf1"))
}

/// What the record of `name` says about mail from this address.
pub(in crate::delivery::domains) fn check_host(known: &Known, name: &str, ip: IpAddr) -> Outcome {
    check(known, name, ip, 0)
}

fn check(known: &Known, name: &str, ip: IpAddr, depth: u32) -> Outcome {
    if depth > LOOKUPS_MAX {
        return Outcome::Error;
    }
    let spf = match published(known, name) {
        Published::One(spf) => spf,
        Published::None => return Outcome::Nothing,
        Published::Several(_) | Published::Broken(_) => return Outcome::Error,
        Published::Unknown => return Outcome::Unknown,
    };
    for term in &spf.terms {
        match matches(known, (name, &term.mechanism), ip, depth) {
            Match::Yes => return Outcome::Says(term.qualifier),
            Match::No => {}
            Match::Error => return Outcome::Error,
            Match::Unknown => return Outcome::Unknown,
        }
    }
    match &spf.redirect {
        Some(next) => match check(known, next, ip, depth + 1) {
            Outcome::Nothing if matches!(published(known, next), Published::None) => Outcome::Error,
            outcome => outcome,
        },
        None => Outcome::Nothing,
    }
}

enum Match {
    Yes,
    No,
    Error,
    Unknown,
}

fn matches(known: &Known, (name, mechanism): (&str, &Mechanism), ip: IpAddr, depth: u32) -> Match {
    match mechanism {
        Mechanism::All => Match::Yes,
        Mechanism::Other => Match::No,
        Mechanism::Ip(net) => if_any(net.contains(&ip)),
        Mechanism::Include(other) => match check(known, other, ip, depth + 1) {
            Outcome::Says(Qualifier::Pass) => Match::Yes,
            Outcome::Says(_) => Match::No,
            // An included name without a record is an error (RFC 7208 5.2); one whose terms do not match is not.
            Outcome::Nothing if matches!(published(known, other), Published::None) => Match::Error,
            Outcome::Nothing => Match::No,
            Outcome::Error => Match::Error,
            Outcome::Unknown => Match::Unknown,
        },
        Mechanism::A(other, prefixes) => address(known, other.as_deref().unwrap_or(name), *prefixes, ip),
        Mechanism::Mx(other, prefixes) => match known.mail_hosts(other.as_deref().unwrap_or(name)) {
            Records::Found(hosts) => hosts
                .iter()
                .take(LOOKUPS_MAX as usize)
                .map(|host| address(known, &host.host, *prefixes, ip))
                .reduce(better)
                .unwrap_or(Match::No),
            Records::Absent => Match::No,
            Records::Unknown => Match::Unknown,
        },
    }
}

fn if_any(matches: bool) -> Match {
    if matches { Match::Yes } else { Match::No }
}

fn better(a: Match, b: Match) -> Match {
    match (a, b) {
        (Match::Yes, _) | (_, Match::Yes) => Match::Yes,
        (Match::Unknown, _) | (_, Match::Unknown) => Match::Unknown,
        (a, _) => a,
    }
}

fn address(known: &Known, host: &str, (four, six): Prefixes, ip: IpAddr) -> Match {
    let within = |found: &IpAddr| match found {
        IpAddr::V4(v4) => Ipv4Net::new(*v4, four).is_ok_and(|net| IpNet::V4(net).contains(&ip)),
        IpAddr::V6(v6) => Ipv6Net::new(*v6, six).is_ok_and(|net| IpNet::V6(net).contains(&ip)),
    };
    match known.addresses(host) {
        Records::Found(found) => if_any(found.iter().any(within)),
        Records::Absent => Match::No,
        Records::Unknown => Match::Unknown,
    }
}

/// Look-ups that the whole record can cost a receiver.
pub(in crate::delivery::domains) fn lookups(known: &Known, name: &str) -> u32 {
    cost(known, name, 0)
}

fn cost(known: &Known, name: &str, before: u32) -> u32 {
    let Published::One(spf) = published(known, name) else { return before };
    let mut sum = before;
    for term in &spf.terms {
        if sum >= COUNTED_MAX {
            return sum;
        }
        sum = match &term.mechanism {
            Mechanism::All | Mechanism::Ip(_) => sum,
            Mechanism::A(..) | Mechanism::Mx(..) | Mechanism::Other => sum + 1,
            Mechanism::Include(other) => cost(known, other, sum + 1),
        };
    }
    match &spf.redirect {
        Some(next) if sum < COUNTED_MAX => cost(known, next, sum + 1),
        _ => sum,
    }
}
