//! `multipart/form-data`: text fields into memory; files are ranges of the body, which stands in memory or in the
//! sealed spool.

use super::brought::{Brought, ReadSeek};
use super::form::Values;
use crate::base::{Error, Result, limits};
use std::io::Read;

/// One uploaded file, readable from any place.
pub(crate) struct Upload {
    pub(crate) field: String,
    /// As the browser tells it, without folders: a label, never a path.
    pub(crate) name: String,
    pub(crate) file: Box<dyn ReadSeek>,
}

pub(crate) struct Reading<'a> {
    pub(crate) boundary: &'a str,
    /// Asked once, with the fields so far, before the first file is taken.
    pub(crate) allowed: &'a dyn Fn(&Values) -> Result<()>,
}

pub(crate) fn read(body: &Brought, how: &Reading<'_>) -> Result<(Values, Vec<Upload>)> {
    let mut from = body.open()?;
    let (fields, files) = scan(&mut from, how)?;
    let upload = |place: Place| {
        let file = body.range(place.start, place.size)?;
        Ok(Upload { field: place.field, name: place.name, file })
    };
    Ok((fields, files.into_iter().map(upload).collect::<Result<_>>()?))
}

/// Where a file stands in the body.
struct Place {
    field: String,
    name: String,
    start: u64,
    size: u64,
}

fn scan(from: &mut dyn Read, how: &Reading<'_>) -> Result<(Values, Vec<Place>)> {
    let mut parts = Parts::new(from, how.boundary);
    let (mut fields, mut files, mut text_bytes) = (Values::default(), Vec::new(), 0u64);
    while let Some(head) = parts.next()? {
        match head.file {
            None => {
                let mut value = Vec::new();
                parts.body(&mut |bytes| {
                    text_bytes += bytes.len() as u64;
                    if text_bytes > limits::UPLOAD_FIELDS_MAX {
                        return Err(malformed());
                    }
                    value.extend_from_slice(bytes);
                    Ok(())
                })?;
                fields.push(head.name, String::from_utf8_lossy(&value).into_owned());
            }
            Some(name) => {
                if files.is_empty() {
                    (how.allowed)(&fields)?;
                }
                if files.len() >= limits::UPLOAD_FILES {
                    return Err(malformed());
                }
                let (start, mut size) = (parts.at(), 0u64);
                parts.body(&mut |bytes| {
                    size += bytes.len() as u64;
                    Ok(())
                })?;
                files.push(Place { field: head.name, name, start, size });
            }
        }
    }
    // An empty file field is what a browser sends when nothing was chosen.
    files.retain(|f| f.size > 0 || !f.name.is_empty());
    Ok((fields, files))
}

struct Head {
    name: String,
    file: Option<String>,
}

struct Parts<'a> {
    from: &'a mut dyn Read,
    /// `CRLF--boundary`; the buffer starts with a CRLF so that the first one fits, too.
    mark: Vec<u8>,
    buffer: Vec<u8>,
    /// Bytes that have left the buffer at its front, those two included.
    passed: u64,
    ended: bool,
}

const PIECE: usize = 64 << 10;
const HEAD_MAX: usize = 8 << 10;

