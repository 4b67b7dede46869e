//! `hakobu update …`.

use crate::base::{Error, Result, limits};
use crate::cli::files;
use crate::house::ask::updates::UpdateAsk;
use crate::house::ask::{Ask, Hidden};
use crate::update::source::{Project, Source, checked};
use clap::ValueEnum;
use std::path::PathBuf;

#[derive(clap::Subcommand)]
pub(in crate::cli) enum Update {
    /// Is there a newer release || 新しい版があるか
    Check,
    /// What became of earlier updates || これまでの更新の記録
    History {
        /// How many, newest first || 件数（新しい順）
        #[arg(long, value_name = "N", default_value_t = limits::UPDATES_SHOWN)]
        most: usize,
    },
    /// Where releases come from || リリースの取得元
    #[command(subcommand)]
    Source(From),
}

#[derive(clap::Subcommand)]
pub(in crate::cli) enum From {
    /// What is set || いまの設定
    Show,
    /// Set it; the signature decides what is believed, wherever it comes from || 設定する（どこから来ても署名で判断します）
    Set(Box<Set>),
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Where {
    Github,
    Gitlab,
    Gitea,
    S3,
    Folder,
    None,
}

#[derive(clap::Args)]
pub(in crate::cli) struct Set {
    /// github, gitlab, gitea, s3, folder, or none || 取得元の種類
    #[arg(value_name = "KIND")]
    kind: Where,
    /// OWNER/NAME at a forge || フォージのプロジェクト（運営者/名前）
    #[arg(long, value_name = "OWNER/NAME")]
    project: Option<String>,
    /// Another installation than the public one, or another bucket service (with the bucket in it) || 公開サービス以外を使うときの URL
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// A token that opens a private project, on the first line of a file || 非公開プロジェクト用のトークン（ファイルの 1 行目）
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// The bucket || バケット
    #[arg(long, value_name = "NAME")]
    bucket: Option<String>,
    /// The bucket's region || バケットのリージョン
    #[arg(long, value_name = "NAME")]
    region: Option<String>,
    /// What the names in the bucket begin with || バケット内の接頭辞
    #[arg(long, value_name = "PREFIX")]
    prefix: Option<String>,
    /// The folder, on the server: a mirror or a USB stick || サーバー上のフォルダー（ミラーや USB メモリー）
    #[arg(long, value_name = "DIR")]
    path: Option<PathBuf>,
}

impl Update {
    pub(super) fn ask(self) -> Result<Ask> {
        Ok(Ask::Update(match self {
            Update::Check => UpdateAsk::Check,
            Update::History { most } => UpdateAsk::History { most },
            Update::Source(From::Show) => UpdateAsk::Source,
            Update::Source(From::Set(set)) => {
                let token = set.token_file.as_deref().map(files::secret).transpose()?;
                let token = token.map(|t| Hidden(t.text().unwrap_or_default().trim().to_owned()));
                UpdateAsk::SetSource { source: set.source()?, token }
            }
        }))
    }
}

impl Set {
    fn source(self) -> Result<Option<Source>> {
        let url = self.url.clone();
        let project = || Project::parse(self.project.as_deref().ok_or_else(|| super::unanswered("--project"))?, url);
        Ok(Some(match self.kind {
            Where::None => return Ok(None),
            Where::Github => Source::Github(project()?),
            Where::Gitlab => Source::Gitlab(project()?),
            Where::Gitea => Source::Gitea(project()?),
            Where::S3 => Source::S3 {
                bucket: self.bucket.ok_or_else(|| super::unanswered("--bucket"))?,
                url: self.url.map(checked).transpose()?,
                region: self.region,
                prefix: self.prefix,
            },
            Where::Folder => {
                let path = self.path.ok_or_else(|| super::unanswered("--path"))?;
                let cannot =
                    |e| Error::io(say!("フォルダーの場所が分かりません。", "Cannot tell where the folder is."), e);
                Source::Folder { path: std::path::absolute(path).map_err(cannot)? }
            }
        }))
    }
}
