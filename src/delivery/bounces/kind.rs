//! What a mail that came in is.
//!
//! Three things decide: where it came to, whether it came with the empty return path, and what stands in it. A report in
//! the form of a report is believed first, wherever it comes to; then words of failure; then whether a machine wrote it.
//! What is left was written by a person.

use super::class::Class;
use super::complaint::{self, Complaint};
use super::free_form;
use super::mail::Mail;
use super::report::{self, Action};
use super::said::Said;
use serde::{Deserialize, Serialize};

/// What kind of address of ours it came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Postbox {
    /// A return path.
    Bounce,
    /// Where people answer.
    Reply,
    Unsubscribe,
    /// An empty mail to it asks for more.
    SignUp,
    /// Where providers send complaints.
    Feedback,
    Postmaster,
    Abuse,
}

impl Postbox {
    pub const ALL: [Postbox; 7] = [
        Postbox::Bounce,
        Postbox::Reply,
        Postbox::Unsubscribe,
        Postbox::SignUp,
        Postbox::Feedback,
        Postbox::Postmaster,
        Postbox::Abuse,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Postbox::Bounce => "bounce",
            Postbox::Reply => "reply",
            Postbox::Unsubscribe => "unsubscribe",
            Postbox::SignUp => "sign_up",
            Postbox::Feedback => "feedback",
            Postbox::Postmaster => "postmaster",
            Postbox::Abuse => "abuse",
        }
    }

    pub fn parse(name: &str) -> Option<Postbox> {
        Postbox::ALL.into_iter().find(|p| p.name() == name)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It did not arrive, and will not.
    Bounce {
        class: Class,
        said: Said,
    },
    /// It is late. Nothing is known yet.
    Delay,
    /// It arrived, says somebody who reports that.
    Delivered,
    Complaint(Complaint),
    /// A machine answered (away, receipt): counts as nothing, and is answered by nothing.
    Automatic,
    Unsubscribe,
    SignUp,
    /// A person wrote.
    Reply,
    /// From a machine, about a failure perhaps; nobody could tell.
    Unclear,
}

impl Kind {
    pub fn name(&self) -> &'static str {
        match self {
            Kind::Bounce { .. } => "bounce",
            Kind::Delay => "delay",
            Kind::Delivered => "delivered",
            Kind::Complaint(_) => "complaint",
            Kind::Automatic => "automatic",
            Kind::Unsubscribe => "unsubscribe",
            Kind::SignUp => "sign_up",
            Kind::Reply => "reply",
            Kind::Unclear => "unclear",
        }
    }
}

/// What was read, and the Message-ID of ours that it says it is about. Anybody can write that: it counts only if it bears
/// our mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    pub kind: Kind,
    pub message_id: Option<String>,
}

/// `nobody`: it came with the empty return path.
pub fn read(mail: &Mail<'_>, to: Postbox, nobody: bool) -> Incoming {
    if let Some(found) = reported(mail, to, nobody) {
        return found;
    }
    let kind = match to {
        _ if nobody && to == Postbox::Bounce && !says_automatic(mail) => Kind::Unclear,
        _ if nobody => Kind::Automatic,
        // Mail programs send these by themselves when their user presses the button.
        Postbox::Unsubscribe => Kind::Unsubscribe,
        _ if says_automatic(mail) => Kind::Automatic,
        Postbox::SignUp => Kind::SignUp,
        Postbox::Reply | Postbox::Bounce if asks_to_stop(mail) => Kind::Unsubscribe,
        Postbox::Reply | Postbox::Bounce | Postbox::Feedback | Postbox::Postmaster | Postbox::Abuse => Kind::Reply,
    };
    Incoming { kind, message_id: None }
}

/// A report, in its form or in words.
fn reported(mail: &Mail<'_>, to: Postbox, nobody: bool) -> Option<Incoming> {
    if let Some(found) = complaint::read(mail) {
        return Some(complained(found));
    }
    if let Some(found) = report::read(mail) {
        let kind = match found.action {
            Action::Failed => bounce(found.said),
            Action::Delayed => Kind::Delay,
            Action::Delivered => Kind::Delivered,
        };
        return Some(Incoming { kind, message_id: found.message_id });
    }
    if mail.report_type == "disposition-notification" {
        return Some(Incoming { kind: Kind::Automatic, message_id: None });
    }
    if let Some(found) = free_form::read(mail, nobody) {
        let kind = if found.delayed { Kind::Delay } else { bounce(found.said) };
        return Some(Incoming { kind, message_id: found.message_id });
    }
    (to == Postbox::Feedback).then(|| complaint::by_copy(mail)).flatten().map(complained)
}

