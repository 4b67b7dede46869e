//! Sending as a command asks for it: pre-flight, start, and waiting for the end, here or beside a server.

use super::House;
use super::ask::Answer;
use super::ask::campaigns::{check, findings};
use crate::base::{By, Error, Kind, Progress, Result, Time, clock, ids::CampaignId};
use crate::campaigns::drive::Driven;
use crate::campaigns::preflight::{Level, Report};
use crate::campaigns::run;
use crate::campaigns::{State, campaign, result};
use serde::{Deserialize, Serialize};
use std::time::Duration;

#[derive(Debug, Serialize, Deserialize)]
pub struct Send {
    pub campaign: CampaignId,
    pub wait: bool,
    pub timeout: Option<Duration>,
    pub strict: bool,
}

/// How often a command that waits looks.
const LOOK: Duration = Duration::from_millis(100);

pub(super) fn send(house: &House, by: &By, now: Time, order: &Send, progress: &dyn Progress) -> Result<Answer> {
    let (store, id) = (&house.store, order.campaign);
    if !house.is_serving() && !order.wait {
        return Err(Error::new(
            Kind::Unanswered,
            say!("サーバーが動いていないため、--wait が必要です。", "No server runs, so sending needs --wait."),
        )
        .hint(say!(
            "hakobu serve を動かすか、--wait を付けてください。",
            "Run hakobu serve, or add --wait: then this command does the sending."
        )));
    }
    house.route()?;
    let seen = campaign::get(store, id)?;
    let mut report = None;
    if seen.run.is_none() {
        let found = check(house, now, &seen)?;
        refuse(&found, order.strict)?;
        report = Some(found);
    }
    run::start(store, by, now, id, &house.boot.public_url)?;
    house.ring();
    let until = order.timeout.map(|t| now.plus(t));
    let mut answer = match order.wait {
        false => Answer::of(result::sums(store, id)?)?,
        true => wait(house, id, until, order.strict, progress)?,
    };
    if let Some(report) = report {
        answer.value["findings"] = findings(id, &report)["findings"].take();
    }
    Ok(answer)
}

/// A stop is refused; a warning is an answer that `--strict` wants first.
fn refuse(report: &Report, strict: bool) -> Result<()> {
    let level = match (report.stops(), strict && report.warns()) {
        (true, _) => Level::Stop,
        (false, true) => Level::Warn,
        (false, false) => return Ok(()),
    };
    let kind = if level == Level::Stop { Kind::Refused } else { Kind::Unanswered };
    let said = report.findings.iter().filter(|f| f.level == level);
    let (ja, en) = said.fold((String::new(), String::new()), |(ja, en), f| (ja + &f.says.ja, en + &f.says.en + " "));
    let en = en.trim_end();
    Err(Error::new(kind, say!("送信の前に確認が必要です: {ja}", "Not sent yet: {en}"))
        .hint(say!("詳しくは hakobu campaign check で確かめられます。", "See hakobu campaign check for all of it.")))
}

/// Every row final, or somebody stopped it, or the time is over.
fn wait(house: &House, id: CampaignId, until: Option<Time>, strict: bool, progress: &dyn Progress) -> Result<Answer> {
    let limited = Limited { progress, until };
    while !limited.stopped() {
        let driven = match house.is_serving() {
            true => None,
            false => house.drive(id, &limited)?,
        };
        let sums = result::sums(&house.store, id)?;
        progress.tell(sums.counts.recipients - sums.counts.open(), sums.counts.recipients);
        let over = matches!(sums.state, State::Done | State::Cancelled | State::Paused | State::Damaged);
        if over && driven.is_none_or(|d| !matches!(d, Driven::Waiting(_))) {
            break;
        }
        std::thread::park_timeout(LOOK);
    }
    let sums = result::sums(&house.store, id)?;
    let whole = sums.state == State::Done && sums.counts.open() == 0;
    let lost = sums.counts.bounced + sums.counts.failed + sums.counts.expired + sums.counts.in_doubt;
    let answer = Answer::of(&sums)?;
    Ok(if !whole || (strict && lost > 0) { answer.but(Kind::Stopped) } else { answer })
}

/// After a cancel, without a server: what is left in the ledger is settled here.
pub(super) fn settle(house: &House, id: CampaignId, progress: &dyn Progress) -> Result<()> {
    match house.is_serving() {
        true => house.ring(),
        false => {
            house.drive(id, progress)?;
        }
    }
    Ok(())
}

/// A caller's progress that also ends at a moment.
struct Limited<'a> {
    progress: &'a dyn Progress,
    until: Option<Time>,
}

impl Progress for Limited<'_> {
    fn tell(&self, done: u64, total: u64) {
        self.progress.tell(done, total);
    }

    fn stopped(&self) -> bool {
        self.progress.stopped() || self.until.is_some_and(|t| clock::now() >= t)
    }
}
