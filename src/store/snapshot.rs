//! A copy of the whole house while it works: books first, then journal, then blobs, so that the journal may be ahead of
//! the books and never behind. Everything stays sealed; no writer waits for longer than one commit.
//!
//! Books: a hold switches checkpoints off, so the main file stands still and the log only grows; both are copied raw up
//! to the mark (unchanged pages stay equal from one snapshot to the next). Journal: sealed files are copied raw, live
//! ones are dumped (`dump`). Blobs never change, so they are linked where that works. The keyring comes last: a copy
//! that was interrupted has none and does not open.

use super::{Deed, Journal, Keyring, Schema, Store, dump};
use crate::base::files::{make_private_dir, sync_dir};
use crate::base::{By, Error, Result, Time, limits, seal::Key};
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The door's notes on an update in progress: they are about this house now, and never about a copy.
const TRIAL: &str = "trial.json";

/// What a snapshot holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Snapshot {
    /// Bytes of the books' main file and of its log.
    pub books: u64,
    pub log: u64,
    pub journal_sealed: u64,
    pub journal_live: u64,
    pub journal_rows: u64,
    /// Journal files that did not open when the house did, copied as they are.
    pub journal_damaged: Vec<String>,
    pub blobs: u64,
}

impl Store {
    /// Copies the house to `to`, a new or empty folder outside the data folder or in its `generations`. `Kind::Later` when the log outgrew
    /// `limits::WAL_MAX` meanwhile: throw the copy away and try again.
    pub fn snapshot(&self, to: &Path, now: Time) -> Result<Snapshot> {
        new_folder(to, &self.dir)?;
        let mut made = Snapshot::default();
        self.copy_books(to, now, &mut made)?;
        self.copy_journal(to, &mut made)?;
        self.copy_blobs(to, &mut made)?;
        self.copy_keyring(to)?;
        Ok(made)
    }

    /// Opens a snapshot as a house: live journal files are built again from their dumps first. Done twice it is the
    /// same as done once, also when it was interrupted.
    pub fn open_snapshot(dir: &Path, root: &Key, schemas: &[Schema]) -> Result<Store> {
        let keys = Keyring::open(dir, root)?;
        dump::load_all(&dir.join("journal"), &dump_key(&keys))?;
        Store::open(dir, root, schemas)
    }

    fn copy_books(&self, to: &Path, now: Time, made: &mut Snapshot) -> Result<()> {
        let hold = self.books.hold(&By::house("snapshot"), now, &Deed::from("store.snapshot"))?;
        let log = self.dir.join("books/books.db-wal");
        // Opening and closing these drops the engine's own file locks in this process. They guard against other
        // processes alone, and those are kept out by `worker.lock`.
        made.books = copy(&self.dir.join("books/books.db"), &to.join("books/books.db"), u64::MAX, || {
            let grown = std::fs::metadata(&log).map_err(failed)?.len();
            match grown > limits::WAL_MAX.max(hold.mark.saturating_add(limits::WAL_MAX / 4)) {
                true => Err(outgrown()),
                false => Ok(()),
            }
        })?;
        made.log = copy(&log, &to.join("books/books.db-wal"), hold.mark, || Ok(()))?;
        match made.log == hold.mark {
            true => sync(&to.join("books")),
            false => Err(Error::bug("the log is shorter than its mark")),
        }
    }

    fn copy_journal(&self, to: &Path, made: &mut Snapshot) -> Result<()> {
        let journal: &Journal = &self.journal;
        let to = to.join("journal");
        made.journal_damaged = journal.damaged().iter().map(|d| d.name.clone()).collect();
        for name in journal.names()? {
            let damaged = made.journal_damaged.contains(&name);
            if damaged || journal.is_sealed(&name) {
                let target = to.join(format!("{name}.redb"));
                copy(&journal.path(&name), &target, u64::MAX, || Ok(()))?;
                made.journal_sealed += u64::from(!damaged);
                let about = std::fs::metadata(journal.path(&name)).map_err(failed)?;
                std::fs::set_permissions(&target, about.permissions()).map_err(failed)?;
            } else if let Some(file) = journal.existing(&name)? {
                made.journal_rows += dump::write(&file, &to, &dump_key(&self.keys))?;
                made.journal_live += 1;
            }
        }
        sync(&to)
    }

