//! `hakobu service …`: living under systemd. Everything is shown before it is done.

use super::{Talk, data};
use crate::base::provider::Provider;
use crate::base::{Error, Kind, Result, Say};
use crate::cli::args::Common;
use crate::cli::prompt;
use crate::house::Boot;
use crate::house::ask::Answer;
use crate::units::{Key, Machine, Place, Step, hidden};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

#[derive(clap::Subcommand)]
pub(in crate::cli) enum Service {
    /// Make account and units, show what changes, enable and start || 利用者とユニットを作り、差分を見せてから有効にする
    Install(Install),
    /// What systemd says, and whether the units are those of this version || systemd の状態とユニットのずれ
    Status {
        /// Another root than / || / 以外のルート
        #[arg(long, value_name = "DIR")]
        root: Option<PathBuf>,
    },
    /// Stop, disable, remove the units; data, key and account stay || 停止してユニットを削除する（データと鍵は残す）
    Uninstall(Uninstall),
}

#[derive(clap::Args)]
pub(in crate::cli) struct Install {
    /// The account that it runs as; made if it is not there || 実行する利用者（なければ作る）
    #[arg(long, value_name = "NAME", default_value = "hakobu")]
    user: String,
    /// The program that the unit starts; this one if not given || ユニットが起動するプログラム（省略時はこのプログラム）
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Leave ports 80 and 443 to a proxy of your own || 80 番と 443 番のポートを自前のプロキシーに任せる
    #[arg(long)]
    behind_proxy: bool,
    #[command(flatten)]
    how: How,
}

#[derive(clap::Args)]
pub(in crate::cli) struct Uninstall {
    #[command(flatten)]
    how: How,
}

#[derive(clap::Args)]
struct How {
    /// Show what would change, and change nothing || 変更内容を表示するだけ
    #[arg(long, short = 'n')]
    dry_run: bool,
    /// Below this folder instead of /, without speaking to systemd || / の代わりにこのフォルダーの下に作る（systemd は操作しない）
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
}

pub(super) fn run(verb: Service, common: &Common, talk: &Talk) -> Result<u8> {
    match verb {
        Service::Install(flags) => {
            let machine = Machine::at(flags.how.root.as_deref())?;
            let place = place(&flags, &machine, &data(common)?)?;
            let steps = machine.install_steps(&place)?;
            take(&machine, &place, &steps, &flags.how, talk)
        }
        Service::Uninstall(flags) => {
            let machine = Machine::at(flags.how.root.as_deref())?;
            let place = nowhere();
            take(&machine, &place, &machine.uninstall_steps(), &flags.how, talk)
        }
        Service::Status { root } => status(root.as_deref(), common, talk),
    }
}

/// The house says where its key is; a folder without a house is set up first.
fn place(flags: &Install, machine: &Machine, data: &Path) -> Result<Place> {
    let absolute = |path: &Path| {
        std::path::absolute(path)
            .map_err(|e| Error::io(say!("フォルダーの場所が分かりません。", "Cannot tell where the folder is."), e))
    };
    let data = machine.outside(&absolute(data)?);
    let key = match Boot::read(&data)?.key {
        Provider::File { path } => Key::File(machine.inside(&path)),
        Provider::Command { .. } => Key::Command,
        Provider::Credential { name } => machine.credential(&name).ok_or_else(|| no_credential(&name))?,
        Provider::Passphrase => return Err(passphrase()),
    };
    Ok(Place {
        data: machine.inside(&data),
        group: machine.group(&flags.user),
        user: flags.user.clone(),
        program: match &flags.program {
            Some(path) => absolute(path)?,
            None => this_program(&data)?,
        },
        key,
        ports: !flags.behind_proxy,
    })
}

/// The installed program, not a slot of it: slots come and go.
fn this_program(data: &Path) -> Result<PathBuf> {
    let program = std::env::current_exe().map_err(|e| {
        Error::io(say!("このプログラムの場所が分かりません。", "Cannot tell where this program is."), e)
    })?;
    match program.starts_with(data) || hidden(&program) {
        false => Ok(program),
        true => ["/usr/bin/hakobu", "/usr/local/bin/hakobu"]
            .into_iter()
            .map(PathBuf::from)
            .find(|p| p.exists())
            .ok_or_else(|| {
                let at = program.display().to_string();
                Error::new(Kind::Config, say!("{at} はサービスから実行できません。", "The service cannot run {at}."))
                    .hint(say!(
                        "/usr/local/bin/hakobu に置くか、--program で指定してください。",
                        "Put it into /usr/local/bin/hakobu, or name one with --program."
                    ))
            }),
    }
}

