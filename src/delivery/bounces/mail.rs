//! A mail that came in, taken apart as far as it is needed: heads, parts, and the text of a part.
//!
//! The walk through the parts is ours, so that its depth, its number of parts and every length are ours: a library that
//! builds the whole tree ends as deep as the mail wishes. What is hard about a single piece (charsets, encoded words,
//! the parameters of a Content-Type) is the library's.
//!
//! **Invariant:** the work is bounded by the length of the mail, whatever is in it: nothing is searched twice.

use crate::base::limits;
use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::charsets::map::charset_decoder;
use mail_parser::decoders::html::html_to_text;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use mail_parser::{HeaderName, MessageParser};

/// Fields as they stand, in their order.
#[derive(Clone, Debug, Default)]
pub struct Head<'a> {
    fields: Vec<(&'a [u8], &'a [u8])>,
}

/// One leaf: anything that is not a multipart. A message inside is a leaf, too.
#[derive(Clone, Debug)]
pub struct Part<'a> {
    pub head: Head<'a>,
    pub body: &'a [u8],
    /// `text/plain`, in lower case.
    pub media: String,
    charset: String,
}

/// The whole.
#[derive(Clone, Debug)]
pub struct Mail<'a> {
    pub head: Head<'a>,
    /// What the outermost head says: `multipart/report`.
    pub media: String,
    /// The outermost `report-type`, in lower case.
    pub report_type: String,
    pub parts: Vec<Part<'a>>,
    /// Something was left out: too deep, too many.
    pub cut: bool,
}

impl<'a> Head<'a> {
    /// The head at the start of `bytes`, and what follows it. What is no field is passed over; so is what is too much.
    pub fn read(bytes: &'a [u8]) -> (Head<'a>, &'a [u8]) {
        let (mut head, mut rest, mut open) = (Head::default(), bytes, None::<Field<'a>>);
        while let Some((line, after)) = next_line(rest) {
            let at = bytes.len() - rest.len();
            rest = after;
            let bare = trim_end(line);
            if bare.is_empty() {
                break;
            }
            match open {
                Some(ref mut field) if line[0] == b' ' || line[0] == b'\t' => field.end = at + bare.len(),
                _ => {
                    head.close(bytes, open.take());
                    open = Field::begin(bare, at);
                }
            }
        }
        head.close(bytes, open);
        (head, rest)
    }

    fn close(&mut self, bytes: &'a [u8], field: Option<Field<'a>>) {
        if let Some(field) = field.filter(|_| self.fields.len() < limits::READ_FIELDS) {
            let value = bytes.get(field.start..field.end).unwrap_or_default();
            self.fields.push((field.name, &value[..value.len().min(limits::READ_FIELD)]));
        }
    }

    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    pub fn has(&self, name: &str) -> bool {
        self.raw(name).is_some()
    }

    fn raw(&self, name: &str) -> Option<&'a [u8]> {
        self.fields.iter().find(|(n, _)| n.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| *value)
    }

    /// The first field of this name on one line, as it stands.
    pub fn plain(&self, name: &str) -> Option<String> {
        self.raw(name).map(unfolded)
    }

    /// The first field of this name on one line, with encoded words decoded.
    pub fn text(&self, name: &str) -> Option<String> {
        let raw = self.raw(name)?;
        if !raw.windows(2).any(|w| w == b"=?") {
            return Some(unfolded(raw));
        }
        // The decoder tries each beginning of a word to its end: what is long has many.
        let one = [b"Subject: ", &raw[..raw.len().min(limits::READ_WORDS)], b"\r\n\r\n"].concat();
        let read = MessageParser::default().parse_headers(&one)?;
        Some(read.subject()?.to_owned())
    }

    /// What stands between angle brackets, or the first word: an id.
    pub fn id(&self, name: &str) -> Option<String> {
        let value = self.plain(name)?;
        let inside = value.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(id, _)| id);
        let id = inside.unwrap_or(value.split_whitespace().next().unwrap_or_default()).trim();
        (!id.is_empty() && id.len() <= limits::READ_ID).then(|| id.to_owned())
    }

    /// The first word in lower case: `auto-replied; x=y` → `auto-replied`.
    pub fn word(&self, name: &str) -> Option<String> {
        let value = self.plain(name)?.to_ascii_lowercase();
        Some(value.split([';', ' ', '(', ',']).next().unwrap_or_default().to_owned())
    }

    fn media(&self) -> Media {
        Media::of(self.raw("content-type").unwrap_or_default()).unwrap_or_default()
    }
}

/// A field that may go on on the next line.
struct Field<'a> {
    name: &'a [u8],
    start: usize,
    end: usize,
}

