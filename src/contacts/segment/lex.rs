//! Text into tokens. What a Japanese keyboard types (full-width brackets, operators, commas, digits, 「」) is read
//! as its narrow form, but a word keeps its letters: a tag is compared as it was typed.

use super::Mistake;
use unicode_normalization::UnicodeNormalization;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Lexeme {
    Word(String),
    Quoted(String),
    Open,
    Close,
    Comma,
    Colon,
    Equal,
    Unequal,
    Less,
    AtMost,
    More,
    AtLeast,
    Bang,
    End,
}

/// `at` is the place in characters, from 0.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) at: usize,
    pub(super) is: Lexeme,
}

/// Words that a colon ends; in any other word a colon is a letter.
const BEFORE_COLON: [&str; 10] =
    ["tag", "タグ", "consent", "同意", "refused", "拒否", "result", "結果", "attr", "属性"];

/// One spelling for words that mean the same to a reader: `ＡＮＤ` is `and`, `３０` is `30`.
pub(super) fn fold(word: &str) -> String {
    word.nfkc().flat_map(char::to_lowercase).collect()
}

/// The narrow form of one character of punctuation.
pub(super) fn narrow(c: char) -> char {
    match c {
        '（' => '(',
        '）' => ')',
        '，' | '、' => ',',
        '：' => ':',
        '＝' => '=',
        '＜' => '<',
        '＞' => '>',
        '！' => '!',
        '“' | '”' | '＂' => '"',
        other => other,
    }
}

fn ends_word(c: char) -> bool {
    c.is_whitespace()
        || matches!(narrow(c), '(' | ')' | ',' | '=' | '<' | '>' | '"' | '≦' | '≧' | '≠' | '≤' | '≥' | '「' | '『')
}

/// Whether `word` would be read back as one word.
pub(super) fn is_plain_word(word: &str) -> bool {
    let start = word.chars().next();
    start.is_some_and(|c| narrow(c) != '!' && narrow(c) != ':')
        && !word.chars().any(|c| ends_word(c) || c.is_control() || narrow(c) == ':' || narrow(c) == '!')
}

pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Mistake> {
    let chars: Vec<char> = text.chars().collect();
    let (mut out, mut at) = (Vec::new(), 0);
    while at < chars.len() {
        if chars[at].is_whitespace() {
            at += 1;
            continue;
        }
        let (is, next) = match symbol(&chars, at) {
            Some(found) => found,
            None => match closing(chars[at]) {
                Some(close) => quoted(&chars, at, close)?,
                None => word(&chars, at),
            },
        };
        out.push(Token { at, is });
        at = next;
    }
    out.push(Token { at: chars.len(), is: Lexeme::End });
    Ok(out)
}

fn symbol(chars: &[char], at: usize) -> Option<(Lexeme, usize)> {
    let followed = chars.get(at + 1).is_some_and(|c| narrow(*c) == '=');
    let two = |with: Lexeme, alone: Lexeme| if followed { (with, at + 2) } else { (alone, at + 1) };
    Some(match narrow(chars[at]) {
        '(' => (Lexeme::Open, at + 1),
        ')' => (Lexeme::Close, at + 1),
        ',' => (Lexeme::Comma, at + 1),
        ':' => (Lexeme::Colon, at + 1),
        '=' => two(Lexeme::Equal, Lexeme::Equal),
        '<' if chars.get(at + 1).is_some_and(|c| narrow(*c) == '>') => (Lexeme::Unequal, at + 2),
        '<' => two(Lexeme::AtMost, Lexeme::Less),
        '>' => two(Lexeme::AtLeast, Lexeme::More),
        '!' => two(Lexeme::Unequal, Lexeme::Bang),
        '≦' | '≤' => (Lexeme::AtMost, at + 1),
        '≧' | '≥' => (Lexeme::AtLeast, at + 1),
        '≠' => (Lexeme::Unequal, at + 1),
        _ => return None,
    })
}

fn closing(c: char) -> Option<char> {
    match narrow(c) {
        '"' => Some('"'),
        '「' => Some('」'),
        '『' => Some('』'),
        _ => None,
    }
}

fn quoted(chars: &[char], start: usize, close: char) -> Result<(Lexeme, usize), Mistake> {
    let (mut text, mut at) = (String::new(), start + 1);
    while let Some(&c) = chars.get(at) {
        if c == close || (close == '"' && narrow(c) == '"') {
            return Ok((Lexeme::Quoted(text), at + 1));
        }
        let escaped = c == '\\' && chars.get(at + 1).is_some_and(|n| *n == '\\' || *n == close || narrow(*n) == close);
        at += usize::from(escaped);
        text.push(chars[at]);
        at += 1;
    }
    Err(Mistake::new(
        start,
        say!(
            "引用符が閉じていません。「{close}」で閉じる必要があります。",
            "This quotation has no end; {close} was expected."
        ),
    ))
}

fn word(chars: &[char], start: usize) -> (Lexeme, usize) {
    let mut word = String::new();
    let mut at = start;
    while let Some(&c) = chars.get(at) {
        let unequal = narrow(c) == '!' && chars.get(at + 1).is_some_and(|n| narrow(*n) == '=');
        let prefix_ends = narrow(c) == ':' && BEFORE_COLON.contains(&fold(&word).as_str());
        if ends_word(c) || unequal || prefix_ends {
            break;
        }
        word.push(c);
        at += 1;
    }
    // A stray closing bracket such as 」 is a word of its own, so that reading always moves on.
    (Lexeme::Word(word), at.max(start + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lexemes(text: &str) -> Vec<Lexeme> {
        tokens(text).unwrap().into_iter().map(|t| t.is).collect()
    }

    #[test]
    fn wide_punctuation_is_read_as_narrow() {
        assert_eq!(lexemes("ａ＞＝３ （ｂ、ｃ）　！＝"), lexemes("ａ>=３ (ｂ,ｃ) !="));
        assert_eq!(lexemes("年齢≧30"), lexemes("年齢 >= 30"));
    }

    #[test]
    fn a_colon_ends_only_the_words_that_take_one() {
        let word = |w: &str| Lexeme::Word(w.into());
        assert_eq!(lexemes("tag：a:b"), [word("tag"), Lexeme::Colon, word("a:b"), Lexeme::End]);
        assert_eq!(lexemes("12:30"), [word("12:30"), Lexeme::End]);
    }

    #[test]
    fn quotes_keep_everything_and_must_end() {
        assert_eq!(lexemes(r#""a \"b\" (c)""#)[0], Lexeme::Quoted("a \"b\" (c)".into()));
        assert_eq!(lexemes("「東京 都」")[0], Lexeme::Quoted("東京 都".into()));
        assert_eq!(tokens("x = \"y").unwrap_err().at, 4);
    }
}
