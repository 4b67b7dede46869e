//! A campaign's content made ready once, then one mail per recipient: fields in, subject and two bodies out. Preview,
//! test, send and web copy all go through here.

use super::content::{Content, FileCard};
use super::engine::Engine;
use super::footer::Footer;
use super::header::HeaderText;
use super::source::{Parts, parts};
use crate::base::{Email, Result, limits};
use crate::contacts::MailKind;
use crate::contacts::attribute::{Attribute, Catalog};
use crate::contacts::people::Person;
use crate::contacts::value::Value as Held;
use minijinja::value::{Object, ObjectRepr, Value};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Fields that every mail has, beside the house's own attributes. English and Japanese names side by side.
pub const FIXED: [(&str, &str); 6] = [
    ("email", "メールアドレス"),
    ("unsubscribe_url", "配信停止URL"),
    ("web_url", "Web版URL"),
    ("sender_name", "差出人名"),
    ("sender_address", "差出人住所"),
    ("sender_contact", "差出人連絡先"),
];

pub(super) struct Renderer {
    engine: Engine,
    has_html: bool,
    shape: Arc<Shape>,
    sender: [Value; 3],
    footer: Footer,
    used: Vec<Attribute>,
    unknown: Vec<(&'static str, String)>,
}

/// One recipient's links. `token` is the part of the refusal link that no other text contains.
#[derive(Clone, Debug)]
pub(super) struct Links {
    pub(super) unsubscribe: String,
    pub(super) token: String,
    pub(super) web: String,
}

/// A mail before it is bytes.
#[derive(Clone, Debug)]
pub struct Rendered {
    pub subject: HeaderText,
    pub html: Option<String>,
    pub text: String,
}

/// Which value stands where: by key, by label, and the fixed names.
#[derive(Debug, Default)]
struct Shape {
    slots: HashMap<String, usize>,
}

#[derive(Debug)]
struct Fields {
    shape: Arc<Shape>,
    values: Vec<Value>,
}

impl Object for Fields {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        self.shape.slots.get(key).and_then(|slot| self.values.get(*slot)).cloned()
    }
}

impl Renderer {
    /// Compiles everything; the error names part and line. Unknown fields are not an error here: `unknown` lists them.
    pub(super) fn new(content: &Content, catalog: &Catalog, image: impl Fn(&FileCard) -> String) -> Result<Renderer> {
        let Parts { html, text } = parts(content.format, &content.body, content.text.as_deref())?;
        let has_display = shows_sender(html.as_deref().unwrap_or(&text), content);
        let html = html.map(|html| with_images(html, content, image));
        let mut engine = Engine::new();
        engine.add("subject", content.subject.clone())?;
        let has_html = html.is_some();
        if let Some(html) = html {
            engine.add("html", html)?;
        }
        engine.add("text", text)?;
        let (shape, used, unknown) = shape(&engine, catalog, has_html);
        let sender = &content.sender;
        Ok(Renderer {
            sender: [sender.shown_name(), &sender.postal_address, &sender.contact].map(Value::from),
            footer: Footer::new(sender, content.kind == MailKind::Advertisement, has_display),
            shape: Arc::new(shape),
            engine,
            has_html,
            used,
            unknown,
        })
    }

