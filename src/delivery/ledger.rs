//! The ledger of one run: one durable row per recipient, in the journal file of the run's name.
//!
//! Tables: `rows` (contact → row), `due` (time and contact of deferred rows), `log` (what became final, in order),
//! `meta` (sums, the rows in flight, the seal). A row on the wire is not rewritten: its contact stands in the short
//! list `flight`, which is committed before its message leaves. So `sending` costs one small value per group commit,
//! and what a crash leaves in doubt is exactly that list.

mod late;

pub use late::{Late, Told};

use super::row::{Counts, Row, State, contact_of, key_of, unreadable};
use crate::base::{Error, Kind, Result, Time, ids::ContactId, ids::RunId};
use crate::store::{Alone, Batch, JournalFile, Store, Table, View};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::ops::ControlFlow;
use std::sync::Arc;

const ROWS: Table = "rows";
const DUE: Table = "due";
const LOG: Table = "log";
const META: Table = "meta";
const HEAD: &[u8] = b"head";
const FLIGHT: &[u8] = b"flight";
const SEAL: &[u8] = b"seal";

/// One run's ledger. Cheap to clone; one engine at a time works on it.
#[derive(Clone)]
pub struct Ledger {
    run: RunId,
    file: Arc<JournalFile>,
}

/// The end of expansion: how many recipients the run has, and a digest of who they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Complete {
    pub count: u64,
    pub digest: String,
}

/// A row that reached a state for good, or went into or out of doubt. `seq` is the reader's cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Outcome {
    pub seq: u64,
    pub contact: ContactId,
    pub state: State,
}

/// What a person decides about a row in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Send again, with the same Message-ID.
    Resend,
    /// Take it as sent.
    Accept,
}

/// One step of a row, applied in a group.
pub(super) enum Change {
    /// About to go on the wire.
    Start(ContactId),
    /// Not sent after all, and the row is as before.
    Back(ContactId),
    /// The row as it is from now on.
    Become(Row),
}

/// The sums and the last number of the log: one value, written with every group.
#[derive(Clone, Copy, Default)]
struct Head {
    counts: Counts,
    seq: u64,
}

impl Ledger {
    /// The ledger of a run, made if it is not there.
    pub fn create(store: &Store, run: RunId) -> Result<Ledger> {
        Ok(Ledger { run, file: store.journal().file(&run.to_string())? })
    }

    /// The ledger that must be there: a run without one is damaged, never expanded again.
    pub fn open(store: &Store, run: RunId) -> Result<Ledger> {
        Ledger::find(store, run)?.ok_or_else(|| {
            Error::damaged(say!("配信 {run} の記録がありません。", "The ledger of run {run} is not there.")).hint(say!(
                "バックアップから戻してください。宛先を作り直すと二重に送られることがあります。",
                "Restore it from a backup. Expanding it again could send twice."
            ))
        })
    }

    pub fn find(store: &Store, run: RunId) -> Result<Option<Ledger>> {
        Ok(store.journal().existing(&run.to_string())?.map(|file| Ledger { run, file }))
    }

    pub fn run(&self) -> RunId {
        self.run
    }

    /// The right to send from this ledger: two engines on one ledger would send twice.
    pub(super) fn work_alone(&self) -> Result<Alone> {
        self.file.alone().ok_or_else(|| {
            Error::new(Kind::Later, say!("この配信はすでに送信中です。", "This run is being sent already."))
        })
    }

    /// Adds recipients; those who are there already stay as they are. Returns how many were new.
    pub fn add(&self, contacts: &[ContactId], now: Time) -> Result<u64> {
        self.file.write(|b| {
            if b.get(META, SEAL)?.is_some() {
                return Err(Error::conflict(say!(
                    "この配信の宛先はもう確定しています。",
                    "The recipients of this run are settled already."
                )));
            }
            let mut head = Head::read(b)?;
            let mut new = 0;
            for contact in contacts {
                if b.get(ROWS, &key_of(*contact))?.is_none() {
                    b.put(ROWS, &key_of(*contact), &Row::queued(*contact, now).encode())?;
                    new += 1;
                }
            }
            head.counts.queued += new;
            head.counts.recipients += new;
            head.write(b)?;
            Ok(new)
        })
    }

