//! What a mail system said about a message: the SMTP code, the enhanced code (RFC 3463) and the words around them.

use std::fmt;

/// `5.1.1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Status(pub u16, pub u16, pub u16);

impl Status {
    /// The whole of `text`, or nothing: `5.1.1`, not `5.1.1.2`.
    pub fn parse(text: &str) -> Option<Status> {
        let mut parts = text.split('.');
        let mut part = || parts.next().filter(|p| (1..=3).contains(&p.len()))?.parse::<u16>().ok();
        let found = Status(part()?, part()?, part()?);
        (parts.next().is_none() && matches!(found.0, 2 | 4 | 5)).then_some(found)
    }

    /// Says no more than "something about this subject".
    fn is_vague(self) -> bool {
        self.2 == 0
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// Whatever of it was said. The words may hold addresses: `clean` takes them out before anything is kept.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Said {
    /// 0 where there is none.
    pub code: u16,
    pub status: Option<Status>,
    pub words: String,
}

/// The words are about a person.
impl fmt::Debug for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Said({} {:?} …)", self.code, self.status)
    }
}

impl Said {
    /// The first codes in a text that look like a server's, and the text.
    pub fn in_text(text: &str) -> Said {
        let tokens = tokens(text);
        let mut said = Said { words: text.to_owned(), ..Said::default() };
        for (n, token) in tokens.iter().enumerate() {
            if said.code == 0 && token.may_be_code() {
                said.code = token.word.parse().unwrap_or(0);
            }
            let follows = n > 0 && tokens[n - 1].may_be_code() && tokens[n - 1].word.starts_with(&token.word[..1]);
            if said.status.is_none() && (follows || token.marked) {
                said.status = Status::parse(token.word);
            }
        }
        // A code of another class than the enhanced one is a number that happened to stand there.
        if let Some(status) = said.status
            && said.code / 100 != status.0
        {
            said.code = 0;
        }
        said
    }

    /// With what a field of its own says; a vague field gives way to a text that is exact.
    pub fn with_status(mut self, field: Option<Status>) -> Said {
        let better = match (self.status, field) {
            (None, _) => true,
            (Some(text), Some(field)) => !(field.is_vague() && !text.is_vague() && text.0 == field.0),
            (Some(_), None) => false,
        };
        if better {
            self.status = field;
        }
        self
    }

    /// 2, 4 or 5; 0 where nothing says.
    pub fn class(&self) -> u16 {
        self.status.map_or(self.code / 100, |s| s.0)
    }
}

struct Token<'a> {
    word: &'a str,
    /// Stands where servers put a code: at a line's start, or after a sign that introduces one.
    marked: bool,
    /// A blank, a dash or an end follows.
    ends: bool,
}

impl Token<'_> {
    fn may_be_code(&self) -> bool {
        // RFC 5321 4.2: the second digit is 0, 1, 2, 3 or 5.
        self.marked && self.ends && matches!(self.word.as_bytes(), [b'4' | b'5', b'0'..=b'3' | b'5', _])
    }
}

/// Runs of digits and dots, with what stands around them.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let bytes = text.as_bytes();
    let is_number = |b: u8| b.is_ascii_digit() || b == b'.';
    let (mut out, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let end = at + bytes[at..].iter().position(|b| !is_number(*b)).unwrap_or(bytes.len() - at);
        let word = text[at..end].trim_end_matches('.');
        if word.len() <= 11 {
            out.push(Token { word, marked: is_marked(&text[..at]), ends: ends(bytes.get(end).copied()) });
        }
        at = end;
    }
    out
}

fn ends(next: Option<u8>) -> bool {
    next.is_none_or(|b| b.is_ascii_whitespace() || matches!(b, b'-' | b':' | b')' | b']' | b'>' | b',' | b';'))
}

/// How far back the sign may stand; a bound, since a mail may be one line.
const BEFORE: usize = 40;

fn is_marked(before: &str) -> bool {
    let near = before.ceil_char_boundary(before.len().saturating_sub(BEFORE));
    let line = before[near..].rsplit('\n').next().unwrap_or_default();
    let close = line.trim_end_matches([' ', '\t']);
    // `421-4.7.0`, `550-5.1.1`: what follows the dash is the enhanced code.
    let bare = close.trim_end_matches(['<', '(', '[', '#', '"', '\'', '«']).trim_end();
    match close.chars().last() {
        None => true,
        Some('#' | '(' | '[' | '<' | ':' | ';' | '：' | '"' | '\'') => true,
        Some(_) => ["said", "reason", "error", "code", "smtp", "<<<", "RCPT TO", "DATA"].iter().any(|word| {
            bare.len() >= word.len()
                && bare.is_char_boundary(bare.len() - word.len())
                && bare[bare.len() - word.len()..].eq_ignore_ascii_case(word)
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn codes_are_found_where_servers_put_them_and_nowhere_else() {
        for (text, code, status) in [
            ("550 5.1.1 User unknown", 550, Some(Status(5, 1, 1))),
            ("550-5.1.1 The email account\n550 5.1.1 does not exist", 550, Some(Status(5, 1, 1))),
            (
                "host mx.example.jp[192.0.2.1] said: 450 4.2.0 <a@b>: Greylisted (in reply to RCPT TO)",
                450,
                Some(Status(4, 2, 0)),
            ),
            ("smtp; 550 No such user", 550, None),
            ("(#5.1.1)", 0, Some(Status(5, 1, 1))),
            ("<mail.example.jp #5.2.2 smtp;552 full>", 552, Some(Status(5, 2, 2))),
            ("<<< 550 Unknown user", 550, None),
            ("(reason: 550 Unknown user)", 550, None),
            ("421-4.7.0 [192.0.2.4 15] rate", 421, Some(Status(4, 7, 0))),
            ("qmail-send 1.03, Exim 4.96.2, 192.0.2.5", 0, None),
            ("on port 587 after 500 tries", 0, None),
            ("It was 5.1.1 they said", 0, None),
            ("5.1.1.2", 0, None),
            ("550 2.0.0 odd", 550, None),
            ("450 or so (#5.1.1)", 0, Some(Status(5, 1, 1))),
            ("590 what", 0, None),
            ("エラー: 550 宛先不明", 550, None),
            ("", 0, None),
        ] {
            let said = Said::in_text(text);
            assert_eq!((said.code, said.status), (code, status), "{text}");
        }
    }

    #[test]
    fn a_vague_field_gives_way_to_an_exact_text() {
        let text = Said::in_text("550 5.1.1 unknown");
        for (field, want) in [
            (Some(Status(5, 0, 0)), Status(5, 1, 1)),
            (Some(Status(5, 2, 2)), Status(5, 2, 2)),
            (Some(Status(4, 0, 0)), Status(4, 0, 0)),
            (None, Status(5, 1, 1)),
        ] {
            assert_eq!(text.clone().with_status(field).status, Some(want), "{field:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "\\PC{0,80}", pieces in proptest::collection::vec(proptest::sample::select(&[
            "550", " ", "-", "5.1.1", "#", "\n", "said: ", "：", "«", "12345678901234", "."][..]), 0..12)) {
            Said::in_text(&text);
            Said::in_text(&pieces.concat());
        }
    }
}
