//! One batch of an import: each row looked up, decided and, unless it is a dry run, done.

use super::imports::{self, Batch, Ids};
use crate::base::{
    Email, Error, Result, Time,
    ids::{ImportId, TopicId},
};
use crate::contacts::address::addr;
use crate::contacts::consent::Standing;
use crate::contacts::import::Consent;
use crate::contacts::import::plan::{Counts, Entry, Found, Reason, Rules, Step, decide};
use rusqlite::{Connection, OptionalExtension};

pub(in crate::contacts) struct Job<'a> {
    pub(in crate::contacts) ids: &'a Ids,
    pub(in crate::contacts) rules: Rules,
    pub(in crate::contacts) now: Time,
    /// What the batches before came to.
    pub(in crate::contacts) before: Counts,
}

pub(in crate::contacts) struct Outcome {
    pub(in crate::contacts) counts: Counts,
    pub(in crate::contacts) rejected: Vec<(u32, Reason)>,
    pub(in crate::contacts) seen: Vec<i64>,
}

impl Job<'_> {
    fn outcome(&self, rows: usize) -> Outcome {
        Outcome { counts: self.before, rejected: Vec::new(), seen: Vec::with_capacity(rows) }
    }
}

impl Outcome {
    fn count(&mut self, entry: &Entry<'_>, found: &Found, step: &Step) {
        self.counts.count(step);
        if let Step::Reject(reason) = step {
            self.rejected.push((entry.row, *reason));
        }
        if let Found::One(current) = found {
            self.seen.push(current.id);
        }
    }
}

/// What there is to ask before every row of a batch: whether asking can be left out.
struct Outlook {
    known: bool,
    suppressed: bool,
    refused: bool,
}

fn outlook(c: &Connection, ids: &Ids, entries: &[Entry<'_>]) -> Result<Outlook> {
    let suppressed = imports::any_suppressed(c)?;
    let known = match (ids.keyed, entries) {
        (_, []) => false,
        (true, _) => imports::any_contacts(c)?,
        // A batch is in the order of `addr`.
        (false, [first, .., last]) => imports::any_between(c, addr(&first.hash), addr(&last.hash))?,
        (false, [_]) => true,
    };
    Ok(Outlook { known, suppressed, refused: imports::any_refusals(c)? })
}

fn find(c: &Connection, job: &Job<'_>, outlook: &Outlook, entry: &Entry<'_>) -> Result<Found> {
    if outlook.known { imports::look_up(c, job.ids, entry) } else { Ok(Found::Nobody) }
}

fn count_suppressed(
    c: &Connection,
    outlook: &Outlook,
    entry: &Entry<'_>,
    step: &Step,
    out: &mut Outcome,
) -> Result<()> {
    let taken = matches!(step, Step::New | Step::Change(_) | Step::Same);
    if outlook.suppressed && taken && imports::is_suppressed(c, &entry.hash)? {
        out.counts.suppressed += 1;
    }
    Ok(())
}

/// What the batch would come to.
pub(in crate::contacts) fn plan(c: &Connection, job: &Job<'_>, entries: &[Entry<'_>]) -> Result<Outcome> {
    let outlook = outlook(c, job.ids, entries)?;
    let mut out = job.outcome(entries.len());
    for entry in entries {
        let found = find(c, job, &outlook, entry)?;
        let step = decide(entry, &found, job.rules);
        out.count(entry, &found, &step);
        count_suppressed(c, &outlook, entry, &step, &mut out)?;
    }
    Ok(out)
}

/// Does it.
pub(in crate::contacts) fn apply(c: &Connection, job: &Job<'_>, entries: &[Entry<'_>]) -> Result<Outcome> {
    let outlook = outlook(c, job.ids, entries)?;
    let mut out = job.outcome(entries.len());
    let mut batch = Batch::new(c, job.ids, job.now)?;
    for entry in entries {
        let found = find(c, job, &outlook, entry)?;
        let step = decide(entry, &found, job.rules);
        out.count(entry, &found, &step);
        count_suppressed(c, &outlook, entry, &step, &mut out)?;
        match (&step, &found) {
            (Step::New, _) => {
                let id = batch.add(entry, outlook.refused)?;
                out.seen.push(id);
            }
            (Step::Change(change), Found::One(current)) => batch.change(entry, current, change)?,
            (Step::Remove, Found::One(current)) => {
                // A row that names its contact by key may bring another address, or none.
                let same = entry.email.to_lowercase() == current.email.to_lowercase();
                batch.remove(current.id, entry.row, Some(&entry.hash).filter(|_| same))?;
            }
            (Step::Change(_) | Step::Remove, Found::Nobody | Found::Several) => {
                return Err(Error::bug("a change without a contact"));
            }
            (Step::Same | Step::Reject(_), _) => {}
        }
    }
    imports::count(c, ImportId(job.ids.import), &out.counts)?;
    Ok(out)
}

/// Takes away contacts that no row of the file names.
pub(in crate::contacts) fn remove(
    c: &Connection,
    ids: &Ids,
    now: Time,
    gone: &[(i64, String)],
    hash: impl Fn(&Email) -> [u8; 16],
) -> Result<()> {
    let mut batch = Batch::new(c, ids, now)?;
    for (id, email) in gone {
        batch.remove(*id, 0, Some(&hash(&Email::parse(email)?)))?;
    }
    Ok(())
}

/// The topic that a consent is about.
pub(in crate::contacts) fn topic(c: &Connection, consent: &Consent) -> Result<TopicId> {
    if let Some(topic) = consent.topic {
        return super::consent::topic_exists(c, topic).map(|()| topic);
    }
    let topics = super::consent::topics(c)?;
    let found = topics.iter().find(|t| t.is_default).or(topics.first());
    found.map(|t| t.id).ok_or_else(|| {
        Error::missing(say!("配信種別がまだありません。", "There is no topic yet."))
            .hint(say!("作成: hakobu topic create お知らせ", "Make one: hakobu topic create NEWS"))
    })
}

/// The consent of a dry run: nothing is written, so words that are new to the books match nothing there.
pub(in crate::contacts) fn foreseen(c: &Connection, consent: &Consent, now: Time) -> Result<Standing> {
    let known = |text: &str| -> Result<Option<i64>> {
        if text.trim().is_empty() {
            return Ok(None);
        }
        let mut q = c.prepare("SELECT id FROM phrases WHERE text = ?1")?;
        Ok(Some(q.query_row([text], |r| r.get(0)).optional()?.unwrap_or(-1)))
    };
    let word = super::consent::Word {
        given: true,
        at: now,
        basis: consent.basis.name(),
        source: known(&consent.source)?,
        wording: known(&consent.wording)?,
        by: String::new(),
        import: None,
    };
    Ok(Standing { topic: topic(c, consent)?, word })
}
