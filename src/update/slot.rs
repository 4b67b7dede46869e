//! Filling slots: a release that has been verified, or a copy of the program that runs.
//!
//! A slot is filled beside its place (`slots/.filling`), synced, and takes its name by a rename: a slot that has its name
//! is whole. Its files are the service's own and nobody else's.

use super::Version;
use super::bundle::{self, Head};
use super::keys::Roots;
use super::manifest::Manifest;
use super::plan::{self, Refusal, Standing};
use super::trust::{self, Verified};
use crate::base::files::{make_private_dir, sync_dir};
use crate::base::slots::{PROGRAM, Slots};
use crate::base::{Error, Result, limits};
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

const FILLING: &str = ".filling";
const MANIFEST: &str = "manifest.json";
const KEYS: &str = "keys.json";

/// Verifies a bundle and, when all of it is good, fills its slot. Before that nothing is written.
pub fn install(slots: &Slots, bundle: &mut File, roots: &Roots, standing: &Standing) -> Result<Verified> {
    bundle.seek(SeekFrom::Start(0)).map_err(cannot)?;
    let release = trust::verify(bundle, roots, standing)?;
    fill(slots, &release, bundle)?;
    Ok(release)
}

/// Puts a verified release into its slot. The body is read from `bundle` a second time: what is unpacked must again be
/// what was signed.
fn fill(slots: &Slots, release: &Verified, bundle: &mut File) -> Result<()> {
    let Head { keys, manifest: document, len } = &release.head;
    let manifest = &release.manifest;
    let filling = Filling::begin(slots)?;
    bundle.seek(SeekFrom::Start(*len as u64)).map_err(cannot)?;
    let mut program = filling.file(PROGRAM, 0o700)?;
    bundle::unpack(bundle, manifest, &mut program)?;
    program.sync_all().map_err(cannot)?;
    filling.write(MANIFEST, document)?;
    filling.write(KEYS, keys)?;
    filling.end(&manifest.version)
}

/// Gives the program that runs a slot of its own, so that there is a way back to it.
pub fn adopt(slots: &Slots, program: &Path, version: &Version) -> Result<()> {
    if slots.has(&version.to_string()) {
        return Ok(());
    }
    let filling = Filling::begin(slots)?;
    let from = File::open(program).map_err(cannot)?;
    let mut to = filling.file(PROGRAM, 0o700)?;
    let copied = std::io::copy(&mut from.take(limits::PROGRAM_MAX + 1), &mut to).map_err(cannot)?;
    if copied > limits::PROGRAM_MAX {
        return Err(Refusal::TooLarge { size: copied }.into());
    }
    to.sync_all().map_err(cannot)?;
    filling.end(version)
}

/// Makes place for another program of this version, unless this one runs or is the way back.
pub fn drop_unless_linked(slots: &Slots, version: &Version) -> Result<()> {
    let name = version.to_string();
    let linked = [slots.current()?, slots.previous()?].into_iter().flatten().any(|v| v == name);
    if linked {
        return Ok(());
    }
    match std::fs::remove_dir_all(slots.slot(&name)) {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(cannot),
    }
}

/// Is the program in this slot still what was signed?
pub fn is_whole(slots: &Slots, manifest: &Manifest) -> Result<bool> {
    let mut program = match File::open(slots.program(&manifest.version.to_string())) {
        Ok(file) => file,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(false),
        Err(e) => return Err(cannot(e)),
    };
    Ok(bundle::digest(&mut program).map_err(cannot)? == manifest.program)
}

/// The two documents that a slot was filled from.
pub struct Documents {
    pub keys: Vec<u8>,
    pub manifest: Vec<u8>,
}

/// `None` for a slot that holds a copy of an installed program.
pub fn documents(slots: &Slots, version: &Version) -> Option<Documents> {
    let read = |name| std::fs::read(slots.slot(&version.to_string()).join(name)).ok();
    Some(Documents { keys: read(KEYS)?, manifest: read(MANIFEST)? })
}

/// Removes old slots, never the one that runs, the one to go back to, or `keep`.
pub fn prune(slots: &Slots, keep: &[Version]) -> Result<Vec<Version>> {
    let mut keep = keep.to_vec();
    for link in [slots.current()?, slots.previous()?].into_iter().flatten() {
        keep.push(Version::parse(&link)?);
    }
    let dropped = plan::slots_to_drop(all(slots)?, &keep);
    for version in &dropped {
        std::fs::remove_dir_all(slots.slot(&version.to_string())).map_err(cannot)?;
    }
    Ok(dropped)
}

/// Every slot there is.
pub fn all(slots: &Slots) -> Result<Vec<Version>> {
    let entries = match std::fs::read_dir(slots.dir()) {
        Ok(entries) => entries,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(cannot(e)),
    };
    let mut versions = Vec::new();
    for entry in entries {
        let entry = entry.map_err(cannot)?;
        if entry.file_type().map_err(cannot)?.is_dir() {
            versions.extend(entry.file_name().to_str().and_then(|n| Version::parse(n).ok()));
        }
    }
    Ok(versions)
}

/// A slot in the making; what is not ended goes away.
struct Filling {
    slots: Slots,
    dir: PathBuf,
}

impl Filling {
    fn begin(slots: &Slots) -> Result<Filling> {
        slots.make()?;
        let filling = Filling { slots: slots.clone(), dir: slots.dir().join(FILLING) };
        filling.clear()?;
        make_private_dir(&filling.dir)?;
        Ok(filling)
    }

    fn clear(&self) -> Result<()> {
        match std::fs::remove_dir_all(&self.dir) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(cannot(e)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn file(&self, name: &str, mode: u32) -> Result<File> {
        let mut how = std::fs::OpenOptions::new();
        how.write(true).create_new(true).mode(mode).open(self.dir.join(name)).map_err(cannot)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let mut file = self.file(name, 0o600)?;
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(cannot)
    }

    /// It takes its name. A slot of this name that is there already is in the way of a better one.
    fn end(self, version: &Version) -> Result<()> {
        let place = self.slots.slot(&version.to_string());
        let named = || -> std::io::Result<()> {
            sync_dir(&self.dir)?;
            match std::fs::remove_dir_all(&place) {
                Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
                Ok(()) | Err(_) => {}
            }
            std::fs::rename(&self.dir, &place)?;
            sync_dir(self.slots.dir())
        };
        named().map_err(cannot)
    }
}

impl Drop for Filling {
    fn drop(&mut self) {
        // Ended: there is nothing left under this name. Failed: the next one clears it as well.
        self.clear().ok();
    }
}

fn cannot(e: std::io::Error) -> Error {
    Error::io(say!("スロットを用意できません。", "Cannot fill the slot."), e)
}
