//! `hakobu serve`: this process is the door until a signal, and the worker behind it is its child.

use crate::alarm;
use crate::base::files::refuse_as_root;
use crate::base::link::{Hidden, Surface};
use crate::base::provider::{Phrase, Provider, read_key};
use crate::base::seal::Key;
use crate::base::{Error, Kind, Lock, Result, limits};
use crate::cli::launch;
use crate::cli::talk::Talk;
use crate::door::acme::Authority;
use crate::door::front::{Certificate, FrontSettings, Listening, Speaks};
use crate::door::{Born, Door, Ending, Inheritance, Program, Ready, Settings, Starter, Successor, Thread, handed};
use crate::house::boot::Public;
use crate::house::{self, Boot, boot};
use crate::worker::life::{self, Origin};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Instant;

#[derive(clap::Args)]
pub(in crate::cli) struct Serve {
    /// The address of the admin's pages; HTTPS alone unless it is this computer's own || 管理画面の待ち受けアドレス（このコンピューターの外に開くと HTTPS のみ）
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// A public address without TLS; goes on to HTTPS where there is one || 公開用アドレス（TLS なし。HTTPS があれば転送する）
    #[arg(long, value_name = "ADDRESS")]
    http: Vec<SocketAddr>,
    /// A public address with TLS, such as 0.0.0.0:443 || 公開用アドレス（TLS。例: 0.0.0.0:443）
    #[arg(long, value_name = "ADDRESS")]
    https: Vec<SocketAddr>,
    /// Where mail that comes back is taken, such as 0.0.0.0:25 || 戻ってくるメールを受け取るアドレス（例: 0.0.0.0:25）
    #[arg(long, value_name = "ADDRESS")]
    smtp: Vec<SocketAddr>,
    /// The certificate chain, PEM; one of our own making if not given || 証明書（PEM。省略時は自己署名）
    #[arg(long, value_name = "FILE", requires = "cert_key_file")]
    cert_file: Option<PathBuf>,
    /// The certificate's private key, PEM || 証明書の秘密鍵（PEM）
    #[arg(long, value_name = "FILE", requires = "cert_file")]
    cert_key_file: Option<PathBuf>,
    /// Get certificates from this ACME directory, or from letsencrypt || 証明書を ACME で取得する（letsencrypt またはディレクトリーの URL）
    #[arg(long, value_name = "DIRECTORY", conflicts_with = "cert_file")]
    acme: Option<String>,
    /// Where the authority writes when something is wrong || 認証局からの連絡先
    #[arg(long, value_name = "ADDRESS", requires = "acme")]
    acme_contact: Option<String>,
    /// The authority's own root, PEM, where this machine does not know it || 認証局のルート証明書（PEM。この機械が知らない場合）
    #[arg(long, value_name = "FILE", requires = "acme")]
    acme_root: Option<PathBuf>,
    /// Connections of one client address || 1 つのアドレスからの接続数の上限
    #[arg(long, value_name = "N")]
    per_address: Option<usize>,
    /// A proxy of your own whose word on the client's address counts || 前段のプロキシーのネットワーク
    #[arg(long, value_name = "CIDR")]
    trusted_proxy: Vec<String>,
    /// The proxy begins connections with a PROXY header, version 2 || プロキシーが PROXY ヘッダー（v2）を送る
    #[arg(long)]
    proxy_protocol: bool,
    /// Where there is no house yet: set it up in a browser || まだ環境がないとき、ブラウザーで初期設定をする
    #[arg(long)]
    setup: bool,
}

