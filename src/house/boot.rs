//! Boot settings: what must be known before the books open. They stand in `hakobu.toml` in the data folder;
//! everything else is in the books.

use crate::base::files::replace_file;
use crate::base::provider::Provider;
use crate::base::{Error, Kind, Lang, Result, Say, limits};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use toml::{Table, Value};

pub const FILE: &str = crate::base::run::SETTINGS;
pub const LISTEN: &str = "127.0.0.1:8080";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Boot {
    /// Where the root key comes from.
    pub key: Provider,
    /// The domain that mail comes from.
    pub domain: String,
    /// Where links in mails point; without a slash at the end.
    pub public_url: String,
    /// Where the admin's pages are. Plain HTTP on this computer, and HTTPS anywhere else.
    pub listen: SocketAddr,
    pub lang: Lang,
    pub door: Public,
    /// Whether the house looks if its public URL answers; not where its network does not lead back to itself.
    pub probe: bool,
    pub mail: Mail,
}

/// The `[mail]` section.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Mail {
    /// The name servers that are asked about receivers' and senders' domains; empty, the machine's own.
    pub dns: Vec<SocketAddr>,
}

impl Mail {
    const KEYS: &[&str] = &["dns"];
}

/// The `[door]` section: where the public comes in. Empty, the pages for recipients are answered beside the admin's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Public {
    pub http: Vec<SocketAddr>,
    pub https: Vec<SocketAddr>,
    /// Where mail that comes back is taken.
    pub smtp: Vec<SocketAddr>,
    pub cert_file: Option<PathBuf>,
    pub cert_key_file: Option<PathBuf>,
    /// The directory of an ACME authority, or `letsencrypt`.
    pub acme: Option<String>,
    /// Where the authority writes when something is wrong.
    pub acme_contact: Option<String>,
    /// The authority's own root, where the machine does not know it.
    pub acme_root: Option<PathBuf>,
    /// Connections of one client address.
    pub per_address: Option<usize>,
    /// Proxies whose word on the client's address counts, in CIDR notation.
    pub trusted_proxy: Vec<String>,
    pub proxy_protocol: bool,
}

impl Public {
    const KEYS: &[&str] = &[
        "http",
        "https",
        "smtp",
        "cert_file",
        "cert_key_file",
        "acme",
        "acme_contact",
        "acme_root",
        "per_address",
        "trusted_proxy",
        "proxy_protocol",
    ];

    pub fn listens(&self) -> bool {
        !self.http.is_empty() || !self.https.is_empty()
    }
}

impl Boot {
    pub fn read(data: &Path) -> Result<Boot> {
        let text = std::fs::read_to_string(data.join(FILE)).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => not_set_up(),
            std::io::ErrorKind::InvalidData => wrong(say!("{FILE} が UTF-8 ではありません。", "{FILE} is not UTF-8.")),
            _ => Error::io(say!("{FILE} を読めません。", "Cannot read {FILE}."), e),
        })?;
        Boot::parse(&text)
    }

    pub fn parse(text: &str) -> Result<Boot> {
        let table: Table = text.parse().map_err(|e: toml::de::Error| {
            let line = e.span().map_or(1, |s| 1 + text[..s.start].matches('\n').count());
            wrong(say!("{FILE} の {line} 行目を読み取れません。", "{FILE} cannot be read at line {line}.")).because(e)
        })?;
        let mut fields = Fields { table, within: "" };
        let boot = Boot {
            key: provider(fields.table("key")?)?,
            domain: fields.text("domain")?,
            public_url: public_url(&fields.text("public_url")?)?,
            listen: fields.text_or("listen", LISTEN).and_then(|t| listen(&t))?,
            lang: fields.text_or("language", "ja").and_then(|t| language(&t))?,
            probe: fields.flag_or("probe", true)?,
            mail: fields.take("mail").map_or(Ok(Mail::default()), mail)?,
            door: fields.take("door").map_or(Ok(Public::default()), door)?,
        };
        fields.done(&["domain", "public_url", "listen", "language", "probe", "mail", "door", "key"])?;
        Ok(boot)
    }

    pub fn write(&self, data: &Path) -> Result<()> {
        replace_file(&data.join(FILE), self.print()?.as_bytes(), 0o600)
    }

    fn print(&self) -> Result<String> {
        let text = |t: &str| Value::String(t.to_owned()).to_string();
        let key = toml::to_string(&self.key).map_err(Error::bug)?;
        let door = match self.door == Public::default() {
            true => String::new(),
            false => format!("\n[door]\n{}", toml::to_string(&self.door).map_err(Error::bug)?),
        };
        let mail = match self.mail == Mail::default() {
            true => String::new(),
            false => format!("\n[mail]\n{}", toml::to_string(&self.mail).map_err(Error::bug)?),
        };
        Ok(format!(
            "# Boot settings of this house, written by `hakobu setup`. Restart after a change.\n\
             domain = {}\npublic_url = {}\nlisten = {}\nlanguage = {}\n{}\n[key]\n{key}{mail}{door}",
            text(&self.domain),
            text(&self.public_url),
            text(&self.listen.to_string()),
            text(self.lang.tag()),
            if self.probe { "" } else { "probe = false\n" },
        ))
    }
}

