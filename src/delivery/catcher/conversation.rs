//! One connection to the catcher: greeting, commands, mails, until either side hangs up.

use super::Inner;
use super::script::Act;
use crate::delivery::smtp::Step;
use rustls::{ServerConnection, StreamOwned};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

/// How often a waiting connection looks whether the catcher has been stopped.
pub(super) const TICK: Duration = Duration::from_millis(500);

/// Reads through time-outs until the catcher stops.
struct Patient<S> {
    stream: S,
    inner: Arc<Inner>,
}

impl<S: Read> Read for Patient<S> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        loop {
            match self.stream.read(buf) {
                Err(e) if matches!(e.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                    if self.inner.stopped() {
                        return Ok(0);
                    }
                }
                other => return other,
            }
        }
    }
}

impl<S: Write> Write for Patient<S> {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        self.stream.write(buf)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.stream.flush()
    }
}

trait Duplex: Read + Write {}
impl<T: Read + Write> Duplex for T {}

/// `Hang up` is an error like a broken connection: both end the conversation.
fn hang_up() -> std::io::Error {
    std::io::ErrorKind::ConnectionAborted.into()
}

pub(super) fn converse(stream: TcpStream, inner: &Arc<Inner>) -> std::io::Result<()> {
    let patient = Patient { stream, inner: Arc::clone(inner) };
    let mut talk = Talk { inner, tls: false, signed_in: false, line: Vec::new() };
    if inner.offer.implicit
        && let Some(config) = &inner.tls
    {
        let connection = ServerConnection::new(Arc::clone(config)).map_err(std::io::Error::other)?;
        talk.tls = true;
        let mut stream: Box<dyn Duplex> = Box::new(StreamOwned::new(connection, patient));
        return talk.greet(&mut BufReader::new(&mut stream));
    }
    let mut plain = BufReader::new(patient);
    talk.greet(&mut plain).and_then(|()| if talk.tls { Ok(()) } else { Err(hang_up()) })?;
    // STARTTLS was accepted: what was buffered in plain text is thrown away with its reader.
    let config = inner.tls.as_ref().ok_or_else(hang_up)?;
    let connection = ServerConnection::new(Arc::clone(config)).map_err(std::io::Error::other)?;
    let mut stream: Box<dyn Duplex> = Box::new(StreamOwned::new(connection, plain.into_inner()));
    talk.commands(&mut BufReader::new(&mut stream))
}

struct Talk<'a> {
    inner: &'a Inner,
    tls: bool,
    signed_in: bool,
    line: Vec<u8>,
}

type Way<'w, S> = &'w mut BufReader<S>;

/// Longest line and message that are taken.
const LINE_MAX: u64 = 64 << 10;
const MESSAGE_MAX: usize = 64 << 20;

