//! Asks about the house itself: `status`, `config show`.

use super::Answer;
use crate::base::provider::Provider;
use crate::base::{Kind, Result, Time, limits};
use crate::campaigns::{State, campaign};
use crate::contacts::people;
use crate::house::House;
use crate::house::doctor::{self, Health};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Debug, Serialize, Deserialize)]
pub enum HouseAsk {
    Status,
    Config,
    Doctor,
}

pub(super) fn answer(house: &House, now: Time, ask: HouseAsk) -> Result<Answer> {
    match ask {
        HouseAsk::Status => Answer::of(status(house, now)?),
        HouseAsk::Config => Answer::of(config(house)),
        HouseAsk::Doctor => {
            let findings = doctor::examine(house);
            let ill = findings.iter().any(|f| f.health == Health::Fail);
            let answer = Answer::of(json!({"healthy": !ill, "checks": findings}))?;
            Ok(if ill { answer.but(Kind::Unhealthy) } else { answer })
        }
    }
}

fn status(house: &House, now: Time) -> Result<Value> {
    let sending: Vec<Value> = campaign::list(&house.store, Some(State::Sending), None, limits::PAGE_MAX)?
        .iter()
        .map(|c| json!({"campaign": c.id, "name": c.draft.name, "state": c.state}))
        .collect();
    Ok(json!({
        "data": house.data(),
        "version": house.build.version,
        "serving": house.is_serving(),
        "sound": house.store.is_sound(),
        "contacts": people::count(&house.store)?,
        "running": sending,
        "at": now.rfc3339(&crate::base::clock::japan()),
    }))
}

fn config(house: &House) -> Value {
    let boot = &house.boot;
    let key = match &boot.key {
        Provider::File { path } => json!({"provider": boot.key.name(), "path": path}),
        Provider::Passphrase => json!({"provider": boot.key.name()}),
        Provider::Credential { name } => json!({"provider": boot.key.name(), "name": name}),
        // The words of a command may hold what nobody should read.
        Provider::Command { argv } => json!({"provider": boot.key.name(), "program": argv.first()}),
    };
    json!({
        "data": house.data(),
        "domain": boot.domain,
        "public_url": boot.public_url,
        "listen": boot.listen.to_string(),
        "door": boot.door,
        "mail": boot.mail,
        "language": boot.lang,
        "key": key,
    })
}
