//! What receivers see of this machine: its name in HELO, and the addresses that mail comes from. These belong to the
//! house and not to a domain, because an address has one reverse name, whatever domains send from it.

use crate::base::{By, Domain, Error, Result, Time, limits};
use crate::delivery::rows;
use crate::store::{Deed, Store};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sending {
    /// In HELO, in the MX of return paths, and in the reverse names.
    pub helo: Option<Domain>,
    pub addresses: Vec<Source>,
    /// Domains whose SPF records name the servers of a relay: `include:` in ours.
    pub includes: Vec<Domain>,
}

/// An address that mail leaves from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// This machine's own.
    pub own: IpAddr,
    /// What receivers see; another one behind NAT.
    pub public: IpAddr,
}

impl Source {
    /// `192.0.2.7`, or `10.0.0.5=192.0.2.7` behind NAT.
    pub fn parse(text: &str) -> Result<Source> {
        let (own, public) = text.split_once('=').unwrap_or((text, text));
        let ip = |text: &str| {
            text.trim().parse::<IpAddr>().map_err(|_| {
                Error::refused(say!("IP アドレスの形が正しくありません。", "This is not an IP address.")).hint(say!(
                    "例: 192.0.2.7、NAT の内側では 10.0.0.5=192.0.2.7",
                    "For example: 192.0.2.7; behind NAT 10.0.0.5=192.0.2.7"
                ))
            })
        };
        Ok(Source { own: ip(own)?, public: ip(public)? })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.own == self.public {
            true => write!(f, "{}", self.own),
            false => write!(f, "{}={}", self.own, self.public),
        }
    }
}

impl Sending {
    /// What receivers see, each once.
    pub fn public(&self) -> Vec<IpAddr> {
        let mut list: Vec<IpAddr> = Vec::new();
        for source in &self.addresses {
            if !list.contains(&source.public) {
                list.push(source.public);
            }
        }
        list
    }

    fn verify(&self) -> Result<()> {
        let most = limits::SOURCES_MAX;
        match self.addresses.len() <= most && self.includes.len() <= most {
            true => Ok(()),
            false => Err(Error::refused(say!("{most} 個までです。", "There are {most} at most."))
                .hint(say!("SPF レコードに収まる数にしてください。", "Keep to what fits into an SPF record."))),
        }
    }
}

const NAME: &str = "sending";

pub fn sending(store: &Store) -> Result<Sending> {
    let Some(sealed) = store.read(|c| rows::setting(c, NAME))? else { return Ok(Sending::default()) };
    let bytes = store.keys().token("delivery/settings").open(NAME.as_bytes(), &sealed)?;
    serde_json::from_slice(&bytes).map_err(Error::bug)
}

pub fn set_sending(store: &Store, by: &By, now: Time, sending: &Sending) -> Result<()> {
    sending.verify()?;
    let bytes = serde_json::to_vec(sending).map_err(Error::bug)?;
    let sealed = store.keys().token("delivery/settings").seal(NAME.as_bytes(), &bytes)?;
    store.write(by, now, Deed::new("delivery.set_sending", NAME), |tx| rows::set_setting(tx, NAME, &sealed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_alone_or_with_what_receivers_see() {
        for (text, want) in [
            ("192.0.2.7", Some("192.0.2.7")),
            (" 2001:DB8::7 ", Some("2001:db8::7")),
            ("10.0.0.5=192.0.2.7", Some("10.0.0.5=192.0.2.7")),
            ("192.0.2.7=192.0.2.7", Some("192.0.2.7")),
            ("mail.example.jp", None),
            ("10.0.0.5=", None),
            ("", None),
        ] {
            assert_eq!(Source::parse(text).ok().map(|s| s.to_string()).as_deref(), want, "{text}");
        }
    }

    #[test]
    fn what_was_set_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let (store, _code) =
            Store::create(dir.path(), &crate::base::seal::Key::new([1; 32]), &[crate::delivery::SCHEMA]).unwrap();
        assert_eq!(sending(&store).unwrap(), Sending::default());
        let set = Sending {
            helo: Some(Domain::parse("mail.example.jp").unwrap()),
            addresses: vec![Source::parse("10.0.0.5=192.0.2.7").unwrap(), Source::parse("192.0.2.7").unwrap()],
            includes: vec![Domain::parse("spf.relay.example").unwrap()],
        };
        set_sending(&store, &By::house("test"), Time(1), &set).unwrap();
        assert_eq!(sending(&store).unwrap(), set);
        assert_eq!(set.public().len(), 1, "one address, seen from outside");
        let many = Sending { addresses: vec![set.addresses[0]; limits::SOURCES_MAX + 1], ..set };
        assert!(set_sending(&store, &By::house("test"), Time(1), &many).is_err());
    }
}
