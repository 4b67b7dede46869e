//! Writing campaigns from the command line: what is given goes into a draft, the rest stays. And saved templates.

use super::campaigns::shown;
use super::{Answer, Hidden, Streams};
use crate::base::{By, Error, Result, Time, ids::CampaignId};
use crate::campaigns::campaign::{self, Draft, Edited};
use crate::campaigns::content::FileRole;
use crate::campaigns::file::{self, NewFile};
use crate::campaigns::sender;
use crate::campaigns::source::Format;
use crate::campaigns::template::{self, Template};
use crate::contacts::{MailKind, segment, topic};
use crate::house::House;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// What a command gives of a draft.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Given {
    /// A saved template's id or name: its subject and bodies come first.
    pub template: Option<String>,
    pub name: Option<String>,
    /// A profile's id or name, or `Name <address>`.
    pub from: Option<Hidden>,
    pub subject: Option<Hidden>,
    pub body: Option<(Format, Hidden)>,
    /// The text part; the body where the draft is text alone.
    pub text: Option<Hidden>,
    pub segment: Option<String>,
    pub topic: Option<String>,
    pub kind: Option<MailKind>,
    pub reason: Option<String>,
    pub reply_to: Option<String>,
    pub every_contact: Option<bool>,
    pub resend: Option<bool>,
    /// Role and name of each input `file.0`, `file.1` …
    pub files: Vec<(FileRole, Hidden)>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Change {
    pub campaign: CampaignId,
    pub given: Given,
    /// Files that go, by name.
    pub without: Vec<Hidden>,
    /// Refused as a conflict when the draft is at another version by now.
    pub version: Option<i64>,
}

#[derive(Debug, Serialize, Deserialize)]
pub enum TemplateAsk {
    List,
    Show(String),
    /// Makes a template, or changes the one of this name.
    Save {
        name: String,
        subject: Option<Hidden>,
        body: Option<(Format, Hidden)>,
        text: Option<Hidden>,
    },
    Delete(String),
}

pub(super) fn create(house: &House, by: &By, now: Time, given: &Given, io: &dyn Streams) -> Result<Answer> {
    let draft = filled(house, by, now, (Draft::default(), given))?;
    let id = campaign::create(&house.store, by, now, &draft, None)?;
    if let Err(e) = attach(house, by, now, (id, &given.files), io) {
        campaign::delete(&house.store, by, now, id)?;
        return Err(e);
    }
    Answer::of(shown(house, &campaign::get(&house.store, id)?)?)
}

pub(super) fn edit(house: &House, by: &By, now: Time, change: &Change, io: &dyn Streams) -> Result<Answer> {
    let store = &house.store;
    let seen = campaign::get(store, change.campaign)?;
    let draft = filled(house, by, now, (seen.draft, &change.given))?;
    let version = change.version.unwrap_or(seen.version);
    if let Edited::Conflict { theirs, .. } = campaign::edit(store, by, now, seen.id, (version, &draft))? {
        let (id, version) = (theirs.id, theirs.version);
        return Err(Error::conflict(say!(
            "{id} は先に変更されています（今の版は {version}）。",
            "{id} was changed in the meantime (it is at version {version} now)."
        ))
        .hint(say!("hakobu campaign show で今の内容を確かめてください。", "Look at it with hakobu campaign show.")));
    }
    for name in &change.without {
        file::remove(store, by, now, seen.id, &name.0)?;
    }
    attach(house, by, now, (seen.id, &change.given.files), io)?;
    Answer::of(shown(house, &campaign::get(store, seen.id)?)?)
}

