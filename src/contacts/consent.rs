//! What a contact said about a topic: agreed or refused, when, from where, on which words, by whom. Kept as history;
//! the last word about (contact, topic) holds.
//!
//! A refusal is also kept by the keyed hash of the address (`refusals`): it covers everybody who shares the address,
//! and it is still there when the contact is deleted and imported again. A refusal of everything is a word about
//! `EVERYTHING` and an entry of the do-not-send list.
//!
//! **Invariant:** rows are appended, never changed. **Invariant:** only a new opt-in lifts a refusal of a topic, and
//! only a removal with a stated reason lifts a refusal of everything; an import lifts neither.

use super::address::AddressHash;
use super::rows::consent as rows;
use super::suppression::{self, Reason};
use super::topic::Topic;
use crate::base::{
    By, Error, Result, Time,
    ids::{ContactId, TopicId},
};
use crate::store::{Deed, Store, Tx};

/// Stands for all advertisements where a topic's number stands.
pub(super) const EVERYTHING: i64 = 0;

/// Why one may write (特定電子メール法 3 条 1 項): consent, or one of the exceptions of the law.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    OptIn,
    /// A trade relation that exists.
    Trade,
    /// An address handed over on a card.
    Card,
    /// An address that a business published without saying no to advertisements.
    Published,
}

impl Basis {
    pub const ALL: [Basis; 4] = [Basis::OptIn, Basis::Trade, Basis::Card, Basis::Published];

    pub fn name(self) -> &'static str {
        match self {
            Basis::OptIn => "opt_in",
            Basis::Trade => "trade",
            Basis::Card => "card",
            Basis::Published => "published",
        }
    }

    pub fn parse(name: &str) -> Option<Basis> {
        let name = name.replace('-', "_");
        Basis::ALL.into_iter().find(|b| b.name() == name)
    }
}

/// A consent as it was given.
#[derive(Clone, Debug)]
pub struct Agreement {
    pub at: Time,
    pub basis: Basis,
    /// Where: 店頭, a form's name, a page.
    pub source: String,
    /// The exact words that were shown.
    pub wording: String,
}

/// How things stand between a contact and a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nothing was ever said.
    Unsaid,
    Agreed,
    /// By this contact or by somebody at the same address, or everything was refused.
    Refused,
}

/// One line of the history.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Said {
    /// `None`: about all advertisements.
    pub topic: Option<TopicId>,
    pub topic_name: Option<String>,
    pub agreed: bool,
    pub at: Time,
    pub basis: Option<Basis>,
    pub source: Option<String>,
    pub wording: Option<String>,
    pub by: String,
}

const PHRASE: usize = 20_000;

/// Records a consent. Where the topic was refused it takes a new opt-in; where everything was, the list comes first.
pub fn agree(store: &Store, by: &By, now: Time, who: (ContactId, TopicId), said: &Agreement) -> Result<()> {
    let (contact, topic) = who;
    check_phrases(said)?;
    let hashes = AddressHash::new(store);
    store.write(by, now, Deed::new("consent.agree", format!("{contact} {topic}")), |tx| {
        let place = rows::place(tx, &hashes, contact)?.ok_or_else(gone)?;
        rows::topic_exists(tx, topic)?;
        let state = rows::state(tx, contact, topic)?;
        if rows::refused_everything(tx, contact)? || rows::listed(tx, place.addr)?.is_some_and(Reason::is_refusal) {
            return Err(refused_everything());
        }
        if state == State::Refused && said.basis != Basis::OptIn {
            return Err(needs_opt_in());
        }
        rows::append(tx, contact, topic.0, &rows::Word::agreed(tx, by, said)?)?;
        rows::lift(tx, &place, topic)
    })
}

