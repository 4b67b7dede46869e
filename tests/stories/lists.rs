use crate::world::{Home, fed};

#[test]
fn topics_and_segments_are_made_and_a_mistake_is_pointed_at() {
    let home = Home::ready();
    assert_eq!(home.ask(&["topic", "list"]).ok().json()["topics"][0]["is_default"], true);
    home.ask(&["topic", "create", "セール情報"]).ok();
    assert_eq!(home.ask(&["topic", "create", "セール情報"]).exit, 1);
    assert_eq!(home.ask(&["segment", "count", "consent:お知らせ"]).ok().json()["count"], 0);
    home.ask(&["segment", "save", "みんな", "consent:お知らせ or not consent:お知らせ"]).ok();
    home.file("one.csv", "メールアドレス\r\na@example.jp\r\n");
    home.ask(&["contacts", "import", "one.csv"]).ok();
    for which in ["みんな", "g1"] {
        assert_eq!(home.ask(&["segment", "count", which]).ok().json()["count"], 1);
        let shown = home.ask(&["segment", "show", which]).ok().json();
        assert_eq!((shown["segment"].as_str(), shown["count"].as_u64()), (Some("g1"), Some(1)));
    }
    assert_eq!(home.ask(&["segment", "show", "ない"]).exit, 5);
    let said = home.ask(&["segment", "count", "年齢 >="]);
    assert_eq!((said.exit, said.error()["kind"].as_str()), (2, Some("refused")));
}

#[test]
fn the_do_not_send_list_is_read_from_a_pipe_and_taken_back() {
    let home = Home::ready();
    let words = ["contacts", "suppression", "import", "-", "--data", "D", "--json"];
    let taken = fed(home.command(&words), b"a@example.jp\nnot an address\nb@example.jp\na@example.jp\n").ok().json();
    assert_eq!(
        (taken["rows"].as_u64(), taken["added"].as_u64(), taken["rejected"].as_u64()),
        (Some(4), Some(2), Some(1))
    );
    assert_eq!(home.ask(&["contacts", "suppression", "list"]).ok().json()["count"], 2);
    let batches = home.ask(&["contacts", "suppression", "batches"]).ok().json();
    assert!(batches["batches"][0]["at"].as_str().unwrap().ends_with("+09:00"), "{batches}");
    let out = home.run(&["contacts", "suppression", "export", "--data", "D"]).ok().stdout;
    assert_eq!(out.lines().count(), 3);
    home.ask(&["contacts", "suppression", "undo", &taken["batch"].to_string()]).ok();
    assert_eq!(home.ask(&["contacts", "suppression", "list"]).ok().json()["count"], 0);
    assert_eq!(home.ask(&["contacts", "suppression", "import", "nowhere.txt"]).exit, 5);
}

#[test]
fn through_a_server_the_same_file_goes_the_same_way() {
    let home = Home::ready();
    let server = home.serve();
    let addresses: String = (0..20_000).map(|i| format!("person{i}@example.jp\n")).collect();
    home.file("list.txt", addresses);
    let taken = home.ask(&["contacts", "suppression", "import", "list.txt"]).ok().json();
    assert_eq!(taken["added"], 20_000);
    home.ask(&["contacts", "suppression", "export", "-o", "out.csv"]).ok();
    assert_eq!(std::fs::read_to_string(home.path("out.csv")).unwrap().lines().count(), 20_001);
    assert_eq!(server.end(), 0);
}
