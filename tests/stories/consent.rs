use crate::world::{Home, fed};

#[test]
fn the_do_not_send_list_of_an_old_system_comes_in_and_goes_again() {
    let home = Home::ready();
    home.file("old.csv", "番号,メール\n1,taro@example.jp\n2,hanako@example.jp\n3,名前だけ\n");
    let taken = home.ask(&["contacts", "suppression", "import", "old.csv"]).ok().json();
    assert_eq!((&taken["rows"], &taken["added"], &taken["rejected"]), (&3.into(), &2.into(), &1.into()), "{taken}");
    assert_eq!(taken["rejected_lines"][0], 4);
    let remove = ["contacts", "suppression", "remove", "taro@example.jp", "--reason", "本人から電話"];
    let off = home.ask(&remove).ok().json();
    assert_eq!(off["removed"], true);
    assert_eq!(home.ask(&remove).exit, 5);
    // An address need not stand among the arguments, where others can see it.
    let add = home.command(&["contacts", "suppression", "add", "-", "--data", "D", "--json"]);
    assert_eq!(fed(add, "saburo@example.jp\n".as_bytes()).ok().json()["added"], true);
    home.file("one.txt", "saburo@example.jp\n");
    let words = ["contacts", "suppression", "remove", "--file", "one.txt", "--reason", "本人から電話"];
    assert_eq!(home.ask(&words).ok().json()["removed"], true);
    home.file("two.txt", "a@example.jp\nb@example.jp\n");
    assert!(
        home.ask(&["contacts", "suppression", "add", "--file", "two.txt"]).error()["hint"]
            .as_str()
            .unwrap()
            .contains("import")
    );
    assert_eq!(home.ask(&["contacts", "suppression", "add"]).exit, 2);
    let batch = taken["batch"].to_string();
    assert_eq!(home.ask(&["contacts", "suppression", "undo", &batch]).ok().json()["removed"], 1);
    assert_eq!(home.ask(&["contacts", "suppression", "list"]).ok().json()["count"], 0);
    let audit = home.ask(&["audit", "list"]).ok().stdout;
    assert!(audit.contains("suppression.remove") && !audit.contains("taro@"), "{audit}");
}

#[test]
fn a_mistake_in_a_segment_is_answered_with_its_place() {
    let home = Home::ready();
    let error = home.ask(&["segment", "count", "consent:お知らせ and 年令 >= 30"]).error();
    assert_eq!(error["kind"], "refused");
    assert!(error["message"].as_str().unwrap().contains("character 18"), "{error}");
    assert!(error["hint"].as_str().unwrap().ends_with('^'), "{error}");
    assert_eq!(home.ask(&["segment", "count", ""]).ok().json()["count"], 0);
    let saved = home.ask(&["segment", "save", "停止以外", "not suppressed"]).ok().json();
    assert_eq!((&saved["segment"], &saved["count"]), (&"g1".into(), &0.into()));
    assert_eq!(home.ask(&["segment", "list"]).ok().json()["segments"][0]["name"], "停止以外");
    home.ask(&["segment", "delete", "g1"]).ok();
    assert_eq!(home.ask(&["segment", "delete", "g1"]).exit, 5);
}

#[test]
fn what_nobody_said_cannot_be_shown_or_refused() {
    let home = Home::ready();
    assert_eq!(home.ask(&["consent", "show", "p9"]).exit, 5);
    assert_eq!(home.ask(&["consent", "refuse", "p9"]).exit, 5);
    let words = ["consent", "agree", "p9", "--basis", "hearsay", "--source", "店頭"];
    assert_eq!(home.ask(&words).error()["hint"], "One of: opt_in, trade, card, published");
}
