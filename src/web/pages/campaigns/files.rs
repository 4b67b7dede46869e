//! Attachments and images of a campaign.

use super::{found, place};
use crate::base::{Kind, Result};
use crate::campaigns::campaign::Campaign;
use crate::campaigns::content::{FileCard, FileRole};
use crate::campaigns::file::{self, NewFile};
use crate::web::answer::Answer;
use crate::web::field::{Faults, Field, Kind as Input};
use crate::web::page::Page;
use crate::web::visit::Visit;
use askama::Template;

#[derive(Template)]
#[template(path = "campaign-files.html")]
struct Files {
    p: Page,
    faults: Faults,
    campaign: Campaign,
    files: Vec<(FileCard, &'static str, String)>,
    fields: Vec<Field>,
}

pub(crate) fn list(v: &mut Visit<'_>) -> Result<Answer> {
    draw(v, Faults::new(v.lang))
}

fn draw(v: &Visit<'_>, faults: Faults) -> Result<Answer> {
    let (w, campaign) = (v.w, found(v)?);
    let word = |role| match role {
        FileRole::Attachment => w.role_attachment(),
        FileRole::Embedded => w.role_embedded(),
        FileRole::Hosted => w.role_hosted(),
    };
    let roles = Field::new(w, Input::Radios, "role", w.file_role()).required();
    let roles = [FileRole::Attachment, FileRole::Embedded, FileRole::Hosted]
        .into_iter()
        .fold(roles, |f, role| f.choice(role.name(), word(role), ""))
        .value(if v.form.has("role") { v.form.get("role") } else { "attachment" });
    let one = Field::new(w, Input::File, "file", w.file_one()).required().support(w.file_support()).fault(&faults);
    let files = file::list(&v.house.store, campaign.id)?
        .into_iter()
        .map(|f| (f.clone(), word(f.role), format!("{} kB", f.size.div_ceil(1024))))
        .collect();
    let p = v.page(w.files_title()).under(w.menu_campaigns(), super::PLACE);
    let p = p.under(campaign.draft.name.clone(), place(campaign.id)).faulty(!faults.is_empty());
    Answer::page(&Files { p, faults, files, fields: vec![one, roles], campaign })
}

pub(crate) fn add(v: &mut Visit<'_>) -> Result<Answer> {
    let (id, by) = (found(v)?.id, v.by());
    let role = FileRole::parse(v.form.get("role"))?;
    let (store, now) = (&v.house.store, v.now);
    let Some(upload) = v.files.iter_mut().find(|f| f.field == "file") else { return draw(v, Faults::new(v.lang)) };
    let new = NewFile { role, name: &upload.name };
    match file::add(store, &by, now, id, (new, &mut upload.file)) {
        Ok(_) => v.back_to(&format!("{}/files", place(id)), say!("ファイルを加えました。", "The file is added.")),
        Err(e) if e.kind() == Kind::Refused => Ok(draw(v, Faults::one(v.lang, "file", &e))?.status(422)),
        Err(e) => v.back_with(&place(id), &e),
    }
}

pub(crate) fn remove(v: &mut Visit<'_>) -> Result<Answer> {
    let id = found(v)?.id;
    let back = format!("{}/files", place(id));
    match file::remove(&v.house.store, &v.by(), v.now, id, v.form.get("name")) {
        Ok(()) => v.back_to(&back, say!("ファイルを外しました。", "The file is removed.")),
        Err(e) => v.back_with(&back, &e),
    }
}
