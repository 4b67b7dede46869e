//! A small reader of mails, for showing those that this house wrote: multipart, base64 and quoted-printable, UTF-8.
//! It is no mail parser: what it does not know is shown in the source.

use data_encoding::BASE64;
use encodify::rfc2047;

/// What a page shows of a mail.
#[derive(Debug, Default)]
pub(crate) struct Mail {
    pub(crate) subject: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) html: Option<String>,
    pub(crate) text: Option<String>,
    /// Name and size.
    pub(crate) files: Vec<(String, usize)>,
    /// Content-ID and data URI of what is inside.
    inside: Vec<(String, String)>,
}

/// Parts inside parts: ours nest three deep.
const DEEP: u32 = 8;

impl Mail {
    pub(crate) fn read(bytes: &[u8]) -> Mail {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = split(&text);
        let mut mail = Mail {
            subject: shown(&head, "subject"),
            from: shown(&head, "from"),
            to: shown(&head, "to"),
            ..Mail::default()
        };
        mail.part(&head, body, DEEP);
        if let Some(html) = &mut mail.html {
            for (id, uri) in &mail.inside {
                *html = html.replace(&format!("cid:{id}"), uri);
            }
        }
        mail
    }

    fn part(&mut self, head: &[(String, String)], body: &str, deep: u32) {
        let kind = field(head, "content-type").unwrap_or("text/plain");
        let media = kind.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
        if let Some(boundary) = parameter(kind, "boundary").filter(|_| media.starts_with("multipart/") && deep > 0) {
            for part in parts(body, &boundary) {
                let (head, body) = split(part);
                self.part(&head, body, deep - 1);
            }
            return;
        }
        let bytes = decoded(field(head, "content-transfer-encoding").unwrap_or(""), body);
        let disposition = field(head, "content-disposition").unwrap_or("").trim();
        let words = || Some(String::from_utf8_lossy(&bytes).into_owned());
        match (disposition.starts_with("attachment"), media.as_str()) {
            (false, "text/html") if self.html.is_none() => self.html = words(),
            (false, "text/plain") if self.text.is_none() => self.text = words(),
            _ => {
                if let Some(id) = field(head, "content-id") {
                    let id = id.trim().trim_matches(['<', '>']).to_owned();
                    self.inside.push((id, format!("data:{media};base64,{}", BASE64.encode(&bytes))));
                }
                let name = parameter(disposition, "filename").or_else(|| parameter(kind, "name"));
                self.files.push((name.unwrap_or(media), bytes.len()));
            }
        }
    }

    /// Web addresses in the text part, in their order.
    pub(crate) fn links(&self) -> Vec<&str> {
        let text = self.text.as_deref().unwrap_or_default();
        let mut links: Vec<&str> = Vec::new();
        for word in text.split(|c: char| c.is_whitespace() || "<>\"「」（）".contains(c)) {
            let link = word.trim_end_matches(['.', ',', '。', '、', ')']);
            if (link.starts_with("https://") || link.starts_with("http://")) && !links.contains(&link) {
                links.push(link);
            }
        }
        links
    }
}

/// Header fields, unfolded, and the body.
fn split(text: &str) -> (Vec<(String, String)>, &str) {
    let (head, body) = match text.strip_prefix("\r\n") {
        Some(body) => ("", body),
        None => text.split_once("\r\n\r\n").unwrap_or((text, "")),
    };
    let unfolded = head.replace("\r\n ", "\n ").replace("\r\n\t", "\n ");
    let field = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
    };
    (unfolded.split("\r\n").filter_map(field).collect(), body)
}

fn field<'a>(head: &'a [(String, String)], name: &str) -> Option<&'a str> {
    head.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
}

/// A header as a person reads it.
fn shown(head: &[(String, String)], name: &str) -> String {
    let raw = field(head, name).unwrap_or("").replace("\n ", "\r\n ");
    rfc2047::decode_text(raw.as_bytes(), rfc2047::utf8_charset).replace("\r\n", "")
}

