//! An open conversation: greeting, EHLO, TLS and sign-in behind it, messages one after another ahead of it.

pub(in crate::delivery) use super::peer::{Guard, Peer};
use super::reply::Reply;
pub(in crate::delivery) use super::tls::Trust;
use super::wire::{Lost, Stream, Wire};
use super::{Step, Trouble, Waits, refused};
use crate::base::smtp::Login;
use crate::base::{Email, Say, limits, resolve};
use crate::delivery::{Letter, plan};
use data_encoding::BASE64;
use tokio::net::TcpStream;

pub(in crate::delivery) struct Session {
    wire: Wire,
    offers: Offers,
    waits: Waits,
    /// Messages begun here.
    pub(in crate::delivery) used: u32,
    /// The last transaction was not finished: RSET comes first.
    open: bool,
}

/// What the last EHLO offered.
#[derive(Clone, Debug, Default)]
struct Offers {
    pipelining: bool,
    starttls: bool,
    utf8: bool,
    size: Option<u64>,
    plain: bool,
    login: bool,
}

/// How the envelope went.
#[derive(Debug)]
pub(in crate::delivery) enum Envelope {
    /// 354: the message may follow.
    Open,
    Refused(Step, Reply),
    /// No message left: the connection ended before.
    Lost,
    /// This recipient cannot be written to through this server.
    Impossible(&'static str),
    /// The server takes no message of this size.
    TooBig {
        limit: u64,
    },
}

/// How the message went.
#[derive(Debug)]
pub(in crate::delivery) enum Content {
    Answered(Reply),
    /// The end of the message never left: it was not taken.
    NotSent,
    /// Everything left and no answer came: it may have been taken.
    NoAnswer,
}

impl Session {
    pub(in crate::delivery) async fn open(peer: &Peer<'_>, trust: &Trust, waits: Waits) -> Result<Session, Trouble> {
        let stream = peer.connect(&waits).await?;
        let hello = format!("EHLO {}\r\n", peer.hello.map_or_else(|| our_name(&stream), str::to_owned));
        let mut stream: Box<dyn Stream> = Box::new(stream);
        if peer.guard == Guard::Implicit {
            stream = trust.protect(stream, (peer.host, peer.guard), &waits).await?;
        }
        let mut wire = Wire::new(stream);
        expect(Step::Banner, wire.reply(waits.banner).await, 220)?;
        let mut offers = Offers::read(&expect(Step::Ehlo, wire.ask(&hello, waits.command).await, 250)?);
        if peer.guard == Guard::StartTls && !offers.starttls {
            let host = peer.host;
            return Err(Trouble::Ours(say!(
                "{host} が STARTTLS に対応していません。暗号化なしでは送りません。",
                "{host} does not offer STARTTLS. Nothing is sent without encryption."
            )));
        }
        if offers.starttls && matches!(peer.guard, Guard::StartTls | Guard::Opportunistic) {
            expect(Step::StartTls, wire.ask("STARTTLS\r\n", waits.command).await, 220)?;
            wire = Wire::new(trust.protect(wire.into_stream(), (peer.host, peer.guard), &waits).await?);
            offers = Offers::read(&expect(Step::Ehlo, wire.ask(&hello, waits.command).await, 250)?);
        }
        let mut session = Session { wire, offers, waits, used: 0, open: false };
        if let Some(login) = peer.login {
            session.sign_in(login).await?;
        }
        Ok(session)
    }

    async fn sign_in(&mut self, login: &Login) -> Result<(), Trouble> {
        let wait = self.waits.command;
        let (user, password) = (login.user.as_bytes(), login.password.bytes());
        let line = |bytes: &[u8]| zeroize::Zeroizing::new(format!("{}\r\n", BASE64.encode(bytes)));
        if self.offers.plain {
            let both = zeroize::Zeroizing::new([b"\0", user, b"\0", password].concat());
            let ask = zeroize::Zeroizing::new(format!("AUTH PLAIN {}", line(&both).as_str()));
            return expect(Step::Auth, self.wire.ask(&ask, wait).await, 235).map(drop);
        }
        if self.offers.login {
            expect(Step::Auth, self.wire.ask("AUTH LOGIN\r\n", wait).await, 334)?;
            expect(Step::Auth, self.wire.ask(&line(user), wait).await, 334)?;
            return expect(Step::Auth, self.wire.ask(&line(password), wait).await, 235).map(drop);
        }
        Err(Trouble::Ours(say!(
            "メールサーバーがユーザー認証（PLAIN・LOGIN）に対応していません。",
            "The mail server does not offer to sign in (AUTH PLAIN or LOGIN)."
        )))
    }

