//! Campaigns that are being sent: one thread each, started by the clock, joined before the house closes.
//!
//! Pause and cancel are states in the books, which a drive looks at several times a second; so whoever asks for them
//! needs nothing from here. What is here is only who is being driven, and the end of it all.

use super::House;
use crate::base::{Error, Kind, Progress, Result, Time, clock, ids::CampaignId, limits};
use crate::campaigns::drive::{self, Drive, Driven};
use crate::campaigns::{campaign, run};
use crate::delivery::{Ledger, Policy};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

#[derive(Default)]
pub(super) struct Running {
    claims: drive::Running,
    threads: Mutex<Vec<(CampaignId, JoinHandle<Result<Driven>>)>>,
    /// After a failure of ours a campaign is left alone for a while.
    resting: Mutex<HashMap<CampaignId, Time>>,
}

fn lock<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Told by nobody, stopped by the end of the house.
struct Background<'a>(&'a House);

impl Progress for Background<'_> {
    fn tell(&self, _done: u64, _total: u64) {}

    fn stopped(&self) -> bool {
        self.0.is_ending()
    }
}

impl House {
    /// Drives a campaign in this thread until nothing is left to do now. `None` while somebody else drives it.
    pub(super) fn drive(&self, id: CampaignId, progress: &dyn Progress) -> Result<Option<Driven>> {
        let Some(_claim) = self.running.claims.claim(id) else { return Ok(None) };
        let route = self.route()?;
        let drive = Drive {
            store: &self.store,
            route: &route,
            policy: Policy::default(),
            progress,
            clock: Arc::new(clock::now),
        };
        drive::drive(&drive, id).map(Some)
    }

    /// For the clock: starts a thread for each campaign that is due, and tells the first failure of those that ended.
    pub(super) fn drive_due(self: &Arc<House>, now: Time) -> Result<()> {
        let failed = self.join_ended(now);
        for id in run::due(&self.store, now, &self.boot.public_url)? {
            if self.running.claims.is_driven(id) || lock(&self.running.resting).get(&id).is_some_and(|t| *t > now) {
                continue;
            }
            let mut threads = lock(&self.running.threads);
            if threads.len() >= limits::CAMPAIGNS_AT_ONCE {
                break;
            }
            let house = Arc::clone(self);
            let thread = std::thread::Builder::new()
                .name(id.to_string())
                .spawn(move || house.drive(id, &Background(&house)).map(|d| d.unwrap_or(Driven::Stopped)))
                .map_err(|e| Error::io(say!("送信を始められません。", "Cannot start sending."), e))?;
            threads.push((id, thread));
        }
        failed
    }

    fn join_ended(&self, now: Time) -> Result<()> {
        let ended: Vec<_> = lock(&self.running.threads).extract_if(.., |(_, t)| t.is_finished()).collect();
        let mut outcome = Ok(());
        for (id, thread) in ended {
            let failed = thread.join().unwrap_or_else(|_| Err(Error::bug("a drive panicked"))).err();
            if let Some(e) = failed {
                lock(&self.running.resting).insert(id, now.plus(limits::CAMPAIGN_REST));
                outcome = outcome.and(Err(e));
            }
        }
        outcome
    }

    /// Waits for every drive, at most so long; `wind_down` has told them to end. The rows that are on the wire when
    /// the time is over: nobody will know their fate.
    pub fn join_running(&self, within: Duration) -> u64 {
        let since = Instant::now();
        let mut in_doubt = 0;
        self.messages.join(since, within);
        for (id, thread) in std::mem::take(&mut *lock(&self.running.threads)) {
            while !thread.is_finished() && since.elapsed() < within {
                std::thread::park_timeout(Duration::from_millis(5));
            }
            match thread.is_finished() {
                // What it could not finish stands in the ledger, and the next start goes on from there.
                true => drop(thread.join()),
                false => in_doubt += self.on_the_wire(id),
            }
        }
        self.inbound.join(within.saturating_sub(since.elapsed()));
        in_doubt
    }

    fn on_the_wire(&self, id: CampaignId) -> u64 {
        let count = || -> Result<u64> {
            let Some(run) = campaign::get(&self.store, id)?.run else { return Ok(0) };
            Ok(Ledger::find(&self.store, run)?.map_or(Ok(Default::default()), |l| l.counts())?.sending)
        };
        // A figure for people; the rows themselves are named by the next start.
        count().unwrap_or(0)
    }
}

pub(super) fn no_relay() -> Error {
    Error::new(Kind::Config, say!("中継サーバーが設定されていません。", "No relay is set."))
        .hint(say!("設定: hakobu relay set smtp://…", "Set one: hakobu relay set smtp://…"))
}
