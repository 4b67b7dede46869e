//! The first run, for the command line and for the wizard alike: a key, a keyring, the tables, an admin, a relay.
//!
//! `hakobu.toml` is written last: where it stands, setup has finished, and a second run changes nothing. A run that
//! was cut off before that is finished by the next one.

use super::{Boot, House, SCHEMAS, boot, reach};
use crate::access::{NewUser, Role, password, user};
use crate::alarm::{self, door_key};
use crate::base::provider::{PASSPHRASE_FILE, Phrase, Provider, refuse_inside};
use crate::base::seal::Key;
use crate::base::{Build, By, Email, Error, Kind, Lang, Lock, Result, Say, Secret, Time, limits};
use crate::campaigns::sender;
use crate::contacts::topic;
use crate::delivery::{self, Relay};
use crate::store::Store;
use std::net::SocketAddr;
use std::path::Path;

/// Everything a person is asked.
pub struct Answers {
    pub key: Provider,
    pub phrase: Phrase,
    pub domain: String,
    pub public_url: String,
    pub listen: SocketAddr,
    pub lang: Lang,
    pub admin: Admin,
    /// Mail cannot leave before one is set, but much else can be done.
    pub relay: Option<Relay>,
    /// Look whether the public URL answers, now and later.
    pub probe: bool,
    /// To whom the alarm goes; the admin, if nobody else is named.
    pub alarm_to: Option<Email>,
}

pub struct Admin {
    pub email: Email,
    pub name: String,
    pub password: Secret,
}

/// What was asked for now, to be compared with what is there.
pub struct Asked<'a> {
    pub domain: Option<&'a str>,
    pub public_url: Option<&'a str>,
}

pub struct Done {
    pub boot: Boot,
    /// `None` when a server has it open.
    pub house: Option<House>,
    /// False when the house was there already and nothing was changed.
    pub created: bool,
    /// The second way to the keys; only now, never again.
    pub recovery_code: Option<Secret>,
    pub notes: Vec<Say>,
}

/// Makes the house, or opens the one that is there.
pub fn run(data: &Path, build: Build, by: &By, now: Time, answers: &Answers) -> Result<Done> {
    if let Some(done) = kept(
        data,
        &answers.phrase,
        build,
        now,
        &Asked { domain: Some(&answers.domain), public_url: Some(&answers.public_url) },
    )? {
        return Ok(done);
    }
    let boot = check(data, by, answers)?;
    make_data(data)?;
    let lock = Lock::take(data, Lock::HOUSE)?.ok_or_else(super::in_use)?;
    let (store, door_key, recovery_code) = open_store(data, now, answers)?;
    furnish(&store, by, now, answers)?;
    boot.write(data)?;
    let notes = notes(answers)?;
    let house = House::with(store, boot.clone(), build, data, (Some(lock), door_key));
    house.keep_alarm()?;
    Ok(Done { boot, house: Some(house), created: true, recovery_code, notes })
}

/// A house that is there keeps its settings, whatever is asked for now. `None` where there is none yet.
pub fn kept(data: &Path, phrase: &Phrase, build: Build, now: Time, asked: &Asked<'_>) -> Result<Option<Done>> {
    if !data.join(boot::FILE).exists() {
        return Ok(None);
    }
    let boot = Boot::read(data)?;
    let house = House::open_if_free(data, phrase, build, now)?;
    let differs =
        |asked: Option<&str>, is: &str| asked.is_some_and(|a| !a.trim_end_matches('/').eq_ignore_ascii_case(is));
    let mut notes = Vec::new();
    if differs(asked.domain, &boot.domain) || differs(asked.public_url, &boot.public_url) {
        notes.push(say!(
            "準備は済んでいるため、違う値が指定された項目も変更していません。",
            "This house is set up already; what was given differently now was not changed."
        ));
    }
    Ok(Some(Done { boot, house, created: false, recovery_code: None, notes }))
}

