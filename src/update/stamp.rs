//! Times in signed documents: `2026-11-27T10:00:00+00:00`, so that a person can read them.

use crate::base::Time;
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serializer};

pub(super) fn serialize<S: Serializer>(time: &Time, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(&time.rfc3339(&TimeZone::UTC))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Time, D::Error> {
    Time::parse(&String::deserialize(d)?, &TimeZone::UTC).map_err(serde::de::Error::custom)
}
