//! The tray (受け皿): mail that was taken and waits to be read, and what became of it.
//!
//! The bytes of a mail are a blob, its line stands in a journal file of the month. Not the other way round: a blob goes from
//! the disk with its mail, while a journal file never shrinks; and a line changes, which a blob never does. Not the books
//! either: whoever floods a postmaster would write their audit chain. A mail is promised when both are durable, the blob
//! first; a stop between the two leaves a blob that nobody names, and a sender who sends again.
//!
//! Each blob begins with the trace that RFC 5321 wants, with a number of its own: the same mail twice is two blobs, so that
//! removing the one never takes the other.

use super::addresses::To;
use super::machine::Envelope;
use crate::base::{Error, Result, Time, clock, limits, seal};
use crate::store::{BlobId, Store, Table};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use std::io::Read;
use std::net::IpAddr;
use std::ops::ControlFlow;

const PREFIX: &str = "in-";
const MAILS: Table = "mails";
/// Time and number of what is to be read.
const DUE: Table = "due";
const META: Table = "meta";
const LAST: &[u8] = b"last";

/// One mail, and what became of it at each address of ours that it came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Item {
    pub id: ItemId,
    pub at: Time,
    pub peer: IpAddr,
    /// Personal data: gone when nobody needs it any more.
    pub from: Option<Sender>,
    pub nobody: bool,
    pub size: u64,
    blob: String,
    pub to: Vec<Came>,
    tries: u32,
}

/// The address in the return path.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sender(pub String);

impl std::fmt::Debug for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sender(…)")
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Came {
    pub to: To,
    /// Nothing while it is not decided.
    pub outcome: Option<Outcome>,
}

/// What was read, and what was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// `bounce`, `complaint`, `reply` …
    pub kind: String,
    /// Of a bounce: `hard`, `soft`, `block`, `unknown`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// What was said, without anybody's address.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub said: String,
    /// `failed`, `suppressed`, `refused`, `forwarded`, `nothing`, `shown`.
    pub done: String,
    /// Kept for a person to look at.
    #[serde(default)]
    pub shown: bool,
}

impl Outcome {
    pub fn of(kind: &str, done: &str, shown: bool) -> Outcome {
        Outcome { kind: kind.to_owned(), class: None, said: String::new(), done: done.to_owned(), shown }
    }
}

/// The month's file and the number in it: `2026-11-17`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ItemId {
    month: String,
    n: u64,
}

impl std::fmt::Display for ItemId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.month, self.n)
    }
}

impl ItemId {
    pub fn parse(text: &str) -> Result<ItemId> {
        let read = || {
            let (month, n) = text.trim().rsplit_once('-')?;
            let good = month.len() == 7 && month.bytes().all(|b| b.is_ascii_digit() || b == b'-');
            Some(ItemId { month: month.to_owned(), n: n.parse().ok()? }).filter(|_| good)
        };
        read().ok_or_else(missing)
    }

    fn file(&self) -> String {
        format!("{PREFIX}{}", self.month)
    }
}