pub(super) fn run(flags: &Serve, data: &Path, phrase: &Phrase, talk: &Talk) -> Result<u8> {
    let inheritance = Inheritance::receive()?;
    if inheritance.is_none() {
        // From here on this process is the release that serves, and so are its workers.
        launch::step_aside(data, talk);
    }
    let handed = handed()?;
    let listen = flags.listen.as_deref().map(boot::listen).transpose()?;
    let ending = Ending::on_signals()?;
    if let Some(inheritance) = inheritance {
        let refusal = inheritance.refusal();
        let door = Boot::read(data)
            .and_then(|boot| Ok(Boot { door: flags.over(&boot.door)?, ..boot }))
            .and_then(|boot| after_another(data, &boot, inheritance, (phrase, talk)));
        return door.inspect_err(|e| refusal.say(e))?.live(&ending);
    }
    let door = match Boot::read(data) {
        Ok(boot) => {
            let boot = Boot { listen: listen.unwrap_or(boot.listen), door: flags.over(&boot.door)?, ..boot };
            behind(data, &boot, handed, (phrase, talk))?
        }
        Err(e) if e.kind() == Kind::NotSetUp && (flags.setup || talk.may_ask) => {
            first_run(data, boot::only_here(listen.unwrap_or(boot::listen(boot::LISTEN)?))?, talk)?
        }
        Err(e) => return Err(e),
    };
    let url = door.url();
    talk.say(&say!("動いています: {url}（終了は Ctrl-C）", "Running at {url} (Ctrl-C ends it)"));
    door.live(&ending)
}

impl Serve {
    /// Flags win over the settings.
    fn over(&self, set: &Public) -> Result<Public> {
        let list =
            |flag: &Vec<SocketAddr>, set: &Vec<SocketAddr>| if flag.is_empty() { set.clone() } else { flag.clone() };
        self.trusted_proxy.iter().try_for_each(|net| boot::network(net).map(drop))?;
        let proxies = if self.trusted_proxy.is_empty() { &set.trusted_proxy } else { &self.trusted_proxy };
        let proxy_protocol = self.proxy_protocol || set.proxy_protocol;
        if proxy_protocol && proxies.is_empty() {
            return Err(Error::new(
                Kind::Config,
                say!(
                    "--proxy-protocol には --trusted-proxy が必要です。",
                    "--proxy-protocol needs --trusted-proxy: nobody is believed who is not named."
                ),
            )
            .hint(say!(
                "プロキシのアドレスを --trusted-proxy 192.0.2.10 のように指定してください。",
                "Name the proxy's address, as in --trusted-proxy 192.0.2.10."
            )));
        }
        let acme = self.acme.clone().or_else(|| set.acme.clone());
        if acme.as_ref().is_some_and(|directory| directory != "letsencrypt" && !directory.starts_with("https://")) {
            return Err(Error::new(
                Kind::Config,
                say!("--acme の値が正しくありません。", "This is no ACME directory."),
            )
            .hint(say!(
                "letsencrypt か、https:// で始まるディレクトリーの URL を指定してください。",
                "Say letsencrypt, or the URL of a directory, which begins with https://."
            )));
        }
        Ok(Public {
            http: list(&self.http, &set.http),
            https: list(&self.https, &set.https),
            smtp: list(&self.smtp, &set.smtp),
            cert_file: self.cert_file.clone().or_else(|| set.cert_file.clone()),
            cert_key_file: self.cert_key_file.clone().or_else(|| set.cert_key_file.clone()),
            acme,
            acme_contact: self.acme_contact.clone().or_else(|| set.acme_contact.clone()),
            acme_root: self.acme_root.clone().or_else(|| set.acme_root.clone()),
            per_address: self.per_address.or(set.per_address),
            trusted_proxy: proxies.clone(),
            proxy_protocol,
        })
    }
}

fn behind(data: &Path, boot: &Boot, handed: Vec<Listening>, (phrase, talk): (&Phrase, &Talk)) -> Result<Door> {
    refuse_as_root(data)?;
    let lock = lock(data)?;
    let root = boot.key.root_key(data, phrase)?;
    let listening = listening(boot, handed)?;
    open(data, boot, root, (listening, Some(lock), None), talk)
}

