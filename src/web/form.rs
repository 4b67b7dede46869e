//! `application/x-www-form-urlencoded`: names and values, in order.

use crate::base::{Error, Result};
use serde_json::Value;

/// What a form or a query holds. A missing value reads as nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Values(Vec<(String, String)>);

impl Values {
    pub(crate) fn parse(text: &str) -> Values {
        let pairs = text.split('&').filter(|p| !p.is_empty()).take(MOST);
        Values(pairs.map(|p| p.split_once('=').unwrap_or((p, ""))).map(|(n, v)| (decode(n), decode(v))).collect())
    }

    /// A flat object, as scripts write it: texts, numbers, flags, and lists of those for a name that may come often.
    pub(crate) fn from_json(text: &str) -> Result<Values> {
        let fields: serde_json::Map<String, Value> = serde_json::from_str(text).map_err(|_| not_flat())?;
        let mut values = Values::default();
        for (name, value) in fields {
            match value {
                Value::Array(list) => {
                    list.iter().try_for_each(|one| scalar(one).map(|text| values.push(name.clone(), text)))?;
                }
                one => values.push(name, scalar(&one)?),
            }
        }
        Ok(values)
    }

    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v.as_str())
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(n, _)| n == name)
    }

    /// Every value of a name: checkboxes, multiple choices.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(n, v)| (n.as_str(), v.as_str()))
    }

    pub(crate) fn push(&mut self, name: String, value: String) {
        if self.0.len() < MOST {
            self.0.push((name, value));
        }
    }

    /// As a query, with `name` set to `value` (or taken out when it is empty).
    pub(crate) fn with(&self, name: &str, value: &str) -> String {
        let kept = self.0.iter().filter(|(n, v)| n != name && !v.is_empty());
        let mut all: Vec<String> = kept.map(|(n, v)| format!("{}={}", encode(n), encode(v))).collect();
        if !value.is_empty() {
            all.push(format!("{}={}", encode(name), encode(value)));
        }
        if all.is_empty() { String::new() } else { format!("?{}", all.join("&")) }
    }
}

fn scalar(value: &Value) -> Result<String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(n) => Ok(n.to_string()),
        Value::Bool(yes) => Ok(if *yes { "1".into() } else { String::new() }),
        Value::Null => Ok(String::new()),
        Value::Array(_) | Value::Object(_) => Err(not_flat()),
    }
}

fn not_flat() -> Error {
    Error::refused(say!("JSON の形が正しくありません。", "The JSON is not as expected."))
        .hint(say!("1 段のオブジェクトで送ってください。", "Send one flat object."))
}

/// Fields in one form; a mapping of 300 columns fits, a flood does not.
const MOST: usize = 5000;

pub(crate) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let hex = |b: Option<&u8>| b.and_then(|b| (*b as char).to_digit(16));
        match bytes[i] {
            b'+' => out.push(b' '),
            b'%' => match (hex(bytes.get(i + 1)), hex(bytes.get(i + 2))) {
                (Some(high), Some(low)) => {
                    out.push((high * 16 + low) as u8);
                    i += 2;
                }
                _ => out.push(b'%'),
            },
            other => out.push(other),
        }
        i += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

pub(crate) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for b in text.bytes() {
        if b.is_ascii_alphanumeric() || b"-._~".contains(&b) {
            out.push(b as char);
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flat_object_reads_as_a_form_and_anything_else_is_refused() {
        let values =
            Values::from_json(r#"{"to":"a@example.jp","tag":["x","y"],"n":3,"yes":true,"none":null}"#).unwrap();
        assert_eq!(
            (values.get("to"), values.get("n"), values.get("yes"), values.get("none")),
            ("a@example.jp", "3", "1", "")
        );
        assert_eq!(values.all("tag").collect::<Vec<_>>(), ["x", "y"]);
        for text in ["", "[]", "3", r#"{"a":{"b":1}}"#, r#"{"a":[[1]]}"#, "{", r#"{"a":1}x"#] {
            assert!(Values::from_json(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_form_is_read_and_broken_escapes_stay_as_they_are() {
        let values = Values::parse("name=%E9%81%8B%E3%81%B6+x&tag=a&tag=b&empty=&odd=%zz%4");
        assert_eq!(values.get("name"), "運ぶ x");
        assert_eq!(values.all("tag").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!((values.get("empty"), values.get("none"), values.get("odd")), ("", "", "%zz%4"));
    }

    #[test]
    fn a_query_is_changed_in_one_place() {
        let values = Values::parse("q=%E5%B1%B1&after=p9");
        assert_eq!(values.with("after", "p12"), "?q=%E5%B1%B1&after=p12");
        assert_eq!(Values::default().with("after", ""), "");
    }
}
