//! Decisions about releases: may this one be installed, which ones are looked at, is a download too slow, which slots
//! go. Pure: data in, decision out.

use super::keys::{KeysDocument, PRODUCT};
use super::manifest::Manifest;
use super::{Version, refusal};
use crate::base::{Error, Kind, Say, Time, limits};
use std::time::Duration;

/// Why a release is not installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// This program was built without root keys.
    NoRoots,
    /// Not written as releases are: cut off, another order, something more, something else.
    Shape {
        part: &'static str,
    },
    KeysUnsigned {
        have: usize,
        need: usize,
    },
    Unsigned {
        have: usize,
        need: usize,
    },
    FalseSignature {
        key: String,
    },
    Revoked {
        key: String,
    },
    Stranger {
        key: String,
    },
    OtherKeys {
        manifest: u64,
        document: u64,
    },
    KeysRolledBack {
        seen: u64,
        offered: u64,
    },
    KeysExpired {
        at: Time,
    },
    WrongProduct {
        product: String,
    },
    WrongTarget {
        offered: String,
        ours: String,
    },
    NotTheWanted {
        wanted: Version,
        offered: Version,
    },
    Expired {
        at: Time,
    },
    FromTheFuture {
        made: Time,
    },
    Same {
        version: Version,
    },
    Downgrade {
        running: Version,
        offered: Version,
    },
    BelowMinimum {
        minimum: Version,
        offered: Version,
    },
    TooLarge {
        size: u64,
    },
    /// The bytes are not those that were signed.
    OtherBytes {
        part: &'static str,
    },
}

impl Refusal {
    pub fn says(&self) -> Say {
        refusal::says(self)
    }