impl<'a> Field<'a> {
    fn begin(line: &'a [u8], at: usize) -> Option<Field<'a>> {
        let colon = line.iter().position(|b| *b == b':')?;
        let name = trim_end(&line[..colon]);
        let good = !name.is_empty() && name.iter().all(|b| b.is_ascii_graphic());
        good.then_some(Field { name, start: at + colon + 1, end: at + line.len() })
    }
}

#[derive(Default)]
struct Media {
    name: String,
    boundary: String,
    charset: String,
    report_type: String,
}

impl Media {
    fn of(value: &[u8]) -> Option<Media> {
        let one = [b"Content-Type: ", value, b"\r\n\r\n"].concat();
        let read = MessageParser::default().parse_headers(&one)?;
        let read = read.header(HeaderName::ContentType)?.as_content_type()?;
        let named = |name: &str| read.attribute(name).unwrap_or_default().to_owned();
        Some(Media {
            name: format!("{}/{}", read.ctype(), read.subtype().unwrap_or_default()).to_ascii_lowercase(),
            boundary: named("boundary"),
            charset: named("charset").to_ascii_lowercase(),
            report_type: named("report-type").to_ascii_lowercase(),
        })
    }
}

impl<'a> Mail<'a> {
    pub fn read(bytes: &'a [u8]) -> Mail<'a> {
        let (head, body) = Head::read(bytes);
        let media = head.media();
        let (parts, cut) = (Vec::new(), false);
        let mut mail =
            Mail { head: head.clone(), media: media.name.clone(), report_type: media.report_type.clone(), parts, cut };
        mail.take(head, media, body, 0);
        mail
    }

    fn take(&mut self, head: Head<'a>, media: Media, body: &'a [u8], depth: usize) {
        if !media.name.starts_with("multipart/") || media.boundary.is_empty() {
            return self.leaf(head, media, body);
        }
        if depth >= limits::READ_DEPTH {
            self.cut = true;
            return;
        }
        for inside in split(body, media.boundary.as_bytes()) {
            if self.parts.len() >= limits::READ_PARTS {
                self.cut = true;
                return;
            }
            let (head, body) = Head::read(inside);
            let media = head.media();
            self.take(head, media, body, depth + 1);
        }
    }

    fn leaf(&mut self, head: Head<'a>, media: Media, body: &'a [u8]) {
        let name = if media.name.is_empty() { "text/plain".to_owned() } else { media.name };
        self.parts.push(Part { head, body, media: name, charset: media.charset });
    }

    /// The first part of one of these kinds.
    pub fn part(&self, media: &[&str]) -> Option<&Part<'a>> {
        self.parts.iter().find(|p| media.contains(&p.media.as_str()))
    }

    /// The text that a person would see first: plain where there is any, else what stands in the HTML.
    pub fn words(&self) -> String {
        match (self.part(&["text/plain"]), self.part(&["text/html"])) {
            (Some(plain), _) => plain.text(),
            (None, Some(html)) => html_to_text(&html.text()),
            (None, None) => String::new(),
        }
    }

    /// The head of the message that was sent back, whole or without its body.
    pub fn returned(&self) -> Option<Head<'a>> {
        let kinds = ["message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers"];
        let part = self.part(&kinds).or_else(|| self.part(&["message/global-headers"]))?;
        Some(Head::read(part.body).0).filter(|head| !head.is_empty())
    }
}

impl Part<'_> {
    /// The beginning of the text, decoded; never an error.
    pub fn text(&self) -> String {
        let encoding = self.head.word("content-transfer-encoding").unwrap_or_default();
        let body = &self.body[..self.body.len().min(limits::READ_TEXT)];
        let decoded = match encoding.as_str() {
            "base64" => base64_decode(body),
            "quoted-printable" => quoted_printable_decode(body),
            _ => None,
        };
        in_unicode(&self.charset, decoded.as_deref().unwrap_or(body))
    }
}

/// In the charset that it says, except where it visibly is another one: some old gateways write ISO-2022-JP and do not
/// say so.
fn in_unicode(charset: &str, bytes: &[u8]) -> String {
    let escapes = bytes.windows(2).any(|w| w == b"\x1b$");
    let silent = matches!(charset, "" | "us-ascii" | "utf-8");
    let charset = if escapes && silent { "iso-2022-jp" } else { charset };
    match charset_decoder(charset.as_bytes()) {
        Some(decoder) if !silent || escapes => decoder(bytes),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// What lies between the lines of a boundary; the part before the first and after the last is nobody's.
fn split<'a>(body: &'a [u8], boundary: &[u8]) -> Vec<&'a [u8]> {
    let (mut parts, mut begun, mut rest) = (Vec::new(), None, body);
    while let Some((line, after)) = next_line(rest) {
        let at = body.len() - rest.len();
        rest = after;
        let Some(more) = trim_end(line).strip_prefix(b"--").and_then(|l| l.strip_prefix(boundary)) else { continue };
        if !matches!(more, b"" | b"--") {
            continue;
        }
        if let Some(start) = begun.replace(body.len() - rest.len()) {
            parts.push(&body[start..at]);
        }
        if more == b"--" || parts.len() >= limits::READ_PARTS {
            return parts;
        }
    }
    // A mail that was cut off has no last line.
    parts.extend(begun.and_then(|start| body.get(start..)));
    parts
}

