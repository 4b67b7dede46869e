//! The caller's own files, lent to an answer by name. An output is written beside its place and takes it only
//! when the answer was no error; `-` is stdin or stdout.

use super::talk::Talk;
use crate::base::{Error, Progress, Result, Secret, limits};
use crate::house::ask::Streams;
use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use zeroize::Zeroizing;

pub(super) struct Files<'a> {
    talk: &'a Talk,
    inputs: Mutex<HashMap<String, Box<dyn Read + Send>>>,
    outputs: HashMap<String, Option<PathBuf>>,
    begun: Mutex<Vec<(PathBuf, PathBuf)>>,
}

impl<'a> Files<'a> {
    pub(super) fn new(talk: &'a Talk) -> Files<'a> {
        Files { talk, inputs: Mutex::default(), outputs: HashMap::new(), begun: Mutex::default() }
    }

    /// Opens a file that the answer will read under this name.
    pub(super) fn lend(&mut self, name: &str, path: &Path) -> Result<()> {
        let reader: Box<dyn Read + Send> = match path == Path::new("-") {
            true => Box::new(std::io::stdin()),
            false => Box::new(open(path)?),
        };
        self.inputs.get_mut().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), reader);
        Ok(())
    }

    /// Where the answer's output of this name goes; nowhere on disk before it is written.
    pub(super) fn take(&mut self, name: &str, path: &Path) {
        let place = (path != Path::new("-")).then(|| path.to_owned());
        self.outputs.insert(name.to_owned(), place);
    }

    /// Like `take`, for an output that comes after work that cannot be repeated: a place that is none is told first.
    pub(super) fn take_checked(&mut self, name: &str, path: &Path) -> Result<()> {
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let is_place = std::fs::metadata(folder).and_then(|m| match m.is_dir() && !path.is_dir() {
            true => Ok(()),
            false => Err(std::io::ErrorKind::NotADirectory.into()),
        });
        is_place.map_err(|e| cannot_write(path, e))?;
        self.take(name, path);
        Ok(())
    }

    /// Data goes to stdout, so the answer itself must not.
    pub(super) fn fill_stdout(&self) -> bool {
        self.outputs.values().any(Option::is_none)
    }

    /// The outputs take their places.
    pub(super) fn keep(&self) -> Result<()> {
        for (beside, path) in self.begun.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            File::open(&beside)
                .and_then(|f| f.sync_all())
                .and_then(|()| std::fs::rename(&beside, &path))
                .map_err(|e| cannot_write(&path, e))?;
        }
        Ok(())
    }
}

impl Drop for Files<'_> {
    fn drop(&mut self) {
        for (beside, _) in self.begun.get_mut().unwrap_or_else(PoisonError::into_inner).drain(..) {
            // The command has failed already; a half-written file that stays is named .part.
            std::fs::remove_file(beside).ok();
        }
    }
}

impl Streams for Files<'_> {
    fn input(&self, name: &str) -> Result<Box<dyn Read + Send + '_>> {
        let reader = self.inputs.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
        reader
            .map(|r| r as Box<dyn Read + Send + '_>)
            .ok_or_else(|| Error::bug(format!("the input {name} is not lent")))
    }

    fn output(&self, name: &str) -> Result<Box<dyn Write + Send + '_>> {
        match self.outputs.get(name) {
            None => Err(Error::bug(format!("the output {name} has no place"))),
            Some(None) => Ok(Box::new(std::io::BufWriter::new(std::io::stdout()))),
            Some(Some(path)) => {
                let beside = PathBuf::from([path.as_os_str(), ".part".as_ref()].join("".as_ref()));
                let file = private(&beside).map_err(|e| cannot_write(path, e))?;
                self.begun.lock().unwrap_or_else(PoisonError::into_inner).push((beside, path.clone()));
                Ok(Box::new(std::io::BufWriter::new(file)))
            }
        }
    }

    fn progress(&self) -> &dyn Progress {
        self.talk
    }
}

/// What is taken out of the house is personal data more often than not: for the caller alone.
fn private(path: &Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

fn open(path: &Path) -> Result<File> {
    let at = path.display().to_string();
    let file = File::open(path).and_then(|f| match f.metadata()?.is_dir() {
        true => Err(std::io::ErrorKind::IsADirectory.into()),
        false => Ok(f),
    });
    file.map_err(|e| Error::io(say!("{at} を読めません。", "Cannot read {at}."), e))
}

/// A small text file as a whole: a template, a wording, a password.
pub(super) fn text(path: &Path, most: u64) -> Result<String> {
    let at = path.display().to_string();
    let mut bytes = Vec::new();
    let mut from: Box<dyn Read> = match path == Path::new("-") {
        true => Box::new(std::io::stdin()),
        false => Box::new(open(path)?),
    };
    from.by_ref()
        .take(most + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| Error::io(say!("{at} を読めません。", "Cannot read {at}."), e))?;
    if bytes.len() as u64 > most {
        return Err(Error::refused(say!(
            "{at} が大きすぎます（上限 {most} バイト）。",
            "{at} is too large (at most {most} bytes)."
        )));
    }
    String::from_utf8(bytes)
        .map(|t| t.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(t))
        .map_err(|_| Error::refused(say!("{at} が UTF-8 ではありません。", "{at} is not UTF-8.")))
}

/// A secret: the first line of a file.
pub(super) fn secret(path: &Path) -> Result<Secret> {
    let text = Zeroizing::new(text(path, limits::KEY_TEXT_MAX as u64)?);
    let line = text.lines().next().unwrap_or_default();
    match line.is_empty() {
        false => Ok(Secret::new(line)),
        true => {
            let at = path.display().to_string();
            Err(Error::refused(say!("{at} の 1 行目が空です。", "The first line of {at} is empty.")))
        }
    }
}

/// A new file that only the caller can read; one that is there is not overwritten.
pub(super) fn write_private(path: &Path, text: &str) -> Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut f| f.write_all(text.as_bytes()).and_then(|()| f.sync_all())).map_err(|e| cannot_write(path, e))
}

fn cannot_write(path: &Path, e: std::io::Error) -> Error {
    let at = path.display().to_string();
    Error::io(say!("{at} に書き込めません。", "Cannot write {at}."), e)
}
