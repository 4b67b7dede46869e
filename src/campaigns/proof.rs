//! Proofs: a campaign as one recipient would see it, on a page or as a test mail. The renderer is the send's own.

use super::audience;
use super::campaign::{self, Campaign, Draft};
use super::content::{Content, FileCard};
use super::file;
use super::letters::Writer;
use super::links;
use super::render::{Renderer, nobody};
use super::rows;
use super::sender::Sender;
use crate::base::{Email, Error, Kind, Result, Time, ids::CampaignId, ids::ContactId, ids::TopicId, limits};
use crate::contacts::attribute::Catalog;
use crate::contacts::people::Person;
use crate::contacts::reading;
use crate::delivery::{self, Finish, Route};
use crate::store::Store;
use serde::Serialize;

#[derive(Clone, Debug, Serialize)]
pub struct Preview {
    pub subject: String,
    /// Safe to show in a sandboxed frame: images are inside, links are inert.
    pub html: Option<String>,
    pub text: String,
    /// Fields that no attribute has, with the part that asks for them.
    pub unknown: Vec<String>,
}

/// Of a draft as it stands in the editor, saved or not. Unknown fields are listed, and nothing is shown for them.
pub fn preview(store: &Store, draft: &Draft, of: Option<CampaignId>, who: Option<ContactId>) -> Result<Preview> {
    let content = shown(store, draft, of)?;
    let catalog = Catalog::read(store)?;
    let renderer = Renderer::new(&content, &catalog, |f| data_uri(store, f))?;
    let unknown: Vec<String> = renderer.unknown().iter().map(|(_, name)| name.clone()).collect();
    if !unknown.is_empty() {
        let list = unknown.join("、");
        return Err(Error::refused(say!("知らない項目があります: {list}", "There are unknown fields: {list}"))
            .hint(say!("属性の名前を確かめてください。", "Check the names of the attributes.")));
    }
    let person = person(store, &renderer.used(), &draft.segment, who)?;
    let rendered = renderer.render(&person, &links::inert(&content.public_url))?;
    let subject = rendered.subject.as_str().to_owned();
    Ok(Preview { subject, html: rendered.html, text: rendered.text, unknown })
}

/// The content of a draft that may still lack its sender.
fn shown(store: &Store, draft: &Draft, of: Option<CampaignId>) -> Result<Content> {
    let sender = match draft.sender {
        Some(id) => super::sender::get(store, id)?.sender,
        None => Sender { from: "差出人 <sender@example.jp>".into(), ..Sender::default() },
    };
    let topic = match audience::topic(store, draft.topic) {
        // A topic that has gone keeps nobody from looking; the pre-flight names it.
        Err(e) if e.kind() == Kind::Missing => (TopicId(1), String::new()),
        found => found?,
    };
    let files = of.map(|id| store.read(|c| rows::files::of(c, id))).transpose()?.unwrap_or_default();
    Ok(Content::of(draft, sender, topic, files))
}

fn data_uri(store: &Store, card: &FileCard) -> String {
    let bytes = file::bytes(store, card).unwrap_or_default();
    format!("data:{};base64,{}", card.media, data_encoding::BASE64.encode(&bytes))
}

/// The one asked for, else the segment's first, else nobody in particular.
pub(super) fn person(store: &Store, used: &Catalog, segment: &str, who: Option<ContactId>) -> Result<Person> {
    let first = || -> Result<Option<ContactId>> {
        let Ok(segment) = audience::segment(store, segment) else { return Ok(None) };
        Ok(audience::page(store, &segment, Time(0), ContactId(0), 1)?.first().copied())
    };
    let found = match who {
        Some(id) => Some(
            reading::picked(store, used, id)?
                .ok_or_else(|| Error::missing(say!("その連絡先はありません。", "There is no such contact.")))?,
        ),
        None => first()?.map(|id| reading::picked(store, used, id)).transpose()?.flatten(),
    };
    match found {
        Some(person) => Ok(person),
        None => Ok(Person {
            id: ContactId(0),
            email: nobody()?,
            key: None,
            created: Time(0),
            changed: Time(0),
            tags: vec![],
            values: vec![],
        }),
    }
}

/// Where test mails go.
pub enum TestTo {
    These(Vec<Email>),
    /// A tag or a saved segment; each member sees their own mail unless `as_contact` says otherwise. Whoever refused
    /// stays out.
    Group(String),
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct Tested {
    pub sent: u64,
    /// Not taken by the next host.
    pub refused: u64,
    /// Members of the group who refused or are on the do-not-send list.
    pub left_out: u64,
}

/// Test mails are marked, their refusal link does nothing, and they are not counted anywhere.
pub fn test(
    store: &Store,
    route: &Route,
    now: Time,
    (campaign, public_url): (&Campaign, &str),
    (to, as_contact): (&TestTo, Option<ContactId>),
) -> Result<Tested> {
    let content = campaign::content(store, campaign, public_url)?;
    let writer = Writer::new(store, content)?;
    super::preflight::must_know(&writer.renderer)?;
    let used = writer.renderer.used();
    let (mut letters, mut tested) = (Vec::new(), Tested::default());
    match to {
        TestTo::These(emails) => {
            let person = person(store, &used, &campaign.draft.segment, as_contact)?;
            for email in emails.iter().take(limits::TEST_MAILS_MAX) {
                letters.push(writer.test(email, &person, now)?);
            }
        }
        TestTo::Group(name) => {
            for id in audience::group(store, name, now, limits::TEST_MAILS_MAX)? {
                let Some(member) = reading::picked(store, &used, id)? else { continue };
                if audience::refuses(store, id, writer.content.topic, writer.content.kind)? {
                    tested.left_out += 1;
                    continue;
                }
                let shown = as_contact.map(|c| person(store, &used, "", Some(c))).transpose()?;
                letters.push(writer.test(&member.email, shown.as_ref().unwrap_or(&member), now)?);
            }
        }
    }
    if letters.is_empty() {
        return Err(Error::refused(say!("テストの送り先がありません。", "There is nobody to send the test to.")));
    }
    let finish = Finish::of(store, &writer.content.sender.from_mailbox()?.email)?;
    for letter in letters {
        let letter = &finish.letter(letter, now)?;
        match (200..300).contains(&delivery::send_one(route, letter)?.code) {
            true => tested.sent += 1,
            false => tested.refused += 1,
        }
    }
    Ok(tested)
}
