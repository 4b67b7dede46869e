//! A file on its way in: spooled sealed, recognised, and read row by row as often as needed.
//!
//! Rows stay raw bytes until a cell is asked for, so that a cell that does not decode rejects its row and the error
//! file can hold exactly what came in. A workbook is turned into such rows once (`sheet`).
//!
//! Decided: a row with fewer cells than the header has blanks at its end; one with more is rejected, unless the
//! rest is blank. A row with nothing in it is no row.

use super::encoding::{Encoding, Sniffer};
use super::intake::spool;
use super::sheet;
use crate::base::lang::Say;
use crate::base::spool::Reader;
use crate::base::{Error, Progress, Result, limits};
use crate::store::Store;
use csv::ByteRecord;
use std::borrow::Cow;
use std::cell::Cell;
use std::io::{self, Read, Seek, SeekFrom};
use std::rc::Rc;

/// What the caller knows better than a guess.
#[derive(Clone, Debug, Default)]
pub struct Hints {
    pub encoding: Option<Encoding>,
    pub delimiter: Option<u8>,
    /// The sheet of a workbook; the first one if not given.
    pub sheet: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Csv,
    Xlsx,
}

#[derive(Clone, Debug)]
pub struct Layout {
    pub format: Format,
    pub encoding: Encoding,
    pub bom: bool,
    pub delimiter: u8,
    pub crlf: bool,
    pub headers: Vec<String>,
}

/// A file to import. Reading needs it mutably; it can be read again and again.
pub struct Source {
    pub layout: Layout,
    pub size: u64,
    reader: Reader,
    head: Vec<u8>,
}

impl Source {
    /// Takes all of `input` into a sealed spool file and recognises it. Asked to stop, it is an error of `Kind::Stopped`.
    pub fn open(store: &Store, input: impl Read, hints: &Hints, progress: &dyn Progress) -> Result<Source> {
        let (reader, sniffer) = spool(store.blobs(), input, progress)?;
        match sheet::Container::of(sniffer.head()) {
            sheet::Container::Zip => {
                let cells = sheet::to_cells(store.blobs(), reader, hints.sheet.as_deref(), progress)?;
                let (reader, sniffer) = spool(store.blobs(), cells, progress)?;
                Source::recognise(Format::Xlsx, reader, sniffer, &Hints { delimiter: Some(b','), ..Hints::default() })
            }
            sheet::Container::OldExcel | sheet::Container::None => {
                Source::recognise(Format::Csv, reader, sniffer, hints)
            }
        }
    }

    fn recognise(format: Format, reader: Reader, sniffer: Sniffer, hints: &Hints) -> Result<Source> {
        let encoding = hints.encoding.unwrap_or_else(|| sniffer.guess());
        let head = sniffer.head().to_vec();
        let delimiter = hints.delimiter.unwrap_or_else(|| guess_delimiter(&head));
        let crlf = head.windows(2).any(|w| w == b"\r\n");
        let layout = Layout { format, encoding, bom: sniffer.bom, delimiter, crlf, headers: Vec::new() };
        let mut source = Source { layout, size: reader.size(), reader, head };
        source.read_headers()?;
        Ok(source)
    }

    /// Reads the same bytes otherwise: what a person decides after seeing the preview.
    pub fn reread(&mut self, encoding: Encoding, delimiter: u8) -> Result<()> {
        if self.layout.format == Format::Csv {
            (self.layout.encoding, self.layout.delimiter) = (encoding, delimiter);
        }
        self.read_headers()
    }

    fn read_headers(&mut self) -> Result<()> {
        let encoding = self.layout.encoding;
        let mut rows = self.all_rows()?;
        let first = rows.advance()?;
        if !first {
            return Err(Error::refused(say!("ファイルが空です。", "The file is empty."))
                .hint(say!("1 行目に列の名前が要ります。", "Its first row must name the columns.")));
        }
        if rows.record.len() > limits::IMPORT_COLUMNS_MAX {
            return Err(too_wide());
        }
        let read: Option<Vec<String>> =
            rows.record.iter().map(|cell| encoding.decode(cell).map(|t| t.trim().to_owned())).collect();
        let name = encoding.name();
        let headers = read.ok_or_else(|| {
            not_read_as(say!("列の名前を {name} として読めません。", "The column names do not read as {name}."))
        })?;
        if headers.iter().any(|h| crate::base::Email::parse(h).is_ok()) {
            return Err(Error::refused(say!(
                "1 行目に列の名前がありません。",
                "The first row does not name the columns."
            ))
            .hint(say!(
                "1 行目に「メールアドレス」のような列の名前を書いてください。",
                "Put names such as “email” into the first row."
            )));
        }
        self.layout.headers = headers;
        Ok(())
    }

