//! What was acknowledged is looked up in the house afterwards: nothing lost, nothing done twice, nothing done that
//! nobody asked for. The audit log is the witness: each write stands in it once for every time it was done.

use super::figures::{Fault, Record};
use super::plan::Deed;
use super::target::{TAG, contact};
use crate::world::Home;
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};
use std::io::{BufRead, BufReader};

/// Of one sort of write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Writes {
    pub acknowledged: usize,
    /// Sent, and never answered: done or not, both are right.
    pub unanswered: usize,
    /// Acknowledged and not there.
    pub lost: usize,
    /// Done more often than once.
    pub doubled: usize,
    /// There, and never sent, or refused.
    pub unasked: usize,
}

impl Writes {
    pub fn wrong(&self) -> usize {
        self.lost + self.doubled + self.unasked
    }
}

#[derive(Clone, Copy, Debug, Default, serde::Serialize)]
pub struct Found {
    pub contacts: Writes,
    pub refusals: Writes,
    pub uploads: Writes,
}

impl Found {
    pub fn wrong(&self) -> usize {
        self.contacts.wrong() + self.refusals.wrong() + self.uploads.wrong()
    }
}

/// How often each sort of write was done, by the audit log.
#[derive(Default)]
struct Done {
    contacts: usize,
    /// By contact and topic.
    refusals: HashMap<String, usize>,
    uploads: usize,
}

pub fn look_up(home: &Home, records: &[Record]) -> Found {
    let done = done(home);
    let sent = |which: fn(Deed) -> bool| counted(records, which);
    let (contacts, refusals, uploads) = (
        sent(|d| matches!(d, Deed::Contact(_))),
        sent(|d| matches!(d, Deed::Refuse(_))),
        sent(|d| matches!(d, Deed::Upload(_))),
    );
    let twice = done.refusals.values().filter(|n| **n > 1).count();
    Found {
        contacts: Writes { doubled: surplus(done.contacts, contacts), ..named(home, records, contacts) },
        refusals: Writes { doubled: twice, ..weighed(done.refusals.len(), refusals) },
        uploads: weighed(done.uploads, uploads),
    }
}

fn counted(records: &[Record], which: fn(Deed) -> bool) -> Writes {
    let mut writes = Writes::default();
    for record in records.iter().filter(|r| which(r.deed)) {
        match record.fault {
            None => writes.acknowledged += 1,
            Some(Fault::Refused | Fault::Unsent) => {}
            // Something stood in the way of the answer, or somebody answered for the house.
            Some(Fault::Reset | Fault::Never | Fault::Server | Fault::Body) => writes.unanswered += 1,
            Some(Fault::Twice) => writes.doubled += 1,
            Some(Fault::Status) => {}
        }
    }
    writes
}

/// More done than was sent.
fn surplus(done: usize, sent: Writes) -> usize {
    sent.doubled.max(done.saturating_sub(sent.acknowledged + sent.unanswered))
}

fn weighed(done: usize, sent: Writes) -> Writes {
    Writes {
        lost: sent.acknowledged.saturating_sub(done),
        unasked: done.saturating_sub(sent.acknowledged + sent.unanswered),
        ..sent
    }
}

/// Each contact by its address.
fn named(home: &Home, records: &[Record], sent: Writes) -> Writes {
    let segment = format!("tag:{TAG}");
    if home.ask(&["segment", "count", &segment]).exit != 0 {
        // No contact was made, so there is no such tag.
        return Writes { lost: sent.acknowledged, ..sent };
    }
    home.ask(&["contacts", "export", "-o", "made.csv", "--segment", &segment]).ok();
    let file = BufReader::new(std::fs::File::open(home.path("made.csv")).unwrap());
    let address = |line: &str| line.split(',').find(|cell| cell.contains('@')).map(|c| c.trim_matches('"').to_owned());
    let found: BTreeSet<String> = file.lines().map_while(Result::ok).filter_map(|l| address(&l)).collect();
    let (mut asked, mut lost) = (BTreeSet::new(), 0);
    for record in records {
        if let Deed::Contact(n) = record.deed {
            lost += usize::from(record.fault.is_none() && !found.contains(&contact(n)));
            if !matches!(record.fault, Some(Fault::Refused | Fault::Unsent | Fault::Status)) {
                asked.insert(contact(n));
            }
        }
    }
    Writes { lost, unasked: found.difference(&asked).count(), ..sent }
}

fn done(home: &Home) -> Done {
    home.ask(&["audit", "export", "-o", "audit.jsonl"]).ok();
    let file = BufReader::new(std::fs::File::open(home.path("audit.jsonl")).unwrap());
    let mut done = Done::default();
    for line in file.lines().map_while(Result::ok) {
        let line: Value = serde_json::from_str(&line).unwrap();
        let text = |name: &str| line[name].as_str().unwrap_or_default();
        match (text("what"), text("about")) {
            ("contact.add", _) => done.contacts += 1,
            ("consent.refuse", who) => *done.refusals.entry(who.to_owned()).or_default() += 1,
            // The list's own line; its parts name the batch.
            ("suppression.import", "") => done.uploads += 1,
            _ => {}
        }
    }
    done
}
