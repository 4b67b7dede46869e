//! What a trial was, for people: its stages with their times, and, when it went back, the five steps of a failed update
//! (files put back, database, processes restarted, operation checked, cause and result reported) as data.
//!
//! The details are words that surfaces put into sentences:
//! `files_put_back`: `link_unchanged`. `database`: `untouched` (blue's alone), `transaction` (the migration is whole or
//! rolled back, by the engine), `additive` (green's schema stays, it only added). `processes_restarted`: `undisturbed`
//! or `fresh` or the number of starts that failed. `operation_checked`: `undisturbed`, or what the check found.

use super::plan::Plan;
use super::stage::{Back, Books, Stage, Who};
use crate::base::link::{Step, TrialOrder, TrialRecord, TrialResult};
use crate::base::{Say, Time};
use std::time::Duration;

/// What holding requests cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cost {
    pub(crate) requests: u64,
    pub(crate) longest: Duration,
}

impl Cost {
    pub(crate) fn and(self, other: Cost) -> Cost {
        Cost { requests: self.requests + other.requests, longest: self.longest.max(other.longest) }
    }
}

/// A trial that the last door did not finish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) order: TrialOrder,
    /// The stages that began, with the milliseconds since the trial did.
    pub(crate) stages: Vec<(Stage, u64)>,
    pub(crate) cause: Option<Say>,
}

impl Left {
    /// Who runs after all: the link of the slots alone decides, because switching it is what commits.
    pub(crate) fn who(&self, current: Option<&str>) -> Who {
        match current == Some(self.order.to.as_str()) {
            true => Who::Green,
            false => Who::Blue,
        }
    }

    fn last(&self) -> Stage {
        self.stages.last().map_or(Stage::Warm, |(stage, _)| *stage)
    }

    fn books(&self) -> Books {
        match self.last() {
            Stage::Warm | Stage::Quiesce | Stage::Pause | Stage::Drain | Stage::Close => Books::Untouched,
            Stage::Open => Books::Transaction,
            Stage::Health | Stage::Switch | Stage::Resume | Stage::Probation | Stage::Commit => Books::Additive,
        }
    }
}

/// Of a trial that ended.
pub(crate) fn ended(order: &TrialOrder, plan: &Plan, cost: Cost, at: Time) -> TrialRecord {
    let who = plan.ended().unwrap_or(Who::Blue);
    let mut steps = order.steps.clone();
    steps.extend_from_slice(plan.steps());
    if who == Who::Blue {
        steps.extend(way_back(plan));
    }
    made(order, who, steps, plan.cause().cloned(), cost, at)
}

/// Of a trial that ended with the last door: with the machine, with a kill, with a crash.
pub(crate) fn cut(left: &Left, current: Option<&str>, at: Time) -> TrialRecord {
    let who = left.who(current);
    let mut steps = left.order.steps.clone();
    for (n, (stage, began)) in left.stages.iter().enumerate() {
        let until = left.stages.get(n + 1).map(|(_, next)| *next);
        let ok = until.is_some() || who == Who::Green;
        let ms = until.unwrap_or(*began).saturating_sub(*began);
        steps.push(Step { step: stage.name().to_owned(), ok, ms, detail: None });
    }
    let mut cause = None;
    if who == Who::Blue {
        let stage = left.last().name();
        cause = Some(left.cause.clone().unwrap_or_else(|| {
            say!(
                "試行中（{stage}）に停止したため、元の版に戻しました。",
                "Everything ended during the trial ({stage}), so the release of before runs."
            )
        }));
        steps.extend(five(left.books(), step("processes_restarted", true, 0, "fresh"), opened()));
    }
    made(&left.order, who, steps, cause, Cost::default(), at)
}

/// Blue answers again, which it does only with its stores open.
fn opened() -> Step {
    step("operation_checked", true, 0, "opened")
}

fn made(order: &TrialOrder, who: Who, steps: Vec<Step>, cause: Option<Say>, cost: Cost, at: Time) -> TrialRecord {
    let result = match who {
        Who::Green => TrialResult::Updated,
        Who::Blue => TrialResult::RolledBack,
    };
    TrialRecord {
        id: order.id.clone(),
        result,
        from: order.from.clone(),
        to: order.to.clone(),
        at: at.ms(),
        held_requests: cost.requests,
        longest_held_ms: u64::try_from(cost.longest.as_millis()).unwrap_or(u64::MAX),
        steps,
        cause,
    }
}

fn way_back(plan: &Plan) -> Vec<Step> {
    if plan.undisturbed() {
        let processes = step("processes_restarted", true, 0, "undisturbed");
        return five(plan.books(), processes, step("operation_checked", true, 0, "undisturbed"));
    }
    let trod = plan.way_back();
    let took = trod.iter().filter(|t| t.back != Back::Check).map(|t| t.ms).sum();
    let failed = trod.iter().filter(|t| matches!(t.back, Back::Run | Back::Open) && !t.ok).count();
    let starts = if failed == 0 { "fresh".to_owned() } else { failed.to_string() };
    let check = trod.iter().rfind(|t| t.back == Back::Check);
    let mut operation = step("operation_checked", check.is_some_and(|c| c.ok), check.map_or(0, |c| c.ms), "");
    operation.detail = check.and_then(|c| c.detail.clone());
    five(plan.books(), step("processes_restarted", true, took, &starts), operation)
}

fn five(books: Books, processes: Step, operation: Step) -> Vec<Step> {
    let books = match books {
        Books::Untouched => "untouched",
        Books::Transaction => "transaction",
        Books::Additive => "additive",
    };
    let files = step("files_put_back", true, 0, "link_unchanged");
    let reported = Step { step: "reported".to_owned(), ok: true, ms: 0, detail: None };
    vec![files, step("database", true, 0, books), processes, operation, reported]
}

fn step(name: &str, ok: bool, ms: u64, detail: &str) -> Step {
    Step { step: name.to_owned(), ok, ms, detail: Some(detail.to_owned()) }
}
