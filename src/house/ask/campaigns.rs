//! `hakobu campaign` and `hakobu sender`: from a draft to a result.

use super::{Answer, Hidden, Streams};
use crate::base::{By, Email, Error, Kind, Result, Time, clock, ids::CampaignId, ids::ContactId, limits};
use crate::campaigns::campaign::{self, Campaign, Draft, Edited, Options};
use crate::campaigns::content::FileRole;
use crate::campaigns::file::{self, NewFile};
use crate::campaigns::preflight::{self, Around, Level, Report};
use crate::campaigns::proof::{self, TestTo};
use crate::campaigns::sender::{self, Sender};
use crate::campaigns::source::Format;
use crate::campaigns::{State, result, run};
use crate::contacts::{MailKind, topic};
use crate::delivery::{self, Decision};
use crate::house::House;
use crate::house::running::no_relay;
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
    Create(Box<New>),
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
        to: Option<Hidden>,
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
pub struct New {
    pub name: String,
    /// A profile's id or name, or `Name <address>`.
    pub from: Option<Hidden>,
    pub subject: Hidden,
    pub format: Format,
    pub body: Hidden,
    pub text: Option<Hidden>,
    pub segment: String,
    pub topic: Option<String>,
    pub kind: MailKind,
    pub reason: String,
    pub options: Options,
    /// Role and name of each input `file.0`, `file.1` …
    pub files: Vec<(FileRole, Hidden)>,
}

/// What is `None` stays as it is.
#[derive(Debug, Serialize, Deserialize)]
pub struct Change {
    pub campaign: CampaignId,
    pub name: Option<String>,
    pub from: Option<Hidden>,
    pub subject: Option<Hidden>,
    pub body: Option<(Format, Hidden)>,
    pub segment: Option<String>,
    /// Refused as a conflict when the draft is at another version by now.
    pub version: Option<i64>,
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
    let (store, url) = (&house.store, house.boot.public_url.as_str());
    match ask {
        CampaignAsk::List { state, before, most } => {
            let state = state.as_deref().map(state_of).transpose()?;
            let page = campaign::list(store, state, before, most.min(limits::PAGE_MAX))?;
            Answer::of(json!({"campaigns": page.iter().map(line).collect::<Vec<_>>()}))
        }
        CampaignAsk::Show(id) => Answer::of(shown(house, &campaign::get(store, id)?)?),
        CampaignAsk::Create(new) => create(house, by, now, &new, io),
        CampaignAsk::Edit(change) => edit(house, by, now, &change),
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
        CampaignAsk::Preview { campaign: id, contact } => {
            let campaign = campaign::get(store, id)?;
            let preview = proof::preview(store, &campaign.draft, Some(id), contact)?;
            Answer::of(json!({"campaign": id, "subject": preview.subject, "text": preview.text, "html": preview.html}))
        }
        CampaignAsk::Test { campaign: id, to, group, contact } => {
            let to = match (to, group) {
                (Some(to), _) => TestTo::One(Email::parse(&to.0)?),
                (None, Some(group)) => TestTo::Group(group),
                (None, None) => return Err(Error::refused(say!("宛先がありません。", "There is nobody to send to."))),
            };
            let relay = delivery::relay(store)?.ok_or_else(no_relay)?;
            let campaign = campaign::get(store, id)?;
            let tested = proof::test(store, &relay, now, (&campaign, url), (&to, contact))?;
            let answer = Answer::of(json!({"campaign": id, "sent": tested.sent, "refused": tested.refused}))?;
            Ok(if tested.refused > 0 { answer.but(Kind::Stopped) } else { answer })
        }
        CampaignAsk::Schedule { campaign: id, at } => {
            campaign::schedule(store, by, now, id, Time::parse(&at, &clock::japan())?)?;
            Answer::of(shown(house, &campaign::get(store, id)?)?)
        }
        CampaignAsk::Unschedule(id) => {
            campaign::unschedule(store, by, now, id)?;
            Answer::of(shown(house, &campaign::get(store, id)?)?)
        }
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

fn state_of(name: &str) -> Result<State> {
    State::parse(name)
        .ok_or_else(|| Error::refused(say!("{name} という状態はありません。", "There is no state {name}.")))
}

fn row_state(name: &str) -> Result<delivery::State> {
    delivery::State::parse(name)
        .ok_or_else(|| Error::refused(say!("{name} という状態はありません。", "There is no state {name}.")))
}

fn create(house: &House, by: &By, now: Time, new: &New, io: &dyn Streams) -> Result<Answer> {
    let store = &house.store;
    let sender = new.from.as_ref().map(|from| sender::find_or_create(store, by, now, &from.0)).transpose()?;
    let draft = Draft {
        name: new.name.clone(),
        sender,
        subject: new.subject.0.clone(),
        format: new.format,
        body: new.body.0.clone(),
        text: new.text.as_ref().map(|t| t.0.clone()),
        segment: new.segment.clone(),
        topic: new.topic.as_deref().map(|t| topic::find(store, t).map(|t| t.id)).transpose()?,
        kind: new.kind,
        reason: new.reason.clone(),
        options: new.options.clone(),
    };
    if !draft.segment.is_empty() {
        crate::contacts::segment::read(store, &draft.segment)?;
    }
    let id = campaign::create(store, by, now, &draft, None)?;
    for (n, (role, name)) in new.files.iter().enumerate() {
        let mut from = io.input(&format!("file.{n}"))?;
        let added = file::add(store, by, now, id, (NewFile { role: *role, name: &name.0 }, from.as_mut()));
        if let Err(e) = added {
            campaign::delete(store, by, now, id)?;
            return Err(e);
        }
    }
    Answer::of(shown(house, &campaign::get(store, id)?)?)
}

fn edit(house: &House, by: &By, now: Time, change: &Change) -> Result<Answer> {
    let store = &house.store;
    let seen = campaign::get(store, change.campaign)?;
    let mut draft = seen.draft;
    if let Some(from) = &change.from {
        draft.sender = Some(sender::find_or_create(store, by, now, &from.0)?);
    }
    if let Some((format, body)) = &change.body {
        (draft.format, draft.body) = (*format, body.0.clone());
    }
    if let Some(segment) = &change.segment {
        crate::contacts::segment::read(store, segment)?;
        draft.segment = segment.clone();
    }
    draft.name = change.name.clone().unwrap_or(draft.name);
    draft.subject = change.subject.as_ref().map_or(draft.subject, |s| s.0.clone());
    let version = change.version.unwrap_or(seen.version);
    match campaign::edit(store, by, now, seen.id, (version, &draft))? {
        Edited::Saved(saved) => Answer::of(shown(house, &saved)?),
        Edited::Conflict { theirs, .. } => {
            let (id, version) = (theirs.id, theirs.version);
            Err(Error::conflict(say!(
                "{id} は先に変更されています（今の版は {version}）。",
                "{id} was changed in the meantime (it is at version {version} now)."
            ))
            .hint(say!("hakobu campaign show で今の内容を確かめてください。", "Look at it with hakobu campaign show.")))
        }
    }
}

pub(in crate::house) fn check(house: &House, now: Time, campaign: &Campaign) -> Result<Report> {
    let has_relay = delivery::relay(&house.store)?.is_some();
    let around = Around { public_url: &house.boot.public_url, answers: None, has_relay };
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

fn shown(house: &House, c: &Campaign) -> Result<Value> {
    let mut value = line(c);
    value["version"] = json!(c.version);
    value["subject"] = json!(c.draft.subject);
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
