use super::*;
use crate::base::{clock::japan, ids::TopicId};
use crate::contacts::refusal::{self, About, MailKind};
use crate::contacts::segment::plan::{Pick, Test, ValueTest, days};
use crate::contacts::segment::term::{Compare, Moment, TextOp};
use crate::contacts::segment::tests::{node, tree, words};
use crate::contacts::segment::{self, Outcome, Segment, plan};
use jiff::civil::{Date, date};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// A contact held in the hand.
#[derive(Default)]
struct Who {
    id: i64,
    email: String,
    created: i64,
    changed: i64,
    tags: Vec<i64>,
    values: BTreeMap<i64, Held>,
    /// The last word on each topic; 0 is everything.
    said: BTreeMap<i64, bool>,
    address_refuses: Vec<i64>,
    suppressed: bool,
    results: Vec<(i64, Outcome)>,
}

enum Held {
    Text(String),
    Number(f64),
    Day(Date),
    Flag(bool),
    Many(Vec<String>),
}

/// What a segment means, said once more without a database.
fn holds(pick: &Pick, who: &Who) -> bool {
    match pick {
        Pick::All(parts) => parts.iter().all(|p| holds(p, who)),
        Pick::Any(parts) => parts.iter().any(|p| holds(p, who)),
        Pick::Not(inner) => !holds(inner, who),
        Pick::Test(test) => passes(test, who),
    }
}

fn passes(test: &Test, who: &Who) -> bool {
    let refused = |topic: i64| {
        who.said.get(&topic) == Some(&false) || who.said.get(&0) == Some(&false) || who.address_refuses.contains(&topic)
    };
    match test {
        Test::Tagged(tags) => tags.iter().any(|t| who.tags.contains(t)),
        Test::Agreed(topic) => who.said.get(topic) == Some(&true) && !refused(*topic),
        Test::Refused(topic) => refused(*topic),
        Test::Suppressed => who.suppressed,
        Test::Result(campaign, list) => {
            who.results.iter().any(|(c, o)| campaign.is_none_or(|x| x == *c) && (list.is_empty() || list.contains(o)))
        }
        Test::Email(op, list) => text(*op, list, &who.email),
        Test::Moment(Moment::Created, from, to) => (*from..*to).contains(&who.created),
        Test::Moment(Moment::Changed, from, to) => (*from..*to).contains(&who.changed),
        Test::Value(attr, test) => who.values.get(attr).is_some_and(|held| value(test, held)),
    }
}

fn value(test: &ValueTest, held: &Held) -> bool {
    let number = |d: Date| i32::from(d.month()) * 100 + i32::from(d.day());
    match (test, held) {
        (ValueTest::Filled, _) => true,
        (ValueTest::Text(op, list), Held::Text(t)) => text(*op, list, t),
        (ValueTest::Number(op, list), Held::Number(n)) => list.iter().any(|x| match op {
            Compare::Equal => n == x,
            Compare::Less => n < x,
            Compare::AtMost => n <= x,
            Compare::More => n > x,
            Compare::AtLeast => n >= x,
        }),
        (ValueTest::Days(from, to), Held::Day(d)) => (*from..=*to).contains(&days(*d)),
        (ValueTest::Month(m), Held::Day(d)) => d.month() == *m,
        (ValueTest::Returns(from, to), Held::Day(d)) => match from <= to {
            true => (*from..=*to).contains(&number(*d)),
            false => number(*d) >= *from || number(*d) <= *to,
        },
        (ValueTest::Flag(yes), Held::Flag(f)) => yes == f,
        (ValueTest::Has(list), Held::Many(many)) => list.iter().any(|x| many.contains(x)),
        _ => false,
    }
}

fn text(op: TextOp, list: &[String], held: &str) -> bool {
    let held = held.to_ascii_lowercase();
    list.iter().map(|t| t.to_ascii_lowercase()).any(|t| match op {
        TextOp::Equal => held == t,
        TextOp::Contains => held.contains(&t),
        TextOp::Starts => held.starts_with(&t),
        TextOp::Ends => held.ends_with(&t),
    })
}

struct World {
    room: Room,
    people: Vec<Who>,
}

const CROWD: i64 = 120;

