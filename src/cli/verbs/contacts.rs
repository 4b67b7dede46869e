//! `hakobu contacts …`.

use super::lists::Suppression;
use crate::base::ids::{ContactId, ImportId};
use crate::base::{Error, Lang, Result, limits};
use crate::cli::files::{self, Files};
use crate::cli::prompt;
use crate::cli::talk::Talk;
use crate::contacts::consent::Basis;
use crate::contacts::import::{Blank, Mode};
use crate::house::ask::contacts::{Agreed, ContactsAsk, Edit, Import};
use crate::house::ask::{Ask, Hidden};
use std::path::{Path, PathBuf};

#[derive(clap::Subcommand)]
#[command(
    before_help = "  hakobu contacts import list.csv --dry-run\n  hakobu contacts import list.csv --tag 2026 --consent-source shop --consent-text-file wording.txt\n  hakobu contacts undo i1 || \
  hakobu contacts import list.csv --dry-run\n  hakobu contacts import list.csv --tag 2026秋 --consent-source 店頭 --consent-text-file wording.txt\n  hakobu contacts undo i1"
)]
pub(in crate::cli) enum Contacts {
    /// Bring in a CSV, TSV or XLSX file || CSV・TSV・XLSX を取り込む
    Import(Box<Bring>),
    /// Past imports || 取り込みの履歴
    Imports {
        /// Only those before this one || これより前のもの
        #[arg(long, value_name = "IMPORT", value_parser = import)]
        before: Option<ImportId>,
        /// How many || 件数
        #[arg(long, value_name = "N", default_value_t = 50)]
        most: usize,
    },
    /// Take back a whole import || 取り込みを丸ごと取り消す
    Undo {
        /// i1 || i1
        #[arg(value_parser = import)]
        import: ImportId,
    },
    /// The newest first || 新しい順に表示
    List {
        /// Looked for in addresses, keys and names || アドレス・番号・名前から探す
        #[arg(long, default_value = "", hide_default_value = true)]
        search: String,
        /// Only those before this one || これより前のもの
        #[arg(long, value_name = "CONTACT", value_parser = contact)]
        before: Option<ContactId>,
        /// How many || 件数
        #[arg(long, value_name = "N", default_value_t = 50)]
        most: usize,
    },
    /// One contact with every value || 1 件を表示
    Show {
        /// p1 || p1
        #[arg(value_parser = contact)]
        contact: ContactId,
    },
    /// Add one by hand || 1 件追加する
    Add {
        /// The address || メールアドレス
        email: String,
        #[command(flatten)]
        change: Change,
    },
    /// Change one || 1 件変更する
    Edit {
        /// p1 || p1
        #[arg(value_parser = contact)]
        contact: ContactId,
        /// A new address || 新しいメールアドレス
        #[arg(long)]
        email: Option<String>,
        #[command(flatten)]
        change: Change,
        /// Take off a tag || タグを外す
        #[arg(long, value_name = "TAG")]
        untag: Vec<String>,
    },
    /// Delete one || 1 件消す
    Delete {
        /// p1 || p1
        #[arg(value_parser = contact)]
        contact: ContactId,
    },
    /// The attributes and tags of this house || 属性とタグの一覧
    Fields,
    /// Take contacts out as a file || 連絡先を書き出す
    Export(super::fields::Export),
    /// Tags || タグ
    #[command(subcommand)]
    Tag(super::fields::Tag),
    /// Attributes || 属性
    #[command(subcommand)]
    Attribute(super::fields::Attribute),
    /// The do-not-send list || 停止リスト
    #[command(subcommand)]
    Suppression(Suppression),
}

#[derive(clap::Args)]
pub(in crate::cli) struct Change {
    /// ATTRIBUTE=VALUE; a blank value clears || 属性=値（空にすると消す）
    #[arg(long, value_name = "ATTRIBUTE=VALUE", value_parser = pair)]
    set: Vec<(String, String)>,
    /// Put on a tag || タグを付ける
    #[arg(long)]
    tag: Vec<String>,
}

#[derive(clap::Args)]
pub(in crate::cli) struct Bring {
    /// The file; - is stdin || ファイル（- は標準入力）
    file: PathBuf,
    /// add, update, merge, remove or replace || add（追加）update（更新）merge（追加と更新）remove（削除）replace（入れ替え）
    #[arg(long, value_parser = mode, default_value = "merge")]
    mode: Mode,
    /// What blank cells do: keep or clear || 空欄の扱い: keep（残す）clear（消す）
    #[arg(long, value_parser = ["keep", "clear"], default_value = "keep")]
    blank: String,
    /// The attribute that identifies, such as 会員番号; else the address || 連絡先を見分ける属性（省略するとアドレス）
    #[arg(long)]
    key: Option<String>,
    /// COLUMN=email, COLUMN=tags, COLUMN=ATTRIBUTE, COLUMN=- || 列の対応（列=email、列=tags、列=属性、列=-）
    #[arg(long, value_name = "COLUMN=TO", value_parser = pair)]
    map: Vec<(String, String)>,
    /// COLUMN=text, number, date, bool, choice or multi || 列の型（列=number など）
    #[arg(long = "type", value_name = "COLUMN=TYPE", value_parser = pair)]
    types: Vec<(String, String)>,
    /// Skip columns that match nothing || 対応の分からない列は取り込まない
    #[arg(long)]
    only_mapped: bool,
    /// A tag for everybody in the file || 全員に付けるタグ
    #[arg(long)]
    tag: Vec<String>,
    /// Where they agreed; needed for a consent || 同意を得た場所
    #[arg(long, value_name = "WHERE", requires = "consent_text_file")]
    consent_source: Option<String>,
    /// The exact words that were shown || 表示した文面のファイル
    #[arg(long, value_name = "FILE", requires = "consent_source")]
    consent_text_file: Option<PathBuf>,
    /// opt_in, trade, card or published || 根拠: opt_in（同意）trade（取引）card（名刺）published（公表）
    #[arg(long, value_parser = basis, default_value = "opt_in")]
    consent_basis: Basis,
    /// To which topic they agreed; the default one if not given || 同意した配信種別
    #[arg(long)]
    topic: Option<String>,
    /// utf-8, cp932 or euc-jp; recognised if not given || 文字コード（省略すると自動判定）
    #[arg(long)]
    encoding: Option<String>,
    /// One character, or tab; recognised if not given || 区切り文字（1 文字または tab。省略すると自動判定）
    #[arg(long, value_name = "CHAR", value_parser = delimiter)]
    delimiter: Option<u8>,
    /// The sheet of a workbook || XLSX のシート名
    #[arg(long)]
    sheet: Option<String>,
    /// Only say what would happen || 何が起きるかだけを表示する
    #[arg(long, short = 'n')]
    dry_run: bool,
    /// Rejected rows are exit 3 || 取り込めない行があれば終了コード 3
    #[arg(long)]
    strict: bool,
    /// Where rejected rows go; FILE.errors.csv beside the current folder's other files if not given || 取り込めない行の書き出し先
    #[arg(long, value_name = "FILE")]
    errors: Option<PathBuf>,
}

