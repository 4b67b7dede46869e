//! `hakobu mail dns|domain|dkim|sending`: what the domains that mail comes from publish.

use crate::base::{Result, Say};
use crate::cli::files::Files;
use crate::cli::talk::Talk;
use crate::cli::{Common, reach};
use crate::house::ask::domains::DomainsAsk;
use crate::house::ask::{Ask, Hidden};
use serde_json::Value;

#[derive(clap::Args)]
pub(in crate::cli) struct Dns {
    /// The domain that mail comes from || 差出人のドメイン
    #[arg(long, value_name = "DOMAIN")]
    domain: String,
    /// Exit 3 when a required record is not as it should be || 必要なレコードが整っていなければ終了コード 3
    #[arg(long)]
    strict: bool,
}

#[derive(clap::Subcommand)]
pub(in crate::cli) enum MailDomain {
    /// Every domain that mail comes from || 一覧
    List,
    /// Add one, or change its return path or who gets reports || 追加または変更
    Set {
        /// The domain || ドメイン
        #[arg(long, value_name = "DOMAIN")]
        domain: String,
        /// Where failures come back: a label below the domain, or a whole name || エラーメールの返送先（ラベルまたは名前全体）
        #[arg(long, value_name = "NAME")]
        return_path: Option<String>,
        /// Who gets the receivers' reports; '' for nobody || DMARC の報告の宛先（'' で無し）
        #[arg(long, value_name = "ADDRESS")]
        reports: Option<String>,
    },
    /// Take it off the list; its keys stay || 一覧から外す（鍵は残る）
    Remove {
        /// The domain || ドメイン
        #[arg(long, value_name = "DOMAIN")]
        domain: String,
    },
}

#[derive(clap::Subcommand)]
pub(in crate::cli) enum Dkim {
    /// Keys and their records || 鍵と公開するレコード
    List {
        /// Of one domain || ドメイン
        #[arg(long, value_name = "DOMAIN")]
        domain: Option<String>,
    },
    /// The first keys of a domain; they sign once their records are seen || 最初の鍵を作る（公開を確かめてから使う）
    Create {
        /// The domain || ドメイン
        #[arg(long, value_name = "DOMAIN")]
        domain: String,
    },
    /// The next keys: made, then used once their records are seen || 次の鍵に替える（公開を確かめてから使う）
    Rotate {
        /// The domain || ドメイン
        #[arg(long, value_name = "DOMAIN")]
        domain: String,
        /// Use them without looking into DNS || DNS を確かめずに使い始める
        #[arg(long)]
        now: bool,
    },
}

#[derive(clap::Subcommand)]
pub(in crate::cli) enum Sending {
    /// HELO name and addresses || サーバー名と送信元アドレス
    Show,
    /// Set what is given || 設定する
    Set {
        /// This server's name for HELO and MX; '' for none || サーバー名（HELO・MX）
        #[arg(long, value_name = "NAME")]
        helo: Option<String>,
        /// An address that mail leaves from; behind NAT OWN=PUBLIC; may be repeated || 送信元アドレス（NAT の内側では 自分=外側、繰り返せる）
        #[arg(long, value_name = "IP")]
        address: Vec<String>,
        /// No addresses: a relay sends || 送信元アドレスを無くす（中継サーバーだけで送る）
        #[arg(long, conflicts_with = "address")]
        no_address: bool,
        /// A domain whose SPF covers the relay; may be repeated || 中継サーバーの SPF のドメイン（繰り返せる）
        #[arg(long, value_name = "DOMAIN")]
        include: Vec<String>,
        /// No such domain || 中継サーバーの SPF を無くす
        #[arg(long, conflicts_with = "include")]
        no_include: bool,
    },
}

impl MailDomain {
    pub(super) fn ask(self) -> Ask {
        Ask::Domains(match self {
            MailDomain::List => DomainsAsk::List,
            MailDomain::Set { domain, return_path, reports } => {
                DomainsAsk::Set { domain, return_path, reports: reports.map(Hidden) }
            }
            MailDomain::Remove { domain } => DomainsAsk::Remove { domain },
        })
    }
}

impl Dkim {
    fn ask(self) -> Ask {
        Ask::Domains(match self {
            Dkim::List { domain } => DomainsAsk::Keys { domain },
            Dkim::Create { domain } => DomainsAsk::CreateKeys { domain },
            Dkim::Rotate { domain, now } => DomainsAsk::RotateKeys { domain, now },
        })
    }
}

