//! Blobs: files in sealed chunks (`base::spool`), named by the keyed hash of what they hold.

use crate::base::{
    Result,
    files::sync_dir,
    limits::SPOOL_CHUNK,
    seal::{self, Key},
    spool::{DOORS, Reader, Spool, io_error},
};
use data_encoding::HEXLOWER;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// The keyed hash of a blob's content, in hex.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BlobId(String);

impl BlobId {
    pub fn parse(text: &str) -> Option<BlobId> {
        let ok = text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        ok.then(|| BlobId(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

pub struct Blobs {
    dir: PathBuf,
    spool: PathBuf,
    key: Key,
}

impl Blobs {
    pub(super) fn open(dir: &Path, spool: &Path, key: Key) -> Result<Blobs> {
        // Spool files belong to a process that is gone: their keys went with it. The door outlives us and sweeps its own.
        for entry in std::fs::read_dir(spool).map_err(io_error)? {
            let entry = entry.map_err(io_error)?;
            if !entry.file_name().as_encoded_bytes().starts_with(DOORS.as_bytes()) {
                std::fs::remove_file(entry.path()).map_err(io_error)?;
            }
        }
        Ok(Blobs { dir: dir.to_owned(), spool: spool.to_owned(), key })
    }

    /// Stores what `from` yields, durable when this returns; the same content twice is one file.
    pub fn put(&self, mut from: impl Read) -> Result<(BlobId, u64)> {
        let mut spool = self.spool_under(&self.key)?;
        let mut hash = hash_of(&self.key);
        let mut buffer = vec![0u8; SPOOL_CHUNK];
        let mut len = 0u64;
        loop {
            let n = from.read(&mut buffer).map_err(io_error)?;
            if n == 0 {
                break;
            }
            hmac::Mac::update(&mut hash, &buffer[..n]);
            spool.write_all(&buffer[..n]).map_err(io_error)?;
            len += n as u64;
        }
        let id = BlobId(HEXLOWER.encode(&hmac::Mac::finalize(hash).into_bytes()));
        spool.keep_as(&self.path(&id))?;
        Ok((id, len))
    }

    pub fn read(&self, id: &BlobId) -> Result<Reader> {
        let file = File::open(self.path(id)).map_err(io_error)?;
        Reader::open(file, &self.key, id.as_str())
    }

    pub fn exists(&self, id: &BlobId) -> bool {
        self.path(id).exists()
    }

    /// Gone from the disk when this returns; one that is not there is none either.
    pub fn remove(&self, id: &BlobId) -> Result<()> {
        let path = self.path(id);
        match std::fs::remove_file(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(e) => Err(io_error(e)),
            Ok(()) => sync_dir(path.parent().unwrap_or(&self.dir)).map_err(io_error),
        }
    }

    /// One of them, whichever the disk names first.
    pub fn any(&self) -> Result<Option<BlobId>> {
        for folder in std::fs::read_dir(&self.dir).map_err(io_error)? {
            for file in std::fs::read_dir(folder.map_err(io_error)?.path()).map_err(io_error)? {
                if let Some(id) = file.map_err(io_error)?.file_name().to_str().and_then(BlobId::parse) {
                    return Ok(Some(id));
                }
            }
        }
        Ok(None)
    }

    /// Every blob, in no order.
    pub(super) fn each(&self, mut f: impl FnMut(&Path) -> Result<()>) -> Result<()> {
        for folder in std::fs::read_dir(&self.dir).map_err(io_error)? {
            for file in std::fs::read_dir(folder.map_err(io_error)?.path()).map_err(io_error)? {
                f(&file.map_err(io_error)?.path())?;
            }
        }
        Ok(())
    }

    /// A file for a while: sealed with a key of its own, gone when dropped.
    pub fn spool(&self) -> Result<Spool> {
        self.spool_under(&Key::random()?)
    }

    fn spool_under(&self, key: &Key) -> Result<Spool> {
        Spool::create(self.spool.join(HEXLOWER.encode(&seal::random::<12>()?)), key)
    }

    fn path(&self, id: &BlobId) -> PathBuf {
        self.dir.join(&id.0[..2]).join(&id.0)
    }
}

fn hash_of(key: &Key) -> hmac::Hmac<sha2::Sha256> {
    match hmac::KeyInit::new_from_slice(key.derive("blob/name").bytes()) {
        Ok(mac) => mac,
        Err(_) => unreachable!("HMAC takes keys of any length"),
    }
}
