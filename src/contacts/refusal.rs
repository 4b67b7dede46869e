//! Whether a contact may be written to. One decision, pure, over facts of the books; asked when a recipient is
//! claimed and on every attempt.
//!
//! An *advertisement* needs an agreement about its topic (or one of the law's exceptions, kept as its basis), no
//! refusal of the topic or of everything, and an address that is not on the do-not-send list, whatever the reason.
//!
//! A *notice* (recall, fault, order matters) is no advertisement: neither consent nor refusal bears on it, and the law
//! wants some people reached. Only an address that bounced or whose reader called our mail spam is left alone: the
//! first cannot be reached, the second would harm every other mail. Addresses that a file or a person put on the list
//! stand there as refusals, so notices reach them. Whoever sends a notice states a reason, which the campaign keeps.

use super::rows::consent as rows;
use super::segment::{self, Segment};
use super::suppression::Reason;
use crate::base::{
    Result, Say, Time,
    ids::{ContactId, TopicId},
};
use crate::store::Store;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailKind {
    Advertisement,
    Notice,
}

impl MailKind {
    pub const ALL: [MailKind; 2] = [MailKind::Advertisement, MailKind::Notice];

    pub fn name(self) -> &'static str {
        match self {
            MailKind::Advertisement => "advertisement",
            MailKind::Notice => "notice",
        }
    }

    pub fn parse(name: &str) -> Option<MailKind> {
        MailKind::ALL.into_iter().find(|k| k.name() == name)
    }
}

/// Why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// There is no such contact (any more).
    Gone,
    /// On the do-not-send list.
    Suppressed,
    /// Refused this topic, or everything.
    Refused,
    Unconsented,
}

impl Refusal {
    /// For the ledger.
    pub fn name(self) -> &'static str {
        match self {
            Refusal::Gone => "gone",
            Refusal::Suppressed => "suppressed",
            Refusal::Refused => "refused",
            Refusal::Unconsented => "unconsented",
        }
    }

    pub fn says(self) -> Say {
        match self {
            Refusal::Gone => say!("連絡先が削除されました。", "The contact was deleted."),
            Refusal::Suppressed => say!("停止リストに載っています。", "On the do-not-send list."),
            Refusal::Refused => say!("この配信種別を拒否しています。", "Refuses this topic."),
            Refusal::Unconsented => say!("同意の記録がありません。", "No consent is on record."),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) listed: Option<Reason>,
    pub(super) refused: bool,
    pub(super) agreed: bool,
}

/// Whether somebody who stands like this gets the mail, for counts that take one of each address.
pub(super) type Reaches<'a> = Option<&'a dyn Fn(&Facts) -> bool>;

fn decide(kind: MailKind, facts: &Facts) -> Result<(), Refusal> {
    match kind {
        MailKind::Notice if facts.listed.is_some_and(|r| !r.is_refusal()) => Err(Refusal::Suppressed),
        MailKind::Notice => Ok(()),
        MailKind::Advertisement if facts.listed.is_some() => Err(Refusal::Suppressed),
        MailKind::Advertisement if facts.refused => Err(Refusal::Refused),
        MailKind::Advertisement if !facts.agreed => Err(Refusal::Unconsented),
        MailKind::Advertisement => Ok(()),
    }
}

pub fn may_send(store: &Store, contact: ContactId, topic: TopicId, kind: MailKind) -> Result<Result<(), Refusal>> {
    let facts = store.read(|c| rows::facts(c, contact, topic))?;
    Ok(facts.map_or(Err(Refusal::Gone), |f| decide(kind, &f)))
}

/// A segment before it is mailed: whom it reaches and whom not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Tally {
    pub reached: u64,
    pub suppressed: u64,
    pub refused: u64,
    pub unconsented: u64,
    /// Of those reached by a notice: how many refuse advertisements.
    pub refused_but_reached: u64,
}

impl Tally {
    pub fn total(&self) -> u64 {
        self.reached + self.suppressed + self.refused + self.unconsented
    }

    fn add(&mut self, kind: MailKind, facts: &Facts, n: u64) {
        match decide(kind, facts) {
            Ok(()) => {
                self.reached += n;
                self.refused_but_reached += if facts.refused || facts.listed.is_some() { n } else { 0 };
            }
            Err(Refusal::Suppressed | Refusal::Gone) => self.suppressed += n,
            Err(Refusal::Refused) => self.refused += n,
            Err(Refusal::Unconsented) => self.unconsented += n,
        }
    }
}

/// What a mail is about, and whether an address that several contacts have gets it once.
#[derive(Clone, Copy, Debug)]
pub struct About {
    pub topic: TopicId,
    pub kind: MailKind,
    pub once_per_address: bool,
}

/// Counts by the same decision as `may_send`, in one query.
pub fn tally(store: &Store, segment: &Segment, now: Time, about: About) -> Result<Tally> {
    let About { topic, kind, once_per_address } = about;
    let reached = |facts: &Facts| decide(kind, facts).is_ok();
    let reached: Reaches<'_> = if once_per_address { Some(&reached) } else { None };
    let mut tally = Tally::default();
    for (facts, n) in segment::standing(store, segment, now, (topic, reached))? {
        tally.add(kind, &facts, n);
    }
    Ok(tally)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_be_written_to() {
        use MailKind::{Advertisement as Ad, Notice};
        let listed = |r| Facts { listed: Some(r), refused: false, agreed: true };
        let plain = |refused, agreed| Facts { listed: None, refused, agreed };
        for (kind, facts, want) in [
            (Ad, plain(false, true), Ok(())),
            (Ad, plain(false, false), Err(Refusal::Unconsented)),
            (Ad, plain(true, true), Err(Refusal::Refused)),
            (Ad, plain(true, false), Err(Refusal::Refused)),
            (Ad, listed(Reason::Refused), Err(Refusal::Suppressed)),
            (Ad, listed(Reason::Imported), Err(Refusal::Suppressed)),
            (Ad, listed(Reason::Bounced), Err(Refusal::Suppressed)),
            (Notice, plain(false, false), Ok(())),
            (Notice, plain(true, false), Ok(())),
            (Notice, listed(Reason::Refused), Ok(())),
            (Notice, listed(Reason::Imported), Ok(())),
            (Notice, listed(Reason::Manual), Ok(())),
            (Notice, listed(Reason::Bounced), Err(Refusal::Suppressed)),
            (Notice, listed(Reason::Complained), Err(Refusal::Suppressed)),
        ] {
            assert_eq!(decide(kind, &facts), want, "{kind:?} {facts:?}");
        }
    }
}
