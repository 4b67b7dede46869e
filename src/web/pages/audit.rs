//! The audit log, newest first, in pages; and the walk over the whole chain.

use crate::access::user;
use crate::base::{Result, Time, limits};
use crate::web::answer::Answer;
use crate::web::page::Page;
use crate::web::visit::Visit;
use crate::web::words::Words;
use askama::Template;
use std::collections::HashMap;

#[derive(Template)]
#[template(path = "audit.html")]
struct Audit {
    p: Page,
    lines: Vec<Line>,
    /// The query of the next page.
    older: String,
    first: bool,
}

struct Line {
    n: i64,
    at: Time,
    who: String,
    what: String,
    about: String,
    hash: String,
}

pub(crate) fn list(v: &mut Visit<'_>) -> Result<Answer> {
    let before = v.query.get("before").parse::<i64>().ok();
    let names = Names::read(v)?;
    let found = v.house.store.audit_newest(before, limits::AUDIT_PAGE)?;
    let older = match found.last() {
        Some(last) if found.len() == limits::AUDIT_PAGE && last.n > 1 => v.query.with("before", &last.n.to_string()),
        Some(_) | None => String::new(),
    };
    let lines = found.into_iter().map(|l| Line {
        n: l.n,
        at: l.at,
        who: names.who(v.w, &l.by),
        what: l.what,
        about: l.about,
        hash: data_encoding::HEXLOWER.encode(l.hash.get(..4).unwrap_or_default()),
    });
    let p = v.page(v.w.menu_audit()).lead(v.w.audit_lead()).wide();
    Answer::page(&Audit { p, lines: lines.collect(), older, first: before.is_none() })
}

/// Who stands behind a recorded deed, by the name they have today.
pub(crate) struct Names(HashMap<String, String>);

impl Names {
    pub(crate) fn read(v: &Visit<'_>) -> Result<Names> {
        Ok(Names(user::list(&v.house.store)?.into_iter().map(|u| (u.id.to_string(), u.name)).collect()))
    }

    pub(crate) fn who(&self, w: Words, by: &str) -> String {
        match by.split_once(':') {
            Some(("user", id)) => self.0.get(id).cloned().unwrap_or_else(|| id.to_owned()),
            Some(("cli", account)) => w.audit_cli(account),
            Some(("house", job)) => w.audit_house(job),
            Some(("token", n)) => w.audit_token(n),
            Some(_) | None => w.audit_public().to_owned(),
        }
    }
}

pub(crate) fn verify(v: &mut Visit<'_>) -> Result<Answer> {
    match v.house.store.verify_audit() {
        Ok(n) => v.back_to(
            "/settings/audit",
            say!(
                "{n} 行すべてがつながっています。書き換えはありません。",
                "All {n} lines fit together. Nothing was changed."
            ),
        ),
        Err(e) => v.back_with("/settings/audit", &e),
    }
}
