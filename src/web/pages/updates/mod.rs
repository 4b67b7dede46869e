//! Updates: what runs, what is going on, what was; where new ones come from (`source`); and the two notices of each
//! (`notices`).

pub(crate) mod notices;
pub(crate) mod source;

use crate::base::link::Step;
use crate::base::{Error, Result, Say, Time, limits};
use crate::house::House;
use crate::house::updates::{Trying, Work};
use crate::update::Version;
use crate::update::history::{self, Outcome, Update};
use crate::update::notice::plan::seconds;
use crate::update::notice::{self, Told, Which};
use crate::update::source as from;
use crate::web::answer::{Answer, Live};
use crate::web::dates::{grouped, long};
use crate::web::field::{Faults, Field, Kind as Input};
use crate::web::page::Page;
use crate::web::pages::audit::Names;
use crate::web::visit::Visit;
use crate::web::words::Words;
use askama::Template;
use std::sync::Arc;
use std::time::Duration;

pub(super) const HERE: &str = "/settings/updates";

#[derive(Template)]
#[template(path = "updates.html")]
struct Updates {
    p: Page,
    faults: Faults,
    facts: Vec<(&'static str, String)>,
    live: String,
    is_going: bool,
    offer: Option<Shown>,
    probation: Field,
    /// Where new versions are looked for; empty where that is not set.
    place: String,
    file: Field,
    previous: String,
    may_apply: bool,
    past: Vec<Past>,
}

/// The release that may be installed.
struct Shown {
    version: String,
    notes: String,
    facts: Vec<(&'static str, String)>,
    told: String,
    /// It was tried here before and not kept: the record, and a sentence.
    tried: Option<(String, String)>,
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
    draw(v, Faults::new(v.lang))
}

fn draw(v: &Visit<'_>, faults: Faults) -> Result<Answer> {
    let w = v.w;
    let names = Names::read(v)?;
    let past = v.house.past_updates()?.iter().map(|u| past(v, &names, u)).collect::<Result<_>>()?;
    let (live, is_going) = going(v.house, w)?;
    let door = v.house.door();
    Answer::page(&Updates {
        p: v.page(w.menu_updates()).lead(w.updates_lead()).wide().faulty(!faults.is_empty()),
        facts: facts(v),
        live,
        is_going,
        offer: offered(v, &names)?,
        probation: probation_field(v, &faults),
        place: from::get(&v.house.store)?.map(|s| source::place(w, &s.source)).unwrap_or_default(),
        faults,
        file: Field::new(w, Input::File, "file", w.updates_file()).required().support(w.updates_file_support()),
        may_apply: door.pid > 0,
        previous: door.previous.unwrap_or_default(),
        past,
    })
}

fn probation_field(v: &Visit<'_>, faults: &Faults) -> Field {
    let typed = if v.form.has("probation") { v.form.get("probation").to_owned() } else { minutes(limits::PROBATION) };
    let (least, most) = (minutes(limits::PROBATION_LEAST), minutes(limits::PROBATION_MAX));
    Field::new(v.w, Input::Number, "probation", v.w.updates_probation())
        .unmarked()
        .required()
        .support(v.w.updates_probation_support(&least, &most))
        .width(6)
        .value(typed)
        .fault(faults)
}

fn minutes(length: Duration) -> String {
    grouped(length.as_secs() / 60)
}

/// What was typed as whole minutes, in digits of either width.
fn probation(typed: &str) -> Result<Duration> {
    let plain = typed.trim().chars().filter(|c| *c != ',').map(|c| match c {
        '０'..='９' => char::from_digit(c as u32 - '０' as u32, 10).unwrap_or(c),
        other => other,
    });
    let length = plain.collect::<String>().parse().ok().and_then(|n: u64| n.checked_mul(60)).map(Duration::from_secs);
    length.filter(|l| (limits::PROBATION_LEAST..=limits::PROBATION_MAX).contains(l)).ok_or_else(|| {
        let (least, most) = (minutes(limits::PROBATION_LEAST), minutes(limits::PROBATION_MAX));
        Error::refused(say!(
            "見極め期間は、{least}〜{most} の整数で入力してください。例）10",
            "The probation is a whole number of minutes from {least} to {most}. Example: 10"
        ))
    })
}

fn offered(v: &Visit<'_>, names: &Names) -> Result<Option<Shown>> {
    let (w, Some(offer)) = (v.w, v.house.offered(v.now)?) else { return Ok(None) };
    let version = offer.version.to_string();
    let told = notice::told(&v.house.store, Which::Before, &version)?;
    Ok(Some(Shown {
        facts: vec![
            (
                w.updates_from(),
                if offer.is_file() { w.updates_from_file() } else { w.updates_from_source() }.to_owned(),
            ),
            (w.updates_size(), format!("{:.1} MB", offer.size as f64 / limits::MB as f64)),
            (w.updates_made(), long(offer.made, v.lang)),
            (w.updates_expires(), long(offer.expires, v.lang)),
        ],
        notes: offer.notes.to(v.lang).to_owned(),
        told: told_line(v, names, told.as_ref()),
        tried: tried(v, &version)?,
        version,
    }))
}

/// The last attempt at this version, if nothing came of it.
fn tried(v: &Visit<'_>, version: &str) -> Result<Option<(String, String)>> {
    let last = v.house.past_updates()?.into_iter().find(|u| u.to == version);
    let last = last.filter(|u| u.result != Outcome::Updated);
    Ok(last.map(|u| (u.id, v.w.updates_tried(&long(u.at, v.lang)))))
}

fn facts(v: &Visit<'_>) -> Vec<(&'static str, String)> {
    let (w, door) = (v.w, v.house.door());
    let since = |ms: i64| long(Time(ms), v.lang);
    let mut facts = vec![(w.updates_version(), v.house.version().to_owned())];
    if door.pid > 0 {
        let slot = if door.slot.is_empty() { w.updates_installed().to_owned() } else { door.slot.clone() };
        facts.push((w.updates_slot(), slot));
        facts.push((w.updates_previous(), door.previous.clone().unwrap_or_else(|| w.none().to_owned())));
        facts.push((w.updates_door(), w.updates_process(&door.version, door.pid, &since(door.since))));
    } else {
        facts.push((w.updates_door(), w.updates_no_door().to_owned()));
    }
    let worker = w.updates_process(v.house.version(), std::process::id(), &since(v.site.since.ms()));
    facts.push((w.updates_worker(), worker));
    if let Some(ms) = door.last_held_ms {
        facts.push((w.updates_last_held(), took(w, ms)));
    }
    let urls = [(w.updates_admin(), door.admin), (w.updates_public(), door.public)];
    facts.extend(urls.into_iter().filter(|(_, url)| !url.is_empty()));
    facts
}

fn past(v: &Visit<'_>, names: &Names, r: &Update) -> Result<Past> {
    let told = notice::told(&v.house.store, Which::After, &r.id)?;
    let (word, badge) = result(v.w, r.result);
    Ok(Past {
        id: r.id.clone(),
        at: r.at,
        from: r.from.clone(),
        to: r.to.clone(),
        word,
        badge,
        held: r.held_requests,
        longest: took(v.w, r.longest_held_ms),
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

fn result(w: Words, result: Outcome) -> (&'static str, &'static str) {
    match result {
        Outcome::Updated => (w.updates_updated(), "badge-good"),
        Outcome::RolledBack => (w.updates_rolled_back(), "badge-warn"),
        Outcome::Refused => (w.updates_refused(), "badge-calm"),
        Outcome::Trying => (w.updates_trying(), "badge-busy"),
    }
}

/// Milliseconds, or seconds once it is more than one.
fn took(w: Words, ms: u64) -> String {
    if ms < 1_000 { w.updates_ms(&grouped(ms)) } else { seconds(ms, w.0) }
}

/// A step that failed keeps its cause in English; where that is the whole update's, it is known in both languages.
fn lines(w: Words, steps: &[Step], cause: Option<&Say>) -> Vec<Line> {
    let detail = |d: &str| cause.filter(|c| c.en == d).map_or_else(|| w.step_detail(d), |c| c.to(w.0).to_owned());
    let line = |s: &Step| Line {
        name: w.step_name(&s.step),
        ok: s.ok,
        ms: took(w, s.ms),
        detail: s.detail.as_deref().map(detail).unwrap_or_default(),
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
    if let Some(trying) = house.trying()? {
        return Ok((drawn(w, &trying)?, true));
    }
    let (going, is_going) = match house.updates.work() {
        Work::Idle => return Ok((String::new(), false)),
        Work::Preparing { to } => {
            let says = w.updates_going_text(house.version(), &to.to_string());
            (Going { w, says, steps: Vec::new(), now: w.updates_preparing().to_owned(), cause: String::new() }, true)
        }
        // Its file is there in a moment, or its record is.
        Work::Handed(at) if at.elapsed() < limits::HANDED_WAIT => (handed(w), true),
        Work::Handed(_) => return Ok((String::new(), false)),
        Work::Failed(why) => (failed(w, &why), false),
    };
    Ok((going.render().map_err(Error::bug)?, is_going))
}

fn handed(w: Words) -> Going {
    let (says, now) = (w.updates_handed().to_owned(), w.step_warm().to_owned());
    Going { w, says, steps: Vec::new(), now, cause: String::new() }
}

fn failed(w: Words, why: &Say) -> Going {
    let (says, cause) = (w.updates_not_begun().to_owned(), why.to(w.0).to_owned());
    Going { w, says, steps: Vec::new(), now: String::new(), cause }
}

/// The step that runs; the last of them says how long it will.
fn step_now(w: Words, step: &str, probation_ms: u64) -> String {
    match (step, probation_ms / 60_000) {
        ("probation", 0) => w.step_probation_of(&took(w, probation_ms)),
        ("probation", n) => w.step_probation_of(&w.in_minutes(n)),
        (other, _) => w.step_name(other),
    }
}

fn drawn(w: Words, trying: &Trying) -> Result<String> {
    let (steps, now) = trying.steps();
    let going = Going {
        w,
        says: w.updates_going_text(&trying.order.from, &trying.order.to),
        steps: lines(w, &steps, trying.cause.as_ref()),
        now: now.map(|n| step_now(w, n, trying.order.probation_ms)).unwrap_or_default(),
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
    Answer::page(&One {
        p: v.page(w.updates_record()).under(w.menu_updates(), HERE).wide(),
        past: past(v, &names, &record)?,
        steps: lines(w, &record.steps, record.cause.as_ref()),
        cause: record.cause.as_ref().map(|c| c.to(v.lang).to_owned()).unwrap_or_default(),
        change: record.notes.as_ref().map(|n| n.to(v.lang).to_owned()).unwrap_or_default(),
    })
}

pub(super) fn found(v: &Visit<'_>, id: &str) -> Result<Update> {
    let missing = || Error::missing(say!("その更新の記録はありません。", "There is no record of that update."));
    history::find(&v.house.store, id)?.filter(|u| u.result != Outcome::Trying).ok_or_else(missing)
}

/// What whoever is signed in has read is not shown to them again.
pub(crate) fn read(v: &mut Visit<'_>) -> Result<Answer> {
    let (user, by) = (v.session()?.user.id, v.by());
    let read: Vec<i64> = v.form.all("n").filter_map(|n| n.parse().ok()).collect();
    for update in history::unread(&v.house.store, user)?.iter().filter(|u| read.contains(&u.n)) {
        history::mark_read(&v.house.store, &by, v.now, user, update.n)?;
    }
    Ok(Answer::see("/"))
}

pub(crate) fn look(v: &mut Visit<'_>) -> Result<Answer> {
    match v.house.look_for_update(&v.by(), v.now) {
        Ok(Some(version)) => {
            v.back_to(HERE, say!("新しい版 {version} があります。", "There is a newer version: {version}."))
        }
        Ok(None) => v.back_to(
            HERE,
            say!("取得元に、いまの版より新しい版はありません。", "The source has nothing newer than what runs."),
        ),
        Err(e) => v.back_with(HERE, &e),
    }
}

pub(crate) fn bring(v: &mut Visit<'_>) -> Result<Answer> {
    let Some(at) = v.files.iter().position(|f| f.field == "file") else {
        return v.back_with(HERE, &Error::refused(say!("ファイルを選んでください。", "Choose a file.")));
    };
    let file = v.files.swap_remove(at).file;
    match v.house.offer_bundle(&v.by(), v.now, Box::new(file)) {
        Ok(offer) => {
            let version = offer.version.to_string();
            v.back_to(
                HERE,
                say!("版 {version} の署名を確認しました。", "The signatures of version {version} are good."),
            )
        }
        Err(e) => v.back_with(HERE, &e),
    }
}

pub(crate) fn apply(v: &mut Visit<'_>) -> Result<Answer> {
    let probation = match probation(v.form.get("probation")) {
        Ok(length) => length,
        Err(e) => return Ok(draw(v, Faults::one(v.lang, "probation", &e))?.status(422)),
    };
    let started = Version::parse(v.form.get("version"))
        .and_then(|version| v.house.start_update(&v.by(), v.now, &version, probation));
    match started {
        Ok(()) => Ok(Answer::see(HERE)),
        Err(e) => v.back_with(HERE, &e),
    }
}

pub(crate) fn back(v: &mut Visit<'_>) -> Result<Answer> {
    match v.house.start_back(&v.by(), v.now) {
        Ok(()) => Ok(Answer::see(HERE)),
        Err(e) => v.back_with(HERE, &e),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probation_is_read_as_minutes_in_either_width_and_kept_in_its_bounds() {
        for (typed, seconds) in [
            ("10", Some(600)),
            (" １５ ", Some(900)),
            ("1,440", Some(86_400)),
            ("0", None),
            ("1441", None),
            ("1.5", None),
            ("", None),
            ("ten", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(probation(typed).ok().map(|l| l.as_secs()), seconds, "{typed}");
        }
    }
}