/// The same crowd each time, in the books and in the hand.
fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let room = room();
        let mut chance = Chance(42);
        let people: Vec<Who> = (1..=CROWD).map(|id| person(id, &mut chance)).collect();
        let tables = words();
        let mut sql = String::new();
        for a in &tables.catalog.attributes {
            let (id, key, label, kind) = (a.id, &a.key, &a.label, a.kind.name());
            sql += &format!(
                "INSERT INTO attributes (id, key, label, type, created) VALUES ({id}, '{key}', '{label}', '{kind}', 0);"
            );
        }
        sql += "INSERT INTO runs_read VALUES (7, 1, 0), (8, 2, 0), (9, 2, 0);";
        room.run(&sql);
        for who in &people {
            room.contact(who.id, &who.email, Time(who.created), Time(who.changed));
            room.run(&rows_of(who));
        }
        World { room, people }
    })
}

fn rows_of(who: &Who) -> String {
    let (id, mut sql) = (who.id, String::new());
    for tag in &who.tags {
        sql += &format!("INSERT INTO tagged VALUES ({tag}, {id});");
    }
    for (attr, held) in &who.values {
        let v = match held {
            Held::Text(t) => format!("'{t}'"),
            Held::Number(n) => n.to_string(),
            Held::Day(d) => days(*d).to_string(),
            Held::Flag(f) => i64::from(*f).to_string(),
            Held::Many(list) => format!("char(31) || '{}' || char(31)", list.join("' || char(31) || '")),
        };
        sql += &format!("INSERT INTO vals VALUES ({attr}, {id}, {v});");
    }
    for (topic, given) in &who.said {
        let (before, given) = (i64::from(!*given), i64::from(*given));
        sql += &format!(
            "INSERT INTO consents (contact, topic, n, given, at, basis, by) VALUES ({id}, {topic}, 1, {before}, 0, '', ''), ({id}, {topic}, 2, {given}, 0, '', '');"
        );
    }
    let at = format!("(SELECT addr FROM contacts WHERE id = {id})");
    for topic in &who.address_refuses {
        sql += &format!("INSERT INTO refusals VALUES ({at}, {topic}, x'00', 0);");
    }
    if who.suppressed {
        sql += &format!(
            "INSERT INTO suppressions (hash, addr, at, reason, by) VALUES (randomblob(16), {at}, 0, 'manual', '');"
        );
    }
    for (n, (campaign, outcome)) in who.results.iter().enumerate() {
        let run = if *campaign == 1 { 7 } else { 8 + n as i64 % 2 };
        sql += &format!("INSERT OR REPLACE INTO outcomes VALUES ({run}, {id}, '{}');", outcome.name());
    }
    sql
}

/// A small generator with a seed, so that the crowd is the same on every machine.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }

    fn some(&mut self) -> bool {
        self.below(3) > 0
    }

    fn one<T: Clone>(&mut self, list: &[T]) -> T {
        list[self.below(list.len() as u64) as usize].clone()
    }
}

fn person(id: i64, chance: &mut Chance) -> Who {
    let host = chance.one(&["docomo.ne.jp", "Example.jp", "a.b"]);
    let mut who = Who { id, email: format!("{}{id}@{host}", chance.one(&["and", "A", "東京"])), ..Who::default() };
    (who.created, who.changed) = (moment(chance), moment(chance));
    who.tags = (1..=4).filter(|_| chance.some()).collect();
    for attr in 1..=8 {
        if chance.some() {
            who.values.insert(attr, held(attr, chance));
        }
    }
    for topic in 1..=2 {
        if chance.some() {
            who.said.insert(topic, chance.some());
        }
    }
    if chance.below(6) == 0 {
        who.said.insert(0, false);
    }
    who.address_refuses = (1..=2).filter(|_| chance.below(5) == 0).collect();
    who.suppressed = chance.below(5) == 0;
    if chance.some() {
        who.results.push((1, chance.one(&Outcome::ALL)));
    }
    if chance.some() {
        who.results.push((2, chance.one(&Outcome::ALL)));
    }
    who
}

fn moment(chance: &mut Chance) -> i64 {
    NOW.ms() - chance.below(800) as i64 * 86_400_000 + chance.below(86_400_000) as i64
}

fn held(attr: i64, chance: &mut Chance) -> Held {
    let day = |chance: &mut Chance, from: i16| {
        let year = from + chance.below(90) as i16;
        date(year, 1 + chance.below(12) as i8, 1 + chance.below(28) as i8)
    };
    match attr {
        1 => Held::Text(chance.one(&["東京都", "大阪府", "Tokyo"]).into()),
        2 => Held::Number(chance.below(240) as f64 / 4.0),
        3 if chance.below(6) == 0 => Held::Day(date(2000, 2, 29)),
        3 => Held::Day(day(chance, 1937)),
        4 => Held::Day(days_before(chance.below(800) as i64)),
        5 => Held::Flag(chance.some()),
        6 => Held::Many(vec![chance.one(&["旅行", "food"]).into(), "音楽".to_owned()]),
        _ => Held::Text(chance.one(&["東京都", "あいう", "AND", "a b", "30以上", "京"]).into()),
    }
}

