//! Refusals of the message itself that are not held against their recipients yet: as long as everybody is answered the
//! same, it may be the message or us. On disk these rows are as they were before.

use super::plan::{self, Doubt};
use super::row::Row;
use super::smtp::{Step, reply::Reply};

#[derive(Default)]
pub(super) struct Withheld {
    rows: Vec<Row>,
    /// The refusal that all of them got.
    answer: Option<(Step, Reply)>,
    /// Somebody's message was taken in this run, or a refusal of one was told to its recipient.
    heard_otherwise: bool,
}

/// What to do about a refusal.
pub(super) struct Judged {
    /// Refusals that turned out to be their recipients' own.
    pub(super) failed: Vec<Row>,
    /// Refusals that turned out to be nobody's: the run pauses.
    pub(super) paused: Vec<Row>,
}

impl Withheld {
    /// Of a run of which this many messages were taken before.
    pub(super) fn after(sent: u64) -> Withheld {
        Withheld { heard_otherwise: sent > 0, ..Withheld::default() }
    }

    /// `before` is the row as it was claimed, `failed` as it will be if the refusal is its own.
    pub(super) fn refused(&mut self, before: &Row, failed: Row, step: Step, reply: &Reply) -> Judged {
        let mut judged = Judged { failed: Vec::new(), paused: Vec::new() };
        if self.answer.as_ref().is_none_or(|(_, r)| (r.code, r.enhanced) != (reply.code, reply.enhanced)) {
            judged.failed = std::mem::take(&mut self.rows);
            self.answer = Some((step, reply.clone()));
        }
        match plan::doubt(before, reply, self.rows.len()) {
            Doubt::Believe => judged.failed.push(failed),
            Doubt::Withhold => self.rows.push(failed),
            Doubt::Pause => {
                judged.paused = std::mem::take(&mut self.rows);
                judged.paused.push(failed);
            }
        }
        self.heard_otherwise |= !judged.failed.is_empty();
        judged
    }

    /// Somebody's message was taken: they were their recipients' own.
    pub(super) fn believed(&mut self) -> Vec<Row> {
        self.heard_otherwise = true;
        std::mem::take(&mut self.rows)
    }

    /// Nobody is left who could be answered otherwise. With the refusal that all of them got if it is nobody's.
    pub(super) fn left(&mut self) -> (Judged, Option<(Step, Reply)>) {
        let rows = std::mem::take(&mut self.rows);
        match plan::last_doubt(rows.len(), self.heard_otherwise) {
            Doubt::Pause => (Judged { failed: Vec::new(), paused: rows }, self.answer.take()),
            Doubt::Believe | Doubt::Withhold => (Judged { failed: rows, paused: Vec::new() }, None),
        }
    }
}