impl Sending {
    pub(super) fn ask(self) -> Ask {
        Ask::Domains(match self {
            Sending::Show => DomainsAsk::Sending,
            Sending::Set { helo, address, no_address, include, no_include } => {
                let given = |list: Vec<String>, none: bool| (none || !list.is_empty()).then_some(list);
                DomainsAsk::SetSending {
                    helo,
                    addresses: given(address, no_address),
                    includes: given(include, no_include),
                }
            }
        })
    }
}

/// Records are copied from here, so that none may be cut as in a table.
pub(super) fn dns(flags: Dns, common: &Common, talk: &Talk) -> Result<u8> {
    let ask = Ask::Domains(DomainsAsk::Dns { domain: flags.domain, strict: flags.strict });
    told(ask, common, talk, |value| {
        let records = list(value, "records");
        records.iter().for_each(|record| talk.print(&line(record, talk)));
        let open = |r: &&Value| r["required"] == true && r["state"] != "there";
        records.iter().filter(open).filter_map(|r| r["zone"].as_str()).map(str::to_owned).collect()
    })
}

pub(super) fn keys(verb: Dkim, common: &Common, talk: &Talk) -> Result<u8> {
    told(verb.ask(), common, talk, |value| {
        let pairs = list(value, "pairs");
        pairs.iter().for_each(|pair| talk.print(&pair_line(pair)));
        let waiting = pairs.iter().filter(|p| p["state"] == "waiting").flat_map(|p| list(p, "records"));
        waiting.filter_map(|r| r["zone"].as_str()).map(str::to_owned).collect()
    })
}

/// As JSON, or in words, with the lines of a zone file that are still to be published at the end.
fn told(ask: Ask, common: &Common, talk: &Talk, words: impl Fn(&Value) -> Vec<String>) -> Result<u8> {
    if talk.json {
        return super::ask(common, talk, |_| Ok(ask));
    }
    talk.heed_signals()?;
    let files = Files::new(talk);
    let answer = reach::answer(&super::data(common)?, &super::phrase(common), ask, &files, talk.build)?;
    let lines = words(&answer.value);
    if !lines.is_empty() {
        // A record of today may be part of the one to publish: what stands in DNS does not move the cursor.
        let plain = |line: &String| line.chars().filter(|c| !c.is_control()).collect::<String>();
        let lines = lines.iter().map(plain).collect::<Vec<_>>().join("\n");
        talk.print(&say!("\n公開するレコード:\n{lines}", "\nRecords to publish:\n{lines}"));
    }
    Ok(answer.exit)
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[][..], Vec::as_slice)
}

fn line(record: &Value, talk: &Talk) -> Say {
    let of = |key: &str| record[key].as_str().unwrap_or_default();
    let pick = |v: &Value| v[talk.lang.pick("ja", "en")].as_str().unwrap_or_default().to_owned();
    let (mark, name, kind) = (mark(record, talk), of("name"), of("type"));
    let (says, fix) = (pick(&record["message"]), pick(&record["fix"]));
    say!("{mark}  {name} {kind}\n    {says}{fix}", "{mark}  {name} {kind}\n    {says} {fix}")
}

fn pair_line(pair: &Value) -> Say {
    let of = |key: &str| pair[key].as_str().unwrap_or_default();
    let selectors: Vec<&str> = list(pair, "selectors").iter().filter_map(Value::as_str).collect();
    let (domain, state, selectors) = (of("domain"), of("state"), selectors.join(", "));
    let ja = match state {
        "waiting" => "準備中",
        "active" => "使用中",
        "retiring" => "引退中",
        _ => "終了",
    };
    say!("{domain}  {ja}  {selectors}", "{domain}  {state}  {selectors}")
}

fn mark(record: &Value, talk: &Talk) -> &'static str {
    let (ja, en) = match record["state"].as_str() {
        Some("there") => ("[公開済]", "[there   ]"),
        Some("unknown") => ("[ 不明 ]", "[unknown ]"),
        Some(_) if record["required"] == false => ("[ 任意 ]", "[optional]"),
        Some("different") => ("[要修正]", "[MEND    ]"),
        _ => ("[未公開]", "[MISSING ]"),
    };
    talk.lang.pick(ja, en)
}
