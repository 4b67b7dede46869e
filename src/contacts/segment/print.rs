//! A tree back into text: what the builder in the web UI writes, and what reads back as the same tree.

use super::lex::{is_plain_word, narrow};
use super::names;
use super::term::{Compare, DateTest, Day, Length, Moment, Named, Node, Period, Side, Term, TextOp, Unit, Which};
use std::fmt::{Formatter, Result};

pub(super) fn node(f: &mut Formatter<'_>, node: &Node) -> Result {
    match node {
        Node::All(parts) => list(f, parts, " and "),
        Node::Any(parts) => list(f, parts, " or "),
        Node::Not(inner) => {
            f.write_str("not ")?;
            part(f, inner)
        }
        Node::Is(term) => self::term(f, term),
    }
}

fn list(f: &mut Formatter<'_>, parts: &[Node], between: &str) -> Result {
    for (n, one) in parts.iter().enumerate() {
        if n > 0 {
            f.write_str(between)?;
        }
        part(f, one)?;
    }
    Ok(())
}

fn part(f: &mut Formatter<'_>, one: &Node) -> Result {
    match one {
        Node::All(_) | Node::Any(_) => {
            f.write_str("(")?;
            node(f, one)?;
            f.write_str(")")
        }
        Node::Not(_) | Node::Is(_) => node(f, one),
    }
}

fn term(f: &mut Formatter<'_>, term: &Term) -> Result {
    match term {
        Term::Tag(tags) => match tags.as_slice() {
            [one] => write!(f, "tag:{}", value(&one.name)),
            many => write!(f, "tag in ({})", joined(many.iter().map(|t| t.name.as_str()))),
        },
        Term::Agreed(topic) => write!(f, "consent:{}", value(&topic.name)),
        Term::Refused(topic) => write!(f, "refused:{}", value(&topic.name)),
        Term::Suppressed => f.write_str("suppressed"),
        Term::Result(campaign, outcomes) => {
            let campaign = campaign.map_or("any".to_owned(), |c| c.to_string());
            match outcomes.as_slice() {
                [] => write!(f, "result:{campaign} is not blank"),
                [one] => write!(f, "result:{campaign} = {}", one.name()),
                many => write!(f, "result:{campaign} in ({})", joined(many.iter().map(|o| o.name()))),
            }
        }
        Term::Email(op, list) => text(f, "@email", *op, list),
        Term::Moment(Moment::Created, test) => write!(f, "@created {}", date(test)),
        Term::Moment(Moment::Changed, test) => write!(f, "@changed {}", date(test)),
        Term::Filled(a) => write!(f, "{} is not blank", attribute(a)),
        Term::Text(a, op, list) => text(f, &attribute(a), *op, list),
        Term::Number(a, op, list) => numbers(f, &attribute(a), *op, list),
        Term::Date(d, test) => write!(f, "{} {}", attribute(&d.attr), date(test)),
        Term::Age(a, op, list) => numbers(f, &format!("age({})", attribute(a)), *op, list),
        Term::Flag(a, true) => write!(f, "{} = yes", attribute(a)),
        Term::Flag(a, false) => write!(f, "{} = no", attribute(a)),
        Term::Has(a, list) => match list.as_slice() {
            [one] => write!(f, "{} has {}", attribute(a), value(one)),
            many => write!(f, "{} in ({})", attribute(a), joined(many.iter().map(String::as_str))),
        },
    }
}

fn text(f: &mut Formatter<'_>, of: &str, op: TextOp, list: &[String]) -> Result {
    let op = match op {
        TextOp::Equal => "=",
        TextOp::Contains => "contains",
        TextOp::Starts => "starts",
        TextOp::Ends => "ends",
    };
    match list {
        [one] => write!(f, "{of} {op} {}", value(one)),
        many if op == "=" => write!(f, "{of} in ({})", joined(many.iter().map(String::as_str))),
        many => write!(f, "{of} {op} ({})", joined(many.iter().map(String::as_str))),
    }
}

fn numbers<N: std::fmt::Display>(f: &mut Formatter<'_>, of: &str, op: Compare, list: &[N]) -> Result {
    match list {
        [one] => write!(f, "{of} {} {one}", op.sign()),
        many => {
            let many: Vec<String> = many.iter().map(N::to_string).collect();
            write!(f, "{of} in ({})", many.join(", "))
        }
    }
}

fn date(test: &DateTest) -> String {
    match test {
        DateTest::Compare(op, day) => format!("{} {}", op.sign(), self::day(day)),
        DateTest::Month(month) => format!("in month {month}"),
        DateTest::In(which, period) => {
            let which = match which {
                Which::Last => "last",
                Which::This => "this",
                Which::Next => "next",
            };
            let period = match period {
                Period::Month => "month",
                Period::Year => "year",
            };
            format!("in {which} {period}")
        }
        DateTest::Within(side, length) => {
            let side = match side {
                Side::Last => "last ",
                Side::Next => "next ",
                Side::Either => "",
            };
            format!("within {side}{}", self::length(*length))
        }
    }
}

fn day(day: &Day) -> String {
    match day {
        Day::On(date) => date.to_string(),
        Day::Today => "today".to_owned(),
        Day::Away(n, unit) if *n < 0 => format!("{} ago", length(Length { count: -n, unit: *unit })),
        Day::Away(n, unit) => format!("{} ahead", length(Length { count: *n, unit: *unit })),
    }
}

fn length(length: Length) -> String {
    let unit = match length.unit {
        Unit::Day => "days",
        Unit::Week => "weeks",
        Unit::Month => "months",
        Unit::Year => "years",
    };
    format!("{} {unit}", length.count)
}

fn joined<'a>(values: impl Iterator<Item = &'a str>) -> String {
    values.map(value).collect::<Vec<_>>().join(", ")
}

/// An attribute's name where a condition begins: what the language itself uses there is quoted.
fn attribute(named: &Named) -> String {
    name(&named.name)
}

pub(super) fn name(label: &str) -> String {
    match is_plain_word(label) && !names::is_taken(label) {
        true => label.to_owned(),
        false => quote(label),
    }
}

/// A value as it must stand in a segment: quoted where it would be read as something else.
pub(super) fn value(text: &str) -> String {
    match is_plain_word(text) && !names::is_taken(text) {
        true => text.to_owned(),
        false => quote(text),
    }
}

fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        if c == '\\' || narrow(c) == '"' {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}
