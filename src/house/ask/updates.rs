//! `hakobu update`: what there is, what became of earlier ones, and where releases come from.

use super::{Answer, Hidden};
use crate::base::{By, Result, Secret, Time, clock, limits};
use crate::house::House;
use crate::update::history::{self, Update};
use crate::update::prepare::{self, Errand, OWN_PROGRAM};
use crate::update::source::{self, Settings, Source};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::path::Path;

#[derive(Debug, Serialize, Deserialize)]
pub enum UpdateAsk {
    Check,
    History {
        most: usize,
    },
    Source,
    /// `None` takes it away.
    SetSource {
        source: Option<Source>,
        token: Option<Hidden>,
    },
}

pub(super) fn answer(house: &House, by: &By, now: Time, ask: UpdateAsk) -> Result<Answer> {
    let store = &house.store;
    match ask {
        UpdateAsk::Check => Answer::of(prepare::check(&house.errand(by, now))?),
        UpdateAsk::History { most } => {
            let updates = history::list(store, most.min(limits::PAGE_MAX))?;
            Answer::of(json!({"updates": updates.iter().map(told).collect::<Vec<_>>()}))
        }
        UpdateAsk::Source => Answer::of(shown(source::get(store)?)),
        UpdateAsk::SetSource { source, token } => {
            let token = token.map(|t| Secret::new(t.0.into_bytes()));
            let settings = source.map(|source| Settings { source, token });
            source::set(store, by, now, settings.as_ref())?;
            Answer::of(shown(settings))
        }
    }
}

impl House {
    /// For everything that prepares an update of this house.
    pub fn errand<'a>(&'a self, by: &'a By, now: Time) -> Errand<'a> {
        Errand { store: &self.store, build: self.build, by, now, program: Path::new(OWN_PROGRAM) }
    }
}

/// One update, as `update history` and `update apply` tell it.
pub fn told(update: &Update) -> Value {
    json!({
        "id": update.id,
        "at": update.at.rfc3339(&clock::japan()),
        "by": update.by,
        "result": update.result,
        "from": update.from,
        "to": update.to,
        "held_requests": update.held_requests,
        "longest_held_ms": update.longest_held_ms,
        "steps": update.steps,
        "cause": update.cause,
        "notes": update.notes,
    })
}

fn shown(settings: Option<Settings>) -> Value {
    match settings {
        Some(Settings { source, token }) => json!({"source": source, "token": token.is_some()}),
        None => json!({"source": null, "token": false}),
    }
}
