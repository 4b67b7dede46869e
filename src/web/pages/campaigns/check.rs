//! The pre-flight page: what was found, whom it reaches, a test mail, and the way out: now or at a moment.

use super::{found, place};
use crate::access::Right;
use crate::base::{Email, Error, Kind, Result, Time, clock, ids::ContactId, limits};
use crate::campaigns::campaign::{self, Campaign};
use crate::campaigns::preflight::{self, Around, Finding, Level, Report};
use crate::campaigns::proof::{self, TestTo};
use crate::campaigns::run;
use crate::contacts::people::Seen;
use crate::contacts::segment;
use crate::web::answer::Answer;
use crate::web::dates::grouped;
use crate::web::field::{Faults, Field, Kind as Input};
use crate::web::page::Page;
use crate::web::visit::Visit;
use crate::web::words::Words;
use askama::Template;

#[derive(Template)]
#[template(path = "campaign-check.html")]
struct Check {
    p: Page,
    faults: Faults,
    campaign: Campaign,
    word: &'static str,
    badge: &'static str,
    report: Report,
    reached: String,
    recipients: String,
    skipped: String,
    size: String,
    test: Vec<Field>,
    at: Field,
    who: Field,
    /// Whose mail the preview shows.
    chosen: Option<ContactId>,
    others: Vec<Seen>,
    nobody: bool,
    may_send: bool,
    may_edit: bool,
}

impl Check {
    fn level(&self, finding: &Finding) -> (&'static str, &'static str) {
        level(self.p.w, finding.level)
    }
}

fn level(w: Words, level: Level) -> (&'static str, &'static str) {
    match level {
        Level::Stop => (w.level_stop(), "badge-bad"),
        Level::Warn => (w.level_warn(), "badge-warn"),
        Level::Note => (w.level_note(), "badge-calm"),
    }
}

pub(crate) fn show(v: &mut Visit<'_>) -> Result<Answer> {
    draw(v, Faults::new(v.lang))
}

fn draw(v: &Visit<'_>, faults: Faults) -> Result<Answer> {
    let (w, campaign) = (v.w, found(v)?);
    if !campaign.state.is_editable() {
        return match campaign.run {
            Some(_) => Ok(Answer::see(&place(campaign.id))),
            None => super::sent::draw(v, &campaign),
        };
    }
    let report = checked(v, &campaign)?;
    let totals = report.totals;
    let at = Field::new(w, Input::Text, "at", w.schedule_at())
        .required()
        .support(w.schedule_at_support())
        .value(v.form.get("at"))
        .fault(&faults);
    let typed = v.query.get("as");
    let mut fitting = super::whom::named(v, typed)?.into_iter();
    let chosen = fitting.next();
    let who = super::edit::shown_as(w, typed);
    let name = campaign.draft.name.clone();
    let test = test_fields(v, &faults)?;
    Answer::page(&Check {
        p: v.page(w.campaign_check())
            .under(w.menu_campaigns(), super::PLACE)
            .under(name, place(campaign.id))
            .wide()
            .faulty(!faults.is_empty()),
        faults,
        word: w.campaign_state(campaign.state),
        badge: w.campaign_badge(campaign.state),
        reached: grouped(totals.recipients - totals.suppressed - totals.unconsented),
        recipients: grouped(totals.recipients),
        skipped: grouped(totals.suppressed + totals.unconsented),
        size: format!("{:.1} kB", report.size as f64 / 1024.0),
        report,
        test,
        at,
        who,
        nobody: chosen.is_none() && !typed.trim().is_empty(),
        chosen: chosen.map(|seen| seen.id),
        others: fitting.collect(),
        may_send: v.may(Right::Send),
        may_edit: v.may(Right::Edit),
        campaign,
    })
}

fn test_fields(v: &Visit<'_>, faults: &Faults) -> Result<Vec<Field>> {
    let (w, store) = (v.w, &v.house.store);
    let to = Field::new(w, Input::Area, "to", w.test_to()).unmarked().support(w.test_to_support()).rows(2);
    let mut group = Field::new(w, Input::Select, "group", w.test_group()).unmarked().support(w.test_group_support());
    group = group.choice("", w.test_group_none(), "");
    for saved in segment::list(store)? {
        group = group.choice(&saved.id.to_string(), w.test_group_segment(&saved.name), "");
    }
    for tag in segment::Words::read(store)?.tags() {
        group = group.choice(tag, w.test_group_tag(tag), "");
    }
    Ok(vec![to.value(v.form.get("to")).fault(faults), group.value(v.form.get("group")).fault(faults)])
}

