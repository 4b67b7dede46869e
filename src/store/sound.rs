//! Whether the disk still keeps its word. One flag for books and journal.

use crate::base::{Error, Kind, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// True until a write could not be confirmed. A failed fsync is never tried again: the kernel may have dropped the
/// pages and would report success. The process ends instead, and what is on disk decides at the next start.
#[derive(Clone)]
pub(super) struct Sound(Arc<AtomicBool>);

impl Sound {
    pub(super) fn new() -> Sound {
        Sound(Arc::new(AtomicBool::new(true)))
    }

    pub(super) fn is(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    pub(super) fn lose(&self) {
        self.0.store(false, Ordering::Release);
    }

    pub(super) fn check(&self) -> Result<()> {
        match self.is() {
            true => Ok(()),
            false => Err(unsound()),
        }
    }
}

pub(super) fn unsound() -> Error {
    Error::new(
        Kind::Unhealthy,
        say!(
            "ディスクへの書き込みを確認できませんでした。再起動するまで、書き込みを受け付けません。",
            "The disk did not confirm a write. Nothing more is accepted until a restart."
        ),
    )
    .hint(say!(
        "ディスクの状態を確かめてから、hakobu を再起動してください。",
        "Check the disk, then start hakobu again."
    ))
}
