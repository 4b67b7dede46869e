//! What becomes known of a message after it was taken.

use super::{FLIGHT, Head, Ledger, META, ROWS, flight_of, settle};
use crate::base::{Result, Time, ids::ContactId};
use crate::delivery::row::{Row, State, key_of};

/// What a report said later of a message that had been taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Late {
    /// `Bounced` or `Failed`.
    pub state: State,
    pub code: u16,
    /// Without anybody's address.
    pub said: String,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// The row, the sums and the log say so now.
    Moved,
    /// It was known, or the message never left.
    Known,
    /// The message is on its way still: to be told again later.
    TooEarly,
    /// The run has no such recipient.
    Nobody,
}

impl Ledger {
    /// Moves a row whose message was taken, or may have been, to what a report said of it later. May be called while an
    /// engine works on the ledger: it has done with such rows.
    pub fn tell_late(&self, contact: ContactId, late: &Late, now: Time) -> Result<Told> {
        self.file.write(|b| {
            let key = key_of(contact);
            let Some(value) = b.get(ROWS, &key)? else { return Ok(Told::Nobody) };
            let row = Row::decode(&key, &value)?;
            let told = match row.state {
                _ if flight_of(b.get(META, FLIGHT)?)?.contains(&contact) => Told::TooEarly,
                State::Queued | State::Sending | State::Deferred => Told::TooEarly,
                State::Sent | State::InDoubt => Told::Moved,
                State::Bounced | State::Suppressed | State::Cancelled | State::Expired | State::Failed => Told::Known,
            };
            if told == Told::Moved {
                let (mut head, mut log) = (Head::read(b)?, Vec::new());
                let row = Row { state: late.state, code: late.code, said: late.said.clone(), at: now, ..row };
                settle(b, &row, &mut head, &mut log)?;
                head.log(b, &log)?;
                head.write(b)?;
            }
            Ok(told)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{ids::RunId, seal::Key};
    use crate::delivery::ledger::Change;
    use crate::store::Store;

    #[test]
    fn a_late_report_moves_what_was_sent_once_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(dir.path(), &Key::new([1; 32]), &[crate::delivery::SCHEMA]).unwrap().0;
        let ledger = Ledger::create(&store, RunId(1)).unwrap();
        let who: Vec<ContactId> = (1..=5).map(ContactId).collect();
        ledger.add(&who, Time(1)).unwrap();
        let row = |n: i64, state| Row { state, ..Row::queued(ContactId(n), Time(1)) };
        let become_of = [row(1, State::Sent), row(2, State::InDoubt), row(3, State::Failed)].map(Change::Become);
        ledger.apply(&become_of).unwrap();
        ledger.apply(&[Change::Start(ContactId(5))]).unwrap();
        let late = Late { state: State::Bounced, code: 550, said: "5.1.1 …".into() };
        for (n, want) in [
            (1, Told::Moved),
            (1, Told::Known),
            (2, Told::Moved),
            (3, Told::Known),
            (4, Told::TooEarly),
            (5, Told::TooEarly),
            (6, Told::Nobody),
        ] {
            assert_eq!(ledger.tell_late(ContactId(n), &late, Time(9)).unwrap(), want, "{n}");
            assert!(ledger.counts().unwrap().add_up());
        }
        let moved = ledger.row(ContactId(1)).unwrap().unwrap();
        assert_eq!((moved.state, moved.code, moved.said.as_str(), moved.at), (State::Bounced, 550, "5.1.1 …", Time(9)));
        let counts = ledger.counts().unwrap();
        assert_eq!((counts.bounced, counts.sent, counts.failed, counts.sending), (2, 0, 1, 1));
        let log: Vec<_> = ledger.outcomes(3, 10).unwrap().iter().map(|o| (o.contact.0, o.state)).collect();
        assert_eq!(log, [(1, State::Bounced), (2, State::Bounced)], "whoever reads on from before hears of it");
    }
}
