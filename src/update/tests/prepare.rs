//! Steps 1 to 3 in a real house, with a few words of shell in place of a new release.

use super::{NOW, TARGET, Vendor, v};
use crate::base::link::{TrialRecord, TrialResult};
use crate::base::slots::Slots;
use crate::base::{Build, By, Error, Say, Time, seal::Key};
use crate::store::{GENERATIONS, Store};
use crate::update::history::{self, Outcome, Update};
use crate::update::prepare::{self, Errand, From, Look, OWN_PROGRAM, Prepared, Times, Wish};
use crate::update::source::{self, Settings, Source};
use crate::update::vendor::{self, Order};
use std::path::{Path, PathBuf};
use std::time::Duration;

const WELL: &str = r#"echo '{"ok":true,"version":"1.5.0","steps":[{"step":"preflight.open","ok":true,"ms":1}]}'"#;

/// A house at 1.4.0 whose program knows the vendor's root.
struct House {
    vendor: Vendor,
    store: Store,
    build: Build,
    by: By,
    now: Time,
    _dir: tempfile::TempDir,
}

impl House {
    fn new() -> House {
        let vendor = Vendor::new();
        let dir = tempfile::tempdir().unwrap();
        let (store, _code) =
            Store::create(&dir.path().join("data"), &Key::new([1; 32]), &[crate::update::SCHEMA]).unwrap();
        let root_keys = vendor.keys.public.print().leak();
        let build = Build { version: "1.4.0", root_keys, more_tables: &[] };
        House { vendor, store, build, by: By::house("test"), now: NOW, _dir: dir }
    }

    fn errand(&self) -> Errand<'_> {
        Errand { store: &self.store, build: self.build, by: &self.by, now: self.now, program: Path::new(OWN_PROGRAM) }
    }

    /// A release whose program is this script.
    fn release(&self, version: &str, script: &str) -> PathBuf {
        let order = Order { target: Build::target(), minimum: Some(v("1.4.0")), ..Vendor::order(version) };
        let program = format!("#!/bin/sh\n{script}\n");
        let mut body = Vec::new();
        let keys = &self.vendor.keys;
        let read = &mut program.as_bytes();
        let packed = vendor::pack(order, NOW, (&keys.signing, &keys.document), (read, program.len() as u64), &mut body);
        let packed = packed.unwrap();
        self.vendor.file(&packed.manifest.bundle_name(), &[packed.head, body].concat())
    }

    fn prepare(&self, bundle: &Path) -> Prepared {
        let mut file = std::fs::File::open(bundle).unwrap();
        let wish = Wish {
            version: None,
            from: From::File(&mut file),
            times: Times { probation: Duration::from_secs(5), ..Times::default() },
        };
        prepare::prepare(&self.errand(), wish).unwrap()
    }

    fn refused(&self, bundle: &Path) -> (String, Vec<(String, bool)>) {
        match self.prepare(bundle) {
            Prepared::Refused(update) => {
                (update.cause.clone().unwrap().en, update.steps.iter().map(|s| (s.step.clone(), s.ok)).collect())
            }
            Prepared::Ready(order) => panic!("{order:?}"),
        }
    }

    fn generations(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.store.dir().join(GENERATIONS));
        entries.map_or(Vec::new(), |all| all.map(|e| e.unwrap().file_name().into_string().unwrap()).collect())
    }

    fn look_in_the_folder(&self) {
        let source = Source::Folder { path: self.vendor.dir.path().to_owned() };
        source::set(&self.store, &self.by, self.now, Some(&Settings { source, token: None })).unwrap();
    }

    fn look(&self) -> Result<Look, Error> {
        prepare::check(&self.errand())
    }
}

#[test]
fn a_good_release_becomes_an_order_for_the_door_with_a_way_back_and_a_generation() {
    let house = House::new();
    let bundle = house.release("1.5.0", WELL);
    let Prepared::Ready(order) = house.prepare(&bundle) else { panic!("refused") };
    assert_eq!((order.from.as_str(), order.to.as_str(), order.probation_ms), ("1.4.0", "1.5.0", 5_000));
    let steps: Vec<_> = order.steps.iter().map(|s| (s.step.as_str(), s.ok)).collect();
    let names = ["fetch", "verify", "slot", "preflight", "preflight.open", "generation"];
    assert_eq!(steps, names.map(|n| (n, true)));
    let slots = Slots::of(house.store.dir());
    assert!(order.program == slots.program("1.5.0") && slots.has("1.5.0"));
    assert_eq!(std::fs::read(slots.program("1.4.0")).unwrap(), std::fs::read("/proc/self/exe").unwrap());
    assert_eq!((slots.current().unwrap(), slots.previous().unwrap()), (None, None), "nothing has been switched");
    assert_eq!(house.generations(), std::slice::from_ref(&order.id), "one generation, and no copy of the preflight");
    let kept = &history::list(&house.store, 10).unwrap()[0];
    assert_eq!((kept.result, kept.id.as_str()), (Outcome::Trying, order.id.as_str()));
    assert_eq!(kept.notes, Some(Say::new("直しました。", "Fixed.")));
}

