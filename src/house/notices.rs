//! Telling those who use the house of an update: each active user one mail, by the relay and outside any campaign, in a
//! thread behind the pages; or a draft for contacts, which is checked and sent like any other.
//!
//! Who has got it stands in the books, mail by mail; in this memory is only how far the sending is. When the process
//! ends in between, the rest is told by the next click.

use super::House;
use crate::access::{User, look, user};
use crate::base::{By, Email, Error, Kind, Lang, Result, Say, Time, ids::CampaignId};
use crate::campaigns::campaign::{self, Draft};
use crate::campaigns::source::Format;
use crate::contacts::MailKind;
use crate::delivery::{self, Finish, Route};
use crate::update::notice::plan::Text;
use crate::update::notice::{self, Which};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The notice that is being sent, or the last one that was.
#[derive(Default)]
pub struct Desk(Mutex<Option<Sending>>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sending {
    pub which: Which,
    pub about: String,
    pub total: u64,
    pub sent: Sent,
    pub state: State,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    Going,
    Done,
    /// Why the rest was not told.
    Broken(Say),
}

impl Desk {
    fn state(&self) -> MutexGuard<'_, Option<Sending>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far this notice is; nothing when it was not sent since the house was opened, or another one was.
    pub fn of(&self, which: Which, about: &str) -> Option<Sending> {
        self.state().clone().filter(|s| s.which == which && s.about == about)
    }

    /// One at a time.
    fn begin(&self, sending: Sending) -> Result<()> {
        let mut state = self.state();
        if state.as_ref().is_some_and(|s| s.state == State::Going) {
            return Err(Error::later(say!("お知らせを送っているところです。", "A notice is being sent.")));
        }
        *state = Some(sending);
        Ok(())
    }

    fn change(&self, change: impl FnOnce(&mut Sending)) {
        if let Some(sending) = self.state().as_mut() {
            change(sending);
        }
    }
}

/// One notice in both languages, and what it is about.
pub struct Notice {
    pub which: Which,
    pub about: String,
    pub ja: Text,
    pub en: Text,
}

impl Notice {
    pub fn text(&self, lang: Lang) -> &Text {
        match lang {
            Lang::Ja => &self.ja,
            Lang::En => &self.en,
        }
    }
}

/// What the relay said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    pub accepted: u64,
    pub refused: u64,
}

impl House {
    /// The name that the house goes by.
    pub fn name(&self, lang: Lang) -> Result<String> {
        let name = look::get(&self.store)?.name;
        Ok(if name.is_empty() { lang.pick("運ぶ", "Hakobu").to_owned() } else { name })
    }

    /// Active users who have not got it yet.
    pub fn untold(&self, which: Which, about: &str) -> Result<Vec<User>> {
        let reached = notice::reached(&self.store, which, about)?;
        let mut users = user::list(&self.store)?;
        users.retain(|u| u.suspended.is_none() && !reached.contains(&u.id));
        Ok(users)
    }

    /// Sends it in a thread to every active user who has not got it yet.
    pub fn start_notice(self: &Arc<House>, by: &By, now: Time, notice: Notice) -> Result<()> {
        let route = self.route()?;
        let to = self.untold(notice.which, &notice.about)?;
        let (which, about, total) = (notice.which, notice.about.clone(), to.len() as u64);
        self.notices.begin(Sending { which, about, total, sent: Sent::default(), state: State::Going })?;
        let (house, by) = (Arc::clone(self), by.clone());
        let work = move || {
            let state = match house.send_notice((&by, now), &route, &notice, &to) {
                Ok(()) => State::Done,
                Err(e) => State::Broken(e.says().clone()),
            };
            house.notices.change(|s| s.state = state);
        };
        std::thread::Builder::new().name("notice".into()).spawn(work).map(drop).map_err(|e| {
            let e = Error::io(say!("お知らせを送れません。", "The notice cannot be sent."), e);
            self.notices.change(|s| s.state = State::Broken(e.says().clone()));
            e
        })
    }

    /// Nothing leaves when the relay cannot be reached; when it goes away in between, the rest is told by the next click.
    fn send_notice(&self, (by, now): (&By, Time), route: &Route, notice: &Notice, to: &[User]) -> Result<()> {
        delivery::check(route)?;
        let from = Email::parse(&format!("hakobu@{}", self.boot.domain))?;
        let finish = Finish::of(&self.store, &from)?;
        for user in to {
            if self.is_ending() {
                return Err(Error::later(say!(
                    "サーバーが終了するため、中断しました。",
                    "The server ends; so did this."
                )));
            }
            let text = notice.text(user.lang);
            let letter = delivery::own_mail(&from, &user.email, (&text.subject, &text.body), now)?;
            let letter = finish.letter(letter, now)?;
            let accepted = match delivery::send_one(route, &letter) {
                Ok(_) => true,
                Err(e) if e.kind() == Kind::Refused => false,
                Err(e) => return Err(e),
            };
            notice::record(&self.store, (by, now), (notice.which, &notice.about), &[(user.id, accepted)])?;
            self.notices.change(|s| match accepted {
                true => s.sent.accepted += 1,
                false => s.sent.refused += 1,
            });
        }
        Ok(())
    }

    /// A draft for contacts, as a notice: whoever sends it chooses who gets it, and sees the pre-flight first.
    pub fn draft_notice(&self, by: &By, now: Time, notice: &Notice, lang: Lang) -> Result<CampaignId> {
        let text = notice.text(lang);
        let draft = Draft {
            name: text.subject.clone(),
            subject: text.subject.clone(),
            format: Format::Text,
            body: text.body.clone(),
            kind: MailKind::Notice,
            reason: lang.pick("サービスの更新のお知らせ", "A notice of an update of the service").to_owned(),
            ..Draft::default()
        };
        campaign::create(&self.store, by, now, &draft, None)
    }
}
