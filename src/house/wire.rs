//! The control socket's language: frames of `kind (1) ‖ length (4, big-endian) ‖ payload`.
//!
//! The server pulls: it says `Want name` for each piece of an input, and the caller answers with one `Chunk` (an
//! empty one ends the input). So neither side can block the other, and all a caller ever says unasked is `Stop`.

use super::ask::{Answer, Ask};
use crate::base::{Error, Kind, Result, Say, limits};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// In the data folder while a server runs: where its control socket stands.
pub const NOTE: &str = "control";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    Ask = 1,
    Want = 2,
    Chunk = 3,
    Output = 4,
    Progress = 5,
    Done = 6,
    Failed = 7,
    Stop = 8,
    /// The caller cannot read its input any more.
    Lost = 9,
}

impl Frame {
    pub fn from_byte(byte: u8) -> Option<Frame> {
        use Frame::*;
        [Ask, Want, Chunk, Output, Progress, Done, Failed, Stop, Lost].into_iter().find(|f| *f as u8 == byte)
    }
}

/// The first frame of a call.
#[derive(Serialize, Deserialize)]
pub struct Call {
    pub version: u32,
    pub ask: Ask,
}

pub const VERSION: u32 = 1;

/// An error on its way over the socket: what the person may read, never the cause.
#[derive(Serialize, Deserialize)]
struct Said {
    kind: String,
    says: Say,
    hint: Option<Say>,
}

/// One end of a connection. Frames go out whole, whoever writes.
pub struct Line {
    stream: UnixStream,
    writing: Mutex<()>,
}

impl Line {
    pub fn new(stream: UnixStream) -> Line {
        Line { stream, writing: Mutex::new(()) }
    }

    pub fn stream(&self) -> &UnixStream {
        &self.stream
    }

    pub fn send(&self, frame: Frame, payload: &[u8]) -> io::Result<()> {
        let _one_at_a_time = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let len = u32::try_from(payload.len()).map_err(io::Error::other)?;
        let mut head = [frame as u8, 0, 0, 0, 0];
        head[1..].copy_from_slice(&len.to_be_bytes());
        (&self.stream).write_all(&head)?;
        (&self.stream).write_all(payload)
    }

    pub fn send_json(&self, frame: Frame, value: &impl Serialize) -> io::Result<()> {
        self.send(frame, &serde_json::to_vec(value).map_err(io::Error::other)?)
    }

    pub fn send_outcome(&self, outcome: &Result<Answer>) -> io::Result<()> {
        match outcome {
            Ok(answer) => self.send_json(Frame::Done, answer),
            Err(e) => {
                let said = Said { kind: e.kind().name().to_owned(), says: e.says().clone(), hint: e.hinted().cloned() };
                self.send_json(Frame::Failed, &said)
            }
        }
    }

    /// The next frame; `None` when the other side has gone. `idle` is called whenever the read times out.
    pub fn receive(&self, idle: &mut dyn FnMut()) -> io::Result<Option<(Frame, Vec<u8>)>> {
        let mut head = [0u8; 5];
        if !self.fill(&mut head, idle)? {
            return Ok(None);
        }
        let [kind, len @ ..] = head;
        let len = u32::from_be_bytes(len) as usize;
        let frame = Frame::from_byte(kind).filter(|_| len <= limits::WIRE_FRAME_MAX);
        let frame = frame.ok_or_else(|| io::Error::from(ErrorKind::InvalidData))?;
        let mut payload = vec![0u8; len];
        match self.fill(&mut payload, idle)? {
            true => Ok(Some((frame, payload))),
            false => Err(ErrorKind::UnexpectedEof.into()),
        }
    }

