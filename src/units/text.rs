//! The texts of the units for one place: pure. The standard place is what the package ships, letter for letter.

use crate::base::{Error, Kind, Result, Say};
use std::path::{Path, PathBuf};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unit {
    Service,
    Alarm,
    Http,
    Https,
}

impl Unit {
    pub const ALL: [Unit; 4] = [Unit::Service, Unit::Alarm, Unit::Http, Unit::Https];

    pub fn name(self) -> &'static str {
        match self {
            Unit::Service => "hakobu.service",
            Unit::Alarm => "hakobu-alarm@.service",
            Unit::Http => "hakobu-http.socket",
            Unit::Https => "hakobu-https.socket",
        }
    }

    fn standard(self) -> &'static str {
        match self {
            Unit::Service => include_str!("../../packaging/hakobu.service"),
            Unit::Alarm => include_str!("../../packaging/hakobu-alarm@.service"),
            Unit::Http => include_str!("../../packaging/hakobu-http.socket"),
            Unit::Https => include_str!("../../packaging/hakobu-https.socket"),
        }
    }

    /// A public port that systemd keeps open.
    pub fn is_port(self) -> bool {
        matches!(self, Unit::Http | Unit::Https)
    }
}

/// Where the root key comes from, as far as a unit has to do with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    File(PathBuf),
    /// A systemd credential of this name, and whether the one on this machine is encrypted.
    Credential {
        name: String,
        encrypted: bool,
    },
    Command,
}

/// For whom and where. Paths are as the service will see them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub data: PathBuf,
    pub user: String,
    pub group: String,
    pub program: PathBuf,
    pub key: Key,
    /// The two public ports; not where somebody's own proxy has them.
    pub ports: bool,
}

const STANDARD_DATA: &str = "/var/lib/hakobu";
const STANDARD_PROGRAM: &str = "/usr/bin/hakobu";
const STATE: &str = "/var/lib";
/// Where credentials lie.
pub(super) const ENCRYPTED: &str = "/etc/credstore.encrypted";
pub(super) const PLAIN: &str = "/etc/credstore";

impl Place {
    pub(super) fn units(&self) -> Vec<Unit> {
        Unit::ALL.into_iter().filter(|u| self.ports || !u.is_port()).collect()
    }

    /// What cannot stand in a unit, or could never work there.
    pub(super) fn check(&self) -> Result<()> {
        let key = match &self.key {
            Key::File(path) => Some(path.as_path()),
            Key::Credential { .. } | Key::Command => None,
        };
        for path in [Some(self.data.as_path()), Some(self.program.as_path()), key].into_iter().flatten() {
            let at = path.display().to_string();
            if !path.is_absolute() || at.chars().any(|c| c.is_whitespace() || c.is_control() || "\"'\\%$;".contains(c))
            {
                return Err(config(say!(
                    "{at} には、ユニットファイルに書けない文字が含まれています。",
                    "{at} has characters that cannot stand in a unit."
                )));
            }
            if hidden(path) {
                return Err(config(say!(
                    "サービスからは {at} が見えません（ProtectHome、PrivateTmp）。",
                    "The service cannot see {at} (ProtectHome, PrivateTmp)."
                ))
                .hint(say!(
                    "/var/lib/hakobu や /etc/hakobu など、個人のフォルダー以外に置いてください。",
                    "Keep it outside of home and temporary folders: /var/lib/hakobu, /etc/hakobu, /usr/local/bin."
                )));
            }
        }
        let fits = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
        match !self.user.is_empty() && self.user.len() <= 31 && self.user.chars().all(fits) && self.user != "root" {
            true => Ok(()),
            false => {
                Err(config(say!("この名前の利用者では動かせません。", "It cannot run as an account of this name."))
                    .hint(say!("例: --user hakobu", "For example: --user hakobu")))
            }
        }
    }

    /// The text of a unit.
    pub(super) fn text(&self, unit: Unit) -> String {
        let mut out = String::new();
        for line in unit.standard().lines() {
            if let Some(line) = self.line(line) {
                out.push_str(&line);
                out.push('\n');
            }
        }
        out
    }

