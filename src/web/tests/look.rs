//! The name and the colour of the house, from the form to the pages that strangers open.

use super::TestSite;
use crate::access::Role;
use crate::access::look::Accent;

const NAME: &str = "<b>山田</b> & \"商店\"";
const SHOWN: &str = "&#60;b&#62;山田&#60;/b&#62; &#38; &#34;商店&#34;";

#[test]
fn the_name_and_the_colour_show_on_every_page_also_to_strangers_and_the_name_is_escaped() {
    let mut site = TestSite::signed_in(Role::Admin);
    assert!(site.get("/settings/look").body.contains("<span>運ぶ</span>"));
    let seen = site.post("/settings/look", &[("name", NAME), ("accent", "indigo")]);
    assert_eq!((seen.status, seen.location.as_str()), (303, "/settings/look"));
    let page = site.get("/settings/look").body;
    assert!(page.contains("見た目を保存しました。") && page.contains("value=\"indigo\" checked"), "{page}");
    for signed_in in [true, false] {
        if !signed_in {
            site.cookies.clear();
        }
        for url in ["/", "/sign-in", "/settings/look", "/u/none", "/m/none", "/nowhere"] {
            let seen = site.get(url);
            if seen.status == 303 {
                continue;
            }
            assert!(seen.body.contains(&format!("| {SHOWN}</title>")), "{url}: {}", seen.body);
            assert!(seen.body.contains(&format!("<span>{SHOWN}</span>")), "{url}");
            assert!(seen.body.contains(" data-accent=\"indigo\""), "{url}");
            assert!(!seen.body.contains("<b>山田") && !seen.body.contains("<span>運ぶ"), "{url}");
        }
    }
    let lines = site.site.house.store.audit(0, 1000).unwrap();
    let line = lines.iter().find(|l| l.what == "look.set").unwrap();
    assert_eq!(line.about, "indigo", "the name stays out of the audit log");
}

#[test]
fn a_stranger_under_another_host_name_does_not_learn_whose_house_it_is() {
    let mut site = TestSite::signed_in(Role::Admin);
    site.post("/settings/look", &[("name", "山田商店"), ("accent", "pine")]);
    let mut request = site.request(crate::web::request::Method::Get, "/sign-in");
    request.headers.retain(|(n, _)| n != "host");
    request.headers.push(("host".into(), "evil.example".into()));
    let seen = site.send(&request, b"");
    assert!(seen.status == 421 && !seen.body.contains("山田商店"), "{}", seen.body);
}

#[test]
fn a_name_that_is_too_long_or_unseen_and_a_colour_off_the_list_are_refused_and_an_empty_name_is_the_products() {
    let mut site = TestSite::signed_in(Role::Admin);
    let long = "あ".repeat(41);
    for (name, accent) in
        [(long.as_str(), "pine"), ("a\nb", "pine"), ("a\u{202e}b", "pine"), ("a\0b", "pine"), ("a", "red"), ("a", "")]
    {
        let seen = site.post("/settings/look", &[("name", name), ("accent", accent)]);
        assert_eq!(seen.status, 422, "{name:?} {accent}");
        assert_eq!(super::pages::problems(&seen.body, site.lang), Vec::<String>::new(), "{name:?} {accent}");
    }
    assert!(site.get("/").body.contains("<span>運ぶ</span>"));
    assert_eq!(site.post("/settings/look", &[("name", &"あ".repeat(40)), ("accent", "pine")]).status, 303);
    assert!(site.get("/").body.contains(&format!("<span>{}</span>", "あ".repeat(40))));
    assert_eq!(site.post("/settings/look", &[("name", "  "), ("accent", "ink")]).status, 303);
    let page = site.get("/").body;
    assert!(page.contains("<span>運ぶ</span>") && page.contains(" data-accent=\"ink\""));
}

#[test]
fn who_may_not_change_settings_neither_sees_the_form_nor_changes_the_look() {
    for role in [Role::Staff, Role::Viewer] {
        let mut site = TestSite::signed_in(role);
        assert_eq!(site.get("/settings/look").status, 403);
        assert_eq!(site.post("/settings/look", &[("name", "x"), ("accent", "pine")]).status, 403);
        let page = site.get("/").body;
        assert!(page.contains("<span>運ぶ</span>") && !page.contains("href=\"/settings/look\""));
    }
}

#[test]
fn every_colour_can_be_chosen() {
    let mut site = TestSite::signed_in(Role::Admin);
    for accent in Accent::ALL {
        site.post("/settings/look", &[("name", ""), ("accent", accent.name())]);
        assert!(site.get("/").body.contains(&format!(" data-accent=\"{}\"", accent.name())));
    }
}
