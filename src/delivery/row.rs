//! One recipient's line in the ledger, and the sums over all lines.

use crate::base::{Error, Result, Time, ids::ContactId};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Queued,
    /// On the wire now.
    Sending,
    /// Accepted by the next host.
    Sent,
    /// Refused for now; tried again at `Row::until`.
    Deferred,
    /// The mailbox does not exist (any more).
    Bounced,
    /// Not sent, because of a refusal, a missing consent or the do-not-send list.
    Suppressed,
    /// It was on the wire when the answer was lost: it may have arrived.
    InDoubt,
    Cancelled,
    /// Deferred until its time was over.
    Expired,
    /// Refused for good, for a reason that is not the mailbox.
    Failed,
}

impl State {
    pub const ALL: [State; 10] = [
        State::Queued,
        State::Sending,
        State::Sent,
        State::Deferred,
        State::Bounced,
        State::Suppressed,
        State::InDoubt,
        State::Cancelled,
        State::Expired,
        State::Failed,
    ];

    /// The name in JSON, in the books and in exports.
    pub fn name(self) -> &'static str {
        match self {
            State::Queued => "queued",
            State::Sending => "sending",
            State::Sent => "sent",
            State::Deferred => "deferred",
            State::Bounced => "bounced",
            State::Suppressed => "suppressed",
            State::InDoubt => "in_doubt",
            State::Cancelled => "cancelled",
            State::Expired => "expired",
            State::Failed => "failed",
        }
    }

    pub fn parse(name: &str) -> Option<State> {
        State::ALL.into_iter().find(|s| s.name() == name)
    }

    /// Will something still happen to the row by itself?
    pub fn is_open(self) -> bool {
        matches!(self, State::Queued | State::Sending | State::Deferred)
    }

    pub(super) fn tag(self) -> u8 {
        State::ALL.iter().position(|s| *s == self).unwrap_or_default() as u8
    }

    pub(super) fn of_tag(tag: u8) -> Option<State> {
        State::ALL.get(usize::from(tag)).copied()
    }
}

/// What is known about one recipient of a run. No address, no name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    pub contact: ContactId,
    pub state: State,
    /// Tries that reached an answer about this recipient.
    pub attempts: u16,
    /// The last reply's code, 0 when there was none.
    pub code: u16,
    /// The last reply with every address replaced, or the reason of a skip.
    pub said: String,
    /// When the state was reached.
    pub at: Time,
    /// When it was first tried; 0 before that.
    pub since: Time,
    /// When a deferred row is due.
    pub until: Time,
}

impl Row {
    pub(super) fn queued(contact: ContactId, now: Time) -> Row {
        let said = String::new();
        let zero = Time(0);
        Row { contact, state: State::Queued, attempts: 0, code: 0, said, at: now, since: zero, until: zero }
    }

    /// Never tried.
    pub(super) fn is_new(&self) -> bool {
        self.state == State::Queued && self.attempts == 0 && self.since.ms() == 0
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(29 + self.said.len());
        out.push(self.state.tag());
        out.extend_from_slice(&self.attempts.to_le_bytes());
        out.extend_from_slice(&self.code.to_le_bytes());
        for time in [self.at, self.since, self.until] {
            out.extend_from_slice(&time.ms().to_le_bytes());
        }
        out.extend_from_slice(self.said.as_bytes());
        out
    }

    pub(super) fn decode(key: &[u8], value: &[u8]) -> Result<Row> {
        let read = || {
            let contact = contact_of(key)?;
            let (tag, rest) = value.split_first()?;
            let (attempts, rest) = rest.split_first_chunk::<2>()?;
            let (code, rest) = rest.split_first_chunk::<2>()?;
            let (at, rest) = rest.split_first_chunk::<8>()?;
            let (since, rest) = rest.split_first_chunk::<8>()?;
            let (until, said) = rest.split_first_chunk::<8>()?;
            Some(Row {
                contact,
                state: State::of_tag(*tag)?,
                attempts: u16::from_le_bytes(*attempts),
                code: u16::from_le_bytes(*code),
                at: Time(i64::from_le_bytes(*at)),
                since: Time(i64::from_le_bytes(*since)),
                until: Time(i64::from_le_bytes(*until)),
                said: std::str::from_utf8(said).ok()?.to_owned(),
            })
        };
        read().ok_or_else(unreadable)
    }
}