    /// The rows below the header, from the first.
    pub fn rows(&mut self) -> Result<Rows<'_>> {
        let mut rows = self.all_rows()?;
        rows.advance()?;
        Ok(rows)
    }

    fn all_rows(&mut self) -> Result<Rows<'_>> {
        let start = if self.layout.bom { 3 } else { 0 };
        self.reader.seek(SeekFrom::Start(start)).map_err(read_failed)?;
        let since = Rc::new(Cell::new(0));
        let bounded = Bounded { inner: &mut self.reader, since: Rc::clone(&since) };
        let reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(self.layout.delimiter)
            .buffer_capacity(64 << 10)
            .from_reader(bounded);
        let columns = self.layout.headers.len();
        Ok(Rows {
            reader,
            since,
            start,
            quote_left_open: false,
            record: ByteRecord::new(),
            encoding: self.layout.encoding,
            columns,
            number: 0,
            size: self.size,
        })
    }

    /// The first rows as another encoding and delimiter would show them; what does not decode shows as `None`.
    pub fn preview(&self, encoding: Encoding, delimiter: u8, most: usize) -> Vec<Vec<Option<String>>> {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter)
            .from_reader(self.head.as_slice());
        let cells = |r: ByteRecord| r.iter().take(50).map(|c| encoding.decode(c).map(Cow::into_owned)).collect();
        reader.byte_records().filter_map(Result::ok).take(most).map(cells).collect()
    }

    /// Writes rows as this file has them, for the error file.
    pub(super) fn liner(&self) -> Liner {
        let end = if self.layout.crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
        let mut writer = csv::WriterBuilder::new();
        writer.flexible(true).delimiter(self.layout.delimiter).terminator(end);
        Liner { writer, encoding: self.layout.encoding, columns: self.layout.headers.len() }
    }

    /// The header with one more column. A workbook's error file is a CSV that Excel opens: it gets the byte order mark.
    pub(super) fn header_line_with(&self, title: &str) -> Vec<u8> {
        let encoded = |h: &str| self.layout.encoding.encode(h).unwrap_or(Cow::Borrowed(b"?")).into_owned();
        let header: ByteRecord = self.layout.headers.iter().map(|h| encoded(h)).collect();
        let mark: &[u8] = if self.layout.bom || self.layout.format == Format::Xlsx { b"\xEF\xBB\xBF" } else { b"" };
        [mark, &self.liner().with(&header, title)].concat()
    }
}

/// Writes rows in a file's own bytes, each with one more cell.
pub(super) struct Liner {
    writer: csv::WriterBuilder,
    encoding: Encoding,
    columns: usize,
}

impl Liner {
    pub(super) fn with(&self, record: &ByteRecord, more: &str) -> Vec<u8> {
        let pad = self.columns.saturating_sub(record.len());
        let more = self.encoding.encode(more).unwrap_or(Cow::Borrowed(b"?"));
        let cells = record.iter().chain(std::iter::repeat_n(&b""[..], pad)).chain([more.as_ref()]);
        let mut writer = self.writer.from_writer(Vec::new());
        // Writing to memory does not fail.
        writer.write_record(cells).ok();
        writer.into_inner().unwrap_or_default()
    }
}

/// Reads a file's rows one after the other.
pub struct Rows<'a> {
    reader: csv::Reader<Bounded<'a>>,
    since: Rc<Cell<u64>>,
    /// Where the text begins in the file: behind its byte order mark.
    start: u64,
    quote_left_open: bool,
    pub record: ByteRecord,
    encoding: Encoding,
    columns: usize,
    /// Of the row in `record`, as a spreadsheet counts: the header is row 1.
    pub number: u64,
    size: u64,
}

/// Why a row cannot be taken as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    TooManyCells,
    QuoteLeftOpen,
    /// The column's position.
    Undecodable(usize),
}

