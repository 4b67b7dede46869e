//! Decisions of delivery, without clock, disk or network: what a reply means, when to try again, what to keep of
//! a reply, how a message stands on the wire.

use super::row::{Row, State};
use super::smtp::{Step, reply::Reply};
use crate::base::{Email, Time, limits};
use std::time::Duration;

/// What a refusing reply means for the message it was given to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Not now: this recipient is tried later.
    Later,
    /// The connection is over, the message was not taken: once more on a new one.
    Reconnect,
    /// The mailbox does not exist.
    Bounce,
    /// Refused for good, for another reason than the mailbox.
    Fail,
    /// Our mistake, or the relay's opinion of us: nobody's row may suffer.
    Ours,
}

/// Reads a reply that is not the expected one. `step` is what was asked.
pub(super) fn meaning(step: Step, reply: &Reply) -> Meaning {
    if reply.code == 421 {
        return Meaning::Reconnect;
    }
    if reply.class() == 4 {
        return Meaning::Later;
    }
    let about_us = matches!(reply.enhanced, Some((5, 7, _))) || matches!(reply.code, 530 | 534 | 535 | 538);
    match step {
        _ if about_us => Meaning::Ours,
        Step::Connect | Step::Banner | Step::Ehlo | Step::StartTls | Step::Auth | Step::Mail => Meaning::Ours,
        // Anything but a refusal here is no SMTP: the conversation is not to be trusted any further.
        Step::Rcpt | Step::Data | Step::Dot if reply.class() != 5 => Meaning::Reconnect,
        Step::Rcpt if is_mailbox(reply) => Meaning::Bounce,
        Step::Rcpt if reply.enhanced.is_none() && says_relaying(&reply.text) => Meaning::Ours,
        Step::Rcpt if reply.code == 550 && reply.enhanced.is_none() => Meaning::Bounce,
        Step::Rcpt | Step::Data | Step::Dot => Meaning::Fail,
    }
}

fn is_mailbox(reply: &Reply) -> bool {
    matches!(reply.enhanced, Some((5, 1, 1 | 3 | 6 | 10)) | Some((5, 2, 1)))
}

/// A relay without enhanced codes that does not relay for us says so with a bare 550: the one place where words are
/// read, because the other reading would mark a whole list as bounced.
fn says_relaying(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    text.contains("relaying") || text.contains("relay access") || text.contains("relay not permitted")
}

/// What a refusal of the message itself, which has nothing to do with us by its code, comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// It is this recipient's alone.
    Believe,
    /// Not told yet: what others get decides.
    Withhold,
    /// Everybody is answered the same: it is the message, or us.
    Pause,
}

/// `like_it` refusals of this run are withheld that had the same answer. Who was refused like this before the run was
/// resumed has had the doubt's benefit: a person said "go on", and the run must come to an end.
pub(super) fn doubt(row: &Row, reply: &Reply, like_it: usize) -> Doubt {
    match row.state == State::Deferred && row.code == reply.code {
        true => Doubt::Believe,
        false if like_it + 1 >= limits::SAME_REFUSALS => Doubt::Pause,
        false => Doubt::Withhold,
    }
}

/// The same at the end of a pass, with `like_it` refusals withheld: fewer than it takes on the way, but all there were,
/// unless a message of the run was taken or somebody was told of a refusal.
pub(super) fn last_doubt(like_it: usize, heard_otherwise: bool) -> Doubt {
    match like_it > 0 && !heard_otherwise {
        true => Doubt::Pause,
        false => Doubt::Believe,
    }
}

/// After the n-th deferral: soon (a greylist wants to see us again), then rarer.
const BACKOFF_MINUTES: [u64; 7] = [1, 5, 15, 30, 60, 120, 240];

/// How long a row may be tried.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub(super) lifetime: Duration,
    pub(super) end: Option<Time>,
}

/// When a row that was deferred for the `attempts`-th time is due; `None` when its time is over.
/// `jitter` (0..=255) spreads the tries by up to a fifth, so that a deferred crowd does not come back as one.
pub(super) fn retry_at(attempts: u16, (since, now): (Time, Time), patience: Patience, jitter: u8) -> Option<Time> {
    let n = usize::from(attempts.saturating_sub(1)).min(BACKOFF_MINUTES.len() - 1);
    let wait = Duration::from_secs(BACKOFF_MINUTES[n] * 60);
    let due = now.plus(wait + wait * u32::from(jitter) / (5 * 255));
    is_in_time((since, due), patience).then_some(due)
}

