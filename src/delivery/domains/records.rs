//! What a domain should publish, from what the house knows of itself. Pure.

use super::entry::Entry;
use super::sending::Sending;
use crate::base::names::reverse_name;
use crate::base::{Domain, Email, Say};
use crate::delivery::dkim::{Pair, State};
use serde::Serialize;
use std::net::IpAddr;

/// All that the records of one domain follow from.
#[derive(Clone, Debug)]
pub struct Profile {
    pub entry: Entry,
    pub sending: Sending,
    /// The pairs that sign for it, waiting and retiring ones too: its own, else those of the nearest domain above it.
    pub pairs: Vec<Pair>,
}

/// Names of records are a promise to scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    SpfReturnPath,
    SpfFrom,
    SpfHelo,
    Dkim,
    Dmarc,
    ReturnPath,
    FromHost,
    Helo,
    Reverse,
    TlsReports,
    MtaSts,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RecordType {
    Txt,
    Mx,
    A,
    Aaaa,
    Ptr,
}

/// One record that is to be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub check: Check,
    pub name: String,
    pub kind: RecordType,
    /// As a page of a DNS provider takes it; empty where nothing can be named yet.
    pub value: String,
    /// Without it mail is refused or lost; the others are good to have.
    pub required: bool,
    /// What it is for.
    pub why: Say,
}

/// Bytes in one string of a TXT record.
const STRING: usize = 255;

impl Wanted {
    /// As it stands in a zone file: a long text in several strings.
    pub fn zone_line(&self) -> String {
        let kind = match self.kind {
            RecordType::Txt => "TXT",
            RecordType::Mx => "MX",
            RecordType::A => "A",
            RecordType::Aaaa => "AAAA",
            RecordType::Ptr => "PTR",
        };
        let value = match self.kind {
            RecordType::Txt => return txt_line(&self.name, &self.value),
            RecordType::Mx | RecordType::Ptr => format!("{}.", self.value),
            RecordType::A | RecordType::Aaaa => self.value.clone(),
        };
        format!("{}. IN {kind} {value}", self.name)
    }
}

/// A TXT record as it stands in a zone file.
pub fn txt_line(name: &str, text: &str) -> String {
    let escaped = |s: &String| s.replace('\\', "\\\\").replace('"', "\\\"");
    let quoted: Vec<String> = strings(text).iter().map(|s| format!("\"{}\"", escaped(s))).collect();
    format!("{name}. IN TXT {}", quoted.join(" "))
}

/// A text cut into the strings of a TXT record. What we publish is ASCII.
fn strings(text: &str) -> Vec<String> {
    text.as_bytes().chunks(STRING).map(|piece| String::from_utf8_lossy(piece).into_owned()).collect()
}

impl Profile {
    pub fn domain(&self) -> &Domain {
        &self.entry.domain
    }

    /// The pairs whose records are to be published.
    pub fn published(&self) -> impl Iterator<Item = &Pair> {
        self.pairs.iter().filter(|p| p.state != State::Gone)
    }

    /// The terms of an SPF record that let our mail pass.
    pub(super) fn spf_terms(&self) -> Vec<String> {
        let address = |ip: IpAddr| match ip {
            IpAddr::V4(ip) => format!("ip4:{ip}"),
            IpAddr::V6(ip) => format!("ip6:{ip}"),
        };
        let includes = self.sending.includes.iter().map(|name| format!("include:{name}"));
        self.sending.public().into_iter().map(address).chain(includes).collect()
    }

    pub(super) fn helo(&self) -> Option<&Domain> {
        self.sending.helo.as_ref()
    }
}

/// A new record: `-all` where only the house sends, `~all` where others may as well.
pub(super) fn spf(terms: &[String], end: &str) -> String {
    match terms {
        [] => String::new(),
        terms => format!("v=spf1 {} {end}", terms.join(" ")),
    }
}

pub(super) fn dmarc(reports: Option<&Email>) -> String {
    match reports {
        Some(to) => format!("v=DMARC1; p=none; rua=mailto:{to}"),
        None => "v=DMARC1; p=none".to_owned(),
    }
}

pub(super) fn address(host: &Domain, ip: IpAddr) -> Wanted {
    Wanted {
        check: Check::Helo,
        name: host.to_string(),
        kind: if ip.is_ipv4() { RecordType::A } else { RecordType::Aaaa },
        value: ip.to_string(),
        required: true,
        why: say!(
            "送信サーバーの名前から、送信元アドレスが引けるようにします。",
            "The name of the sending server leads to the address that mail comes from."
        ),
    }
}

pub(super) fn reverse(ip: IpAddr, helo: Option<&Domain>) -> Wanted {
    Wanted {
        check: Check::Reverse,
        name: reverse_name(ip),
        kind: RecordType::Ptr,
        value: helo.map(Domain::to_string).unwrap_or_default(),
        required: true,
        why: say!(
            "送信元アドレスから、送信サーバーの名前が引けるようにします（逆引き）。回線やサーバーの事業者に頼む設定です。",
            "The address leads back to the server's name. Whoever rents you the line or the server sets it."
        ),
    }
}

pub(super) fn return_path(entry: &Entry, helo: &Domain) -> Wanted {
    Wanted {
        check: Check::ReturnPath,
        name: entry.return_path.to_string(),
        kind: RecordType::Mx,
        value: format!("10 {helo}"),
        required: true,
        why: say!("届かなかったことの知らせ（エラーメール）を受け取ります。", "Reports of failure come back here."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_into_strings_of_255_bytes() {
        let wanted = |kind, value: &str| Wanted {
            check: Check::Dkim,
            name: "s._domainkey.example.jp".to_owned(),
            kind,
            value: value.to_owned(),
            required: true,
            why: say!("", ""),
        };
        let long = "k".repeat(600);
        let line = wanted(RecordType::Txt, &long).zone_line();
        let cut: Vec<usize> = line.split('"').skip(1).step_by(2).map(str::len).collect();
        assert_eq!(cut, [255, 255, 90]);
        for (kind, value, want) in [
            (RecordType::Txt, "v=spf1 -all", "s._domainkey.example.jp. IN TXT \"v=spf1 -all\""),
            (RecordType::Mx, "10 mail.example.jp", "s._domainkey.example.jp. IN MX 10 mail.example.jp."),
            (RecordType::A, "192.0.2.7", "s._domainkey.example.jp. IN A 192.0.2.7"),
        ] {
            assert_eq!(wanted(kind, value).zone_line(), want);
        }
    }

    #[test]
    fn a_new_policy_names_who_sends_and_nobody_else() {
        assert_eq!(spf(&[], "-all"), "", "nothing can be said before an address is named");
        assert_eq!(spf(&["ip4:192.0.2.7".to_owned()], "-all"), "v=spf1 ip4:192.0.2.7 -all");
        assert_eq!(dmarc(None), "v=DMARC1; p=none");
        let to = Email::parse("dmarc@example.jp").unwrap();
        assert_eq!(dmarc(Some(&to)), "v=DMARC1; p=none; rua=mailto:dmarc@example.jp");
    }
}