impl Rows<'_> {
    /// Goes to the next row that holds something; false at the end.
    pub fn advance(&mut self) -> Result<bool> {
        while self.next_record()? {
            if self.record.iter().any(|cell| !cell.iter().all(u8::is_ascii_whitespace)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A quote that nobody closes swallows every row to the end of the file, so only the last row can hold one.
    fn look_for_open_quote(&mut self, from: u64) -> Result<()> {
        let to = self.start + self.reader.position().byte();
        if to < self.size || to.saturating_sub(self.start + from) > 2 * limits::IMPORT_ROW_MAX {
            return Ok(());
        }
        let file = &mut self.reader.get_mut().inner;
        file.seek(SeekFrom::Start(self.start + from)).map_err(read_failed)?;
        let mut raw = Vec::new();
        file.read_to_end(&mut raw).map_err(read_failed)?;
        let odd = raw.iter().filter(|b| **b == b'"').count() % 2 == 1;
        self.quote_left_open = odd && raw.trim_ascii().contains(&b'\n');
        Ok(())
    }

    fn next_record(&mut self) -> Result<bool> {
        self.since.set(0);
        let from = self.reader.position().byte();
        let more = self.reader.read_byte_record(&mut self.record).map_err(|e| match e.into_kind() {
            csv::ErrorKind::Io(e) if e.kind() == io::ErrorKind::FileTooLarge => too_wide(),
            csv::ErrorKind::Io(e) => read_failed(e),
            other => Error::bug(format!("{other:?}")),
        })?;
        if more {
            self.number += 1;
            self.look_for_open_quote(from)?;
        }
        Ok(more)
    }

    /// The row's cells as text, one per column.
    pub fn cells<'r>(&'r self, into: &mut Vec<Cow<'r, str>>) -> Result<(), Broken> {
        into.clear();
        let blank = |cell: &[u8]| cell.iter().all(u8::is_ascii_whitespace);
        if self.record.iter().skip(self.columns).any(|cell| !blank(cell)) {
            return Err(Broken::TooManyCells);
        }
        for (at, cell) in self.record.iter().take(self.columns).enumerate() {
            into.push(self.encoding.decode(cell).ok_or(Broken::Undecodable(at))?);
        }
        if self.quote_left_open {
            return Err(Broken::QuoteLeftOpen);
        }
        Ok(())
    }

    /// How far this reading is, in bytes of the file.
    pub fn at(&self) -> u64 {
        self.reader.position().byte()
    }
}

/// Stops a row that does not end.
struct Bounded<'a> {
    inner: &'a mut Reader,
    since: Rc<Cell<u64>>,
}

impl Read for Bounded<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.since.get() > limits::IMPORT_ROW_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let n = self.inner.read(out)?;
        self.since.set(self.since.get() + n as u64);
        Ok(n)
    }
}

/// The candidate that cuts the first rows into the most columns, equally many in each.
fn guess_delimiter(head: &[u8]) -> u8 {
    let worth = |delimiter: u8| {
        let mut reader =
            csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(head);
        let widths: Vec<usize> = reader.byte_records().filter_map(Result::ok).take(20).map(|r| r.len()).collect();
        let first = widths.first().copied().unwrap_or(0);
        let even = widths.iter().filter(|w| **w == first).count();
        (first > 1).then_some((even * 100 / widths.len().max(1), first))
    };
    // `max_by_key` keeps the last of equals, so the comma stands last.
    [b';', b'\t', b','].into_iter().max_by_key(|d| worth(*d)).unwrap_or(b',')
}

pub(super) fn read_failed(e: io::Error) -> Error {
    Error::io(say!("ファイルを読めません。", "Cannot read the file."), e)
}

pub(super) fn too_wide() -> Error {
    let (most, mb) = (limits::IMPORT_COLUMNS_MAX, limits::IMPORT_ROW_MAX / limits::MB);
    Error::refused(say!(
        "1 行が大きすぎます（{most} 列、{mb} MB まで）。",
        "A row is too large (at most {most} columns and {mb} MB)."
    ))
    .hint(say!(
        "区切り文字と、閉じていない引用符がないかを確かめてください。",
        "Check the delimiter, and look for a quote that is not closed."
    ))
}

