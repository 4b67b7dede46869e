//! What can be asked of a house from the command line, as data: each verb is a variant that travels as JSON, so
//! that it means the same whether the house is open in this process or in a server on the other side of a socket.
//!
//! To add a verb: a variant in the group's file, its arm in that file's `answer`, and its flags in `cli/verbs`.
//! Files never travel as paths: the caller lends them by name through `Streams`.

pub mod alarm;
pub mod audit;
pub mod campaigns;
pub mod consent;
pub mod contacts;
pub mod domains;
pub mod drafts;
pub mod fields;
pub mod house;
pub mod inbound;
pub mod keys;
pub mod lists;
pub mod people;
pub mod relay;
pub mod route;
pub mod updates;

use super::House;
pub use crate::base::link::Hidden;
use crate::base::{By, Kind, Progress, Result, Time};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::io::{Read, Write};

#[derive(Debug, Serialize, Deserialize)]
pub enum Ask {
    House(house::HouseAsk),
    Audit(audit::AuditAsk),
    Alarm(alarm::AlarmAsk),
    Contacts(contacts::ContactsAsk),
    Tag(fields::TagAsk),
    Attribute(fields::AttributeAsk),
    Export(fields::ExportAsk),
    Campaign(campaigns::CampaignAsk),
    Sender(campaigns::SenderAsk),
    Template(drafts::TemplateAsk),
    Relay(relay::RelayAsk),
    Route(route::RouteAsk),
    Domains(domains::DomainsAsk),
    Inbound(inbound::InboundAsk),
    Key(keys::KeyAsk),
    User(people::UserAsk),
    Token(people::TokenAsk),
    Topic(lists::TopicAsk),
    Segment(lists::SegmentAsk),
    Suppression(lists::SuppressionAsk),
    Consent(consent::ConsentAsk),
    Update(updates::UpdateAsk),
}

/// What the caller lends for one answer: files by name. Small texts (a wording, a subject) stand in the ask itself.
pub trait Streams: Sync {
    /// A named input (`file`, `html`, `attachment.2`), read once from its start.
    fn input(&self, name: &str) -> Result<Box<dyn Read + Send + '_>>;
    /// A named output (`file`, `errors`). It is kept only when the answer is not an error.
    fn output(&self, name: &str) -> Result<Box<dyn Write + Send + '_>>;
    fn progress(&self) -> &dyn Progress;
}

/// One JSON object, and the exit code that goes with it: 0, unless the work itself says otherwise (stopped before
/// the end, unhealthy).
#[derive(Debug, Serialize, Deserialize)]
pub struct Answer {
    pub value: Value,
    pub exit: u8,
}

impl Answer {
    pub fn of(value: impl Serialize) -> Result<Answer> {
        let value = serde_json::to_value(value).map_err(crate::base::Error::bug)?;
        Ok(Answer { value, exit: 0 })
    }

    /// The same answer, with another exit code.
    pub fn but(self, kind: Kind) -> Answer {
        Answer { exit: kind.exit_code(), ..self }
    }
}

impl House {
    /// Answers one ask. The same rules and the same audit for a lone command and for the control socket.
    pub fn answer(&self, by: &By, now: Time, ask: Ask, io: &dyn Streams) -> Result<Answer> {
        match ask {
            Ask::House(ask) => house::answer(self, now, ask),
            Ask::Alarm(ask) => alarm::answer(self, by, now, ask),
            Ask::Audit(ask) => audit::answer(self, by, now, ask, io),
            Ask::Contacts(ask) => contacts::answer(self, by, now, ask, io),
            Ask::Tag(ask) => fields::tags(self, by, now, ask),
            Ask::Attribute(ask) => fields::attributes(self, by, now, ask),
            Ask::Export(ask) => fields::exports(self, by, now, ask, io),
            Ask::Campaign(ask) => campaigns::answer(self, by, now, ask, io),
            Ask::Sender(ask) => campaigns::senders(self, by, now, ask),
            Ask::Template(ask) => drafts::templates(self, by, now, ask),
            Ask::Relay(ask) => relay::answer(self, by, now, ask),
            Ask::Route(ask) => route::answer(self, by, now, ask),
            Ask::Domains(ask) => domains::answer(self, by, now, ask),
            Ask::Inbound(ask) => inbound::answer(self, by, now, ask),
            Ask::Key(ask) => keys::answer(self, by, now, ask),
            Ask::User(ask) => people::users(self, by, now, ask),
            Ask::Token(ask) => people::tokens(self, by, now, ask),
            Ask::Topic(ask) => lists::topics(self, by, now, ask),
            Ask::Segment(ask) => lists::segments(self, by, now, ask),
            Ask::Suppression(ask) => lists::suppressions(self, by, now, ask, io),
            Ask::Consent(ask) => consent::answer(self, by, now, ask),
            Ask::Update(ask) => updates::answer(self, by, now, ask, io),
        }
    }
}
