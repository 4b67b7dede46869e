//! Reads the ledger a page at a time and puts every row where it waits: into the one queue of a relay, or into that of
//! its domain's mail hosts. So a receiver that is slow holds up nobody but its own.

use super::direct::{Direct, Found};
use super::floor::Floor;
use super::queue::Queue;
use super::row::Row;
use super::{Route, verdict};
use crate::base::{Result, Time, limits};
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

pub(super) struct Sorter {
    /// The queue of everybody, where there is a relay.
    relay: Option<Arc<Queue>>,
    /// Rows whose domain DNS is being asked about.
    unknown: HashMap<String, Vec<Row>>,
    asks: FuturesUnordered<Pin<Box<dyn Future<Output = Answer>>>>,
    /// Nothing was there at the last look.
    dry: bool,
}

/// Where a domain's mail goes.
pub(super) type Answer = (String, Found);

impl Sorter {
    pub(super) fn new(floor: &Floor<'_>) -> Sorter {
        let relay = floor.route.relay_for(&floor.policy).map(|to| floor.queue(&Arc::new(to)));
        Sorter { relay, unknown: HashMap::new(), asks: FuturesUnordered::new(), dry: false }
    }

    /// Nobody is left who could be sorted now.
    pub(super) fn is_dry(&self) -> bool {
        self.dry && self.asks.is_empty()
    }

    /// The next answer of DNS; never, when nothing is asked.
    pub(super) async fn answer(&mut self) -> Answer {
        match self.asks.next().await {
            Some(answer) => answer,
            None => std::future::pending().await,
        }
    }

    /// Puts those who waited for it where they belong.
    pub(super) async fn answered(&mut self, floor: &Floor<'_>, (domain, found): Answer) {
        for row in self.unknown.remove(&domain).unwrap_or_default() {
            place(floor, &found, row).await;
        }
        self.tell(floor);
    }

    /// Whether somebody may still come to a queue.
    fn tell(&self, floor: &Floor<'_>) {
        floor.all_sorted.store(self.is_dry(), Ordering::SeqCst);
        if self.is_dry() {
            floor.all_queues().iter().for_each(|queue| queue.came.notify_waiters());
        }
    }

    /// One page, if there is room for it.
    pub(super) async fn sort(&mut self, floor: &Floor<'_>) -> Result<()> {
        if self.has_enough(floor) {
            return Ok(());
        }
        let now = floor.now();
        let page = floor.claims.lock().unwrap_or_else(PoisonError::into_inner).page(&floor.ledger, now)?;
        self.dry = page.is_empty();
        match (&self.relay, &floor.route) {
            (Some(queue), _) => page.into_iter().for_each(|row| queue.push(row)),
            (None, Route::Direct(direct)) => self.by_domain(floor, direct, (page, now)).await?,
            (None, Route::Relay(_)) => {}
        }
        self.tell(floor);
        Ok(())
    }

    /// Whether there is no room for another page.
    pub(super) fn has_enough(&self, floor: &Floor<'_>) -> bool {
        match &self.relay {
            Some(queue) => queue.len() >= limits::CLAIM_PAGE,
            None if self.asks.len() >= limits::DNS_ASKS => true,
            None => floor.all_queues().iter().map(|queue| queue.len()).sum::<usize>() >= limits::WAITING_MAX,
        }
    }

    async fn by_domain(
        &mut self,
        floor: &Floor<'_>,
        direct: &Arc<Direct>,
        (page, now): (Vec<Row>, Time),
    ) -> Result<()> {
        let contacts: Vec<_> = page.iter().map(|row| row.contact).collect();
        let domains = floor.letters.domains(&contacts)?;
        for (row, domain) in page.into_iter().zip(domains) {
            if domain.as_ref().is_some_and(|domain| direct.is_held(domain)) {
                verdict::put_off(floor, row, now.plus(limits::HELD_LOOK), (0, "held")).await;
                continue;
            }
            match domain.map(|domain| (direct.known(&domain, now), domain)) {
                Some((Some(found), _)) => place(floor, &found, row).await,
                Some((None, domain)) => self.ask(direct, domain, (row, now)),
                // Nobody is there any more; what to say about it is the letter's to know.
                None => verdict::settle_gone(floor, row).await,
            }
        }
        Ok(())
    }

    /// The row waits until it is known where its domain's mail goes.
    fn ask(&mut self, direct: &Arc<Direct>, domain: String, (row, now): (Row, Time)) {
        if let Some(rows) = self.unknown.get_mut(&domain) {
            return rows.push(row);
        }
        self.unknown.insert(domain.clone(), vec![row]);
        let direct = Arc::clone(direct);
        self.asks.push(Box::pin(async move {
            let found = direct.find(&domain, now).await;
            (domain, found)
        }));
    }
}

async fn place(floor: &Floor<'_>, found: &Found, row: Row) {
    match found {
        Found::At(to) => match to.shape.resting(floor.now()) {
            None => floor.queue(to).push(row),
            Some(until) => verdict::put_off(floor, row, until, (0, "resting")).await,
        },
        Found::Never(word) => floor.clerk.settle(verdict::unreachable(floor, &row, word)).await,
        Found::NotNow => floor.clerk.settle(verdict::deferred(floor, row, 0, "dns".to_owned())).await,
    }
}
