//! `hakobu campaign …` and `hakobu sender …`.

use super::drafts::{Create, Edit};
use crate::base::ids::{CampaignId, ContactId, SenderId};
use crate::base::{Error, Lang, Result};
use crate::campaigns::sender::Sender as Profile;
use crate::cli::files::Files;
use crate::house::ask::campaigns::{CampaignAsk, SenderAsk, Unseen};
use crate::house::ask::{Ask, Hidden};
use crate::house::send::Send;
use std::path::PathBuf;
use std::time::Duration;

#[derive(clap::Subcommand)]
#[command(
    before_help = "  hakobu campaign create --name NEWS --from 'Shop <news@news.example.jp>' --subject 'Hello {{ name }}' --html mail.html --segment 'tag:vip'\n  hakobu campaign test c1 --to me@example.jp\n  hakobu campaign send c1 --wait || \
  hakobu campaign create --name 秋の案内 --from '運ぶ商店 <news@news.example.jp>' --subject '{{ 姓 }}様へ' --html mail.html --segment 'tag:2026秋'\n  hakobu campaign test c1 --to me@example.jp\n  hakobu campaign send c1 --wait"
)]
pub(in crate::cli) enum Campaign {
    /// The newest first || 新しい順に表示
    List {
        /// Only those in this state || この状態のものだけ
        #[arg(long)]
        state: Option<String>,
        /// Only those before this one || これより前のもの
        #[arg(long, value_name = "CAMPAIGN", value_parser = campaign)]
        before: Option<CampaignId>,
        /// How many || 件数
        #[arg(long, value_name = "N", default_value_t = 50)]
        most: usize,
    },
    /// One campaign || 1 件を表示
    Show(One),
    /// Write a draft || 下書きを作る
    Create(Box<Create>),
    /// A new draft with the same content || 同じ内容の下書きを作る
    Copy(One),
    /// Delete a draft || 下書きを消す
    Delete(One),
    /// What would go wrong if it were sent now || 送信前の確認
    #[command(visible_alias = "preflight")]
    Check(One),
    /// Change a draft; what is not given stays || 下書きを変更する（指定しない項目はそのまま）
    Edit(Box<Edit>),
    /// A mail as one recipient would get it || ある宛先に届くメールの内容
    Preview {
        #[command(flatten)]
        one: One,
        /// As this contact; p1 || この連絡先として（p1）
        #[arg(long = "as", value_name = "CONTACT", value_parser = contact)]
        contact: Option<ContactId>,
    },
    /// Send a marked test mail || テストメールを送る
    Test {
        #[command(flatten)]
        one: One,
        /// To this address; may be given several times || このアドレスへ（何度でも指定できる）
        #[arg(long, value_name = "ADDRESS", required_unless_present = "group", conflicts_with = "group")]
        to: Vec<String>,
        /// To everybody with this tag or in this saved segment || このタグまたは絞り込みの全員へ
        #[arg(long)]
        group: Option<String>,
        /// With the fields of this contact; p1 || この連絡先の項目を使う（p1）
        #[arg(long = "as", value_name = "CONTACT", value_parser = contact)]
        contact: Option<ContactId>,
    },
    /// Send at a moment || 送信を予約する
    Schedule {
        #[command(flatten)]
        one: One,
        /// 2026-11-20 10:05, or with an offset || 日時（2026-11-20 10:05）
        #[arg(long, value_name = "TIME")]
        at: String,
    },
    /// Back to a draft || 予約を取り消す
    Unschedule(One),
    /// Send now || 送信する
    Send {
        #[command(flatten)]
        one: One,
        /// Until every recipient's row is final || すべての宛先の結果が出るまで待つ
        #[arg(long)]
        wait: bool,
        /// Wait no longer than this: 30s, 10m, 2h || 待つ時間の上限（30s、10m、2h）
        #[arg(long, value_name = "TIME", value_parser = duration, requires = "wait")]
        timeout: Option<Duration>,
        /// Warnings stop it (exit 4), failed rows are exit 3 || 注意があれば送らず（終了コード 4）、届かない宛先があれば 3
        #[arg(long)]
        strict: bool,
    },
    /// Stop for now || 一時停止する
    Pause(One),
    /// Go on || 再開する
    Resume(One),
    /// Stop for good; what is not on the wire does not leave || 中止する
    Cancel(One),
    /// The counts || 結果の件数
    Result(One),
    /// Every recipient and what became of them, as CSV || 宛先ごとの結果を CSV で書き出す
    Recipients {
        #[command(flatten)]
        one: One,
        /// Only those in this state || この状態のものだけ
        #[arg(long)]
        state: Option<String>,
        /// Where to; - is stdout || 書き出し先（- は標準出力）
        #[arg(long, short, value_name = "FILE", default_value = "-")]
        output: PathBuf,
    },
    /// What becomes of recipients in doubt || 結果不明の宛先をどうするか決める
    Decide {
        #[command(flatten)]
        one: One,
        /// Send to them again || もう一度送る
        #[arg(long, required_unless_present = "accept", conflicts_with = "accept")]
        resend: bool,
        /// Leave it at that || このままにする
        #[arg(long)]
        accept: bool,
    },
}

