//! A tree on a given day: relative dates become days, and every test can be asked of one contact or of a table.
//! Pure: `now` and the zone come in, and `holds` answers for a contact held in the hand, as the books must.

use super::term::{
    Compare, DateOf, DateTest, Day, Length, Moment, Node, Outcome, Period, Side, Term, TextOp, Unit, Which,
};
use crate::base::Time;
use jiff::civil::{Date, date};
use jiff::{Span, tz::TimeZone};

#[derive(Clone, Debug, PartialEq)]
pub(in crate::contacts) enum Pick {
    All(Vec<Pick>),
    Any(Vec<Pick>),
    Not(Box<Pick>),
    Test(Test),
}

#[derive(Clone, Debug, PartialEq)]
pub(in crate::contacts) enum Test {
    Tagged(Vec<i64>),
    Agreed(i64),
    Refused(i64),
    Suppressed,
    /// One of the outcomes in a run of that campaign (or of any); an empty list: any outcome.
    Result(Option<i64>, Vec<Outcome>),
    Email(TextOp, Vec<String>),
    /// From the first millisecond to before the second.
    Moment(Moment, i64, i64),
    Value(i64, ValueTest),
}

#[derive(Clone, Debug, PartialEq)]
pub(in crate::contacts) enum ValueTest {
    Filled,
    Text(TextOp, Vec<String>),
    Number(Compare, Vec<f64>),
    /// Both ends belong to it.
    Days(i64, i64),
    Month(i8),
    /// `1103` to `1203`, both in; from above to: over the end of the year.
    Returns(i32, i32),
    Flag(bool),
    Has(Vec<String>),
}

/// The first and last day that the calendar knows.
const FIRST: i64 = -719_162;
const LAST: i64 = 2_932_896;

pub(in crate::contacts) fn fix(node: &Node, now: Time, zone: &TimeZone) -> Pick {
    let day = Today { date: now.date(zone), zone };
    day.node(node)
}

struct Today<'a> {
    date: Date,
    zone: &'a TimeZone,
}

