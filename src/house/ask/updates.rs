//! `hakobu update`: what there is, what became of earlier ones, and where releases come from.

use super::{Answer, Hidden, Streams};
use crate::base::{By, Kind, Result, Secret, Time, clock, limits};
use crate::house::{House, nobody_serves};
use crate::update::Version;
use crate::update::history::{self, Update};
use crate::update::prepare::{self, Errand, From, OWN_PROGRAM, Prepared, Times, Wish};
use crate::update::source::{self, Settings, Source};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

#[derive(Debug, Serialize, Deserialize)]
pub enum UpdateAsk {
    Check,
    /// Prepares a release and hands it to the door. With `file` the caller lends the bundle as `file`.
    Apply {
        version: Option<String>,
        file: bool,
        probation_ms: u64,
        #[serde(default)]
        preflight_ms: Option<u64>,
    },
    /// The very program that asks, lent as `program`: one that the machine's packages brought.
    Adopt {
        version: String,
        probation_ms: u64,
        #[serde(default)]
        preflight_ms: Option<u64>,
    },
    /// Back to the slot before.
    Rollback {
        probation_ms: u64,
    },
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

pub(super) fn answer(house: &House, by: &By, now: Time, ask: UpdateAsk, io: &dyn Streams) -> Result<Answer> {
    let store = &house.store;
    match ask {
        UpdateAsk::Apply { version, file, probation_ms, preflight_ms } => {
            let version = version.as_deref().map(Version::parse).transpose()?;
            let mut lent = if file { Some(io.input("file")?) } else { None };
            let from = match &mut lent {
                Some(reader) => From::File(reader.as_mut()),
                None => From::Source,
            };
            let wish = Wish { version, from, times: times(probation_ms, preflight_ms) };
            house.try_prepared(prepare::prepare(&house.errand_of_door(by, now)?, wish)?)
        }
        UpdateAsk::Adopt { version, probation_ms, preflight_ms } => {
            let mut program = io.input("program")?;
            let version = Version::parse(&version)?;
            let errand = house.errand_of_door(by, now)?;
            house.try_prepared(prepare::adopt(&errand, &mut *program, &version, times(probation_ms, preflight_ms))?)
        }
        UpdateAsk::Rollback { probation_ms } => {
            house.try_prepared(prepare::back(&house.errand_of_door(by, now)?, probation(probation_ms))?)
        }
        UpdateAsk::Check => Answer::of(house.check_source(by, now)?),
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
    /// The same, where a door can try what is prepared.
    fn errand_of_door<'a>(&'a self, by: &'a By, now: Time) -> Result<Errand<'a>> {
        match self.is_serving() {
            true => Ok(self.errand(by, now)),
            false => Err(nobody_serves()),
        }
    }

    /// `{"trial": ID}`: the door tells how it ends. A release that was refused is told at once.
    fn try_prepared(&self, prepared: Prepared) -> Result<Answer> {
        match prepared {
            Prepared::Ready(order) => {
                let answer = Answer::of(json!({"trial": order.id, "steps": order.steps}))?;
                self.offer(order)?;
                Ok(answer)
            }
            Prepared::Refused(update) => {
                let failed = update.steps.last().map_or("", |s| s.step.as_str());
                let kind = if matches!(failed, "verify" | "slot") { Kind::Damaged } else { Kind::Conflict };
                Ok(Answer::of(told(&update))?.but(kind))
            }
        }
    }

    /// For everything that prepares an update of this house.
    pub fn errand<'a>(&'a self, by: &'a By, now: Time) -> Errand<'a> {
        Errand { store: &self.store, build: self.build, by, now, program: Path::new(OWN_PROGRAM) }
    }
}

fn times(probation_ms: u64, preflight_ms: Option<u64>) -> Times {
    let most = limits::PREFLIGHT_TIME;
    Times {
        preflight: preflight_ms.map_or(most, |ms| Duration::from_millis(ms).min(most)),
        probation: probation(probation_ms),
    }
}

fn probation(ms: u64) -> Duration {
    Duration::from_millis(ms).min(limits::PROBATION_MAX)
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
