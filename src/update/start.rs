//! Which program serves when the installed one is started: itself, or the one in the current slot. A package replaces
//! the installed program and an update fills a slot; whichever came last, the newest one that can be trusted runs.
//!
//! **Invariant:** a slot whose bytes are not those that were signed is never started.

use super::Version;
use super::keys::{KeysDocument, Roots};
use super::manifest::Manifest;
use super::slot::{self, KEYS};
use crate::base::slots::Slots;
use crate::base::{Result, Say};
use std::os::unix::fs::MetadataExt;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    Own,
    Slot(Version),
}

/// What speaks for the program in a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proof {
    /// Its signatures are good under the root keys that this program was built with, and so is every byte.
    Signed,
    /// A copy of an installed program, which nobody else can have written.
    Copied,
    Broken,
}

/// `tried`: the installed program has a slot of its own too, so it was tried here by an update.
fn which(own: &Version, current: Option<(&Version, Proof)>, tried: bool) -> Start {
    match current {
        None | Some((_, Proof::Broken)) => Start::Own,
        Some((version, Proof::Signed | Proof::Copied)) => match version.cmp(own) {
            std::cmp::Ordering::Greater => Start::Slot(version.clone()),
            std::cmp::Ordering::Equal => Start::Own,
            // Newer, tried, and not current: it was taken back, and a restart must not undo that.
            std::cmp::Ordering::Less if tried => Start::Slot(version.clone()),
            // Newer and never tried: installed while nothing ran.
            std::cmp::Ordering::Less => Start::Own,
        },
    }
}

/// Looks at the slots and decides. What a person should know of it comes along.
pub fn choose(slots: &Slots, own: &Version, roots: &Roots) -> Result<(Start, Option<Say>)> {
    let Some(current) = slots.current()? else { return Ok((Start::Own, None)) };
    let current = Version::parse(&current)?;
    if current == *own {
        return Ok((Start::Own, None));
    }
    let proof = prove(slots, &current, roots);
    let note = (proof == Proof::Broken).then(|| {
        say!(
            "スロット {current} のプログラムは署名と一致しないため、使いません。版 {own} で動かします。",
            "The program in the slot {current} is not what was signed and is not used. {own} runs instead."
        )
    });
    Ok((which(own, Some((&current, proof)), slots.has(&own.to_string())), note))
}

fn prove(slots: &Slots, version: &Version, roots: &Roots) -> Proof {
    let folder = slots.slot(&version.to_string());
    let keys = std::fs::read(folder.join(KEYS)).ok();
    match (slot::manifest_of(slots, version), keys) {
        (None, None) if only_ours(slots, version) => Proof::Copied,
        (Some(manifest), Some(keys)) => {
            let signed = KeysDocument::open(&keys, roots).and_then(|keys| Manifest::open(&manifest, &keys));
            let whole = signed.is_ok_and(|m| m.version == *version && slot::is_whole(slots, &m).unwrap_or(false));
            if whole { Proof::Signed } else { Proof::Broken }
        }
        _ => Proof::Broken,
    }
}

