//! What happens to one row: pure. A row and what the house knows of that contact go in, one step comes out.

use super::read::Broken;
use crate::base::lang::Say;
use crate::contacts::value::{Misfit, Value};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// New contacts only.
    Add,
    /// Known contacts only.
    Update,
    /// New ones are added, known ones updated.
    #[default]
    Merge,
    /// The contacts that the file names are removed.
    Remove,
    /// As merge, and contacts that the file does not name are removed.
    Replace,
}

impl Mode {
    pub const ALL: [Mode; 5] = [Mode::Add, Mode::Update, Mode::Merge, Mode::Remove, Mode::Replace];

    pub fn name(self) -> &'static str {
        match self {
            Mode::Add => "add",
            Mode::Update => "update",
            Mode::Merge => "merge",
            Mode::Remove => "remove",
            Mode::Replace => "replace",
        }
    }

    pub fn parse(name: &str) -> Option<Mode> {
        Mode::ALL.into_iter().find(|m| m.name() == name)
    }

    /// Takes contacts away, so its counts come before its deed.
    pub fn removes(self) -> bool {
        matches!(self, Mode::Remove | Mode::Replace)
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blank {
    #[default]
    Keep,
    Clear,
}

/// Why a row was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    Broken(Broken),
    NoAddress,
    BadAddress,
    NoKey,
    /// The column's position.
    Misfit(usize, Misfit),
    /// A later row, by its number, is about the same contact.
    Repeated(u32),
    /// It lost to a later row in the import that wrote this file of rejected rows, and nobody has decided otherwise.
    Superseded,
    Known,
    Unknown,
    /// Several contacts share this address.
    Shared,
}

impl Reason {
    /// Names the column, never the value.
    pub fn says(self, headers: &[String]) -> Say {
        let column = |at: usize| headers.get(at).map_or("", String::as_str);
        match self {
            Reason::Broken(Broken::TooManyCells) => say!("列の数が見出しより多い", "more cells than columns"),
            Reason::Broken(Broken::QuoteLeftOpen) => say!("引用符が閉じていない", "a quote is never closed"),
            Reason::Broken(Broken::Undecodable(at)) => {
                let name = column(at);
                say!("「{name}」の文字コードが正しくない", "{name} has bytes that this encoding lacks")
            }
            Reason::NoAddress => say!("メールアドレスが空", "no mail address"),
            Reason::BadAddress => say!("メールアドレスの形が正しくない", "not a mail address"),
            Reason::NoKey => say!("識別する列が空", "the identifying column is blank"),
            Reason::Misfit(at, why) => misfit(column(at), why),
            Reason::Repeated(row) => {
                say!("{row} 行目と同じ連絡先（後の行を採用）", "row {row} is about the same contact and wins")
            }
            Reason::Superseded => say!(
                "前の取り込みで後の行を採用した（取り込むには、この理由を消す）",
                "a later row won in an earlier import (empty this reason to take this one)"
            ),
            Reason::Known => say!("登録済み（追加のみの取り込み）", "known already, and this import only adds"),
            Reason::Unknown => say!("登録されていない", "no such contact"),
            Reason::Shared => say!("同じアドレスの連絡先が複数ある", "several contacts share this address"),
        }
    }

    /// Whether a cell is a reason that an import once wrote into its file of rejected rows.
    pub(super) fn wrote(cell: &str) -> bool {
        let misfits = [Misfit::NotNumber, Misfit::NotDate, Misfit::NotBool, Misfit::NotChoice, Misfit::TooLong];
        let broken = [Broken::TooManyCells, Broken::QuoteLeftOpen, Broken::Undecodable(0)];
        let plain =
            [Reason::NoAddress, Reason::BadAddress, Reason::NoKey, Reason::Known, Reason::Unknown, Reason::Shared];
        let mut all = broken.map(Reason::Broken).into_iter().chain(misfits.map(|m| Reason::Misfit(0, m))).chain(plain);
        Reason::wrote_of_a_loser(cell) || all.any(|r| r.stands_in(cell))
    }

    /// Whether a cell says that another row was taken instead.
    pub(super) fn wrote_of_a_loser(cell: &str) -> bool {
        [Reason::Repeated(u32::MAX), Reason::Superseded].into_iter().any(|r| r.stands_in(cell))
    }

    /// In either language, whatever column or row it is about.
    fn stands_in(self, cell: &str) -> bool {
        const ANY: &str = "\0";
        let Say { ja, en } = self.says(&[ANY.to_owned()]);
        [ja, en].into_iter().map(|s| s.replace(&u32::MAX.to_string(), ANY)).any(|s| match s.split_once(ANY) {
            None => s == cell,
            Some((before, after)) => cell.strip_prefix(before).is_some_and(|rest| rest.ends_with(after)),
        })
    }

