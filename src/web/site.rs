//! What every request shares: the house, and the little that is remembered between a form and the page after it.

use crate::base::Say;
use crate::house::House;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Sentences waiting to be shown, at most this many sessions; older ones were never fetched.
const FLASHES: usize = 1000;

pub(crate) struct Site {
    pub(crate) house: Arc<House>,
    /// `https://news.example.jp`: the one name besides loopback under which the pages answer.
    pub(super) public_url: String,
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
        Site { house, public_url, flashes: Mutex::default() }
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

    pub(super) fn public_host(&self) -> &str {
        let rest = self.public_url.split_once("://").map_or("", |(_, rest)| rest);
        rest.split('/').next().unwrap_or_default()
    }

    pub(super) fn public_is_https(&self) -> bool {
        self.public_url.starts_with("https://")
    }
}
