//! `hakobu relay`: the next mail host.

use super::{Answer, Hidden};
use crate::base::{By, Result, Secret, Time};
use crate::delivery::{self, Relay};
use crate::house::House;
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Debug, Serialize, Deserialize)]
pub enum RelayAsk {
    Show,
    Set { url: String, password: Option<Hidden>, ca: Option<String> },
}

pub(super) fn answer(house: &House, by: &By, now: Time, ask: RelayAsk) -> Result<Answer> {
    if let RelayAsk::Set { url, password, ca } = ask {
        let mut relay = Relay::parse(&url)?;
        if let Some(password) = password {
            relay = relay.with_password(Secret::new(password.0.into_bytes()))?;
        }
        if let Some(ca) = ca {
            relay = relay.with_extra_ca(ca);
        }
        delivery::set_relay(&house.store, by, now, &relay)?;
    }
    let relay = delivery::relay(&house.store)?;
    Answer::of(json!({
        "relay": relay.as_ref().map(Relay::url),
        "login": relay.as_ref().is_some_and(|r| r.login.is_some()),
        "own_ca": relay.as_ref().is_some_and(|r| r.extra_ca.is_some()),
    }))
}
