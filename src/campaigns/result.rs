//! What became of a campaign: the sums, and each recipient by name.

use super::campaign::{self, Campaign};
use super::plan::State;
use super::run::{self, RunState, never_sent};
use crate::base::{Error, Kind, Result, Say, ids::CampaignId, ids::ContactId, ids::RunId, limits};
use crate::contacts::reading;
use crate::delivery::{Counts, Ledger, Row, State as RowState};
use crate::store::Store;
use serde::Serialize;
use std::io::Write;

/// `{"campaign","state","recipients","queued",…}`: the states always add up to the recipients.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sums {
    pub campaign: CampaignId,
    pub state: State,
    #[serde(flatten)]
    pub counts: Counts,
    /// Why it is paused, held or damaged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<Say>,
}

pub fn sums(store: &Store, id: CampaignId) -> Result<Sums> {
    let campaign = campaign::get(store, id)?;
    let counts = match campaign.run {
        Some(run) => counts(store, run)?,
        None => Counts::default(),
    };
    Ok(Sums { campaign: id, state: campaign.state, counts, why: campaign.why })
}

/// The same for pages that show other things beside it: a lost ledger is no numbers there, not the end of the page.
pub fn glance(store: &Store, id: CampaignId) -> Result<Sums> {
    match sums(store, id) {
        Err(e) if e.kind() == Kind::Damaged => {
            let campaign = campaign::get(store, id)?;
            let why = Some(campaign.why.unwrap_or_else(|| e.says().clone()));
            Ok(Sums { campaign: id, state: campaign.state, counts: Counts::default(), why })
        }
        other => other,
    }
}

/// Nobody is in a ledger that the expansion has not begun yet; later, a ledger that is not there is a lost one.
fn counts(store: &Store, run: RunId) -> Result<Counts> {
    match Ledger::find(store, run)? {
        Some(ledger) => ledger.counts(),
        None if run::get(store, run)?.state == RunState::Expanding => Ok(Counts::default()),
        None => Ledger::open(store, run)?.counts(),
    }
}

/// One recipient's line. The address is `None` when the contact is gone.
#[derive(Clone, Debug, Serialize)]
pub struct Recipient {
    #[serde(flatten)]
    pub row: Row,
    pub email: Option<String>,
}

/// A page of recipients, all or those in one state, after a contact.
pub fn recipients(
    store: &Store,
    id: CampaignId,
    state: Option<RowState>,
    after: Option<ContactId>,
    most: usize,
) -> Result<Vec<Recipient>> {
    let ledger = ledger(store, &campaign::get(store, id)?)?;
    let rows = match state {
        Some(state) => ledger.rows_in(state, after, most)?,
        None => ledger.rows(after, most)?,
    };
    let ids: Vec<ContactId> = rows.iter().map(|r| r.contact).collect();
    let emails = reading::emails(store, &ids)?;
    Ok(rows
        .into_iter()
        .zip(emails)
        .map(|(row, email)| Recipient { row, email: email.map(|e| e.to_string()) })
        .collect())
}

fn ledger(store: &Store, campaign: &Campaign) -> Result<Ledger> {
    let run = campaign.run.ok_or_else(never_sent)?;
    match Ledger::find(store, run)? {
        Some(ledger) => Ok(ledger),
        None if run::get(store, run)?.state == RunState::Expanding => Err(never_sent()),
        None => Ledger::open(store, run),
    }
}

/// CSV in UTF-8 with a BOM, for spreadsheets.
pub fn csv(store: &Store, id: CampaignId, state: Option<RowState>, out: &mut dyn Write) -> Result<u64> {
    let io = |e| Error::io(say!("CSV を書き出せません。", "The CSV cannot be written."), e);
    out.write_all("\u{feff}contact,email,state,code,reason,attempts,at\r\n".as_bytes()).map_err(io)?;
    let (mut after, mut n) = (None, 0u64);
    loop {
        let page = recipients(store, id, state, after, limits::EXPAND_PAGE)?;
        let Some(last) = page.last() else { return Ok(n) };
        after = Some(last.row.contact);
        for r in &page {
            let at = r.row.at.rfc3339(&crate::base::clock::japan());
            let line = [
                r.row.contact.to_string(),
                r.email.clone().unwrap_or_default(),
                r.row.state.name().to_owned(),
                r.row.code.to_string(),
                r.row.said.clone(),
                r.row.attempts.to_string(),
                at,
            ];
            let cells: Vec<String> = line.iter().map(|cell| quoted(cell)).collect();
            out.write_all(format!("{}\r\n", cells.join(",")).as_bytes()).map_err(io)?;
            n += 1;
        }
    }
}

/// A cell that a spreadsheet would run as a formula is made text.
fn quoted(cell: &str) -> String {
    let guard = if cell.starts_with(['=', '+', '-', '@', '\t']) { "'" } else { "" };
    match guard.is_empty() && !cell.contains([',', '"', '\n', '\r']) {
        true => cell.to_owned(),
        false => format!("\"{guard}{}\"", cell.replace('"', "\"\"")),
    }
}
