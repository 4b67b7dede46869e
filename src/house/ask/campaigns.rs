//! `hakobu campaign` and `hakobu sender`: from a draft to a result.

use super::drafts::{self, Change, Given};
use super::{Answer, Hidden, Streams};
use crate::base::{By, Email, Error, Kind, Result, Time, clock, ids::CampaignId, ids::ContactId, limits};
use crate::campaigns::campaign::{self, Campaign};
use crate::campaigns::file;
use crate::campaigns::preflight::{self, Around, Level, Report};
use crate::campaigns::proof::{self, TestTo, Tested};
use crate::campaigns::sender::{self, Sender};
use crate::campaigns::{State, result, run};
use crate::delivery::{self, Decision};
use crate::house::House;
use crate::house::send::{self, Send};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Debug, Serialize, Deserialize)]
pub enum CampaignAsk {
    List {
        state: Option<String>,
        before: Option<CampaignId>,
        most: usize,
    },
    Show(CampaignId),
    Create(Box<Given>),
    Edit(Box<Change>),
    Copy(CampaignId),
    Delete(CampaignId),
    Check(CampaignId),
    Preview {
        campaign: CampaignId,
        contact: Option<ContactId>,
    },
    Test {
        campaign: CampaignId,
        to: Vec<Hidden>,
        group: Option<String>,
        contact: Option<ContactId>,
    },
    Schedule {
        campaign: CampaignId,
        at: String,
    },
    Unschedule(CampaignId),
    Send(Send),
    Pause(CampaignId),
    Resume(CampaignId),
    Cancel(CampaignId),
    Result(CampaignId),
    /// Every recipient as CSV into the output `file`.
    Recipients {
        campaign: CampaignId,
        state: Option<String>,
    },
    /// What becomes of rows in doubt.
    Decide {
        campaign: CampaignId,
        resend: bool,
    },
}

#[derive(Debug, Serialize, Deserialize)]
pub enum SenderAsk {
    List,
    Save(Box<Unseen<Sender>>),
    Delete(crate::base::ids::SenderId),
}

/// A value that must not be printed by accident.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub struct Unseen<T>(pub T);

impl<T> std::fmt::Debug for Unseen<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hidden(…)")
    }
}

pub(super) fn answer(house: &House, by: &By, now: Time, ask: CampaignAsk, io: &dyn Streams) -> Result<Answer> {
    let store = &house.store;
    match ask {
        CampaignAsk::List { state, before, most } => list(house, state.as_deref(), before, most),
        CampaignAsk::Show(id) => whole(house, id),
        CampaignAsk::Create(given) => drafts::create(house, by, now, &given, io),
        CampaignAsk::Edit(change) => drafts::edit(house, by, now, &change, io),
        CampaignAsk::Copy(id) => Answer::of(json!({"campaign": campaign::copy(store, by, now, id)?, "copy_of": id})),
        CampaignAsk::Delete(id) => {
            campaign::delete(store, by, now, id)?;
            Answer::of(json!({"campaign": id, "deleted": true}))
        }
        CampaignAsk::Check(id) => {
            let report = check(house, now, &campaign::get(store, id)?)?;
            let answer = Answer::of(findings(id, &report))?;
            Ok(if report.stops() { answer.but(Kind::Refused) } else { answer })
        }
        CampaignAsk::Preview { campaign, contact } => preview(house, campaign, contact),
        CampaignAsk::Test { campaign, to, group, contact } => {
            test(house, now, campaign, (test_to(&to, group)?, contact))
        }
        CampaignAsk::Schedule { campaign: id, at } => {
            campaign::schedule(store, by, now, id, Time::parse(&at, &clock::japan())?)?;
            whole(house, id)
        }
        CampaignAsk::Unschedule(id) => campaign::unschedule(store, by, now, id).and_then(|()| whole(house, id)),
        CampaignAsk::Send(order) => send::send(house, by, now, &order, io.progress()),
        CampaignAsk::Pause(id) => run::pause(store, by, now, id).and_then(|()| sums(house, id)),
        CampaignAsk::Resume(id) => {
            run::resume(store, by, now, id)?;
            house.ring();
            sums(house, id)
        }
        CampaignAsk::Cancel(id) => {
            run::cancel(store, by, now, id)?;
            send::settle(house, id, io.progress())?;
            sums(house, id)
        }
        CampaignAsk::Result(id) => sums(house, id),
        CampaignAsk::Recipients { campaign: id, state } => {
            let state = state.as_deref().map(row_state).transpose()?;
            let rows = result::csv(store, id, state, io.output("file")?.as_mut())?;
            Answer::of(json!({"campaign": id, "rows": rows}))
        }
        CampaignAsk::Decide { campaign: id, resend } => {
            let decision = if resend { Decision::Resend } else { Decision::Accept };
            let settled = run::decide(store, by, now, id, decision)?;
            house.ring();
            Answer::of(json!({"campaign": id, "settled": settled}))
        }
    }
}

