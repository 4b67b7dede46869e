//! Where an alarm goes and by which relay: one sealed file in the data folder, a copy of what stands in the books.

use crate::base::files::replace_file;
use crate::base::seal::Key;
use crate::base::smtp::{Login, Tls};
use crate::base::{Email, Error, Kind, Lang, Result, Secret, limits};
use serde::{Deserialize, Serialize};
use std::io::Read;
use std::path::Path;
use zeroize::Zeroizing;

pub const FILE: &str = "alarm.sealed";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub to: Email,
    pub from: Email,
    pub host: String,
    pub port: u16,
    pub tls: Tls,
    pub login: Option<Login>,
    /// Certificates (PEM) of a private authority.
    pub extra_ca: Option<String>,
    /// How the house calls itself.
    pub house: String,
    pub lang: Lang,
}

#[derive(Serialize, Deserialize)]
struct Saved {
    to: String,
    from: String,
    host: String,
    port: u16,
    tls: Tls,
    login: Option<(String, Vec<u8>)>,
    extra_ca: Option<String>,
    house: String,
    lang: Lang,
}

impl Settings {
    /// `None` where no alarm is set up.
    pub fn read(data: &Path, door_key: &Key) -> Result<Option<Settings>> {
        let cannot = |e| Error::io(say!("警報の設定を読めません。", "Cannot read the alarm's settings."), e);
        let file = match std::fs::File::open(data.join(FILE)) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(cannot)?,
        };
        let mut sealed = Vec::new();
        file.take(limits::ALARM_FILE_MAX).read_to_end(&mut sealed).map_err(cannot)?;
        let bytes = Zeroizing::new(sealing(door_key).open(FILE.as_bytes(), &sealed).map_err(|e| {
            Error::new(
                Kind::WrongKey,
                say!("警報の設定を、この鍵では開けません。", "This key does not open the alarm's settings."),
            )
            .hint(say!(
                "サーバーを一度起動すると、書き直されます。",
                "They are written anew when the house is opened next."
            ))
            .because(e)
        })?);
        let saved: Saved = serde_json::from_slice(&bytes).map_err(Error::bug)?;
        saved.settings().map(Some)
    }

    pub fn write(&self, data: &Path, door_key: &Key) -> Result<()> {
        let login = self.login.as_ref().map(|l| (l.user.clone(), l.password.bytes().to_vec()));
        let saved = Saved {
            to: self.to.to_string(),
            from: self.from.to_string(),
            host: self.host.clone(),
            port: self.port,
            tls: self.tls,
            login,
            extra_ca: self.extra_ca.clone(),
            house: self.house.clone(),
            lang: self.lang,
        };
        let bytes = Zeroizing::new(serde_json::to_vec(&saved).map_err(Error::bug)?);
        let sealed = sealing(door_key).seal(FILE.as_bytes(), &bytes)?;
        replace_file(&data.join(FILE), &sealed, 0o600)
    }

    /// There is no alarm any more.
    pub fn remove(data: &Path) -> Result<()> {
        match std::fs::remove_file(data.join(FILE)) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::io(say!("警報の設定を消せません。", "Cannot remove the alarm's settings."), e))
            }
            _ => Ok(()),
        }
    }
}

fn sealing(door_key: &Key) -> Key {
    door_key.derive("alarm")
}

impl Saved {
    fn settings(self) -> Result<Settings> {
        Ok(Settings {
            to: Email::parse(&self.to)?,
            from: Email::parse(&self.from)?,
            host: self.host,
            port: self.port,
            tls: self.tls,
            login: self.login.map(|(user, password)| Login { user, password: Secret::new(password) }),
            extra_ca: self.extra_ca,
            house: self.house,
            lang: self.lang,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings {
            to: Email::parse("ops@example.jp").unwrap(),
            from: Email::parse("hakobu@news.example.jp").unwrap(),
            host: "mail.example.jp".into(),
            port: 587,
            tls: Tls::StartTls,
            login: Some(Login { user: "u".into(), password: Secret::new(*b"hidden") }),
            extra_ca: None,
            house: "例の会社".into(),
            lang: Lang::Ja,
        }
    }

    #[test]
    fn what_was_written_is_read_back_with_the_door_key_alone_and_nothing_of_it_is_plain() {
        let dir = tempfile::tempdir().unwrap();
        let key = crate::alarm::door_key(&Key::new([1; 32]));
        assert_eq!(Settings::read(dir.path(), &key).unwrap(), None);
        settings().write(dir.path(), &key).unwrap();
        assert_eq!(Settings::read(dir.path(), &key).unwrap(), Some(settings()));
        let bytes = std::fs::read(dir.path().join(FILE)).unwrap();
        for word in ["ops@", "mail.example", "hidden"] {
            assert!(!bytes.windows(word.len()).any(|w| w == word.as_bytes()), "{word}");
        }
        let other = Settings::read(dir.path(), &crate::alarm::door_key(&Key::new([2; 32]))).unwrap_err();
        assert_eq!(other.kind(), Kind::WrongKey);
        Settings::remove(dir.path()).unwrap();
        Settings::remove(dir.path()).unwrap();
        assert_eq!(Settings::read(dir.path(), &key).unwrap(), None);
    }
}