    /// One word for scripts.
    pub fn name(self) -> &'static str {
        match self {
            Reason::Broken(Broken::TooManyCells) => "too_many_cells",
            Reason::Broken(Broken::QuoteLeftOpen) => "quote_left_open",
            Reason::Broken(Broken::Undecodable(_)) => "undecodable",
            Reason::NoAddress => "no_address",
            Reason::BadAddress => "bad_address",
            Reason::NoKey => "no_key",
            Reason::Misfit(..) => "misfit",
            Reason::Repeated(_) => "repeated",
            Reason::Superseded => "superseded",
            Reason::Known => "known",
            Reason::Unknown => "unknown",
            Reason::Shared => "shared",
        }
    }
}

fn misfit(name: &str, why: Misfit) -> Say {
    match why {
        Misfit::NotNumber => say!("「{name}」が数値ではない", "{name} is not a number"),
        Misfit::NotDate => say!("「{name}」が日付ではない", "{name} is not a date"),
        Misfit::NotBool => say!("「{name}」が はい／いいえ ではない", "{name} is not yes or no"),
        Misfit::NotChoice => say!("「{name}」が選択肢にない", "{name} is not one of the choices"),
        Misfit::TooLong => say!("「{name}」が長すぎる", "{name} is too long"),
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(in crate::contacts) enum Cell {
    /// The row ended before this column: says nothing, not even a blank.
    Missing,
    Blank,
    Filled(Value),
}

/// A row that reads well.
#[derive(Clone, Debug)]
pub(in crate::contacts) struct Entry<'a> {
    pub(in crate::contacts) row: u32,
    pub(in crate::contacts) hash: [u8; 16],
    /// Empty where the row names its contact by key alone.
    pub(in crate::contacts) email: &'a str,
    /// Normalised; empty where addresses identify.
    pub(in crate::contacts) key: &'a str,
    /// In the order of the mapping's attributes.
    pub(in crate::contacts) cells: Vec<Cell>,
    pub(in crate::contacts) tags: Vec<&'a str>,
    /// What a search will compare, should this become a new contact.
    pub(in crate::contacts) search: String,
}

/// What the house knows of a contact, as far as the file speaks of it.
#[derive(Clone, Debug)]
pub(in crate::contacts) struct Current {
    pub(in crate::contacts) id: i64,
    pub(in crate::contacts) email: String,
    pub(in crate::contacts) key: Option<String>,
    pub(in crate::contacts) values: Vec<Option<Value>>,
    /// Which of the import's tags are missing, by position.
    pub(in crate::contacts) untagged: Vec<usize>,
    /// Which of the row's own tags are missing, by position.
    pub(in crate::contacts) row_untagged: Vec<usize>,
    /// The import's consent would be news: nothing is refused, and the same is not on record.
    pub(in crate::contacts) agrees: bool,
}

#[derive(Clone, Debug)]
pub(in crate::contacts) enum Found {
    Nobody,
    One(Current),
    Several,
}

#[derive(Clone, Debug, PartialEq)]
pub(in crate::contacts) enum Step {
    New,
    Change(Change),
    Same,
    Remove,
    Reject(Reason),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::contacts) struct Change {
    pub(in crate::contacts) email: bool,
    pub(in crate::contacts) key: bool,
    /// Positions of attributes and what they become.
    pub(in crate::contacts) values: Vec<(usize, Option<Value>)>,
    pub(in crate::contacts) consent: bool,
}

/// How the whole import was ordered.
#[derive(Clone, Copy, Debug)]
pub(in crate::contacts) struct Rules {
    pub(in crate::contacts) mode: Mode,
    pub(in crate::contacts) blank: Blank,
}

pub(in crate::contacts) fn decide(entry: &Entry<'_>, found: &Found, rules: Rules) -> Step {
    match (rules.mode, found) {
        (_, Found::Several) => Step::Reject(Reason::Shared),
        (Mode::Update | Mode::Remove, Found::Nobody) => Step::Reject(Reason::Unknown),
        (Mode::Add | Mode::Merge | Mode::Replace, Found::Nobody) if entry.email.is_empty() => {
            Step::Reject(Reason::NoAddress)
        }
        (Mode::Add | Mode::Merge | Mode::Replace, Found::Nobody) => Step::New,
        (Mode::Add, Found::One(_)) => Step::Reject(Reason::Known),
        (Mode::Remove, Found::One(_)) => Step::Remove,
        (Mode::Update | Mode::Merge | Mode::Replace, Found::One(current)) => differ(entry, current, rules),
    }
}

fn differ(entry: &Entry<'_>, current: &Current, rules: Rules) -> Step {
    let becomes = |(at, cell): (usize, &Cell)| match cell {
        Cell::Missing => None,
        Cell::Blank if rules.blank == Blank::Keep || current.values[at].is_none() => None,
        Cell::Blank => Some((at, None)),
        Cell::Filled(v) if current.values[at].as_ref() == Some(v) => None,
        Cell::Filled(v) => Some((at, Some(v.clone()))),
    };
    let change = Change {
        email: !entry.email.is_empty() && entry.email != current.email,
        key: !entry.key.is_empty() && current.key.as_deref() != Some(entry.key),
        values: entry.cells.iter().enumerate().filter_map(becomes).collect(),
        consent: current.agrees,
    };
    let tagged = current.untagged.is_empty() && current.row_untagged.is_empty();
    match change == Change::default() && tagged {
        true => Step::Same,
        false => Step::Change(change),
    }
}

/// What an import came to. `new + changed + same + rejected = rows`, whenever it is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub rows: u64,
    pub new: u64,
    /// Contacts that the file changed; with `remove`, contacts that it removed.
    pub changed: u64,
    pub same: u64,
    pub rejected: u64,
    /// Contacts that are gone: named by the file (`remove`) or not named by it (`replace`).
    pub removed: u64,
    /// Rows rejected because a later one is about the same contact.
    pub duplicates: u64,
    /// Rows whose address is on the do-not-send list: taken, and not mailed.
    pub suppressed: u64,
}

