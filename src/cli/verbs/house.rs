//! Verbs about the house and the program: `status`, `config show`, `version`, `completions`, `man`.

use crate::base::provider::Phrase;
use crate::base::{Build, Error, Result};
use crate::cli::files::Files;
use crate::cli::talk::Talk;
use crate::cli::{args, reach};
use crate::house::ask::{Answer, Ask, house::HouseAsk};
use serde_json::Value;
use std::path::Path;

#[derive(clap::Subcommand)]
pub(in crate::cli) enum Config {
    /// The boot settings, with where the key comes from || 起動設定と鍵の取得元
    Show,
}

impl Config {
    pub(super) fn ask(self) -> Ask {
        match self {
            Config::Show => Ask::House(HouseAsk::Config),
        }
    }
}

/// How the door stands, which is known also while no worker answers, and what the house does, when one does.
pub(super) fn status(data: &Path, phrase: &Phrase, talk: &Talk) -> Result<u8> {
    talk.heed_signals()?;
    let files = Files::new(talk);
    let ask = || Ask::House(HouseAsk::Status);
    let (door, answer) = match reach::door(data)? {
        Some(door) if door["state"] != "running" => (door, None),
        Some(door) => (door, Some(reach::answer(data, phrase, ask(), &files, talk.build)?)),
        None => {
            let answer = reach::answer(data, phrase, ask(), &files, talk.build)?;
            // A server that was just starting has answered.
            let door = reach::door(data)?.unwrap_or_else(|| serde_json::json!({"state": "stopped"}));
            (door, Some(answer))
        }
    };
    let mut value = answer.map_or(Value::Null, |a| a.value);
    if !value.is_object() {
        value = serde_json::json!({"data": data, "serving": true});
    }
    if let (Some(all), Value::Object(door)) = (value.as_object_mut(), door) {
        all.extend(door);
    }
    Ok(talk.show(&Answer::of(value)?))
}

pub(super) fn doctor() -> Ask {
    Ask::House(HouseAsk::Doctor)
}

pub(super) fn version(talk: &Talk) -> Result<u8> {
    let value = serde_json::json!({"version": talk.build.version, "target": Build::target()});
    Ok(talk.show(&Answer::of(value)?))
}

pub(super) fn completions(shell: clap_complete::Shell, talk: &Talk) -> Result<u8> {
    let mut command = args::command(talk.lang, talk.build.version);
    clap_complete::generate(shell, &mut command, "hakobu", &mut std::io::stdout());
    Ok(0)
}

pub(super) fn man(dir: &Path, talk: &Talk) -> Result<u8> {
    let at = dir.display().to_string();
    std::fs::create_dir_all(dir)
        .and_then(|()| clap_mangen::generate_to(args::command(talk.lang, talk.build.version), dir))
        .map_err(|e| Error::io(say!("{at} に書き込めません。", "Cannot write into {at}."), e))?;
    Ok(0)
}