    /// Ends the expansion. Asking again gives the same answer.
    pub fn complete(&self) -> Result<Complete> {
        if let Some(sealed) = self.completed()? {
            return Ok(sealed);
        }
        let mut digest = Sha256::new();
        let mut count = 0;
        self.file.read(|v| {
            v.scan(ROWS, &[], |key, _| {
                digest.update(key);
                count += 1;
                Ok(ControlFlow::Continue(()))
            })
        })?;
        let sealed = Complete { count, digest: data_encoding::HEXLOWER.encode(&digest.finalize()) };
        let bytes = serde_json::to_vec(&sealed).map_err(Error::bug)?;
        self.file.write(|b| match Head::read(b)?.counts.recipients == count {
            true => b.put(META, SEAL, &bytes),
            false => Err(unreadable()),
        })?;
        Ok(sealed)
    }

    pub fn completed(&self) -> Result<Option<Complete>> {
        let bytes = self.file.read(|v| v.get(META, SEAL))?;
        bytes.map(|b| serde_json::from_slice(&b).map_err(|e| unreadable().because(e))).transpose()
    }

    pub fn counts(&self) -> Result<Counts> {
        self.file.read(|v| {
            let mut counts = Head::view(v)?.counts;
            for contact in flight_of(v.get(META, FLIGHT)?)? {
                let row = v.get(ROWS, &key_of(contact))?.ok_or_else(unreadable)?;
                counts.shift(Row::decode(&key_of(contact), &row)?.state, State::Sending)?;
            }
            Ok(counts)
        })
    }

    pub fn row(&self, contact: ContactId) -> Result<Option<Row>> {
        self.file.read(|v| {
            let key = key_of(contact);
            let Some(value) = v.get(ROWS, &key)? else { return Ok(None) };
            let mut row = Row::decode(&key, &value)?;
            if flight_of(v.get(META, FLIGHT)?)?.contains(&contact) {
                row.state = State::Sending;
            }
            Ok(Some(row))
        })
    }

    /// A page of rows after a contact, in the order of contact ids.
    pub fn rows(&self, after: Option<ContactId>, most: usize) -> Result<Vec<Row>> {
        self.page(after, most, |_| true)
    }

    /// A page of the rows in one state.
    pub fn rows_in(&self, state: State, after: Option<ContactId>, most: usize) -> Result<Vec<Row>> {
        self.page(after, most, |row| row.state == state)
    }

    /// Everyone who may or may not have got the message, by name of their contact.
    pub fn in_doubt(&self, after: Option<ContactId>, most: usize) -> Result<Vec<Row>> {
        let found = usize::try_from(self.counts()?.in_doubt).unwrap_or(usize::MAX);
        self.rows_in(State::InDoubt, after, most.min(found))
    }