pub(super) fn not_read_as(says: Say) -> Error {
    Error::refused(says).hint(say!(
        "--encoding で utf-8、cp932、euc-jp のどれかを指定するか、UTF-8 で保存し直してください。",
        "Give --encoding utf-8, cp932 or euc-jp, or save the file as UTF-8."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Kind;
    use crate::base::progress::Quiet;
    use crate::base::seal::Key;
    use std::io::Write;
    use std::sync::atomic::{AtomicU32, Ordering};

    fn house() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let (store, _) = Store::create(dir.path(), &Key::new([1; 32]), &[]).unwrap();
        (dir, store)
    }

    fn read(bytes: &[u8]) -> Result<Vec<std::result::Result<Vec<String>, Broken>>> {
        let (_dir, store) = house();
        let mut source = Source::open(&store, bytes, &Hints::default(), &Quiet)?;
        let mut rows = source.rows()?;
        let mut all = Vec::new();
        while rows.advance()? {
            let mut cells = Vec::new();
            let outcome = rows.cells(&mut cells);
            all.push(outcome.map(|()| cells.iter().map(|c| c.to_string()).collect()));
        }
        Ok(all)
    }

    fn row(cells: &[&str]) -> std::result::Result<Vec<String>, Broken> {
        Ok(cells.iter().map(|c| (*c).to_owned()).collect())
    }

    #[test]
    fn rows_are_read_padded_or_refused_and_empty_ones_skipped() {
        let text = "email,note\na@example.jp,\"two\nlines, one cell\"\n\nb@example.jp\n,,,\nc@example.jp,x,y\nd@example.jp,x,,\n";
        let want = [
            row(&["a@example.jp", "two\nlines, one cell"]),
            row(&["b@example.jp"]),
            Err(Broken::TooManyCells),
            row(&["d@example.jp", "x"]),
        ];
        assert_eq!(read(text.as_bytes()).unwrap(), want);
        assert_eq!(read(text.replace('\n', "\r\n").replace("two\r\n", "two\n").as_bytes()).unwrap(), want);
        assert_eq!(read(format!("\u{feff}{text}").as_bytes()).unwrap(), want);
    }

    #[test]
    fn tabs_and_semicolons_are_found() {
        for mark in ["\t", ";", ","] {
            let text = format!("email{mark}note\na@example.jp{mark}x\n");
            assert_eq!(read(text.as_bytes()).unwrap(), [row(&["a@example.jp", "x"])], "{mark}");
        }
    }

    #[test]
    fn bytes_that_do_not_decode_reject_their_row_alone() {
        let text = "メール,氏名\na@example.jp,山田太郎さん\nb@example.jp,X\nc@example.jp,鈴木花子さん\n";
        let mut bytes = text.as_bytes().to_vec();
        let at = bytes.iter().position(|b| *b == b'X').unwrap();
        bytes[at] = 0xff;
        let rows = read(&bytes).unwrap();
        assert_eq!((rows.len(), &rows[1]), (3, &Err(Broken::Undecodable(1))));
    }

    #[test]
    fn a_quote_left_open_rejects_its_row_instead_of_swallowing_the_rest_unseen() {
        let rows = read(b"email,note\na@example.jp,x\nb@example.jp,\"open\nc@example.jp,y\nd@example.jp,z\n").unwrap();
        assert_eq!(rows, [row(&["a@example.jp", "x"]), Err(Broken::QuoteLeftOpen)]);
    }

    #[test]
    fn ten_million_columns_are_refused_and_not_collected() {
        let wide = std::io::repeat(b',').take(10_000_000);
        let (_dir, store) = house();
        let refused = Source::open(&store, wide, &Hints::default(), &Quiet).err().unwrap();
        assert!(refused.says().en.contains("too large"), "{refused}");
        let below = b"email,note\n".as_slice().chain(std::io::repeat(b',').take(10_000_000));
        let refused = Source::open(&store, below, &Hints::default(), &Quiet).err().unwrap();
        assert!(refused.says().en.contains("too large"), "{refused}");
        // Line ends inside quotes do not end a row.
        let quoted = b"email,note\na@example.jp,\"".as_slice().chain(std::io::repeat(b'\n').take(3_000_000));
        let mut source = Source::open(&store, quoted, &Hints::default(), &Quiet).unwrap();
        assert!(source.rows().unwrap().advance().is_err());
    }

    /// Counts what is read of it.
    struct Endless<'a>(&'a [u8], usize, &'a AtomicU32);

    impl Read for Endless<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            for byte in out.iter_mut() {
                *byte = self.0[self.1 % self.0.len()];
                self.1 += 1;
            }
            self.2.fetch_add(1, Ordering::Relaxed);
            Ok(out.len())
        }
    }

    #[test]
    fn what_cannot_become_rows_is_refused_while_it_comes_in() {
        let (_dir, store) = house();
        for (endless, word, reads) in [
            (&b"\0"[..], "not a table", 1),
            (b"email\0,name\n", "not a table", 1),
            (b"x", "too large", 17),
            (b"\xff\xfea\0", "UTF-16", 1),
            (b"\xD0\xCF\x11\xE0", "old form", 1),
        ] {
            let count = AtomicU32::new(0);
            let refused = Source::open(&store, Endless(endless, 0, &count), &Hints::default(), &Quiet).err().unwrap();
            assert!(refused.says().en.contains(word), "{endless:?}: {refused}");
            assert_eq!(count.into_inner(), reads, "{endless:?}");
        }
    }

    /// Stops when it has been asked so often.
    struct After(u32, AtomicU32);

    impl Progress for After {
        fn tell(&self, _done: u64, _total: u64) {}

        fn stopped(&self) -> bool {
            self.1.fetch_add(1, Ordering::Relaxed) >= self.0
        }
    }

    #[test]
    fn an_endless_table_stops_when_it_is_asked_to() {
        let (_dir, store) = house();
        let (count, after) = (AtomicU32::new(0), After(5, AtomicU32::new(0)));
        let rows = Endless(b"a@example.jp,x\n", 0, &count);
        let stopped = Source::open(&store, rows, &Hints::default(), &after).err().unwrap();
        assert_eq!((stopped.kind(), count.into_inner()), (Kind::Stopped, 5));
    }

    #[test]
    fn a_workbook_stops_while_it_is_unpacked() {
        let (_dir, store) = house();
        let bytes = workbook(|sheet| {
            sheet.write(0, 0, "メール").unwrap();
        });
        let after = After(2, AtomicU32::new(0));
        let stopped = Source::open(&store, bytes.as_slice(), &Hints::default(), &after).err().unwrap();
        assert_eq!(stopped.kind(), Kind::Stopped);
    }

    #[test]
    fn a_file_without_names_over_its_columns_is_refused() {
        assert!(read(b"a@example.jp,x\nb@example.jp,y\n").is_err());
        assert!(read(b"").is_err());
        assert!(read(b"\xff\xfea\0b\0").is_err());
    }

    #[test]
    fn the_error_line_keeps_the_bytes_of_the_file() {
        let (_dir, store) = house();
        let bytes = Encoding::Cp932.encode("メール,氏名\r\na@example.jp,髙田\r\n").unwrap().into_owned();
        let mut source = Source::open(&store, bytes.as_slice(), &Hints::default(), &Quiet).unwrap();
        let mut rows = source.rows().unwrap();
        assert!(rows.advance().unwrap());
        let record = rows.record.clone();
        let line = source.liner().with(&record, "理由");
        assert_eq!(Encoding::Cp932.decode(&line).unwrap(), "a@example.jp,髙田,理由\r\n");
    }

    fn workbook(fill: impl FnOnce(&mut rust_xlsxwriter::Worksheet)) -> Vec<u8> {
        let mut book = rust_xlsxwriter::Workbook::new();
        fill(book.add_worksheet());
        book.save_to_buffer().unwrap()
    }

    #[test]
    fn a_workbook_is_read_with_its_dates_and_gaps() {
        let day = rust_xlsxwriter::ExcelDateTime::from_ymd(1990, 4, 1).unwrap();
        let format = rust_xlsxwriter::Format::new().set_num_format("yyyy/m/d");
        let bytes = workbook(|sheet| {
            for (c, name) in ["メール", "誕生日", "点"].into_iter().enumerate() {
                sheet.write(0, c as u16, name).unwrap();
            }
            sheet.write(2, 0, "a@example.jp").unwrap();
            sheet.write_with_format(2, 1, &day, &format).unwrap();
            sheet.write(2, 2, 12.5).unwrap();
        });
        assert_eq!(read(&bytes).unwrap(), [row(&["a@example.jp", "1990-04-01", "12.5"])]);
    }

    #[test]
    fn a_workbook_that_unpacks_too_far_is_refused_whatever_its_directory_says() {
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default();
        for part in ["[Content_Types].xml", "../../etc/passwd", "xl/workbook.xml"] {
            zip.start_file(part, options).unwrap();
            zip.write_all(b"<x/>").unwrap();
        }
        zip.start_file("xl/worksheets/sheet1.xml", options).unwrap();
        let zeros = b"<c/>".repeat(256 << 10);
        for _ in 0..64 {
            zip.write_all(&zeros).unwrap();
        }
        let mut bytes = zip.finish().unwrap().into_inner();
        assert!(read(&bytes).unwrap_err().says().en.contains("unpacks"));
        // The same with a directory that lies about the size.
        let size = (64u32 * (1 << 20)).to_le_bytes();
        for at in 0..bytes.len() - 4 {
            if bytes[at..at + 4] == size {
                bytes[at..at + 4].copy_from_slice(&100u32.to_le_bytes());
            }
        }
        assert!(read(&bytes).is_err());
    }
}
