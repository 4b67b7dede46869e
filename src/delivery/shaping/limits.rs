//! What one receiving group allows, and how its own words are understood.

use crate::base::limits;
use crate::delivery::Reply;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Connections at a time.
    pub connections: u16,
    /// Messages on one connection.
    pub per_connection: u32,
    /// Messages a minute; none: as fast as they are taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_minute: Option<u32>,
    /// The group's own ways of asking for less; the first that fits counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signs: Vec<Sign>,
}

/// A reply that holds these words asks for this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sign {
    pub words: String,
    #[serde(flatten)]
    pub reaction: Reaction,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "reaction")]
pub enum Reaction {
    Nothing,
    Slower,
    Rest { minutes: u32 },
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: limits::CONNECTIONS as u16,
            per_connection: limits::PER_CONNECTION,
            per_minute: None,
            signs: Vec::new(),
        }
    }
}

impl Limits {
    /// Connections at the beginning, before anything is known.
    pub(super) fn start(&self) -> u16 {
        self.connections.min(2)
    }

    /// What a refusal for now asks for. Greylisting and full mailboxes are about one recipient and ask for nothing.
    pub fn asks(&self, reply: &Reply) -> Reaction {
        let line = reply.line();
        if let Some(sign) = self.signs.iter().find(|sign| line.contains(&sign.words)) {
            return sign.reaction;
        }
        match (reply.code, reply.enhanced) {
            (421, _) | (_, Some((4, 7, _))) | (_, Some((4, 4, 5))) => Reaction::Slower,
            _ => Reaction::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_groups_own_words_come_before_the_codes() {
        let sign = |words: &str, reaction| Sign { words: words.into(), reaction };
        let limits = Limits {
            connections: 2,
            per_connection: 20,
            per_minute: None,
            signs: vec![sign("VS98-IP0", Reaction::Rest { minutes: 60 }), sign("4.7.650", Reaction::Nothing)],
        };
        for (line, want) in [
            ("451 VS98-IP0 deferred", Reaction::Rest { minutes: 60 }),
            ("451 4.7.650 busy", Reaction::Nothing),
            ("421 4.3.2 later", Reaction::Slower),
            ("451 4.7.0 rate", Reaction::Slower),
            ("450 4.2.0 greylisted", Reaction::Nothing),
            ("452 4.2.2 full", Reaction::Nothing),
        ] {
            let (reply, _) = Reply::parse(format!("{line}\r\n").as_bytes()).unwrap().unwrap();
            assert_eq!(limits.asks(&reply), want, "{line}");
        }
    }
}
