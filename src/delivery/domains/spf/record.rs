//! A record as it is written: read into terms, extended, put together out of several.

use ipnet::IpNet;
use std::net::IpAddr;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::delivery::domains) struct Spf {
    /// As published.
    pub(in crate::delivery::domains) text: String,
    pub(super) terms: Vec<Term>,
    pub(super) redirect: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Term {
    pub(super) qualifier: Qualifier,
    pub(super) mechanism: Mechanism,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::delivery::domains) enum Qualifier {
    Pass,
    Fail,
    SoftFail,
    Neutral,
}

/// Lengths of the prefixes for A and AAAA.
pub(super) type Prefixes = (u8, u8);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mechanism {
    All,
    Include(String),
    A(Option<String>, Prefixes),
    Mx(Option<String>, Prefixes),
    Ip(IpNet),
    /// `exists` and `ptr`, which cost a look-up and match nothing of ours.
    Other,
}

impl Spf {
    pub(in crate::delivery::domains) fn parse(text: &str) -> Option<Spf> {
        let mut words = text.split(' ').filter(|w| !w.is_empty());
        words.next().filter(|w| w.eq_ignore_ascii_case("v=spf1"))?;
        let (mut terms, mut redirect) = (Vec::new(), None);
        for word in words {
            match modifier(word) {
                Some((name, value)) if name.eq_ignore_ascii_case("redirect") => redirect = Some(value.to_owned()),
                Some(_) => {}
                None => terms.push(term(word)?),
            }
        }
        Some(Spf { text: text.to_owned(), terms, redirect })
    }

    /// `+all`: the whole world may send.
    pub(in crate::delivery::domains) fn allows_everybody(&self) -> bool {
        self.terms.iter().any(|t| t.mechanism == Mechanism::All && t.qualifier == Qualifier::Pass)
    }

    /// `include:` of this name, in so many words.
    pub(in crate::delivery::domains) fn includes(&self, name: &str) -> bool {
        self.terms.iter().any(|t| matches!(&t.mechanism, Mechanism::Include(n) if n.eq_ignore_ascii_case(name)))
            || self.redirect.as_deref().is_some_and(|r| r.eq_ignore_ascii_case(name))
    }

    /// The same record with these terms at its front.
    pub(in crate::delivery::domains) fn with(&self, more: &[String]) -> String {
        let rest = self.text.split_once(' ').map_or("", |(_, rest)| rest.trim());
        format!("v=spf1 {} {rest}", more.join(" ")).trim_end().to_owned()
    }
}

/// One record out of several: every term once, ours first, the last `all` at the end.
pub(in crate::delivery::domains) fn merged(texts: &[String], ours: &[String]) -> String {
    let words = texts.iter().flat_map(|t| t.split(' ').skip(1)).filter(|w| !w.is_empty());
    let (ends, terms): (Vec<&str>, Vec<&str>) =
        words.partition(|w| w.trim_start_matches(['+', '-', '~', '?']) == "all");
    let mut list: Vec<&str> = Vec::new();
    for word in ours.iter().map(String::as_str).chain(terms).chain(ends.last().copied()) {
        if !list.contains(&word) {
            list.push(word);
        }
    }
    format!("v=spf1 {}", list.join(" "))
}

/// `name=value`, but not a mechanism whose argument holds a `=`.
fn modifier(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)).then_some((name, value))
}

fn term(word: &str) -> Option<Term> {
    let (qualifier, rest) = match word.as_bytes().first()? {
        b'+' => (Qualifier::Pass, &word[1..]),
        b'-' => (Qualifier::Fail, &word[1..]),
        b'~' => (Qualifier::SoftFail, &word[1..]),
        b'?' => (Qualifier::Neutral, &word[1..]),
        _ => (Qualifier::Pass, word),
    };
    let (name, argument) = match rest.find([':', '/']) {
        Some(at) => (&rest[..at], rest[at..].strip_prefix(':').unwrap_or(&rest[at..])),
        None => (rest, ""),
    };
    let mechanism = match name.to_ascii_lowercase().as_str() {
        "all" if argument.is_empty() => Mechanism::All,
        "include" if !argument.is_empty() => Mechanism::Include(argument.to_owned()),
        "a" => host(argument).map(|(name, prefixes)| Mechanism::A(name, prefixes))?,
        "mx" => host(argument).map(|(name, prefixes)| Mechanism::Mx(name, prefixes))?,
        "ip4" => Mechanism::Ip(net(argument).filter(|n| matches!(n, IpNet::V4(_)))?),
        "ip6" => Mechanism::Ip(net(argument).filter(|n| matches!(n, IpNet::V6(_)))?),
        "exists" | "ptr" => Mechanism::Other,
        _ => return None,
    };
    Some(Term { qualifier, mechanism })
}

fn net(text: &str) -> Option<IpNet> {
    text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// `name/24//64`, each part optional.
fn host(text: &str) -> Option<(Option<String>, Prefixes)> {
    let (text, six) = match text.split_once("//") {
        Some((rest, six)) => (rest, six.parse().ok().filter(|n| *n <= 128)?),
        None => (text, 128),
    };
    let (name, four) = match text.split_once('/') {
        Some((name, four)) => (name, four.parse().ok().filter(|n| *n <= 32)?),
        None => (text, 32),
    };
    Some(((!name.is_empty()).then(|| name.to_owned()), (four, six)))
}
