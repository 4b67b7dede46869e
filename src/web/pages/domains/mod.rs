//! Sending domains: how each stands at a glance, the records of one to copy, and its keys. `server` is the page about
//! what receivers see of this machine.

mod records;
pub(crate) mod server;

use crate::base::{Domain, Email, Error, Kind, Result, Time};
use crate::delivery::dkim::{self, Pair, State};
use crate::delivery::domains::{self, Entry, Report, Standing};
use crate::house::House;
use crate::web::answer::Answer;
use crate::web::field::{Faults, Field, Kind as Input};
use crate::web::page::Page;
use crate::web::visit::Visit;
use crate::web::words::Words;
use askama::Template;
use records::{Section, sections};

/// A word on a coloured ground.
pub(crate) struct Badge {
    pub(crate) class: &'static str,
    pub(crate) words: String,
}

impl Badge {
    fn new(class: &'static str, words: impl Into<String>) -> Badge {
        Badge { class, words: words.into() }
    }
}

/// One domain in the list.
pub(crate) struct Glance {
    pub(crate) domain: Domain,
    pub(crate) signed: String,
    pub(crate) badge: Badge,
    pub(crate) checked: Option<Time>,
}

/// Every domain that mail comes from.
pub(crate) fn glances(house: &House, w: Words) -> Result<Vec<Glance>> {
    let one = |domain: Domain| {
        let report = house.last_report(&domain);
        let pairs = domains::profile(&house.store, &domain)?.pairs;
        Ok(Glance {
            signed: signed(w, &domain, &pairs),
            badge: standing(w, report.as_ref()),
            checked: report.map(|r| r.at),
            domain,
        })
    };
    house.mail_domains()?.into_iter().map(one).collect()
}

fn signed(w: Words, domain: &Domain, pairs: &[Pair]) -> String {
    match pairs.iter().find(|p| p.state == State::Active) {
        Some(pair) if pair.domain == *domain => w.domains_signed_own().to_owned(),
        Some(pair) => w.domains_signed_above(pair.domain.as_str()),
        None if pairs.iter().any(|p| p.state == State::Waiting) => w.domains_signed_waiting().to_owned(),
        None => w.domains_signed_none().to_owned(),
    }
}

fn standing(w: Words, report: Option<&Report>) -> Badge {
    let Some(report) = report else { return Badge::new("badge-calm", w.domains_never()) };
    let open = report.count(Standing::Missing) + report.count(Standing::Different);
    match (open, report.is_well()) {
        (0, true) => Badge::new("badge-good", w.domains_well()),
        (0, false) => Badge::new("badge-calm", w.domains_unknown()),
        (n, _) => Badge::new("badge-warn", w.domains_open(&n)),
    }
}

struct KeyLine {
    selectors: [String; 2],
    badge: Badge,
    made: Time,
    since: Option<Time>,
    until: Option<Time>,
}

#[derive(Template)]
#[template(path = "domain.html")]
struct One {
    p: Page,
    faults: Faults,
    domain: Domain,
    checked: Option<Time>,
    badge: Badge,
    sections: Vec<Section>,
    pairs: Vec<KeyLine>,
    above: Option<String>,
    has_keys: bool,
    waiting: bool,
    fields: Vec<Field>,
    listed: bool,
}

/// The domain of the path; what is none is nobody's page.
fn named(v: &Visit<'_>) -> Result<Domain> {
    v.house.known_domain(v.part("name")).map_err(|e| match e.kind() {
        Kind::Refused => Error::missing(say!("そのドメインは登録されていません。", "That domain is not on the list.")),
        _ => e,
    })
}

fn place(domain: &Domain) -> String {
    format!("/senders/domains/{domain}")
}

pub(crate) fn show(v: &mut Visit<'_>) -> Result<Answer> {
    draw(v, &named(v)?, Faults::new(v.lang))
}

fn draw(v: &Visit<'_>, domain: &Domain, faults: Faults) -> Result<Answer> {
    let (store, w) = (&v.house.store, v.w);
    let profile = domains::profile(store, domain)?;
    let report = v.house.last_report(domain);
    let own = dkim::of(store, domain)?;
    let above = profile.pairs.first().filter(|p| p.domain != *domain).map(|p| p.domain.to_string());
    Answer::page(&One {
        p: v.page(domain.to_string())
            .under(w.menu_senders(), "/senders")
            .lead(w.domain_lead())
            .faulty(!faults.is_empty()),
        checked: report.as_ref().map(|r| r.at),
        badge: standing(w, report.as_ref()),
        sections: sections(v, &profile, report.as_ref()),
        has_keys: own.iter().any(|p| p.state == State::Active),
        waiting: own.iter().any(|p| p.state == State::Waiting),
        pairs: own.iter().rev().map(|pair| key_line(w, pair)).collect(),
        above,
        fields: fields(v, &profile.entry, &faults),
        listed: domains::entries(store)?.iter().any(|e| e.domain == *domain),
        domain: domain.clone(),
        faults,
    })
}

