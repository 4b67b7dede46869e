//! All SQL of this room, one file per thing.

pub(super) mod campaigns;
pub(super) mod files;
pub(super) mod runs;
pub(super) mod senders;
pub(super) mod templates;

use crate::base::{Error, Result};
use serde::{Serialize, de::DeserializeOwned};

fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(Error::bug)
}

fn parsed<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|e| {
        Error::damaged(say!("記録された内容を読み取れません。", "What was recorded cannot be read.")).because(e)
    })
}
