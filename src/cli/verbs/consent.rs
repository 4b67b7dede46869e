//! `hakobu consent show|agree|refuse`.

use crate::base::{Error, Result, Time, clock, ids::ContactId};
use crate::contacts::consent::Basis;
use crate::house::ask::Ask;
use crate::house::ask::consent::{Agreed, ConsentAsk};
use std::io::Read;
use std::path::{Path, PathBuf};

#[derive(clap::Subcommand)]
pub(in crate::cli) enum Consent {
    /// How things stand with a contact, and all that was said || 同意の状態と履歴
    Show {
        /// The contact: p12 || 連絡先の番号: p12
        contact: String,
    },
    /// Record a consent || 同意を記録
    Agree(Agree),
    /// Record a refusal; without --topic of all advertisements || 拒否を記録（--topic がなければすべての広告）
    Refuse {
        /// The contact: p12 || 連絡先の番号: p12
        contact: String,
        /// The topic, by name or id || 配信種別の名前または番号
        #[arg(long)]
        topic: Option<String>,
        /// How it was said || 申し出の方法
        #[arg(long, default_value = "")]
        source: String,
    },
}

#[derive(clap::Args)]
pub(in crate::cli) struct Agree {
    /// The contact: p12 || 連絡先の番号: p12
    contact: String,
    /// The topic, by name or id; the default one if not given || 配信種別（省略時は既定）
    #[arg(long)]
    topic: Option<String>,
    /// Why one may write: opt_in, trade, card, published || 根拠: opt_in（同意）trade（取引）card（名刺）published（公表）
    #[arg(long, default_value = "opt_in")]
    basis: String,
    /// Where it was given || どこで得たか
    #[arg(long)]
    source: String,
    /// The exact words that were shown, as a file || 表示した文面のファイル
    #[arg(long, value_name = "FILE")]
    wording_file: Option<PathBuf>,
    /// When it was given: 2026-11-20 10:05; now if not given || 得た日時（省略時はいま）
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
}

impl Consent {
    pub(super) fn ask(self) -> Result<Ask> {
        Ok(Ask::Consent(match self {
            Consent::Show { contact } => ConsentAsk::Show { contact: ContactId::parse(&contact)? },
            Consent::Agree(flags) => ConsentAsk::Agree(flags.agreed()?),
            Consent::Refuse { contact, topic, source } => {
                ConsentAsk::Refuse { contact: ContactId::parse(&contact)?, topic, source }
            }
        }))
    }
}

impl Agree {
    fn agreed(self) -> Result<Agreed> {
        let basis = Basis::parse(&self.basis).ok_or_else(|| one_of("--basis", &Basis::ALL.map(Basis::name)))?;
        Ok(Agreed {
            contact: ContactId::parse(&self.contact)?,
            topic: self.topic,
            basis,
            source: self.source,
            wording: self.wording_file.as_deref().map(wording).transpose()?.unwrap_or_default(),
            at: self.at.map(|t| Time::parse(&t, &clock::japan())).transpose()?,
        })
    }
}

/// The words that were shown; UTF-8, and no longer than a page of them can be.
fn wording(path: &Path) -> Result<String> {
    let mut text = String::new();
    std::fs::File::open(path).and_then(|f| f.take(WORDING).read_to_string(&mut text)).map_err(|e| {
        Error::io(say!("文面のファイルを読めません（UTF-8 のみ）。", "Cannot read the wording (UTF-8 only)."), e)
    })?;
    Ok(text.trim().to_owned())
}

const WORDING: u64 = 100_000;

fn one_of(flag: &str, names: &[&str]) -> Error {
    let names = names.join(", ");
    Error::refused(say!("{flag} の値が正しくありません。", "{flag} has no such value."))
        .hint(say!("使える値: {names}", "One of: {names}"))
}
