use super::*;
use crate::base::progress::Quiet;
use crate::base::seal::Key;
use crate::base::{By, Email, Progress, ids::ContactId};
use crate::contacts::people::{self, Edit, Person};
use crate::contacts::value::{Type, Value};
use crate::contacts::{SCHEMA, attribute, consent, tag};
use proptest::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering};

struct House {
    _dir: tempfile::TempDir,
    store: Store,
}

fn by() -> By {
    By::house("test")
}

impl House {
    fn new() -> House {
        let dir = tempfile::tempdir().unwrap();
        let (store, _) = Store::create(dir.path(), &Key::new([1; 32]), &[SCHEMA]).unwrap();
        store
            .write(&by(), Time(0), "topic.create", |tx| {
                Ok(tx.execute("INSERT INTO topics (name, is_default, created) VALUES ('お知らせ', 1, 0)", [])?)
            })
            .unwrap();
        House { _dir: dir, store }
    }

    fn source(&self, text: &str) -> Source {
        Source::open(&self.store, text.as_bytes(), &Hints::default(), &Quiet).unwrap()
    }

    fn import_at(&self, at: i64, text: &str, order: &Order) -> (Report, String) {
        let mut errors = Vec::new();
        let dry = dry_run(&self.store, Time(at), &mut self.source(text), order, &Quiet).unwrap();
        let order = &Order { confirmed: true, ..order.clone() };
        let report = run(&self.store, (&by(), Time(at)), &mut self.source(text), order, &Quiet, &mut errors).unwrap();
        assert_eq!(dry.counts, report.counts, "a dry run counts what a run does");
        balanced(&report.counts);
        (report, String::from_utf8(errors).unwrap())
    }

    fn import(&self, text: &str, order: &Order) -> (Report, String) {
        self.import_at(1, text, order)
    }

    fn person(&self, address: &str) -> Person {
        let ids = people::of_address(&self.store, &Email::parse(address).unwrap()).unwrap();
        assert_eq!(ids.len(), 1, "{address}");
        people::find(&self.store, ids[0]).unwrap()
    }

    fn count(&self) -> u64 {
        people::count(&self.store).unwrap()
    }

    fn number(&self, sql: &str) -> i64 {
        self.store.read(|c| Ok(c.query_row(sql, [], |r| r.get(0))?)).unwrap()
    }

    /// Everything about contacts, as text.
    fn state(&self) -> String {
        let sql = "SELECT group_concat(x, char(10)) FROM (
            SELECT id || email || addr || coalesce(key, '-') || search || created || changed || coalesce(import, '-') x FROM contacts
            UNION ALL SELECT 'v' || attr || '.' || contact || '.' || v FROM vals
            UNION ALL SELECT 't' || tag || '.' || contact FROM tagged
            UNION ALL SELECT 'c' || contact || topic || n || given || at || basis FROM consents
            UNION ALL SELECT 's' || hex(hash) FROM suppressions ORDER BY 1)";
        self.store.read(|c| Ok(c.query_row(sql, [], |r| r.get::<_, Option<String>>(0))?)).unwrap().unwrap_or_default()
    }
}

fn balanced(n: &Counts) {
    assert_eq!(n.new + n.changed + n.same + n.rejected, n.rows, "{n:?}");
}

fn value(person: &Person, key: &str) -> Option<Value> {
    person.values.iter().find(|f| f.key == key).unwrap().value.clone()
}

fn mode(mode: Mode) -> Order {
    Order { mode, ..Order::default() }
}

fn consented() -> Order {
    let consent =
        Consent { topic: None, basis: Basis::OptIn, source: "店頭".into(), wording: "同意します".into() };
    Order { consent: Some(consent), tags: vec!["2026秋".into()], ..Order::default() }
}

