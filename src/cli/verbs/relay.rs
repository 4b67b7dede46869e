//! `hakobu relay …`: the next mail host.

use super::domains::{self, Dkim, Dns, MailDomain, Sending};
use super::inbound;
use super::route::{Direct, Queue, Shaping};
use crate::base::Result;
use crate::cli::talk::Talk;
use crate::cli::{Common, files};
use crate::delivery::Relay as Place;
use crate::house::ask::relay::RelayAsk;
use crate::house::ask::route::{QueueAsk, RouteAsk};
use crate::house::ask::{Ask, Hidden};
use std::path::PathBuf;

#[derive(clap::Subcommand)]
pub(in crate::cli) enum Relay {
    /// Where mail goes, without any secret || 中継サーバーの設定（秘密の値は表示しない）
    Show,
    /// Set it: smtp://HOST:PORT, smtp+starttls://USER@HOST, smtps://USER@HOST || 設定する
    Set {
        /// The relay || 中継サーバー
        url: String,
        /// Its password, on the first line of a file || パスワード（ファイルの 1 行目）
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
        /// Certificates (PEM) of a private authority || 独自の認証局の証明書（PEM）
        #[arg(long, value_name = "FILE")]
        ca_file: Option<PathBuf>,
    },
    /// Connect, protect, sign in: says what does not work || 接続と認証を確かめる
    Check,
}

#[derive(clap::Subcommand)]
pub(in crate::cli) enum Mail {
    /// Send one test mail || テストメールを 1 通送る
    Test {
        /// To whom || 宛先
        #[arg(long, value_name = "ADDRESS")]
        to: String,
    },
    /// Straight to the receivers' mail hosts, without a relay || 中継サーバーを使わない直接送信
    #[command(subcommand)]
    Direct(Direct),
    /// How fast each receiver is written to || 受信側ごとの速さの上限
    #[command(subcommand)]
    Shaping(Shaping),
    /// What waits, and for whom || 送信待ちの状況
    #[command(args_conflicts_with_subcommands = true)]
    Queue {
        /// Only this receiver || この受信側だけ
        #[arg(long = "domain", value_name = "RECEIVER")]
        receiver: Option<String>,
        #[command(subcommand)]
        verb: Option<Queue>,
    },
    /// What a domain should publish in DNS, and what it does || ドメインの DNS レコードを確かめる
    Dns(Dns),
    /// Domains that mail comes from || 差出人のドメイン
    #[command(subcommand)]
    Domain(MailDomain),
    /// The keys that sign mail || メールに署名する鍵（DKIM）
    #[command(subcommand)]
    Dkim(Dkim),
    /// What receivers see of this server || 受信側から見えるサーバー名と送信元アドレス
    #[command(subcommand)]
    Sending(Sending),
    /// Mail that came back || 戻ってきたメール
    #[command(subcommand)]
    Inbound(inbound::Inbound),
    /// How receivers answered lately, and which pause || 受信側ごとの最近の結果と一時停止
    #[command(subcommand)]
    Receiver(inbound::Receiver),
    /// When failures take an address off || 不達で配信を止める条件
    Rules(inbound::RuleFlags),
}

pub(super) fn mail(verb: Mail, common: &Common, talk: &Talk) -> Result<u8> {
    let ask = match verb {
        Mail::Test { to } => Ask::Relay(RelayAsk::Test { to: Hidden(to) }),
        Mail::Dns(flags) => return domains::dns(flags, common, talk),
        Mail::Domain(verb) => verb.ask(),
        Mail::Dkim(verb) => return domains::keys(verb, common, talk),
        Mail::Sending(verb) => verb.ask(),
        Mail::Inbound(verb) => Ask::Inbound(verb.ask()),
        Mail::Receiver(verb) => Ask::Inbound(verb.ask()),
        Mail::Rules(flags) => Ask::Inbound(flags.ask()),
        Mail::Direct(verb) => verb.ask(),
        Mail::Shaping(verb) => verb.ask(),
        Mail::Queue { receiver, verb } => {
            let show = QueueAsk::Show { receiver };
            Ask::Route(RouteAsk::Queue(verb.map_or(show, Queue::ask)))
        }
    };
    super::ask(common, talk, |_| Ok(ask))
}

impl Relay {
    pub(super) fn ask(self) -> Result<Ask> {
        Ok(Ask::Relay(match self {
            Relay::Show => RelayAsk::Show,
            Relay::Check => RelayAsk::Check,
            Relay::Set { url, password_file, ca_file } => {
                // A mistake in the URL is said before any file is read.
                Place::parse(&url)?;
                let password = password_file.map(|p| files::secret(&p)).transpose()?;
                let password = password.map(|p| Hidden(p.text().unwrap_or_default().to_owned()));
                let ca = ca_file.map(|p| files::text(&p, crate::base::limits::MB)).transpose()?;
                RelayAsk::Set { url, password, ca }
            }
        }))
    }
}