impl Talk<'_> {
    fn greet<S: Read + Write>(&mut self, way: Way<'_, S>) -> std::io::Result<()> {
        self.answer(way, Step::Banner, "", "220 catcher.localhost ESMTP")?;
        self.commands(way)
    }

    /// Until QUIT (an error, as any end is) or an accepted STARTTLS.
    fn commands<S: Read + Write>(&mut self, way: Way<'_, S>) -> std::io::Result<()> {
        let (mut from, mut to): (Option<String>, Vec<String>) = (None, Vec::new());
        loop {
            let line = self.read_line(way)?;
            self.inner.hear(&line);
            let verb = line.split([' ', ':']).next().unwrap_or("").to_ascii_uppercase();
            match verb.as_str() {
                "EHLO" | "HELO" => {
                    let offers = self.offers();
                    self.answer(way, Step::Ehlo, "", &offers)?;
                }
                "STARTTLS" if self.inner.tls.is_some() && !self.tls => {
                    if self.answer(way, Step::StartTls, "", "220 2.0.0 go ahead")? {
                        self.tls = true;
                        return Ok(());
                    }
                }
                "AUTH" => self.sign_in(way, &line)?,
                "MAIL" if self.inner.offer.login.is_some() && !self.signed_in => {
                    say(way, "530 5.7.0 authentication required")?;
                }
                "MAIL" => {
                    if self.answer(way, Step::Mail, &line, "250 2.1.0 ok")? {
                        from = Some(address(&line));
                        to.clear();
                    }
                }
                "RCPT" if from.is_none() => say(way, "503 5.5.1 MAIL first")?,
                "RCPT" => {
                    if self.answer(way, Step::Rcpt, &line, "250 2.1.5 ok")? {
                        to.push(address(&line));
                    }
                }
                "DATA" if to.is_empty() => say(way, "503 5.5.1 no valid recipients")?,
                "DATA" => {
                    if self.answer(way, Step::Data, &to.join(" "), "354 go ahead")? {
                        let bytes = read_message(way)?;
                        self.take(way, from.take().unwrap_or_default(), std::mem::take(&mut to), bytes)?;
                    }
                }
                "RSET" => {
                    (from, to) = (None, Vec::new());
                    say(way, "250 2.0.0 ok")?;
                }
                "NOOP" => say(way, "250 2.0.0 ok")?,
                "QUIT" => {
                    say(way, "221 2.0.0 bye")?;
                    return Err(hang_up());
                }
                _ => say(way, "502 5.5.2 what?")?,
            }
        }
    }

    fn offers(&self) -> String {
        let offer = &self.inner.offer;
        let mut lines = vec!["catcher.localhost".to_owned(), "ENHANCEDSTATUSCODES".into(), "8BITMIME".into()];
        lines.extend(offer.pipelining.then(|| "PIPELINING".into()));
        lines.extend(offer.utf8.then(|| "SMTPUTF8".into()));
        lines.extend(offer.size.map(|size| format!("SIZE {size}")));
        lines.extend((self.inner.tls.is_some() && !self.tls).then(|| "STARTTLS".into()));
        lines.extend(offer.login.is_some().then(|| "AUTH PLAIN LOGIN".into()));
        let last = lines.pop().unwrap_or_default();
        lines.iter().map(|l| format!("250-{l}\r\n")).collect::<String>() + &format!("250 {last}")
    }

    /// Answers as scripted, or as ever. True when the step was taken.
    fn answer<S: Read + Write>(&self, way: Way<'_, S>, at: Step, about: &str, usual: &str) -> std::io::Result<bool> {
        match self.inner.scripted(at, about) {
            None => say(way, usual).map(|()| true),
            Some(Act::Say(line)) => say(way, &line).map(|()| line.starts_with(['2', '3'])),
            Some(Act::Drop | Act::KeepAndDrop) => Err(hang_up()),
            Some(Act::Delay(wait)) => {
                self.inner.delay(wait);
                say(way, usual).map(|()| true)
            }
        }
    }

    fn take<S: Read + Write>(
        &self,
        way: Way<'_, S>,
        from: String,
        to: Vec<String>,
        bytes: Vec<u8>,
    ) -> std::io::Result<()> {
        match self.inner.scripted(Step::Dot, &to.join(" ")) {
            Some(Act::Say(line)) => {
                if line.starts_with('2') {
                    self.inner.catch(from, to, bytes);
                }
                return say(way, &line);
            }
            Some(Act::Drop) => return Err(hang_up()),
            Some(Act::KeepAndDrop) => {
                self.inner.catch(from, to, bytes);
                return Err(hang_up());
            }
            Some(Act::Delay(wait)) => self.inner.delay(wait),
            None => {}
        }
        self.inner.catch(from, to, bytes);
        say(way, "250 2.0.0 caught")
    }

    fn sign_in<S: Read + Write>(&mut self, way: Way<'_, S>, line: &str) -> std::io::Result<()> {
        let Some((user, password)) = self.inner.offer.login.clone() else { return say(way, "502 5.5.1 no AUTH") };
        let mut words = line.split_whitespace().skip(1);
        let way_in = words.next().unwrap_or("").to_ascii_uppercase();
        let given = match (way_in.as_str(), words.next()) {
            ("PLAIN", Some(both)) => {
                let both = decoded(both);
                let mut parts = both.split(|b| *b == 0).skip(1).map(<[u8]>::to_vec);
                (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
            }
            ("LOGIN", None) => {
                say(way, "334 VXNlcm5hbWU6")?;
                let user = decoded(&self.read_line(way)?);
                say(way, "334 UGFzc3dvcmQ6")?;
                (user, decoded(&self.read_line(way)?))
            }
            _ => return say(way, "504 5.5.4 unknown way to sign in"),
        };
        let right = given.0 == user.as_bytes() && given.1 == password.bytes();
        let usual = if right { "235 2.7.0 welcome" } else { "535 5.7.8 wrong" };
        self.signed_in = self.answer(way, Step::Auth, "", usual)? && right;
        Ok(())
    }

    fn read_line<S: Read>(&mut self, way: Way<'_, S>) -> std::io::Result<String> {
        self.line.clear();
        way.by_ref().take(LINE_MAX).read_until(b'\n', &mut self.line)?;
        match self.line.ends_with(b"\n") {
            true => Ok(String::from_utf8_lossy(&self.line).trim_end().to_owned()),
            false => Err(hang_up()),
        }
    }
}

fn say<S: Read + Write>(way: Way<'_, S>, line: &str) -> std::io::Result<()> {
    way.get_mut().write_all(format!("{line}\r\n").as_bytes())?;
    way.get_mut().flush()
}

fn decoded(text: &str) -> Vec<u8> {
    data_encoding::BASE64.decode(text.trim().as_bytes()).unwrap_or_default()
}

/// What stands between the angle brackets.
fn address(line: &str) -> String {
    line.split_once('<').and_then(|(_, rest)| rest.rsplit_once('>')).map_or("", |(inside, _)| inside).to_owned()
}

fn read_message<S: Read>(way: Way<'_, S>) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        let start = bytes.len();
        way.by_ref().take(MESSAGE_MAX as u64).read_until(b'\n', &mut bytes)?;
        let line = &bytes[start..];
        if !line.ends_with(b"\n") || bytes.len() > MESSAGE_MAX {
            return Err(hang_up());
        }
        if line == b".\r\n" {
            bytes.truncate(start);
            return Ok(bytes);
        }
        if line[0] == b'.' {
            bytes.remove(start);
        }
    }
}
