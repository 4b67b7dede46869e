//! The receiving side of SMTP as a machine without a socket: bytes in, words and messages out.
//!
//! It answers in the order in which it was asked, however the bytes were cut. Where a message is whole it waits until it
//! is told whether the message is kept (`settle`): 250 is a promise. It never passes a mail on: whether an address is ours
//! is the one question it asks (`Recipients`), and what is not is refused while the sender is still there, so that nobody
//! gets a report about a mail that he did not send.
//!
//! **Invariant:** whatever comes, memory is bounded: one line, one piece of a message, one list of recipients.
//! **Invariant:** a client who only errs, or only talks, is sent away.

use super::data::{Came, Data};
use super::line::{self, Command};
use crate::base::limits;
use std::collections::VecDeque;

/// Whose mail is taken.
pub trait Recipients {
    type Known: Clone + PartialEq;
    /// `domain`: in lower case, nothing for a bare postmaster. `nobody`: the return path is empty.
    fn taking(&self, local: &str, domain: Option<&str>, nobody: bool) -> Taking<Self::Known>;
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taking<K> {
    Yes(K),
    NoSuch,
    /// Another host's address.
    NotOurs,
    /// Ours, but not for reports and automatic mail.
    NoReports,
    /// It cannot be told now.
    Later,
}

/// Who wrote and to whom, before the message itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope<K> {
    /// Nothing for the empty return path.
    pub from: Option<String>,
    pub to: Vec<K>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<K> {
    /// A line for the client, without its end.
    Say(String),
    /// A message begins.
    Begin(Envelope<K>),
    Piece(Vec<u8>),
    /// It is whole: `settle` must say what became of it.
    End,
    /// What came since `Begin` is to be forgotten.
    Discard,
    /// The client wants TLS now; whatever it has said so far is forgotten, and the conversation begins anew inside.
    StartTls,
    Over,
}

/// Whether the conversation is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    No,
    Offered,
    On,
}

pub struct Machine<K> {
    name: String,
    tls: Tls,
    input: Vec<u8>,
    out: VecDeque<Event<K>>,
    at: At,
    greeted: bool,
    envelope: Option<Envelope<K>>,
    errors: u32,
    lines: u32,
    messages: u32,
}

enum At {
    Commands,
    Data(Box<Data>),
    /// Until `settle`.
    Waiting,
    Over,
}

impl<K: Clone + PartialEq> Machine<K> {
    /// `name` is this host's. The first thing said is the greeting, except inside TLS.
    pub fn new(name: &str, tls: Tls) -> Machine<K> {
        let mut machine = Machine {
            name: name.to_owned(),
            tls,
            input: Vec::new(),
            out: VecDeque::new(),
            at: At::Commands,
            greeted: false,
            envelope: None,
            errors: 0,
            lines: 0,
            messages: 0,
        };
        if tls != Tls::On {
            machine.say(&format!("220 {name} ESMTP"));
        }
        machine
    }

    pub fn hear(&mut self, bytes: &[u8]) {
        if !matches!(self.at, At::Over) {
            self.input.extend_from_slice(bytes);
        }
    }

    /// What is to be done next; nothing while more must be heard (or settled) first.
    pub fn next<R: Recipients<Known = K>>(&mut self, who: &R) -> Option<Event<K>> {
        loop {
            if let Some(event) = self.out.pop_front() {
                return Some(event);
            }
            let went_on = match self.at {
                At::Commands => self.command(who),
                At::Data(_) => self.data(),
                At::Waiting | At::Over => false,
            };
            if !went_on {
                return None;
            }
        }
    }

    /// After `End`: it is kept for good, or it must be sent again later.
    pub fn settle(&mut self, kept: bool) {
        if !matches!(self.at, At::Waiting) {
            return;
        }
        self.at = At::Commands;
        self.messages += 1;
        match kept {
            true => self.say("250 2.0.0 Kept"),
            false => self.say("451 4.3.0 It could not be kept; send it again"),
        }
        if self.messages >= limits::INBOUND_MESSAGES {
            self.end("421 4.7.0 Enough for one connection");
        }
    }

    /// Ends the conversation from this side, whatever it is at.
    pub fn leave(&mut self, words: &str) {
        if !matches!(self.at, At::Over) {
            self.end(words);
        }
    }

    fn command<R: Recipients<Known = K>>(&mut self, who: &R) -> bool {
        let within = &self.input[..self.input.len().min(limits::INBOUND_LINE)];
        let Some(end) = within.iter().position(|b| *b == b'\n') else {
            if self.input.len() >= limits::INBOUND_LINE {
                self.end("500 5.5.6 The line is too long");
                return true;
            }
            return false;
        };
        let line: Vec<u8> = self.input.drain(..=end).collect();
        self.lines += 1;
        if self.lines > limits::INBOUND_LINES {
            self.end("421 4.7.0 Too many commands");
            return true;
        }
        match line.strip_suffix(b"\r\n") {
            Some(line) if !line.contains(&b'\r') => match line::read(line) {
                Ok(command) => self.obey(command, who),
                Err(fault) => self.say(fault),
            },
            _ => self.end("521 5.5.2 A line ends with CR LF"),
        }
        true
    }

