//! How the way to a mail host is protected and who we are to it: the same for the relay of mails and for the alarm.

use super::Secret;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tls {
    /// No encryption: for a host on this machine or in the same closed network.
    Plain,
    /// Begins in plain text and must change to TLS; never falls back.
    StartTls,
    /// TLS from the first byte.
    Implicit,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    pub user: String,
    pub password: Secret,
}
