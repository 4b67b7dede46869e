//! One letter for one recipient: fields, links, rendering, MIME. `Writer` is everything that is made once; `RunLetters`
//! is what delivery asks when it claims a row.

use super::audience;
use super::content::{Content, FileCard, FileRole};
use super::file;
use super::header::HeaderText;
use super::links::{self, Holder, Signer};
use super::mime::{Frame, Head, Mail, Part};
use super::render::{Links, Rendered, Renderer};
use super::returns;
use crate::base::{Email, Result, Time, ids::ContactId, ids::RunId, resolve};
use crate::contacts::MailKind;
use crate::contacts::attribute::Catalog;
use crate::contacts::people::Person;
use crate::contacts::reading;
use crate::delivery::bounces::{About, Paths, Purpose};
use crate::delivery::{Letter, Letters, Skip, inbound};
use crate::store::Store;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A sample letter, for the pre-flight.
pub(super) struct Shown {
    pub(super) rendered: Rendered,
    /// The text part without the house's footer.
    pub(super) bare_text: String,
    pub(super) appended: bool,
    pub(super) size: u64,
}

/// A content made ready to be written to many.
pub(super) struct Writer {
    pub(super) content: Content,
    pub(super) renderer: Renderer,
    frame: Frame,
    from: Email,
    /// Where failures are told, if they come back to this house: a path of its own for each message.
    returns: Option<(Paths, String)>,
    signer: Signer,
    advertises: bool,
}

impl Writer {
    pub(super) fn new(store: &Store, content: Content) -> Result<Writer> {
        let catalog = Catalog::read(store)?;
        let domain = content.sender.from_mailbox()?.email.domain().to_owned();
        let renderer = Renderer::new(&content, &catalog, |f| match f.role {
            FileRole::Hosted => hosted(&content.public_url, f),
            FileRole::Embedded | FileRole::Attachment => format!("cid:{}", cid(f, &domain)),
        })?;
        let frame = frame(store, &content, &domain)?;
        let from = content.sender.from_mailbox()?.email;
        let advertises = content.kind == MailKind::Advertisement;
        let returns = inbound::way_in(store)?.return_domain.map(|domain| (returns::paths(store), domain));
        Ok(Writer { renderer, frame, from, returns, signer: Signer::new(store), advertises, content })
    }

    pub(super) fn letter(&self, run: RunId, person: &Person, now: Time) -> Result<Letter> {
        let holder = Holder { run, contact: person.id, topic: self.content.topic };
        let links = self.signer.links(&self.content.public_url, &holder);
        let message_id = self.signer.message_id(&holder, self.from.domain());
        let rendered = self.renderer.render(person, &links)?;
        let letter = self.sealed(&rendered, (&person.email, &message_id, &links), now);
        Ok(Letter { from: self.return_path(About { run, contact: person.id })?, ..letter })
    }

    fn return_path(&self, about: About) -> Result<Email> {
        match &self.returns {
            Some((paths, domain)) => Email::parse(&format!("{}@{domain}", paths.local(Purpose::Bounce, about))),
            None => Ok(self.from.clone()),
        }
    }

    /// To `to`, as `person` would get it: the subject is marked and the links lead nowhere.
    pub(super) fn test(&self, to: &Email, person: &Person, now: Time) -> Result<Letter> {
        let links = links::inert(&self.content.public_url);
        let mut rendered = self.renderer.render(person, &links)?;
        rendered.subject = HeaderText::cleaned(&format!("【テスト】{}", rendered.subject.as_str()));
        let random = crate::base::seal::random::<12>()?;
        let message_id = format!("test.{}@{}", data_encoding::HEXLOWER.encode(&random), self.from.domain());
        Ok(self.sealed(&rendered, (to, &message_id, &links), now))
    }

    /// One mail as it would be sent, and what can be said about it.
    pub(super) fn shown(&self, person: &Person, now: Time) -> Result<Shown> {
        let holder = Holder { run: RunId(0), contact: person.id, topic: self.content.topic };
        let links = self.signer.links(&self.content.public_url, &holder);
        let bare_text = self.renderer.render_part("text", person, &links)?;
        let rendered = self.renderer.render(person, &links)?;
        let appended = rendered.text.len() != bare_text.len();
        let size = self.sealed(&rendered, (&person.email, "x@x", &links), now).message.len() as u64;
        Ok(Shown { rendered, bare_text, appended, size })
    }

