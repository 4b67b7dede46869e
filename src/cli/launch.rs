//! The step from the installed program to the one that shall serve: `hakobu serve` becomes the program of the current
//! slot where that is newer (`update::start`). The process stays the same, and with it its number, its sockets and what
//! systemd knows of it.

use super::talk::Talk;
use crate::base::slots::Slots;
use crate::base::{Error, Kind, Result, log};
use crate::update::Version;
use crate::update::keys::Roots;
use crate::update::start::{self, Start};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// Names the version that stepped aside: whoever was started so serves, whatever it thinks of itself.
const STEPPED: &str = "HAKOBU_STEPPED_FROM";

/// Returns when this program is the one to serve. Slots that cannot be read are no reason not to: schemas only grow, so
/// any release runs on the data.
pub(super) fn step_aside(data: &Path, talk: &Talk) {
    if std::env::var_os(STEPPED).is_some() {
        return;
    }
    if let Err(e) = to_the_newest(data, talk) {
        log::error("slots", &e);
        talk.warn(e.says());
    }
}

/// The same command by another program, which serves whatever it thinks of itself.
pub(super) fn again(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(std::env::args_os().skip(1)).env(STEPPED, "");
    command
}

/// An error is told by whoever stays.
fn to_the_newest(data: &Path, talk: &Talk) -> Result<()> {
    let slots = Slots::of(data);
    let own = Version::parse(talk.build.version)?;
    // A build without keys can judge no release: it serves itself, or a copy of an installed one.
    let (start, note) = start::choose(&slots, &own, &Roots::parse(talk.build.root_keys)?)?;
    if let Some(note) = note {
        talk.warn(&note);
    }
    let Start::Slot(version) = start else { return Ok(()) };
    let e = Command::new(slots.program(&version.to_string()))
        .args(std::env::args_os().skip(1))
        .env(STEPPED, talk.build.version)
        .exec();
    // It could not be started; this program can.
    Err(Error::new(
        Kind::Unhealthy,
        say!(
            "スロット {version} のプログラムを実行できません。版 {own} で動かします。",
            "The program in the slot {version} cannot be run. {own} runs instead."
        ),
    )
    .because(e))
}
