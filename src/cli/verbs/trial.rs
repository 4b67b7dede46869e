//! `hakobu try`: a ready house on this computer, gone when it ends.

use crate::base::link::Surface;
use crate::base::{Error, Lang, Result, clock};
use crate::cli::talk::Talk;
use crate::door::front::{FrontSettings, Listening, Speaks};
use crate::door::{Door, Ending, Ready, Settings, Thread};
use crate::house::trial::{self, Trial};
use crate::worker::life::{self, Origin};
use serde_json::json;
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc;

#[derive(clap::Args)]
pub(in crate::cli) struct Try {
    /// Keep everything in this folder, and go on there next time || この中に残し、次回はその続きから始める
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// The port of the pages; a free one if not given || 画面のポート番号（省略すると空いている番号）
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    port: u16,
}

pub(super) fn run(flags: &Try, lang: Lang, talk: &Talk) -> Result<u8> {
    let ending = Ending::on_signals()?;
    let place = Place::new(flags.keep.as_deref())?;
    let listen = free_address(flags.port)?;
    talk.say(&say!("お試し用の環境を用意しています…", "Making a house to look around in…"));
    let Trial { house, admin_link } = trial::make(place.path(), talk.build, listen, lang, clock::now())?;
    let (data, public_url) = (house.data().to_owned(), house.boot.public_url.clone());
    let listening = vec![Listening::bind(listen, Surface::Admin, Speaks::Http)?];
    let front = FrontSettings::new(listening, data.join("spool"));
    let ready = Ready::new(Settings {
        data,
        front,
        public_url,
        root: None,
        door_key: None,
        version: talk.build.version,
        inheritance: None,
    })?;
    let build = talk.build;
    let live = move |link| {
        // What went wrong has been told to the door.
        life::live(link, Origin::House(house), build).ok();
    };
    let door = ready.open(Box::new(Thread::once(live)))?;
    announce(&door, &admin_link, talk);
    let ending = match pipe_on_stdin() {
        true => ending.also(watch_stdin),
        false => ending,
    };
    door.wait(&ending);
    let outcome = door.end();
    place.leave()?;
    outcome.map(|()| 0)
}

fn announce(door: &Door, admin_link: &str, talk: &Talk) {
    let url = format!("http://{}", door.address());
    let mail_url = format!("{url}/mails");
    if talk.json {
        return talk.line(&json!({"url": url, "admin_link": admin_link, "mail_url": mail_url}));
    }
    talk.print(&say!(
        "準備ができました。\n\n  管理画面（サインイン済みで開きます）: {admin_link}\n  送られたメール:                       {mail_url}\n\n終了は Ctrl-C です。すべて消えます。",
        "Ready.\n\n  Admin, signed in:   {admin_link}\n  Mails that were sent: {mail_url}\n\nCtrl-C ends it, and everything is gone."
    ));
}

/// A folder that goes away, or one that stays.
enum Place {
    Passing(tempfile::TempDir),
    Kept(PathBuf),
}

impl Place {
    fn new(keep: Option<&Path>) -> Result<Place> {
        let cannot = |e| Error::io(say!("フォルダーを作れません。", "Cannot make the folder."), e);
        match keep {
            Some(dir) => {
                use std::os::unix::fs::DirBuilderExt;
                std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(cannot)?;
                std::path::absolute(dir).map(Place::Kept).map_err(cannot)
            }
            None => tempfile::Builder::new().prefix("hakobu-try-").tempdir().map(Place::Passing).map_err(cannot),
        }
    }

    fn path(&self) -> &Path {
        match self {
            Place::Passing(dir) => dir.path(),
            Place::Kept(dir) => dir,
        }
    }

    fn leave(self) -> Result<()> {
        match self {
            Place::Kept(_) => Ok(()),
            Place::Passing(dir) => {
                dir.close().map_err(|e| Error::io(say!("フォルダーを消せません。", "Cannot remove the folder."), e))
            }
        }
    }
}

/// The address is needed before the server has it: links in the sample mails point there.
fn free_address(port: u16) -> Result<SocketAddr> {
    let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let at = wanted.to_string();
    TcpListener::bind(wanted)
        .and_then(|l| l.local_addr())
        .map_err(|e| Error::io(say!("{at} で待ち受けられません。", "Cannot listen on {at}."), e))
}

/// Only a program that holds the other end of a pipe can mean its closing.
fn pipe_on_stdin() -> bool {
    let kind = std::fs::metadata("/dev/stdin").map(|m| m.file_type());
    kind.is_ok_and(|k| k.is_fifo() || k.is_socket())
}

/// Ends with the program that started this. A pipe that was never open says nothing.
fn watch_stdin(tell: mpsc::Sender<()>) {
    std::thread::spawn(move || {
        let mut byte = [0u8; 64];
        while matches!(std::io::stdin().read(&mut byte), Ok(n) if n > 0) {}
        tell.send(()).ok();
    });
}
