//! What people are told of an update: two notices (before it: content, date, expected wait; after it: completion),
//! prepared as mails to those who use the house. Who sends them is the house; here are the words and who has got what.
//!
//! Reading order: `plan` (figures and words), this file, `rows`.

pub mod plan;
mod rows;

use crate::base::{By, Result, Time, ids::UserId};
use crate::store::{Deed, Schema, Store};
pub use rows::Told;

pub const SCHEMA: Schema = Schema { room: "update_notice", steps: &[FIRST] };

const FIRST: &str = "
CREATE TABLE update_notices (
    which TEXT NOT NULL,             -- before after
    about TEXT NOT NULL,             -- before: the version; after: the id of the update
    user INTEGER NOT NULL,
    at INTEGER NOT NULL,
    by TEXT NOT NULL,
    accepted INTEGER NOT NULL,       -- 0: the relay refused this one
    PRIMARY KEY (which, about, user)
) STRICT, WITHOUT ROWID;
";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Content, date, expected wait.
    Before,
    /// Completion, or that it was taken back, and why.
    After,
}

impl Which {
    pub fn name(self) -> &'static str {
        match self {
            Which::Before => "before",
            Which::After => "after",
        }
    }

    pub fn parse(name: &str) -> Option<Which> {
        [Which::Before, Which::After].into_iter().find(|w| w.name() == name)
    }
}

/// Who was sent a notice, and whether the relay took it.
pub fn record(
    store: &Store,
    (by, now): (&By, Time),
    (which, about): (Which, &str),
    outcomes: &[(UserId, bool)],
) -> Result<()> {
    let accepted = outcomes.iter().filter(|(_, ok)| *ok).count();
    let deed = Deed::new("notice.send", format!("{} {about} {accepted}/{}", which.name(), outcomes.len()));
    store.write(by, now, deed, |tx| {
        outcomes.iter().try_for_each(|(user, ok)| rows::add(tx, (which.name(), about), *user, (now, by, *ok)))
    })
}

/// When, by whom and to how many; `None` while nobody was told.
pub fn told(store: &Store, which: Which, about: &str) -> Result<Option<Told>> {
    store.read(|c| rows::told(c, which.name(), about))
}

/// Those whose mail the relay has taken: they are not told twice.
pub fn reached(store: &Store, which: Which, about: &str) -> Result<Vec<UserId>> {
    store.read(|c| rows::reached(c, which.name(), about))
}
