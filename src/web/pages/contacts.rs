//! Contacts: the list, one contact, and what is recorded about its consent.

use super::audit::Names;
use crate::access::Right;
use crate::base::{
    Email, Kind, Result, Time, clock,
    ids::{ContactId, TopicId},
};
use crate::campaigns::campaign;
use crate::contacts::consent::{self, Agreement, Basis, Said, State};
use crate::contacts::outcomes::{self, Received};
use crate::contacts::people::{self, Person, Seen};
use crate::contacts::segment::{self, Segment, Wanted};
use crate::contacts::suppression::{self, Entry};
use crate::contacts::topic::{self, Topic};
use crate::contacts::value::Value;
use crate::web::answer::Answer;
use crate::web::dates::grouped;
use crate::web::field::{Faults, Field, Kind as Input};
use crate::web::page::Page;
use crate::web::request::Method;
use crate::web::routes::TABLE;
use crate::web::visit::Visit;
use crate::web::words::Words;
use askama::Template;

const IMPORT: &str = "/contacts/import";
const CAMPAIGN: &str = "/campaigns/{id}";
const PAGE: usize = 50;
const MAILS: usize = 50;

#[derive(Template)]
#[template(path = "contacts.html")]
struct Contacts {
    p: Page,
    filters: Vec<Field>,
    filtered: bool,
    fault: String,
    count: String,
    rows: Vec<(Seen, Vec<String>)>,
    next: String,
    first: String,
    may_edit: bool,
    may_import: bool,
    may_export: bool,
}

pub(crate) fn list(v: &mut Visit<'_>) -> Result<Answer> {
    let store = &v.house.store;
    let text = filter_text(v)?;
    let (segment, fault) = match segment::read(store, &text) {
        Ok(segment) => (segment, String::new()),
        Err(e) => (Segment::everybody(), e.says().to(v.lang).to_owned()),
    };
    let q = v.query.get("q").trim();
    let before = ContactId::parse(v.query.get("before")).ok();
    let wanted = Wanted { text: q, before, most: PAGE };
    let ids = segment::newest(store, &segment, v.now, &wanted)?;
    let count = if q.is_empty() { grouped(segment::count(store, &segment, v.now)?) } else { String::new() };
    let next = ids.last().filter(|_| ids.len() == PAGE).map(|id| v.query.with("before", &id.to_string()));
    let rows = people::lines(store, &ids)?;
    Answer::page(&Contacts {
        p: v.page(v.w.menu_contacts()).lead(v.w.contacts_lead()),
        filters: filters(v)?,
        filtered: !text.is_empty() || !q.is_empty(),
        fault,
        count,
        rows,
        next: next.unwrap_or_default(),
        first: if before.is_some() { format!("/contacts{}", v.query.with("before", "")) } else { String::new() },
        may_edit: v.may(Right::Edit),
        may_import: v.may(Right::Import) && leads_somewhere(IMPORT),
        may_export: v.may(Right::Export),
    })
}

fn leads_somewhere(path: &str) -> bool {
    TABLE.iter().any(|row| row.path == path && row.method == Method::Get)
}

/// Tag, saved segment and a segment typed into the address, all of which must hold.
fn filter_text(v: &Visit<'_>) -> Result<String> {
    let mut parts = Vec::new();
    let (tag, saved, typed) = (v.query.get("tag"), v.query.get("segment"), v.query.get("where").trim());
    if !tag.is_empty() {
        parts.push(format!("tag:{}", segment::quoted(tag)));
    }
    if !saved.is_empty() {
        parts.push(segment::load(&v.house.store, saved)?.text);
    }
    parts.push(typed.to_owned());
    parts.retain(|p| !p.is_empty());
    Ok(match parts.len() {
        0 | 1 => parts.concat(),
        _ => parts.iter().map(|p| format!("({p})")).collect::<Vec<_>>().join(" and "),
    })
}

