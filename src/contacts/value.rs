//! What an attribute can hold: six types, one value, and how each is read from what people type.

use crate::base::limits;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use unicode_normalization::{UnicodeNormalization, is_nfkc};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Type {
    Text,
    Number,
    Date,
    Bool,
    Choice,
    Multi,
}

impl Type {
    pub const ALL: [Type; 6] = [Type::Text, Type::Number, Type::Date, Type::Bool, Type::Choice, Type::Multi];

    /// In the books, in JSON and in `--type`.
    pub fn name(self) -> &'static str {
        match self {
            Type::Text => "text",
            Type::Number => "number",
            Type::Date => "date",
            Type::Bool => "bool",
            Type::Choice => "choice",
            Type::Multi => "multi",
        }
    }

    pub fn parse(name: &str) -> Option<Type> {
        Type::ALL.into_iter().find(|t| t.name() == name)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Text(String),
    Number(f64),
    Date(Date),
    Bool(bool),
    Choice(String),
    Multi(Vec<String>),
}

impl Value {
    pub fn kind(&self) -> Type {
        match self {
            Value::Text(_) => Type::Text,
            Value::Number(_) => Type::Number,
            Value::Date(_) => Type::Date,
            Value::Bool(_) => Type::Bool,
            Value::Choice(_) => Type::Choice,
            Value::Multi(_) => Type::Multi,
        }
    }
}

/// Why a text is no value of its attribute's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfit {
    NotNumber,
    NotDate,
    NotBool,
    NotChoice,
    TooLong,
}

impl Value {
    /// `Ok(None)` for a blank. `serials` takes Excel's day numbers for dates.
    pub fn read(kind: Type, text: &str, choices: &[String], serials: bool) -> Result<Option<Value>, Misfit> {
        let text = unguarded(text.trim());
        if text.is_empty() {
            return Ok(None);
        }
        if text.len() > limits::VALUE_MAX && text.chars().count() > limits::VALUE_MAX {
            return Err(Misfit::TooLong);
        }
        let value = match kind {
            Type::Text => Value::Text(clean(text).into_owned()),
            Type::Number => Value::Number(number(text).ok_or(Misfit::NotNumber)?),
            Type::Date => Value::Date(date(text, serials).ok_or(Misfit::NotDate)?),
            Type::Bool => Value::Bool(yes_or_no(text).ok_or(Misfit::NotBool)?),
            Type::Choice => Value::Choice(choice(text, choices).ok_or(Misfit::NotChoice)?),
            Type::Multi => Value::Multi(several(text, choices).ok_or(Misfit::NotChoice)?),
        };
        Ok(Some(value).filter(|v| !matches!(v, Value::Text(t) if t.is_empty())))
    }

    /// As it is written into a file or a field, and read back by `read`.
    pub fn plain(&self) -> Cow<'_, str> {
        match self {
            Value::Text(t) | Value::Choice(t) => Cow::Borrowed(t),
            Value::Number(n) => Cow::Owned(n.to_string()),
            Value::Date(d) => Cow::Owned(d.to_string()),
            Value::Bool(b) => Cow::Borrowed(if *b { "はい" } else { "いいえ" }),
            Value::Multi(list) => Cow::Owned(list.join(";")),
        }
    }
}

/// The apostrophe that an export puts before what a spreadsheet would calculate is not part of the text.
fn unguarded(text: &str) -> &str {
    let guarded = |t: &&str| t.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']);
    text.strip_prefix('\'').filter(guarded).unwrap_or(text)
}

/// Free text is kept as typed: only control characters go, and line ends become one kind.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    let kept = |c: char| !c.is_control() || c == '\n' || c == '\t';
    match text.chars().all(kept) {
        true => Cow::Borrowed(text),
        false => Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n").chars().filter(|c| kept(*c)).collect()),
    }
}

/// One width: for what machines read, never for free text.
pub(super) fn narrow(text: &str) -> Cow<'_, str> {
    match text.is_ascii() || is_nfkc(text) {
        true => Cow::Borrowed(text),
        false => Cow::Owned(text.nfkc().collect()),
    }
}

fn number(text: &str) -> Option<f64> {
    let plain = narrow(text);
    let plain = plain.trim().trim_start_matches(['¥', '\\']).trim_end_matches(['円', '%']).trim();
    let digits: String =
        plain.chars().filter(|c| *c != ',').map(|c| if matches!(c, '−' | '－') { '-' } else { c }).collect();
    let looks = digits.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'-' | b'+' | b'.' | b'e' | b'E'));
    digits.parse::<f64>().ok().filter(|n| looks && n.is_finite())
}

