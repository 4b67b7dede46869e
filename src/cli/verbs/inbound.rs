//! `hakobu mail inbound …`, `hakobu mail receiver …`, `hakobu mail rules`: what comes back.

use crate::house::ask::inbound::InboundAsk;

#[derive(clap::Subcommand)]
pub(in crate::cli) enum Inbound {
    /// The newest first, without anybody's address || 新しい順に表示（アドレスは表示しない）
    List {
        /// Only those that a person should look at || 人が確認するものだけ
        #[arg(long)]
        shown: bool,
        /// How many || 件数
        #[arg(long, value_name = "N", default_value_t = 50)]
        most: usize,
    },
    /// One mail, whole || 1 通の内容
    Show {
        /// Its id, from the list || 一覧の ID
        id: String,
    },
    /// Where failures come back to, and which domains' mail is taken || 戻り先のドメインと受け取るドメイン
    Domains,
    /// Set it; the MX of each must lead to serve --smtp || 設定する（MX を serve --smtp に向けておく）
    Set {
        /// The domain of return paths, such as bounce.example.jp || 戻り先のドメイン（例: bounce.example.jp）
        #[arg(long, value_name = "DOMAIN")]
        returns: Option<String>,
        /// Another domain whose mail is taken || そのほかの受け取るドメイン
        #[arg(long, value_name = "DOMAIN")]
        domain: Vec<String>,
    },
}

impl Inbound {
    pub(super) fn ask(self) -> InboundAsk {
        match self {
            Inbound::List { shown, most } => InboundAsk::List { shown, most },
            Inbound::Show { id } => InboundAsk::Show { id },
            Inbound::Domains => InboundAsk::Domains,
            Inbound::Set { returns, domain } => InboundAsk::SetDomains { returns, domains: domain },
        }
    }
}

#[derive(clap::Subcommand)]
pub(in crate::cli) enum Receiver {
    /// Those that pause; with --all, every one || 一時停止中のもの（--all ですべて）
    List {
        /// Every receiver || すべて
        #[arg(long)]
        all: bool,
        /// After this domain || このドメインの続きから
        #[arg(long, value_name = "DOMAIN", default_value = "")]
        after: String,
    },
    /// Let it go on || 再開する
    Resume {
        /// The domain || ドメイン
        domain: String,
        /// The failures were right: take those addresses off || 不達は正しいとして、そのアドレスを停止リストに載せる
        #[arg(long)]
        believe: bool,
    },
}

impl Receiver {
    pub(super) fn ask(self) -> InboundAsk {
        match self {
            Receiver::List { all, after } => InboundAsk::Receivers { all, after },
            Receiver::Resume { domain, believe } => InboundAsk::Resume { domain, believe },
        }
    }
}

/// Without a flag they are shown.
#[derive(clap::Args)]
pub(in crate::cli) struct RuleFlags {
    /// Soft failures in a row || 続けて起きた一時エラーの回数
    #[arg(long, value_name = "N")]
    soft_times: Option<u32>,
    /// Over at least so many days || その期間の最短日数
    #[arg(long, value_name = "DAYS")]
    soft_days: Option<u32>,
    /// A receiver pauses above so many hard failures of a hundred || 受信側を止める恒久エラーの割合（%）
    #[arg(long, value_name = "PERCENT")]
    hard_percent: Option<u32>,
    /// But not below so many || ただしこの件数から
    #[arg(long, value_name = "N")]
    hard_least: Option<u32>,
}

impl RuleFlags {
    pub(super) fn ask(self) -> InboundAsk {
        let RuleFlags { soft_times, soft_days, hard_percent, hard_least } = self;
        InboundAsk::Rules { soft_times, soft_days, hard_percent, hard_least }
    }
}
