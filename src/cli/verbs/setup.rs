//! `hakobu setup`: every question has a flag; at a terminal what is missing is asked.

use super::unanswered;
use crate::base::provider::{Phrase, Provider};
use crate::base::{Email, Error, Kind, Lang, Result, Say, Secret, clock, limits};
use crate::cli::args::Common;
use crate::cli::talk::Talk;
use crate::cli::{files, prompt, reach};
use crate::delivery::Relay;
use crate::house::boot;
use crate::house::setup::{self, Admin, Answers, Asked, Done};
use serde_json::json;
use std::path::{Path, PathBuf};

#[derive(clap::Args, serde::Deserialize, Default)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(in crate::cli) struct Setup {
    /// The root key's file, outside the data folder; made where there is none || ルート鍵のファイル（データフォルダーの外。なければ作成）
    #[arg(long, value_name = "FILE", group = "key")]
    key_file: Option<PathBuf>,
    /// A passphrase as the root key, from the first line of a file || ルート鍵の代わりのパスフレーズ（ファイルの 1 行目）
    #[arg(long, value_name = "FILE", group = "key")]
    key_passphrase_file: Option<PathBuf>,
    /// The name of a systemd credential that holds the root key || ルート鍵を持つ systemd 認証情報の名前
    #[arg(long, value_name = "NAME", group = "key")]
    key_credential: Option<String>,
    /// A command that prints the root key; its words separated by spaces || ルート鍵を出力するコマンド（空白区切り）
    #[arg(long, value_name = "COMMAND", group = "key")]
    key_command: Option<String>,
    /// The domain that mail comes from || メールの送信元ドメイン
    #[arg(long)]
    domain: Option<String>,
    /// Where links in mails point; https://DOMAIN if not given || メール内リンクの公開 URL（省略時は https://ドメイン）
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// The first admin's address || 最初の管理者のメールアドレス
    #[arg(long, value_name = "ADDRESS")]
    admin_email: Option<String>,
    /// The first admin's name || 最初の管理者の名前
    #[arg(long, value_name = "NAME")]
    admin_name: Option<String>,
    /// The first admin's password, on the first line of a file || 最初の管理者のパスワード（ファイルの 1 行目）
    #[arg(long, value_name = "FILE")]
    admin_password_file: Option<PathBuf>,
    /// The next mail host: smtp://HOST:PORT, smtp+starttls://USER@HOST, smtps://USER@HOST || 中継サーバー
    #[arg(long, value_name = "URL")]
    relay: Option<String>,
    /// The relay's password, on the first line of a file || 中継サーバーのパスワード（ファイルの 1 行目）
    #[arg(long, value_name = "FILE")]
    relay_password_file: Option<PathBuf>,
    /// To whom the alarm goes; the admin if not given || 警報の宛先（省略時は管理者）
    #[arg(long, value_name = "ADDRESS")]
    alarm_to: Option<String>,
    /// The address of the admin's pages; HTTPS alone unless it is this computer's own || 管理画面の待ち受けアドレス（このコンピューターの外に開くと HTTPS のみ）
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Do not look whether the public URL answers: for a network that does not lead back to itself || 公開 URL の応答を確かめない（自分の公開 URL に戻れない網の中で）
    #[arg(long)]
    no_probe: bool,
    /// The same answers in a TOML file, under the names of the flags || 同じ項目をフラグ名で書いた TOML ファイル
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    answers: Option<PathBuf>,
    /// Write the recovery code here instead of the screen || 復旧コードを画面ではなくこのファイルに書く
    #[arg(long, value_name = "FILE")]
    recovery_file: Option<PathBuf>,
}

const NAMES: &[&str] = &[
    "key-file",
    "key-passphrase-file",
    "key-credential",
    "key-command",
    "domain",
    "public-url",
    "admin-email",
    "admin-name",
    "admin-password-file",
    "relay",
    "relay-password-file",
    "alarm-to",
    "listen",
    "no-probe",
    "recovery-file",
];

