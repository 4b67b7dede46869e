//! DKIM signatures of one message: two of them over the same fields, RSA for everybody and Ed25519 (RFC 8463) for who
//! knows it. Pure: message and time in, header lines out.

use super::canon::{self, Field};
use crate::base::{Error, Result, Time};
use aws_lc_rs::digest::{Context, SHA256};
use aws_lc_rs::signature::{Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use data_encoding::BASE64;
use std::fmt;
use std::time::Duration;

/// A private key, parsed once.
pub(super) enum Private {
    Rsa(RsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

pub(super) struct Key {
    pub(super) selector: String,
    pub(super) private: Private,
}

/// Signs in the name of one domain. One is shared by all threads.
pub struct Signer {
    domain: String,
    /// The number of the pair.
    pair: i64,
    keys: Vec<Key>,
    valid: Option<Duration>,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("domain", &self.domain).finish_non_exhaustive()
    }
}

/// How often a field's name stands in `h=` beyond the fields that are there. One more name than fields means that nobody
/// can add another such field on the way (RFC 6376 8.15).
#[derive(Clone, Copy, PartialEq)]
enum More {
    /// One more, also where the message has none.
    Always,
    /// One more where the message has one: a list server may add its own where there was none.
    IfThere,
    None,
}

/// What is signed, in the order of `h=`.
const SIGNED: &[(&str, More)] = &[
    ("From", More::Always),
    ("To", More::Always),
    ("Cc", More::Always),
    ("Subject", More::Always),
    ("Date", More::Always),
    ("Message-ID", More::Always),
    ("Reply-To", More::Always),
    ("Sender", More::IfThere),
    ("In-Reply-To", More::IfThere),
    ("References", More::IfThere),
    ("MIME-Version", More::Always),
    ("Content-Type", More::Always),
    ("Content-Transfer-Encoding", More::Always),
    ("List-Unsubscribe", More::IfThere),
    ("List-Unsubscribe-Post", More::IfThere),
    ("List-Id", More::IfThere),
    ("Feedback-ID", More::None),
    ("Auto-Submitted", More::None),
];

/// No line of ours is longer, its end not counted, unless one name alone is.
const LINE: usize = 76;

impl Signer {
    pub(super) fn new(domain: &str, pair: i64, keys: Vec<Key>) -> Signer {
        Signer { domain: domain.to_owned(), pair, keys, valid: None }
    }

    pub(super) fn pair(&self) -> i64 {
        self.pair
    }

    /// The same; its signatures say until when they count (`x=`).
    pub fn valid_for(self, valid: Duration) -> Signer {
        Signer { valid: Some(valid), ..self }
    }

    /// The domain that signs (`d=`).
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The header lines to put in front of this message, which ends its lines in CRLF.
    pub fn sign(&self, message: &[u8], now: Time) -> Result<Vec<u8>> {
        let (fields, body) = canon::split(message);
        let bodyhash = BASE64.encode(bodyhash(body).as_ref());
        let mut scratch = Vec::with_capacity(2048);
        let names = choose(&fields, &mut scratch)?;
        let mut common = Context::new(&SHA256);
        common.update(&scratch);
        let mut out = Vec::with_capacity(self.keys.len() * 1200);
        for key in &self.keys {
            let start = out.len();
            self.write_unsigned(&mut out, key, (&names, &bodyhash), now);
            let own = &out[start + NAME.len() + 1..];
            scratch.clear();
            canon::header(Field { name: NAME.as_bytes(), value: own }, &mut scratch);
            let mut context = common.clone();
            context.update(&scratch);
            let signature = key.private.sign(context)?;
            fold(&mut out, &BASE64.encode(&signature), "b=".len() + 1);
            out.extend_from_slice(b"\r\n");
        }
        Ok(out)
    }

    /// The field up to an empty `b=`, which is what is signed.
    fn write_unsigned(&self, out: &mut Vec<u8>, key: &Key, (names, bodyhash): (&[&str], &str), now: Time) {
        let mut lines = Lines::start(out, key.private.algorithm());
        let seconds = now.ms().div_euclid(1000);
        lines.tag("d=", &self.domain);
        lines.tag("s=", &key.selector);
        lines.tag("t=", &seconds.to_string());
        if let Some(valid) = self.valid {
            lines.tag("x=", &now.plus(valid).ms().div_euclid(1000).to_string());
        }
        lines.names(names);
        lines.tag("bh=", bodyhash);
        lines.last("b=");
    }
}

const NAME: &str = "DKIM-Signature";

impl Private {
    fn algorithm(&self) -> &'static str {
        match self {
            Private::Rsa(_) => "rsa-sha256",
            Private::Ed25519(_) => "ed25519-sha256",
        }
    }

    fn sign(&self, hashed: Context) -> Result<Vec<u8>> {
        let failed = |_| Error::bug("a DKIM key that does not sign");
        let digest = hashed.finish();
        match self {
            Private::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign_digest(&RSA_PKCS1_SHA256, &digest, &mut signature).map_err(failed)?;
                Ok(signature)
            }
            // RFC 8463 3: what Ed25519 signs is the hash itself.
            Private::Ed25519(key) => Ok(key.try_sign(digest.as_ref()).map_err(failed)?.as_ref().to_vec()),
        }
    }
}

