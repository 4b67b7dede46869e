//! Mail that came back is read, and what follows from it is done: a row moves, a reader refuses, an address is left alone.
//!
//! Everything here may be done twice and counts once: a row that was moved is not moved again, a refusal that stands is
//! not recorded again. So a mail whose reading was cut off is simply read again.
//!
//! **Invariant:** nothing a mail says about whom it concerns is believed: only a token or a Message-ID with our mark.

use super::audience;
use super::feed::{self, News};
use super::links::{Holder, Signer};
use super::run::{self, Run};
use super::sender;
use crate::base::{By, Email, Kind as ErrorKind, Result, Time};
use crate::contacts::{failure, reading};
use crate::delivery::bounces::{self, About, Class, Incoming, Kind, Mail, Next, Paths, Purpose, Said, plan};
use crate::delivery::inbound::To;
use crate::delivery::inbound::tray::Outcome;
use crate::delivery::{self, Late, Ledger, State, Told};
use crate::store::Store;

/// A mail at one of our addresses.
pub struct Came<'a> {
    pub to: &'a To,
    /// With the empty return path.
    pub nobody: bool,
    pub bytes: &'a [u8],
}

/// What came of it.
#[derive(Debug)]
pub enum Followed {
    Done(Outcome),
    /// A person wrote: it is to be sent on to this address, and that is the outcome then.
    Forward(Email, Outcome),
    /// It cannot be decided yet.
    Later,
}

/// The return path of one message, before its `@`.
pub fn paths(store: &Store) -> Paths {
    Paths::new(|purpose| store.keys().token(purpose))
}

pub fn follow(store: &Store, now: Time, came: &Came<'_>) -> Result<Followed> {
    let mail = Mail::read(came.bytes);
    let incoming = bounces::read(&mail, came.to.postbox, came.nobody);
    let ours = ours(store, came.to, &incoming)?;
    let next = plan::next(&incoming, came.to.postbox, ours.is_some());
    let case = Case { store, now, incoming: &incoming, ours: ours.as_ref() };
    match (next, &ours) {
        (Next::Fail(class), Some((about, run))) => case.fail(class, *about, run),
        (Next::Complain, Some((about, _))) => {
            failure::complain(store, &By::house("inbound"), now, about.contact)?;
            case.done("suppressed")
        }
        (Next::Refuse, Some((about, run))) => {
            let holder = Holder { run: about.run, contact: about.contact, topic: run.content.topic };
            audience::refuse_by_mail(store, now, &holder)?;
            case.done("refused")
        }
        (Next::Forward, _) => case.forward(&mail, came.to),
        (Next::Nothing, _) => case.done("nothing"),
        (Next::Show | Next::Fail(_) | Next::Complain | Next::Refuse, _) => case.shown("shown"),
    }
}

/// The message of ours that it is about, if it bears our mark and its run is known.
fn ours(store: &Store, to: &To, incoming: &Incoming) -> Result<Option<(About, Run)>> {
    let by_path = || match &incoming.kind {
        Kind::Complaint(c) => c.path.as_deref().and_then(|local| paths(store).read(local)),
        _ => None,
    };
    let by_path = || by_path().filter(|(purpose, _)| *purpose == Purpose::Bounce).map(|(_, about)| about);
    let by_id = || incoming.message_id.as_deref().and_then(|id| Signer::new(store).message(id));
    let Some(about) = to.about.or_else(by_path).or_else(by_id) else { return Ok(None) };
    match run::get(store, about.run) {
        Ok(run) => Ok(Some((about, run))),
        Err(e) if e.kind() == ErrorKind::Missing => Ok(None),
        Err(e) => Err(e),
    }
}

struct Case<'a> {
    store: &'a Store,
    now: Time,
    incoming: &'a Incoming,
    ours: Option<&'a (About, Run)>,
}

impl Case<'_> {
    fn done(&self, done: &str) -> Result<Followed> {
        Ok(Followed::Done(self.outcome(done, false)?))
    }

    fn shown(&self, done: &str) -> Result<Followed> {
        Ok(Followed::Done(self.outcome(done, true)?))
    }

    fn outcome(&self, done: &str, shown: bool) -> Result<Outcome> {
        let (class, said) = match &self.incoming.kind {
            Kind::Bounce { class, said } => (Some(class.name().to_owned()), self.kept(said)?),
            _ => (None, String::new()),
        };
        Ok(Outcome { kind: self.incoming.kind.name().to_owned(), class, said, done: done.to_owned(), shown })
    }

    /// What was said without the address of whom it was said of.
    fn kept(&self, said: &Said) -> Result<String> {
        let to = match self.ours {
            Some((about, _)) => reading::emails(self.store, &[about.contact])?.pop().flatten(),
            None => None,
        };
        let kept = bounces::keep(&said.words, to.as_ref());
        let code = said.code.to_string();
        Ok(kept.strip_prefix(&code).map_or(kept.as_str(), |rest| rest.trim_start_matches([' ', '-'])).to_owned())
    }

    fn fail(&self, class: Class, about: About, run: &Run) -> Result<Followed> {
        let Kind::Bounce { said, .. } = &self.incoming.kind else { return self.shown("shown") };
        let state = if class == Class::Hard { State::Bounced } else { State::Failed };
        let late = Late { state, code: said.code, said: self.kept(said)? };
        let Some(ledger) = Ledger::find(self.store, run.id)? else { return self.shown("shown") };
        let told = match ledger.tell_late(about.contact, &late, self.now) {
            Err(e) if e.kind() == ErrorKind::Conflict => {
                let news = News { contact: about.contact, state, class: Some(class) };
                let amended = feed::amend(self.store, self.now, run.id, &news)?;
                if amended { Told::Moved } else { Told::Known }
            }
            told => told?,
        };
        match told {
            Told::Moved => {
                feed::report(self.store, self.now, run, &ledger)?;
                // Nobody could tell what it means: somebody may.
                if class == Class::Unknown { self.shown("failed") } else { self.done("failed") }
            }
            // The report may have been written down before a stop, and its consequences not.
            Told::Known => feed::report(self.store, self.now, run, &ledger).and_then(|()| self.done("known")),
            Told::TooEarly => Ok(Followed::Later),
            Told::Nobody => self.shown("shown"),
        }
    }

    /// To whom people are told to write. Not to ourselves: it would come back.
    fn forward(&self, mail: &Mail<'_>, to: &To) -> Result<Followed> {
        let outcome = self.outcome("forwarded", false)?;
        let went_round = mail.head.has("resent-from") && mail.head.has(FORWARDED);
        match self.reader()? {
            Some(reader) if !went_round && !reader.domain().eq_ignore_ascii_case(&to.domain) => {
                Ok(Followed::Forward(reader, outcome))
            }
            _ => self.shown("shown"),
        }
    }

    fn reader(&self) -> Result<Option<Email>> {
        if let Some((_, run)) = self.ours {
            let sender = &run.content.sender;
            let mailbox = match sender.reply_mailbox()? {
                Some(reply) => reply,
                None => sender.from_mailbox()?,
            };
            return Ok(Some(mailbox.email));
        }
        for profile in sender::list(self.store)? {
            if let Some(reply) = profile.sender.reply_mailbox()? {
                return Ok(Some(reply.email));
            }
        }
        delivery::alarm_to(self.store)
    }
}

/// Marks what was sent on, so that it is not sent on again.
pub const FORWARDED: &str = "hakobu-forwarded";
