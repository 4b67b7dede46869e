//! Failures that are told in words alone: by carriers, by old servers, by everybody who never read RFC 3464.
//!
//! Whether it is one is told by who wrote it and how it begins; what it says stands before the copy of our own mail,
//! usually right behind the address. The copy itself is never read for reasons: it is our words, not theirs.

use super::class::Class;
use super::mail::Mail;
use super::said::Said;
use crate::base::limits;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FreeForm {
    /// It is still being tried.
    pub delayed: bool,
    pub said: Said,
    /// Of the message in the copy, if there is one.
    pub message_id: Option<String>,
}

/// `nobody`: it came with the empty return path, as a failure must.
pub(super) fn read(mail: &Mail<'_>, nobody: bool) -> Option<FreeForm> {
    let subject = mail.head.text("subject").unwrap_or_default().to_lowercase();
    let words = mail.words();
    let (report, copy) = without_copy(&words);
    if !is_failure(mail, nobody, &subject, &report.to_lowercase()) {
        return None;
    }
    let delayed = says_delayed(&subject, &report.to_lowercase());
    let message_id = mail.returned().and_then(|h| h.id("message-id")).or_else(|| id_in(copy));
    Some(FreeForm { delayed, said: reason(report), message_id })
}

fn is_failure(mail: &Mail<'_>, nobody: bool, subject: &str, report: &str) -> bool {
    let from = mail.head.text("from").unwrap_or_default().to_lowercase();
    let by_daemon = DAEMONS.iter().any(|d| from.contains(d));
    let named = SUBJECTS.iter().any(|s| subject.contains(s));
    let begins = OPENINGS.iter().any(|o| report.contains(o));
    // A person may speak of a failed delivery, too; two signs are wanted.
    [by_daemon || nobody, named, begins].into_iter().filter(|sign| *sign).count() >= 2
}

/// What is said, and the copy of our mail behind it.
fn without_copy(words: &str) -> (&str, &str) {
    let mut at = 0;
    for line in words.split_inclusive('\n') {
        let bare = line.trim().trim_matches(['-', '=', '*', '_', ' ']).to_lowercase();
        let begins = COPIES.iter().any(|c| bare.starts_with(c))
            || ["return-path:", "received:"].iter().any(|h| bare.starts_with(h));
        if at > 0 && begins {
            return words.split_at(at);
        }
        at += line.len();
    }
    (words, "")
}

/// From the first address on; all of it where that says nothing.
fn reason(report: &str) -> Said {
    let mut at = 0;
    for line in report.split_inclusive('\n') {
        if line.contains('@') {
            break;
        }
        at += line.len();
    }
    let near = Said::in_text(head(&report[at..]));
    match Class::of(&near) {
        Class::Unknown => Said::in_text(report),
        Class::Hard | Class::Soft | Class::Block => near,
    }
}

fn head(text: &str) -> &str {
    &text[..text.floor_char_boundary(limits::READ_REASON)]
}

fn says_delayed(subject: &str, report: &str) -> bool {
    let over = ["permanent", "given up", "giving up", "could not be delivered for", "returned to sender"];
    let waits = DELAYS.iter().any(|d| subject.contains(d) || report.contains(d));
    waits && !over.iter().any(|o| report.contains(o))
}

fn id_in(copy: &str) -> Option<String> {
    let line =
        copy.lines().find(|l| l.trim_start().get(..11).is_some_and(|n| n.eq_ignore_ascii_case("message-id:")))?;
    let id = line.split_once('<')?.1.split_once('>')?.0.trim();
    (!id.is_empty() && id.len() <= limits::READ_ID).then(|| id.to_owned())
}

const DAEMONS: &[&str] = &[
    "mailer-daemon",
    "mailerdaemon",
    "postmaster@",
    "mail delivery s",
    "mail-daemon",
    "mail administrator",
    "maildelivery",
];

