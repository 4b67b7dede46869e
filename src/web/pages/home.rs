//! Home: what is to do today, what runs now, and a few numbers.

use crate::base::Result;
use crate::web::answer::Answer;
use crate::web::page::Page;
use crate::web::visit::Visit;
use askama::Template;

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    p: Page,
}

pub(crate) fn show(v: &mut Visit<'_>) -> Result<Answer> {
    Answer::page(&Home { p: v.page(v.w.menu_home()) })
}
