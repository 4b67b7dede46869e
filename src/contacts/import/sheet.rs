//! Workbooks (.xlsx). Nothing in them is believed: every part is unpacked once and thrown away under limits, before
//! the workbook reader sees the file. Then the first sheet (or the named one) becomes rows of text.

use crate::base::spool;
use crate::base::{Error, Progress, Result, limits};
use crate::store::Blobs;
use calamine::{DataRef, Reader, Xlsx};
use std::io::{BufReader, Read, Seek, SeekFrom, Write};

pub(super) enum Container {
    Zip,
    OldExcel,
    None,
}

impl Container {
    pub(super) fn of(head: &[u8]) -> Container {
        match head {
            [b'P', b'K', 3, 4, ..] => Container::Zip,
            [0xD0, 0xCF, 0x11, 0xE0, ..] => Container::OldExcel,
            _ => Container::None,
        }
    }
}

/// The sheet as comma-separated UTF-8: dates as 2026-11-20, numbers as they are, formulas as their results.
pub(super) fn to_cells(
    blobs: &Blobs,
    mut file: spool::Reader,
    sheet: Option<&str>,
    progress: &dyn Progress,
) -> Result<spool::Reader> {
    measure(&mut file, progress)?;
    file.seek(SeekFrom::Start(0)).map_err(broken)?;
    let mut book: Xlsx<_> = Xlsx::new(BufReader::new(file)).map_err(broken)?;
    let names = book.sheet_names();
    let name = match sheet {
        Some(wanted) => names.iter().find(|n| *n == wanted).cloned().ok_or_else(no_sheet)?,
        None => names.first().cloned().ok_or_else(no_sheet)?,
    };
    let mut cells = book.worksheet_cells_reader(&name).map_err(broken)?;
    let mut out = csv::WriterBuilder::new().flexible(true).from_writer(blobs.spool()?);
    let (mut at, mut row): (u32, Vec<String>) = (0, Vec::new());
    while let Some(cell) = cells.next_cell().map_err(broken)? {
        let (r, c) = cell.get_position();
        if c as usize >= limits::IMPORT_COLUMNS_MAX {
            match cell.get_value() {
                DataRef::Empty => continue,
                _ => return Err(too_wide()),
            }
        }
        if at < r && progress.stopped() {
            return Err(super::stopped());
        }
        while at < r {
            write_row(&mut out, &mut row)?;
            at += 1;
        }
        let text = text_of(cell.get_value());
        if !text.is_empty() {
            row.resize((c as usize + 1).max(row.len()), String::new());
            row[c as usize] = text;
        }
    }
    write_row(&mut out, &mut row)?;
    out.into_inner().map_err(broken)?.into_reader()
}

fn write_row(out: &mut csv::Writer<impl Write>, row: &mut Vec<String>) -> Result<()> {
    // An empty row keeps its line, so that rows are counted as the spreadsheet counts them.
    out.write_record(row.iter()).map_err(broken)?;
    row.clear();
    Ok(())
}

fn text_of(value: &DataRef<'_>) -> String {
    match value {
        DataRef::String(t) | DataRef::DurationIso(t) => t.clone(),
        DataRef::DateTimeIso(t) => t.strip_suffix("T00:00:00").unwrap_or(t).to_owned(),
        DataRef::SharedString(t) => (*t).to_owned(),
        DataRef::Int(n) => n.to_string(),
        DataRef::Float(n) => n.to_string(),
        DataRef::Bool(b) => if *b { "TRUE" } else { "FALSE" }.to_owned(),
        DataRef::DateTime(d) => day_of(d),
        DataRef::Error(_) | DataRef::Empty => String::new(),
    }
}

fn day_of(when: &calamine::ExcelDateTime) -> String {
    if when.is_duration() {
        return when.as_f64().to_string();
    }
    let (y, mo, d, h, mi, s, _) = when.to_ymd_hms_milli();
    match (h, mi, s) {
        (0, 0, 0) => format!("{y:04}-{mo:02}-{d:02}"),
        _ => format!("{y:04}-{mo:02}-{d:02} {h:02}:{mi:02}:{s:02}"),
    }
}

/// Unpacks every part into nothing, counting: what the directory claims is not what comes out.
fn measure(file: &mut spool::Reader, progress: &dyn Progress) -> Result<()> {
    let packed = file.size().max(1);
    let mut zip = zip::ZipArchive::new(BufReader::new(file)).map_err(broken)?;
    if zip.len() > limits::XLSX_ENTRIES_MAX {
        return Err(bomb());
    }
    let mut total = 0u64;
    let mut buffer = vec![0; 64 << 10];
    for n in 0..zip.len() {
        let mut part = zip.by_index(n).map_err(broken)?;
        let name = part.name().map_err(broken)?.to_ascii_lowercase();
        if !name.ends_with(".xml") && !name.ends_with(".rels") {
            continue; // pictures and the like: nobody unpacks them
        }
        let most = if name.ends_with("sharedstrings.xml") { limits::XLSX_STRINGS_MAX } else { u64::MAX };
        let (mut size, mut run) = (0u64, 0u64);
        loop {
            if progress.stopped() {
                return Err(super::stopped());
            }
            let read = part.read(&mut buffer).map_err(broken)?;
            if read == 0 {
                break;
            }
            size += read as u64;
            total += read as u64;
            let much = total > 16 * limits::MB && total / packed > limits::XLSX_RATIO_MAX;
            if size > most || total > limits::XLSX_UNPACKED_MAX || much || long_run(&buffer[..read], &mut run) {
                return Err(bomb());
            }
        }
    }
    Ok(())
}

/// True when more bytes than a cell may have follow each other without a tag.
fn long_run(bytes: &[u8], run: &mut u64) -> bool {
    for piece in bytes.split_inclusive(|b| *b == b'<' || *b == b'>') {
        *run += piece.len() as u64;
        if *run > limits::XLSX_TEXT_MAX {
            return true;
        }
        if piece.ends_with(b"<") || piece.ends_with(b">") {
            *run = 0;
        }
    }
    false
}

fn bomb() -> Error {
    Error::refused(say!("このブックは展開すると大きくなりすぎます。", "This workbook unpacks to more than is allowed."))
        .hint(say!("CSV（UTF-8）で保存し直してください。", "Save it as CSV (UTF-8)."))
}

fn too_wide() -> Error {
    let most = limits::IMPORT_COLUMNS_MAX;
    Error::refused(say!("列が多すぎます（{most} 列まで）。", "There are too many columns (at most {most})."))
}

fn no_sheet() -> Error {
    Error::missing(say!("その名前のシートはありません。", "There is no sheet of that name."))
}

/// What the libraries say may quote a cell, so it goes no further.
fn broken<E>(_: E) -> Error {
    Error::refused(say!("Excel ファイル（.xlsx）として読めません。", "This does not read as an Excel file (.xlsx)."))
        .hint(say!("Excel で開いて保存し直すか、CSV にしてください。", "Open and save it in Excel, or use CSV."))
}
