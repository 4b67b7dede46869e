//! What may be kept of what others wrote: codes and words, on one line, bounded, without anybody's address.

use crate::base::{Email, limits};

/// Words without addresses, links and long numbers, and without the mailbox name of `to` where it is known: a server
/// that says "taro.yamada is unknown" has named a person.
pub fn keep(text: &str, to: Option<&Email>) -> String {
    let local = to.map(|to| to.local().to_lowercase());
    let clean = |word: &str| {
        let core = word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
        let named =
            local.as_deref().is_some_and(|l| core == l || (l.chars().count() > 3 && word.to_lowercase().contains(l)));
        let digits = word.chars().filter(char::is_ascii_digit).count();
        match word.contains(['@', '＠']) || word.contains("://") || named || digits >= 8 {
            true => "…".to_owned(),
            false => word.chars().filter(|c| !c.is_control()).collect(),
        }
    };
    let words = text.split_whitespace().take(limits::REPLY_KEPT).map(clean);
    let mut out = String::new();
    for word in words.filter(|w| !w.is_empty()) {
        if out.ends_with('…') && word == "…" {
            continue;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(&word);
    }
    out.chars().take(limits::REPLY_KEPT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nobody_is_named_in_what_is_kept() {
        let to = Email::parse("taro.yamada@example.jp").unwrap();
        for (text, want) in [
            ("550 5.1.1 <taro.yamada@example.jp>: User unknown", "550 5.1.1 … User unknown"),
            ("550 5.1.1 'taro.yamada' is\r\n not here", "550 5.1.1 … is not here"),
            ("see https://support.example.com/?p=NoSuchUser now", "see … now"),
            ("id 20261120123456 ok", "id … ok"),
            ("other@example.com taro.yamada@example.jp x", "… x"),
            ("ＡＢＣ＠example.jp 宛先不明", "… 宛先不明"),
        ] {
            assert_eq!(keep(text, Some(&to)), want);
        }
        assert_eq!(keep("a b", Some(&Email::parse("a@example.jp").unwrap())), "… b");
        assert_eq!(keep("taro.yamada unknown", None), "taro.yamada unknown");
    }

    proptest! {
        #[test]
        fn it_is_one_short_line_without_an_address(text in "[ -~\\n\\r\\t@あ-お]{0,400}") {
            let kept = keep(&text, None);
            prop_assert!(kept.chars().count() <= limits::REPLY_KEPT);
            prop_assert!(!kept.contains(['@', '\n', '\r']));
        }
    }
}
