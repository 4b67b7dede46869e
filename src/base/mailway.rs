//! How the door hands a connection that brings mail to the worker: one line before the client's own bytes, and one byte
//! after the worker's last words.
//!
//! The client cannot forge the line, because it stands before anything of his; nor the byte, because the worker alone
//! writes in that direction, and what it says to clients is text.

use std::net::IpAddr;

/// The conversation is over: what was said before this byte is the end of it.
pub const OVER: u8 = 0x04;
/// The client wants TLS: the door begins it with him, and a conversation anew with the worker.
pub const BEGIN_TLS: u8 = 0x16;

/// Whose connection it is, and how it is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intro {
    pub from: IpAddr,
    pub tls: Protection,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// None, and none can be had.
    Plain,
    Offered,
    On,
}

/// Longest line that is read.
pub const LINE_MAX: usize = 100;

impl Intro {
    pub fn line(&self) -> String {
        let tls = match self.tls {
            Protection::Plain => "plain",
            Protection::Offered => "offered",
            Protection::On => "on",
        };
        format!("from {} tls {tls}\n", self.from)
    }

    pub fn parse(line: &str) -> Option<Intro> {
        let mut words = line.trim_end().split(' ');
        let (from, ip, tls) = (words.next()?, words.next()?.parse().ok()?, words.next()?);
        let protection = match words.next()? {
            "plain" => Protection::Plain,
            "offered" => Protection::Offered,
            "on" => Protection::On,
            _ => return None,
        };
        ((from, tls) == ("from", "tls") && words.next().is_none()).then_some(Intro { from: ip, tls: protection })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_read_back_and_anything_else_is_none() {
        for from in ["192.0.2.7", "2001:db8::9"] {
            for tls in [Protection::Plain, Protection::Offered, Protection::On] {
                let intro = Intro { from: from.parse().unwrap(), tls };
                assert!(intro.line().len() <= LINE_MAX);
                assert_eq!(Intro::parse(&intro.line()), Some(intro));
            }
        }
        for bad in
            ["", "EHLO x", "from x tls on", "from 192.0.2.7 tls", "from 192.0.2.7 tls on x", "from 192.0.2.7 tls maybe"]
        {
            assert_eq!(Intro::parse(bad), None, "{bad}");
        }
    }
}
