//! Saved templates.

use super::campaigns::edit::formats;
use crate::base::{Kind, Result, ids::TemplateId};
use crate::campaigns::source::Format;
use crate::campaigns::template::{self, Saved, Template as Mail};
use crate::web::answer::Answer;
use crate::web::field::{Faults, Field, Kind as Input};
use crate::web::page::Page;
use crate::web::visit::Visit;
use askama::Template;

const PLACE: &str = "/templates";

#[derive(Template)]
#[template(path = "templates.html")]
struct Templates {
    p: Page,
    all: Vec<Saved>,
    may_edit: bool,
}

pub(crate) fn list(v: &mut Visit<'_>) -> Result<Answer> {
    let all = template::list(&v.house.store)?;
    let may_edit = v.may(crate::access::Right::Edit);
    Answer::page(&Templates { p: v.page(v.w.menu_templates()).lead(v.w.templates_lead()), all, may_edit })
}

#[derive(Template)]
#[template(path = "template.html")]
struct One {
    p: Page,
    faults: Faults,
    fields: Vec<Field>,
    action: String,
    version: i64,
    id: Option<TemplateId>,
}

pub(crate) fn new(v: &mut Visit<'_>) -> Result<Answer> {
    let blank =
        Mail { name: String::new(), subject: String::new(), format: Format::Markdown, body: String::new(), text: None };
    draw(v, &blank, (0, None), Faults::new(v.lang))
}

pub(crate) fn show(v: &mut Visit<'_>) -> Result<Answer> {
    let saved = template::get(&v.house.store, TemplateId::parse(v.part("id"))?)?;
    draw(v, &saved.template, (saved.version, Some(saved.id)), Faults::new(v.lang))
}

fn draw(v: &Visit<'_>, t: &Mail, (version, id): (i64, Option<TemplateId>), faults: Faults) -> Result<Answer> {
    let w = v.w;
    let fields = vec![
        Field::new(w, Input::Text, "name", w.name()).required().value(&t.name).width(60).fault(&faults),
        Field::new(w, Input::Text, "subject", w.campaign_subject())
            .support(w.campaign_subject_support())
            .value(&t.subject)
            .width(60)
            .fault(&faults),
        formats(w, t.format),
        Field::new(w, Input::Area, "body", w.campaign_body())
            .support(w.campaign_body_support())
            .value(&t.body)
            .width(60)
            .rows(18)
            .fault(&faults),
        Field::new(w, Input::Area, "text", w.campaign_text())
            .support(w.campaign_text_support())
            .value(t.text.as_deref().unwrap_or(""))
            .width(60)
            .rows(6),
    ];
    let title = if id.is_some() { t.name.as_str() } else { w.template_new() };
    let p = v.page(title).under(w.menu_templates(), PLACE).faulty(!faults.is_empty());
    let action = id.map_or("/templates/new".to_owned(), |id| format!("{PLACE}/{id}"));
    Answer::page(&One { p, faults, fields, action, version, id })
}

fn posted(v: &Visit<'_>) -> Result<Mail> {
    let get = |name| v.form.get(name).to_owned();
    let text = Some(get("text")).filter(|t| !t.trim().is_empty());
    Ok(Mail {
        name: get("name"),
        subject: get("subject"),
        format: Format::parse(&get("format"))?,
        body: get("body"),
        text,
    })
}

pub(crate) fn create(v: &mut Visit<'_>) -> Result<Answer> {
    let mail = posted(v)?;
    let made = template::save(&v.house.store, &v.by(), v.now, &mail).map(|_| ());
    saved(v, &mail, (0, None), made)
}

pub(crate) fn edit(v: &mut Visit<'_>) -> Result<Answer> {
    let (mail, id) = (posted(v)?, TemplateId::parse(v.part("id"))?);
    let version = v.form.get("version").parse().unwrap_or(0);
    let done = template::edit(&v.house.store, &v.by(), v.now, id, (version, &mail));
    saved(v, &mail, (version, Some(id)), done)
}

fn saved(v: &Visit<'_>, mail: &Mail, at: (i64, Option<TemplateId>), done: Result<()>) -> Result<Answer> {
    match done {
        Ok(()) => v.back_to(PLACE, say!("ひな形を保存しました。", "The template is saved.")),
        Err(e) if matches!(e.kind(), Kind::Refused | Kind::Conflict) => {
            let named = [("名前", "name"), ("ひな形の名前", "name"), ("件名", "subject")];
            let field = named.iter().find(|(ja, _)| e.says().ja.starts_with(ja)).map_or("body", |(_, f)| *f);
            let field = if e.kind() == Kind::Conflict { "name" } else { field };
            Ok(draw(v, mail, at, Faults::one(v.lang, field, &e))?.status(422))
        }
        Err(e) => Err(e),
    }
}

pub(crate) fn delete(v: &mut Visit<'_>) -> Result<Answer> {
    template::delete(&v.house.store, &v.by(), v.now, TemplateId::parse(v.part("id"))?)?;
    v.back_to(PLACE, say!("ひな形を削除しました。", "The template is deleted."))
}
