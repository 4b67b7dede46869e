//! A campaign that is being sent or was: progress that survives a reload, the hand on it, the result per recipient.

use super::{found, place, states};
use crate::access::Right;
use crate::base::{By, Error, Result, Say, Time, ids::CampaignId, ids::ContactId};
use crate::campaigns::campaign::{self, Campaign};
use crate::campaigns::result::{self, Pages, Recipient, Sums};
use crate::campaigns::{State, run};
use crate::delivery::{Decision, State as RowState};
use crate::house::House;
use crate::web::answer::{Answer, Live};
use crate::web::dates::grouped;
use crate::web::page::Page;
use crate::web::visit::Visit;
use crate::web::words::Words;
use askama::Template;
use std::io::{Cursor, Read};
use std::sync::Arc;

#[derive(Template)]
#[template(path = "campaign.html")]
struct Sent {
    p: Page,
    campaign: Campaign,
    sums: Sums,
    doubt: String,
    live: String,
    may_send: bool,
    may_edit: bool,
    may_export: bool,
}

pub(super) fn draw(v: &Visit<'_>, campaign: &Campaign) -> Result<Answer> {
    let sums = result::glance(&v.house.store, campaign.id)?;
    let p = v.page(campaign.draft.name.clone()).under(v.w.menu_campaigns(), super::PLACE);
    Answer::page(&Sent {
        doubt: grouped(sums.counts.in_doubt),
        live: fragment(v.w, campaign, &sums)?,
        p,
        sums,
        may_send: v.may(Right::Send),
        may_edit: v.may(Right::Edit),
        may_export: v.may(Right::Export),
        campaign: campaign.clone(),
    })
}

#[derive(Template)]
#[template(path = "parts/campaign-live.html")]
struct Progress {
    w: Words,
    id: CampaignId,
    word: &'static str,
    badge: &'static str,
    why: Option<String>,
    done: u64,
    total: u64,
    sentence: String,
    /// Changes in steps of ten per cent, so that a screen reader is not told every tick.
    tell: String,
    states: Vec<(&'static str, &'static str, String)>,
}

fn fragment(w: Words, campaign: &Campaign, sums: &Sums) -> Result<String> {
    let (done, total) = (sums.counts.recipients - sums.counts.open(), sums.counts.recipients);
    let tenth = done.saturating_mul(10).checked_div(total).unwrap_or(0) * 10;
    let word = w.campaign_state(sums.state);
    let part = Progress {
        w,
        id: campaign.id,
        word,
        badge: w.campaign_badge(sums.state),
        why: campaign.why.as_ref().map(|s: &Say| s.to(w.0).to_owned()),
        done,
        total: total.max(1),
        sentence: w.progress_of(&grouped(done), &grouped(total)),
        tell: format!("{word} {tenth}%"),
        states: states(w, &sums.counts)
            .into_iter()
            .filter(|(_, _, n)| *n > 0)
            .map(|(name, word, n)| (name, word, grouped(n)))
            .collect(),
    };
    part.render().map_err(|e| crate::base::Error::bug(format!("drawing progress: {e}")))
}

pub(crate) fn live(v: &mut Visit<'_>) -> Result<Answer> {
    let (id, w, house) = (found(v)?.id, v.w, Arc::clone(v.house));
    v.live(move |_now: Time| {
        let campaign = campaign::get(&house.store, id)?;
        let sums = result::glance(&house.store, id)?;
        let html = fragment(w, &campaign, &sums)?;
        Ok(match sums.state {
            State::Sending => Live::Now(html),
            State::Draft
            | State::Scheduled
            | State::Held
            | State::Paused
            | State::Done
            | State::Cancelled
            | State::Damaged => Live::Last(html),
        })
    })
}

