//! The rows of an export, a page of the books at a time: each attribute is read as one range, not per contact.

use crate::base::{Lang, Result, Time, ids::ContactId, limits};
use crate::contacts::attribute::Catalog;
use crate::contacts::rows;
use crate::contacts::segment::{self, Segment};
use crate::contacts::value::Value;
use crate::store::Store;

pub(super) struct Table<'a> {
    store: &'a Store,
    now: Time,
    segment: Segment,
    catalog: Catalog,
    after: ContactId,
    pub(super) headers: Vec<String>,
}

/// One cell: text, or a value with its type.
pub(super) enum Cell {
    Blank,
    Text(String),
    Value(Value),
}

impl<'a> Table<'a> {
    pub(super) fn open(store: &'a Store, now: Time, segment: Segment, lang: Lang) -> Result<Table<'a>> {
        let catalog = Catalog::read(store)?;
        let labels = catalog.attributes.iter().map(|a| a.label.clone());
        let first = lang.pick("メールアドレス", "email").to_owned();
        let last = lang.pick("タグ", "tags").to_owned();
        let headers = std::iter::once(first).chain(labels).chain([last]).collect();
        Ok(Table { store, now, segment, catalog, after: ContactId(0), headers })
    }

    /// The next rows; empty at the end.
    pub(super) fn page(&mut self) -> Result<Vec<Vec<Cell>>> {
        let most = limits::PAGE_MAX.min(500);
        let ids = segment::page(self.store, &self.segment, self.now, self.after, most)?;
        let Some(last) = ids.last() else { return Ok(Vec::new()) };
        self.after = *last;
        self.store
            .read(|c| rows::exports::page(c, &self.catalog, &ids))
            .map(|rows| rows.into_iter().map(|row| cells(row, self.catalog.attributes.len())).collect())
    }
}

fn cells(row: rows::exports::Row, attributes: usize) -> Vec<Cell> {
    let mut cells = Vec::with_capacity(attributes + 2);
    cells.push(Cell::Text(row.email));
    cells.extend(row.values.into_iter().map(|v| v.map_or(Cell::Blank, Cell::Value)));
    cells.push(if row.tags.is_empty() { Cell::Blank } else { Cell::Text(row.tags.join(";")) });
    cells
}
