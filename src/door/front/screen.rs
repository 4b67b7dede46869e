//! Looks at the head of an HTTP/1.1 request before hyper does, for what hyper reads kindly and others read
//! differently: bare line feeds, two ways of framing one body. Pure.
//!
//! It is not a parser of its own: it uses the one that hyper uses, so that both see the same headers. What it cannot
//! read, hyper cannot read either, and hyper answers that.

use crate::base::limits;

/// Where the body ends that comes after this head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// After so many bytes.
    Length(u64),
    /// Nobody but hyper knows: the connection ends after this request.
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) framing: Framing,
    /// Not read the same way by everybody: to be answered 400.
    pub(crate) doubtful: bool,
    /// The body comes when it is asked for (`Expect`).
    pub(crate) waits: bool,
}

/// Behind the empty line, if that has come. A bare line feed ends a line too: that is for hyper; we only mark it.
pub(crate) fn end_of_head(bytes: &[u8], searched: usize) -> Option<usize> {
    let from = searched.saturating_sub(3);
    let mut at = from;
    while let Some(lf) = bytes.get(at..)?.iter().position(|b| *b == b'\n').map(|n| at + n) {
        match bytes.get(lf + 1..) {
            Some([b'\n', ..]) => return Some(lf + 2),
            Some([b'\r', b'\n', ..]) => return Some(lf + 3),
            _ => at = lf + 1,
        }
    }
    None
}

/// Of a whole head, the empty line included.
pub(crate) fn look(head: &[u8]) -> Seen {
    let unknown = |doubtful| Seen { framing: Framing::Unknown, doubtful, waits: false };
    let mut room = [httparse::EMPTY_HEADER; limits::HEADERS_MAX];
    let mut request = httparse::Request::new(&mut room);
    match request.parse(head) {
        // hyper must have the same end in mind as we have.
        Ok(httparse::Status::Complete(n)) if n == head.len() => {}
        _ => return unknown(true),
    }
    if has_bare_line_feed(head) {
        return unknown(true);
    }
    let named = |name: &str| request.headers.iter().filter(|h| h.name.eq_ignore_ascii_case(name)).count();
    let lengths = named("content-length");
    let known = |n| Seen { framing: Framing::Length(n), doubtful: false, waits: named("expect") > 0 };
    match (lengths, named("transfer-encoding")) {
        (0, 0) => known(0),
        (1, 0) => match request.headers.iter().find(|h| h.name.eq_ignore_ascii_case("content-length")) {
            Some(h) => length(h.value).map_or(unknown(true), known),
            None => unknown(true),
        },
        (0, 1) => {
            let plain = |h: &httparse::Header<'_>| h.value.eq_ignore_ascii_case(b"chunked");
            unknown(!request.headers.iter().any(|h| h.name.eq_ignore_ascii_case("transfer-encoding") && plain(h)))
        }
        _ => unknown(true),
    }
}

fn has_bare_line_feed(head: &[u8]) -> bool {
    head.iter().enumerate().any(|(at, b)| *b == b'\n' && (at == 0 || head[at - 1] != b'\r'))
}

