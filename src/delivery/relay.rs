//! The next host: where it is, how the way there is protected, and who we are to it.

use super::rows;
use crate::base::smtp::{Login, Tls};
use crate::base::{By, Error, Kind, Result, Secret, Time};
use crate::store::{Deed, Store};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relay {
    pub host: String,
    pub port: u16,
    pub tls: Tls,
    pub login: Option<Login>,
    /// Certificates (PEM) of a private authority, trusted beside the machine's own list.
    pub extra_ca: Option<String>,
}

impl Relay {
    /// `smtp://host:port` (plain), `smtp+starttls://host`, `smtps://host`, each with an optional `user@`.
    /// A password inside is refused: it would end up in shell histories and process lists.
    pub fn parse(url: &str) -> Result<Relay> {
        let (scheme, rest) = url.trim().split_once("://").ok_or_else(not_a_relay)?;
        let (tls, default_port) = match scheme.to_ascii_lowercase().as_str() {
            "smtp" => (Tls::Plain, 25),
            "smtp+starttls" => (Tls::StartTls, 587),
            "smtps" => (Tls::Implicit, 465),
            _ => return Err(not_a_relay()),
        };
        let rest = rest.trim_end_matches('/');
        let (user, place) = match rest.rsplit_once('@') {
            Some((user, place)) => (Some(user_of(user)?), place),
            None => (None, rest),
        };
        let (host, port) = host_and_port(place, default_port).ok_or_else(not_a_relay)?;
        let login = user.map(|user| Login { user, password: Secret::new(Vec::new()) });
        Ok(Relay { host, port, tls, login, extra_ca: None })
    }

    /// The same relay with a password for its user.
    pub fn with_password(mut self, password: Secret) -> Result<Relay> {
        let login = self.login.as_mut().ok_or_else(|| {
            Error::refused(say!(
                "パスワードがありますが、ユーザー名がありません。",
                "There is a password, but no user."
            ))
            .hint(say!("smtps://ユーザー名@ホスト の形で指定してください。", "Write the relay as smtps://user@host."))
        })?;
        login.password = password;
        Ok(self)
    }

    /// Trusts these certificates (PEM) too.
    pub fn with_extra_ca(mut self, pem: String) -> Relay {
        self.extra_ca = Some(pem);
        self
    }

    /// As it was given, without any secret.
    pub fn url(&self) -> String {
        let scheme = match self.tls {
            Tls::Plain => "smtp",
            Tls::StartTls => "smtp+starttls",
            Tls::Implicit => "smtps",
        };
        let user = self.login.as_ref().map(|l| format!("{}@", quoted(&l.user))).unwrap_or_default();
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        format!("{scheme}://{user}{host}:{}", self.port)
    }

    pub(super) fn is_loopback(&self) -> bool {
        self.host.eq_ignore_ascii_case("localhost") || self.host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }

    /// What is wrong with these settings before any connection.
    pub fn verify(&self) -> Result<()> {
        let Some(login) = &self.login else { return Ok(()) };
        if login.password.bytes().is_empty() {
            return Err(Error::new(
                Kind::Config,
                say!("中継サーバーのパスワードがありません。", "The relay's password is missing."),
            )
            .hint(say!("--password-file でファイルを指定してください。", "Give it with --password-file.")));
        }
        if self.tls == Tls::Plain && !self.is_loopback() {
            return Err(Error::refused(say!(
                "暗号化なしの接続ではパスワードを送れません。",
                "A password is not sent over a connection without encryption."
            ))
            .hint(say!("smtp+starttls:// または smtps:// を使ってください。", "Use smtp+starttls:// or smtps://.")));
        }
        Ok(())
    }
}

fn host_and_port(place: &str, default_port: u16) -> Option<(String, u16)> {
    let (host, port) = match place.strip_prefix('[') {
        Some(rest) => {
            let (host, tail) = rest.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (host, tail.strip_prefix(':').or(if tail.is_empty() { Some("") } else { None })?)
        }
        None => place.split_once(':').unwrap_or((place, "")),
    };
    let port = if port.is_empty() { default_port } else { port.parse().ok().filter(|p| *p > 0)? };
    let fits = |c: char| c.is_alphanumeric() || "-._:".contains(c);
    (!host.is_empty() && host.len() <= 253 && host.chars().all(fits)).then(|| (host.to_owned(), port))
}

/// The user of the URL, percent-decoded.
fn user_of(text: &str) -> Result<String> {
    if text.contains(':') {
        return Err(Error::refused(say!(
            "パスワードを URL に書かないでください。",
            "Do not write the password into the URL."
        ))
        .hint(say!("パスワードはファイルで渡してください。", "Give the password in a file.")));
    }
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let hex =
            tail.get(..2).filter(|_| *first == b'%').and_then(|h| data_encoding::HEXUPPER_PERMISSIVE.decode(h).ok());
        rest = if hex.is_some() { &tail[2..] } else { tail };
        bytes.push(hex.and_then(|h| h.first().copied()).unwrap_or(*first));
    }
    String::from_utf8(bytes).ok().filter(|u| !u.is_empty() && !u.chars().any(char::is_control)).ok_or_else(not_a_relay)
}

