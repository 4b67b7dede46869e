//! What a segment says, as a tree: names are known and types fit; dates may still be relative.

use crate::base::{Say, ids::CampaignId};
use crate::contacts::segment::print;
use jiff::civil::Date;
use std::fmt;

#[derive(Clone, Debug, PartialEq)]
pub(in crate::contacts) enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Is(Term),
}

/// A thing by its number, with the name that prints it.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::contacts) struct Named {
    pub(in crate::contacts) id: i64,
    pub(in crate::contacts) name: String,
}

#[derive(Clone, Debug, PartialEq)]
pub(in crate::contacts) enum Term {
    /// Carries one of the tags.
    Tag(Vec<Named>),
    Agreed(Named),
    Refused(Named),
    Suppressed,
    /// One of these happened in that campaign (`None`: in any); an empty list: anything at all.
    Result(Option<CampaignId>, Vec<Outcome>),
    Email(TextOp, Vec<String>),
    Moment(Moment, DateTest),
    Filled(Named),
    Text(Named, TextOp, Vec<String>),
    Number(Named, Compare, Vec<f64>),
    Date(DateOf, DateTest),
    Age(Named, Compare, Vec<i64>),
    Flag(Named, bool),
    Has(Named, Vec<String>),
}

/// A date attribute; `birthday` reads `within` as the day's return each year.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::contacts) struct DateOf {
    pub(in crate::contacts) attr: Named,
    pub(in crate::contacts) birthday: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::contacts) enum Moment {
    Created,
    Changed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::contacts) enum TextOp {
    Equal,
    Contains,
    Starts,
    Ends,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::contacts) enum Compare {
    Equal,
    Less,
    AtMost,
    More,
    AtLeast,
}

impl Compare {
    /// As a segment and SQL alike write it.
    pub(in crate::contacts) fn sign(self) -> &'static str {
        match self {
            Compare::Equal => "=",
            Compare::Less => "<",
            Compare::AtMost => "<=",
            Compare::More => ">",
            Compare::AtLeast => ">=",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(in crate::contacts) enum DateTest {
    Compare(Compare, Day),
    Month(i8),
    In(Which, Period),
    Within(Side, Length),
}

#[derive(Clone, Debug, PartialEq)]
pub(in crate::contacts) enum Day {
    On(Date),
    Today,
    /// Forward when positive.
    Away(i32, Unit),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::contacts) enum Which {
    Last,
    This,
    Next,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::contacts) enum Period {
    Month,
    Year,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::contacts) enum Side {
    Last,
    Next,
    Either,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::contacts) struct Length {
    pub(in crate::contacts) count: i32,
    pub(in crate::contacts) unit: Unit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::contacts) enum Unit {
    Day,
    Week,
    Month,
    Year,
}

/// What a ledger says of a recipient in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    Sent,
    Deferred,
    Bounced,
    Suppressed,
    InDoubt,
    Cancelled,
    Expired,
    Failed,
}

impl Outcome {
    pub const ALL: [Outcome; 8] = [
        Outcome::Sent,
        Outcome::Deferred,
        Outcome::Bounced,
        Outcome::Suppressed,
        Outcome::InDoubt,
        Outcome::Cancelled,
        Outcome::Expired,
        Outcome::Failed,
    ];

    /// In the books and in a segment.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Sent => "sent",
            Outcome::Deferred => "deferred",
            Outcome::Bounced => "bounced",
            Outcome::Suppressed => "suppressed",
            Outcome::InDoubt => "in_doubt",
            Outcome::Cancelled => "cancelled",
            Outcome::Expired => "expired",
            Outcome::Failed => "failed",
        }
    }

    pub fn ja(self) -> &'static str {
        match self {
            Outcome::Sent => "受理",
            Outcome::Deferred => "保留",
            Outcome::Bounced => "不達",
            Outcome::Suppressed => "停止",
            Outcome::InDoubt => "結果不明",
            Outcome::Cancelled => "中止",
            Outcome::Expired => "期限切れ",
            Outcome::Failed => "失敗",
        }
    }

    pub fn title(self) -> Say {
        let en = self.name().replace('_', " ");
        Say::new(self.ja(), en)
    }

    pub fn parse(word: &str) -> Option<Outcome> {
        Outcome::ALL
            .into_iter()
            .find(|o| o.name() == word || o.ja() == word || (*o == Outcome::Sent && word == "送信済み"))
    }
}

impl Node {
    /// Nested `and`s are one list; a list of one is that one. An empty list is everybody.
    pub(in crate::contacts) fn all(parts: Vec<Node>) -> Node {
        Node::list(parts, Node::All, |n| match n {
            Node::All(inner) => Ok(inner),
            other => Err(other),
        })
    }

    pub(in crate::contacts) fn any(parts: Vec<Node>) -> Node {
        Node::list(parts, Node::Any, |n| match n {
            Node::Any(inner) => Ok(inner),
            other => Err(other),
        })
    }

    pub(in crate::contacts) fn not(inner: Node) -> Node {
        Node::Not(Box::new(inner))
    }

    fn list(parts: Vec<Node>, make: fn(Vec<Node>) -> Node, open: fn(Node) -> Result<Vec<Node>, Node>) -> Node {
        let mut flat = Vec::with_capacity(parts.len());
        for part in parts {
            match open(part) {
                Ok(inner) => flat.extend(inner),
                Err(one) => flat.push(one),
            }
        }
        match flat.len() {
            1 => flat.remove(0),
            _ => make(flat),
        }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print::node(f, self)
    }
}
