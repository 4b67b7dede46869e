//! The mail that shows that mail works: one letter about nothing, to an address that somebody typed.

use super::{Letter, in_ascii};
use crate::base::{Email, Lang, Result, Time, clock, seal};
use data_encoding::{BASE64, HEXLOWER};

/// From the house's own address, in one language.
pub fn test_mail(from: &Email, to: &Email, lang: Lang, now: Time) -> Result<Letter> {
    let date = now.zoned(&clock::japan()).strftime("%a, %d %b %Y %H:%M:%S %z").to_string();
    let id = HEXLOWER.encode(&seal::random::<12>()?);
    let subject = lang.pick("Hakobu のテストメール", "A test mail from Hakobu");
    let body = lang.pick(
        "このメールは、Hakobu の送信経路を確かめるために送られました。\r\n届いていれば、設定は正しく働いています。\r\n",
        "This mail was sent to check how Hakobu sends mail.\r\nAs you can read it, the settings work.\r\n",
    );
    let (subject, body) = (BASE64.encode(subject.as_bytes()), BASE64.encode(body.as_bytes()));
    let lines: Vec<&str> = body.as_bytes().chunks(76).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    let message = format!(
        "Date: {date}\r\nFrom: Hakobu <{}>\r\nTo: <{}>\r\nSubject: =?UTF-8?B?{subject}?=\r\nMessage-ID: <{id}@{}>\r\n\
         Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n{}\r\n",
        in_ascii(from).unwrap_or_else(|| from.envelope()),
        in_ascii(to).unwrap_or_else(|| to.envelope()),
        from.domain(),
        lines.join("\r\n"),
    );
    Ok(Letter { from: from.clone(), to: to.clone(), message: message.into_bytes() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_mail_has_every_header_that_receivers_ask_for_and_short_lines() {
        let (from, to) = (Email::parse("news@example.jp").unwrap(), Email::parse("a..b@docomo.ne.jp").unwrap());
        for lang in [Lang::Ja, Lang::En] {
            let letter = test_mail(&from, &to, lang, Time(0)).unwrap();
            let text = String::from_utf8(letter.message).unwrap();
            for header in
                ["Date: Thu, 01 Jan 1970 09:00:00 +0900", "From: ", "To: <\"a..b\"@docomo.ne.jp>", "Message-ID: <"]
            {
                assert!(text.contains(header), "{text}");
            }
            assert!(text.split("\r\n").all(|line| line.len() <= 78 && !line.contains('\n')), "{text}");
        }
    }
}
