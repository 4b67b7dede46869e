//! `hakobu mail direct|shaping|queue`: straight to the receivers, how fast, and what waits.

use crate::house::ask::Ask;
use crate::house::ask::route::{DirectAsk, QueueAsk, RouteAsk, ShapingAsk};

#[derive(clap::Subcommand)]
pub(in crate::cli) enum Direct {
    /// Whether mail goes straight to the receivers, and as whom || 直接送信の設定を表示する
    Show,
    /// From now on straight to the receivers, not through a relay || 中継サーバーを使わず、直接送る
    Set {
        /// Full host name of this server, as its PTR record has it; NAME=IP to send from that address. Repeatable; without
        /// it, as `mail sending` says || このサーバーのホスト名（逆引きと同じ名前）。NAME=IP で送信元アドレスを指定。複数可。省略時は mail sending の設定
        #[arg(long = "hello", value_name = "NAME[=IP]")]
        senders: Vec<String>,
        /// Where mail hosts listen, in a closed network || 受信側のポート（閉じたネットワーク用）
        #[arg(long, default_value_t = 25)]
        port: u16,
        /// Mail hosts may have private addresses: a closed network || 受信側がプライベートアドレスでもよい
        #[arg(long)]
        private: bool,
    },
    /// Through the relay again || 中継サーバー経由に戻す
    Off,
}

#[derive(clap::Subcommand)]
pub(in crate::cli) enum Shaping {
    /// Receiving groups, their limits, and where the numbers come from || 受信側ごとの上限と出典
    List,
    /// Other numbers for one group || 上限を変える
    Set {
        /// Its name || グループ名
        group: String,
        /// Connections at a time || 同時接続数
        #[arg(long)]
        connections: Option<u16>,
        /// Messages on one connection || 1 接続あたりの通数
        #[arg(long)]
        per_connection: Option<u32>,
        /// Messages a minute; 0 for no bound || 毎分の通数（0 で上限なし）
        #[arg(long)]
        per_minute: Option<u32>,
    },
    /// The preset again || はじめの値に戻す
    Reset {
        /// Its name || グループ名
        group: String,
    },
}

#[derive(clap::Subcommand)]
pub(in crate::cli) enum Queue {
    /// Hold back mail to one receiver: a group or a domain || この受信側への配信を止める
    Pause {
        /// Group or domain || グループ名またはドメイン
        receiver: String,
    },
    /// No longer || 再開する
    Resume {
        /// Group or domain || グループ名またはドメイン
        receiver: String,
    },
    /// Everything that is deferred is tried again now || 保留中のメールをすぐに再送する
    Retry,
}

impl Direct {
    pub(super) fn ask(self) -> Ask {
        Ask::Route(RouteAsk::Direct(match self {
            Direct::Show => None,
            Direct::Set { senders, port, private } => Some(DirectAsk::Set { senders, port, private }),
            Direct::Off => Some(DirectAsk::Off),
        }))
    }
}

impl Shaping {
    pub(super) fn ask(self) -> Ask {
        Ask::Route(RouteAsk::Shaping(match self {
            Shaping::List => ShapingAsk::List,
            Shaping::Set { group, connections, per_connection, per_minute } => {
                ShapingAsk::Set { group, connections, per_connection, per_minute }
            }
            Shaping::Reset { group } => ShapingAsk::Reset { group },
        }))
    }
}

impl Queue {
    pub(super) fn ask(self) -> QueueAsk {
        match self {
            Queue::Pause { receiver } => QueueAsk::Pause { receiver },
            Queue::Resume { receiver } => QueueAsk::Resume { receiver },
            Queue::Retry => QueueAsk::Retry,
        }
    }
}