    /// What does not verify is exit 12; what verifies and does not fit here is a refusal like any other.
    fn kind(&self) -> Kind {
        use Refusal::*;
        match self {
            NoRoots => Kind::Config,
            Shape { .. }
            | KeysUnsigned { .. }
            | Unsigned { .. }
            | FalseSignature { .. }
            | Revoked { .. }
            | Stranger { .. }
            | OtherKeys { .. }
            | KeysRolledBack { .. }
            | OtherBytes { .. } => Kind::Damaged,
            KeysExpired { .. }
            | WrongProduct { .. }
            | WrongTarget { .. }
            | NotTheWanted { .. }
            | Expired { .. }
            | FromTheFuture { .. }
            | Same { .. }
            | Downgrade { .. }
            | BelowMinimum { .. }
            | TooLarge { .. } => Kind::Refused,
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Error {
        let error = Error::new(refusal.kind(), refusal.says());
        match refusal::hint(&refusal) {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

/// What a house is and has seen, against which a release is held.
#[derive(Clone, Debug)]
pub struct Standing {
    pub running: Version,
    pub target: String,
    /// Nothing below this is ever run again.
    pub minimum: Option<Version>,
    /// The highest keys document seen.
    pub keys_seen: u64,
    pub now: Time,
    /// This version and no other.
    pub wanted: Option<Version>,
}

/// Is this keys document, which the roots have signed, still good?
pub fn judge_keys(keys: &KeysDocument, standing: &Standing) -> Result<(), Refusal> {
    if keys.version < standing.keys_seen {
        return Err(Refusal::KeysRolledBack { seen: standing.keys_seen, offered: keys.version });
    }
    match keys.expires <= standing.now {
        true => Err(Refusal::KeysExpired { at: keys.expires }),
        false => Ok(()),
    }
}

/// May this release, whose signatures are good, be installed here? The order is from "not ours at all" to "not now".
pub fn judge(manifest: &Manifest, standing: &Standing) -> Result<(), Refusal> {
    let offered = manifest.version.clone();
    if manifest.product != PRODUCT {
        return Err(Refusal::WrongProduct { product: manifest.product.clone() });
    }
    if manifest.target != standing.target {
        return Err(Refusal::WrongTarget { offered: manifest.target.clone(), ours: standing.target.clone() });
    }
    let size = manifest.program.size.max(manifest.packed.size);
    if size > limits::PROGRAM_MAX {
        return Err(Refusal::TooLarge { size });
    }
    if let Some(wanted) = standing.wanted.clone().filter(|w| *w != offered) {
        return Err(Refusal::NotTheWanted { wanted, offered });
    }
    if offered == standing.running {
        return Err(Refusal::Same { version: offered });
    }
    if offered < standing.running {
        return Err(Refusal::Downgrade { running: standing.running.clone(), offered });
    }
    if let Some(minimum) = standing.minimum.clone().filter(|m| offered < *m) {
        return Err(Refusal::BelowMinimum { minimum, offered });
    }
    if manifest.made > standing.now.plus(limits::CLOCK_SKEW) {
        return Err(Refusal::FromTheFuture { made: manifest.made });
    }
    match manifest.expires <= standing.now {
        true => Err(Refusal::Expired { at: manifest.expires }),
        false => Ok(()),
    }
}

/// May the house go back to this version? A rollback is the one way down, and never below the minimum.
pub fn may_go_back(to: &Version, minimum: Option<&Version>) -> Result<(), Refusal> {
    match minimum.filter(|m| to < *m) {
        Some(minimum) => Err(Refusal::BelowMinimum { minimum: minimum.clone(), offered: to.clone() }),
        None => Ok(()),
    }
}

/// Which of the versions that a source names are looked at, best first. Names prove nothing, so an absurd one at the
/// top (a stolen key's, refused when it is read) costs one look and hides nothing below it.
pub fn candidates(mut named: Vec<Version>, standing: &Standing) -> Vec<Version> {
    named.retain(|v| match &standing.wanted {
        Some(wanted) => v == wanted,
        None => *v > standing.running,
    });
    named.sort_unstable_by(|a, b| b.cmp(a));
    named.dedup();
    named.truncate(limits::RELEASES_LOOKED_AT);
    named
}

/// How long a source may take.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// For one read.
    pub stall: Duration,
    /// Before the least speed counts.
    pub grace: Duration,
    /// Bytes a second.
    pub least: u64,
    /// For all of it.
    pub total: Duration,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace {
            stall: limits::FETCH_STALL,
            grace: limits::FETCH_GRACE,
            least: limits::FETCH_LEAST_SPEED,
            total: limits::FETCH_TIME,
        }
    }
}

/// Something that would take for ever: past its deadline, or below the least speed once it has had time to begin.
pub fn is_too_slow(bytes: u64, taken: Duration, pace: &Pace) -> bool {
    let counted = u64::try_from(taken.saturating_sub(pace.grace).as_millis()).unwrap_or(u64::MAX);
    taken > pace.total || bytes < pace.least.saturating_mul(counted) / 1_000
}

/// Which slots go: all but those that are kept by name and the newest others.
pub fn slots_to_drop(mut slots: Vec<Version>, keep: &[Version]) -> Vec<Version> {
    slots.retain(|v| !keep.contains(v));
    slots.sort_unstable_by(|a, b| b.cmp(a));
    slots.split_off(slots.len().min(limits::SLOTS_SPARE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::update::manifest::Digest;

    fn v(text: &str) -> Version {
        Version::parse(text).unwrap()
    }

    fn standing() -> Standing {
        Standing {
            running: v("1.4.0"),
            target: "x86_64-linux".into(),
            minimum: Some(v("1.2.0")),
            keys_seen: 3,
            now: Time(1_000_000_000),
            wanted: None,
        }
    }

    fn manifest() -> Manifest {
        Manifest {
            product: PRODUCT.into(),
            version: v("1.5.0"),
            target: "x86_64-linux".into(),
            program: Digest::of(&[1; 32], 20_000_000),
            packed: Digest::of(&[2; 32], 8_000_000),
            made: Time(900_000_000),
            expires: Time(1_000_000_001),
            minimum: None,
            keys: 3,
            notes: Say::new("", ""),
        }
    }

    #[test]
    fn a_release_is_accepted_or_refused_for_one_reason() {
        type Change = fn(&mut Manifest, &mut Standing);
        let cases: &[(Change, Option<Refusal>)] = &[
            (|_, _| (), None),
            (|m, _| m.version = v("999.0.0"), None),
            (|m, _| m.version = v("1.4.1-rc.1"), None),
            (|_, s| s.wanted = Some(v("1.5.0")), None),
            (|m, _| m.product = "other".into(), Some(Refusal::WrongProduct { product: "other".into() })),
            (
                |m, _| m.target = "aarch64-linux".into(),
                Some(Refusal::WrongTarget { offered: "aarch64-linux".into(), ours: "x86_64-linux".into() }),
            ),
            (
                |m, _| m.program.size = limits::PROGRAM_MAX + 1,
                Some(Refusal::TooLarge { size: limits::PROGRAM_MAX + 1 }),
            ),
            (|m, _| m.packed.size = u64::MAX, Some(Refusal::TooLarge { size: u64::MAX })),
            (
                |_, s| s.wanted = Some(v("1.6.0")),
                Some(Refusal::NotTheWanted { wanted: v("1.6.0"), offered: v("1.5.0") }),
            ),
            (|m, _| m.version = v("1.4.0"), Some(Refusal::Same { version: v("1.4.0") })),
            (
                |m, _| m.version = v("1.4.0-rc.9"),
                Some(Refusal::Downgrade { running: v("1.4.0"), offered: v("1.4.0-rc.9") }),
            ),
            (|m, _| m.version = v("0.9.0"), Some(Refusal::Downgrade { running: v("1.4.0"), offered: v("0.9.0") })),
            (
                |_, s| s.minimum = Some(v("2.0.0")),
                Some(Refusal::BelowMinimum { minimum: v("2.0.0"), offered: v("1.5.0") }),
            ),
            (|_, s| s.now = Time(1_000_000_001), Some(Refusal::Expired { at: Time(1_000_000_001) })),
            (|_, s| s.now = Time(0), Some(Refusal::FromTheFuture { made: Time(900_000_000) })),
        ];
        for (n, (change, want)) in cases.iter().enumerate() {
            let (mut manifest, mut standing) = (manifest(), standing());
            change(&mut manifest, &mut standing);
            assert_eq!(judge(&manifest, &standing).err(), *want, "case {n}");
        }
    }

    #[test]
    fn a_keys_document_that_is_older_than_one_seen_or_past_its_time_is_refused() {
        let document = |version, expires| KeysDocument {
            product: PRODUCT.into(),
            version,
            made: Time(0),
            expires: Time(expires),
            threshold: 1,
            keys: Vec::new(),
            revoked: Vec::new(),
        };
        for (version, expires, want) in [
            (3, 1_000_000_001, None),
            (9, 1_000_000_001, None),
            (2, 1_000_000_001, Some(Refusal::KeysRolledBack { seen: 3, offered: 2 })),
            (3, 1_000_000_000, Some(Refusal::KeysExpired { at: Time(1_000_000_000) })),
        ] {
            assert_eq!(judge_keys(&document(version, expires), &standing()).err(), want);
        }
    }

    #[test]
    fn the_way_back_ends_at_the_minimum() {
        for (to, minimum, may) in
            [("1.3.0", None, true), ("1.3.0", Some("1.3.0"), true), ("1.2.9", Some("1.3.0"), false)]
        {
            assert_eq!(may_go_back(&v(to), minimum.map(v).as_ref()).is_ok(), may, "{to} {minimum:?}");
        }
    }

    #[test]
    fn an_absurd_version_at_the_top_does_not_hide_those_below() {
        let named = ["1.3.0", "999.0.0", "1.5.0", "1.4.0", "1.6.0", "1.5.0"].map(v).to_vec();
        assert_eq!(candidates(named.clone(), &standing()), ["999.0.0", "1.6.0", "1.5.0"].map(v));
        let wanted = Standing { wanted: Some(v("1.3.0")), ..standing() };
        assert_eq!(candidates(named, &wanted), [v("1.3.0")]);
        let flood = (0..1_000).map(|n| v(&format!("2.0.{n}"))).collect();
        assert_eq!(candidates(flood, &standing()).len(), limits::RELEASES_LOOKED_AT);
    }

    #[test]
    fn a_download_has_time_to_begin_and_then_a_least_speed_and_an_end() {
        let seconds = Duration::from_secs;
        let pace = Pace { stall: seconds(5), grace: seconds(20), least: 1_000, total: seconds(100) };
        for (bytes, taken, slow) in [
            (0, 0, false),
            (0, 20, false),
            (0, 21, true),
            (9_999, 30, true),
            (10_000, 30, false),
            (1_000_000, 100, false),
            (1_000_000, 101, true),
        ] {
            assert_eq!(is_too_slow(bytes, seconds(taken), &pace), slow, "{bytes} in {taken} s");
        }
    }

    #[test]
    fn old_slots_go_but_never_the_one_that_runs_nor_the_one_to_go_back_to() {
        let slots = ["1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.10.0"].map(v).to_vec();
        assert_eq!(slots_to_drop(slots.clone(), &[v("1.0.0"), v("1.1.0")]), ["1.3.0", "1.2.0"].map(v));
        assert_eq!(slots_to_drop(slots, &[]), ["1.3.0", "1.2.0", "1.1.0", "1.0.0"].map(v));
    }
}
