//! Telling those who use the house of an update: each active user one mail, at once, by the relay and outside any
//! campaign; or a draft for contacts, which is checked and sent like any other.

use super::House;
use crate::access::{look, user};
use crate::base::{By, Email, Kind, Lang, Result, Time, ids::CampaignId, ids::UserId};
use crate::campaigns::campaign::{self, Draft};
use crate::campaigns::source::Format;
use crate::contacts::MailKind;
use crate::delivery;
use crate::update::notice::plan::Text;
use crate::update::notice::{self, Which};

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

/// What a click came to.
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

    /// To every active user who has not got it yet. Nothing leaves when the relay cannot be reached.
    pub fn send_notice(&self, by: &By, now: Time, notice: &Notice) -> Result<Sent> {
        let relay = self.relay()?;
        delivery::check(&relay)?;
        let from = Email::parse(&format!("hakobu@{}", self.boot.domain))?;
        let reached = notice::reached(&self.store, notice.which, &notice.about)?;
        let mut outcomes: Vec<(UserId, bool)> = Vec::new();
        let mut broken = None;
        for user in user::list(&self.store)?.iter().filter(|u| u.suspended.is_none() && !reached.contains(&u.id)) {
            let text = notice.text(user.lang);
            let letter = delivery::own_mail(&from, &user.email, (&text.subject, &text.body), now)?;
            match delivery::send_one(&relay, &letter) {
                Ok(_) => outcomes.push((user.id, true)),
                Err(e) if e.kind() == Kind::Refused => outcomes.push((user.id, false)),
                // The relay has gone: the rest is told by the next click.
                Err(e) => {
                    broken = Some(e);
                    break;
                }
            }
        }
        if !outcomes.is_empty() {
            notice::record(&self.store, (by, now), (notice.which, &notice.about), &outcomes)?;
        }
        let accepted = outcomes.iter().filter(|(_, ok)| *ok).count() as u64;
        match broken {
            Some(e) => Err(e),
            None => Ok(Sent { accepted, refused: outcomes.len() as u64 - accepted }),
        }
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
