//! What the door must know after its own death: the trial that runs (`trial.jsonl`, a line more before each stage,
//! durable before the stage begins), and the records that no worker has taken into its books yet (`trials/ID.json`).
//!
//! Neither decides which release runs: the link of the slots does. A line that was cut short is no line.

use super::record::Left;
use super::stage::Stage;
use crate::base::files::{make_private_dir, private_file, replace_file, sync_dir};
use crate::base::link::{TrialOrder, TrialRecord};
use crate::base::{Error, Result, Say, limits};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

const FILE: &str = "trial.jsonl";
const RECORDS: &str = "trials";

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Order(TrialOrder),
    Stage(Stage, u64),
    Cause(Say),
}

/// The file of the trial that runs.
pub(crate) struct Open {
    file: File,
}

impl Open {
    /// Refused while one is there: it runs, or it was not finished and has no record yet.
    pub(crate) fn begin(data: &Path, order: &TrialOrder) -> Result<Open> {
        record_path(data, &order.id)?;
        let path = data.join(FILE);
        let made = private_file(&path).and_then(|file| {
            let mut open = Open { file };
            open.add(&Line::Order(order.clone()))?;
            sync_dir(data)?;
            Ok(open)
        });
        made.map_err(|e| match e.kind() {
            ErrorKind::AlreadyExists => running(),
            _ => {
                // Half a file is a trial that never began.
                std::fs::remove_file(&path).ok();
                cannot_write(e)
            }
        })
    }

    pub(crate) fn stage(&mut self, stage: Stage, ms: u64) -> Result<()> {
        self.add(&Line::Stage(stage, ms)).map_err(cannot_write)
    }

    pub(crate) fn cause(&mut self, why: &Say) -> Result<()> {
        self.add(&Line::Cause(why.clone())).map_err(cannot_write)
    }

    fn add(&mut self, line: &Line) -> std::io::Result<()> {
        let mut bytes = serde_json::to_vec(line).map_err(std::io::Error::other)?;
        bytes.push(b'\n');
        self.file.write_all(&bytes)?;
        self.file.sync_data()
    }
}

/// The trial that the last door left behind. `None` also for a file without a readable first line: that trial never
/// began, and its file is cleared away.
pub(crate) fn left(data: &Path) -> Result<Option<Left>> {
    let mut text = Vec::new();
    match File::open(data.join(FILE)) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened.and_then(|f| f.take(limits::TRIAL_FILE_MAX).read_to_end(&mut text)).map_err(cannot_read)?,
    };
    let whole = text.split_inclusive(|b| *b == b'\n').filter(|l| l.ends_with(b"\n"));
    let mut lines = whole.map_while(|l| serde_json::from_slice::<Line>(l).ok());
    let Some(Line::Order(order)) = lines.next() else {
        finish(data)?;
        return Ok(None);
    };
    let mut left = Left { order, stages: Vec::new(), cause: None };
    for line in lines {
        match line {
            Line::Stage(stage, ms) => left.stages.push((stage, ms)),
            Line::Cause(why) => left.cause = Some(why),
            Line::Order(_) => {}
        }
    }
    Ok(Some(left))
}

/// The trial is over, and its record is written.
pub(crate) fn finish(data: &Path) -> Result<()> {
    remove(&data.join(FILE))
}

pub(crate) fn write_record(data: &Path, record: &TrialRecord) -> Result<()> {
    make_private_dir(&data.join(RECORDS))?;
    let bytes = serde_json::to_vec_pretty(record).map_err(Error::bug)?;
    replace_file(&record_path(data, &record.id)?, &bytes, 0o600)
}

/// Those that no worker has taken yet, oldest first. One that cannot be read is left where it is.
pub(crate) fn records(data: &Path) -> Result<Vec<TrialRecord>> {
    let entries = match std::fs::read_dir(data.join(RECORDS)) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(cannot_read)?,
    };
    let mut found: Vec<TrialRecord> = Vec::new();
    for entry in entries {
        let path = entry.map_err(cannot_read)?.path();
        if path.extension().is_some_and(|e| e == "json") {
            found.extend(std::fs::read(&path).ok().and_then(|b| serde_json::from_slice(&b).ok()));
        }
    }
    found.sort_by_key(|r| r.at);
    Ok(found)
}

/// It stands in the books.
pub(crate) fn forget_record(data: &Path, id: &str) -> Result<()> {
    remove(&record_path(data, id)?)
}

