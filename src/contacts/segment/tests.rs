use super::plan::{Test, ValueTest, days};
use super::term::*;
use super::*;
use crate::base::ids::CampaignId;
use crate::contacts::attribute::{Attribute, Role};
use crate::contacts::value::Type;
use jiff::civil::{Date, date};
use proptest::prelude::*;

fn attribute(id: i64, key: &str, label: &str, kind: Type, choices: &[&str]) -> Attribute {
    Attribute {
        id,
        key: key.into(),
        label: label.into(),
        kind,
        choices: choices.iter().map(|c| (*c).to_owned()).collect(),
        substitute: String::new(),
        role: Role::None,
    }
}

fn named(id: i64, name: &str) -> Named {
    Named { id, name: name.into() }
}

pub(in crate::contacts) fn words() -> Words {
    Words {
        catalog: Catalog {
            attributes: vec![
                attribute(1, "都道府県", "都道府県", Type::Choice, &["東京都", "大阪府", "Tokyo"]),
                attribute(2, "ポイント", "ポイント", Type::Number, &[]),
                attribute(3, "誕生日", "誕生日", Type::Date, &[]),
                attribute(4, "登録日", "登録日", Type::Date, &[]),
                attribute(5, "メルマガ", "メルマガ", Type::Bool, &[]),
                attribute(6, "趣味", "趣味", Type::Multi, &["旅行", "音楽", "food"]),
                attribute(7, "お名前_漢字", "お名前（漢字）", Type::Text, &[]),
                attribute(8, "and_", "and", Type::Text, &[]),
            ],
        },
        tags: vec![named(1, "2026秋"), named(2, "two words"), named(3, "VIP"), named(4, "not"), named(5, "会員")],
        topics: vec![named(1, "お知らせ"), named(2, "新商品 情報")],
    }
}

pub(in crate::contacts) fn tree(text: &str) -> Node {
    Segment::check(text, &words()).unwrap_or_else(|m| panic!("{text}: {} {}", m.at, m.says)).node
}

/// Each line of a block means the same.
fn same(block: &str) {
    let mut lines = block.lines().map(str::trim).filter(|l| !l.is_empty());
    let first = lines.next().unwrap();
    for line in lines {
        assert_eq!(tree(line), tree(first), "{line}\n{first}");
    }
}