fn quoted(user: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~+".contains(&b);
    user.bytes().map(|b| if plain(b) { (b as char).to_string() } else { format!("%{b:02X}") }).collect()
}

fn not_a_relay() -> Error {
    Error::refused(say!("中継サーバーの指定が正しくありません。", "This is not a relay.")).hint(say!(
        "例: smtp://127.0.0.1:25、smtp+starttls://user@mail.example.jp:587、smtps://user@mail.example.jp",
        "For example: smtp://127.0.0.1:25, smtp+starttls://user@mail.example.jp:587, smtps://user@mail.example.jp"
    ))
}

#[derive(Serialize, Deserialize)]
struct Saved {
    url: String,
    password: Option<Vec<u8>>,
    extra_ca: Option<String>,
}

const NAME: &str = "relay";

/// The house's relay; `None` before one was set.
pub fn relay(store: &Store) -> Result<Option<Relay>> {
    let Some(sealed) = store.read(|c| rows::setting(c, NAME))? else { return Ok(None) };
    let bytes = zeroize::Zeroizing::new(store.keys().token("delivery/settings").open(NAME.as_bytes(), &sealed)?);
    let saved: Saved = serde_json::from_slice(&bytes).map_err(Error::bug)?;
    let relay = Relay { extra_ca: saved.extra_ca, ..Relay::parse(&saved.url)? };
    match saved.password {
        Some(password) => relay.with_password(Secret::new(password)).map(Some),
        None => Ok(Some(relay)),
    }
}

pub fn set_relay(store: &Store, by: &By, now: Time, relay: &Relay) -> Result<()> {
    relay.verify()?;
    let password = relay.login.as_ref().map(|l| l.password.bytes().to_vec());
    let saved = Saved { url: relay.url(), password, extra_ca: relay.extra_ca.clone() };
    let bytes = zeroize::Zeroizing::new(serde_json::to_vec(&saved).map_err(Error::bug)?);
    let sealed = store.keys().token("delivery/settings").seal(NAME.as_bytes(), &bytes)?;
    store.write(by, now, Deed::new("delivery.set_relay", NAME), |tx| rows::set_setting(tx, NAME, &sealed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relay_is_read_from_its_url_and_prints_as_one() {
        for (text, want) in [
            ("smtp://127.0.0.1:2525", Some("smtp://127.0.0.1:2525")),
            ("smtp://localhost", Some("smtp://localhost:25")),
            ("smtps://mail.example.jp", Some("smtps://mail.example.jp:465")),
            (
                "SMTP+STARTTLS://taro%40example.jp@mail.example.jp/",
                Some("smtp+starttls://taro%40example.jp@mail.example.jp:587"),
            ),
            ("smtp+starttls://taro@x.jp@mail.example.jp", Some("smtp+starttls://taro%40x.jp@mail.example.jp:587")),
            ("smtp://[::1]:2525", Some("smtp://[::1]:2525")),
            ("smtp://user:secret@host", None),
            ("http://host", None),
            ("smtp://", None),
            ("smtp://host:0", None),
            ("smtp://host:99999", None),
            ("smtp://a b", None),
            ("host", None),
            ("smtp://[::1]x", None),
        ] {
            assert_eq!(Relay::parse(text).ok().map(|r| r.url()).as_deref(), want, "{text}");
        }
    }

    #[test]
    fn a_password_is_never_sent_in_plain_text_over_a_network() {
        let secret = || Secret::new(*b"hidden");
        for (url, allowed) in [
            ("smtp://u@mail.example.jp", false),
            ("smtp://u@127.0.0.1", true),
            ("smtp+starttls://u@mail.example.jp", true),
        ] {
            let relay = Relay::parse(url).unwrap().with_password(secret()).unwrap();
            assert_eq!(relay.verify().is_ok(), allowed, "{url}");
        }
        assert!(Relay::parse("smtps://u@host").unwrap().verify().is_err());
        assert!(Relay::parse("smtps://host").unwrap().with_password(secret()).is_err());
    }

    #[test]
    fn the_saved_relay_comes_back_with_its_password() {
        let dir = tempfile::tempdir().unwrap();
        let root = crate::base::seal::Key::new([1; 32]);
        let (store, _code) = Store::create(dir.path(), &root, &[crate::delivery::SCHEMA]).unwrap();
        assert_eq!(relay(&store).unwrap(), None);
        let set = Relay::parse("smtps://u@host").unwrap().with_password(Secret::new(*b"hidden")).unwrap();
        set_relay(&store, &By::house("test"), Time(1), &set).unwrap();
        assert_eq!(relay(&store).unwrap(), Some(set));
    }
}
