//! `hakobu contacts`: bringing people in, looking at them, taking them out.

use super::{Answer, Hidden, Streams};
use crate::base::{By, Error, Kind, Lang, Result, Time, clock, ids::ContactId, ids::ImportId, limits};
use crate::contacts::import::map::Wishes;
use crate::contacts::import::{self, Blank, Consent, Encoding, Hints, Mode, Order, Source};
use crate::contacts::{attribute, consent::Basis, people, tag, topic, value::Type};
use crate::house::House;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::io::Write;

#[derive(Debug, Serialize, Deserialize)]
pub enum ContactsAsk {
    /// From the input `file`; rejected rows into the output `errors`.
    Import(Box<Import>),
    Imports {
        before: Option<ImportId>,
        most: usize,
    },
    Undo(ImportId),
    List {
        search: Hidden,
        before: Option<ContactId>,
        most: usize,
    },
    Show(ContactId),
    Add(Edit),
    Edit {
        contact: ContactId,
        edit: Edit,
    },
    Delete(ContactId),
    /// Attributes and tags.
    Fields,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Edit {
    pub email: Option<Hidden>,
    pub values: Vec<(String, Hidden)>,
    pub tags: Vec<String>,
    pub tags_off: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Import {
    pub mode: Mode,
    pub blank: Blank,
    pub map: Vec<(String, String)>,
    pub types: Vec<(String, String)>,
    pub only_mapped: bool,
    pub key: Option<String>,
    pub tags: Vec<String>,
    pub consent: Option<Agreed>,
    pub encoding: Option<String>,
    pub delimiter: Option<u8>,
    pub sheet: Option<String>,
    pub dry_run: bool,
    pub strict: bool,
    pub confirmed: bool,
    pub lang: Lang,
    /// What the caller calls the output `errors`.
    pub errors_file: Hidden,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Agreed {
    pub topic: Option<String>,
    pub basis: Basis,
    pub source: String,
    pub wording: String,
}

pub(super) fn answer(house: &House, by: &By, now: Time, ask: ContactsAsk, io: &dyn Streams) -> Result<Answer> {
    let store = &house.store;
    match ask {
        ContactsAsk::Import(ask) => bring_in(house, by, now, &ask, io),
        ContactsAsk::Imports { before, most } => {
            let page = import::list(store, before, most.min(limits::PAGE_MAX))?;
            Answer::of(json!({"imports": page.iter().map(past).collect::<Vec<_>>()}))
        }
        ContactsAsk::Undo(id) => {
            let undone = import::undo(store, (by, now), id, io.progress())?;
            let mut answer = Answer::of(undone)?;
            answer.value["import"] = json!(id);
            Ok(if undone.stopped { answer.but(Kind::Stopped) } else { answer })
        }
        ContactsAsk::List { search, before, most } => {
            let page = people::list(store, &search.0, before, most.min(limits::PAGE_MAX))?;
            let rows: Vec<Value> = page.iter().map(seen).collect();
            Answer::of(json!({"count": people::count(store)?, "contacts": rows}))
        }
        ContactsAsk::Show(id) => Answer::of(shown(house, id)?),
        ContactsAsk::Add(edit) => Answer::of(shown(house, people::add(store, by, now, &edit.plain())?)?),
        ContactsAsk::Edit { contact, edit } => {
            people::edit(store, by, now, contact, &edit.plain())?;
            Answer::of(shown(house, contact)?)
        }
        ContactsAsk::Fields => {
            let catalog = attribute::Catalog::read(store)?;
            let rows: Vec<Value> = catalog
                .attributes
                .iter()
                .map(|a| json!({"key": a.key, "label": a.label, "type": a.kind.name(), "substitute": a.substitute}))
                .collect();
            let tags: Vec<Value> =
                tag::list(store)?.iter().map(|t| json!({"tag": t.name, "count": t.contacts})).collect();
            Answer::of(json!({"attributes": rows, "tags": tags}))
        }
        ContactsAsk::Delete(id) => {
            people::delete(store, by, now, id)?;
            Answer::of(json!({"contact": id, "deleted": true}))
        }
    }
}

fn bring_in(house: &House, by: &By, now: Time, ask: &Import, io: &dyn Streams) -> Result<Answer> {
    let store = &house.store;
    let order = order(house, ask)?;
    let encoding = ask.encoding.as_deref().map(encoding).transpose()?;
    let hints = Hints { encoding, delimiter: ask.delimiter, sheet: ask.sheet.clone() };
    let mut source = Source::open(store, io.input("file")?, &hints, io.progress())?;
    let report = match ask.dry_run {
        true => import::dry_run(store, now, &mut source, &order, io.progress())?,
        false => {
            let mut errors = Late { io, to: None };
            let report = import::run(store, (by, now), &mut source, &order, io.progress(), &mut errors)?;
            errors.flush().map_err(cannot_write)?;
            report
        }
    };
    let rejected = report.counts.rejected > 0;
    let errors_file = (rejected && !ask.dry_run).then_some(ask.errors_file.0.as_str());
    let answer = Answer::of(report.to_json(ask.lang, errors_file))?;
    Ok(if report.stopped || (ask.strict && rejected) { answer.but(Kind::Stopped) } else { answer })
}

fn order(house: &House, ask: &Import) -> Result<Order> {
    let types = ask
        .types
        .iter()
        .map(|(column, name)| Type::parse(name).map(|t| (column.clone(), t)).ok_or_else(|| no_type(name)))
        .collect::<Result<_>>()?;
    let consent = ask
        .consent
        .as_ref()
        .map(|c| {
            let topic = c.topic.as_deref().map(|t| topic::find(&house.store, t).map(|t| t.id)).transpose()?;
            Ok::<_, Error>(Consent { topic, basis: c.basis, source: c.source.clone(), wording: c.wording.clone() })
        })
        .transpose()?;
    let wishes = Wishes { map: ask.map.clone(), types, only_mapped: ask.only_mapped, key: ask.key.clone() };
    let (mode, blank, tags) = (ask.mode, ask.blank, ask.tags.clone());
    Ok(Order { mode, blank, wishes, tags, consent, lang: ask.lang, confirmed: ask.confirmed })
}

pub(super) fn no_type(name: &str) -> Error {
    Error::refused(say!("{name} という型はありません。", "There is no type {name}."))
        .hint(say!("型: text, number, date, bool, choice, multi", "Types: text, number, date, bool, choice, multi"))
}

fn encoding(name: &str) -> Result<Encoding> {
    Encoding::parse(name).ok_or_else(|| {
        Error::refused(say!("{name} という文字コードは読めません。", "The encoding {name} is not known."))
            .hint(say!("指定できる値: utf-8, cp932, euc-jp", "Values: utf-8, cp932, euc-jp"))
    })
}

/// The output `errors`, made when the first rejected row is written.
struct Late<'a> {
    io: &'a dyn Streams,
    to: Option<Box<dyn Write + Send + 'a>>,
}

impl Write for Late<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.to.is_none() {
            self.to = Some(self.io.output("errors").map_err(std::io::Error::other)?);
        }
        self.to.as_mut().map_or(Ok(0), |to| to.write(bytes))
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.to.as_mut().map_or(Ok(()), |to| to.flush())
    }
}

