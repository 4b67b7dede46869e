//! SPF (RFC 7208): a record read, asked about one address, and counted. Pure: what DNS said comes from `Known`.

use super::known::Known;
use crate::base::names::Records;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::net::IpAddr;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spf {
    /// As published.
    pub(super) text: String,
    terms: Vec<Term>,
    redirect: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    qualifier: Qualifier,
    mechanism: Mechanism,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Qualifier {
    Pass,
    Fail,
    SoftFail,
    Neutral,
}

/// Lengths of the prefixes for A and AAAA.
type Prefixes = (u8, u8);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Mechanism {
    All,
    Include(String),
    A(Option<String>, Prefixes),
    Mx(Option<String>, Prefixes),
    Ip(IpNet),
    /// `exists` and `ptr`, which cost a look-up and match nothing of ours.
    Other,
}

/// What stands under a name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Published {
    None,
    One(Spf),
    /// More than one record: receivers take that for an error.
    Several(Vec<String>),
    Broken(String),
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Says(Qualifier),
    /// No record, or none of its terms matches.
    Nothing,
    Error,
    Unknown,
}

/// RFC 7208 4.6.4.
pub(super) const LOOKUPS_MAX: u32 = 10;
/// Where counting ends, and how deep includes are followed.
const COUNTED_MAX: u32 = 30;

