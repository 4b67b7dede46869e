//! Import: a file of contacts becomes contacts, every row accounted for, and all of it can be undone.
//!
//! Reading order: `read` (the file: `intake`, `encoding`, `sheet`), `map` (its columns: `headers`), `plan` (what
//! happens to one row), `stage` (the first pass: each row by itself), `run` (the second: in batches into the books),
//! `undo`.
//!
//! Decided: rows that repeat a contact are rejected in favour of the last one, and listed. A contact that a
//! `replace` finds named only by rejected rows stays. Of a row that names nobody known, `update` and `remove` say so.

mod encoding;
mod headers;
mod intake;
pub mod map;
pub mod plan;
mod read;
mod run;
mod sheet;
mod stage;
#[cfg(test)]
mod tests;
mod undo;

pub use encoding::Encoding;
pub use map::Wishes;
pub use plan::{Blank, Counts, Mode, Reason};
pub use read::{Broken, Format, Hints, Layout, Rows, Source};
pub use run::{dry_run, mapping, run};
pub use undo::{Undone, forget, mark_stopped, undo};

use super::consent::Basis;
use super::rows;
use crate::base::lang::{Lang, Say};
use crate::base::{
    Error, Kind, Result, Time,
    ids::{ImportId, TopicId},
};
use crate::store::Store;
use serde::{Deserialize, Serialize};

/// What an import is asked to do.
#[derive(Clone, Debug, Default)]
pub struct Order {
    pub mode: Mode,
    pub blank: Blank,
    pub wishes: Wishes,
    pub tags: Vec<String>,
    pub consent: Option<Consent>,
    /// Of the reasons in the error file.
    pub lang: Lang,
    /// Somebody has seen the counts of an import that removes.
    pub confirmed: bool,
}

/// What everybody in the file has agreed to. It never lifts a refusal, and says nothing twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    /// The default topic if none.
    pub topic: Option<TopicId>,
    pub basis: Basis,
    /// Where: 店頭, a form's address.
    pub source: String,
    /// The exact words that were shown.
    pub wording: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Running,
    Done,
    /// It ended before its last row: on request, or because its process did. What it did stands and can be undone.
    Stopped,
    Undone,
}

impl State {
    pub fn name(self) -> &'static str {
        match self {
            State::Running => "running",
            State::Done => "done",
            State::Stopped => "stopped",
            State::Undone => "undone",
        }
    }

    pub(super) fn parse(name: &str) -> Option<State> {
        [State::Running, State::Done, State::Stopped, State::Undone].into_iter().find(|s| s.name() == name)
    }
}

/// A past (or running) import.
#[derive(Clone, Debug)]
pub struct Import {
    pub id: ImportId,
    pub at: Time,
    pub by: String,
    pub state: State,
    pub mode: Mode,
    pub counts: Counts,
}

/// What an import came to, or would.
#[derive(Clone, Debug)]
pub struct Report {
    /// None for a dry run.
    pub import: Option<ImportId>,
    pub counts: Counts,
    pub stopped: bool,
    /// The first rejected rows.
    pub problems: Vec<Problem>,
    pub mapping: map::Mapping,
}

#[derive(Clone, Debug)]
pub struct Problem {
    /// As a spreadsheet counts: the header is row 1.
    pub row: u32,
    pub name: &'static str,
    pub says: Say,
}

impl Report {
    /// The documented object; `errors_file` is known to whoever opened it.
    pub fn to_json(&self, lang: Lang, errors_file: Option<&str>) -> serde_json::Value {
        let n = &self.counts;
        let column = |c: &map::Column| {
            let to = match c.target {
                map::Target::Email => "email",
                map::Target::Tags => "tags",
                map::Target::Nothing => "",
                map::Target::Attribute(at) => &self.mapping.attributes[at].key,
            };
            let wanted = match c.target {
                map::Target::Attribute(at) => Some(&self.mapping.attributes[at]),
                map::Target::Email | map::Target::Tags | map::Target::Nothing => None,
            };
            serde_json::json!({
                "column": c.header, "key": to, "type": wanted.map(|w| w.kind), "new": wanted.is_some_and(|w| w.id == 0),
                "label": wanted.map(|w| w.label.as_str()),
            })
        };
        let problem = |p: &Problem| serde_json::json!({"row": p.row, "reason": p.name, "message": p.says.to(lang)});
        serde_json::json!({
            "import": self.import, "rows": n.rows, "new": n.new, "changed": n.changed, "same": n.same,
            "rejected": n.rejected, "errors_file": errors_file, "removed": n.removed, "duplicates": n.duplicates,
            "suppressed": n.suppressed, "stopped": self.stopped, "dry_run": self.import.is_none(),
            "columns": self.mapping.columns.iter().map(column).collect::<Vec<_>>(),
            "problems": self.problems.iter().map(problem).collect::<Vec<_>>(),
        })
    }
}

/// Newest first.
pub fn list(store: &Store, before: Option<ImportId>, most: usize) -> Result<Vec<Import>> {
    store.read(|c| rows::imports::list(c, before, most))
}

pub fn find(store: &Store, id: ImportId) -> Result<Import> {
    let found = store.read(|c| rows::imports::find(c, id))?;
    found.ok_or_else(|| Error::missing(say!("取り込み {id} はありません。", "There is no import {id}.")))
}

fn stopped() -> Error {
    Error::new(
        Kind::Stopped,
        say!(
            "取り込みを始める前に中止しました。何も変わっていません。",
            "Stopped before the import began. Nothing has changed."
        ),
    )
}
