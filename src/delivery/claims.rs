//! Which row is next: deferred rows that are due, then queued ones, a page at a time, so that memory does not grow
//! with the number of recipients.

use super::ledger::Ledger;
use super::row::{Row, State};
use crate::base::{Result, Time, ids::ContactId, limits};
use std::collections::{HashSet, VecDeque};

#[derive(Default)]
pub(super) struct Claims {
    ready: VecDeque<Row>,
    /// Read and not settled on disk yet: whoever is here is not read a second time.
    held: HashSet<ContactId>,
    after: Option<ContactId>,
    all_read: bool,
    pub(super) given: u64,
}

impl Claims {
    pub(super) fn next(&mut self, ledger: &Ledger, now: Time) -> Result<Option<Row>> {
        if self.ready.is_empty() {
            self.read_due(ledger, now)?;
        }
        if self.ready.is_empty() {
            self.read_queued(ledger)?;
        }
        let row = self.ready.pop_front();
        self.given += u64::from(row.is_some());
        Ok(row)
    }

    /// Not sent after all: it is the next one again.
    pub(super) fn put_back(&mut self, row: Row) {
        self.given -= 1;
        self.ready.push_front(row);
    }

    /// Its outcome is on disk.
    pub(super) fn release(&mut self, contact: ContactId) {
        self.held.remove(&contact);
    }

    fn read_due(&mut self, ledger: &Ledger, now: Time) -> Result<()> {
        // Rows that are held are still among those that are due, so the page has room for them.
        for (_, contact) in ledger.due(now, limits::CLAIM_PAGE + self.held.len())? {
            if let Some(row) = ledger.row(contact)?.filter(|row| row.state == State::Deferred)
                && self.held.insert(contact)
            {
                self.ready.push_back(row);
            }
        }
        Ok(())
    }

    fn read_queued(&mut self, ledger: &Ledger) -> Result<()> {
        if self.all_read || ledger.counts()?.queued == 0 {
            self.all_read = true;
            return Ok(());
        }
        let page = ledger.rows_in(State::Queued, self.after, limits::CLAIM_PAGE)?;
        self.all_read = page.len() < limits::CLAIM_PAGE;
        self.after = page.last().map(|row| row.contact).or(self.after);
        let held = &mut self.held;
        self.ready.extend(page.into_iter().filter(|row| held.insert(row.contact)));
        Ok(())
    }
}