#[test]
fn the_same_thing_can_be_said_in_several_ways() {
    same(
        "tag:2026秋 and not (都道府県 in (東京都, 大阪府)) and 年齢 >= 30
          タグ：2026秋　かつ　not（都道府県 in（東京都、大阪府））AND 年齢≧３０
          tag:2026秋 && !(都道府県 in (東京都, 大阪府)) and age(誕生日) >= 30
          tag:2026秋 かつ 都道府県 not in (東京都, 大阪府) かつ 年齢 30歳以上
          tag in (\"2026秋\") and 都道府県 in (「東京都」, 大阪府) でない and @age >= 30",
    );
    same(
        "都道府県 != tokyo
          not 都道府県 = Tokyo
          都道府県 is not Tokyo",
    );
    same(
        "メルマガ
          メルマガ = yes
          メルマガ is はい",
    );
    same(
        "not メルマガ = no
          メルマガ != no
          メルマガ is not いいえ",
    );
    same(
        "趣味 has (旅行, 音楽)
          趣味 in (旅行, 音楽)
          趣味 contains (旅行, 音楽)",
    );
    same(
        "誕生日 in month 11
          誕生日 in 11月
          誕生日 11月",
    );
    same(
        "登録日 within last 30 days
          登録日 within past 30 days
          登録日 過去30日",
    );
    same(
        "登録日 >= 30 days ago
          登録日 >= 30日前",
    );
    same(
        "登録日 in (2026-11-20, today)
          登録日 in (2026年11月20日, 今日)
          (登録日 = 2026/11/20 or 登録日 is 本日)",
    );
    same(
        "お名前_漢字 is blank
          \"お名前（漢字）\" 空
          not \"お名前（漢字）\" is not blank
          属性:お名前_漢字 is empty",
    );
    same(
        "result:c12 = sent or result:any in (不達, failed)
          結果:C12 is 送信済み または result:any in (bounced, failed)",
    );
    same(
        "tag:vip
          tag:VIP",
    );
    assert!(Segment::parse(" 　", &words()).unwrap().is_everybody());
}

#[test]
fn a_mistake_is_named_at_its_place() {
    for (text, at, expected) in [
        ("tag:2026秋 and", 13, "a condition"),
        ("tag:2026夏", 4, "no tag of this name. Did you mean 2026秋?"),
        ("都道府件 = 東京都", 0, "no attribute of this name. Did you mean 都道府県?"),
        ("都道府県 = 東京", 7, "not one of the choices. Did you mean 東京都?"),
        ("都道府県 >= 東京都", 5, "a comparison"),
        ("都道府県 in 東京都", 8, "a list"),
        ("都道府県 in (東京都 大阪府)", 13, ", or )"),
        ("(tag:VIP", 8, "), and, or or"),
        ("tag:VIP)", 7, "and, or, or the end"),
        ("tag:VIP tag:VIP", 8, "and, or, or the end"),
        ("ポイント > たくさん", 7, "a number"),
        ("年齢 >= 30.5", 6, "a whole number"),
        ("登録日 > 2026-13-01", 6, "a date"),
        ("登録日 within 30 parsecs", 14, "days, weeks"),
        ("登録日 in month 13", 13, "a month"),
        ("メルマガ = たぶん", 7, "yes or no"),
        ("趣味 = 旅行", 3, "has or in"),
        ("consent:ニュース", 8, "no topic"),
        ("result:c12 = opened", 13, "an outcome"),
        ("お名前_漢字 = \"山田", 9, "no end"),
        ("お名前_漢字 contains \"\"", 16, "is blank"),
        ("and", 0, "a condition"),
        ("tag", 3, "Expected : and a name"),
    ] {
        let m = Segment::check(text, &words()).unwrap_err();
        assert!(m.at == at && m.sentence().en.contains(expected), "{text}: {} {}", m.at, m.sentence());
    }
}

#[test]
fn the_mark_stands_under_the_place_in_wide_text() {
    let text = "都道府件 = a and x";
    let m = Segment::check(text, &words()).unwrap_err();
    assert_eq!(m.caret(text), format!("{text}\n^"));
    let text = "tag:2026夏 and x";
    assert_eq!(Segment::check(text, &words()).unwrap_err().caret(text), format!("{text}\n    ^"));
    let e = Segment::parse("都道府県 = 山田花子", &words()).unwrap_err();
    assert!(!e.says().ja.contains("山田") && e.says().ja.contains("8 文字目"), "{e}");
}

#[test]
fn what_is_too_large_is_refused() {
    let deep = format!("{}tag:VIP{}", "(".repeat(50), ")".repeat(50));
    let wide = vec!["tag:VIP"; 400].join(" or ");
    let many = format!("都道府県 in ({})", vec!["東京都"; 400].join(","));
    let nots = "not ".repeat(60) + "tag:VIP";
    for text in [deep, wide, many, nots, "a".repeat(5000)] {
        assert!(Segment::check(&text, &words()).is_err(), "{}", &text[..20]);
    }
}

fn fixed(text: &str, today: &str) -> Pick {
    let now = Time::parse(&format!("{today} 23:30"), &clock::japan()).unwrap();
    plan::fix(&tree(text), now, &clock::japan())
}

fn day_range(text: &str, today: &str) -> (String, String) {
    let mut pick = fixed(text, today);
    while let Pick::Any(mut parts) = pick {
        pick = parts.remove(0);
    }
    let Pick::Test(Test::Value(_, ValueTest::Days(from, to))) = pick else { panic!("{text}: {pick:?}") };
    let day = |n: i64| date(1970, 1, 1).checked_add(jiff::Span::new().days(n)).map_or("-".into(), |d| d.to_string());
    (day(from), day(to))
}

#[test]
fn relative_dates_are_days_in_japan() {
    for (text, today, from, to) in [
        ("登録日 within last 30 days", "2026-11-20", "2026-10-21", "2026-11-20"),
        ("登録日 within 1 month", "2026-03-31", "2026-02-28", "2026-04-30"),
        ("登録日 = 2 weeks ahead", "2026-11-20", "2026-12-04", "2026-12-04"),
        ("登録日 in this month", "2026-02-10", "2026-02-01", "2026-02-28"),
        ("登録日 in last year", "2026-02-10", "2025-01-01", "2025-12-31"),
        ("登録日 in next month", "2026-12-31", "2027-01-01", "2027-01-31"),
        ("登録日 >= yesterday", "2026-03-01", "2026-02-28", "9999-12-31"),
        ("年齢 = 20", "2026-11-20", "2005-11-21", "2006-11-20"),
        ("年齢 >= 20", "2024-02-29", "0001-01-01", "2004-02-29"),
        ("年齢 >= 19", "2024-02-29", "0001-01-01", "2005-02-28"),
        ("年齢 < 1", "2026-11-20", "2025-11-21", "2026-11-20"),
        ("年齢 <= 0", "2026-11-20", "2025-11-21", "2026-11-20"),
    ] {
        assert_eq!(day_range(text, today), (from.to_owned(), to.to_owned()), "{text} on {today}");
    }
}

#[test]
fn a_birthday_returns_each_year() {
    let returns = |text: &str, today: &str| match fixed(text, today) {
        Pick::Test(Test::Value(3, test)) => test,
        other => panic!("{other:?}"),
    };
    for (text, today, want) in [
        ("誕生日 within next 30 days", "2026-11-20", ValueTest::Returns(1120, 1220)),
        ("誕生日 within next 30 days", "2026-12-20", ValueTest::Returns(1220, 119)),
        ("誕生日 within 1 day", "2026-02-27", ValueTest::Returns(226, 229)),
        ("誕生日 within 1 day", "2028-02-27", ValueTest::Returns(226, 228)),
        ("誕生日 within 1 year", "2026-02-27", ValueTest::Filled),
        ("誕生日 in this month", "2026-02-27", ValueTest::Month(2)),
        ("誕生日 来月", "2026-12-27", ValueTest::Month(1)),
    ] {
        assert_eq!(returns(text, today), want, "{text} on {today}");
    }
}

// ---- trees of all kinds, for what must hold of each ----

fn text_value() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z0-9あ-お東京、（）=<>!:\"”\\\\ ]{1,8}",
        Just("and".to_owned()),
        Just("東京都".to_owned()),
        Just("30以上".to_owned()),
        Just("!x".to_owned()),
    ]
}