fn bodyhash(body: &[u8]) -> aws_lc_rs::digest::Digest {
    let mut hash = Context::new(&SHA256);
    canon::body(body, |piece| hash.update(piece));
    hash.finish()
}

/// The names for `h=`; into `out` goes what they stand for, the last field of a name first (RFC 6376 5.4.2).
fn choose(fields: &[Field<'_>], out: &mut Vec<u8>) -> Result<Vec<&'static str>> {
    let mut names = Vec::with_capacity(40);
    for (name, more) in SIGNED {
        let before = names.len();
        for field in fields.iter().rev().filter(|f| f.name.eq_ignore_ascii_case(name.as_bytes())) {
            canon::header(*field, out);
            out.extend_from_slice(b"\r\n");
            names.push(*name);
        }
        let there = names.len() > before;
        if *name == "From" && !there {
            return Err(Error::bug("a message without From"));
        }
        if *more == More::Always || (*more == More::IfThere && there) {
            names.push(name);
        }
    }
    Ok(names)
}

/// Writes a field tag by tag, folding where a line would become too long.
struct Lines<'a> {
    out: &'a mut Vec<u8>,
    column: usize,
}

impl<'a> Lines<'a> {
    fn start(out: &'a mut Vec<u8>, algorithm: &str) -> Lines<'a> {
        let first = format!("{NAME}: v=1; a={algorithm}; c=relaxed/relaxed;");
        out.extend_from_slice(first.as_bytes());
        Lines { out, column: first.len() }
    }

    fn tag(&mut self, name: &str, value: &str) {
        self.room(name.len() + value.len() + 1);
        self.put(name);
        self.put(value);
        self.put(";");
    }

    /// `h=`, folded after a colon (RFC 6376 3.5 allows spaces there).
    fn names(&mut self, names: &[&str]) {
        self.fold();
        self.put("h=");
        for (n, name) in names.iter().enumerate() {
            if self.column + name.len() + 1 > LINE {
                self.fold();
            }
            self.put(name);
            self.put(if n + 1 < names.len() { ":" } else { ";" });
        }
    }

    /// At the start of a line of its own.
    fn last(&mut self, name: &str) {
        self.fold();
        self.put(name);
    }

    /// A space, or a new line where so many bytes do not fit after one.
    fn room(&mut self, needed: usize) {
        match self.column + 1 + needed > LINE {
            true => self.fold(),
            false => self.put(" "),
        }
    }

    fn fold(&mut self) {
        self.out.extend_from_slice(b"\r\n\t");
        self.column = 1;
    }

    fn put(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
        self.column += text.len();
    }
}

/// Base64 over several lines, the first of which is filled up to `column`.
fn fold(out: &mut Vec<u8>, text: &str, column: usize) {
    let (first, mut rest) = text.as_bytes().split_at(text.len().min(LINE - column));
    out.extend_from_slice(first);
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(LINE - 1));
        out.extend_from_slice(b"\r\n\t");
        out.extend_from_slice(line);
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::signature::KeyPair;
    use aws_lc_rs::signature::{ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

    const MESSAGE: &str = "From: =?utf-8?b?6YGL44G25ZWG5bqX?= <news@news.example.jp>\r\n\
        To: hanako@example.jp\r\nSubject: =?utf-8?b?56eL44Gu?=\r\n =?utf-8?b?5qGI5YaF?=\r\n\
        Date: Tue, 1 Dec 2026 10:00:00 +0900\r\nMessage-ID: <1@news.example.jp>\r\nMIME-Version: 1.0\r\n\
        Content-Type: text/plain; charset=utf-8\r\nList-Unsubscribe: <https://news.example.jp/u/1>\r\n\
        X-Other: not signed\r\n\r\nHello  there \r\n\r\n\r\n";

    fn signer() -> Signer {
        let rsa = RsaKeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
        let ed = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let keys = vec![
            Key { selector: "hkb20261201r".to_owned(), private: Private::Rsa(rsa) },
            Key { selector: "hkb20261201e".to_owned(), private: Private::Ed25519(ed) },
        ];
        Signer::new("news.example.jp", 1, keys)
    }

    fn signed(message: &str) -> String {
        String::from_utf8(signer().sign(message.as_bytes(), Time(1_796_054_400_000)).unwrap()).unwrap()
    }

    /// Each signature as a list of tags, whitespace gone.
    fn tags(header: &str) -> Vec<Vec<(String, String)>> {
        let (fields, _) = canon::split(header.as_bytes());
        let one = |field: &Field<'_>| {
            let text: String = String::from_utf8_lossy(field.value).chars().filter(|c| !c.is_whitespace()).collect();
            text.split(';').map(|t| t.split_once('=').map(|(a, b)| (a.into(), b.into())).unwrap()).collect()
        };
        fields.iter().map(one).collect()
    }

    fn tag(list: &[(String, String)], name: &str) -> String {
        list.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone()).unwrap_or_default()
    }

    #[test]
    fn two_signatures_stand_in_front_over_the_same_fields() {
        let text = signed(MESSAGE);
        assert!(text.starts_with("DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;") && text.ends_with("\r\n"));
        let both = tags(&text);
        assert_eq!(both.len(), 2);
        for (list, (algorithm, selector)) in
            both.iter().zip([("rsa-sha256", "hkb20261201r"), ("ed25519-sha256", "hkb20261201e")])
        {
            assert_eq!((tag(list, "a"), tag(list, "s")), (algorithm.to_owned(), selector.to_owned()));
            assert_eq!((tag(list, "d"), tag(list, "t")), ("news.example.jp".to_owned(), "1796054400".to_owned()));
            assert_eq!((tag(list, "x"), tag(list, "h")), (String::new(), tag(&both[0], "h")));
        }
        let names = tag(&both[0], "h");
        let count = |name: &str| names.split(':').filter(|n| *n == name).count();
        for (name, want) in [
            ("From", 2),
            ("To", 2),
            ("Subject", 2),
            ("Date", 2),
            ("Reply-To", 1),
            ("List-Unsubscribe", 2),
            ("List-Unsubscribe-Post", 0),
            ("X-Other", 0),
        ] {
            assert_eq!(count(name), want, "{name} in {names}");
        }
    }

    #[test]
    fn lines_are_short_and_fold_where_the_grammar_allows() {
        let long = format!("{}.{}.example.jp", "a".repeat(40), "b".repeat(40));
        let text = Signer { domain: long, ..signer() }.sign(MESSAGE.as_bytes(), Time(0)).unwrap();
        for text in [signed(MESSAGE), String::from_utf8(text).unwrap()] {
            for line in text.split_terminator("\r\n") {
                assert!(line.len() < 78 || line.trim_start().starts_with("d="), "{line}");
                assert!(line.starts_with(['\t', 'D']) && line.trim_end() == line, "{line:?}");
            }
            assert!(text.contains("\r\n\th=From:") && text.contains("\r\n\tb="));
        }
    }

    #[test]
    fn an_expiry_is_said_when_it_is_wished() {
        let text = signer().valid_for(Duration::from_secs(7 * 24 * 3600)).sign(MESSAGE.as_bytes(), Time(1000)).unwrap();
        assert_eq!(tag(&tags(&String::from_utf8(text).unwrap())[0], "x"), "604801");
    }

    #[test]
    fn a_message_without_a_sender_is_not_signed() {
        assert!(signer().sign(b"To: a@example.jp\r\n\r\n", Time(0)).is_err());
    }

    /// What the tags of one signature say that was signed.
    fn input(own: &Field<'_>, message: &[Field<'_>], tags: &[(String, String)]) -> Vec<u8> {
        let mut input = Vec::new();
        let mut left = message.to_vec();
        for name in tag(tags, "h").split(':') {
            if let Some(n) = left.iter().rposition(|f| f.name.eq_ignore_ascii_case(name.as_bytes())) {
                canon::header(left.remove(n), &mut input);
                input.extend_from_slice(b"\r\n");
            }
        }
        let value = String::from_utf8_lossy(own.value).into_owned();
        let empty = value.rsplit_once("b=").map(|(before, _)| format!("{before}b=")).unwrap();
        canon::header(Field { name: b"dkim-signature", value: empty.as_bytes() }, &mut input);
        input
    }

    #[test]
    fn both_signatures_verify_over_what_their_tags_name() {
        let signer = signer();
        let text = String::from_utf8(signer.sign(MESSAGE.as_bytes(), Time(0)).unwrap()).unwrap();
        let (own, _) = canon::split(text.as_bytes());
        let (fields, body) = canon::split(MESSAGE.as_bytes());
        for ((field, list), key) in own.iter().zip(tags(&text)).zip(&signer.keys) {
            assert_eq!(tag(&list, "bh"), BASE64.encode(bodyhash(body).as_ref()));
            let input = input(field, &fields, &list);
            let signature = BASE64.decode(tag(&list, "b").as_bytes()).unwrap();
            match &key.private {
                Private::Rsa(key) => UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public_key().as_ref())
                    .verify(&input, &signature)
                    .unwrap(),
                Private::Ed25519(key) => {
                    let hash = aws_lc_rs::digest::digest(&SHA256, &input);
                    let public = UnparsedPublicKey::new(&ED25519, key.public_key().as_ref());
                    public.verify(hash.as_ref(), &signature).unwrap();
                }
            }
        }
    }

    const RFC_8463_A3: &str = "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n \
        d=football.example.com; i=@football.example.com;\r\n \
        q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n \
        subject : date : message-id : from : subject : date;\r\n \
        bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n \
        b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r\n \
        Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==\r\n\
        From: Joe SixPack <joe@football.example.com>\r\n\
        To: Suzie Q <suzie@shopping.example.net>\r\n\
        Subject: Is dinner ready?\r\n\
        Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n\
        Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n\
        \r\n\
        Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n";

    #[test]
    fn the_example_of_rfc_8463_comes_out_byte_for_byte() {
        let (fields, body) = canon::split(RFC_8463_A3.as_bytes());
        let list = tags(&RFC_8463_A3[..RFC_8463_A3.find("From:").unwrap()]).remove(0);
        assert_eq!(tag(&list, "bh"), BASE64.encode(bodyhash(body).as_ref()));
        let seed = BASE64.decode(b"nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=").unwrap();
        let public = BASE64.decode(b"11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=").unwrap();
        let key = Private::Ed25519(Ed25519KeyPair::from_seed_and_public_key(&seed, &public).unwrap());
        let mut hashed = Context::new(&SHA256);
        hashed.update(&input(&fields[0], &fields[1..], &list));
        assert_eq!(BASE64.encode(&key.sign(hashed).unwrap()), tag(&list, "b"));
    }
}
