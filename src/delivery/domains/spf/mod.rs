//! SPF (RFC 7208): a record read (`record`), asked about one address and counted (`verdict`). Pure: what DNS said comes
//! from `Known`.

mod record;
mod verdict;

pub(super) use record::{Qualifier, Spf, merged};
pub(super) use verdict::{LOOKUPS_MAX, Outcome, Published, check_host, lookups, published};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::names::{MailHost, Records};
    use crate::delivery::domains::known::{Heard, Known, Question};

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
