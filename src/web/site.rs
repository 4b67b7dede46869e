//! What every request shares: the house, and the little that is remembered between a form and the page after it.

use crate::base::link::Surface;
use crate::base::{Say, Time, clock};
use crate::house::House;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Sentences waiting to be shown, at most this many sessions; older ones were never fetched.
const FLASHES: usize = 1000;

pub(crate) struct Site {
    pub(crate) house: Arc<House>,
    public_url: String,
    /// When this process began to answer.
    pub(super) since: Time,
    flashes: Mutex<HashMap<i64, Flash>>,
}

/// One sentence after a redirect: what was done, or why not.
#[derive(Clone, Debug)]
pub(crate) struct Flash {
    pub(crate) good: bool,
    pub(crate) says: Say,
}

impl Site {
    pub(crate) fn new(house: Arc<House>) -> Site {
        let public_url = house.boot.public_url.clone();
        Site { house, public_url, since: clock::now(), flashes: Mutex::default() }
    }

    pub(super) fn remember(&self, session: i64, flash: Flash) {
        let mut all = self.flashes.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= FLASHES {
            all.clear();
        }
        all.insert(session, flash);
    }

    pub(super) fn take_flash(&self, session: i64) -> Option<Flash> {
        self.flashes.lock().unwrap_or_else(PoisonError::into_inner).remove(&session)
    }

    /// Whether `host` is a name of ours on this surface: a name that somebody else points at us (DNS rebinding) is not.
    pub(super) fn answers_to(&self, surface: Surface, host: &str) -> bool {
        let (door, is) = (self.house.door(), |url: &str| host.eq_ignore_ascii_case(host_of(url)));
        let public = is(&self.public_url);
        match surface {
            // A door without a network before it (a look around, a test) stands at loopback on both sides.
            Surface::Public => {
                public || is(&door.public) || (is_loopback_name(host_of(&door.public)) && is_loopback_name(host))
            }
            Surface::Admin => {
                let by_tls = door.admin.starts_with("https://");
                let ours = is_loopback_name(host)
                    || is(&door.admin)
                    || (by_tls && self.is_reached_as(host, host_of(&door.admin)));
                ours || (public && !door.public_listener)
            }
        }
    }

    /// Of an admin listener that others reach, at its port: by a number, which nobody can point elsewhere, or by the
    /// public name.
    fn is_reached_as(&self, host: &str, admin: &str) -> bool {
        let (name, port) = (without_port(host), |h: &str| h[without_port(h).len()..].to_owned());
        if port(host) != port(admin) {
            return false;
        }
        let number = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok();
        number || name.eq_ignore_ascii_case(without_port(host_of(&self.public_url)))
    }

    /// A browser that is told to stay with HTTPS does so for the whole name.
    pub(super) fn speaks_https(&self) -> bool {
        self.public_url.starts_with("https://")
    }

    /// Browsers reach us by TLS under this name, whoever ends it.
    pub(super) fn is_public_https(&self, host: &str) -> bool {
        self.speaks_https() && host.eq_ignore_ascii_case(host_of(&self.public_url))
    }
}

/// `https://news.example.jp:8443/x` stands at `news.example.jp:8443`; what is no URL stands nowhere.
fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    rest.split('/').next().filter(|h| !h.is_empty()).unwrap_or("-")
}

pub(super) fn is_loopback_name(host: &str) -> bool {
    ["localhost", "127.0.0.1", "[::1]"].contains(&without_port(host))
}

fn without_port(host: &str) -> &str {
    let port = |p: &str| p.parse::<u16>().is_ok();
    host.rsplit_once(':').filter(|(n, p)| !n.ends_with(':') && port(p)).map_or(host, |(n, _)| n)
}
