//! Two languages, one sentence. Everything a person reads is born in both, where it is said, so that the
//! reader's language is chosen at the edge and no sentence can be missing.

use std::fmt;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lang {
    #[default]
    Ja,
    En,
}

impl Lang {
    /// From a tag such as `ja`, `ja_JP.UTF-8`, `en-GB`; `None` for a language that Hakobu does not speak.
    pub fn parse(tag: &str) -> Option<Lang> {
        let tag = tag.to_ascii_lowercase();
        match tag.split(['-', '_', '.']).next() {
            Some("ja") => Some(Lang::Ja),
            Some("en") => Some(Lang::En),
            _ => None,
        }
    }

    pub fn tag(self) -> &'static str {
        match self {
            Lang::Ja => "ja",
            Lang::En => "en",
        }
    }

    pub fn pick<T>(self, ja: T, en: T) -> T {
        match self {
            Lang::Ja => ja,
            Lang::En => en,
        }
    }
}

/// One sentence in both languages.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Say {
    pub ja: String,
    pub en: String,
}

impl Say {
    pub fn new(ja: impl Into<String>, en: impl Into<String>) -> Say {
        Say { ja: ja.into(), en: en.into() }
    }

    pub fn to(&self, lang: Lang) -> &str {
        lang.pick(&self.ja, &self.en)
    }
}

impl fmt::Display for Say {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.en)
    }
}

/// `say!("{n} 件です", "{n} rows")`: the same values in both sentences, captured by name.
#[macro_export]
macro_rules! say {
    ($ja:literal, $en:literal $(,)?) => {
        $crate::base::lang::Say::new(format!($ja), format!($en))
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_tag_is_read_loosely_and_an_unknown_one_is_none() {
        for (tag, want) in [
            ("ja", Some(Lang::Ja)),
            ("ja_JP.UTF-8", Some(Lang::Ja)),
            ("EN-gb", Some(Lang::En)),
            ("fr", None),
            ("", None),
        ] {
            assert_eq!(Lang::parse(tag), want, "{tag}");
        }
    }

    #[test]
    fn a_sentence_carries_the_same_value_in_both_languages() {
        let n = 3;
        let said = say!("{n} 件", "{n} rows");
        assert_eq!((said.to(Lang::Ja), said.to(Lang::En)), ("3 件", "3 rows"));
    }
}
