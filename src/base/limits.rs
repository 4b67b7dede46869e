//! Every bound by name: queues, batches, bodies, retries, time-outs. A number that limits something stands here.

use std::time::Duration;

pub const KB: u64 = 1 << 10;
pub const MB: u64 = 1 << 20;
pub const GB: u64 = 1 << 30;

// Store.
/// Closures in one group commit.
pub const GROUP_MAX: usize = 256;
/// A group commit is closed after this long, even if more callers wait.
pub const GROUP_TIME: Duration = Duration::from_millis(60);
/// Page cache of the writing connection and of each reader, in KiB.
pub const WRITER_CACHE_KIB: i64 = 48 * 1024;
pub const READER_CACHE_KIB: i64 = 12 * 1024;
pub const READERS: usize = 4;
/// Above this length of the write-ahead log a snapshot is given up by name and retried.
pub const WAL_MAX: u64 = GB;
/// Cache of one open journal file.
pub const JOURNAL_CACHE: usize = 16 << 20;
/// Plaintext bytes in one sealed chunk of a blob.
pub const BLOB_CHUNK: usize = 64 << 10;

// Keys.
/// A key command that has not ended by then is stopped.
pub const KEY_COMMAND_TIME: Duration = Duration::from_secs(30);
/// Bytes read of a key file, a credential, a passphrase or a command's output.
pub const KEY_TEXT_MAX: usize = 4 << 10;
pub const PASSPHRASE_LEAST: usize = 12;
