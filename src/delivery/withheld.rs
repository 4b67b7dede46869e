//! Refusals of the message itself that are not held against their recipients yet: as long as everybody is answered the
//! same, it may be the message or us. On disk these rows are as they were before.

use super::plan::{self, Doubt};
use super::row::Row;
use super::smtp::reply::Reply;

/// Reply code and enhanced code: what makes two refusals the same.
type Answer = (u16, Option<(u16, u16, u16)>);

#[derive(Default)]
pub(super) struct Withheld {
    rows: Vec<Row>,
    answer: Option<Answer>,
}

/// What to do about a refusal.
pub(super) struct Judged {
    /// Refusals that turned out to be their recipients' own.
    pub(super) failed: Vec<Row>,
    /// Refusals that turned out to be nobody's: the run pauses.
    pub(super) paused: Vec<Row>,
}

impl Withheld {
    /// `before` is the row as it was claimed, `failed` as it will be if the refusal is its own.
    pub(super) fn refused(&mut self, before: &Row, failed: Row, reply: &Reply) -> Judged {
        let answer = Some((reply.code, reply.enhanced));
        let mut judged = Judged { failed: Vec::new(), paused: Vec::new() };
        if self.answer != answer {
            judged.failed = std::mem::take(&mut self.rows);
            self.answer = answer;
        }
        match plan::doubt(before, reply, self.rows.len()) {
            Doubt::Believe => judged.failed.push(failed),
            Doubt::Withhold => self.rows.push(failed),
            Doubt::Pause => {
                judged.paused = std::mem::take(&mut self.rows);
                judged.paused.push(failed);
            }
        }
        judged
    }

    /// Somebody's message was taken, or nobody is left: they were their recipients' own.
    pub(super) fn believed(&mut self) -> Vec<Row> {
        std::mem::take(&mut self.rows)
    }
}