fn list(house: &House, state: Option<&str>, before: Option<CampaignId>, most: usize) -> Result<Answer> {
    let state = state.map(state_of).transpose()?;
    let page = campaign::list(&house.store, state, before, most.min(limits::PAGE_MAX))?;
    Answer::of(json!({"campaigns": page.iter().map(line).collect::<Vec<_>>()}))
}

fn whole(house: &House, id: CampaignId) -> Result<Answer> {
    Answer::of(shown(house, &campaign::get(&house.store, id)?)?)
}

fn preview(house: &House, id: CampaignId, contact: Option<ContactId>) -> Result<Answer> {
    let campaign = campaign::get(&house.store, id)?;
    let preview = proof::preview(&house.store, &campaign.draft, Some(id), contact)?;
    Answer::of(json!({"campaign": id, "subject": preview.subject, "text": preview.text, "html": preview.html}))
}

fn test_to(to: &[Hidden], group: Option<String>) -> Result<TestTo> {
    match group {
        Some(group) => Ok(TestTo::Group(group)),
        None => Ok(TestTo::These(to.iter().map(|to| Email::parse(&to.0)).collect::<Result<_>>()?)),
    }
}

fn test(house: &House, now: Time, id: CampaignId, (to, contact): (TestTo, Option<ContactId>)) -> Result<Answer> {
    let (store, url) = (&house.store, house.boot.public_url.as_str());
    let route = house.route()?;
    let campaign = campaign::get(store, id)?;
    let tested = proof::test(store, &route, now, (&campaign, url), (&to, contact))?;
    let Tested { sent, refused, left_out } = tested;
    let answer = Answer::of(json!({"campaign": id, "sent": sent, "refused": refused, "left_out": left_out}))?;
    Ok(if refused > 0 { answer.but(Kind::Stopped) } else { answer })
}

fn state_of(name: &str) -> Result<State> {
    State::parse(name)
        .ok_or_else(|| Error::refused(say!("{name} という状態はありません。", "There is no state {name}.")))
}

fn row_state(name: &str) -> Result<delivery::State> {
    delivery::State::parse(name)
        .ok_or_else(|| Error::refused(say!("{name} という状態はありません。", "There is no state {name}.")))
}

pub(in crate::house) fn check(house: &House, now: Time, campaign: &Campaign) -> Result<Report> {
    let has_relay = house.has_route()?;
    let around = Around { public_url: &house.boot.public_url, answers: house.public_url_answers(), has_relay };
    preflight::check(&house.store, now, campaign, &around)
}

pub(in crate::house) fn findings(id: CampaignId, report: &Report) -> Value {
    let list: Vec<Value> = report
        .findings
        .iter()
        .map(|f| json!({"level": f.level, "code": f.code, "place": f.place, "count": f.count, "message": f.says}))
        .collect();
    let stops = report.findings.iter().filter(|f| f.level == Level::Stop).count();
    let warns = report.findings.iter().filter(|f| f.level == Level::Warn).count();
    json!({
        "campaign": id, "ready": stops == 0, "stops": stops, "warnings": warns, "totals": report.totals,
        "size": report.size, "findings": list,
    })
}

pub(in crate::house) fn sums(house: &House, id: CampaignId) -> Result<Answer> {
    Answer::of(result::sums(&house.store, id)?)
}

fn line(c: &Campaign) -> Value {
    let at = |t: Time| t.rfc3339(&clock::japan());
    json!({
        "campaign": c.id, "name": c.draft.name, "state": c.state, "at": c.at.map(at), "changed": at(c.changed),
    })
}

pub(super) fn shown(house: &House, c: &Campaign) -> Result<Value> {
    let mut value = line(c);
    value["version"] = json!(c.version);
    value["subject"] = json!(c.draft.subject);
    value["format"] = json!(c.draft.format);
    value["reply_to"] = json!(c.draft.options.reply_to);
    value["reason"] = json!(c.draft.reason);
    value["every_contact"] = json!(c.draft.options.every_contact);
    value["segment"] = json!(c.draft.segment);
    value["kind"] = json!(c.draft.kind);
    value["topic"] = json!(c.draft.topic);
    value["sender"] = json!(c.draft.sender);
    value["why"] = json!(c.why);
    let files: Vec<Value> = file::list(&house.store, c.id)?
        .iter()
        .map(|f| json!({"name": f.name, "role": f.role, "size": f.size}))
        .collect();
    value["files"] = json!(files);
    Ok(value)
}

pub(super) fn senders(house: &House, by: &By, now: Time, ask: SenderAsk) -> Result<Answer> {
    let store = &house.store;
    match ask {
        SenderAsk::List => Answer::of(json!({"senders": sender::list(store)?})),
        SenderAsk::Save(wanted) => {
            let wanted = wanted.0;
            let known = sender::list(store)?.into_iter().find(|p| p.sender.name == wanted.name);
            let id = match known {
                Some(profile) => {
                    sender::edit(store, by, now, profile.id, (profile.version, &wanted))?;
                    profile.id
                }
                None => sender::create(store, by, now, &wanted)?,
            };
            Answer::of(sender::get(store, id)?)
        }
        SenderAsk::Delete(id) => {
            sender::delete(store, by, now, id)?;
            Answer::of(json!({"sender": id, "deleted": true}))
        }
    }
}
