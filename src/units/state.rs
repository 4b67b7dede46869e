//! What systemd says of the units, and whether they are still those of this version.

use super::text::{Place, Unit};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// One unit. What systemd is not there to say is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct State {
    pub unit: &'static str,
    /// Where its text stands; `None` when it is not installed.
    pub path: Option<PathBuf>,
    /// The text is not what this version would install; additions of a drop-in do not count.
    pub drift: bool,
    /// `active`, `inactive`, `failed`.
    pub state: Option<String>,
    pub sub: Option<String>,
    pub enabled: Option<String>,
    pub pid: Option<u32>,
    pub restarts: Option<u64>,
    pub since: Option<String>,
}

pub(super) const ASKED: &str =
    "Id,ActiveState,SubState,UnitFileState,MainPID,NRestarts,ActiveEnterTimestamp,StateChangeTimestamp";

/// `place`: what this version would install; without it nothing is held against it.
pub(super) fn of(unit: Unit, place: Option<&Place>, found: Option<&(PathBuf, String)>, shown: &Shown) -> State {
    let said = |key: &str| {
        let value = shown.get(unit.name()).and_then(|unit| unit.get(key));
        value.filter(|v| !v.is_empty()).cloned()
    };
    let wanted = place.filter(|p| p.ports || !unit.is_port()).map(|p| p.text(unit));
    State {
        unit: unit.name(),
        path: found.map(|(path, _)| path.clone()),
        drift: found.zip(wanted).is_some_and(|((_, text), wanted)| *text != wanted),
        state: said("ActiveState"),
        sub: said("SubState"),
        enabled: said("UnitFileState"),
        pid: said("MainPID").and_then(|p| p.parse().ok()).filter(|p| *p > 0),
        restarts: said("NRestarts").and_then(|n| n.parse().ok()),
        since: said("ActiveEnterTimestamp"),
    }
}

pub(super) type Shown = BTreeMap<String, BTreeMap<String, String>>;

/// The output of `systemctl show`: blocks of `Key=Value`, by `Id`.
pub(super) fn parse(text: &str) -> Shown {
    let block = |block: &str| {
        let pairs: BTreeMap<String, String> =
            block.lines().filter_map(|l| l.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
        pairs.get("Id").cloned().map(|id| (id, pairs))
    };
    text.split("\n\n").filter_map(block).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::text::standard;

    const SHOWN: &str = "Id=hakobu.service\nActiveState=active\nSubState=running\nUnitFileState=enabled\nMainPID=812\nNRestarts=3\nActiveEnterTimestamp=Fri 2026-11-27 10:00:00 JST\n\nId=hakobu-http.socket\nActiveState=failed\nSubState=failed\nUnitFileState=\nMainPID=0\n";

    #[test]
    fn what_systemd_says_is_read_by_unit() {
        let shown = parse(SHOWN);
        let there = ("/etc/systemd/system/hakobu.service".into(), standard().text(Unit::Service));
        let service = of(Unit::Service, Some(&standard()), Some(&there), &shown);
        assert_eq!((service.state.as_deref(), service.pid, service.restarts), (Some("active"), Some(812), Some(3)));
        assert!(!service.drift);
        let http = of(Unit::Http, Some(&standard()), None, &shown);
        assert_eq!((http.state.as_deref(), http.enabled, http.pid, http.path), (Some("failed"), None, None, None));
        let https = of(Unit::Https, None, None, &shown);
        assert_eq!(https.state, None);
    }

    #[test]
    fn a_text_of_another_version_is_drift_and_a_place_that_is_not_known_judges_nothing() {
        let old = ("/x".into(), "[Service]\n".to_owned());
        assert!(of(Unit::Service, Some(&standard()), Some(&old), &Shown::new()).drift);
        assert!(!of(Unit::Service, None, Some(&old), &Shown::new()).drift);
    }
}
