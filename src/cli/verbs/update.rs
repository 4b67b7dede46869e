//! `hakobu update …`.

use crate::base::link::TrialResult;
use crate::base::{Error, Kind, Result, limits};
use crate::cli::files::{self, Files};
use crate::cli::talk::Talk;
use crate::cli::{Common, reach};
use crate::house::ask::updates::UpdateAsk;
use crate::house::ask::{Answer, Ask, Hidden};
use crate::update::prepare::OWN_PROGRAM;
use crate::update::source::{Project, Source, checked};
use clap::ValueEnum;
use std::path::{Path, PathBuf};

#[derive(clap::Subcommand)]
pub(in crate::cli) enum Update {
    /// Try a release and keep it if it proves itself || 新しい版を試し、問題がなければ切り替える
    Apply(Apply),
    /// Back to the release before || 前の版に戻す
    Rollback {
        /// How long the release is watched, in seconds || 様子を見る秒数
        #[arg(long, value_name = "SECONDS", default_value_t = limits::PROBATION.as_secs())]
        probation: u64,
    },
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

#[derive(clap::Args)]
pub(in crate::cli) struct Apply {
    /// This version and no other || この版だけ
    #[arg(long = "version", value_name = "VERSION")]
    wanted: Option<String>,
    /// A bundle that was brought, on a USB stick for example || 持ち込んだバンドル（USB メモリーなど）
    #[arg(long, value_name = "BUNDLE", conflicts_with = "this")]
    file: Option<PathBuf>,
    /// This very program becomes the one that serves, after an upgrade of the package || このプログラム自身を試す（パッケージ更新の後）
    #[arg(long, conflicts_with = "wanted")]
    this: bool,
    /// How long the release is watched before it is kept, in seconds || 切り替え後に様子を見る秒数
    #[arg(long, value_name = "SECONDS", default_value_t = limits::PROBATION.as_secs())]
    probation: u64,
    /// How long it may take to check itself on a copy of the data, in seconds || データのコピーでの事前検査の上限（秒）
    #[arg(long, value_name = "SECONDS", default_value_t = limits::PREFLIGHT_TIME.as_secs())]
    preflight: u64,
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

/// Asks, and where a trial comes of it, tells each step and waits for its end.
pub(super) fn run(verb: Update, common: &Common, talk: &Talk) -> Result<u8> {
    talk.heed_signals()?;
    let data = super::data(common)?;
    let mut files = Files::new(talk);
    let ask = verb.ask(&mut files, talk)?;
    let answer = reach::answer(&data, &super::phrase(common), Ask::Update(ask), &files, talk.build)?;
    files.keep()?;
    match answer.value["trial"].as_str() {
        Some(id) => follow(&data, id, talk),
        None => Ok(talk.show(&answer)),
    }
}

fn follow(data: &Path, id: &str, talk: &Talk) -> Result<u8> {
    let record = reach::trial(data, id, &mut |step| {
        let (name, ms) = (step.step.clone(), step.ms);
        let mark = if step.ok { "✓" } else { "✗" };
        talk.say(&say!("{mark} {name}（{ms} ミリ秒）", "{mark} {name} ({ms} ms)"));
    })?;
    let answer = Answer::of(&record)?;
    Ok(talk.show(&match record.result {
        TrialResult::Updated => answer,
        TrialResult::RolledBack => answer.but(Kind::Conflict),
        TrialResult::Refused => answer.but(Kind::Damaged),
    }))
}

impl Update {
    fn ask(self, files: &mut Files<'_>, talk: &Talk) -> Result<UpdateAsk> {
        let ms = |seconds: u64| seconds.saturating_mul(1_000);
        Ok(match self {
            Update::Check => UpdateAsk::Check,
            Update::Apply(Apply { this: true, probation, preflight, .. }) => {
                files.lend("program", Path::new(OWN_PROGRAM))?;
                let version = talk.build.version.to_owned();
                UpdateAsk::Adopt { version, probation_ms: ms(probation), preflight_ms: Some(ms(preflight)) }
            }
            Update::Apply(Apply { wanted: version, file, probation, preflight, .. }) => {
                if let Some(file) = &file {
                    files.lend("file", file)?;
                }
                let (file, probation_ms) = (file.is_some(), ms(probation));
                UpdateAsk::Apply { version, file, probation_ms, preflight_ms: Some(ms(preflight)) }
            }
            Update::Rollback { probation } => UpdateAsk::Rollback { probation_ms: ms(probation) },
            Update::History { most } => UpdateAsk::History { most },
            Update::Source(From::Show) => UpdateAsk::Source,
            Update::Source(From::Set(set)) => {
                let token = set.token_file.as_deref().map(files::secret).transpose()?;
                let token = token.map(|t| Hidden(t.text().unwrap_or_default().trim().to_owned()));
                UpdateAsk::SetSource { source: set.source()?, token }
            }
        })
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
