//! The way in: all of an input goes into a sealed spool file. What cannot become rows is refused while it comes, not
//! when all of it has been taken, and whoever brings it can stop it.

use super::encoding::Sniffer;
use super::read::{not_read_as, read_failed, too_wide};
use super::sheet::Container;
use crate::base::spool::Reader;
use crate::base::{Error, Progress, Result, limits};
use crate::store::Blobs;
use std::io::{self, Read, Write};

/// Whether what comes in can still become rows: an endless input must not fill the disk before that is noticed.
#[derive(Default)]
struct Shape {
    begun: bool,
    packed: bool,
    /// The first line has not ended.
    in_names: bool,
    /// Bytes since the last line end.
    line: u64,
}

impl Shape {
    fn feed(&mut self, bytes: &[u8], sniffer: &Sniffer) -> Result<()> {
        if !self.begun {
            if sniffer.head().len() < 4 {
                return Ok(()); // too little to tell what it is
            }
            (self.begun, self.in_names) = (true, true);
            if sniffer.wide {
                return Err(not_read_as(say!("このファイルは UTF-16 です。", "This file is in UTF-16.")));
            }
            match Container::of(sniffer.head()) {
                Container::Zip => self.packed = true,
                Container::OldExcel => return Err(old_excel()),
                Container::None => {}
            }
        }
        if self.packed {
            return Ok(());
        }
        let ends = |b: &u8| matches!(b, b'\n' | b'\r');
        if self.in_names {
            let names = bytes.iter().position(ends).unwrap_or(bytes.len());
            if bytes[..names].contains(&0) {
                return Err(no_table());
            }
            self.in_names = names == bytes.len();
        }
        let mut pieces = bytes.split(ends);
        self.line += pieces.next().map_or(0, |first| first.len() as u64);
        for piece in pieces {
            if self.line > limits::IMPORT_ROW_MAX {
                break;
            }
            self.line = piece.len() as u64;
        }
        if self.line > limits::IMPORT_ROW_MAX { Err(too_wide()) } else { Ok(()) }
    }
}

pub(super) fn spool(blobs: &Blobs, mut input: impl Read, progress: &dyn Progress) -> Result<(Reader, Sniffer)> {
    let (mut spool, mut sniffer, mut shape) = (blobs.spool()?, Sniffer::default(), Shape::default());
    let mut buffer = vec![0; 64 << 10];
    let mut size = 0;
    loop {
        if progress.stopped() {
            return Err(super::stopped());
        }
        let n = match input.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(read_failed(e)),
        };
        size += n as u64;
        if size > limits::IMPORT_MAX {
            let most = limits::IMPORT_MAX / limits::GB;
            return Err(Error::refused(say!(
                "ファイルが {most} GB を超えています。",
                "The file is larger than {most} GB."
            ))
            .hint(say!("分けて取り込んでください。", "Import it in parts.")));
        }
        sniffer.feed(&buffer[..n]);
        shape.feed(&buffer[..n], &sniffer)?;
        spool.write_all(&buffer[..n]).map_err(read_failed)?;
    }
    Ok((spool.into_reader()?, sniffer))
}

fn no_table() -> Error {
    Error::refused(say!("このファイルは表ではありません。", "This file is not a table."))
        .hint(say!("CSV、TSV、XLSX のどれかを選んでください。", "Choose a CSV, TSV or XLSX file."))
}

fn old_excel() -> Error {
    Error::refused(say!(
        "古い形式の Excel ファイル（.xls）は読めません。",
        "An Excel file of the old form (.xls) cannot be read."
    ))
    .hint(say!("Excel で「.xlsx」または「CSV UTF-8」として保存し直してください。", "Save it as .xlsx or as CSV UTF-8."))
}
