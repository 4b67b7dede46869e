//! Text that stands in a header line. By type it cannot end the line: what holds CR, LF, NUL or another control
//! character is refused where a person typed it, and made harmless where a contact's value brought it.

use crate::base::{Email, Error, Result, Say};
use crate::delivery;
use encodify::{Fold, rfc2047};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderText(String);

impl HeaderText {
    /// `field` is what the error names, such as `件名`.
    pub fn parse(field: &Say, text: &str, most: usize) -> Result<HeaderText> {
        let (ja, en) = (&field.ja, &field.en);
        if text.chars().any(char::is_control) {
            return Err(Error::refused(say!(
                "{ja}に改行や制御文字は使えません。",
                "{en} must not hold a line break or a control character."
            )));
        }
        if text.len() > most {
            return Err(Error::refused(say!(
                "{ja}が長すぎます（{most} バイトまで）。",
                "{en} is too long ({most} bytes at most)."
            )));
        }
        Ok(HeaderText(text.trim().to_owned()))
    }

    /// For merged values: a line break in a customer's data becomes a space and stops nobody's mail.
    pub(super) fn cleaned(text: &str) -> HeaderText {
        match text.chars().any(char::is_control) {
            true => {
                let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
                HeaderText(plain.split_whitespace().collect::<Vec<_>>().join(" "))
            }
            false => HeaderText(text.trim().to_owned()),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As unstructured text (Subject): plain where that is safe and short, else encoded words.
    pub(super) fn write(&self, column: usize, out: &mut Vec<u8>) {
        match plain(&self.0) && column + self.0.len() <= 76 {
            true => out.extend_from_slice(self.0.as_bytes()),
            false => words(&self.0, column, out),
        }
    }
}

/// Printable ASCII that no reader takes for an encoded word.
fn plain(text: &str) -> bool {
    text.bytes().all(|b| (b' '..=b'~').contains(&b)) && !text.contains("=?")
}

fn words(text: &str, mut column: usize, out: &mut Vec<u8>) {
    rfc2047::B.encode_words("UTF-8", text, &mut column, Fold::HEADER, out);
}

/// `運ぶ商店 <news@news.example.jp>`: a name and an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    pub name: HeaderText,
    pub email: Email,
}

impl Mailbox {
    /// From `名前 <a@example.jp>`, `"名前" <a@example.jp>` or an address alone.
    pub fn parse(field: &Say, text: &str) -> Result<Mailbox> {
        let text = text.trim();
        let (name, address) = match text.strip_suffix('>').and_then(|t| t.rsplit_once('<')) {
            Some((name, address)) => (name.trim(), address),
            None => ("", text),
        };
        let name = name.strip_prefix('"').and_then(|n| n.strip_suffix('"')).unwrap_or(name).replace("\\\"", "\"");
        Ok(Mailbox { name: HeaderText::parse(field, &name, 200)?, email: Email::parse(address)? })
    }

    pub(super) fn write(&self, column: usize, out: &mut Vec<u8>) {
        let address = address(&self.email);
        if self.name.is_empty() {
            out.extend_from_slice(address.as_bytes());
            return;
        }
        let before = out.len();
        match plain(&self.name.0) && column + self.name.0.len() < 70 {
            true => quoted(&self.name.0, out),
            false => words(&self.name.0, column, out),
        }
        let line = out[before..]
            .iter()
            .rposition(|b| *b == b'\n')
            .map_or(column + out.len() - before, |n| out.len() - before - n);
        out.extend_from_slice(if line + address.len() + 3 > 76 { b"\r\n <" } else { b" <" });
        out.extend_from_slice(address.as_bytes());
        out.push(b'>');
    }
}

/// An address in a header: a Japanese domain as A-labels, because no header line may hold anything but ASCII.
pub(super) fn address(email: &Email) -> String {
    delivery::in_ascii(email).unwrap_or_else(|| email.envelope())
}

impl std::fmt::Display for Mailbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.name.is_empty() {
            true => write!(f, "{}", self.email),
            false => write!(f, "{} <{}>", self.name.0, self.email),
        }
    }
}

fn quoted(name: &str, out: &mut Vec<u8>) {
    let atoms = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~ ".contains(&b));
    if atoms {
        return out.extend_from_slice(name.as_bytes());
    }
    out.push(b'"');
    for b in name.bytes() {
        if matches!(b, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(b);
    }
    out.push(b'"');
}

/// `; NAME*0*=UTF-8''…` in pieces (RFC 2231), each on its own line, never split inside a character.
pub(super) fn parameter(name: &str, value: &str, out: &mut Vec<u8>) {
    if value.len() <= 50 && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)) {
        out.extend_from_slice(format!(";\r\n {name}=\"{value}\"").as_bytes());
        return;
    }
    let mut pieces = vec![String::new()];
    for c in value.chars() {
        let mut buffer = [0; 4];
        let bytes = c.encode_utf8(&mut buffer).bytes();
        let coded: String = bytes
            .map(|b| match b.is_ascii_alphanumeric() || b"-_.".contains(&b) {
                true => char::from(b).to_string(),
                false => format!("%{b:02X}"),
            })
            .collect();
        if pieces.last().is_some_and(|p| p.len() + coded.len() > 54) {
            pieces.push(String::new());
        }
        if let Some(last) = pieces.last_mut() {
            last.push_str(&coded);
        }
    }
    for (n, piece) in pieces.iter().enumerate() {
        let charset = if n == 0 { "UTF-8''" } else { "" };
        out.extend_from_slice(format!(";\r\n {name}*{n}*={charset}{piece}").as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn field() -> Say {
        say!("件名", "The subject")
    }

    #[test]
    fn what_could_end_a_header_line_is_refused_by_name_or_made_harmless() {
        for bad in ["a\r\nBcc: x@example.jp", "a\nb", "a\0b", "a\rb", "\u{85}"] {
            let said = HeaderText::parse(&field(), bad, 100).unwrap_err();
            assert!(said.says().ja.starts_with("件名"), "{bad:?}");
            assert!(!HeaderText::cleaned(bad).as_str().contains(char::is_control));
        }
        assert_eq!(HeaderText::cleaned("山田\r\n太郎").as_str(), "山田 太郎");
    }

    #[test]
    fn a_sender_is_read_with_its_name_or_without() {
        for (text, name, email) in [
            ("運ぶ商店 <news@news.example.jp>", "運ぶ商店", "news@news.example.jp"),
            ("\"A, B\" <a@example.jp>", "A, B", "a@example.jp"),
            ("a@example.jp", "", "a@example.jp"),
            ("<a@example.jp>", "", "a@example.jp"),
        ] {
            let m = Mailbox::parse(&field(), text).unwrap();
            assert_eq!((m.name.as_str(), m.email.as_str()), (name, email));
        }
        assert!(Mailbox::parse(&field(), "x\r\nBcc: a@b.jp <a@example.jp>").is_err());
        assert!(Mailbox::parse(&field(), "運ぶ商店").is_err());
    }

    proptest! {
        #[test]
        fn any_subject_comes_back_and_no_line_is_long(text in "[ -~あ-ん山田様🍊]{0,200}") {
            let text = HeaderText::cleaned(&text);
            let mut out = Vec::new();
            text.write(9, &mut out);
            let folded = String::from_utf8(out).unwrap();
            prop_assert!(folded.split("\r\n").all(|l| l.len() <= 76));
            prop_assert!(folded.split("\r\n").skip(1).all(|l| l.starts_with(' ')));
            let back = rfc2047::decode_text(folded.as_bytes(), rfc2047::utf8_charset);
            prop_assert_eq!(back, text.as_str());
        }
    }
}