    fn line(&self, line: &str) -> Option<String> {
        let (data, program) = (self.data.display(), self.program.display());
        let state = self.data.strip_prefix(STATE).ok().filter(|rest| !rest.as_os_str().is_empty());
        Some(match line.split_once('=') {
            Some(("User", _)) => format!("User={}", self.user),
            Some(("Group", _)) => format!("Group={}{}", self.group, self.credential()),
            Some(("StateDirectory", _)) => match state {
                Some(rest) => format!("StateDirectory={}", rest.display()),
                None => format!("ReadWritePaths={data}"),
            },
            Some(("StateDirectoryMode", _)) if state.is_none() => return None,
            Some(("ExecStart", words)) => {
                let words = words.replace(STANDARD_DATA, &data.to_string());
                format!("ExecStart={}", words.replacen(STANDARD_PROGRAM, &program.to_string(), 1))
            }
            Some(("ConditionPathExists", path)) => {
                format!("ConditionPathExists={}", path.replace(STANDARD_DATA, &data.to_string()))
            }
            _ => line.to_owned(),
        })
    }

    /// The line that hands the root key over, after the account that gets it.
    fn credential(&self) -> String {
        match &self.key {
            Key::Credential { name, encrypted: true } => {
                format!("\nLoadCredentialEncrypted={name}:{ENCRYPTED}/{name}")
            }
            Key::Credential { name, encrypted: false } => format!("\nLoadCredential={name}:{PLAIN}/{name}"),
            Key::File(_) | Key::Command => String::new(),
        }
    }
}

/// Places that a sandboxed service does not see.
pub fn hidden(path: &Path) -> bool {
    ["/home", "/root", "/run/user", "/tmp", "/var/tmp"].iter().any(|p| path.starts_with(p))
}

fn config(says: Say) -> Error {
    Error::new(Kind::Config, says)
}

#[cfg(test)]
pub(super) fn standard() -> Place {
    Place {
        data: STANDARD_DATA.into(),
        user: "hakobu".into(),
        group: "hakobu".into(),
        program: STANDARD_PROGRAM.into(),
        key: Key::File("/etc/hakobu/root.key".into()),
        ports: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_place_is_what_the_package_ships() {
        for unit in Unit::ALL {
            assert_eq!(standard().text(unit), unit.standard(), "{}", unit.name());
        }
    }

    #[test]
    fn another_place_changes_its_lines_and_nothing_else() {
        let place = Place {
            data: "/srv/hakobu".into(),
            user: "mail".into(),
            group: "staff".into(),
            program: "/usr/local/bin/hakobu".into(),
            key: Key::Credential { name: "root".into(), encrypted: true },
            ports: false,
        };
        assert_eq!(place.units(), [Unit::Service, Unit::Alarm]);
        for unit in place.units() {
            let (text, shipped) = (place.text(unit), unit.standard());
            for line in [
                "User=mail",
                "Group=staff",
                "LoadCredentialEncrypted=root:/etc/credstore.encrypted/root",
                "ReadWritePaths=/srv/hakobu",
                "ExecStart=/usr/local/bin/hakobu",
            ] {
                assert!(text.lines().any(|l| l.starts_with(line)), "{line}:\n{text}");
            }
            assert!(text.contains("ConditionPathExists=/srv/hakobu/") && text.contains(" --data /srv/hakobu"));
            assert!(!text.contains("StateDirectory") && !text.contains("/var/lib/hakobu"), "{text}");
            let same = |key: &str| {
                text.lines().filter(|l| l.starts_with(key)).eq(shipped.lines().filter(|l| l.starts_with(key)))
            };
            assert!(same("Protect") && same("Restrict") && same("SystemCall") && same("Private"));
        }
        let below = Place { data: "/var/lib/houses/one".into(), ..standard() };
        assert!(below.text(Unit::Service).contains("\nStateDirectory=houses/one\n"));
    }

    #[test]
    fn a_place_that_a_unit_cannot_hold_or_see_is_refused() {
        let with = |change: fn(&mut Place)| {
            let mut place = standard();
            change(&mut place);
            place.check().err().map(|e| e.kind())
        };
        assert_eq!(with(|_| {}), None);
        assert_eq!(with(|p| p.data = "/srv/配信".into()), None);
        let wrongs: [fn(&mut Place); 9] = [
            |p| p.data = "/srv/my data".into(),
            |p| p.data = "/srv/100%".into(),
            |p| p.data = "srv".into(),
            |p| p.data = "/home/hanako/data".into(),
            |p| p.program = "/root/hakobu".into(),
            |p| p.key = Key::File("/root/hakobu.key".into()),
            |p| p.user = "root".into(),
            |p| p.user = "a b".into(),
            |p| p.user = "x\nExecStart=/bin/sh".into(),
        ];
        for wrong in wrongs {
            assert_eq!(with(wrong), Some(Kind::Config));
        }
    }
}
