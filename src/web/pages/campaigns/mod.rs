//! Campaigns: the list, the editor with its live preview, the pre-flight, progress and result.

pub(crate) mod check;
pub(crate) mod edit;
pub(crate) mod files;
pub(crate) mod sent;
pub(crate) mod whom;

use crate::access::Right;
use crate::base::{Result, ids::CampaignId};
use crate::campaigns::State;
use crate::campaigns::campaign::{self, Campaign};
use crate::delivery::Counts;
use crate::web::answer::Answer;
use crate::web::page::Page;
use crate::web::visit::Visit;
use crate::web::words::Words;
use askama::Template;

const PLACE: &str = "/campaigns";
const PAGE: usize = 50;

fn found(v: &Visit<'_>) -> Result<Campaign> {
    campaign::get(&v.house.store, CampaignId::parse(v.part("id"))?)
}

fn place(id: CampaignId) -> String {
    format!("{PLACE}/{id}")
}

/// Each state with its number, the word for it and the name that `?state=` takes.
fn states(w: Words, c: &Counts) -> Vec<(&'static str, &'static str, u64)> {
    vec![
        ("queued", w.row_queued(), c.queued),
        ("sending", w.row_sending(), c.sending),
        ("sent", w.row_sent(), c.sent),
        ("deferred", w.row_deferred(), c.deferred),
        ("bounced", w.row_bounced(), c.bounced),
        ("suppressed", w.row_suppressed(), c.suppressed),
        ("in_doubt", w.row_in_doubt(), c.in_doubt),
        ("cancelled", w.row_cancelled(), c.cancelled),
        ("expired", w.row_expired(), c.expired),
        ("failed", w.row_failed(), c.failed),
    ]
}

#[derive(Template)]
#[template(path = "campaigns.html")]
struct Campaigns {
    p: Page,
    all: Vec<Line>,
    tabs: Vec<(String, &'static str, bool)>,
    next: Option<String>,
    may_edit: bool,
    filtered: bool,
}

struct Line {
    campaign: Campaign,
    word: &'static str,
    badge: &'static str,
}

pub(crate) fn list(v: &mut Visit<'_>) -> Result<Answer> {
    let state = State::parse(v.query.get("state"));
    let before = CampaignId::parse(v.query.get("before")).ok();
    let page = campaign::list(&v.house.store, state, before, PAGE)?;
    let next = page.last().filter(|_| page.len() == PAGE).map(|c| v.query.with("before", &c.id.to_string()));
    let w = v.w;
    let mut tabs = vec![(PLACE.to_owned(), w.campaign_all(), state.is_none())];
    for s in [State::Draft, State::Scheduled, State::Sending, State::Paused, State::Done] {
        tabs.push((format!("{PLACE}?state={}", s.name()), w.campaign_state(s), state == Some(s)));
    }
    let line = |campaign: Campaign| Line {
        word: w.campaign_state(campaign.state),
        badge: w.campaign_badge(campaign.state),
        campaign,
    };
    Answer::page(&Campaigns {
        p: v.page(w.menu_campaigns()).lead(w.campaigns_lead()),
        all: page.into_iter().map(line).collect(),
        tabs,
        next,
        may_edit: v.may(Right::Edit),
        filtered: state.is_some(),
    })
}

/// Where a campaign is looked at depends on how far it is.
pub(crate) fn show(v: &mut Visit<'_>) -> Result<Answer> {
    let campaign = found(v)?;
    match campaign.run {
        Some(_) => sent::draw(v, &campaign),
        None if campaign.state.is_editable() && campaign.state != State::Draft => {
            Ok(Answer::see(&format!("{}/check", place(campaign.id))))
        }
        None if campaign.state == State::Draft && v.may(Right::Edit) => {
            Ok(Answer::see(&format!("{}/edit", place(campaign.id))))
        }
        None => Ok(Answer::see(&format!("{}/check", place(campaign.id)))),
    }
}

pub(crate) fn copy(v: &mut Visit<'_>) -> Result<Answer> {
    let id = campaign::copy(&v.house.store, &v.by(), v.now, found(v)?.id)?;
    v.back_to(&format!("{}/edit", place(id)), say!("コピーを作りました。", "This is the copy."))
}

pub(crate) fn delete(v: &mut Visit<'_>) -> Result<Answer> {
    let id = found(v)?.id;
    match campaign::delete(&v.house.store, &v.by(), v.now, id) {
        Ok(()) => v.back_to(PLACE, say!("下書きを削除しました。", "The draft is deleted.")),
        Err(e) => v.back_with(&place(id), &e),
    }
}
