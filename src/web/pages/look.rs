//! The look: the name that the pages show, and the colour of what is pressed.

use crate::access::look::{self, Accent, Look as Chosen};
use crate::base::Result;
use crate::web::answer::Answer;
use crate::web::field::{Faults, Field, Kind};
use crate::web::page::Page;
use crate::web::visit::Visit;
use askama::Template;

const HERE: &str = "/settings/look";

#[derive(Template)]
#[template(path = "look.html")]
struct Look {
    p: Page,
    faults: Faults,
    fields: Vec<Field>,
}

pub(crate) fn show(v: &mut Visit<'_>) -> Result<Answer> {
    draw(v, Faults::new(v.lang))
}

fn draw(v: &Visit<'_>, faults: Faults) -> Result<Answer> {
    let w = v.w;
    let typed = |name: &str, saved: &str| if v.form.has(name) { v.form.get(name) } else { saved }.to_owned();
    let name = Field::new(w, Kind::Text, "name", w.look_name()).support(w.look_name_support());
    let name = name.autocomplete("organization").value(typed("name", &v.look().name)).fault(&faults);
    let accent = Field::new(w, Kind::Radios, "accent", w.look_accent()).required().support(w.look_accent_support());
    let accent = Accent::ALL.into_iter().fold(accent, |f, a| f.choice(a.name(), a.title().to(v.lang), "")).swatches();
    let accent = accent.value(typed("accent", v.look().accent.name())).fault(&faults);
    let p = v.page(w.menu_look()).lead(w.look_lead()).faulty(!faults.is_empty());
    Answer::page(&Look { p, faults, fields: vec![name, accent] })
}

pub(crate) fn save(v: &mut Visit<'_>) -> Result<Answer> {
    let mut faults = Faults::new(v.lang);
    let name = faults.check("name", look::name_of(v.form.get("name")));
    let accent = faults.check("accent", Accent::parse(v.form.get("accent")));
    let (Some(name), Some(accent)) = (name, accent) else {
        return Ok(draw(v, faults)?.status(422));
    };
    look::set(&v.house.store, &v.by(), v.now, &Chosen { name, accent })?;
    v.house.keep_alarm()?;
    v.back_to(HERE, say!("見た目を保存しました。", "The look is saved."))
}
