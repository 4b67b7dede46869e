//! `hakobu alarm`: where the mail goes that leaves when all else is down.

use super::{Answer, Hidden};
use crate::alarm::{Log, Settings};
use crate::base::{By, Email, Result, Time, clock};
use crate::delivery;
use crate::house::House;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Debug, Serialize, Deserialize)]
pub enum AlarmAsk {
    Show,
    Set { to: Hidden },
    Test,
}

pub(super) fn answer(house: &House, by: &By, now: Time, ask: AlarmAsk) -> Result<Answer> {
    match ask {
        AlarmAsk::Show => {}
        AlarmAsk::Set { to } => house.set_alarm_to(by, now, &Email::parse(&to.0)?)?,
        AlarmAsk::Test => {
            house.test_alarm(now)?;
            return Answer::of(json!({"sent": true}));
        }
    }
    let copy = Settings::read(house.data(), &house.door_key()).ok().flatten();
    let attempts: Vec<Value> = Log::read(house.data())
        .attempts
        .iter()
        .rev()
        .map(|a| json!({"at": a.at.rfc3339(&clock::japan()), "event": a.event, "left": a.left, "why": a.why}))
        .collect();
    Answer::of(json!({
        "to": delivery::alarm_to(&house.store)?.map(|to| to.to_string()),
        "relay": delivery::relay(&house.store)?.map(|r| r.url()),
        "ready": copy.is_some(),
        "attempts": attempts,
    }))
}
