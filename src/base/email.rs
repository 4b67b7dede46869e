//! A mail address, parsed once. Compared case-folded, sent as typed.

use crate::base::error::{Error, Result};
use std::fmt;

/// An address that can stand in an SMTP envelope. Old carrier addresses that break RFC 5321
/// (`a..b@docomo.ne.jp`, `a.@ezweb.ne.jp`) are accepted and marked; they travel quoted.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Email {
    typed: String,
    at: usize,
    marked: bool,
}

const LOCAL_MAX: usize = 64;
const TOTAL_MAX: usize = 254;

impl Email {
    pub fn parse(text: &str) -> Result<Email> {
        let typed = text.trim();
        let refuse = || {
            Error::refused(say!("メールアドレスの形が正しくありません。", "This is not a mail address."))
                .hint(say!("例: hanako@example.jp", "For example: hanako@example.jp"))
        };
        let at = typed.rfind('@').ok_or_else(refuse)?;
        let (local, domain) = (&typed[..at], &typed[at + 1..]);
        if typed.len() > TOTAL_MAX || local.is_empty() || local.len() > LOCAL_MAX || !domain_ok(domain) {
            return Err(refuse());
        }
        let marked = match local_form(local) {
            Some(marked) => marked,
            None => return Err(refuse()),
        };
        Ok(Email { typed: typed.to_owned(), at, marked })
    }

    pub fn as_str(&self) -> &str {
        &self.typed
    }

    pub fn local(&self) -> &str {
        &self.typed[..self.at]
    }

    pub fn domain(&self) -> &str {
        &self.typed[self.at + 1..]
    }

    /// What two spellings of one mailbox share.
    pub fn folded(&self) -> String {
        self.typed.to_lowercase()
    }

    /// Breaks RFC 5321's dot rules, as some addresses of Japanese carriers do.
    pub fn is_marked(&self) -> bool {
        self.marked
    }

    /// As it stands in `MAIL FROM` and `RCPT TO`: a local part that is no dot-string is quoted.
    pub fn envelope(&self) -> String {
        match self.marked {
            true => format!("\"{}\"@{}", self.local(), self.domain()),
            false => self.typed.clone(),
        }
    }

    pub fn is_ascii(&self) -> bool {
        self.typed.is_ascii()
    }
}

/// `Some(marked)` for a usable local part, `None` for one that is not.
fn local_form(local: &str) -> Option<bool> {
    let atom = |c: char| {
        c.is_ascii_alphanumeric()
            || "!#$%&'*+-/=?^_`{|}~".contains(c)
            || (!c.is_ascii() && !c.is_control() && !c.is_whitespace())
    };
    if !local.chars().all(|c| c == '.' || atom(c)) {
        return None;
    }
    Some(local.starts_with('.') || local.ends_with('.') || local.contains(".."))
}

fn domain_ok(domain: &str) -> bool {
    let label = |l: &str| {
        !l.is_empty()
            && l.len() <= 63
            && !l.starts_with('-')
            && !l.ends_with('-')
            && l.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || (!c.is_ascii() && c.is_alphanumeric()))
    };
    domain.contains('.') && domain.split('.').all(label)
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.typed)
    }
}

/// An address is personal data: a debug print must not put it into a log.
impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_marked_or_refused() {
        for (text, want) in [
            ("hanako@example.jp", Some(false)),
            (" Hanako+tag@Example.JP ", Some(false)),
            ("a..b@docomo.ne.jp", Some(true)),
            ("a.@ezweb.ne.jp", Some(true)),
            ("花子@例え.jp", Some(false)),
            ("", None),
            ("no-at.example.jp", None),
            ("a@b", None),
            ("a b@example.jp", None),
            ("a@example.jp\r\nBcc: x@example.jp", None),
            ("a\"b@example.jp", None),
            ("a@-x.jp", None),
            ("a@x..jp", None),
            ("<a@example.jp>", None),
        ] {
            assert_eq!(Email::parse(text).ok().map(|e| e.is_marked()), want, "{text}");
        }
    }

    #[test]
    fn a_marked_address_travels_quoted_and_any_other_as_typed() {
        let plain = Email::parse("Taro@Example.jp").expect("plain");
        assert_eq!((plain.envelope(), plain.folded()), ("Taro@Example.jp".into(), "taro@example.jp".into()));
        assert_eq!(Email::parse("a..b@docomo.ne.jp").expect("old carrier").envelope(), "\"a..b\"@docomo.ne.jp");
    }
}
