//! What happened to whom in earlier runs, for segments and the contact's page. Fed from the ledgers: a batch of
//! outcomes and the cursor behind them land in one transaction, so a batch read twice changes nothing.
//!
//! What a failure does to the address is `failure`'s. It bears on the address that the contact has now: who changed it
//! since the mail left is listed for nothing, which nobody can know here and a person can undo.

use super::rows::suppression as rows;
use super::segment::Outcome;
use crate::base::{
    Result,
    ids::{CampaignId, ContactId, RunId},
};
use crate::store::{Store, Tx};

/// Some outcomes of one run, and where its ledger was read to.
pub struct Feed<'a> {
    pub run: RunId,
    pub campaign: CampaignId,
    pub outcomes: &'a [(ContactId, Outcome)],
    /// Where it was read from.
    pub after: u64,
    pub cursor: u64,
}

/// How far this run's ledger was read; 0 at first.
pub fn cursor(store: &Store, run: RunId) -> Result<u64> {
    store.read(|c| rows::cursor(c, run.0))
}

/// In the caller's transaction, beside whatever else the outcomes change. `false`, and nothing is changed, when another
/// has read on from there in the meantime.
pub fn apply(tx: &Tx<'_>, feed: &Feed<'_>) -> Result<bool> {
    if rows::cursor(tx, feed.run.0)? != feed.after {
        return Ok(false);
    }
    for (contact, outcome) in feed.outcomes {
        rows::note_outcome(tx, feed.run.0, *contact, outcome.name())?;
    }
    rows::note_cursor(tx, feed.run.0, feed.campaign.0, feed.cursor)?;
    Ok(true)
}

/// Of a message that had been taken: what became known of it since. `false` where something else stands on record.
pub fn amend(tx: &Tx<'_>, run: RunId, contact: ContactId, outcome: Outcome) -> Result<bool> {
    let stands = rows::outcome(tx, run.0, contact)?.and_then(|name| Outcome::parse(&name));
    let taken = matches!(stands, Some(Outcome::Sent | Outcome::InDoubt));
    if taken {
        rows::note_outcome(tx, run.0, contact, outcome.name())?;
    }
    Ok(taken)
}

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Received {
    pub campaign: CampaignId,
    pub run: RunId,
    #[serde(serialize_with = "name")]
    pub outcome: Outcome,
}

fn name<S: serde::Serializer>(outcome: &Outcome, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(outcome.name())
}

/// The mails of one contact, newest first.
pub fn of(store: &Store, contact: ContactId, most: usize) -> Result<Vec<Received>> {
    let rows = store.read(|c| rows::outcomes_of(c, contact, most))?;
    let read = |(campaign, run, outcome): (i64, i64, String)| {
        let outcome = Outcome::parse(&outcome)?;
        Some(Received { campaign: CampaignId(campaign), run: RunId(run), outcome })
    };
    Ok(rows.into_iter().filter_map(read).collect())
}
