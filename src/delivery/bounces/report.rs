//! Delivery reports by the book: `multipart/report` with a `message/delivery-status` (RFC 3464, RFC 6533).
//!
//! A report may speak of many recipients. Each message of ours has one, but a list or a forwarding behind it may have
//! made many of it; then it got through if it got through to anybody.

use super::mail::{Head, Mail};
use super::said::{Said, Status};
use crate::base::limits;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Given up.
    Failed,
    /// Not yet; it is still being tried.
    Delayed,
    /// In a mailbox, or handed to somebody who does not report.
    Delivered,
}

impl Action {
    fn parse(word: &str) -> Option<Action> {
        match word {
            "failed" => Some(Action::Failed),
            "delayed" => Some(Action::Delayed),
            "delivered" | "relayed" | "expanded" => Some(Action::Delivered),
            _ => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Report {
    pub action: Action,
    pub said: Said,
    /// Of the message that it is about, as its returned head says; anybody can write that.
    pub message_id: Option<String>,
}

const STATUS: [&str; 2] = ["message/delivery-status", "message/global-delivery-status"];

/// `None` for what is no delivery report, or one without a recipient.
pub(super) fn read(mail: &Mail<'_>) -> Option<Report> {
    let text = mail.part(&STATUS)?.text();
    let told = recipients(text.as_bytes());
    let chosen = told.iter().find(|t| t.action == Action::Delivered);
    let chosen = chosen.or_else(|| told.iter().find(|t| t.action == Action::Failed)).or(told.first())?;
    let mut said = chosen.said.clone();
    if said.words.trim().is_empty() {
        // Some give the code in a field and the reason in words for people alone.
        said.words = mail.words();
    }
    let message_id = mail.returned().and_then(|head| head.id("message-id"));
    Some(Report { action: chosen.action, said, message_id })
}

struct Told {
    action: Action,
    said: Said,
}

/// Groups of fields between blank lines; the first is about the message.
fn recipients(mut rest: &[u8]) -> Vec<Told> {
    let mut told = Vec::new();
    while !rest.is_empty() && told.len() < limits::READ_RECIPIENTS {
        let (head, after) = Head::read(rest);
        told.extend(recipient(&head));
        rest = after;
    }
    told
}

fn recipient(head: &Head<'_>) -> Option<Told> {
    let status = head.plain("status").and_then(|s| Status::parse(s.split([' ', '(']).next().unwrap_or_default()));
    let action = head.word("action").and_then(|w| Action::parse(&w));
    // Some leave the action out: the class says it.
    let by_class = |status: Status| match status.0 {
        5 => Action::Failed,
        4 => Action::Delayed,
        _ => Action::Delivered,
    };
    let action = action.or_else(|| status.map(by_class))?;
    let diagnostic = head.plain("diagnostic-code").unwrap_or_default();
    // `smtp; 550 …`: the type says whose words they are.
    let words = diagnostic.split_once(';').map_or(diagnostic.as_str(), |(_, words)| words.trim());
    Some(Told { action, said: Said::in_text(words).with_status(status) })
}

#[cfg(test)]
mod tests {
    use super::super::class::Class;
    use super::*;

    fn report(status: &str) -> String {
        format!(
            "From: Mail Delivery System <MAILER-DAEMON@mx.example.jp>\r\nSubject: Undelivered Mail Returned to Sender\r\n\
             Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status;\r\n\
             \tboundary=\"A1B2/mx.example.jp\"\r\n\r\nThis is a MIME-encapsulated message.\r\n\r\n--A1B2/mx.example.jp\r\n\
             Content-Description: Notification\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\nI'm sorry to have to inform you.\r\n\r\n\
             --A1B2/mx.example.jp\r\nContent-Type: message/delivery-status\r\n\r\n{status}\r\n--A1B2/mx.example.jp\r\n\
             Content-Type: text/rfc822-headers\r\n\r\nReturn-Path: <b+x@bounce.example.jp>\r\nMessage-ID: <7.42.ab@news.example.jp>\r\n\
             \r\n--A1B2/mx.example.jp--\r\n"
        )
    }

    const ABOUT: &str = "Reporting-MTA: dns; mx.example.jp\r\nArrival-Date: Fri, 20 Nov 2026 10:05:00 +0900\r\n\r\n";

    #[test]
    fn reports_say_what_became_of_the_message() {
        use Action::*;
        for (group, action, class, code) in [
            (
                "Final-Recipient: rfc822; a@example.jp\r\nAction: failed\r\nStatus: 5.1.1\r\nRemote-MTA: dns; mx.example.jp\r\n\
              Diagnostic-Code: smtp; 550 5.1.1 <a@example.jp>: Recipient address rejected:\r\n    User unknown in local table\r\n",
                Failed,
                Class::Hard,
                550,
            ),
            (
                "Final-Recipient: rfc822;a@docomo.ne.jp\r\nAction: failed\r\nStatus: 5.0.0\r\nDiagnostic-Code: smtp; 550 Unknown user a@docomo.ne.jp\r\n",
                Failed,
                Class::Hard,
                550,
            ),
            (
                "Final-Recipient: rfc822;a@gmail.com\r\nAction: FAILED\r\nStatus: 5.2.2 (over quota)\r\nDiagnostic-Code: smtp; 552-5.2.2 The recipient's\r\n 552 5.2.2 inbox is over quota\r\n",
                Failed,
                Class::Soft,
                552,
            ),
            (
                "Final-Recipient: rfc822;a@example.jp\r\nAction: failed\r\nStatus: 4.4.1\r\nDiagnostic-Code: X-Postfix; connect to mx: Connection timed out\r\n",
                Failed,
                Class::Soft,
                0,
            ),
            (
                "Final-Recipient: rfc822;a@outlook.jp\r\nAction: failed\r\nStatus: 5.7.515\r\nDiagnostic-Code: smtp;550 5.7.515 Access denied\r\n",
                Failed,
                Class::Block,
                550,
            ),
            (
                "Final-Recipient: rfc822;a@example.jp\r\nAction: delayed\r\nStatus: 4.4.7\r\nWill-Retry-Until: Sat, 21 Nov 2026 10:05:00 +0900\r\n",
                Delayed,
                Class::Soft,
                0,
            ),
            (
                "Final-Recipient: rfc822;a@example.jp\r\nAction: delivered\r\nStatus: 2.0.0\r\n",
                Delivered,
                Class::Unknown,
                0,
            ),
            (
                "Final-Recipient: rfc822;a@example.jp\r\nAction: relayed (no further reports)\r\nStatus: 2.1.9\r\n",
                Delivered,
                Class::Unknown,
                0,
            ),
            ("Final-Recipient: rfc822;a@example.jp\r\nStatus: 5.1.1\r\n", Failed, Class::Hard, 0),
            (
                "Final-Recipient: rfc822;a@example.jp\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\nFinal-Recipient: rfc822;b@example.jp\r\nAction: expanded\r\nStatus: 2.0.0\r\n",
                Delivered,
                Class::Unknown,
                0,
            ),
            (
                "Final-Recipient: rfc822;b@example.jp\r\nAction: delayed\r\nStatus: 4.0.0\r\n\r\nFinal-Recipient: rfc822;a@example.jp\r\nAction: failed\r\nStatus: 5.1.1\r\n",
                Failed,
                Class::Hard,
                0,
            ),
        ] {
            let text = report(&format!("{ABOUT}{group}"));
            let read = read(&Mail::read(text.as_bytes())).unwrap();
            assert_eq!((read.action, Class::of(&read.said), read.said.code), (action, class, code), "{group}");
            assert_eq!(read.message_id.as_deref(), Some("7.42.ab@news.example.jp"));
            let lf = text.replace("\r\n", "\n");
            let bare = super::read(&Mail::read(lf.as_bytes())).unwrap();
            assert_eq!(
                (bare.action, bare.said.status, bare.message_id),
                (read.action, read.said.status, read.message_id)
            );
        }
    }

    #[test]
    fn what_is_broken_or_no_report_is_none() {
        for status in ["", ABOUT, "Action: failed\r\n", "Status: five\r\nAction: odd\r\n"] {
            let known = status == "Action: failed\r\n";
            let text = report(status);
            assert_eq!(read(&Mail::read(text.as_bytes())).is_some(), known, "{status}");
        }
        assert_eq!(read(&Mail::read(b"Subject: x\r\n\r\nStatus: 5.1.1\r\n")), None);
    }

    #[test]
    fn the_reason_may_stand_in_the_words_for_people_and_the_status_may_be_encoded() {
        let text = report("Final-Recipient: rfc822; a@example.jp\r\nAction: failed\r\nStatus: 5.0.0\r\n");
        let text = text.replace("I'm sorry to have to inform you.", "No such user here.");
        assert_eq!(Class::of(&read(&Mail::read(text.as_bytes())).unwrap().said), Class::Hard);
        let fields =
            data_encoding::BASE64.encode(b"\nFinal-Recipient: utf-8; a@example.jp\nAction: failed\nStatus: 5.1.1\n");
        let text = report("{}").replace(
            "message/delivery-status\r\n",
            "message/global-delivery-status\r\nContent-Transfer-Encoding: base64\r\n",
        );
        assert_eq!(Class::of(&read(&Mail::read(text.replace("{}", &fields).as_bytes())).unwrap().said), Class::Hard);
    }
}
