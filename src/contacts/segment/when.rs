//! Dates in a condition: fixed days, days reckoned from today, months, spans.

use super::Mistake;
use super::lex::{Lexeme, fold};
use super::names::{self, Key};
use super::parse::{Parsed, Parser};
use super::term::{Compare, DateTest, Day, Length, Period, Side, Unit, Which};
use crate::base::Say;
use jiff::civil::Date;

/// Spans longer than this are a slip of the finger.
const LONGEST: i32 = 36_500;

impl Parser<'_> {
    /// Whether it is denied, and the tests of which one must hold.
    pub(super) fn date_test(&mut self) -> Parsed<(bool, Vec<DateTest>)> {
        if let Some(op) = self.compare_sign() {
            return Ok((false, vec![DateTest::Compare(op, self.day()?)]));
        }
        if self.take_key(Key::Within) {
            return Ok((false, vec![self.within()?]));
        }
        if let Some(test) = self.japanese_span() {
            return Ok((false, vec![test]));
        }
        let not_in = self.key_ahead(0) == Some(Key::Not) && self.key_ahead(1) == Some(Key::In);
        let after_in = 1 + usize::from(not_in);
        if (not_in || self.key_ahead(0) == Some(Key::In)) && self.ahead(after_in) != &Lexeme::Open {
            for _ in 0..after_in {
                self.skip();
            }
            return Ok((not_in, vec![self.in_period()?]));
        }
        let (denied, days) = self.equal_or_in(Parser::day)?;
        Ok((denied, days.into_iter().map(|d| DateTest::Compare(Compare::Equal, d)).collect()))
    }

    /// `month 11`, `11月`, `this month`, `last year`, 今月.
    fn in_period(&mut self) -> Parsed<DateTest> {
        let what = || {
            say!(
                "ここには月か期間が必要です。例: month 11、this month、last year",
                "Expected a month or a period here: month 11, this month, last year."
            )
        };
        if let Some(test) = self.japanese_span() {
            return Ok(test);
        }
        if self.take_key(Key::Month) {
            let place = self.place();
            let word = self.word(what())?;
            return month(&fold(&word)).map(DateTest::Month).ok_or_else(|| Mistake::new(place, what()));
        }
        let which = match self.peek() {
            Lexeme::Word(word) => names::which(word),
            _ => None,
        };
        let which = which.ok_or_else(|| self.expected(what()))?;
        self.skip();
        let period = match self.key_ahead(0) {
            Some(Key::Month) => Period::Month,
            Some(Key::Year) => Period::Year,
            Some(_) | None => {
                return Err(self.expected(say!("ここには month か year が必要です。", "Expected month or year here.")));
            }
        };
        self.skip();
        Ok(DateTest::In(which, period))
    }

    /// One word that says a period: 今月, 来年, 11月, 過去30日, 30日以内.
    fn japanese_span(&mut self) -> Option<DateTest> {
        let Lexeme::Word(word) = self.peek() else { return None };
        let test = span(&fold(word))?;
        self.skip();
        Some(test)
    }

    fn within(&mut self) -> Parsed<DateTest> {
        let side = match self.peek() {
            Lexeme::Word(word) => names::side(word),
            _ => None,
        };
        if side.is_some() {
            self.skip();
        }
        Ok(DateTest::Within(side.unwrap_or(Side::Either), self.length()?))
    }

    fn length(&mut self) -> Parsed<Length> {
        let place = self.place();
        let what = || {
            say!(
                "ここには長さが必要です。例: 30 days、2 weeks、30日",
                "Expected a length here: 30 days, 2 weeks, 3 months."
            )
        };
        let word = fold(&self.word(what())?);
        if let Some(length) = length(&word) {
            return Ok(length);
        }
        let count = count(&word).ok_or_else(|| Mistake::new(place, what()))?;
        let unit = match self.peek() {
            Lexeme::Word(word) => names::unit(&fold(word)),
            _ => None,
        };
        let unit = unit.ok_or_else(|| {
            self.expected(say!(
                "ここには days、weeks、months、years のどれかが必要です。",
                "Expected days, weeks, months or years here."
            ))
        })?;
        self.skip();
        Ok(Length { count, unit })
    }

    fn day(&mut self) -> Parsed<Day> {
        let one = |n| Ok(Day::Away(n, Unit::Day));
        match self.key_ahead(0) {
            Some(Key::Today) => self.skip_to(Ok(Day::Today)),
            Some(Key::Yesterday) => self.skip_to(one(-1)),
            Some(Key::Tomorrow) => self.skip_to(one(1)),
            Some(_) | None => self.written_day(),
        }
    }

    fn skip_to<T>(&mut self, value: T) -> T {
        self.skip();
        value
    }

    fn written_day(&mut self) -> Parsed<Day> {
        let place = self.place();
        let what: fn() -> Say = || {
            say!(
                "ここには日付が必要です。例: 2026-11-20、today、30 days ago",
                "Expected a date here: 2026-11-20, today, 30 days ago."
            )
        };
        if let Lexeme::Word(word) | Lexeme::Quoted(word) = self.peek() {
            let word = fold(word);
            if let Some(day) = date(&word).map(Day::On).or_else(|| away(&word)) {
                return Ok(self.skip_to(day));
            }
        }
        let length = self.length().map_err(|_| Mistake::new(place, what()))?;
        let sign = match self.key_ahead(0) {
            Some(Key::Ago) => -1,
            Some(Key::Ahead) => 1,
            Some(_) | None => {
                return Err(
                    self.expected(say!("ここには ago か ahead（前・後）が必要です。", "Expected ago or ahead here."))
                );
            }
        };
        self.skip();
        Ok(Day::Away(sign * length.count, length.unit))
    }
}