    fn page(&self, after: Option<ContactId>, most: usize, wanted: impl Fn(&Row) -> bool) -> Result<Vec<Row>> {
        let mut page = Vec::new();
        if most == 0 {
            return Ok(page);
        }
        let from = after.map(|c| key_of(ContactId(c.0.saturating_add(1)))).unwrap_or_default();
        self.file.read(|v| {
            let flight = flight_of(v.get(META, FLIGHT)?)?;
            v.scan(ROWS, &from, |key, value| {
                let mut row = Row::decode(key, value)?;
                if flight.contains(&row.contact) {
                    row.state = State::Sending;
                }
                if wanted(&row) {
                    page.push(row);
                }
                Ok(if page.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
            })
        })?;
        Ok(page)
    }

    /// What happened after `after`, in order; the last `seq` is the next cursor.
    pub fn outcomes(&self, after: u64, most: usize) -> Result<Vec<Outcome>> {
        let mut out = Vec::new();
        self.file.read(|v| {
            v.scan(LOG, &(after.saturating_add(1)).to_be_bytes(), |key, value| {
                let last = u64::from_be_bytes(*key.first_chunk::<8>().ok_or_else(unreadable)?);
                let group: Vec<_> = value.as_chunks::<9>().0.iter().collect();
                let first = (last + 1).checked_sub(group.len() as u64).ok_or_else(unreadable)?;
                for (seq, entry) in (first..).zip(group) {
                    let contact = contact_of(entry).ok_or_else(unreadable)?;
                    let state = State::of_tag(entry[8]).ok_or_else(unreadable)?;
                    if seq > after && out.len() < most {
                        out.push(Outcome { seq, contact, state });
                    }
                }
                Ok(if out.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
            })
        })?;
        Ok(out)
    }

    /// When the next deferred row is due.
    pub fn next_due(&self) -> Result<Option<Time>> {
        Ok(self.due(Time(i64::MAX), 1)?.first().map(|(at, _)| *at))
    }

    /// Deferred rows that are due at `now`, oldest first.
    pub(super) fn due(&self, now: Time, most: usize) -> Result<Vec<(Time, ContactId)>> {
        let mut page = Vec::new();
        self.file.read(|v| {
            v.scan(DUE, &[], |key, _| {
                let (at, contact) = key.split_first_chunk::<8>().ok_or_else(unreadable)?;
                let at = Time(u64::from_be_bytes(*at) as i64);
                if at > now || page.len() >= most {
                    return Ok(ControlFlow::Break(()));
                }
                page.push((at, contact_of(contact).ok_or_else(unreadable)?));
                Ok(ControlFlow::Continue(()))
            })
        })?;
        Ok(page)
    }

    /// Settles what an earlier process left on the wire: held in doubt, or put back to be sent again.
    /// Returns whom.
    pub fn recover(&self, resend: bool, now: Time) -> Result<Vec<ContactId>> {
        let left = self.file.read(|v| flight_of(v.get(META, FLIGHT)?))?;
        if left.is_empty() {
            return Ok(left);
        }
        let mut changes = Vec::new();
        for contact in &left {
            let row = self.row(*contact)?.ok_or_else(unreadable)?;
            let since = if row.since.ms() == 0 { now } else { row.since };
            let state = if resend { State::Queued } else { State::InDoubt };
            let attempts = row.attempts.saturating_add(1);
            changes.push(Change::Become(Row { state, attempts, since, at: now, code: 0, said: String::new(), ..row }));
        }
        self.apply(&changes)?;
        Ok(left)
    }

    /// Settles rows in doubt as a person decided; rows in another state stay. Returns how many were settled.
    pub fn decide(&self, contacts: &[ContactId], decision: Decision, now: Time) -> Result<u64> {
        let mut changes = Vec::new();
        for contact in contacts {
            let Some(row) = self.row(*contact)?.filter(|row| row.state == State::InDoubt) else { continue };
            let state = match decision {
                Decision::Resend => State::Queued,
                Decision::Accept => State::Sent,
            };
            changes.push(Change::Become(Row { state, at: now, ..row }));
        }
        self.apply(&changes)?;
        Ok(changes.len() as u64)
    }

    /// Deferred rows are due now, also while an engine works on them. Returns how many.
    pub fn hurry(&self, now: Time) -> Result<u64> {
        let (mut after, mut hurried) = (None, 0);
        loop {
            let page = self.page(after, 2_000, |row| row.state == State::Deferred && row.until > now)?;
            let Some(last) = page.last() else { return Ok(hurried) };
            after = Some(last.contact);
            for row in &page {
                hurried += u64::from(self.due_now(row, now)?);
            }
        }
    }

    /// False when the row has changed since it was read.
    fn due_now(&self, seen: &Row, now: Time) -> Result<bool> {
        let key = key_of(seen.contact);
        self.file.write(|b| {
            let row = Row::decode(&key, &b.get(ROWS, &key)?.ok_or_else(unreadable)?)?;
            if row != *seen {
                return Ok(false);
            }
            let soon = Row { until: now, ..row.clone() };
            b.put(ROWS, &key, &soon.encode())?;
            b.remove(DUE, &due_key(&row))?;
            b.put(DUE, &due_key(&soon), &[])?;
            Ok(true)
        })
    }

    /// Ends every row that was not sent yet. Only while no engine works on the ledger.
    pub fn cancel(&self, now: Time) -> Result<u64> {
        self.end_open(State::Cancelled, now)
    }

    /// Ends every row that was not sent in its time. Only while no engine works on the ledger.
    pub fn expire(&self, now: Time) -> Result<u64> {
        self.end_open(State::Expired, now)
    }

    fn end_open(&self, state: State, now: Time) -> Result<u64> {
        let (mut after, mut ended) = (None, 0);
        loop {
            let page = self.page(after, 2_000, |row| matches!(row.state, State::Queued | State::Deferred))?;
            let Some(last) = page.last() else { return Ok(ended) };
            after = Some(last.contact);
            ended += page.len() as u64;
            let changes: Vec<_> = page.into_iter().map(|row| Change::Become(Row { state, at: now, ..row })).collect();
            self.apply(&changes)?;
        }
    }

    /// One durable group. Applying the same group again changes nothing, so a failed commit may be repeated.
    pub(super) fn apply(&self, changes: &[Change]) -> Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        self.file.write(|b| {
            let mut head = Head::read(b)?;
            let mut flight = flight_of(b.get(META, FLIGHT)?)?;
            let mut log = Vec::new();
            for change in changes {
                match change {
                    Change::Start(contact) if flight.contains(contact) => {}
                    Change::Start(contact) => flight.push(*contact),
                    Change::Back(contact) => flight.retain(|c| c != contact),
                    Change::Become(row) => {
                        flight.retain(|c| *c != row.contact);
                        settle(b, row, &mut head, &mut log)?;
                    }
                }
            }
            let bytes: Vec<u8> = flight.iter().flat_map(|c| key_of(*c)).collect();
            b.put(META, FLIGHT, &bytes)?;
            head.log(b, &log)?;
            head.write(b)
        })
    }
}

/// Puts a row into its new state, with everything that hangs on it.
fn settle(b: &mut Batch<'_>, row: &Row, head: &mut Head, log: &mut Vec<u8>) -> Result<()> {
    let key = key_of(row.contact);
    let old = Row::decode(&key, &b.get(ROWS, &key)?.ok_or_else(unreadable)?)?;
    if old == *row {
        return Ok(());
    }
    b.put(ROWS, &key, &row.encode())?;
    head.counts.shift(old.state, row.state)?;
    if old.state == State::Deferred {
        b.remove(DUE, &due_key(&old))?;
    }
    if row.state == State::Deferred {
        b.put(DUE, &due_key(row), &[])?;
    } else if row.state != old.state {
        log.extend_from_slice(&key);
        log.push(row.state.tag());
    }
    Ok(())
}

fn due_key(row: &Row) -> [u8; 16] {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&(row.until.ms() as u64).to_be_bytes());
    key[8..].copy_from_slice(&key_of(row.contact));
    key
}

