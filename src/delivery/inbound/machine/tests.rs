//! Conversations, cut in every way.

use super::*;
use proptest::prelude::*;

struct Book;

impl Recipients for Book {
    type Known = String;

    fn taking(&self, local: &str, domain: Option<&str>, nobody: bool) -> Taking<String> {
        match (local.to_ascii_lowercase().as_str(), domain) {
            ("postmaster", None | Some("example.jp")) => Taking::Yes("postmaster".into()),
            ("b+good" | "reply", Some("example.jp")) => Taking::Yes(local.to_ascii_lowercase()),
            ("signup", Some("example.jp")) if nobody => Taking::NoReports,
            ("signup", Some("example.jp")) => Taking::Yes("signup".into()),
            ("busy", Some("example.jp")) => Taking::Later,
            (_, Some("example.jp")) => Taking::NoSuch,
            _ => Taking::NotOurs,
        }
    }
}

/// The whole conversation, the pieces of a message put together.
fn talk(pieces: &[&[u8]], tls: Tls) -> Vec<Event<String>> {
    let mut machine = Machine::new("mx.example.jp", tls);
    let mut said: Vec<Event<String>> = Vec::new();
    for piece in [&b""[..]].iter().chain(pieces) {
        machine.hear(piece);
        while let Some(event) = machine.next(&Book) {
            match (event, said.last_mut()) {
                (Event::Piece(more), Some(Event::Piece(before))) => before.extend(more),
                (Event::End, _) => {
                    said.push(Event::End);
                    machine.settle(true);
                }
                (event, _) => said.push(event),
            }
        }
        assert!(machine.input.len() <= limits::INBOUND_LINE + piece.len(), "memory is bounded");
    }
    said
}