fn said(e: Error) -> String {
    e.says().to(Lang::En).to_owned()
}

fn contact(text: &str) -> std::result::Result<ContactId, String> {
    ContactId::parse(text).map_err(said)
}

fn import(text: &str) -> std::result::Result<ImportId, String> {
    ImportId::parse(text).map_err(said)
}

fn mode(text: &str) -> std::result::Result<Mode, String> {
    Mode::parse(text).ok_or_else(|| "add, update, merge, remove, replace".to_owned())
}

fn basis(text: &str) -> std::result::Result<Basis, String> {
    Basis::parse(text).ok_or_else(|| "opt_in, trade, card, published".to_owned())
}

fn delimiter(text: &str) -> std::result::Result<u8, String> {
    match (text, text.as_bytes()) {
        ("tab" | "\\t", _) => Ok(b'\t'),
        (_, [one]) if one.is_ascii_punctuation() && *one != b'"' => Ok(*one),
        _ => Err(", ; tab".to_owned()),
    }
}

fn pair(text: &str) -> std::result::Result<(String, String), String> {
    text.split_once('=').map(|(a, b)| (a.to_owned(), b.to_owned())).ok_or_else(|| "A=B".to_owned())
}

impl Contacts {
    pub(super) fn ask(self, lent: &mut Files<'_>, talk: &Talk) -> Result<Ask> {
        Ok(Ask::Contacts(match self {
            Contacts::Import(bring) => ContactsAsk::Import(Box::new(bring.import(lent, talk)?)),
            Contacts::Imports { before, most } => ContactsAsk::Imports { before, most },
            Contacts::Undo { import } => ContactsAsk::Undo(import),
            Contacts::List { search, before, most } => ContactsAsk::List { search: Hidden(search), before, most },
            Contacts::Show { contact } => ContactsAsk::Show(contact),
            Contacts::Add { email, change } => ContactsAsk::Add(edit(Some(email), change, Vec::new())),
            Contacts::Edit { contact, email, change, untag } => {
                ContactsAsk::Edit { contact, edit: edit(email, change, untag) }
            }
            Contacts::Delete { contact } => {
                prompt::confirm(talk, &say!("{contact} を消します。よろしいですか", "Delete {contact}?"))?;
                ContactsAsk::Delete(contact)
            }
            Contacts::Fields => ContactsAsk::Fields,
            Contacts::Export(verb) => return verb.ask(lent, talk).map(Ask::Export),
            Contacts::Tag(verb) => return Ok(Ask::Tag(verb.ask())),
            Contacts::Attribute(verb) => return Ok(Ask::Attribute(verb.ask())),
            Contacts::Suppression(verb) => return verb.ask(lent),
        }))
    }
}

fn edit(email: Option<String>, change: Change, tags_off: Vec<String>) -> Edit {
    let values = change.set.into_iter().map(|(name, value)| (name, Hidden(value))).collect();
    Edit { email: email.map(Hidden), values, tags: change.tag, tags_off }
}

impl Bring {
    fn import(self, lent: &mut Files<'_>, talk: &Talk) -> Result<Import> {
        lent.lend("file", &self.file)?;
        let errors = self.errors.clone().unwrap_or_else(|| beside(&self.file));
        lent.take_checked("errors", &errors)?;
        let consent = match (self.consent_source, self.consent_text_file) {
            (Some(source), Some(path)) => {
                let wording = files::text(&path, limits::MB)?.trim().to_owned();
                Some(Agreed { topic: self.topic, basis: self.consent_basis, source, wording })
            }
            _ => None,
        };
        Ok(Import {
            mode: self.mode,
            blank: if self.blank == "clear" { Blank::Clear } else { Blank::Keep },
            map: self.map,
            types: self.types,
            only_mapped: self.only_mapped,
            key: self.key,
            tags: self.tag,
            consent,
            encoding: self.encoding,
            delimiter: self.delimiter,
            sheet: self.sheet,
            dry_run: self.dry_run,
            strict: self.strict,
            confirmed: talk.yes,
            lang: talk.lang,
            errors_file: Hidden(errors.display().to_string()),
        })
    }
}

/// `list.csv` → `list.errors.csv`, beside it.
fn beside(file: &Path) -> PathBuf {
    let stem = file.file_stem().filter(|_| file != Path::new("-")).unwrap_or("import".as_ref()).to_string_lossy();
    file.with_file_name(format!("{stem}.errors.csv"))
}