pub(super) fn run(flags: Setup, common: &Common, data: &Path, talk: &Talk) -> Result<u8> {
    let flags = flags.with_file()?;
    if let Some(path) = &flags.recovery_file {
        crate::base::provider::refuse_inside(path, data)?;
    }
    let phrase = flags.key_passphrase_file.as_ref().or(common.passphrase_file.as_ref());
    let phrase = phrase.cloned().map_or(Phrase::None, Phrase::File);
    let asked = Asked { domain: flags.domain.as_deref(), public_url: flags.public_url.as_deref() };
    if let Some(done) = setup::kept(data, &phrase, talk.build, clock::now(), &asked)? {
        done.notes.iter().for_each(|note| talk.warn(note));
        return show(&done, data, talk);
    }
    let answers = flags.fill(common.house_language(), talk)?;
    let at = data.display().to_string();
    prompt::confirm(talk, &say!("{at} に環境を作ります。よろしいですか", "Make a house in {at}?"))?;
    let mut done = setup::run(data, talk.build, &reach::me(), clock::now(), &answers)?;
    done.notes.extend(setup::unreached(&done.boot));
    tell_recovery_code(&done, flags.recovery_file.as_deref(), talk)?;
    done.notes.iter().for_each(|note| talk.warn(note));
    show(&done, data, talk)
}

fn show(done: &Done, data: &Path, talk: &Talk) -> Result<u8> {
    let boot = &done.boot;
    if talk.json {
        let notes: Vec<&str> = done.notes.iter().map(|n| n.to(talk.lang)).collect();
        let value = json!({
            "data": data, "created": done.created, "domain": boot.domain, "public_url": boot.public_url,
            "listen": boot.listen.to_string(), "key": boot.key.name(), "notes": notes,
        });
        return Ok(talk.show(&crate::house::ask::Answer::of(value)?));
    }
    let at = data.display().to_string();
    let says = match done.created {
        true => say!(
            "{at} の準備ができました。次のコマンドで始めます:\n  hakobu serve --data {at}",
            "{at} is ready. Start it with:\n  hakobu serve --data {at}"
        ),
        false => say!("{at} は準備済みです。何も変更していません。", "{at} was set up before. Nothing has changed."),
    };
    talk.print(&says);
    Ok(0)
}

/// Once, to the terminal or to a file of the caller's; never into the result on stdout.
fn tell_recovery_code(done: &Done, file: Option<&Path>, talk: &Talk) -> Result<()> {
    let Some(code) = done.recovery_code.as_ref().and_then(Secret::text) else { return Ok(()) };
    if let Some(path) = file {
        return files::write_private(path, &format!("{code}\n"));
    }
    talk.secret(
        "recovery_code",
        code,
        &say!(
            "復旧コード（鍵をなくしたときに必要です。この一度しか表示しません。紙に控えてください）:",
            "Recovery code (needed if the key is lost; shown only this once; write it down on paper):"
        ),
    );
    Ok(())
}

impl Setup {
    /// Flags win over the file.
    fn with_file(self) -> Result<Setup> {
        let Some(path) = &self.answers else { return Ok(self) };
        let text = files::text(path, limits::MB)?;
        let wrong = |says: Say| Error::new(Kind::Config, says);
        let table: toml::Table = text.parse().map_err(|e: toml::de::Error| {
            wrong(say!("回答ファイルを読み取れません。", "The answers file cannot be read.")).because(e)
        })?;
        if let Some(key) = table.keys().find(|k| !NAMES.contains(&k.as_str())) {
            let error = wrong(say!(
                "回答ファイルに知らない項目 {key} があります。",
                "The answers file has an unknown key {key}."
            ));
            return Err(match boot::nearest(key, NAMES) {
                Some(near) => error.hint(say!("{near} のことでしょうか。", "Did you mean {near}?")),
                None => error,
            });
        }
        let file: Setup = table.try_into().map_err(|e: toml::de::Error| {
            let message = e.message().to_owned();
            wrong(say!("回答ファイルが正しくありません（{message}）。", "The answers file is not right ({message})."))
        })?;
        let own_key = self.key_file.is_some()
            || self.key_passphrase_file.is_some()
            || self.key_credential.is_some()
            || self.key_command.is_some();
        let file = if own_key {
            Setup { key_file: None, key_passphrase_file: None, key_credential: None, key_command: None, ..file }
        } else {
            file
        };
        Ok(Setup {
            key_file: self.key_file.or(file.key_file),
            key_passphrase_file: self.key_passphrase_file.or(file.key_passphrase_file),
            key_credential: self.key_credential.or(file.key_credential),
            key_command: self.key_command.or(file.key_command),
            domain: self.domain.or(file.domain),
            public_url: self.public_url.or(file.public_url),
            admin_email: self.admin_email.or(file.admin_email),
            admin_name: self.admin_name.or(file.admin_name),
            admin_password_file: self.admin_password_file.or(file.admin_password_file),
            relay: self.relay.or(file.relay),
            relay_password_file: self.relay_password_file.or(file.relay_password_file),
            alarm_to: self.alarm_to.or(file.alarm_to),
            listen: self.listen.or(file.listen),
            no_probe: self.no_probe || file.no_probe,
            answers: None,
            recovery_file: self.recovery_file.or(file.recovery_file),
        })
    }

