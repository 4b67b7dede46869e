//! What the clock asks for at each tick, in one table: every job of the house stands here.

use super::House;
use crate::base::{By, Result, Time, limits};
use crate::contacts::import;
use crate::delivery::inbound::tray;
use std::sync::Arc;
use std::time::Duration;

pub struct Job {
    pub name: &'static str,
    pub every: Duration,
    /// Does what is due at this moment, at most one bounded batch; true when there is more to do at the next tick.
    pub run: fn(&Arc<House>, Time) -> Result<bool>,
}

pub const JOBS: &[Job] = &[
    Job { name: "campaigns", every: Duration::ZERO, run: |house, now| house.drive_due(now).map(|()| false) },
    Job { name: "messages", every: Duration::ZERO, run: |house, now| house.keep_messages_going(now).map(|()| false) },
    Job { name: "domains", every: limits::DOMAINS_EVERY, run: |house, now| house.watch_domains(now).map(|()| false) },
    Job { name: "inbound", every: Duration::ZERO, run: |house, now| house.look_into_tray(now).map(|()| false) },
    Job { name: "forget imports", every: limits::DAY, run: forget_imports },
    Job { name: "forget access", every: limits::DAY, run: |house, now| house.forget_access(now).map(|()| false) },
    Job {
        name: "forget inbound",
        every: limits::DAY,
        run: |house, now| tray::forget(&house.store, now).map(|()| false),
    },
];

/// What contacts were before an import is personal data: it is kept only as long as the import can be undone.
fn forget_imports(house: &Arc<House>, now: Time) -> Result<bool> {
    let before = now.minus(limits::UNDO_KEPT);
    let old = import::list(&house.store, None, limits::PAGE_MAX)?.iter().any(|i| i.at < before);
    Ok(old && import::forget(&house.store, &By::house("forget imports"), now, before)? > 0)
}
