//! How the end of a trial is told: to the disk, to those who wait, and to the worker that runs.

use super::state;
use crate::base::link::{Step, ToWorker, TrialOrder, TrialRecord, TrialResult};
use crate::base::{Error, clock, log};
use crate::door::supervise::Supervisor;
use serde_json::json;

/// The record of a trial that was not even begun.
pub(super) fn not_begun(order: &TrialOrder, e: &Error) -> TrialRecord {
    let mut steps = order.steps.clone();
    steps.push(Step { step: "warm".to_owned(), ok: false, ms: 0, detail: None });
    TrialRecord {
        id: order.id.clone(),
        result: TrialResult::RolledBack,
        from: order.from.clone(),
        to: order.to.clone(),
        at: clock::now().ms(),
        held_requests: 0,
        longest_held_ms: 0,
        steps,
        cause: Some(e.says().clone()),
    }
}

/// An order that came while there is no time for it.
pub(crate) fn refuse(supervisor: &Supervisor, order: &TrialOrder) {
    report(supervisor, not_begun(order, &state::running()));
}

/// Written down, given to the worker that runs, and told to those who wait. True when it is on disk.
pub(crate) fn report(supervisor: &Supervisor, record: TrialRecord) -> bool {
    let written = write_down(supervisor, &record);
    supervisor.board.ended(record);
    written
}

/// The same, but those who wait are told by somebody else.
pub(super) fn write_down(supervisor: &Supervisor, record: &TrialRecord) -> bool {
    let written = state::write_record(&supervisor.data, record);
    if let Err(e) = &written {
        log::error("trial", e);
    }
    log::event(
        "trial_ended",
        &json!({
            "id": record.id, "result": record.result, "held": record.held_requests,
            "longest_held_ms": record.longest_held_ms, "cause": record.cause.as_ref().map(|c| c.en.clone()),
        }),
    );
    if let Some(hand) = supervisor.hand() {
        hand.say(&ToWorker::Record { record: record.clone() });
    }
    written.is_ok()
}
