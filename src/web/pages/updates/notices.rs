//! The prepared notices: before an update (about a version) and after it (about a record), each with one button to send.

use super::{HERE, found, told_line};
use crate::base::{Error, Lang, Result, Time, clock, limits};
use crate::house::notices::{Notice, Sending, State};
use crate::update::notice::plan::{self, Lead, Text};
use crate::update::notice::{self, Which};
use crate::web::answer::{Answer, Live};
use crate::web::dates::grouped;
use crate::web::field::{Faults, Field, Kind as Input};
use crate::web::form::encode;
use crate::web::page::Page;
use crate::web::pages::audit::Names;
use crate::web::visit::Visit;
use crate::web::words::Words;
use askama::Template;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "update-notice.html")]
struct Shown {
    p: Page,
    faults: Faults,
    /// When the update will be; only before it.
    at: Option<Field>,
    place: String,
    typed: String,
    ja: Text,
    en: Text,
    warning: String,
    told: String,
    left: u64,
    /// How far the sending is, or what came of it.
    telling: String,
    is_going: bool,
    is_broken: bool,
    /// This page, with the date that was chosen.
    then: String,
    may_draft: bool,
}

/// What changes while it is sent.
#[derive(Template)]
#[template(path = "parts/telling.html")]
struct Telling {
    w: Words,
    says: String,
    is_going: bool,
    done: u64,
    total: u64,
    percent: u64,
}

/// The notice that the path names, with the figures of today, and when it says that the update will be.
fn prepared(v: &Visit<'_>) -> Result<(Notice, Option<Time>)> {
    let missing = || Error::missing(say!("そのお知らせはありません。", "There is no such notice."));
    let which = Which::parse(v.part("which")).ok_or_else(missing)?;
    let about = v.part("about").to_owned();
    match which {
        Which::Before => before(v, about).map(|(n, at)| (n, Some(at))),
        Which::After => after(v, about).map(|n| (n, None)),
    }
}

fn before(v: &Visit<'_>, version: String) -> Result<(Notice, Time)> {
    let offer = v.house.offered(v.now)?.filter(|o| o.version.to_string() == version).ok_or_else(|| {
        Error::missing(say!("その版は、いまここにありません。", "That version is not here now."))
            .hint(say!("もう一度、確認するか、更新ファイルを選んでください。", "Look again, or bring its bundle."))
    })?;
    let typed = typed(v);
    let at = if typed.is_empty() { promised(v.now) } else { Time::parse(typed, &clock::japan())? };
    let wait = plan::expected(&v.house.past_updates()?);
    let text = |lang: Lang| -> Result<Text> {
        let house = v.house.name(lang)?;
        let about = plan::About { house: &house, version: &version, change: Some(&offer.notes) };
        Ok(plan::before(&about, at, wait, lang))
    };
    let (ja, en) = (text(Lang::Ja)?, text(Lang::En)?);
    Ok((Notice { which: Which::Before, about: version, ja, en }, at))
}

fn after(v: &Visit<'_>, id: String) -> Result<Notice> {
    let update = found(v, &id)?;
    let text = |lang: Lang| -> Result<Text> {
        let house = v.house.name(lang)?;
        let about = plan::About { house: &house, version: &update.to, change: update.notes.as_ref() };
        Ok(plan::after(&about, &update, lang))
    };
    Ok(Notice { which: Which::After, ja: text(Lang::Ja)?, en: text(Lang::En)?, about: id })
}

/// The form's own field, or the address's.
fn typed<'a>(v: &'a Visit<'_>) -> &'a str {
    if v.form.has("at") { v.form.get("at") } else { v.query.get("at") }
}

/// The promised days from now, at ten in the morning.
fn promised(now: Time) -> Time {
    let zone = clock::japan();
    let day = now.plus(limits::NOTICE_LEAD + limits::DAY).date(&zone);
    Time::parse(&format!("{day} 10:00"), &zone).unwrap_or(now)
}

pub(crate) fn show(v: &mut Visit<'_>) -> Result<Answer> {
    draw(v, Faults::new(v.lang))
}

