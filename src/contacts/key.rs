//! A label becomes a key that is a name in a template, and no other attribute's.

use super::value::narrow;
use unicode_normalization::UnicodeNormalization;

/// Words that a template already means something by.
const TAKEN: [&str; 24] = [
    "email", "id", "tags", "true", "false", "none", "True", "False", "None", "and", "or", "not", "in", "is", "if",
    "elif", "else", "endif", "for", "endfor", "loop", "self", "super", "caller",
];

/// `お名前（漢字）` → `お名前_漢字`, `2回目` → `_2回目`.
pub(super) fn from_label(label: &str, taken: impl Fn(&str) -> bool) -> String {
    let mut key = String::new();
    for c in label.trim().nfkc() {
        match c {
            c if in_name(c) => key.push(c),
            _ if key.is_empty() || key.ends_with('_') => {}
            _ => key.push('_'),
        }
    }
    let key = key.trim_end_matches('_');
    let base = match key.chars().next() {
        None => "列".to_owned(),
        Some(first) if starts_name(first) => key.to_owned(),
        Some(_) => format!("_{key}"),
    };
    let free = |k: &str| !TAKEN.contains(&k) && !taken(k);
    if free(&base) {
        return base;
    }
    (2..).map(|n| format!("{base}_{n}")).find(|k| free(k)).unwrap_or(base)
}

/// An identifying value as it is compared: one width, one case, one hyphen.
pub(super) fn normalised(value: &str) -> String {
    let folded = narrow(value);
    let one = |c: char| match c {
        '\u{2010}'..='\u{2015}' | '\u{2212}' | 'ー' | '\u{301c}' => '-',
        c => c,
    };
    folded.trim().chars().flat_map(char::to_lowercase).map(one).collect()
}

/// True for what `from_label` could have made: checked where somebody chooses a key.
pub(super) fn is_valid(key: &str) -> bool {
    let starts = key.starts_with(|c| starts_name(c) || c == '_');
    starts && key.chars().all(|c| in_name(c) || c == '_') && !TAKEN.contains(&key)
}

/// Letters as names have them, without the few signs that Unicode calls alphabetic and no name may hold.
fn starts_name(c: char) -> bool {
    c.is_alphabetic() && !is_mark(c) && !matches!(c, '\u{24b6}'..='\u{24e9}' | '\u{1f100}'..='\u{1f1ff}')
}

fn in_name(c: char) -> bool {
    starts_name(c) || c.is_ascii_digit() || matches!(c, '\u{3099}' | '\u{309a}')
}

/// Dependent marks (Thai, Arabic and Indian vowel signs) are alphabetic, but cannot begin a name.
fn is_mark(c: char) -> bool {
    unicode_normalization::char::is_combining_mark(c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn labels_of_real_files_become_names() {
        for (label, want) in [
            ("お名前（漢字）", "お名前_漢字"),
            ("2回目", "_2回目"),
            ("年齢", "年齢"),
            ("Last Name", "Last_Name"),
            ("①番", "_1番"),
            ("email", "email_2"),
            ("  ", "列"),
            ("（）", "列"),
            ("ポイント・残", "ポイント_残"),
            ("ｶﾞｽ", "ガス"),
        ] {
            assert_eq!(from_label(label, |_| false), want, "{label}");
        }
        assert_eq!(from_label("備考", |k| k == "備考" || k == "備考_2"), "備考_3");
    }

    proptest! {
        #[test]
        fn every_label_becomes_a_name_that_a_template_takes(label in "\\PC{0,12}") {
            let key = from_label(&label, |_| false);
            prop_assert!(is_valid(&key), "{}", key);
            let engine = minijinja::Environment::new();
            prop_assert!(engine.compile_expression(&key).is_ok(), "{}", key);
        }
    }
}
