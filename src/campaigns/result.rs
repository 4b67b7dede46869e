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
    let mut pages = Pages::new(id, state);
    let mut rows = 0;
    while let Some((bytes, n)) = pages.next(store)? {
        out.write_all(&bytes)
            .map_err(|e| Error::io(say!("CSV を書き出せません。", "The CSV cannot be written."), e))?;
        rows += n;
    }
    Ok(rows)
}

/// The same CSV a page at a time, for whoever sends it on.
pub struct Pages {
    id: CampaignId,
    state: Option<RowState>,
    after: Option<ContactId>,
    at: Place,
}

enum Place {
    Start,
    Inside,
    End,
}

impl Pages {
    pub fn new(id: CampaignId, state: Option<RowState>) -> Pages {
        Pages { id, state, after: None, at: Place::Start }
    }

    /// The next bytes and how many recipients stand in them; `None` after the last.
    pub fn next(&mut self, store: &Store) -> Result<Option<(Vec<u8>, u64)>> {
        let mut out = match self.at {
            Place::Start => "\u{feff}contact,email,state,code,reason,attempts,at\r\n".to_owned(),
            Place::Inside => String::new(),
            Place::End => return Ok(None),
        };
        let page = recipients(store, self.id, self.state, self.after, limits::EXPAND_PAGE)?;
        self.after = page.last().map(|r| r.row.contact).or(self.after);
        self.at = if page.len() < limits::EXPAND_PAGE { Place::End } else { Place::Inside };
        page.iter().for_each(|r| out.push_str(&line(r)));
        Ok(Some((out.into_bytes(), page.len() as u64)))
    }
}

fn line(r: &Recipient) -> String {
    let cells = [
        r.row.contact.to_string(),
        r.email.clone().unwrap_or_default(),
        r.row.state.name().to_owned(),
        r.row.code.to_string(),
        r.row.said.clone(),
        r.row.attempts.to_string(),
        r.row.at.rfc3339(&crate::base::clock::japan()),
    ];
    cells.map(|cell| quoted(&cell)).join(",") + "\r\n"
}

/// A cell that a spreadsheet would run as a formula is made text.
fn quoted(cell: &str) -> String {
    let guard = if cell.starts_with(['=', '+', '-', '@', '\t']) { "'" } else { "" };
    match guard.is_empty() && !cell.contains([',', '"', '\n', '\r']) {
        true => cell.to_owned(),
        false => format!("\"{guard}{}\"", cell.replace('"', "\"\"")),
    }
}