const SUBJECTS: &[&str] = &[
    "undeliver",
    "returned mail",
    "returned to sender",
    "failure notice",
    "delivery status notification",
    "delivery failure",
    "delivery failed",
    "delivery has failed",
    "mail delivery fail",
    "mail system error",
    "non delivery",
    "non-delivery",
    "nondeliver",
    "could not be delivered",
    "could not send message",
    "warning: message",
    "delivery delayed",
    "delivery notification",
    "message delivery",
    "mail error",
    "配信不能",
    "配信できません",
    "配送エラー",
    "配信エラー",
    "配信失敗",
    "配送不能",
    "送信できません",
    "送信エラー",
    "送信失敗",
    "届けられません",
    "届きません",
    "宛先不明",
    "戻りメール",
    "エラーメール",
    "不達",
    "遅延",
];

const OPENINGS: &[&str] = &[
    "this is the qmail-send program",
    "i wasn't able to deliver your message",
    "created automatically by mail delivery software",
    "did not reach some or all of the intended recipients",
    "did not reach the following recipient",
    "unable to deliver message to the following address",
    "undeliverable due to the following reason",
    "recipients was rejected by a remote mail server",
    "delivery to the following recipient",
    "delivery to these recipients",
    "addresses had permanent fatal errors",
    "addresses had transient non-fatal errors",
    "transcript of session follows",
    "could not be delivered to",
    "was not delivered to",
    "cannot be delivered to",
    "couldn't be delivered",
    "unable to deliver your message",
    "配信できません",
    "配送できません",
    "お届けできません",
    "お届けすることができません",
    "送信できません",
    "届けることができません",
    "配信することができません",
    "宛先不明",
    "配信が遅れ",
    "配送が遅れ",
];

/// How the line before a copy of our mail begins, without what is drawn around it.
const COPIES: &[&str] = &[
    "below this line is a copy of the message",
    "this is a copy of the message",
    "original message",
    "the header of the original message",
    "unsent message",
    "message header follows",
    "message headers follow",
    "your message reads",
    "returned message",
    "received message follows",
    "a copy of your message",
    "start of message",
    "included is a copy",
    "元のメッセージ",
    "元のメール",
    "以下元の",
    "以下、元の",
    "原文",
    "送信されたメール",
];