#[test]
fn a_file_becomes_contacts_with_attributes_tags_and_consent() {
    let house = House::new();
    let text = "メールアドレス,姓,年齢,誕生日,お名前（漢字）\nHanako@Example.jp,山田,30,R2.4.1,花子\nb@example.jp,鈴木,,2001/2/3,\n";
    let (report, errors) = house.import(text, &consented());
    assert_eq!((report.counts.rows, report.counts.new, errors.as_str()), (2, 2, ""));
    let hanako = house.person("hanako@example.jp");
    assert_eq!(hanako.email.as_str(), "Hanako@Example.jp");
    assert_eq!(hanako.tags, ["2026秋"]);
    assert_eq!(value(&hanako, "年齢"), Some(Value::Number(30.0)));
    assert_eq!(value(&hanako, "誕生日"), Some(Value::Date(jiff::civil::date(2020, 4, 1))));
    assert_eq!(value(&hanako, "お名前_漢字"), Some(Value::Text("花子".into())));
    assert_eq!(value(&house.person("b@example.jp"), "年齢"), None);
    assert_eq!(house.number("SELECT count(*) FROM consents WHERE given = 1 AND basis = 'opt_in' AND import = 1"), 2);
    assert_eq!(people::list(&house.store, "やまだ", None, 10).unwrap().len(), 0);
    assert_eq!(people::list(&house.store, "山田", None, 10).unwrap().len(), 1);
    assert_eq!(people::list(&house.store, "ＨＡＮＡＫＯ＠", None, 10).unwrap()[0].name, "花子");
}

#[test]
fn every_row_is_accounted_for_and_rejected_ones_come_back_with_a_reason() {
    let house = House::new();
    let text =
        "email,氏名\na@example.jp,一\nnobody,二\nA@EXAMPLE.JP,三\n,四\nb@example.jp,五,六\nc..d@docomo.ne.jp,七\n";
    let (report, errors) = house.import(text, &Order::default());
    let n = report.counts;
    assert_eq!((n.rows, n.new, n.rejected, n.duplicates), (6, 2, 4, 1));
    let want = "email,氏名,理由\na@example.jp,一,4 行目と同じ連絡先（後の行を採用）\nnobody,二,メールアドレスの形が正しくない\n,四,メールアドレスが空\nb@example.jp,五,六,列の数が見出しより多い\n";
    assert_eq!(errors, want);
    assert_eq!(
        report.problems.iter().map(|p| (p.row, p.name)).collect::<Vec<_>>(),
        [(2, "repeated"), (3, "bad_address"), (5, "no_address"), (6, "too_many_cells")]
    );
    assert_eq!(value(&house.person("a@example.jp"), "氏名"), Some(Value::Text("三".into())));
    assert!(house.person("c..d@docomo.ne.jp").email.is_marked());
}

#[test]
fn a_corrected_error_file_brings_its_rows_and_no_attribute_for_the_reasons() {
    let house = House::new();
    let wishes = Wishes { types: vec![("点".into(), Type::Number)], ..Wishes::default() };
    let order = Order { wishes, ..Order::default() };
    let (_, errors) = house.import("email,点\nnobody,1\na@example.jp,many\nb@example.jp,1,2\n", &order);
    let corrected = errors.replace("nobody", "nobody@example.jp").replace(",many,", ",3,").replace(",1,2,", ",1,");
    let (report, _) = house.import_at(2, &corrected, &Order::default());
    assert_eq!((report.counts.new, report.counts.rejected), (3, 0), "{corrected}");
    assert_eq!(house.number("SELECT count(*) FROM attributes"), 1);
    house.import_at(3, "email,理由\na@example.jp,引っ越し\n", &Order::default());
    assert_eq!(
        value(&house.person("a@example.jp"), "理由"),
        Some(Value::Text("引っ越し".into())),
        "a reason of theirs"
    );
}

#[test]
fn an_error_file_that_comes_back_unedited_does_not_bring_the_losers_of_duplicates() {
    let house = House::new();
    let (_, errors) =
        house.import("email,氏名\na@example.jp,古い\na@example.jp,新しい\nnobody,二\n", &Order::default());
    let corrected = errors.replace("nobody", "nobody@example.jp");
    let (report, again) = house.import_at(2, &corrected, &Order::default());
    assert_eq!((report.counts.new, report.counts.changed, report.counts.rejected), (1, 0, 1), "{corrected}");
    assert_eq!(report.problems[0].name, "superseded");
    assert_eq!(value(&house.person("a@example.jp"), "氏名"), Some(Value::Text("新しい".into())));
    let (report, again) = house.import_at(3, &again, &Order::default());
    assert_eq!((report.counts.changed, report.counts.rejected), (0, 1), "still the same decision: {again}");
    let decided = "email,氏名,理由\na@example.jp,古い,\nc@example.jp,,メールアドレスの形が正しくない\n";
    let (report, _) = house.import_at(4, decided, &Order::default());
    assert_eq!((report.counts.changed, report.counts.new), (1, 1), "an emptied reason is a decision");
}

