//! Passwords: what is accepted (length and a block list; nothing about character classes), and Argon2id.

use crate::base::{By, Error, Result, Secret, limits, seal};
use argon2::{Algorithm, Argon2, Params, Version};
use data_encoding::BASE64_NOPAD;
use subtle::ConstantTimeEq;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

const OUT: usize = 32;
const SALT: usize = 16;

/// Patterns that people make up to reach fifteen characters; compared folded, and also as a repeated piece.
const BLOCKED: &[&str] = &[
    "password",
    "passw0rd",
    "123456",
    "1234567890",
    "0123456789",
    "qwerty",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "abcdefghij",
    "abcdefghijklmnop",
    "letmein",
    "welcome",
    "admin",
    "administrator",
    "iloveyou",
    "hakobu",
    "changeme",
    "secret",
    "sakura",
    "パスワード",
    "ぱすわーど",
    "あいうえお",
    "さくら",
];

/// Accepts or says what to do instead. `about` are words the owner's guessers try first: address and name.
pub fn accept(password: &Secret, about: &[&str]) -> Result<()> {
    judge(password, about, limits::PASSWORD_MIN)
}

/// As `accept`, but whoever sits at the machine itself, and could read its key, decides about a shorter one.
pub fn accept_from(by: &By, password: &Secret, about: &[&str]) -> Result<()> {
    match by {
        By::Cli(_) => judge(password, about, limits::PASSWORD_MIN_AT_THE_MACHINE),
        By::User(_) | By::Token(_) | By::Public | By::House(_) => accept(password, about),
    }
}

/// Shorter than what the pages ask for: the person who chose it is told.
pub fn is_short(password: &Secret) -> Result<bool> {
    Ok(normal(password)?.chars().count() < limits::PASSWORD_MIN)
}

fn judge(password: &Secret, about: &[&str], min: usize) -> Result<()> {
    let text = normal(password)?;
    let chars = text.chars().count();
    let max = limits::PASSWORD_MAX;
    if chars < min {
        return Err(Error::refused(say!(
            "パスワードは {min} 文字以上にしてください（いまは {chars} 文字）。",
            "A password has at least {min} characters (this one has {chars})."
        ))
        .hint(say!(
            "関係のない単語を 4 つほど並べると、長くて覚えやすくなります。空白や日本語も使えます。",
            "Four unrelated words make a long one that is easy to remember. Spaces and any script are fine."
        )));
    }
    if text.len() > 4 * max || chars > max {
        return Err(Error::refused(say!(
            "パスワードは {max} 文字までです。",
            "A password has at most {max} characters."
        )));
    }
    if guessable(&text, about) {
        return Err(Error::refused(say!(
            "このパスワードは推測されやすいため使えません。",
            "This password is easily guessed and cannot be used."
        ))
        .hint(say!(
            "よくある言葉の繰り返しや、名前・メールアドレスを含むものは避けてください。",
            "Avoid a common word repeated, and your name or mail address."
        )));
    }
    Ok(())
}

fn guessable(text: &str, about: &[&str]) -> bool {
    let folded: String = text.to_lowercase().chars().filter(|c| !c.is_whitespace()).collect();
    let mut left = folded.clone();
    let own = about.iter().flat_map(|a| a.split(['@', '.', ' ', '　'])).map(str::to_lowercase);
    for word in BLOCKED.iter().map(|w| (*w).to_owned()).chain(own).filter(|w| w.chars().count() >= 4) {
        left = left.replace(&word, "");
    }
    left.retain(char::is_alphanumeric);
    let different = folded.chars().collect::<std::collections::HashSet<_>>().len();
    // What remains beside well-known words must be worth something by itself.
    different < 5 || left.chars().count() < 3 || repeats(&folded) || runs(&folded) || runs(&left)
}

/// One short piece, again and again.
fn repeats(text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    (1..=chars.len() / 2).any(|n| n <= 6 && chars.iter().enumerate().all(|(i, c)| *c == chars[i % n]))
}

/// Counting up or down all the way; after 9 comes 0.
fn runs(text: &str) -> bool {
    let codes: Vec<i64> = text.chars().map(|c| i64::from(u32::from(c))).collect();
    [[1, -9], [-1, 9]]
        .into_iter()
        .any(|steps| codes.windows(2).filter(|w| steps.contains(&(w[1] - w[0]))).count() * 10 >= codes.len() * 8)
}

/// The same password typed on another keyboard is the same: NFKC, as SP 800-63B asks.
fn normal(password: &Secret) -> Result<Zeroizing<String>> {
    let text = password.text().ok_or_else(|| {
        Error::refused(say!("パスワードを文字として読み取れません。", "The password is not readable as text."))
    })?;
    Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).nfkc().collect()))
}

