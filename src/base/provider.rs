//! Where the root key comes from: a file outside the data folder, a passphrase, a systemd credential, or a command.
//! `[key]` of `hakobu.toml` is one `Provider`; it never holds the key itself.
//!
//! `make` is for the first run (it makes a key file or a salt where there is none), `root_key` for every later start.
//!
//! **Invariant:** a key file is read only when nobody else can read it, and never from inside the data folder.

use crate::base::{
    Error, Kind, Result, limits,
    seal::{self, KEY_LEN, Key},
    secret::Secret,
};
use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// Salt and cost of the passphrase's derivation, in the data folder. No secret.
pub const PASSPHRASE_FILE: &str = "passphrase.json";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "provider", rename_all = "snake_case", deny_unknown_fields)]
pub enum Provider {
    File { path: PathBuf },
    Passphrase,
    Credential { name: String },
    Command { argv: Vec<String> },
}

/// Where a passphrase is read from; the other providers need none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phrase {
    None,
    Stdin,
    File(PathBuf),
    /// An inherited pipe, by its descriptor.
    Pipe(u32),
    /// Asked for already, of a person at a terminal.
    Given(Secret),
}

/// A key that is still text: what a file, a credential or a command holds.
pub fn read_key(bytes: &[u8]) -> Option<Key> {
    if bytes.len() == KEY_LEN {
        return Key::from_slice(bytes);
    }
    let line = bytes.split(|b| *b == b'\n').next().unwrap_or_default().trim_ascii();
    let decoded = match line.len() == 2 * KEY_LEN {
        true => HEXLOWER_PERMISSIVE.decode(line),
        false => BASE64.decode(line),
    };
    decoded.map(Zeroizing::new).ok().and_then(|b| Key::from_slice(&b))
}

impl Provider {
    pub fn name(&self) -> &'static str {
        match self {
            Provider::File { .. } => "file",
            Provider::Passphrase => "passphrase",
            Provider::Credential { .. } => "credential",
            Provider::Command { .. } => "command",
        }
    }

    /// The root key of a house that exists.
    pub fn root_key(&self, data: &Path, phrase: &Phrase) -> Result<Key> {
        match self {
            Provider::File { path } => {
                refuse_inside(path, data)?;
                from_file(path)
            }
            Provider::Passphrase => Cost::read(data)?.stretch(&phrase.read()?),
            Provider::Credential { name } => {
                from_credential(std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from).as_deref(), name)
            }
            Provider::Command { argv } => from_command(argv, limits::KEY_COMMAND_TIME),
        }
    }

    /// The root key at the first run: a key file or a salt that is not there yet is made.
    pub fn make(&self, data: &Path, phrase: &Phrase) -> Result<Key> {
        match self {
            Provider::File { path } if !path.exists() => {
                refuse_inside(path, data)?;
                make_file(path)
            }
            Provider::Passphrase if !data.join(PASSPHRASE_FILE).exists() => {
                let phrase = phrase.read()?;
                long_enough(&phrase)?;
                let cost = Cost::new()?;
                cost.write(data)?;
                cost.stretch(&phrase)
            }
            Provider::File { .. } | Provider::Passphrase | Provider::Credential { .. } | Provider::Command { .. } => {
                self.root_key(data, phrase)
            }
        }
    }

    /// The mode of the key file, for the status; `None` for the others or when it is not there.
    pub fn mode(&self) -> Option<u32> {
        match self {
            Provider::File { path } => std::fs::metadata(path).ok().map(|m| m.mode() & 0o7777),
            Provider::Passphrase | Provider::Credential { .. } | Provider::Command { .. } => None,
        }
    }
}

impl Phrase {
    /// The first line, without its end.
    fn read(&self) -> Result<Secret> {
        let doing = || say!("パスフレーズを読めません。", "Cannot read the passphrase.");
        let bytes = match self {
            Phrase::None => {
                return Err(Error::new(Kind::Unanswered, say!("パスフレーズが必要です。", "A passphrase is needed."))
                    .hint(say!(
                        "--passphrase-file か標準入力で渡してください。",
                        "Give it with --passphrase-file or on standard input."
                    )));
            }
            Phrase::Stdin => read_short(io::stdin().lock()),
            Phrase::File(path) => File::open(path).and_then(read_short),
            Phrase::Pipe(fd) => File::open(format!("/proc/self/fd/{fd}")).and_then(read_short),
            Phrase::Given(secret) => return Ok(secret.clone()),
        };
        let bytes = bytes.map_err(|e| Error::io(doing(), e))?;
        let line = bytes.split(|b| *b == b'\n').next().unwrap_or_default();
        Ok(Secret::new(line.strip_suffix(b"\r").unwrap_or(line)))
    }
}

