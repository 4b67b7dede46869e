//! `hakobu worker`: what a door starts. Nobody types it: its standard input is the link to the door.

use crate::base::{Build, Error, Kind, Result};
use crate::worker::life::{self, Origin};
use rustix::net::{AddressFamily, sockopt};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

pub(super) fn run(data: &Path, build: Build) -> Result<u8> {
    // The system may tell every process of a service to end; this one ends when its door says so, or has gone.
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)))
            .map_err(|e| Error::io(say!("シグナルを受け取れません。", "Cannot listen for signals."), e))?;
    }
    life::live(link()?, Origin::Folder(data.to_owned()), build).map(|()| 0)
}

fn link() -> Result<UnixStream> {
    let stdin = std::io::stdin();
    if sockopt::socket_domain(stdin.as_fd()) != Ok(AddressFamily::UNIX) {
        return Err(Error::new(
            Kind::Refused,
            say!("このコマンドは hakobu serve が使うものです。", "This command is for hakobu serve alone."),
        )
        .hint(say!("hakobu serve を実行してください。", "Run hakobu serve.")));
    }
    let own = stdin.as_fd().try_clone_to_owned();
    own.map(UnixStream::from).map_err(|e| Error::io(say!("入口とつながっていません。", "There is no door."), e))
}
