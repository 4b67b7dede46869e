//! `hakobu mail dns`, `mail domain`, `mail dkim` and `mail sending`: what mail's domains publish.

use super::{Answer, Hidden};
use crate::base::{By, Domain, Email, Error, Kind, Result, Time, clock};
use crate::delivery::dkim::{self, KeyRecord, Pair};
use crate::delivery::domains::{self, Entry, Finding, Report, Sending, Source, Standing};
use crate::house::House;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Debug, Serialize, Deserialize)]
pub enum DomainsAsk {
    /// What the domain should publish, and what it does.
    Dns {
        domain: String,
        strict: bool,
    },
    List,
    /// Adds the domain, or changes what is given.
    Set {
        domain: String,
        return_path: Option<String>,
        /// An empty text: nobody.
        reports: Option<Hidden>,
    },
    Remove {
        domain: String,
    },
    Keys {
        domain: Option<String>,
    },
    CreateKeys {
        domain: String,
    },
    RotateKeys {
        domain: String,
        now: bool,
    },
    Sending,
    /// What is given replaces what was; an empty list empties.
    SetSending {
        helo: Option<String>,
        addresses: Option<Vec<String>>,
        includes: Option<Vec<String>>,
    },
}

pub(super) fn answer(house: &House, by: &By, now: Time, ask: DomainsAsk) -> Result<Answer> {
    let store = &house.store;
    match ask {
        DomainsAsk::Dns { domain, strict } => dns(house, by, now, (&Domain::parse(&domain)?, strict)),
        DomainsAsk::List => list(house),
        DomainsAsk::Set { domain, return_path, reports } => {
            let entry = changed(domains::entry(store, &Domain::parse(&domain)?)?, return_path, reports)?;
            domains::save(store, by, now, &entry)?;
            house.forget_reports();
            Answer::of(shown(house, &entry)?)
        }
        DomainsAsk::Remove { domain } => {
            let domain = Domain::parse(&domain)?;
            domains::remove(store, by, now, &domain)?;
            Answer::of(json!({"domain": domain, "removed": true}))
        }
        DomainsAsk::Keys { domain: None } => pairs(&dkim::all(store)?),
        DomainsAsk::Keys { domain: Some(domain) } => pairs(&dkim::of(store, &Domain::parse(&domain)?)?),
        DomainsAsk::CreateKeys { domain } => {
            let domain = Domain::parse(&domain)?;
            dkim::create(store, by, now, &domain)?;
            house.forget_reports();
            pairs(&dkim::of(store, &domain)?)
        }
        DomainsAsk::RotateKeys { domain, now: anyway } => {
            let domain = Domain::parse(&domain)?;
            house.rotate_keys(by, now, &domain, anyway)?;
            pairs(&dkim::of(store, &domain)?)
        }
        DomainsAsk::Sending => sending(house),
        DomainsAsk::SetSending { helo, addresses, includes } => {
            let wanted = with(domains::sending(store)?, helo, (addresses, includes))?;
            domains::set_sending(store, by, now, &wanted)?;
            house.forget_reports();
            sending(house)
        }
    }
}

fn dns(house: &House, by: &By, now: Time, (domain, strict): (&Domain, bool)) -> Result<Answer> {
    let report = house.check_domain(by, now, domain)?;
    let answer = Answer::of(told(&report))?;
    Ok(if strict && !report.is_well() { answer.but(Kind::Stopped) } else { answer })
}

/// One check, as scripts and pages read it.
fn told(report: &Report) -> Value {
    let count = |standing| report.count(standing);
    json!({
        "domain": report.domain,
        "at": report.at.rfc3339(&clock::japan()),
        "ok": report.is_well(),
        "missing": count(Standing::Missing),
        "different": count(Standing::Different),
        "unknown": count(Standing::Unknown),
        "records": report.findings.iter().map(record).collect::<Vec<_>>(),
    })
}