    fn obey<R: Recipients<Known = K>>(&mut self, command: Command, who: &R) {
        match command {
            Command::Hello { extended } => self.hello(extended),
            Command::Mail { .. } if !self.greeted => self.say("503 5.5.1 Say EHLO first"),
            Command::Mail { .. } if self.envelope.is_some() => self.say("503 5.5.1 One message at a time"),
            Command::Mail { size, .. } if size > limits::INBOUND_SIZE => self.say("552 5.3.4 The message is too large"),
            Command::Mail { from, .. } => {
                self.envelope = Some(Envelope { from, to: Vec::new() });
                self.say("250 2.1.0 Go on");
            }
            Command::Rcpt { local, domain } => self.rcpt(&local, domain.as_deref(), who),
            Command::Data => self.begin(),
            Command::Reset => {
                self.envelope = None;
                self.say("250 2.0.0 Forgotten");
            }
            Command::Noop => self.say("250 2.0.0 Well"),
            Command::Verify => self.say("252 2.1.5 Send it and see"),
            Command::StartTls if self.tls == Tls::Offered => {
                self.say("220 2.0.0 Begin");
                self.out.push_back(Event::StartTls);
                self.over();
            }
            Command::StartTls => self.say("502 5.5.1 There is no TLS to begin"),
            Command::Quit => self.end("221 2.0.0 Goodbye"),
            Command::Unknown => self.say("500 5.5.1 This command is not known"),
        }
    }

    fn hello(&mut self, extended: bool) {
        (self.greeted, self.envelope) = (true, None);
        if !extended {
            return self.say(&format!("250 {}", self.name));
        }
        let mut lines = vec![self.name.clone(), format!("SIZE {}", limits::INBOUND_SIZE)];
        lines.extend(["8BITMIME", "SMTPUTF8", "PIPELINING", "ENHANCEDSTATUSCODES"].map(str::to_owned));
        lines.extend((self.tls == Tls::Offered).then(|| "STARTTLS".to_owned()));
        let last = lines.len() - 1;
        for (n, line) in lines.iter().enumerate() {
            self.say(&format!("250{}{line}", if n == last { ' ' } else { '-' }));
        }
    }

    fn rcpt<R: Recipients<Known = K>>(&mut self, local: &str, domain: Option<&str>, who: &R) {
        let Some(envelope) = &mut self.envelope else { return self.say("503 5.5.1 Say MAIL first") };
        if envelope.to.len() >= limits::INBOUND_RECIPIENTS {
            return self.say("452 4.5.3 Too many recipients");
        }
        match who.taking(local, domain, envelope.from.is_none()) {
            Taking::Yes(known) => {
                if !envelope.to.contains(&known) {
                    envelope.to.push(known);
                }
                self.say("250 2.1.5 Go on");
            }
            Taking::NoSuch => self.say("550 5.1.1 There is no such address here"),
            Taking::NotOurs => self.say("550 5.7.1 Relaying is not done here"),
            Taking::NoReports => self.say("550 5.7.1 This address takes no reports"),
            Taking::Later => self.say("451 4.3.0 It cannot be told now; try again"),
        }
    }

    fn begin(&mut self) {
        match self.envelope.take() {
            Some(envelope) if !envelope.to.is_empty() => {
                self.at = At::Data(Box::new(Data::new()));
                self.say("354 Go on; a dot alone ends it");
                self.out.push_back(Event::Begin(envelope));
            }
            Some(empty) => {
                self.envelope = Some(empty);
                self.say("554 5.5.1 Nobody to take it");
            }
            None => self.say("503 5.5.1 Say MAIL and RCPT first"),
        }
    }

    fn data(&mut self) -> bool {
        let At::Data(data) = &mut self.at else { return false };
        let (taken, came) = data.take(&self.input);
        self.input.drain(..taken);
        match came {
            Came::OutOfBytes => return false,
            Came::Full => {
                let piece = data.piece();
                self.out.push_back(Event::Piece(piece));
            }
            Came::End => self.whole(),
            Came::Bare => self.refuse_all("521 5.5.2 A line ends with CR LF"),
            Came::Endless => self.refuse_all("552 5.3.4 The message does not end"),
        }
        true
    }

    fn whole(&mut self) {
        let At::Data(mut data) = std::mem::replace(&mut self.at, At::Commands) else { return };
        if data.is_good() {
            let piece = data.piece();
            self.out.extend((!piece.is_empty()).then_some(Event::Piece(piece)));
            self.out.push_back(Event::End);
            self.at = At::Waiting;
            // What comes in turn is paid for by a message.
            self.lines = 0;
            return;
        }
        self.out.push_back(Event::Discard);
        match data.too_large() {
            true => self.say("552 5.3.4 The message is too large"),
            false => self.say("554 5.6.0 A line is too long"),
        }
    }

    fn refuse_all(&mut self, words: &str) {
        self.out.push_back(Event::Discard);
        self.end(words);
    }

    /// Counts what is wrong; who has been wrong too often is sent away.
    fn say(&mut self, words: &str) {
        self.out.push_back(Event::Say(words.to_owned()));
        if words.starts_with('5') {
            self.errors += 1;
            if self.errors >= limits::INBOUND_ERRORS {
                self.end("421 4.7.0 Too many errors");
            }
        }
    }

    fn end(&mut self, words: &str) {
        self.out.push_back(Event::Say(words.to_owned()));
        self.over();
    }

    fn over(&mut self) {
        self.out.push_back(Event::Over);
        self.at = At::Over;
        self.input = Vec::new();
    }
}

#[cfg(test)]
mod tests;
