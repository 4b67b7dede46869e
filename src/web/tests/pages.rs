//! Every page, parsed: what a person with a screen reader, a keyboard or another language stumbles over.

use super::{TestSite, filled};
use crate::access::Role;
use crate::base::Lang;
use crate::web::request::Method;
use crate::web::route::Who;
use crate::web::routes::TABLE;
use scraper::{ElementRef, Html, Selector};
use std::collections::{HashMap, HashSet};

fn all<'a>(page: &'a Html, selector: &str) -> Vec<ElementRef<'a>> {
    page.select(&Selector::parse(selector).unwrap()).collect()
}

fn text(e: &ElementRef<'_>) -> String {
    e.text().collect::<String>().trim().to_owned()
}

/// Everything that is wrong with a whole page.
pub(crate) fn problems(html: &str, lang: Lang) -> Vec<String> {
    let page = Html::parse_document(html);
    let mut out = Vec::new();
    if all(&page, "html").first().and_then(|h| h.attr("lang")) != Some(lang.tag()) {
        out.push("the language is not said".into());
    }
    if all(&page, "title").first().is_none_or(|t| text(t).len() < 3) {
        out.push("no title".into());
    }
    for (selector, most) in [("h1", 1), ("main", 1), ("title", 1)] {
        if all(&page, selector).len() != most {
            out.push(format!("{} of {selector}", all(&page, selector).len()));
        }
    }
    headings(&page, &mut out);
    fields(&page, &mut out);
    references(&page, &mut out);
    names(&page, &mut out);
    tables(&page, &mut out);
    policy(html, &page, &mut out);
    forms(&page, &mut out);
    out
}

fn headings(page: &Html, out: &mut Vec<String>) {
    let mut before = 0;
    for heading in all(page, "h1, h2, h3, h4, h5, h6") {
        let level: usize = heading.value().name()[1..].parse().unwrap();
        if level > before + 1 {
            out.push(format!("h{level} after h{before}: {}", text(&heading)));
        }
        if text(&heading).is_empty() {
            out.push(format!("an empty h{level}"));
        }
        before = level;
    }
}

fn fields(page: &Html, out: &mut Vec<String>) {
    let labelled: HashSet<&str> = all(page, "label[for]").iter().filter_map(|l| l.attr("for")).collect();
    for field in all(page, "input, select, textarea") {
        if ["hidden", "submit"].contains(&field.attr("type").unwrap_or_default()) {
            continue;
        }
        let has_label = field.attr("id").is_some_and(|id| labelled.contains(id))
            || field.attr("aria-label").is_some()
            || field.attr("aria-labelledby").is_some();
        if !has_label {
            out.push(format!("no label for {}", field.attr("name").unwrap_or("a field")));
        }
        if field.attr("placeholder").is_some() {
            out.push("a placeholder".into());
        }
    }
    for group in all(page, "fieldset") {
        if group.select(&Selector::parse("legend").unwrap()).next().is_none() {
            out.push("a fieldset without a legend".into());
        }
    }
}

fn references(page: &Html, out: &mut Vec<String>) {
    let mut ids: HashMap<&str, usize> = HashMap::new();
    for e in all(page, "[id]") {
        *ids.entry(e.attr("id").unwrap()).or_default() += 1;
    }
    out.extend(ids.iter().filter(|(_, n)| **n > 1).map(|(id, n)| format!("{n} elements are called {id}")));
    for name in
        ["aria-labelledby", "aria-describedby", "aria-controls", "for", "popovertarget", "data-confirm", "data-copy"]
    {
        for e in all(page, &format!("[{name}]")) {
            for id in e.attr(name).unwrap().split_whitespace() {
                if !ids.contains_key(id) {
                    out.push(format!("{name} points at {id}, which is not there"));
                }
            }
        }
    }
    for e in all(page, "a[href^='#']") {
        let id = &e.attr("href").unwrap()[1..];
        // A group's summary link points at the fieldset; the first box has a number behind it.
        if !ids.contains_key(id) {
            out.push(format!("a link to #{id}, which is not there"));
        }
    }
}

fn names(page: &Html, out: &mut Vec<String>) {
    out.extend(all(page, "img:not([alt])").iter().map(|_| "an image without alt".to_owned()));
    for e in all(page, "a[href], button, summary") {
        let named = !text(&e).is_empty()
            || e.attr("aria-label").is_some_and(|l| !l.is_empty())
            || e.select(&Selector::parse("img[alt]:not([alt=''])").unwrap()).next().is_some();
        if !named {
            out.push(format!("a nameless {}", e.value().name()));
        }
    }
    for e in all(page, "nav, dialog") {
        if e.attr("aria-label").or(e.attr("aria-labelledby")).is_none() {
            out.push(format!("a nameless {}", e.value().name()));
        }
    }
    for e in all(page, "iframe:not([title])") {
        out.push(format!("a nameless frame {:?}", e.attr("src")));
    }
}

fn tables(page: &Html, out: &mut Vec<String>) {
    for table in all(page, "table") {
        let heads: Vec<_> = table.select(&Selector::parse("th").unwrap()).collect();
        if heads.is_empty() || heads.iter().any(|th| th.attr("scope").is_none() || text(th).is_empty()) {
            out.push("a table whose headers are not said".into());
        }
    }
}