const ERAS: [(&str, &str, i16); 5] =
    [("r", "令和", 2018), ("h", "平成", 1988), ("s", "昭和", 1925), ("t", "大正", 1911), ("m", "明治", 1867)];

fn date(text: &str, serials: bool) -> Option<Date> {
    let plain = narrow(text).to_lowercase();
    let plain = plain.trim();
    let is_time = |t: &str| t.trim_start().starts_with(|c: char| c.is_ascii_digit()) && t.contains(':');
    let day = plain.split_once([' ', 't']).filter(|(_, time)| is_time(time)).map_or(plain, |(day, _)| day);
    if !day.is_empty() && day.bytes().all(|b| b.is_ascii_digit()) {
        return match (day.len(), serials) {
            (8, _) => civil(day[..4].parse().ok()?, &day[4..6], &day[6..]),
            (1..=7, true) => from_serial(day.parse().ok()?),
            _ => None,
        };
    }
    let (base, rest) = era(day).unwrap_or((0, day));
    let mut parts = rest.split(['-', '/', '.', '年', '月', '日', '‐', '−']).map(str::trim).filter(|p| !p.is_empty());
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let year: i16 = if year == "元" { 1 } else { year.parse().ok()? };
    let plausible = if base > 0 { (1..=99).contains(&year) } else { (1000..=9999).contains(&year) };
    (plausible && parts.next().is_none()).then(|| civil(base + year, month, day)).flatten()
}

fn era(day: &str) -> Option<(i16, &str)> {
    ERAS.into_iter().find_map(|(letter, name, base)| {
        let rest = day.strip_prefix(name).or_else(|| day.strip_prefix(letter))?;
        Some((base, rest.trim_start_matches('.').trim_start()))
    })
}

fn civil(year: i16, month: &str, day: &str) -> Option<Date> {
    Date::new(year, month.parse().ok()?, day.parse().ok()?).ok()
}

/// Excel counts days from 1899-12-30 (from March 1900 on, which is all that birthdays need).
fn from_serial(n: i32) -> Option<Date> {
    let days = jiff::Span::new().try_days(n).ok()?;
    (61..2_958_466).contains(&n).then(|| jiff::civil::date(1899, 12, 30).checked_add(days).ok()).flatten()
}

fn yes_or_no(text: &str) -> Option<bool> {
    let plain = narrow(text).to_lowercase();
    match plain.trim() {
        "はい" | "yes" | "y" | "true" | "t" | "on" | "1" | "○" | "〇" | "◯" | "◎" | "✓" | "✔" | "有" | "有り"
        | "あり" | "真" | "済" | "可" | "する" | "希望する" => Some(true),
        "いいえ" | "no" | "n" | "false" | "f" | "off" | "0" | "×" | "✕" | "✗" | "x" | "無" | "無し" | "なし" | "偽"
        | "未" | "不可" | "否" | "しない" | "希望しない" => Some(false),
        _ => None,
    }
}

fn choice(text: &str, choices: &[String]) -> Option<String> {
    choices.iter().find(|c| *c == text).or_else(|| choices.iter().find(|c| narrow(c) == narrow(text))).cloned()
}

/// What a cell with several choices holds, cut where people cut it.
pub(super) fn pieces(text: &str) -> impl Iterator<Item = &str> {
    text.split([';', '；', '、', ',', '，', '|', '\n', '\u{1f}']).map(str::trim).filter(|p| !p.is_empty())
}

fn several(text: &str, choices: &[String]) -> Option<Vec<String>> {
    let mut found = pieces(text).map(|p| choice(p, choices)).collect::<Option<Vec<_>>>()?;
    let mut seen = std::collections::HashSet::new();
    found.retain(|c| seen.insert(c.clone()));
    Some(found).filter(|f| !f.is_empty())
}

/// What a column's name says about its values.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Look {
    /// Digits that are no amounts: phone, postcode, member number.
    pub(super) code: bool,
    /// A day, even where the values are bare digits (20261120, or Excel's numbers).
    pub(super) day: bool,
    pub(super) serials: bool,
}

/// What values look like together; text when in doubt.
pub(super) fn guess<'a>(values: impl Iterator<Item = &'a str> + Clone, look: Look) -> Type {
    let filled = values.map(str::trim).filter(|v| !v.is_empty());
    if look.code || filled.clone().next().is_none() {
        return Type::Text;
    }
    let fits = |kind, serials| filled.clone().all(|v| Value::read(kind, v, &[], serials).is_ok());
    let bare = filled.clone().all(|v| narrow(v).bytes().all(|b| b.is_ascii_digit()));
    if !bare && fits(Type::Bool, false) {
        return Type::Bool;
    }
    if (look.day || !bare) && fits(Type::Date, look.serials && look.day) {
        return Type::Date;
    }
    match fits(Type::Number, false) && !filled.clone().any(is_padded) {
        true => Type::Number,
        false => Type::Text,
    }
}

