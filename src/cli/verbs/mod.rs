//! The verbs: what each one's flags mean as an `Ask`, and which files it lends.

mod alarm;
mod audit;
mod campaigns;
mod consent;
mod contacts;
mod domains;
mod drafts;
mod fields;
mod house;
mod inbound;
mod keys;
mod lists;
mod people;
mod preflight;
mod relay;
mod release;
mod route;
mod serve;
mod service;
mod setup;
mod trial;
mod update;
mod worker;

use super::args::Args;
use super::files::Files;
use super::talk::Talk;
use super::{Common, Error, Kind, Result, reach};
use crate::base::provider::Phrase;
use crate::house::ask::Ask;
use std::path::PathBuf;

#[derive(clap::Subcommand)]
pub(super) enum Verb {
    /// A ready house to look around in: sample contacts, mails caught on a page || サンプル入りの環境を試す
    Try(trial::Try),
    /// Make a house: key, data folder, admin, relay || 環境を作る（鍵、データフォルダー、管理者、中継サーバー）
    Setup(Box<setup::Setup>),
    /// Run the house: pages, clock, sending || 動かす（画面、予約、送信）
    Serve(serve::Serve),
    /// Under systemd: units, account, what runs || systemd のサービスとして動かす
    #[command(subcommand)]
    Service(service::Service),
    /// The house behind the door, started by serve || serve が起動する処理
    #[command(hide = true)]
    Worker,
    /// What the house does now || いまの状態
    Status,
    /// Check this house, with what to do || 点検する
    Doctor,
    /// Contacts || 連絡先
    #[command(subcommand)]
    Contacts(contacts::Contacts),
    /// Who is meant: conditions over tags, attributes, consent || 絞り込み
    #[command(subcommand)]
    Segment(lists::Segment),
    /// Campaigns || 配信
    #[command(subcommand)]
    Campaign(campaigns::Campaign),
    /// Who mails are from || 差出人
    #[command(subcommand)]
    Sender(campaigns::Sender),
    /// Saved subjects and bodies to start from || ひな形
    #[command(subcommand)]
    Template(drafts::Template),
    /// The next mail host || 中継サーバー
    #[command(subcommand)]
    Relay(relay::Relay),
    /// The mail that leaves when all else is down || すべてが止まったときに届く警報
    #[command(subcommand)]
    Alarm(alarm::Alarm),
    /// Mail that is no campaign || 配信以外のメール
    #[command(subcommand)]
    Mail(relay::Mail),
    /// What people subscribe to || 配信種別
    #[command(subcommand)]
    Topic(lists::Topic),
    /// What a contact agreed to or refused || 同意と拒否の記録
    #[command(subcommand)]
    Consent(consent::Consent),
    /// The keys of this house || 鍵
    #[command(subcommand)]
    Key(keys::Key),
    /// Who may sign in || 利用者
    #[command(subcommand)]
    User(people::User),
    /// Tokens for scripts || スクリプト用のトークン
    #[command(subcommand)]
    Token(people::Token),
    /// The settings || 設定
    #[command(subcommand)]
    Config(house::Config),
    /// The record of every change || すべての変更の監査記録
    #[command(subcommand)]
    Audit(audit::Audit),
    /// New releases of this program || このプログラムの更新
    #[command(subcommand)]
    Update(update::Update),
    /// How the release that runs asks this one whether it can take over || 更新の事前検査（内部用）
    #[command(hide = true)]
    Preflight,
    /// For the vendor: keys, signed releases || 配布元向け（鍵とリリースの署名）
    #[command(subcommand)]
    Release(release::Release),
    /// This program's version || このプログラムの版
    Version,
    /// Completion for a shell || シェルの補完
    Completions {
        /// bash, zsh, fish, elvish, powershell || シェルの名前
        shell: clap_complete::Shell,
    },
    /// Manual pages into a folder || マニュアルページをフォルダーに書き出す
    Man {
        /// The folder || フォルダー
        dir: PathBuf,
    },
}

