//! `hakobu serve`: this process is the house until a signal.

use crate::base::provider::Phrase;
use crate::base::{Kind, Result, clock};
use crate::cli::talk::Talk;
use crate::house::{House, boot};
use crate::worker::{Ending, Worker, notify};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

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
    let worker = match House::open(data, phrase, talk.build, clock::now()) {
        Ok(house) => {
            let house = Arc::new(house);
            Some(Worker::start(&house, listen.unwrap_or(house.boot.listen))?)
        }
        Err(e) if e.kind() == Kind::NotSetUp && (flags.setup || talk.may_ask) => {
            first_run(data, listen.unwrap_or(boot::listen(boot::LISTEN)?), &ending, talk)?
        }
        Err(e) => return Err(e),
    };
    let Some(worker) = worker else { return Ok(0) };
    notify::ready();
    let url = format!("http://{}/", worker.address());
    talk.say(&say!("動いています: {url}（終了は Ctrl-C）", "Running at {url} (Ctrl-C ends it)"));
    let outcome = worker.wait(&ending);
    worker.stop();
    outcome.map(|()| 0)
}

/// The wizard until the house is made, on the same address.
fn first_run(data: &Path, listen: SocketAddr, ending: &Ending, talk: &Talk) -> Result<Option<Worker>> {
    let (web, path, made) = Worker::open_wizard(data, listen, talk.build)?;
    let url = format!("http://{}{path}", web.0.address());
    talk.say(&say!(
        "ブラウザーで次のリンクを開いて、初期設定をしてください（30 分間有効）: {url}",
        "Open this link in a browser to set the house up (it works for 30 minutes): {url}"
    ));
    Worker::first_run(&made, web, ending)
}
