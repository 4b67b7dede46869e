//! What is known of one urgent message.

use crate::base::{Time, ids::MessageId};
use crate::delivery::State;
use serde::Serialize;

/// As scripts see it. No address: who asks knows whom it was for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Message {
    #[serde(rename = "message")]
    pub id: MessageId,
    #[serde(flatten)]
    pub progress: Progress,
    pub accepted_at: Time,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Progress {
    pub state: State,
    pub attempts: u16,
    /// The last reply's code, 0 when there was none, and its words without addresses.
    pub code: u16,
    pub said: String,
    pub at: Time,
    /// When it is tried next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<Time>,
}
