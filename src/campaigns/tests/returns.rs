//! What comes back to a house that has sent.

use super::*;
use crate::base::ids::RunId;
use crate::campaigns::returns::{Came, Followed, follow, paths};
use crate::contacts::failure;
use crate::contacts::suppression::{self, Reason};
use crate::delivery::bounces::{About, Class, Purpose};
use crate::delivery::inbound::{Addresses, Domain, Recipients, Taking, To, WayIn, set_way_in};
use crate::delivery::{Ledger, receivers};

const BOUNCE: &str = "bounce.example.jp";

impl House {
    /// A house to which failures come back, and one finished run.
    fn that_sent(people: &[&str]) -> (House, RunId, Vec<ContactId>) {
        let house = House::new();
        let way = WayIn { return_domain: Some(BOUNCE.into()), ..WayIn::default() };
        set_way_in(&house.store, &house.by, NOW, &way).unwrap();
        let who: Vec<ContactId> = people.iter().map(|p| house.person(p, "山田", true)).collect();
        let run = house.send_one_more();
        (house, run, who)
    }

    fn send_one_more(&self) -> RunId {
        let id = self.campaign(&Draft { name: format!("案内 {}", clock::now().ms()), ..self.draft("<p>a</p>") });
        let run = self.start(id);
        assert_eq!(self.drive(id), Driven::Done);
        run
    }

    fn address(&self, local: &str, nobody: bool) -> Option<To> {
        let book = Addresses::new(vec![Domain::usual(BOUNCE)], paths(&self.store));
        match book.taking(local, Some(BOUNCE), nobody) {
            Taking::Yes(to) => Some(to),
            _ => None,
        }
    }

    fn comes(&self, local: &str, text: &str, at: Time) -> Followed {
        let nobody = !text.contains("From: taro");
        let to = self.address(local, nobody).unwrap();
        follow(&self.store, at, &Came { to: &to, nobody, bytes: text.as_bytes() }).unwrap()
    }

    fn done(&self, local: &str, text: &str, at: Time) -> (String, String, bool) {
        match self.comes(local, text, at) {
            Followed::Done(outcome) => (outcome.kind, outcome.done, outcome.shown),
            other => panic!("{other:?}"),
        }
    }

    fn path(&self, run: RunId, contact: ContactId) -> String {
        paths(&self.store).local(Purpose::Bounce, About { run, contact })
    }

    fn reason(&self, address: &str) -> Option<Reason> {
        suppression::find(&self.store, &Email::parse(address).unwrap()).unwrap().map(|e| e.reason)
    }

    fn row(&self, run: RunId, contact: ContactId) -> (RowState, u16, String) {
        let ledger = Ledger::open(&self.store, run).unwrap();
        assert!(ledger.counts().unwrap().add_up());
        let row = ledger.row(contact).unwrap().unwrap();
        (row.state, row.code, row.said)
    }
}

fn report(status: &str, says: &str) -> String {
    format!(
        "From: MAILER-DAEMON@mx.example.jp\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n\
         --b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n\nFinal-Recipient: rfc822; x@example.jp\n\
         Action: failed\nStatus: {status}\nDiagnostic-Code: smtp; {says}\n\n--b--\n"
    )
}

fn told(kind: &str, done: &str, shown: bool) -> (String, String, bool) {
    (kind.into(), done.into(), shown)
}

