//! Files in sealed chunks: what a blob is on disk, and the spool, for bytes that must be on disk for a while.
//!
//! A file is `salt (16)` and then chunks of `SPOOL_CHUNK` plain bytes, each sealed with a key derived from the salt
//! and a nonce that holds the chunk's number and whether it is the last: chunks cannot be cut off, swapped or moved
//! between files.

use crate::base::{
    Error, Result,
    files::{full, is_full, make_private_dir, private_file, sync_dir},
    limits::SPOOL_CHUNK,
    seal::{self, Key, NONCE_LEN, Sealer, TAG_LEN},
};
use data_encoding::HEXLOWER;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// How names of files start that the door has put into the spool; it removes them itself.
pub const DOORS: &str = "door-";

const SALT: usize = 16;
const SEALED_CHUNK: u64 = (SPOOL_CHUNK + TAG_LEN) as u64;

fn chunk_key(key: &Key, salt: &[u8; SALT]) -> Sealer {
    key.derive(&format!("blob/{}", HEXLOWER.encode(salt))).sealer()
}

fn chunk_nonce(number: u64, last: bool) -> [u8; NONCE_LEN] {
    let mut nonce = [0u8; NONCE_LEN];
    nonce[..8].copy_from_slice(&number.to_be_bytes());
    nonce[8] = u8::from(last);
    nonce
}

/// Written once, then read from any place.
pub struct Spool {
    path: Option<PathBuf>,
    file: File,
    key: Key,
    sealer: Sealer,
    pending: Vec<u8>,
    written: u64,
}

impl Spool {
    /// A new file at `path`, which nothing else may stand at; gone when dropped.
    pub fn create(path: PathBuf, key: &Key) -> Result<Spool> {
        let salt = seal::random::<SALT>()?;
        let file = private_file(&path).map_err(io_error)?;
        let sealer = chunk_key(key, &salt);
        let pending = Vec::with_capacity(SPOOL_CHUNK);
        // From here on the file goes when the spool does, also when its first bytes find no room.
        let mut spool = Spool { path: Some(path), file, key: key.clone(), sealer, pending, written: 0 };
        spool.file.write_all(&salt).map_err(io_error)?;
        Ok(spool)
    }

    fn flush_chunk(&mut self, last: bool) -> io::Result<()> {
        let sealed =
            self.sealer.seal_with(&chunk_nonce(self.written, last), b"", &self.pending).map_err(io::Error::other)?;
        self.file.write_all(&sealed)?;
        self.pending.clear();
        self.written += 1;
        Ok(())
    }

    /// Ends the writing. The file disappears from the folder at once and lives as long as a reader does.
    pub fn into_reader(mut self) -> Result<Reader> {
        self.flush_chunk(true).map_err(io_error)?;
        let file = self.file.try_clone().map_err(io_error)?;
        Reader::open(file, &self.key, "spool")
    }

    /// Ends the writing and keeps the file as `path`, durable when this returns.
    pub fn keep_as(mut self, path: &Path) -> Result<()> {
        self.flush_chunk(true).map_err(io_error)?;
        let parent = path.parent().ok_or_else(|| Error::bug("a file path without a folder"))?;
        // One that is there already may have come a moment ago, its name not yet on disk: the folders are synced for
        // it too. One of another length is no longer what it was, and is replaced.
        let len = self.file.metadata().map_err(io_error)?.len();
        if std::fs::metadata(path).is_ok_and(|there| there.len() == len) {
            return sync_up(parent);
        }
        self.file.sync_all().map_err(io_error)?;
        make_private_dir(parent)?;
        if let Some(from) = &self.path {
            std::fs::rename(from, path).map_err(io_error)?;
            self.path = None;
        }
        sync_up(parent)
    }

    /// Ends the writing. Whoever has the key and the name may open it, until this value is dropped.
    pub fn finish(&mut self) -> Result<()> {
        self.flush_chunk(true).map_err(io_error)
    }
}

impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // The last chunk is sealed differently, so a full one waits until more comes.
        if self.pending.len() == SPOOL_CHUNK {
            self.flush_chunk(false)?;
        }
        let n = bytes.len().min(SPOOL_CHUNK - self.pending.len());
        self.pending.extend_from_slice(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        if let Some(path) = self.path.take() {
            // What cannot be removed now is removed at the next start.
            std::fs::remove_file(path).ok();
        }
    }
}

/// Reads a sealed file from any place, one chunk in memory.
pub struct Reader {
    file: File,
    name: String,
    sealer: Sealer,
    len: u64,
    chunks: u64,
    at: u64,
    held: Option<(u64, Vec<u8>)>,
}

impl Reader {
    pub fn open(file: File, key: &Key, name: &str) -> Result<Reader> {
        let sealed = file.metadata().map_err(io_error)?.len().checked_sub(SALT as u64);
        let chunks = sealed.unwrap_or(0).div_ceil(SEALED_CHUNK);
        let len = sealed.and_then(|s| s.checked_sub(chunks * TAG_LEN as u64)).filter(|_| chunks > 0);
        let len = len.ok_or_else(|| damaged(name))?;
        let mut salt = [0u8; SALT];
        file.read_exact_at(&mut salt, 0).map_err(io_error)?;
        let name = name.to_owned();
        Ok(Reader { file, name, sealer: chunk_key(key, &salt), len, chunks, at: 0, held: None })
    }

    /// Plain bytes in all.
    pub fn size(&self) -> u64 {
        self.len
    }

    /// All of it, for what is small.
    pub fn read_whole(&mut self) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        self.read_to_end(&mut out).map_err(io_error)?;
        Ok(out)
    }

    fn chunk(&mut self, number: u64) -> io::Result<&[u8]> {
        if self.held.as_ref().is_none_or(|(n, _)| *n != number) {
            let last = number + 1 == self.chunks;
            let plain = if last { self.len - number * SPOOL_CHUNK as u64 } else { SPOOL_CHUNK as u64 };
            let mut sealed = vec![0u8; usize::try_from(plain).map_err(io::Error::other)? + TAG_LEN];
            self.file.read_exact_at(&mut sealed, SALT as u64 + number * SEALED_CHUNK)?;
            let opened = self.sealer.open_with(&chunk_nonce(number, last), b"", &sealed);
            let opened = opened.map_err(|e| io::Error::other(damaged(&self.name).because(e)))?;
            self.held = Some((number, opened));
        }
        Ok(self.held.as_ref().map_or(&[], |(_, plain)| plain))
    }
}

impl Read for Reader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.len {
            return Ok(0);
        }
        let (at, within) = (self.at / SPOOL_CHUNK as u64, (self.at % SPOOL_CHUNK as u64) as usize);
        let chunk = self.chunk(at)?;
        let n = out.len().min(chunk.len() - within);
        out[..n].copy_from_slice(&chunk[within..within + n]);
        self.at += n as u64;
        Ok(n)
    }
}

impl Seek for Reader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(n) => Some(n),
            SeekFrom::End(d) => self.len.checked_add_signed(d),
            SeekFrom::Current(d) => self.at.checked_add_signed(d),
        };
        self.at = target.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}

fn damaged(name: &str) -> Error {
    Error::damaged(say!(
        "保存したファイル {name} が壊れています。上書きはしていません。",
        "The stored file {name} is damaged. Nothing was overwritten."
    ))
    .hint(say!("バックアップから戻してください。", "Put it back from a backup."))
}

fn sync_up(folder: &Path) -> Result<()> {
    sync_dir(folder).and_then(|()| sync_dir(folder.parent().unwrap_or(folder))).map_err(io_error)
}

/// An error of ours that travelled through `Read` or `Write` comes out as what it was.
pub fn io_error(e: io::Error) -> Error {
    match e.downcast::<Error>() {
        Ok(ours) => ours,
        Err(e) if is_full(&e) => full().because(e),
        Err(e) => Error::io(say!("保存したファイルを扱えません。", "Cannot handle a stored file."), e),
    }
}