/// `argon2id$v=19$m=…,t=…,p=…$salt$hash`.
pub(super) fn hash(password: &Secret) -> Result<String> {
    let salt = seal::random::<SALT>()?;
    let params = (limits::PASSWORD_MEMORY_KIB, limits::PASSWORD_PASSES, limits::PASSWORD_LANES);
    let out = derive(&normal(password)?, &salt, params)?;
    let (m, t, p) = params;
    Ok(format!("argon2id$v=19$m={m},t={t},p={p}${}${}", BASE64_NOPAD.encode(&salt), BASE64_NOPAD.encode(&out)))
}

/// Takes the same time whether there is a stored hash or not.
pub(super) fn matches(stored: Option<&str>, password: &Secret) -> Result<bool> {
    let usable = password.text().is_some_and(|t| t.len() <= 4 * limits::PASSWORD_MAX);
    let text = if usable { normal(password)? } else { Zeroizing::new(String::new()) };
    let params = (limits::PASSWORD_MEMORY_KIB, limits::PASSWORD_PASSES, limits::PASSWORD_LANES);
    let known = match stored {
        Some(stored) => Some(read(stored).ok_or_else(|| Error::bug("a stored password hash cannot be read"))?),
        None => None,
    };
    let (params, salt, want) = known.unwrap_or((params, vec![0; SALT], vec![0; OUT]));
    let got = derive(&text, &salt, params)?;
    Ok(bool::from(got.as_slice().ct_eq(&want)) && stored.is_some() && usable)
}

type Stored = ((u32, u32, u32), Vec<u8>, Vec<u8>);

fn read(stored: &str) -> Option<Stored> {
    let mut parts = stored.strip_prefix("argon2id$v=19$")?.split('$');
    let mut cost = parts.next()?.split(',').map(|p| p.get(2..).and_then(|n| n.parse::<u32>().ok()));
    let params = (cost.next()??, cost.next()??, cost.next()??);
    let salt = BASE64_NOPAD.decode(parts.next()?.as_bytes()).ok()?;
    let hash = BASE64_NOPAD.decode(parts.next()?.as_bytes()).ok()?;
    Some((params, salt, hash))
}

fn derive(text: &str, salt: &[u8], (m, t, p): (u32, u32, u32)) -> Result<[u8; OUT]> {
    let params = Params::new(m, t, p, Some(OUT)).map_err(|e| Error::bug(format!("argon2: {e}")))?;
    let mut out = [0u8; OUT];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(text.as_bytes(), salt, &mut out)
        .map_err(|e| Error::bug(format!("argon2: {e}")))?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_judged_by_length_and_guessability_alone() {
        for (text, ok) in [
            ("tsukue mado neko yama", true),
            ("机と窓と猫と山と空と海と川と道と", true),
            ("k8#fQ2vX!p0aZtL", true),
            ("all lower case but quite long", true),
            ("short", false),
            ("aaaaaaaaaaaaaaaaaaaa", false),
            ("abcabcabcabcabcabc", false),
            ("passwordpassword1", false),
            ("Password Password", false),
            ("123456789012345678", false),
            ("abcdefghijklmnopqrst", false),
            ("hanako.yamada@example.jp", false),
        ] {
            let judged = accept(&Secret::new(text), &["hanako.yamada@example.jp", "山田 花子"]);
            assert_eq!(judged.is_ok(), ok, "{text}");
        }
        assert!(accept(&Secret::new("é".repeat(300)), &[]).is_err());
    }

    #[test]
    fn at_the_machine_itself_a_shorter_password_is_taken_but_no_guessable_one() {
        let by = By::Cli("root".to_owned());
        for (text, ok, short) in [
            ("mado-neko 7", true, true),
            ("tsukue mado neko yama", true, false),
            ("neko 7", false, true),
            ("password", false, true),
            ("12345678", false, true),
        ] {
            let password = Secret::new(text);
            assert_eq!(accept_from(&by, &password, &[]).is_ok(), ok, "{text}");
            assert_eq!(is_short(&password).unwrap(), short, "{text}");
            assert_eq!(accept_from(&By::Public, &password, &[]).is_ok(), ok && !short, "{text}");
        }
    }

    #[test]
    fn a_password_fits_its_own_hash_and_no_other_and_width_does_not_matter() {
        let stored = hash(&Secret::new("ｔｓｕｋｕｅ mado neko")).unwrap();
        assert!(matches(Some(&stored), &Secret::new("tsukue mado neko")).unwrap());
        assert!(!matches(Some(&stored), &Secret::new("tsukue mado nekO")).unwrap());
        assert!(!matches(None, &Secret::new("tsukue mado neko")).unwrap());
        assert!(!matches(Some(&stored), &Secret::new("x".repeat(1_000_000))).unwrap());
    }
}
