use super::*;
use crate::base::ids::{CampaignId, RunId, TopicId};
use crate::base::progress::Quiet;
use crate::contacts::consent::{self, Agreement, Basis, State};
use crate::contacts::failure::{self, Cause, Failure};
use crate::contacts::import::{self, Consent, Hints, Order, Source};
use crate::contacts::outcomes::{self, Feed};
use crate::contacts::people::{self, Edit};
use crate::contacts::refusal::{About, MailKind, Refusal, Tally, may_send, tally};
use crate::contacts::segment::{Outcome, Segment};
use crate::contacts::suppression::{self, Reason};
use crate::contacts::topic;

fn agreement(basis: Basis) -> Agreement {
    Agreement { at: NOW, basis, source: "店頭".into(), wording: "お知らせを受け取ります。".into() }
}

/// A topic and two contacts at one address, a third at another.
fn house() -> (Room, TopicId, [ContactId; 3]) {
    let room = room();
    let topic = topic::create(&room.store, &by(), NOW, "お知らせ").unwrap();
    let who = [(1, "taro@example.jp"), (2, "Taro@Example.jp"), (3, "hanako@example.jp")];
    let who = who.map(|(id, address)| room.contact(id, address, NOW, NOW));
    (room, topic.id, who)
}

impl Room {
    fn agree(&self, contact: ContactId, topic: TopicId, basis: Basis) -> crate::base::Result<()> {
        consent::agree(&self.store, &by(), NOW, (contact, topic), &agreement(basis))
    }

    /// A file with these addresses comes in, with the words of an opt-in.
    fn import(&self, addresses: &[&str], topic: TopicId) {
        let consent =
            Consent {
                topic: Some(topic), basis: Basis::OptIn, source: "旧システム".into(), wording: String::new()
            };
        let order = Order { consent: Some(consent), ..Order::default() };
        let text = format!("メール\n{}\n", addresses.join("\n"));
        let mut source = Source::open(&self.store, text.as_bytes(), &Hints::default(), &Quiet).unwrap();
        import::run(&self.store, (&by(), NOW), &mut source, &order, &Quiet, &mut Vec::new()).unwrap();
    }

    fn id(&self, address: &str) -> ContactId {
        *people::of_address(&self.store, &email(address)).unwrap().last().unwrap()
    }

    fn ad(&self, contact: ContactId, topic: TopicId) -> Result<(), Refusal> {
        may_send(&self.store, contact, topic, MailKind::Advertisement).unwrap()
    }

    fn notice(&self, contact: ContactId, topic: TopicId) -> Result<(), Refusal> {
        may_send(&self.store, contact, topic, MailKind::Notice).unwrap()
    }
}

#[test]
fn consent_opens_and_a_refusal_closes_for_everybody_at_the_address() {
    let (room, topic, [a, b, c]) = house();
    assert_eq!(room.ad(a, topic), Err(Refusal::Unconsented));
    for who in [a, b, c] {
        room.agree(who, topic, Basis::Trade).unwrap();
        assert_eq!(room.ad(who, topic), Ok(()));
    }
    assert!(consent::refuse(&room.store, &by(), NOW, (a, topic), "配信停止ページ").unwrap());
    assert!(!consent::refuse(&room.store, &by(), NOW, (a, topic), "配信停止ページ").unwrap(), "once is enough");
    assert_eq!([a, b, c].map(|w| room.ad(w, topic)), [Err(Refusal::Refused), Err(Refusal::Refused), Ok(())]);
    assert_eq!(room.notice(a, topic), Ok(()));
    assert!(room.agree(a, topic, Basis::Trade).is_err(), "an exception lifts no refusal");
    room.agree(a, topic, Basis::OptIn).unwrap();
    assert_eq!(room.ad(a, topic), Ok(()));
    let history = consent::history(&room.store, a).unwrap();
    assert_eq!(history.iter().map(|s| s.agreed).collect::<Vec<_>>(), [true, false, true]);
    assert_eq!(
        (history[0].wording.as_deref(), history[1].source.as_deref()),
        (Some("お知らせを受け取ります。"), Some("配信停止ページ"))
    );
}

