//! The do-not-send list.

use crate::access::Right;
use crate::base::progress::Quiet;
use crate::base::{Email, Error, Kind, Result};
use crate::contacts::suppression::{self, After, Batch, Entry, Reason};
use crate::web::answer::Answer;
use crate::web::dates::grouped;
use crate::web::field::{Faults, Field, Kind as Input};
use crate::web::page::Page;
use crate::web::visit::Visit;
use crate::web::words::Words;
use askama::Template;

const PAGE: usize = 50;

#[derive(Template)]
#[template(path = "suppression.html")]
struct List {
    p: Page,
    faults: Faults,
    total: String,
    entries: Vec<Entry>,
    batches: Vec<Batch>,
    find: Field,
    not_found: bool,
    found: Option<Entry>,
    add: Field,
    remove: Vec<Field>,
    file: Field,
    next: String,
    may: May,
}

struct May {
    edit: bool,
    import: bool,
    export: bool,
}

pub(crate) fn list(v: &mut Visit<'_>) -> Result<Answer> {
    draw(v, Faults::new(v.lang))
}

fn draw(v: &Visit<'_>, mut faults: Faults) -> Result<Answer> {
    let (w, store, q) = (v.w, &v.house.store, v.query.get("q").trim());
    let looked = if q.is_empty() { None } else { faults.check("q", Email::parse(q)) };
    let found = looked.as_ref().map(|email| suppression::find(store, email)).transpose()?.flatten();
    let entries = suppression::list(store, After::parse(v.query.get("after")), PAGE)?;
    let next = entries.last().filter(|_| entries.len() == PAGE).map(|e| v.query.with("after", &e.after().token()));
    let address = |name: &'static str, faults: &Faults| {
        Field::new(w, Input::Email, name, w.mail_address()).required().value(v.form.get(name)).fault(faults)
    };
    Answer::page(&List {
        p: v.page(w.menu_suppression()).lead(w.suppression_lead()).faulty(!faults.is_empty()),
        total: grouped(suppression::count(store)?),
        batches: suppression::batches(store)?,
        find: Field::new(w, Input::Text, "q", w.suppression_find()).unmarked().value(q).fault(&faults),
        not_found: looked.is_some() && found.is_none(),
        found,
        add: address("add", &faults),
        remove: vec![
            address("remove", &faults),
            Field::new(w, Input::Text, "why", w.suppression_why())
                .required()
                .support(w.suppression_why_support())
                .value(v.form.get("why"))
                .fault(&faults),
        ],
        file: Field::new(w, Input::File, "file", w.suppression_file())
            .required()
            .accept(".csv,.tsv,.txt")
            .fault(&faults),
        next: next.unwrap_or_default(),
        may: May { edit: v.may(Right::Edit), import: v.may(Right::Import), export: v.may(Right::Export) },
        entries,
        faults,
    })
}

pub(crate) fn add(v: &mut Visit<'_>) -> Result<Answer> {
    let email = Email::parse(v.form.get("add"));
    let added = email.and_then(|e| suppression::add(&v.house.store, &v.by(), v.now, &e, Reason::Manual));
    match added {
        Ok(_) => v.back_to("/suppression", say!("停止リストに加えました。", "The address is on the list.")),
        Err(e) => refused(v, "add", e),
    }
}

pub(crate) fn remove(v: &mut Visit<'_>) -> Result<Answer> {
    let email = match Email::parse(v.form.get("remove")) {
        Ok(email) => email,
        Err(e) => return refused(v, "remove", e),
    };
    match suppression::remove(&v.house.store, &v.by(), v.now, &email, v.form.get("why")) {
        Ok(()) => v.back_to("/suppression", say!("停止リストから外しました。", "The address is off the list.")),
        Err(e) if e.kind() == Kind::Missing => refused(v, "remove", e),
        Err(e) => refused(v, "why", e),
    }
}

/// What a person can mend is shown at its field.
fn refused(v: &Visit<'_>, field: &str, e: Error) -> Result<Answer> {
    match e.kind() {
        Kind::Refused | Kind::Missing | Kind::Conflict => Ok(draw(v, Faults::one(v.lang, field, &e))?.status(422)),
        Kind::Unanswered | Kind::Later | Kind::Denied | Kind::Stopped | Kind::Config | Kind::NotSetUp => Err(e),
        Kind::WrongKey | Kind::Damaged | Kind::Unhealthy | Kind::Bug => Err(e),
    }
}

pub(crate) fn import(v: &mut Visit<'_>) -> Result<Answer> {
    let (by, now) = (v.by(), v.now);
    let Some(upload) = v.files.iter_mut().find(|f| f.field == "file") else {
        return refused(v, "file", Error::refused(say!("ファイルを選んでください。", "Choose a file.")));
    };
    let taken = match suppression::import(&v.house.store, &by, now, &mut upload.file, &Quiet) {
        Ok(taken) => taken,
        Err(e) => return refused(v, "file", e),
    };
    let (rows, added) = (grouped(taken.rows), grouped(taken.added));
    let (known, rejected) = (grouped(taken.known), grouped(taken.rejected));
    let says = say!(
        "{rows} 行を読み、{added} 件を加えました（登録済み {known}、アドレスのない行 {rejected}）。",
        "Read {rows} rows and added {added} ({known} were known, {rejected} rows have no address)."
    );
    v.back_to("/suppression", says)
}

pub(crate) fn undo(v: &mut Visit<'_>) -> Result<Answer> {
    let n = grouped(suppression::undo(&v.house.store, &v.by(), v.now, v.part("id").parse().unwrap_or(0))?);
    v.back_to(
        "/suppression",
        say!("取り込みを取り消し、{n} 件を外しました。", "The import is undone: {n} addresses are off."),
    )
}

pub(crate) fn export(v: &mut Visit<'_>) -> Result<Answer> {
    let mut spool = v.house.store.blobs().spool()?;
    suppression::export(&v.house.store, &v.by(), v.now, &mut spool)?;
    Ok(Answer::file("suppression.csv", "text/csv; charset=utf-8", Box::new(spool.into_reader()?)))
}

pub(super) fn reason(w: Words, reason: Reason) -> &'static str {
    match reason {
        Reason::Manual => w.reason_manual(),
        Reason::Imported => w.reason_imported(),
        Reason::Refused => w.reason_refused(),
        Reason::Bounced => w.reason_bounced(),
        Reason::Complained => w.reason_complained(),
    }
}

impl List {
    fn reason(&self, entry: &Entry) -> &'static str {
        reason(self.p.w, entry.reason)
    }
}