impl Serialize for ItemId {
    fn serialize<S: serde::Serializer>(&self, s: S) -> std::result::Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ItemId {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> std::result::Result<ItemId, D::Error> {
        let text = String::deserialize(d)?;
        ItemId::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// What the conversation knows of a mail beside its bytes.
pub struct Arrived {
    pub peer: IpAddr,
    /// This host's name.
    pub host: String,
    pub envelope: Envelope<To>,
}

/// Durable when this returns.
pub fn keep(store: &Store, now: Time, arrived: Arrived, body: impl Read) -> Result<()> {
    let trace = trace(&arrived, now)?;
    let (blob, size) = store.blobs().put(trace.as_bytes().chain(body))?;
    let month = month(now);
    let to = arrived.envelope.to.into_iter().map(|to| Came { to, outcome: None }).collect();
    let from = arrived.envelope.from.map(Sender);
    let nobody = from.is_none();
    store.journal().file(&format!("{PREFIX}{month}"))?.write(|b| {
        let last = b.get(META, LAST)?.and_then(|v| v.try_into().ok()).map_or(0, u64::from_be_bytes);
        let id = ItemId { month, n: last + 1 };
        b.put(META, LAST, &id.n.to_be_bytes())?;
        b.put(DUE, &due_key(now, id.n), &[])?;
        let (blob, peer) = (blob.as_str().to_owned(), arrived.peer);
        let item = Item { at: now, peer, from, nobody, size, blob, to, tries: 0, id };
        b.put(MAILS, &item.id.n.to_be_bytes(), &serde_json::to_vec(&item).map_err(Error::bug)?)
    })
}

/// No name of the client's own choosing: what he calls himself is nobody's business here.
fn trace(arrived: &Arrived, now: Time) -> Result<String> {
    let date = now.zoned(&clock::japan()).strftime("%a, %d %b %Y %H:%M:%S %z").to_string();
    let id = HEXLOWER.encode(&seal::random::<12>()?);
    let Arrived { peer, host, .. } = arrived;
    Ok(format!("Received: from [{peer}] by {host} with ESMTP id {id}; {date}\r\n"))
}

fn month(at: Time) -> String {
    at.zoned(&clock::japan()).strftime("%Y-%m").to_string()
}

fn due_key(at: Time, n: u64) -> [u8; 16] {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&(at.ms() as u64).to_be_bytes());
    key[8..].copy_from_slice(&n.to_be_bytes());
    key
}

fn months(store: &Store) -> Result<Vec<String>> {
    let names = store.journal().names()?;
    Ok(names.iter().filter_map(|n| n.strip_prefix(PREFIX)).map(str::to_owned).collect())
}

/// What is to be read now, oldest first.
pub fn due(store: &Store, now: Time, most: usize) -> Result<Vec<(Time, Item)>> {
    let mut out = Vec::new();
    for month in months(store)? {
        let Some(file) = store.journal().existing(&format!("{PREFIX}{month}"))? else { continue };
        file.read(|v| {
            let mut found = Vec::new();
            v.scan(DUE, &[], |key, _| {
                let (at, n) = key.split_first_chunk::<8>().ok_or_else(unreadable)?;
                let at = Time(u64::from_be_bytes(*at) as i64);
                if at > now || out.len() + found.len() >= most {
                    return Ok(ControlFlow::Break(()));
                }
                found.push((at, n.to_vec()));
                Ok(ControlFlow::Continue(()))
            })?;
            for (at, n) in found {
                out.push((at, item_of(v.get(MAILS, &n)?.ok_or_else(unreadable)?)?));
            }
            Ok(())
        })?;
    }
    Ok(out)
}

fn item_of(bytes: Vec<u8>) -> Result<Item> {
    serde_json::from_slice(&bytes).map_err(|e| unreadable().because(e))
}

/// The mail itself, with its trace; `None` when it is not there any more.
pub fn bytes(store: &Store, item: &Item, most: u64) -> Result<Option<Vec<u8>>> {
    let Some(blob) = BlobId::parse(&item.blob).filter(|b| store.blobs().exists(b)) else { return Ok(None) };
    let mut bytes = Vec::new();
    let reader = store.blobs().read(&blob)?;
    reader.take(most).read_to_end(&mut bytes).map_err(crate::base::spool::io_error)?;
    Ok(Some(bytes))
}

impl Item {
    fn is_decided(&self) -> bool {
        self.to.iter().all(|came| came.outcome.is_some())
    }

    /// The same for every address that is not decided.
    pub fn decide_all(&mut self, outcome: &Outcome) {
        self.to.iter_mut().filter(|c| c.outcome.is_none()).for_each(|c| c.outcome = Some(outcome.clone()));
    }

    pub fn is_shown(&self) -> bool {
        self.to.iter().any(|came| came.outcome.as_ref().is_some_and(|o| o.shown))
    }

    /// Tried in vain for so long that a person must look.
    pub fn is_given_up(&self, now: Time) -> bool {
        now.since(self.at) > limits::INBOUND_PATIENCE
    }
}

/// What became of an item that was `due` then. What is not decided is due again, later each time; what nobody needs any
/// more goes from the disk.
pub fn settle(store: &Store, now: Time, was_due: Time, mut item: Item) -> Result<()> {
    let decided = item.is_decided();
    item.tries += 1;
    if decided && !item.is_shown() {
        if let Some(blob) = BlobId::parse(&item.blob) {
            store.blobs().remove(&blob)?;
        }
        item.from = None;
    }
    let wait = limits::INBOUND_AGAIN * 2u32.saturating_pow(item.tries.min(8) - 1);
    store.journal().file(&item.id.file())?.write(|b| {
        b.remove(DUE, &due_key(was_due, item.id.n))?;
        if !decided {
            b.put(DUE, &due_key(now.plus(wait), item.id.n), &[])?;
        }
        b.put(MAILS, &item.id.n.to_be_bytes(), &serde_json::to_vec(&item).map_err(Error::bug)?)
    })
}

/// The newest first; with `shown`, those alone that a person should look at.
pub fn list(store: &Store, shown: bool, most: usize) -> Result<Vec<Item>> {
    let mut out = Vec::new();
    for month in months(store)?.iter().rev() {
        let Some(file) = store.journal().existing(&format!("{PREFIX}{month}"))? else { continue };
        let mut here = Vec::new();
        file.read(|v| {
            v.scan(MAILS, &[], |_, value| {
                let item = item_of(value.to_vec())?;
                if !shown || item.is_shown() {
                    here.push(item);
                }
                Ok(ControlFlow::Continue(()))
            })
        })?;
        out.extend(here.into_iter().rev().take(most - out.len()));
        if out.len() >= most {
            break;
        }
    }
    Ok(out)
}

pub fn get(store: &Store, id: &ItemId) -> Result<Item> {
    let file = store.journal().existing(&id.file())?.ok_or_else(missing)?;
    item_of(file.read(|v| v.get(MAILS, &id.n.to_be_bytes()))?.ok_or_else(missing)?)
}

/// Mails that were kept for a person go after a time, and months of which nothing is left go as one file.
pub fn forget(store: &Store, now: Time) -> Result<()> {
    let oldest = month(now.minus(limits::INBOUND_KEPT));
    for month in months(store)?.into_iter().filter(|m| *m < oldest) {
        let name = format!("{PREFIX}{month}");
        let Some(file) = store.journal().existing(&name)? else { continue };
        let mut blobs = Vec::new();
        file.read(|v| {
            v.scan(MAILS, &[], |_, value| {
                blobs.extend(BlobId::parse(&item_of(value.to_vec())?.blob));
                Ok(ControlFlow::Continue(()))
            })
        })?;
        drop(file);
        blobs.iter().try_for_each(|blob| store.blobs().remove(blob))?;
        store.journal().remove(&name)?;
    }
    Ok(())
}

fn missing() -> Error {
    Error::missing(say!("その受信メールはありません。", "There is no such mail."))
        .hint(say!("`hakobu mail inbound list` で確かめられます。", "See `hakobu mail inbound list`."))
}

fn unreadable() -> Error {
    Error::damaged(say!(
        "受信メールの記録に読めない行があります。",
        "The record of mail that came in has a line that cannot be read."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::seal::Key;
    use crate::delivery::bounces::Postbox;

    const NOW: Time = Time(1_795_000_000_000);

    fn house() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(dir.path(), &Key::new([1; 32]), &[crate::delivery::SCHEMA]).unwrap().0;
        (dir, store)
    }

    fn arrive(store: &Store, at: Time, body: &str) {
        let to = |postbox| To { postbox, about: None, domain: "example.jp".into() };
        let envelope =
            Envelope { from: Some("a@b.example.jp".into()), to: vec![to(Postbox::Reply), to(Postbox::Abuse)] };
        let arrived = Arrived { peer: [192, 0, 2, 7].into(), host: "mx.example.jp".into(), envelope };
        keep(store, at, arrived, body.as_bytes()).unwrap();
    }

    fn outcome(shown: bool) -> Option<Outcome> {
        Some(Outcome { kind: "reply".into(), class: None, said: String::new(), done: "forwarded".into(), shown })
    }

    #[test]
    fn a_mail_is_there_until_each_of_its_addresses_is_decided_and_then_its_bytes_go() {
        let (_dir, store) = house();
        arrive(&store, NOW, "hello");
        arrive(&store, NOW, "hello");
        let (was_due, mut item) = due(&store, NOW, 10).unwrap().remove(0);
        assert_eq!(
            (due(&store, NOW, 1).unwrap().len(), due(&store, NOW.minus(limits::DAY), 10).unwrap().len()),
            (1, 0)
        );
        let text = String::from_utf8(bytes(&store, &item, 1_000).unwrap().unwrap()).unwrap();
        assert!(
            text.starts_with("Received: from [192.0.2.7] by mx.example.jp with ESMTP id ") && text.ends_with("hello")
        );
        item.to[0].outcome = outcome(false);
        settle(&store, NOW, was_due, item.clone()).unwrap();
        assert_eq!(due(&store, NOW, 10).unwrap().len(), 1, "it waits");
        let later = NOW.plus(limits::INBOUND_AGAIN);
        let (was_due, mut item) = due(&store, later, 10).unwrap().into_iter().find(|(at, _)| *at > NOW).unwrap();
        item.to[1].outcome = outcome(false);
        settle(&store, later, was_due, item.clone()).unwrap();
        let kept = get(&store, &ItemId::parse(&item.id.to_string()).unwrap()).unwrap();
        assert!(kept.from.is_none() && bytes(&store, &kept, 10).unwrap().is_none());
        let (_, twin) = due(&store, later, 10).unwrap().remove(0);
        assert!(bytes(&store, &twin, 10).unwrap().is_some(), "the same mail once more is another one");
    }

    #[test]
    fn what_a_person_should_see_stays_for_a_while() {
        let (_dir, store) = house();
        arrive(&store, NOW, "one");
        arrive(&store, NOW, "two");
        let (was_due, mut item) = due(&store, NOW, 10).unwrap().remove(0);
        item.to.iter_mut().for_each(|came| came.outcome = outcome(true));
        settle(&store, NOW, was_due, item.clone()).unwrap();
        assert_eq!((list(&store, true, 10).unwrap().len(), list(&store, false, 10).unwrap().len()), (1, 2));
        assert!(bytes(&store, &item, 10).unwrap().is_some());
        forget(&store, NOW.plus(limits::DAY)).unwrap();
        assert_eq!(list(&store, false, 10).unwrap().len(), 2);
        forget(&store, NOW.plus(limits::INBOUND_KEPT + 32 * limits::DAY)).unwrap();
        assert!(list(&store, false, 10).unwrap().is_empty() && bytes(&store, &item, 10).unwrap().is_none());
        for bad in ["", "2026-11", "2026-11-x", "../x-1", "2026/11-1"] {
            assert!(ItemId::parse(bad).is_err(), "{bad}");
        }
    }
}
