//! A single mail outside any campaign, as a script words it.

use super::header::{HeaderText, Mailbox};
use super::mime::{Frame, Head, Mail};
use super::{sender, source};
use crate::base::{Email, Error, Result, Time, limits, seal};
use crate::delivery::Letter;
use crate::store::Store;

/// What the script says. `from` is a sender profile (`s1`) or an address as it would stand in a profile.
#[derive(Clone, Debug)]
pub struct Words<'a> {
    pub from: &'a str,
    pub to: &'a Email,
    pub reply_to: Option<&'a str>,
    pub subject: &'a str,
    pub text: &'a str,
    pub html: Option<&'a str>,
}

/// The mail, ready for the wire.
pub fn letter(store: &Store, words: &Words<'_>, now: Time) -> Result<Letter> {
    let from = from(store, words.from)?;
    let reply_to = words.reply_to.map(|text| Mailbox::parse(&say!("返信先", "The reply address"), text)).transpose()?;
    let subject = HeaderText::parse(&say!("件名", "The subject"), words.subject, limits::SUBJECT_MAX)?;
    if words.text.trim().is_empty() && words.html.is_none_or(|html| html.trim().is_empty()) {
        return Err(Error::refused(say!("本文がありません。", "There is no body."))
            .hint(say!("text か html を指定してください。", "Give text, html or both.")));
    }
    let text = match words.text.trim().is_empty() {
        false => words.text.to_owned(),
        true => source::as_text(words.html.unwrap_or_default())?,
    };
    let random = data_encoding::HEXLOWER.encode(&seal::random::<12>()?);
    let message_id = format!("m.{random}@{}", from.email.domain());
    let frame = Frame::new(&Head { from: &from, reply_to: reply_to.as_ref(), list: None, automatic: true }, &[]);
    let (to, html) = (words.to, words.html);
    let mail = Mail { at: now, to, message_id: &message_id, unsubscribe: None, subject: &subject, html, text: &text };
    Ok(Letter { from: from.email.clone(), to: to.clone(), message: frame.write(&mail) })
}

/// Only who is set up as a sender may stand in From: a token is no right to speak for others.
fn from(store: &Store, wanted: &str) -> Result<Mailbox> {
    let all = sender::list(store)?;
    let by_address = |profile: &&sender::Profile| {
        let wanted = Mailbox::parse(&say!("差出人", "The sender"), wanted).map(|mailbox| mailbox.email);
        profile.sender.from_mailbox().is_ok_and(|mailbox| wanted.is_ok_and(|email| email == mailbox.email))
    };
    let found = all.iter().find(|p| p.id.to_string() == wanted.trim()).or_else(|| all.iter().find(by_address));
    found.map(|profile| profile.sender.from_mailbox()).unwrap_or_else(|| {
        Err(Error::refused(say!("その差出人は登録されていません。", "This sender is not set up."))
            .hint(say!("差出人のページで登録してください。", "Set it up on the page of senders.")))
    })
}
