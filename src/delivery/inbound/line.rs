//! One command line, read: what is asked, and of whom. No state, no answer.

use crate::base::limits;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Hello {
        extended: bool,
    },
    /// `from`: nothing for the empty return path.
    Mail {
        from: Option<String>,
        size: u64,
        utf8: bool,
    },
    Rcpt {
        local: String,
        domain: Option<String>,
    },
    Data,
    Reset,
    Noop,
    Verify,
    StartTls,
    Quit,
    Unknown,
}

/// What is wrong with a line, as it is answered.
pub(super) type Fault = &'static str;

const SYNTAX: Fault = "501 5.5.4 Syntax error in the arguments";
const PARAMETER: Fault = "555 5.5.4 This parameter is not known";
const ADDRESS: Fault = "501 5.1.3 This is no address";
const UTF8: Fault = "553 5.6.7 SMTPUTF8 is needed for this address";

/// A whole line without its end.
pub(super) fn read(line: &[u8]) -> Result<Command, Fault> {
    let text = std::str::from_utf8(line).map_err(|_| "500 5.5.2 This is not text")?;
    if text.chars().any(char::is_control) {
        return Err("500 5.5.2 Control characters are not taken");
    }
    let (verb, rest) = text.split_once(' ').unwrap_or((text, ""));
    let rest = rest.trim();
    match verb.to_ascii_uppercase().as_str() {
        "HELO" if !rest.is_empty() => Ok(Command::Hello { extended: false }),
        "EHLO" if !rest.is_empty() => Ok(Command::Hello { extended: true }),
        "HELO" | "EHLO" => Err("501 5.5.4 Say your name"),
        "MAIL" => mail(after(rest, "FROM:").ok_or(SYNTAX)?),
        "RCPT" => rcpt(after(rest, "TO:").ok_or(SYNTAX)?),
        "DATA" | "RSET" | "QUIT" | "STARTTLS" if !rest.is_empty() => Err(SYNTAX),
        "DATA" => Ok(Command::Data),
        "RSET" => Ok(Command::Reset),
        "QUIT" => Ok(Command::Quit),
        "STARTTLS" => Ok(Command::StartTls),
        "NOOP" => Ok(Command::Noop),
        "VRFY" => Ok(Command::Verify),
        _ => Ok(Command::Unknown),
    }
}

fn after<'a>(rest: &'a str, word: &str) -> Option<&'a str> {
    let begins = rest.get(..word.len())?.eq_ignore_ascii_case(word);
    begins.then(|| rest[word.len()..].trim_start())
}

fn mail(rest: &str) -> Result<Command, Fault> {
    let (path, parameters) = path(rest)?;
    let (mut size, mut utf8) = (0, false);
    for parameter in parameters.split_whitespace() {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        match (name.to_ascii_uppercase().as_str(), value.to_ascii_uppercase().as_str()) {
            ("SIZE", digits) => size = digits.parse().map_err(|_| SYNTAX)?,
            ("BODY", "7BIT" | "8BITMIME") => {}
            ("SMTPUTF8", "") => utf8 = true,
            _ => return Err(PARAMETER),
        }
    }
    if path.is_empty() {
        return Ok(Command::Mail { from: None, size, utf8 });
    }
    let (_, domain) = mailbox(path)?;
    if !path.is_ascii() && !utf8 {
        return Err(UTF8);
    }
    domain.ok_or("501 5.1.7 A sender has a domain")?;
    Ok(Command::Mail { from: Some(path.to_owned()), size, utf8 })
}

fn rcpt(rest: &str) -> Result<Command, Fault> {
    let (path, parameters) = path(rest)?;
    if !parameters.is_empty() {
        return Err(PARAMETER);
    }
    let (local, domain) = mailbox(path)?;
    // Routes of old, which some hosts still follow: what stands before is not ours to send on to.
    if local.contains(['%', '!', '@']) {
        return Err(ADDRESS);
    }
    if domain.is_none() && !local.eq_ignore_ascii_case("postmaster") {
        return Err("501 5.1.3 A recipient has a domain");
    }
    Ok(Command::Rcpt { local: local.to_owned(), domain: domain.map(|d| d.trim_end_matches('.').to_ascii_lowercase()) })
}