fn filters(v: &Visit<'_>) -> Result<Vec<Field>> {
    let (w, store) = (v.w, &v.house.store);
    let mut tags = Field::new(w, Input::Select, "tag", w.contacts_tag()).unmarked().choice("", w.contacts_any(), "");
    for tag in segment::Words::read(store)?.tags() {
        tags = tags.choice(tag, tag, "");
    }
    let mut saved =
        Field::new(w, Input::Select, "segment", w.contacts_segment()).unmarked().choice("", w.contacts_any(), "");
    for segment in segment::list(store)? {
        saved = saved.choice(&segment.id.to_string(), segment.name, "");
    }
    let q = Field::new(w, Input::Text, "q", w.contacts_q()).unmarked().width(20).value(v.query.get("q"));
    Ok(vec![q, tags.value(v.query.get("tag")), saved.value(v.query.get("segment"))])
}

#[derive(Template)]
#[template(path = "contact.html")]
struct Contact {
    p: Page,
    faults: Faults,
    who: Person,
    values: Vec<(String, String)>,
    listed: Option<(Entry, &'static str)>,
    states: Vec<(Topic, State)>,
    history: Vec<Said>,
    mails: Vec<(Received, String)>,
    source: Field,
    record: Vec<Field>,
    names: Names,
    may_edit: bool,
    campaigns: bool,
}

pub(crate) fn show(v: &mut Visit<'_>) -> Result<Answer> {
    draw(v, Faults::new(v.lang))
}

fn draw(v: &Visit<'_>, faults: Faults) -> Result<Answer> {
    let (w, store, id) = (v.w, &v.house.store, contact(v)?);
    let who = people::fields(store, id)?.ok_or_else(gone)?;
    let listed = suppression::find(store, &who.email)?.map(|e| {
        let reason = super::suppression::reason(w, e.reason);
        (e, reason)
    });
    let values = who.values.iter().map(|f| (f.label.clone(), f.value.as_ref().map(shown).unwrap_or_default()));
    let source = Field::new(w, Input::Text, "source", w.consent_source()).support(w.consent_source_support());
    Answer::page(&Contact {
        p: v.page(who.email.to_string()).under(w.menu_contacts(), "/contacts").faulty(!faults.is_empty()),
        values: values.collect(),
        listed,
        states: consent::states(store, id)?,
        history: consent::history(store, id)?,
        mails: mails(v, id)?,
        source,
        record: record_fields(v, &faults)?,
        names: Names::read(v)?,
        may_edit: v.may(Right::Edit),
        campaigns: leads_somewhere(CAMPAIGN),
        faults,
        who,
    })
}

/// Each with its campaign's name, or its number where there is none any more.
fn mails(v: &Visit<'_>, id: ContactId) -> Result<Vec<(Received, String)>> {
    let named = |m: Received| match campaign::get(&v.house.store, m.campaign) {
        Ok(campaign) => Ok((m, campaign.draft.name)),
        Err(e) if e.kind() == Kind::Missing => Ok((m.clone(), m.campaign.to_string())),
        Err(e) => Err(e),
    };
    outcomes::of(&v.house.store, id, MAILS)?.into_iter().map(named).collect()
}

fn record_fields(v: &Visit<'_>, faults: &Faults) -> Result<Vec<Field>> {
    let w = v.w;
    let mut topics = Field::new(w, Input::Select, "topic", w.consent_topic()).required();
    for topic in topic::list(&v.house.store)? {
        topics = topics.choice(&topic.id.to_string(), topic.name, "");
    }
    let mut bases = Field::new(w, Input::Select, "basis", w.consent_basis()).required();
    for basis in Basis::ALL {
        bases = bases.choice(basis.name(), basis_word(w, basis), "");
    }
    let typed = |name| v.form.get(name);
    Ok(vec![
        topics.value(typed("topic")).fault(faults),
        bases.value(typed("basis")).fault(faults),
        Field::new(w, Input::Text, "where", w.consent_source_where())
            .required()
            .support(w.consent_source_where_support())
            .value(typed("where"))
            .fault(faults),
        Field::new(w, Input::Area, "wording", w.consent_wording())
            .support(w.consent_wording_support())
            .rows(3)
            .value(typed("wording"))
            .fault(faults),
        Field::new(w, Input::Text, "when", w.consent_when())
            .support(w.consent_when_support())
            .width(12)
            .value(typed("when"))
            .fault(faults),
    ])
}

pub(crate) fn refuse(v: &mut Visit<'_>) -> Result<Answer> {
    let (id, source) = (contact(v)?, v.form.get("source").to_owned());
    let (store, by) = (&v.house.store, v.by());
    match v.form.get("topic") {
        "" => consent::refuse_everything(store, &by, v.now, id, &source)?,
        topic => consent::refuse(store, &by, v.now, (id, TopicId::parse(topic)?), &source)?,
    };
    v.back_to(&format!("/contacts/{id}"), say!("拒否を記録しました。", "The refusal is on record."))
}

pub(crate) fn agree(v: &mut Visit<'_>) -> Result<Answer> {
    let id = contact(v)?;
    let mut faults = Faults::new(v.lang);
    let at = match v.form.get("when").trim() {
        "" => Some(v.now),
        when => faults.check("when", Time::parse(when, &clock::japan())),
    };
    let topic = faults.check("topic", TopicId::parse(v.form.get("topic")));
    // Nothing is recorded as a consent that nobody chose.
    let basis = Basis::parse(v.form.get("basis"));
    if basis.is_none() {
        faults.add("basis", say!("根拠を選んでください。", "Choose the basis."));
    }
    if let (Some(at), Some(topic), Some(basis)) = (at, topic, basis) {
        let said = Agreement {
            at,
            basis,
            source: v.form.get("where").trim().to_owned(),
            wording: v.form.get("wording").trim().to_owned(),
        };
        faults.check("where", consent::agree(&v.house.store, &v.by(), v.now, (id, topic), &said));
    }
    match faults.is_empty() {
        true => v.back_to(&format!("/contacts/{id}"), say!("同意を記録しました。", "The consent is on record.")),
        false => Ok(draw(v, faults)?.status(422)),
    }
}

/// Off the list again, from the contact's own page.
pub(crate) fn unlist(v: &mut Visit<'_>) -> Result<Answer> {
    let id = contact(v)?;
    let who = people::fields(&v.house.store, id)?.ok_or_else(gone)?;
    let email: Email = who.email;
    match suppression::remove(&v.house.store, &v.by(), v.now, &email, v.form.get("why")) {
        Ok(()) => v.back_to(&format!("/contacts/{id}"), say!("停止リストから外しました。", "Taken off the list.")),
        Err(e) => Ok(draw(v, Faults::one(v.lang, "why", &e))?.status(422)),
    }
}

fn contact(v: &Visit<'_>) -> Result<ContactId> {
    ContactId::parse(v.part("id"))
}

fn gone() -> crate::base::Error {
    crate::base::Error::missing(say!("その連絡先はありません。", "There is no such contact."))
}

fn shown(value: &Value) -> String {
    match value {
        Value::Text(t) | Value::Choice(t) => t.clone(),
        Value::Number(n) => n.to_string(),
        Value::Date(d) => d.to_string(),
        Value::Bool(true) => "✓".to_owned(),
        Value::Bool(false) => "–".to_owned(),
        Value::Multi(list) => list.join("、"),
    }
}

impl Contact {
    fn who(&self, by: &str) -> String {
        self.names.who(self.p.w, by)
    }

    fn basis(&self, basis: &Basis) -> &'static str {
        basis_word(self.p.w, *basis)
    }
}

fn basis_word(w: Words, basis: Basis) -> &'static str {
    match basis {
        Basis::OptIn => w.basis_opt_in(),
        Basis::Trade => w.basis_trade(),
        Basis::Card => w.basis_card(),
        Basis::Published => w.basis_published(),
    }
}