fn record(finding: &Finding) -> Value {
    let wanted = &finding.wanted;
    let zone = if wanted.value.is_empty() { Value::Null } else { json!(wanted.zone_line()) };
    json!({
        "check": wanted.check, "name": wanted.name, "type": wanted.kind, "value": wanted.value, "zone": zone,
        "required": wanted.required, "state": finding.standing, "found": finding.found,
        "why": wanted.why, "message": finding.says, "fix": finding.fix,
    })
}

fn list(house: &House) -> Result<Answer> {
    let shown = |domain: &Domain| shown(house, &domains::entry(&house.store, domain)?);
    let list: Vec<Value> = house.mail_domains()?.iter().map(shown).collect::<Result<_>>()?;
    Answer::of(json!({"domains": list}))
}

fn shown(house: &House, entry: &Entry) -> Result<Value> {
    let report = house.last_report(&entry.domain);
    let signs = dkim::Signer::for_domain(&house.store, &entry.domain)?.map(|s| s.domain().to_owned());
    Ok(json!({
        "domain": entry.domain, "return_path": entry.return_path, "reports": entry.reports.as_ref().map(Email::as_str),
        "signed_by": signs, "ok": report.as_ref().map(Report::is_well),
        "checked": report.map(|r| r.at.rfc3339(&clock::japan())),
    }))
}

fn changed(entry: Entry, return_path: Option<String>, reports: Option<Hidden>) -> Result<Entry> {
    let entry = match return_path {
        Some(text) => entry.returning_to(&text)?,
        None => entry,
    };
    Ok(match reports {
        Some(Hidden(text)) if text.trim().is_empty() => entry.reporting_to(None),
        Some(Hidden(text)) => entry.reporting_to(Some(Email::parse(&text)?)),
        None => entry,
    })
}

fn pairs(pairs: &[Pair]) -> Result<Answer> {
    let at = |t: Time| t.rfc3339(&clock::japan());
    let one = |pair: &Pair| {
        json!({
            "domain": pair.domain, "state": pair.state, "selectors": pair.selectors(), "made": at(pair.made),
            "since": pair.since.map(at), "until": pair.until.map(at), "records": pair.records().map(key_record),
        })
    };
    Answer::of(json!({"pairs": pairs.iter().map(one).collect::<Vec<_>>()}))
}

/// The pair's TXT record, also as a line of a zone file.
fn key_record(record: KeyRecord) -> Value {
    let zone = domains::txt_line(&record.name, &record.value);
    json!({"name": record.name, "value": record.value, "zone": zone})
}

type Lists = (Option<Vec<String>>, Option<Vec<String>>);

fn with(was: Sending, helo: Option<String>, (addresses, includes): Lists) -> Result<Sending> {
    let helo = match helo {
        Some(text) if text.trim().is_empty() => None,
        Some(text) => Some(Domain::parse(&text)?),
        None => was.helo,
    };
    let addresses = match addresses {
        Some(list) => list.iter().map(|text| Source::parse(text)).collect::<Result<_>>()?,
        None => was.addresses,
    };
    let includes = match includes {
        Some(list) => list.iter().map(|text| Domain::parse(text)).collect::<Result<_>>()?,
        None => was.includes,
    };
    Ok(Sending { helo, addresses, includes })
}

fn sending(house: &House) -> Result<Answer> {
    let sending = domains::sending(&house.store)?;
    let addresses: Vec<Value> = sending.addresses.iter().map(|s| json!({"own": s.own, "public": s.public})).collect();
    Answer::of(json!({"helo": sending.helo, "addresses": addresses, "includes": sending.includes}))
}

impl House {
    /// A domain that the house knows, by its name.
    pub fn known_domain(&self, name: &str) -> Result<Domain> {
        let domain = Domain::parse(name)?;
        match self.mail_domains()?.contains(&domain) {
            true => Ok(domain),
            false => Err(Error::missing(say!("そのドメインは登録されていません。", "That domain is not on the list."))),
        }
    }
}
