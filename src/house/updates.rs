//! Updates, as a person at the pages drives them: a release is offered (by the source, or as a file), shown with what it
//! changes, and then prepared in a thread and handed to the door. What the door is trying is read from its own file.
//!
//! What is offered stands in the books (`update::offer`); in this memory is only the work that goes on.

use super::House;
use crate::base::link::{Step, TrialOrder, TrialRecord};
use crate::base::slots::Slots;
use crate::base::{By, Error, Result, Say, Time, limits};
use crate::update::bundle::Head;
use crate::update::history::{self, Outcome, Update};
use crate::update::keys::Roots;
use crate::update::manifest::Manifest;
use crate::update::offer::{self, Offer};
use crate::update::prepare::{self, Errand, From, Look, Newer, Prepared, Times, Wish};
use crate::update::{Version, trust};
use serde::Deserialize;
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A file that was handed in.
pub trait Bundle: Read + Seek + Send {}
impl<T: Read + Seek + Send> Bundle for T {}

#[derive(Default)]
pub struct Desk(Mutex<Work>);

/// The steps before the door's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Work {
    #[default]
    Idle,
    Preparing {
        to: Version,
    },
    /// The door has it since then, and is about to begin.
    Handed(Instant),
    Failed(Say),
}

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

impl Desk {
    fn state(&self) -> MutexGuard<'_, Work> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn work(&self) -> Work {
        self.state().clone()
    }

    /// From now on this is what goes on, unless something is being prepared.
    fn begin(&self, work: Work) -> Result<()> {
        let mut state = self.state();
        if matches!(*state, Work::Preparing { .. }) {
            return Err(under_way());
        }
        *state = work;
        Ok(())
    }

    fn end(&self, work: Work) {
        *self.state() = work;
    }
}