fn text_op() -> impl Strategy<Value = TextOp> {
    prop_oneof![Just(TextOp::Equal), Just(TextOp::Contains), Just(TextOp::Starts), Just(TextOp::Ends)]
}

fn compare() -> impl Strategy<Value = Compare> {
    use Compare::*;
    prop_oneof![Just(Equal), Just(Less), Just(AtMost), Just(More), Just(AtLeast)]
}

fn unit() -> impl Strategy<Value = Unit> {
    prop_oneof![Just(Unit::Day), Just(Unit::Week), Just(Unit::Month), Just(Unit::Year)]
}

fn any_date() -> impl Strategy<Value = Date> {
    (1930i16..2030, 1i8..=12, 1i8..=28).prop_map(|(y, m, d)| date(y, m, d))
}

fn day() -> impl Strategy<Value = Day> {
    let away = (1i32..400, any::<bool>(), unit()).prop_map(|(n, ago, u)| Day::Away(if ago { -n } else { n }, u));
    prop_oneof![any_date().prop_map(Day::On), Just(Day::Today), away]
}

fn date_test() -> impl Strategy<Value = DateTest> {
    let which = prop_oneof![Just(Which::Last), Just(Which::This), Just(Which::Next)];
    let side = prop_oneof![Just(Side::Last), Just(Side::Next), Just(Side::Either)];
    let period = prop_oneof![Just(Period::Month), Just(Period::Year)];
    prop_oneof![
        (compare(), day()).prop_map(|(c, d)| DateTest::Compare(c, d)),
        (1i8..=12).prop_map(DateTest::Month),
        (which, period).prop_map(|(w, p)| DateTest::In(w, p)),
        (side, 0i32..400, unit()).prop_map(|(s, count, unit)| DateTest::Within(s, Length { count, unit })),
    ]
}

/// One value where the comparison takes one, up to three where it takes a list.
fn numbers(op: Compare, list: Vec<i64>) -> Vec<i64> {
    if op == Compare::Equal { list } else { list[..1].to_vec() }
}

