//! One conversation with one SMTP server: find it (`peer`), protect the way (`tls`), speak (`wire`, `reply`),
//! and keep to the order of things (`session`). What an answer means for a recipient is decided in `plan.rs`.

mod peer;
pub(super) mod reply;
pub(super) mod session;
mod tls;
pub(super) mod wire;

use crate::base::{Error, Kind, Say, limits};
use reply::Reply;
use std::time::Duration;

/// Where in the conversation we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    Connect,
    Banner,
    Ehlo,
    StartTls,
    Auth,
    Mail,
    Rcpt,
    Data,
    /// The message itself and its final dot.
    Dot,
}

impl Step {
    pub(super) fn name(self) -> &'static str {
        match self {
            Step::Connect => "connect",
            Step::Banner => "greeting",
            Step::Ehlo => "EHLO",
            Step::StartTls => "STARTTLS",
            Step::Auth => "AUTH",
            Step::Mail => "MAIL FROM",
            Step::Rcpt => "RCPT TO",
            Step::Data => "DATA",
            Step::Dot => "message",
        }
    }
}

/// Why a conversation ended without a session.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The settings are wrong, or the relay does not want us: a person must act.
    Ours(Say),
    /// Not now: trying again may succeed.
    Later(Say),
    /// The same: there was no connection at all.
    Away(Say),
    /// TLS was offered and does not work, where it may be left out.
    NoTls(Say),
}

impl Trouble {
    pub(super) fn into_say(self) -> Say {
        match self {
            Trouble::Ours(say) | Trouble::Later(say) | Trouble::Away(say) | Trouble::NoTls(say) => say,
        }
    }

    pub(super) fn into_error(self) -> Error {
        match self {
            Trouble::Ours(say) => Error::new(Kind::Config, say),
            Trouble::Later(say) | Trouble::Away(say) | Trouble::NoTls(say) => Error::later(say),
        }
    }
}

/// A name that was not found.
impl From<Error> for Trouble {
    fn from(e: Error) -> Trouble {
        match e.kind() {
            Kind::Missing => Trouble::Ours(e.says().clone()),
            _ => Trouble::Later(e.says().clone()),
        }
    }
}

/// How long to wait for what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waits {
    pub(super) connect: Duration,
    pub(super) banner: Duration,
    pub(super) command: Duration,
    pub(super) mail: Duration,
    pub(super) rcpt: Duration,
    pub(super) data: Duration,
    pub(super) block: Duration,
    pub(super) dot: Duration,
}

impl Waits {
    pub(super) fn rfc5321() -> Waits {
        Waits {
            connect: limits::SMTP_CONNECT,
            banner: limits::SMTP_BANNER,
            command: limits::SMTP_COMMAND,
            mail: limits::SMTP_MAIL,
            rcpt: limits::SMTP_RCPT,
            data: limits::SMTP_DATA,
            block: limits::SMTP_BLOCK,
            dot: limits::SMTP_DOT,
        }
    }

    /// For somebody who looks at a screen meanwhile.
    pub(super) fn all(wait: Duration) -> Waits {
        Waits { connect: wait, banner: wait, command: wait, mail: wait, rcpt: wait, data: wait, block: wait, dot: wait }
    }
}

/// The sentence for a server that said no.
pub(super) fn refused(step: Step, reply: &Reply) -> Say {
    let (code, step) = (reply.code, step.name());
    let enhanced = reply.enhanced.map(|(a, b, c)| format!(" {a}.{b}.{c}")).unwrap_or_default();
    say!(
        "メールサーバーが {step} を拒否しました（{code}{enhanced}）。",
        "The mail server refused {step} ({code}{enhanced})."
    )
}
