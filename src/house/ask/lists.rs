//! `hakobu topic`, `hakobu segment` and `hakobu suppression`: the lists that decide who gets what.

use super::{Answer, Hidden, Streams};
use crate::base::{By, Email, Result, Time, clock, ids::RunId, limits};
use crate::contacts::failure::{self, Which};
use crate::contacts::suppression::{self, After, Reason};
use crate::contacts::{segment, topic};
use crate::house::House;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Debug, Serialize, Deserialize)]
pub enum TopicAsk {
    List,
    Create { name: String },
    Default { topic: String },
}

#[derive(Debug, Serialize, Deserialize)]
pub enum SegmentAsk {
    List,
    Save {
        name: String,
        text: String,
    },
    /// A saved segment's id or name, or conditions.
    Count {
        text: String,
    },
    Show {
        segment: String,
    },
    Delete {
        segment: String,
    },
}

#[derive(Debug, Serialize, Deserialize)]
pub enum SuppressionAsk {
    List {
        after: Option<String>,
        most: usize,
    },
    Add {
        email: Hidden,
    },
    Remove {
        email: Hidden,
        reason: Hidden,
    },
    /// From the input `file`.
    Import,
    /// Into the output `file`.
    Export,
    Batches,
    Undo {
        batch: i64,
    },
    /// What failures put on the list: all that fit every one of these.
    UndoFailures {
        run: Option<RunId>,
        receiver: Option<String>,
        since: Option<Time>,
        dry_run: bool,
    },
}

pub(super) fn topics(house: &House, by: &By, now: Time, ask: TopicAsk) -> Result<Answer> {
    let store = &house.store;
    match ask {
        TopicAsk::List => Answer::of(json!({"topics": topic::list(store)?})),
        TopicAsk::Create { name } => Answer::of(topic::create(store, by, now, &name)?),
        TopicAsk::Default { topic } => {
            topic::make_default(store, by, now, topic::find(store, &topic)?.id)?;
            Answer::of(topic::find(store, &topic)?)
        }
    }
}

pub(super) fn segments(house: &House, by: &By, now: Time, ask: SegmentAsk) -> Result<Answer> {
    let store = &house.store;
    match ask {
        SegmentAsk::List => Answer::of(json!({"segments": segment::list(store)?})),
        SegmentAsk::Save { name, text } => {
            let saved = segment::save(store, by, now, &name, &text)?;
            let count = segment::count(store, &segment::read(store, &saved.text)?, now)?;
            Answer::of(json!({"segment": saved.id, "name": saved.name, "text": saved.text, "count": count}))
        }
        SegmentAsk::Count { text } => {
            let text = segment::meant(store, &text)?;
            let count = segment::count(store, &segment::read(store, &text)?, now)?;
            Answer::of(json!({"text": text, "count": count}))
        }
        SegmentAsk::Show { segment } => {
            let saved = segment::load(store, &segment)?;
            let count = segment::count(store, &segment::read(store, &saved.text)?, now)?;
            Answer::of(json!({"segment": saved.id, "name": saved.name, "text": saved.text, "count": count}))
        }
        SegmentAsk::Delete { segment } => Answer::of(segment::delete(store, by, now, &segment)?),
    }
}

pub(super) fn suppressions(house: &House, by: &By, now: Time, ask: SuppressionAsk, io: &dyn Streams) -> Result<Answer> {
    let store = &house.store;
    match ask {
        SuppressionAsk::List { after, most } => {
            let after = after.as_deref().and_then(After::parse);
            let page = suppression::list(store, after, most.min(limits::PAGE_MAX))?;
            let next = page.last().map(|e| e.after().token());
            let rows: Vec<Value> = page
                .iter()
                .map(|e| {
                    let at = e.at.rfc3339(&clock::japan());
                    json!({"address": e.address, "mark": e.mark, "reason": e.reason, "at": at, "by": e.by})
                })
                .collect();
            Answer::of(json!({"count": suppression::count(store)?, "suppressions": rows, "next": next}))
        }
        SuppressionAsk::Add { email } => {
            let added = suppression::add(store, by, now, &Email::parse(&email.0)?, Reason::Manual)?;
            Answer::of(json!({"added": added}))
        }
        SuppressionAsk::Remove { email, reason } => {
            suppression::remove(store, by, now, &Email::parse(&email.0)?, &reason.0)?;
            Answer::of(json!({"removed": true}))
        }
        SuppressionAsk::Import => Answer::of(suppression::import(store, by, now, io.input("file")?, io.progress())?),
        SuppressionAsk::Export => {
            let rows = suppression::export(store, by, now, io.output("file")?.as_mut())?;
            Answer::of(json!({"rows": rows}))
        }
        SuppressionAsk::Batches => {
            let mut batches = json!(suppression::batches(store)?);
            let each = batches.as_array_mut().into_iter().flatten();
            each.for_each(|batch| {
                let at = batch["at"].as_i64().map(|ms| Time(ms).rfc3339(&clock::japan()));
                batch["at"] = json!(at);
            });
            Answer::of(json!({"batches": batches}))
        }
        SuppressionAsk::Undo { batch } => {
            Answer::of(json!({"batch": batch, "removed": suppression::undo(store, by, now, batch)?}))
        }
        SuppressionAsk::UndoFailures { run, receiver, since, dry_run } => {
            let undone = failure::undo(store, by, now, &Which { run, receiver, since }, dry_run)?;
            Answer::of(json!({"removed": undone.restored, "held": undone.held, "dry_run": dry_run}))
        }
    }
}