/// The codes that were said, with a mark for each other event.
fn codes(text: &str) -> String {
    let mark = |e: Event<String>| match e {
        Event::Say(words) => words[..3].to_owned() + if words.as_bytes()[3] == b'-' { "-" } else { "" },
        Event::Begin(envelope) => format!("<{}:{}>", envelope.from.unwrap_or_default(), envelope.to.join(",")),
        Event::Piece(bytes) => format!("[{}]", bytes.len()),
        Event::End => "end".into(),
        Event::Discard => "discard".into(),
        Event::StartTls => "tls".into(),
        Event::Over => "over".into(),
    };
    talk(&[text.as_bytes()], Tls::No).into_iter().map(mark).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_report_is_taken_and_everything_else_is_answered_in_order() {
    let begin = "EHLO x\r\nMAIL FROM:<> SIZE=100\r\nRCPT TO:<B+good@Example.JP>\r\nDATA\r\n";
    let hello = "220 250- 250- 250- 250- 250- 250";
    for (text, want) in [
        (format!("{begin}Subject: x\r\n\r\n..y\r\n.\r\nQUIT\r\n"), format!("{hello} 250 250 354 <:b+good> [18] end 250 221 over")),
        (format!("{begin}.\r\nMAIL FROM:<a@b>\r\n"), format!("{hello} 250 250 354 <:b+good> end 250 250")),
        (format!("{begin}a\nb\r\n.\r\nQUIT\r\n"), format!("{hello} 250 250 354 <:b+good> discard 521 over")),
        (format!("{begin}a\r\n.\nMAIL FROM:<x@y>\r\n"), format!("{hello} 250 250 354 <:b+good> discard 521 over")),
        ("HELO x\r\nQUIT\r\nNOOP\r\n".into(), "220 250 221 over".into()),
        ("MAIL FROM:<>\r\nRCPT TO:<reply@example.jp>\r\nDATA\r\n".into(), "220 503 503 503".into()),
        ("HELO x\r\nMAIL FROM:<a@b>\r\nMAIL FROM:<a@b>\r\nDATA\r\nRSET\r\nDATA\r\n".into(), "220 250 250 503 554 250 503".into()),
        ("HELO x\r\nMAIL FROM:<a@b> SIZE=99999999999\r\n".into(), "220 250 552".into()),
        ("HELO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<other@example.jp>\r\nRCPT TO:<a@gmail.com>\r\nRCPT TO:<busy@example.jp>\r\nRCPT TO:<Postmaster>\r\n".into(),
         "220 250 250 550 550 451 250".into()),
        ("HELO x\r\nMAIL FROM:<>\r\nRCPT TO:<signup@example.jp>\r\nRSET\r\nMAIL FROM:<a@b>\r\nRCPT TO:<signup@example.jp>\r\n".into(),
         "220 250 250 550 250 250 250".into()),
        ("VRFY root\r\nEXPN x\r\nNOOP\r\nSTARTTLS\r\nBDAT 1 LAST\r\n".into(), "220 252 500 250 502 500".into()),
        ("NOOP\n".into(), "220 521 over".into()),
        ("NO\rOP\r\n".into(), "220 521 over".into()),
        (format!("NOOP {}\r\n", "x".repeat(limits::INBOUND_LINE)), "220 500 over".into()),
        ("X\r\n".repeat(100), format!("220 {}421 over", "500 ".repeat(limits::INBOUND_ERRORS as usize))),
    ] {
        assert_eq!(codes(&text), want, "{text}");
    }
    let many = codes(&"NOOP\r\n".repeat(limits::INBOUND_LINES as usize + 10));
    assert!(many.ends_with("250 421 over"), "who only talks is sent away");
}

#[test]
fn one_recipient_named_twice_is_one_and_there_are_not_too_many() {
    let text = format!("HELO x\r\nMAIL FROM:<a@b>\r\n{}DATA\r\n", "RCPT TO:<reply@example.jp>\r\n".repeat(3));
    assert!(codes(&text).ends_with("354 <a@b:reply>"));
}

#[test]
fn a_message_that_is_too_large_is_refused_at_its_end_and_one_without_end_is_cut_off() {
    let begin = "HELO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<reply@example.jp>\r\nDATA\r\n";
    let line = format!("{}\r\n", "x".repeat(998));
    let lines = usize::try_from(limits::INBOUND_SIZE).unwrap() / line.len() + 2;
    let large = codes(&format!("{begin}{}.\r\nNOOP\r\n", line.repeat(lines)));
    assert!(large.ends_with("discard 552 250"), "{large}");
    let endless = codes(&format!("{begin}{}", line.repeat(2 * lines + 2)));
    assert!(endless.ends_with("discard 552 over"), "{endless}");
    let long = codes(&format!("{begin}{}\r\n.\r\nNOOP\r\n", "x".repeat(limits::INBOUND_TEXT_LINE + 1)));
    assert!(long.ends_with("discard 554 250"), "{long}");
}

#[test]
fn tls_begins_anew_and_nothing_that_was_said_before_it_counts() {
    let said = talk(&[b"EHLO x\r\nSTARTTLS\r\nMAIL FROM:<a@b>\r\n"], Tls::Offered);
    assert!(said.contains(&Event::Say("250 STARTTLS".into())));
    assert_eq!(said[said.len() - 3..], [Event::Say("220 2.0.0 Begin".into()), Event::StartTls, Event::Over]);
    let inside = talk(&[b"MAIL FROM:<a@b>\r\nEHLO x\r\nSTARTTLS\r\n"], Tls::On);
    assert_eq!(inside[0], Event::Say("503 5.5.1 Say EHLO first".into()), "no greeting inside TLS");
    assert_eq!(inside.last(), Some(&Event::Say("502 5.5.1 There is no TLS to begin".into())));
}

#[test]
fn what_is_not_kept_is_not_promised_and_one_connection_is_not_for_ever() {
    let one = "MAIL FROM:<>\r\nRCPT TO:<reply@example.jp>\r\nDATA\r\nx\r\n.\r\n";
    let mut machine = Machine::new("mx.example.jp", Tls::No);
    machine.hear(format!("HELO x\r\n{one}NOOP\r\n").as_bytes());
    let mut said = Vec::new();
    while let Some(event) = machine.next(&Book) {
        said.push(event);
    }
    assert_eq!(said.last(), Some(&Event::End), "nothing goes on before it is settled");
    machine.settle(false);
    assert_eq!(machine.next(&Book), Some(Event::Say("451 4.3.0 It could not be kept; send it again".into())));
    assert_eq!(machine.next(&Book), Some(Event::Say("250 2.0.0 Well".into())));
    machine.leave("421 4.3.2 Closing");
    assert_eq!(machine.next(&Book), Some(Event::Say("421 4.3.2 Closing".into())));
    let many = codes(&format!("HELO x\r\n{}", one.repeat(limits::INBOUND_MESSAGES as usize + 5)));
    assert!(many.ends_with("end 250 421 over"));
}

const PIECES: &[&str] = &[
    "EHLO x\r\n",
    "HELO x\r\n",
    "MAIL FROM:<>\r\n",
    "MAIL FROM:<a@b>\r\n",
    "RCPT TO:<reply@example.jp>\r\n",
    "RCPT TO:<b+good@example.jp>\r\n",
    "RCPT TO:<x@gmail.com>\r\n",
    "DATA\r\n",
    ".\r\n",
    "..\r\n",
    "\r\n",
    "\n",
    "\r",
    ".",
    "Subject: x\r\n",
    "RSET\r\n",
    "NOOP\r\n",
    "QUIT\r\n",
    "STARTTLS\r\n",
    "\0",
    "é",
    "BDAT 5 LAST\r\n",
    "MAIL",
    " ",
    "<",
    ">",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(
        std::env::var("HAKOBU_FUZZ").ok().and_then(|n| n.parse().ok()).unwrap_or(256)
    ))]

    #[test]
    fn however_the_bytes_are_cut_the_conversation_is_the_same(
        pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..40),
        noise in proptest::collection::vec(any::<u8>(), 0..40),
        cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..12),
        long in 0usize..5_000,
    ) {
        let mut bytes = pieces.concat().into_bytes();
        let at = if bytes.is_empty() { 0 } else { long % bytes.len() };
        bytes.splice(at..at, b"x".repeat(if long % 7 == 0 { long } else { 0 }));
        bytes.extend(&noise);
        let whole = talk(&[&bytes], Tls::Offered);
        let mut ends: Vec<usize> = cuts.iter().map(|c| c.index(bytes.len() + 1)).chain([bytes.len()]).collect();
        ends.sort_unstable();
        let mut from = 0;
        let cut: Vec<&[u8]> = ends.iter().map(|end| { let piece = &bytes[from..*end]; from = *end; piece }).collect();
        prop_assert_eq!(&talk(&cut, Tls::Offered), &whole);
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        prop_assert_eq!(&talk(&single, Tls::Offered), &whole);
        // Nothing is promised that did not come whole, and nothing comes after the end.
        let ended = whole.iter().filter(|e| **e == Event::End).count();
        let kept = whole.iter().filter(|e| matches!(e, Event::Say(w) if w.starts_with("250 2.0.0 Kept"))).count();
        prop_assert_eq!(ended, kept);
        let over = whole.iter().position(|e| *e == Event::Over);
        prop_assert!(over.is_none_or(|at| at + 1 == whole.len()));
    }
}
