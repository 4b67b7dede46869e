//! Where access lines lie while no worker takes them: records behind one another in one bounded file, each sealed with a
//! key of the door's. A record is its length (4 bytes, big-endian) and its seal.
//!
//! The file is opened and locked for each deed, so that a door that lingers and the one after it can share it. Lines are
//! given out at least once: a door that dies between giving them and clearing the file gives them again.
//!
//! **Invariant:** a record is whole or not there; what cannot be read (another key, a torn end) is passed over and counted.

use crate::base::files::make_private_dir;
use crate::base::link::AccessLine;
use crate::base::seal::Key;
use crate::base::{Error, Result, limits};
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

const AAD: &[u8] = b"door/access";
const LENGTH: usize = 4;

pub(crate) struct Shelf {
    file: PathBuf,
    key: Key,
}

impl Shelf {
    pub(crate) fn of(data: &Path, door_key: &Key) -> Shelf {
        Shelf { file: data.join("door").join("access.sealed"), key: door_key.derive("access lines") }
    }

    /// Durable when this returns true; false when there is no more room for them.
    pub(crate) fn put(&self, lines: &[AccessLine]) -> Result<bool> {
        let plain = serde_json::to_vec(lines).map_err(Error::bug)?;
        let sealed = self.key.seal(AAD, &plain)?;
        let length = u32::try_from(sealed.len()).map_err(Error::bug)?;
        if let Some(folder) = self.file.parent() {
            make_private_dir(folder)?;
        }
        let write = || -> io::Result<bool> {
            let mut how = OpenOptions::new();
            let mut file = how.append(true).create(true).mode(0o600).open(&self.file)?;
            file.lock()?;
            let before = file.metadata()?.len();
            let record = [&length.to_be_bytes()[..], &sealed].concat();
            if before + record.len() as u64 > limits::ACCESS_FILE_MAX {
                return Ok(false);
            }
            let written = file.write_all(&record).and_then(|()| file.sync_data());
            if written.is_err() {
                // Half a record would hide those that come after it.
                file.set_len(before).ok();
            }
            written.map(|()| true)
        };
        write().map_err(cannot)
    }

    /// Gives everything out, oldest first, as long as it is taken; then the file is empty. How many records could not
    /// be read.
    pub(crate) fn clear(&self, take: &mut dyn FnMut(Vec<AccessLine>) -> bool) -> Result<u64> {
        let mut file = match OpenOptions::new().read(true).write(true).open(&self.file) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(0),
            opened => opened.map_err(cannot)?,
        };
        let bytes = whole(&mut file).map_err(cannot)?;
        let mut unread = 0;
        for record in records(&bytes) {
            let Some(lines) = record.and_then(|sealed| self.lines(sealed)) else {
                unread += 1;
                continue;
            };
            if !take(lines) {
                return Ok(unread);
            }
        }
        if !bytes.is_empty() {
            file.set_len(0).map_err(cannot)?;
        }
        Ok(unread)
    }

    fn lines(&self, sealed: &[u8]) -> Option<Vec<AccessLine>> {
        serde_json::from_slice(&self.key.open(AAD, sealed).ok()?).ok()
    }
}

/// Locked until the file is let go of.
fn whole(file: &mut File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if file.metadata()?.len() > 0 {
        file.lock()?;
        file.take(limits::ACCESS_FILE_MAX).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

/// One after the other; `None` for an end that is torn.
fn records(mut bytes: &[u8]) -> impl Iterator<Item = Option<&[u8]>> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let record = bytes.split_first_chunk::<LENGTH>().and_then(|(length, rest)| {
            let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
            rest.split_at_checked(length)
        });
        bytes = record.map_or(&[], |(_, rest)| rest);
        Some(record.map(|(sealed, _)| sealed))
    })
}

fn cannot(e: io::Error) -> Error {
    Error::io(say!("アクセスログを保管できません。", "Cannot keep the access log."), e)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::link::Surface;

    fn line(at: i64) -> AccessLine {
        AccessLine {
            at,
            id: "A".repeat(16),
            surface: Surface::Admin,
            from: [127, 0, 0, 1].into(),
            method: "POST".into(),
            path: "/sign-in".into(),
            status: 303,
            bytes: 1,
            ms: 2,
            held_ms: 3,
        }
    }

    fn all(shelf: &Shelf) -> (Vec<i64>, u64) {
        let mut all = Vec::new();
        let unread = shelf.clear(&mut |lines| {
            all.extend(lines.iter().map(|l| l.at));
            true
        });
        (all, unread.unwrap())
    }

    #[test]
    fn what_is_put_is_given_out_once_and_the_file_is_empty_then() {
        let dir = tempfile::tempdir().unwrap();
        let shelf = Shelf::of(dir.path(), &Key::new([1; 32]));
        assert_eq!(all(&shelf), (vec![], 0));
        assert!(shelf.put(&[line(1), line(2)]).unwrap() && shelf.put(&[line(3)]).unwrap());
        // Somebody who takes the first and dies.
        let mut taken = 0;
        shelf.clear(&mut |_| std::mem::replace(&mut taken, 1) == 0).unwrap();
        assert_eq!(all(&shelf), (vec![1, 2, 3], 0));
        assert_eq!(all(&shelf), (vec![], 0));
    }

    #[test]
    fn a_file_cut_at_any_byte_or_sealed_by_another_gives_what_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let shelf = Shelf::of(dir.path(), &Key::new([1; 32]));
        shelf.put(&[line(1)]).unwrap();
        let first = std::fs::read(&shelf.file).unwrap().len();
        shelf.put(&[line(2)]).unwrap();
        let bytes = std::fs::read(&shelf.file).unwrap();
        for cut in 0..bytes.len() {
            std::fs::write(&shelf.file, &bytes[..cut]).unwrap();
            let (lines, unread) = all(&shelf);
            assert_eq!(lines, if cut < first { vec![] } else { vec![1] }, "{cut}");
            assert_eq!(unread, u64::from(cut != 0 && cut != first), "{cut}");
        }
        std::fs::write(&shelf.file, &bytes).unwrap();
        assert_eq!(all(&Shelf::of(dir.path(), &Key::new([2; 32]))), (vec![], 2));
        assert_eq!(all(&shelf), (vec![], 0), "they are gone: nobody can read them any more");
    }

    #[test]
    fn the_file_has_a_bound() {
        let dir = tempfile::tempdir().unwrap();
        let shelf = Shelf::of(dir.path(), &Key::new([1; 32]));
        shelf.put(&[line(1)]).unwrap();
        let file = OpenOptions::new().write(true).open(&shelf.file).unwrap();
        file.set_len(limits::ACCESS_FILE_MAX).unwrap();
        assert!(!shelf.put(&[line(2)]).unwrap());
    }
}
