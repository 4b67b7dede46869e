//! The control socket's language: frames of `kind (1) ‖ length (4, big-endian) ‖ payload`.
//!
//! The server pulls: it says `Want name` for each piece of an input, and the caller answers with one `Chunk` (an
//! empty one ends the input). So neither side can block the other, and all a caller ever says unasked is `Stop`.

use crate::base::{Error, Result, limits, link::Said};
use serde::{Serialize, de::DeserializeOwned};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError};

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
    /// The door's first words to the worker: whose call this is (the account's number); said back when it is taken.
    Peer = 10,
    /// A question to the door itself: how it stands.
    Door = 11,
    /// A question to the door itself: how a trial ends.
    Await = 12,
}

impl Frame {
    pub fn from_byte(byte: u8) -> Option<Frame> {
        use Frame::*;
        [Ask, Want, Chunk, Output, Progress, Done, Failed, Stop, Lost, Peer, Door, Await]
            .into_iter()
            .find(|f| *f as u8 == byte)
    }
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

    pub fn send_outcome(&self, outcome: &Result<impl Serialize>) -> io::Result<()> {
        match outcome {
            Ok(answer) => self.send_json(Frame::Done, answer),
            Err(e) => self.send_json(Frame::Failed, &Said::from(e)),
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
    from_json::<Said>(payload).map_or_else(|e| e, Error::from)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Kind;
    use proptest::prelude::*;

    #[test]
    fn an_error_comes_over_the_socket_as_it_was() {
        let (a, b) = UnixStream::pair().unwrap();
        let sent = Error::missing(say!("ない", "Not there.")).hint(say!("探す", "Look.")).because("secret cause");
        Line::new(a).send_outcome(&Err::<(), _>(sent)).unwrap();
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

    /// Everything that a caller who says these bytes and hangs up is heard to say.
    fn heard(bytes: &[u8]) -> Vec<(Frame, Vec<u8>)> {
        let (a, b) = UnixStream::pair().unwrap();
        (&a).write_all(bytes).unwrap();
        drop(a);
        let line = Line::new(b);
        std::iter::from_fn(|| line.receive(&mut || {}).ok().flatten()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(
            std::env::var("HAKOBU_FUZZ").ok().and_then(|n| n.parse().ok()).unwrap_or(256)
        ))]

        #[test]
        fn nothing_that_is_said_breaks_the_listener(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            for (frame, payload) in heard(&bytes) {
                split_output(&payload);
                prop_assert!(Frame::from_byte(frame as u8) == Some(frame) && payload.len() < bytes.len());
                error_from(&payload);
            }
        }

        #[test]
        fn frames_that_were_sent_are_heard_as_they_were(
            sent in proptest::collection::vec((1u8..=12, proptest::collection::vec(any::<u8>(), 0..200)), 0..8),
            name in "[a-z]{0,20}",
        ) {
            let mut bytes = Vec::new();
            for (kind, payload) in &sent {
                bytes.push(*kind);
                bytes.extend((payload.len() as u32).to_be_bytes());
                bytes.extend(payload);
                let output = output_frame(&name, payload);
                prop_assert_eq!(split_output(&output), Some((name.as_str(), &payload[..])));
            }
            let back: Vec<(u8, Vec<u8>)> = heard(&bytes).into_iter().map(|(f, p)| (f as u8, p)).collect();
            prop_assert_eq!(back, sent);
        }
    }
}
