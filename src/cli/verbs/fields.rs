//! `hakobu contacts tag`, `attribute` and `export`.

use crate::base::{Error, Result};
use crate::cli::files::Files;
use crate::cli::talk::Talk;
use crate::contacts::export::{Form, Unmappable};
use crate::house::ask::Hidden;
use crate::house::ask::fields::{AttributeAsk, ChangeAsk, ExportAsk, TagAsk};
use std::path::PathBuf;

#[derive(clap::Subcommand)]
pub(in crate::cli) enum Tag {
    /// All tags || タグの一覧
    List,
    /// Put a tag on contacts || 連絡先にタグを付ける
    Add {
        /// The tag || タグ
        tag: String,
        /// p12 or addresses || p12 またはメールアドレス
        #[arg(required = true)]
        contacts: Vec<String>,
    },
    /// Take a tag off contacts || 連絡先からタグを外す
    Remove {
        /// The tag || タグ
        tag: String,
        /// p12 or addresses || p12 またはメールアドレス
        #[arg(required = true)]
        contacts: Vec<String>,
    },
    /// Another name; a name that exists joins the two || 名前を変える（同じ名前があればまとめる）
    Rename {
        /// The tag || タグ
        from: String,
        /// Its new name || 新しい名前
        to: String,
    },
    /// Take a tag off everybody || タグを全員から外して消す
    Delete {
        /// The tag || タグ
        tag: String,
    },
}

#[derive(clap::Subcommand)]
pub(in crate::cli) enum Attribute {
    /// All attributes || 属性の一覧
    List,
    /// A new attribute || 属性を作る
    Create {
        /// Its label || 名前
        label: String,
        #[command(flatten)]
        change: Change,
    },
    /// Change an attribute || 属性を変える
    Edit {
        /// Its key or label || キーまたは名前
        attribute: String,
        /// Its new label || 新しい名前
        #[arg(long)]
        label: Option<String>,
        #[command(flatten)]
        change: Change,
    },
    /// Remove an attribute with all its values || 属性を値ごと消す
    Delete {
        /// Its key or label || キーまたは名前
        attribute: String,
    },
}

#[derive(clap::Args)]
pub(in crate::cli) struct Change {
    /// Its name in templates || 差し込みでの名前
    #[arg(long)]
    key: Option<String>,
    /// text, number, date, bool, choice or multi || 型（text、number、date、bool、choice、multi）
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// What can be chosen; once for each || 選択肢（1 つずつ指定）
    #[arg(long, value_name = "CHOICE")]
    choice: Vec<String>,
    /// What stands in a mail where the value is blank || 値が空のときに差し込む文字
    #[arg(long, value_name = "TEXT")]
    substitute: Option<String>,
}

#[derive(clap::Args)]
pub(in crate::cli) struct Export {
    /// Where to; - is stdout || 書き出し先（- は標準出力）
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    output: PathBuf,
    /// Only these contacts || 絞り込み
    #[arg(long, value_name = "CONDITIONS", default_value = "", hide_default_value = true)]
    segment: String,
    /// csv or xlsx || 形式（csv または xlsx）
    #[arg(long, default_value = "csv", value_parser = ["csv", "xlsx"])]
    format: String,
    /// utf-8 or cp932 || 文字コード（utf-8 または cp932）
    #[arg(long, default_value = "utf-8", value_parser = ["utf-8", "cp932"])]
    encoding: String,
    /// What CP932 lacks: stop, geta (〓) or code (U+…) || CP932 にない文字: stop（中止）geta（〓）code（U+…）
    #[arg(long, default_value = "stop", value_parser = ["stop", "geta", "code"])]
    unmappable: String,
    /// Only list what CP932 lacks || CP932 にない文字を一覧するだけ
    #[arg(long, conflicts_with_all = ["records"])]
    check: bool,
    /// The exports so far || 書き出しの記録
    #[arg(long)]
    records: bool,
}

impl Tag {
    pub(super) fn ask(self) -> TagAsk {
        let hidden = |names: Vec<String>| names.into_iter().map(Hidden).collect();
        match self {
            Tag::List => TagAsk::List,
            Tag::Add { tag, contacts } => TagAsk::Add { tag, contacts: hidden(contacts) },
            Tag::Remove { tag, contacts } => TagAsk::TakeOff { tag, contacts: hidden(contacts) },
            Tag::Rename { from, to } => TagAsk::Rename { from, to },
            Tag::Delete { tag } => TagAsk::Delete { tag },
        }
    }
}

impl Attribute {
    pub(super) fn ask(self) -> AttributeAsk {
        match self {
            Attribute::List => AttributeAsk::List,
            Attribute::Create { label, change } => AttributeAsk::Create { label, change: change.ask(None) },
            Attribute::Edit { attribute, label, change } => AttributeAsk::Edit { attribute, change: change.ask(label) },
            Attribute::Delete { attribute } => AttributeAsk::Delete { attribute },
        }
    }
}

impl Change {
    fn ask(self, label: Option<String>) -> ChangeAsk {
        let choices = Some(self.choice).filter(|c| !c.is_empty());
        ChangeAsk { label, key: self.key, kind: self.kind, choices, substitute: self.substitute }
    }
}

impl Export {
    pub(super) fn ask(self, files: &mut Files<'_>, talk: &Talk) -> Result<ExportAsk> {
        let (segment, lang) = (Hidden(self.segment), talk.lang);
        if self.records {
            return Ok(ExportAsk::Records { most: 50 });
        }
        if self.check {
            return Ok(ExportAsk::Check { segment, lang });
        }
        let form = match (self.format.as_str(), self.encoding.as_str()) {
            ("xlsx", "cp932") => {
                return Err(Error::refused(say!(
                    "xlsx に文字コードの指定はありません。",
                    "A workbook has no encoding to choose."
                )));
            }
            ("xlsx", _) => Form::Xlsx,
            (_, "cp932") => Form::Cp932(Unmappable::parse(&self.unmappable).unwrap_or_default()),
            _ => Form::Csv,
        };
        files.take("file", &self.output);
        Ok(ExportAsk::Write { segment, form, lang })
    }
}