/// Everything that listens and is locked comes from the door before, and the key where a person was asked for it.
fn after_another(data: &Path, boot: &Boot, mut from: Inheritance, (phrase, talk): (&Phrase, &Talk)) -> Result<Door> {
    refuse_as_root(data)?;
    let root = match from.root().and_then(|hex| read_key(hex.0.as_bytes())) {
        Some(root) => root,
        None => boot.key.root_key(data, phrase)?,
    };
    let listening = from.take_listening();
    open(data, boot, root, (listening, None, Some(from)), talk)
}

/// What it listens on, and the lock: its own, or the one that comes with the inheritance.
type Held = (Vec<Listening>, Option<Lock>, Option<Inheritance>);

fn open(data: &Path, boot: &Boot, root: Key, (listening, lock, inheritance): Held, talk: &Talk) -> Result<Door> {
    let front = front(data, boot, &root, listening)?;
    let door_key = Some(alarm::door_key(&root));
    let root = match &boot.key {
        Provider::Passphrase => Some(Hidden(data_encoding::HEXLOWER.encode(root.bytes()))),
        Provider::File { .. } | Provider::Credential { .. } | Provider::Command { .. } => None,
    };
    let settings = Settings {
        data: data.to_owned(),
        front,
        public_url: boot.public_url.clone(),
        root,
        door_key,
        version: talk.build.version,
        inheritance,
    };
    let locked = Locked { program: Program::own(data)?, data: data.to_owned(), lock };
    Ready::new(settings)?.open(Box::new(locked))
}

/// A command that is at work right now is waited for, a server is not.
fn lock(data: &Path) -> Result<Lock> {
    let since = Instant::now();
    loop {
        match Lock::take(data, Lock::HOUSE)? {
            Some(lock) => return Ok(lock),
            None if since.elapsed() >= limits::BUSY_WAIT => return Err(house::in_use()),
            None => std::thread::park_timeout(limits::DRAIN_STEP),
        }
    }
}

/// Every address is taken here, before anything is started; some were handed over.
fn listening(boot: &Boot, handed: Vec<Listening>) -> Result<Vec<Listening>> {
    let door = &boot.door;
    let mut listening = vec![Listening::bind(boot.listen, Surface::Admin, of_admin(boot.listen))?];
    let ports = [(&door.http, Speaks::Http), (&door.https, Speaks::Https), (&door.smtp, Speaks::Smtp)];
    for (addresses, speaks) in ports {
        for address in addresses {
            listening.push(Listening::bind(*address, Surface::Public, speaks)?);
        }
    }
    listening.extend(handed);
    Ok(listening)
}

fn front(data: &Path, boot: &Boot, root: &Key, listening: Vec<Listening>) -> Result<FrontSettings> {
    let door = &boot.door;
    let by_http = listening.iter().any(|l| l.surface == Surface::Public && l.speaks == Speaks::Http);
    let by_tls = listening.iter().any(|l| matches!(l.speaks, Speaks::Https | Speaks::Smtp));
    let mut front = FrontSettings::new(listening, data.join("spool"));
    front.certificate = by_tls.then(|| certificate(data, boot, root, by_http));
    front.public_url = Some(boot.public_url.clone());
    front.trusted_proxies = door.trusted_proxy.iter().map(|net| boot::network(net)).collect::<Result<_>>()?;
    front.proxy_protocol = door.proxy_protocol;
    if let Some(most) = door.per_address {
        front.bounds.per_address = most;
    }
    Ok(front)
}

/// What passes over a network is protected; what stays on this computer needs no certificate.
fn of_admin(listen: SocketAddr) -> Speaks {
    if listen.ip().is_loopback() { Speaks::Http } else { Speaks::Https }
}