fn policy(html: &str, page: &Html, out: &mut Vec<String>) {
    for (selector, what) in [
        ("[style]", "an inline style"),
        ("style", "a style element"),
        ("script:not([src])", "an inline script"),
        ("[onclick], [onload], [onsubmit], [onchange], [onerror]", "an inline handler"),
        ("[tabindex]:not([tabindex='0']):not([tabindex='-1'])", "a tabindex above 0"),
        ("form form", "a form in a form"),
        ("[src^='http'], link[href^='http']", "something from elsewhere"),
    ] {
        if !all(page, selector).is_empty() {
            out.push(what.to_owned());
        }
    }
    if html.contains("{{") && !html.contains("<textarea") && !html.contains("<code") {
        out.push("an unfilled place".into());
    }
}

fn forms(page: &Html, out: &mut Vec<String>) {
    for form in all(page, "form[method='post']") {
        let action = form.attr("action").unwrap_or_default().split('?').next().unwrap_or_default();
        if !action.starts_with("/setup/") && !TABLE.iter().any(|r| r.method == Method::Post && fits(r.path, action)) {
            out.push(format!("a form posts to {action}, which nobody takes"));
        }
        let signed_in = !all(page, "header.top").is_empty();
        if signed_in
            && form.select(&Selector::parse("input[name='csrf'][value]:not([value=''])").unwrap()).next().is_none()
        {
            out.push(format!("the form for {action} carries no token"));
        }
    }
    for link in all(page, "a[href^='/']") {
        let href = link.attr("href").unwrap().split(['?', '#']).next().unwrap();
        if !href.starts_with("/setup/") && !TABLE.iter().any(|r| r.method == Method::Get && fits(r.path, href)) {
            out.push(format!("a link to {href}, which leads nowhere"));
        }
    }
}

fn fits(pattern: &str, path: &str) -> bool {
    let (a, b): (Vec<&str>, Vec<&str>) = (pattern.split('/').collect(), path.split('/').collect());
    a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| a == b || a.starts_with('{'))
}

fn sound(site: &mut TestSite, url: &str, lang: Lang) {
    let seen = site.get(url);
    let kind = seen.headers.iter().find(|(n, _)| *n == "Content-Type").map(|(_, v)| v.as_str());
    if seen.status != 303 && kind.is_some_and(|k| k.starts_with("text/html")) && seen.body.contains("<html") {
        assert_eq!(problems(&seen.body, lang), Vec::<String>::new(), "{url} {}", lang.tag());
    }
}

#[test]
fn every_page_can_be_read_aloud_worked_by_keyboard_and_shows_both_languages() {
    for lang in [Lang::Ja, Lang::En] {
        for role in [Role::Admin, Role::Viewer] {
            let mut site = TestSite::read_by(role, lang);
            let user = site.user(role);
            for row in TABLE.iter().filter(|r| r.method == Method::Get && !r.path.starts_with("/assets/")) {
                sound(&mut site, &filled(row.path), lang);
                sound(&mut site, &filled(row.path).replace("/1", &format!("/{}", user.id)), lang);
            }
            site.cookies.clear();
            for row in TABLE.iter().filter(|r| r.method == Method::Get && r.who == Who::Public) {
                sound(&mut site, &filled(row.path), lang);
            }
        }
    }
}

#[test]
fn forms_with_faults_say_so_first_and_point_at_the_fields() {
    for lang in [Lang::Ja, Lang::En] {
        let mut site = TestSite::read_by(Role::Admin, lang);
        for (url, fields) in [
            ("/settings/users/new", vec![("email", "not an address"), ("role", "")]),
            ("/settings/tokens/new", vec![("name", "")]),
            ("/me/password", vec![("old", "wrong"), ("password", "short")]),
        ] {
            let seen = site.post(url, &fields);
            assert_eq!(seen.status, 422, "{url}");
            assert_eq!(problems(&seen.body, lang), Vec::<String>::new(), "{url}");
            let page = Html::parse_document(&seen.body);
            assert!(text(&all(&page, "title")[0]).starts_with(lang.pick("エラー：", "Error: ")), "{url}");
            assert!(!all(&page, "[aria-invalid='true'], fieldset.field-bad").is_empty(), "{url}");
        }
    }
}

fn templates(dir: &std::path::Path, out: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => templates(&path, out),
            false => out.push((path.display().to_string(), std::fs::read_to_string(&path).unwrap())),
        }
    }
}

/// What is left of a template without its tags and places: nothing that is a word.
#[test]
fn a_template_holds_no_sentence_of_its_own() {
    let mut files = Vec::new();
    templates(std::path::Path::new("assets/pages"), &mut files);
    for (path, text) in files {
        let (mut left, mut depth) = (String::new(), (0i32, 0i32));
        let chars: Vec<char> = text.chars().collect();
        for (i, c) in chars.iter().enumerate() {
            match c {
                '{' if matches!(chars.get(i + 1), Some('{' | '%' | '#')) => depth.1 += 1,
                '}' if i > 0 && matches!(chars[i - 1], '}' | '%' | '#') => depth.1 -= 1,
                '<' if depth.1 == 0 => depth.0 += 1,
                '>' if depth.1 == 0 => depth.0 -= 1,
                other if depth == (0, 0) => left.push(*other),
                _ => {}
            }
        }
        let words: String = left.split_whitespace().filter(|w| w.chars().any(char::is_alphabetic)).collect();
        // `doctype` aside, which is a tag.
        assert!(words.is_empty(), "{path}: {words}");
    }
    let script = std::fs::read_to_string("assets/hakobu.js").unwrap();
    let code: String = script.lines().filter(|l| !l.trim_start().starts_with("//")).collect();
    assert!(code.is_ascii(), "the script speaks");
}
