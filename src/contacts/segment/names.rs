//! The words of the language, in English and Japanese, and the nearest name to one that is unknown.

use super::lex::fold;
use super::term::{Side, Unit, Which};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    And,
    Or,
    Not,
    /// でない, after what it denies.
    NotAfter,
    In,
    Is,
    Blank,
    NotBlank,
    Contains,
    Has,
    Starts,
    Ends,
    Within,
    Tag,
    Consent,
    Refused,
    Result,
    Suppressed,
    Attribute,
    Age,
    Email,
    Created,
    Changed,
    Month,
    Year,
    Today,
    Yesterday,
    Tomorrow,
    Ago,
    Ahead,
    Any,
}

pub(super) fn key(word: &str) -> Option<Key> {
    Some(match fold(word).as_str() {
        "and" | "&&" | "かつ" => Key::And,
        "or" | "||" | "または" | "又は" => Key::Or,
        "not" => Key::Not,
        "でない" | "ではない" | "以外" => Key::NotAfter,
        "in" => Key::In,
        "is" => Key::Is,
        "blank" | "empty" | "空" | "空白" => Key::Blank,
        "空でない" | "空白でない" => Key::NotBlank,
        "contains" | "を含む" | "含む" => Key::Contains,
        "has" => Key::Has,
        "starts" | "startswith" | "で始まる" => Key::Starts,
        "ends" | "endswith" | "で終わる" => Key::Ends,
        "within" => Key::Within,
        "tag" | "タグ" => Key::Tag,
        "consent" | "同意" => Key::Consent,
        "refused" | "拒否" => Key::Refused,
        "result" | "結果" => Key::Result,
        "suppressed" | "停止リスト" => Key::Suppressed,
        "attr" | "属性" => Key::Attribute,
        "age" | "@age" | "年齢" => Key::Age,
        "email" | "@email" | "メール" | "メールアドレス" => Key::Email,
        "created" | "@created" | "作成日" => Key::Created,
        "changed" | "@changed" | "更新日" => Key::Changed,
        "month" => Key::Month,
        "year" => Key::Year,
        "today" | "今日" | "本日" => Key::Today,
        "yesterday" | "昨日" => Key::Yesterday,
        "tomorrow" | "明日" => Key::Tomorrow,
        "ago" | "前" => Key::Ago,
        "ahead" | "後" => Key::Ahead,
        "any" | "すべて" => Key::Any,
        _ => return None,
    })
}

/// Words that join or compare: a value spelt like one of them is quoted.
pub(super) fn joins(key: Key) -> bool {
    use Key::*;
    matches!(key, And | Or | Not | NotAfter | In | Is | Blank | NotBlank | Contains | Has | Starts | Ends | Within)
}

/// Whether a name or a value spelt like this could be read as something else.
pub(super) fn is_taken(word: &str) -> bool {
    key(word).is_some() || which(word).is_some() || flag(word).is_some()
}

pub(super) fn which(word: &str) -> Option<Which> {
    match fold(word).as_str() {
        "this" => Some(Which::This),
        "last" | "previous" => Some(Which::Last),
        "next" | "coming" => Some(Which::Next),
        _ => None,
    }
}

pub(super) fn side(word: &str) -> Option<Side> {
    match fold(word).as_str() {
        "last" | "past" | "過去" | "直近" => Some(Side::Last),
        "next" | "coming" | "今後" | "これから" => Some(Side::Next),
        _ => None,
    }
}

pub(super) fn unit(word: &str) -> Option<Unit> {
    match word {
        "day" | "days" | "日" | "日間" => Some(Unit::Day),
        "week" | "weeks" | "週" | "週間" => Some(Unit::Week),
        "month" | "months" | "か月" | "ヶ月" | "ヵ月" | "カ月" | "ケ月" | "か月間" => Some(Unit::Month),
        "year" | "years" | "年" | "年間" => Some(Unit::Year),
        _ => None,
    }
}

pub(super) fn flag(word: &str) -> Option<bool> {
    match fold(word).as_str() {
        "yes" | "true" | "はい" | "有" | "あり" | "1" => Some(true),
        "no" | "false" | "いいえ" | "無" | "なし" | "0" => Some(false),
        _ => None,
    }
}

/// The name that `wanted` was probably meant to be.
pub(super) fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wanted: Vec<char> = fold(wanted).chars().take(LONGEST).collect();
    let far = (wanted.len() / 2).clamp(1, 4);
    names
        .map(|name| (distance(&wanted, &fold(name).chars().take(LONGEST).collect::<Vec<_>>()), name))
        .filter(|(d, name)| *d <= far && *d < name.chars().count().max(wanted.len()))
        .min_by_key(|(d, _)| *d)
        .map(|(_, name)| name)
}

const LONGEST: usize = 64;

/// Insertions, deletions and replacements between two words.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_name_finds_the_one_that_was_meant() {
        let names = ["都道府県", "年齢", "prefecture", "会員番号"];
        for (wanted, found) in [
            ("都道府件", Some("都道府県")),
            ("Prefectur", Some("prefecture")),
            ("会員番", Some("会員番号")),
            ("年令", Some("年齢")),
            ("xyz", None),
            ("色", None),
        ] {
            assert_eq!(nearest(wanted, names.into_iter()), found, "{wanted}");
        }
    }
}
