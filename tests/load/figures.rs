//! What a load came to: counts of what went wrong, and times. Pure.

use super::plan::Deed;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How a request failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// No connection was to be had.
    Refused,
    /// The connection ended before the whole answer was there.
    Reset,
    /// No answer within `client::PATIENCE`.
    Never,
    /// 5xx.
    Server,
    /// Another status than the one that belongs there.
    Status,
    /// A write that was already there: somebody sent it twice.
    Twice,
    /// The right status with somebody else's or half a body.
    Body,
    /// The generator itself had too many under way.
    Unsent,
}

impl Fault {
    pub fn name(self) -> &'static str {
        match self {
            Fault::Refused => "refused",
            Fault::Reset => "reset",
            Fault::Never => "never",
            Fault::Server => "5xx",
            Fault::Status => "status",
            Fault::Twice => "twice",
            Fault::Body => "body",
            Fault::Unsent => "unsent",
        }
    }
}

/// One request, times in microseconds since the start of the load.
#[derive(Clone, Copy, Debug)]
pub struct Record {
    pub due: u64,
    /// From `due` to the whole answer.
    pub took: u64,
    pub deed: Deed,
    pub status: u16,
    pub fault: Option<Fault>,
}

impl Record {
    pub fn end(&self) -> u64 {
        self.due + self.took
    }
}

/// A stretch of time, in microseconds since the start of the load.
pub type Span = std::ops::Range<u64>;

#[derive(Clone, Debug)]
pub struct Figures {
    pub requests: usize,
    pub failed: usize,
    pub faults: BTreeMap<&'static str, usize>,
    /// Milliseconds from the intended moment.
    pub p50: f64,
    pub p99: f64,
    pub max: f64,
}

impl Figures {
    pub fn of<'a>(records: impl IntoIterator<Item = &'a Record>) -> Figures {
        let (mut times, mut faults) = (Vec::new(), BTreeMap::new());
        for record in records {
            times.push(record.took);
            if let Some(fault) = record.fault {
                *faults.entry(fault.name()).or_default() += 1;
            }
        }
        times.sort_unstable();
        let failed = faults.values().sum();
        let (p50, p99, max) = (part(&times, 0.5), part(&times, 0.99), part(&times, 1.0));
        Figures { requests: times.len(), failed, faults, p50, p99, max }
    }

    pub fn json(&self) -> Value {
        json!({"requests": self.requests, "failed": self.failed, "faults": self.faults,
            "p50_ms": self.p50, "p99_ms": self.p99, "max_ms": self.max})
    }
}

/// Milliseconds that this part of sorted microseconds did not exceed.
fn part(sorted: &[u64], part: f64) -> f64 {
    let at = (sorted.len() as f64 * part).ceil() as usize;
    sorted.get(at.saturating_sub(1)).map_or(0.0, |us| (us / 10) as f64 / 100.0)
}

pub fn within<'a>(records: &'a [Record], span: &'a Span) -> impl Iterator<Item = &'a Record> {
    records.iter().filter(move |r| span.contains(&r.due))
}

/// The longest wait of a span and every request that was due during it: what clients saw of a switch, whatever the
/// server says about itself.
pub fn stall(records: &[Record], span: &Span) -> Option<Span> {
    let slowest = within(records, span).max_by_key(|r| r.took)?;
    Some(slowest.due..slowest.end() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(due: u64, took: u64, fault: Option<Fault>) -> Record {
        Record { due, took, deed: Deed::Page(0), status: 200, fault }
    }

    #[test]
    fn a_second_of_standing_still_is_seen_by_everybody_who_came_in_it() {
        let quiet = (0..101).map(|n| record(n * 10_000, 1_000, None));
        let held = (101..201).map(|n| record(n * 10_000, (201 - n) * 10_000, None));
        let records: Vec<Record> = quiet.chain(held).collect();
        let all = Figures::of(&records);
        assert_eq!((all.requests, all.failed, all.p50, all.max), (201, 0, 1.0, 1000.0));
        let stall = stall(&records, &(0..3_000_000)).unwrap();
        assert_eq!(stall, 1_010_000..2_010_001);
        let inside = Figures::of(within(&records, &stall));
        assert_eq!((inside.requests, inside.p99), (100, 990.0));
    }

    #[test]
    fn what_failed_is_counted_by_its_kind() {
        let records = [record(0, 1, None), record(1, 1, Some(Fault::Reset)), record(2, 1, Some(Fault::Server))];
        let figures = Figures::of(&records);
        assert_eq!(figures.failed, 2);
        assert_eq!(figures.json()["faults"], serde_json::json!({"reset": 1, "5xx": 1}));
    }

    #[test]
    fn nothing_has_no_times() {
        assert_eq!(Figures::of(&[]).max, 0.0);
    }
}
