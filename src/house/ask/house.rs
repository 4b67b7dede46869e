//! Asks about the house itself: `status`, `config show`.

use super::Answer;
use crate::base::provider::Provider;
use crate::base::{Result, Time};
use crate::house::House;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Debug, Serialize, Deserialize)]
pub enum HouseAsk {
    Status,
    Config,
}

pub(super) fn answer(house: &House, now: Time, ask: HouseAsk) -> Result<Answer> {
    match ask {
        HouseAsk::Status => Answer::of(status(house, now)?),
        HouseAsk::Config => Answer::of(config(house)),
    }
}

fn status(house: &House, now: Time) -> Result<Value> {
    Ok(json!({
        "data": house.data(),
        "version": env!("CARGO_PKG_VERSION"),
        "serving": house.is_serving(),
        "sound": house.store.is_sound(),
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
        "language": boot.lang,
        "key": key,
    })
}