/// The next line with its end, and what follows it.
fn next_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    match bytes.iter().position(|b| *b == b'\n') {
        Some(end) => Some(bytes.split_at(end + 1)),
        None if bytes.is_empty() => None,
        None => Some((bytes, &[])),
    }
}

fn trim_end(line: &[u8]) -> &[u8] {
    line.trim_ascii_end()
}

fn unfolded(raw: &[u8]) -> String {
    let text = String::from_utf8_lossy(raw);
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_with_its_folded_lines_and_the_body_follows() {
        let bytes = b"Subject: =?UTF-8?B?44GT44KT?=\r\n =?UTF-8?B?44Gr44Gh44Gv?=\r\nno field\r\n folded of nobody\r\nX-A : b\r\n\r\nbody\r\n";
        let (head, body) = Head::read(bytes);
        assert_eq!(head.text("subject").as_deref(), Some("こんにちは"));
        assert_eq!((head.plain("x-a").as_deref(), head.has("no field")), (Some("b"), false));
        assert_eq!(body, b"body\r\n");
        assert_eq!(Head::read(b"").1, b"");
        assert_eq!(Head::read(b"\n\nx").1, b"\nx");
    }

    #[test]
    fn ids_and_words_are_taken_out_of_what_stands_around_them() {
        let (head, _) =
            Head::read(b"Message-ID:\r\n <1.2.ab@example.jp> (x)\r\nAuto-Submitted: Auto-Replied; a=b\r\nX: \r\n");
        assert_eq!(head.id("message-id").as_deref(), Some("1.2.ab@example.jp"));
        assert_eq!(head.word("auto-submitted").as_deref(), Some("auto-replied"));
        assert_eq!(head.id("x"), None);
    }

    #[test]
    fn parts_are_found_at_any_depth_and_what_is_too_deep_is_left_out() {
        let text = "Content-Type: multipart/mixed; boundary=\"a b\"\n\npreamble\n--a b\nContent-Type: multipart/alternative;\n boundary=b2\n\n\
                    --b2\n\nplain\n--b2\nContent-Type: TEXT/HTML\n\n<p>html</p>\n--b2--\n--a b\nContent-Type: message/rfc822\n\n\
                    Message-ID: <x@y>\n\n--a b--\nepilogue\n--a b\n\nlate\n";
        let mail = Mail::read(text.as_bytes());
        let media: Vec<&str> = mail.parts.iter().map(|p| p.media.as_str()).collect();
        assert_eq!(media, ["text/plain", "text/html", "message/rfc822"]);
        assert_eq!((mail.words().trim(), mail.cut), ("plain", false));
        assert_eq!(mail.returned().unwrap().id("message-id").as_deref(), Some("x@y"));
        let deep: String =
            (0..1_000).map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n")).collect();
        let mail = Mail::read(deep.as_bytes());
        assert!(mail.cut && mail.parts.is_empty());
        let messages = "Content-Type: message/rfc822\n\n".repeat(100_000);
        assert_eq!(Mail::read(messages.as_bytes()).parts.len(), 1);
        let many = format!("Content-Type: multipart/mixed; boundary=b\n\n{}", "--b\n\nx\n".repeat(5_000));
        assert_eq!(Mail::read(many.as_bytes()).parts.len(), limits::READ_PARTS);
    }

    #[test]
    fn text_is_read_in_the_charset_that_it_is_in() {
        let jis = b"\x1b$B%f!<%6!<$,\x1b(B x";
        for (head, body, want) in [
            ("text/plain; charset=iso-2022-jp", &jis[..], "ユーザーが x"),
            ("text/plain", &jis[..], "ユーザーが x"),
            ("text/plain; charset=us-ascii", &jis[..], "ユーザーが x"),
            ("text/plain; charset=Shift_JIS", &b"\x83\x86\x81[\x83U\x81["[..], "ユーザー"),
            ("text/plain; charset=utf-8\nContent-Transfer-Encoding: base64", &b"44Om44O844K244O8"[..], "ユーザー"),
            (
                "text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable",
                &b"=E3=83=A6 =\r\nx"[..],
                "ユ x",
            ),
            ("text/plain; charset=no-such", &b"abc"[..], "abc"),
            ("text/html", &b"<p>a<br>b</p>"[..], "a\nb"),
        ] {
            let bytes = [b"Content-Type: ", head.as_bytes(), b"\n\n", body].concat();
            assert_eq!(Mail::read(&bytes).words().trim(), want, "{head}");
        }
    }
}
