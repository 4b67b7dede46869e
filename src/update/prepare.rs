//! Steps 1 to 3 of an update, by the worker, while everything goes on: fetch and verify, slot and preflight, generation.
//! What comes out is an order for the door's trial, or a refusal with its cause; both stand in the history.
//!
//! Until the door has switched, nothing that runs has changed: the slot is beside the running one, and the preflight
//! and the generation are copies.

use super::fetch::{Fetcher, Named};
use super::history::{self, Outcome, Update};
use super::keys::{KeysDocument, Roots};
use super::offer::Offer;
use super::plan::{self, Standing};
use super::trust::{self, Verified};
use super::{Version, generation, preflight, slot, source};
use crate::base::link::{Step, TrialOrder};
use crate::base::slots::Slots;
use crate::base::{Build, By, Error, Lock, Result, Say, Time, limits, seal};
use crate::store::Store;
use data_encoding::HEXUPPER;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::Duration;

/// Who asks, of which house.
pub struct Errand<'a> {
    pub store: &'a Store,
    pub build: Build,
    pub by: &'a By,
    pub now: Time,
    /// The program that runs, for the slot that is the way back.
    pub program: &'a Path,
}

/// The program of this very process, also when its file has been replaced or removed since.
pub const OWN_PROGRAM: &str = "/proc/self/exe";

pub enum From<'a> {
    /// Wherever the house is set to look.
    Source,
    /// A bundle that somebody brings.
    File(&'a mut dyn Read),
}

/// How long each may take.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// The new release, to report on a copy of the data.
    pub preflight: Duration,
    pub probation: Duration,
}

impl Default for Times {
    fn default() -> Times {
        Times { preflight: limits::PREFLIGHT_TIME, probation: limits::PROBATION }
    }
}

pub struct Wish<'a> {
    /// This version and no other; the newest if not named.
    pub version: Option<Version>,
    pub from: From<'a>,
    pub times: Times,
}

pub enum Prepared {
    /// For the door. The attempt stands in the history as *trying* until its record comes back.
    Ready(TrialOrder),
    /// Nothing has changed.
    Refused(Box<Update>),
}

/// What is known about an attempt so far.
struct Attempt {
    id: String,
    to: Option<Version>,
    notes: Option<Say>,
    minimum: Option<Version>,
    steps: Vec<Step>,
}

pub fn prepare(errand: &Errand<'_>, wish: Wish<'_>) -> Result<Prepared> {
    let slots = Slots::of(errand.store.dir());
    slots.make()?;
    let _alone = Lock::take(slots.dir(), "update.lock")?.ok_or_else(under_way)?;
    let mut attempt = Attempt::begin(errand)?;
    let probation = wish.times.probation;
    let outcome = walk(errand, wish, &slots, &mut attempt);
    attempt.end(errand, &slots, probation, outcome)
}

fn walk(errand: &Errand<'_>, wish: Wish<'_>, slots: &Slots, attempt: &mut Attempt) -> Result<Version> {
    let roots = Roots::parse(errand.build.root_keys)?;
    let (preflight, wanted) = (wish.times.preflight, wish.version);
    let standing = history::standing(errand.store, errand.build, errand.now, wanted)?;
    // It has no name, so nothing can run it, and a crash leaves nothing behind.
    let mut bundle = tempfile::tempfile_in(errand.store.dir()).map_err(unwritable)?;
    attempt.step("fetch", || match wish.from {
        From::Source => fetch(errand, &roots, &standing, &mut bundle),
        From::File(reader) => receive(reader, &mut bundle),
    })?;
    let mut verified = None;
    attempt.step("verify", || {
        bundle.seek(SeekFrom::Start(0)).map_err(unwritable)?;
        let release = trust::verify(&mut bundle, &roots, &standing)?;
        history::saw_keys(errand.store, errand.by, errand.now, &release.keys)?;
        let version = release.manifest.version.to_string();
        verified = Some(release);
        Ok(version)
    })?;
    let release = verified.ok_or_else(|| Error::bug("a release that is verified and is not"))?;
    attempt.about(&release);
    let to = release.manifest.version.clone();
    attempt.step("slot", || {
        slot::adopt(slots, errand.program, &standing.running)?;
        if !slot::is_whole(slots, &release.manifest)? {
            slot::install(slots, &mut bundle, &roots, &standing)?;
        }
        slot::prune(slots, &[standing.running.clone(), to.clone()]).map(|_| String::new())
    })?;
    attempt.try_on_a_copy(errand, slots, &to, preflight)?;
    Ok(to)
}

