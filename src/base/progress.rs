//! How long work talks to whoever waits, and how it is asked to stop.

/// Called between bounded batches; `stopped` is asked at the same places.
pub trait Progress: Sync {
    /// `done` of `total` (0 = not known yet).
    fn tell(&self, done: u64, total: u64);

    fn stopped(&self) -> bool {
        false
    }
}

/// For callers that do not listen.
pub struct Quiet;

impl Progress for Quiet {
    fn tell(&self, _done: u64, _total: u64) {}
}
