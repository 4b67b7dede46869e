//! What the clock asks for at each tick, in one table: every job of the house stands here.

use super::House;
use crate::base::{Result, Time};
use std::sync::Arc;

pub struct Job {
    pub name: &'static str,
    /// Does what is due at this moment, at most one bounded batch.
    pub run: fn(&Arc<House>, Time) -> Result<()>,
}

pub const JOBS: &[Job] = &[Job { name: "campaigns", run: |house, now| house.drive_due(now) }];
