//! A pair of keys: RSA, which every receiver checks, and Ed25519, which some do. They live and go together.

use crate::base::{Domain, Error, Result, Time};
use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Made; its records are to be published.
    Waiting,
    /// Signs.
    Active,
    /// Signs no more; its records stay published.
    Retiring,
    /// Its records may be taken down; the private keys are destroyed.
    Gone,
}

impl State {
    pub fn name(self) -> &'static str {
        match self {
            State::Waiting => "waiting",
            State::Active => "active",
            State::Retiring => "retiring",
            State::Gone => "gone",
        }
    }

    pub(in crate::delivery) fn parse(name: &str) -> Result<State> {
        [State::Waiting, State::Active, State::Retiring, State::Gone]
            .into_iter()
            .find(|s| s.name() == name)
            .ok_or_else(|| Error::bug("a DKIM pair in no state"))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    pub(in crate::delivery) id: i64,
    pub domain: Domain,
    /// Both selectors without their last letter.
    pub stem: String,
    pub state: State,
    pub(in crate::delivery) public: [String; 2],
    pub made: Time,
    /// Signs since.
    pub since: Option<Time>,
    /// Stays published until.
    pub until: Option<Time>,
}

/// A TXT record to publish.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyRecord {
    pub name: String,
    pub value: String,
}

impl Pair {
    /// RSA's and Ed25519's selector.
    pub fn selectors(&self) -> [String; 2] {
        selectors(&self.stem)
    }

    /// What is to be published, RSA's first.
    pub fn records(&self) -> [KeyRecord; 2] {
        let [rsa, ed] = self.selectors();
        let record = |selector: String, kind: &str, public: &str| KeyRecord {
            name: format!("{selector}._domainkey.{}", self.domain),
            value: format!("v=DKIM1; k={kind}; p={public}"),
        };
        [record(rsa, "rsa", &self.public[0]), record(ed, "ed25519", &self.public[1])]
    }
}

pub(super) fn selectors(stem: &str) -> [String; 2] {
    [format!("{stem}r"), format!("{stem}e")]
}
