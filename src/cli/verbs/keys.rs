//! `hakobu key …`.

use super::{data, phrase};
use crate::base::provider::{Phrase, Provider};
use crate::base::{Error, Result, Secret, clock};
use crate::cli::args::Common;
use crate::cli::talk::Talk;
use crate::cli::{files, prompt, reach};
use crate::house::ask::keys::{self, KeyAsk};
use crate::house::ask::{Answer, Ask, Hidden};
use std::path::PathBuf;

#[derive(clap::Subcommand)]
pub(in crate::cli) enum Key {
    /// Which keys open this house || どの鍵で開くか
    Status,
    /// To another root key, without rewriting any data || ルート鍵を替える（データは書き直さない）
    Rotate(To),
    /// With the recovery code: a new root key for a house whose own is lost || 復旧コードで新しいルート鍵にする
    Recover {
        #[command(flatten)]
        to: To,
        /// The recovery code, on the first line of a file || 復旧コード（ファイルの 1 行目）
        #[arg(long, value_name = "FILE")]
        code_file: Option<PathBuf>,
    },
    /// Show that the recovery code was kept, by typing it in || 復旧コードを控えたことを入力して確かめる
    Confirm {
        /// The recovery code, on the first line of a file || 復旧コード（ファイルの 1 行目）
        #[arg(long, value_name = "FILE")]
        code_file: Option<PathBuf>,
    },
    /// A new recovery code; the one before opens nothing any more || 復旧コードを作り直す
    NewCode,
}

/// The new root key.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
pub(in crate::cli) struct To {
    /// The new root key's file; made where there is none || 新しいルート鍵のファイル（なければ作成）
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// A passphrase, from the first line of a file || パスフレーズ（ファイルの 1 行目）
    #[arg(long, value_name = "FILE")]
    key_passphrase_file: Option<PathBuf>,
    /// The name of a systemd credential || systemd 認証情報の名前
    #[arg(long, value_name = "NAME")]
    key_credential: Option<String>,
    /// A command that prints the key || 鍵を出力するコマンド
    #[arg(long, value_name = "COMMAND")]
    key_command: Option<String>,
}

impl To {
    fn provider(self) -> Result<(Provider, Option<Secret>)> {
        if let Some(path) = self.key_file {
            let cannot =
                |e| Error::io(say!("鍵ファイルの場所が分かりません。", "Cannot tell where the key file is."), e);
            return Ok((Provider::File { path: std::path::absolute(path).map_err(cannot)? }, None));
        }
        if let Some(name) = self.key_credential {
            return Ok((Provider::Credential { name }, None));
        }
        if let Some(command) = self.key_command {
            return Ok((Provider::Command { argv: command.split_whitespace().map(str::to_owned).collect() }, None));
        }
        let phrase = self.key_passphrase_file.map(|p| files::secret(&p)).transpose()?;
        Ok((Provider::Passphrase, phrase))
    }
}

pub(super) fn run(verb: Key, common: &Common, talk: &Talk) -> Result<u8> {
    let ask = match verb {
        Key::Status => KeyAsk::Status,
        Key::Rotate(to) => {
            prompt::confirm(talk, &say!("ルート鍵を替えます。よろしいですか", "Change the root key?"))?;
            let (to, phrase) = to.provider()?;
            let phrase = phrase.map(|p| Hidden(p.text().unwrap_or_default().to_owned()));
            KeyAsk::Rotate { to, phrase }
        }
        Key::Confirm { code_file } => KeyAsk::Confirm { code: Hidden(code(code_file, talk)?) },
        Key::NewCode => {
            prompt::confirm(talk, &say!("復旧コードを作り直します。よろしいですか", "Make a new recovery code?"))?;
            KeyAsk::NewCode
        }
        Key::Recover { to, code_file } => {
            let code = code(code_file, talk)?;
            let (to, phrase) = to.provider()?;
            let phrase = phrase.map_or(Phrase::None, Phrase::Given);
            let answer = keys::recover(&data(common)?, clock::now(), &code, to, &phrase)?;
            return Ok(talk.show(&answer));
        }
    };
    let files = files::Files::new(talk);
    let answer = reach::answer(&data(common)?, &phrase(common), Ask::Key(ask), &files, talk.build)?;
    Ok(talk.show(&without_code(answer, talk)))
}

/// A recovery code is something to write down, never a result.
fn without_code(mut answer: Answer, talk: &Talk) -> Answer {
    let code = answer.value.as_object_mut().and_then(|o| o.remove("recovery_code"));
    if let Some(code) = code.as_ref().and_then(|c| c.as_str()) {
        talk.secret("recovery_code", code, &say!("新しい復旧コード:", "The new recovery code:"));
        answer.value["renewed"] = true.into();
    }
    answer
}

fn code(file: Option<PathBuf>, talk: &Talk) -> Result<String> {
    match file {
        Some(path) => Ok(files::secret(&path)?.text().unwrap_or_default().to_owned()),
        None if talk.may_ask => prompt::line(talk, &say!("復旧コード", "Recovery code"), ""),
        None => Err(super::unanswered("--code-file")),
    }
}