/// The draft with everything in it that was given. What cannot be read is refused before anything is written.
fn filled(house: &House, by: &By, now: Time, (mut draft, given): (Draft, &Given)) -> Result<Draft> {
    let store = &house.store;
    if let Some(which) = &given.template {
        let saved = template::find(store, which)?.template;
        (draft.subject, draft.format, draft.body, draft.text) = (saved.subject, saved.format, saved.body, saved.text);
    }
    if let Some(text) = &given.segment {
        draft.segment = segment::meant(store, text)?;
    }
    if let Some(which) = &given.topic {
        draft.topic = Some(topic::find(store, which)?.id);
    }
    let written = Written { subject: draft.subject, format: draft.format, body: draft.body, text: draft.text };
    let written = written.with((&given.subject, &given.body, &given.text));
    (draft.subject, draft.format, draft.body, draft.text) =
        (written.subject, written.format, written.body, written.text);
    draft.name = given.name.clone().unwrap_or(draft.name);
    draft.kind = given.kind.unwrap_or(draft.kind);
    draft.reason = given.reason.clone().unwrap_or(draft.reason);
    draft.options.reply_to = given.reply_to.clone().unwrap_or(draft.options.reply_to);
    draft.options.every_contact = given.every_contact.unwrap_or(draft.options.every_contact);
    draft.options.resend = given.resend.unwrap_or(draft.options.resend);
    if let Some(from) = &given.from {
        draft.sender = Some(sender::find_or_create(store, by, now, &from.0)?);
    }
    Ok(draft)
}

struct Written {
    subject: String,
    format: Format,
    body: String,
    text: Option<String>,
}

impl Written {
    fn with(mut self, (subject, body, text): (&Option<Hidden>, &Option<(Format, Hidden)>, &Option<Hidden>)) -> Written {
        if let Some(subject) = subject {
            self.subject.clone_from(&subject.0);
        }
        if let Some((format, body)) = body {
            (self.format, self.body) = (*format, body.0.clone());
        }
        match text {
            Some(text) if self.format == Format::Text => (self.body, self.text) = (text.0.clone(), None),
            Some(text) => self.text = Some(text.0.clone()),
            None => {}
        }
        self
    }
}

fn attach(
    house: &House,
    by: &By,
    now: Time,
    (id, files): (CampaignId, &[(FileRole, Hidden)]),
    io: &dyn Streams,
) -> Result<()> {
    for (n, (role, name)) in files.iter().enumerate() {
        let mut from = io.input(&format!("file.{n}"))?;
        file::add(&house.store, by, now, id, (NewFile { role: *role, name: &name.0 }, from.as_mut()))?;
    }
    Ok(())
}

pub(super) fn templates(house: &House, by: &By, now: Time, ask: TemplateAsk) -> Result<Answer> {
    let store = &house.store;
    match ask {
        TemplateAsk::List => {
            let line = |s: &template::Saved| {
                json!({"template": s.id, "name": s.template.name, "subject": s.template.subject,
                    "format": s.template.format, "version": s.version})
            };
            Answer::of(json!({"templates": template::list(store)?.iter().map(line).collect::<Vec<_>>()}))
        }
        TemplateAsk::Show(which) => Answer::of(whole(&template::find(store, &which)?)),
        TemplateAsk::Save { name, subject, body, text } => {
            let known = template::list(store)?.into_iter().find(|s| s.template.name == name.trim());
            let before = known.as_ref().map_or_else(
                || Written { subject: String::new(), format: Format::Text, body: String::new(), text: None },
                |s| {
                    let Template { subject, format, body, text, .. } = s.template.clone();
                    Written { subject, format, body, text }
                },
            );
            let Written { subject, format, body, text } = before.with((&subject, &body, &text));
            let wanted = Template { name, subject, format, body, text };
            let id = match known {
                Some(saved) => template::edit(store, by, now, saved.id, (saved.version, &wanted)).map(|()| saved.id)?,
                None => template::save(store, by, now, &wanted)?,
            };
            Answer::of(whole(&template::get(store, id)?))
        }
        TemplateAsk::Delete(which) => {
            let id = template::find(store, &which)?.id;
            template::delete(store, by, now, id)?;
            Answer::of(json!({"template": id, "deleted": true}))
        }
    }
}

fn whole(s: &template::Saved) -> serde_json::Value {
    json!({"template": s.id, "name": s.template.name, "subject": s.template.subject, "format": s.template.format,
        "body": s.template.body, "text": s.template.text, "version": s.version})
}
