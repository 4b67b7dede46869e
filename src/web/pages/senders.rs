//! Sender profiles, and beside them the domains that they write from.

use super::domains::{self, Glance};
use crate::base::{Kind, Result, ids::SenderId};
use crate::campaigns::sender::{self, Profile, Sender};
use crate::delivery::{self, domains::Sending};
use crate::web::answer::Answer;
use crate::web::field::{Faults, Field, Kind as Input};
use crate::web::page::Page;
use crate::web::visit::Visit;
use askama::Template;

const PLACE: &str = "/senders";

#[derive(Template)]
#[template(path = "senders.html")]
struct Senders {
    p: Page,
    all: Vec<Profile>,
    may_edit: bool,
    domains: Vec<Glance>,
    sending: Sending,
    faults: Faults,
    add: Field,
}

pub(crate) fn list(v: &mut Visit<'_>) -> Result<Answer> {
    draw_list(v, Faults::new(v.lang))
}

/// Also with what is wrong with a domain that was to be added.
pub(super) fn draw_list(v: &Visit<'_>, faults: Faults) -> Result<Answer> {
    let store = &v.house.store;
    Answer::page(&Senders {
        p: v.page(v.w.menu_senders()).lead(v.w.senders_lead()).faulty(!faults.is_empty()),
        all: sender::list(store)?,
        may_edit: v.may(crate::access::Right::Settings),
        domains: domains::glances(v.house, v.w)?,
        sending: delivery::domains::sending(store)?,
        add: domains::add_field(v, &faults),
        faults,
    })
}

#[derive(Template)]
#[template(path = "sender.html")]
struct One {
    p: Page,
    faults: Faults,
    fields: Vec<Field>,
    action: String,
    version: i64,
    id: Option<SenderId>,
}

pub(crate) fn new(v: &mut Visit<'_>) -> Result<Answer> {
    draw(v, &Sender::default(), (0, None), Faults::new(v.lang))
}

pub(crate) fn show(v: &mut Visit<'_>) -> Result<Answer> {
    let profile = sender::get(&v.house.store, SenderId::parse(v.part("id"))?)?;
    draw(v, &profile.sender, (profile.version, Some(profile.id)), Faults::new(v.lang))
}

fn draw(v: &Visit<'_>, s: &Sender, (version, id): (i64, Option<SenderId>), faults: Faults) -> Result<Answer> {
    let w = v.w;
    let text = |name, label, support, value: &str| {
        Field::new(w, Input::Text, name, label).support(support).value(value).width(60).fault(&faults)
    };
    let fields = vec![
        text("from", w.sender_from(), w.sender_from_support(), &s.from).required(),
        text("legal_name", w.sender_legal(), w.sender_legal_support(), &s.legal_name),
        text("postal_address", w.sender_postal(), "", &s.postal_address),
        text("contact", w.sender_contact(), w.sender_contact_support(), &s.contact),
        text("reply_to", w.sender_reply(), "", &s.reply_to),
        text("name", w.sender_name(), w.sender_name_support(), &s.name),
    ];
    let title = if id.is_some() { s.name.as_str() } else { w.sender_new() };
    let p = v.page(title).under(w.menu_senders(), PLACE).faulty(!faults.is_empty());
    let action = id.map_or("/senders/new".to_owned(), |id| format!("{PLACE}/{id}"));
    Answer::page(&One { p, faults, fields, action, version, id })
}

fn posted(v: &Visit<'_>) -> Sender {
    let get = |name| v.form.get(name).to_owned();
    Sender {
        name: get("name"),
        from: get("from"),
        reply_to: get("reply_to"),
        legal_name: get("legal_name"),
        postal_address: get("postal_address"),
        contact: get("contact"),
    }
}

pub(crate) fn create(v: &mut Visit<'_>) -> Result<Answer> {
    let sender = posted(v);
    let made = sender::create(&v.house.store, &v.by(), v.now, &sender).map(|_| ());
    saved(v, &sender, (0, None), made)
}

pub(crate) fn edit(v: &mut Visit<'_>) -> Result<Answer> {
    let (sender, id) = (posted(v), SenderId::parse(v.part("id"))?);
    let version = v.form.get("version").parse().unwrap_or(0);
    let done = sender::edit(&v.house.store, &v.by(), v.now, id, (version, &sender));
    saved(v, &sender, (version, Some(id)), done)
}

fn saved(v: &Visit<'_>, sender: &Sender, at: (i64, Option<SenderId>), done: Result<()>) -> Result<Answer> {
    match done {
        Ok(()) => v.back_to(PLACE, say!("差出人を保存しました。", "The sender is saved.")),
        Err(e) if matches!(e.kind(), Kind::Refused | Kind::Conflict) => {
            // The sentence begins with the field's own word.
            let fields = [("返信先", "reply_to"), ("事業者名", "legal_name"), ("住所", "postal_address")];
            let named = fields.iter().find(|(ja, _)| e.says().ja.starts_with(ja)).map(|(_, f)| *f);
            let named = named.or(e.says().ja.starts_with("問い合わせ先").then_some("contact"));
            let field = if e.kind() == Kind::Conflict { "name" } else { named.unwrap_or("from") };
            Ok(draw(v, sender, at, Faults::one(v.lang, field, &e))?.status(422))
        }
        Err(e) => Err(e),
    }
}

pub(crate) fn delete(v: &mut Visit<'_>) -> Result<Answer> {
    let id = SenderId::parse(v.part("id"))?;
    match sender::delete(&v.house.store, &v.by(), v.now, id) {
        Ok(()) => v.back_to(PLACE, say!("差出人を削除しました。", "The sender is deleted.")),
        Err(e) if e.kind() == Kind::Conflict => v.back_with(PLACE, &e),
        Err(e) => Err(e),
    }
}