/// Digits alone: no sign, no list, no blank within.
fn length(value: &[u8]) -> Option<u64> {
    let digits = !value.is_empty() && value.len() <= 18 && value.iter().all(u8::is_ascii_digit);
    if digits { std::str::from_utf8(value).ok()?.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seen(lines: &str) -> Seen {
        look(format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n").as_bytes())
    }

    #[test]
    fn a_head_is_passed_only_when_everybody_reads_it_in_the_same_way() {
        let fine = |n| Seen { framing: Framing::Length(n), doubtful: false, waits: false };
        let unknown = Seen { framing: Framing::Unknown, doubtful: false, waits: false };
        for (lines, want) in [
            ("", fine(0)),
            ("Content-Length: 5\r\n", fine(5)),
            ("content-length:5\r\n", fine(5)),
            ("Content-Length: 5\r\nExpect: 100-continue\r\n", Seen { waits: true, ..fine(5) }),
            ("Transfer-Encoding: chunked\r\n", unknown),
        ] {
            assert_eq!(seen(lines), want, "{lines:?}");
        }
        for lines in [
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
            "Content-Length: 5\r\nContent-Length: 5\r\n",
            "Content-Length: 5\r\nContent-Length: 6\r\n",
            "Content-Length: 5, 5\r\n",
            "Content-Length: +5\r\n",
            "Content-Length: -5\r\n",
            "Content-Length: 0x5\r\n",
            "Content-Length: 5 5\r\n",
            "Content-Length:\r\n",
            "Content-Length: 99999999999999999999\r\n",
            "Transfer-Encoding: chunked, chunked\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: xchunked\r\n",
            "Transfer-Encoding: identity\r\n",
            "Transfer-Encoding : chunked\r\n",
            "X: a\nContent-Length: 5\r\n",
            "X: a\r\n b\r\n",
            "X\r\n",
            "X: a\0b\r\n",
            "X: a\rb\r\n",
        ] {
            assert!(seen(lines).doubtful, "{lines:?}");
        }
    }

    #[test]
    fn the_end_of_a_head_is_found_wherever_the_bytes_were_cut() {
        let head = b"GET / HTTP/1.1\r\nHost: a\r\n\r\nrest";
        for cut in 0..head.len() {
            let early = end_of_head(&head[..cut], 0);
            assert_eq!(early, (cut >= 27).then_some(27), "{cut}");
            if early.is_none() {
                assert_eq!(end_of_head(head, cut), Some(27), "{cut}");
            }
        }
        assert_eq!(end_of_head(b"GET / HTTP/1.1\nHost: a\n\nx", 0), Some(24));
    }

    /// What heads are made of, and what breaks them.
    const PIECES: &[&[u8]] = &[
        b"GET / HTTP/1.1",
        b"POST /p HTTP/1.1",
        b"\r\n",
        b"\r\n",
        b"\r\n\r\n",
        b"\n",
        b"\r",
        b" ",
        b"\0",
        b"\xff",
        b"Host: a",
        b"Content-Length: 5",
        b"content-length:7",
        b"Content-Length: 5, 5",
        b"Transfer-Encoding: chunked",
        b"transfer-encoding: gzip",
        b"Transfer-Encoding : chunked",
        b"X: y",
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(
            std::env::var("HAKOBU_FUZZ").ok().and_then(|n| n.parse().ok()).unwrap_or(256)
        ))]

        #[test]
        fn nothing_that_is_sent_breaks_the_look(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            look(&bytes);
            if let Some(end) = end_of_head(&bytes, 0) {
                look(&bytes[..end]);
            }
        }

        /// Found at the same place however the bytes came, and passed only when nobody can read two bodies in it.
        #[test]
        fn a_head_that_passes_says_one_thing(
            pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..24),
            cut in any::<proptest::sample::Index>(),
        ) {
            let bytes = pieces.concat();
            let whole = end_of_head(&bytes, 0);
            let cut = cut.index(bytes.len() + 1);
            let early = end_of_head(&bytes[..cut], 0);
            prop_assert_eq!(early.or_else(|| end_of_head(&bytes, cut)), whole);
            let Some(end) = whole else { return Ok(()) };
            let head = &bytes[..end];
            let seen = look(head);
            if seen.doubtful {
                return Ok(());
            }
            let text = head.to_ascii_lowercase();
            let count = |name: &[u8]| text.split(|b| *b == b'\n').filter(|line| line.starts_with(name)).count();
            let (lengths, codings) = (count(b"content-length"), count(b"transfer-encoding"));
            prop_assert!(lengths + codings <= 1);
            prop_assert_eq!(seen.framing == Framing::Unknown, codings == 1);
            prop_assert!(!has_bare_line_feed(head) && !head.contains(&0) && !text.windows(3).any(|w| w == b"\r\n "));
        }
    }
}