fn door(value: Value) -> Result<Public> {
    let public: Public = section(value, ("door", "door."), Public::KEYS)?;
    public.trusted_proxy.iter().try_for_each(|net| network(net).map(drop))?;
    Ok(public)
}

fn mail(value: Value) -> Result<Mail> {
    let mail: Mail = section(value, ("mail", "mail."), Mail::KEYS)?;
    let most = limits::DNS_SERVERS;
    match mail.dns.len() <= most {
        true => Ok(mail),
        false => Err(wrong(say!(
            "{FILE} の mail.dns は {most} 個までです。",
            "In {FILE}, mail.dns names {most} servers at most."
        ))),
    }
}

/// A section with these keys and no others.
fn section<T: serde::de::DeserializeOwned>(
    value: Value,
    (name, within): (&str, &'static str),
    keys: &[&str],
) -> Result<T> {
    let wrong_section = |message: &str| {
        wrong(say!(
            "{FILE} の [{name}] が正しくありません（{message}）。",
            "[{name}] of {FILE} is not right ({message})."
        ))
    };
    let Value::Table(table) = value else { return Err(wrong_section(name)) };
    let mut fields = Fields { table: table.clone(), within };
    for key in keys {
        fields.take(key);
    }
    fields.done(keys)?;
    table.try_into().map_err(|e: toml::de::Error| wrong_section(e.message()))
}

/// `10.0.0.0/8`, or one address.
pub fn network(text: &str) -> Result<IpNet> {
    let one = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse().or_else(|_| one()).map_err(|_| {
        wrong(say!("{text} はネットワークの形ではありません。", "{text} is not a network."))
            .hint(say!("例: 10.0.0.0/8", "For example: 10.0.0.0/8"))
    })
}

fn provider(table: Table) -> Result<Provider> {
    let mut fields = Fields { table: table.clone(), within: "key." };
    let name = fields.text("provider")?;
    let known: &[&str] = match name.as_str() {
        "file" => &["path"],
        "passphrase" => &[],
        "credential" => &["name"],
        "command" => &["argv"],
        _ => {
            return Err(wrong(say!(
                "{FILE} の key.provider は file、passphrase、credential、command のどれかです。",
                "In {FILE}, key.provider is file, passphrase, credential or command."
            )));
        }
    };
    for key in known {
        fields.take(key);
    }
    fields.done(known)?;
    table.try_into().map_err(|e: toml::de::Error| {
        let message = e.message().to_owned();
        wrong(say!("{FILE} の [key] が正しくありません（{message}）。", "[key] of {FILE} is not right ({message})."))
            .because(e)
    })
}

/// `https://news.example.jp`, also with a path; never with a query or an account in it.
pub fn public_url(text: &str) -> Result<String> {
    let refuse = || {
        wrong(say!("公開 URL の形が正しくありません。", "This is not a public URL."))
            .hint(say!("例: https://news.example.jp", "For example: https://news.example.jp"))
    };
    let trimmed = text.trim().trim_end_matches('/');
    let rest = trimmed.strip_prefix("https://").or_else(|| trimmed.strip_prefix("http://")).ok_or_else(refuse)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/[]%".contains(c);
    match rest.is_empty() || rest.starts_with(['/', ':']) || !rest.chars().all(plain) {
        true => Err(refuse()),
        false => Ok(trimmed.to_owned()),
    }
}

/// `127.0.0.1:8080`, `[::1]:8080`, or an address that others reach, which the door speaks HTTPS on.
pub fn listen(text: &str) -> Result<SocketAddr> {
    text.trim().parse().map_err(|_| {
        wrong(say!("待ち受けアドレスの形が正しくありません。", "This is not an address to listen on."))
            .hint(say!("例: {LISTEN}", "For example: {LISTEN}"))
    })
}

/// For whoever has no certificate, as before there is a house.
pub fn only_here(address: SocketAddr) -> Result<SocketAddr> {
    match address.ip().is_loopback() {
        true => Ok(address),
        false => Err(wrong(say!(
            "TLS を使えないうちは、このコンピューター自身のアドレス（127.0.0.1 または [::1]）だけで待ち受けられます。",
            "Only this computer's own addresses (127.0.0.1 or [::1]) can be listened on while there is no TLS."
        ))
        .hint(say!(
            "初期設定が済んだあとは、ほかのアドレスでも待ち受けられます（HTTPS のみ）。離れた場所からは SSH の転送で開けます: ssh -L 8080:{LISTEN} サーバー名",
            "Once the house is set up other addresses work too (HTTPS alone). From afar, forward a port: ssh -L 8080:{LISTEN} SERVER"
        ))),
    }
}

pub fn language(text: &str) -> Result<Lang> {
    Lang::parse(text).ok_or_else(|| wrong(say!("言語は ja か en を指定してください。", "The language is ja or en.")))
}

/// A table whose keys are taken one by one; what is left over is a mistake.
struct Fields {
    table: Table,
    within: &'static str,
}

impl Fields {
    fn take(&mut self, key: &str) -> Option<Value> {
        self.table.remove(key)
    }

    fn text(&mut self, key: &str) -> Result<String> {
        let within = self.within;
        match self.take(key) {
            Some(Value::String(text)) if !text.trim().is_empty() => Ok(text),
            Some(_) => {
                Err(wrong(say!("{FILE} の {within}{key} は文字列です。", "In {FILE}, {within}{key} is a text.")))
            }
            None => Err(self.lacks(key)),
        }
    }

    fn text_or(&mut self, key: &str, otherwise: &str) -> Result<String> {
        match self.table.contains_key(key) {
            true => self.text(key),
            false => Ok(otherwise.to_owned()),
        }
    }

    fn flag_or(&mut self, key: &str, otherwise: bool) -> Result<bool> {
        let within = self.within;
        match self.take(key) {
            None => Ok(otherwise),
            Some(Value::Boolean(flag)) => Ok(flag),
            Some(_) => Err(wrong(say!(
                "{FILE} の {within}{key} は true か false です。",
                "In {FILE}, {within}{key} is true or false."
            ))),
        }
    }

    fn table(&mut self, key: &str) -> Result<Table> {
        match self.take(key) {
            Some(Value::Table(table)) => Ok(table),
            Some(_) => {
                Err(wrong(say!("{FILE} の {key} は [{key}] の形です。", "In {FILE}, {key} is a section: [{key}].")))
            }
            None => Err(self.lacks(key)),
        }
    }

    /// A misspelled key leaves its proper name empty, so that the misspelling is what is said.
    fn lacks(&self, key: &str) -> Error {
        let within = self.within;
        let near = self.table.keys().find(|k| distance(k, key) <= 2);
        match near {
            Some(found) => unknown(within, found, Some(key)),
            None => wrong(say!("{FILE} に {within}{key} がありません。", "{FILE} lacks {within}{key}.")),
        }
    }

    fn done(self, known: &[&str]) -> Result<()> {
        match self.table.keys().next() {
            None => Ok(()),
            Some(key) => Err(unknown(self.within, key, nearest(key, known))),
        }
    }
}

fn unknown(within: &str, key: &str, near: Option<&str>) -> Error {
    let error =
        wrong(say!("{FILE} に知らない項目 {within}{key} があります。", "{FILE} has an unknown key {within}{key}."));
    match near {
        Some(near) => error.hint(say!("{within}{near} のことでしょうか。", "Did you mean {within}{near}?")),
        None => error,
    }
}

fn wrong(says: Say) -> Error {
    Error::new(Kind::Config, says)
}

fn not_set_up() -> Error {
    Error::new(Kind::NotSetUp, say!("このフォルダーはまだ準備されていません。", "This folder is not set up yet.")).hint(
        say!(
            "先に hakobu setup を実行するか、hakobu serve --setup でブラウザーから設定してください。",
            "Run hakobu setup first, or set it up in a browser with hakobu serve --setup."
        ),
    )
}

/// The known word that is at most two slips away.
pub fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    known.iter().map(|k| (distance(word, k), *k)).min().filter(|(d, _)| *d <= 2).map(|(_, k)| k)
}

fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let change = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "domain = \"news.example.jp\"\npublic_url = \"https://news.example.jp/\"\n[key]\nprovider = \"file\"\npath = \"/etc/k\"\n";

    #[test]
    fn settings_are_read_back_from_what_is_written() {
        let boot = Boot::parse(GOOD).unwrap();
        assert_eq!((boot.public_url.as_str(), boot.listen.to_string().as_str()), ("https://news.example.jp", LISTEN));
        for key in [
            Provider::File { path: "/etc/ha\"ko\\bu".into() },
            Provider::Passphrase,
            Provider::Credential { name: "root".into() },
            Provider::Command { argv: vec!["pass".into(), "show it".into()] },
        ] {
            let boot = Boot { key, ..boot.clone() };
            assert_eq!(Boot::parse(&boot.print().unwrap()).unwrap(), boot);
        }
        let door = Public {
            http: vec!["0.0.0.0:80".parse().unwrap()],
            https: vec!["[::]:443".parse().unwrap()],
            smtp: vec!["0.0.0.0:25".parse().unwrap()],
            cert_file: Some("/c.pem".into()),
            trusted_proxy: vec!["10.0.0.0/8".into()],
            per_address: Some(7),
            ..Public::default()
        };
        let mail = Mail { dns: vec!["127.0.0.1:5353".parse().unwrap(), "[::1]:53".parse().unwrap()] };
        let boot = Boot { door, mail, ..boot };
        assert_eq!(Boot::parse(&boot.print().unwrap()).unwrap(), boot);
    }

    #[test]
    fn without_tls_only_this_computer_is_listened_on() {
        for (address, fine) in [("127.0.0.1:1", true), ("[::1]:1", true), ("0.0.0.0:1", false), ("192.0.2.1:1", false)]
        {
            let address = listen(address).unwrap();
            assert_eq!(only_here(address).is_ok(), fine, "{address}");
        }
        assert!(listen("news.example.jp:443").is_err());
    }

    #[test]
    fn a_mistake_in_the_settings_is_named() {
        for (text, says) in [
            (GOOD.replace("domain", "domian"), "Did you mean domain?"),
            (format!("listn = \"127.0.0.1:1\"\n{GOOD}"), "Did you mean listen?"),
            (format!("colour = 1\n{GOOD}"), "unknown key colour"),
            (GOOD.replace("path", "pth"), "Did you mean key.path?"),
            (GOOD.replace("\"file\"", "\"flie\""), "key.provider is file"),
            (GOOD.replace("\"/etc/k\"", "3"), "[key] of hakobu.toml is not right"),
            (GOOD.replace("[key]", "[key"), "line 3"),
            (GOOD.replace("https://news.example.jp/", "news.example.jp"), "not a public URL"),
            (format!("listen = \"0.0.0.0\"\n{GOOD}"), "not an address to listen on"),
            (format!("language = \"fr\"\n{GOOD}"), "ja or en"),
            ("domain = 3".to_owned(), "lacks key"),
            (format!("{GOOD}[door]\nhtps = [\"0.0.0.0:443\"]\n"), "Did you mean door.https?"),
            (format!("{GOOD}[door]\nhttps = [\"443\"]\n"), "[door] of hakobu.toml is not right"),
            (format!("{GOOD}[mail]\ndsn = []\n"), "Did you mean mail.dns?"),
            (format!("{GOOD}[mail]\ndns = [\"127.0.0.1\"]\n"), "[mail] of hakobu.toml is not right"),
            (format!("{GOOD}[door]\ntrusted_proxy = [\"ten\"]\n"), "not a network"),
        ] {
            let e = Boot::parse(&text).unwrap_err();
            let said = format!("{} {}", e.says().en, e.hinted().map_or("", |h| &h.en));
            assert!(said.contains(says) && e.kind().exit_code() == 8, "{text}: {said}");
        }
    }
}
