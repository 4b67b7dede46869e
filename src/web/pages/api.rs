//! What a script can ask over HTTP: the same questions as on the command line, the same objects as its `--json`.
//!
//! A token's scope is the right of the row. Answers are JSON, errors too; `docs/api.md` is the manual.

use crate::base::ids::{CampaignId, MessageId};
use crate::base::{Email, Error, Progress, Result, limits, progress::Quiet};
use crate::campaigns::message::Words;
use crate::contacts::people::{self, Edit};
use crate::delivery::messages;
use crate::house::ask::campaigns::CampaignAsk;
use crate::house::ask::lists::SegmentAsk;
use crate::house::ask::{Ask, Streams};
use crate::house::send::Send;
use crate::web::answer::Answer;
use crate::web::visit::Visit;
use std::io::{Read, Write};
use std::marker;

/// An address that only answers lends no files.
pub(super) struct NoFiles;

fn no_file() -> Error {
    Error::bug("an API address that needs a file")
}

impl Streams for NoFiles {
    fn input(&self, _: &str) -> Result<Box<dyn Read + marker::Send + '_>> {
        Err(no_file())
    }

    fn output(&self, _: &str) -> Result<Box<dyn Write + marker::Send + '_>> {
        Err(no_file())
    }

    fn progress(&self) -> &dyn Progress {
        &Quiet
    }
}

fn ask(v: &Visit<'_>, ask: Ask) -> Result<Answer> {
    Ok(Answer::json(&v.house.answer(&v.by(), v.now, ask, &NoFiles)?.value))
}

fn campaign(v: &Visit<'_>) -> Result<CampaignId> {
    CampaignId::parse(v.part("id"))
}

pub(crate) fn status(v: &mut Visit<'_>) -> Result<Answer> {
    Ok(Answer::json(&serde_json::json!({"status": "ok", "version": v.house.build.version, "by": v.by().to_string()})))
}

pub(crate) fn campaigns(v: &mut Visit<'_>) -> Result<Answer> {
    let state = Some(v.query.get("state").to_owned()).filter(|s| !s.is_empty());
    let before = CampaignId::parse(v.query.get("before")).ok();
    ask(v, Ask::Campaign(CampaignAsk::List { state, before, most: limits::PAGE_MAX }))
}

pub(crate) fn result(v: &mut Visit<'_>) -> Result<Answer> {
    ask(v, Ask::Campaign(CampaignAsk::Result(campaign(v)?)))
}

/// Starts sending and answers at once; `result` tells how it goes.
pub(crate) fn send(v: &mut Visit<'_>) -> Result<Answer> {
    let order = Send { campaign: campaign(v)?, wait: false, timeout: None, strict: v.form.has("strict") };
    ask(v, Ask::Campaign(CampaignAsk::Send(order)))
}

pub(crate) fn pause(v: &mut Visit<'_>) -> Result<Answer> {
    ask(v, Ask::Campaign(CampaignAsk::Pause(campaign(v)?)))
}

pub(crate) fn resume(v: &mut Visit<'_>) -> Result<Answer> {
    ask(v, Ask::Campaign(CampaignAsk::Resume(campaign(v)?)))
}

pub(crate) fn cancel(v: &mut Visit<'_>) -> Result<Answer> {
    ask(v, Ask::Campaign(CampaignAsk::Cancel(campaign(v)?)))
}

pub(crate) fn count(v: &mut Visit<'_>) -> Result<Answer> {
    ask(v, Ask::Segment(SegmentAsk::Count { text: v.query.get("segment").to_owned() }))
}

/// One message, `from`, `to`, `subject`, `text` or `html`, under the key of the header `Idempotency-Key`. 202 when it is
/// durable; 200 with the same answer for a key that was used for the same message before.
pub(crate) fn send_message(v: &mut Visit<'_>) -> Result<Answer> {
    let to = Email::parse(v.form.get("to"))?;
    let given = |name| Some(v.form.get(name)).filter(|text| !text.is_empty());
    let words = Words {
        from: v.form.get("from"),
        to: &to,
        reply_to: given("reply_to"),
        subject: v.form.get("subject"),
        text: v.form.get("text"),
        html: given("html"),
    };
    let accepted = v.house.send_message(&v.by(), v.now, v.header("idempotency-key"), &words)?;
    let status = if accepted.again { 200 } else { 202 };
    Ok(known(v, accepted.id)?.status(status))
}

pub(crate) fn message(v: &mut Visit<'_>) -> Result<Answer> {
    known(v, MessageId::parse(v.part("id"))?)
}

fn known(v: &Visit<'_>, id: MessageId) -> Result<Answer> {
    let message = messages::get(&v.house.store, id)?;
    Ok(Answer::json(&serde_json::to_value(message).map_err(Error::bug)?))
}

/// `email`, `tag` as often as wanted, and attributes by their name.
pub(crate) fn add_contact(v: &mut Visit<'_>) -> Result<Answer> {
    let edit = Edit {
        email: Some(v.form.get("email").to_owned()),
        tags: v.form.all("tag").map(str::to_owned).collect(),
        values: v
            .form
            .pairs()
            .filter(|(name, _)| !["email", "tag", "csrf"].contains(name))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        ..Edit::default()
    };
    let id = people::add(&v.house.store, &v.by(), v.now, &edit)?;
    Ok(Answer::json(&serde_json::json!({"contact": id})).status(201))
}
