//! Bringing contacts in and taking them out, step by step, as a browser without scripts does it.

use super::TestSite;
use super::pages::problems;
use crate::access::Role;
use crate::base::Lang;
use crate::contacts::topic;

fn site(role: Role) -> TestSite {
    let mut site = TestSite::new();
    site.become_user(role);
    let (store, now) = (&site.site.house.store, site.now);
    if topic::list(store).unwrap().is_empty() {
        topic::create(store, &crate::base::By::house("test"), now, "お知らせ").unwrap();
    }
    site
}

fn upload(site: &mut TestSite, url: &str, file: &[u8]) -> super::Seen {
    let csrf = site.csrf.clone();
    let mut body = format!("--X\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{csrf}\r\n--X\r\nContent-Disposition: form-data; name=\"file\"; filename=\"../list.csv\"\r\n\r\n").into_bytes();
    body.extend_from_slice(file);
    body.extend_from_slice(b"\r\n--X--\r\n");
    site.post_raw(url, &body, "multipart/form-data; boundary=X")
}

fn sound(site: &mut TestSite, url: &str) -> String {
    let seen = site.get(url);
    assert_eq!((seen.status, problems(&seen.body, Lang::Ja)), (200, Vec::<String>::new()), "{url}");
    seen.body
}

fn ended(site: &mut TestSite, url: &str) -> String {
    for _ in 0..500 {
        let body = sound(site, url);
        if !body.contains("data-live") {
            return body;
        }
        std::thread::park_timeout(std::time::Duration::from_millis(10));
    }
    panic!("the import does not end");
}

#[test]
fn a_file_goes_through_five_steps_and_comes_back_out() {
    let mut site = site(Role::Admin);
    let text = "メール,姓,年齢,メモ\na@example.jp,山田,30,x\nbad,鈴木,1,y\nb@example.jp,<b>佐藤,,z\n";
    sound(&mut site, "/contacts/import");
    let read = upload(&mut site, "/contacts/import", &encoding_rs::SHIFT_JIS.encode(text).0);
    assert_eq!(read.status, 303, "{}", read.body);
    let body = sound(&mut site, &read.location);
    assert!(body.contains("cp932\" checked") && body.contains("山田"));
    let to = site.post(&read.location, &[("encoding", "cp932"), ("delimiter", "comma")]).location;
    let body = sound(&mut site, &to);
    assert!(body.contains("山田 / 鈴木"), "samples stand beside their columns");
    let unsaid = site.post(&to, &[("mode", "merge")]);
    assert_eq!((unsaid.status, problems(&unsaid.body, Lang::Ja)), (422, Vec::<String>::new()));
    let said = [
        ("to3", "-"),
        ("mode", "merge"),
        ("blank", "keep"),
        ("tags", "店頭、秋"),
        ("basis", "opt_in"),
        ("source", "店頭"),
        ("wording", "送ってよいですか"),
    ];
    let check = site.post(&to, &said);
    assert_eq!(check.status, 303, "{}", check.body);
    let body = sound(&mut site, &check.location);
    assert!(body.contains("メールアドレスの形が正しくない") && body.contains("まだ何も変わっていません"));
    assert_eq!(crate::contacts::people::count(&site.site.house.store).unwrap(), 0);
    let run = format!("{}/run", check.location);
    assert_eq!(site.post(&run, &[]).location, check.location);
    let body = ended(&mut site, &check.location);
    assert!(body.contains("/errors"), "{body}");
    assert_eq!(site.post(&run, &[]).status, 409, "a second click starts nothing");
    let errors = site.get(&format!("{}/errors", check.location));
    assert_eq!(errors.status, 200);
    assert_eq!(crate::contacts::people::count(&site.site.house.store).unwrap(), 2);
    sound(&mut site, "/contacts/export");
    let out = site.post("/contacts/export", &[("form", "csv"), ("segment", "tag:秋")]);
    assert!(out.status == 200 && out.body.contains("a@example.jp,山田,30"), "{}", out.body);
    assert!(sound(&mut site, "/contacts/export").contains("tag:秋"));
    assert_eq!(site.post("/contacts/export", &[("form", "csv"), ("segment", "nonsense")]).status, 422);
    assert_eq!(site.post("/contacts/imports/i1/undo", &[]).location, "/contacts/import");
    assert!(sound(&mut site, "/contacts/import").contains("取り消し済み"));
    assert_eq!(crate::contacts::people::count(&site.site.house.store).unwrap(), 0);
}

#[test]
fn a_file_that_cannot_be_read_is_said_at_its_field_and_staff_cannot_export() {
    let mut site = site(Role::Staff);
    let seen = upload(&mut site, "/contacts/import", b"");
    assert_eq!((seen.status, problems(&seen.body, Lang::Ja)), (422, Vec::<String>::new()));
    assert_eq!(site.get("/contacts/import/0123456789abcdef01234567").status, 404);
    assert_eq!(site.get("/contacts/export").status, 403);
}
