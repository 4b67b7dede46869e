//! One condition: what it is about decides which comparisons may follow.

use super::lex::{Lexeme, fold};
use super::names::{self, Key};
use super::parse::{Parsed, Parser, maybe_not};
use super::term::{Compare, DateOf, Moment, Named, Node, Outcome, Term, TextOp};
use super::{Mistake, is_birthday};
use crate::base::{Say, ids::CampaignId};
use crate::contacts::attribute::Attribute;
use crate::contacts::value::Type;

impl Parser<'_> {
    pub(super) fn condition(&mut self) -> Parsed<Node> {
        let place = self.place();
        let colon = self.ahead(1) == &Lexeme::Colon;
        match self.key_ahead(0) {
            Some(Key::Tag) if colon || self.key_ahead(1) == Some(Key::In) => self.tag(),
            Some(key @ (Key::Consent | Key::Refused)) if colon => self.consent(key),
            Some(Key::Result) if colon => self.result(),
            Some(Key::Attribute) if colon => {
                self.skip();
                self.skip();
                self.named_attribute()
            }
            Some(Key::Suppressed) => {
                self.skip();
                Ok(Node::Is(Term::Suppressed))
            }
            Some(Key::Age) if self.ahead(1) == &Lexeme::Open => self.age_of(),
            Some(key) if names::joins(key) => Err(self.expected(a_condition())),
            Some(Key::Tag | Key::Consent | Key::Refused | Key::Result) => {
                self.skip();
                Err(self.expected(say!("ここには : と名前が必要です。", "Expected : and a name here.")))
            }
            key => match self.own_attribute() {
                Some(attribute) => self.attribute(&attribute),
                None => self.built_in(key, place),
            },
        }
    }

    fn tag(&mut self) -> Parsed<Node> {
        self.skip();
        let tags = match self.take(&Lexeme::Colon) {
            true => vec![self.known_tag()?],
            false => {
                self.skip();
                self.list(Parser::known_tag)?
            }
        };
        Ok(Node::Is(Term::Tag(tags)))
    }

    fn known_tag(&mut self) -> Parsed<Named> {
        let place = self.place();
        let name = self.word(say!("ここにはタグの名前が必要です。", "Expected the name of a tag here."))?;
        let unknown = say!("この名前のタグはありません。", "There is no tag of this name.");
        known(&self.words.tags, &name).ok_or_else(|| {
            Mistake::new(place, unknown).near(names::nearest(&name, self.words.tags.iter().map(|t| t.name.as_str())))
        })
    }

    fn consent(&mut self, key: Key) -> Parsed<Node> {
        self.skip();
        self.skip();
        let place = self.place();
        let name = self.word(say!("ここには配信種別の名前が必要です。", "Expected the name of a topic here."))?;
        let unknown = say!("この名前の配信種別はありません。", "There is no topic of this name.");
        let topic = known(&self.words.topics, &name).ok_or_else(|| {
            let names = self.words.topics.iter().map(|t| t.name.as_str());
            Mistake::new(place, unknown).near(names::nearest(&name, names))
        })?;
        Ok(Node::Is(if key == Key::Refused { Term::Refused(topic) } else { Term::Agreed(topic) }))
    }

    fn result(&mut self) -> Parsed<Node> {
        self.skip();
        self.skip();
        let place = self.place();
        let what = || {
            say!(
                "ここにはキャンペーンの番号（例: c12）か any が必要です。",
                "Expected a campaign such as c12, or any, here."
            )
        };
        let campaign = match self.take_key(Key::Any) {
            true => None,
            false => {
                let word = self.word(what())?;
                Some(CampaignId::parse(&fold(&word)).map_err(|_| Mistake::new(place, what()))?)
            }
        };
        if let Some(filled) = self.blank_test()? {
            return Ok(maybe_not(!filled, Term::Result(campaign, Vec::new())));
        }
        let (denied, outcomes) = self.equal_or_in(Parser::outcome)?;
        Ok(maybe_not(denied, Term::Result(campaign, outcomes)))
    }

    fn outcome(&mut self) -> Parsed<Outcome> {
        let place = self.place();
        let list = Outcome::ALL.map(Outcome::name).join(", ");
        let what = || say!("ここには送信の結果が必要です（{list}）。", "Expected an outcome here ({list}).");
        let word = self.word(what())?;
        Outcome::parse(&fold(&word)).ok_or_else(|| {
            Mistake::new(place, what()).near(names::nearest(&word, Outcome::ALL.into_iter().map(Outcome::name)))
        })
    }

    /// The house's own attributes come before the built-in names; a quoted name is always one of them.
    fn own_attribute(&mut self) -> Option<Attribute> {
        let name = match self.peek() {
            Lexeme::Word(name) | Lexeme::Quoted(name) => name,
            _ => return None,
        };
        let found = find(&self.words.catalog.attributes, name)?.clone();
        self.skip();
        Some(found)
    }

    fn named_attribute(&mut self) -> Parsed<Node> {
        match self.own_attribute() {
            Some(attribute) => self.attribute(&attribute),
            None => Err(self.unknown_attribute()),
        }
    }

    fn unknown_attribute(&self) -> Mistake {
        let (Lexeme::Word(name) | Lexeme::Quoted(name)) = self.peek() else { return self.expected(a_condition()) };
        let labels = self.words.catalog.attributes.iter().map(|a| a.label.as_str());
        let built_in = ["tag", "consent", "refused", "result", "suppressed", "created", "changed", "email"];
        self.expected(say!("この名前の属性はありません。", "There is no attribute of this name."))
            .near(names::nearest(name, labels.chain(built_in)))
    }

    fn built_in(&mut self, key: Option<Key>, place: usize) -> Parsed<Node> {
        match key {
            Some(Key::Email) => {
                self.skip();
                self.email()
            }
            Some(Key::Created) => {
                self.skip();
                self.moment(Moment::Created)
            }
            Some(Key::Changed) => {
                self.skip();
                self.moment(Moment::Changed)
            }
            Some(Key::Age) => {
                self.skip();
                let birthday =
                    self.words.catalog.attributes.iter().find(|a| a.kind == Type::Date && is_birthday(&a.label));
                let birthday = birthday.ok_or_else(|| {
                    Mistake::new(
                        place,
                        say!(
                            "年齢を計算する誕生日の属性がありません。",
                            "There is no birthday attribute to reckon the age from."
                        ),
                    )
                })?;
                let named = named(birthday);
                self.age(named)
            }
            Some(_) | None => Err(self.unknown_attribute()),
        }
    }

    fn email(&mut self) -> Parsed<Node> {
        let (denied, op, list) = self.text_test(&[])?;
        Ok(maybe_not(denied, Term::Email(op, list)))
    }

    fn moment(&mut self, of: Moment) -> Parsed<Node> {
        let (denied, tests) = self.date_test()?;
        Ok(negated(denied, Node::any(tests.into_iter().map(|t| Node::Is(Term::Moment(of, t))).collect())))
    }

    fn age_of(&mut self) -> Parsed<Node> {
        self.skip();
        self.skip();
        let place = self.place();
        let attribute = self.own_attribute().ok_or_else(|| self.unknown_attribute())?;
        if attribute.kind != Type::Date {
            return Err(Mistake::new(
                place,
                say!("年齢は日付の属性から計算します。", "An age is reckoned from a date attribute."),
            ));
        }
        if !self.take(&Lexeme::Close) {
            return Err(self.expected(say!("ここには ) が必要です。", "Expected ) here.")));
        }
        self.age(named(&attribute))
    }

    fn age(&mut self, of: Named) -> Parsed<Node> {
        let (denied, op, list) = self.number_test(Parser::whole)?;
        Ok(maybe_not(denied, Term::Age(of, op, list)))
    }

    fn attribute(&mut self, a: &Attribute) -> Parsed<Node> {
        let of = named(a);
        if let Some(filled) = self.blank_test()? {
            return Ok(maybe_not(!filled, Term::Filled(of)));
        }
        match a.kind {
            Type::Text | Type::Choice => {
                let (denied, op, list) = self.text_test(if a.kind == Type::Choice { &a.choices } else { &[] })?;
                Ok(maybe_not(denied, Term::Text(of, op, list)))
            }
            Type::Number => {
                let (denied, op, list) = self.number_test(Parser::number)?;
                Ok(maybe_not(denied, Term::Number(of, op, list)))
            }
            Type::Date => {
                let of = DateOf { attr: of, birthday: is_birthday(&a.label) };
                let (denied, tests) = self.date_test()?;
                let tests = tests.into_iter().map(|t| Node::Is(Term::Date(of.clone(), t))).collect();
                Ok(negated(denied, Node::any(tests)))
            }
            Type::Bool => self.flag(of),
            Type::Multi => {
                let (denied, list) = self.has(&a.choices)?;
                Ok(maybe_not(denied, Term::Has(of, list)))
            }
        }
    }

    /// `is blank`, `is not blank`, 空, 空でない: whether it asks for a value, or `None` when it is another test.
    fn blank_test(&mut self) -> Parsed<Option<bool>> {
        let is = usize::from(self.key_ahead(0) == Some(Key::Is));
        let not = usize::from(self.key_ahead(is) == Some(Key::Not));
        let (filled, length) = match self.key_ahead(is + not) {
            Some(Key::Blank) => (not == 1, is + not + 1),
            Some(Key::NotBlank) => (true, is + not + 1),
            Some(_) | None => return Ok(None),
        };
        for _ in 0..length {
            self.skip();
        }
        Ok(Some(filled))
    }

    fn flag(&mut self, of: Named) -> Parsed<Node> {
        let denied = match self.peek() {
            Lexeme::Equal => false,
            Lexeme::Unequal => true,
            Lexeme::Word(_) if self.key_ahead(0) == Some(Key::Is) => self.key_ahead(1) == Some(Key::Not),
            // The name alone asks for yes.
            _ => return Ok(Node::Is(Term::Flag(of, true))),
        };
        let by_word = self.take_key(Key::Is);
        if !by_word || denied {
            self.skip();
        }
        let place = self.place();
        let what = || say!("ここには yes か no（はい・いいえ）が必要です。", "Expected yes or no here.");
        let word = self.word(what())?;
        let yes = names::flag(&word).ok_or_else(|| Mistake::new(place, what()))?;
        Ok(maybe_not(denied, Term::Flag(of, yes)))
    }

    fn has(&mut self, choices: &[String]) -> Parsed<(bool, Vec<String>)> {
        if self.take_key(Key::Has) || self.take_key(Key::Contains) {
            return Ok((false, self.value_or_list(choices)?));
        }
        let denied = self.key_ahead(0) == Some(Key::Not) && self.key_ahead(1) == Some(Key::In);
        self.at_key_in(denied).ok_or_else(|| {
            self.expected(say!(
                "ここには has か in が必要です。例: has 旅行",
                "Expected has or in here, such as: has travel"
            ))
        })?;
        Ok((denied, self.list(|p| p.choice(choices))?))
    }

    fn at_key_in(&mut self, denied: bool) -> Option<()> {
        if denied {
            self.skip();
        }
        self.take_key(Key::In).then_some(())
    }

    fn value_or_list(&mut self, choices: &[String]) -> Parsed<Vec<String>> {
        match self.peek() {
            Lexeme::Open => self.list(|p| p.choice(choices)),
            _ => Ok(vec![self.choice(choices)?]),
        }
    }

    /// A value; where the attribute has a list of choices, one of them.
    fn choice(&mut self, choices: &[String]) -> Parsed<String> {
        let place = self.place();
        let typed = self.word(say!("ここには値が必要です。", "Expected a value here."))?;
        if typed.is_empty() || typed.chars().any(char::is_control) {
            return Err(Mistake::new(
                place,
                say!(
                    "空の値は比べられません。空欄かどうかは is blank で調べます。",
                    "An empty value cannot be compared; ask for is blank."
                ),
            ));
        }
        if choices.is_empty() || choices.contains(&typed) {
            return Ok(typed);
        }
        choices.iter().find(|c| fold(c) == fold(&typed)).cloned().ok_or_else(|| {
            Mistake::new(place, say!("この値は選択肢にありません。", "This is not one of the choices."))
                .near(names::nearest(&typed, choices.iter().map(String::as_str)))
        })
    }

    fn text_test(&mut self, choices: &[String]) -> Parsed<(bool, TextOp, Vec<String>)> {
        let op = match self.key_ahead(0) {
            Some(Key::Contains | Key::Has) => Some(TextOp::Contains),
            Some(Key::Starts) => Some(TextOp::Starts),
            Some(Key::Ends) => Some(TextOp::Ends),
            Some(_) | None => None,
        };
        if let Some(op) = op {
            self.skip();
            return Ok((false, op, self.value_or_list(&[])?));
        }
        let (denied, list) = self.equal_or_in(|p| p.choice(choices))?;
        Ok((denied, TextOp::Equal, list))
    }

    /// `= x`, `!= x`, `is x`, `is not x`, `in (…)`, `not in (…)`: whether it is denied, and the values.
    pub(super) fn equal_or_in<T>(&mut self, mut one: impl FnMut(&mut Self) -> Parsed<T>) -> Parsed<(bool, Vec<T>)> {
        let not_in = self.key_ahead(0) == Some(Key::Not) && self.key_ahead(1) == Some(Key::In);
        if not_in || self.key_ahead(0) == Some(Key::In) {
            self.at_key_in(not_in);
            return Ok((not_in, self.list(one)?));
        }
        let denied = match self.peek() {
            Lexeme::Equal => false,
            Lexeme::Unequal => true,
            Lexeme::Word(_) if self.key_ahead(0) == Some(Key::Is) => {
                let not = self.key_ahead(1) == Some(Key::Not);
                if not {
                    self.skip();
                }
                not
            }
            _ => return Err(self.expected(a_comparison())),
        };
        self.skip();
        Ok((denied, vec![one(self)?]))
    }

    pub(super) fn compare_sign(&mut self) -> Option<Compare> {
        let op = match self.peek() {
            Lexeme::Less => Compare::Less,
            Lexeme::AtMost => Compare::AtMost,
            Lexeme::More => Compare::More,
            Lexeme::AtLeast => Compare::AtLeast,
            _ => return None,
        };
        self.skip();
        Some(op)
    }

    fn number_test<N>(&mut self, one: fn(&mut Self) -> Parsed<N>) -> Parsed<(bool, Compare, Vec<N>)> {
        if let Some(op) = self.compare_sign() {
            return Ok((false, op, vec![one(self)?]));
        }
        if let Some(op) = self.japanese_bound() {
            return Ok((false, op, vec![one(self)?]));
        }
        let (denied, list) = self.equal_or_in(one)?;
        Ok((denied, Compare::Equal, list))
    }

    /// `30以上`: leaves the number in the word for whoever reads it next.
    fn japanese_bound(&mut self) -> Option<Compare> {
        let Lexeme::Word(word) = self.peek() else { return None };
        let word = fold(word);
        let bounds =
            [("以上", Compare::AtLeast), ("以下", Compare::AtMost), ("未満", Compare::Less), ("超", Compare::More)];
        let (number, op) = bounds.into_iter().find_map(|(end, op)| word.strip_suffix(end).map(|n| (n, op)))?;
        let number = number.trim_end_matches('歳').to_owned();
        self.replace_word(number);
        Some(op)
    }

    fn number(&mut self) -> Parsed<f64> {
        let place = self.place();
        let what = || say!("ここには数が必要です。", "Expected a number here.");
        let word = self.word(what())?;
        let number = fold(&word).parse::<f64>().ok().filter(|n| n.is_finite());
        number.ok_or_else(|| Mistake::new(place, what()))
    }

    fn whole(&mut self) -> Parsed<i64> {
        let place = self.place();
        let what = || say!("ここには 0 から 150 までの整数が必要です。", "Expected a whole number from 0 to 150 here.");
        let word = self.word(what())?;
        let number = fold(&word).trim_end_matches('歳').parse::<i64>().ok().filter(|n| (0..=150).contains(n));
        number.ok_or_else(|| Mistake::new(place, what()))
    }
}

