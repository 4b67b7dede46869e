//! Which rows are next: deferred rows that are due, then queued ones, a page at a time.

use super::ledger::Ledger;
use super::row::{Row, State};
use crate::base::{Result, Time, ids::ContactId, limits};
use std::collections::HashSet;

#[derive(Default)]
pub(super) struct Claims {
    /// Deferred rows that were read and are not settled on disk yet: they are not read a second time.
    held: HashSet<ContactId>,
    after: Option<ContactId>,
    all_read: bool,
}

impl Claims {
    /// The next page; empty when there is nothing for now.
    pub(super) fn page(&mut self, ledger: &Ledger, now: Time) -> Result<Vec<Row>> {
        let due = self.due(ledger, now)?;
        match due.is_empty() {
            true => self.queued(ledger),
            false => Ok(due),
        }
    }

    /// Its outcome is on disk.
    pub(super) fn release(&mut self, contact: ContactId) {
        self.held.remove(&contact);
    }

    /// Deferred rows whose time has come.
    fn due(&mut self, ledger: &Ledger, now: Time) -> Result<Vec<Row>> {
        let mut page = Vec::new();
        // Rows that are held are still among those that are due, so the page has room for them.
        for (_, contact) in ledger.due(now, limits::CLAIM_PAGE + self.held.len())? {
            if let Some(row) = ledger.row(contact)?.filter(|row| row.state == State::Deferred)
                && self.held.insert(contact)
            {
                page.push(row);
            }
        }
        Ok(page)
    }

    fn queued(&mut self, ledger: &Ledger) -> Result<Vec<Row>> {
        if self.all_read || ledger.counts()?.queued == 0 {
            self.all_read = true;
            return Ok(Vec::new());
        }
        let page = ledger.rows_in(State::Queued, self.after, limits::CLAIM_PAGE)?;
        self.all_read = page.len() < limits::CLAIM_PAGE;
        self.after = page.last().map(|row| row.contact).or(self.after);
        Ok(page)
    }
}
