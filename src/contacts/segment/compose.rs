//! Conditions chosen from lists become text: what a form without scripts can offer. The text is the segment; the
//! lists only help to write it.

use super::print::{self, value};
use super::term::Node;
use super::{Mistake, Words, parse};

/// One condition as chosen.
#[derive(Clone, Debug, Default)]
pub struct Chosen {
    /// `tag`, `attr:3`, `age:3`, `consent:1`, `refused:1`, `suppressed`, `created`, `changed`, `email`, `result`.
    pub what: String,
    pub how: Option<How>,
    /// As typed; several are parted by commas.
    pub value: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    Is,
    IsNot,
    OneOf,
    Contains,
    Starts,
    AtLeast,
    AtMost,
    LastDays,
    NextDays,
    InMonth,
    ThisMonth,
    Blank,
    Filled,
}

impl How {
    pub const ALL: [How; 13] = [
        How::Is,
        How::IsNot,
        How::OneOf,
        How::Contains,
        How::Starts,
        How::AtLeast,
        How::AtMost,
        How::LastDays,
        How::NextDays,
        How::InMonth,
        How::ThisMonth,
        How::Blank,
        How::Filled,
    ];

    /// In a form.
    pub fn name(self) -> &'static str {
        match self {
            How::Is => "is",
            How::IsNot => "is_not",
            How::OneOf => "one_of",
            How::Contains => "contains",
            How::Starts => "starts",
            How::AtLeast => "at_least",
            How::AtMost => "at_most",
            How::LastDays => "last_days",
            How::NextDays => "next_days",
            How::InMonth => "in_month",
            How::ThisMonth => "this_month",
            How::Blank => "blank",
            How::Filled => "filled",
        }
    }

    pub fn parse(name: &str) -> Option<How> {
        How::ALL.into_iter().find(|h| h.name() == name)
    }
}

/// `text` with the chosen conditions added, joined by `or` (`any`) or `and`. Rows without a subject are skipped.
pub fn add(words: &Words, text: &str, any: bool, chosen: &[Chosen]) -> Result<String, Mistake> {
    let text = text.trim();
    let before = parse::parse(text, words)?;
    let new: Vec<String> = chosen.iter().filter_map(|c| condition(words, c)).collect();
    let mut parts = Vec::with_capacity(new.len() + 1);
    match &before {
        Node::All(none) if none.is_empty() => {}
        // `and` binds tighter: only an `or` needs brackets before it.
        Node::Any(_) if !any && !new.is_empty() => parts.push(format!("({text})")),
        Node::All(_) | Node::Any(_) | Node::Not(_) | Node::Is(_) => parts.push(text.to_owned()),
    }
    parts.extend(new);
    Ok(parts.join(if any { " or " } else { " and " }))
}

fn condition(words: &Words, chosen: &Chosen) -> Option<String> {
    let (subject, id) = chosen.what.split_once(':').unwrap_or((&chosen.what, ""));
    let how = chosen.how.unwrap_or(How::Is);
    let not = if how == How::IsNot { "not " } else { "" };
    let id: i64 = id.parse().unwrap_or(0);
    let topic = || words.topics.iter().find(|t| t.id == id).map(|t| value(&t.name));
    let attribute = || words.catalog.attributes.iter().find(|a| a.id == id).map(|a| print::name(&a.label));
    match subject {
        "tag" if how == How::OneOf => Some(format!("tag in ({})", list(&chosen.value))),
        "tag" => Some(format!("{not}tag:{}", value(chosen.value.trim()))),
        "consent" => topic().map(|t| format!("{not}consent:{t}")),
        "refused" => topic().map(|t| format!("{not}refused:{t}")),
        "suppressed" => Some(format!("{not}suppressed")),
        "result" => Some(compared("result:any", how, &chosen.value)),
        "created" | "changed" | "email" => Some(compared(&format!("@{subject}"), how, &chosen.value)),
        "age" => attribute().map(|a| compared(&format!("age({a})"), how, &chosen.value)),
        "attr" => attribute().map(|a| {
            let several = words.catalog.attributes.iter().any(|x| x.id == id && x.kind == super::Type::Multi);
            match (several, how) {
                (true, How::Is) => format!("{a} has {}", value(chosen.value.trim())),
                (true, How::IsNot) => format!("not {a} has {}", value(chosen.value.trim())),
                _ => compared(&a, how, &chosen.value),
            }
        }),
        _ => None,
    }
}

fn compared(subject: &str, how: How, typed: &str) -> String {
    let one = || value(typed.trim());
    match how {
        How::Is => format!("{subject} = {}", one()),
        How::IsNot => format!("{subject} != {}", one()),
        How::OneOf => format!("{subject} in ({})", list(typed)),
        How::Contains => format!("{subject} contains {}", one()),
        How::Starts => format!("{subject} starts {}", one()),
        How::AtLeast => format!("{subject} >= {}", one()),
        How::AtMost => format!("{subject} <= {}", one()),
        How::LastDays => format!("{subject} within last {} days", one()),
        How::NextDays => format!("{subject} within next {} days", one()),
        How::InMonth => format!("{subject} in month {}", one()),
        How::ThisMonth => format!("{subject} in this month"),
        How::Blank => format!("{subject} is blank"),
        How::Filled => format!("{subject} is not blank"),
    }
}

fn list(typed: &str) -> String {
    let parts = typed.split([',', '、', '，']).map(str::trim).filter(|p| !p.is_empty());
    parts.map(value).collect::<Vec<_>>().join(", ")
}
