//! The machine that the units live on: looked at, and changed step by step. With another root than `/` everything
//! happens below that folder, and systemd is not spoken to: for images, and for tests.

use super::owner::{self, Owner};
use super::plan::{self, Found, Step};
use super::state::{self, State};
use super::text::{self, Key, Place, Unit};
use crate::base::files::replace_file;
use crate::base::{Error, Kind, Result, Say, limits};
use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The administrator's units, and the package's.
const OWN: &str = "/etc/systemd/system";
const PACKAGED: [&str; 2] = ["/usr/lib/systemd/system", "/lib/systemd/system"];
const SETTINGS: &str = "/etc/hakobu";

pub struct Machine {
    root: PathBuf,
}

impl Machine {
    pub fn at(root: Option<&Path>) -> Result<Machine> {
        let root = root.unwrap_or(Path::new("/"));
        let root = root.canonicalize().map_err(|e| {
            let at = root.display().to_string();
            Error::io(say!("{at} がありません。", "There is no {at}."), e)
        })?;
        Ok(Machine { root })
    }

    fn is_this(&self) -> bool {
        self.root == Path::new("/")
    }

    /// The path as the service will see it.
    pub fn inside(&self, path: &Path) -> PathBuf {
        path.strip_prefix(&self.root).map_or_else(|_| path.to_owned(), |rest| Path::new("/").join(rest))
    }

    /// The path as this process sees it.
    pub fn outside(&self, path: &Path) -> PathBuf {
        match path.starts_with(&self.root) {
            true => path.to_owned(),
            false => self.root.join(path.strip_prefix("/").unwrap_or(path)),
        }
    }

    /// systemd runs here as the first process, and listens to us.
    pub fn has_systemd(&self) -> bool {
        self.is_this() && Path::new("/run/systemd/system").is_dir()
    }

    /// The group of an account; of the same name where there is no such account yet.
    pub fn group(&self, user: &str) -> String {
        let gid = self.account(user).map(|owner| owner.gid.to_string());
        let groups = self.read("/etc/group");
        let found = groups.lines().find_map(|line| {
            let mut parts = line.split(':');
            let (name, _, id) = (parts.next()?, parts.next()?, parts.next()?);
            (Some(id) == gid.as_deref()).then(|| name.to_owned())
        });
        found.unwrap_or_else(|| user.to_owned())
    }

    /// The credential that systemd would hand over, and whether it is encrypted.
    pub fn credential(&self, name: &str) -> Option<Key> {
        let there = |folder: &str| self.outside(&Path::new(folder).join(name)).exists();
        match (there(text::ENCRYPTED), there(text::PLAIN)) {
            (true, _) => Some(Key::Credential { name: name.to_owned(), encrypted: true }),
            (false, true) => Some(Key::Credential { name: name.to_owned(), encrypted: false }),
            (false, false) => None,
        }
    }

    pub fn install_steps(&self, place: &Place) -> Result<Vec<Step>> {
        place.check()?;
        Ok(plan::install(place, &self.look(place)))
    }

    pub fn uninstall_steps(&self) -> Vec<Step> {
        let found = Found { units: self.units(), systemd: self.has_systemd(), ..Found::default() };
        plan::uninstall(&found, Path::new(OWN))
    }

    pub fn states(&self, place: Option<&Place>) -> Result<Vec<State>> {
        let units = self.units();
        let shown = match self.has_systemd() {
            true => {
                // A template has no state of its own.
                let names: Vec<&str> = Unit::ALL.into_iter().filter(|u| *u != Unit::Alarm).map(Unit::name).collect();
                let said = run("systemctl", &[&["show", "--no-pager", "-p", state::ASKED], &names[..]].concat())?;
                state::parse(&said)
            }
            false => state::Shown::new(),
        };
        Ok(Unit::ALL.into_iter().map(|unit| state::of(unit, place, units.get(&unit), &shown)).collect())
    }

    /// What was chosen at the last installation: account, program, and whether the ports are ours.
    pub fn choices(&self) -> Option<(String, PathBuf, bool)> {
        let units = self.units();
        let (_, text) = units.get(&Unit::Service)?;
        let value = |key: &str| text.lines().find_map(|l| l.strip_prefix(key)?.strip_prefix('='));
        let program = value("ExecStart")?.split_whitespace().next()?;
        Some((value("User")?.to_owned(), program.into(), units.contains_key(&Unit::Http)))
    }

    fn look(&self, place: &Place) -> Found {
        let owner = self.account(&place.user);
        let key_owned = match &place.key {
            Key::File(path) => owner.is_some_and(|o| self.key_is_owned(path, o)),
            Key::Credential { .. } | Key::Command => true,
        };
        Found {
            user: owner.is_some(),
            units: self.units(),
            data_owned: owner.is_some_and(|o| owner::is_owned(&self.outside(&place.data), o)),
            key_owned,
            systemd: self.has_systemd(),
        }
    }

    /// The texts that systemd would read: the administrator's before the package's.
    fn units(&self) -> BTreeMap<Unit, (PathBuf, String)> {
        let find = |unit: Unit| {
            let mut folders = std::iter::once(OWN).chain(PACKAGED);
            folders.find_map(|folder| {
                let path = Path::new(folder).join(unit.name());
                std::fs::read_to_string(self.outside(&path)).ok().map(|text| (unit, (path, text)))
            })
        };
        Unit::ALL.into_iter().filter_map(find).collect()
    }

