//! The recovery code: whether somebody has it on paper, and a new one, shown once, for a house where nobody does (its
//! first run may have ended before the code was seen).

use crate::base::{self, Result};
use crate::web::answer::Answer;
use crate::web::field::{Faults, Field, Kind};
use crate::web::page::Page;
use crate::web::visit::Visit;
use askama::Template;

const HERE: &str = "/settings/recovery";

#[derive(Template)]
#[template(path = "recovery.html")]
struct Recovery {
    p: Page,
    faults: Faults,
    confirmed: bool,
    /// A code that was made just now.
    code: String,
    typed: Field,
}

pub(crate) fn show(v: &mut Visit<'_>) -> Result<Answer> {
    draw(v, Faults::new(v.lang), String::new())
}

fn draw(v: &Visit<'_>, faults: Faults, code: String) -> Result<Answer> {
    let w = v.w;
    let typed = Field::new(w, Kind::Text, "code", w.recovery_typed()).required().support(w.recovery_typed_support());
    let typed = typed.autocomplete("off").fault(&faults);
    let p = v.page(w.recovery()).under(w.menu_general(), "/settings").lead(w.recovery_lead());
    let confirmed = v.house.recovery_is_confirmed()?;
    Answer::page(&Recovery { p: p.faulty(!faults.is_empty()), faults, confirmed, code, typed })
}

/// Not a redirect: the code is in this answer alone.
pub(crate) fn make(v: &mut Visit<'_>) -> Result<Answer> {
    let code = v.house.new_recovery_code(&v.by(), v.now)?;
    draw(v, Faults::new(v.lang), code.text().unwrap_or_default().to_owned())
}

pub(crate) fn confirm(v: &mut Visit<'_>) -> Result<Answer> {
    match v.house.confirm_recovery(&v.by(), v.now, v.form.get("code").trim()) {
        Ok(()) => v.back_to(HERE, say!("復旧コードを控えたことを確かめました。", "The recovery code is kept.")),
        // Another code than this house's is the typist's to mend, whatever a wrong key is elsewhere.
        Err(e) if e.kind() == base::Kind::WrongKey || e.kind().http_status() < 500 => {
            Ok(draw(v, Faults::one(v.lang, "code", &e), String::new())?.status(422))
        }
        Err(e) => Err(e),
    }
}
