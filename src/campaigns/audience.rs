//! Everything that this room asks of contacts: who is meant, who may be written to, what they refuse.

use super::campaign::Draft;
use super::links::Holder;
use crate::base::{By, Kind, Result, Time, ids::ContactId, ids::RunId, ids::TopicId};
use crate::contacts::attribute::Attribute;
use crate::contacts::consent::{self, Agreement, Basis};
use crate::contacts::outcomes;
use crate::contacts::refusal::About;
use crate::contacts::segment::{self, Segment};
use crate::contacts::{MailKind, refusal, topic};
use crate::delivery::State;
use crate::store::Store;

/// What the pre-flight says about the recipients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Totals {
    /// Contacts that the segment picks; of several at one address, those that a run takes.
    pub recipients: u64,
    /// On the do-not-send list, or refused this topic.
    pub suppressed: u64,
    pub unconsented: u64,
    /// Of those that a notice reaches: how many refuse advertisements.
    pub refused_but_reached: u64,
}

pub(super) fn topic(store: &Store, id: Option<TopicId>) -> Result<(TopicId, String)> {
    let topic = match id {
        Some(id) => topic::find(store, &id.to_string())?,
        None => topic::default(store)?,
    };
    Ok((topic.id, topic.name))
}

pub(super) fn segment(store: &Store, text: &str) -> Result<Segment> {
    segment::read(store, text)
}

pub(super) fn page(store: &Store, s: &Segment, now: Time, after: ContactId, most: usize) -> Result<Vec<ContactId>> {
    segment::page(store, s, now, after, most)
}

/// How many of a segment have no value of this attribute.
pub(super) fn blank(store: &Store, text: &str, attribute: &Attribute, now: Time) -> Result<u64> {
    let field = segment::quoted(&attribute.key);
    let narrowed = match text.trim().is_empty() {
        true => format!("attr:{field} is blank"),
        false => format!("({text}) and attr:{field} is blank"),
    };
    segment::count(store, &segment(store, &narrowed)?, now)
}

/// The first members of a saved segment or of a tag.
pub(super) fn group(store: &Store, name: &str, now: Time, most: usize) -> Result<Vec<ContactId>> {
    let text = match segment::load(store, name) {
        Ok(saved) => saved.text,
        Err(e) if e.kind() == Kind::Missing => format!("tag:{}", segment::quoted(name)),
        Err(e) => return Err(e),
    };
    page(store, &segment(store, &text)?, now, ContactId(0), most)
}

/// As a run of this draft would find them.
pub(super) fn totals(store: &Store, s: &Segment, draft: &Draft, now: Time) -> Result<Totals> {
    let (topic, _) = topic(store, draft.topic)?;
    let about = About { topic, kind: draft.kind, once_per_address: !draft.options.every_contact };
    let tally = refusal::tally(store, s, now, about)?;
    Ok(Totals {
        recipients: tally.total(),
        suppressed: tally.suppressed + tally.refused,
        unconsented: tally.unconsented,
        refused_but_reached: tally.refused_but_reached,
    })
}

/// Why nothing may be sent; `None` when it may.
pub(super) fn refusal(s: &Store, contact: ContactId, topic: TopicId, kind: MailKind) -> Result<Option<&'static str>> {
    Ok(refusal::may_send(s, contact, topic, kind)?.err().map(|r| r.name()))
}

/// Whether this person said no, or the house did for them; a consent that is only missing is neither.
pub(super) fn refuses(s: &Store, contact: ContactId, topic: TopicId, kind: MailKind) -> Result<bool> {
    use refusal::Refusal;
    Ok(match refusal::may_send(s, contact, topic, kind)? {
        Ok(()) | Err(Refusal::Unconsented) => false,
        Err(Refusal::Suppressed | Refusal::Refused | Refusal::Gone) => true,
    })
}

/// For everyone at that address; who is gone gets nothing anyway.
pub(super) fn refuse(store: &Store, now: Time, holder: &Holder) -> Result<()> {
    refuse_at(store, now, holder, "メールの配信停止リンク")
}

/// The same, by a mail to the address that stands in each mail for that.
pub(super) fn refuse_by_mail(store: &Store, now: Time, holder: &Holder) -> Result<()> {
    refuse_at(store, now, holder, "配信停止のメール")
}

fn refuse_at(store: &Store, now: Time, holder: &Holder, source: &str) -> Result<()> {
    match consent::refuse(store, &By::Public, now, (holder.contact, holder.topic), source) {
        Ok(_) => Ok(()),
        Err(e) if e.kind() == Kind::Missing => Ok(()),
        Err(e) => Err(e),
    }
}

pub(super) fn agree(store: &Store, now: Time, holder: &Holder, wording: &str) -> Result<()> {
    let said = Agreement {
        at: now,
        basis: Basis::OptIn,
        source: "配信停止ページ（取り消し）".to_owned(),
        wording: wording.to_owned(),
    };
    consent::agree(store, &By::Public, now, (holder.contact, holder.topic), &said)
}

pub(super) fn has_refused(store: &Store, contact: ContactId, topic: TopicId) -> Result<bool> {
    Ok(consent::state(store, contact, topic)? == consent::State::Refused)
}

pub(super) fn cursor(store: &Store, run: RunId) -> Result<u64> {
    outcomes::cursor(store, run)
}

pub(super) fn outcome(state: State) -> Option<segment::Outcome> {
    use segment::Outcome;
    match state {
        State::Queued | State::Sending => None,
        State::Sent => Some(Outcome::Sent),
        State::Deferred => Some(Outcome::Deferred),
        State::Bounced => Some(Outcome::Bounced),
        State::Suppressed => Some(Outcome::Suppressed),
        State::InDoubt => Some(Outcome::InDoubt),
        State::Cancelled => Some(Outcome::Cancelled),
        State::Expired => Some(Outcome::Expired),
        State::Failed => Some(Outcome::Failed),
    }
}