/// All that can be wrong is said before anything is made.
fn check(data: &Path, by: &By, answers: &Answers) -> Result<Boot> {
    let key = match &answers.key {
        Provider::File { path } => {
            refuse_inside(path, data)?;
            let path = std::path::absolute(path).map_err(|e| {
                Error::io(say!("鍵ファイルの場所が分かりません。", "Cannot tell where the key file is."), e)
            })?;
            Provider::File { path }
        }
        Provider::Passphrase | Provider::Credential { .. } | Provider::Command { .. } => answers.key.clone(),
    };
    if let Some(relay) = &answers.relay {
        relay.verify()?;
    }
    if let Some(to) = &answers.alarm_to {
        alarm::takes(to)?;
    }
    let admin = &answers.admin;
    password::accept_from(by, &admin.password, &[admin.email.as_str(), &admin.name])?;
    Ok(Boot {
        key,
        domain: domain(&answers.domain)?,
        public_url: boot::public_url(&answers.public_url)?,
        listen: answers.listen,
        lang: answers.lang,
        probe: answers.probe,
        mail: boot::Mail::default(),
        door: boot::Public::default(),
    })
}

/// A name under which mail can be sent.
pub fn domain(text: &str) -> Result<String> {
    let name = text.trim().trim_end_matches('.').to_lowercase();
    match Email::parse(&format!("news@{name}")) {
        Ok(_) => Ok(name),
        Err(_) => Err(Error::new(Kind::Config, say!("ドメインの形が正しくありません。", "This is not a domain name."))
            .hint(say!("例: news.example.jp", "For example: news.example.jp"))),
    }
}

/// May a house be made in this folder? It is not there, empty, or left by a setup that was cut off.
pub fn is_free(data: &Path) -> std::io::Result<bool> {
    // The spool is the door's, which may stand before there is a house behind it.
    let ours = [Lock::HOUSE, "keyring.json", "keyring.making", PASSPHRASE_FILE, "spool"];
    match std::fs::read_dir(data) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(e) => Err(e),
        Ok(mut entries) => Ok(entries.next().is_none() || ours.iter().any(|name| data.join(name).exists())),
    }
}

/// A folder of its own.
fn make_data(data: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    let at = data.display().to_string();
    let cannot = |e| Error::io(say!("フォルダー {at} を作れません。", "Cannot make the folder {at}."), e);
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(data).map_err(cannot)?;
    match is_free(data).map_err(cannot)? {
        true => Ok(()),
        false => Err(Error::refused(say!(
            "フォルダー {at} には、すでに別のファイルがあります。",
            "The folder {at} holds other files already."
        ))
        .hint(say!("空のフォルダーか、新しい名前を指定してください。", "Name an empty folder, or a new one."))),
    }
}

fn open_store(data: &Path, now: Time, answers: &Answers) -> Result<(Store, Key, Option<Secret>)> {
    if data.join("keyring.json").exists() {
        let root = answers.key.root_key(data, &answers.phrase)?;
        let store = Store::open(data, &root, SCHEMAS)?;
        // Nobody may have seen the code of a setup that was cut off.
        let code = store.keys().renew_recovery(now)?;
        return Ok((store, door_key(&root), Some(Secret::new(code.printed()))));
    }
    let root = answers.key.make(data, &answers.phrase)?;
    let (store, code) = Store::create(data, &root, SCHEMAS)?;
    Ok((store, door_key(&root), Some(Secret::new(code.printed()))))
}

/// What a house starts with. Each step is made only where it is not there yet.
fn furnish(store: &Store, by: &By, now: Time, answers: &Answers) -> Result<()> {
    let Answers { admin, lang, relay, .. } = answers;
    let alarm_to = answers.alarm_to.as_ref().unwrap_or(&admin.email);
    if user::find(store, &admin.email)?.is_none() {
        let new = NewUser { email: admin.email.clone(), name: admin.name.clone(), role: Role::Admin, lang: *lang };
        user::add(store, by, now, &new, Some(&admin.password))?;
    }
    topic::ensure_default(store, by, now, lang.pick("お知らせ", "News"))?;
    if sender::list(store)?.is_empty() {
        sender::find_or_create(store, by, now, &format!("news@{}", domain(&answers.domain)?))?;
    }
    if let Some(relay) = relay {
        delivery::set_relay(store, by, now, relay)?;
    }
    if delivery::alarm_to(store)?.is_none() && alarm::takes(alarm_to).is_ok() {
        delivery::set_alarm_to(store, by, now, alarm_to)?;
    }
    Ok(())
}

