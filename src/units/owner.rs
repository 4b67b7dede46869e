//! Giving a folder to the service's account, all the way down, without ever leaving it: links are changed themselves
//! and not followed, every step goes through the folder that was opened before, and a file with a second name
//! elsewhere is left alone, because it may be somebody's outside.

use crate::base::{Error, Result, limits};
use rustix::fs::{AtFlags, CWD, Dir, FileType, Gid, Mode, OFlags, Stat, Uid, chownat, fstat, openat, statat};
use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// Who shall own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Owned {
    pub(super) changed: u64,
    /// Left alone: files with a second name.
    pub(super) left: u64,
}

pub(super) fn own(folder: &Path, owner: Owner) -> Result<Owned> {
    let at = folder.display().to_string();
    let mut owned = Owned::default();
    let done = open(CWD.as_fd(), folder).and_then(|dir| {
        change(&dir, c"", owner)?;
        walk(&dir, 0, &mut |dir, name, about| {
            match has(about, owner) {
                true => {}
                false if !is_dir(about) && about.st_nlink > 1 => owned.left += 1,
                false => {
                    change(dir, name, owner)?;
                    owned.changed += 1;
                }
            }
            Ok(true)
        })
    });
    done.map_err(|e| {
        Error::io(say!("{at} の所有者を変えられません。", "Cannot give {at} to another account."), e.into())
    })?;
    Ok(owned)
}

type Io<T> = rustix::io::Result<T>;

fn open(at: impl AsFd, name: impl rustix::path::Arg) -> Io<OwnedFd> {
    openat(at, name, OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::RDONLY, Mode::empty())
}

/// With an empty name: the folder itself.
fn change(at: impl AsFd, name: &CStr, owner: Owner) -> Io<()> {
    let flags = if name.is_empty() { AtFlags::EMPTY_PATH } else { AtFlags::SYMLINK_NOFOLLOW };
    chownat(at, name, Some(Uid::from_raw(owner.uid)), Some(Gid::from_raw(owner.gid)), flags)
}

/// What is below a folder, folders before what is in them, as long as `look` says so; true when that was everything.
fn walk(dir: &OwnedFd, depth: usize, look: &mut dyn FnMut(&OwnedFd, &CStr, &Stat) -> Io<bool>) -> Io<bool> {
    if depth > limits::FOLDERS_DEEP {
        return Err(rustix::io::Errno::LOOP);
    }
    for entry in Dir::read_from(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        if [c".", c".."].contains(&name) {
            continue;
        }
        let about = statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)?;
        if !look(dir, name, &about)? || (is_dir(&about) && !walk(&open(dir, name)?, depth + 1, look)?) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn is_dir(about: &Stat) -> bool {
    FileType::from_raw_mode(about.st_mode) == FileType::Directory
}

fn has(about: &Stat, owner: Owner) -> bool {
    (about.st_uid, about.st_gid) == (owner.uid, owner.gid)
}

/// Does everything in it belong to the account already? What cannot be looked at does not.
pub(super) fn is_owned(folder: &Path, owner: Owner) -> bool {
    let all = || -> Io<bool> {
        let dir = open(CWD.as_fd(), folder)?;
        Ok(has(&fstat(&dir)?, owner) && walk(&dir, 0, &mut |_, _, about| Ok(has(about, owner)))?)
    };
    all().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    /// To nobody where that is allowed, else to whoever runs this.
    fn target() -> Owner {
        match rustix::process::geteuid().is_root() {
            true => Owner { uid: 65534, gid: 65534 },
            false => Owner { uid: rustix::process::geteuid().as_raw(), gid: rustix::process::getegid().as_raw() },
        }
    }

    #[test]
    fn a_folder_is_given_away_whole_and_nothing_outside_of_it() {
        let home = tempfile::tempdir().unwrap();
        let (data, outside) = (home.path().join("data"), home.path().join("outside"));
        std::fs::create_dir_all(data.join("slots/1.0.0")).unwrap();
        std::fs::write(&outside, "x").unwrap();
        std::fs::write(data.join("slots/1.0.0/hakobu"), "x").unwrap();
        std::os::unix::fs::symlink(&outside, data.join("link")).unwrap();
        std::fs::hard_link(&outside, data.join("second")).unwrap();
        let before = std::fs::metadata(&outside).unwrap().uid();

        let owned = own(&data, target()).unwrap();
        assert_eq!(std::fs::metadata(&outside).unwrap().uid(), before);
        assert_eq!(std::fs::metadata(data.join("slots/1.0.0/hakobu")).unwrap().uid(), target().uid);
        assert_eq!(std::fs::symlink_metadata(data.join("link")).unwrap().uid(), target().uid);
        if rustix::process::geteuid().is_root() {
            assert_eq!((owned.changed, owned.left), (4, 1));
            assert!(!is_owned(&data, target()));
            std::fs::remove_file(data.join("second")).unwrap();
        }
        assert!(is_owned(&data, target()));
    }

    #[test]
    fn a_link_in_the_place_of_the_folder_is_not_followed() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("real")).unwrap();
        std::os::unix::fs::symlink(home.path().join("real"), home.path().join("data")).unwrap();
        assert!(own(&home.path().join("data"), target()).is_err());
    }
}