    fn fill(&self, into: &mut [u8], idle: &mut dyn FnMut()) -> io::Result<bool> {
        let mut at = 0;
        while at < into.len() {
            match (&self.stream).read(&mut into[at..]) {
                Ok(0) if at == 0 => return Ok(false),
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(n) => at += n,
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => idle(),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(true)
    }
}

pub fn from_json<T: DeserializeOwned>(payload: &[u8]) -> Result<T> {
    serde_json::from_slice(payload).map_err(|e| {
        Error::refused(say!(
            "制御ソケットの相手の言葉が分かりません。",
            "The other side of the control socket speaks another language."
        ))
        .hint(say!(
            "動いている hakobu と同じ版のコマンドを使ってください。",
            "Use the command of the same version as the hakobu that runs."
        ))
        .because(e)
    })
}

/// The error that `send_outcome` put into a `Failed` frame.
pub fn error_from(payload: &[u8]) -> Error {
    match from_json::<Said>(payload) {
        Err(e) => e,
        Ok(said) => {
            let error = Error::new(Kind::parse(&said.kind).unwrap_or(Kind::Bug), said.says);
            match said.hint {
                Some(hint) => error.hint(hint),
                None => error,
            }
        }
    }
}

/// `name` and bytes of an `Output` frame.
pub fn output_frame(name: &str, bytes: &[u8]) -> Vec<u8> {
    let name = &name.as_bytes()[..name.len().min(255)];
    [&[name.len() as u8], name, bytes].concat()
}

pub fn split_output(payload: &[u8]) -> Option<(&str, &[u8])> {
    let (len, rest) = payload.split_first()?;
    let (name, bytes) = rest.split_at_checked(usize::from(*len))?;
    Some((std::str::from_utf8(name).ok()?, bytes))
}

/// A name short enough for a socket, however long the data folder's path is.
pub fn socket_name(data: &Path) -> String {
    let real = data.canonicalize().unwrap_or_else(|_| data.to_owned());
    let hash = Sha256::digest(real.as_os_str().as_encoded_bytes());
    format!("{}.sock", data_encoding::HEXLOWER.encode(&hash[..8]))
}

/// Where the running server said its socket is.
pub fn noted_socket(data: &Path) -> Option<PathBuf> {
    std::fs::read_to_string(data.join(NOTE)).ok().map(|t| PathBuf::from(t.trim_end()))
}

/// The name of an account at this machine. `/etc/passwd` is read directly: a static binary has no name service.
pub fn account(uid: u32) -> String {
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let found = passwd.lines().find_map(|line| {
        let mut parts = line.split(':');
        let (name, _, id) = (parts.next()?, parts.next()?, parts.next()?);
        (id == uid.to_string()).then(|| name.to_owned())
    });
    found.unwrap_or_else(|| uid.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_comes_over_the_socket_as_it_was() {
        let (a, b) = UnixStream::pair().unwrap();
        let sent = Error::missing(say!("ない", "Not there.")).hint(say!("探す", "Look.")).because("secret cause");
        Line::new(a).send_outcome(&Err(sent)).unwrap();
        let (frame, payload) = Line::new(b).receive(&mut || {}).unwrap().unwrap();
        let back = error_from(&payload);
        assert_eq!((frame, back.kind(), back.hinted().unwrap().en.as_str()), (Frame::Failed, Kind::Missing, "Look."));
        assert_eq!(back.chain(), "Not there.");
    }

    #[test]
    fn an_output_frame_is_split_again_and_a_broken_one_is_not() {
        let frame = output_frame("errors", b"a,b");
        assert_eq!(split_output(&frame), Some(("errors", b"a,b".as_slice())));
        assert_eq!(split_output(&[9, b'a']), None);
        assert_eq!(split_output(&[]), None);
    }

    #[test]
    fn a_frame_too_long_or_of_no_kind_is_refused_before_anything_is_allocated() {
        for head in [[99, 0, 0, 0, 0], [1, 255, 255, 255, 255]] {
            let (a, b) = UnixStream::pair().unwrap();
            (&a).write_all(&head).unwrap();
            assert!(Line::new(b).receive(&mut || {}).is_err());
        }
    }
}
