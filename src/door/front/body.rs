//! The whole body of a request, before the worker hears of it: in memory when it is short, else in a sealed file that
//! the worker adopts by name and key.

use super::plan::{Fault, body_may_take};
use crate::base::spool::Spool;
use crate::base::{Error, Kind, clock, files, limits, seal};
use data_encoding::HEXLOWER;
use http_body_util::BodyExt;
use hyper::body::{Body as _, Bytes, Incoming};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// Memory that all bodies share is counted in pieces of this.
const PIECE: usize = 1 << 10;
/// What is sealed and written at once, away from the threads that answer.
const WRITTEN_AT_ONCE: usize = 4 * limits::SPOOL_CHUNK;

/// A body that has come.
#[derive(Default)]
pub(crate) enum Body {
    #[default]
    None,
    Memory(Bytes, #[expect(dead_code, reason = "held, not read")] Option<OwnedSemaphorePermit>),
    File(Stored),
}

/// The file goes when this is dropped.
pub(crate) struct Stored {
    /// `FILE KEY LENGTH`, as the worker gets it.
    pub(crate) header: String,
    _spool: Spool,
    _place: OwnedSemaphorePermit,
}

/// Where bodies wait.
pub(crate) struct Desk {
    folder: PathBuf,
    memory: Arc<Semaphore>,
    places: Arc<Semaphore>,
    numbers: AtomicU64,
}

impl Desk {
    /// Clears away what an earlier door left there. The folder itself is made when it is needed: before there is a house
    /// its data folder must stay empty.
    pub(crate) fn new(folder: PathBuf) -> crate::base::Result<Desk> {
        sweep(&folder);
        Ok(Desk {
            folder,
            memory: Arc::new(Semaphore::new(limits::BODIES_KEPT / PIECE)),
            places: Arc::new(Semaphore::new(limits::DOOR_SPOOLS)),
            numbers: AtomicU64::new(0),
        })
    }

    /// Reads all of it, within `most` bytes and its time.
    pub(crate) async fn read(&self, mut from: Incoming, most: u64) -> Result<Body, Fault> {
        if from.is_end_stream() {
            return Ok(Body::None);
        }
        let announced = from.size_hint().upper();
        if from.size_hint().lower() > most {
            return Err(Fault::TooLarge);
        }
        let (began, mut read) = (Instant::now(), 0u64);
        let mut to = match announced.is_some_and(|n| n > limits::BODY_KEPT as u64) {
            true => Sink::File(self.file(announced)?, Vec::new()),
            false => Sink::Memory(Vec::new(), None),
        };
        loop {
            let frame = tokio::time::timeout_at(began + body_may_take(read), from.frame()).await;
            let Some(frame) = frame.map_err(|_| Fault::TooSlow)? else { break };
            // Trailers say nothing that the worker needs.
            let Ok(data) = frame.map_err(|_| Fault::Gone)?.into_data() else { continue };
            read += data.len() as u64;
            if read > most {
                return Err(Fault::TooLarge);
            }
            to = self.put(to, data).await?;
        }
        self.whole(to, read).await
    }

    async fn put(&self, to: Sink, data: Bytes) -> Result<Sink, Fault> {
        match to {
            Sink::Memory(mut bytes, held) => {
                bytes.extend_from_slice(&data);
                match self.room(held, bytes.len()) {
                    Some(held) if bytes.len() <= limits::BODY_KEPT => Ok(Sink::Memory(bytes, Some(held))),
                    _ => write(self.file(None)?, bytes).await.map(|file| Sink::File(file, Vec::new())),
                }
            }
            Sink::File(file, mut bytes) => {
                bytes.extend_from_slice(&data);
                match bytes.len() < WRITTEN_AT_ONCE {
                    true => Ok(Sink::File(file, bytes)),
                    false => write(file, bytes).await.map(|file| Sink::File(file, Vec::new())),
                }
            }
        }
    }

    /// Room in memory for so many bytes in all.
    fn room(&self, held: Option<OwnedSemaphorePermit>, length: usize) -> Option<OwnedSemaphorePermit> {
        let has = held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let more = u32::try_from(length.div_ceil(PIECE).saturating_sub(has)).ok()?;
        let new = Arc::clone(&self.memory).try_acquire_many_owned(more).ok()?;
        match held {
            Some(mut held) => {
                held.merge(new);
                Some(held)
            }
            None => Some(new),
        }
    }

