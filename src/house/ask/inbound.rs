//! `hakobu mail inbound`, `receiver` and `rules`: what comes back, and what it does.

use super::Answer;
use crate::base::{By, Result, Time, clock, limits};
use crate::contacts::failure;
use crate::delivery::bounces::Rules;
use crate::delivery::inbound::tray::{self, Item, ItemId};
use crate::delivery::inbound::{Domain, WayIn, set_way_in, way_in};
use crate::delivery::receivers::{self, Receiver};
use crate::house::House;
use crate::store::Deed;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Debug, Serialize, Deserialize)]
pub enum InboundAsk {
    List {
        shown: bool,
        most: usize,
    },
    Show {
        id: String,
    },
    Domains,
    /// All of it: what is not named is not there any more.
    SetDomains {
        returns: Option<String>,
        domains: Vec<String>,
    },
    Receivers {
        all: bool,
        after: String,
    },
    Resume {
        domain: String,
        believe: bool,
    },
    /// What is named is set, and all of it is told.
    Rules {
        soft_times: Option<u32>,
        soft_days: Option<u32>,
        hard_percent: Option<u32>,
        hard_least: Option<u32>,
    },
}

pub(super) fn answer(house: &House, by: &By, now: Time, ask: InboundAsk) -> Result<Answer> {
    let store = &house.store;
    match ask {
        InboundAsk::List { shown, most } => {
            let items = tray::list(store, shown, most.min(limits::PAGE_MAX))?;
            Answer::of(json!({"mails": items.iter().map(line).collect::<Vec<Value>>()}))
        }
        InboundAsk::Show { id } => show(house, by, now, &ItemId::parse(&id)?),
        InboundAsk::Domains => domains(house),
        InboundAsk::SetDomains { returns, domains: others } => {
            let lower = |name: &String| name.trim().trim_end_matches('.').to_lowercase();
            let domains_of = others.iter().map(|name| Domain::usual(name)).collect();
            let way = WayIn { return_domain: returns.as_ref().map(lower), domains: domains_of };
            set_way_in(store, by, now, &way)?;
            domains(house)
        }
        InboundAsk::Receivers { all, after } => {
            let found = match all {
                true => receivers::list(store, &after, limits::PAGE_MAX)?,
                false => receivers::paused(store)?,
            };
            let rows = found.iter().map(|r| receiver(house, r)).collect::<Result<Vec<Value>>>()?;
            Answer::of(json!({"receivers": rows}))
        }
        InboundAsk::Resume { domain, believe } => {
            let receiver = domain.trim().to_lowercase();
            let held = store.write(by, now, Deed::from("delivery.receiver_resume"), |tx| {
                receivers::resume(tx, &receiver)?;
                failure::release(tx, by, &receiver, believe)
            })?;
            Answer::of(json!({"receiver": receiver, "held": held, "suppressed": if believe { held } else { 0 }}))
        }
        InboundAsk::Rules { soft_times, soft_days, hard_percent, hard_least } => {
            let is = receivers::rules(store)?;
            let rules = Rules {
                soft_times: soft_times.unwrap_or(is.soft_times),
                soft_days: soft_days.unwrap_or(is.soft_days),
                hard_percent: hard_percent.unwrap_or(is.hard_percent),
                hard_least: hard_least.unwrap_or(is.hard_least),
            };
            if rules != is {
                receivers::set_rules(store, by, now, &rules)?;
            }
            Answer::of(rules)
        }
    }
}

fn at(time: Time) -> String {
    time.rfc3339(&clock::japan())
}

/// Nobody's address, and nothing that a mail says.
fn line(item: &Item) -> Value {
    let mut line = json!({"id": item.id, "at": at(item.at), "size": item.size});
    let outcomes = item.to.iter().map(|came| came.outcome.as_ref());
    line["came_to"] = item.to.iter().map(|c| c.to.postbox.name()).collect();
    line["kind"] = outcomes.clone().map(|o| o.map_or("", |o| o.kind.as_str())).collect();
    line["class"] = outcomes.clone().filter_map(|o| o?.class.as_deref()).collect();
    line["done"] = outcomes.map(|o| o.map_or("waiting", |o| o.done.as_str())).collect();
    line["run"] = item.to.iter().filter_map(|c| c.to.about.map(|a| a.run.to_string())).collect();
    line["shown"] = json!(item.is_shown());
    line
}

/// Somebody reads somebody's mail: that is on record.
fn show(house: &House, by: &By, now: Time, id: &ItemId) -> Result<Answer> {
    let item = tray::get(&house.store, id)?;
    house.store.write(by, now, Deed::new("inbound.show", id.to_string()), |_| Ok(()))?;
    let mut shown = line(&item);
    shown["from"] = json!(item.from.as_ref().map(|f| &f.0));
    shown["peer"] = json!(item.peer);
    shown["said"] = item.to.iter().filter_map(|c| c.outcome.as_ref()).map(|o| o.said.as_str()).collect();
    let bytes = tray::bytes(&house.store, &item, limits::READ_TEXT as u64)?;
    shown["mail"] = json!(bytes.map(|b| String::from_utf8_lossy(&b).into_owned()));
    Answer::of(shown)
}

fn domains(house: &House) -> Result<Answer> {
    let way = way_in(&house.store)?;
    let all: Vec<Value> = way
        .all(&house.boot.domain)
        .iter()
        .map(|d| json!({"domain": d.name, "names": d.names.iter().map(|(name, _)| name).collect::<Vec<_>>()}))
        .collect();
    Answer::of(json!({"returns": way.return_domain, "domains": all}))
}

fn receiver(house: &House, receiver: &Receiver) -> Result<Value> {
    let standing = receiver.standing();
    let held = failure::held(&house.store, &standing.domain)?;
    let paused = standing.paused.map(at);
    Ok(
        json!({"domain": standing.domain, "results": standing.results, "hard": standing.hard, "paused": paused, "held": held}),
    )
}
