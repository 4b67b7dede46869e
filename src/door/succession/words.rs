//! What two doors say to each other while one takes over from the other, and afterwards. Lines of JSON, as between door
//! and worker; a word that is not known is passed over, so that both may be of different releases.

use crate::base::link::{AccessLine, DoorFacts, Hidden, RouteClass, Said, Surface};
use crate::door::front::Speaks;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The next door must speak this, or the one before it.
pub(super) const PROTOCOL: u32 = 1;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "snake_case")]
pub(crate) enum ToHeir {
    /// The first word; the descriptors came before it.
    Offer(Box<Offer>),
    /// The worker waits for your first word.
    Take,
    /// Of requests that the old door still answered.
    Access { lines: Vec<AccessLine> },
    #[serde(other)]
    Unknown,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "snake_case")]
pub(crate) enum ToElder {
    /// Nothing can fail any more.
    Prepared,
    /// The house is ours.
    Took,
    /// There is no worker: whoever asks is told so at once.
    Shut,
    /// Be done: who rests is sent away, what is under way is answered, and then it is over.
    End,
    Failed {
        said: Said,
    },
    #[serde(other)]
    Unknown,
}

/// What the next door must know. The descriptors, in their order: control socket, lock, link, the worker's process, the
/// anchor where there is one, and the sockets that listen.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Offer {
    pub(super) protocol: u32,
    /// Where a person was asked for it.
    pub(super) root: Option<Hidden>,
    pub(super) door: DoorFacts,
    pub(super) worker: Worker,
    pub(super) anchored: bool,
    pub(super) listening: Vec<(Surface, Speaks)>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Worker {
    pub(super) pid: u32,
    pub(super) version: String,
    pub(super) since: i64,
    pub(super) restarts: u64,
    pub(super) pages: PathBuf,
    pub(super) control: PathBuf,
    pub(super) routes: Vec<RouteClass>,
    /// One died not long ago, and somebody was told.
    #[serde(default)]
    pub(super) worried: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::link::ToWorker;

    #[test]
    fn access_lines_are_said_to_a_door_as_they_are_to_a_worker() {
        let said = serde_json::to_string(&ToWorker::Access { lines: Vec::new() }).unwrap();
        assert!(matches!(serde_json::from_str(&said).unwrap(), ToHeir::Access { .. }));
    }

    #[test]
    fn a_word_of_a_later_release_is_passed_over() {
        assert!(matches!(serde_json::from_str(r#"{"say":"sing","song":1}"#).unwrap(), ToElder::Unknown));
        assert!(matches!(serde_json::from_str(r#"{"say":"sing"}"#).unwrap(), ToHeir::Unknown));
    }
}
