//! The alarm's settings: the books hold them, and a sealed copy stands ready for whoever must send an alarm without the
//! books. The copy is compared with the books whenever the house opens or something in it changes, so it heals by
//! itself after a restore, a new root key, or a crash between the two.

use super::House;
use crate::access::look;
use crate::alarm::{self, Event, Rung, Settings};
use crate::base::seal::Key;
use crate::base::{By, Email, Kind, Result, Time};
use crate::delivery::{self, Relay};
use std::path::Path;

impl House {
    /// The relay, for sending and for the alarm alike.
    pub fn set_relay(&self, by: &By, now: Time, relay: &Relay) -> Result<()> {
        delivery::set_relay(&self.store, by, now, relay)?;
        self.keep_alarm()
    }

    pub fn set_alarm_to(&self, by: &By, now: Time, to: &Email) -> Result<()> {
        alarm::takes(to)?;
        delivery::set_alarm_to(&self.store, by, now, to)?;
        self.keep_alarm()
    }

    /// Brings the sealed copy in line with the books.
    pub fn keep_alarm(&self) -> Result<()> {
        let key = self.door_key();
        match self.alarm()? {
            Some(settings) if Settings::read(self.data(), &key).ok().flatten().as_ref() == Some(&settings) => Ok(()),
            Some(settings) => settings.write(self.data(), &key),
            None => Settings::remove(self.data()),
        }
    }

    /// As the books have it; `None` while address or relay are missing.
    pub fn alarm(&self) -> Result<Option<Settings>> {
        let (Some(to), Some(relay)) = (delivery::alarm_to(&self.store)?, delivery::relay(&self.store)?) else {
            return Ok(None);
        };
        let name = look::get(&self.store)?.name;
        Ok(Some(Settings {
            to,
            from: Email::parse(&format!("hakobu@{}", self.boot.domain))?,
            host: relay.host,
            port: relay.port,
            tls: relay.tls,
            login: relay.login,
            extra_ca: relay.extra_ca,
            house: if name.is_empty() { self.boot.domain.clone() } else { name },
            lang: self.boot.lang,
        }))
    }

    /// The door is gone without a word. By the sealed copy: the books are closed by now. Where nobody is to be called,
    /// nobody is.
    pub fn door_lost(data: &Path, root: &Key, now: Time) -> Result<()> {
        match alarm::ring(data, &alarm::door_key(root), &Event::DoorLost, now) {
            Ok(Rung::Failed(e)) => Err(e),
            Ok(Rung::Left { .. } | Rung::Counted { .. } | Rung::Nothing) => Ok(()),
            Err(e) if e.kind() == Kind::Config => Ok(()),
            Err(e) => Err(e),
        }
    }

    /// Sends a test the way an alarm goes: by the sealed copy.
    pub fn test_alarm(&self, now: Time) -> Result<()> {
        self.keep_alarm()?;
        match alarm::ring(self.data(), &self.door_key(), &Event::Test, now)? {
            Rung::Failed(e) => Err(e),
            Rung::Left { .. } | Rung::Counted { .. } | Rung::Nothing => Ok(()),
        }
    }
}
