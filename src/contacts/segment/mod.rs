//! Segments: a sentence that picks contacts.
//!
//! ```text
//! tag:2026秋 and not (都道府県 in (東京都, 大阪府)) and 年齢 >= 30
//! ```
//!
//! Conditions are joined by `and`, `or`, `not` and brackets (`かつ`, `または`, and `でない` after a condition); `and`
//! binds tighter than `or`. An empty segment is everybody. What is about:
//!
//! - a tag: `tag:会員`, `tag:"two words"`, `tag in (a, b)`
//! - an attribute, by label or key, in quotes where it is no plain word (`"お名前（漢字）" starts 山`, `attr:age > 3`):
//!   any kind `is blank`, `is not blank`; text and choice `=`, `!=`, `in (…)`, `not in (…)`, `contains`, `starts`, `ends`;
//!   number `=`, `!=`, `<`, `<=`, `>`, `>=`, `in (…)`, `30以上`; yes/no `= yes`, `= no`, or its name alone; several
//!   choices `has x`, `has (x, y)`, `in (x, y)`
//! - a date: `>= 2026-11-01`, `= today`, `< 30 days ago`, `in month 11`, `in this month`, `in last year`,
//!   `within last 30 days`, `within next 2 weeks`, `within 30 days` (either side of today), `過去30日`, `今月`
//! - a birthday (a date whose label says so): `in this month` and `within` mean its return each year
//! - an age: `age(誕生日) >= 20`; `年齢` alone where there is no attribute of that name and one birthday
//! - the contact itself: `created`, `changed` (as dates), `email` (as text); with `@` in front where an attribute has
//!   the same name
//! - consent: `consent:topic`, `refused:topic`, `suppressed` (on the do-not-send list)
//! - earlier results: `result:c12 = sent`, `result:any in (bounced, failed)`, `result:c12 is blank`
//!
//! Each condition is true or false of everybody: a blank value makes it false, and `!=` is the denial of `=`. Text is
//! compared whole, A to Z without case. Days are days in Japan. February 29 is February 28 in a common year.
//! Full-width brackets, operators and digits are read like narrow ones.
//!
//! Reading order: `lex`, `names`, `term` (the tree), `parse`, `condition`, `when`, `print` (back into text), `plan`
//! (dates made fixed, on a given day), then `rows/segment.rs`, which asks the books. Saved segments are in `saved`.
//!
//! **Invariant:** what `print` writes reads back as the same tree. **Invariant:** no typed text becomes part of SQL.
//! **Invariant:** a name that is unknown is a mistake, never nobody: `not tag:typo` must not reach everybody.

pub mod compose;
mod condition;
mod lex;
mod names;
mod parse;
pub(super) mod plan;
mod print;
mod saved;
pub(super) mod term;
mod when;

#[cfg(test)]
pub(super) mod tests;

pub use saved::{Saved, change, delete, list, load, meant, save};
pub use term::Outcome;

use super::attribute::{Attribute, Catalog};
use super::refusal::{Facts, Reaches};
use super::rows;
use super::search;
use super::value::Type;
use crate::base::{
    Error, Lang, Result, Say, Time, clock,
    ids::{ContactId, TopicId},
};
use crate::store::Store;
use plan::Pick;
use term::{Named, Node};

/// The names that a segment may use.
#[derive(Clone, Debug, Default)]
pub struct Words {
    pub(super) catalog: Catalog,
    pub(super) tags: Vec<Named>,
    pub(super) topics: Vec<Named>,
}

impl Words {
    pub fn read(store: &Store) -> Result<Words> {
        store.read(rows::segment::words)
    }

    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    pub fn tags(&self) -> impl Iterator<Item = &str> {
        self.tags.iter().map(|t| t.name.as_str())
    }

    /// Date attributes that a birthday stands in.
    pub fn birthdays(&self) -> impl Iterator<Item = &Attribute> {
        self.catalog.attributes.iter().filter(|a| a.kind == Type::Date && is_birthday(&a.label))
    }
}

/// A segment that makes sense in this house.
#[derive(Clone, Debug)]
pub struct Segment {
    text: String,
    node: Node,
}

/// What is wrong in a segment, and where.
#[derive(Clone, Debug, PartialEq)]
pub struct Mistake {
    /// The character it is about, from 0.
    pub at: usize,
    /// What was expected there.
    pub says: Say,
    /// The name that was probably meant.
    pub near: Option<String>,
}

impl Segment {
    /// Everybody.
    pub fn everybody() -> Segment {
        Segment { text: String::new(), node: Node::All(Vec::new()) }
    }

    pub fn parse(text: &str, words: &Words) -> Result<Segment> {
        Segment::check(text, words).map_err(|mistake| mistake.error(text))
    }