impl Counts {
    pub(in crate::contacts) fn count(&mut self, step: &Step) {
        self.rows += 1;
        match step {
            Step::New => self.new += 1,
            Step::Change(_) => self.changed += 1,
            Step::Same => self.same += 1,
            Step::Remove => {
                self.changed += 1;
                self.removed += 1;
            }
            Step::Reject(reason) => {
                self.rejected += 1;
                self.duplicates += u64::from(matches!(reason, Reason::Repeated(_)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(cells: Vec<Cell>) -> Entry<'static> {
        Entry { row: 2, hash: [0; 16], email: "a@example.jp", key: "", cells, tags: Vec::new(), search: String::new() }
    }

    fn one(value: Option<&str>) -> Found {
        Found::One(Current {
            id: 1,
            email: "a@example.jp".into(),
            key: None,
            values: vec![value.map(|v| Value::Text(v.into()))],
            untagged: Vec::new(),
            row_untagged: Vec::new(),
            agrees: false,
        })
    }

    fn filled(v: &str) -> Cell {
        Cell::Filled(Value::Text(v.into()))
    }

    fn to(v: Option<&str>) -> Step {
        Step::Change(Change { values: vec![(0, v.map(|v| Value::Text(v.into())))], ..Change::default() })
    }

    #[test]
    fn each_mode_takes_each_row_as_it_says() {
        use Mode::{Add, Merge, Remove, Replace, Update};
        let keep = |mode| Rules { mode, blank: Blank::Keep };
        for (mode, found, want) in [
            (Add, Found::Nobody, Step::New),
            (Add, one(None), Step::Reject(Reason::Known)),
            (Update, Found::Nobody, Step::Reject(Reason::Unknown)),
            (Update, one(Some("old")), to(Some("new"))),
            (Merge, Found::Nobody, Step::New),
            (Merge, one(Some("new")), Step::Same),
            (Merge, Found::Several, Step::Reject(Reason::Shared)),
            (Replace, one(None), to(Some("new"))),
            (Remove, one(None), Step::Remove),
            (Remove, Found::Nobody, Step::Reject(Reason::Unknown)),
        ] {
            assert_eq!(decide(&entry(vec![filled("new")]), &found, keep(mode)), want, "{mode:?} {found:?}");
        }
    }

    #[test]
    fn a_blank_keeps_unless_told_to_clear_and_a_cell_that_is_not_there_says_nothing() {
        for (blank, cell, want) in [
            (Blank::Keep, Cell::Blank, Step::Same),
            (Blank::Clear, Cell::Blank, to(None)),
            (Blank::Clear, Cell::Missing, Step::Same),
        ] {
            let rules = Rules { mode: Mode::Merge, blank };
            assert_eq!(decide(&entry(vec![cell]), &one(Some("x")), rules), want);
        }
    }
}