/// A parameter, also in the pieces of RFC 2231: `filename*0*=UTF-8''%E7…; filename*1*=…`.
fn parameter(value: &str, name: &str) -> Option<String> {
    let mut whole = String::new();
    let mut found = false;
    for piece in value.replace('\n', "").split(';').skip(1) {
        let Some((key, value)) = piece.trim().split_once('=') else { continue };
        let key = key.trim().to_ascii_lowercase();
        if key != name && !key.starts_with(&format!("{name}*")) {
            continue;
        }
        let value = value.trim().trim_matches('"');
        let value = if found { value } else { value.strip_prefix("UTF-8''").unwrap_or(value) };
        whole.push_str(value);
        found = true;
        if key == name {
            return Some(rfc2047::decode_text(value.as_bytes(), rfc2047::utf8_charset).into_owned());
        }
    }
    found.then(|| crate::web::form::decode(&whole.replace('+', "%2B")))
}

fn parts<'a>(body: &'a str, boundary: &str) -> Vec<&'a str> {
    let line = format!("--{boundary}");
    let mut pieces = body.split(line.as_str()).skip(1).take_while(|piece| !piece.starts_with("--"));
    let mut out = Vec::new();
    for piece in pieces.by_ref() {
        let piece = piece.strip_prefix("\r\n").unwrap_or(piece);
        out.push(piece.strip_suffix("\r\n").unwrap_or(piece));
    }
    out
}

fn decoded(encoding: &str, body: &str) -> Vec<u8> {
    match encoding.trim().to_ascii_lowercase().as_str() {
        "base64" => {
            let packed: String = body.chars().filter(|c| !c.is_whitespace()).collect();
            BASE64.decode(packed.as_bytes()).unwrap_or_default()
        }
        "quoted-printable" => quoted_printable(body),
        _ => body.as_bytes().to_vec(),
    }
}

fn quoted_printable(body: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        let hex = tail.get(..2).and_then(|h| data_encoding::HEXUPPER_PERMISSIVE.decode(h).ok());
        match (first, hex) {
            (b'=', Some(byte)) => {
                out.extend(byte);
                rest = &tail[2..];
            }
            (b'=', None) => rest = tail.strip_prefix(b"\r\n").unwrap_or(tail),
            (other, _) => out.push(*other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_of_ours_is_read_back() {
        let b64 = |text: &str| BASE64.encode(text.as_bytes());
        let mail = [
            "From: =?UTF-8?B?6YGL44G25ZWG5bqX?= <news@example.jp>",
            "To: hanako@example.jp",
            "Subject: =?UTF-8?B?56eL44Gu?=",
            " =?UTF-8?B?5qGI5YaF?=",
            "Content-Type: multipart/mixed; boundary=\"a_1\"",
            "",
            "--a_1",
            "Content-Type: multipart/alternative; boundary=\"b_1\"",
            "",
            "--b_1",
            "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: base64",
            "",
            &b64("停止: https://news.example.jp/u/abc。"),
            "--b_1",
            "Content-Type: text/html; charset=utf-8",
            "Content-Transfer-Encoding: quoted-printable",
            "",
            "<p>=E7=A7=8B<img src=3D\"cid:x@y\">=",
            "</p>",
            "--b_1--",
            "--a_1",
            "Content-Type: image/png",
            "Content-ID: <x@y>",
            "Content-Transfer-Encoding: base64",
            "Content-Disposition: inline;",
            " filename*0*=UTF-8''%E7%A7%8B;",
            " filename*1*=.png",
            "",
            &b64("png"),
            "--a_1--",
            "",
        ];
        let mail = Mail::read(mail.join("\r\n").as_bytes());
        assert_eq!((mail.subject.as_str(), mail.from.as_str()), ("秋の案内", "運ぶ商店 <news@example.jp>"));
        assert_eq!(mail.html.as_deref(), Some("<p>秋<img src=\"data:image/png;base64,cG5n\"></p>"));
        assert_eq!(mail.links(), ["https://news.example.jp/u/abc"]);
        assert_eq!(mail.files, [("秋.png".to_owned(), 3)]);
    }

    #[test]
    fn what_is_no_mail_is_read_as_little_and_never_fails() {
        for odd in
            ["", "x", "\r\n\r\n", "\r\nbody", "Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n----", "a: b", "=?x"]
        {
            let _shown = Mail::read(odd.as_bytes());
        }
        assert_eq!(Mail::read(b"Subject: plain\r\n\r\nhello").text.as_deref(), Some("hello"));
    }
}