fn read_short(from: impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(limits::KEY_TEXT_MAX));
    from.take(limits::KEY_TEXT_MAX as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The data folder never holds the key that opens it; links are followed before this is judged.
pub fn refuse_inside(path: &Path, data: &Path) -> Result<()> {
    let real = |p: &Path| p.canonicalize().or_else(|_| std::path::absolute(p)).unwrap_or_else(|_| p.to_owned());
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let data = real(data);
    match real(path).starts_with(&data) || real(parent).starts_with(&data) {
        true => Err(inside()),
        false => Ok(()),
    }
}

/// Said by whoever finds the root key in the data folder.
pub fn inside() -> Error {
    config(say!(
        "鍵ファイルをデータフォルダーの中に置くことはできません。",
        "The key file may not stand inside the data folder."
    ))
    .hint(say!(
        "鍵は別の場所（例: /etc/hakobu/root.key）に置き、バックアップも分けてください。",
        "Keep the key elsewhere (for example /etc/hakobu/root.key), and back it up separately."
    ))
}

/// 0600 or stricter of its user or root, or 0440 of root for the service's group.
fn private(mode: u32, owner: u32, me: u32) -> bool {
    let mode = mode & 0o7777;
    (mode & !0o600 == 0 && (owner == me || owner == 0)) || (mode & !0o440 == 0 && owner == 0)
}

fn from_file(path: &Path) -> Result<Key> {
    let at = path.display().to_string();
    let doing = || say!("鍵ファイル {at} を読めません。", "Cannot read the key file {at}.");
    let file = File::open(path).map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => config(say!("鍵ファイル {at} がありません。", "There is no key file {at}."))
            .hint(say!("鍵ファイルの場所を確かめてください。", "Check where the key file is."))
            .because(e),
        _ => Error::io(doing(), e),
    })?;
    let about = file.metadata().map_err(|e| Error::io(doing(), e))?;
    let me = rustix::process::geteuid().as_raw();
    if !about.is_file() || !private(about.mode(), about.uid(), me) {
        let mode = format!("{:04o}", about.mode() & 0o7777);
        return Err(config(say!(
            "鍵ファイル {at} をほかの人が読めます（モード {mode}）。",
            "Others can read the key file {at} (mode {mode})."
        ))
        .hint(say!(
            "chmod 600 {at}、または所有者 root・グループ hakobu で chmod 440 にしてください。",
            "Run chmod 600 {at}, or give it to root with the group hakobu and chmod 440."
        )));
    }
    let bytes = read_short(file).map_err(|e| Error::io(doing(), e))?;
    read_key(&bytes).ok_or_else(|| not_a_key(say!("{at} は鍵ファイルではありません。", "{at} is not a key file.")))
}

fn make_file(path: &Path) -> Result<Key> {
    let at = path.display().to_string();
    let key = Key::random()?;
    let text = Zeroizing::new(BASE64.encode(key.bytes()) + "\n");
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = || -> io::Result<()> {
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        File::open(parent)?.sync_all()
    };
    // The folder of its own that the manual names is made with it; a path that is wrong higher up is a mistake.
    let folder = if parent.exists() { Ok(()) } else { std::fs::DirBuilder::new().mode(0o700).create(parent) };
    folder.and_then(|()| write()).map_err(|e| {
        let folder = parent.display();
        Error::io(say!("鍵ファイル {at} を作れません。", "Cannot make the key file {at}."), e).hint(say!(
            "先に mkdir -p -m 700 {folder} を実行してください。",
            "Make its folder first: mkdir -p -m 700 {folder}"
        ))
    })?;
    Ok(key)
}

