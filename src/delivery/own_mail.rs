//! Mails from the house itself to one person: the one that shows that mail works, and notices to those who use it.

use super::{Letter, in_ascii};
use crate::base::{Email, Lang, Result, Time, clock, seal};
use data_encoding::{BASE64, HEXLOWER};

/// From the house's own address, in one language.
pub fn test_mail(from: &Email, to: &Email, lang: Lang, now: Time) -> Result<Letter> {
    let subject = lang.pick("Hakobu のテストメール", "A test mail from Hakobu");
    let body = lang.pick(
        "このメールは、Hakobu の送信経路を確かめるために送られました。\n届いていれば、設定は正しく働いています。\n",
        "This mail was sent to check how Hakobu sends mail.\nAs you can read it, the settings work.\n",
    );
    own_mail(from, to, (subject, body), now)
}

/// A plain text of the house's own, to one person.
pub fn own_mail(from: &Email, to: &Email, (subject, body): (&str, &str), now: Time) -> Result<Letter> {
    let date = now.zoned(&clock::japan()).strftime("%a, %d %b %Y %H:%M:%S %z").to_string();
    let id = HEXLOWER.encode(&seal::random::<12>()?);
    let body = BASE64.encode(body.replace('\n', "\r\n").as_bytes());
    let lines: Vec<&str> = body.as_bytes().chunks(76).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    let message = format!(
        "Date: {date}\r\nFrom: Hakobu <{}>\r\nTo: <{}>\r\nSubject: {}\r\nMessage-ID: <{id}@{}>\r\n\
         Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n{}\r\n",
        in_ascii(from).unwrap_or_else(|| from.envelope()),
        in_ascii(to).unwrap_or_else(|| to.envelope()),
        encoded(subject),
        from.domain(),
        lines.join("\r\n"),
    );
    Ok(Letter { from: from.clone(), to: to.clone(), message: message.into_bytes() })
}

/// Encoded words of whole characters, each on a line of its own (RFC 2047).
fn encoded(subject: &str) -> String {
    let mut words = vec![String::new()];
    for c in subject.chars().filter(|c| !c.is_control()) {
        match words.last_mut() {
            Some(word) if word.len() + c.len_utf8() <= 39 => word.push(c),
            Some(_) | None => words.push(c.to_string()),
        }
    }
    let word = |w: &String| format!("=?UTF-8?B?{}?=", BASE64.encode(w.as_bytes()));
    words.iter().map(word).collect::<Vec<_>>().join("\r\n ")
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

    #[test]
    fn a_long_subject_is_cut_between_characters_and_cannot_add_a_header() {
        let to = Email::parse("a@example.jp").unwrap();
        let subject = format!("{}\r\nBcc: x@example.jp", "更新のお知らせ".repeat(12));
        let text = String::from_utf8(own_mail(&to, &to, (&subject, "a\nb\n"), Time(0)).unwrap().message).unwrap();
        assert!(text.split("\r\n").all(|line| line.len() <= 78) && !text.contains("\r\nBcc:"), "{text}");
        let words = text.split("=?UTF-8?B?").skip(1).map(|w| w.split("?=").next().unwrap());
        let whole: String = words.map(|w| String::from_utf8(BASE64.decode(w.as_bytes()).unwrap()).unwrap()).collect();
        assert_eq!(whole, subject.replace("\r\n", ""));
    }
}