    fn sealed(&self, rendered: &Rendered, (to, message_id, links): (&Email, &str, &Links), now: Time) -> Letter {
        let mail = Mail {
            at: now,
            to,
            message_id,
            unsubscribe: self.advertises.then_some(links.unsubscribe.as_str()),
            subject: &rendered.subject,
            html: rendered.html.as_deref(),
            text: &rendered.text,
        };
        Letter { from: self.from.clone(), to: to.clone(), message: self.frame.write(&mail) }
    }
}

pub(super) fn hosted(public_url: &str, file: &FileCard) -> String {
    let ending = file.name.rsplit_once('.').map_or("img", |(_, e)| e).to_ascii_lowercase();
    let ending: String = ending.chars().filter(char::is_ascii_alphanumeric).take(5).collect();
    format!("{public_url}/i/{}.{ending}", file.token)
}

fn cid(file: &FileCard, domain: &str) -> String {
    format!("{}@{domain}", file.token)
}

fn frame(store: &Store, content: &Content, domain: &str) -> Result<Frame> {
    let from = content.sender.from_mailbox()?;
    let reply_to = content.sender.reply_mailbox()?;
    let topic = HeaderText::cleaned(&content.topic_name);
    let advertises = content.kind == MailKind::Advertisement;
    let files: Vec<(&FileCard, Vec<u8>, String)> = content
        .files
        .iter()
        .filter(|f| f.role != FileRole::Hosted)
        .map(|f| Ok((f, file::bytes(store, f)?, cid(f, domain))))
        .collect::<Result<_>>()?;
    let parts: Vec<Part<'_>> = files
        .iter()
        .map(|(f, bytes, cid)| Part {
            name: &f.name,
            media: &f.media,
            cid: (f.role == FileRole::Embedded).then_some(cid.as_str()),
            bytes,
        })
        .collect();
    let head = Head {
        from: &from,
        reply_to: reply_to.as_ref(),
        list: advertises.then(|| (&topic, format!("{}.{domain}", content.topic))),
        automatic: !advertises,
    };
    Ok(Frame::new(&head, &parts))
}

/// The letters of one run.
pub(super) struct RunLetters<'a> {
    store: &'a Store,
    writer: Writer,
    used: Catalog,
}

impl<'a> RunLetters<'a> {
    pub(super) fn new(store: &'a Store, content: Content) -> Result<RunLetters<'a>> {
        let writer = Writer::new(store, content)?;
        let used = writer.renderer.used();
        Ok(RunLetters { store, writer, used })
    }
}

impl Letters for RunLetters<'_> {
    fn domains(&self, contacts: &[ContactId]) -> Result<Vec<Option<String>>> {
        let emails = reading::emails(self.store, contacts)?;
        let domain = |email: Email| resolve::a_labels(email.domain()).map(|domain| domain.to_ascii_lowercase());
        Ok(emails.into_iter().map(|email| email.and_then(domain)).collect())
    }

    fn letter(&self, run: RunId, contact: ContactId, now: Time) -> Result<Result<Letter, Skip>> {
        let content = &self.writer.content;
        if let Some(reason) = audience::refusal(self.store, contact, content.topic, content.kind)? {
            return Ok(Err(Skip::Suppressed(reason)));
        }
        let Some(person) = reading::picked(self.store, &self.used, contact)? else {
            return Ok(Err(Skip::Suppressed("gone")));
        };
        // One recipient whose mail cannot be made is set aside by name and does not stop the others.
        let made = catch_unwind(AssertUnwindSafe(|| self.writer.letter(run, &person, now)));
        Ok(match made {
            Ok(Ok(letter)) => Ok(letter),
            Ok(Err(_)) => Err(Skip::Failed("template")),
            Err(_) => Err(Skip::Failed("panic")),
        })
    }
}
