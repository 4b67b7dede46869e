//! Relaxed canonicalisation (RFC 6376 3.4.2, 3.4.4), handed to a sink in pieces as long as they come unchanged from the
//! message.

/// A header field of a message, without the line end after it.
#[derive(Clone, Copy)]
pub(super) struct Field<'a> {
    pub(super) name: &'a [u8],
    /// All after the colon, folded lines included.
    pub(super) value: &'a [u8],
}

/// Header fields and body. A message without an empty line is all header.
pub(super) fn split(message: &[u8]) -> (Vec<Field<'_>>, &[u8]) {
    let (mut fields, mut rest) = (Vec::with_capacity(24), message);
    while !rest.is_empty() {
        if let Some(body) = rest.strip_prefix(b"\r\n") {
            return (fields, body);
        }
        let (field, after) = next_field(rest);
        if let Some(colon) = field.iter().position(|b| *b == b':') {
            fields.push(Field { name: field[..colon].trim_ascii_end(), value: &field[colon + 1..] });
        }
        rest = after;
    }
    (fields, rest)
}

/// Up to a line end that no space follows.
fn next_field(bytes: &[u8]) -> (&[u8], &[u8]) {
    let mut at = 0;
    loop {
        let Some(end) = bytes[at..].iter().position(|b| *b == b'\n').map(|n| at + n) else { return (bytes, b"") };
        match bytes.get(end + 1) {
            Some(b' ' | b'\t') => at = end + 1,
            _ => {
                let field = &bytes[..end];
                return (field.strip_suffix(b"\r").unwrap_or(field), &bytes[end + 1..]);
            }
        }
    }
}

/// `name:value` with the name in lower case, the value unfolded and its spaces made one; without a line end.
pub(super) fn header(field: Field<'_>, out: &mut Vec<u8>) {
    out.extend(field.name.iter().map(u8::to_ascii_lowercase));
    out.push(b':');
    let start = out.len();
    let mut space = false;
    for b in field.value {
        match b {
            b' ' | b'\t' => space = true,
            // Unfolding takes the line end alone; the space after it is what it is.
            b'\r' | b'\n' => {}
            b => {
                if space && out.len() > start {
                    out.push(b' ');
                }
                space = false;
                out.push(*b);
            }
        }
    }
}

/// The body: spaces at the ends of lines and empty lines at the end of all are gone, other runs of spaces are one.
pub(super) fn body(body: &[u8], mut sink: impl FnMut(&[u8])) {
    let Some(last) = body.iter().rposition(|b| !matches!(b, b' ' | b'\t' | b'\r' | b'\n')) else { return };
    let core = &body[..=last];
    let (mut kept, mut at) = (0, 0);
    while let Some(run) = next_space(core, at) {
        let end = run + core[run..].iter().position(|b| !is_space(*b)).unwrap_or(core.len() - run);
        let ends_line = core[end..].starts_with(b"\r\n");
        if ends_line || end - run > 1 || core[run] == b'\t' {
            sink(&core[kept..run]);
            if !ends_line {
                sink(b" ");
            }
            kept = end;
        }
        at = end;
    }
    sink(&core[kept..]);
    sink(b"\r\n");
}

fn is_space(b: u8) -> bool {
    b == b' ' || b == b'\t'
}

/// The next space is near in text; an encoded body has none but for its folds, and is passed over in blocks.
fn next_space(bytes: &[u8], from: usize) -> Option<usize> {
    const BLOCK: usize = 32;
    let near = bytes.len().min(from + BLOCK);
    if let Some(n) = bytes[from..near].iter().position(|b| is_space(*b)) {
        return Some(from + n);
    }
    let (blocks, _) = bytes[near..].as_chunks::<BLOCK>();
    let clear = blocks.iter().take_while(|block| !block.iter().fold(false, |any, b| any | is_space(*b))).count();
    let at = near + clear * BLOCK;
    bytes[at..].iter().position(|b| is_space(*b)).map(|n| at + n)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relaxed(text: &str) -> String {
        let mut out = Vec::new();
        body(text.as_bytes(), |piece| out.extend_from_slice(piece));
        String::from_utf8(out).unwrap()
    }

    fn headers(text: &str) -> String {
        let (fields, _) = split(text.as_bytes());
        let mut out = Vec::new();
        for field in fields {
            header(field, &mut out);
            out.extend_from_slice(b"\r\n");
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_example_of_rfc_6376_3_4_5_comes_out_as_printed_there() {
        let message = "A: X\r\nB : Y\t\r\n\tZ  \r\n\r\n C \r\nD \t E\r\n\r\n\r\n";
        assert_eq!(headers(message), "a:X\r\nb:Y Z\r\n");
        let (_, rest) = split(message.as_bytes());
        assert_eq!(relaxed(std::str::from_utf8(rest).unwrap()), " C\r\nD E\r\n");
    }

    #[test]
    fn bodies_end_in_one_line_end_or_are_nothing() {
        for (text, want) in [
            ("", ""),
            ("\r\n", ""),
            ("\r\n\r\n", ""),
            (" \t\r\n \r\n", ""),
            ("a", "a\r\n"),
            ("a\r\n", "a\r\n"),
            ("a \t", "a\r\n"),
            ("a\r\n \r\n\t\r\n\r\n", "a\r\n"),
            ("a\r\n \r\nb\r\n", "a\r\n\r\nb\r\n"),
            ("  a\tb  c \r\n d", " a b c\r\n d\r\n"),
            ("\ta", " a\r\n"),
            ("a b c d", "a b c d\r\n"),
            ("a\u{c}\r\n", "a\u{c}\r\n"),
        ] {
            assert_eq!(relaxed(text), want, "{text:?}");
        }
    }

    #[test]
    fn long_lines_without_spaces_and_spaces_on_the_edges_of_blocks_are_seen() {
        for n in [30, 31, 32, 33, 63, 64, 65] {
            let word = "x".repeat(n);
            assert_eq!(relaxed(&format!("{word}  {word}\t\r\n")), format!("{word} {word}\r\n"), "{n}");
        }
    }

    #[test]
    fn folded_fields_are_one_line_and_an_empty_one_stays() {
        for (text, want) in [
            ("Subject: =?utf-8?b?a?=\r\n =?utf-8?b?b?=\r\n", "subject:=?utf-8?b?a?= =?utf-8?b?b?=\r\n"),
            ("List-Unsubscribe:\r\n\t<https://a>,\r\n\t<mailto:b>\r\n", "list-unsubscribe:<https://a>, <mailto:b>\r\n"),
            ("X:\r\n", "x:\r\n"),
            ("X: \r\n \r\n", "x:\r\n"),
            ("X:a", "x:a\r\n"),
            ("no field\r\nX: a\r\n", "x:a\r\n"),
        ] {
            assert_eq!(headers(text), want, "{text:?}");
        }
    }

    #[test]
    fn the_body_begins_after_the_first_empty_line() {
        let cases: [(&str, usize, &[u8]); 4] =
            [("A: b\r\n\r\n\r\nc", 1, b"\r\nc"), ("\r\nc", 0, b"c"), ("A: b\r\n", 1, b""), ("A: b", 1, b"")];
        for (text, fields, want) in cases {
            let (found, body) = split(text.as_bytes());
            assert_eq!((found.len(), body), (fields, want), "{text:?}");
        }
    }
}