pub(super) fn published(known: &Known, name: &str) -> Published {
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

impl Spf {
    pub(super) fn parse(text: &str) -> Option<Spf> {
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
    pub(super) fn allows_everybody(&self) -> bool {
        self.terms.iter().any(|t| t.mechanism == Mechanism::All && t.qualifier == Qualifier::Pass)
    }

    /// `include:` of this name, in so many words.
    pub(super) fn includes(&self, name: &str) -> bool {
        self.terms.iter().any(|t| matches!(&t.mechanism, Mechanism::Include(n) if n.eq_ignore_ascii_case(name)))
            || self.redirect.as_deref().is_some_and(|r| r.eq_ignore_ascii_case(name))
    }

    /// The same record with these terms at its front.
    pub(super) fn with(&self, more: &[String]) -> String {
        let rest = self.text.split_once(' ').map_or("", |(_, rest)| rest.trim());
        format!("v=spf1 {} {rest}", more.join(" ")).trim_end().to_owned()
    }
}

/// One record out of several: every term once, ours first, the last `all` at the end.
pub(super) fn merged(texts: &[String], ours: &[String]) -> String {
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

/// What the record of `name` says about mail from this address.
pub(super) fn check_host(known: &Known, name: &str, ip: IpAddr) -> Outcome {
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
pub(super) fn lookups(known: &Known, name: &str) -> u32 {
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

#[cfg(test)]
mod tests {
    use super::super::known::{Heard, Question};
    use super::*;
    use crate::base::names::MailHost;

    fn world(records: &[(&str, &str)]) -> Known {
        let mut known = Known::default();
        for (name, text) in records {
            let question = Question::Texts((*name).to_owned());
            known.put(question, Heard::Texts(Records::Found(text.split('|').map(str::to_owned).collect())));
        }
        let ip = |text: &str| text.parse().unwrap();
        let addresses = Heard::Addresses(Records::Found(vec![ip("192.0.2.7"), ip("2001:db8::7")]));
        known.put(Question::Addresses("mx.example.jp".into()), addresses);
        let hosts = vec![MailHost { preference: 10, host: "mx.example.jp".into() }];
        known.put(Question::MailHosts("example.jp".into()), Heard::MailHosts(Records::Found(hosts)));
        known
    }

    #[test]
    fn an_address_is_judged_by_the_first_term_that_matches() {
        use Outcome::{Error, Nothing, Says, Unknown};
        use Qualifier::{Fail, Neutral, Pass, SoftFail};
        for (record, want) in [
            ("v=spf1 ip4:192.0.2.7 -all", Says(Pass)),
            ("v=spf1 ip4:192.0.2.0/24 -all", Says(Pass)),
            ("v=spf1 ip4:198.51.100.0/24 -all", Says(Fail)),
            ("v=spf1 ip4:198.51.100.0/24 ~all", Says(SoftFail)),
            ("v=spf1 -ip4:192.0.2.7 +all", Says(Fail)),
            ("v=spf1 ?all", Says(Neutral)),
            ("v=spf1 ip4:198.51.100.1", Nothing),
            ("v=spf1 a:mx.example.jp -all", Says(Pass)),
            ("v=spf1 a:mx.example.jp/28 -all", Says(Pass)),
            ("v=spf1 mx -all", Says(Pass)),
            ("v=spf1 mx:example.jp -all", Says(Pass)),
            ("v=spf1 include:_spf.example.com -all", Says(Pass)),
            ("v=spf1 include:_none.example.com -all", Says(Fail)),
            ("v=spf1 redirect=_spf.example.com", Says(Pass)),
            ("v=spf1 exp=why.example.com unknown=x ip4:192.0.2.7 -all", Says(Pass)),
            ("v=spf1 exists:%{i}.example.com ptr ip4:192.0.2.7 -all", Says(Pass)),
            ("v=spf1 ip4:not-an-address -all", Error),
            ("v=spf1 ip6:192.0.2.7 -all", Error),
            ("v=spf1 everybody", Error),
            ("v=spf1 include:looped.example.com -all", Error),
            ("v=spf1 ip4:192.0.2.7 -all|v=spf1 -all", Error),
            ("v=spf10 -all|google-site-verification=x", Nothing),
            ("v=spf1 include:_unasked.example.com -all", Unknown),
            ("V=SPF1 IP4:192.0.2.7 -ALL", Says(Pass)),
        ] {
            let known = world(&[
                ("example.jp", record),
                ("_spf.example.com", "v=spf1 ip4:192.0.2.0/25 -all"),
                ("_none.example.com", "v=spf1 ip4:203.0.113.1 -all"),
                ("looped.example.com", "v=spf1 include:looped.example.com"),
            ]);
            assert_eq!(check_host(&known, "example.jp", "192.0.2.7".parse().unwrap()), want, "{record}");
        }
    }

    #[test]
    fn an_ipv6_address_is_judged_too() {
        for (record, want) in [
            ("v=spf1 ip6:2001:db8::/32 -all", Qualifier::Pass),
            ("v=spf1 ip6:2001:db8::7 -all", Qualifier::Pass),
            ("v=spf1 a:mx.example.jp//64 -all", Qualifier::Pass),
            ("v=spf1 ip4:192.0.2.7 -all", Qualifier::Fail),
        ] {
            let known = world(&[("example.jp", record)]);
            let outcome = check_host(&known, "example.jp", "2001:db8::7".parse().unwrap());
            assert_eq!(outcome, Outcome::Says(want), "{record}");
        }
    }

    #[test]
    fn look_ups_are_counted_through_includes_and_loops_end() {
        let known = world(&[
            ("example.jp", "v=spf1 a mx ip4:192.0.2.1 include:a.example.com -all"),
            ("a.example.com", "v=spf1 exists:x ptr include:b.example.com ~all"),
            ("b.example.com", "v=spf1 mx mx:x mx:y -all"),
            ("looped.example.com", "v=spf1 include:looped.example.com"),
        ]);
        assert_eq!(lookups(&known, "example.jp"), 9);
        assert!(lookups(&known, "looped.example.com") > LOOKUPS_MAX);
        assert_eq!(lookups(&known, "nobody.example.com"), 0);
    }

    #[test]
    fn a_record_is_extended_at_its_front() {
        let more = ["ip4:192.0.2.7".to_owned(), "include:spf.relay.example".to_owned()];
        for (text, want) in [
            (
                "v=spf1 include:_spf.google.com ~all",
                "v=spf1 ip4:192.0.2.7 include:spf.relay.example include:_spf.google.com ~all",
            ),
            ("v=spf1", "v=spf1 ip4:192.0.2.7 include:spf.relay.example"),
        ] {
            assert_eq!(Spf::parse(text).unwrap().with(&more), want);
        }
        let several = ["v=spf1 mx ~all".to_owned(), "v=spf1 mx ip4:192.0.2.7 a -all".to_owned()];
        assert_eq!(merged(&several, &more[..1]), "v=spf1 ip4:192.0.2.7 mx a -all");
        assert!(Spf::parse("v=spf1 +all").unwrap().allows_everybody());
        assert!(!Spf::parse("v=spf1 ~all").unwrap().allows_everybody());
        assert!(Spf::parse("v=spf1 include:A.example ~all").unwrap().includes("a.example"));
    }
}
