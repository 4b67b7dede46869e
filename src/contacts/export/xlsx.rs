//! A workbook of one sheet, written as it comes: texts stand in their cells, so nothing is held back, and no
//! temporary file sees a contact.

use super::table::{Cell, Table};
use super::{Done, unwritten};
use crate::base::{Error, Progress, Result};
use crate::contacts::value::Value;
use jiff::civil::{Date, date};
use std::fmt::Write as _;
use std::io::Write;
use zip::write::SimpleFileOptions;

const PARTS: [(&str, &str); 5] = [
    (
        "[Content_Types].xml",
        r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/><Override PartName="/xl/styles.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"/></Types>"#,
    ),
    (
        "_rels/.rels",
        r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#,
    ),
    (
        "xl/workbook.xml",
        r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?><workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="連絡先" sheetId="1" r:id="rId1"/></sheets></workbook>"#,
    ),
    (
        "xl/_rels/workbook.xml.rels",
        r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles" Target="styles.xml"/></Relationships>"#,
    ),
    (
        "xl/styles.xml",
        r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?><styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy\-mm\-dd"/></numFmts><fonts count="2"><font><sz val="11"/></font><font><b/><sz val="11"/></font></fonts><fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills><borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="3"><xf/><xf numFmtId="164" applyNumberFormat="1"/><xf fontId="1" applyFont="1"/></cellXfs></styleSheet>"#,
    ),
];

const HEAD: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><sheetData>"#;
const TAIL: &str = "</sheetData></worksheet>";

pub(super) fn write(
    table: &mut Table<'_>,
    out: &mut dyn Write,
    (progress, total): (&dyn Progress, u64),
) -> Result<Done> {
    let mut zip = zip::ZipWriter::new_stream(out);
    let options = SimpleFileOptions::default().compression_level(Some(3)).large_file(true);
    for (name, text) in PARTS {
        zip.start_file(name, options).map_err(broken)?;
        zip.write_all(text.as_bytes()).map_err(unwritten)?;
    }
    zip.start_file("xl/worksheets/sheet1.xml", options).map_err(broken)?;
    zip.write_all(HEAD.as_bytes()).map_err(unwritten)?;
    let mut xml = String::new();
    row(&mut xml, 1, table.headers.iter().map(|h| Sheet::Title(h)));
    let mut done = Done::default();
    loop {
        zip.write_all(xml.as_bytes()).map_err(unwritten)?;
        xml.clear();
        let page = table.page()?;
        if page.is_empty() || progress.stopped() {
            done.stopped = !page.is_empty();
            break;
        }
        for cells in &page {
            done.rows += 1;
            row(&mut xml, done.rows + 1, cells.iter().map(sheet_cell));
        }
        progress.tell(done.rows, total);
    }
    zip.write_all(TAIL.as_bytes()).map_err(unwritten)?;
    zip.finish().map_err(broken)?;
    Ok(done)
}

enum Sheet<'a> {
    Blank,
    Title(&'a str),
    Text(std::borrow::Cow<'a, str>),
    Number(f64),
    Day(i64),
}

fn sheet_cell(cell: &Cell) -> Sheet<'_> {
    match cell {
        Cell::Blank => Sheet::Blank,
        Cell::Text(t) => Sheet::Text(t.into()),
        Cell::Value(Value::Number(n)) => Sheet::Number(*n),
        Cell::Value(Value::Date(d)) => serial(*d).map_or_else(|| Sheet::Text(d.to_string().into()), Sheet::Day),
        Cell::Value(v @ (Value::Text(_) | Value::Bool(_) | Value::Choice(_) | Value::Multi(_))) => {
            Sheet::Text(v.plain())
        }
    }
}

/// Excel's day number, for days that it counts right.
fn serial(day: Date) -> Option<i64> {
    let days = date(1899, 12, 30).until(day).ok()?.get_days();
    (days > 60).then_some(i64::from(days))
}

fn row<'a>(xml: &mut String, number: u64, cells: impl Iterator<Item = Sheet<'a>>) {
    // Writing to a string does not fail.
    write!(xml, "<row r=\"{number}\">").ok();
    for (at, cell) in cells.enumerate() {
        let place = format!("{}{number}", column(at));
        match cell {
            Sheet::Blank => Ok(()),
            Sheet::Number(n) => write!(xml, "<c r=\"{place}\"><v>{n}</v></c>"),
            Sheet::Day(n) => write!(xml, "<c r=\"{place}\" s=\"1\"><v>{n}</v></c>"),
            Sheet::Title(t) => text(xml, &place, " s=\"2\"", t),
            Sheet::Text(t) => text(xml, &place, "", &t),
        }
        .ok();
    }
    xml.push_str("</row>");
}

fn text(xml: &mut String, place: &str, style: &str, text: &str) -> std::fmt::Result {
    write!(xml, "<c r=\"{place}\"{style} t=\"inlineStr\"><is><t xml:space=\"preserve\">")?;
    for c in text.chars() {
        match c {
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '&' => xml.push_str("&amp;"),
            '\n' | '\t' => xml.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => xml.push(c),
        }
    }
    xml.push_str("</t></is></c>");
    Ok(())
}

fn column(mut at: usize) -> String {
    let mut name = Vec::new();
    loop {
        name.insert(0, b'A' + (at % 26) as u8);
        if at < 26 {
            return name.into_iter().map(char::from).collect();
        }
        at = at / 26 - 1;
    }
}

fn broken(e: zip::result::ZipError) -> Error {
    unwritten(std::io::Error::other(e))
}