/// Back to the slot before, for a trial like any other. What ran there has run here: no preflight, no manifest.
pub fn back(errand: &Errand<'_>, probation: Duration) -> Result<Prepared> {
    let slots = Slots::of(errand.store.dir());
    slots.make()?;
    let _alone = Lock::take(slots.dir(), "update.lock")?.ok_or_else(under_way)?;
    let running = Version::parse(errand.build.version)?;
    let previous = slots.previous()?.filter(|v| slots.has(v)).ok_or_else(nothing_before)?;
    let to = Version::parse(&previous)?;
    if to == running {
        return Err(nothing_before());
    }
    let mut attempt = Attempt::begin(errand)?;
    attempt.to = Some(to.clone());
    let outcome =
        attempt.step("verify", || history::may_go_back(errand.store, &to).map(|()| to.to_string())).and_then(|()| {
            let id = attempt.id.clone();
            attempt.step("generation", || generation::take(errand.store, &id, errand.now))
        });
    attempt.end(errand, &slots, probation, outcome.map(|()| to.clone()))
}

/// A program that whoever runs this machine brought by its packages: believed because of who brings it, tried like
/// any other.
pub fn adopt(errand: &Errand<'_>, program: &mut dyn Read, version: &Version, times: Times) -> Result<Prepared> {
    let slots = Slots::of(errand.store.dir());
    slots.make()?;
    let _alone = Lock::take(slots.dir(), "update.lock")?.ok_or_else(under_way)?;
    let mut attempt = Attempt::begin(errand)?;
    attempt.to = Some(version.clone());
    let outcome = walk_adopted(errand, program, &slots, &mut attempt)
        .and_then(|()| attempt.try_on_a_copy(errand, &slots, version, times.preflight));
    attempt.end(errand, &slots, times.probation, outcome.map(|()| version.clone()))
}

fn walk_adopted(errand: &Errand<'_>, program: &mut dyn Read, slots: &Slots, attempt: &mut Attempt) -> Result<()> {
    let to = attempt.to.clone().ok_or_else(|| Error::bug("a program without a version"))?;
    let standing = history::standing(errand.store, errand.build, errand.now, None)?;
    attempt.step("verify", || match to > standing.running {
        true => Ok(to.to_string()),
        false => Err(plan::Refusal::Downgrade { running: standing.running.clone(), offered: to.clone() }.into()),
    })?;
    let mut brought = tempfile::NamedTempFile::new_in(errand.store.dir()).map_err(unwritable)?;
    attempt.step("slot", || {
        receive(program, brought.as_file_mut())?;
        slot::adopt(slots, errand.program, &standing.running)?;
        slot::drop_unless_linked(slots, &to)?;
        slot::adopt(slots, brought.path(), &to)?;
        slot::prune(slots, &[standing.running.clone(), to.clone()]).map(|_| String::new())
    })
}

/// From the source: the newest whose head is good, then all of it.
fn fetch(errand: &Errand<'_>, roots: &Roots, standing: &Standing, bundle: &mut File) -> Result<String> {
    let settings = source::get(errand.store)?.ok_or_else(no_source)?;
    let fetcher = Fetcher::new(&settings);
    let (named, release) = choose(&fetcher, roots, standing)?.ok_or_else(|| nothing_newer(standing))?;
    let most = release.head.len as u64 + release.manifest.packed.size;
    fetcher.whole(&named, bundle, most)?;
    Ok(release.manifest.bundle_name())
}

