//! A release's version, as a type: MAJOR.MINOR.PATCH with an optional pre-release, ordered by precedence. It becomes the
//! name of a folder, so what could not be one is no version.

use crate::base::{Error, Result, limits};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(semver::Version);

impl Version {
    /// Build metadata is refused: two versions that differ in it alone would have no order.
    pub fn parse(text: &str) -> Result<Version> {
        let parsed = semver::Version::parse(text).ok();
        parsed.filter(|v| v.build.is_empty() && text.len() <= limits::VERSION_MAX).map(Version).ok_or_else(|| {
            Error::refused(say!("版の形が正しくありません。", "This is not a version."))
                .hint(say!("例: 1.4.0", "For example: 1.4.0"))
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, s: S) -> std::result::Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Version, D::Error> {
        Version::parse(&String::deserialize(d)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_numbers_and_a_pre_release_comes_before_its_release() {
        let order = ["0.9.9", "1.0.0-rc.1", "1.0.0", "1.2.0", "1.10.0"].map(|v| Version::parse(v).unwrap());
        assert!(order.is_sorted());
        assert!(order.iter().all(|v| Version::parse(&v.to_string()).unwrap() == *v));
    }

    #[test]
    fn what_could_not_be_a_folder_or_has_no_order_is_no_version() {
        let long = format!("1.0.0-{}", "a".repeat(limits::VERSION_MAX));
        for bad in ["", "1", "1.2", "v1.2.3", "../1.2.3", "1.2.3/..", "1.2.3+a", " 1.2.3", "1.2.3\n", "01.2.3", &long] {
            assert!(Version::parse(bad).is_err(), "{bad}");
        }
    }
}