    /// `/etc/passwd` is read directly: a static binary has no name service.
    fn account(&self, name: &str) -> Option<Owner> {
        self.read("/etc/passwd").lines().find_map(|line| {
            let mut parts = line.split(':');
            let (user, _, uid, gid) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
            let (uid, gid) = (uid.parse().ok()?, gid.parse().ok()?);
            (user == name).then_some(Owner { uid, gid })
        })
    }

    fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.outside(Path::new(path))).unwrap_or_default()
    }

    fn key_is_owned(&self, path: &Path, owner: Owner) -> bool {
        std::fs::metadata(self.outside(path))
            .is_ok_and(|m| m.uid() == 0 && m.gid() == owner.gid && m.mode() & 0o7777 == 0o440)
    }

    /// Does one step. What a person should know of it beside comes back.
    pub fn take(&self, step: &Step, place: &Place) -> Result<Option<Say>> {
        match step {
            Step::MakeUser => self.make_user(place),
            Step::Write { unit, text, .. } => self.write(*unit, text),
            Step::Remove { path, .. } => {
                std::fs::remove_file(self.outside(path)).map_err(|e| cannot_write(path, e)).map(|()| None)
            }
            Step::OwnData => self.own_data(place),
            Step::OwnKey { path } => self.own_key(path, place).map(|()| None),
            Step::Reload => run("systemctl", &["daemon-reload"]).map(|_| None),
            Step::Enable { units } => systemctl(&["enable", "--now"], units),
            Step::Disable { units } => systemctl(&["disable", "--now"], units),
        }
    }

    fn make_user(&self, place: &Place) -> Result<Option<Say>> {
        let line = format!("u {} - \"Hakobu\" {} /usr/sbin/nologin", place.user, place.data.display());
        let root = format!("--root={}", self.root.display());
        let words: &[&str] = if self.is_this() { &["--inline", &line] } else { &[&root, "--inline", &line] };
        run("systemd-sysusers", words).map(|_| None)
    }

    fn write(&self, unit: Unit, text: &str) -> Result<Option<Say>> {
        let path = self.outside(&Path::new(OWN).join(unit.name()));
        let readable = || {
            std::fs::create_dir_all(path.parent().unwrap_or(Path::new("/")))?;
            replace_file(&path, text.as_bytes(), 0o644).map_err(std::io::Error::other)?;
            // Whatever the caller's umask is.
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644))
        };
        readable().map_err(|e| cannot_write(&path, e)).map(|()| None)
    }

    fn own_data(&self, place: &Place) -> Result<Option<Say>> {
        let folder = self.outside(&place.data);
        let owned = owner::own(&folder, self.owner(place)?)?;
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700))
            .map_err(|e| cannot_write(&folder, e))?;
        let left = owned.left;
        Ok((left > 0).then(|| {
            say!(
                "別名（ハードリンク）のあるファイル {left} 個は、所有者を変えていません。",
                "{left} files have a second name elsewhere (hard links) and were left as they are."
            )
        }))
    }

    /// Readable by the service and changed by nobody: root's, with the service's group.
    fn own_key(&self, path: &Path, place: &Place) -> Result<()> {
        let (key, owner) = (self.outside(path), self.owner(place)?);
        let settings = self.outside(Path::new(SETTINGS));
        let give = || -> std::io::Result<()> {
            chown(&key, Some(0), Some(owner.gid))?;
            std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o440))?;
            if key.parent() == Some(settings.as_path()) {
                chown(&settings, Some(0), Some(owner.gid))?;
                std::fs::set_permissions(&settings, std::fs::Permissions::from_mode(0o750))?;
            }
            Ok(())
        };
        give().map_err(|e| cannot_write(&key, e))
    }

    fn owner(&self, place: &Place) -> Result<Owner> {
        let user = &place.user;
        self.account(user)
            .ok_or_else(|| Error::missing(say!("利用者 {user} がいません。", "There is no account {user}.")))
    }
}

fn systemctl(words: &[&str], units: &[Unit]) -> Result<Option<Say>> {
    let names: Vec<&str> = units.iter().map(|u| u.name()).collect();
    run("systemctl", &[words, &names[..]].concat()).map(|_| None)
}

fn cannot_write(path: &Path, e: std::io::Error) -> Error {
    let at = path.display().to_string();
    Error::io(say!("{at} を変更できません。", "Cannot change {at}."), e)
}

/// What it said on stdout; a failure with the first line of what it said on stderr.
fn run(program: &str, words: &[&str]) -> Result<String> {
    let out = Command::new(program).args(words).stdin(Stdio::null()).output().map_err(|e| {
        Error::new(Kind::Missing, say!("{program} を実行できません。", "Cannot run {program}.")).because(e)
    })?;
    if out.status.success() {
        return Ok(String::from_utf8_lossy(&out.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&out.stderr);
    let line: String = said.lines().next().unwrap_or_default().chars().take(limits::ALARM_REASON_MAX).collect();
    let what = words.first().copied().unwrap_or_default();
    Err(Error::conflict(say!("{program} {what} が失敗しました。{line}", "{program} {what} has failed. {line}")))
}