#[test]
fn a_second_column_of_addresses_does_not_take_the_place_of_the_first() {
    let house = House::new();
    let text = "mail,email\na@example.jp,b@example.jp\n";
    house.import(text, &Order::default());
    let (report, _) = house.import_at(2, "email,email (2)\na@example.jp,c@example.jp\n", &Order::default());
    assert_eq!((report.counts.changed, report.counts.rejected), (1, 0));
    assert_eq!(value(&house.person("a@example.jp"), "email_2"), Some(Value::Text("c@example.jp".into())));
}

#[test]
fn the_same_file_again_changes_nothing() {
    let house = House::new();
    let text = "email,姓,点\na@example.jp,山田,1\nb@example.jp,鈴木,2\n";
    house.import(text, &consented());
    let before = house.state();
    let (report, _) = house.import_at(2, text, &consented());
    assert_eq!((report.counts.same, report.counts.rows), (2, 2));
    assert_eq!(house.state(), before);
}

#[test]
fn a_blank_keeps_what_is_there_unless_told_to_clear() {
    let house = House::new();
    house.import("email,姓,名\na@example.jp,山田,花子\n", &Order::default());
    house.import_at(2, "email,姓,名\na@example.jp,,\n", &Order::default());
    assert_eq!(value(&house.person("a@example.jp"), "姓"), Some(Value::Text("山田".into())));
    house.import_at(3, "email,姓,名\na@example.jp,\n", &Order { blank: Blank::Clear, ..Order::default() });
    let person = house.person("a@example.jp");
    assert_eq!((value(&person, "姓"), value(&person, "名")), (None, Some(Value::Text("花子".into()))));
}

#[test]
fn each_mode_does_what_it_says() {
    let house = House::new();
    house.import("email,姓\na@example.jp,一\nb@example.jp,二\nc@example.jp,三\n", &Order::default());
    let n = house.import_at(2, "email,姓\na@example.jp,x\nd@example.jp,四\n", &mode(Mode::Add)).0.counts;
    assert_eq!((n.new, n.rejected), (1, 1));
    let n = house.import_at(3, "email,姓\na@example.jp,壱\ne@example.jp,五\n", &mode(Mode::Update)).0.counts;
    assert_eq!((n.changed, n.rejected), (1, 1));
    let n = house.import_at(4, "email\nb@example.jp\nz@example.jp\n", &mode(Mode::Remove)).0.counts;
    assert_eq!((n.changed, n.removed, n.rejected), (1, 1, 1));
    let n = house.import_at(5, "email,姓\na@example.jp,壱\n", &mode(Mode::Replace)).0.counts;
    assert_eq!((n.same, n.removed, house.count()), (1, 2, 1));
}

#[test]
fn an_import_that_removes_shows_its_counts_first() {
    let house = House::new();
    house.import("email\na@example.jp\nb@example.jp\n", &Order::default());
    let before = house.state();
    for m in [Mode::Remove, Mode::Replace] {
        let asked = run(
            &house.store,
            (&by(), Time(2)),
            &mut house.source("email\na@example.jp\n"),
            &mode(m),
            &Quiet,
            &mut Vec::new(),
        );
        let asked = asked.unwrap_err();
        assert_eq!(asked.kind(), crate::base::Kind::Unanswered);
        assert!(asked.says().en.contains("removes 1"), "{asked}");
    }
    assert_eq!(house.state(), before);
}

#[test]
fn a_replace_keeps_whom_a_rejected_row_is_about() {
    let house = House::new();
    house.import("email,点\na@example.jp,1\nb@example.jp,2\n", &Order::default());
    let n = house.import_at(2, "email,点\na@example.jp,many\n", &mode(Mode::Replace)).0.counts;
    assert_eq!((n.rejected, n.removed, house.count()), (1, 1, 1));
}