fn complained(found: Complaint) -> Incoming {
    let message_id = found.message_id.clone();
    Incoming { kind: Kind::Complaint(found), message_id }
}

fn bounce(said: Said) -> Kind {
    Kind::Bounce { class: Class::of(&said), said }
}

/// RFC 3834, and the signs of those who do not keep to it.
fn says_automatic(mail: &Mail<'_>) -> bool {
    let head = &mail.head;
    let word = |name: &str| head.word(name).unwrap_or_default();
    let subject = head.text("subject").unwrap_or_default().to_lowercase();
    head.word("auto-submitted").is_some_and(|w| w != "no")
        || matches!(word("precedence").as_str(), "auto_reply" | "auto-reply" | "bulk" | "junk" | "list")
        || ["x-autoreply", "x-autorespond", "x-autoresponder", "x-auto-reply", "x-ms-exchange-inbox-rules-loop"]
            .iter()
            .any(|name| head.has(name))
        || AUTOMATIC.iter().any(|s| subject.starts_with(s))
}

const AUTOMATIC: &[&str] = &[
    "automatic reply",
    "auto reply",
    "auto-reply",
    "autoreply",
    "auto:",
    "out of office",
    "out of the office",
    "vacation",
    "自動応答",
    "自動返信",
    "【自動返信】",
    "[自動返信]",
    "（自動返信）",
    "【自動応答】",
    "不在通知",
    "不在のお知らせ",
    "休暇",
];

/// Somebody answered with nothing but that wish.
fn asks_to_stop(mail: &Mail<'_>) -> bool {
    let subject = mail.head.text("subject").unwrap_or_default().to_lowercase();
    STOP.contains(&subject.trim())
}

