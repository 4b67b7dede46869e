//! Home: what is to do today, what runs now, the last campaigns, and a few numbers.

use crate::access::Right;
use crate::base::{Result, Time, ids::CampaignId};
use crate::campaigns::{State, campaign, result, sender};
use crate::contacts::{segment, segment::Segment, suppression};
use crate::house::House;
use crate::update::history;
use crate::web::answer::{Answer, Live};
use crate::web::chart::{Bars, Series};
use crate::web::page::Page;
use crate::web::visit::{Caller, Visit};
use crate::web::words::Words;
use askama::Template;

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    p: Page,
    /// What the running version changes, until this user has read it.
    news: Vec<News>,
    todo: Vec<Todo>,
    running: String,
    is_running: bool,
    recent: Vec<Recent>,
    chart: String,
    contacts: u64,
    suppressed: u64,
    may_create: bool,
    may_open: bool,
}

/// One thing that waits for somebody, and where it is done.
struct Todo {
    text: String,
    href: String,
    action: &'static str,
}

struct Recent {
    id: CampaignId,
    name: String,
    state: State,
    changed: Time,
    recipients: u64,
    sent: u64,
    troubled: u64,
    in_doubt: u64,
}

/// Change records on the home page at once.
const NEWS: usize = 3;
/// Campaigns on the home page.
const RECENT: usize = 8;

pub(crate) fn show(v: &mut Visit<'_>) -> Result<Answer> {
    let house = v.house;
    let recent = recent(house)?;
    let contacts = segment::count(&house.store, &Segment::everybody(), v.now)?;
    let todo = todo(v, contacts, &recent)?;
    let (running, is_running) = running(house, v.w, v.leads("/campaigns/c1"))?;
    Answer::page(&Home {
        news: news(v)?,
        chart: chart(v.w, &recent),
        suppressed: suppression::count(&house.store)?,
        may_create: v.may(Right::Edit) && v.leads("/campaigns/new"),
        may_open: v.leads("/campaigns/c1"),
        p: v.page(v.w.menu_home()),
        todo,
        running,
        is_running,
        recent,
        contacts,
    })
}

/// What an update changed.
struct News {
    n: i64,
    version: String,
    notes: String,
}

/// The newest updates since this user came that they have not read of.
fn news(v: &Visit<'_>) -> Result<Vec<News>> {
    let Caller::Session(session) = &v.caller else { return Ok(Vec::new()) };
    let unread = history::unread(&v.house.store, session.user.id)?;
    let since = unread.into_iter().rev().filter(|u| u.at >= session.user.created).take(NEWS);
    let shown = |u: history::Update| News {
        n: u.n,
        version: u.to,
        notes: u.notes.map(|n| n.to(v.lang).to_owned()).unwrap_or_default(),
    };
    Ok(since.map(shown).collect())
}

fn recent(house: &House) -> Result<Vec<Recent>> {
    let campaigns = campaign::list(&house.store, None, None, RECENT)?;
    campaigns
        .into_iter()
        .map(|c| {
            let counts = result::glance(&house.store, c.id)?.counts;
            Ok(Recent {
                id: c.id,
                name: c.draft.name,
                state: c.state,
                changed: c.changed,
                recipients: counts.recipients,
                sent: counts.sent,
                troubled: counts.bounced + counts.failed + counts.expired,
                in_doubt: counts.in_doubt,
            })
        })
        .collect()
}

