//! What is written for a campaign: `hakobu campaign create|edit` and `hakobu template …`.

use super::campaigns::One;
use crate::base::{Result, limits};
use crate::campaigns::content::FileRole;
use crate::campaigns::source::Format;
use crate::cli::files::{self, Files};
use crate::contacts::MailKind;
use crate::house::ask::campaigns::CampaignAsk;
use crate::house::ask::drafts::{Change, Given, TemplateAsk};
use crate::house::ask::{Ask, Hidden};
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub(in crate::cli) struct Create {
    /// Its name in the house || 配信の名前
    #[arg(long)]
    name: String,
    #[command(flatten)]
    content: Content,
}

#[derive(clap::Args)]
pub(in crate::cli) struct Edit {
    #[command(flatten)]
    one: One,
    /// Its name in the house || 配信の名前
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    content: Content,
    /// Takes a file of this name off || この名前のファイルを外す
    #[arg(long, value_name = "NAME")]
    remove_file: Vec<String>,
    /// Only if it is still at this version, as `campaign show` tells it || この版のときだけ変更する
    #[arg(long, value_name = "N")]
    at_version: Option<i64>,
}

#[derive(clap::Args)]
struct Content {
    /// Starts from a saved template; m1 or its name || ひな形から始める（m1 または名前）
    #[arg(long)]
    template: Option<String>,
    /// 'Name <address>', or a sender profile's id or name || 差出人（「名前 <アドレス>」または差出人の名前）
    #[arg(long)]
    from: Option<String>,
    #[command(flatten)]
    written: Written,
    /// Who gets it: conditions or a saved segment; everybody if not given || 宛先の条件か保存した絞り込み（省略すると全員）
    #[arg(long)]
    segment: Option<String>,
    /// t1 or a topic's name || 配信種別（t1 または名前）
    #[arg(long)]
    topic: Option<String>,
    /// advertisement, or notice (a recall, a fault, an order) || advertisement（広告）か notice（お知らせ）
    #[arg(long, value_parser = kind)]
    kind: Option<MailKind>,
    /// Why a notice also goes to those who refused advertisements || お知らせを拒否者にも送る理由
    #[arg(long)]
    reason: Option<String>,
    /// Instead of the profile's reply address || 返信先
    #[arg(long, value_name = "ADDRESS")]
    reply_to: Option<String>,
    /// Two contacts with one address get two mails || 同じアドレスの連絡先にもそれぞれ送る
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    every_contact: Option<bool>,
    /// After a crash, send to recipients in doubt again || 異常終了のあと、結果不明の宛先に送り直す
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    resend_in_doubt: Option<bool>,
    /// An attachment || 添付ファイル
    #[arg(long, value_name = "FILE")]
    attach: Vec<PathBuf>,
    /// An image inside the mail; cid:NAME || メールに埋め込む画像（cid:名前）
    #[arg(long, value_name = "FILE")]
    embed: Vec<PathBuf>,
    /// An image at the public URL || 公開 URL に置く画像
    #[arg(long, value_name = "FILE")]
    host: Vec<PathBuf>,
}

#[derive(clap::Args)]
struct Written {
    /// The subject, with merge fields || 件名（差し込み可）
    #[arg(long)]
    subject: Option<String>,
    /// The body as HTML || HTML の本文
    #[arg(long, value_name = "FILE", group = "body")]
    html: Option<PathBuf>,
    /// The body as MJML || MJML の本文
    #[arg(long, value_name = "FILE", group = "body")]
    mjml: Option<PathBuf>,
    /// The body as Markdown || Markdown の本文
    #[arg(long, value_name = "FILE", group = "body")]
    markdown: Option<PathBuf>,
    /// The text part, or with nothing else the whole body || テキスト部分（ほかになければ本文）
    #[arg(long, value_name = "FILE")]
    text: Option<PathBuf>,
}

fn kind(text: &str) -> std::result::Result<MailKind, String> {
    MailKind::parse(text).ok_or_else(|| "advertisement, notice".to_owned())
}

type Bodies = (Option<(Format, Hidden)>, Option<Hidden>);

