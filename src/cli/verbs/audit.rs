//! `hakobu audit list|verify|export`.

use crate::cli::files::Files;
use crate::house::ask::{Ask, audit::AuditAsk};
use std::path::PathBuf;

#[derive(clap::Subcommand)]
pub(in crate::cli) enum Audit {
    /// The newest lines first || 新しい順に表示
    List {
        /// Only lines before this number || この番号より前の行
        #[arg(long, value_name = "N")]
        before: Option<i64>,
        /// How many || 件数
        #[arg(long, value_name = "N", default_value_t = 50)]
        most: usize,
    },
    /// Check that no line was changed or taken out || 書き換えや抜けがないことを確かめる
    Verify,
    /// Every line as JSON lines || 全行を JSON Lines で書き出す
    Export {
        /// Where to; - is stdout || 書き出し先（- は標準出力）
        #[arg(long, short, value_name = "FILE", default_value = "-")]
        output: PathBuf,
    },
}

impl Audit {
    pub(super) fn ask(self, files: &mut Files<'_>) -> Ask {
        Ask::Audit(match self {
            Audit::List { before, most } => AuditAsk::List { before, most },
            Audit::Verify => AuditAsk::Verify,
            Audit::Export { output } => {
                files.take("file", &output);
                AuditAsk::Export
            }
        })
    }
}