impl Today<'_> {
    fn node(&self, node: &Node) -> Pick {
        match node {
            Node::All(parts) => Pick::All(parts.iter().map(|p| self.node(p)).collect()),
            Node::Any(parts) => Pick::Any(parts.iter().map(|p| self.node(p)).collect()),
            Node::Not(inner) => Pick::Not(Box::new(self.node(inner))),
            Node::Is(term) => self.term(term),
        }
    }

    fn term(&self, term: &Term) -> Pick {
        let value = |attr: i64, test| Pick::Test(Test::Value(attr, test));
        match term {
            Term::Tag(tags) => Pick::Test(Test::Tagged(tags.iter().map(|t| t.id).collect())),
            Term::Agreed(topic) => Pick::Test(Test::Agreed(topic.id)),
            Term::Refused(topic) => Pick::Test(Test::Refused(topic.id)),
            Term::Suppressed => Pick::Test(Test::Suppressed),
            Term::Result(campaign, list) => Pick::Test(Test::Result(campaign.map(|c| c.0), list.clone())),
            Term::Email(op, list) => Pick::Test(Test::Email(*op, list.clone())),
            Term::Moment(of, test) => self.moment(*of, test),
            Term::Filled(a) => value(a.id, ValueTest::Filled),
            Term::Text(a, op, list) => value(a.id, ValueTest::Text(*op, list.clone())),
            Term::Number(a, op, list) => value(a.id, ValueTest::Number(*op, list.clone())),
            Term::Date(of, test) => value(of.attr.id, self.date_test(of, test)),
            Term::Age(a, op, list) => {
                let ages =
                    list.iter().map(|age| self.age(*op, *age)).map(|(from, to)| value(a.id, ValueTest::Days(from, to)));
                Pick::Any(ages.collect())
            }
            Term::Flag(a, yes) => value(a.id, ValueTest::Flag(*yes)),
            Term::Has(a, list) => value(a.id, ValueTest::Has(list.clone())),
        }
    }

    fn date_test(&self, of: &DateOf, test: &DateTest) -> ValueTest {
        match test {
            DateTest::Month(month) => ValueTest::Month(*month),
            DateTest::In(which, Period::Month) if of.birthday => ValueTest::Month(self.month(*which).month()),
            DateTest::Within(side, length) if of.birthday => self.returns(*side, *length),
            DateTest::Compare(..) | DateTest::In(..) | DateTest::Within(..) => {
                let (from, to) = self.span(test);
                ValueTest::Days(from, to)
            }
        }
    }

    /// The days a test means; a month of any year has none of its own.
    fn span(&self, test: &DateTest) -> (i64, i64) {
        match test {
            DateTest::Compare(op, day) => {
                let day = days(self.day(day));
                match op {
                    Compare::Equal => (day, day),
                    Compare::Less => (FIRST, day - 1),
                    Compare::AtMost => (FIRST, day),
                    Compare::More => (day + 1, LAST),
                    Compare::AtLeast => (day, LAST),
                }
            }
            DateTest::In(which, Period::Month) => {
                let month = self.month(*which);
                (days(month.first_of_month()), days(month.last_of_month()))
            }
            DateTest::In(which, Period::Year) => {
                let year = moved(self.date, step(*which), Unit::Year);
                (days(year.first_of_year()), days(year.last_of_year()))
            }
            DateTest::Within(side, length) => {
                let (from, to) = self.around(*side, *length);
                (days(from), days(to))
            }
            DateTest::Month(_) => (FIRST, LAST),
        }
    }

    fn month(&self, which: Which) -> Date {
        moved(self.date.first_of_month(), step(which), Unit::Month)
    }

    fn around(&self, side: Side, length: Length) -> (Date, Date) {
        let back = moved(self.date, -length.count, length.unit);
        let ahead = moved(self.date, length.count, length.unit);
        match side {
            Side::Last => (back, self.date),
            Side::Next => (self.date, ahead),
            Side::Either => (back, ahead),
        }
    }

    fn returns(&self, side: Side, length: Length) -> ValueTest {
        let (from, to) = self.around(side, length);
        if days(to) - days(from) >= 365 {
            return ValueTest::Filled;
        }
        let number = |d: Date| i32::from(d.month()) * 100 + i32::from(d.day());
        let last = number(to);
        // Who was born on February 29 has the day before as birthday in a common year.
        let last = if last == 228 && !to.in_leap_year() { 229 } else { last };
        ValueTest::Returns(number(from), last)
    }

    fn day(&self, day: &Day) -> Date {
        match day {
            Day::On(date) => *date,
            Day::Today => self.date,
            Day::Away(n, unit) => moved(self.date, *n, *unit),
        }
    }

    /// Born from … to … is of that age today. Who is not yet born has no age.
    fn age(&self, op: Compare, age: i64) -> (i64, i64) {
        let reached = |years: i64| days(moved(self.date, -i32::try_from(years).unwrap_or(i32::MAX / 2), Unit::Year));
        let today = days(self.date);
        match op {
            Compare::Equal => (reached(age + 1) + 1, reached(age)),
            Compare::AtLeast => (FIRST, reached(age)),
            Compare::More => (FIRST, reached(age + 1)),
            Compare::Less => (reached(age) + 1, today),
            Compare::AtMost => (reached(age + 1) + 1, today),
        }
    }

    fn moment(&self, of: Moment, test: &DateTest) -> Pick {
        let stretch = |from: i64, to: i64| Pick::Test(Test::Moment(of, self.start(from), self.start(to + 1)));
        match test {
            DateTest::Month(month) => {
                let years = 1970..=self.date.year() + 1;
                let months = years.filter_map(|y| Date::new(y, *month, 1).ok());
                Pick::Any(months.map(|m| stretch(days(m), days(m.last_of_month()))).collect())
            }
            DateTest::Compare(..) | DateTest::In(..) | DateTest::Within(..) => {
                let (from, to) = self.span(test);
                stretch(from, to)
            }
        }
    }

    /// The first millisecond of a day here.
    fn start(&self, day: i64) -> i64 {
        if day <= FIRST {
            return i64::MIN;
        }
        from_days(day)
            .and_then(|d| d.to_zoned(self.zone.clone()).ok())
            .map_or(i64::MAX, |z| z.timestamp().as_millisecond())
    }
}

fn step(which: Which) -> i32 {
    match which {
        Which::Last => -1,
        Which::This => 0,
        Which::Next => 1,
    }
}

fn moved(from: Date, n: i32, unit: Unit) -> Date {
    let span = match unit {
        Unit::Day => Span::new().try_days(n),
        Unit::Week => Span::new().try_weeks(n),
        Unit::Month => Span::new().try_months(n),
        Unit::Year => Span::new().try_years(n),
    };
    let edge = if n < 0 { Date::MIN } else { Date::MAX };
    span.map_or(edge, |s| from.saturating_add(s))
}

/// Days since 1970, as dates lie in the books.
pub(in crate::contacts) fn days(day: Date) -> i64 {
    i64::from(date(1970, 1, 1).until(day).map(|s| s.get_days()).unwrap_or(0))
}

fn from_days(n: i64) -> Option<Date> {
    Span::new().try_days(n).ok().and_then(|s| date(1970, 1, 1).checked_add(s).ok())
}
