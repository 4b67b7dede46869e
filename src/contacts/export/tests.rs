use super::*;
use crate::base::progress::Quiet;
use crate::base::seal::Key;
use crate::contacts::SCHEMA;
use crate::contacts::import::{self, Hints, Order, Source};

struct House {
    _dir: tempfile::TempDir,
    store: Store,
}

fn by() -> By {
    By::house("test")
}

fn house(text: &str) -> House {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::create(dir.path(), &Key::new([1; 32]), &[SCHEMA]).unwrap();
    take_in(&store, text.as_bytes());
    House { _dir: dir, store }
}

fn take_in(store: &Store, bytes: &[u8]) -> import::Report {
    let mut source = Source::open(store, bytes, &Hints::default(), &Quiet).unwrap();
    import::run(store, (&by(), Time(1)), &mut source, &Order::default(), &Quiet, &mut Vec::new()).unwrap()
}

fn exported(store: &Store, wish: &Wish) -> Result<(Exported, Vec<u8>)> {
    let mut bytes = Vec::new();
    let done = export(store, (&by(), Time(2)), wish, &Quiet, &mut bytes)?;
    Ok((done, bytes))
}

const FILE: &str = "email,姓,点,誕生日,メモ,会員,タグ\na@example.jp,𠮷野,-5,R2.4.1,=1+1,はい,東京;新規\n\
    b@example.jp,鈴木,1.5,2001-02-03,\"<b> & \"\"x\"\"\n次\",いいえ,\n";

fn wish(form: Form) -> Wish {
    Wish { form, ..Wish::default() }
}

#[test]
fn a_csv_opens_in_a_spreadsheet_without_becoming_a_formula() {
    let house = house(FILE);
    let (done, bytes) = exported(&house.store, &wish(Form::Csv)).unwrap();
    let text = String::from_utf8(bytes.clone()).unwrap();
    assert!(text.starts_with("\u{feff}メールアドレス,姓,点,誕生日,メモ,会員,タグ\r\n"), "{text}");
    assert!(text.contains("a@example.jp,𠮷野,-5,2020-04-01,'=1+1,はい,新規;東京\r\n"), "{text}");
    assert_eq!((done.rows, done.sha256), (2, HEXLOWER.encode(&Sha256::digest(&bytes))));
}

#[test]
fn what_was_exported_is_imported_again_as_the_same() {
    let house = house(FILE);
    for form in [Form::Csv, Form::Xlsx] {
        let (_, bytes) = exported(&house.store, &wish(form)).unwrap();
        let n = take_in(&house.store, &bytes).counts;
        assert_eq!((n.same, n.rows), (2, 2), "{form:?}");
    }
}

#[test]
fn what_cp932_cannot_hold_is_listed_before_anything_is_written() {
    let house = house(FILE);
    let stop = wish(Form::Cp932(Unmappable::Stop));
    let lost = check(&house.store, Time(2), &stop, &Quiet).unwrap();
    assert_eq!(lost.len(), 1);
    assert_eq!((lost[0].column.as_str(), lost[0].character), ("姓", '𠮷'));
    assert!(exported(&house.store, &stop).is_err());
    assert!(list(&house.store, 10).unwrap().is_empty());
    let (done, bytes) = exported(&house.store, &wish(Form::Cp932(Unmappable::Geta))).unwrap();
    assert_eq!(done.lost, 1);
    assert!(encoding_rs::SHIFT_JIS.decode(&bytes).0.contains("〓野"));
}

#[test]
fn an_export_is_on_record_with_who_when_filter_rows_and_hash() {
    let house = house(FILE);
    let only = Wish { segment: "tag:東京".into(), ..Wish::default() };
    let (done, _) = exported(&house.store, &only).unwrap();
    let records = list(&house.store, 10).unwrap();
    assert_eq!((done.rows, records[0].rows, records[0].at), (1, Some(1), Time(2)));
    assert_eq!((records[0].by.as_str(), records[0].sha256.as_deref()), ("house:test", Some(done.sha256.as_str())));
    assert!(records[0].segment.contains("東京"));
    let line = &house.store.audit_newest(None, 1).unwrap()[0];
    assert!(line.what == "contacts.exported" && line.about.contains(&done.sha256) && !line.about.contains("東京"));
}