pub(super) fn unreadable() -> Error {
    Error::damaged(say!("配信の記録に読めない行があります。", "The ledger has a line that cannot be read."))
}

pub(super) fn key_of(contact: ContactId) -> [u8; 8] {
    (contact.0 as u64).to_be_bytes()
}

pub(super) fn contact_of(key: &[u8]) -> Option<ContactId> {
    Some(ContactId(u64::from_be_bytes(*key.first_chunk::<8>()?) as i64))
}

/// How many recipients stand where. The states always add up to `recipients`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub recipients: u64,
    pub queued: u64,
    pub sending: u64,
    pub sent: u64,
    pub deferred: u64,
    pub bounced: u64,
    pub suppressed: u64,
    pub in_doubt: u64,
    pub cancelled: u64,
    pub expired: u64,
    pub failed: u64,
}

impl Counts {
    pub fn of(&self, state: State) -> u64 {
        let mut copy = *self;
        *copy.slot(state)
    }

    /// Rows to which something will still happen by itself.
    pub fn open(&self) -> u64 {
        self.queued + self.sending + self.deferred
    }

    /// Both together.
    pub fn and(&self, other: &Counts) -> Counts {
        let mut sum = *self;
        sum.recipients += other.recipients;
        State::ALL.into_iter().for_each(|state| *sum.slot(state) += other.of(state));
        sum
    }

    pub fn add_up(&self) -> bool {
        State::ALL.iter().map(|s| self.of(*s)).sum::<u64>() == self.recipients
    }

    pub(super) fn slot(&mut self, state: State) -> &mut u64 {
        match state {
            State::Queued => &mut self.queued,
            State::Sending => &mut self.sending,
            State::Sent => &mut self.sent,
            State::Deferred => &mut self.deferred,
            State::Bounced => &mut self.bounced,
            State::Suppressed => &mut self.suppressed,
            State::InDoubt => &mut self.in_doubt,
            State::Cancelled => &mut self.cancelled,
            State::Expired => &mut self.expired,
            State::Failed => &mut self.failed,
        }
    }

    pub(super) fn shift(&mut self, from: State, to: State) -> Result<()> {
        let left = self.slot(from).checked_sub(1).ok_or_else(unreadable)?;
        *self.slot(from) = left;
        *self.slot(to) += 1;
        Ok(())
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        State::ALL.iter().flat_map(|s| self.of(*s).to_le_bytes()).collect()
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Counts> {
        let mut counts = Counts::default();
        let mut rest = bytes;
        for state in State::ALL {
            let (n, tail) = rest.split_first_chunk::<8>()?;
            *counts.slot(state) = u64::from_le_bytes(*n);
            counts.recipients += u64::from_le_bytes(*n);
            rest = tail;
        }
        Some(counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_reads_back_as_it_was_written() {
        let row = Row {
            contact: ContactId(7),
            state: State::Deferred,
            attempts: 3,
            code: 451,
            said: "4.7.1 …".into(),
            at: Time(1),
            since: Time(2),
            until: Time(3),
        };
        assert_eq!(Row::decode(&key_of(row.contact), &row.encode()).unwrap(), row);
        assert!(Row::decode(&key_of(row.contact), &row.encode()[..20]).is_err());
    }

    #[test]
    fn every_state_is_found_by_its_name_and_its_tag() {
        for state in State::ALL {
            assert_eq!((State::parse(state.name()), State::of_tag(state.tag())), (Some(state), Some(state)));
        }
    }
}
