//! Saved templates: a subject and a body to start a campaign from.

use super::header::HeaderText;
use super::rows;
use super::source::Format;
use crate::base::{By, Error, Result, Time, ids::TemplateId, limits};
use crate::store::{Deed, Store};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    pub name: String,
    pub subject: String,
    pub format: Format,
    pub body: String,
    pub text: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Saved {
    pub id: TemplateId,
    pub version: i64,
    pub changed: Time,
    #[serde(flatten)]
    pub template: Template,
}

impl Template {
    fn checked(&self) -> Result<Template> {
        let name = HeaderText::parse(&say!("名前", "The name"), &self.name, 300)?;
        let subject = HeaderText::parse(&say!("件名", "The subject"), &self.subject, limits::SUBJECT_MAX)?;
        if name.is_empty() {
            return Err(Error::refused(say!("ひな形の名前を入れてください。", "Give the template a name.")));
        }
        super::source::parts(self.format, &self.body, self.text.as_deref())?;
        Ok(Template { name: name.as_str().to_owned(), subject: subject.as_str().to_owned(), ..self.clone() })
    }
}

pub fn save(store: &Store, by: &By, now: Time, template: &Template) -> Result<TemplateId> {
    let template = template.checked()?;
    store.write(by, now, Deed::from("template.save"), |tx| rows::templates::insert(tx, &template, now))
}

pub fn edit(store: &Store, by: &By, now: Time, id: TemplateId, (version, t): (i64, &Template)) -> Result<()> {
    let template = t.checked()?;
    store.write(by, now, Deed::new("template.edit", id.to_string()), |tx| {
        match rows::templates::update(tx, id, version, &template, now)? {
            true => Ok(()),
            false => Err(Error::conflict(say!(
                "ほかの人が先にこのひな形を変更しました。",
                "Somebody else changed this template in the meantime."
            ))),
        }
    })
}

pub fn delete(store: &Store, by: &By, now: Time, id: TemplateId) -> Result<()> {
    store.write(by, now, Deed::new("template.delete", id.to_string()), |tx| rows::templates::delete(tx, id))
}

pub fn list(store: &Store) -> Result<Vec<Saved>> {
    store.read(rows::templates::all)
}

/// By id (`m1`) or by name.
pub fn find(store: &Store, which: &str) -> Result<Saved> {
    match TemplateId::parse(which) {
        Ok(id) => get(store, id),
        Err(_) => list(store)?.into_iter().find(|s| s.template.name == which.trim()).ok_or_else(missing),
    }
}

pub fn get(store: &Store, id: TemplateId) -> Result<Saved> {
    let found = store.read(|c| rows::templates::one(c, id))?;
    found.ok_or_else(missing)
}

fn missing() -> Error {
    Error::missing(say!("そのひな形はありません。", "There is no such template."))
}
