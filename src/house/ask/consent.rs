//! `hakobu consent`: what people said about a topic.

use super::Answer;
use crate::base::{By, Result, Time, clock, ids::ContactId};
use crate::contacts::consent::{self, Agreement, Basis, Said};
use crate::contacts::topic;
use crate::house::House;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Debug, Serialize, Deserialize)]
pub enum ConsentAsk {
    Show {
        contact: ContactId,
    },
    Agree(Agreed),
    /// Without a topic: all advertisements.
    Refuse {
        contact: ContactId,
        topic: Option<String>,
        source: String,
    },
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Agreed {
    pub contact: ContactId,
    /// Without one: the default topic.
    pub topic: Option<String>,
    pub basis: Basis,
    pub source: String,
    pub wording: String,
    /// When it was given; now, if that is not said.
    pub at: Option<Time>,
}

pub(super) fn answer(house: &House, by: &By, now: Time, ask: ConsentAsk) -> Result<Answer> {
    let store = &house.store;
    match ask {
        ConsentAsk::Show { contact } => Answer::of(shown(house, contact)?),
        ConsentAsk::Agree(said) => agree(house, by, now, said),
        ConsentAsk::Refuse { contact, topic, source } => {
            let changed = match &topic {
                Some(which) => {
                    let topic = topic::find(store, which)?;
                    consent::refuse(store, by, now, (contact, topic.id), &source)?
                }
                None => consent::refuse_everything(store, by, now, contact, &source)?,
            };
            Answer::of(json!({"contact": contact, "refused": topic.as_deref().unwrap_or("*"), "changed": changed}))
        }
    }
}

fn agree(house: &House, by: &By, now: Time, said: Agreed) -> Result<Answer> {
    let store = &house.store;
    let topic = said.topic.as_deref().map_or_else(|| topic::default(store), |which| topic::find(store, which))?;
    let agreement =
        Agreement { at: said.at.unwrap_or(now), basis: said.basis, source: said.source, wording: said.wording };
    consent::agree(store, by, now, (said.contact, topic.id), &agreement)?;
    Answer::of(json!({"contact": said.contact, "topic": topic.id, "name": topic.name, "basis": said.basis}))
}

fn shown(house: &House, contact: ContactId) -> Result<Value> {
    let states = consent::states(&house.store, contact)?;
    let states: Vec<Value> = states.iter().map(|(t, s)| json!({"topic": t.id, "name": t.name, "state": s})).collect();
    let history: Vec<Value> = consent::history(&house.store, contact)?.iter().map(line).collect();
    Ok(json!({"contact": contact, "topics": states, "history": history}))
}

fn line(said: &Said) -> Value {
    json!({
        "at": said.at.rfc3339(&clock::japan()),
        "topic": said.topic,
        "name": said.topic_name,
        "agreed": said.agreed,
        "basis": said.basis,
        "source": said.source,
        "wording": said.wording,
        "by": said.by,
    })
}
