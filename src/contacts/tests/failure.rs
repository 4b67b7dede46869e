use super::*;
use crate::base::ids::{CampaignId, RunId};
use crate::contacts::failure::{self, Cause, Failure, Undone, Which};
use crate::contacts::outcomes::{self, Feed};
use crate::contacts::people;
use crate::contacts::segment::Outcome;
use crate::contacts::suppression::{self, Reason};

const DAY: i64 = 24 * 3600 * 1000;

impl Room {
    fn at<T>(&self, at: Time, f: impl FnOnce(&crate::store::Tx<'_>) -> crate::base::Result<T>) -> T {
        self.store.write(&by(), at, "test.write", f).unwrap()
    }

    fn strike(&self, contact: ContactId, (run, receiver, place): (i64, &str, u64), at: Time) -> bool {
        let failed = Failure { contact, run: RunId(run), receiver, place, cause: Cause::Hard };
        self.at(at, |tx| failure::strike(&self.store, tx, &by(), &failed))
    }

    fn reason(&self, address: &str) -> Option<Reason> {
        suppression::find(&self.store, &email(address)).unwrap().map(|e| e.reason)
    }

    fn undo(&self, which: &Which) -> Undone {
        let dry = failure::undo(&self.store, &by(), NOW, which, true).unwrap();
        let done = failure::undo(&self.store, &by(), NOW, which, false).unwrap();
        assert_eq!(dry, done, "a dry run says what happens");
        done
    }
}

fn three() -> (Room, [ContactId; 3]) {
    let room = room();
    let who = [(1, "a@docomo.ne.jp"), (2, "b@docomo.ne.jp"), (3, "c@au.com")];
    let who = who.map(|(id, address)| room.contact(id, address, NOW, NOW));
    (room, who)
}

#[test]
fn strikes_are_taken_back_by_run_receiver_and_time_and_refusals_stay() {
    let (room, [a, b, c]) = three();
    suppression::add(&room.store, &by(), Time(1), &email("b@docomo.ne.jp"), Reason::Refused).unwrap();
    suppression::add(&room.store, &by(), Time(1), &email("c@au.com"), Reason::Complained).unwrap();
    assert!(room.strike(a, (7, "docomo.ne.jp", 1), Time(10)));
    assert!(!room.strike(a, (8, "docomo.ne.jp", 2), Time(11)), "it stands there already");
    assert!(room.strike(b, (7, "docomo.ne.jp", 3), Time(12)));
    assert!(!room.strike(c, (7, "au.com", 1), Time(13)), "a complaint is graver");
    let which = |run: Option<i64>, receiver: Option<&str>, since: Option<i64>| Which {
        run: run.map(RunId),
        receiver: receiver.map(str::to_owned),
        since: since.map(Time),
    };
    let none = Undone::default();
    assert_eq!(room.undo(&which(Some(8), None, None)), none);
    assert_eq!(room.undo(&which(None, Some("au.com"), None)), none);
    assert_eq!(room.undo(&which(Some(7), Some("DoCoMo.ne.jp"), Some(12))), Undone { restored: 1, held: 0 });
    assert_eq!(room.reason("b@docomo.ne.jp"), Some(Reason::Refused), "what stood there before is back");
    assert_eq!(room.reason("a@docomo.ne.jp"), Some(Reason::Bounced));
    assert_eq!(room.undo(&Which::default()), Undone { restored: 1, held: 0 });
    assert_eq!((room.reason("a@docomo.ne.jp"), room.reason("c@au.com")), (None, Some(Reason::Complained)));
    assert_eq!(room.undo(&Which::default()), none);
}

#[test]
fn an_undo_leaves_what_has_come_since() {
    let (room, [a, b, _]) = three();
    assert!(room.strike(a, (7, "docomo.ne.jp", 1), Time(10)) && room.strike(b, (7, "docomo.ne.jp", 2), Time(10)));
    suppression::add(&room.store, &by(), Time(20), &email("a@docomo.ne.jp"), Reason::Complained).unwrap();
    people::delete(&room.store, &by(), Time(21), b).unwrap();
    assert_eq!(room.undo(&Which { run: Some(RunId(7)), ..Which::default() }), Undone { restored: 1, held: 0 });
    assert_eq!(room.reason("a@docomo.ne.jp"), Some(Reason::Complained));
    assert_eq!(room.reason("b@docomo.ne.jp"), None, "also for an address whose contact is gone");
}

#[test]
fn a_receiver_that_pauses_takes_nobody_off_until_a_person_has_decided() {
    let (room, [a, b, c]) = three();
    assert!(room.strike(a, (7, "docomo.ne.jp", 1), Time(10)) && room.strike(b, (7, "docomo.ne.jp", 9), Time(10)));
    assert!(room.strike(c, (7, "au.com", 9), Time(10)));
    let back = room.at(Time(11), |tx| failure::hold_back(tx, &by(), "docomo.ne.jp", 5));
    assert_eq!((back, room.reason("a@docomo.ne.jp"), room.reason("b@docomo.ne.jp")), (1, Some(Reason::Bounced), None));
    let more = Failure { contact: b, run: RunId(8), receiver: "docomo.ne.jp", place: 10, cause: Cause::Hard };
    room.at(Time(12), |tx| failure::hold(&room.store, tx, &more));
    assert_eq!(failure::held(&room.store, "docomo.ne.jp").unwrap(), 1, "one address is held once");
    let release = |believe| room.at(Time(13), |tx| failure::release(tx, &by(), "docomo.ne.jp", believe));
    assert_eq!((release(true), room.reason("b@docomo.ne.jp")), (1, Some(Reason::Bounced)));
    assert_eq!(room.undo(&Which { since: Some(Time(13)), ..Which::default() }), Undone { restored: 1, held: 0 });
    room.at(Time(14), |tx| failure::hold(&room.store, tx, &more));
    assert_eq!((release(false), room.reason("b@docomo.ne.jp")), (1, None));
    assert_eq!((release(true), room.reason("c@au.com")), (0, Some(Reason::Bounced)));
}

#[test]
fn soft_failures_are_seen_with_what_arrived_in_between_and_forgotten_with_the_address() {
    let (room, [a, ..]) = three();
    let feed = |run: i64, outcome| {
        let list = [(a, outcome)];
        let feed = Feed { run: RunId(run), campaign: CampaignId(1), outcomes: &list, after: 0, cursor: 1 };
        assert!(room.at(Time(run * DAY), |tx| outcomes::apply(tx, &feed)));
    };
    let soft = |run: i64| assert!(room.at(Time(run * DAY), |tx| failure::note_soft(&room.store, tx, a, RunId(run))));
    let seen = || room.at(NOW, |tx| failure::history(&room.store, tx, a, 10));
    feed(1, Outcome::Sent);
    feed(2, Outcome::Failed);
    soft(2);
    soft(2);
    feed(3, Outcome::Suppressed);
    let want = [(RunId(3), None, false), (RunId(2), Some(Time(2 * DAY)), false), (RunId(1), None, true)];
    assert_eq!(seen(), want);
    room.run("UPDATE contacts SET email = 'new@docomo.ne.jp' WHERE id = 1");
    assert_eq!(seen()[1], (RunId(2), None, false), "another address has no past");
    assert!(room.at(NOW, |tx| outcomes::amend(tx, RunId(1), a, Outcome::Bounced)));
    assert!(!room.at(NOW, |tx| outcomes::amend(tx, RunId(1), a, Outcome::Failed)), "once");
}

#[test]
fn a_complaint_stops_every_mail_and_is_told_once() {
    let (room, [a, ..]) = three();
    assert!(failure::complain(&room.store, &by(), NOW, a).unwrap());
    assert!(!failure::complain(&room.store, &by(), NOW, a).unwrap());
    assert!(!failure::complain(&room.store, &by(), NOW, ContactId(99)).unwrap());
    assert_eq!(room.reason("a@docomo.ne.jp"), Some(Reason::Complained));
}