#[test]
fn a_topic_refused_leaves_other_topics_alone() {
    let (room, topic, [a, ..]) = house();
    let other = topic::create(&room.store, &by(), NOW, "催し").unwrap();
    assert!(!other.is_default && topic::default(&room.store).unwrap().id == topic);
    room.agree(a, topic, Basis::OptIn).unwrap();
    room.agree(a, other.id, Basis::OptIn).unwrap();
    consent::refuse(&room.store, &by(), NOW, (a, topic), "").unwrap();
    assert_eq!((room.ad(a, topic), room.ad(a, other.id)), (Err(Refusal::Refused), Ok(())));
    let states = consent::states(&room.store, a).unwrap();
    assert_eq!(states.iter().map(|(_, s)| *s).collect::<Vec<_>>(), [State::Refused, State::Agreed]);
}

#[test]
fn an_import_never_lifts_a_refusal() {
    let room = room();
    let topic = topic::create(&room.store, &by(), NOW, "お知らせ").unwrap().id;
    room.import(&["taro@example.jp", "hanako@example.jp"], topic);
    let (taro, hanako) = (room.id("taro@example.jp"), room.id("hanako@example.jp"));
    assert_eq!([room.ad(taro, topic), room.ad(hanako, topic)], [Ok(()); 2]);
    consent::refuse(&room.store, &by(), NOW, (taro, topic), "").unwrap();
    consent::refuse_everything(&room.store, &by(), NOW, hanako, "電話").unwrap();
    room.import(&["Taro@Example.jp", "hanako@example.jp"], topic);
    assert_eq!(room.ad(taro, topic), Err(Refusal::Refused));
    assert_eq!(room.ad(hanako, topic), Err(Refusal::Suppressed));
    // Deleted and imported again; and with another address.
    for who in [taro, hanako] {
        people::delete(&room.store, &by(), NOW, who).unwrap();
    }
    room.import(&["taro@example.jp", "hanako@example.jp"], topic);
    let (taro, hanako) = (room.id("taro@example.jp"), room.id("hanako@example.jp"));
    assert_eq!(room.ad(taro, topic), Err(Refusal::Refused));
    assert_eq!(room.ad(hanako, topic), Err(Refusal::Suppressed));
    consent::refuse(&room.store, &by(), NOW, (taro, topic), "").unwrap();
    let moved = Edit { email: Some("new@example.jp".into()), ..Edit::default() };
    people::edit(&room.store, &by(), NOW, taro, &moved).unwrap();
    room.import(&["new@example.jp"], topic);
    assert_eq!(room.ad(taro, topic), Err(Refusal::Refused), "the person has refused, wherever the mail goes");
}

#[test]
fn refusing_everything_is_lifted_only_by_hand_with_a_reason() {
    let (room, topic, [a, b, _]) = house();
    room.agree(a, topic, Basis::OptIn).unwrap();
    room.agree(b, topic, Basis::OptIn).unwrap();
    assert!(consent::refuse_everything(&room.store, &by(), NOW, a, "電話").unwrap());
    assert!(!consent::refuse_everything(&room.store, &by(), NOW, a, "電話").unwrap());
    assert_eq!([room.ad(a, topic), room.ad(b, topic)], [Err(Refusal::Suppressed); 2]);
    assert_eq!(room.notice(b, topic), Ok(()));
    assert!(room.agree(b, topic, Basis::OptIn).is_err());
    let address = email("taro@example.jp");
    assert!(suppression::remove(&room.store, &by(), NOW, &address, "  ").is_err());
    suppression::remove(&room.store, &by(), NOW, &address, "本人から電話").unwrap();
    assert_eq!([room.ad(a, topic), room.ad(b, topic)], [Ok(()); 2]);
    assert_eq!(consent::history(&room.store, a).unwrap()[0].source.as_deref(), Some("本人から電話"));
    assert!(suppression::remove(&room.store, &by(), NOW, &address, "もう一度").is_err());
}

#[test]
fn a_list_of_an_old_system_stops_mail_and_can_be_taken_back() {
    let (room, topic, [a, _, c]) = house();
    room.agree(a, topic, Basis::OptIn).unwrap();
    consent::refuse_everything(&room.store, &by(), NOW, c, "").unwrap();
    let file = "\u{feff}番号,メール\r\n1,taro@example.jp\r\n2,\"HANAKO@example.jp\"\n3,だれか\n4,x@example.jp\n\n5,<y@example.jp>\n";
    let taken = suppression::import(&room.store, &by(), NOW, file.as_bytes(), &Quiet).unwrap();
    assert_eq!((taken.rows, taken.added, taken.known, taken.rejected), (5, 3, 1, 1));
    assert_eq!(taken.rejected_lines, [4]);
    assert_eq!(room.ad(a, topic), Err(Refusal::Suppressed));
    // Somebody on it refuses in person meanwhile: that outlives the batch.
    assert!(suppression::add(&room.store, &by(), NOW, &email("x@example.jp"), Reason::Refused).unwrap());
    assert_eq!(suppression::undo(&room.store, &by(), NOW, taken.batch).unwrap(), 2);
    assert!(suppression::undo(&room.store, &by(), NOW, taken.batch).is_err());
    assert_eq!((room.ad(a, topic), suppression::count(&room.store).unwrap()), (Ok(()), 2));
    assert!(suppression::batches(&room.store).unwrap()[0].undone);
}

