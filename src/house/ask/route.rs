//! `hakobu mail direct|shaping|queue`: straight to the receivers, how fast, and what waits.

use super::Answer;
use crate::base::{By, Error, Result, Time};
use crate::campaigns::run;
use crate::delivery::{self, DirectSettings, Group, Limits, Route, SenderAddress, Shape};
use crate::delivery::{domains, receivers};
use crate::house::House;
use crate::store::{Deed, Store};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Debug, Serialize, Deserialize)]
pub enum RouteAsk {
    Direct(Option<DirectAsk>),
    Shaping(ShapingAsk),
    Queue(QueueAsk),
}

#[derive(Debug, Serialize, Deserialize)]
pub enum DirectAsk {
    /// Senders as `NAME` or `NAME=ADDRESS`.
    Set {
        senders: Vec<String>,
        port: u16,
        private: bool,
    },
    Off,
}

#[derive(Debug, Serialize, Deserialize)]
pub enum ShapingAsk {
    List,
    Set {
        group: String,
        connections: Option<u16>,
        per_connection: Option<u32>,
        /// 0: without a bound.
        per_minute: Option<u32>,
    },
    Reset {
        group: String,
    },
}

#[derive(Debug, Serialize, Deserialize)]
pub enum QueueAsk {
    Show {
        receiver: Option<String>,
    },
    Pause {
        receiver: String,
    },
    Resume {
        receiver: String,
    },
    /// Everything that is deferred is due now.
    Retry,
}

pub(super) fn answer(house: &House, by: &By, now: Time, ask: RouteAsk) -> Result<Answer> {
    match ask {
        RouteAsk::Direct(ask) => direct(house, by, now, ask),
        RouteAsk::Shaping(ask) => shaping(house, by, now, ask),
        RouteAsk::Queue(ask) => queue(house, by, now, ask),
    }
}

fn direct(house: &House, by: &By, now: Time, ask: Option<DirectAsk>) -> Result<Answer> {
    match ask {
        None => {}
        Some(DirectAsk::Off) => delivery::set_direct(&house.store, by, now, None)?,
        Some(DirectAsk::Set { senders, port, private }) => {
            let senders = match senders.is_empty() {
                true => as_receivers_see_us(&house.store)?,
                false => senders.iter().map(|text| sender(text)).collect::<Result<_>>()?,
            };
            delivery::set_direct(&house.store, by, now, Some(&DirectSettings { senders, port, private }))?;
        }
    }
    let settings = delivery::direct(&house.store)?;
    Answer::of(json!({
        "direct": settings.is_some(),
        "senders": settings.as_ref().map(|s| &s.senders),
        "port": settings.as_ref().map(|s| s.port),
        "private": settings.as_ref().map(|s| s.private),
    }))
}

/// By the name and from the addresses that `mail sending` holds.
fn as_receivers_see_us(store: &Store) -> Result<Vec<SenderAddress>> {
    let sending = domains::sending(store)?;
    let Some(hello) = sending.helo.map(|name| name.to_string()) else { return Ok(Vec::new()) };
    let from: Vec<_> = sending.addresses.iter().map(|source| Some(source.own)).collect();
    let from = if from.is_empty() { vec![None] } else { from };
    Ok(from.into_iter().map(|from| SenderAddress { hello: hello.clone(), from }).collect())
}

fn sender(text: &str) -> Result<SenderAddress> {
    let (hello, from) = text.split_once('=').map_or((text, None), |(hello, from)| (hello, Some(from)));
    let from = from.map(|from| from.parse()).transpose().map_err(|_| {
        Error::refused(say!("送信元のアドレスが正しくありません。", "This is no address to send from."))
            .hint(say!("NAME または NAME=IP の形で指定してください。", "Write NAME, or NAME=IP."))
    })?;
    Ok(SenderAddress { hello: hello.to_owned(), from })
}

fn shaping(house: &House, by: &By, now: Time, ask: ShapingAsk) -> Result<Answer> {
    let store = &house.store;
    match ask {
        ShapingAsk::List => {}
        ShapingAsk::Reset { group } => delivery::set_group(store, by, now, &group, None)?,
        ShapingAsk::Set { group, connections, per_connection, per_minute } => {
            let before = delivery::groups(store)?.into_iter().find(|g| g.name == group).map(|g| g.limits);
            let before = before.unwrap_or_default();
            let limits = Limits {
                connections: connections.unwrap_or(before.connections),
                per_connection: per_connection.unwrap_or(before.per_connection),
                per_minute: per_minute.map_or(before.per_minute, |n| (n > 0).then_some(n)),
                signs: before.signs,
            };
            delivery::set_group(store, by, now, &group, Some(limits))?;
        }
    }
    let groups: Vec<Group> = delivery::groups(store)?;
    Answer::of(json!({"groups": groups}))
}

fn queue(house: &House, by: &By, now: Time, ask: QueueAsk) -> Result<Answer> {
    let store = &house.store;
    let mut due = None;
    let receiver = match ask {
        QueueAsk::Show { receiver } => receiver,
        QueueAsk::Pause { receiver } => hold(house, by, now, (receiver, true))?,
        QueueAsk::Resume { receiver } => hold(house, by, now, (receiver, false))?,
        QueueAsk::Retry => {
            due = Some(run::retry(store, by, now)?);
            house.ring();
            None
        }
    };
    let shapes = match house.routes.current(store)? {
        Some(Route::Direct(direct)) => direct.shapes(),
        Some(Route::Relay(_)) | None => Vec::new(),
    };
    let wanted = |shape: &Shape| receiver.as_ref().is_none_or(|name| name.eq_ignore_ascii_case(shape.name()));
    let receivers: Vec<Value> = shapes.iter().filter(|s| wanted(s)).map(|s| shown(s, now)).collect();
    let open = run::outstanding(store)?;
    let (held, retried) = (delivery::held(store)?, due);
    let paused: Vec<_> = receivers::paused(store)?.iter().map(|receiver| receiver.standing()).collect();
    Answer::of(json!({
        "queued": open.queued + open.sending,
        "deferred": open.deferred,
        "in_doubt": open.in_doubt,
        "held": held,
        "paused": paused,
        "retried": retried,
        "receivers": receivers,
    }))
}

fn hold(house: &House, by: &By, now: Time, (receiver, hold): (String, bool)) -> Result<Option<String>> {
    let paused = receivers::is_paused(&house.store, &receiver)?;
    if hold || !paused || delivery::held(&house.store)?.contains(&receiver) {
        delivery::set_held(&house.store, by, now, &receiver, hold)?;
    }
    if !hold && paused {
        let deed = Deed::new("delivery.resume_receiver", receiver.as_str());
        house.store.write(by, now, deed, |tx| receivers::resume(tx, &receiver))?;
    }
    if let Some(route) = house.routes.current(&house.store)? {
        route.refresh(&house.store)?;
    }
    Ok(Some(receiver))
}

fn shown(shape: &Shape, now: Time) -> Value {
    json!({
        "receiver": shape.name(),
        "waiting": shape.waiting(),
        "connections": shape.open(),
        "most_connections": shape.limits().connections,
        "per_minute": shape.per_minute(),
        "held": shape.is_held(),
        "rests_until": shape.resting(now),
    })
}