fn key_line(w: Words, pair: &Pair) -> KeyLine {
    let badge = match pair.state {
        State::Waiting => Badge::new("badge-busy", w.keys_waiting()),
        State::Active => Badge::new("badge-good", w.keys_active()),
        State::Retiring => Badge::new("badge-warn", w.keys_retiring()),
        State::Gone => Badge::new("badge-calm", w.keys_gone()),
    };
    KeyLine { selectors: pair.selectors(), badge, made: pair.made, since: pair.since, until: pair.until }
}

fn fields(v: &Visit<'_>, entry: &Entry, faults: &Faults) -> Vec<Field> {
    let w = v.w;
    let typed = |name: &str, saved: String| if v.form.has(name) { v.form.get(name).to_owned() } else { saved };
    let path = Field::new(w, Input::Text, "return_path", w.domain_return()).support(w.domain_return_support());
    let reports = Field::new(w, Input::Email, "reports", w.domain_reports()).support(w.domain_reports_support());
    let saved = entry.reports.as_ref().map(Email::to_string).unwrap_or_default();
    vec![
        path.required().value(typed("return_path", entry.return_path.to_string())).width(60).fault(faults),
        reports.value(typed("reports", saved)).fault(faults),
    ]
}

/// The field that adds a domain, on the page of the list.
pub(crate) fn add_field(v: &Visit<'_>, faults: &Faults) -> Field {
    let w = v.w;
    let field = Field::new(w, Input::Text, "domain", w.domains_add()).unmarked().support(w.domains_add_support());
    field.value(v.form.get("domain")).fault(faults)
}

pub(crate) fn add(v: &mut Visit<'_>) -> Result<Answer> {
    let added = Domain::parse(v.form.get("domain")).and_then(|domain| {
        domains::save(&v.house.store, &v.by(), v.now, &domains::entry(&v.house.store, &domain)?)?;
        Ok(domain)
    });
    match added {
        Ok(domain) => v.back_to(&place(&domain), say!("ドメインを追加しました。", "The domain is added.")),
        Err(e) if e.kind() == Kind::Refused => {
            Ok(super::senders::draw_list(v, Faults::one(v.lang, "domain", &e))?.status(422))
        }
        Err(e) => Err(e),
    }
}

pub(crate) fn save(v: &mut Visit<'_>) -> Result<Answer> {
    let domain = named(v)?;
    let mut faults = Faults::new(v.lang);
    let entry = Entry::plain(&domain)?;
    let entry = faults.check("return_path", entry.returning_to(v.form.get("return_path")));
    let reports = v.form.get("reports").trim();
    let reports = faults.check("reports", Some(reports).filter(|r| !r.is_empty()).map(Email::parse).transpose());
    let (Some(entry), Some(reports)) = (entry, reports) else { return Ok(draw(v, &domain, faults)?.status(422)) };
    domains::save(&v.house.store, &v.by(), v.now, &entry.reporting_to(reports))?;
    v.house.forget_reports();
    v.back_to(&place(&domain), say!("設定を保存しました。", "The settings are saved."))
}

/// Asks DNS within the request, whose time is bounded.
pub(crate) fn check(v: &mut Visit<'_>) -> Result<Answer> {
    let domain = named(v)?;
    let waits = |v: &Visit<'_>| -> Result<bool> {
        Ok(domains::profile(&v.house.store, &domain)?.pairs.iter().any(|p| p.state == State::Waiting))
    };
    let waited = waits(v)?;
    v.house.check_domain(&v.by(), v.now, &domain)?;
    let says = match waited && !waits(v)? {
        true => say!("新しい鍵の公開を確かめ、使い始めました。", "The new keys are published, and used from now on."),
        false => say!("DNS を確かめました。", "DNS was asked."),
    };
    v.back_to(&place(&domain), says)
}

/// The first keys, or the next ones.
pub(crate) fn make_keys(v: &mut Visit<'_>) -> Result<Answer> {
    let domain = named(v)?;
    match dkim::next(&v.house.store, &v.by(), v.now, &domain) {
        Ok(_) => {
            v.house.forget_reports();
            v.back_to(
                &place(&domain),
                say!(
                    "鍵を作りました。2 つのレコードを公開してください。",
                    "The keys are made. Publish their two records."
                ),
            )
        }
        Err(e) => v.back_with(&place(&domain), &e),
    }
}

/// Without looking into DNS.
pub(crate) fn use_keys(v: &mut Visit<'_>) -> Result<Answer> {
    let domain = named(v)?;
    dkim::turn(&v.house.store, &v.by(), v.now, &domain, true)?;
    v.house.forget_reports();
    v.back_to(&place(&domain), say!("新しい鍵を使い始めました。", "The new keys are used from now on."))
}

pub(crate) fn remove(v: &mut Visit<'_>) -> Result<Answer> {
    let domain = named(v)?;
    domains::remove(&v.house.store, &v.by(), v.now, &domain)?;
    v.back_to("/senders", say!("一覧から外しました。", "It is off the list."))
}