/// Records a refusal of one topic, for everybody at that address. `false`: it was on record already.
pub fn refuse(store: &Store, by: &By, now: Time, who: (ContactId, TopicId), source: &str) -> Result<bool> {
    let (contact, topic) = who;
    let hashes = AddressHash::new(store);
    store.write(by, now, Deed::new("consent.refuse", format!("{contact} {topic}")), |tx| {
        let place = rows::place(tx, &hashes, contact)?.ok_or_else(gone)?;
        rows::topic_exists(tx, topic)?;
        if rows::last(tx, contact, topic.0)? == Some(false) && rows::address_refused(tx, place.addr, topic)? {
            return Ok(false);
        }
        rows::append(tx, contact, topic.0, &rows::Word::refused(tx, by, now, source)?)?;
        rows::note_refusal(tx, &place, topic, now)?;
        Ok(true)
    })
}

/// Records a refusal of all advertisements: on the do-not-send list from now on. `false`: it was there already.
pub fn refuse_everything(store: &Store, by: &By, now: Time, contact: ContactId, source: &str) -> Result<bool> {
    let hashes = AddressHash::new(store);
    store.write(by, now, Deed::new("consent.refuse_everything", contact.to_string()), |tx| {
        let place = rows::place(tx, &hashes, contact)?.ok_or_else(gone)?;
        let new = !rows::refused_everything(tx, contact)?;
        if new {
            rows::append(tx, contact, EVERYTHING, &rows::Word::refused(tx, by, now, source)?)?;
        }
        let listed = suppression::put(tx, by, now, &place.hash, Reason::Refused)?;
        Ok(new || listed)
    })
}

pub fn state(store: &Store, contact: ContactId, topic: TopicId) -> Result<State> {
    store.read(|c| rows::state(c, contact, topic))
}

/// Every topic, and how things stand.
pub fn states(store: &Store, contact: ContactId) -> Result<Vec<(Topic, State)>> {
    store.read(|c| {
        rows::contact_exists(c, contact)?;
        rows::topics(c)?.into_iter().map(|t| rows::state(c, contact, t.id).map(|s| (t, s))).collect()
    })
}

/// Everything that this contact said, newest first.
pub fn history(store: &Store, contact: ContactId) -> Result<Vec<Said>> {
    store.read(|c| rows::history(c, contact))
}

/// A consent that comes with an import, in the words of the books; made once per import.
pub(super) struct Standing {
    pub(super) topic: TopicId,
    pub(super) word: rows::Word,
}

impl Standing {
    pub(super) fn new(tx: &Tx<'_>, by: &By, topic: TopicId, said: &Agreement, import: i64) -> Result<Standing> {
        check_phrases(said)?;
        rows::topic_exists(tx, topic)?;
        Ok(Standing { topic, word: rows::Word { import: Some(import), ..rows::Word::agreed(tx, by, said)? } })
    }
}

fn check_phrases(said: &Agreement) -> Result<()> {
    let fits = |text: &str| text.chars().count() <= PHRASE;
    if !said.source.trim().is_empty() && fits(&said.source) && fits(&said.wording) {
        return Ok(());
    }
    Err(Error::refused(say!(
        "同意には、どこで得たかの記録が必要です（{PHRASE} 文字まで）。",
        "A consent needs a record of where it was given (at most {PHRASE} characters)."
    ))
    .hint(say!("例: --source 店頭 --wording-file 文面.txt", "For example: --source shop --wording-file wording.txt")))
}

pub(super) fn gone() -> Error {
    Error::missing(say!("その連絡先はありません。", "There is no such contact."))
}

fn refused_everything() -> Error {
    Error::conflict(say!(
        "このアドレスは、すべての広告を拒否しています（停止リスト）。",
        "This address refuses all advertisements (do-not-send list)."
    ))
    .hint(say!(
        "本人の申し出があれば、理由を書いて停止リストから外してから記録します。",
        "If the person asks for mail again, first remove the address from the list, stating why."
    ))
}

fn needs_opt_in() -> Error {
    Error::conflict(say!(
        "拒否の記録があります。取引関係などの例外では、拒否を超えられません。",
        "A refusal is on record; an exception such as a trade relation does not lift it."
    ))
    .hint(say!("本人から新しい同意を得たときは opt_in で記録します。", "Record a new consent of the person as opt_in."))
}
