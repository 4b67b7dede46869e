//! What all connections share.

use super::access::Access;
use super::body::Desk;
use super::pages;
use super::places::Places;
use super::plan;
use super::rates::Rates;
use super::relay::Relay;
use super::settings::{Bounds, FrontSettings, Speaks};
use super::table::RouteTable;
use super::tls::{self, Certificates};
use crate::base::{Error, Result, seal};
use crate::door::gate::{Behind, Gate};
use data_encoding::BASE32_NOPAD;
use hyper::header::HeaderValue;
use ipnet::IpNet;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;
use tokio::sync::watch;

pub(crate) struct State {
    pub(crate) gate: Arc<Gate>,
    pub(crate) relay: Arc<Relay>,
    pub(crate) desk: Desk,
    pub(crate) access: Access,
    pub(crate) places: Arc<Places>,
    /// Of connections that bring mail.
    pub(crate) mail_places: Arc<Places>,
    pub(crate) by_address: Rates,
    pub(crate) by_token: Rates,
    pub(crate) trusted: Vec<IpNet>,
    pub(crate) proxy_protocol: bool,
    pub(crate) public_host: Option<String>,
    pub(crate) public_https: bool,
    pub(crate) certificates: Arc<Certificates>,
    /// There where a listener speaks HTTPS, or may be asked to protect mail.
    pub(crate) tls: Option<Arc<rustls::ServerConfig>>,
    pub(crate) policy: HeaderValue,
    pub(crate) phase: watch::Sender<Phase>,
    table: RwLock<Known>,
    ids: Ids,
    began: Instant,
}

/// How far a front is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Listening,
    /// Another one listens: who is here is answered, and told to come back by a new connection.
    Lingering,
    /// Who rests is sent away.
    Stopping,
}

/// The routes of the last worker that was seen.
#[derive(Clone, Default)]
pub(crate) struct Known {
    pub(crate) number: u64,
    pub(crate) table: Arc<RouteTable>,
}

struct Ids {
    keyed: RandomState,
    next: AtomicU64,
}

impl State {
    pub(crate) fn new(
        settings: &FrontSettings,
        gate: Arc<Gate>,
        access: Access,
        certificates: Arc<Certificates>,
        descriptors: usize,
    ) -> Result<State> {
        let first = u64::from_be_bytes(seal::random::<8>()?);
        let policy = HeaderValue::from_str(&pages::policy()).map_err(|e| Error::bug(format!("policy: {e}")))?;
        let url = settings.public_url.as_deref().unwrap_or_default();
        let public_host = url.split("://").nth(1).and_then(|rest| rest.split('/').next()).map(str::to_owned);
        Ok(State {
            relay: Relay::new(Arc::clone(&gate)),
            gate,
            desk: Desk::new(settings.spool.clone())?,
            access,
            places: Places::new(settings.bounds, descriptors),
            mail_places: Places::new(
                Bounds {
                    connections: settings.bounds.mail,
                    per_address: settings.bounds.mail_per_address,
                    ..settings.bounds
                },
                descriptors,
            ),
            by_address: Rates::new(settings.bounds.address_rate),
            by_token: Rates::new(settings.bounds.token_rate),
            trusted: settings.trusted_proxies.clone(),
            proxy_protocol: settings.proxy_protocol,
            public_host,
            public_https: settings.has_public_https(),
            tls: settings
                .listening
                .iter()
                .any(|l| matches!(l.speaks, Speaks::Https | Speaks::Smtp))
                .then(|| tls::config(&certificates))
                .transpose()?,
            certificates,
            policy,
            phase: watch::Sender::new(Phase::Listening),
            table: RwLock::default(),
            ids: Ids { keyed: RandomState::new(), next: AtomicU64::new(first) },
            began: Instant::now(),
        })
    }

    /// Connections of every kind.
    pub(crate) fn taken(&self) -> usize {
        self.places.taken() + self.mail_places.taken()
    }

    /// Comes back when the front stops.
    pub(crate) async fn stopped(&self) {
        self.reached(Phase::Stopping).await;
    }

    /// Comes back when the front takes no connection any more.
    pub(crate) async fn lingering(&self) {
        self.reached(Phase::Lingering).await;
    }

    async fn reached(&self, phase: Phase) {
        // The sender lives as long as this state does.
        self.phase.subscribe().wait_for(|now| *now >= phase).await.ok();
    }

    pub(crate) fn takes_more(&self) -> bool {
        *self.phase.borrow() == Phase::Listening
    }

    /// Milliseconds since the front began: what the rates count in.
    pub(crate) fn ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Sixteen letters and digits that nobody else has and nobody can foresee.
    pub(crate) fn id(&self) -> String {
        let number = self.ids.next.fetch_add(1, Ordering::Relaxed);
        let mut bytes = [0u8; 10];
        bytes[..8].copy_from_slice(&self.ids.keyed.hash_one(number).to_be_bytes());
        bytes[8..].copy_from_slice(&(number as u16).to_be_bytes());
        BASE32_NOPAD.encode(&bytes)
    }

    pub(crate) fn is_trusted(&self, ip: IpAddr) -> bool {
        self.trusted.iter().any(|net| net.contains(&ip))
    }

    /// The routes to go by before the gate is passed: those of the worker that answers, or of the last one; where
    /// there never was one, those of the first to come.
    pub(crate) async fn routes(&self) -> Result<Known, plan::Fault> {
        if let Some(behind) = self.gate.behind() {
            return Ok(self.routes_of(&behind));
        }
        let known = self.known();
        if known.number > 0 {
            return Ok(known);
        }
        let pass = self.gate.enter().await.map_err(super::relay::turned_away)?;
        Ok(self.routes_of(&pass.behind))
    }

    pub(crate) fn routes_of(&self, behind: &Behind) -> Known {
        let known = self.known();
        if known.number == behind.number {
            return known;
        }
        let new = Known { number: behind.number, table: Arc::new(RouteTable::new(&behind.routes)) };
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        // A request that entered before a switch does not bring the old routes back.
        if new.number > table.number {
            *table = new.clone();
        }
        new
    }

    fn known(&self) -> Known {
        self.table.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