/// The best release that a source has for this house. One that is refused is passed over for the next; when none is
/// good the first refusal is what is told.
pub(super) fn choose(fetcher: &Fetcher<'_>, roots: &Roots, standing: &Standing) -> Result<Option<(Named, Verified)>> {
    let named = fetcher.list()?;
    let mut refused = None;
    for version in plan::candidates(named.iter().map(|n| n.version.clone()).collect(), standing) {
        // The name must be true, so that a version is not offered under another.
        let standing = Standing { wanted: Some(version.clone()), ..standing.clone() };
        for candidate in named.iter().filter(|n| n.version == version) {
            let looked = fetcher.head(candidate).and_then(|head| trust::verify_head(&head, roots, &standing));
            match looked {
                Ok(release) => return Ok(Some((candidate.clone(), release))),
                Err(e) => refused = refused.or(Some(e)),
            }
        }
    }
    refused.map_or(Ok(None), Err)
}

/// What somebody brings, up to what a release may be.
fn receive(from: &mut dyn Read, bundle: &mut File) -> Result<String> {
    let most = limits::PROGRAM_MAX + limits::BUNDLE_HEAD_MAX as u64;
    let copied = std::io::copy(&mut from.take(most + 1), bundle).map_err(unwritable)?;
    match copied > most {
        true => Err(plan::Refusal::TooLarge { size: copied }.into()),
        false => Ok(String::new()),
    }
}

/// The new release, on a copy of the data that is gone afterwards. It gets a key that opens this copy and nothing else.
fn ask(errand: &Errand<'_>, program: &Path, to: &Version, (id, within): (&str, Duration)) -> Result<Vec<Step>> {
    let copy = generation::copy_for_preflight(errand.store, id, errand.now)?;
    let key = seal::Key::random()?;
    errand.store.keys().lend(copy.path(), &key, errand.now)?;
    preflight::run(program, copy.path(), &key, to, within)
}

impl Attempt {
    fn begin(errand: &Errand<'_>) -> Result<Attempt> {
        Ok(Attempt { id: new_id(errand.now)?, to: None, notes: None, minimum: None, steps: Vec::new() })
    }

    /// Both ends stand in the history.
    fn end(
        self,
        errand: &Errand<'_>,
        slots: &Slots,
        probation: Duration,
        outcome: Result<Version>,
    ) -> Result<Prepared> {
        let mut update = self.update(errand);
        match outcome {
            Ok(to) => {
                history::begin(errand.store, errand.by, errand.now, &update)?;
                Ok(Prepared::Ready(TrialOrder {
                    id: update.id,
                    from: update.from,
                    program: slots.program(&to.to_string()),
                    to: to.to_string(),
                    data: errand.store.dir().to_owned(),
                    probation_ms: u64::try_from(probation.as_millis()).unwrap_or(u64::MAX),
                    steps: update.steps,
                }))
            }
            Err(e) => {
                update.result = Outcome::Refused;
                update.cause = Some(e.says().clone());
                history::begin(errand.store, errand.by, errand.now, &update)?;
                Ok(Prepared::Refused(Box::new(update)))
            }
        }
    }

    /// Preflight and generation.
    fn try_on_a_copy(&mut self, errand: &Errand<'_>, slots: &Slots, to: &Version, within: Duration) -> Result<()> {
        let id = self.id.clone();
        let mut told = Vec::new();
        let asked = self.step("preflight", || {
            told = ask(errand, &slots.program(&to.to_string()), to, (&id, within))?;
            Ok(String::new())
        });
        self.steps.extend(told);
        asked?;
        self.step("generation", || generation::take(errand.store, &id, errand.now))
    }

    fn step(&mut self, name: &str, work: impl FnOnce() -> Result<String>) -> Result<()> {
        let (step, done) = Step::timed(name, work);
        self.steps.push(step);
        done
    }

    fn about(&mut self, release: &Verified) {
        let manifest = &release.manifest;
        self.to = Some(manifest.version.clone());
        self.minimum.clone_from(&manifest.minimum);
        let said = !manifest.notes.ja.is_empty() || !manifest.notes.en.is_empty();
        self.notes = said.then(|| manifest.notes.clone());
    }

    fn update(self, errand: &Errand<'_>) -> Update {
        Update {
            n: 0,
            id: self.id,
            at: errand.now,
            by: errand.by.to_string(),
            from: errand.build.version.to_owned(),
            to: self.to.map(|v| v.to_string()).unwrap_or_default(),
            result: Outcome::Trying,
            held_requests: 0,
            longest_held_ms: 0,
            steps: self.steps,
            cause: None,
            notes: self.notes,
            minimum: self.minimum.map(|v| v.to_string()),
        }
    }
}