#[test]
fn a_key_identifies_and_two_contacts_may_share_an_address() {
    let house = House::new();
    let keyed = Order { wishes: Wishes { key: Some("会員番号".into()), ..Wishes::default() }, ..Order::default() };
    house.import("会員番号,email,姓\nA-1,family@example.jp,父\nA-2,family@example.jp,母\n", &keyed);
    let n = house.import_at(2, "会員番号,email,姓\nａ－１,new@example.jp,父\n,x@example.jp,無\n", &keyed).0.counts;
    assert_eq!((n.changed, n.rejected, house.count()), (1, 1, 2));
    assert_eq!(house.person("new@example.jp").key.as_deref(), Some("a-1"));
    house.import_at(3, "会員番号,email\nA-1,family@example.jp\n", &keyed);
    let n = house.import_at(4, "email,姓\nfamily@example.jp,誰\n", &Order::default()).0;
    assert_eq!(n.problems[0].name, "shared");
    let other = Order { wishes: Wishes { key: Some("姓".into()), ..Wishes::default() }, ..Order::default() };
    let refused = dry_run(&house.store, Time(5), &mut house.source("email,姓\na@example.jp,x\n"), &other, &Quiet);
    assert_eq!(refused.unwrap_err().kind(), crate::base::Kind::Conflict);
}

#[test]
fn an_attribute_that_was_only_a_value_can_become_the_key() {
    let house = House::new();
    house.import("会員番号,email\n001,a@example.jp\n002,b@example.jp\n", &Order::default());
    let keyed = Order { wishes: Wishes { key: Some("会員番号".into()), ..Wishes::default() }, ..Order::default() };
    let n = house.import_at(2, "会員番号,email\n001,changed@example.jp\n003,c@example.jp\n", &keyed).0.counts;
    assert_eq!((n.new, n.changed, house.count()), (1, 1, 3));
}

#[test]
fn a_value_of_the_wrong_type_rejects_its_row_and_a_wrong_guess_becomes_text() {
    let house = House::new();
    attribute::create(
        &house.store,
        &by(),
        Time(0),
        "点",
        &attribute::Change { kind: Some(Type::Number), ..Default::default() },
    )
    .unwrap();
    let mut text = String::from("email,点,店\n");
    for n in 0..1_500 {
        text.push_str(&format!("p{n}@example.jp,{n},{n}\n"));
    }
    text.push_str("last@example.jp,1,本店\nbad@example.jp,本店,2\n");
    let (report, errors) = house.import(&text, &Order::default());
    assert_eq!((report.counts.new, report.counts.rejected), (1_501, 1));
    assert_eq!(errors, "email,点,店,理由\nbad@example.jp,本店,2,「点」が数値ではない\n");
    assert_eq!(value(&house.person("last@example.jp"), "店"), Some(Value::Text("本店".into())));
    assert_eq!(value(&house.person("p7@example.jp"), "店"), Some(Value::Text("7".into())));
}

#[test]
fn a_new_choice_takes_its_choices_from_the_file_and_a_known_one_keeps_its_own() {
    let house = House::new();
    let wishes = Wishes {
        types: vec![("都道府県".into(), Type::Choice), ("趣味".into(), Type::Multi)],
        ..Wishes::default()
    };
    let order = Order { wishes, ..Order::default() };
    house.import("email,都道府県,趣味\na@example.jp,東京都,読書;旅\nb@example.jp,大阪府,旅\n", &order);
    assert_eq!(value(&house.person("a@example.jp"), "趣味"), Some(Value::Multi(vec!["読書".into(), "旅".into()])));
    let (report, errors) = house.import_at(2, "email,都道府県\na@example.jp,アメリカ\n", &Order::default());
    assert_eq!(report.counts.rejected, 1);
    assert!(errors.contains("「都道府県」が選択肢にない"), "{errors}");
}

#[test]
fn an_import_never_lifts_a_refusal() {
    let house = House::new();
    house.import("email\na@example.jp\nb@example.jp\n", &consented());
    let (a, topic) = (house.person("a@example.jp").id, crate::base::ids::TopicId(1));
    consent::refuse(&house.store, &by(), Time(2), (a, topic), "page").unwrap();
    let n = house.import_at(3, "email\na@example.jp\nb@example.jp\n", &consented()).0.counts;
    assert_eq!(n.same, 2);
    let last = format!("SELECT given FROM consents WHERE contact = {} ORDER BY n DESC LIMIT 1", a.0);
    assert_eq!(house.number(&last), 0);
    // Removed and imported again: the hash stays.
    people::delete(&house.store, &by(), Time(4), a).unwrap();
    house.import_at(5, "email\na@example.jp\n", &consented());
    let again = house.person("a@example.jp").id;
    assert_eq!(consent::state(&house.store, again, topic).unwrap(), consent::State::Refused);
    assert_eq!(house.number(&format!("SELECT count(*) FROM consents WHERE contact = {}", again.0)), 0);
}