#[test]
fn each_message_leaves_with_a_return_path_of_its_own_and_its_failure_moves_its_row_once() {
    let (house, run, who) = House::that_sent(&["hanako.suzuki@example.jp", "taro@example.jp"]);
    let mails = house.catcher.mails();
    let from = |to: &str| mails.iter().find(|m| m.to[0] == to).unwrap().from.clone();
    let path = house.path(run, who[0]);
    assert_eq!(from("hanako.suzuki@example.jp"), format!("{path}@{BOUNCE}"));
    assert_ne!(from("taro@example.jp"), from("hanako.suzuki@example.jp"));

    let hard = report("5.1.1", "550 5.1.1 <hanako.suzuki@example.jp> hanako.suzuki is unknown");
    assert_eq!(house.done(&path, &hard, NOW), told("bounce", "failed", false));
    assert_eq!(house.row(run, who[0]), (RowState::Bounced, 550, "5.1.1 … is unknown".into()));
    assert_eq!(house.reason("hanako.suzuki@example.jp"), Some(Reason::Bounced));
    assert_eq!(house.done(&path, &hard, NOW), told("bounce", "known", false));
    let standing = receivers::list(&house.store, "", 10).unwrap()[0].standing();
    assert_eq!((standing.domain.as_str(), standing.results, standing.hard), ("example.jp", 3, 1), "it counted once");
    let sums = result::sums(&house.store, run::get(&house.store, run).unwrap().campaign).unwrap();
    assert_eq!((sums.counts.sent, sums.counts.bounced), (1, 1));

    assert!(house.address(&path[..path.len() - 1], true).is_none(), "a cut token is no address");
    let which = failure::Which { run: Some(run), ..failure::Which::default() };
    assert_eq!(failure::undo(&house.store, &house.by, NOW, &which, false).unwrap().restored, 1);
    assert_eq!(house.reason("hanako.suzuki@example.jp"), None);
}

#[test]
fn a_block_counts_never_and_soft_failures_only_in_a_row_over_two_weeks() {
    let (house, first, who) = House::that_sent(&["hanako@example.jp", "taro@example.jp"]);
    let day = |n: u64| NOW.plus(Duration::from_secs(n * 24 * 3600));
    let full = report("5.2.2", "552 5.2.2 mailbox full");
    for (n, at) in [0, 4, 8, 12, 15].into_iter().enumerate() {
        let run = if n == 0 { first } else { house.send_one_more() };
        assert_eq!(house.reason("hanako@example.jp"), None);
        assert_eq!(house.done(&house.path(run, who[0]), &full, day(at)), told("bounce", "failed", false));
        let spam = report("5.7.1", "550 5.7.1 spam");
        assert_eq!(house.done(&house.path(run, who[1]), &spam, day(at)), told("bounce", "failed", false));
        assert_eq!(house.row(run, who[1]).0, RowState::Failed);
    }
    assert_eq!((house.reason("hanako@example.jp"), house.reason("taro@example.jp")), (Some(Reason::Bounced), None));
}

#[test]
fn one_that_arrived_in_between_begins_the_row_anew() {
    let (house, first, who) = House::that_sent(&["hanako@example.jp"]);
    let full = report("4.2.2", "452 4.2.2 mailbox full");
    for (n, at) in [0, 5, 10, 15, 20, 25].into_iter().enumerate() {
        let run = if n == 0 { first } else { house.send_one_more() };
        let now = NOW.plus(Duration::from_secs(at * 24 * 3600));
        if n != 2 {
            house.done(&house.path(run, who[0]), &full, now);
        }
    }
    assert_eq!(house.reason("hanako@example.jp"), None);
}

#[test]
fn a_receiver_that_says_so_of_too_many_pauses_and_nobody_is_taken_off() {
    let house = House::new();
    for n in 0..25 {
        house.person(&format!("p{n}@docomo.ne.jp"), "山田", true);
    }
    house.person("gone@au.com", "鈴木", true);
    house.person("here@au.com", "鈴木", true);
    for gone in ["docomo.ne.jp", "gone@au.com"] {
        let act = Act::Say("550 5.1.1 unknown".into());
        house.catcher.rule(Rule { at: Step::Rcpt, whom: Some(gone.into()), times: None, act });
    }
    let id = house.campaign(&house.draft("<p>a</p>"));
    house.start(id);
    assert_eq!(house.drive(id), Driven::Done);
    let paused: Vec<String> = receivers::paused(&house.store).unwrap().into_iter().map(|r| r.domain).collect();
    assert_eq!(paused, ["docomo.ne.jp"]);
    assert!(receivers::is_paused(&house.store, "DOCOMO.ne.jp").unwrap());
    let listed = (0..25).filter(|n| house.reason(&format!("p{n}@docomo.ne.jp")).is_some()).count();
    assert_eq!((listed, failure::held(&house.store, "docomo.ne.jp").unwrap()), (0, 25));
    assert_eq!(house.reason("gone@au.com"), Some(Reason::Bounced), "others are judged as ever");
}

