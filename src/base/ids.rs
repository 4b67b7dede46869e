//! Names of things, as types. Each id is a number in the books and a short word outside (`c12`), so that a
//! campaign's id handed to a call that wants an import's is an error and not another row.

use crate::base::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub i64);

        impl $name {
            pub fn parse(text: &str) -> Result<$name> {
                text.trim()
                    .strip_prefix($prefix)
                    .and_then(|n| n.parse::<i64>().ok())
                    .filter(|n| *n > 0)
                    .map($name)
                    .ok_or_else(|| {
                        let wanted = concat!($prefix, "12");
                        Error::missing(say!("その番号のものはありません。", "There is nothing with that id."))
                            .hint(say!("番号は {wanted} の形です。", "An id looks like {wanted}."))
                    })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> std::result::Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> std::result::Result<$name, D::Error> {
                let text = String::deserialize(d)?;
                $name::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    )*};
}

ids! {
    ContactId "p";
    CampaignId "c";
    /// One sending of a campaign: its ledger is the journal file of this name.
    RunId "r";
    ImportId "i";
    UserId "u";
    SenderId "s";
    TopicId "t";
    SegmentId "g";
    TemplateId "m";
    /// A single mail that a script handed in.
    MessageId "msg";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_one_kind_is_not_read_as_another() {
        assert_eq!(CampaignId::parse("c12").expect("a campaign"), CampaignId(12));
        for bad in ["i12", "12", "c", "c-1", "c0", "cx"] {
            assert!(CampaignId::parse(bad).is_err(), "{bad}");
        }
    }
}