#[test]
fn a_deleted_contact_leaves_nothing_personal_in_the_books() {
    let house = House::new();
    house.import("email,姓\ncanary@example.jp,山田\n", &consented());
    house.import_at(2, "email,姓\ncanary@example.jp,鈴木\n", &consented());
    people::delete(&house.store, &by(), Time(3), house.person("canary@example.jp").id).unwrap();
    assert_eq!(house.state(), "");
    assert_eq!(house.number("SELECT count(*) FROM import_undo"), 0);
}

#[test]
fn an_undo_restores_everybody_as_they_were() {
    let house = House::new();
    house.import(
        "会員番号,email,姓,点\n1,a@example.jp,山田,1\n2,b@example.jp,鈴木,\n3,c@example.jp,佐藤,3\n",
        &Order::default(),
    );
    tag::add(&house.store, &by(), Time(1), "古い", &[house.person("b@example.jp").id]).unwrap();
    let before = house.state();
    let all = [
        ("email,姓,点,店\na@example.jp,山本,9,本店\nB@example.jp,,5,\nnew@example.jp,新,1,支店\n", consented()),
        ("email\na@example.jp\nb@example.jp\n", mode(Mode::Remove)),
        ("email,姓\nb@example.jp,田中\nnew@example.jp,新\n", mode(Mode::Replace)),
    ];
    for (n, (text, order)) in all.into_iter().enumerate() {
        let report = house.import_at(10 + n as i64, text, &order).0;
        assert_ne!(house.state(), before);
        let undone = undo(&house.store, (&by(), Time(20)), report.import.unwrap(), &Quiet).unwrap();
        assert_eq!((undone.kept, undone.stopped), (0, false));
        assert_eq!(house.state(), before, "import {n}");
        assert!(undo(&house.store, (&by(), Time(21)), report.import.unwrap(), &Quiet).is_err());
    }
    assert_eq!(house.number("SELECT count(*) FROM attributes"), 3);
}

#[test]
fn an_undo_keeps_what_was_used_or_changed_since() {
    let house = House::new();
    let report = house.import("email,姓\na@example.jp,山田\nb@example.jp,鈴木\nc@example.jp,佐藤\n", &consented()).0;
    let a = house.person("a@example.jp").id;
    let edit = Edit { values: vec![("姓".into(), "山本".into())], ..Edit::default() };
    people::edit(&house.store, &by(), Time(2), a, &edit).unwrap();
    house
        .store
        .write(&by(), Time(3), "test.outcome", |tx| {
            tx.execute("INSERT INTO runs_read VALUES (1, 1, 1)", [])?;
            Ok(tx.execute("INSERT INTO outcomes SELECT 1, id, 'sent' FROM contacts WHERE email = 'b@example.jp'", [])?)
        })
        .unwrap();
    let undone = undo(&house.store, (&by(), Time(4)), report.import.unwrap(), &Quiet).unwrap();
    assert_eq!((undone.removed, undone.kept), (1, 2));
    assert_eq!(value(&house.person("a@example.jp"), "姓"), Some(Value::Text("山本".into())));
    assert_eq!(house.number("SELECT count(*) FROM consents"), 0);
}