#[derive(Template)]
#[template(path = "campaign-recipients.html")]
struct Recipients {
    p: Page,
    id: CampaignId,
    tabs: Vec<(String, String, bool)>,
    all: Vec<(Recipient, &'static str, Say)>,
    next: Option<String>,
}

const PAGE: usize = 100;

pub(crate) fn recipients(v: &mut Visit<'_>) -> Result<Answer> {
    let (w, campaign) = (v.w, found(v)?);
    let wanted = RowState::parse(v.query.get("state"));
    let after = ContactId::parse(v.query.get("after")).ok();
    let page = result::recipients(&v.house.store, campaign.id, wanted, after, PAGE)?;
    let next = page.last().filter(|_| page.len() == PAGE).map(|r| v.query.with("after", &r.row.contact.to_string()));
    let sums = result::glance(&v.house.store, campaign.id)?;
    let words = states(w, &sums.counts);
    let here = format!("{}/recipients", place(campaign.id));
    let mut tabs =
        vec![(here.clone(), format!("{} {}", w.campaign_all(), grouped(sums.counts.recipients)), wanted.is_none())];
    for (name, word, n) in words.iter().filter(|(_, _, n)| *n > 0) {
        let is_here = wanted.is_some_and(|s| s.name() == *name);
        tabs.push((format!("{here}?state={name}"), format!("{word} {}", grouped(*n)), is_here));
    }
    let word = |r: &Recipient| words.iter().find(|(n, _, _)| *n == r.row.state.name()).map_or("", |(_, word, _)| *word);
    let all = page.into_iter().map(|r| (word(&r), reason(&r), r)).map(|(word, says, r)| (r, word, says)).collect();
    let p = v.page(w.result_recipients()).under(w.menu_campaigns(), super::PLACE);
    let p = p.under(campaign.draft.name.clone(), place(campaign.id));
    Answer::page(&Recipients { p, id: campaign.id, tabs, all, next })
}

/// The ledger's word as a sentence; a relay's reply stands as it came.
fn reason(r: &Recipient) -> Say {
    match r.row.said.as_str() {
        "gone" => say!("連絡先が削除されました", "The contact was deleted"),
        "suppressed" => say!("停止リストに載っています", "On the do-not-send list"),
        "refused" => say!("この配信種別を拒否しています", "Refuses this topic"),
        "unconsented" => say!("同意の記録がありません", "No consent is on record"),
        "template" => say!("この人の本文を作れませんでした", "The mail could not be made for this person"),
        said if r.row.code > 0 => {
            let code = r.row.code;
            say!("{code} {said}", "{code} {said}")
        }
        said => say!("{said}", "{said}"),
    }
}

pub(crate) fn csv(v: &mut Visit<'_>) -> Result<Answer> {
    let campaign = found(v)?;
    let state = RowState::parse(v.query.get("state"));
    let mut download =
        Download { house: Arc::clone(v.house), pages: Pages::new(campaign.id, state), now: Cursor::default() };
    // The first page now: what is wrong can still be said.
    download.turn()?;
    let name = format!("{}-{}.csv", campaign.id, v.lang.pick("結果", "result"));
    Ok(Answer::file(&name, "text/csv; charset=utf-8", Box::new(download)))
}

/// A result on its way to a browser: one page of it in memory.
struct Download {
    house: Arc<House>,
    pages: Pages,
    now: Cursor<Vec<u8>>,
}

impl Download {
    /// False after the last page.
    fn turn(&mut self) -> Result<bool> {
        let next = self.pages.next(&self.house.store)?;
        let is_more = next.is_some();
        self.now = Cursor::new(next.map(|(bytes, _)| bytes).unwrap_or_default());
        Ok(is_more)
    }
}

impl Read for Download {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        loop {
            let n = self.now.read(into)?;
            if n > 0 || into.is_empty() || !self.turn().map_err(std::io::Error::other)? {
                return Ok(n);
            }
        }
    }
}

type Verb = fn(&crate::house::House, &By, Time, CampaignId) -> Result<()>;

fn act(v: &Visit<'_>, verb: Verb, says: Say) -> Result<Answer> {
    let id = found(v)?.id;
    match verb(v.house, &v.by(), v.now, id) {
        Ok(()) => {
            v.house.ring();
            v.back_to(&place(id), says)
        }
        Err(e) => v.back_with(&place(id), &e),
    }
}

pub(crate) fn pause(v: &mut Visit<'_>) -> Result<Answer> {
    act(v, |h, by, now, id| run::pause(&h.store, by, now, id), say!("一時停止しました。", "Paused."))
}

pub(crate) fn resume(v: &mut Visit<'_>) -> Result<Answer> {
    act(v, |h, by, now, id| run::resume(&h.store, by, now, id), say!("再開しました。", "It goes on."))
}

pub(crate) fn cancel(v: &mut Visit<'_>) -> Result<Answer> {
    act(v, |h, by, now, id| run::cancel(&h.store, by, now, id), say!("送信を中止しました。", "Sending is cancelled."))
}

pub(crate) fn decide(v: &mut Visit<'_>) -> Result<Answer> {
    match v.form.get("decision") {
        "resend" => act(
            v,
            |h, by, now, id| run::decide(&h.store, by, now, id, Decision::Resend).map(|_| ()),
            say!("もう一度送ります。", "They are sent again."),
        ),
        "accept" => act(
            v,
            |h, by, now, id| run::decide(&h.store, by, now, id, Decision::Accept).map(|_| ()),
            say!("届いたものとして記録しました。", "They are taken as sent."),
        ),
        _ => Err(Error::refused(say!("どちらにするか選んでください。", "Choose one of the two."))),
    }
}
