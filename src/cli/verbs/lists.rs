//! `hakobu topic …`, `hakobu segment …`, `hakobu contacts suppression …`.

use crate::base::{Error, Result, Time, clock, ids::RunId, limits};
use crate::cli::files::{self, Files};
use crate::house::ask::lists::{SegmentAsk, SuppressionAsk, TopicAsk};
use crate::house::ask::{Ask, Hidden};
use std::path::PathBuf;

#[derive(clap::Subcommand)]
pub(in crate::cli) enum Topic {
    /// All topics || 配信種別の一覧
    List,
    /// A new topic || 配信種別を作る
    Create {
        /// Its name || 名前
        name: String,
    },
    /// The topic of whoever names none || 指定がないときの配信種別にする
    Default {
        /// t1 or its name || t1 または名前
        topic: String,
    },
}

impl Topic {
    pub(super) fn ask(self) -> Ask {
        Ask::Topic(match self {
            Topic::List => TopicAsk::List,
            Topic::Create { name } => TopicAsk::Create { name },
            Topic::Default { topic } => TopicAsk::Default { topic },
        })
    }
}

#[derive(clap::Subcommand)]
#[command(
    before_help = "  hakobu segment count 'tag:2026秋 and 年齢 >= 30'\n  hakobu segment save 首都圏 '都道府県 in (東京都, 神奈川県)' || \
  hakobu segment count 'tag:2026秋 and 年齢 >= 30'\n  hakobu segment save 首都圏 '都道府県 in (東京都, 神奈川県)'"
)]
pub(in crate::cli) enum Segment {
    /// All saved segments || 保存した絞り込みの一覧
    List,
    /// Keep a segment under a name || 名前を付けて保存する
    Save {
        /// Its name || 名前
        name: String,
        /// The conditions || 条件
        text: String,
    },
    /// How many contacts it picks || 当てはまる連絡先の数
    Count {
        /// The conditions, or a saved segment's id or name || 条件、または保存した絞り込みの g1 か名前
        text: String,
    },
    /// One saved segment and how many it picks || 保存した絞り込みの条件と件数
    Show {
        /// g1 or its name || g1 または名前
        segment: String,
    },
    /// Forget a saved segment || 保存した絞り込みを消す
    Delete {
        /// g1 or its name || g1 または名前
        segment: String,
    },
}

impl Segment {
    pub(super) fn ask(self) -> Ask {
        Ask::Segment(match self {
            Segment::List => SegmentAsk::List,
            Segment::Save { name, text } => SegmentAsk::Save { name, text },
            Segment::Count { text } => SegmentAsk::Count { text },
            Segment::Show { segment } => SegmentAsk::Show { segment },
            Segment::Delete { segment } => SegmentAsk::Delete { segment },
        })
    }
}

#[derive(clap::Subcommand)]
pub(in crate::cli) enum Suppression {
    /// The newest entries first || 新しい順に表示
    List {
        /// After this place, from `next` of the page before || 前のページの next の続きから
        #[arg(long, value_name = "PLACE")]
        after: Option<String>,
        /// How many || 件数
        #[arg(long, value_name = "N", default_value_t = 50)]
        most: usize,
    },
    /// Put one address on the list || アドレスを 1 件追加する
    Add {
        #[command(flatten)]
        one: Address,
    },
    /// Take an address off the list || アドレスを外す
    Remove {
        #[command(flatten)]
        one: Address,
        /// Why; it is kept || 理由（記録に残る）
        #[arg(long)]
        reason: String,
    },
    /// Add the addresses of a file, one per line || ファイルのアドレスを追加する（1 行 1 件）
    Import {
        /// The file; - is stdin || ファイル（- は標準入力）
        file: PathBuf,
    },
    /// The whole list as CSV || 全件を CSV で書き出す
    Export {
        /// Where to; - is stdout || 書き出し先（- は標準出力）
        #[arg(long, short, value_name = "FILE", default_value = "-")]
        output: PathBuf,
    },
    /// The imports of this list || 取り込みの履歴
    Batches,
    /// Take back an import, or what failures put on the list || 取り込み、または不達による停止を取り消す
    Undo {
        /// The number of an import || 取り込みの番号
        #[arg(required_unless_present_any = ["run", "receiver", "since"], conflicts_with_all = ["run", "receiver", "since", "dry_run"])]
        batch: Option<i64>,
        /// Failures of this run (r12) || この送信（r12）の不達
        #[arg(long, value_name = "RUN")]
        run: Option<String>,
        /// Failures at this domain || このドメインの不達
        #[arg(long, value_name = "DOMAIN")]
        receiver: Option<String>,
        /// Failures from this time on || この日時以降の不達
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
        /// Only count || 件数だけを調べる
        #[arg(long)]
        dry_run: bool,
    },
}

impl Suppression {
    pub(super) fn ask(self, files: &mut Files<'_>) -> Result<Ask> {
        Ok(Ask::Suppression(match self {
            Suppression::List { after, most } => SuppressionAsk::List { after, most },
            Suppression::Add { one } => SuppressionAsk::Add { email: one.read()? },
            Suppression::Remove { one, reason } => {
                SuppressionAsk::Remove { email: one.read()?, reason: Hidden(reason) }
            }
            Suppression::Import { file } => {
                files.lend("file", &file)?;
                SuppressionAsk::Import
            }
            Suppression::Export { output } => {
                files.take("file", &output);
                SuppressionAsk::Export
            }
            Suppression::Batches => SuppressionAsk::Batches,
            Suppression::Undo { batch: Some(batch), .. } => SuppressionAsk::Undo { batch },
            Suppression::Undo { batch: None, run, receiver, since, dry_run } => {
                let run = run.as_deref().map(RunId::parse).transpose()?;
                let since = since.as_deref().map(|t| Time::parse(t, &clock::japan())).transpose()?;
                SuppressionAsk::UndoFailures { run, receiver, since, dry_run }
            }
        }))
    }
}

/// One person's address: by a file or stdin where others may look at the list of processes.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
pub(in crate::cli) struct Address {
    /// The address, which other accounts of this machine can see meanwhile; - reads it from stdin || メールアドレス（実行中はこの機械のほかの利用者にも見える）。- は標準入力
    address: Option<String>,
    /// A file with the address; - is stdin || アドレスを書いたファイル（- は標準入力）
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

impl Address {
    fn read(self) -> Result<Hidden> {
        let from = match (self.address, self.file) {
            (Some(address), _) if address != "-" => return Ok(Hidden(address)),
            (_, Some(file)) => file,
            (_, None) => PathBuf::from("-"),
        };
        let text = files::text(&from, limits::ADDRESS_FILE)?;
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        match (lines.next(), lines.next()) {
            (Some(address), None) => Ok(Hidden(address.to_owned())),
            (None, _) => Err(Error::refused(say!("アドレスがありません。", "There is no address."))),
            (Some(_), Some(_)) => {
                Err(Error::refused(say!("アドレスが 2 件以上あります。", "There is more than one address.")).hint(
                    say!(
                        "まとめて加えるには: hakobu contacts suppression import FILE",
                        "For a whole list: hakobu contacts suppression import FILE"
                    ),
                ))
            }
        }
    }
}