fn draw(v: &Visit<'_>, faults: Faults) -> Result<Answer> {
    let w = v.w;
    let (notice, at) = match prepared(v) {
        Err(e) if !typed(v).is_empty() && e.kind() == crate::base::Kind::Refused => return wrong_date(v, &e),
        prepared => prepared?,
    };
    let (title, lead) = match notice.which {
        Which::Before => (w.notice_before(), w.notice_before_lead()),
        Which::After => (w.notice_after(), w.notice_after_lead()),
    };
    let told = notice::told(&v.house.store, notice.which, &notice.about)?;
    let told = told_line(v, &Names::read(v)?, told.as_ref());
    let typed = at.map(local).unwrap_or_default();
    let sending = v.house.notices.of(notice.which, &notice.about);
    Answer::page(&Shown {
        p: v.page(title).lead(lead).under(w.menu_updates(), HERE).wide().faulty(!faults.is_empty()),
        at: at.map(|_| date_field(v, &typed, &faults)),
        faults,
        then: with_date(&place(&notice), at),
        place: place(&notice),
        warning: at.map(|at| warning(v, at)).unwrap_or_default(),
        typed,
        left: v.house.untold(notice.which, &notice.about)?.len() as u64,
        told,
        telling: sending.as_ref().map(|s| telling(w, s)).transpose()?.unwrap_or_default(),
        is_going: sending.as_ref().is_some_and(|s| s.state == State::Going),
        is_broken: sending.as_ref().is_some_and(|s| matches!(s.state, State::Broken(_))),
        ja: notice.ja,
        en: notice.en,
        may_draft: v.leads("/campaigns/new"),
    })
}

fn date_field(v: &Visit<'_>, typed: &str, faults: &Faults) -> Field {
    let field = Field::new(v.w, Input::Text, "at", v.w.notice_at()).required().support(v.w.notice_at_support());
    field.value(typed).fault(faults)
}

/// The page with what was typed, the figures of the promised date, and what is wrong.
fn wrong_date(v: &Visit<'_>, e: &Error) -> Result<Answer> {
    v.back_with(&format!("{HERE}/notice/{}/{}", v.part("which"), v.part("about")), e)
}

fn local(at: Time) -> String {
    at.zoned(&clock::japan()).strftime("%Y-%m-%d %H:%M").to_string()
}

fn with_date(place: &str, at: Option<Time>) -> String {
    at.map_or_else(|| place.to_owned(), |at| format!("{place}?at={}", encode(&local(at))))
}

fn warning(v: &Visit<'_>, at: Time) -> String {
    match plan::lead(v.now, at) {
        Lead::Enough => String::new(),
        Lead::Short(days) => v.w.notice_late(days),
        Lead::Past => v.w.notice_past().to_owned(),
    }
}

fn place(notice: &Notice) -> String {
    format!("{HERE}/notice/{}/{}", notice.which.name(), notice.about)
}

fn telling(w: Words, sending: &Sending) -> Result<String> {
    let (accepted, refused, total) = (sending.sent.accepted, sending.sent.refused, sending.total);
    let done = accepted + refused;
    let refused = if refused > 0 { format!(" {}", w.notice_refused_line(refused)) } else { String::new() };
    let says = match &sending.state {
        State::Going => w.notice_going(&grouped(done), &grouped(total)),
        State::Done => w.notice_done(&grouped(accepted)) + &refused,
        State::Broken(why) if done == 0 => why.to(w.0).to_owned(),
        State::Broken(why) => format!("{} {}{refused}", why.to(w.0), w.notice_broken(&grouped(accepted))),
    };
    let (is_going, percent) = (sending.state == State::Going, done * 100 / total.max(1));
    Telling { w, says, is_going, done, total, percent }.render().map_err(Error::bug)
}

pub(crate) fn live(v: &mut Visit<'_>) -> Result<Answer> {
    let missing = || Error::missing(say!("そのお知らせはありません。", "There is no such notice."));
    let which = Which::parse(v.part("which")).ok_or_else(missing)?;
    let (house, w, about) = (Arc::clone(v.house), v.w, v.part("about").to_owned());
    v.live(move |_| {
        let Some(sending) = house.notices.of(which, &about) else { return Ok(Live::Last(String::new())) };
        let html = telling(w, &sending)?;
        Ok(if sending.state == State::Going { Live::Now(html) } else { Live::Last(html) })
    })
}

pub(crate) fn send(v: &mut Visit<'_>) -> Result<Answer> {
    let (notice, at) = prepared(v)?;
    let place = with_date(&place(&notice), at);
    if at.is_some_and(|at| plan::lead(v.now, at) == Lead::Past) {
        return v.back_with(&place, &Error::refused(say!("その日時は過ぎています。", "That date lies in the past.")));
    }
    match v.house.start_notice(&v.by(), v.now, notice) {
        Ok(()) => Ok(Answer::see(&place)),
        Err(e) => v.back_with(&place, &e),
    }
}

pub(crate) fn draft(v: &mut Visit<'_>) -> Result<Answer> {
    let (notice, _) = prepared(v)?;
    let id = v.house.draft_notice(&v.by(), v.now, &notice, v.house.boot.lang)?;
    v.back_to(
        &format!("/campaigns/{id}/edit"),
        say!("下書きを作りました。宛先を選んでください。", "The draft is made. Choose its recipients."),
    )
}
