//! The way out of the house: through a relay, or straight to the receivers.

use super::destination::{Destination, Hosts, Shape};
use super::direct::{self, Direct};
use super::shaping::{Limits, groups};
use super::smtp::session::{Peer, Session, Trust};
use super::smtp::{Trouble, Waits};
use super::{Policy, Relay, receivers, relay};
use crate::base::Result;
use crate::base::names::Names;
use crate::store::Store;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Clone)]
pub enum Route {
    Relay(Box<Relay>),
    Direct(Arc<Direct>),
}

impl From<Relay> for Route {
    fn from(relay: Relay) -> Route {
        Route::Relay(Box::new(relay))
    }
}

/// The way out as it is set, kept so that every run of a process shares what is known of receivers.
pub struct Routes {
    names: Names,
    kept: Mutex<Option<Arc<Direct>>>,
}

impl Routes {
    pub fn new(names: Names) -> Routes {
        Routes { names, kept: Mutex::default() }
    }

    /// `None` before one was set.
    pub fn current(&self, store: &Store) -> Result<Option<Route>> {
        let Some(settings) = direct::direct(store)? else { return Ok(relay(store)?.map(Route::from)) };
        let groups = groups(store)?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let direct = match kept.as_ref().filter(|direct| direct.is_of(&settings, &groups)) {
            Some(direct) => Arc::clone(direct),
            None => {
                let direct = Direct::new(settings, groups, self.names.clone())?;
                Arc::new(direct)
            }
        };
        direct.hold(held_back(store)?);
        *kept = Some(Arc::clone(&direct));
        Ok(Some(Route::Direct(direct)))
    }
}

/// Receivers whose mail does not leave: a person holds it back, or too many of their mailboxes were not there.
fn held_back(store: &Store) -> Result<BTreeSet<String>> {
    let mut names = direct::held(store)?;
    names.extend(receivers::paused(store)?.into_iter().map(|receiver| receiver.domain));
    Ok(names)
}

impl Route {
    /// Hears whose mail is held back by now.
    pub fn refresh(&self, store: &Store) -> Result<()> {
        match self {
            Route::Relay(_) => Ok(()),
            Route::Direct(direct) => held_back(store).map(|names| direct.hold(names)),
        }
    }

    pub fn verify(&self) -> Result<()> {
        match self {
            Route::Relay(relay) => relay.verify(),
            Route::Direct(_) => Ok(()),
        }
    }

    pub fn is_direct(&self) -> bool {
        matches!(self, Route::Direct(_))
    }

    pub(super) fn trust(&self) -> std::result::Result<Option<Trust>, Trouble> {
        match self {
            Route::Relay(relay) => Trust::for_relay(relay).map(Some),
            Route::Direct(_) => Ok(None),
        }
    }

    /// The one destination of a run that goes through a relay.
    pub(super) fn relay_for(&self, policy: &Policy) -> Option<Destination> {
        let Route::Relay(relay) = self else { return None };
        let connections = u16::try_from(policy.connections).unwrap_or(u16::MAX).max(1);
        let limits = Limits { connections, per_connection: policy.per_connection, ..Limits::default() };
        let shape = Arc::new(Shape::at_full_width(relay.host.clone(), limits));
        Some(Destination { key: relay.host.clone(), hosts: Hosts::Relay(relay.clone()), shape })
    }

    pub(super) async fn open(
        &self,
        to: &Destination,
        trust: Option<&Trust>,
        waits: Waits,
    ) -> std::result::Result<Session, Trouble> {
        match (self, &to.hosts) {
            (Route::Direct(direct), Hosts::Mx(hosts)) => direct.open(hosts, waits).await,
            (Route::Relay(_), Hosts::Relay(relay)) => match trust {
                Some(trust) => Session::open(&Peer::relay(relay), trust, waits).await,
                None => Session::open(&Peer::relay(relay), &Trust::for_relay(relay)?, waits).await,
            },
            (Route::Direct(_), Hosts::Relay(_)) | (Route::Relay(_), Hosts::Mx(_)) => {
                Err(Trouble::Ours(say!("送信経路が合いません。", "The route does not fit.")))
            }
        }
    }
}