fn from_credential(dir: Option<&Path>, name: &str) -> Result<Key> {
    if name.is_empty() || name.starts_with('.') || name.contains('/') {
        return Err(config(say!("認証情報の名前が正しくありません。", "This is not the name of a credential.")));
    }
    let dir = dir.ok_or_else(|| {
        config(say!("systemd の認証情報が渡されていません。", "systemd handed over no credentials.")).hint(say!(
            "サービスに LoadCredentialEncrypted={name} を設定し、systemd から起動してください。",
            "Set LoadCredentialEncrypted={name} in the service, and start it from systemd."
        ))
    })?;
    let bytes = File::open(dir.join(name))
        .and_then(read_short)
        .map_err(|e| Error::io(say!("認証情報 {name} を読めません。", "Cannot read the credential {name}."), e))?;
    let wrong = || not_a_key(say!("認証情報 {name} は鍵ではありません。", "The credential {name} is not a key."));
    read_key(&bytes).ok_or_else(wrong)
}

fn from_command(argv: &[String], most: Duration) -> Result<Key> {
    let failed = || config(say!("鍵を出すコマンドが失敗しました。", "The command that gives the key failed."));
    let (program, rest) = argv.split_first().ok_or_else(failed)?;
    let mut child = Command::new(program)
        .args(rest)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| failed().because(e))?;
    let (tell, heard) = mpsc::channel();
    let out = child.stdout.take();
    std::thread::spawn(move || tell.send(out.map(read_short).transpose()));
    let begun = Instant::now();
    let said = heard.recv_timeout(most);
    // It may have closed its output and still run: wait for the rest of the time, then end it.
    let (_never, pause) = mpsc::channel::<()>();
    while child.try_wait().map_err(|e| failed().because(e))?.is_none() {
        if begun.elapsed() >= most {
            child.kill().and_then(|()| child.wait()).map_err(|e| failed().because(e))?;
            let seconds = most.as_secs();
            return Err(failed()
                .hint(say!("{seconds} 秒以内に終わりませんでした。", "It did not end within {seconds} seconds.")));
        }
        let _elapsed = pause.recv_timeout(Duration::from_millis(10));
    }
    let ended = child.wait().map_err(|e| failed().because(e))?;
    let bytes = said.ok().and_then(|s| s.ok().flatten()).filter(|_| ended.success()).ok_or_else(failed)?;
    read_key(&bytes)
        .ok_or_else(|| not_a_key(say!("コマンドの出力が鍵ではありません。", "What the command printed is not a key.")))
}

/// Argon2id's salt and cost.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cost {
    algorithm: String,
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: String,
}

impl Cost {
    pub fn new() -> Result<Cost> {
        let salt = BASE64.encode(&seal::random::<16>()?);
        Ok(Cost { algorithm: "argon2id".into(), memory_kib: 64 * 1024, passes: 3, lanes: 1, salt })
    }

    fn read(data: &Path) -> Result<Cost> {
        let bytes = std::fs::read(data.join(PASSPHRASE_FILE))
            .map_err(|e| Error::io(say!("{PASSPHRASE_FILE} を読めません。", "Cannot read {PASSPHRASE_FILE}."), e))?;
        serde_json::from_slice(&bytes).map_err(|e| damaged_cost().because(e))
    }

    fn write(&self, data: &Path) -> Result<()> {
        let write = || -> io::Result<()> {
            std::fs::create_dir_all(data)?;
            let mut file = std::fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(data.join(PASSPHRASE_FILE))?;
            file.write_all(&serde_json::to_vec_pretty(self)?)?;
            file.sync_all()?;
            File::open(data)?.sync_all()
        };
        write().map_err(|e| Error::io(say!("{PASSPHRASE_FILE} を作れません。", "Cannot make {PASSPHRASE_FILE}."), e))
    }

