//! Where programs lie: `DATA/slots/VERSION/hakobu`, and two links beside them: `current`, the one that runs, and
//! `previous`, the one to go back to. Without `current` the program runs that was started: it is *installed*.
//!
//! A link changes by a rename and is synced: it names the slot before or the slot after, whenever the power goes.
//! Here is where slots are; who fills them is `update`, who switches between them is the door.

use crate::base::files::{make_private_dir, sync_dir};
use crate::base::{Error, Result};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

pub const PROGRAM: &str = "hakobu";
const CURRENT: &str = "current";
const PREVIOUS: &str = "previous";

#[derive(Clone, Debug)]
pub struct Slots {
    dir: PathBuf,
}

impl Slots {
    pub fn of(data: &Path) -> Slots {
        Slots { dir: data.join("slots") }
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn make(&self) -> Result<()> {
        make_private_dir(&self.dir)
    }

    pub fn slot(&self, version: &str) -> PathBuf {
        self.dir.join(version)
    }

    pub fn program(&self, version: &str) -> PathBuf {
        self.slot(version).join(PROGRAM)
    }

    pub fn has(&self, version: &str) -> bool {
        self.program(version).is_file()
    }

    /// The slot that runs; `None` where the installed program does.
    pub fn current(&self) -> Result<Option<String>> {
        self.read(CURRENT)
    }

    /// The slot to go back to.
    pub fn previous(&self) -> Result<Option<String>> {
        self.read(PREVIOUS)
    }

    /// From now on `to` runs and `from` is the way back. A slot without a program is refused. The way back is written
    /// first: between the two writes both links name slots that can run.
    pub fn switch(&self, from: &str, to: &str) -> Result<()> {
        for version in [from, to] {
            if !self.has(version) {
                return Err(Error::missing(say!(
                    "スロット {version} にプログラムがありません。",
                    "The slot {version} has no program."
                )));
            }
        }
        self.write(PREVIOUS, from)?;
        self.write(CURRENT, to)
    }

    fn read(&self, link: &str) -> Result<Option<String>> {
        let target = match std::fs::read_link(self.dir.join(link)) {
            Ok(target) => target,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(cannot(e)),
        };
        // A name in this folder and nothing else: a link to anywhere else is none of ours.
        let name = target.to_str().filter(|n| !n.is_empty() && !n.starts_with('.') && !n.contains('/'));
        name.map(|n| Some(n.to_owned())).ok_or_else(|| {
            Error::damaged(say!("slots/{link} がスロットを指していません。", "slots/{link} does not point at a slot."))
        })
    }

    fn write(&self, link: &str, version: &str) -> Result<()> {
        let beside = self.dir.join(format!(".{link}.new"));
        let swap = || -> std::io::Result<()> {
            match std::fs::remove_file(&beside) {
                Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
                Ok(()) | Err(_) => {}
            }
            std::os::unix::fs::symlink(version, &beside)?;
            std::fs::rename(&beside, self.dir.join(link))?;
            sync_dir(&self.dir)
        };
        swap().map_err(cannot)
    }
}

fn cannot(e: std::io::Error) -> Error {
    Error::io(say!("スロットを切り替えられません。", "Cannot use the slots."), e)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Kind;

    fn with(versions: &[&str]) -> (tempfile::TempDir, Slots) {
        let data = tempfile::tempdir().unwrap();
        let slots = Slots::of(data.path());
        for version in versions {
            make_private_dir(&slots.slot(version)).unwrap();
            std::fs::write(slots.program(version), version).unwrap();
        }
        (data, slots)
    }

    #[test]
    fn a_switch_names_the_slot_that_runs_and_the_way_back_and_another_one_turns_them_round() {
        let (_data, slots) = with(&["1.0.0", "1.1.0"]);
        assert_eq!((slots.current().unwrap(), slots.previous().unwrap()), (None, None));
        slots.switch("1.0.0", "1.1.0").unwrap();
        assert_eq!(slots.current().unwrap().as_deref(), Some("1.1.0"));
        assert_eq!(slots.previous().unwrap().as_deref(), Some("1.0.0"));
        assert_eq!(std::fs::read_to_string(slots.dir().join("current/hakobu")).unwrap(), "1.1.0");
        slots.switch("1.1.0", "1.0.0").unwrap();
        assert_eq!(slots.current().unwrap().as_deref(), Some("1.0.0"));
        assert_eq!(slots.previous().unwrap().as_deref(), Some("1.1.0"));
    }

    #[test]
    fn nothing_is_switched_to_a_slot_without_a_program() {
        let (_data, slots) = with(&["1.0.0"]);
        assert_eq!(slots.switch("1.0.0", "2.0.0").unwrap_err().kind(), Kind::Missing);
        assert_eq!(slots.current().unwrap(), None);
    }

    #[test]
    fn a_link_that_points_out_of_the_folder_is_not_followed() {
        let (_data, slots) = with(&["1.0.0"]);
        for target in ["/bin", "../1.0.0", "a/b", "."] {
            std::fs::remove_file(slots.dir().join("current")).ok();
            std::os::unix::fs::symlink(target, slots.dir().join("current")).unwrap();
            assert_eq!(slots.current().unwrap_err().kind(), Kind::Damaged, "{target}");
        }
    }
}
