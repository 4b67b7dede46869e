//! Whether this house can do its work, proved by doing a little of it: what a door asks before it lets the public in.

use super::House;
use crate::base::{By, Error, Kind, Result, Time, limits, seal};
use crate::campaigns::{State, campaign};
use crate::delivery::Ledger;
use crate::store::Deed;
use std::io::{Read, Write};

impl House {
    /// Writes and reads in books, journal and spool, opens what is sealed, looks at blobs, queue and disk. The first
    /// thing that does not work is the error.
    pub fn health(&self, now: Time) -> Result<()> {
        if !self.store.is_sound() {
            return Err(unwell("ディスクへの書き込みを確認できませんでした。", "The disk did not confirm a write."));
        }
        self.room_on_disk()?;
        self.books_work(now)?;
        self.keys_work()?;
        self.access_journal_works(now)?;
        self.files_work()?;
        self.queue_is_readable()
    }

    fn room_on_disk(&self) -> Result<()> {
        let about = rustix::fs::statvfs(self.data())
            .map_err(|e| Error::io(say!("空き容量が分かりません。", "Cannot tell how much room is left."), e.into()))?;
        match about.f_bavail.saturating_mul(about.f_frsize) < limits::DISK_FAIL {
            true => Err(unwell("ディスクの空きが足りません。", "The disk is almost full.")),
            false => Ok(()),
        }
    }

    /// A row of the audit log is a row like any other: written, durable, read again.
    fn books_work(&self, now: Time) -> Result<()> {
        let mark = format!("{:x}", u64::from_be_bytes(seal::random::<8>()?));
        self.store.write(&By::house("health"), now, Deed::new("house.check", mark.clone()), |_| Ok(()))?;
        let newest = self.store.audit_newest(None, limits::AUDIT_PAGE)?;
        match newest.iter().any(|line| line.about == mark) {
            true => Ok(()),
            false => Err(unwell("書いた行を読み戻せません。", "A row that was written is not there.")),
        }
    }

    fn keys_work(&self) -> Result<()> {
        let key = self.store.keys().token("health");
        let sealed = key.seal(b"health", b"well")?;
        match key.open(b"health", &sealed)?.as_slice() == b"well" {
            true => Ok(()),
            false => Err(unwell("封をした値を開けません。", "A sealed value does not open.")),
        }
    }

    fn files_work(&self) -> Result<()> {
        let io = |e| Error::io(say!("ファイルを確認できません。", "Files cannot be checked."), e);
        let mut spool = self.store.blobs().spool()?;
        spool.write_all(b"well").map_err(io)?;
        let mut back = Vec::new();
        spool.into_reader()?.read_to_end(&mut back).map_err(io)?;
        if back != b"well" {
            return Err(unwell("ファイルを読み戻せません。", "A file that was written does not read back."));
        }
        match self.store.blobs().any()? {
            Some(id) => self.store.blobs().read(&id)?.read(&mut [0; 1]).map(drop).map_err(io),
            None => Ok(()),
        }
    }

    fn queue_is_readable(&self) -> Result<()> {
        for campaign in campaign::list(&self.store, Some(State::Sending), None, limits::PAGE_MAX)? {
            if let Some(run) = campaign.run
                && let Some(ledger) = Ledger::find(&self.store, run)?
            {
                ledger.counts()?;
            }
        }
        Ok(())
    }
}

fn unwell(ja: &str, en: &str) -> Error {
    Error::new(Kind::Unhealthy, crate::base::Say::new(ja.to_owned(), en.to_owned()))
}