    pub fn stretch(&self, phrase: &Secret) -> Result<Key> {
        let bounded = self.memory_kib <= 1 << 20 && self.passes <= 64 && self.lanes <= 16;
        let salt = BASE64.decode(self.salt.as_bytes()).map_err(|e| damaged_cost().because(e))?;
        if self.algorithm != "argon2id" || !bounded {
            return Err(damaged_cost());
        }
        let params = argon2::Params::new(self.memory_kib, self.passes, self.lanes, Some(KEY_LEN))
            .map_err(|e| damaged_cost().because(e.to_string()))?;
        let mut out = Zeroizing::new([0u8; KEY_LEN]);
        argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params)
            .hash_password_into(phrase.bytes(), &salt, out.as_mut_slice())
            .map_err(|e| damaged_cost().because(e.to_string()))?;
        Ok(Key::new(*out))
    }
}

fn long_enough(phrase: &Secret) -> Result<()> {
    let least = limits::PASSPHRASE_LEAST;
    match phrase.text().map_or(0, |t| t.chars().count()) >= least {
        true => Ok(()),
        false => Err(Error::refused(say!(
            "パスフレーズは {least} 文字以上にしてください。",
            "A passphrase has at least {least} characters."
        ))
        .hint(say!("単語をいくつか並べると覚えやすくなります。", "A few words in a row are easy to remember."))),
    }
}

fn config(says: crate::base::Say) -> Error {
    Error::new(Kind::Config, says)
}

fn not_a_key(says: crate::base::Say) -> Error {
    Error::new(Kind::WrongKey, says).hint(say!(
        "鍵は 32 バイト、または 1 行の Base64 か 16 進数です。",
        "A key is 32 bytes, or one line of base64 or hexadecimal."
    ))
}

