//! A contact added, changed and deleted by hand, without scripts.

use super::TestSite;
use super::pages::problems;
use crate::access::Role;
use crate::base::{By, Lang};
use crate::contacts::attribute::{self, Change};
use crate::contacts::people;
use crate::contacts::value::Type;

fn site(role: Role) -> TestSite {
    let mut site = TestSite::new();
    site.become_user(role);
    let store = &site.site.house.store;
    let by = By::house("test");
    attribute::create(store, &by, site.now, "姓", &Change::default()).unwrap();
    let date = Change { kind: Some(Type::Date), ..Change::default() };
    attribute::create(store, &by, site.now, "誕生日", &date).unwrap();
    site
}

fn person(site: &TestSite) -> people::Person {
    let store = &site.site.house.store;
    let newest = people::list(store, "", None, 1).unwrap();
    people::find(store, newest[0].id).unwrap()
}

#[test]
fn a_contact_is_added_changed_and_deleted_by_hand() {
    let mut site = site(Role::Staff);
    let form = site.get("/contacts/new");
    assert_eq!((form.status, problems(&form.body, Lang::Ja)), (200, Vec::<String>::new()));
    let wrong = site.post("/contacts/new", &[("email", "taro"), ("a1", "山田"), ("a2", "1990-01-02")]);
    assert_eq!(wrong.status, 422);
    assert!(wrong.body.contains("山田"), "what was typed stays");
    let made = site.post("/contacts/new", &[("email", "taro@example.jp"), ("a1", "山田<b>"), ("tags", "会員、店頭")]);
    assert_eq!(made.status, 303);
    let before = person(&site);
    assert_eq!(before.tags.len(), 2);

    let place = format!("/contacts/{}/edit", before.id);
    let form = site.get(&place);
    assert_eq!((form.status, problems(&form.body, Lang::Ja)), (200, Vec::<String>::new()));
    assert!(form.body.contains("山田&#60;b&#62;"));
    let seen = before.changed.ms().to_string();
    let day = site.post(&place, &[("email", "taro@example.jp"), ("seen", &seen), ("a1", "山田"), ("a2", "soon")]);
    assert_eq!(day.status, 422);
    site.now = site.now.plus(std::time::Duration::from_secs(1));
    let fields =
        [("email", "taro@example.jp"), ("seen", seen.as_str()), ("a1", "山本"), ("a2", "H2.1.2"), ("tags", "会員")];
    assert_eq!(site.post(&place, &fields).status, 303);
    let after = person(&site);
    assert_eq!(after.tags, ["会員"]);
    assert_eq!(after.values[1].value.as_ref().unwrap().plain(), "1990-01-02");
    assert_eq!(site.post(&place, &fields).status, 409, "somebody who saw an older state overwrites nothing");

    assert_eq!(site.post(&format!("/contacts/{}/delete", after.id), &[]).status, 303);
    assert_eq!(people::count(&site.site.house.store).unwrap(), 0);
    assert_eq!(site.post("/contacts/new", &[("email", "jiro@example.jp")]).status, 303);
    assert_ne!(person(&site).id, before.id, "the number of somebody who is gone is nobody else's");
}

#[test]
fn who_may_only_read_changes_no_contact() {
    let mut site = site(Role::Viewer);
    assert_eq!(site.get("/contacts/new").status, 403);
    assert_eq!(site.post("/contacts/new", &[("email", "taro@example.jp")]).status, 403);
}