/// Whether a row may still be tried at that moment.
pub(super) fn is_in_time((since, at): (Time, Time), patience: Patience) -> bool {
    let over = since.plus(patience.lifetime);
    at < patience.end.map_or(over, |end| over.min(end))
}

/// What a ledger keeps of a reply: no address, no mailbox name, one line, bounded.
pub(super) fn keep(reply: &Reply, to: &Email) -> String {
    let said = reply.line();
    let said = said.get(4..).unwrap_or("");
    let words = said.split(' ').map(|word| {
        let core = word.trim_matches(|c: char| "<>()[]{}\"'`,;:.".contains(c));
        let is_person = word.contains('@')
            || core.eq_ignore_ascii_case(to.local())
            || core.to_lowercase() == to.local().to_lowercase()
            || (to.local().len() > 3 && word.to_lowercase().contains(&to.local().to_lowercase()));
        if is_person && !core.is_empty() { "…" } else { word }
    });
    let joined: Vec<&str> = words.collect();
    joined.join(" ").chars().take(limits::REPLY_KEPT).collect()
}

/// The message as it follows DATA: dots stuffed, every line end CRLF, the final dot in the same piece.
pub(super) fn on_the_wire(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + message.len() / 64 + 5);
    let mut rest = message;
    while !rest.is_empty() {
        if rest[0] == b'.' {
            out.push(b'.');
        }
        let end = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        out.extend_from_slice(&rest[..end]);
        out.extend_from_slice(b"\r\n");
        rest = &rest[end..];
        rest = rest.strip_prefix(b"\r\n").or(rest.get(1..)).unwrap_or(&[]);
    }
    out.extend_from_slice(b".\r\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(line: &str) -> Reply {
        Reply::parse(format!("{line}\r\n").as_bytes()).unwrap().unwrap().0
    }

    #[test]
    fn a_reply_means_what_its_step_and_code_say() {
        use Meaning::*;
        use Step::*;
        for (step, line, want) in [
            (Rcpt, "550 5.1.1 unknown", Bounce),
            (Rcpt, "550 5.1.3 bad", Bounce),
            (Rcpt, "550 5.1.6 moved", Bounce),
            (Rcpt, "556 5.1.10 null MX", Bounce),
            (Rcpt, "550 5.2.1 disabled", Bounce),
            (Rcpt, "550 no such user", Bounce),
            (Rcpt, "553 5.1.3 bad", Bounce),
            (Rcpt, "550 5.2.2 full", Fail),
            (Rcpt, "552 full", Fail),
            (Rcpt, "553 not allowed", Fail),
            (Rcpt, "501 syntax", Fail),
            (Rcpt, "550 5.7.1 blocked", Ours),
            (Rcpt, "554 5.7.1 Relay access denied", Ours),
            (Rcpt, "550 relaying denied", Ours),
            (Rcpt, "530 authentication required", Ours),
            (Rcpt, "450 4.2.0 greylisted", Later),
            (Rcpt, "451 later", Later),
            (Rcpt, "452 4.5.3 too many", Later),
            (Rcpt, "421 4.7.0 bye", Reconnect),
            (Rcpt, "354 what", Reconnect),
            (Data, "554 no", Fail),
            (Data, "554 5.7.1 no", Ours),
            (Data, "250 what", Reconnect),
            (Dot, "554 5.6.0 content", Fail),
            (Dot, "550 spam", Fail),
            (Dot, "550 5.7.1 spam", Ours),
            (Dot, "451 4.3.0 later", Later),
            (Dot, "421 bye", Reconnect),
            (Mail, "550 5.1.8 sender", Ours),
            (Mail, "552 too big", Ours),
            (Mail, "451 later", Later),
            (Mail, "421 too many messages", Reconnect),
            (Auth, "535 5.7.8 wrong", Ours),
            (Auth, "454 4.7.0 later", Later),
            (Banner, "554 go away", Ours),
            (Ehlo, "501 who", Ours),
            (StartTls, "502 no", Ours),
        ] {
            assert_eq!(meaning(step, &reply(line)), want, "{step:?} {line}");
        }
    }

    #[test]
    fn the_same_refusal_for_everybody_is_not_believed_of_anybody() {
        let row = |state, code| Row { state, code, ..Row::queued(crate::base::ids::ContactId(1), Time(1)) };
        let last = limits::SAME_REFUSALS - 1;
        for (state, code, like_it, want) in [
            (State::Queued, 0, 0, Doubt::Withhold),
            (State::Queued, 0, last - 1, Doubt::Withhold),
            (State::Queued, 0, last, Doubt::Pause),
            (State::Deferred, 451, last, Doubt::Pause),
            (State::Deferred, 554, 0, Doubt::Believe),
            (State::Deferred, 554, last, Doubt::Believe),
        ] {
            assert_eq!(doubt(&row(state, code), &reply("554 no"), like_it), want, "{state:?} {code} {like_it}");
        }
        for (like_it, heard_otherwise, want) in [
            (0, false, Doubt::Believe),
            (0, true, Doubt::Believe),
            (1, false, Doubt::Pause),
            (last, false, Doubt::Pause),
            (1, true, Doubt::Believe),
            (last, true, Doubt::Believe),
        ] {
            assert_eq!(last_doubt(like_it, heard_otherwise), want, "{like_it} {heard_otherwise}");
        }
    }

    #[test]
    fn a_deferred_row_comes_back_soon_then_rarer_and_ends() {
        let patience = Patience { lifetime: Duration::from_secs(24 * 3600), end: None };
        let minutes = |attempts, now: i64, jitter| {
            let now = Time(now * 60_000);
            retry_at(attempts, (Time(0), now), patience, jitter).map(|t| t.since(now).as_secs() / 60)
        };
        for (attempts, now, jitter, want) in [
            (1, 0, 0, Some(1)),
            (2, 1, 0, Some(5)),
            (2, 1, 255, Some(6)),
            (3, 6, 0, Some(15)),
            (7, 300, 0, Some(240)),
            (99, 300, 255, Some(288)),
            (9, 1_199, 0, Some(240)),
            (9, 1_200, 0, None),
            (9, 2_000, 0, None),
        ] {
            assert_eq!(minutes(attempts, now, jitter), want, "{attempts} {now}");
        }
        let short = Patience { end: Some(Time(30_000)), ..patience };
        assert_eq!(retry_at(1, (Time(0), Time(0)), short, 0), None);
    }

    #[test]
    fn what_is_kept_of_a_reply_names_nobody() {
        let to = Email::parse("Hanako.Y@example.jp").unwrap();
        for (line, want) in [
            ("550 5.1.1 <hanako.y@example.jp>: unknown", "5.1.1 … unknown"),
            ("550 5.1.1 user hanako.y unknown", "5.1.1 user … unknown"),
            ("550 mailbox \"Hanako.Y\" is gone", "mailbox … is gone"),
            ("550 /home/hanako.y/Maildir full", "… full"),
            ("250 2.0.0 queued as 4XYZ", "2.0.0 queued as 4XYZ"),
            ("250", ""),
        ] {
            assert_eq!(keep(&reply(line), &to), want, "{line}");
        }
        assert_eq!(keep(&reply(&format!("550 {}", "あ".repeat(600))), &to).chars().count(), limits::REPLY_KEPT);
    }

    #[test]
    fn a_message_is_stuffed_ended_and_never_smuggles() {
        for (message, want) in [
            ("", ".\r\n"),
            ("a\r\n", "a\r\n.\r\n"),
            ("a", "a\r\n.\r\n"),
            (".a\r\n..b\r\n.\r\nc", "..a\r\n...b\r\n..\r\nc\r\n.\r\n"),
            ("a\n.\nb", "a\r\n..\r\nb\r\n.\r\n"),
            ("a\r.\rb", "a\r\n..\r\nb\r\n.\r\n"),
            ("\r\n\r\nx\r\n", "\r\n\r\nx\r\n.\r\n"),
            ("a\n\rb\r\n", "a\r\n\r\nb\r\n.\r\n"),
        ] {
            assert_eq!(String::from_utf8(on_the_wire(message.as_bytes())).unwrap(), want, "{message:?}");
        }
    }
}
