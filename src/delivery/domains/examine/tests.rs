//! Findings over what DNS could have said.

use super::*;
use crate::base::names::{MailHost, Records};
use crate::base::{Domain, Email, Time};
use crate::delivery::dkim::{Pair, State};
use crate::delivery::domains::entry::Entry;
use crate::delivery::domains::known::{Heard, Question};
use crate::delivery::domains::records::Check;
use crate::delivery::domains::sending::{Sending, Source};
use std::net::IpAddr;

const RSA: &str = "v=DKIM1; k=rsa; p=MIIBrsa";
const ED: &str = "v=DKIM1; k=ed25519; p=ed";
const ED_NAME: &str = "hkb1e._domainkey.example.jp";
const RSA_NAME: &str = "hkb1r._domainkey.example.jp";

fn domain(name: &str) -> Domain {
    Domain::parse(name).unwrap()
}

fn pair(of: &str, state: State) -> Pair {
    Pair {
        id: 1,
        domain: domain(of),
        stem: "hkb1".to_owned(),
        state,
        public: ["MIIBrsa".to_owned(), "ed".to_owned()],
        made: Time(0),
        since: None,
        until: None,
    }
}

fn profile() -> Profile {
    Profile {
        entry: Entry::plain(&domain("example.jp")).unwrap(),
        sending: Sending {
            helo: Some(domain("mail.example.jp")),
            addresses: vec![Source::parse("10.0.0.5=192.0.2.7").unwrap()],
            includes: Vec::new(),
        },
        pairs: vec![pair("example.jp", State::Active)],
    }
}

