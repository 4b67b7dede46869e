//! A rendered mail as bytes for the wire. What is the same for every recipient (sender, list, files) is written once
//! per campaign into a `Frame`; the rest costs a few microseconds.
//!
//! Bodies are base64, so a boundary with `_` in it can stand in no body, no line is long and no hop re-encodes.
//!
//! **Invariant:** lines end in CRLF and are at most 998 bytes; no header value comes from anything but `HeaderText`,
//! `Email` or a URL of the house's own making.

use super::header::{HeaderText, Mailbox, address, parameter};
use crate::base::{Email, Time, clock};
use encodify::base64;
use jiff::tz::TimeZone;

const MIXED: &str = "=_hakobu_mixed";
const RELATED: &str = "=_hakobu_related";
const ALTERNATIVE: &str = "=_hakobu_alternative";

/// What all mails of a campaign share.
pub(super) struct Frame {
    head: Vec<u8>,
    images: Vec<u8>,
    attachments: Vec<u8>,
    zone: TimeZone,
}

/// Who writes, on which list, for a frame.
pub(super) struct Head<'a> {
    pub(super) from: &'a Mailbox,
    pub(super) reply_to: Option<&'a Mailbox>,
    /// The topic: its name and its id at the sender's domain.
    pub(super) list: Option<(&'a HeaderText, String)>,
    /// Nobody wrote this mail to its reader by hand, and no list header says so.
    pub(super) automatic: bool,
}

/// A file in the mail.
pub(super) struct Part<'a> {
    pub(super) name: &'a str,
    pub(super) media: &'a str,
    /// Shown inside the HTML under this content id; `None` for an attachment.
    pub(super) cid: Option<&'a str>,
    pub(super) bytes: &'a [u8],
}

/// One mail.
pub(super) struct Mail<'a> {
    pub(super) at: Time,
    pub(super) to: &'a Email,
    pub(super) message_id: &'a str,
    pub(super) unsubscribe: Option<&'a str>,
    pub(super) subject: &'a HeaderText,
    pub(super) html: Option<&'a str>,
    pub(super) text: &'a str,
}

impl Frame {
    pub(super) fn new(head: &Head<'_>, parts: &[Part<'_>]) -> Frame {
        let mut out = Frame { head: head_lines(head), images: vec![], attachments: vec![], zone: clock::japan() };
        for part in parts {
            match part.cid {
                Some(cid) => file(part, RELATED, &format!("inline\r\nContent-ID: <{cid}>"), &mut out.images),
                None => file(part, MIXED, "attachment", &mut out.attachments),
            }
        }
        out
    }

    pub(super) fn write(&self, mail: &Mail<'_>) -> Vec<u8> {
        let bodies = mail.text.len() + mail.html.map_or(0, str::len);
        let files = self.images.len() + self.attachments.len();
        let mut out = Vec::with_capacity(self.head.len() + files + bodies * 3 / 2 + 1500);
        line(&mut out, &["Date: ", &mail.at.zoned(&self.zone).strftime("%a, %d %b %Y %H:%M:%S %z").to_string()]);
        out.extend_from_slice(&self.head);
        line(&mut out, &["To: ", &address(mail.to)]);
        out.extend_from_slice(b"Subject: ");
        mail.subject.write("Subject: ".len(), &mut out);
        out.extend_from_slice(b"\r\n");
        line(&mut out, &["Message-ID: <", mail.message_id, ">"]);
        if let Some(url) = mail.unsubscribe {
            line(&mut out, &["List-Unsubscribe: <", url, ">"]);
            line(&mut out, &["List-Unsubscribe-Post: List-Unsubscribe=One-Click"]);
        }
        self.body(mail, &mut out);
        out
    }

    fn body(&self, mail: &Mail<'_>, out: &mut Vec<u8>) {
        if self.attachments.is_empty() {
            return self.words(mail, out);
        }
        multipart(out, "mixed", MIXED);
        self.words(mail, out);
        out.extend_from_slice(&self.attachments);
        end(out, MIXED);
    }

    fn words(&self, mail: &Mail<'_>, out: &mut Vec<u8>) {
        let Some(html) = mail.html else { return text("plain", mail.text, out) };
        multipart(out, "alternative", ALTERNATIVE);
        text("plain", mail.text, out);
        line(out, &["--", ALTERNATIVE]);
        match self.images.is_empty() {
            true => text("html", html, out),
            false => {
                multipart(out, "related", RELATED);
                text("html", html, out);
                out.extend_from_slice(&self.images);
                end(out, RELATED);
            }
        }
        end(out, ALTERNATIVE);
    }
}

fn head_lines(head: &Head<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend_from_slice(b"From: ");
    head.from.write("From: ".len(), &mut out);
    out.extend_from_slice(b"\r\n");
    if let Some(reply_to) = head.reply_to {
        out.extend_from_slice(b"Reply-To: ");
        reply_to.write("Reply-To: ".len(), &mut out);
        out.extend_from_slice(b"\r\n");
    }
    if let Some((name, id)) = &head.list {
        out.extend_from_slice(b"List-ID: ");
        name.write("List-ID: ".len(), &mut out);
        line(&mut out, &["\r\n <", id, ">"]);
        line(&mut out, &["Precedence: bulk"]);
    }
    if head.automatic {
        line(&mut out, &["Auto-Submitted: auto-generated"]);
    }
    line(&mut out, &["MIME-Version: 1.0"]);
    out
}

