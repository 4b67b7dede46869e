//! `hakobu contacts tag`, `attribute` and `export`.

use super::{Answer, Hidden, Streams};
use crate::base::{By, Error, Kind, Lang, Result, Time, clock, ids::ContactId, limits};
use crate::contacts::attribute::{self, Attribute, Catalog};
use crate::contacts::export::{self, Form, Wish};
use crate::contacts::value::Type;
use crate::contacts::{people, segment, tag};
use crate::house::House;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Debug, Serialize, Deserialize)]
pub enum TagAsk {
    List,
    Add { tag: String, contacts: Vec<Hidden> },
    TakeOff { tag: String, contacts: Vec<Hidden> },
    Rename { from: String, to: String },
    Delete { tag: String },
}

#[derive(Debug, Serialize, Deserialize)]
pub enum AttributeAsk {
    List,
    Create { label: String, change: ChangeAsk },
    Edit { attribute: String, change: ChangeAsk },
    Delete { attribute: String },
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct ChangeAsk {
    pub label: Option<String>,
    pub key: Option<String>,
    pub kind: Option<String>,
    pub choices: Option<Vec<String>>,
    pub substitute: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub enum ExportAsk {
    /// Into the output `file`.
    Write {
        segment: Hidden,
        form: Form,
        lang: Lang,
    },
    /// What CP932 could not hold.
    Check {
        segment: Hidden,
        lang: Lang,
    },
    Records {
        most: usize,
    },
}

/// A contact by its id (`p12`) or its address, if one contact alone has it.
fn which(house: &House, name: &Hidden) -> Result<ContactId> {
    if !name.0.contains('@') {
        return ContactId::parse(&name.0);
    }
    let found = people::of_address(&house.store, &crate::base::Email::parse(&name.0)?)?;
    match found.as_slice() {
        [one] => Ok(*one),
        [] => Err(Error::missing(say!("そのアドレスの連絡先はありません。", "There is no contact of this address."))),
        many => {
            let ids = many.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            Err(Error::conflict(say!(
                "そのアドレスの連絡先が複数あります（{ids}）。",
                "Several contacts have this address ({ids})."
            ))
            .hint(say!("番号で指定してください。", "Name it by its id.")))
        }
    }
}

pub(super) fn tags(house: &House, by: &By, now: Time, ask: TagAsk) -> Result<Answer> {
    let store = &house.store;
    let all = |names: &[Hidden]| names.iter().map(|n| which(house, n)).collect::<Result<Vec<_>>>();
    match ask {
        TagAsk::List => Answer::of(json!({"tags": tag::list(store)?})),
        TagAsk::Add { tag, contacts } => {
            Answer::of(json!({"tag": tag, "added": tag::add(store, by, now, &tag, &all(&contacts)?)?}))
        }
        TagAsk::TakeOff { tag, contacts } => {
            Answer::of(json!({"tag": tag, "removed": tag::take_off(store, by, now, &tag, &all(&contacts)?)?}))
        }
        TagAsk::Rename { from, to } => {
            tag::rename(store, by, now, &from, &to)?;
            Answer::of(json!({"tag": to}))
        }
        TagAsk::Delete { tag } => {
            tag::remove(store, by, now, &tag)?;
            Answer::of(json!({"tag": tag, "deleted": true}))
        }
    }
}

pub(super) fn attributes(house: &House, by: &By, now: Time, ask: AttributeAsk) -> Result<Answer> {
    let store = &house.store;
    match ask {
        AttributeAsk::List => {
            let rows: Vec<Value> = Catalog::read(store)?.attributes.iter().map(shown).collect();
            Answer::of(json!({"attributes": rows}))
        }
        AttributeAsk::Create { label, change } => {
            Answer::of(shown(&attribute::create(store, by, now, &label, &change.plain()?)?))
        }
        AttributeAsk::Edit { attribute, change } => {
            Answer::of(shown(&attribute::update(store, by, now, &attribute, &change.plain()?)?))
        }
        AttributeAsk::Delete { attribute } => {
            attribute::remove(store, by, now, &attribute)?;
            Answer::of(json!({"attribute": attribute, "deleted": true}))
        }
    }
}

fn shown(a: &Attribute) -> Value {
    json!({
        "attribute": a.key, "label": a.label, "type": a.kind, "choices": a.choices, "substitute": a.substitute,
        "role": a.role.name(),
    })
}

impl ChangeAsk {
    fn plain(self) -> Result<attribute::Change> {
        let ChangeAsk { label, key, kind, choices, substitute } = self;
        let kind = kind.as_deref().map(|name| Type::parse(name).ok_or_else(|| super::contacts::no_type(name)));
        Ok(attribute::Change { label, key, kind: kind.transpose()?, choices, substitute })
    }
}

pub(super) fn exports(house: &House, by: &By, now: Time, ask: ExportAsk, io: &dyn Streams) -> Result<Answer> {
    let store = &house.store;
    match ask {
        ExportAsk::Write { segment, form, lang } => {
            let wish = Wish { segment: segment::meant(store, &segment.0)?, form, lang };
            let done = export::export(store, (by, now), &wish, io.progress(), io.output("file")?.as_mut())?;
            let answer = Answer::of(&done)?;
            Ok(if done.stopped { answer.but(Kind::Stopped) } else { answer })
        }
        ExportAsk::Check { segment, lang } => {
            let wish = Wish { segment: segment::meant(store, &segment.0)?, lang, ..Wish::default() };
            let lost = export::check(store, now, &wish, io.progress())?;
            Answer::of(json!({"lost": lost.len(), "cells": lost}))
        }
        ExportAsk::Records { most } => {
            let row = |r: &export::Record| {
                let at = r.at.rfc3339(&clock::japan());
                json!({"export": r.export, "at": at, "by": r.by, "segment": r.segment, "form": r.form, "rows": r.rows, "sha256": r.sha256})
            };
            let rows: Vec<Value> = export::list(store, most.min(limits::PAGE_MAX))?.iter().map(row).collect();
            Answer::of(json!({"exports": rows}))
        }
    }
}
