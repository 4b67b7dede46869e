//! Receivers whose mail a person holds back, by the name of their group or a domain.

use crate::base::{By, Error, Result, Time};
use crate::delivery::rows;
use crate::store::{Deed, Store};
use std::collections::BTreeSet;

const NAME: &str = "held_receivers";

pub fn held(store: &Store) -> Result<BTreeSet<String>> {
    let Some(bytes) = store.read(|c| rows::setting(c, NAME))? else { return Ok(BTreeSet::new()) };
    serde_json::from_slice(&bytes).map_err(Error::bug)
}

/// Holds one back, or no longer; everybody who is held back from now on.
pub fn set_held(store: &Store, by: &By, now: Time, receiver: &str, hold: bool) -> Result<BTreeSet<String>> {
    let (receiver, mut held) = (receiver.trim().to_ascii_lowercase(), held(store)?);
    let changed = if hold { held.insert(receiver.clone()) } else { held.remove(&receiver) };
    if !changed && !hold {
        return Err(Error::missing(say!("{receiver} は止められていません。", "{receiver} is not held back."))
            .hint(say!("hakobu mail queue で確かめてください。", "hakobu mail queue shows who is.")));
    }
    let (what, bytes) = (if hold { "delivery.hold" } else { "delivery.release" }, serde_json::to_vec(&held));
    let bytes = bytes.map_err(Error::bug)?;
    store.write(by, now, Deed::new(what, receiver), |tx| rows::set_setting(tx, NAME, &bytes))?;
    Ok(held)
}
