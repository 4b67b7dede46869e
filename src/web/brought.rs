//! What a request brings: a short body in memory, or a long one that the door has put into its sealed spool. Parts of
//! it (uploaded files) are ranges of the same bytes: nothing is written a second time.

use crate::base::link::header;
use crate::base::seal::Key;
use crate::base::{Error, Result, limits, spool};
use data_encoding::HEXLOWER;
use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) trait ReadSeek: Read + Seek + Send {}
impl<T: Read + Seek + Send> ReadSeek for T {}

#[derive(Clone)]
pub(crate) enum Brought {
    Memory(Arc<[u8]>),
    /// The door removes the file after the answer; who has it open by then goes on reading.
    Sealed {
        path: PathBuf,
        key: Key,
        length: u64,
    },
}

impl Brought {
    /// No more than `most` bytes are kept, whatever was announced; the rest is read and dropped.
    pub(crate) fn from_socket(body: &mut dyn Read, length: u64) -> std::io::Result<Brought> {
        let mut kept = Vec::new();
        if length <= limits::BODY_IN_MEMORY {
            body.take(length).read_to_end(&mut kept)?;
        }
        std::io::copy(body, &mut std::io::sink())?;
        Ok(Brought::Memory(kept.into()))
    }

    /// `FILE KEY LENGTH`, as the door says it.
    pub(crate) fn from_door(said: &str, spool_folder: &Path) -> Option<Brought> {
        let mut words = said.split(' ');
        let (name, key, length) = (words.next()?, words.next()?, words.next()?);
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if words.next().is_some() || !name.starts_with(spool::DOORS) || !name.chars().all(plain) {
            return None;
        }
        let key = zeroize::Zeroizing::new(HEXLOWER.decode(key.as_bytes()).ok()?);
        Some(Brought::Sealed {
            path: spool_folder.join(name),
            key: Key::from_slice(&key)?,
            length: length.parse().ok()?,
        })
    }

    pub(crate) fn length(&self) -> u64 {
        match self {
            Brought::Memory(bytes) => bytes.len() as u64,
            Brought::Sealed { length, .. } => *length,
        }
    }

    pub(crate) fn open(&self) -> Result<Box<dyn ReadSeek>> {
        match self {
            Brought::Memory(bytes) => Ok(Box::new(Cursor::new(Arc::clone(bytes)))),
            Brought::Sealed { path, key, length } => {
                let file = File::open(path).map_err(|e| cut_short().because(e))?;
                let reader = spool::Reader::open(file, key, header::SPOOL)?;
                if reader.size() == *length { Ok(Box::new(reader)) } else { Err(cut_short()) }
            }
        }
    }

    /// `length` bytes from `start` on, readable from any place.
    pub(crate) fn range(&self, start: u64, length: u64) -> Result<Box<dyn ReadSeek>> {
        if start.checked_add(length).is_none_or(|end| end > self.length()) {
            return Err(cut_short());
        }
        Ok(Box::new(Range { from: self.open()?, start, length, at: 0 }))
    }
}

struct Range {
    from: Box<dyn ReadSeek>,
    start: u64,
    length: u64,
    at: u64,
}

impl Read for Range {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let left = self.length.saturating_sub(self.at);
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(out.len());
        self.from.seek(SeekFrom::Start(self.start + self.at))?;
        let n = self.from.read(&mut out[..most])?;
        self.at += n as u64;
        Ok(n)
    }
}

impl Seek for Range {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        let target = match to {
            SeekFrom::Start(n) => Some(n),
            SeekFrom::End(d) => self.length.checked_add_signed(d),
            SeekFrom::Current(d) => self.at.checked_add_signed(d),
        };
        self.at = target.ok_or_else(|| std::io::Error::from(std::io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}

pub(crate) fn cut_short() -> Error {
    Error::refused(say!("送信が途中で切れました。", "The request was cut short."))
        .hint(say!("もう一度送信してください。", "Send it again."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_range_reads_its_own_bytes_from_any_place_in_memory_and_in_the_spool() {
        let dir = tempfile::tempdir().unwrap();
        let bytes: Vec<u8> = (0..200_000u32).map(|n| (n % 251) as u8).collect();
        let key = Key::new([7; 32]);
        let mut spool = spool::Spool::create(dir.path().join("door-a1"), &key).unwrap();
        spool.write_all(&bytes).unwrap();
        spool.finish().unwrap();
        let said = format!("door-a1 {} {}", HEXLOWER.encode(key.bytes()), bytes.len());
        let sealed = Brought::from_door(&said, dir.path()).unwrap();
        for brought in [Brought::Memory(bytes.clone().into()), sealed] {
            let mut part = brought.range(65_000, 100_000).unwrap();
            let mut all = Vec::new();
            part.read_to_end(&mut all).unwrap();
            assert!(all == bytes[65_000..165_000]);
            let mut last = [0; 10];
            part.seek(SeekFrom::End(-10)).unwrap();
            part.read_exact(&mut last).unwrap();
            assert_eq!(last, bytes[164_990..165_000]);
            assert!(brought.range(199_999, 2).is_err() && brought.range(u64::MAX, 2).is_err());
        }
    }

    #[test]
    fn only_a_plain_name_of_the_doors_own_is_opened() {
        let key = "ab".repeat(32);
        for name in ["../door-x", "door-/x", "door-..", "house.lock", "", "door-a b"] {
            assert!(Brought::from_door(&format!("{name} {key} 5"), Path::new("/d")).is_none(), "{name}");
        }
        for said in ["door-a", "door-a zz 5", &format!("door-a {key}"), &format!("door-a {key} -1")] {
            assert!(Brought::from_door(said, Path::new("/d")).is_none(), "{said}");
        }
        let gone = Brought::from_door(&format!("door-a {key} 5"), Path::new("/nowhere")).unwrap();
        assert!(gone.open().is_err());
    }

    #[test]
    fn what_is_too_long_for_memory_is_read_to_its_end_and_dropped() {
        let most = limits::BODY_IN_MEMORY;
        let mut body = std::io::repeat(b'x').take(most + 1);
        assert_eq!(Brought::from_socket(&mut body, most + 1).unwrap().length(), 0);
        assert_eq!(body.limit(), 0);
        let mut body = std::io::repeat(b'x').take(most);
        assert_eq!(Brought::from_socket(&mut body, most).unwrap().length(), most);
    }
}
