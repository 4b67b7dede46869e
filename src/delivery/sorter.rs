//! Reads the ledger a page at a time and puts every row where it waits: into the one queue of a relay, or into that of
//! its domain's mail hosts. So a receiver that is slow holds up nobody but its own.

use super::direct::{Direct, Found};
use super::floor::Floor;
use super::queue::Queue;
use super::row::Row;
use super::{Route, verdict};
use crate::base::{Result, Time, limits};
use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

pub(super) struct Sorter {
    /// The queue of everybody, where there is a relay.
    relay: Option<Arc<Queue>>,
    /// Rows whose domain DNS is being asked about.
    unknown: Arc<Mutex<HashMap<String, Vec<Row>>>>,
    /// Nothing was there at the last look.
    dry: bool,
}

impl Sorter {
    pub(super) fn new(floor: &Floor) -> Sorter {
        let relay = floor.route.relay_for(&floor.policy).map(|to| floor.queue(&Arc::new(to)));
        Sorter { relay, unknown: Arc::default(), dry: false }
    }

    /// Nobody is left who could be sorted now.
    pub(super) fn is_dry(&self) -> bool {
        self.dry
    }

    /// One page, if there is room for it.
    pub(super) async fn sort(&mut self, floor: &Arc<Floor>) -> Result<()> {
        if self.has_enough(floor) {
            return Ok(());
        }
        let now = floor.now();
        let page = floor.claims.lock().unwrap_or_else(PoisonError::into_inner).page(&floor.ledger, now)?;
        self.dry = page.is_empty();
        floor.all_sorted.store(self.dry, Ordering::SeqCst);
        if self.dry {
            floor.all_queues().iter().for_each(|queue| queue.came.notify_waiters());
        }
        match (&self.relay, &floor.route) {
            (Some(queue), _) => page.into_iter().for_each(|row| queue.push(row)),
            (None, Route::Direct(direct)) => self.by_domain(floor, direct, (page, now)).await?,
            (None, Route::Relay(_)) => {}
        }
        Ok(())
    }

    /// Whether there is no room for another page.
    pub(super) fn has_enough(&self, floor: &Floor) -> bool {
        match &self.relay {
            Some(queue) => queue.len() >= limits::CLAIM_PAGE,
            None => floor.all_queues().iter().map(|queue| queue.len()).sum::<usize>() >= limits::WAITING_MAX,
        }
    }

    async fn by_domain(&self, floor: &Arc<Floor>, direct: &Arc<Direct>, (page, now): (Vec<Row>, Time)) -> Result<()> {
        let contacts: Vec<_> = page.iter().map(|row| row.contact).collect();
        let domains = floor.writers.domains(contacts).await?;
        for (row, domain) in page.into_iter().zip(domains) {
            if domain.as_ref().is_some_and(|domain| direct.is_held(domain)) {
                verdict::put_off(floor, row, now.plus(limits::HELD_LOOK), (0, "held")).await;
                continue;
            }
            match domain.map(|domain| (direct.known(&domain, now), domain)) {
                Some((Some(found), _)) => place(floor, &found, row).await,
                Some((None, domain)) => self.ask(floor, direct, domain, row),
                // Nobody is there any more; what to say about it is the letter's to know.
                None => verdict::settle_gone(floor, row).await,
            }
        }
        Ok(())
    }

    /// The row waits until it is known where its domain's mail goes.
    fn ask(&self, floor: &Arc<Floor>, direct: &Arc<Direct>, domain: String, row: Row) {
        let mut unknown = self.unknown.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rows) = unknown.get_mut(&domain) {
            return rows.push(row);
        }
        unknown.insert(domain.clone(), vec![row]);
        floor.asking.fetch_add(1, Ordering::SeqCst);
        let (floor, direct, unknown) = (Arc::clone(floor), Arc::clone(direct), Arc::clone(&self.unknown));
        tokio::spawn(async move {
            let found = tokio::select! {
                biased;
                () = floor.over() => None,
                found = direct.find(&domain, floor.now()) => Some(found),
            };
            let rows = unknown.lock().unwrap_or_else(PoisonError::into_inner).remove(&domain).unwrap_or_default();
            if let Some(found) = found {
                for row in rows {
                    place(&floor, &found, row).await;
                }
            }
            floor.asking.fetch_sub(1, Ordering::SeqCst);
            floor.changed.notify_one();
        });
    }
}

async fn place(floor: &Arc<Floor>, found: &Found, row: Row) {
    match found {
        Found::At(to) => match to.shape.resting(floor.now()) {
            None => floor.queue(to).push(row),
            Some(until) => verdict::put_off(floor, row, until, (0, "resting")).await,
        },
        Found::Never(word) => floor.clerk.settle(verdict::unreachable(floor, &row, word)).await,
        Found::NotNow => floor.clerk.settle(verdict::deferred(floor, row, 0, "dns".to_owned())).await,
    }
}
