//! What follows DATA, byte by byte: dots unstuffed, the end found, and nothing else taken for it.
//!
//! Only CR LF ends a line. A bare CR or LF, which some hosts on the way take for the end of a line and others do not, lets a
//! stranger put a second message into the first: it ends the conversation.

use crate::base::limits;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Start,
    Dot,
    DotCr,
    Inside,
    Cr,
}

/// Where reading came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Came {
    /// All that there was is taken.
    OutOfBytes,
    /// A piece is full; there may be more.
    Full,
    /// The end of the message.
    End,
    /// A line end that is none.
    Bare,
    /// It does not end.
    Endless,
}

pub(super) struct Data {
    place: Place,
    piece: Vec<u8>,
    size: u64,
    line: usize,
    /// A line was longer than may be.
    pub(super) long: bool,
}

impl Data {
    pub(super) fn new() -> Data {
        Data { place: Place::Start, piece: Vec::new(), size: 0, line: 0, long: false }
    }

    pub(super) fn too_large(&self) -> bool {
        self.size > limits::INBOUND_SIZE
    }

    /// Neither too large nor with a line that is too long.
    pub(super) fn is_good(&self) -> bool {
        !self.too_large() && !self.long
    }

    pub(super) fn piece(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.piece)
    }

    /// Takes from the front of `bytes`; how many were taken.
    pub(super) fn take(&mut self, bytes: &[u8]) -> (usize, Came) {
        for (n, byte) in bytes.iter().enumerate() {
            if let Some(came) = self.byte(*byte) {
                return (n + 1, came);
            }
        }
        (bytes.len(), Came::OutOfBytes)
    }

    fn byte(&mut self, byte: u8) -> Option<Came> {
        self.place = match (self.place, byte) {
            (Place::DotCr, b'\n') => return Some(Came::End),
            (Place::Cr, b'\n') => {
                self.push(b"\r\n");
                self.line = 0;
                Place::Start
            }
            (Place::DotCr | Place::Cr, _) | (_, b'\n') => return Some(Came::Bare),
            (Place::Start, b'.') => Place::Dot,
            (Place::Dot, b'\r') => Place::DotCr,
            (_, b'\r') => Place::Cr,
            (_, other) => {
                self.push(&[other]);
                self.line += 1;
                self.long |= self.line > limits::INBOUND_TEXT_LINE;
                Place::Inside
            }
        };
        match self.size > 2 * limits::INBOUND_SIZE {
            true => Some(Came::Endless),
            false => (self.piece.len() >= limits::INBOUND_PIECE).then_some(Came::Full),
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        self.size += bytes.len() as u64;
        if self.is_good() {
            self.piece.extend_from_slice(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> (Vec<u8>, usize, Came) {
        let mut data = Data::new();
        let (n, came) = data.take(bytes);
        (data.piece(), n, came)
    }

    #[test]
    fn a_message_ends_at_a_dot_alone_and_nowhere_else() {
        for (bytes, body, rest, came) in [
            (&b"a\r\n.\r\nQUIT"[..], &b"a\r\n"[..], 4, Came::End),
            (b".\r\n", b"", 0, Came::End),
            (b"..\r\n.\r\n", b".\r\n", 0, Came::End),
            (b".a\r\n..b\r\n.\r\n", b"a\r\n.b\r\n", 0, Came::End),
            (b"a\r\n.\r", b"a\r\n", 0, Came::OutOfBytes),
            (b"a\n.\r\n", b"a", 3, Came::Bare),
            (b"a\r\n.\n", b"a\r\n", 0, Came::Bare),
            (b"a\n.\n", b"a", 2, Came::Bare),
            (b"a\r.\r\n", b"a", 2, Came::Bare),
            (b"a\r\n.\r\r\n", b"a\r\n", 1, Came::Bare),
            (b"\n", b"", 0, Came::Bare),
        ] {
            let (got, n, at) = read(bytes);
            assert_eq!((got.as_slice(), bytes.len() - n, at), (body, rest, came), "{bytes:?}");
        }
    }

    #[test]
    fn what_is_too_large_or_has_too_long_a_line_is_not_kept() {
        let mut data = Data::new();
        let line = [b"x".repeat(limits::INBOUND_TEXT_LINE + 1), b"\r\n".to_vec()].concat();
        data.take(&line);
        assert!(data.long && data.piece.len() <= limits::INBOUND_TEXT_LINE + 1);
        let (mut data, mut most) = (Data::new(), 0);
        let line = [b"x".repeat(100), b"\r\n".to_vec()].concat();
        loop {
            let (_, came) = data.take(&line);
            most = most.max(data.piece.len());
            if came == Came::Endless {
                break;
            }
            if data.piece.len() >= limits::INBOUND_PIECE {
                data.piece();
            }
        }
        assert!(data.too_large() && most <= limits::INBOUND_PIECE + line.len());
    }
}
