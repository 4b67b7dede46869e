//! `hakobu relay`: the next mail host.

use super::{Answer, Hidden};
use crate::base::{By, Email, Lang, Result, Secret, Time};
use crate::delivery::{self, Finish, Relay, Reply, Route};
use crate::house::House;
use crate::house::running::no_relay;
use crate::store::Deed;
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Debug, Serialize, Deserialize)]
pub enum RelayAsk {
    Show,
    Set {
        url: String,
        password: Option<Hidden>,
        ca: Option<String>,
    },
    /// Connects, signs in, says goodbye.
    Check,
    /// One test mail.
    Test {
        to: Hidden,
    },
}

pub(super) fn answer(house: &House, by: &By, now: Time, ask: RelayAsk) -> Result<Answer> {
    match ask {
        RelayAsk::Show => {}
        RelayAsk::Set { url, password, ca } => set(house, by, now, (url, password, ca))?,
        RelayAsk::Check => {
            delivery::check(&Route::from(house.relay()?))?;
            return Answer::of(json!({"relay": house.relay()?.url(), "ok": true}));
        }
        RelayAsk::Test { to } => {
            let reply = house.send_test_mail(by, now, &Email::parse(&to.0)?, house.boot.lang)?;
            return Answer::of(json!({"accepted": true, "code": reply.code}));
        }
    }
    let relay = delivery::relay(&house.store)?;
    Answer::of(json!({
        "relay": relay.as_ref().map(Relay::url),
        "login": relay.as_ref().is_some_and(|r| r.login.is_some()),
        "own_ca": relay.as_ref().is_some_and(|r| r.extra_ca.is_some()),
    }))
}

/// URL, password, certificates of a private authority.
type New = (String, Option<Hidden>, Option<String>);

fn set(house: &House, by: &By, now: Time, (url, password, ca): New) -> Result<()> {
    let mut relay = Relay::parse(&url)?;
    if let Some(password) = password {
        relay = relay.with_password(Secret::new(password.0.into_bytes()))?;
    }
    if let Some(ca) = ca {
        relay = relay.with_extra_ca(ca);
    }
    house.set_relay(by, now, &relay)
}

impl House {
    /// The relay, or the sentence that says how to set one.
    pub fn relay(&self) -> Result<Relay> {
        delivery::relay(&self.store)?.ok_or_else(no_relay)
    }

    /// The way out of the house, or the sentence that says how to set one.
    pub fn route(&self) -> Result<Route> {
        self.routes.current(&self.store)?.ok_or_else(no_relay)
    }

    /// Whether there is one.
    pub fn has_route(&self) -> Result<bool> {
        Ok(self.routes.current(&self.store)?.is_some())
    }

    /// Sends one mail about nothing by the way out; what the next host answered.
    pub fn send_test_mail(&self, by: &By, now: Time, to: &Email, lang: Lang) -> Result<Reply> {
        let route = self.route()?;
        let from = Email::parse(&format!("hakobu@{}", self.boot.domain))?;
        let letter = Finish::of(&self.store, &from)?.letter(delivery::test_mail(&from, to, lang, now)?, now)?;
        let reply = delivery::send_one(&route, &letter)?;
        self.store.write(by, now, Deed::new("delivery.test_mail", "relay"), |_| Ok(()))?;
        Ok(reply)
    }
}