    fn fill(&self, lang: Lang, talk: &Talk) -> Result<Answers> {
        let (key, phrase) = self.key(talk)?;
        let domain =
            ask(talk, "--domain", &self.domain, &say!("メールの送信元ドメイン", "The domain that mail comes from"))?;
        let email =
            ask(talk, "--admin-email", &self.admin_email, &say!("管理者のメールアドレス", "The admin's address"))?;
        let email = Email::parse(&email)?;
        let relay = self.relay(talk)?;
        let otherwise = lang.pick("管理者", "Administrator").to_owned();
        Ok(Answers {
            key,
            phrase,
            public_url: self.public_url.clone().unwrap_or_else(|| format!("https://{}", domain.trim())),
            listen: boot::listen(self.listen.as_deref().unwrap_or(boot::LISTEN))?,
            domain,
            lang,
            admin: Admin { email, name: self.admin_name.clone().unwrap_or(otherwise), password: self.password(talk)? },
            relay,
            probe: !self.no_probe,
            alarm_to: self.alarm_to.as_deref().map(Email::parse).transpose()?,
        })
    }

    fn key(&self, talk: &Talk) -> Result<(Provider, Phrase)> {
        if let Some(path) = &self.key_passphrase_file {
            return Ok((Provider::Passphrase, Phrase::File(path.clone())));
        }
        if let Some(name) = &self.key_credential {
            return Ok((Provider::Credential { name: name.clone() }, Phrase::None));
        }
        if let Some(command) = &self.key_command {
            let argv = command.split_whitespace().map(str::to_owned).collect();
            return Ok((Provider::Command { argv }, Phrase::None));
        }
        let given = self.key_file.as_ref().map(|p| p.display().to_string());
        let question = say!(
            "ルート鍵のファイル（データフォルダーの外。なければ作ります）",
            "The root key's file (outside the data folder; made if it is not there)"
        );
        let path = ask(talk, "--key-file", &given, &question)?;
        Ok((Provider::File { path: self.key_file.clone().unwrap_or_else(|| path.into()) }, Phrase::None))
    }

    fn password(&self, talk: &Talk) -> Result<Secret> {
        match &self.admin_password_file {
            Some(path) => files::secret(path),
            None if talk.may_ask => prompt::twice(talk, &say!("管理者のパスワード", "The admin's password")),
            None => Err(unanswered("--admin-password-file")),
        }
    }

    fn relay(&self, talk: &Talk) -> Result<Option<Relay>> {
        let question = say!("中継サーバー（あとで設定するなら空のまま）", "The relay (leave empty to set it later)");
        let url = match &self.relay {
            Some(url) => url.clone(),
            None if talk.may_ask && self.answers.is_none() => prompt::line(talk, &question, "")?,
            None => String::new(),
        };
        if url.is_empty() {
            return Ok(None);
        }
        let relay = Relay::parse(&url)?;
        match (&self.relay_password_file, &relay.login) {
            (Some(path), _) => relay.with_password(files::secret(path)?).map(Some),
            (None, Some(_)) if talk.may_ask => {
                let password = prompt::hidden(talk, &say!("中継サーバーのパスワード", "The relay's password"))?;
                relay.with_password(password).map(Some)
            }
            (None, Some(_)) => Err(unanswered("--relay-password-file")),
            (None, None) => Ok(Some(relay)),
        }
    }
}

fn ask(talk: &Talk, flag: &str, given: &Option<String>, question: &Say) -> Result<String> {
    match given {
        Some(value) => Ok(value.clone()),
        None if talk.may_ask => prompt::line(talk, question, ""),
        None => Err(unanswered(flag)),
    }
}
