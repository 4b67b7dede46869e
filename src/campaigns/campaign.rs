//! Campaigns as people write them: create, edit, copy, schedule, delete. Sending is in `run`.

use super::content::Content;
use super::header::{HeaderText, Mailbox};
use super::plan::{self, Event, State};
use super::rows::{self, campaigns::Place};
use super::sender;
use super::source::Format;
use crate::base::{By, Error, Result, Say, Time, ids::CampaignId, ids::RunId, ids::SenderId, ids::TopicId, limits};
use crate::contacts::MailKind;
use crate::store::{Deed, Store, Tx};
use serde::{Deserialize, Serialize};

/// What an editor fills in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    pub name: String,
    pub sender: Option<SenderId>,
    pub subject: String,
    pub format: Format,
    pub body: String,
    /// The author's own text part; `None` has it made from the body.
    pub text: Option<String>,
    pub segment: String,
    /// `None`: the house's default topic.
    pub topic: Option<TopicId>,
    pub kind: MailKind,
    pub reason: String,
    pub options: Options,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Options {
    /// Instead of the sender profile's.
    pub reply_to: String,
    /// Two contacts with one address get two mails.
    pub every_contact: bool,
    /// Rows in doubt after a crash are sent again without asking.
    pub resend: bool,
}

impl Default for Draft {
    fn default() -> Draft {
        Draft {
            name: String::new(),
            sender: None,
            subject: String::new(),
            format: Format::Html,
            body: String::new(),
            text: None,
            segment: String::new(),
            topic: None,
            kind: MailKind::Advertisement,
            reason: String::new(),
            options: Options::default(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Campaign {
    pub id: CampaignId,
    /// Grows with every change; an editor gives back the one it saw.
    pub version: i64,
    pub state: State,
    pub at: Option<Time>,
    pub run: Option<RunId>,
    pub why: Option<Say>,
    pub created: Time,
    pub changed: Time,
    #[serde(flatten)]
    pub draft: Draft,
}

/// What became of an edit.
#[derive(Debug)]
pub enum Edited {
    Saved(Box<Campaign>),
    /// Somebody else was first: theirs is in the books, yours is untouched beside it.
    Conflict {
        theirs: Box<Campaign>,
        yours: Box<Draft>,
    },
}

impl Draft {
    /// What can be checked without the house. Whether it can be *sent* is for the pre-flight.
    fn checked(&self) -> Result<Draft> {
        let name = HeaderText::parse(&say!("名前", "The name"), &self.name, 300)?;
        let subject = HeaderText::parse(&say!("件名", "The subject"), &self.subject, limits::SUBJECT_MAX)?;
        let reason = HeaderText::parse(&say!("理由", "The reason"), &self.reason, 1000)?;
        if !self.options.reply_to.trim().is_empty() {
            Mailbox::parse(&say!("返信先", "The reply address"), &self.options.reply_to)?;
        }
        if self.body.len() > limits::SOURCE_MAX || self.text.as_ref().is_some_and(|t| t.len() > limits::SOURCE_MAX) {
            let most = limits::SOURCE_MAX / 1024;
            return Err(Error::refused(say!(
                "本文が大きすぎます（{most} KB まで）。",
                "The body is too large ({most} kB at most)."
            )));
        }
        if name.is_empty() {
            return Err(Error::refused(say!("配信の名前を入れてください。", "Give the campaign a name.")));
        }
        Ok(Draft {
            name: name.as_str().to_owned(),
            subject: subject.as_str().to_owned(),
            reason: reason.as_str().to_owned(),
            ..self.clone()
        })
    }
}

/// `submit` is a word of the caller's (a form's hidden field): the same one twice makes one campaign.
pub fn create(store: &Store, by: &By, now: Time, draft: &Draft, submit: Option<&str>) -> Result<CampaignId> {
    let draft = draft.checked()?;
    store.write(by, now, Deed::from("campaign.create"), |tx| {
        if let Some(submit) = submit
            && let Some(made) = rows::campaigns::submitted(tx, submit)?
        {
            return Ok(made);
        }
        rows::campaigns::insert(tx, &draft, submit, now)
    })
}

pub fn get(store: &Store, id: CampaignId) -> Result<Campaign> {
    store.read(|c| rows::campaigns::one(c, id))?.ok_or_else(missing)
}

/// Newest first.
pub fn list(store: &Store, state: Option<State>, before: Option<CampaignId>, most: usize) -> Result<Vec<Campaign>> {
    store.read(|c| rows::campaigns::page(c, state, before, most))
}

/// Saves a draft that was opened at `version`. A scheduled campaign stays scheduled.
pub fn edit(store: &Store, by: &By, now: Time, id: CampaignId, (version, draft): (i64, &Draft)) -> Result<Edited> {
    let draft = draft.checked()?;
    store.write(by, now, Deed::new("campaign.edit", id.to_string()), |tx| {
        let theirs = editable(tx, id)?;
        if rows::campaigns::update(tx, id, version, &draft, now)? {
            return Ok(Edited::Saved(Box::new(rows::campaigns::one(tx, id)?.ok_or_else(missing)?)));
        }
        match theirs.draft == draft {
            true => Ok(Edited::Saved(Box::new(theirs))),
            false => Ok(Edited::Conflict { theirs: Box::new(theirs), yours: Box::new(draft) }),
        }
    })
}

/// A new draft with the same content and files, whatever became of the first.
pub fn copy(store: &Store, by: &By, now: Time, id: CampaignId) -> Result<CampaignId> {
    let tokens = (0..limits::FILES_COUNT_MAX).map(|_| super::file::token()).collect::<Result<Vec<_>>>()?;
    store.write(by, now, Deed::new("campaign.copy", id.to_string()), |tx| {
        let from = rows::campaigns::one(tx, id)?.ok_or_else(missing)?;
        let name = match from.draft.name.ends_with("のコピー") {
            true => from.draft.name.clone(),
            false => format!("{} のコピー", from.draft.name),
        };
        let made = rows::campaigns::insert(tx, &Draft { name, ..from.draft }, None, now)?;
        for (mut file, token) in rows::files::of(tx, id)?.into_iter().zip(tokens) {
            file.token = token;
            rows::files::insert(tx, made, &file)?;
        }
        Ok(made)
    })
}

/// Only what never had recipients can go; what was sent is a record.
pub fn delete(store: &Store, by: &By, now: Time, id: CampaignId) -> Result<()> {
    let blobs = store.write(by, now, Deed::new("campaign.delete", id.to_string()), |tx| {
        let campaign = rows::campaigns::one(tx, id)?.ok_or_else(missing)?;
        if campaign.run.is_some() {
            return Err(Error::conflict(say!(
                "送信した配信は、記録として残ります。削除できません。",
                "A campaign that was sent is a record and cannot be deleted."
            )));
        }
        let blobs: Vec<String> = rows::files::of(tx, id)?.into_iter().map(|f| f.blob).collect();
        rows::campaigns::delete(tx, id)?;
        blobs
            .into_iter()
            .filter_map(|b| match rows::files::blob_used(tx, &b) {
                Ok(true) => None,
                Ok(false) => Some(Ok(b)),
                Err(e) => Some(Err(e)),
            })
            .collect::<Result<Vec<_>>>()
    })?;
    blobs.iter().try_for_each(|b| super::file::forget(store, b))
}

pub fn schedule(store: &Store, by: &By, now: Time, id: CampaignId, at: Time) -> Result<()> {
    if at <= now {
        return Err(Error::refused(say!("予約の日時が過去です。", "That moment has passed."))
            .hint(say!("今すぐ送ることもできます。", "It can also be sent at once.")));
    }
    move_to(store, by, now, id, ("campaign.schedule", Event::Schedule, Some(at)))
}

pub fn unschedule(store: &Store, by: &By, now: Time, id: CampaignId) -> Result<()> {
    move_to(store, by, now, id, ("campaign.unschedule", Event::Unschedule, None))
}

fn move_to(
    store: &Store,
    by: &By,
    now: Time,
    id: CampaignId,
    (what, event, at): (&'static str, Event, Option<Time>),
) -> Result<()> {
    store.write(by, now, Deed::new(what, id.to_string()), |tx| {
        let campaign = rows::campaigns::one(tx, id)?.ok_or_else(missing)?;
        let state = plan::next(campaign.state, event)?;
        rows::campaigns::place(tx, id, &Place { state, at, run: campaign.run, why: None }, now)
    })
}

pub(super) fn editable(tx: &Tx<'_>, id: CampaignId) -> Result<Campaign> {
    let campaign = rows::campaigns::one(tx, id)?.ok_or_else(missing)?;
    match campaign.state.is_editable() {
        true => Ok(campaign),
        false => Err(Error::conflict(say!(
            "送信を始めた配信は変更できません。",
            "A campaign that has been started cannot be changed."
        ))
        .hint(say!("コピーして、新しい配信として直せます。", "Copy it and change the copy."))),
    }
}

pub(super) fn missing() -> Error {
    Error::missing(say!("その配信はありません。", "There is no such campaign."))
        .hint(say!("`hakobu campaign list` で確かめられます。", "See `hakobu campaign list`."))
}

/// The content as it would go out now: with the sender profile, the topic and the files.
pub fn content(store: &Store, campaign: &Campaign, public_url: &str) -> Result<Content> {
    let draft = &campaign.draft;
    let profile = draft.sender.map(|id| sender::get(store, id)).transpose()?.ok_or_else(|| {
        Error::refused(say!("差出人が設定されていません。", "No sender is set."))
            .hint(say!("配信の「差出人」を選ぶか、--from を指定してください。", "Choose a sender, or give --from."))
    })?;
    let topic = super::audience::topic(store, draft.topic)?;
    let mut sender = profile.sender;
    if !draft.options.reply_to.trim().is_empty() {
        sender.reply_to = draft.options.reply_to.clone();
    }
    let files = store.read(|c| rows::files::of(c, campaign.id))?;
    let public_url = public_url.trim_end_matches('/').to_owned();
    Ok(Content { public_url, ..Content::of(draft, sender, topic, files) })
}
