//! How a value lies in `vals.v`: text and choice as TEXT, a number as INTEGER or REAL, a date as days since 1970,
//! yes/no as 1/0, several choices as TEXT with U+001F around each, so that one is found by `instr`.

use crate::contacts::value::{Type, Value};
use jiff::civil::{Date, date};
use rusqlite::types::{ToSqlOutput, Value as Sql, ValueRef};

pub(in crate::contacts) const BETWEEN: char = '\u{1f}';

pub(in crate::contacts) fn days(day: Date) -> i64 {
    let epoch = date(1970, 1, 1);
    i64::from(epoch.until(day).map(|s| s.get_days()).unwrap_or(0))
}

pub(in crate::contacts) fn day(days: i64) -> Option<Date> {
    let span = jiff::Span::new().try_days(days).ok()?;
    date(1970, 1, 1).checked_add(span).ok()
}

/// A value on its way into the books.
pub(in crate::contacts) fn to_sql(value: &Value) -> ToSqlOutput<'_> {
    match value {
        Value::Text(t) | Value::Choice(t) => ToSqlOutput::Borrowed(ValueRef::Text(t.as_bytes())),
        Value::Number(n) if n.fract() == 0.0 && n.abs() < 9e15 => ToSqlOutput::Owned(Sql::Integer(*n as i64)),
        Value::Number(n) => ToSqlOutput::Owned(Sql::Real(*n)),
        Value::Date(d) => ToSqlOutput::Owned(Sql::Integer(days(*d))),
        Value::Bool(b) => ToSqlOutput::Owned(Sql::Integer(i64::from(*b))),
        Value::Multi(list) => ToSqlOutput::Owned(Sql::Text(joined(list))),
    }
}

fn joined(list: &[String]) -> String {
    let mut out = String::from(BETWEEN);
    for item in list {
        out.push_str(item);
        out.push(BETWEEN);
    }
    out
}

/// `None` for what this type cannot have stored.
pub(in crate::contacts) fn from_sql(kind: Type, v: ValueRef<'_>) -> Option<Value> {
    let text = || v.as_str().ok().map(str::to_owned);
    match kind {
        Type::Text => text().map(Value::Text),
        Type::Choice => text().map(Value::Choice),
        Type::Number => match v {
            ValueRef::Integer(n) => Some(Value::Number(n as f64)),
            ValueRef::Real(n) => Some(Value::Number(n)),
            ValueRef::Null | ValueRef::Text(_) | ValueRef::Blob(_) => None,
        },
        Type::Date => v.as_i64().ok().and_then(day).map(Value::Date),
        Type::Bool => v.as_i64().ok().map(|n| Value::Bool(n != 0)),
        Type::Multi => {
            text().map(|t| Value::Multi(t.split(BETWEEN).filter(|i| !i.is_empty()).map(str::to_owned).collect()))
        }
    }
}

/// The same form in JSON, for what an undo puts back.
pub(in crate::contacts) fn to_json(value: &Value) -> serde_json::Value {
    match value {
        Value::Text(t) | Value::Choice(t) => t.as_str().into(),
        Value::Number(n) if n.fract() == 0.0 && n.abs() < 9e15 => (*n as i64).into(),
        Value::Number(n) => (*n).into(),
        Value::Date(d) => days(*d).into(),
        Value::Bool(b) => i64::from(*b).into(),
        Value::Multi(list) => joined(list).into(),
    }
}

pub(in crate::contacts) fn from_json(json: &serde_json::Value) -> Option<Sql> {
    match json {
        serde_json::Value::String(t) => Some(Sql::Text(t.clone())),
        serde_json::Value::Number(n) => n.as_i64().map(Sql::Integer).or_else(|| n.as_f64().map(Sql::Real)),
        serde_json::Value::Null
        | serde_json::Value::Bool(_)
        | serde_json::Value::Array(_)
        | serde_json::Value::Object(_) => None,
    }
}

/// A stored value as it lies, for what an undo puts back.
pub(in crate::contacts) fn raw_json(v: ValueRef<'_>) -> serde_json::Value {
    match v {
        ValueRef::Integer(n) => n.into(),
        ValueRef::Real(n) => n.into(),
        ValueRef::Text(t) => String::from_utf8_lossy(t).into(),
        ValueRef::Null | ValueRef::Blob(_) => serde_json::Value::Null,
    }
}