#[test]
fn a_stopped_import_is_counted_and_can_be_completed_or_undone() {
    struct StopAfter(AtomicU64);
    impl Progress for StopAfter {
        fn tell(&self, _done: u64, _total: u64) {}
        fn stopped(&self) -> bool {
            self.0.fetch_sub(1, Ordering::Relaxed) == 0
        }
    }
    let house = House::new();
    let text: String =
        std::iter::once("email\n".into()).chain((0..2_000).map(|n| format!("p{n}@example.jp\n"))).collect();
    let stop = StopAfter(AtomicU64::new(2));
    let mut source = house.source(&text);
    let report = run(&house.store, (&by(), Time(1)), &mut source, &Order::default(), &stop, &mut Vec::new()).unwrap();
    balanced(&report.counts);
    assert!(report.stopped && report.counts.rows < 2_000 && report.counts.rows > 0);
    let import = find(&house.store, report.import.unwrap()).unwrap();
    assert_eq!((import.state, import.counts.rows), (State::Stopped, report.counts.rows));
    let again = house.import_at(2, &text, &Order::default()).0;
    assert_eq!((again.counts.same, house.count()), (report.counts.new, 2_000));
    undo(&house.store, (&by(), Time(3)), again.import.unwrap(), &Quiet).unwrap();
    assert_eq!(house.count(), report.counts.new);
}

#[test]
fn an_import_whose_process_died_is_marked_stopped_when_the_house_opens() {
    let house = House::new();
    house
        .store
        .write(&by(), Time(1), "import.begin", |tx| rows::imports::create(tx, Time(1), &by(), Mode::Merge, "{}"))
        .unwrap();
    assert_eq!(mark_stopped(&house.store, &by(), Time(2)).unwrap(), [ImportId(1)]);
    assert_eq!(list(&house.store, None, 10).unwrap()[0].state, State::Stopped);
    undo(&house.store, (&by(), Time(3)), ImportId(1), &Quiet).unwrap();
}

#[test]
fn a_large_bucket_of_one_address_keeps_the_last_row() {
    let house = House::new();
    let pad = "x".repeat(90);
    let text: String =
        std::iter::once("email,note\n".into()).chain((0..420).map(|n| format!("a@example.jp,{n}{pad}\n"))).collect();
    let report = house.import(&text, &Order::default()).0;
    assert_eq!((report.counts.new, report.counts.duplicates), (1, 419));
    let Some(Value::Text(note)) = value(&house.person("a@example.jp"), "note") else { panic!("no note") };
    assert!(note.starts_with("419x"));
}

#[test]
fn tags_of_a_column_are_put_on_their_rows() {
    let house = House::new();
    house.import("email,タグ\na@example.jp,東京;新規\nb@example.jp,\n", &Order::default());
    assert_eq!(house.person("a@example.jp").tags, ["新規", "東京"]);
    let n = house.import_at(2, "email,タグ\na@example.jp,新規\nb@example.jp,新規\n", &Order::default()).0.counts;
    assert_eq!((n.same, n.changed), (1, 1));
}

#[test]
fn a_contact_changed_by_two_people_is_refused_the_second() {
    let house = House::new();
    let id = people::add(&house.store, &by(), Time(1), &Edit { email: Some("a@example.jp".into()), ..Edit::default() })
        .unwrap();
    assert_eq!(id, ContactId(1));
    let edit = Edit { email: Some("b@example.jp".into()), seen: Some(Time(1)), ..Edit::default() };
    people::edit(&house.store, &by(), Time(2), id, &edit).unwrap();
    let refused = people::edit(&house.store, &by(), Time(3), id, &edit).unwrap_err();
    assert_eq!(refused.kind(), crate::base::Kind::Conflict);
}

fn some_rows() -> impl Strategy<Value = String> {
    let cell = prop_oneof![
        "[a-c]@example\\.jp",
        "[A-C]@EXAMPLE\\.jp",
        Just(String::new()),
        "[0-9]{1,3}",
        "[ぁ-ん]{0,3}",
        "\"[a,\n]{0,3}\"",
        "[a-z@]{0,4}"
    ];
    prop::collection::vec(prop::collection::vec(cell, 0..5).prop_map(|c| c.join(",")), 0..12).prop_map(|r| r.join("\n"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn whatever_the_file_holds_its_rows_add_up_and_an_undo_puts_everything_back(first in some_rows(), second in some_rows()) {
        let house = House::new();
        house.import(&format!("email,姓,点\n{first}\n"), &consented());
        let before = house.state();
        for (n, m) in Mode::ALL.into_iter().enumerate() {
            let report = house.import_at(10 + n as i64, &format!("email,姓,点\n{second}\n"), &Order { mode: m, ..consented() }).0;
            undo(&house.store, (&by(), Time(50)), report.import.unwrap(), &Quiet).unwrap();
            prop_assert_eq!(&house.state(), &before);
        }
    }
}
