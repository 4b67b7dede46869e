//! Export: contacts as a file for people and their spreadsheets, streamed, and on record: who, when, which filter,
//! how many rows, and the hash of the bytes.
//!
//! Reading order: this file (what is asked, the record), `table` (rows out of the books), `csv`, `cp932` (what that
//! encoding cannot hold), `xlsx` (a workbook streamed without a temporary file).
//!
//! Decided: what comes out can be imported again as it is: the address, every attribute under its label, the tags.
//! A text that a spreadsheet would take for a formula gets an apostrophe, which an import takes off again.
//!
//! **Invariant:** the record of an export is on disk before its first byte leaves.

mod cp932;
mod csv;
mod table;
#[cfg(test)]
mod tests;
mod xlsx;

pub use cp932::{Lost, Unmappable};

use super::rows;
use super::segment;
use crate::base::{By, Error, Lang, Progress, Result, Time, limits};
use crate::store::{Deed, Store};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::io::{self, Write};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// UTF-8 with a byte order mark, which Excel needs.
    #[default]
    Csv,
    Cp932(Unmappable),
    Xlsx,
}

impl Form {
    pub fn name(self) -> &'static str {
        match self {
            Form::Csv => "csv",
            Form::Cp932(_) => "csv-cp932",
            Form::Xlsx => "xlsx",
        }
    }
}

/// What is to be exported, and how.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// Empty: everybody.
    pub segment: String,
    pub form: Form,
    /// Of the two headers that are no attributes.
    pub lang: Lang,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Exported {
    pub export: i64,
    pub rows: u64,
    pub sha256: String,
    /// Cells that CP932 could not hold as they were.
    pub lost: u64,
    pub stopped: bool,
}

/// An export on record; `rows` and `sha256` are missing of one that did not end.
#[derive(Clone, Debug, Serialize)]
pub struct Record {
    pub export: i64,
    pub at: Time,
    pub by: String,
    pub segment: String,
    pub form: String,
    pub rows: Option<u64>,
    pub sha256: Option<String>,
}

/// Writes the contacts of a segment to `out`.
pub fn export(
    store: &Store,
    (by, now): (&By, Time),
    wish: &Wish,
    progress: &dyn Progress,
    out: &mut dyn Write,
) -> Result<Exported> {
    let picked = segment::read(store, &wish.segment)?;
    let total = segment::count(store, &picked, now)?;
    if wish.form == Form::Xlsx && total >= limits::XLSX_ROWS_MAX {
        let most = limits::XLSX_ROWS_MAX - 1;
        return Err(Error::refused(say!(
            "1 つのシートに入るのは {most} 件までです。",
            "A sheet holds at most {most} contacts."
        ))
        .hint(say!("CSV で書き出すか、絞り込んでください。", "Export CSV, or fewer contacts.")));
    }
    if wish.form == Form::Cp932(Unmappable::Stop) {
        refuse_losses(&check(store, now, wish, progress)?)?;
    }
    let id = store
        .write(by, now, "contacts.export", |tx| rows::exports::begin(tx, (now, by), picked.text(), wish.form.name()))?;
    let mut hashed = Hashed { out, hash: Sha256::new() };
    let mut table = table::Table::open(store, now, picked, wish.lang)?;
    let done = match wish.form {
        Form::Csv => csv::write(&mut table, &mut hashed, None, (progress, total)),
        Form::Cp932(how) => csv::write(&mut table, &mut hashed, Some(how), (progress, total)),
        Form::Xlsx => xlsx::write(&mut table, &mut hashed, (progress, total)),
    }?;
    hashed.flush().map_err(unwritten)?;
    let sha256 = HEXLOWER.encode(&hashed.hash.finalize());
    let about = format!("export:{id} rows:{} sha256:{sha256}", done.rows);
    store.write(by, now, Deed::new("contacts.exported", about), |tx| rows::exports::end(tx, id, done.rows, &sha256))?;
    Ok(Exported { export: id, rows: done.rows, sha256, lost: done.lost, stopped: done.stopped })
}

/// Every character that CP932 cannot hold, before anything is written.
pub fn check(store: &Store, now: Time, wish: &Wish, progress: &dyn Progress) -> Result<Vec<Lost>> {
    let picked = segment::read(store, &wish.segment)?;
    let total = segment::count(store, &picked, now)?;
    let mut table = table::Table::open(store, now, picked, wish.lang)?;
    cp932::losses(&mut table, (progress, total))
}

/// Newest first.
pub fn list(store: &Store, most: usize) -> Result<Vec<Record>> {
    store.read(|c| rows::exports::list(c, most))
}

fn refuse_losses(losses: &[Lost]) -> Result<()> {
    let Some(first) = losses.first() else { return Ok(()) };
    let (n, row, column, character) = (losses.len(), first.row, &first.column, first.character);
    Err(Error::refused(say!(
        "CP932 にない文字が {n} か所あります（{row} 行目「{column}」の {character} など）。",
        "CP932 lacks {n} characters (such as {character} in row {row}, {column})."
    ))
    .hint(say!(
        "--unmappable geta で「〓」に、code で「U+…」に置き換えるか、UTF-8 で書き出してください。",
        "Replace them with --unmappable geta or code, or export UTF-8."
    )))
}

/// What a writer reports.
#[derive(Clone, Copy, Debug, Default)]
struct Done {
    rows: u64,
    lost: u64,
    stopped: bool,
}

struct Hashed<'a> {
    out: &'a mut dyn Write,
    hash: Sha256,
}

impl Write for Hashed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.out.write(bytes)?;
        self.hash.update(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn unwritten(e: io::Error) -> Error {
    Error::io(say!("書き出せません。", "Cannot write the export."), e)
}
