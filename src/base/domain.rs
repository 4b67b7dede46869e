//! A domain's name, parsed once: lower case, in ASCII (labels beyond it as A-labels), without a dot at the end.

use crate::base::error::{Error, Result};
use crate::base::resolve::a_labels;
use serde::{Deserialize, Serialize};
use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Domain(String);

const NAME_MAX: usize = 253;
const LABEL_MAX: usize = 63;

impl Domain {
    /// `example.jp`: at least two labels.
    pub fn parse(text: &str) -> Result<Domain> {
        let text = text.trim().trim_end_matches('.').to_lowercase();
        let ascii = a_labels(&text).map(|name| name.to_ascii_lowercase()).filter(|name| fits(name));
        ascii.map(Domain).ok_or_else(|| {
            Error::refused(say!("ドメインの形が正しくありません。", "This is not a domain name."))
                .hint(say!("例: news.example.jp", "For example: news.example.jp"))
        })
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// This domain, then those above it, as far as they have two labels.
    pub fn upwards(&self) -> impl Iterator<Item = &str> {
        std::iter::successors(Some(self.as_str()), |name| name.split_once('.').map(|(_, above)| above))
            .filter(|name| name.contains('.'))
    }

    /// This domain is `other`, or one below it.
    pub fn is_within(&self, other: &Domain) -> bool {
        self.upwards().any(|name| name == other.0)
    }

    /// A name below this one.
    pub fn below(&self, label: &str) -> String {
        format!("{label}.{}", self.0)
    }
}

fn fits(name: &str) -> bool {
    let label = |l: &str| {
        (1..=LABEL_MAX).contains(&l.len())
            && !l.starts_with('-')
            && !l.ends_with('-')
            && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let top_is_no_number = name.rsplit('.').next().is_some_and(|top| !top.bytes().all(|b| b.is_ascii_digit()));
    name.contains('.') && name.len() <= NAME_MAX && name.split('.').all(label) && top_is_no_number
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Domain {
    type Error = Error;

    fn try_from(text: String) -> Result<Domain> {
        Domain::parse(&text)
    }
}

impl From<Domain> for String {
    fn from(domain: Domain) -> String {
        domain.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_in_one_spelling_or_refused() {
        for (text, want) in [
            ("Example.JP.", Some("example.jp")),
            (" news.example.jp ", Some("news.example.jp")),
            ("例え.jp", Some("xn--r8jz45g.jp")),
            ("jp", None),
            ("", None),
            ("a..jp", None),
            ("-a.jp", None),
            ("a_b.jp", None),
            ("192.0.2.1", None),
            ("a b.jp", None),
        ] {
            assert_eq!(Domain::parse(text).ok().as_ref().map(Domain::as_str), want, "{text}");
        }
    }

    #[test]
    fn upwards_ends_before_a_single_label() {
        let domain = Domain::parse("a.b.example.jp").unwrap();
        assert_eq!(domain.upwards().collect::<Vec<_>>(), ["a.b.example.jp", "b.example.jp", "example.jp"]);
    }
}
