//! Updates: what runs, what is going on, what was; and the two notices of each (`notices`).

pub(crate) mod notices;

use crate::base::link::{Step, TrialRecord, TrialResult};
use crate::base::{Error, Result, Time};
use crate::house::House;
use crate::house::updates::Trying;
use crate::update::notice::{self, Told, Which};
use crate::web::answer::{Answer, Live};
use crate::web::dates::{grouped, long};
use crate::web::page::Page;
use crate::web::pages::audit::Names;
use crate::web::visit::Visit;
use crate::web::words::Words;
use askama::Template;
use std::sync::Arc;

pub(super) const HERE: &str = "/settings/updates";

#[derive(Template)]
#[template(path = "updates.html")]
struct Updates {
    p: Page,
    facts: Vec<(&'static str, String)>,
    change: String,
    live: String,
    is_going: bool,
    past: Vec<Past>,
}

/// A row of the history.
struct Past {
    id: String,
    at: Time,
    from: String,
    to: String,
    word: &'static str,
    badge: &'static str,
    held: u64,
    longest: String,
    told: String,
}

/// A step as it is shown.
struct Line {
    name: String,
    ok: bool,
    ms: String,
    detail: String,
}

pub(crate) fn show(v: &mut Visit<'_>) -> Result<Answer> {
    let w = v.w;
    let names = Names::read(v)?;
    let past = v.house.past_updates()?.iter().map(|r| past(v, &names, r)).collect::<Result<_>>()?;
    let (live, is_going) = going(v.house, w)?;
    let change = v.house.change(v.house.version()).map(|c| c.notes.to(v.lang).to_owned());
    Answer::page(&Updates {
        p: v.page(w.menu_updates()).lead(w.updates_lead()).wide(),
        facts: facts(v),
        change: change.unwrap_or_default(),
        live,
        is_going,
        past,
    })
}

fn facts(v: &Visit<'_>) -> Vec<(&'static str, String)> {
    let (w, door) = (v.w, v.house.door());
    let since = |ms: i64| long(Time(ms), v.lang);
    let mut facts = vec![(w.updates_version(), v.house.version().to_owned())];
    if door.pid > 0 {
        let slot = if door.slot.is_empty() { w.updates_installed().to_owned() } else { door.slot.clone() };
        facts.push((w.updates_slot(), slot));
        facts.push((w.updates_previous(), door.previous.clone().unwrap_or_else(|| w.none().to_owned())));
        facts.push((w.updates_door(), format!("{} {}", door.version, w.updates_process(door.pid, &since(door.since)))));
    } else {
        facts.push((w.updates_door(), w.updates_no_door().to_owned()));
    }
    facts.push((w.updates_worker(), w.updates_process(std::process::id(), &since(v.site.since.ms()))));
    if let Some(ms) = door.last_held_ms {
        facts.push((w.updates_last_held(), w.updates_ms(&grouped(ms))));
    }
    let urls = [(w.updates_admin(), door.admin), (w.updates_public(), door.public)];
    facts.extend(urls.into_iter().filter(|(_, url)| !url.is_empty()));
    facts
}

fn past(v: &Visit<'_>, names: &Names, r: &TrialRecord) -> Result<Past> {
    let told = notice::told(&v.house.store, Which::After, &r.id)?;
    let (word, badge) = result(v.w, r.result);
    Ok(Past {
        id: r.id.clone(),
        at: Time(r.at),
        from: r.from.clone(),
        to: r.to.clone(),
        word,
        badge,
        held: r.held_requests,
        longest: v.w.updates_ms(&grouped(r.longest_held_ms)),
        told: told_line(v, names, told.as_ref()),
    })
}

pub(super) fn told_line(v: &Visit<'_>, names: &Names, told: Option<&Told>) -> String {
    let Some(told) = told else { return v.w.notice_not_sent().to_owned() };
    let line = v.w.notice_sent_line(&long(told.at, v.lang), &names.who(v.w, &told.by), told.accepted);
    match told.refused {
        0 => line,
        n => format!("{line} {}", v.w.notice_refused_line(n)),
    }
}

fn result(w: Words, result: TrialResult) -> (&'static str, &'static str) {
    match result {
        TrialResult::Updated => (w.updates_updated(), "badge-good"),
        TrialResult::RolledBack => (w.updates_rolled_back(), "badge-warn"),
        TrialResult::Refused => (w.updates_refused(), "badge-calm"),
    }
}

fn lines(w: Words, steps: &[Step]) -> Vec<Line> {
    let line = |s: &Step| Line {
        name: w.step_name(&s.step),
        ok: s.ok,
        ms: w.updates_ms(&grouped(s.ms)),
        detail: s.detail.as_deref().map(|d| w.step_detail(d)).unwrap_or_default(),
    };
    steps.iter().map(line).collect()
}

#[derive(Template)]
#[template(path = "parts/updating.html")]
struct Going {
    w: Words,
    says: String,
    steps: Vec<Line>,
    now: String,
    cause: String,
}

/// The update that is being tried, and whether there is one. What it shows stands in a file of the door's, so it is the
/// same whichever version answers.
fn going(house: &House, w: Words) -> Result<(String, bool)> {
    let Some(trying) = house.trying()? else { return Ok((String::new(), false)) };
    Ok((drawn(w, &trying)?, true))
}

fn drawn(w: Words, trying: &Trying) -> Result<String> {
    let (steps, now) = trying.steps();
    let going = Going {
        w,
        says: w.updates_going_text(&trying.order.from, &trying.order.to),
        steps: lines(w, &steps),
        now: now.map(|n| w.step_name(n)).unwrap_or_default(),
        cause: trying.cause.as_ref().map(|c| c.to(w.0).to_owned()).unwrap_or_default(),
    };
    going.render().map_err(Error::bug)
}

pub(crate) fn live(v: &mut Visit<'_>) -> Result<Answer> {
    let (house, w) = (Arc::clone(v.house), v.w);
    v.live(move |_| {
        let (html, is_going) = going(&house, w)?;
        Ok(if is_going { Live::Now(html) } else { Live::Last(html) })
    })
}

#[derive(Template)]
#[template(path = "update.html")]
struct One {
    p: Page,
    past: Past,
    steps: Vec<Line>,
    cause: String,
    change: String,
}

pub(crate) fn one(v: &mut Visit<'_>) -> Result<Answer> {
    let record = found(v, v.part("id"))?;
    let w = v.w;
    let names = Names::read(v)?;
    let version = if record.result == TrialResult::Updated { &record.to } else { "" };
    Answer::page(&One {
        p: v.page(w.updates_record()).under(w.menu_updates(), HERE).wide(),
        past: past(v, &names, &record)?,
        steps: lines(w, &record.steps),
        cause: record.cause.as_ref().map(|c| c.to(v.lang).to_owned()).unwrap_or_default(),
        change: v.house.change(version).map(|c| c.notes.to(v.lang).to_owned()).unwrap_or_default(),
    })
}

pub(super) fn found(v: &Visit<'_>, id: &str) -> Result<TrialRecord> {
    let missing = || Error::missing(say!("その更新の記録はありません。", "There is no record of that update."));
    v.house.past_updates()?.into_iter().find(|r| r.id == id).ok_or_else(missing)
}

/// The change record has been read by whoever is signed in, and is not shown to them again.
pub(crate) fn read(v: &mut Visit<'_>) -> Result<Answer> {
    notice::mark_read(&v.house.store, v.now, v.session()?.user.id, v.house.version())?;
    Ok(Answer::see("/"))
}
