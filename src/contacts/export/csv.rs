//! Comma-separated, CRLF: UTF-8 with its mark, or CP932.

use super::cp932::{self, Unmappable};
use super::table::{Cell, Table};
use super::{Done, unwritten};
use crate::base::{Error, Progress, Result};
use crate::contacts::value::Value;
use std::borrow::Cow;
use std::io::Write;

pub(super) fn write(
    table: &mut Table<'_>,
    out: &mut dyn Write,
    narrow: Option<Unmappable>,
    (progress, total): (&dyn Progress, u64),
) -> Result<Done> {
    if narrow.is_none() {
        out.write_all(b"\xEF\xBB\xBF").map_err(unwritten)?;
    }
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(out);
    let mut done = Done::default();
    let header: Vec<String> = table.headers.iter().map(|h| guarded(h).into_owned()).collect();
    put(&mut writer, header.iter().map(|h| Cow::Borrowed(h.as_str())), narrow, &mut done)?;
    loop {
        let page = table.page()?;
        if page.is_empty() || progress.stopped() {
            done.stopped = !page.is_empty();
            break;
        }
        for row in &page {
            put(&mut writer, row.iter().map(text), narrow, &mut done)?;
            done.rows += 1;
        }
        progress.tell(done.rows, total);
    }
    writer.flush().map_err(unwritten)?;
    Ok(done)
}

fn put<'a>(
    writer: &mut csv::Writer<&mut dyn Write>,
    cells: impl Iterator<Item = Cow<'a, str>>,
    narrow: Option<Unmappable>,
    done: &mut Done,
) -> Result<()> {
    for cell in cells {
        match narrow {
            None => writer.write_field(cell.as_bytes()),
            Some(how) => writer.write_field(cp932::encoded(&cell, how, &mut done.lost)),
        }
        .map_err(broken)?;
    }
    writer.write_record(None::<&[u8]>).map_err(broken)
}

fn broken(e: csv::Error) -> Error {
    match e.into_kind() {
        csv::ErrorKind::Io(e) => unwritten(e),
        other => Error::bug(format!("{other:?}")),
    }
}

/// A cell as text. What has a type cannot be a formula; what is text gets a guard when it looks like one.
pub(super) fn text(cell: &Cell) -> Cow<'_, str> {
    match cell {
        Cell::Blank => Cow::Borrowed(""),
        Cell::Text(t) => guarded(t),
        Cell::Value(v @ (Value::Number(_) | Value::Date(_) | Value::Bool(_))) => v.plain(),
        Cell::Value(v @ (Value::Text(_) | Value::Choice(_) | Value::Multi(_))) => match v.plain() {
            Cow::Borrowed(t) => guarded(t),
            Cow::Owned(t) => Cow::Owned(guarded(&t).into_owned()),
        },
    }
}

/// An apostrophe before what a spreadsheet would calculate.
pub(super) fn guarded(text: &str) -> Cow<'_, str> {
    match text.starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠']) {
        true => Cow::Owned(format!("'{text}")),
        false => Cow::Borrowed(text),
    }
}