/// What DNS says: name, type, values between bars; `?` for no answer. What is not in the list is absent.
struct World(Vec<(&'static str, &'static str, &'static str)>);

fn good() -> World {
    World(vec![
        (RSA_NAME, "TXT", RSA),
        (ED_NAME, "TXT", ED),
        ("bounce.example.jp", "TXT", "v=spf1 ip4:192.0.2.7 -all"),
        ("example.jp", "TXT", "google-site-verification=x|v=spf1 ip4:192.0.2.7 include:_spf.example.com ~all"),
        ("_spf.example.com", "TXT", "v=spf1 ip4:198.51.100.0/24 -all"),
        ("mail.example.jp", "TXT", "v=spf1 a -all"),
        ("_dmarc.example.jp", "TXT", "v=DMARC1; p=none"),
        ("bounce.example.jp", "MX", "10 mail.example.jp"),
        ("example.jp", "MX", "10 office.example.com"),
        ("mail.example.jp", "A", "192.0.2.7"),
        ("192.0.2.7", "PTR", "mail.example.jp"),
    ])
}

impl World {
    /// Another value of one record; none: it is absent.
    fn with(mut self, name: &'static str, kind: &'static str, value: &'static str) -> World {
        self.0.retain(|(n, k, _)| (*n, *k) != (name, kind));
        if !value.is_empty() {
            self.0.push((name, kind, value));
        }
        self
    }

    fn records<T>(&self, name: &str, kind: &str, read: impl Fn(&str) -> T) -> Records<T> {
        match self.0.iter().find(|(n, k, _)| *n == name && *k == kind) {
            None => Records::Absent,
            Some((_, _, "?")) => Records::Unknown,
            Some((_, _, values)) => Records::Found(values.split('|').map(read).collect()),
        }
    }

    fn answer(&self, question: &Question) -> Heard {
        let host = |text: &str| {
            let (preference, host) = text.split_once(' ').unwrap();
            MailHost { preference: preference.parse().unwrap(), host: host.trim_matches('.').to_owned() }
        };
        match question {
            Question::Texts(name) => Heard::Texts(self.records(name, "TXT", str::to_owned)),
            Question::MailHosts(name) => Heard::MailHosts(self.records(name, "MX", host)),
            Question::Addresses(name) => Heard::Addresses(self.records(name, "A", |t| t.parse().unwrap())),
            Question::Reverse(ip) => Heard::Reverse(self.records(&ip.to_string(), "PTR", str::to_owned)),
        }
    }

    fn findings(&self, profile: &Profile) -> Vec<Finding> {
        let mut known = Known::default();
        for _ in 0..10 {
            let findings = examine(profile, &known);
            let open = known.take_open();
            if open.is_empty() {
                return findings;
            }
            for question in open {
                let heard = self.answer(&question);
                known.put(question, heard);
            }
        }
        panic!("questions without an end");
    }

    fn finding(&self, profile: &Profile, check: Check) -> Finding {
        let all = self.findings(profile);
        all.into_iter().find(|f| f.wanted.check == check).unwrap_or_else(|| panic!("no {check:?}"))
    }
}

#[test]
fn a_domain_that_publishes_everything_is_well() {
    let findings = good().findings(&profile());
    let ill: Vec<_> = findings.iter().filter(|f| !f.is_well()).collect();
    assert!(ill.is_empty(), "{ill:#?}");
    let checks: Vec<Check> = findings.iter().map(|f| f.wanted.check).collect();
    for check in [Check::Dkim, Check::SpfReturnPath, Check::SpfFrom, Check::SpfHelo, Check::Dmarc, Check::FromHost] {
        assert!(checks.contains(&check), "{check:?}");
    }
    assert!(findings.iter().all(|f| f.standing == Standing::There || f.wanted.check == Check::MtaSts));
}

#[test]
fn an_empty_dns_is_told_what_to_publish() {
    let findings = World(Vec::new()).findings(&profile());
    let missing = |check: Check| {
        let list: Vec<&Finding> = findings.iter().filter(|f| f.wanted.check == check).collect();
        assert!(list.iter().all(|f| f.standing == Standing::Missing && !f.says.ja.is_empty()), "{check:?}");
        list.iter().map(|f| f.wanted.zone_line()).collect::<Vec<_>>()
    };
    assert_eq!(
        missing(Check::Dkim),
        [
            "hkb1r._domainkey.example.jp. IN TXT \"v=DKIM1; k=rsa; p=MIIBrsa\"",
            "hkb1e._domainkey.example.jp. IN TXT \"v=DKIM1; k=ed25519; p=ed\"",
        ]
    );
    for (check, want) in [
        (Check::SpfReturnPath, "bounce.example.jp. IN TXT \"v=spf1 ip4:192.0.2.7 -all\""),
        (Check::SpfFrom, "example.jp. IN TXT \"v=spf1 ip4:192.0.2.7 ~all\""),
        (Check::SpfHelo, "mail.example.jp. IN TXT \"v=spf1 a -all\""),
        (Check::Dmarc, "_dmarc.example.jp. IN TXT \"v=DMARC1; p=none\""),
        (Check::ReturnPath, "bounce.example.jp. IN MX 10 mail.example.jp."),
        (Check::Helo, "mail.example.jp. IN A 192.0.2.7"),
        (Check::Reverse, "7.2.0.192.in-addr.arpa. IN PTR mail.example.jp."),
    ] {
        assert_eq!(missing(check), [want]);
    }
}

#[test]
fn each_mistake_is_found_and_named() {
    use Standing::{Different, Missing, There, Unknown};
    let many = "v=spf1 ip4:192.0.2.7 a mx a:b.example mx:c.example exists:d.example ptr include:_spf.example.com \
                a:e.example a:f.example a:g.example a:h.example -all";
    for (check, (name, kind, value), standing, says) in [
        (Check::Dkim, (RSA_NAME, "TXT", "v=DKIM1; k=rsa; p=other"), Different, "not the one that signs"),
        (Check::Dkim, (RSA_NAME, "TXT", "v=DKIM1; p=MIIB rsa; s=email"), There, "published"),
        (Check::Dkim, (RSA_NAME, "TXT", "k=rsa;p=MIIBrsa"), There, "published"),
        (Check::Dkim, (RSA_NAME, "TXT", "v=DKIM1; k=ed25519; p=MIIBrsa"), Different, "kind"),
        (Check::Dkim, (RSA_NAME, "TXT", "v=DKIM1; k=rsa; p="), Different, "revoked"),
        (Check::Dkim, (RSA_NAME, "TXT", "v=DKIM1\\; k=rsa\\; p=MIIBrsa"), Different, "backslashes"),
        (Check::Dkim, (RSA_NAME, "TXT", "v=DKIM1; k=rsa; p=MIIBrsa; t=y"), Different, "t=y"),
        (Check::Dkim, (RSA_NAME, "TXT", "v=DKIM1; h=sha1; p=MIIBrsa"), Different, "kind"),
        (Check::Dkim, (RSA_NAME, "TXT", "v=DKIM1; p=MIIBrsa|v=DKIM1; p=old"), Different, "2 records"),
        (Check::Dkim, (RSA_NAME, "TXT", "?"), Unknown, "does not answer"),
        (Check::SpfFrom, ("example.jp", "TXT", "v=spf1 ip4:192.0.2.7 -all|v=spf1 mx -all"), Different, "2 SPF records"),
        (Check::SpfFrom, ("example.jp", "TXT", "v=spf1 include:_spf.example.com ~all"), Different, "ip4:192.0.2.7"),
        (Check::SpfFrom, ("example.jp", "TXT", "v=spf1 ip4:192.0.2.7 +all"), Different, "everybody"),
        (Check::SpfFrom, ("example.jp", "TXT", many), Different, "11 look-ups"),
        (Check::SpfFrom, ("example.jp", "TXT", "v=spf1 ipv4:192.0.2.7 -all"), Different, "nobody can read"),
        (Check::SpfFrom, ("example.jp", "TXT", "x=y"), Missing, "no SPF"),
        (Check::SpfFrom, ("_spf.example.com", "TXT", "?"), There, "allows our mail"),
        (Check::SpfFrom, ("example.jp", "TXT", "v=spf1 include:_later.example -all"), Different, "ip4:192.0.2.7"),
        (Check::Dmarc, ("_dmarc.example.jp", "TXT", ""), Missing, "no DMARC"),
        (Check::Dmarc, ("_dmarc.example.jp", "TXT", "v=DMARC1; p=none|v=DMARC1; p=reject"), Different, "2 DMARC"),
        (Check::Dmarc, ("_dmarc.example.jp", "TXT", "v=DMARC1; p=nothing"), Different, "none of none"),
        (Check::Dmarc, ("_dmarc.example.jp", "TXT", "v=DMARC1; p=reject; pct=50"), There, "outdated"),
        (
            Check::Dmarc,
            ("_dmarc.example.jp", "TXT", "v=DMARC1; p=none; rua=mailto:a@r.example"),
            There,
            "do not arrive",
        ),
        (Check::Dmarc, ("_dmarc.example.jp", "TXT", "v=DMARC1; p=none; rua=mailto:a@example.jp"), There, "(p=none)"),
        (Check::ReturnPath, ("bounce.example.jp", "MX", "10 other.example.jp"), Different, "another server"),
        (Check::ReturnPath, ("bounce.example.jp", "MX", "10 mail.example.jp|20 x.example.jp"), Different, "as well"),
        (Check::ReturnPath, ("bounce.example.jp", "MX", "?"), Unknown, "does not answer"),
        (Check::FromHost, ("example.jp", "MX", "0 ."), Different, "takes no mail"),
        (Check::FromHost, ("example.jp", "MX", ""), Missing, "neither"),
        (Check::Helo, ("mail.example.jp", "A", "198.51.100.9"), Different, "another address"),
        (Check::Reverse, ("192.0.2.7", "PTR", ""), Missing, "no reverse name"),
        (Check::Reverse, ("192.0.2.7", "PTR", "host7.isp.example"), Different, "does not lead back"),
        (Check::Reverse, ("192.0.2.7", "PTR", "?"), Unknown, "does not answer"),
    ] {
        let finding = good().with(name, kind, value).finding(&profile(), check);
        assert_eq!(finding.standing, standing, "{check:?} {value}: {finding:#?}");
        assert!(finding.says.en.contains(says), "{check:?} {value}: {}", finding.says.en);
        assert_eq!(finding.fix.ja.is_empty(), standing == There, "{check:?} {value}");
    }
}

#[test]
fn what_an_include_cannot_say_now_is_not_held_against_the_record() {
    let world =
        good().with("example.jp", "TXT", "v=spf1 include:_later.example -all").with("_later.example", "TXT", "?");
    assert_eq!(world.finding(&profile(), Check::SpfFrom).standing, Standing::Unknown);
}

#[test]
fn a_record_that_lacks_us_is_extended_and_not_replaced() {
    let with = |text| good().with("example.jp", "TXT", text).finding(&profile(), Check::SpfFrom).wanted.value;
    assert_eq!(with("v=spf1 include:_spf.example.com ~all"), "v=spf1 ip4:192.0.2.7 include:_spf.example.com ~all");
    assert_eq!(with("v=spf1 mx ~all|v=spf1 a -all"), "v=spf1 ip4:192.0.2.7 mx a -all");
}

#[test]
fn behind_a_relay_its_own_record_is_included() {
    let relayed = |includes: &[&str]| Profile {
        sending: Sending { includes: includes.iter().map(|n| domain(n)).collect(), ..Sending::default() },
        ..profile()
    };
    let one = relayed(&["spf.relay.example"]);
    let missing = World(Vec::new()).finding(&one, Check::SpfReturnPath);
    assert_eq!(missing.wanted.value, "v=spf1 include:spf.relay.example -all");
    for (text, standing) in [
        ("v=spf1 include:spf.relay.example -all", Standing::There),
        ("v=spf1 include:other.example -all", Standing::Different),
    ] {
        let world = World(vec![("bounce.example.jp", "TXT", text)]);
        assert_eq!(world.finding(&one, Check::SpfReturnPath).standing, standing, "{text}");
    }
    let none = World(Vec::new()).finding(&relayed(&[]), Check::SpfReturnPath);
    assert_eq!((none.wanted.value.as_str(), none.fix.en.contains("mail sending set")), ("", true));
    let checks: Vec<Check> = World(Vec::new()).findings(&one).iter().map(|f| f.wanted.check).collect();
    assert!(!checks.contains(&Check::Reverse) && !checks.contains(&Check::Helo), "nobody sees this machine");
}

#[test]
fn a_key_under_its_name_twice_over_is_recognised() {
    let doubled = "hkb1r._domainkey.example.jp.example.jp";
    let finding = World(vec![(doubled, "TXT", RSA)]).finding(&profile(), Check::Dkim);
    assert_eq!(finding.standing, Standing::Different);
    assert!(finding.says.en.contains(doubled) && finding.fix.en.contains("adds the domain"));
}

#[test]
fn a_pair_is_seen_when_both_of_its_records_are() {
    for (rsa, ed, want) in [(RSA, ED, true), (RSA, "", false), ("", ED, false), (RSA, "?", false), (ED, RSA, false)] {
        let world = World(Vec::new()).with(RSA_NAME, "TXT", rsa).with(ED_NAME, "TXT", ed);
        let (pair, mut known) = (pair("example.jp", State::Waiting), Known::default());
        while !seen(&pair, &known) {
            let open = known.take_open();
            if open.is_empty() {
                break;
            }
            for question in open {
                let heard = world.answer(&question);
                known.put(question, heard);
            }
        }
        assert_eq!(seen(&pair, &known), want, "{rsa} {ed}");
    }
}

#[test]
fn keys_of_the_domain_above_sign_unless_dmarc_is_strict() {
    let below = Profile { entry: Entry::plain(&domain("news.example.jp")).unwrap(), ..profile() };
    let finding = good().finding(&below, Check::Dmarc);
    assert_eq!(finding.standing, Standing::There);
    assert!(finding.says.en.contains("example.jp above it"), "{}", finding.says.en);
    let strict =
        good().with("_dmarc.news.example.jp", "TXT", "v=DMARC1; p=none; adkim=s").finding(&below, Check::Dmarc);
    assert_eq!(strict.standing, Standing::Different);
    let none = Profile { pairs: Vec::new(), ..below };
    let finding = good().finding(&none, Check::Dkim);
    assert!(finding.standing == Standing::Missing && finding.fix.en.contains("mail dkim create"));
}

#[test]
fn a_retiring_key_and_advice_are_not_required() {
    let retiring = Profile { pairs: vec![pair("example.jp", State::Retiring)], ..profile() };
    let finding = World(Vec::new()).finding(&retiring, Check::Dkim);
    assert!(finding.standing == Standing::Missing && finding.is_well());
    let reports = profile().entry.reporting_to(Some(Email::parse("d@example.jp").unwrap()));
    let finding = good().finding(&Profile { entry: reports, ..profile() }, Check::TlsReports);
    assert!(finding.standing == Standing::Missing && finding.is_well());
    assert_eq!(finding.wanted.value, "v=TLSRPTv1; rua=mailto:d@example.jp");
}

#[test]
fn an_ipv6_address_wants_a_record_of_its_own_kind() {
    let ip: IpAddr = "2001:db8::7".parse().unwrap();
    let sending = Sending { addresses: vec![Source { own: ip, public: ip }], ..profile().sending };
    let finding = World(Vec::new()).finding(&Profile { sending, ..profile() }, Check::Helo);
    assert_eq!(finding.wanted.zone_line(), "mail.example.jp. IN AAAA 2001:db8::7");
}