fn days_before(n: i64) -> Date {
    NOW.date(&japan()).checked_sub(jiff::Span::new().days(n)).unwrap()
}

fn agree(text: &str, segment: &Segment, pick: &Pick) {
    let World { room, people } = world();
    let want: Vec<ContactId> = people.iter().filter(|w| holds(pick, w)).map(|w| ContactId(w.id)).collect();
    assert_eq!(segment::count(&room.store, segment, NOW).unwrap(), want.len() as u64, "{text}");
    let reached = people.iter().filter(|w| holds(pick, w) && !w.suppressed && passes(&Test::Agreed(1), w)).count();
    let about = About { topic: TopicId(1), kind: MailKind::Advertisement, once_per_address: false };
    let tally = refusal::tally(&room.store, segment, NOW, about).unwrap();
    assert_eq!((tally.total(), tally.reached), (want.len() as u64, reached as u64), "{text}");
    let (mut got, mut after) = (Vec::new(), ContactId(0));
    loop {
        let page = segment::page(&room.store, segment, NOW, after, 17).unwrap();
        let Some(last) = page.last() else { break };
        after = *last;
        got.extend(page);
    }
    assert_eq!(got, want, "{text}");
    for id in [1, 60, CROWD].map(ContactId) {
        assert_eq!(segment::contains(&room.store, segment, NOW, id).unwrap(), want.contains(&id), "{text} {id}");
    }
}

proptest! {
    #[test]
    fn the_books_and_the_plain_meaning_agree(node in node()) {
        let text = node.to_string();
        let segment = Segment::parse(&text, &words()).unwrap();
        agree(&text, &segment, &plan::fix(&node, NOW, &japan()));
    }
}

#[test]
fn alternatives_and_denials_count_alike_in_every_mixture() {
    for text in [
        "tag:VIP or ポイント >= 30",
        "tag in (VIP, \"two words\")",
        "not tag:VIP",
        "not tag:VIP and not ポイント >= 30",
        "not tag:VIP or ポイント >= 30",
        "not (tag:VIP or ポイント >= 30 and 都道府県 = 東京都)",
        "(tag:VIP or 都道府県 = 東京都) and (ポイント >= 30 or suppressed)",
        "(tag:VIP or ポイント >= 30) and not suppressed",
        "tag:VIP or suppressed",
        "not suppressed or tag:VIP",
        "tag in (VIP, \"two words\") and (email contains a or tag:VIP)",
        "",
    ] {
        let segment = Segment::parse(text, &words()).unwrap();
        let node = tree(text);
        agree(text, &segment, &plan::fix(&node, NOW, &japan()));
    }
}

#[test]
fn a_segment_kept_under_a_name_is_found_changed_and_deleted() {
    let room = room();
    room.run("INSERT INTO tags (id, name) VALUES (1, 'VIP');");
    let made = segment::save(&room.store, &by(), NOW, "大切な方", "tag:VIP").unwrap();
    assert_eq!(segment::save(&room.store, &by(), NOW, "大切な方", "not tag:VIP").unwrap().id, made.id);
    assert_eq!(segment::load(&room.store, "g1").unwrap().text, "not tag:VIP");
    assert!(segment::save(&room.store, &by(), NOW, "だめ", "tag:VPI").is_err());
    assert!(segment::save(&room.store, &by(), NOW, "g9", "tag:VIP").is_err());
    segment::delete(&room.store, &by(), NOW, "大切な方").unwrap();
    assert!(segment::load(&room.store, "g1").is_err() && segment::list(&room.store).unwrap().is_empty());
}

#[test]
fn what_looks_like_sql_is_a_value() {
    let room = room();
    room.run("INSERT INTO attributes (id, key, label, type, created) VALUES (1, 'n', 'n', 'text', 0);");
    room.contact(1, "a@example.jp", NOW, NOW);
    room.run("INSERT INTO vals VALUES (1, 1, 'x'' OR 1=1 --');");
    for (text, want) in [
        (r#"n = "x' OR 1=1 --""#, 1),
        (r#"n = "' OR 1=1 --""#, 0),
        (r#"n contains "'); DROP TABLE contacts; --""#, 0),
        ("", 1),
    ] {
        let segment = segment::read(&room.store, text).unwrap();
        assert_eq!(segment::count(&room.store, &segment, NOW).unwrap(), want, "{text}");
    }
}