    /// As `parse`, with the mistake itself, for a page that marks the place.
    pub fn check(text: &str, words: &Words) -> Result<Segment, Mistake> {
        Ok(Segment { text: text.trim().to_owned(), node: parse::parse(text, words)? })
    }

    /// As typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn is_everybody(&self) -> bool {
        self.node == Node::All(Vec::new())
    }

    fn pick(&self, now: Time) -> Pick {
        plan::fix(&self.node, now, &clock::japan())
    }
}

/// Reads a segment with the names of this house.
pub fn read(store: &Store, text: &str) -> Result<Segment> {
    Segment::parse(text, &Words::read(store)?)
}

/// How many contacts it picks.
pub fn count(store: &Store, segment: &Segment, now: Time) -> Result<u64> {
    let pick = segment.pick(now);
    store.read(|c| rows::segment::count(c, &pick))
}

/// The next contacts after `after` (`ContactId(0)`: from the beginning), by id.
pub fn page(store: &Store, segment: &Segment, now: Time, after: ContactId, most: usize) -> Result<Vec<ContactId>> {
    let pick = segment.pick(now);
    store.read(|c| rows::segment::page(c, &pick, after, most))
}

/// The newest contacts below `before` that it picks and whose search text holds `text`; a list for a person.
pub fn newest(store: &Store, segment: &Segment, now: Time, wanted: &Wanted<'_>) -> Result<Vec<ContactId>> {
    let pick = segment.pick(now);
    let wanted = Wanted { text: &search::normalised(wanted.text.trim()), ..*wanted };
    store.read(|c| rows::segment::newest(c, &pick, &wanted))
}

/// Which part of a list.
pub struct Wanted<'a> {
    /// Looked for in addresses, keys and names, however they are spelled; empty: anything.
    pub text: &'a str,
    pub before: Option<ContactId>,
    pub most: usize,
}

pub fn contains(store: &Store, segment: &Segment, now: Time, contact: ContactId) -> Result<bool> {
    let pick = segment.pick(now);
    store.read(|c| rows::segment::contains(c, &pick, contact))
}

/// How those it picks stand towards a topic, and how many of each. With `reached`, an address counts once.
pub(super) fn standing(
    store: &Store,
    segment: &Segment,
    now: Time,
    (topic, reached): (TopicId, Reaches<'_>),
) -> Result<Vec<(Facts, u64)>> {
    let pick = segment.pick(now);
    store.read(|c| rows::consent::tally(c, &pick, topic, reached))
}

/// A value or a name as it must stand in a segment: quoted where it would be read as something else.
pub fn quoted(text: &str) -> String {
    print::value(text)
}

/// A date that returns each year.
pub(super) fn is_birthday(label: &str) -> bool {
    let label = lex::fold(label);
    ["誕生日", "生年月日", "birth", "バースデー"].iter().any(|word| label.contains(word))
}

impl Mistake {
    fn new(at: usize, says: Say) -> Mistake {
        Mistake { at, says, near: None }
    }

    fn near(mut self, name: Option<&str>) -> Mistake {
        self.near = name.map(str::to_owned);
        self
    }

    /// With the name that was probably meant.
    pub fn sentence(&self) -> Say {
        let Say { ja, en } = &self.says;
        match &self.near {
            Some(near) => say!("{ja}「{near}」のことですか。", "{en} Did you mean {near}?"),
            None => self.says.clone(),
        }
    }

    /// The text around the mistake and, in the line below, a mark under the place.
    pub fn caret(&self, text: &str) -> String {
        let chars: Vec<char> = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let from = self.at.saturating_sub(AROUND);
        let to = (self.at + AROUND).min(chars.len());
        let line: String = chars.get(from..to).unwrap_or_default().iter().collect();
        // A wide character takes two columns of a terminal; an ideographic space is as wide.
        let pad = |c: &char| if c.is_ascii() || ('\u{ff61}'..='\u{ff9f}').contains(c) { ' ' } else { '\u{3000}' };
        let before: String = chars.get(from..self.at.min(chars.len())).unwrap_or_default().iter().map(pad).collect();
        format!("{line}\n{before}^")
    }

    /// The place and the sentence are in the message; the typed text, which may name a person, only in the hint.
    fn error(&self, text: &str) -> Error {
        let (column, Say { ja, en }) = (self.at + 1, self.sentence());
        let caret = self.caret(text);
        Error::refused(say!("絞り込みの {column} 文字目: {ja}", "Segment, character {column}: {en}"))
            .hint(say!("\n{caret}", "\n{caret}"))
    }

    pub fn to(&self, lang: Lang) -> String {
        self.sentence().to(lang).to_owned()
    }
}

/// Characters shown on each side of a mistake.
const AROUND: usize = 36;
