//! A live journal file cannot be copied, not even under a read transaction: it is dumped from one, row by row, the
//! values as sealed as they are. `NAME.dump/` holds parts and a manifest.
//!
//! A part ends after a key whose hash says so, so that a row that comes or goes changes one part and the others stay
//! equal from one snapshot to the next. Every part and the manifest are signed: a part that is missing, swapped or bent
//! is found before anything is built.

use super::journal_file::{JournalFile, define};
use super::snapshot::failed;
use crate::base::files::{make_private_dir, private_file, sync_dir};
use crate::base::{Error, Result, limits, seal::Key};
use data_encoding::HEXLOWER;
use redb::{Database, ReadableTable, TableHandle};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

const SUFFIX: &str = ".dump";
const MANIFEST: &str = "manifest.json";

#[derive(Serialize, Deserialize)]
struct Manifest {
    name: String,
    parts: Vec<Part>,
    mac: String,
}

#[derive(Serialize, Deserialize)]
struct Part {
    table: String,
    rows: u64,
    mac: String,
}

/// The number of rows.
pub(super) fn write(file: &JournalFile, to: &Path, key: &Key) -> Result<u64> {
    let dir = to.join(format!("{}{SUFFIX}", file.name()));
    make_private_dir(&dir)?;
    let mut parts = Vec::new();
    file.read_raw(|tx| {
        for table in tx.list_tables().map_err(unread)? {
            let name = table.name();
            let mut open =
                Open { dir: &dir, key, file: file.name(), table: name, parts: &mut parts, held: Vec::new(), rows: 0 };
            let rows = tx.open_table(define(name)).map_err(unread)?;
            for row in rows.iter().map_err(unread)? {
                let (key, value) = row.map_err(unread)?;
                open.add(key.value(), value.value())?;
            }
            open.end()?;
        }
        Ok(())
    })?;
    let rows = parts.iter().map(|p| p.rows).sum();
    let mac = sign(key, file.name(), &parts);
    let manifest = Manifest { name: file.name().to_owned(), parts, mac };
    put(&dir.join(MANIFEST), &serde_json::to_vec(&manifest).map_err(Error::bug)?)?;
    sync_dir(&dir).map_err(failed)?;
    Ok(rows)
}

/// The part that is being filled.
struct Open<'a> {
    dir: &'a Path,
    key: &'a Key,
    file: &'a str,
    table: &'a str,
    parts: &'a mut Vec<Part>,
    held: Vec<u8>,
    rows: u64,
}

impl Open<'_> {
    fn add(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        for bytes in [key, value] {
            let len = u32::try_from(bytes.len()).map_err(|_| Error::bug("a row of 4 GB"))?;
            self.held.extend_from_slice(&len.to_be_bytes());
            self.held.extend_from_slice(bytes);
        }
        self.rows += 1;
        match ends_part(key) || self.held.len() >= limits::DUMP_PART {
            true => self.end(),
            false => Ok(()),
        }
    }

    fn end(&mut self) -> Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        let number = self.parts.len();
        let mac = part_mac(self.key, self.file, self.table, &self.held);
        put(&self.dir.join(part_name(number)), &self.held)?;
        self.parts.push(Part { table: self.table.to_owned(), rows: self.rows, mac });
        self.held.clear();
        self.rows = 0;
        Ok(())
    }
}

/// About every 4096th key.
fn ends_part(key: &[u8]) -> bool {
    let mixed = key.iter().fold(0xcbf2_9ce4_8422_2325u64, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3));
    (mixed ^ (mixed >> 32)) & 0xfff == 0
}

fn part_name(number: usize) -> String {
    format!("{number:06}")
}

fn part_mac(key: &Key, file: &str, table: &str, bytes: &[u8]) -> String {
    HEXLOWER.encode(&key.mac(&[b"part", file.as_bytes(), table.as_bytes(), bytes]))
}

fn sign(key: &Key, file: &str, parts: &[Part]) -> String {
    let mut said: Vec<&[u8]> = vec![b"manifest", file.as_bytes()];
    parts.iter().for_each(|p| said.extend([p.table.as_bytes(), p.mac.as_bytes()]));
    HEXLOWER.encode(&key.mac(&said))
}

fn put(path: &Path, bytes: &[u8]) -> Result<()> {
    let write = || -> std::io::Result<()> {
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(failed)
}

/// Builds every dumped file in `dir` again and takes the dump away.
pub(super) fn load_all(dir: &Path, key: &Key) -> Result<()> {
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some(name) = name.strip_suffix(SUFFIX) else { continue };
        let ready = dir.join(format!("{name}.redb"));
        if !ready.exists() {
            load(&path, name, key, &ready)?;
        }
        std::fs::remove_dir_all(&path).map_err(failed)?;
    }
    Ok(())
}

fn load(dump: &Path, name: &str, key: &Key, ready: &Path) -> Result<()> {
    let manifest: Manifest = std::fs::read(dump.join(MANIFEST))
        .ok()
        .and_then(|b| serde_json::from_slice(&b).ok())
        .ok_or_else(|| bent(name))?;
    if manifest.name != name || manifest.mac != sign(key, name, &manifest.parts) {
        return Err(bent(name));
    }
    let building = ready.with_extension("building");
    match std::fs::remove_file(&building) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(failed(e)),
        _ => (),
    }
    private_file(&building).map_err(failed)?;
    let db = Database::builder().set_cache_size(limits::JOURNAL_CACHE).create(&building).map_err(unread)?;
    for (number, part) in manifest.parts.iter().enumerate() {
        let bytes = std::fs::read(dump.join(part_name(number))).map_err(|e| bent(name).because(e))?;
        if part.mac != part_mac(key, name, &part.table, &bytes) {
            return Err(bent(name));
        }
        let mut tx = db.begin_write().map_err(unread)?;
        tx.set_quick_repair(true);
        fill(&tx, &part.table, &bytes).ok_or_else(|| bent(name))?;
        tx.commit().map_err(unread)?;
    }
    drop(db);
    File::open(&building).and_then(|f| f.sync_all()).map_err(failed)?;
    std::fs::rename(&building, ready).map_err(failed)?;
    sync_dir(ready.parent().unwrap_or(Path::new("."))).map_err(failed)
}

fn fill(tx: &redb::WriteTransaction, table: &str, mut bytes: &[u8]) -> Option<()> {
    let mut open = tx.open_table(define(table)).ok()?;
    while !bytes.is_empty() {
        let key = next(&mut bytes)?;
        let value = next(&mut bytes)?;
        open.insert(key, value).ok()?;
    }
    Some(())
}

fn next<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (len, rest) = bytes.split_first_chunk::<4>()?;
    let (taken, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*len)).ok()?)?;
    *bytes = rest;
    Some(taken)
}

fn bent(name: &str) -> Error {
    Error::damaged(say!(
        "コピーのなかのジャーナル {name} が壊れています。",
        "The journal file {name} in the snapshot is damaged."
    ))
}

fn unread(e: impl Into<redb::Error>) -> Error {
    match e.into() {
        redb::Error::Io(e) => failed(e),
        e => Error::damaged(say!("ジャーナルを読めません。", "A journal file does not read.")).because(e),
    }
}
