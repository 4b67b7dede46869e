//! The list as a file: in from an old system, out for the next one.
//!
//! Any file with an address in each row will do: the first field that is an address counts. UTF-8, CP932 and EUC-JP
//! need not be told apart for that, since commas, quotes and addresses are the same bytes in all three.

use super::{AddressHash, Entry, Reason, rows};
use crate::base::{By, Email, Error, Progress, Result, Time};
use crate::contacts::address::addr;
use crate::store::{Deed, Store};
use std::io::{BufRead, BufReader, Read, Write};

/// What became of the rows of a file: `rows = added + known + rejected`.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Taken {
    pub batch: i64,
    pub rows: u64,
    pub added: u64,
    pub known: u64,
    pub rejected: u64,
    /// The lines (from 1) of the first rejected rows.
    pub rejected_lines: Vec<u64>,
}

#[derive(Clone, Debug, serde::Serialize)]
pub struct Batch {
    pub batch: i64,
    pub at: Time,
    pub by: String,
    pub rows: u64,
    pub added: u64,
    pub undone: bool,
}

/// Rows in one write; rejected lines that are named; bytes of one row; rows given out at a time.
const GROUP: usize = 1_000;
const NAMED: usize = 100;
const ROW: usize = 64 << 10;
const PAGE: usize = 1_000;

pub fn import(store: &Store, by: &By, now: Time, from: impl Read, progress: &dyn Progress) -> Result<Taken> {
    let hashes = AddressHash::new(store);
    let mut taken = Taken {
        batch: store.write(by, now, Deed::from("suppression.import"), |tx| rows::new_batch(tx, now, by))?,
        ..Taken::default()
    };
    let mut reader = BufReader::with_capacity(ROW, from);
    let mut group = Vec::with_capacity(GROUP);
    let mut line = 0;
    while let Some(row) = next_row(&mut reader)? {
        line += 1;
        match address(&row) {
            Some(email) => group.push(hashes.of(&email)),
            None if (line == 1 && !row.contains(&b'@')) || row.iter().all(u8::is_ascii_whitespace) => continue,
            None => {
                taken.rejected += 1;
                if taken.rejected_lines.len() < NAMED {
                    taken.rejected_lines.push(line);
                }
            }
        }
        taken.rows += 1;
        if group.len() == GROUP {
            put_all(store, by, now, &mut group, &mut taken)?;
            progress.tell(taken.rows, 0);
            if progress.stopped() {
                return Err(stopped(taken.batch));
            }
        }
    }
    put_all(store, by, now, &mut group, &mut taken)?;
    Ok(taken)
}

fn put_all(store: &Store, by: &By, now: Time, group: &mut Vec<[u8; 16]>, taken: &mut Taken) -> Result<()> {
    let batch = taken.batch;
    let added = store.write(by, now, Deed::new("suppression.import", batch.to_string()), |tx| {
        let mut added = 0;
        let new = rows::New { at: now, reason: Reason::Imported, batch: Some(batch), by: by.to_string() };
        for hash in group.iter() {
            added += u64::from(rows::put_new(tx, hash, addr(hash), &new)?);
        }
        rows::grow_batch(tx, batch, group.len() as u64, added)?;
        Ok(added)
    })?;
    taken.added += added;
    taken.known += group.len() as u64 - added;
    group.clear();
    Ok(())
}

/// The next line that is not longer than a row of addresses can be.
fn next_row(reader: &mut impl BufRead) -> Result<Option<Vec<u8>>> {
    let mut row = Vec::new();
    let read = reader.by_ref().take(ROW as u64).read_until(b'\n', &mut row).map_err(unreadable)?;
    if read == ROW && row.last() != Some(&b'\n') {
        return Err(Error::refused(say!(
            "1 行が長すぎます。アドレスの一覧ではないようです。",
            "A line is too long; this does not look like a list of addresses."
        )));
    }
    Ok((read > 0).then_some(row))
}

fn address(row: &[u8]) -> Option<Email> {
    let row = row.strip_prefix(b"\xef\xbb\xbf").unwrap_or(row);
    let ends = |b: &u8| matches!(b, b',' | b'\t' | b';' | b'"' | b'<' | b'>' | b' ' | b'\r' | b'\n');
    row.split(ends).find_map(|field| Email::parse(std::str::from_utf8(field).ok()?).ok())
}

pub fn batches(store: &Store) -> Result<Vec<Batch>> {
    store.read(rows::batches)
}

/// Takes back what a batch put on the list; the number of entries taken off.
pub fn undo(store: &Store, by: &By, now: Time, batch: i64) -> Result<u64> {
    let deed = || Deed::new("suppression.undo", batch.to_string());
    let mut removed = 0;
    loop {
        let more = store.write(by, now, deed(), |tx| {
            if !rows::open_batch(tx, batch)? {
                return Err(Error::missing(say!(
                    "その取り込みはないか、取り消し済みです。",
                    "There is no such import, or it was undone."
                )));
            }
            let n = rows::remove_of_batch(tx, batch, GROUP)?;
            if n == 0 {
                rows::close_batch(tx, batch, now)?;
            }
            Ok(n)
        })?;
        if more == 0 {
            return Ok(removed);
        }
        removed += more;
    }
}

/// CSV in UTF-8 with BOM: the address where a contact still holds it, else a mark of its hash.
pub fn export(store: &Store, by: &By, now: Time, to: &mut dyn Write) -> Result<u64> {
    store.write(by, now, Deed::from("suppression.export"), |_| Ok(()))?;
    let mut line = |text: &str| to.write_all(text.as_bytes()).map_err(unwritable);
    line("\u{feff}address,mark,reason,at,by\r\n")?;
    let (mut after, mut n) = (None, 0);
    loop {
        let page = super::list(store, after, PAGE)?;
        for entry in &page {
            line(&row(entry))?;
        }
        n += page.len() as u64;
        match page.last() {
            Some(last) if page.len() == PAGE => after = Some(last.after()),
            Some(_) | None => return Ok(n),
        }
    }
}

fn row(entry: &Entry) -> String {
    let at = entry.at.rfc3339(&crate::base::clock::japan());
    let address = cell(entry.address.as_deref().unwrap_or_default());
    format!("{address},{},{},{at},{}\r\n", entry.mark, entry.reason.name(), cell(&entry.by))
}

/// Quoted where it must be; what a spreadsheet would run as a formula gets a guard.
fn cell(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@']) { "'" } else { "" };
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{guard}{}\"", text.replace('"', "\"\"")),
        false => format!("{guard}{text}"),
    }
}

fn stopped(batch: i64) -> Error {
    Error::new(
        crate::base::Kind::Stopped,
        say!(
            "停止リストの取り込みを途中で止めました（番号 {batch}）。",
            "The import of the list was stopped midway (number {batch})."
        ),
    )
    .hint(say!(
        "取り消し: hakobu contacts suppression undo {batch}",
        "Undo it: hakobu contacts suppression undo {batch}"
    ))
}

fn unreadable(e: std::io::Error) -> Error {
    Error::io(say!("ファイルを読めません。", "Cannot read the file."), e)
}

fn unwritable(e: std::io::Error) -> Error {
    Error::io(say!("ファイルに書けません。", "Cannot write the file."), e)
}
