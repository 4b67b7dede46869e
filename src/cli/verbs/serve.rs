//! `hakobu serve`: this process is the door until a signal, and the worker behind it is its child.

use crate::base::link::Hidden;
use crate::base::provider::{Phrase, Provider};
use crate::base::slots::Slots;
use crate::base::{Kind, Lock, Result, log};
use crate::cli::talk::Talk;
use crate::door::{Born, Door, Ending, Program, Ready, Settings, Starter, Thread};
use crate::house::{self, Boot, boot};
use crate::worker::life::{self, Origin};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub(in crate::cli) struct Serve {
    /// The address of the web pages on this computer || 管理画面の待ち受けアドレス（このコンピューターの中だけ）
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Where there is no house yet: set it up in a browser || まだ環境がないとき、ブラウザーで初期設定をする
    #[arg(long)]
    setup: bool,
}

pub(super) fn run(flags: &Serve, data: &Path, phrase: &Phrase, talk: &Talk) -> Result<u8> {
    let listen = flags.listen.as_deref().map(boot::listen).transpose()?;
    let ending = Ending::on_signals()?;
    let door = match Boot::read(data) {
        Ok(boot) => behind(data, listen.unwrap_or(boot.listen), &boot, (phrase, talk))?,
        Err(e) if e.kind() == Kind::NotSetUp && (flags.setup || talk.may_ask) => {
            first_run(data, listen.unwrap_or(boot::listen(boot::LISTEN)?), talk)?
        }
        Err(e) => return Err(e),
    };
    let url = format!("http://{}/", door.address());
    talk.say(&say!("動いています: {url}（終了は Ctrl-C）", "Running at {url} (Ctrl-C ends it)"));
    door.wait(&ending);
    door.close().map(|()| 0)
}

fn behind(data: &Path, admin: SocketAddr, boot: &Boot, (phrase, talk): (&Phrase, &Talk)) -> Result<Door> {
    let lock = Lock::take(data, Lock::HOUSE)?.ok_or_else(house::in_use)?;
    let root = match &boot.key {
        Provider::Passphrase => {
            let key = boot.key.root_key(data, phrase)?;
            Some(Hidden(data_encoding::HEXLOWER.encode(key.bytes())))
        }
        Provider::File { .. } | Provider::Credential { .. } | Provider::Command { .. } => None,
    };
    let public_url = boot.public_url.clone();
    let ready = Ready::new(Settings { data: data.to_owned(), admin, public_url, root, version: talk.build.version })?;
    ready.open(Box::new(Locked { program: active(data)?, data: data.to_owned(), lock: Some(lock) }))
}

/// The wizard until the house is made, on the same address; then a worker like any other.
fn first_run(data: &Path, admin: SocketAddr, talk: &Talk) -> Result<Door> {
    let settings =
        Settings { data: data.to_owned(), admin, public_url: String::new(), root: None, version: talk.build.version };
    let ready = Ready::new(settings)?;
    let (origin, path) = Origin::first_run(data, admin, talk.build)?;
    let url = format!("http://{}{path}", ready.address());
    let build = talk.build;
    let first = Thread::once(move |link| {
        // What went wrong has been told to the door.
        life::live(link, origin, build).ok();
    });
    let then = Locked { program: active(data)?, data: data.to_owned(), lock: None };
    let door = ready.open(Box::new(First { first, then }))?;
    talk.say(&say!(
        "ブラウザーで次のリンクを開いて、初期設定をしてください（30 分間有効）: {url}",
        "Open this link in a browser to set the house up (it works for 30 minutes): {url}"
    ));
    Ok(door)
}

/// The program of the slot that runs; without one this very program. What cannot be read is no reason not to serve:
/// schemas only grow, so any release runs on the data.
fn active(data: &Path) -> Result<Program> {
    let slots = Slots::of(data);
    let current = slots.current().unwrap_or_else(|e| {
        log::error("slots", &e);
        None
    });
    match current.filter(|version| slots.has(version)) {
        Some(version) => Ok(Program { path: slots.program(&version), data: data.to_owned() }),
        None => Program::own(data),
    }
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
