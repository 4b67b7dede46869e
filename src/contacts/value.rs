//! What an attribute can hold: six types, one value.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

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