fn negated(denied: bool, node: Node) -> Node {
    if denied { Node::not(node) } else { node }
}

fn named(a: &Attribute) -> Named {
    Named { id: a.id, name: a.label.clone() }
}

/// By label, by key, then by either in folded spelling.
fn find<'a>(attributes: &'a [Attribute], name: &str) -> Option<&'a Attribute> {
    let folded = fold(name);
    let by = |same: &dyn Fn(&Attribute) -> bool| attributes.iter().find(|a| same(a));
    by(&|a| a.label == name)
        .or_else(|| by(&|a| a.key == name))
        .or_else(|| by(&|a| fold(&a.label) == folded || fold(&a.key) == folded))
}

fn known(names: &[Named], name: &str) -> Option<Named> {
    let folded = fold(name);
    names.iter().find(|n| n.name == name).or_else(|| names.iter().find(|n| fold(&n.name) == folded)).cloned()
}

fn a_condition() -> Say {
    say!(
        "ここには条件が必要です。例: tag:会員、年齢 >= 30",
        "Expected a condition here, such as tag:member or age >= 30."
    )
}

fn a_comparison() -> Say {
    say!(
        "ここには比較が必要です（=、!=、in (…)、contains、is blank、数や日付なら < <= > >= など）。",
        "Expected a comparison here (=, !=, in (…), contains, is blank; < <= > >= for numbers and dates)."
    )
}
