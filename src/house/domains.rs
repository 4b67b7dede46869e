//! Sending domains, seen from the house: which there are, how they stood when they were last looked at, and the clock
//! that looks at those that have keys.

use super::House;
use crate::base::names::Names;
use crate::base::{By, Domain, Result, Time, log};
use crate::campaigns::sender;
use crate::delivery::dkim::{self, Pair, State};
use crate::delivery::domains::{self, Profile, Report};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// What was found last, as long as this process lives: DNS is asked anew sooner than it would be read from a disk.
#[derive(Default)]
pub(super) struct Watch {
    reports: Mutex<BTreeMap<Domain, Report>>,
    looking: Arc<AtomicBool>,
}

impl House {
    /// The house's own domain, those that senders write from, and those that somebody added or made keys for.
    pub fn mail_domains(&self) -> Result<Vec<Domain>> {
        let mut all: BTreeSet<Domain> = BTreeSet::new();
        all.extend(Domain::parse(&self.boot.domain).ok());
        for profile in sender::list(&self.store)? {
            all.extend(profile.sender.from_mailbox().ok().and_then(|m| Domain::parse(m.email.domain()).ok()));
        }
        all.extend(domains::entries(&self.store)?.into_iter().map(|e| e.domain));
        let in_use = |p: &Pair| p.state != State::Gone;
        all.extend(dkim::all(&self.store)?.into_iter().filter(in_use).map(|p| p.domain));
        Ok(all.into_iter().collect())
    }

    /// Asks DNS now: what the domain publishes. A pair that waited and is seen signs from now on.
    pub fn check_domain(&self, by: &By, now: Time, domain: &Domain) -> Result<Report> {
        if let Some(signs) = seen(&self.names, &domains::profile(&self.store, domain)?) {
            dkim::turn(&self.store, by, now, &signs, true)?;
        }
        let report = domains::check(&self.names, &domains::profile(&self.store, domain)?, now);
        if self.mail_domains()?.contains(domain) {
            self.keep_report(report.clone());
        }
        Ok(report)
    }

    fn keep_report(&self, report: Report) {
        let mut reports = self.watch.reports.lock().unwrap_or_else(PoisonError::into_inner);
        reports.insert(report.domain.clone(), report);
    }

    /// As it was found last; `None` before anybody looked.
    pub fn last_report(&self, domain: &Domain) -> Option<Report> {
        self.watch.reports.lock().unwrap_or_else(PoisonError::into_inner).get(domain).cloned()
    }

    /// What was found belongs to other settings.
    pub fn forget_reports(&self) {
        self.watch.reports.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The next pair, made unless one waits; it signs when its records are seen, or `anyway`.
    pub fn rotate_keys(&self, by: &By, now: Time, domain: &Domain, anyway: bool) -> Result<()> {
        let waited = dkim::of(&self.store, domain)?.iter().any(|p| p.state == State::Waiting);
        let pair = dkim::next(&self.store, by, now, domain)?;
        // Whoever asks for a record before it is there makes resolvers remember that it is not.
        let seen = anyway || (waited && domains::is_seen(&self.names, &pair));
        dkim::turn(&self.store, by, now, domain, seen)?;
        self.forget_reports();
        Ok(())
    }

    /// For the clock: looks in a thread of its own at each domain that has keys.
    pub(super) fn watch_domains(self: &Arc<House>, now: Time) -> Result<()> {
        let in_use = |p: &Pair| p.state != State::Gone;
        let keyed: BTreeSet<Domain> = dkim::all(&self.store)?.into_iter().filter(in_use).map(|p| p.domain).collect();
        for domain in &keyed {
            dkim::turn(&self.store, &By::house("domains"), now, domain, false)?;
        }
        // A house to look around in asks nobody.
        if keyed.is_empty() || self.catcher().is_some() || self.watch.looking.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let (house, names) = (Arc::downgrade(self), self.names.clone());
        let looking = Arc::clone(&self.watch.looking);
        let look = move || {
            // Until somebody says that the house ends, or it has.
            keyed.iter().take_while(|domain| look(&house, &names, domain, now).is_some()).for_each(drop);
            looking.store(false, Ordering::Release);
        };
        if std::thread::Builder::new().name("domains".into()).spawn(look).is_err() {
            self.watch.looking.store(false, Ordering::Release);
        }
        Ok(())
    }
}

/// Whose waiting pair is published.
fn seen(names: &Names, profile: &Profile) -> Option<Domain> {
    let waiting = profile.pairs.iter().find(|p| p.state == State::Waiting)?;
    domains::is_seen(names, waiting).then(|| waiting.domain.clone())
}

/// As `check_domain`, but without the house while DNS is asked: a house that is to close must not wait for DNS. `None`
/// when there is nothing to look for any more.
fn look(house: &Weak<House>, names: &Names, domain: &Domain, now: Time) -> Option<()> {
    let open = || house.upgrade().filter(|h| !h.is_ending());
    let told = |e: &crate::base::Error| log::error("domains", e);
    let profile = || open().map(|h| domains::profile(&h.store, domain).inspect_err(told).ok());
    let Some(before) = profile()? else { return Some(()) };
    if let Some(signs) = seen(names, &before) {
        dkim::turn(&open()?.store, &By::house("domains"), now, &signs, true).inspect_err(told).ok();
    }
    let Some(after) = profile()? else { return Some(()) };
    let report = domains::check(names, &after, now);
    open()?.keep_report(report);
    Some(())
}
