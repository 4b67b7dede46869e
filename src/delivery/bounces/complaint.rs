//! Complaints: a reader called our mail spam and his provider tells us (ARF, RFC 5965; RFC 9477 adds an id of ours).

use super::mail::{Head, Mail};
use crate::base::limits;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `abuse`, `fraud`, `virus`, and what is not known.
    Abuse,
    /// `opt-out`: no more of it, without a reproach.
    OptOut,
    /// Taken back: `not-spam`.
    NotSpam,
    /// About how the mail was signed (`auth-failure`, `dmarc`): nobody complains.
    Technical,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    pub kind: Kind,
    /// Of the message that it is about.
    pub message_id: Option<String>,
    /// Before the `@` of the return path that the message had: it names the message, if it is ours.
    pub path: Option<String>,
    /// What stood in `CFBL-Feedback-ID`.
    pub feedback_id: Option<String>,
}

/// By the report that says so.
pub(super) fn read(mail: &Mail<'_>) -> Option<Complaint> {
    let part = mail.part(&["message/feedback-report"])?;
    let text = part.text();
    let (about, _) = Head::read(text.trim_start().as_bytes());
    let kind = match about.word("feedback-type").as_deref() {
        Some("not-spam") => Kind::NotSpam,
        Some("opt-out" | "opt-out-list") => Kind::OptOut,
        Some("auth-failure" | "dmarc" | "xarf") => Kind::Technical,
        _ => Kind::Abuse,
    };
    Some(Complaint { path: about.id("original-mail-from").and_then(|a| local(&a)), ..of_returned(mail, kind) })
}

/// By a copy of our mail that came to the address for complaints: some providers send no more than that.
pub(super) fn by_copy(mail: &Mail<'_>) -> Option<Complaint> {
    mail.returned().map(|_| of_returned(mail, Kind::Abuse))
}

fn of_returned(mail: &Mail<'_>, kind: Kind) -> Complaint {
    let head = mail.returned().unwrap_or_default();
    let feedback_id = head.plain("cfbl-feedback-id").filter(|id| !id.is_empty() && id.len() <= limits::READ_ID);
    let path = head.id("return-path").and_then(|a| local(&a));
    Complaint { kind, message_id: head.id("message-id"), path, feedback_id }
}

fn local(address: &str) -> Option<String> {
    address.rsplit_once('@').map(|(local, _)| local.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arf(fields: &str, returned: &str) -> String {
        format!(
            "From: <fbl@provider.example.com>\r\nSubject: FW: News\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/report; report-type=feedback-report; boundary=\"part\"\r\n\r\n--part\r\n\
             Content-Type: text/plain; charset=\"US-ASCII\"\r\n\r\nThis is an email abuse report.\r\n\r\n--part\r\n\
             Content-Type: message/feedback-report\r\n\r\n{fields}\r\n--part\r\nContent-Type: message/rfc822\r\n\
             Content-Disposition: inline\r\n\r\n{returned}\r\n\r\nbody\r\n--part--\r\n"
        )
    }

    #[test]
    fn complaints_name_the_message_and_what_is_held_against_it() {
        let head = "Message-ID: <7.42.ab@news.example.jp>\r\nCFBL-Feedback-ID: 7:42:ab\r\nSubject: News";
        for (kind, want) in [
            ("abuse", Kind::Abuse),
            ("fraud", Kind::Abuse),
            ("Opt-Out", Kind::OptOut),
            ("not-spam", Kind::NotSpam),
            ("auth-failure", Kind::Technical),
            ("something-new", Kind::Abuse),
        ] {
            let fields = format!(
                "Feedback-Type: {kind}\r\nUser-Agent: SomeGenerator/1.0\r\nVersion: 1\r\nOriginal-Mail-From: <b+abcd@bounce.example.jp>\r\n\
                 Original-Rcpt-To: <user@example.com>\r\n"
            );
            let text = arf(&fields, head);
            let found = read(&Mail::read(text.as_bytes())).unwrap();
            assert_eq!(found.kind, want);
            assert_eq!(found.message_id.as_deref(), Some("7.42.ab@news.example.jp"));
            assert_eq!((found.path.as_deref(), found.feedback_id.as_deref()), (Some("b+abcd"), Some("7:42:ab")));
        }
    }

    #[test]
    fn a_bare_copy_is_a_complaint_only_where_it_was_sent_as_one() {
        let text = "From: staff@provider.example.com\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: message/rfc822\r\n\r\n\
                    Return-Path: <b+abcd@bounce.example.jp>\r\nMessage-ID: <1.2.ab@x.example.jp>\r\n\r\nhello\r\n--x--\r\n";
        let mail = Mail::read(text.as_bytes());
        assert_eq!(read(&mail), None);
        assert_eq!(by_copy(&mail).unwrap().path.as_deref(), Some("b+abcd"));
        assert_eq!(by_copy(&Mail::read(b"Subject: x\r\n\r\nx")), None);
    }
}