fn term() -> impl Strategy<Value = Term> {
    let w = words();
    let a = move |n: usize| named(w.catalog.attributes[n].id, &w.catalog.attributes[n].label);
    let (tags, topics) = (words().tags, words().topics);
    let choices = |list: &[&str]| {
        let list: Vec<String> = list.iter().map(|s| (*s).to_owned()).collect();
        prop::collection::vec(prop::sample::select(list), 1..3)
    };
    let ints = || prop::collection::vec(0i64..120, 1..4);
    let outcomes = prop::collection::vec(prop::sample::select(Outcome::ALL.to_vec()), 0..3);
    let (choice, points, birthday, joined, news, hobby, name, and) = (a(0), a(1), a(2), a(3), a(4), a(5), a(6), a(7));
    let filled = vec![choice.clone(), birthday.clone(), name.clone(), and.clone()];
    let texts = || prop::collection::vec(text_value(), 1..3);
    let born = DateOf { attr: birthday.clone(), birthday: true };
    let since = DateOf { attr: joined, birthday: false };
    prop_oneof![
        prop::sample::subsequence(tags, 1..3).prop_map(Term::Tag),
        prop::sample::select(topics.clone()).prop_map(Term::Agreed),
        prop::sample::select(topics).prop_map(Term::Refused),
        Just(Term::Suppressed),
        (prop::option::of((1i64..3).prop_map(CampaignId)), outcomes).prop_map(|(c, o)| Term::Result(c, o)),
        (text_op(), texts()).prop_map(|(op, t)| Term::Email(op, t)),
        (prop_oneof![Just(Moment::Created), Just(Moment::Changed)], date_test()).prop_map(|(m, t)| Term::Moment(m, t)),
        prop::sample::select(filled).prop_map(Term::Filled),
        choices(&["東京都", "大阪府", "Tokyo"]).prop_map(move |l| Term::Text(choice.clone(), TextOp::Equal, l)),
        (text_op(), texts(), any::<bool>()).prop_map(move |(op, l, first)| Term::Text(
            if first { name.clone() } else { and.clone() },
            op,
            l
        )),
        (compare(), ints()).prop_map(move |(op, l)| {
            Term::Number(points.clone(), op, numbers(op, l).into_iter().map(|n| n as f64 / 2.0).collect())
        }),
        (compare(), ints()).prop_map(move |(op, l)| Term::Age(birthday.clone(), op, numbers(op, l))),
        date_test().prop_map(move |t| Term::Date(born.clone(), t)),
        date_test().prop_map(move |t| Term::Date(since.clone(), t)),
        any::<bool>().prop_map(move |yes| Term::Flag(news.clone(), yes)),
        choices(&["旅行", "音楽", "food"]).prop_map(move |l| Term::Has(hobby.clone(), l)),
    ]
}

pub(in crate::contacts) fn node() -> impl Strategy<Value = Node> {
    term().prop_map(Node::Is).prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(Node::all),
            prop::collection::vec(inner.clone(), 1..4).prop_map(Node::any),
            inner.prop_map(Node::not),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_printed_reads_back_as_the_same_tree(node in node()) {
        let text = node.to_string();
        let read = Segment::check(&text, &words());
        prop_assert_eq!(read.map(|s| s.node), Ok(node), "{}", text);
    }

    #[test]
    fn any_text_is_read_or_refused_at_a_place_inside_it(text in "(tag|VIP|都道府県|not|and|in|=|>=|\\(|\\)|\"|「|誕生日|within|30|日|[ :,！]){0,12}") {
        if let Err(m) = Segment::check(&text, &words()) {
            prop_assert!(m.at <= text.chars().count());
            m.caret(&text);
        }
    }
}

#[test]
fn days_count_from_1970() {
    assert_eq!((days(date(1970, 1, 2)), days(date(1969, 12, 31))), (1, -1));
}

#[test]
fn chosen_conditions_become_text_that_reads_back() {
    use super::compose::{Chosen, How, add};
    let one = |what: &str, how, value: &str| Chosen { what: what.into(), how: Some(how), value: value.into() };
    for (before, any, chosen, want) in [
        ("", false, one("tag", How::Is, "two words"), "tag:\"two words\""),
        ("tag:VIP", false, one("tag", How::IsNot, "not"), "tag:VIP and not tag:\"not\""),
        (
            "tag:VIP or suppressed",
            false,
            one("attr:2", How::AtLeast, "30"),
            "(tag:VIP or suppressed) and ポイント >= 30",
        ),
        (
            "tag:VIP and suppressed",
            true,
            one("age:3", How::AtMost, "19"),
            "tag:VIP and suppressed or age(誕生日) <= 19",
        ),
        ("", false, one("attr:1", How::OneOf, "東京都、大阪府"), "都道府県 in (東京都, 大阪府)"),
        ("", false, one("attr:7", How::Starts, "山"), "\"お名前（漢字）\" starts 山"),
        ("", false, one("attr:6", How::IsNot, "旅行"), "not 趣味 has 旅行"),
        ("", false, one("created", How::LastDays, "30"), "@created within last 30 days"),
        ("", false, one("consent:2", How::Is, ""), "consent:\"新商品 情報\""),
        ("", false, one("result", How::OneOf, "bounced, failed"), "result:any in (bounced, failed)"),
        ("tag:VIP", false, Chosen::default(), "tag:VIP"),
    ] {
        let text = add(&words(), before, any, &[chosen]).unwrap();
        assert_eq!(text, want);
        tree(&text);
    }
}

#[test]
fn every_example_of_the_manual_makes_sense() {
    for manual in [include_str!("../../../docs/segments.md"), include_str!("../../../docs/segments.ja.md")] {
        let examples: Vec<&str> = manual.lines().filter_map(|l| l.strip_prefix("    ")).collect();
        assert!(examples.len() > 30);
        for example in examples {
            tree(example);
        }
    }
}