    async fn whole(&self, to: Sink, length: u64) -> Result<Body, Fault> {
        match to {
            Sink::Memory(bytes, _) if bytes.is_empty() => Ok(Body::None),
            Sink::Memory(bytes, held) => Ok(Body::Memory(bytes.into(), held)),
            Sink::File(file, bytes) => {
                let File { mut spool, name, key, place } = write(file, bytes).await?;
                spool.finish().map_err(|e| no_room(&e))?;
                let header = format!("{name} {} {length}", HEXLOWER.encode(key.bytes()));
                Ok(Body::File(Stored { header, _spool: spool, _place: place }))
            }
        }
    }

    fn file(&self, length: Option<u64>) -> Result<File, Fault> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| Fault::Crowded)?;
        files::make_private_dir(&self.folder).map_err(|e| no_room(&e))?;
        has_room(&self.folder, length.unwrap_or(limits::BODY_KEPT as u64))?;
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        // Doors follow each other with the same folder, and one may linger while the next is there.
        let name = format!("door-{}-{number}", std::process::id());
        let key = seal::Key::random().map_err(|e| no_room(&e))?;
        let spool = Spool::create(self.folder.join(&name), &key).map_err(|e| no_room(&e))?;
        Ok(File { spool, name, key, place })
    }
}

/// What has come is copied together: a frame keeps alive the whole buffer that it was read into, also a frame of one byte.
enum Sink {
    Memory(Vec<u8>, Option<OwnedSemaphorePermit>),
    File(File, Vec<u8>),
}

struct File {
    spool: Spool,
    name: String,
    key: seal::Key,
    place: OwnedSemaphorePermit,
}

/// Sealing and writing take their time, so they happen elsewhere.
async fn write(mut file: File, bytes: Vec<u8>) -> Result<File, Fault> {
    let work = move || file.spool.write_all(&bytes).map(|()| file);
    let written = tokio::task::spawn_blocking(work).await.map_err(|_| Fault::Broken)?;
    written.map_err(|e| if files::is_full(&e) { Fault::DiskFull } else { Fault::Broken })
}

fn no_room(e: &Error) -> Fault {
    if e.kind() == Kind::Later { Fault::DiskFull } else { Fault::Broken }
}

/// Uploads never take the last room of the disk, which the books need.
fn has_room(folder: &Path, for_bytes: u64) -> Result<(), Fault> {
    let there = rustix::fs::statvfs(folder).map_err(|_| Fault::Broken)?;
    let free = there.f_bavail.saturating_mul(there.f_frsize);
    if free > for_bytes.saturating_add(limits::DISK_FAIL) { Ok(()) } else { Err(Fault::DiskFull) }
}

/// Files older than any request may be were left behind by a door that died.
fn sweep(folder: &Path) {
    // A folder that cannot be listed shows itself when the first file is made in it.
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let now = clock::now();
    for entry in entries.flatten().filter(|e| e.file_name().to_string_lossy().starts_with("door-")) {
        let changed = entry.metadata().and_then(|m| m.modified()).ok();
        let changed = changed.and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok());
        let age = changed.map(|c| u128::try_from(now.ms()).unwrap_or(0).saturating_sub(c.as_millis()));
        if age.is_some_and(|age| age > limits::DOOR_SPOOL_AGE.as_millis()) {
            // What cannot be removed now is removed at the next start.
            std::fs::remove_file(entry.path()).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_counted_by_what_a_body_has_and_not_by_how_often_it_came() {
        let folder = tempfile::tempdir().unwrap();
        let desk = Desk::new(folder.path().join("spool")).unwrap();
        let mut held = None;
        for length in 1..=PIECE {
            held = desk.room(held, length);
            assert_eq!(held.as_ref().unwrap().num_permits(), 1);
        }
        held = desk.room(held, PIECE + 1);
        assert_eq!(held.unwrap().num_permits(), 2);
        assert_eq!(desk.memory.available_permits(), limits::BODIES_KEPT / PIECE);
        assert!(desk.room(None, limits::BODIES_KEPT + 1).is_none());
    }
}