/// An id comes from the worker: it names a file here and nothing else.
fn record_path(data: &Path, id: &str) -> Result<PathBuf> {
    let plain = |c: u8| c.is_ascii_alphanumeric() || c == b'-';
    match !id.is_empty() && id.len() <= limits::TRIAL_ID_MAX && id.bytes().all(plain) {
        true => Ok(data.join(RECORDS).join(format!("{id}.json"))),
        false => Err(Error::refused(say!("試行の番号の形が正しくありません。", "This is not the id of a trial."))),
    }
}

fn remove(path: &Path) -> Result<()> {
    let gone = match std::fs::remove_file(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    };
    gone.and_then(|()| sync_dir(path.parent().unwrap_or(path))).map_err(cannot_write)
}

pub(super) fn running() -> Error {
    Error::later(say!("別の更新を試しているところです。", "Another release is being tried."))
        .hint(say!("終わるまで待ってから、もう一度実行してください。", "Wait until that has ended, then try again."))
}

fn cannot_read(e: std::io::Error) -> Error {
    Error::io(say!("更新の途中経過を読めません。", "Cannot read the state of the update."), e)
}

fn cannot_write(e: std::io::Error) -> Error {
    Error::io(say!("更新の途中経過を記録できません。", "Cannot write down the state of the update."), e)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::link::TrialResult;

    fn order() -> TrialOrder {
        TrialOrder {
            id: "u-1".into(),
            from: "0.1.0".into(),
            to: "0.2.0".into(),
            program: "/slots/0.2.0/hakobu".into(),
            data: "/data".into(),
            probation_ms: 5_000,
            steps: Vec::new(),
        }
    }

    #[test]
    fn what_was_kept_is_what_the_next_door_finds() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(left(dir.path()).unwrap(), None);
        let mut open = Open::begin(dir.path(), &order()).unwrap();
        open.stage(Stage::Warm, 0).unwrap();
        open.stage(Stage::Quiesce, 120).unwrap();
        open.cause(&say!("だめ", "No.")).unwrap();
        let found = left(dir.path()).unwrap().unwrap();
        assert_eq!(found.order, order());
        assert_eq!(found.stages, [(Stage::Warm, 0), (Stage::Quiesce, 120)]);
        assert_eq!(found.cause, Some(say!("だめ", "No.")));
        assert_eq!(Open::begin(dir.path(), &order()).err().unwrap().kind(), crate::base::Kind::Later);
        finish(dir.path()).unwrap();
        assert_eq!(left(dir.path()).unwrap(), None);
    }

    #[test]
    fn a_file_cut_at_any_byte_is_read_as_far_as_it_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let mut open = Open::begin(dir.path(), &order()).unwrap();
        open.stage(Stage::Warm, 0).unwrap();
        open.stage(Stage::Quiesce, 7).unwrap();
        let path = dir.path().join(FILE);
        let whole = std::fs::read(&path).unwrap();
        let first = whole.iter().position(|b| *b == b'\n').unwrap();
        for cut in 0..=whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let stages = left(dir.path()).unwrap().map(|l| l.stages.len());
            let lines = whole[..cut].iter().filter(|b| **b == b'\n').count();
            assert_eq!(stages, lines.checked_sub(1), "{cut} of {}", whole.len());
            assert_eq!(path.exists(), cut > first, "what never began is cleared away");
        }
    }

    #[test]
    fn records_wait_until_they_stand_in_the_books() {
        let dir = tempfile::tempdir().unwrap();
        let record = |id: &str, at| TrialRecord {
            id: id.into(),
            result: TrialResult::Updated,
            from: "0.1.0".into(),
            to: "0.2.0".into(),
            at,
            held_requests: 3,
            longest_held_ms: 140,
            steps: Vec::new(),
            cause: None,
        };
        for (id, at) in [("b", 2), ("a", 1)] {
            write_record(dir.path(), &record(id, at)).unwrap();
        }
        assert_eq!(records(dir.path()).unwrap(), [record("a", 1), record("b", 2)]);
        forget_record(dir.path(), "a").unwrap();
        forget_record(dir.path(), "a").unwrap();
        assert_eq!(records(dir.path()).unwrap(), [record("b", 2)]);
    }

    #[test]
    fn an_id_that_is_a_path_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        for id in ["", "../x", "a/b", "a.b", &"a".repeat(100)] {
            assert!(Open::begin(dir.path(), &TrialOrder { id: id.into(), ..order() }).is_err(), "{id}");
            assert!(forget_record(dir.path(), id).is_err(), "{id}");
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