/// Sorts by time, and two in one millisecond differ.
fn new_id(now: Time) -> Result<String> {
    Ok(format!("{:013}-{}", now.ms(), HEXUPPER.encode(&seal::random::<3>()?)))
}

/// What `update check` tells.
#[derive(Debug, serde::Serialize)]
pub struct Look {
    pub version: String,
    /// Root keys are built in: without them nothing is ever accepted.
    pub can_update: bool,
    pub source: Option<source::Source>,
    pub newer: Option<Newer>,
    /// There is nothing newer, and what runs has expired: either nobody releases any more, or somebody withholds.
    pub stale: bool,
}

#[derive(Debug, serde::Serialize)]
pub struct Newer {
    pub version: Version,
    #[serde(serialize_with = "in_japan")]
    pub made: Time,
    #[serde(serialize_with = "in_japan")]
    pub expires: Time,
    pub size: u64,
    pub notes: Say,
}

fn in_japan<S: serde::Serializer>(at: &Time, s: S) -> std::result::Result<S::Ok, S::Error> {
    s.serialize_str(&at.rfc3339(&crate::base::clock::japan()))
}

impl Newer {
    /// As what waits here from now on.
    pub fn offer(&self) -> Offer {
        let (made, expires) = (self.made, self.expires);
        Offer { version: self.version.clone(), size: self.size, made, expires, notes: self.notes.clone(), bundle: None }
    }
}

/// What is there, without taking it.
pub fn check(errand: &Errand<'_>) -> Result<Look> {
    let roots = Roots::parse(errand.build.root_keys)?;
    let standing = history::standing(errand.store, errand.build, errand.now, None)?;
    let settings = source::get(errand.store)?;
    let newer = match (&settings, roots.keys.is_empty()) {
        (_, true) | (None, _) => None,
        (Some(settings), false) => choose(&Fetcher::new(settings), &roots, &standing)?.map(|(_, release)| release),
    };
    if let Some(release) = &newer {
        history::saw_keys(errand.store, errand.by, errand.now, &release.keys)?;
    }
    Ok(Look {
        version: errand.build.version.to_owned(),
        can_update: !roots.keys.is_empty(),
        source: settings.map(|s| s.source),
        stale: newer.is_none() && has_expired(errand, &roots, &standing),
        newer: newer.map(|r| r.manifest).map(|m| Newer {
            made: m.made,
            expires: m.expires,
            size: m.packed.size,
            version: m.version,
            notes: m.notes,
        }),
    })
}

/// Of what runs, as far as its slot says.
fn has_expired(errand: &Errand<'_>, roots: &Roots, standing: &Standing) -> bool {
    let Some(slot) = slot::documents(&Slots::of(errand.store.dir()), &standing.running) else { return false };
    let keys = KeysDocument::open(&slot.keys, roots).ok();
    let manifest = keys.and_then(|keys| super::manifest::Manifest::open(&slot.manifest, &keys).ok());
    manifest.is_some_and(|m| m.expires <= errand.now)
}

pub fn no_source() -> Error {
    Error::new(
        crate::base::Kind::Config,
        say!("リリースの取得元が設定されていません。", "No source of releases is set."),
    )
    .hint(say!(
        "設定: hakobu update source set …。ファイルからも更新できます（--file）。",
        "Set one: hakobu update source set …. A file works too (--file)."
    ))
}

fn nothing_newer(standing: &Standing) -> Error {
    let running = &standing.running;
    match &standing.wanted {
        Some(wanted) => Error::missing(say!("取得元に {wanted} がありません。", "The source does not have {wanted}.")),
        None => Error::missing(say!("{running} より新しい版はありません。", "There is nothing newer than {running}.")),
    }
}

fn under_way() -> Error {
    Error::later(say!("別の更新が進行中です。", "Another update is under way."))
}

fn unwritable(e: std::io::Error) -> Error {
    Error::io(say!("更新ファイルを受け取れません。", "Cannot take the release in."), e)
}

fn nothing_before() -> Error {
    Error::missing(say!("戻れる版がありません。", "There is no release to go back to."))
        .hint(say!("一度も更新していないときは戻れません。", "Before the first update there is nothing to go back to."))
}