#[test]
fn the_generation_opens_with_the_key_of_the_house_and_the_next_update_takes_its_place() {
    let house = House::new();
    house.prepare(&house.release("1.5.0", WELL));
    let first = house.generations();
    Store::open_snapshot(&house.store.dir().join(GENERATIONS).join(&first[0]), &Key::new([1; 32]), &[]).unwrap();
    house.prepare(&house.release("1.5.0", WELL));
    let second = house.generations();
    assert!(second.len() == 1 && second != first);
}

#[test]
fn the_preflight_gets_a_copy_and_a_key_that_opens_the_copy_and_not_the_house() {
    let house = House::new();
    let note = house.vendor.dir.path().join("note");
    let script =
        format!(r#"read key; echo "$key $5" > {}; cp -r "$5" {}.copy; {WELL}"#, note.display(), note.display());
    house.prepare(&house.release("1.5.0", &script));
    let said = std::fs::read_to_string(&note).unwrap();
    let (key, copy) = said.trim().split_once(' ').unwrap();
    let key = Key::from_slice(&data_encoding::HEXLOWER.decode(key.as_bytes()).unwrap()).unwrap();
    assert!(Path::new(copy).starts_with(house.store.dir().join(GENERATIONS)) && !Path::new(copy).exists());
    let kept = PathBuf::from(format!("{}.copy", note.display()));
    assert!(Store::open_snapshot(&kept, &Key::new([1; 32]), &[]).is_err(), "the house's key is of no use there");
    Store::open_snapshot(&kept, &key, &[crate::update::SCHEMA]).unwrap();
    assert_eq!(Store::open(house.store.dir(), &key, &[]).err().unwrap().kind().exit_code(), 11);
}

#[test]
fn a_release_that_fails_its_preflight_is_refused_with_the_cause_and_changes_nothing() {
    let house = House::new();
    let fault = r#"echo '{"ok":false,"version":"1.5.0","fault":{"kind":"bug","says":{"ja":"壊れた","en":"Cannot migrate."}}}'; exit 9"#;
    for (script, says) in
        [(fault, "Cannot migrate."), ("exit 101", "exit 101"), (&WELL.replace("1.5.0", "9.9.9"), "9.9.9")]
    {
        let (cause, steps) = house.refused(&house.release("1.5.0", script));
        assert!(cause.contains(says), "{cause}");
        let names = ["fetch", "verify", "slot", "preflight"];
        assert_eq!(
            steps,
            [true, true, true, false].iter().zip(names).map(|(ok, n)| (n.to_owned(), *ok)).collect::<Vec<_>>()
        );
        assert!(house.generations().is_empty());
    }
    assert!(history::list(&house.store, 10).unwrap().iter().all(|u| u.result == Outcome::Refused && u.to == "1.5.0"));
}

#[test]
fn what_is_not_signed_is_refused_before_the_slots_hold_anything_of_it() {
    let house = House::new();
    let thief = Vendor::new();
    let (cause, steps) = house.refused(&thief.pack("1.5.0"));
    assert!(cause.contains("lacks root signatures"), "{cause}");
    assert_eq!(steps, [("fetch".to_owned(), true), ("verify".to_owned(), false)]);
    assert!(crate::update::slot::all(&Slots::of(house.store.dir())).unwrap().is_empty());
    let unkeyed = House { build: Build { root_keys: "", ..house.build }, ..House::new() };
    assert!(unkeyed.refused(&house.release("1.5.0", WELL)).0.contains("built without release keys"));
    assert!(!unkeyed.look().unwrap().can_update);
}

#[test]
fn a_keys_document_once_seen_is_remembered_and_an_older_one_refused() {
    let mut house = House::new();
    let old = house.release("1.5.0", WELL);
    let change = vendor::Change::Renew;
    let (next, _) = vendor::next_keys(&house.vendor.document(), &change, NOW, 700 * super::DAY).unwrap();
    house.vendor.keys.document = next.sign(&house.vendor.keys.roots).unwrap();
    let old_bytes = std::fs::read(&old).unwrap();
    house.prepare(&house.release("1.6.0", &WELL.replace("1.5.0", "1.6.0")));
    std::fs::write(&old, old_bytes).unwrap();
    assert!(house.refused(&old).0.contains("older one (1); this house has seen 2"));
}

#[test]
fn two_updates_at_once_are_one_too_many() {
    let house = House::new();
    let slots = Slots::of(house.store.dir());
    slots.make().unwrap();
    let _other = crate::base::Lock::take(slots.dir(), "update.lock").unwrap().unwrap();
    let mut nothing = std::io::empty();
    let wish = Wish { version: None, from: From::File(&mut nothing), times: Times::default() };
    assert_eq!(prepare::prepare(&house.errand(), wish).err().unwrap().kind().exit_code(), 6);
}

#[test]
fn a_folder_is_a_source_and_the_best_release_that_verifies_is_the_one() {
    let house = House::new();
    house.look_in_the_folder();
    assert!(house.look().unwrap().newer.is_none());
    house.release("1.5.0", WELL);
    house.release("1.4.5", WELL);
    house.vendor.file(&format!("hakobu-99.0.0-{}.tar.gz", Build::target()), b"not a release");
    let thief = Vendor::new();
    std::fs::copy(thief.pack("1.5.0"), house.vendor.dir.path().join(format!("hakobu-98.0.0-{TARGET}.tar.gz"))).unwrap();
    // A good release under the name of a later one.
    std::fs::copy(
        house.vendor.dir.path().join(format!("hakobu-1.5.0-{}.tar.gz", Build::target())),
        house.vendor.dir.path().join(format!("hakobu-97.0.0-{}.tar.gz", Build::target())),
    )
    .unwrap();
    let newer = house.look().unwrap().newer.unwrap();
    assert_eq!((newer.version, newer.notes.en.as_str()), (v("1.5.0"), "Fixed."));
    let wish = Wish { version: None, from: From::Source, times: Times::default() };
    let Prepared::Ready(order) = prepare::prepare(&house.errand(), wish).unwrap() else { panic!("refused") };
    assert_eq!(order.to, "1.5.0");
    let asked = Wish { version: Some(v("1.7.0")), from: From::Source, times: Times::default() };
    let Prepared::Refused(update) = prepare::prepare(&house.errand(), asked).unwrap() else { panic!("ready") };
    assert!(update.cause.unwrap().en.contains("does not have 1.7.0"));
}

#[test]
fn freeze_a_source_with_nothing_newer_is_stale_once_what_runs_has_expired() {
    let mut house = House::new();
    house.look_in_the_folder();
    house.prepare(&house.release("1.5.0", WELL));
    house.build.version = "1.5.0";
    assert!(!house.look().unwrap().stale);
    house.now = NOW.plus(91 * super::DAY);
    let look = house.look().unwrap();
    assert!(look.stale && look.newer.is_none());
}

#[test]
fn the_doors_record_ends_the_attempt_and_raises_the_minimum_last() {
    let house = House::new();
    let Prepared::Ready(order) = house.prepare(&house.release("1.5.0", WELL)) else { panic!("refused") };
    let record = |result| TrialRecord {
        id: order.id.clone(),
        result,
        from: order.from.clone(),
        to: order.to.clone(),
        at: NOW.ms(),
        held_requests: 7,
        longest_held_ms: 120,
        steps: order.steps.clone(),
        cause: None,
    };
    assert!(history::may_go_back(&house.store, &v("1.3.0")).is_ok());
    history::import(&house.store, NOW, &record(TrialResult::RolledBack)).unwrap();
    assert!(history::may_go_back(&house.store, &v("1.3.0")).is_ok(), "a release that went back raises nothing");
    for _ in 0..2 {
        history::import(&house.store, NOW, &record(TrialResult::Updated)).unwrap();
    }
    assert!(history::may_go_back(&house.store, &v("1.3.0")).is_err());
    assert!(history::may_go_back(&house.store, &v("1.4.0")).is_ok());
    let kept: Vec<Update> = history::list(&house.store, 10).unwrap();
    assert_eq!((kept.len(), kept[0].result, kept[0].held_requests), (1, Outcome::Updated, 7));
    assert_eq!(kept[0].by, "house:test", "who began it");
    let user = crate::base::ids::UserId(1);
    let unread = history::unread(&house.store, user).unwrap();
    assert_eq!(unread.len(), 1);
    history::mark_read(&house.store, &house.by, NOW, user, unread[0].n).unwrap();
    assert!(history::unread(&house.store, user).unwrap().is_empty());
}