fn notes(answers: &Answers) -> Result<Vec<Say>> {
    let mut notes = Vec::new();
    if password::is_short(&answers.admin.password)? {
        let min = limits::PASSWORD_MIN;
        notes.push(say!(
            "管理者のパスワードが {min} 文字より短いです。長いものに変えることをおすすめします。",
            "The admin's password has fewer than {min} characters: a longer one is safer."
        ));
    }
    if answers.relay.is_none() {
        notes.push(say!(
            "中継サーバーの設定がないため、まだメールを送れません。",
            "No relay is set, so no mail can leave yet."
        ));
    }
    Ok(notes)
}

/// What is worth saying about the public URL, once it was tried. Takes up to `limits::PROBE_WAIT`.
pub fn unreached(boot: &Boot) -> Option<Say> {
    let url = &boot.public_url;
    (boot.probe && !reach::answers(url)).then(|| {
        say!(
            "公開 URL {url} は、まだこの環境につながりません。配信停止リンクはここを指すため、送信する前に開けるようにしてください。",
            "The public URL {url} does not lead to this house yet. Unsubscribe links point there: let it answer before you send."
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(dir: &Path) -> Answers {
        Answers {
            key: Provider::File { path: dir.join("root.key") },
            phrase: Phrase::None,
            domain: "News.Example.JP".into(),
            public_url: "https://news.example.jp".into(),
            listen: boot::listen(boot::LISTEN).unwrap(),
            lang: Lang::Ja,
            admin: Admin {
                email: Email::parse("a@example.jp").unwrap(),
                name: "管理者".into(),
                password: Secret::new("ほんとうに長い合い言葉 2026"),
            },
            relay: Some(Relay::parse("smtp://127.0.0.1:2525").unwrap()),
            probe: false,
            alarm_to: None,
        }
    }

    fn set_up(data: &Path, answers: &Answers) -> Result<Done> {
        run(data, Build::TEST, &By::house("test"), Time(1), answers)
    }

    #[test]
    fn a_second_setup_changes_nothing_and_shows_no_code() {
        let home = tempfile::tempdir().unwrap();
        let (data, mut asked) = (home.path().join("data"), answers(home.path()));
        let first = set_up(&data, &asked).unwrap();
        assert!(first.created && first.recovery_code.is_some());
        assert_eq!(first.boot.domain, "news.example.jp");
        let before = first.house.as_ref().unwrap().store.audit(0, 1000).unwrap().len();
        drop(first);
        asked.domain = "other.example.jp".into();
        let second = set_up(&data, &asked).unwrap();
        assert!(!second.created && second.recovery_code.is_none() && second.notes.len() == 1);
        assert_eq!(second.boot.domain, "news.example.jp");
        assert!(set_up(&data, &asked).unwrap().house.is_none(), "somebody has it open, and that is well");
        assert_eq!(second.house.unwrap().store.audit(0, 1000).unwrap().len(), before);
    }

    #[test]
    fn what_cannot_be_right_is_said_before_anything_is_made() {
        let home = tempfile::tempdir().unwrap();
        let data = home.path().join("data");
        let wrongs: [fn(&mut Answers); 2] =
            [|a| a.domain = "no domain".into(), |a| a.public_url = "news.example.jp".into()];
        for wrong in wrongs {
            let mut asked = answers(home.path());
            wrong(&mut asked);
            assert_eq!(set_up(&data, &asked).err().unwrap().kind(), Kind::Config);
        }
        let mut inside = answers(home.path());
        inside.key = Provider::File { path: data.join("root.key") };
        assert_eq!(set_up(&data, &inside).err().unwrap().kind(), Kind::Config);
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_with_other_files_is_left_alone() {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("diary.txt"), "x").unwrap();
        let keys = tempfile::tempdir().unwrap();
        assert_eq!(set_up(home.path(), &answers(keys.path())).err().unwrap().kind(), Kind::Refused);
    }

    #[test]
    fn a_setup_that_was_cut_off_is_finished_by_the_next() {
        let home = tempfile::tempdir().unwrap();
        let (data, asked) = (home.path().join("data"), answers(home.path()));
        drop(set_up(&data, &asked).unwrap());
        std::fs::remove_file(data.join(boot::FILE)).unwrap();
        let second = set_up(&data, &asked).unwrap();
        assert!(second.created && second.recovery_code.is_some());
        drop(second);
        assert_eq!(set_up(&data, &asked).err().map(|e| e.kind()), None);
    }
}
