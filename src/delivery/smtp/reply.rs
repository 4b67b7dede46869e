//! Replies: code, enhanced code, text; parsed from whatever has arrived so far, bounded in lines and length.

use crate::base::limits;

/// A server's answer. The text may hold addresses: it is cleaned before it is kept anywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub code: u16,
    /// `5.1.1`, when the server gives one.
    pub enhanced: Option<(u16, u16, u16)>,
    /// Without code and enhanced code, lines joined by newlines.
    pub text: String,
}

/// What stands in place of a reply is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Nonsense;

impl Reply {
    pub fn class(&self) -> u16 {
        self.code / 100
    }

    /// `550 5.1.1 text`, on one line.
    pub fn line(&self) -> String {
        let enhanced = self.enhanced.map(|(a, b, c)| format!(" {a}.{b}.{c}")).unwrap_or_default();
        format!("{}{enhanced} {}", self.code, self.text.replace('\n', " ")).trim_end().to_owned()
    }

    /// The first whole reply in `bytes` and how long it is; `None` while it is not complete.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Option<(Reply, usize)>, Nonsense> {
        let (mut at, mut lines, mut code) = (0, Vec::new(), None);
        loop {
            let rest = &bytes[at..];
            let Some(end) = rest.iter().position(|b| *b == b'\n') else {
                return if rest.len() > limits::SMTP_REPLY_LINE { Err(Nonsense) } else { Ok(None) };
            };
            at += end + 1;
            let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
            if line.len() > limits::SMTP_REPLY_LINE || lines.len() >= limits::SMTP_REPLY_LINES {
                return Err(Nonsense);
            }
            let (this, last, text) = one_line(line).ok_or(Nonsense)?;
            if *code.get_or_insert(this) != this {
                return Err(Nonsense);
            }
            lines.push(text);
            if last {
                return Ok(Some((Reply::of_lines(this, &lines), at)));
            }
        }
    }

    fn of_lines(code: u16, lines: &[String]) -> Reply {
        let enhanced = lines.first().and_then(|l| enhanced_of(l)).filter(|(e, _)| e.0 == code / 100);
        let Some((found, _)) = enhanced else { return Reply { code, enhanced: None, text: lines.join("\n") } };
        let bare = |l: &String| enhanced_of(l).filter(|(e, _)| e.0 == found.0).map_or(l.clone(), |(_, t)| t.to_owned());
        let text: Vec<String> = lines.iter().map(bare).collect();
        Reply { code, enhanced: Some(found), text: text.join("\n") }
    }
}

/// Code, "is it the last line", text.
fn one_line(line: &[u8]) -> Option<(u16, bool, String)> {
    let (digits, rest) = line.split_first_chunk::<3>()?;
    let code: u16 = std::str::from_utf8(digits).ok()?.parse().ok().filter(|c| (200..600).contains(c))?;
    let (last, text) = match rest.split_first() {
        None => (true, rest),
        Some((b' ', text)) => (true, text),
        Some((b'-', text)) => (false, text),
        Some(_) => return None,
    };
    Some((code, last, String::from_utf8_lossy(text).chars().filter(|c| !c.is_control()).collect()))
}

fn enhanced_of(text: &str) -> Option<((u16, u16, u16), &str)> {
    let (code, rest) = text.split_once(' ').unwrap_or((text, ""));
    let mut parts = code.split('.');
    let mut part = || parts.next().filter(|p| (1..=3).contains(&p.len()))?.parse::<u16>().ok();
    let found = (part()?, part()?, part()?);
    (parts.next().is_none() && matches!(found.0, 2 | 4 | 5)).then_some((found, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_read_whole_or_not_yet_or_refused() {
        let reply = |code, enhanced, text: &str| Ok(Some(Reply { code, enhanced, text: text.into() }));
        for (bytes, want) in [
            ("250 OK\r\n", reply(250, None, "OK")),
            ("250\r\n", reply(250, None, "")),
            ("250 OK\n", reply(250, None, "OK")),
            ("250-a\r\n250 b\r\n", reply(250, None, "a\nb")),
            ("550 5.1.1 No such user\r\n", reply(550, Some((5, 1, 1)), "No such user")),
            ("550-5.1.1 No such\r\n550 5.1.1 user\r\n", reply(550, Some((5, 1, 1)), "No such\nuser")),
            ("550 4.1.1 odd\r\n", reply(550, None, "4.1.1 odd")),
            ("550 5.1.1\r\n", reply(550, Some((5, 1, 1)), "")),
            ("550 5.1.1.2 x\r\n", reply(550, None, "5.1.1.2 x")),
            ("250 O", Ok(None)),
            ("250-a\r\n", Ok(None)),
            ("", Ok(None)),
            ("250-a\r\n251 b\r\n", Err(Nonsense)),
            ("HTTP/1.1 400\r\n", Err(Nonsense)),
            ("25\r\n", Err(Nonsense)),
            ("999 x\r\n", Err(Nonsense)),
            ("250_x\r\n", Err(Nonsense)),
        ] {
            assert_eq!(Reply::parse(bytes.as_bytes()).map(|r| r.map(|(r, _)| r)), want, "{bytes:?}");
        }
    }

    #[test]
    fn an_endless_line_and_an_endless_reply_are_refused() {
        assert_eq!(Reply::parse(&b"2".repeat(10_000)), Err(Nonsense));
        assert_eq!(Reply::parse("250-x\r\n".repeat(1_000).as_bytes()), Err(Nonsense));
    }

    #[test]
    fn a_reply_ends_where_the_next_begins() {
        let bytes = b"250 a\r\n354 b\r\n";
        let (first, n) = Reply::parse(bytes).unwrap().unwrap();
        assert_eq!((first.code, Reply::parse(&bytes[n..]).unwrap().unwrap().0.code), (250, 354));
    }
}