#[derive(clap::Args)]
pub(in crate::cli) struct One {
    /// The campaign; c1 || 配信（c1）
    #[arg(value_parser = campaign)]
    pub(super) campaign: CampaignId,
}

fn said(e: Error) -> String {
    e.says().to(Lang::En).to_owned()
}

fn campaign(text: &str) -> std::result::Result<CampaignId, String> {
    CampaignId::parse(text).map_err(said)
}

fn contact(text: &str) -> std::result::Result<ContactId, String> {
    ContactId::parse(text).map_err(said)
}

fn sender(text: &str) -> std::result::Result<SenderId, String> {
    SenderId::parse(text).map_err(said)
}

/// `90`, `30s`, `10m`, `2h`.
fn duration(text: &str) -> std::result::Result<Duration, String> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let factor = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err("30s, 10m, 2h".to_owned()),
    };
    let seconds = number.parse::<u64>().ok().and_then(|n| n.checked_mul(factor));
    seconds.map(Duration::from_secs).ok_or_else(|| "30s, 10m, 2h".to_owned())
}

impl Campaign {
    pub(super) fn ask(self, files: &mut Files<'_>) -> Result<Ask> {
        Ok(Ask::Campaign(match self {
            Campaign::List { state, before, most } => CampaignAsk::List { state, before, most },
            Campaign::Show(one) => CampaignAsk::Show(one.campaign),
            Campaign::Create(create) => create.ask(files)?,
            Campaign::Copy(one) => CampaignAsk::Copy(one.campaign),
            Campaign::Delete(one) => CampaignAsk::Delete(one.campaign),
            Campaign::Check(one) => CampaignAsk::Check(one.campaign),
            Campaign::Edit(edit) => edit.ask(files)?,
            Campaign::Preview { one, contact } => CampaignAsk::Preview { campaign: one.campaign, contact },
            Campaign::Test { one, to, group, contact } => {
                CampaignAsk::Test { campaign: one.campaign, to: to.into_iter().map(Hidden).collect(), group, contact }
            }
            Campaign::Schedule { one, at } => CampaignAsk::Schedule { campaign: one.campaign, at },
            Campaign::Unschedule(one) => CampaignAsk::Unschedule(one.campaign),
            Campaign::Send { one, wait, timeout, strict } => {
                CampaignAsk::Send(Send { campaign: one.campaign, wait, timeout, strict })
            }
            Campaign::Pause(one) => CampaignAsk::Pause(one.campaign),
            Campaign::Resume(one) => CampaignAsk::Resume(one.campaign),
            Campaign::Cancel(one) => CampaignAsk::Cancel(one.campaign),
            Campaign::Result(one) => CampaignAsk::Result(one.campaign),
            Campaign::Recipients { one, state, output } => {
                files.take("file", &output);
                CampaignAsk::Recipients { campaign: one.campaign, state }
            }
            Campaign::Decide { one, resend, accept: _ } => CampaignAsk::Decide { campaign: one.campaign, resend },
        }))
    }
}

#[derive(clap::Subcommand)]
pub(in crate::cli) enum Sender {
    /// All sender profiles || 差出人の一覧
    List,
    /// Make a profile, or change the one of this name || 差出人を作る、または同じ名前のものを変える
    Save {
        /// Its name in the house || 差出人の名前
        name: String,
        /// 'Name <address>' || 「名前 <アドレス>」
        #[arg(long)]
        from: String,
        /// Where replies go || 返信先
        #[arg(long, default_value = "", hide_default_value = true)]
        reply_to: String,
        /// The legal name in the footer || 表示する事業者名
        #[arg(long, default_value = "", hide_default_value = true)]
        legal_name: String,
        /// The postal address in the footer || 表示する住所
        #[arg(long, default_value = "", hide_default_value = true)]
        postal_address: String,
        /// Where complaints and questions go || 苦情・問い合わせ先
        #[arg(long, default_value = "", hide_default_value = true)]
        contact: String,
    },
    /// Delete a profile || 差出人を消す
    Delete {
        /// s1 || s1
        #[arg(value_parser = sender)]
        sender: SenderId,
    },
}

impl Sender {
    pub(super) fn ask(self) -> Ask {
        Ask::Sender(match self {
            Sender::List => SenderAsk::List,
            Sender::Save { name, from, reply_to, legal_name, postal_address, contact } => {
                SenderAsk::Save(Box::new(Unseen(Profile { name, from, reply_to, legal_name, postal_address, contact })))
            }
            Sender::Delete { sender } => SenderAsk::Delete(sender),
        })
    }
}