    /// Is the connection still good for another message?
    pub(in crate::delivery) async fn is_usable(&mut self, most: u32) -> bool {
        self.used < most && self.wire.is_quiet().await
    }

    /// MAIL, RCPT and DATA, in one write where the server allows it. `size` is that of the wire form.
    pub(in crate::delivery) async fn envelope(&mut self, letter: &Letter, size: usize) -> Envelope {
        let lines = match self.lines(letter, size) {
            Ok(lines) => lines,
            Err(cannot) => return cannot,
        };
        self.used += 1;
        let asked = match self.offers.pipelining {
            true => self.ask_together(&lines).await,
            false => self.ask_in_turn(&lines).await,
        };
        asked.unwrap_or(Envelope::Lost)
    }

    fn lines(&self, letter: &Letter, size: usize) -> Result<[String; 3], Envelope> {
        if let Some(limit) = self.offers.size.filter(|limit| *limit > 0 && size as u64 > *limit) {
            return Err(Envelope::TooBig { limit });
        }
        let (from, to) = (in_ascii(&letter.from), in_ascii(&letter.to));
        let (Some(from), Some(to)) = (from, to) else { return Err(Envelope::Impossible("domain")) };
        let utf8 = !(from.is_ascii() && to.is_ascii());
        if utf8 && !self.offers.utf8 {
            return Err(Envelope::Impossible("smtputf8"));
        }
        let size = self.offers.size.map(|_| format!(" SIZE={size}")).unwrap_or_default();
        let utf8 = if utf8 { " SMTPUTF8" } else { "" };
        Ok([format!("MAIL FROM:<{from}>{size}{utf8}\r\n"), format!("RCPT TO:<{to}>\r\n"), "DATA\r\n".into()])
    }

    async fn ask_together(&mut self, lines: &[String; 3]) -> Result<Envelope, Lost> {
        let reset = if self.open { "RSET\r\n" } else { "" };
        let turn = [reset, &lines[0], &lines[1], &lines[2]].concat();
        let was_open = std::mem::replace(&mut self.open, true);
        self.wire.write(turn.as_bytes(), self.waits.mail).await?;
        if was_open {
            self.wire.reply(self.waits.command).await?;
        }
        let mail = self.wire.reply(self.waits.mail).await?;
        let rcpt = self.wire.reply(self.waits.rcpt).await?;
        let data = self.wire.reply(self.waits.data).await?;
        let first_no = [(Step::Mail, mail), (Step::Rcpt, rcpt)].into_iter().find(|(_, reply)| reply.class() != 2);
        match (first_no, data.code) {
            (None, 354) => Ok(Envelope::Open),
            (None, _) => Ok(Envelope::Refused(Step::Data, data)),
            (Some((step, reply)), 354) => {
                // It takes a message for nobody: an empty one ends the transaction.
                self.wire.ask(".\r\n", self.waits.dot).await?;
                self.open = false;
                Ok(Envelope::Refused(step, reply))
            }
            (Some((step, reply)), _) => Ok(Envelope::Refused(step, reply)),
        }
    }

    async fn ask_in_turn(&mut self, lines: &[String; 3]) -> Result<Envelope, Lost> {
        if std::mem::replace(&mut self.open, true) {
            self.wire.ask("RSET\r\n", self.waits.command).await?;
        }
        let steps = [(Step::Mail, self.waits.mail), (Step::Rcpt, self.waits.rcpt), (Step::Data, self.waits.data)];
        for ((step, wait), line) in steps.into_iter().zip(lines) {
            let reply = self.wire.ask(line, wait).await?;
            let wanted = if step == Step::Data { reply.code == 354 } else { reply.class() == 2 };
            if !wanted {
                return Ok(Envelope::Refused(step, reply));
            }
        }
        Ok(Envelope::Open)
    }

