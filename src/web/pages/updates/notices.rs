//! The prepared notices: before an update (about a version) and after it (about a record), each with one button to send.

use super::{HERE, found, told_line};
use crate::access::user;
use crate::base::{Error, Lang, Result, Time, clock, limits};
use crate::house::notices::Notice;
use crate::update::notice::plan::{self, Lead, Text};
use crate::update::notice::{self, Which};
use crate::web::answer::Answer;
use crate::web::field::{Faults, Field, Kind as Input};
use crate::web::page::Page;
use crate::web::pages::audit::Names;
use crate::web::visit::Visit;
use askama::Template;

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
    may_draft: bool,
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
    let offer = v.house.updates.offer().filter(|o| o.version.to_string() == version).ok_or_else(|| {
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
    Answer::page(&Shown {
        p: v.page(title).lead(lead).under(w.menu_updates(), HERE).wide().faulty(!faults.is_empty()),
        at: at.map(|_| date_field(v, &typed, &faults)),
        faults,
        place: place(&notice),
        warning: at.map(|at| warning(v, at)).unwrap_or_default(),
        typed,
        left: left(v, &notice)?,
        told,
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

/// Active users who have not got it.
fn left(v: &Visit<'_>, notice: &Notice) -> Result<u64> {
    let reached = notice::reached(&v.house.store, notice.which, &notice.about)?;
    let all = user::list(&v.house.store)?;
    Ok(all.iter().filter(|u| u.suspended.is_none() && !reached.contains(&u.id)).count() as u64)
}

pub(crate) fn send(v: &mut Visit<'_>) -> Result<Answer> {
    let (notice, at) = prepared(v)?;
    let place = place(&notice);
    if at.is_some_and(|at| plan::lead(v.now, at) == Lead::Past) {
        return v.back_with(&place, &Error::refused(say!("その日時は過ぎています。", "That date lies in the past.")));
    }
    match v.house.send_notice(&v.by(), v.now, &notice) {
        Ok(sent) => {
            let (n, refused) = (sent.accepted, sent.refused);
            v.back_to(
                &place,
                say!("{n} 人に送りました（断られた宛先 {refused} 件）。", "Sent to {n} users (refused: {refused})."),
            )
        }
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