fn todo(v: &Visit<'_>, contacts: u64, recent: &[Recent]) -> Result<Vec<Todo>> {
    let (w, store, mut all) = (v.w, &v.house.store, Vec::new());
    let mut add = |right, text: String, href: String, action| {
        if v.may(right) && v.leads(&href) {
            all.push(Todo { text, href, action });
        }
    };
    if !v.house.has_route()? {
        add(Right::Settings, w.todo_relay().into(), "/settings/relay".into(), w.todo_relay_do());
    }
    if !sender::list(store)?.iter().any(|s| s.sender.is_complete()) {
        add(Right::Settings, w.todo_sender().into(), "/senders".into(), w.todo_sender_do());
    }
    if v.house.public_url_glance() == Some(false) {
        add(Right::Settings, w.todo_url(&v.house.boot.public_url), "/settings".into(), w.todo_url_do());
    }
    // A house to look around in goes away with its data.
    if v.house.catcher().is_none() && !v.house.recovery_is_confirmed()? {
        add(Right::Users, w.todo_recovery().into(), "/settings/recovery".into(), w.todo_recovery_do());
    }
    if contacts == 0 {
        add(Right::Import, w.todo_contacts().into(), "/contacts/import".into(), w.todo_contacts_do());
    }
    for c in recent {
        let href = format!("/campaigns/{}", c.id);
        match c.state {
            State::Held => add(Right::Send, w.todo_held(&c.name), href, w.todo_look()),
            State::Paused => add(Right::Send, w.todo_paused(&c.name), href, w.todo_look()),
            State::Damaged => add(Right::Send, w.todo_damaged(&c.name), href, w.todo_look()),
            State::Done if c.in_doubt > 0 => add(Right::Send, w.todo_doubt(&c.name, c.in_doubt), href, w.todo_look()),
            State::Draft | State::Scheduled | State::Sending | State::Done | State::Cancelled => {}
        }
    }
    Ok(all)
}

#[derive(Template)]
#[template(path = "parts/running.html")]
struct Running {
    w: Words,
    may_open: bool,
    rows: Vec<Row>,
}

struct Row {
    id: CampaignId,
    name: String,
    state: State,
    done: u64,
    total: u64,
    percent: u64,
    says: String,
}

/// The fragment of what runs now, and whether anything does.
fn running(house: &House, w: Words, may_open: bool) -> Result<(String, bool)> {
    let mut rows = Vec::new();
    for state in [State::Sending, State::Paused] {
        for c in campaign::list(&house.store, Some(state), None, RECENT)? {
            let counts = result::glance(&house.store, c.id)?.counts;
            let (total, done) =
                (counts.recipients, counts.recipients - counts.queued - counts.sending - counts.deferred);
            let percent = (done * 100).checked_div(total).unwrap_or(0);
            rows.push(Row {
                id: c.id,
                name: c.draft.name,
                state: c.state,
                done,
                total,
                percent,
                says: w.home_progress(percent, done, total),
            });
        }
    }
    let busy = rows.iter().any(|r| r.state == State::Sending);
    let html = Running { w, may_open, rows }.render().map_err(crate::base::Error::bug)?;
    Ok((html, busy))
}

pub(crate) fn live(v: &mut Visit<'_>) -> Result<Answer> {
    let (house, w, may_open) = (std::sync::Arc::clone(v.house), v.w, v.leads("/campaigns/c1"));
    v.live(move |_| {
        let (html, busy) = running(&house, w, may_open)?;
        Ok(if busy { Live::Now(html) } else { Live::Last(html) })
    })
}

fn chart(w: Words, recent: &[Recent]) -> String {
    let sent: Vec<&Recent> = recent.iter().rev().filter(|r| r.recipients > 0).collect();
    if sent.is_empty() {
        return String::new();
    }
    let series = |title: &str, values: &dyn Fn(&Recent) -> u64| Series {
        title: title.to_owned(),
        values: sent.iter().map(|r| values(r)).collect(),
    };
    Bars {
        title: w.home_chart().to_owned(),
        labels: sent.iter().map(|r| r.name.clone()).collect(),
        series: vec![
            series(w.count_sent(), &|r| r.sent),
            series(w.count_troubled(), &|r| r.troubled),
            series(w.count_other(), &|r| r.recipients.saturating_sub(r.sent + r.troubled)),
        ],
        w,
    }
    .html()
}