fn is_padded(text: &str) -> bool {
    let plain = narrow(text);
    (plain.len() > 1 && plain.starts_with('0') && !plain.starts_with("0."))
        || plain.starts_with('+')
        || plain.len() > 15
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date as ymd;

    #[test]
    fn dates_are_read_in_every_form_that_people_write() {
        for (text, want) in [
            ("2026-11-20", Some(ymd(2026, 11, 20))),
            ("2026/11/20", Some(ymd(2026, 11, 20))),
            ("2026/1/2 10:00", Some(ymd(2026, 1, 2))),
            ("2026-11-20T10:00:00+09:00", Some(ymd(2026, 11, 20))),
            ("２０２６年１１月２０日", Some(ymd(2026, 11, 20))),
            ("20261120", Some(ymd(2026, 11, 20))),
            ("R8.11.20", Some(ymd(2026, 11, 20))),
            ("令和8年11月20日", Some(ymd(2026, 11, 20))),
            ("令和元年5月1日", Some(ymd(2019, 5, 1))),
            ("h1/1/8", Some(ymd(1989, 1, 8))),
            ("S64.1.7", Some(ymd(1989, 1, 7))),
            ("昭和45年 3月 1日", Some(ymd(1970, 3, 1))),
            ("2026-02-30", None),
            ("11/20", None),
            ("45000", None),
            ("tomorrow", None),
        ] {
            let want = want.map(|d| Some(Value::Date(d))).ok_or(Misfit::NotDate);
            assert_eq!(Value::read(Type::Date, text, &[], false), want, "{text}");
        }
        assert_eq!(Value::read(Type::Date, "46346", &[], true), Ok(Some(Value::Date(ymd(2026, 11, 20)))));
    }

    #[test]
    fn numbers_yes_no_and_choices_are_read_or_refused() {
        let size = ["大".to_owned(), "中".to_owned(), "Ａ".to_owned()];
        let read = |kind, text| Value::read(kind, text, &size, false);
        for (text, want) in [
            ("1,234", Some(1234.0)),
            ("¥１２０円", Some(120.0)),
            ("-3.5", Some(-3.5)),
            ("−2", Some(-2.0)),
            ("inf", None),
            ("12a", None),
        ] {
            assert_eq!(
                read(Type::Number, text),
                want.map(|n| Some(Value::Number(n))).ok_or(Misfit::NotNumber),
                "{text}"
            );
        }
        for (text, want) in [
            ("はい", Some(true)),
            ("○", Some(true)),
            ("1", Some(true)),
            ("ＮＯ", Some(false)),
            ("×", Some(false)),
            ("maybe", None),
        ] {
            assert_eq!(read(Type::Bool, text), want.map(|b| Some(Value::Bool(b))).ok_or(Misfit::NotBool), "{text}");
        }
        assert_eq!(read(Type::Choice, "A"), Ok(Some(Value::Choice("Ａ".into()))));
        assert_eq!(read(Type::Choice, "小"), Err(Misfit::NotChoice));
        assert_eq!(read(Type::Multi, "大、中;大"), Ok(Some(Value::Multi(vec!["大".into(), "中".into()]))));
        assert_eq!(read(Type::Text, " \u{3000}"), Ok(None));
        assert_eq!(read(Type::Text, "a\r\nb\u{0}"), Ok(Some(Value::Text("a\nb".into()))));
    }

    #[test]
    fn a_type_is_guessed_from_all_values_and_text_when_in_doubt() {
        let (any, code) = (Look::default(), Look { code: true, ..Look::default() });
        let day = Look { day: true, serials: true, ..Look::default() };
        for (values, look, want) in [
            (&["1", "20", ""][..], any, Type::Number),
            (&["1", "20"], code, Type::Text),
            (&["090", "1"], any, Type::Text),
            (&["1234567890123456"], any, Type::Text),
            (&["1", "0"], any, Type::Number),
            (&["はい", "いいえ"], any, Type::Bool),
            (&["2026/1/1", "R8.1.1"], any, Type::Date),
            (&["20260101"], any, Type::Number),
            (&["20260101", "46346"], day, Type::Date),
            (&["東京都"], any, Type::Text),
            (&["", ""], any, Type::Text),
            (&["1", "many"], any, Type::Text),
        ] {
            assert_eq!(guess(values.iter().copied(), look), want, "{values:?}");
        }
    }
}