const DELAYS: &[&str] = &[
    "delayed",
    "could not send message for past",
    "will be retried",
    "will continue to try",
    "will continue trying",
    "will keep trying",
    "will try again",
    "do not need to resend",
    "you do not need to take any action",
    "no action is required",
    "still being retried",
    "transient non-fatal",
    "再送を試み",
    "再送を続け",
    "再送します",
    "再度配信",
    "遅延",
    "遅れています",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(from: &str, subject: &str, body: &str) -> String {
        format!("Return-Path: <>\nFrom: {from}\nTo: b+x@bounce.example.jp\nSubject: {subject}\n\n{body}")
    }

    fn told(text: &str) -> Option<(bool, Class)> {
        let found = read(&Mail::read(text.as_bytes()), true)?;
        Some((found.delayed, if found.delayed { Class::Unknown } else { Class::of(&found.said) }))
    }

    const COPY: &str = "Return-Path: <b+x@bounce.example.jp>\nMessage-ID: <7.42.ab@news.example.jp>\nSubject: 550 spam blocked mailbox full\n\nbody\n";

    #[test]
    fn old_servers_and_carriers_are_understood() {
        for (from, subject, body, want) in [
            (
                "MAILER-DAEMON@mail.example.jp",
                "failure notice",
                "Hi. This is the qmail-send program at mail.example.jp.\nI'm afraid I wasn't able to deliver your message to the following addresses.\nThis is a permanent error; I've given up. Sorry it didn't work out.\n\n<a@example.jp>:\n192.0.2.5 does not like recipient.\nRemote host said: 550 5.1.1 User unknown\nGiving up on 192.0.2.5.\n\n--- Below this line is a copy of the message.\n\n",
                (false, Class::Hard),
            ),
            (
                "MAILER-DAEMON@mail.example.jp",
                "failure notice",
                "Hi. This is the qmail-send program at mail.example.jp.\nI'm afraid I wasn't able to deliver your message to the following addresses.\n\n<a@example.jp>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n--- Below this line is a copy of the message.\n\n",
                (false, Class::Hard),
            ),
            (
                "MAILER-DAEMON@mail.example.jp",
                "failure notice",
                "Hi. This is the qmail-send program at mail.example.jp.\n\n<a@example.jp>:\nSorry, I wasn't able to establish an SMTP connection. (#4.4.1)\nI'm not going to try again; this message has been in the queue too long.\n\n--- Below this line is a copy of the message.\n\n",
                (false, Class::Soft),
            ),
            (
                "Mail Delivery System <Mailer-Daemon@mail.example.jp>",
                "Mail delivery failed: returning message to sender",
                "This message was created automatically by mail delivery software.\n\nA message that you sent could not be delivered to one or more of its\nrecipients. This is a permanent error. The following address(es) failed:\n\n  a@example.jp\n    SMTP error from remote mail server after RCPT TO:<a@example.jp>:\n    host mx.example.jp [192.0.2.5]: 550 5.2.2 Mailbox full\n\n------ This is a copy of the message, including all the headers. ------\n\n",
                (false, Class::Soft),
            ),
            (
                "Mail Delivery System <Mailer-Daemon@mail.example.jp>",
                "Warning: message 1xYz delayed 24 hours",
                "This message was created automatically by mail delivery software.\nA message that you sent has not yet been delivered to one or more of its\nrecipients after more than 24 hours on the queue.\n\nThe address to which the message has not yet been delivered is:\n\n  a@example.jp\n\nNo action is required on your part. Delivery attempts will continue.\n",
                (true, Class::Unknown),
            ),
            (
                "System Administrator <postmaster@corp.example.jp>",
                "Undeliverable: News",
                "Your message did not reach some or all of the intended recipients.\n\n      Subject:\tNews\n      Sent:\t2026/11/20 10:05\n\nThe following recipient(s) could not be reached:\n\n      'a@corp.example.jp' on 2026/11/20 10:05\n            The e-mail account does not exist at the organization this message was sent to.  Check the e-mail address, or contact the recipient directly to find out the correct address.\n            <mail.corp.example.jp #5.1.1>\n",
                (false, Class::Hard),
            ),
            (
                "Mail Delivery Subsystem <MAILER-DAEMON@docomo.ne.jp>",
                "Returned mail: User unknown",
                "The original message was received at Fri, 20 Nov 2026 10:05:00 +0900\n\n   ----- The following addresses had permanent fatal errors -----\n<a@docomo.ne.jp>\n    (reason: 550 Unknown user a@docomo.ne.jp)\n\n   ----- Transcript of session follows -----\n... while talking to mfsmax.docomo.ne.jp.:\n>>> DATA\n<<< 550 Unknown user a@docomo.ne.jp\n550 5.1.1 <a@docomo.ne.jp>... User unknown\n\n   ----- Original message follows -----\n",
                (false, Class::Hard),
            ),
            (
                "Postmaster@ezweb.ne.jp",
                "Mail System Error - Returned Mail",
                "Each of the following recipients was rejected by a remote mail server.\nThe reasons given by the server are included to help you determine why\neach recipient was rejected.\n\n    Recipient: <a@ezweb.ne.jp>\n    Reason:    <a@ezweb.ne.jp>: User Unknown\n\n",
                (false, Class::Hard),
            ),
            (
                "MAILER-DAEMON@softbank.ne.jp",
                "Undeliverable: News",
                "This Message was undeliverable due to the following reason:\n\nThe following destination addresses were unknown (please check\nthe addresses and re-mail the message):\n\nSMTP <a@softbank.ne.jp>\n\nPlease reply to Postmaster if you feel this message to be in error.\n",
                (false, Class::Hard),
            ),
            (
                "MAILER-DAEMON@yahoo.co.jp",
                "failure notice",
                "Message from yahoo.co.jp.\nUnable to deliver message to the following address(es).\n\n<a@yahoo.co.jp>:\nThis user doesn't have a yahoo.co.jp account (a@yahoo.co.jp) [0]\n\n--- Original message follows.\n\n",
                (false, Class::Hard),
            ),
            (
                "MAILER-DAEMON@yahoo.co.jp",
                "failure notice",
                "Message from yahoo.co.jp.\nUnable to deliver message to the following address(es).\n\n<a@yahoo.co.jp>:\nRemote host said: 553 VS98-IP0 Connections not accepted\n\n--- Original message follows.\n\n",
                (false, Class::Block),
            ),
            (
                "Mail Delivery Subsystem <mailer-daemon@googlemail.com>",
                "Delivery Status Notification (Failure)",
                "Delivery to the following recipient failed permanently:\n\n     a@example.jp\n\nTechnical details of permanent failure:\nGoogle tried to deliver your message, but it was rejected by the server for the recipient domain. The error that the other server returned was:\n550 5.1.1 <a@example.jp>: Recipient address rejected: User unknown\n\n----- Original message -----\n\n",
                (false, Class::Hard),
            ),
            (
                "MAILER-DAEMON@mail.example.jp",
                "Warning: could not send message for past 4 hours",
                "    **********************************************\n    **      THIS IS A WARNING MESSAGE ONLY      **\n    **  YOU DO NOT NEED TO RESEND YOUR MESSAGE  **\n    **********************************************\n\n   ----- The following addresses had transient non-fatal errors -----\n<a@example.jp>\n\n   ----- Transcript of session follows -----\n451 mx.example.jp: Name server timeout\n",
                (true, Class::Unknown),
            ),
        ] {
            let text = mail(from, subject, &format!("{body}{COPY}"));
            assert_eq!(told(&text), Some(want), "{from} {subject} {body}");
        }
    }

    #[test]
    fn japanese_words_are_understood_in_every_charset() {
        let body = "以下のアドレスへのメールは、宛先不明のため配信できませんでした。\n\na@example.jp\n\n------ 元のメール ------\n";
        let soft = "次の宛先にメールをお届けできませんでした。\n\n<a@example.jp>\n受信者のメールボックスの容量がいっぱいです。\n";
        let block = "次の宛先にメールを配信できませんでした。\n<a@example.jp>\n受信者が迷惑メールの受信拒否設定をしています。\n";
        for (body, want) in [(body, Class::Hard), (soft, Class::Soft), (block, Class::Block)] {
            for charset in ["iso-2022-jp", "shift_jis", "euc-jp", "utf-8"] {
                let encoding = encoding_rs::Encoding::for_label(charset.as_bytes()).unwrap();
                let subject = data_encoding::BASE64.encode(&encoding.encode("メール配信エラーのお知らせ").0);
                let head = format!(
                    "From: MAILER-DAEMON@mail.example.jp\nSubject: =?{charset}?B?{subject}?=\nContent-Type: text/plain; charset={charset}\n\n"
                );
                let bytes = [head.as_bytes(), &encoding.encode(body).0].concat();
                let found = read(&Mail::read(&bytes), true).unwrap();
                assert_eq!((found.delayed, Class::of(&found.said)), (false, want), "{charset}");
            }
        }
    }

    #[test]
    fn the_copy_names_the_message_and_is_not_read_for_reasons() {
        let body = format!(
            "Message from yahoo.co.jp.\nUnable to deliver message to the following address(es).\n\n<a@yahoo.co.jp>:\nsorry\n\n--- Original message follows.\n\n{COPY}"
        );
        let text = mail("MAILER-DAEMON@yahoo.co.jp", "failure notice", &body);
        let found = read(&Mail::read(text.as_bytes()), true).unwrap();
        assert_eq!(found.message_id.as_deref(), Some("7.42.ab@news.example.jp"));
        assert_eq!(Class::of(&found.said), Class::Unknown);
    }

    #[test]
    fn what_people_write_is_no_failure() {
        for (from, subject, body) in [
            ("Taro <taro@example.jp>", "Re: News", "Thank you."),
            ("Taro <taro@example.jp>", "Re: 配信エラーについて", "届きませんでした。"),
            ("Taro <taro@example.jp>", "Re: News", "My last mail was not delivered to you, it said 550."),
            ("postmaster@example.jp", "A question", "Who are you?"),
        ] {
            let text = mail(from, subject, body);
            assert_eq!(read(&Mail::read(text.as_bytes()), false), None, "{subject}");
        }
    }
}
