//! One contact by hand: added, changed, deleted.

use crate::base::{Email, Error, Kind, Result, Time, ids::ContactId};
use crate::contacts::attribute::{Attribute, Catalog};
use crate::contacts::people::{self, Edit, Person};
use crate::contacts::value::{Type, Value};
use crate::web::answer::Answer;
use crate::web::field::{Faults, Field, Kind as Input};
use crate::web::page::Page;
use crate::web::visit::Visit;
use askama::Template;

const LIST: &str = "/contacts";

#[derive(Template)]
#[template(path = "contact-edit.html")]
struct Editor {
    p: Page,
    faults: Faults,
    fields: Vec<Field>,
    action: String,
    seen: i64,
    id: Option<ContactId>,
}

pub(crate) fn new(v: &mut Visit<'_>) -> Result<Answer> {
    draw(v, None, Faults::new(v.lang))
}

pub(crate) fn show(v: &mut Visit<'_>) -> Result<Answer> {
    let person = person(v)?;
    draw(v, Some(&person), Faults::new(v.lang))
}

fn person(v: &Visit<'_>) -> Result<Person> {
    people::find(&v.house.store, ContactId::parse(v.part("id"))?)
}

fn draw(v: &Visit<'_>, person: Option<&Person>, faults: Faults) -> Result<Answer> {
    let (w, id) = (v.w, person.map(|p| p.id));
    let title = if id.is_some() { w.contact_edit() } else { w.contact_add() };
    let page = v.page(title).under(w.menu_contacts(), LIST).faulty(!faults.is_empty());
    let page = match person {
        Some(person) => page.under(person.email.to_string(), place(person.id)),
        None => page,
    };
    Answer::page(&Editor {
        p: page,
        fields: fields(v, person, &faults)?,
        action: id.map_or(format!("{LIST}/new"), |id| format!("{}/edit", place(id))),
        seen: person.map_or(0, |p| p.changed.ms()),
        id,
        faults,
    })
}

fn place(id: ContactId) -> String {
    format!("{LIST}/{id}")
}

/// What was typed, else what is stored.
fn fields(v: &Visit<'_>, person: Option<&Person>, faults: &Faults) -> Result<Vec<Field>> {
    let w = v.w;
    let typed = |name: &str, stored: String| if v.form.has(name) { v.form.get(name).to_owned() } else { stored };
    let (email, tags) = person.map_or((String::new(), String::new()), |p| (p.email.to_string(), p.tags.join("、")));
    let mut fields = vec![
        Field::new(w, Input::Text, "email", w.mail_address())
            .required()
            .support(w.contact_email_support())
            .value(typed("email", email))
            .extra("inputmode=\"email\" autocapitalize=\"off\"")
            .fault(faults),
    ];
    for a in Catalog::read(&v.house.store)?.attributes {
        let stored = person.and_then(|p| p.values.iter().find(|f| f.key == a.key)).and_then(|f| f.value.as_ref());
        let value = typed(&name_of(&a), stored.map(|value| value.plain().into_owned()).unwrap_or_default());
        fields.push(field(v, &a).value(value).fault(faults));
    }
    let tags = typed("tags", tags);
    fields.push(
        Field::new(w, Input::Text, "tags", w.contact_tags()).support(w.import_tags_support()).value(tags).fault(faults),
    );
    Ok(fields)
}

fn name_of(a: &Attribute) -> String {
    format!("a{}", a.id)
}

fn field(v: &Visit<'_>, a: &Attribute) -> Field {
    let (w, name) = (v.w, name_of(a));
    let new = |kind| Field::new(w, kind, &name, a.label.as_str());
    let choose = |choices: &[String]| {
        choices.iter().fold(new(Input::Select).choice("", w.contact_blank(), ""), |f, c| f.choice(c, c.as_str(), ""))
    };
    match a.kind {
        Type::Text => new(Input::Area).rows(1),
        Type::Number => new(Input::Number).width(12).extra("inputmode=\"decimal\""),
        Type::Date => new(Input::Text).width(12).support(w.contact_date_support()),
        Type::Bool => choose(&[true, false].map(|b| Value::Bool(b).plain().into_owned())),
        Type::Choice => choose(&a.choices),
        Type::Multi => new(Input::Text).support(format!("{}{}", w.contact_several_support(), a.choices.join("、"))),
    }
}

pub(crate) fn add(v: &mut Visit<'_>) -> Result<Answer> {
    let edit = posted(v, None)?;
    match people::add(&v.house.store, &v.by(), v.now, &edit) {
        Ok(id) => v.back_to(&place(id), say!("連絡先を追加しました。", "The contact is added.")),
        Err(e) => again(v, None, &e),
    }
}

pub(crate) fn change(v: &mut Visit<'_>) -> Result<Answer> {
    let person = person(v)?;
    let edit = posted(v, Some(&person))?;
    match people::edit(&v.house.store, &v.by(), v.now, person.id, &edit) {
        Ok(()) => v.back_to(&place(person.id), say!("保存しました。", "Saved.")),
        Err(e) => again(v, Some(&person), &e),
    }
}

/// Only what differs is written, so that a value stored under older rules does not stand in the way.
fn posted(v: &Visit<'_>, person: Option<&Person>) -> Result<Edit> {
    let mut values = Vec::new();
    for a in Catalog::read(&v.house.store)?.attributes {
        let stored = person.and_then(|p| p.values.iter().find(|f| f.key == a.key)).and_then(|f| f.value.as_ref());
        let typed = v.form.get(&name_of(&a)).replace("\r\n", "\n");
        if v.form.has(&name_of(&a)) && typed != stored.map(|value| value.plain().into_owned()).unwrap_or_default() {
            values.push((a.key, typed));
        }
    }
    let before = person.map(|p| p.tags.clone()).unwrap_or_default();
    let tags: Vec<String> =
        v.form.get("tags").split(['、', ',', '，']).map(|t| t.trim().to_owned()).filter(|t| !t.is_empty()).collect();
    let email = v.form.get("email").trim().to_owned();
    Ok(Edit {
        email: Some(email).filter(|e| person.is_none_or(|p| p.email.as_str() != e)),
        values,
        tags_off: before.into_iter().filter(|t| !tags.contains(t)).collect(),
        tags,
        seen: person.and_then(|_| v.form.get("seen").parse().ok()).map(Time),
    })
}

fn again(v: &Visit<'_>, person: Option<&Person>, e: &Error) -> Result<Answer> {
    let status = match e.kind() {
        Kind::Refused => 422,
        Kind::Conflict => 409,
        _ => return Err(Error::bug("an edit that failed")),
    };
    let field = if Email::parse(v.form.get("email")).is_err() { "email" } else { "" };
    Ok(draw(v, person, Faults::one(v.lang, field, e))?.status(status))
}

pub(crate) fn delete(v: &mut Visit<'_>) -> Result<Answer> {
    people::delete(&v.house.store, &v.by(), v.now, ContactId::parse(v.part("id"))?)?;
    v.back_to(LIST, say!("連絡先を削除しました。", "The contact is deleted."))
}
