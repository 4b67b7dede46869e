//! `hakobu try`: a ready house in a folder that goes away: sample contacts, a campaign that was really sent to the
//! catcher inside, a draft, and a link that signs the admin in.

use super::setup::{self, Admin, Answers};
use super::{House, sample};
use crate::access::link::{self, Life};
use crate::access::{LinkKind, user};
use crate::base::progress::Quiet;
use crate::base::provider::{Phrase, Provider};
use crate::base::{Build, By, Email, Error, Lang, Result, Secret, Time, clock, limits, seal};
use crate::campaigns::campaign::{self, Draft};
use crate::campaigns::run;
use crate::campaigns::sender::{self, Sender};
use crate::campaigns::source::Format;
use crate::contacts::consent::Basis;
use crate::contacts::import::{self, Consent, Hints, Order, Source};
use crate::delivery::Relay;
use crate::delivery::catcher::{Catcher, Offer};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub const CONTACTS: usize = 200;
const SEED: u64 = 20_261_120;
const DOMAIN: &str = "news.example.jp";
const ADMIN: &str = "admin@example.jp";
/// A house for a look around is closed long before.
const LINK: Life = Life { lasts: Duration::from_secs(24 * 3600), many: true };

pub struct Trial {
    pub house: Arc<House>,
    /// Signs in, as often as it is opened.
    pub admin_link: String,
}

/// Makes the house in `dir/data`, its key beside it, and fills it.
pub fn make(dir: &Path, build: Build, listen: SocketAddr, lang: Lang, now: Time) -> Result<Trial> {
    let by = By::house("try");
    let catcher = Catcher::start(Offer::new(clock::now))?;
    let relay = Relay::parse(&format!("smtp://{}", catcher.addr()))?;
    let answers = answers(dir, listen, lang, relay)?;
    let done = setup::run(&dir.join("data"), build, &by, now, &answers)?;
    let mut house = done.house.ok_or_else(super::in_use)?;
    if !done.created {
        move_here(&mut house, &by, now, &answers)?;
    }
    house.set_catcher(catcher);
    fill(&house, &by, now, lang)?;
    let admin = user::find(&house.store, &answers.admin.email)?.ok_or_else(|| Error::bug("no admin after setup"))?;
    let token = link::make(&house.store, &by, now, (LinkKind::SignIn, admin.id), LINK)?;
    let admin_link = house.link(&token);
    Ok(Trial { house: Arc::new(house), admin_link })
}

/// A kept house has other ports today.
fn move_here(house: &mut House, by: &By, now: Time, answers: &Answers) -> Result<()> {
    house.boot.public_url.clone_from(&answers.public_url);
    house.boot.listen = answers.listen;
    house.boot.write(&house.data)?;
    match &answers.relay {
        Some(relay) => house.set_relay(by, now, relay),
        None => Ok(()),
    }
}

fn answers(dir: &Path, listen: SocketAddr, lang: Lang, relay: Relay) -> Result<Answers> {
    // Nobody types this password: the link signs in.
    let password = data_encoding::BASE32_NOPAD.encode(&seal::random::<20>()?);
    Ok(Answers {
        key: Provider::File { path: dir.join("root.key") },
        phrase: Phrase::None,
        domain: DOMAIN.to_owned(),
        public_url: format!("http://{listen}"),
        listen,
        lang,
        admin: Admin {
            email: Email::parse(ADMIN)?,
            name: lang.pick("お試し 管理者", "Trial admin").to_owned(),
            password: Secret::new(password),
        },
        relay: Some(relay),
        probe: true,
        alarm_to: None,
    })
}

/// Where there is something already (a kept folder), nothing is added.
fn fill(house: &House, by: &By, now: Time, lang: Lang) -> Result<()> {
    if crate::contacts::people::count(&house.store)? > 0 {
        return Ok(());
    }
    people(house, by, now, lang)?;
    let sender = shop(house, by, now)?;
    let sent = Draft {
        name: "秋の新作のご案内".to_owned(),
        sender: Some(sender),
        subject: "{{ 姓 }}様、秋の新作が届きました".to_owned(),
        format: Format::Html,
        body: sample::SENT_HTML.to_owned(),
        segment: "tag:2026秋".to_owned(),
        ..Draft::default()
    };
    let draft = Draft {
        name: "年末のごあいさつ".to_owned(),
        sender: Some(sender),
        subject: "年末年始の営業について".to_owned(),
        format: Format::Markdown,
        body: sample::DRAFT_MARKDOWN.to_owned(),
        segment: "年齢 >= 30".to_owned(),
        ..Draft::default()
    };
    let id = campaign::create(&house.store, by, now, &sent, None)?;
    run::start(&house.store, by, now, id, &house.boot.public_url)?;
    house.drive(id, &Quiet)?;
    campaign::create(&house.store, by, now, &draft, None)?;
    Ok(())
}

fn people(house: &House, by: &By, now: Time, lang: Lang) -> Result<()> {
    let csv = sample::contacts(SEED, CONTACTS);
    let mut source = Source::open(&house.store, csv.as_bytes(), &Hints::default(), &Quiet)?;
    let consent = Consent {
        topic: None,
        basis: Basis::OptIn,
        source: "店頭の申込書".to_owned(),
        wording: "新商品やお得なお知らせをメールで受け取ることに同意します。".to_owned(),
    };
    let order = Order { consent: Some(consent), lang, ..Order::default() };
    let mut errors = Vec::with_capacity(limits::KB as usize);
    let report = import::run(&house.store, (by, now), &mut source, &order, &Quiet, &mut errors)?;
    match report.counts.new == CONTACTS as u64 {
        true => Ok(()),
        false => Err(Error::bug("the sample contacts were not all taken")),
    }
}

fn shop(house: &House, by: &By, now: Time) -> Result<crate::base::ids::SenderId> {
    let shop = Sender {
        name: "運ぶ商店".to_owned(),
        from: format!("運ぶ商店 <news@{DOMAIN}>"),
        reply_to: String::new(),
        legal_name: "株式会社運ぶ商店".to_owned(),
        postal_address: "〒100-0001 東京都千代田区千代田1-1".to_owned(),
        contact: "support@news.example.jp".to_owned(),
    };
    sender::create(&house.store, by, now, &shop)
}
