//! Straight to the receivers' mail hosts: where a domain's mail goes (`mx` decides), and one
//! conversation with the first host that answers (`reach`).
//!
//! One [`Direct`] serves every run of a process, so that what one run learns of a receiver holds for the others:
//! connections are counted and paced per receiving group, whoever they are for.
//!
//! **Invariant:** an MX record never leads into this network, unless the settings say that it may.

mod held;
mod mx;
mod reach;
mod settings;

pub use held::{held, set_held};
pub use settings::{DirectSettings, SenderAddress, direct, set_direct};

use super::destination::{Destination, Hosts, Shape};
use super::shaping::Group;
use super::smtp::session::Trust;
use super::smtp::{Trouble, Waits, session::Session};
use crate::base::names::{Names, Records};
use crate::base::{Result, Time, limits};
use mx::Path;
use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub struct Direct {
    settings: DirectSettings,
    groups: Vec<Group>,
    names: Names,
    trust: Trust,
    known: Mutex<Known>,
    /// Which of our addresses is next.
    turn: AtomicUsize,
    /// Receivers, by group or domain, whose mail a person holds back.
    held: Mutex<BTreeSet<String>>,
}

#[derive(Default)]
struct Known {
    /// By domain, until then.
    paths: HashMap<String, (Found, Time)>,
    /// By group, or by hosts for those who are in none of their own.
    shapes: HashMap<String, Arc<Shape>>,
    throw: u64,
}

/// What is known of a domain.
#[derive(Clone)]
pub(super) enum Found {
    At(Arc<Destination>),
    /// Mail to it can never be taken; the word for the ledger.
    Never(&'static str),
    NotNow,
}

impl Direct {
    pub fn new(settings: DirectSettings, groups: Vec<Group>, names: Names) -> Result<Direct> {
        let trust = Trust::for_receivers().map_err(Trouble::into_error)?;
        Ok(Direct {
            settings,
            groups,
            names,
            trust,
            known: Mutex::default(),
            turn: AtomicUsize::new(0),
            held: Mutex::default(),
        })
    }

    /// Whether it was made of these.
    pub fn is_of(&self, settings: &DirectSettings, groups: &[Group]) -> bool {
        self.settings == *settings && self.groups == groups
    }

    /// What is known already, without asking anybody.
    pub(super) fn known(&self, domain: &str, now: Time) -> Option<Found> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.paths.get(domain).filter(|(_, until)| now < *until).map(|(found, _)| found.clone())
    }

    pub(super) async fn find(&self, domain: &str, now: Time) -> Found {
        let mx = self.names.mail_hosts(domain).await;
        // Without MX records the domain itself is the host, if it has an address.
        let nowhere = match mx {
            Records::Absent => match self.names.addresses(domain).await {
                Records::Found(_) => None,
                Records::Absent => Some(Found::Never("no_domain")),
                Records::Unknown => Some(Found::NotNow),
            },
            Records::Found(_) | Records::Unknown => None,
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.throw = known.throw.wrapping_add(1);
        let found = nowhere.unwrap_or_else(|| match mx::path(domain, mx, &self.settings.names(), known.throw) {
            Path::Hosts(hosts) => Found::At(Arc::new(self.destination(&mut known, domain, hosts))),
            Path::NullMx => Found::Never("null_mx"),
            Path::Ourselves => Found::Never("mx_loop"),
            Path::NotKnown => Found::NotNow,
        });
        let kept = if matches!(found, Found::NotNow) { limits::MX_KEPT_UNKNOWN } else { limits::MX_KEPT };
        if known.paths.len() >= limits::MX_KNOWN {
            known.paths.retain(|_, (_, until)| now < *until);
        }
        if known.paths.len() < limits::MX_KNOWN {
            known.paths.insert(domain.to_owned(), (found.clone(), now.plus(kept)));
        }
        found
    }

    fn destination(&self, known: &mut Known, domain: &str, hosts: Vec<String>) -> Destination {
        let group = Group::of(&self.groups, domain, &hosts);
        let of_its_own = group.is_some_and(Group::is_one_receiver);
        // Domains with the same hosts are one receiver, in whatever order the hosts were drawn.
        let mut sorted = hosts.clone();
        sorted.sort();
        let key = match group {
            Some(group) if of_its_own => group.name.clone(),
            Some(_) | None => sorted.join(" "),
        };
        let name = if of_its_own { key.clone() } else { domain.to_owned() };
        let limits = group.map(|g| g.limits.clone()).unwrap_or_default();
        let shape = known.shapes.entry(key).or_insert_with(|| Arc::new(Shape::new(name, limits)));
        shape.hold(self.held().contains(shape.name()));
        Destination { key: sorted.join(" "), hosts: Hosts::Mx(hosts), shape: Arc::clone(shape) }
    }

    /// From now on these are held back, by group or domain, and nobody else.
    pub fn hold(&self, names: BTreeSet<String>) {
        *self.held() = names;
        for shape in self.shapes() {
            shape.hold(self.held().contains(shape.name()));
        }
    }

    /// Whether a person holds back this domain's mail.
    pub(super) fn is_held(&self, domain: &str) -> bool {
        self.held().contains(domain)
    }

    fn held(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every receiver that was written to, as it stands now.
    pub fn shapes(&self) -> Vec<Arc<Shape>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut shapes: Vec<_> = known.shapes.values().cloned().collect();
        shapes.sort_by(|a, b| a.name().cmp(b.name()));
        shapes
    }

    pub(super) async fn open(&self, hosts: &[String], waits: Waits) -> std::result::Result<Session, Trouble> {
        reach::open(self, hosts, waits).await
    }
}

#[cfg(test)]
mod tests;