fn certificate(data: &Path, boot: &Boot, root: &Key, by_http: bool) -> Certificate {
    let door = &boot.door;
    if let (Some(chain), Some(key)) = (&door.cert_file, &door.cert_key_file) {
        return Certificate::Files { chain: chain.clone(), key: key.clone() };
    }
    let (folder, seal, names) = (data.join("door"), alarm::door_key(root), names(&boot.public_url, boot.listen));
    let authority = door.acme.as_ref().map(|directory| Authority {
        directory: directory.clone(),
        names: names[..1].to_vec(),
        contact: door.acme_contact.clone(),
        roots: door.acme_root.clone(),
        by_tls: true,
        by_http,
    });
    Certificate::OfOurs { folder, seal, names, authority }
}

/// Names for a certificate of our own making; the first is the public one.
fn names(public_url: &str, admin: SocketAddr) -> Vec<String> {
    let host = public_url.split("://").nth(1).unwrap_or_default().split('/').next().unwrap_or_default();
    let host = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let mut names = [host.trim_matches(['[', ']']), "localhost", "127.0.0.1"].map(str::to_owned).to_vec();
    let at = admin.ip();
    if !at.is_loopback() && !at.is_unspecified() {
        names.push(at.to_string());
    }
    names
}

/// The wizard until the house is made, on the same address; then a worker like any other.
fn first_run(data: &Path, admin: SocketAddr, talk: &Talk) -> Result<Door> {
    let listening = vec![Listening::bind(admin, Surface::Admin, Speaks::Http)?];
    let settings = Settings {
        data: data.to_owned(),
        front: FrontSettings::new(listening, data.join("spool")),
        public_url: String::new(),
        root: None,
        door_key: None,
        version: talk.build.version,
        inheritance: None,
    };
    let ready = Ready::new(settings)?;
    let (origin, path) = Origin::first_run(data, admin, talk.build)?;
    let url = format!("http://{}{path}", ready.address());
    let build = talk.build;
    let first = Thread::once(move |link| {
        // What went wrong has been told to the door.
        life::live(link, origin, build).ok();
    });
    let then = Locked { program: Program::own(data)?, data: data.to_owned(), lock: None };
    let door = ready.open(Box::new(First { first, then }))?;
    talk.say(&say!(
        "ブラウザーで次のリンクを開いて、初期設定をしてください（30 分間有効）: {url}",
        "Open this link in a browser to set the house up (it works for 30 minutes): {url}"
    ));
    Ok(door)
}

/// Workers of a house whose lock the door holds.
struct Locked {
    program: Program,
    data: PathBuf,
    lock: Option<Lock>,
}

impl Starter for Locked {
    fn start(&mut self) -> Result<Born> {
        if self.lock.is_none() {
            self.lock = Some(Lock::take(&self.data, Lock::HOUSE)?.ok_or_else(house::in_use)?);
        }
        self.program.start()
    }

    fn start_other(&mut self, program: &Path) -> Result<Born> {
        Program { path: program.to_owned(), data: self.data.clone() }.start()
    }

    fn adopt(&mut self, program: &Path) {
        self.program.path = program.to_owned();
    }

    fn successor(&self) -> Result<Option<Successor>> {
        let Some(lock) = &self.lock else { return Ok(None) };
        Ok(Some(Successor { command: launch::again(&self.program.path), lock: lock.copy()? }))
    }

    fn hold(&mut self, lock: OwnedFd) -> Result<()> {
        self.lock = Some(Lock::from_copy(lock)?);
        Ok(())
    }

    fn leave(&mut self) {
        if let Some(lock) = self.lock.take() {
            lock.leave();
        }
    }
}

struct First {
    first: Thread,
    then: Locked,
}

impl Starter for First {
    fn start(&mut self) -> Result<Born> {
        match self.first.may_again() {
            true => self.first.start(),
            false => self.then.start(),
        }
    }

    fn start_other(&mut self, program: &Path) -> Result<Born> {
        self.then.start_other(program)
    }

    fn adopt(&mut self, program: &Path) {
        self.then.adopt(program);
    }
}
