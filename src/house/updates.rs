//! What the house knows of its own updates: those that were, the one that is being tried, what a release changes.

use super::House;
use crate::base::link::{Step, TrialOrder, TrialRecord};
use crate::base::{Error, Result, Say, limits};
use crate::update::change::{self, Change};
use serde::Deserialize;
use std::fs::File;
use std::io::{ErrorKind, Read};

/// An update that the door is trying now, as it wrote it down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trying {
    pub order: TrialOrder,
    /// The stages that began, with the milliseconds since the trial did.
    pub stages: Vec<(String, u64)>,
    pub cause: Option<Say>,
}

impl Trying {
    /// Finished stages with their times, and the name of the one that runs.
    pub fn steps(&self) -> (Vec<Step>, Option<&str>) {
        let mut steps = self.order.steps.clone();
        for pair in self.stages.windows(2) {
            let ms = pair[1].1.saturating_sub(pair[0].1);
            steps.push(Step { step: pair[0].0.clone(), ok: true, ms, detail: None });
        }
        (steps, self.stages.last().map(|(name, _)| name.as_str()))
    }
}

/// A line of the door's file; one of a later release is passed over.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Order(TrialOrder),
    Stage(String, u64),
    Cause(Say),
}

const TRIAL: &str = "trial.jsonl";
const RECORDS: &str = "trials";

impl House {
    /// The version that runs.
    pub fn version(&self) -> &'static str {
        self.build.version
    }

    pub fn trying(&self) -> Result<Option<Trying>> {
        let mut text = String::new();
        match File::open(self.data().join(TRIAL)) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            opened => {
                opened.and_then(|f| f.take(limits::TRIAL_NOTES_MAX).read_to_string(&mut text)).map_err(unreadable)?
            }
        };
        // A last line that was cut short is one that the door is just writing.
        Ok(parse(&text))
    }

    /// Updates that ended, newest first.
    pub fn past_updates(&self) -> Result<Vec<TrialRecord>> {
        let mut all = self.fresh_records()?;
        all.sort_by_key(|r| std::cmp::Reverse(r.at));
        all.dedup_by(|a, b| a.id == b.id);
        all.truncate(limits::UPDATES_SHOWN);
        Ok(all)
    }

    /// Those that the door has written and that do not stand in the books yet.
    fn fresh_records(&self) -> Result<Vec<TrialRecord>> {
        let entries = match std::fs::read_dir(self.data().join(RECORDS)) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(unreadable)?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let path = entry.map_err(unreadable)?.path();
            if path.extension().is_some_and(|e| e == "json") {
                // One that the door is just replacing, or has just taken away, is seen the next time.
                found.extend(std::fs::read(&path).ok().and_then(|b| serde_json::from_slice(&b).ok()));
            }
        }
        Ok(found)
    }

    /// What a version changes, where it was installed with a manifest.
    pub fn change(&self, version: &str) -> Option<Change> {
        change::of(self.data(), version)
    }
}

fn unreadable(e: std::io::Error) -> Error {
    Error::io(say!("更新の記録を読めません。", "Cannot read the records of updates."), e)
}

fn parse(text: &str) -> Option<Trying> {
    let mut lines =
        text.split_inclusive('\n').filter(|l| l.ends_with('\n')).filter_map(|l| serde_json::from_str(l).ok());
    let Some(Line::Order(order)) = lines.next() else { return None };
    let mut trying = Trying { order, stages: Vec::new(), cause: None };
    for line in lines {
        match line {
            Line::Stage(name, ms) => trying.stages.push((name, ms)),
            Line::Cause(why) => trying.cause = Some(why),
            Line::Order(_) => {}
        }
    }
    Some(trying)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_doors_file_is_read_as_far_as_it_is_written_and_what_is_not_known_is_passed_over() {
        let order = r#"{"order":{"id":"u1","from":"1.0.0","to":"1.1.0","program":"/p","data":"/d","probation_ms":5000,"steps":[{"step":"verify","ok":true,"ms":7}]}}"#;
        assert_eq!(parse(""), None);
        assert_eq!(parse(order), None, "its line is not whole yet");
        let text = format!(
            "{order}\n{{\"stage\":[\"warm\",0]}}\n{{\"song\":1}}\n{{\"stage\":[\"drain\",120]}}\n{{\"stage\":[\"cl"
        );
        let trying = parse(&text).unwrap();
        let (steps, now) = trying.steps();
        let told: Vec<_> = steps.iter().map(|s| (s.step.as_str(), s.ms)).collect();
        assert_eq!((told, now), (vec![("verify", 7), ("warm", 120)], Some("drain")));
        let text = format!("{order}\n{{\"cause\":{{\"ja\":\"だめ\",\"en\":\"No\"}}}}\n");
        assert_eq!(parse(&text).unwrap().cause, Some(say!("だめ", "No")));
    }
}
