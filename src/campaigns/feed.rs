//! What became of recipients goes from a ledger into the books: outcomes for segments, and what failures do to addresses.
//!
//! The order inside one transaction is the point: first every result is counted for its receiver, then it is judged which
//! receivers pause, and only then is anybody taken off: a mail system that answers wrongly takes nobody's mail away.

use super::audience;
use super::rows;
use super::run::Run;
use crate::base::{By, Result, Time, ids::ContactId, ids::RunId, limits, log};
use crate::contacts::failure::{self, Cause, Failure};
use crate::contacts::outcomes::{self, Feed};
use crate::delivery::bounces::{Class, Past, Rules, Said, plan};
use crate::delivery::{Ledger, Outcome, Row, State, receivers};
use crate::store::{Deed, Store, Tx};

/// What became of one recipient, and of which class it is where it failed.
pub(super) struct News {
    pub(super) contact: ContactId,
    pub(super) state: State,
    /// `None`: nobody at the receiver has answered.
    pub(super) class: Option<Class>,
}

/// Counts and outcomes into the books, from where the last report ended.
pub(super) fn report(store: &Store, now: Time, run: &Run, ledger: &Ledger) -> Result<()> {
    let (by, rules) = (By::house("delivery"), receivers::rules(store)?);
    loop {
        let after = audience::cursor(store, run.id)?;
        let page = ledger.outcomes(after, limits::OUTCOMES_PAGE)?;
        let (counts, full) = (ledger.counts()?, page.len() == limits::OUTCOMES_PAGE);
        let next = if counts.queued + counts.sending > 0 { None } else { ledger.next_due()? };
        let news = page.iter().map(|o| news(ledger, o)).collect::<Result<Vec<News>>>()?;
        let cursor = page.last().map_or(after, |o| o.seq);
        let paused = store.write(&by, now, Deed::new("campaign.outcomes", run.id.to_string()), |tx| {
            let outcomes: Vec<_> = news.iter().filter_map(|n| Some((n.contact, audience::outcome(n.state)?))).collect();
            let feed = Feed { run: run.id, campaign: run.campaign, outcomes: &outcomes, after, cursor };
            let mut paused = Vec::new();
            if !news.is_empty() && outcomes::apply(tx, &feed)? {
                paused = weigh((store, tx), &by, &rules, run.id, &news)?;
            }
            rows::runs::set_counts(tx, run.id, &counts, next)?;
            Ok(paused)
        })?;
        tell(&paused);
        if !full {
            return Ok(());
        }
    }
}

/// A report about a message whose ledger is closed: the books alone take it, once.
pub(super) fn amend(store: &Store, now: Time, run: RunId, news: &News) -> Result<bool> {
    let (by, rules) = (By::house("delivery"), receivers::rules(store)?);
    let Some(outcome) = audience::outcome(news.state) else { return Ok(false) };
    let amended =
        store.write(&by, now, Deed::new("campaign.amended", run.to_string()), |tx| {
            match outcomes::amend(tx, run, news.contact, outcome)? {
                true => weigh((store, tx), &by, &rules, run, std::slice::from_ref(news)).map(Some),
                false => Ok(None),
            }
        })?;
    tell(amended.as_deref().unwrap_or_default());
    Ok(amended.is_some())
}

fn tell(paused: &[String]) {
    for domain in paused {
        log::event("receiver_paused", &serde_json::json!({"receiver": domain}));
    }
}

fn news(ledger: &Ledger, outcome: &Outcome) -> Result<News> {
    let class = match outcome.state {
        State::Bounced => Some(Class::Hard),
        State::Failed | State::Expired => ledger.row(outcome.contact)?.and_then(|row| class(&row)),
        State::Queued | State::Sending | State::Sent | State::Deferred => None,
        State::Suppressed | State::InDoubt | State::Cancelled => None,
    };
    Ok(News { contact: outcome.contact, state: outcome.state, class })
}

/// Of what the last reply said. Who was never reached in all that time has no code.
fn class(row: &Row) -> Option<Class> {
    match (row.code, row.state) {
        (0, State::Expired) => Some(Class::Soft),
        (0, _) => None,
        (code, _) => Some(Class::of(&Said::in_text(&format!("{code} {}", row.said)))),
    }
}

/// The receivers that pause from now on.
fn weigh((store, tx): (&Store, &Tx<'_>), by: &By, rules: &Rules, run: RunId, news: &[News]) -> Result<Vec<String>> {
    let counted: Vec<&News> = news.iter().filter(|n| n.state == State::Sent || n.class.is_some()).collect();
    let ids: Vec<ContactId> = counted.iter().map(|n| n.contact).collect();
    let domains = failure::receivers(tx, &ids)?;
    let known: Vec<(&News, &str)> =
        counted.into_iter().zip(&domains).filter_map(|(n, domain)| Some((n, domain.as_deref()?))).collect();
    let results: Vec<(&str, bool)> = known.iter().map(|(n, domain)| (*domain, n.class == Some(Class::Hard))).collect();
    let noted = receivers::note(tx, rules, &results)?;
    for receiver in &noted.newly_paused {
        failure::hold_back(tx, by, &receiver.domain, receiver.window.before())?;
    }
    for (n, domain) in known {
        let (contact, cause) = (n.contact, Cause::Hard);
        let failed = Failure { contact, run, receiver: domain, place: noted.place(domain), cause };
        match n.class {
            Some(Class::Hard) if noted.is_paused(domain) => failure::hold(store, tx, &failed)?,
            Some(Class::Hard) => drop(failure::strike(store, tx, by, &failed)?),
            Some(Class::Soft) => soft((store, tx), by, rules, &Failure { cause: Cause::Soft, ..failed })?,
            Some(Class::Block | Class::Unknown) | None => {}
        }
    }
    Ok(noted.newly_paused.into_iter().map(|r| r.domain).collect())
}

fn soft((store, tx): (&Store, &Tx<'_>), by: &By, rules: &Rules, failed: &Failure<'_>) -> Result<()> {
    failure::note_soft(store, tx, failed.contact, failed.run)?;
    let past = failure::history(store, tx, failed.contact, limits::SOFT_HISTORY)?;
    let past: Vec<Past> = past.into_iter().map(|(run, soft, arrived)| Past { run, soft, arrived }).collect();
    if plan::is_worn_out(&past, rules) {
        failure::strike(store, tx, by, failed)?;
    }
    Ok(())
}