    /// The message, in its wire form, and the answer to its final dot.
    pub(in crate::delivery) async fn content(&mut self, wire_form: &[u8]) -> Content {
        let blocks = u32::try_from(wire_form.len() / (64 << 10)).unwrap_or(u32::MAX).saturating_add(1);
        if self.wire.write(wire_form, self.waits.block.saturating_mul(blocks)).await.is_err() {
            // A server that had enough may have said so before it hung up.
            return match self.wire.reply(limits::SMTP_QUIT).await {
                Ok(reply) if reply.class() >= 4 => Content::Answered(reply),
                Ok(_) | Err(_) => Content::NotSent,
            };
        }
        match self.wire.reply(self.waits.dot).await {
            Ok(reply) if matches!(reply.class(), 2 | 4 | 5) => {
                self.open = false;
                Content::Answered(reply)
            }
            Ok(_) | Err(_) => Content::NoAnswer,
        }
    }

    /// A goodbye that nobody waits for long.
    pub(in crate::delivery) async fn quit(mut self) {
        let _courtesy = self.wire.ask("QUIT\r\n", limits::SMTP_QUIT).await;
    }
}

impl Offers {
    fn read(ehlo: &Reply) -> Offers {
        let mut offers = Offers::default();
        for line in ehlo.text.lines().skip(1) {
            let line = line.to_ascii_uppercase();
            let mut words = line.split([' ', '=']);
            match words.next() {
                Some("PIPELINING") => offers.pipelining = true,
                Some("STARTTLS") => offers.starttls = true,
                Some("SMTPUTF8") => offers.utf8 = true,
                Some("SIZE") => offers.size = Some(words.next().and_then(|n| n.parse().ok()).unwrap_or(0)),
                Some("AUTH") => words.for_each(|way| match way {
                    "PLAIN" => offers.plain = true,
                    "LOGIN" => offers.login = true,
                    _ => {}
                }),
                _ => {}
            }
        }
        offers
    }
}

/// The name in EHLO: this machine's if it is a full one, else the address we come from.
fn our_name(stream: &TcpStream) -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    let full = name.contains('.') && name.chars().all(|c| c.is_ascii_alphanumeric() || ".-".contains(c));
    match (full, stream.local_addr().map(|a| a.ip())) {
        (true, _) => name.to_owned(),
        (false, Ok(std::net::IpAddr::V4(ip))) => format!("[{ip}]"),
        (false, Ok(std::net::IpAddr::V6(ip))) => format!("[IPv6:{ip}]"),
        (false, Err(_)) => "[127.0.0.1]".into(),
    }
}

/// The address in an envelope or a header: a domain in A-labels, a quoted local part where it must be.
pub fn in_ascii(email: &Email) -> Option<String> {
    let envelope = email.envelope();
    let local = &envelope[..envelope.len() - email.domain().len()];
    Some(format!("{local}{}", resolve::a_labels(email.domain())?))
}

/// A reply that must be this one, or why there is no session.
fn expect(step: Step, reply: Result<Reply, Lost>, code: u16) -> Result<Reply, Trouble> {
    let name = step.name();
    match reply {
        Ok(reply) if reply.code == code => Ok(reply),
        Ok(reply) => Err(match plan::meaning(step, &reply) {
            plan::Meaning::Later | plan::Meaning::Reconnect => Trouble::Later(refused(step, &reply)),
            plan::Meaning::Ours | plan::Meaning::Bounce | plan::Meaning::Fail => {
                Trouble::Ours(sign_in_or(step, &reply))
            }
        }),
        Err(Lost::Closed) => Err(Trouble::Later(say!(
            "メールサーバーが {name} の途中で切断しました。",
            "The mail server hung up during {name}."
        ))),
        Err(Lost::Silent) => Err(Trouble::Later(say!(
            "メールサーバーが {name} に応答しません。",
            "The mail server did not answer {name}."
        ))),
        Err(Lost::Nonsense) => Err(Trouble::Ours(say!(
            "{name} の応答が SMTP ではありません。ホスト、ポート、TLS の種類を確かめてください。",
            "The answer to {name} is not SMTP. Check host, port and the kind of TLS."
        ))),
    }
}

fn sign_in_or(step: Step, reply: &Reply) -> Say {
    match step {
        Step::Auth => {
            let code = reply.code;
            say!(
                "メールサーバーがユーザー名かパスワードを受け付けません（{code}）。",
                "The mail server does not accept the user or the password ({code})."
            )
        }
        Step::Connect
        | Step::Banner
        | Step::Ehlo
        | Step::StartTls
        | Step::Mail
        | Step::Rcpt
        | Step::Data
        | Step::Dot => refused(step, reply),
    }
}
