//! How this server writes to receivers itself: its names and addresses.

use crate::base::{By, Error, Result, Time};
use crate::delivery::rows;
use crate::store::{Deed, Store};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// An address that mail leaves from, with the name that its PTR record has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SenderAddress {
    /// The name in EHLO.
    pub hello: String,
    /// The address of this machine to connect from; behind NAT its private one. None: the system chooses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<IpAddr>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectSettings {
    /// At least one; connections take turns. An IPv6 address belongs here only when its PTR and SPF hold.
    pub senders: Vec<SenderAddress>,
    /// Where mail hosts listen: 25, unless this is a closed network.
    #[serde(default = "smtp")]
    pub port: u16,
    /// Mail hosts with private addresses are fine: a closed network.
    #[serde(default)]
    pub private: bool,
}

fn smtp() -> u16 {
    25
}

impl DirectSettings {
    /// From this one name, by whatever address.
    pub fn named(hello: &str) -> DirectSettings {
        let sender = SenderAddress { hello: hello.to_owned(), from: None };
        DirectSettings { senders: vec![sender], port: smtp(), private: false }
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.senders.iter().map(|sender| sender.hello.clone()).collect()
    }

    pub fn verify(&self) -> Result<()> {
        let is_name = |name: &str| {
            let labels = || name.split('.');
            let fits = |c: char| c.is_ascii_alphanumeric() || c == '-';
            name.len() <= 253
                && labels().count() >= 2
                && labels().all(|l| !l.is_empty() && l.len() <= 63 && l.chars().all(fits))
        };
        if self.senders.is_empty() || !self.senders.iter().all(|sender| is_name(&sender.hello)) {
            return Err(Error::refused(say!(
                "直接送信には、このサーバーの完全なホスト名が必要です。",
                "Sending directly needs this server's full host name."
            ))
            .hint(say!(
                "逆引き（PTR）と一致する名前にしてください。例: mail.news.example.jp",
                "Give the name that the address's PTR record has, such as mail.news.example.jp."
            )));
        }
        Ok(())
    }
}

const NAME: &str = "direct";

/// `None` where mail leaves through a relay.
pub fn direct(store: &Store) -> Result<Option<DirectSettings>> {
    let Some(bytes) = store.read(|c| rows::setting(c, NAME))? else { return Ok(None) };
    serde_json::from_slice(&bytes).map_err(Error::bug)
}

/// `None`: through the relay again.
pub fn set_direct(store: &Store, by: &By, now: Time, settings: Option<&DirectSettings>) -> Result<()> {
    settings.map_or(Ok(()), DirectSettings::verify)?;
    let bytes = serde_json::to_vec(&settings).map_err(Error::bug)?;
    store.write(by, now, Deed::new("delivery.set_direct", NAME), |tx| rows::set_setting(tx, NAME, &bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::seal::Key;

    #[test]
    fn the_settings_come_back_and_a_name_must_be_a_full_one() {
        let dir = tempfile::tempdir().unwrap();
        let (store, _code) = Store::create(dir.path(), &Key::new([1; 32]), &[crate::delivery::SCHEMA]).unwrap();
        assert_eq!(direct(&store).unwrap(), None);
        let by = By::house("test");
        let settings = DirectSettings::named("mail.news.example.jp");
        set_direct(&store, &by, Time(1), Some(&settings)).unwrap();
        assert_eq!(direct(&store).unwrap(), Some(settings));
        set_direct(&store, &by, Time(1), None).unwrap();
        assert_eq!(direct(&store).unwrap(), None);
        for name in ["localhost", "", "a..b", "x y.jp", "-", "日本.jp"] {
            assert!(set_direct(&store, &by, Time(1), Some(&DirectSettings::named(name))).is_err(), "{name}");
        }
    }
}