fn flight_of(bytes: Option<Vec<u8>>) -> Result<Vec<ContactId>> {
    let bytes = bytes.unwrap_or_default();
    bytes.chunks(8).map(|key| contact_of(key).ok_or_else(unreadable)).collect()
}

impl Head {
    fn read(b: &Batch<'_>) -> Result<Head> {
        Head::decode(b.get(META, HEAD)?)
    }

    fn view(v: &View<'_>) -> Result<Head> {
        Head::decode(v.get(META, HEAD)?)
    }

    fn decode(bytes: Option<Vec<u8>>) -> Result<Head> {
        let Some(bytes) = bytes else { return Ok(Head::default()) };
        let (seq, counts) = bytes.split_first_chunk::<8>().ok_or_else(unreadable)?;
        Ok(Head { seq: u64::from_le_bytes(*seq), counts: Counts::decode(counts).ok_or_else(unreadable)? })
    }

    /// Puts what became final into the log.
    fn log(&mut self, b: &mut Batch<'_>, log: &[u8]) -> Result<()> {
        if log.is_empty() {
            return Ok(());
        }
        self.seq += (log.len() / 9) as u64;
        b.put(LOG, &self.seq.to_be_bytes(), log)
    }

    fn write(&self, b: &mut Batch<'_>) -> Result<()> {
        let bytes = [self.seq.to_le_bytes().as_slice(), &self.counts.encode()].concat();
        b.put(META, HEAD, &bytes)
    }
}
