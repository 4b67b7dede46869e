//! A house under load: contacts, mails that went out (whose links are used), a script's token, and the real server.

use super::target::{self, House};
use crate::world::Home;
use hakobu::base::clock;
use hakobu::delivery::catcher::{Catcher, Offer};
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub struct Loaded {
    pub home: Home,
    pub token: String,
    pub links: Vec<String>,
}

/// How large the house is: contacts who got no mail, and contacts who got one.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub contacts: usize,
    pub links: usize,
}

impl Loaded {
    /// Made anew, or taken from `kept` (and left there for the next time).
    pub fn new(size: Size, kept: Option<&Path>) -> Loaded {
        if let Some(kept) = kept.filter(|k| k.join("links").exists()) {
            let home = Home::new();
            copy(kept, home.dir.path());
            point_at_key(&home);
            return Loaded::read(home);
        }
        let home = made(size);
        if let Some(kept) = kept {
            std::fs::create_dir_all(kept).unwrap();
            copy(home.dir.path(), kept);
        }
        Loaded::read(home)
    }

    fn read(home: Home) -> Loaded {
        let text = |name: &str| std::fs::read_to_string(home.path(name)).unwrap();
        let links = text("links").lines().map(str::to_owned).collect();
        Loaded { token: text("token"), links, home }
    }

    /// Serves with the public pages on the admin listener, or with a plain public listener of their own.
    pub fn serve(&self, public: bool, more: &[&str]) -> Running {
        let program = PathBuf::from(env!("CARGO_BIN_EXE_hakobu"));
        Running::start(&self.home, &program, public, more)
    }

    pub fn target(&self, running: &Running, upload: usize) -> House {
        House {
            public: running.public,
            admin: running.admin,
            token: self.token.clone(),
            links: self.links.clone(),
            upload: target::blank(upload),
        }
    }
}

fn copy(from: &Path, to: &Path) {
    let from = format!("{}/.", from.display());
    assert!(Command::new("cp").args(["-a", &from]).arg(to).status().unwrap().success());
}

/// The settings name the key's place in full.
fn point_at_key(home: &Home) {
    let (boot, key) = (home.path("D/hakobu.toml"), format!("path = {:?}", home.path("K")));
    let text = std::fs::read_to_string(&boot).unwrap();
    let lines = text.lines().map(|l| if l.starts_with("path = ") { &key } else { l });
    std::fs::write(&boot, lines.collect::<Vec<_>>().join("\n")).unwrap();
}

const FAMILY: [&str; 8] = ["佐藤", "鈴木", "高橋", "田中", "渡辺", "伊藤", "山本", "中村"];
const CITY: [&str; 5] = ["東京都", "大阪府", "愛知県", "福岡県", "北海道"];

fn list(path: &Path, name: &str, count: usize) {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
    writeln!(file, "メールアドレス,氏名,都道府県,年齢").unwrap();
    for n in 0..count {
        let (family, city, age) = (FAMILY[n % 8], CITY[n % 5], 18 + n % 70);
        // In no order, as in a real list.
        let mixed = super::plan::mixed(n as u64) >> 40;
        writeln!(file, "{mixed:x}.{name}{n}@example{}.jp,{family} {n},{city},{age}", n % 7).unwrap();
    }
    file.flush().unwrap();
}

fn made(size: Size) -> Home {
    let catcher = Catcher::start(Offer { keep: size.links, ..Offer::new(clock::now) }).unwrap();
    let home = Home::new();
    home.setup(&["--relay", &format!("smtp://{}", catcher.addr())]).ok();
    home.file("wording.txt", "新商品のお知らせをメールで受け取ることに同意します。");
    for (name, count) in [("many", size.contacts), ("mailed", size.links)] {
        let file = format!("{name}.csv");
        list(&home.path(&file), name, count);
        let consent = ["--consent-source", "店頭", "--consent-text-file", "wording.txt"];
        home.ask(&[&["contacts", "import", &file, "--tag", name][..], &consent].concat()).ok();
        std::fs::remove_file(home.path(&file)).unwrap();
    }
    mail(&home);
    assert!(catcher.wait_for(size.links as u64, Duration::from_secs(60)));
    let links: Vec<String> = catcher.mails().iter().map(|mail| link(&mail.bytes)).collect();
    home.file("links", links.join("\n"));
    let scopes = ["--scope", "view,edit,import", "--user", "a@example.jp"];
    let token = home.ask(&[&["token", "create", "load"][..], &scopes].concat()).ok().json();
    home.file("token", token["secret"].as_str().unwrap());
    home
}

fn mail(home: &Home) {
    home.file("mail.html", "<p>{{ 氏名 }} 様</p><p>秋の新作が届きました。</p>");
    let from = ["--from", "運ぶ商店 <news@news.example.jp>", "--segment", "tag:mailed"];
    let words = ["campaign", "create", "--name", "秋", "--subject", "秋のご案内", "--html", "mail.html"];
    let campaign = home.ask(&[&words[..], &from].concat()).ok().json();
    home.ask(&["campaign", "send", campaign["campaign"].as_str().unwrap(), "--wait"]).ok();
}

/// The token in the unsubscribe link of a mail.
fn link(mail: &[u8]) -> String {
    let text = String::from_utf8_lossy(mail);
    let (_, rest) = text.split_once("List-Unsubscribe:").unwrap();
    let (_, rest) = rest.split_once("/u/").unwrap();
    rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect()
}

/// The real server on ports that were free.
pub struct Running {
    child: Child,
    pub admin: SocketAddr,
    pub public: SocketAddr,
    /// Until the first connection was taken.
    pub began: Instant,
}

pub fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

impl Running {
    pub fn start(home: &Home, program: &Path, public: bool, more: &[&str]) -> Running {
        let admin = free_port();
        Running::start_at(home, program, (admin, if public { free_port() } else { admin }), more)
    }

    /// At these addresses, the public one of its own or the same.
    pub fn start_at(home: &Home, program: &Path, (admin, other): (SocketAddr, SocketAddr), more: &[&str]) -> Running {
        let (at, out) = (admin.to_string(), other.to_string());
        let mut words = vec!["serve", "--data", "D", "--listen", &at];
        if other != admin {
            words.extend(["--http", &out]);
        }
        words.extend(more);
        let log = std::fs::OpenOptions::new().create(true).append(true).open(home.path("log")).unwrap();
        let mut command = home.command_of(program, &words);
        let began = Instant::now();
        let child = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let running = Running { child, admin, public: other, began };
        running.wait_for(other);
        running
    }

    pub fn wait_for(&self, at: SocketAddr) {
        while TcpStream::connect(at).is_err() {
            assert!(self.began.elapsed() < Duration::from_secs(60), "the server listens within a minute");
            std::thread::park_timeout(Duration::from_millis(1));
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGTERM, and the exit code.
    pub fn end(self) -> i32 {
        let pid = self.pid().to_string();
        assert!(Command::new("kill").args(["-s", "TERM", &pid]).status().unwrap().success());
        self.ended()
    }

    /// The exit code, once it has ended.
    pub fn ended(mut self) -> i32 {
        self.child.wait().unwrap().code().unwrap_or(-1)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
