//! Export: which contacts, in which form, and the record of every export.

use crate::base::progress::Quiet;
use crate::base::{Kind, Result};
use crate::contacts::export::{self, Form, Record, Unmappable, Wish};
use crate::web::answer::Answer;
use crate::web::field::{Faults, Field, Kind as Input};
use crate::web::page::Page;
use crate::web::visit::Visit;
use askama::Template;

#[derive(Template)]
#[template(path = "contacts_export.html")]
struct Export {
    p: Page,
    faults: Faults,
    fields: Vec<Field>,
    records: Vec<Record>,
}

pub(crate) fn form(v: &mut Visit<'_>) -> Result<Answer> {
    draw(v, Faults::new(v.lang))
}

fn draw(v: &Visit<'_>, faults: Faults) -> Result<Answer> {
    let w = v.w;
    let given = |name: &str| if v.form.has(name) { v.form.get(name) } else { v.query.get(name) };
    let segment = Field::new(w, Input::Text, "segment", w.export_segment())
        .support(w.export_segment_support())
        .width(60)
        .value(given("segment"))
        .fault(&faults);
    let form = Field::new(w, Input::Radios, "form", w.export_form())
        .required()
        .choice("xlsx", w.export_xlsx(), "")
        .choice("csv", w.export_csv(), "")
        .choice("stop", w.export_stop(), "")
        .choice("geta", w.export_geta(), "")
        .choice("code", w.export_code(), "")
        .value(if given("form").is_empty() { "xlsx" } else { given("form") })
        .fault(&faults);
    let p = v.page(w.export_title()).under(w.menu_contacts(), "/contacts").lead(w.export_lead());
    let records = export::list(&v.house.store, 50)?;
    Answer::page(&Export { p: p.faulty(!faults.is_empty()), faults, fields: vec![segment, form], records })
}

pub(crate) fn write(v: &mut Visit<'_>) -> Result<Answer> {
    let (form, name, kind) = match v.form.get("form") {
        "csv" => (Form::Csv, "contacts.csv", "text/csv; charset=utf-8"),
        "xlsx" => (Form::Xlsx, "contacts.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        how => {
            let how = Unmappable::parse(how).unwrap_or_default();
            (Form::Cp932(how), "contacts.csv", "text/csv; charset=Shift_JIS")
        }
    };
    let wish = Wish { segment: v.form.get("segment").to_owned(), form, lang: v.lang };
    let mut spool = v.house.store.blobs().spool()?;
    match export::export(&v.house.store, (&v.by(), v.now), &wish, &Quiet, &mut spool) {
        Ok(_) => Ok(Answer::file(name, kind, Box::new(spool.into_reader()?))),
        Err(e) if e.kind() == Kind::Refused => {
            let field = if form == Form::Cp932(Unmappable::Stop) { "form" } else { "segment" };
            Ok(draw(v, Faults::one(v.lang, field, &e))?.status(422))
        }
        Err(e) => Err(e),
    }
}
