//! Files and folders that survive: written beside, synced, renamed; private from their first byte.

use crate::base::{Error, Result};
use std::path::Path;

/// With everything above it that is missing.
pub fn make_private_dir(dir: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|e| {
        let at = dir.display().to_string();
        Error::io(say!("フォルダー {at} を作れません。", "Cannot make the folder {at}."), e)
    })
}

/// Writes beside, syncs, renames, syncs the folder: the file is the old one or the new one, whole.
pub fn replace_file(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let beside = path.with_extension("new");
    let write = || -> std::io::Result<()> {
        let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&beside, path)?;
        sync_dir(path.parent().unwrap_or(Path::new(".")))
    };
    write().map_err(|e| {
        let at = path.display().to_string();
        Error::io(say!("{at} に書き込めません。", "Cannot write {at}."), e)
    })
}

/// Root that works in a folder of another account would leave files there which that account cannot open: the next start
/// of the service would fail.
pub fn refuse_as_root(folder: &Path) -> Result<()> {
    use std::os::unix::fs::MetadataExt;
    let Ok(owner) = std::fs::metadata(folder).map(|m| m.uid()) else { return Ok(()) };
    if owner == 0 || !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let at = folder.display().to_string();
    Err(Error::denied(say!(
        "{at} は別の利用者のものです。root のまま開くと、その利用者が読めないファイルが残ります。",
        "{at} belongs to another account. Opened by root, it would be left with files which that account cannot read."
    ))
    .hint(say!(
        "sudo -u hakobu を付けて、その利用者として実行してください（サービスの稼働中は root のままで構いません）。",
        "Run this as that account: sudo -u hakobu hakobu … (while the service runs, root may stay root)."
    )))
}

pub fn sync_dir(dir: &Path) -> std::io::Result<()> {
    std::fs::File::open(dir)?.sync_all()
}

/// A new file that nobody else can read. Folders are private too; this is for the day one is moved.
pub fn private_file(path: &Path) -> std::io::Result<std::fs::File> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)
}

pub fn is_full(e: &std::io::Error) -> bool {
    use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(e.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

/// What whoever wanted to write is told.
pub fn full() -> Error {
    Error::later(say!("ディスクがいっぱいのため、書き込めませんでした。", "The disk is full, so this was not written."))
        .hint(say!("空きを作ってから、もう一度実行してください。", "Make room, then try again."))
}