impl House {
    /// The version that runs.
    pub fn version(&self) -> &'static str {
        self.build.version
    }

    /// What the door wrote of a trial goes into the books; a release that has been installed waits no longer.
    pub fn take_in_trial(&self, now: Time, record: &TrialRecord) -> Result<()> {
        history::import(&self.store, now, record)?;
        offer::clear(&self.store, &By::house("update"), self.build, now)
    }

    /// What waits to be installed.
    pub fn offered(&self, now: Time) -> Result<Option<Offer>> {
        offer::get(&self.store, self.build, now)
    }

    /// What the source has, without taking it. Something newer waits from now on.
    pub fn check_source(&self, by: &By, now: Time) -> Result<Look> {
        let look = prepare::check(&self.errand(by, now))?;
        let found = look.newer.as_ref().map(Newer::offer);
        let waits = self.offered(now)?;
        // A bundle that somebody brought is not lost for a source that has nothing newer.
        let better = |w: &Offer| w.is_file() && found.as_ref().is_none_or(|f| f.version <= w.version);
        if look.source.is_some() && !waits.as_ref().is_some_and(better) {
            offer::set(&self.store, by, now, found.as_ref())?;
        }
        Ok(look)
    }

    /// The same for somebody at a page: the version that the source offers, or why it cannot be known.
    pub fn look_for_update(&self, by: &By, now: Time) -> Result<Option<Version>> {
        self.updates.begin(Work::Idle)?;
        let look = self.check_source(by, now)?;
        match (look.can_update, &look.source) {
            (false, _) => Err(crate::update::plan::Refusal::NoRoots.into()),
            (true, None) => Err(prepare::no_source()),
            (true, Some(_)) => Ok(look.newer.map(|n| n.version)),
        }
    }

    /// Takes a bundle that somebody brings. Its documents are believed or refused at once; its body is checked when it is
    /// installed.
    pub fn offer_bundle(&self, by: &By, now: Time, mut bundle: Box<dyn Bundle>) -> Result<Offer> {
        self.updates.begin(Work::Idle)?;
        let (manifest, size) = self.judge_bundle(now, &mut *bundle)?;
        let kept = offer::keep_bundle(&self.store, bundle)?;
        let offer = Offer {
            version: manifest.version,
            size,
            made: manifest.made,
            expires: manifest.expires,
            notes: manifest.notes,
            bundle: Some(kept),
        };
        offer::set(&self.store, by, now, Some(&offer))?;
        Ok(offer)
    }

    /// Its manifest and its length, once both are right.
    fn judge_bundle(&self, now: Time, bundle: &mut dyn Bundle) -> Result<(Manifest, u64)> {
        let unreadable = |e| Error::io(say!("更新ファイルを読めません。", "Cannot read the release."), e);
        let mut start = Vec::new();
        bundle.take(limits::BUNDLE_HEAD_MAX as u64).read_to_end(&mut start).map_err(unreadable)?;
        let size = bundle.seek(SeekFrom::End(0)).map_err(unreadable)?;
        bundle.seek(SeekFrom::Start(0)).map_err(unreadable)?;
        let standing = history::standing(&self.store, self.build, now, None)?;
        let release = trust::verify_head(&start, &Roots::parse(self.build.root_keys)?, &standing)?;
        let Head { len, .. } = release.head;
        match size == len as u64 + release.manifest.packed.size {
            true => Ok((release.manifest, size)),
            false => Err(Error::refused(say!("更新ファイルが途中で切れています。", "The release is cut short."))),
        }
    }

    /// Prepares the offered release in a thread and hands it to the door, which watches it for so long.
    pub fn start_update(self: &Arc<House>, by: &By, now: Time, version: &Version, probation: Duration) -> Result<()> {
        self.may_begin()?;
        let offer = self.offered(now)?.filter(|o| o.version == *version).ok_or_else(no_offer)?;
        let mut bundle = offer::bundle(&self.store, &offer)?;
        self.updates.begin(Work::Preparing { to: offer.version.clone() })?;
        self.prepare_in_thread(by, now, move |errand| {
            let from = match &mut bundle {
                Some(bundle) => From::File(bundle),
                None => From::Source,
            };
            let times = Times { probation, ..Times::default() };
            prepare::prepare(errand, Wish { version: Some(offer.version), from, times })
        })
    }

    /// Goes back to the kept previous slot, by a trial like any other.
    pub fn start_back(self: &Arc<House>, by: &By, now: Time) -> Result<()> {
        self.may_begin()?;
        let slots = Slots::of(self.data());
        let to = slots
            .previous()?
            .filter(|v| slots.has(v))
            .ok_or_else(|| Error::missing(say!("戻せる版がありません。", "There is no version to go back to.")))?;
        self.updates.begin(Work::Preparing { to: Version::parse(&to)? })?;
        self.prepare_in_thread(by, now, |errand| prepare::back(errand, limits::PROBATION))
    }

    fn prepare_in_thread(
        self: &Arc<House>,
        by: &By,
        now: Time,
        work: impl FnOnce(&Errand<'_>) -> Result<Prepared> + Send + 'static,
    ) -> Result<()> {
        let (house, by) = (Arc::clone(self), by.clone());
        let work = move || {
            let prepared = work(&house.errand(&by, now));
            house.updates.end(house.handed(prepared));
        };
        std::thread::Builder::new().name("update".into()).spawn(work).map(drop).map_err(|e| {
            self.updates.end(Work::Idle);
            Error::io(say!("更新を始められません。", "The update cannot start."), e)
        })
    }

    fn handed(&self, prepared: Result<Prepared>) -> Work {
        let outcome = prepared.and_then(|prepared| match prepared {
            Prepared::Ready(order) => self.offer(order),
            Prepared::Refused(update) => Err(Error::refused(refused(*update))),
        });
        match outcome {
            Ok(()) => Work::Handed(Instant::now()),
            Err(e) => Work::Failed(e.says().clone()),
        }
    }

    /// There is a door, and it is not at work on another one.
    fn may_begin(&self) -> Result<()> {
        match (self.is_serving(), self.trying()?) {
            (false, _) => Err(super::nobody_serves()),
            (true, Some(_)) => Err(under_way()),
            (true, None) => Ok(()),
        }
    }

    /// What the door is trying now.
    pub fn trying(&self) -> Result<Option<Trying>> {
        let mut text = String::new();
        match File::open(self.data().join(TRIAL)) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            opened => opened
                .and_then(|f| f.take(limits::TRIAL_NOTES_MAX).read_to_string(&mut text))
                .map_err(|e| Error::io(say!("更新の記録を読めません。", "Cannot read the records of updates."), e))?,
        };
        // A last line that was cut short is one that the door is just writing.
        Ok(parse(&text))
    }

    /// Updates that ended, newest first.
    pub fn past_updates(&self) -> Result<Vec<Update>> {
        let mut all = history::list(&self.store, limits::UPDATES_SHOWN)?;
        all.retain(|u| u.result != Outcome::Trying);
        Ok(all)
    }
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

fn refused(update: Update) -> Say {
    update.cause.unwrap_or_else(|| say!("この版は受け付けられません。", "This release is refused."))
}

fn under_way() -> Error {
    Error::later(say!("別の更新が進行中です。", "Another update is under way."))
}

fn no_offer() -> Error {
    Error::missing(say!("その版は、いまここにありません。", "That version is not here now."))
        .hint(say!("もう一度、確認するか、更新ファイルを選んでください。", "Look again, or bring its bundle."))
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