const STOP: &[&str] = &[
    "unsubscribe",
    "stop",
    "remove",
    "配信停止",
    "配信停止希望",
    "配信解除",
    "配信不要",
    "解除",
    "解除希望",
    "停止",
    "退会",
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kind(head: &str, body: &str, to: Postbox, nobody: bool) -> &'static str {
        let text = format!("{head}\n\n{body}");
        read(&Mail::read(text.as_bytes()), to, nobody).kind.name()
    }

    #[test]
    fn a_mail_is_what_its_place_its_sender_and_its_signs_say() {
        use Postbox::*;
        let person = "From: Taro <taro@example.jp>\nSubject: Re: News";
        for (head, to, nobody, want) in [
            (person, Reply, false, "reply"),
            (person, Bounce, false, "reply"),
            (person, Postmaster, false, "reply"),
            (person, Feedback, false, "reply"),
            (person, SignUp, false, "sign_up"),
            (person, Unsubscribe, false, "unsubscribe"),
            (person, Unsubscribe, true, "automatic"),
            (person, SignUp, true, "automatic"),
            (person, Reply, true, "automatic"),
            (person, Bounce, true, "unclear"),
            ("Subject: Re: News\nAuto-Submitted: auto-replied", Bounce, true, "automatic"),
            ("Subject: Re: News\nAuto-Submitted: auto-replied (vacation)", Reply, false, "automatic"),
            ("Subject: Re: News\nAuto-Submitted: no", Reply, false, "reply"),
            ("Subject: Re: News\nAuto-Submitted: auto-generated", Unsubscribe, false, "unsubscribe"),
            ("Subject: Re: News\nPrecedence: bulk", SignUp, false, "automatic"),
            ("Subject: Re: News\nX-Autoreply: yes", Reply, false, "automatic"),
            ("Subject: Out of Office: News", Reply, false, "automatic"),
            ("Subject: =?UTF-8?B?6Ieq5YuV5b+c562UOiDkuI3lnKg=?=", Bounce, false, "automatic"),
            ("Subject: =?UTF-8?B?6YWN5L+h5YGc5q2i?=", Reply, false, "unsubscribe"),
            ("Subject: Unsubscribe", Bounce, false, "unsubscribe"),
            ("Subject: unsubscribe", Postmaster, false, "reply"),
            (
                "Content-Type: multipart/report; report-type=disposition-notification; boundary=x",
                Reply,
                false,
                "automatic",
            ),
        ] {
            assert_eq!(kind(head, "hello", to, nobody), want, "{head} {to:?} {nobody}");
        }
    }

    #[test]
    fn a_report_is_one_wherever_it_comes_to() {
        let bounce = "From: MAILER-DAEMON@x.example.jp\nSubject: failure notice";
        let said = "Hi. This is the qmail-send program at x.example.jp.\n<a@y.example.jp>:\n550 5.1.1 no\n";
        let late = "From: MAILER-DAEMON@x.example.jp\nSubject: Warning: message delayed 4 hours";
        let report = |action: &str| {
            format!(
                "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\nFinal-Recipient: rfc822; a@x\nAction: {action}\nStatus: 5.1.1\n--b--\n"
            )
        };
        let form = "Content-Type: multipart/report; report-type=delivery-status; boundary=b";
        let arf = "Content-Type: multipart/report; report-type=feedback-report; boundary=b";
        let complaint = "--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\n--b--\n";
        let copy = "--b\nContent-Type: message/rfc822\n\nMessage-ID: <1.1.ab@x>\n\nhello\n--b--\n";
        for to in Postbox::ALL {
            assert_eq!(kind(bounce, said, to, true), "bounce");
            assert_eq!(kind(bounce, said, to, false), "bounce");
            assert_eq!(kind(late, "no action is required", to, true), "delay");
            assert_eq!(kind(form, &report("failed"), to, true), "bounce");
            assert_eq!(kind(form, &report("delayed"), to, true), "delay");
            assert_eq!(kind(form, &report("delivered"), to, true), "delivered");
            assert_eq!(kind(arf, complaint, to, false), "complaint");
        }
        assert_eq!(kind("Content-Type: multipart/mixed; boundary=b", copy, Postbox::Feedback, false), "complaint");
        assert_eq!(kind("Content-Type: multipart/mixed; boundary=b", copy, Postbox::Reply, false), "reply");
    }

    #[test]
    fn a_thousand_levels_cost_nothing_and_mean_nothing() {
        let multiparts: String = (0..1_000)
            .map(|n| format!("Content-Type: multipart/report; report-type=delivery-status; boundary=b{n}\n\n--b{n}\n"))
            .collect();
        let messages = "Content-Type: message/rfc822\n\n".repeat(1_000);
        let digests = "Content-Type: multipart/digest; boundary=b\n\n--b\n\n".repeat(1_000);
        let encoded = format!(
            "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n{}",
            data_encoding::BASE64.encode(messages.as_bytes())
        );
        for bytes in [multiparts, messages, digests, encoded] {
            for to in Postbox::ALL {
                let found = read(&Mail::read(bytes.as_bytes()), to, true);
                assert!(!matches!(found.kind, Kind::Bounce { .. } | Kind::Complaint(_)) || to == Postbox::Feedback);
            }
        }
    }

    const PIECES: &[&str] = &[
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n",
        "Content-Type: message/delivery-status\r\n",
        "Content-Type: message/feedback-report\r\n",
        "Content-Type: message/rfc822\r\n",
        "Content-Type: text/plain; charset=iso-2022-jp\r\n",
        "Content-Transfer-Encoding: base64\r\n",
        "Content-Transfer-Encoding: quoted-printable\r\n",
        "\r\n",
        "\n",
        "--b\r\n",
        "--b--\r\n",
        "Action: failed\r\n",
        "Status: 5.1.1\r\n",
        "Diagnostic-Code: smtp; 550",
        " ",
        ":",
        ";",
        "=?",
        "?B?",
        "?=",
        "\x1b$B",
        "\x1b(B",
        "Subject: ",
        "From: MAILER-DAEMON",
        "Feedback-Type: abuse\r\n",
        "Message-ID: <",
        ">",
        "@",
        "550 5.1.1",
        "<a@b.example.jp>:",
        "=E3",
        "failure notice",
        "this is the qmail-send program",
        "Content-Type: multipart/mixed; boundary*0=\"b",
        "; charset*=utf-8''%e3",
        "(",
        "\"",
        "boundary=",
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(
            std::env::var("HAKOBU_FUZZ").ok().and_then(|n| n.parse().ok()).unwrap_or(256)
        ))]

        #[test]
        fn nothing_that_comes_in_breaks_the_reader(
            bytes in proptest::collection::vec(any::<u8>(), 0..300),
            pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..40),
            n in 0usize..7, nobody: bool,
        ) {
            let built = pieces.concat();
            for bytes in [&bytes[..], built.as_bytes(), &[built.as_bytes(), &bytes].concat()] {
                let mail = Mail::read(bytes);
                read(&mail, Postbox::ALL[n], nobody);
            }
        }
    }
}