/// A plain file that belongs to whoever owns the slots, or to root, and that nobody else may write.
fn only_ours(slots: &Slots, version: &Version) -> bool {
    let Ok(owner) = std::fs::metadata(slots.dir()).map(|m| m.uid()) else { return false };
    std::fs::symlink_metadata(slots.program(&version.to_string()))
        .is_ok_and(|m| m.is_file() && m.mode() & 0o022 == 0 && (m.uid() == owner || m.uid() == 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::files::make_private_dir;
    use crate::update::tests::{NOW, TARGET, Vendor, v};
    use crate::update::{plan::Standing, slot};
    use std::fs::{self, File};
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_newest_that_can_be_trusted_starts_and_what_was_taken_back_stays_back() {
        use Proof::{Broken, Copied, Signed};
        let (own, slot) = (|| Start::Own, |version| Start::Slot(v(version)));
        for (installed, current, tried, want) in [
            ("1.0.0", None, false, own()),
            ("1.0.0", Some(("1.1.0", Signed)), true, slot("1.1.0")),
            ("1.0.0", Some(("1.1.0", Signed)), false, slot("1.1.0")),
            ("1.0.0", Some(("1.1.0", Broken)), true, own()),
            ("1.1.0", Some(("1.1.0", Signed)), true, own()),
            // The package brought 1.2.0 while nothing ran.
            ("1.2.0", Some(("1.1.0", Signed)), false, own()),
            // The package brought 1.2.0, it was tried and taken back.
            ("1.2.0", Some(("1.1.0", Copied)), true, slot("1.1.0")),
            ("1.2.0", Some(("1.1.0", Broken)), true, own()),
            // The package was taken down; the slot stays.
            ("1.0.0", Some(("1.1.0", Copied)), true, slot("1.1.0")),
        ] {
            let current = current.map(|(version, proof)| (v(version), proof));
            let found = which(&v(installed), current.as_ref().map(|(version, proof)| (version, *proof)), tried);
            assert_eq!(found, want, "{installed} {current:?} {tried}");
        }
    }

    struct House {
        _dir: tempfile::TempDir,
        vendor: Vendor,
        slots: Slots,
    }

    /// 1.0.0 is installed and has its copy, 1.5.0 was installed by an update.
    fn house() -> House {
        let (dir, vendor) = (tempfile::tempdir().unwrap(), Vendor::new());
        let slots = Slots::of(dir.path());
        let installed = vendor.file("hakobu", b"installed");
        slot::adopt(&slots, &installed, &v("1.0.0")).unwrap();
        let standing = Standing {
            running: v("1.0.0"),
            target: TARGET.into(),
            minimum: None,
            keys_seen: 0,
            now: NOW,
            wanted: None,
        };
        let bundle = vendor.pack("1.5.0");
        slot::install(&slots, &mut File::open(bundle).unwrap(), &vendor.keys.public, &standing).unwrap();
        slots.switch("1.0.0", "1.5.0").unwrap();
        House { _dir: dir, vendor, slots }
    }

    fn chosen(house: &House, own: &str) -> Start {
        choose(&house.slots, &v(own), &house.vendor.keys.public).unwrap().0
    }

    #[test]
    fn a_slot_starts_as_long_as_every_byte_is_what_was_signed() {
        let house = house();
        assert_eq!(chosen(&house, "1.0.0"), Start::Slot(v("1.5.0")));
        assert_eq!(chosen(&house, "2.0.0"), Start::Own);
        let program = house.slots.program("1.5.0");
        let mut bytes = fs::read(&program).unwrap();
        bytes[1000] ^= 1;
        fs::write(&program, bytes).unwrap();
        let (start, note) = choose(&house.slots, &v("1.0.0"), &house.vendor.keys.public).unwrap();
        assert!(start == Start::Own && note.is_some());
    }

    #[test]
    fn a_release_of_another_vendor_or_with_its_papers_gone_does_not_start() {
        let house = house();
        let other = Vendor::new();
        assert_eq!(choose(&house.slots, &v("1.0.0"), &other.keys.public).unwrap().0, Start::Own);
        fs::remove_file(house.slots.slot("1.5.0").join("manifest.json")).unwrap();
        assert_eq!(chosen(&house, "1.0.0"), Start::Own);
    }

    #[test]
    fn a_copy_starts_only_when_nobody_else_could_have_written_it() {
        let house = house();
        // 2.0.0 came by package, was tried and taken back.
        make_private_dir(&house.slots.slot("2.0.0")).unwrap();
        fs::write(house.slots.program("2.0.0"), b"newer").unwrap();
        house.slots.switch("1.5.0", "1.0.0").unwrap();
        assert_eq!(chosen(&house, "2.0.0"), Start::Slot(v("1.0.0")));
        fs::set_permissions(house.slots.program("1.0.0"), fs::Permissions::from_mode(0o722)).unwrap();
        assert_eq!(chosen(&house, "2.0.0"), Start::Own);
    }
}