fn cannot_write(e: std::io::Error) -> Error {
    Error::io(say!("エラーファイルに書き込めません。", "Cannot write the errors file."), e)
}

fn past(i: &import::Import) -> Value {
    let n = &i.counts;
    json!({
        "import": i.id, "at": i.at.rfc3339(&clock::japan()), "by": i.by, "state": i.state, "mode": i.mode,
        "rows": n.rows, "new": n.new, "changed": n.changed, "same": n.same, "rejected": n.rejected,
        "removed": n.removed,
    })
}

impl Edit {
    fn plain(self) -> people::Edit {
        people::Edit {
            email: self.email.map(|e| e.0),
            values: self.values.into_iter().map(|(name, value)| (name, value.0)).collect(),
            tags: self.tags,
            tags_off: self.tags_off,
            seen: None,
        }
    }
}

fn seen(s: &people::Seen) -> Value {
    let at = s.changed.rfc3339(&clock::japan());
    json!({"contact": s.id, "email": s.email, "name": s.name, "key": s.key, "changed": at})
}

fn shown(house: &House, id: ContactId) -> Result<Value> {
    let person = people::find(&house.store, id)?;
    let at = |t: Time| t.rfc3339(&clock::japan());
    let values: serde_json::Map<String, Value> =
        person.values.iter().filter_map(|f| f.value.as_ref().map(|v| (f.key.clone(), json!(v.plain())))).collect();
    Ok(json!({
        "contact": person.id, "email": person.email.as_str(), "key": person.key, "tags": person.tags,
        "values": values, "created": at(person.created), "changed": at(person.changed),
    }))
}