impl Written {
    fn bodies(&self) -> Result<Bodies> {
        let read = |path: &Path| files::text(path, limits::SOURCE_MAX as u64).map(Hidden);
        let given = [(Format::Html, &self.html), (Format::Mjml, &self.mjml), (Format::Markdown, &self.markdown)];
        let body = given.into_iter().find_map(|(format, path)| Some((format, path.as_deref()?)));
        let body = body.map(|(format, path)| read(path).map(|text| (format, text))).transpose()?;
        Ok((body, self.text.as_deref().map(read).transpose()?))
    }

    /// Where nothing was written before: text alone is the whole body.
    fn first_bodies(&self) -> Result<Bodies> {
        Ok(match self.bodies()? {
            (None, Some(text)) => (Some((Format::Text, text)), None),
            both => both,
        })
    }
}

impl Content {
    fn given(self, name: Option<String>, (body, text): Bodies, lent: &mut Files<'_>) -> Result<Given> {
        let roles =
            [(FileRole::Attachment, &self.attach), (FileRole::Embedded, &self.embed), (FileRole::Hosted, &self.host)];
        let mut names = Vec::new();
        for (role, path) in roles.into_iter().flat_map(|(role, paths)| paths.iter().map(move |p| (role, p))) {
            lent.lend(&format!("file.{}", names.len()), path)?;
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            names.push((role, Hidden(name)));
        }
        Ok(Given {
            template: self.template,
            name,
            from: self.from.map(Hidden),
            subject: self.written.subject.map(Hidden),
            body,
            text,
            segment: self.segment,
            topic: self.topic,
            kind: self.kind,
            reason: self.reason,
            reply_to: self.reply_to,
            every_contact: self.every_contact,
            resend: self.resend_in_doubt,
            files: names,
        })
    }
}

impl Create {
    pub(super) fn ask(self, lent: &mut Files<'_>) -> Result<CampaignAsk> {
        let from_template = self.content.template.is_some();
        let bodies = match from_template {
            true => self.content.written.bodies()?,
            false => self.content.written.first_bodies()?,
        };
        if !from_template && self.content.written.subject.is_none() {
            return Err(super::unanswered("--subject"));
        }
        if !from_template && bodies.0.is_none() {
            return Err(super::unanswered("--html"));
        }
        Ok(CampaignAsk::Create(Box::new(self.content.given(Some(self.name), bodies, lent)?)))
    }
}

impl Edit {
    pub(super) fn ask(self, lent: &mut Files<'_>) -> Result<CampaignAsk> {
        let bodies = self.content.written.bodies()?;
        Ok(CampaignAsk::Edit(Box::new(Change {
            campaign: self.one.campaign,
            given: self.content.given(self.name, bodies, lent)?,
            without: self.remove_file.into_iter().map(Hidden).collect(),
            version: self.at_version,
        })))
    }
}

#[derive(clap::Subcommand)]
pub(in crate::cli) enum Template {
    /// All saved templates || ひな形の一覧
    List,
    /// One template whole || 1 件を表示
    Show {
        /// m1 or its name || m1 または名前
        template: String,
    },
    /// Make a template, or change the one of this name || ひな形を作る、または同じ名前のものを変える
    Save(Box<Save>),
    /// Delete a template; campaigns made from it stay || ひな形を消す（作った配信は残る）
    Delete {
        /// m1 or its name || m1 または名前
        template: String,
    },
}

#[derive(clap::Args)]
pub(in crate::cli) struct Save {
    /// Its name in the house || ひな形の名前
    name: String,
    #[command(flatten)]
    written: Written,
}

impl Template {
    pub(super) fn ask(self) -> Result<Ask> {
        Ok(Ask::Template(match self {
            Template::List => TemplateAsk::List,
            Template::Show { template } => TemplateAsk::Show(template),
            Template::Save(save) => {
                let (body, text) = save.written.bodies()?;
                TemplateAsk::Save { name: save.name, subject: save.written.subject.map(Hidden), body, text }
            }
            Template::Delete { template } => TemplateAsk::Delete(template),
        }))
    }
}
