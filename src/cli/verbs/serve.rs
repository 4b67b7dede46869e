//! `hakobu serve`: this process is the house until a signal.

use crate::base::provider::Phrase;
use crate::base::{Result, clock};
use crate::cli::talk::Talk;
use crate::house::{House, boot};
use crate::worker::{Ending, Worker, notify};
use std::path::Path;
use std::sync::Arc;

#[derive(clap::Args)]
pub(in crate::cli) struct Serve {
    /// The address of the web pages on this computer || 管理画面の待ち受けアドレス（このコンピューターの中だけ）
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
}

pub(super) fn run(flags: &Serve, data: &Path, phrase: &Phrase, talk: &Talk) -> Result<u8> {
    let listen = flags.listen.as_deref().map(boot::listen).transpose()?;
    let ending = Ending::on_signals()?;
    let house = Arc::new(House::open(data, phrase, clock::now())?);
    let worker = Worker::start(&house, listen.unwrap_or(house.boot.listen))?;
    notify::ready();
    let url = format!("http://{}/", worker.address());
    talk.say(&say!("動いています: {url}（終了は Ctrl-C）", "Running at {url} (Ctrl-C ends it)"));
    let outcome = worker.wait(&ending);
    worker.stop();
    outcome.map(|()| 0)
}