pub(super) fn run(args: Args, talk: &Talk) -> Result<u8> {
    let common = args.common;
    match args.verb {
        Verb::Try(flags) => trial::run(&flags, common.house_language(), talk),
        Verb::Setup(flags) => setup::run(*flags, &common, &data(&common)?, talk),
        Verb::Serve(flags) => serve::run(&flags, &data(&common)?, &phrase(&common), talk),
        Verb::Worker => worker::run(&data(&common)?, talk.build),
        Verb::Status => house::status(&data(&common)?, &phrase(&common), talk),
        Verb::Service(verb) => service::run(verb, &common, talk),
        Verb::Doctor => ask(&common, talk, |_| Ok(house::doctor())),
        Verb::Contacts(verb) => ask(&common, talk, |files| verb.ask(files, talk)),
        Verb::Campaign(verb) => ask(&common, talk, |files| verb.ask(files)),
        Verb::Sender(verb) => ask(&common, talk, |_| Ok(verb.ask())),
        Verb::Template(verb) => ask(&common, talk, |_| verb.ask()),
        Verb::Relay(verb) => ask(&common, talk, |_| verb.ask()),
        Verb::Alarm(verb) => alarm::run(verb, &common, talk),
        Verb::Mail(verb) => relay::mail(verb, &common, talk),
        Verb::Segment(verb) => ask(&common, talk, |_| Ok(verb.ask())),
        Verb::Topic(verb) => ask(&common, talk, |_| Ok(verb.ask())),
        Verb::Consent(verb) => ask(&common, talk, |_| verb.ask()),
        Verb::Key(verb) => keys::run(verb, &common, talk),
        Verb::User(verb) => ask(&common, talk, |_| verb.ask(talk)),
        Verb::Token(verb) => ask(&common, talk, |_| Ok(verb.ask())),
        Verb::Config(verb) => ask(&common, talk, |_| Ok(verb.ask())),
        Verb::Audit(verb) => ask(&common, talk, |files| Ok(verb.ask(files))),
        Verb::Update(verb) => update::run(verb, &common, talk),
        Verb::Preflight => preflight::run(&data(&common)?, talk),
        Verb::Release(verb) => release::run(verb, &common, talk),
        Verb::Version => house::version(talk),
        Verb::Completions { shell } => house::completions(shell, talk),
        Verb::Man { dir } => house::man(&dir, talk),
    }
}

/// From flags to a shown answer, for every verb that asks the house.
fn ask(common: &Common, talk: &Talk, make: impl FnOnce(&mut Files<'_>) -> Result<Ask>) -> Result<u8> {
    talk.heed_signals()?;
    let data = data(common)?;
    let mut files = Files::new(talk);
    let ask = make(&mut files)?;
    let answer = reach::answer(&data, &phrase(common), ask, &files, talk.build)?;
    files.keep()?;
    match files.fill_stdout() {
        true => Ok(answer.exit),
        false => Ok(talk.show(&answer)),
    }
}

/// `--data`, which has no default: a house is never opened by accident.
fn data(common: &Common) -> Result<PathBuf> {
    common.data.clone().ok_or_else(|| {
        Error::new(Kind::Unanswered, say!("データフォルダーの指定がありません。", "No data folder was named.")).hint(
            say!("--data DIR を付けるか、HAKOBU_DATA を設定してください。", "Add --data DIR, or set HAKOBU_DATA."),
        )
    })
}

/// How the root key's passphrase comes, for a house whose key is one.
fn phrase(common: &Common) -> Phrase {
    common.passphrase_file.clone().map_or(Phrase::None, Phrase::File)
}

fn unanswered(flag: &str) -> Error {
    Error::new(Kind::Unanswered, say!("{flag} の指定がありません。", "{flag} was not given."))
        .hint(say!("{flag} を付けて、もう一度実行してください。", "Try again with {flag}."))
}