fn test_to(v: &Visit<'_>) -> Result<TestTo> {
    let group = v.form.get("group");
    if !group.is_empty() {
        return Ok(TestTo::Group(group.to_owned()));
    }
    let typed = v.form.get("to").split(['\n', ',', '、', '，', ';']).map(str::trim).filter(|t| !t.is_empty());
    let emails = typed.map(Email::parse).collect::<Result<Vec<_>>>()?;
    match emails.len() {
        0 => Err(Error::refused(say!("送り先を入れてください。", "Say where to send it."))),
        n if n > limits::TEST_MAILS_MAX => {
            let most = limits::TEST_MAILS_MAX;
            Err(Error::refused(say!("テストは {most} 件までです。", "A test goes to {most} addresses at most.")))
        }
        _ => Ok(TestTo::These(emails)),
    }
}

fn checked(v: &Visit<'_>, campaign: &Campaign) -> Result<Report> {
    let store = &v.house.store;
    let has_relay = v.house.has_route()?;
    let around = Around { public_url: &v.house.boot.public_url, answers: v.house.public_url_answers(), has_relay };
    preflight::check(store, v.now, campaign, &around)
}

pub(crate) fn test(v: &mut Visit<'_>) -> Result<Answer> {
    let campaign = found(v)?;
    let to = match test_to(v) {
        Ok(to) => to,
        Err(e) => return Ok(draw(v, Faults::one(v.lang, "to", &e))?.status(422)),
    };
    let back = format!("{}/check", place(campaign.id));
    let store = &v.house.store;
    let route = match v.house.route() {
        Ok(route) => route,
        Err(_) => return Ok(draw(v, Faults::new(v.lang))?.status(422)),
    };
    let who = ContactId::parse(v.form.get("as")).ok();
    let around = (&campaign, v.house.boot.public_url.as_str());
    match proof::test(store, &route, v.now, around, (&to, who)) {
        Ok(tested) if tested.refused == 0 => {
            let n = tested.sent;
            v.back_to(&back, say!("テストメールを {n} 通送りました。", "Sent {n} test mails."))
        }
        Ok(_) => {
            let says = say!(
                "相手のサーバーがテストメールを受け付けませんでした。",
                "The mail server did not take the test mail."
            );
            v.back_with(&back, &Error::refused(says))
        }
        Err(e) => v.back_with(&back, &e),
    }
}

pub(crate) fn send(v: &mut Visit<'_>) -> Result<Answer> {
    let campaign = found(v)?;
    // Pressed twice: the first press has started it already.
    if campaign.state.is_editable() && checked(v, &campaign)?.stops() {
        return Ok(draw(v, Faults::new(v.lang))?.status(422));
    }
    match run::start(&v.house.store, &v.by(), v.now, campaign.id, &v.house.boot.public_url) {
        Ok(_) => {
            v.house.ring();
            v.back_to(&place(campaign.id), say!("送信を始めました。", "Sending has started."))
        }
        Err(e) if matches!(e.kind(), Kind::Refused | Kind::Conflict) => v.back_with(&place(campaign.id), &e),
        Err(e) => Err(e),
    }
}

pub(crate) fn schedule(v: &mut Visit<'_>) -> Result<Answer> {
    let campaign = found(v)?;
    if checked(v, &campaign)?.stops() {
        return Ok(draw(v, Faults::new(v.lang))?.status(422));
    }
    let done = Time::parse(v.form.get("at"), &clock::japan())
        .and_then(|at| campaign::schedule(&v.house.store, &v.by(), v.now, campaign.id, at));
    match done {
        Ok(()) => v.back_to(&format!("{}/check", place(campaign.id)), say!("送信を予約しました。", "It is scheduled.")),
        Err(e) if e.kind() == Kind::Refused => Ok(draw(v, Faults::one(v.lang, "at", &e))?.status(422)),
        Err(e) => v.back_with(&place(campaign.id), &e),
    }
}

pub(crate) fn unschedule(v: &mut Visit<'_>) -> Result<Answer> {
    let id = found(v)?.id;
    match campaign::unschedule(&v.house.store, &v.by(), v.now, id) {
        Ok(()) => {
            let says =
                say!("予約を取り消しました。下書きに戻っています。", "Not scheduled any more: it is a draft again.");
            v.back_to(&format!("{}/check", place(id)), says)
        }
        Err(e) => v.back_with(&place(id), &e),
    }
}