    fn copy_blobs(&self, to: &Path, made: &mut Snapshot) -> Result<()> {
        let to = to.join("blobs");
        self.blobs.each(|from| {
            let (Some(name), Some(folder)) = (from.file_name(), from.parent().and_then(Path::file_name)) else {
                return Ok(());
            };
            let folder = to.join(folder);
            make_private_dir(&folder)?;
            let target = folder.join(name);
            match std::fs::hard_link(from, &target) {
                Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()), // removed meanwhile
                Err(_) => copy(from, &target, u64::MAX, || Ok(())).map(drop)?,
                Ok(()) => (),
            }
            made.blobs += 1;
            Ok(())
        })?;
        for folder in std::fs::read_dir(&to).map_err(failed)? {
            sync(&folder.map_err(failed)?.path())?;
        }
        sync(&to)
    }

    /// The keyring, and the small files beside it (boot settings, the passphrase's salt).
    fn copy_keyring(&self, to: &Path) -> Result<()> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.dir).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
            if (name.ends_with(".json") || name.ends_with(".toml")) && name != TRIAL {
                names.push(name);
            }
        }
        names.sort_by_key(|name| name == super::keyring::FILE);
        for name in names {
            copy(&self.dir.join(&name), &to.join(&name), u64::MAX, || Ok(()))?;
        }
        sync(to)
    }
}

pub(super) fn dump_key(keys: &Keyring) -> Key {
    keys.journal().derive("journal/dump")
}

fn new_folder(to: &Path, data: &Path) -> Result<()> {
    make_private_dir(to)?;
    let taken = std::fs::read_dir(to).map_err(failed)?.next().is_some();
    let (place, data) = (to.canonicalize().map_err(failed)?, data.canonicalize().map_err(failed)?);
    let within = place.starts_with(&data) && place.parent() != Some(&data.join(super::GENERATIONS));
    if taken || within {
        return Err(Error::refused(say!(
            "コピー先には、データフォルダーの外の空のフォルダーを指定してください。",
            "A snapshot goes to an empty folder outside the data folder."
        )));
    }
    super::FOLDERS.iter().try_for_each(|folder| make_private_dir(&to.join(folder)))
}

/// Up to `most` bytes, durable when this returns. `go_on` is asked every megabyte.
fn copy(from: &Path, to: &Path, most: u64, go_on: impl Fn() -> Result<()>) -> Result<u64> {
    let mut source = File::open(from).map_err(failed)?.take(most);
    let mut how = std::fs::OpenOptions::new();
    let mut target = how.write(true).create_new(true).mode(0o600).open(to).map_err(failed)?;
    let mut buffer = vec![0u8; limits::COPY_STEP];
    let mut copied = 0;
    loop {
        go_on()?;
        let n = source.read(&mut buffer).map_err(failed)?;
        if n == 0 {
            break;
        }
        target.write_all(&buffer[..n]).map_err(failed)?;
        copied += n as u64;
    }
    target.sync_all().map_err(failed)?;
    Ok(copied)
}

fn sync(folder: &Path) -> Result<()> {
    sync_dir(folder).map_err(failed)
}

pub(super) fn failed(e: io::Error) -> Error {
    Error::io(say!("コピーを作れませんでした。", "The snapshot could not be made."), e)
}

fn outgrown() -> Error {
    let most = limits::WAL_MAX / limits::MB;
    Error::later(say!(
        "コピー中に書き込みの記録が {most} MB を超えたため、コピーをやめました。",
        "The write-ahead log outgrew {most} MB while the snapshot was taken, so it was given up."
    ))
    .hint(say!("書き込みが少ない時間に、もう一度実行してください。", "Try again when less is being written."))
}