fn line(out: &mut Vec<u8>, pieces: &[&str]) {
    for piece in pieces {
        out.extend_from_slice(piece.as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

fn multipart(out: &mut Vec<u8>, kind: &str, boundary: &str) {
    line(out, &["Content-Type: multipart/", kind, "; boundary=\"", boundary, "\"\r\n\r\n--", boundary]);
}

fn end(out: &mut Vec<u8>, boundary: &str) {
    line(out, &["--", boundary, "--"]);
}

fn text(kind: &str, words: &str, out: &mut Vec<u8>) {
    line(out, &["Content-Type: text/", kind, "; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n"]);
    encoded(crlf(words).as_bytes(), out);
}

fn crlf(words: &str) -> String {
    let mut out = String::with_capacity(words.len() + words.len() / 16 + 2);
    for (n, piece) in words.split('\n').enumerate() {
        if n > 0 {
            out.push_str("\r\n");
        }
        out.push_str(piece.strip_suffix('\r').unwrap_or(piece));
    }
    out
}

fn encoded(bytes: &[u8], out: &mut Vec<u8>) {
    base64::MIME.encode_append(bytes, out);
    if !out.ends_with(b"\r\n") {
        out.extend_from_slice(b"\r\n");
    }
}

fn file(part: &Part<'_>, boundary: &str, disposition: &str, out: &mut Vec<u8>) {
    line(out, &["--", boundary]);
    out.extend_from_slice(format!("Content-Type: {}", part.media).as_bytes());
    parameter("name", part.name, out);
    out.extend_from_slice(b"\r\nContent-Transfer-Encoding: base64\r\n");
    let (kind, more) = disposition.split_once("\r\n").unwrap_or((disposition, ""));
    if !more.is_empty() {
        line(out, &[more]);
    }
    out.extend_from_slice(format!("Content-Disposition: {kind}").as_bytes());
    parameter("filename", part.name, out);
    out.extend_from_slice(b"\r\n\r\n");
    encoded(part.bytes, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(text: &str) -> HeaderText {
        HeaderText::cleaned(text)
    }

    fn mailbox(text: &str) -> Mailbox {
        Mailbox::parse(&say!("差出人", "The sender"), text).unwrap()
    }

    fn written(parts: &[Part<'_>], html: Option<&str>) -> String {
        written_to("a..b@docomo.ne.jp", parts, html)
    }

    fn written_to(to: &str, parts: &[Part<'_>], html: Option<&str>) -> String {
        let from = mailbox("運ぶ商店 <news@news.example.jp>");
        let list = subject("お知らせ");
        let head =
            Head { from: &from, reply_to: None, list: Some((&list, "t1.news.example.jp".into())), automatic: false };
        let to = Email::parse(to).unwrap();
        let mail = Mail {
            at: Time(1_795_000_000_000),
            to: &to,
            message_id: "r1.p2.x@news.example.jp",
            unsubscribe: Some("https://news.example.jp/u/abc"),
            subject: &subject("秋のご案内：とても長い件名なので何行にも折り返されるはずです。最後まで読めますか"),
            html,
            text: "こんにちは\nA & B",
        };
        String::from_utf8(Frame::new(&head, parts).write(&mail)).unwrap()
    }

    #[test]
    fn every_line_is_short_and_ends_in_crlf() {
        let png = Part { name: "ロゴ.png", media: "image/png", cid: Some("i1@x"), bytes: &[0; 300] };
        let long = "とても長い名前の添付ファイル（２０２６年秋の案内状、最終版）.pdf";
        let pdf = Part { name: long, media: "application/pdf", cid: None, bytes: b"%PDF" };
        let mail = written(&[png, pdf], Some("<p>こんにちは</p>"));
        for line in mail.strip_suffix("\r\n").unwrap().split("\r\n") {
            assert!(line.len() <= 78 && !line.contains(['\r', '\n']), "{line}");
        }
        assert!(mail.contains("To: \"a..b\"@docomo.ne.jp\r\n"), "{mail}");
        assert!(mail.contains(
            "List-Unsubscribe: <https://news.example.jp/u/abc>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
        ));
        assert!(mail.contains("List-ID: =?UTF-8?B?44GK55+l44KJ44Gb?=\r\n <t1.news.example.jp>\r\n"), "{mail}");
    }

    #[test]
    fn a_japanese_domain_stands_in_the_header_as_it_travels() {
        let mail = written_to("hanako@例え.jp", &[], None);
        assert!(mail.contains("To: hanako@xn--r8jz45g.jp\r\n"), "{mail}");
        let head = mail.split("\r\n\r\n").next().unwrap();
        assert!(head.is_ascii(), "{head}");
    }

    #[test]
    fn text_alone_is_one_part() {
        let mail = written(&[], None);
        assert!(mail.contains("Content-Type: text/plain; charset=utf-8") && !mail.contains("multipart"), "{mail}");
    }
}
