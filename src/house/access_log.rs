//! The access log: what the door saw, in a journal file per month. Values are sealed; a key is the time and a number,
//! so that lines stand in their order. A month that is old enough goes as one file.

use super::House;
use crate::base::link::AccessLine;
use crate::base::{Error, Kind, Result, Time, clock, limits, seal};
use std::collections::BTreeMap;

const PREFIX: &str = "access-";
const LINES: &str = "lines";
const HEALTH: &str = "health";

impl House {
    /// Durable when this returns.
    pub fn log_access(&self, lines: &[AccessLine]) -> Result<()> {
        let mut months: BTreeMap<String, Vec<&AccessLine>> = BTreeMap::new();
        for line in lines {
            months.entry(file_of(Time(line.at))).or_default().push(line);
        }
        for (month, lines) in months {
            self.store.journal().file(&month)?.write(|batch| {
                for (n, line) in lines.iter().enumerate() {
                    let value = serde_json::to_vec(line).map_err(Error::bug)?;
                    batch.put(LINES, &key(line.at, n)?, &value)?;
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    pub(super) fn access_journal_works(&self, now: Time) -> Result<()> {
        let mark = seal::random::<16>()?;
        let file = self.store.journal().file(&file_of(now))?;
        file.write(|batch| batch.put(HEALTH, b"", &mark))?;
        match file.read(|view| view.get(HEALTH, b""))?.as_deref() == Some(&mark) {
            true => Ok(()),
            false => Err(Error::new(
                Kind::Unhealthy,
                say!("ジャーナルに書いた値を読み戻せません。", "What was written to the journal does not read back."),
            )),
        }
    }

    pub(super) fn forget_access(&self, now: Time) -> Result<()> {
        let oldest = file_of(now.minus(limits::ACCESS_KEPT));
        let journal = self.store.journal();
        for name in journal.names()?.iter().filter(|n| n.starts_with(PREFIX) && n.as_str() < oldest.as_str()) {
            journal.remove(name)?;
        }
        Ok(())
    }
}

fn file_of(at: Time) -> String {
    format!("{PREFIX}{}", at.zoned(&clock::japan()).strftime("%Y-%m"))
}

/// Two lines of one moment, also from two batches, have keys of their own.
fn key(at: i64, n: usize) -> Result<[u8; 16]> {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&at.to_be_bytes());
    key[8..12].copy_from_slice(&u32::try_from(n).unwrap_or(u32::MAX).to_be_bytes());
    key[12..].copy_from_slice(&seal::random::<4>()?);
    Ok(key)
}
