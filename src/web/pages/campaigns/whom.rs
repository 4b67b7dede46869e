//! Whom a draft reaches, while it is being written; and the recipient that a preview is for.

use super::edit::posted;
use crate::base::{Email, Kind, Result, ids::ContactId};
use crate::campaigns::campaign::Draft;
use crate::campaigns::preflight;
use crate::contacts::people::{self, Seen};
use crate::web::answer::Answer;
use crate::web::dates::grouped;
use crate::web::visit::Visit;
use crate::web::words::Words;
use askama::Template;

/// Numbers, or what is wrong with the segment.
#[derive(Template)]
#[template(path = "parts/campaign-whom.html")]
struct Whom {
    w: Words,
    wrong: String,
    reached: String,
    facts: Vec<(&'static str, String)>,
}

/// The form as it stands, for the live part.
pub(crate) fn count(v: &mut Visit<'_>) -> Result<Answer> {
    let draft = posted(v, Draft::default())?;
    Ok(Answer::html(fragment(v, &draft)?))
}

pub(super) fn fragment(v: &Visit<'_>, draft: &Draft) -> Result<String> {
    let w = v.w;
    let part = match preflight::whom(&v.house.store, v.now, draft) {
        Ok(t) => Whom {
            w,
            wrong: String::new(),
            reached: grouped(t.recipients - t.suppressed - t.unconsented),
            facts: vec![
                (w.whom_matching(), grouped(t.recipients)),
                (w.whom_suppressed(), grouped(t.suppressed)),
                (w.whom_unconsented(), grouped(t.unconsented)),
            ],
        },
        Err(e) if matches!(e.kind(), Kind::Refused | Kind::Missing) => {
            Whom { w, wrong: e.says().to(v.lang).to_owned(), reached: String::new(), facts: Vec::new() }
        }
        Err(e) => return Err(e),
    };
    part.render().map_err(|e| crate::base::Error::bug(format!("drawing whom a draft reaches: {e}")))
}

/// Matches that are offered when a name fits several.
const OFFERED: usize = 10;

/// Who is meant by a number, an address, or a part of a name: the newest first.
pub(super) fn named(v: &Visit<'_>, typed: &str) -> Result<Vec<Seen>> {
    let typed = typed.trim();
    if typed.is_empty() {
        return Ok(Vec::new());
    }
    if let Ok(id) = ContactId::parse(typed) {
        return Ok(people::lines(&v.house.store, &[id])?.into_iter().map(|(seen, _)| seen).collect());
    }
    if let Ok(email) = Email::parse(typed) {
        let mut ids = people::of_address(&v.house.store, &email)?;
        ids.truncate(OFFERED);
        return Ok(people::lines(&v.house.store, &ids)?.into_iter().map(|(seen, _)| seen).collect());
    }
    people::list(&v.house.store, typed, None, OFFERED)
}