impl<'a> Parts<'a> {
    fn new(from: &'a mut dyn Read, boundary: &str) -> Parts<'a> {
        let (mark, buffer) = (format!("\r\n--{boundary}").into_bytes(), b"\r\n".to_vec());
        Parts { from, mark, buffer, passed: 0, ended: false }
    }

    /// Where the buffer's first byte stands in the body.
    fn at(&self) -> u64 {
        self.passed.saturating_sub(2)
    }

    fn pass(&mut self, bytes: usize) {
        self.buffer.drain(..bytes);
        self.passed += bytes as u64;
    }

    fn fill(&mut self) -> Result<()> {
        let at = self.buffer.len();
        self.buffer.resize(at + PIECE, 0);
        let n = self.from.read(&mut self.buffer[at..]).map_err(|e| malformed().because(e))?;
        self.buffer.truncate(at + n);
        if n == 0 { Err(malformed()) } else { Ok(()) }
    }

    /// Goes past the next mark and reads what stands above the part's body.
    fn next(&mut self) -> Result<Option<Head>> {
        if self.ended {
            return Ok(None);
        }
        self.body(&mut |_| Ok(()))?;
        self.pass(self.mark.len());
        while self.buffer.len() < 2 {
            self.fill()?;
        }
        if self.buffer.starts_with(b"--") {
            self.ended = true;
            return Ok(None);
        }
        loop {
            if let Some(at) = find(&self.buffer, b"\r\n\r\n") {
                let head = parse_head(&String::from_utf8_lossy(&self.buffer[..at])).ok_or_else(malformed)?;
                // The body's own mark may begin with the last CRLF of an empty body.
                self.pass(at + 4);
                return Ok(Some(head));
            }
            if self.buffer.len() > HEAD_MAX {
                return Err(malformed());
            }
            self.fill()?;
        }
    }

    /// Hands out what stands before the next mark, which then starts the buffer.
    fn body(&mut self, out: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        loop {
            if let Some(at) = find(&self.buffer, &self.mark) {
                out(&self.buffer[..at])?;
                self.pass(at);
                return Ok(());
            }
            let safe = self.buffer.len().saturating_sub(self.mark.len() - 1);
            out(&self.buffer[..safe])?;
            self.pass(safe);
            self.fill()?;
        }
    }
}

fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = hay.get(from..)?.iter().position(|b| *b == needle[0]) {
        if hay[from + at..].starts_with(needle) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

fn parse_head(head: &str) -> Option<Head> {
    let line = head.split("\r\n").find(|l| l.to_ascii_lowercase().starts_with("content-disposition:"))?;
    let name = quoted(line, "name")?;
    let file = quoted(line, "filename").map(|f| f.rsplit(['/', '\\']).next().unwrap_or_default().to_owned());
    Some(Head { name, file })
}

/// The value of `; key="…"`, with the three escapes that browsers write.
fn quoted(line: &str, key: &str) -> Option<String> {
    let start = line.find(&format!("; {key}=\""))? + key.len() + 4;
    let value = &line[start..start + line[start..].find('"')?];
    Some(value.replace("%22", "\"").replace("%0D", "").replace("%0A", "").chars().filter(|c| !c.is_control()).collect())
}

pub(crate) fn boundary(content_type: &str) -> Option<&str> {
    let rest = content_type.strip_prefix("multipart/form-data")?;
    let value = rest.split(';').map(str::trim).find_map(|p| p.strip_prefix("boundary="))?.trim_matches('"');
    (!value.is_empty() && value.len() <= 70).then_some(value)
}

fn malformed() -> Error {
    Error::refused(say!(
        "送られたフォームを最後まで読み取れません。",
        "The form that was sent cannot be read to its end."
    ))
    .hint(say!("もう一度送信してください。", "Send it again."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    /// Gives a few bytes at a time, so that marks are cut everywhere.
    struct Drip(Cursor<Vec<u8>>, usize);
    impl Read for Drip {
        fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
            let n = out.len().min(self.1);
            self.0.read(&mut out[..n])
        }
    }

    /// Field, file name, bytes.
    type Taken = (String, String, Vec<u8>);

    fn take(body: &[u8], step: usize) -> Result<(Values, Vec<Taken>)> {
        let how = Reading {
            boundary: "XX",
            allowed: &|fields| if fields.get("csrf") == "t" { Ok(()) } else { Err(malformed()) },
        };
        let (fields, files) = scan(&mut Drip(Cursor::new(body.to_vec()), step), &how)?;
        let whole = Brought::Memory(body.into());
        let open = |f: Place| {
            let mut bytes = Vec::new();
            whole.range(f.start, f.size).unwrap().read_to_end(&mut bytes).unwrap();
            (f.field, f.name, bytes)
        };
        Ok((fields, files.into_iter().map(open).collect()))
    }

    #[test]
    fn fields_and_files_come_out_whole_however_the_bytes_arrive() {
        let body = b"--XX\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\nt\r\n--XX\r\nContent-Disposition: form-data; \
            name=\"file\"; filename=\"C:\\a\\\xe5\x90\x8d.csv\"\r\nContent-Type: text/csv\r\n\r\na\r\n--X\r\n\r\n-\r\n--XX\r\n\
            Content-Disposition: form-data; name=\"none\"; filename=\"\"\r\n\r\n\r\n--XX--\r\n";
        for step in [1, 2, 3, 7, 64, 10_000] {
            let (fields, files) = take(body, step).unwrap();
            assert_eq!(fields.get("csrf"), "t");
            assert_eq!(files, [("file".into(), "名.csv".into(), b"a\r\n--X\r\n\r\n-".to_vec())], "{step}");
        }
    }

    #[test]
    fn a_file_before_the_token_and_a_body_cut_short_are_refused() {
        let no_token = b"--XX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x\"\r\n\r\nabc\r\n--XX--\r\n";
        assert!(take(no_token, 100).is_err());
        let cut = b"--XX\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\nt";
        assert!(take(cut, 100).is_err());
        assert!(take(b"", 100).is_err());
    }

    #[test]
    fn a_boundary_is_found_in_its_header() {
        assert_eq!(boundary("multipart/form-data; boundary=----WebKit1"), Some("----WebKit1"));
        assert_eq!(boundary("multipart/form-data; charset=utf-8; boundary=\"a b\""), Some("a b"));
        assert_eq!(boundary("application/json"), None);
    }
}
