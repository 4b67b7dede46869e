//! Import, steps four and five: what it would come to, and then the import itself with progress, stop and undo.

use super::import::{Step, page, steps};
use crate::base::progress::Quiet;
use crate::base::{By, Error, Lang, Result, Say, ids::ImportId};
use crate::contacts::import::map::{Column, Mapping, Target};
use crate::contacts::import::{self, Problem, Report};
use crate::house::House;
use crate::house::imports::State;
use crate::web::answer::{Answer, Live};
use crate::web::dates::grouped;
use crate::web::page::Page;
use crate::web::visit::Visit;
use crate::web::words::Words;
use askama::Template;
use std::sync::Arc;
use std::sync::atomic::Ordering;

#[derive(Template)]
#[template(path = "contacts_import_check.html")]
struct Check {
    p: Page,
    steps: Vec<Step>,
    id: String,
    facts: Vec<(&'static str, String)>,
    columns: Vec<Goes>,
    problems: Vec<Problem>,
    removes: bool,
}

/// A column of the file, where its values go and, for an attribute that the import makes, its type.
struct Goes {
    header: String,
    to: String,
    kind: &'static str,
}

fn columns(w: Words, mapping: &Mapping) -> Vec<Goes> {
    let goes = |c: &Column| {
        let (to, kind) = match c.target {
            Target::Email => (w.mail_address().to_owned(), ""),
            Target::Tags => (w.import_to_tags().to_owned(), ""),
            Target::Nothing => (w.import_to_nothing().to_owned(), ""),
            Target::Attribute(at) => mapping.attributes.get(at).map_or((String::new(), ""), |a| {
                (a.label.clone(), if a.id == 0 { super::import::type_word(w, a.kind) } else { "" })
            }),
        };
        Goes { header: c.header.clone(), to, kind }
    };
    mapping.columns.iter().map(goes).collect()
}

#[derive(Template)]
#[template(path = "contacts_import_run.html")]
struct Run {
    p: Page,
    steps: Vec<Step>,
    id: String,
    live: String,
    over: bool,
}

/// What changes while it runs, and what it came to.
#[derive(Template)]
#[template(path = "contacts_import_live.html")]
struct Part {
    w: Words,
    lang: Lang,
    id: String,
    done: u64,
    total: u64,
    of: String,
    failed: Option<Say>,
    ended: Option<Ended>,
}

struct Ended {
    import: String,
    stopped: bool,
    rejected: bool,
    facts: Vec<(&'static str, String)>,
    problems: Vec<Problem>,
}

fn facts(w: Words, report: &Report) -> Vec<(&'static str, String)> {
    let n = &report.counts;
    let mut facts = vec![
        (w.import_rows(), n.rows),
        (w.import_new(), n.new),
        (w.import_changed(), n.changed),
        (w.import_same(), n.same),
        (w.import_rejected(), n.rejected),
    ];
    let others =
        [(w.import_duplicates(), n.duplicates), (w.import_removed(), n.removed), (w.import_suppressed(), n.suppressed)];
    facts.extend(others.into_iter().filter(|(_, n)| *n > 0));
    facts.into_iter().map(|(name, n)| (name, grouped(n))).collect()
}

/// Step four while it waits, step five once it has begun.
pub(crate) fn show(v: &mut Visit<'_>) -> Result<Answer> {
    let (w, id, by) = (v.w, v.part("id").to_owned(), v.by());
    let check = v.house.imports.with(&by, &id, |waiting| {
        let dry = waiting.dry.as_ref().filter(|_| matches!(waiting.state, State::Waiting));
        let removes = waiting.order.mode.removes();
        Ok((
            matches!(waiting.state, State::Waiting),
            dry.map(|d| (facts(w, d), columns(w, &d.mapping), d.problems.clone(), removes)),
        ))
    })?;
    match check {
        (true, None) => Ok(Answer::see(&format!("/contacts/import/{id}/columns"))),
        (_, Some((facts, columns, problems, removes))) => {
            let p = page(v).lead(w.import_check_lead());
            Answer::page(&Check { p, steps: steps(w, 4), id, facts, columns, problems, removes })
        }
        (false, None) => {
            let (live, over) = part(v.house, &by, &id, v.lang)?;
            Answer::page(&Run { p: page(v), steps: steps(w, 5), id, live, over })
        }
    }
}

fn part(house: &House, by: &By, id: &str, lang: Lang) -> Result<(String, bool)> {
    let w = Words(lang);
    let drawn = house.imports.with(by, id, |waiting| {
        let (done, total) = (waiting.meter.done.load(Ordering::Relaxed), waiting.meter.total.load(Ordering::Relaxed));
        let of = if total > 0 { format!("{} / {}", grouped(done), grouped(total)) } else { grouped(done) };
        let (failed, ended) = match &waiting.state {
            State::Waiting | State::Running => (None, None),
            State::Failed(e) => (Some(e.says().clone()), None),
            State::Done(report) => (
                None,
                Some(Ended {
                    import: report.import.map(|i| i.to_string()).unwrap_or_default(),
                    stopped: report.stopped,
                    rejected: report.counts.rejected > 0,
                    facts: facts(w, report),
                    problems: report.problems.clone(),
                }),
            ),
        };
        Ok(Part { w, lang, id: id.to_owned(), done, total, of, failed, ended })
    })?;
    let over = drawn.failed.is_some() || drawn.ended.is_some();
    Ok((drawn.render().map_err(Error::bug)?, over))
}

pub(crate) fn run(v: &mut Visit<'_>) -> Result<Answer> {
    let (id, by) = (v.part("id").to_owned(), v.by());
    let house: &Arc<House> = v.house;
    house.start_import(&by, v.now, &id)?;
    Ok(Answer::see(&format!("/contacts/import/{id}")))
}

pub(crate) fn live(v: &mut Visit<'_>) -> Result<Answer> {
    let (house, by, id, lang) = (Arc::clone(v.house), v.by(), v.part("id").to_owned(), v.lang);
    v.live(move |_| {
        let (html, over) = part(&house, &by, &id, lang)?;
        Ok(if over { Live::Last(html) } else { Live::Now(html) })
    })
}

pub(crate) fn stop(v: &mut Visit<'_>) -> Result<Answer> {
    let id = v.part("id").to_owned();
    v.house.imports.with(&v.by(), &id, |waiting| {
        waiting.meter.stop.store(true, Ordering::Relaxed);
        Ok(())
    })?;
    Ok(Answer::see(&format!("/contacts/import/{id}")))
}

pub(crate) fn errors(v: &mut Visit<'_>) -> Result<Answer> {
    let reader = v.house.import_errors(&v.by(), v.part("id"))?;
    Ok(Answer::file("errors.csv", "text/csv", Box::new(reader)))
}

pub(crate) fn undo(v: &mut Visit<'_>) -> Result<Answer> {
    let id = ImportId::parse(v.part("import"))?;
    match import::undo(&v.house.store, (&v.by(), v.now), id, &Quiet) {
        Ok(undone) => {
            let (restored, removed, kept) = (grouped(undone.restored), grouped(undone.removed), grouped(undone.kept));
            let says = say!(
                "取り込みを取り消しました（元に戻した {restored}、削除した {removed}、使われていたため残した {kept}）。",
                "The import is undone ({restored} restored, {removed} removed, {kept} in use and kept)."
            );
            v.back_to("/contacts/import", says)
        }
        Err(e) => v.back_with("/contacts/import", &e),
    }
}