fn damaged_cost() -> Error {
    Error::damaged(say!("{PASSPHRASE_FILE} が壊れています。", "{PASSPHRASE_FILE} is damaged."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn file(path: &Path) -> Provider {
        Provider::File { path: path.to_owned() }
    }

    #[test]
    fn a_key_file_brings_its_own_folder_and_a_wrong_path_says_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hakobu/key");
        make_file(&path).unwrap();
        let mode = std::fs::metadata(dir.path().join("hakobu")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        let wrong = make_file(&dir.path().join("no/such/key")).unwrap_err();
        assert!(wrong.hinted().is_some_and(|hint| hint.en.contains("mkdir -p")), "{wrong:?}");
        assert!(!dir.path().join("no").exists());
    }

    #[test]
    fn only_modes_that_keep_others_out_are_private() {
        for (mode, owner, want) in [
            (0o600, 1000, true),
            (0o400, 1000, true),
            (0o600, 0, true),
            (0o440, 0, true),
            (0o440, 1000, false),
            (0o640, 0, false),
            (0o644, 1000, false),
            (0o660, 0, false),
            (0o444, 0, false),
            (0o700, 1000, false),
            (0o600, 7, false),
        ] {
            assert_eq!(private(mode, owner, 1000), want, "{mode:o} of {owner}");
        }
    }

    #[test]
    fn a_key_file_is_made_once_private_and_read_again() {
        let home = tempfile::tempdir().unwrap();
        let (path, data) = (home.path().join("root.key"), home.path().join("data"));
        let made = file(&path).make(&data, &Phrase::None).unwrap();
        assert_eq!(file(&path).mode(), Some(0o600));
        assert_eq!(file(&path).make(&data, &Phrase::None).unwrap().bytes(), made.bytes());
        assert_eq!(file(&path).root_key(&data, &Phrase::None).unwrap().bytes(), made.bytes());
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let refused = file(&path).root_key(&data, &Phrase::None).unwrap_err();
        assert_eq!(refused.kind(), Kind::Config);
        assert!(refused.says().en.contains("0644"), "{refused}");
    }

    #[test]
    fn a_key_inside_the_data_folder_is_refused_also_through_links() {
        let home = tempfile::tempdir().unwrap();
        let data = home.path().join("data");
        std::fs::create_dir(&data).unwrap();
        std::os::unix::fs::symlink(&data, home.path().join("elsewhere")).unwrap();
        std::fs::write(data.join("inner.key"), BASE64.encode(&[7; 32])).unwrap();
        std::os::unix::fs::symlink(data.join("inner.key"), home.path().join("link.key")).unwrap();
        for path in ["data/root.key", "elsewhere/root.key", "link.key", "data/../data/x.key", "elsewhere/inner.key"] {
            let refused = file(&home.path().join(path)).make(&data, &Phrase::None).unwrap_err();
            assert_eq!(refused.kind(), Kind::Config, "{path}");
        }
        assert!(!data.join("root.key").exists());
    }

    #[test]
    fn a_key_is_read_in_each_of_its_forms_and_nothing_else() {
        let bytes = [9u8; 32];
        let (base64, hex) = (BASE64.encode(&bytes) + "\n", data_encoding::HEXUPPER.encode(&bytes) + "\r\nmore");
        for form in [bytes.as_slice(), base64.as_bytes(), hex.as_bytes()] {
            assert_eq!(read_key(form).unwrap().bytes(), &bytes);
        }
        for bad in ["", "short", "\n", &"x".repeat(44), &"A".repeat(45)] {
            assert!(read_key(bad.as_bytes()).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_passphrase_gives_the_same_key_again_and_another_one_another() {
        let home = tempfile::tempdir().unwrap();
        let said = |text: &str| {
            let path = home.path().join("phrase");
            std::fs::write(&path, text).unwrap();
            Phrase::File(path)
        };
        let cheap = Cost { memory_kib: 64, passes: 1, ..Cost::new().unwrap() };
        cheap.write(home.path()).unwrap();
        let key = |text: &str| Provider::Passphrase.make(home.path(), &said(text)).unwrap();
        assert_eq!(key("correct horse battery\n").bytes(), key("correct horse battery").bytes());
        assert_ne!(key("correct horse battery").bytes(), key("correct horse").bytes());
        assert_eq!(Provider::Passphrase.root_key(home.path(), &Phrase::None).unwrap_err().kind(), Kind::Unanswered);
        let fresh = tempfile::tempdir().unwrap();
        assert_eq!(Provider::Passphrase.make(fresh.path(), &said("short")).unwrap_err().kind(), Kind::Refused);
    }

    #[test]
    fn a_credential_is_read_by_its_name_alone() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("hakobu"), [5u8; 32]).unwrap();
        assert_eq!(from_credential(Some(dir.path()), "hakobu").unwrap().bytes(), &[5; 32]);
        for bad in ["", "../hakobu", ".hidden", "a/b"] {
            assert_eq!(from_credential(Some(dir.path()), bad).unwrap_err().kind(), Kind::Config, "{bad}");
        }
        assert_eq!(from_credential(None, "hakobu").unwrap_err().kind(), Kind::Config);
    }

    #[test]
    fn a_command_gives_its_first_line_and_one_that_fails_or_hangs_is_refused() {
        let sh = |script: String| ["sh".to_owned(), "-c".to_owned(), script];
        let long = Duration::from_secs(20);
        let key = from_command(&sh(format!("echo {}; echo more", BASE64.encode(&[4; 32]))), long).unwrap();
        assert_eq!(key.bytes(), &[4; 32]);
        assert_eq!(from_command(&sh("exit 3".into()), long).unwrap_err().kind(), Kind::Config);
        assert_eq!(from_command(&sh("echo no key".into()), long).unwrap_err().kind(), Kind::WrongKey);
        assert_eq!(from_command(&["/no/such/program".into()], long).unwrap_err().kind(), Kind::Config);
        let begun = Instant::now();
        let hangs = from_command(&sh("exec 1>&-; exec sleep 600".into()), Duration::from_millis(50));
        assert!(hangs.is_err() && begun.elapsed() < long);
    }

    #[test]
    fn the_settings_name_the_provider_and_nothing_secret() {
        let read = |text: &str| toml::from_str::<Provider>(text);
        assert_eq!(read("provider = 'file'\npath = '/k'").unwrap(), Provider::File { path: "/k".into() });
        assert_eq!(read("provider = 'passphrase'").unwrap(), Provider::Passphrase);
        assert_eq!(read("provider = 'credential'\nname = 'n'").unwrap(), Provider::Credential { name: "n".into() });
        let command = Provider::Command { argv: vec!["a".into(), "b".into()] };
        assert_eq!(read("provider = 'command'\nargv = ['a', 'b']").unwrap(), command);
        assert_eq!(read(&toml::to_string(&command).unwrap()).unwrap(), command);
        assert!(read("provider = 'file'").is_err() && read("provider = 'none'").is_err());
    }
}