#[test]
fn the_list_shows_an_address_only_while_a_contact_holds_it() {
    let (room, _, _) = house();
    for (n, address) in ["taro@example.jp", "gone@example.jp", "=evil@example.jp"].into_iter().enumerate() {
        suppression::add(&room.store, &by(), Time(n as i64), &email(address), Reason::Manual).unwrap();
    }
    let first = suppression::list(&room.store, None, 2).unwrap();
    let token = first[1].after().token();
    let rest = suppression::list(&room.store, suppression::After::parse(&token), 2).unwrap();
    assert_eq!((first.len(), rest.len(), rest[0].address.as_deref()), (2, 1, Some("taro@example.jp")));
    assert!(first.iter().all(|e| e.address.is_none() && e.mark.len() == 12));
    let mut out = Vec::new();
    assert_eq!(suppression::export(&room.store, &by(), NOW, &mut out).unwrap(), 3);
    let out = String::from_utf8(out).unwrap();
    assert!(out.starts_with('\u{feff}') && out.contains("taro@example.jp,") && !out.contains("gone@"));
}

#[test]
fn a_bounce_stops_notices_too_and_outcomes_read_twice_change_nothing() {
    let (room, topic, [a, b, c]) = house();
    let list = [(a, Outcome::Sent), (c, Outcome::Bounced)];
    for _ in 0..2 {
        let feed = Feed { run: RunId(5), campaign: CampaignId(12), outcomes: &list, after: 0, cursor: 2 };
        let strike = Failure { contact: c, run: RunId(5), receiver: "example.jp", place: 1, cause: Cause::Hard };
        let write = |tx: &crate::store::Tx<'_>| match outcomes::apply(tx, &feed)? {
            true => failure::strike(&room.store, tx, &by(), &strike),
            false => Ok(false),
        };
        room.store.write(&by(), NOW, "test.feed", write).unwrap();
    }
    assert_eq!(outcomes::cursor(&room.store, RunId(5)).unwrap(), 2);
    assert_eq!((room.notice(c, topic), room.notice(b, topic)), (Err(Refusal::Suppressed), Ok(())));
    assert_eq!(outcomes::of(&room.store, a, 10).unwrap()[0].outcome, Outcome::Sent);
    assert!(!suppression::add(&room.store, &by(), NOW, &email("hanako@example.jp"), Reason::Refused).unwrap());
    assert_eq!(suppression::find(&room.store, &email("hanako@example.jp")).unwrap().unwrap().reason, Reason::Bounced);
}

#[test]
fn counts_before_a_mail_say_what_each_decision_will() {
    let (room, topic, [a, b, c]) = house();
    let d = room.contact(4, "d@example.jp", NOW, NOW);
    room.agree(a, topic, Basis::OptIn).unwrap();
    room.agree(b, topic, Basis::Card).unwrap();
    consent::refuse(&room.store, &by(), NOW, (c, topic), "").unwrap();
    suppression::add(&room.store, &by(), NOW, &email("d@example.jp"), Reason::Complained).unwrap();
    for (kind, want) in [
        (MailKind::Advertisement, Tally { reached: 2, suppressed: 1, refused: 1, ..Tally::default() }),
        (MailKind::Notice, Tally { reached: 3, suppressed: 1, refused_but_reached: 1, ..Tally::default() }),
    ] {
        let about = About { topic, kind, once_per_address: false };
        let got = tally(&room.store, &Segment::everybody(), NOW, about).unwrap();
        assert_eq!(got, want);
        let reached = [a, b, c, d].into_iter().filter(|w| may_send(&room.store, *w, topic, kind).unwrap().is_ok());
        assert_eq!(reached.count() as u64, got.reached);
    }
}