    /// Fields that no attribute of the house has, with the part that asks for them.
    pub(super) fn unknown(&self) -> &[(&'static str, String)] {
        &self.unknown
    }

    /// The attributes that the templates merge: all that has to be read of a contact.
    pub(super) fn used(&self) -> Catalog {
        Catalog { attributes: self.used.clone() }
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// `person.values` may hold any attributes; those that are used are found by key.
    pub(super) fn render(&self, person: &Person, links: &Links) -> Result<Rendered> {
        let fields = self.fields(person, links);
        let mut subject = HeaderText::cleaned(&self.engine.render("subject", fields.clone())?);
        if subject.as_str().len() > limits::SUBJECT_MAX {
            subject = HeaderText::cleaned(&cut(subject.as_str(), limits::SUBJECT_MAX));
        }
        let Links { unsubscribe, token, web } = links;
        let html = match self.has_html {
            true => Some(self.footer.html(self.engine.render("html", fields.clone())?, token, unsubscribe, web)),
            false => None,
        };
        let text = self.footer.text(self.engine.render("text", fields)?, token, unsubscribe, web);
        Ok(Rendered { subject, html, text })
    }

    /// One part without the footer.
    pub(super) fn render_part(&self, part: &'static str, person: &Person, links: &Links) -> Result<String> {
        self.engine.render(part, self.fields(person, links))
    }

    fn fields(&self, person: &Person, links: &Links) -> Value {
        let mut values = Vec::with_capacity(FIXED.len() + self.used.len());
        values.push(Value::from(person.email.as_str()));
        // Our own links hold nothing to escape, and should read as links in the source.
        values.push(Value::from_safe_string(links.unsubscribe.clone()));
        values.push(Value::from_safe_string(links.web.clone()));
        values.extend(self.sender.iter().cloned());
        for (n, attribute) in self.used.iter().enumerate() {
            let at_its_place = person.values.get(n).filter(|f| f.key == attribute.key);
            let field = at_its_place.or_else(|| person.values.iter().find(|f| f.key == attribute.key));
            let held = field.and_then(|f| f.value.as_ref()).map(value).filter(|v| !is_blank(v));
            values.push(held.unwrap_or_else(|| Value::from(attribute.substitute.as_str())));
        }
        Value::from_object(Fields { shape: Arc::clone(&self.shape), values })
    }
}

fn is_blank(value: &Value) -> bool {
    value.as_str().is_some_and(|s| s.trim().is_empty())
}

/// How a held value reads in a mail.
fn value(held: &Held) -> Value {
    match held {
        Held::Text(t) | Held::Choice(t) => Value::from(t.as_str()),
        Held::Number(n) if n.fract() == 0.0 && n.abs() < 9e15 => Value::from(*n as i64),
        Held::Number(n) => Value::from(*n),
        Held::Date(d) => Value::from(format!("{}年{}月{}日", d.year(), d.month(), d.day())),
        Held::Bool(b) => Value::from(*b),
        Held::Multi(list) => Value::from(list.join("、")),
    }
}

type Found = (Shape, Vec<Attribute>, Vec<(&'static str, String)>);

fn shape(engine: &Engine, catalog: &Catalog, has_html: bool) -> Found {
    let mut shape = Shape::default();
    for (slot, (en, ja)) in FIXED.iter().enumerate() {
        shape.slots.insert((*en).to_owned(), slot);
        shape.slots.insert((*ja).to_owned(), slot);
    }
    let (mut used, mut unknown) = (Vec::<Attribute>::new(), Vec::new());
    for part in ["subject", "html", "text"].into_iter().filter(|p| has_html || *p != "html") {
        for name in engine.names(part) {
            if shape.slots.contains_key(&name) {
                continue;
            }
            let Some(attribute) = catalog.find(&name) else {
                unknown.push((part, name));
                continue;
            };
            let slot = used.iter().position(|u| u.id == attribute.id).unwrap_or_else(|| {
                used.push(attribute.clone());
                used.len() - 1
            });
            shape.slots.insert(name, FIXED.len() + slot);
        }
    }
    (shape, used, unknown)
}

/// Does the author's own text already name the sender as the law wants it?
fn shows_sender(body: &str, content: &Content) -> bool {
    let names: BTreeSet<&str> = FIXED[3..5].iter().flat_map(|(en, ja)| [*en, *ja]).collect();
    let merged = names.iter().filter(|n| body.contains(**n)).count() >= 2;
    let sender = &content.sender;
    let literal = body.contains(sender.shown_name())
        && !sender.postal_address.is_empty()
        && body.contains(&sender.postal_address);
    merged || literal
}

/// `src="logo.png"` or `src="cid:logo.png"` of a file of the campaign, pointed to where it will be found.
fn with_images(mut html: String, content: &Content, url: impl Fn(&FileCard) -> String) -> String {
    for file in content.files.iter().filter(|f| f.role.is_image()) {
        let url = url(file);
        for quote in ['"', '\''] {
            for prefix in ["", "cid:", "./"] {
                let typed = format!("{quote}{prefix}{}{quote}", file.name);
                if html.contains(&typed) {
                    html = html.replace(&typed, &format!("{quote}{url}{quote}"));
                }
            }
        }
    }
    html
}

fn cut(text: &str, most: usize) -> String {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

/// For a preview without a recipient.
pub(super) fn nobody() -> Result<Email> {
    Email::parse("hanako@example.jp")
}