fn no_credential(name: &str) -> Error {
    Error::new(Kind::Config, say!("認証情報 {name} がありません。", "There is no credential {name}.")).hint(say!(
        "systemd-creds encrypt --name={name} KEYFILE /etc/credstore.encrypted/{name} で作ってください。",
        "Make it with: systemd-creds encrypt --name={name} KEYFILE /etc/credstore.encrypted/{name}"
    ))
}

fn passphrase() -> Error {
    Error::new(
        Kind::Config,
        say!(
            "パスフレーズの環境は、誰もいないときに起動できません。",
            "A house with a passphrase cannot start when nobody is there."
        ),
    )
    .hint(say!(
        "hakobu key rotate で、鍵ファイルか systemd の認証情報に変えてください。",
        "Change it to a key file or a systemd credential with hakobu key rotate."
    ))
}

/// To take units away it does not matter whose they are.
fn nowhere() -> Place {
    let (data, program) = (PathBuf::new(), PathBuf::new());
    Place { data, user: String::new(), group: String::new(), program, key: Key::Command, ports: true }
}

fn take(machine: &Machine, place: &Place, steps: &[Step], how: &How, talk: &Talk) -> Result<u8> {
    for step in steps {
        talk.say(&step.says(place));
        if let Step::Write { diff, .. } = step {
            talk.say(&say!("{diff}", "{diff}"));
        }
    }
    let mut notes = Vec::new();
    if !how.dry_run && !steps.is_empty() {
        must_be_root(how)?;
        prompt::confirm(talk, &say!("変更してよろしいですか", "Change this?"))?;
        for step in steps {
            notes.extend(machine.take(step, place)?);
        }
        if !machine.has_systemd() {
            notes.push(no_systemd());
        }
    }
    notes.iter().for_each(|note| talk.warn(note));
    if steps.is_empty() {
        talk.say(&say!("変更はありません。", "Nothing has to change."));
    }
    let value = json!({
        "dry_run": how.dry_run,
        "changed": !how.dry_run && !steps.is_empty(),
        "steps": steps.iter().map(|s| shown(s, place)).collect::<Vec<Value>>(),
        "notes": notes,
    });
    match talk.json {
        true => Ok(talk.show(&Answer::of(value)?)),
        false => Ok(0),
    }
}

fn shown(step: &Step, place: &Place) -> Value {
    match step {
        Step::Write { unit, diff, .. } => json!({"says": step.says(place), "unit": unit.name(), "diff": diff}),
        _ => json!({"says": step.says(place)}),
    }
}

fn no_systemd() -> Say {
    say!(
        "systemd が動いていないため、有効化と開始はしていません。",
        "systemd does not run here: nothing was enabled or started."
    )
}

fn must_be_root(how: &How) -> Result<()> {
    match how.root.is_some() || rustix::process::geteuid().is_root() {
        true => Ok(()),
        false => Err(Error::denied(say!("root の権限が必要です。", "This needs root."))
            .hint(say!("sudo を付けて、もう一度実行してください。", "Try again with sudo."))),
    }
}

fn status(root: Option<&Path>, common: &Common, talk: &Talk) -> Result<u8> {
    let machine = Machine::at(root)?;
    let place = common.data.as_deref().and_then(|data| installed_place(&machine, data));
    let states = machine.states(place.as_ref())?;
    let failed = states.iter().any(|s| s.state.as_deref() == Some("failed"));
    let answer = Answer::of(json!({
        "systemd": machine.has_systemd(),
        "installed": states.iter().any(|s| s.path.is_some()),
        "drift": states.iter().any(|s| s.drift),
        "units": states,
    }))?;
    Ok(talk.show(&if failed { answer.but(Kind::Unhealthy) } else { answer }))
}

/// What would be installed now, with the account, the program and the ports of what is installed: those are choices,
/// not drift. `None` where the house cannot be read, or nothing is installed.
fn installed_place(machine: &Machine, data: &Path) -> Option<Place> {
    let (user, program, ports) = machine.choices()?;
    let flags = Install { user, program: Some(program), behind_proxy: !ports, how: How { dry_run: true, root: None } };
    place(&flags, machine, data).ok()
}
