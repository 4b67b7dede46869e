//! What has to be done so that the units are installed, or gone: pure.

use super::diff::diff;
use super::text::{Key, Place, Unit};
use crate::base::Say;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What stands on the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub user: bool,
    /// The text that systemd would read, and where it stands.
    pub units: BTreeMap<Unit, (PathBuf, String)>,
    pub data_owned: bool,
    pub key_owned: bool,
    /// systemd runs here, and is asked.
    pub systemd: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    MakeUser,
    /// The text, and how it differs from the one that is there.
    Write {
        unit: Unit,
        text: String,
        diff: String,
    },
    /// Ours, in the administrator's folder.
    Remove {
        unit: Unit,
        path: PathBuf,
    },
    OwnData,
    OwnKey {
        path: PathBuf,
    },
    Reload,
    /// From now on and at every boot.
    Enable {
        units: Vec<Unit>,
    },
    Disable {
        units: Vec<Unit>,
    },
}

pub(super) fn install(place: &Place, found: &Found) -> Vec<Step> {
    let mut steps = Vec::new();
    if !found.user {
        steps.push(Step::MakeUser);
    }
    for unit in place.units() {
        let text = place.text(unit);
        let there = found.units.get(&unit).map_or("", |(_, text)| text);
        if text != there {
            steps.push(Step::Write { unit, diff: diff(there, &text), text });
        }
    }
    let written = steps.iter().any(|s| matches!(s, Step::Write { .. }));
    if !found.data_owned {
        steps.push(Step::OwnData);
    }
    if let Key::File(path) = &place.key
        && !found.key_owned
    {
        steps.push(Step::OwnKey { path: path.clone() });
    }
    if found.systemd {
        if written {
            steps.push(Step::Reload);
        }
        let unwanted: Vec<Unit> = found.units.keys().copied().filter(|u| u.is_port() && !place.ports).collect();
        if !unwanted.is_empty() {
            steps.push(Step::Disable { units: unwanted });
        }
        steps.push(Step::Enable { units: startable(place.units()) });
    }
    steps
}

/// Only what stands in the administrator's folder is removed; what the package owns, the package removes.
pub(super) fn uninstall(found: &Found, ours: &std::path::Path) -> Vec<Step> {
    let mut steps = Vec::new();
    let units = startable(found.units.keys().copied().collect());
    if found.systemd && !units.is_empty() {
        steps.push(Step::Disable { units });
    }
    for (unit, (path, _)) in found.units.iter().filter(|(_, (path, _))| path.starts_with(ours)) {
        steps.push(Step::Remove { unit: *unit, path: path.clone() });
    }
    if found.systemd && steps.iter().any(|s| matches!(s, Step::Remove { .. })) {
        steps.push(Step::Reload);
    }
    steps
}

/// The ports first, so that they are handed over at the first start. The alarm is started by failures alone.
fn startable(mut units: Vec<Unit>) -> Vec<Unit> {
    units.retain(|u| *u != Unit::Alarm);
    units.sort_by_key(|u| !u.is_port());
    units
}

impl Step {
    pub fn says(&self, place: &Place) -> Say {
        let list = |units: &[Unit]| units.iter().map(|u| u.name()).collect::<Vec<_>>().join(", ");
        let (user, data) = (&place.user, place.data.display().to_string());
        match self {
            Step::MakeUser => {
                say!("サービス用の利用者 {user} を作ります。", "Make the account {user} for the service.")
            }
            Step::Write { unit, .. } => {
                let name = unit.name();
                say!("ユニット {name} を書き込みます。", "Write the unit {name}.")
            }
            Step::Remove { path, .. } => {
                let at = path.display().to_string();
                say!("{at} を削除します。", "Remove {at}.")
            }
            Step::OwnData => say!("{data} の所有者を {user} にします。", "Give {data} to {user}."),
            Step::OwnKey { path } => {
                let (at, group) = (path.display().to_string(), &place.group);
                say!(
                    "{at} を root:{group}、モード 0440 にします。",
                    "Give {at} to root with the group {group} and mode 0440."
                )
            }
            Step::Reload => say!("systemd に読み直させます。", "Let systemd read the units anew."),
            Step::Enable { units } => {
                let names = list(units);
                say!("有効にして開始します: {names}", "Enable and start: {names}")
            }
            Step::Disable { units } => {
                let names = list(units);
                say!("停止して無効にします: {names}", "Stop and disable: {names}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::text::standard;

    fn ready(at: &str) -> Found {
        let units = Unit::ALL.into_iter().map(|u| (u, (PathBuf::from(at).join(u.name()), standard().text(u))));
        Found { user: true, units: units.collect(), data_owned: true, key_owned: true, systemd: true }
    }

    fn names(steps: &[Step]) -> Vec<String> {
        steps.iter().map(|s| format!("{s:?}").split([' ', '{']).next().unwrap_or_default().to_owned()).collect()
    }

    #[test]
    fn a_bare_machine_gets_everything_and_a_ready_one_is_only_enabled() {
        let bare = install(&standard(), &Found { systemd: true, ..Found::default() });
        let want = ["MakeUser", "Write", "Write", "Write", "Write", "OwnData", "OwnKey", "Reload", "Enable"];
        assert_eq!(names(&bare), want);
        assert_eq!(names(&install(&standard(), &ready("/lib/systemd/system"))), ["Enable"]);
        let order = vec![Unit::Http, Unit::Https, Unit::Service];
        assert!(bare.contains(&Step::Enable { units: order }));
    }

    #[test]
    fn without_a_running_systemd_only_files_change() {
        assert_eq!(names(&install(&standard(), &Found { systemd: false, ..ready("/x") })), [""; 0]);
        assert_eq!(names(&install(&standard(), &Found::default())).last().unwrap(), "OwnKey");
    }

    #[test]
    fn behind_a_proxy_the_ports_are_let_go() {
        let place = Place { ports: false, ..standard() };
        let steps = install(&place, &ready("/x"));
        assert_eq!(names(&steps), ["Disable", "Enable"]);
        assert!(steps.contains(&Step::Enable { units: vec![Unit::Service] }));
    }

    #[test]
    fn what_differs_is_shown() {
        let mut found = ready("/x");
        found.units.insert(Unit::Service, ("/x/hakobu.service".into(), "[Service]\nUser=root\n".into()));
        let steps = install(&standard(), &found);
        let Step::Write { diff, .. } = &steps[0] else { panic!("{steps:?}") };
        assert!(diff.contains("-User=root\n") && diff.contains("+User=hakobu\n"), "{diff}");
    }

    #[test]
    fn units_of_the_package_are_stopped_and_left_to_the_package() {
        let etc = std::path::Path::new("/etc/systemd/system");
        assert_eq!(names(&uninstall(&ready("/lib/systemd/system"), etc)), ["Disable"]);
        let own = uninstall(&ready("/etc/systemd/system"), etc);
        assert_eq!(names(&own), ["Disable", "Remove", "Remove", "Remove", "Remove", "Reload"]);
        assert_eq!(names(&uninstall(&Found::default(), etc)), [""; 0]);
    }
}