fn month(word: &str) -> Option<i8> {
    word.trim_end_matches('月').parse().ok().filter(|m| (1..=12).contains(m))
}

fn count(word: &str) -> Option<i32> {
    word.parse().ok().filter(|n| (0..=LONGEST).contains(n))
}

/// `30日`, `2週間`.
fn length(word: &str) -> Option<Length> {
    let digits = word.find(|c: char| !c.is_ascii_digit()).filter(|n| *n > 0)?;
    let (number, unit) = word.split_at(digits);
    Some(Length { count: count(number)?, unit: names::unit(unit)? })
}

/// `30日前`, `30日後`.
fn away(word: &str) -> Option<Day> {
    let (length_word, sign) = match (word.strip_suffix('前'), word.strip_suffix('後')) {
        (Some(rest), _) => (rest, -1),
        (_, Some(rest)) => (rest, 1),
        (None, None) => return None,
    };
    length(length_word).map(|l| Day::Away(sign * l.count, l.unit))
}

fn span(word: &str) -> Option<DateTest> {
    let fixed = match word {
        "今月" => Some((Which::This, Period::Month)),
        "先月" => Some((Which::Last, Period::Month)),
        "来月" => Some((Which::Next, Period::Month)),
        "今年" => Some((Which::This, Period::Year)),
        "去年" | "昨年" => Some((Which::Last, Period::Year)),
        "来年" => Some((Which::Next, Period::Year)),
        _ => None,
    };
    if let Some((which, period)) = fixed {
        return Some(DateTest::In(which, period));
    }
    if word.ends_with('月') && !word.contains(['年', '-', '/']) {
        return month(word).map(DateTest::Month);
    }
    if let Some(rest) = word.strip_suffix("以内") {
        return length(rest).map(|l| DateTest::Within(Side::Either, l));
    }
    let sides = ["過去", "直近", "今後", "これから"];
    let (side, rest) = sides.into_iter().find_map(|s| word.strip_prefix(s).map(|rest| (names::side(s), rest)))?;
    length(rest).and_then(|l| side.map(|s| DateTest::Within(s, l)))
}

/// 2026-11-20, 2026/11/20, 2026.11.20, 2026年11月20日.
fn date(word: &str) -> Option<Date> {
    let word = word.trim_end_matches('日').replace(['年', '月', '/', '.'], "-");
    let mut parts = word.splitn(3, '-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let year = year.parse::<i16>().ok().filter(|y| (1..=9999).contains(y))?;
    Date::new(year, month.parse().ok()?, day.parse().ok()?).ok()
}
