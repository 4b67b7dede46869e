//! Tokens into a tree. Each place that wants something says what, in both languages, and where.

use super::lex::{Lexeme, Token, tokens};
use super::names::{self, Key};
use super::term::{Node, Term};
use super::{Mistake, Words};
use crate::base::{Say, limits};

pub(super) type Parsed<T> = Result<T, Mistake>;

pub(super) fn parse(text: &str, words: &Words) -> Parsed<Node> {
    if text.chars().count() > limits::SEGMENT_CHARS {
        let most = limits::SEGMENT_CHARS;
        return Err(Mistake::new(
            most,
            say!("絞り込みが長すぎます（{most} 文字まで）。", "The segment is too long (at most {most} characters)."),
        ));
    }
    let mut p = Parser { tokens: tokens(text)?, at: 0, words, depth: 0, terms: 0 };
    if p.peek() == &Lexeme::End {
        return Ok(Node::All(Vec::new()));
    }
    let node = p.either()?;
    match p.peek() {
        Lexeme::End => Ok(node),
        _ => {
            Err(p
                .expected(say!("ここには and、or、または文の終わりが必要です。", "Expected and, or, or the end here.")))
        }
    }
}

pub(super) struct Parser<'a> {
    tokens: Vec<Token>,
    at: usize,
    pub(super) words: &'a Words,
    depth: usize,
    terms: usize,
}

impl Parser<'_> {
    pub(super) fn peek(&self) -> &Lexeme {
        self.ahead(0)
    }

    pub(super) fn ahead(&self, n: usize) -> &Lexeme {
        self.tokens.get(self.at + n).map_or(&Lexeme::End, |t| &t.is)
    }

    /// Where the next token begins.
    pub(super) fn place(&self) -> usize {
        self.tokens.get(self.at).or(self.tokens.last()).map_or(0, |t| t.at)
    }

    pub(super) fn skip(&mut self) {
        self.at += 1;
    }

    pub(super) fn take(&mut self, lexeme: &Lexeme) -> bool {
        let found = self.peek() == lexeme;
        self.at += usize::from(found);
        found
    }

    pub(super) fn key_ahead(&self, n: usize) -> Option<Key> {
        match self.ahead(n) {
            Lexeme::Word(word) => names::key(word),
            _ => None,
        }
    }

    pub(super) fn take_key(&mut self, key: Key) -> bool {
        let found = self.key_ahead(0) == Some(key);
        self.at += usize::from(found);
        found
    }

    pub(super) fn expected(&self, what: Say) -> Mistake {
        Mistake::new(self.place(), what)
    }

    /// Counts what makes a question large: conditions and the values of their lists.
    pub(super) fn count(&mut self, more: usize) -> Parsed<()> {
        self.terms += more;
        let most = limits::SEGMENT_TERMS;
        match self.terms <= most {
            true => Ok(()),
            false => Err(self.expected(say!(
                "条件と値が多すぎます（合わせて {most} 個まで）。",
                "Too many conditions and values (at most {most} together)."
            ))),
        }
    }

    fn either(&mut self) -> Parsed<Node> {
        let mut parts = vec![self.both()?];
        while self.take_key(Key::Or) {
            parts.push(self.both()?);
        }
        Ok(Node::any(parts))
    }

    fn both(&mut self) -> Parsed<Node> {
        let mut parts = vec![self.denied()?];
        while self.take_key(Key::And) {
            parts.push(self.denied()?);
        }
        Ok(Node::all(parts))
    }

    fn denied(&mut self) -> Parsed<Node> {
        if self.take_key(Key::Not) || self.take(&Lexeme::Bang) {
            let inner = self.deeper(Parser::denied)?;
            return Ok(Node::not(inner));
        }
        let mut node = self.primary()?;
        while self.take_key(Key::NotAfter) {
            self.count(1)?;
            node = Node::not(node);
        }
        Ok(node)
    }

    fn primary(&mut self) -> Parsed<Node> {
        if !self.take(&Lexeme::Open) {
            self.count(1)?;
            return self.condition();
        }
        let inner = self.deeper(Parser::either)?;
        match self.take(&Lexeme::Close) {
            true => Ok(inner),
            false => {
                Err(self.expected(say!("ここには )、and、or のどれかが必要です。", "Expected ), and, or or here.")))
            }
        }
    }

    fn deeper(&mut self, read: fn(&mut Self) -> Parsed<Node>) -> Parsed<Node> {
        self.depth += 1;
        let most = limits::SEGMENT_DEPTH;
        if self.depth > most {
            return Err(self.expected(say!(
                "かっこや not の入れ子が深すぎます（{most} 段まで）。",
                "Brackets and nots are nested too deep (at most {most})."
            )));
        }
        let node = read(self)?;
        self.depth -= 1;
        Ok(node)
    }

    /// `(a, b)`, at least one.
    pub(super) fn list<T>(&mut self, mut one: impl FnMut(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        if !self.take(&Lexeme::Open) {
            return Err(self.expected(say!(
                "ここには ( で始まる値の並びが必要です。例: (東京都, 大阪府)",
                "Expected a list of values here, such as (A, B)."
            )));
        }
        let mut all = vec![one(self)?];
        while self.take(&Lexeme::Comma) {
            self.count(1)?;
            all.push(one(self)?);
        }
        match self.take(&Lexeme::Close) {
            true => Ok(all),
            false => Err(self.expected(say!("ここには , か ) が必要です。", "Expected , or ) here."))),
        }
    }

    /// `30以上` has been read as far as the number.
    pub(super) fn replace_word(&mut self, word: String) {
        if let Some(token) = self.tokens.get_mut(self.at) {
            token.is = Lexeme::Word(word);
        }
    }

    /// A name or a value, as typed.
    pub(super) fn word(&mut self, what: Say) -> Parsed<String> {
        let found = match self.peek() {
            Lexeme::Quoted(text) => Some(text.clone()),
            Lexeme::Word(word) if !names::key(word).is_some_and(names::joins) => Some(word.clone()),
            _ => None,
        };
        self.at += usize::from(found.is_some());
        found.ok_or_else(|| self.expected(what))
    }
}

/// A condition, denied or not.
pub(super) fn maybe_not(denied: bool, term: Term) -> Node {
    match denied {
        true => Node::not(Node::Is(term)),
        false => Node::Is(term),
    }
}