#[test]
fn complaints_and_refusals_are_believed_by_our_own_mark_alone() {
    let (house, run, who) = House::that_sent(&["hanako@example.jp", "taro@example.jp"]);
    let mails = house.catcher.mails();
    let id_of = |to: &str| {
        let mail = mails.iter().find(|m| m.to[0] == to).unwrap();
        let text = String::from_utf8_lossy(&mail.bytes).into_owned();
        let at = text.find("Message-ID: <").unwrap() + 13;
        text[at..].split('>').next().unwrap().to_owned()
    };
    let arf = |id: &str| {
        format!(
            "From: taro@provider.example.com\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\n\n\
             --b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\n\n--b\nContent-Type: message/rfc822\n\n\
             Message-ID: <{id}>\n\nhello\n--b--\n"
        )
    };
    let id = id_of("hanako@example.jp");
    let forged = id.replacen(&format!(".{}.", who[0].0), &format!(".{}.", who[1].0), 1);
    assert_eq!(house.done("feedback", &arf(&forged), NOW), told("complaint", "shown", true));
    assert_eq!(house.done("feedback", &arf(&id), NOW), told("complaint", "suppressed", false));
    let reasons = (house.reason("hanako@example.jp"), house.reason("taro@example.jp"));
    assert_eq!(reasons, (Some(Reason::Complained), None));

    let stop = "From: taro@example.jp\nSubject: unsubscribe\n\n\n";
    let refuse = paths(&house.store).local(Purpose::Unsubscribe, About { run, contact: who[1] });
    assert_eq!(house.done(&refuse, stop, NOW), told("unsubscribe", "refused", false));
    assert_eq!(consent::state(&house.store, who[1], house.topic).unwrap(), consent::State::Refused);
    assert_eq!(house.done("unsubscribe", stop, NOW), told("unsubscribe", "shown", true));
}

#[test]
fn what_people_write_goes_to_the_reply_address_and_machines_are_not_answered() {
    let (house, run, who) = House::that_sent(&["hanako@example.jp"]);
    let person = "From: taro@example.jp\nSubject: Re: News\n\nThank you.\n";
    let reply = paths(&house.store).local(Purpose::Reply, About { run, contact: who[0] });
    match house.comes(&reply, person, NOW) {
        Followed::Forward(to, outcome) => {
            assert_eq!((to.as_str(), outcome.done.as_str()), ("news@news.example.jp", "forwarded"));
        }
        other => panic!("{other:?}"),
    }
    let away = "From: taro@example.jp\nSubject: Re: News\nAuto-Submitted: auto-replied\n\nAway.\n";
    assert_eq!(house.done(&reply, away, NOW), told("automatic", "nothing", false));
    let round = format!("Resent-From: hakobu@x.example.jp\nHakobu-Forwarded: 1\n{person}");
    assert_eq!(house.done(&reply, &round, NOW), told("reply", "shown", true));
    let unclear = "From: MAILER-DAEMON@x.example.jp\nSubject: hm\n\nhm\n";
    assert_eq!(house.done(&house.path(run, who[0]), unclear, NOW), told("unclear", "shown", true));
    let unknown = report("5.0.0", "554 Transaction failed");
    assert_eq!(house.done(&house.path(run, who[0]), &unknown, NOW), told("bounce", "failed", true));
    assert_eq!((house.row(run, who[0]).0, house.reason("hanako@example.jp")), (RowState::Failed, None));
    assert_eq!(Class::parse("hard"), Some(Class::Hard));
}

#[test]
fn a_report_about_a_closed_ledger_reaches_the_books_once() {
    let (house, run, who) = House::that_sent(&["hanako@example.jp"]);
    house.store.journal().seal(&run.to_string()).unwrap();
    let hard = report("5.1.1", "550 5.1.1 unknown");
    for done in ["failed", "known"] {
        assert_eq!(house.done(&house.path(run, who[0]), &hard, NOW), told("bounce", done, false));
    }
    assert_eq!(house.reason("hanako@example.jp"), Some(Reason::Bounced));
    assert_eq!(receivers::list(&house.store, "", 10).unwrap()[0].standing().hard, 1);
}
