//! Asks DNS what a domain publishes: round by round, all questions of a round at once, until nothing is left to ask or
//! the time is over.

use super::examine::{Finding, Standing, examine, seen};
use super::known::{Heard, Known, Question};
use super::records::Profile;
use crate::base::names::{Names, Records};
use crate::base::{Domain, Time, limits};
use crate::delivery::dkim::Pair;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// What one check found.
#[derive(Clone, Debug)]
pub struct Report {
    pub domain: Domain,
    pub at: Time,
    pub findings: Vec<Finding>,
}

impl Report {
    /// Everything that is required is there.
    pub fn is_well(&self) -> bool {
        self.findings.iter().all(Finding::is_well)
    }

    /// How many required records stand like this.
    pub fn count(&self, standing: Standing) -> usize {
        self.findings.iter().filter(|f| f.wanted.required && f.standing == standing).count()
    }
}

/// Looks every record of the profile up, anew. Takes `limits::DNS_CHECK` at most.
pub fn check(names: &Names, profile: &Profile, now: Time) -> Report {
    let findings = ask(names, |known| examine(profile, known));
    Report { domain: profile.domain().clone(), at: now, findings }
}

/// Every record of the profile, before anybody asked DNS.
pub fn wanted(profile: &Profile) -> Vec<Finding> {
    examine(profile, &Known::default())
}

/// Whether both records of a pair are published.
pub fn is_seen(names: &Names, pair: &Pair) -> bool {
    ask(names, |known| seen(pair, known))
}

/// Judges until nothing is asked any more.
fn ask<T>(names: &Names, judge: impl Fn(&Known) -> T) -> T {
    names.forget();
    let (mut known, end) = (Known::default(), Instant::now() + limits::DNS_CHECK);
    for _ in 0..limits::DNS_ROUNDS {
        let judged = judge(&known);
        let open = known.take_open();
        if open.is_empty() {
            return judged;
        }
        let left = end.saturating_duration_since(Instant::now());
        for (question, heard) in names.wait(round(names, open.clone(), left)).unwrap_or_default() {
            known.put(question, heard);
        }
        for question in open {
            known.put_if_new(question);
        }
    }
    judge(&known)
}

/// All at once; what has no answer when the time is over is left out.
async fn round(names: &Names, questions: Vec<Question>, most: Duration) -> Vec<(Question, Heard)> {
    let mut asked = JoinSet::new();
    for question in questions {
        let names = names.clone();
        asked.spawn(async move {
            let heard = one(&names, &question).await;
            (question, heard)
        });
    }
    let mut answers = Vec::new();
    let all = async {
        while let Some(answer) = asked.join_next().await {
            answers.extend(answer);
        }
    };
    // Late or not, what came is kept.
    tokio::time::timeout(most, all).await.ok();
    answers
}

async fn one(names: &Names, question: &Question) -> Heard {
    match question {
        Question::Texts(name) => Heard::Texts(names.texts(name).await),
        Question::MailHosts(name) => Heard::MailHosts(names.mail_hosts(name).await),
        Question::Addresses(name) => Heard::Addresses(names.addresses(name).await),
        Question::Reverse(ip) => Heard::Reverse(names.reverse(*ip).await),
    }
}

impl Known {
    /// No answer came: nobody knows now.
    fn put_if_new(&mut self, question: Question) {
        if !self.has(&question) {
            let heard = match &question {
                Question::Texts(_) => Heard::Texts(Records::Unknown),
                Question::MailHosts(_) => Heard::MailHosts(Records::Unknown),
                Question::Addresses(_) => Heard::Addresses(Records::Unknown),
                Question::Reverse(_) => Heard::Reverse(Records::Unknown),
            };
            self.put(question, heard);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::names::zone::{Fault, Zone};
    use crate::delivery::domains::Check;
    use crate::delivery::domains::Entry;
    use crate::delivery::domains::{Sending, Source};

    fn profile() -> Profile {
        let domain = Domain::parse("example.jp").unwrap();
        let sending = Sending {
            helo: Domain::parse("mail.example.jp").ok(),
            addresses: vec![Source::parse("192.0.2.7").unwrap()],
            includes: Vec::new(),
        };
        Profile { entry: Entry::plain(&domain).unwrap(), sending, pairs: Vec::new() }
    }

    #[test]
    fn a_check_asks_dns_until_nothing_is_open() {
        let zone = Zone::start().unwrap();
        let names = Names::new(&[zone.addr()]).within(Duration::from_millis(300));
        let ip = "192.0.2.7".parse().unwrap();
        zone.text("example.jp", "v=spf1 include:a.example.com -all")
            .text("a.example.com", "v=spf1 mx:b.example.com -all");
        zone.mail_host("b.example.com", 10, "c.example.com").address("c.example.com", ip);
        zone.reverse(ip, "mail.example.jp").address("mail.example.jp", ip);
        zone.fault("_dmarc.example.jp", Fault::ServerFailure);
        let report = check(&names, &profile(), Time(7));
        let standing = |check: Check| report.findings.iter().find(|f| f.wanted.check == check).unwrap().standing;
        for (check, want) in [
            (Check::SpfFrom, Standing::There),
            (Check::Reverse, Standing::There),
            (Check::Helo, Standing::There),
            (Check::Dmarc, Standing::Unknown),
            (Check::ReturnPath, Standing::Missing),
            (Check::Dkim, Standing::Missing),
        ] {
            assert_eq!(standing(check), want, "{check:?}: {:#?}", report.findings);
        }
        assert!(!report.is_well() && report.count(Standing::Unknown) == 1 && report.at == Time(7));
        zone.remove("_dmarc.example.jp").text("_dmarc.example.jp", "v=DMARC1; p=none");
        let again = check(&names, &profile(), Time(8));
        assert_eq!(again.count(Standing::Unknown), 0, "nothing is kept from before");
    }
}