/// What stands between the angle brackets, without a source route, and what follows.
fn path(rest: &str) -> Result<(&str, &str), Fault> {
    let inside = rest.strip_prefix('<').ok_or(SYNTAX)?;
    let (inside, after) = inside.split_once('>').ok_or(SYNTAX)?;
    if !(after.is_empty() || after.starts_with(' ')) || inside.len() > limits::INBOUND_PATH {
        return Err(SYNTAX);
    }
    // RFC 5321 4.1.2: a route is taken off and not used.
    let inside = match inside.starts_with('@') {
        true => inside.split_once(':').ok_or(SYNTAX)?.1,
        false => inside,
    };
    Ok((inside, after.trim()))
}

fn mailbox(path: &str) -> Result<(&str, Option<&str>), Fault> {
    let (local, domain) = path.rsplit_once('@').map_or((path, None), |(local, domain)| (local, Some(domain)));
    let good = !local.is_empty()
        && local.len() <= 64
        && !path.contains([' ', '<', '>'])
        && (!local.contains('@') || local.starts_with('"'))
        && domain.is_none_or(|d| !d.is_empty() && d.len() <= 255 && !d.contains('@'));
    if good { Ok((local, domain)) } else { Err(ADDRESS) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_the_standard_has_them() {
        let mail = |from: Option<&str>, size, utf8| Ok(Command::Mail { from: from.map(str::to_owned), size, utf8 });
        let rcpt = |local: &str, domain: Option<&str>| {
            Ok(Command::Rcpt { local: local.to_owned(), domain: domain.map(str::to_owned) })
        };
        for (line, want) in [
            ("EHLO mx.example.jp", Ok(Command::Hello { extended: true })),
            ("helo x", Ok(Command::Hello { extended: false })),
            ("EHLO", Err("501 5.5.4 Say your name")),
            ("MAIL FROM:<>", mail(None, 0, false)),
            ("mail from: <a@b.example.jp> size=100 BODY=8BITMIME", mail(Some("a@b.example.jp"), 100, false)),
            ("MAIL FROM:<花@b.example.jp> SMTPUTF8", mail(Some("花@b.example.jp"), 0, true)),
            ("MAIL FROM:<花@b.example.jp>", Err(UTF8)),
            ("MAIL FROM:<a>", Err("501 5.1.7 A sender has a domain")),
            ("MAIL FROM:<a@b> SIZE=x", Err(SYNTAX)),
            ("MAIL FROM:<a@b> RET=HDRS", Err(PARAMETER)),
            ("MAIL FROM:a@b", Err(SYNTAX)),
            ("MAIL TO:<a@b>", Err(SYNTAX)),
            ("RCPT TO:<B+Abc@Bounce.Example.JP.>", rcpt("B+Abc", Some("bounce.example.jp"))),
            ("RCPT TO:<@relay.example.com,@x.example.com:a@b.example.jp>", rcpt("a", Some("b.example.jp"))),
            ("RCPT TO:<Postmaster>", rcpt("Postmaster", None)),
            ("RCPT TO:<a>", Err("501 5.1.3 A recipient has a domain")),
            ("RCPT TO:<>", Err("501 5.1.3 This is no address")),
            ("RCPT TO:<a%b.example.com@c.example.jp>", Err("501 5.1.3 This is no address")),
            ("RCPT TO:<b.example.com!a@c.example.jp>", Err("501 5.1.3 This is no address")),
            ("RCPT TO:<a@b@c>", Err("501 5.1.3 This is no address")),
            ("RCPT TO:<a@b> NOTIFY=NEVER", Err(PARAMETER)),
            ("RCPT TO:<a@b>x", Err(SYNTAX)),
            ("DATA", Ok(Command::Data)),
            ("DATA x", Err(SYNTAX)),
            ("NOOP x", Ok(Command::Noop)),
            ("VRFY a", Ok(Command::Verify)),
            ("STARTTLS", Ok(Command::StartTls)),
            ("QUIT", Ok(Command::Quit)),
            ("BDAT 10 LAST", Ok(Command::Unknown)),
            ("GET / HTTP/1.1", Ok(Command::Unknown)),
            ("", Ok(Command::Unknown)),
            ("NO\tOP", Err("500 5.5.2 Control characters are not taken")),
        ] {
            assert_eq!(read(line.as_bytes()), want, "{line}");
        }
        assert!(read(b"NOOP \xff").is_err());
    }
}
