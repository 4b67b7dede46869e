//! Sender profiles (差出人): who a mail is from, and what the law wants shown about them.

use super::header::{HeaderText, Mailbox};
use super::rows;
use crate::base::{By, Error, Result, Time, ids::SenderId};
use crate::store::{Deed, Store};
use serde::{Deserialize, Serialize};

/// A profile as it stands in the books, and as a run keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sender {
    /// The profile's own name, for the house.
    pub name: String,
    /// `運ぶ商店 <news@news.example.jp>`.
    pub from: String,
    pub reply_to: String,
    pub legal_name: String,
    pub postal_address: String,
    /// Where complaints and questions go: an address, a telephone number or a page.
    pub contact: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Profile {
    pub id: SenderId,
    pub version: i64,
    #[serde(flatten)]
    pub sender: Sender,
}

impl Sender {
    /// Every field checked and trimmed; the error names the field.
    pub fn checked(&self) -> Result<Sender> {
        let line = |ja: &str, en: &str, text: &str| {
            HeaderText::parse(&say!("{ja}", "{en}"), text, 300).map(|t| t.as_str().to_owned())
        };
        self.from_mailbox()?;
        self.reply_mailbox()?;
        let mut out = Sender {
            name: line("名前", "The name", &self.name)?,
            from: line("差出人", "The sender", &self.from)?,
            reply_to: line("返信先", "The reply address", &self.reply_to)?,
            legal_name: line("事業者名", "The legal name", &self.legal_name)?,
            postal_address: line("住所", "The postal address", &self.postal_address)?,
            contact: line("問い合わせ先", "The contact for complaints", &self.contact)?,
        };
        if out.name.is_empty() {
            out.name = out.from.clone();
        }
        Ok(out)
    }

    pub fn from_mailbox(&self) -> Result<Mailbox> {
        Mailbox::parse(&say!("差出人", "The sender"), &self.from)
    }

    pub fn reply_mailbox(&self) -> Result<Option<Mailbox>> {
        match self.reply_to.trim().is_empty() {
            true => Ok(None),
            false => Mailbox::parse(&say!("返信先", "The reply address"), &self.reply_to).map(Some),
        }
    }

    /// The legal name, else what stands before the address in From.
    pub fn shown_name(&self) -> &str {
        match self.legal_name.is_empty() {
            false => &self.legal_name,
            true => self.from.split('<').next().unwrap_or("").trim().trim_matches('"'),
        }
    }

    /// Everything that must be shown with an advertisement is known.
    pub fn is_complete(&self) -> bool {
        !self.shown_name().is_empty() && !self.postal_address.is_empty() && !self.contact.is_empty()
    }
}

pub fn create(store: &Store, by: &By, now: Time, sender: &Sender) -> Result<SenderId> {
    let sender = sender.checked()?;
    store.write(by, now, Deed::from("sender.create"), |tx| rows::senders::insert(tx, &sender, now)).map_err(named_once)
}

/// `version` is the one that the editor saw; another one by now is a conflict.
pub fn edit(store: &Store, by: &By, now: Time, id: SenderId, (version, sender): (i64, &Sender)) -> Result<()> {
    let sender = sender.checked()?;
    store
        .write(by, now, Deed::new("sender.edit", id.to_string()), |tx| {
            match rows::senders::update(tx, id, version, &sender, now)? {
                true => Ok(()),
                false => Err(changed_meanwhile()),
            }
        })
        .map_err(named_once)
}

/// A profile that a draft or a scheduled campaign uses stays.
pub fn delete(store: &Store, by: &By, now: Time, id: SenderId) -> Result<()> {
    store.write(by, now, Deed::new("sender.delete", id.to_string()), |tx| match rows::senders::used(tx, id)? {
        true => Err(Error::conflict(say!("この差出人は配信で使われています。", "A campaign uses this sender."))),
        false => rows::senders::delete(tx, id),
    })
}

pub fn list(store: &Store) -> Result<Vec<Profile>> {
    store.read(rows::senders::all)
}

pub fn get(store: &Store, id: SenderId) -> Result<Profile> {
    store.read(|c| rows::senders::one(c, id))?.ok_or_else(|| {
        Error::missing(say!("その差出人はありません。", "There is no such sender."))
            .hint(say!("`hakobu sender list` で確かめられます。", "See `hakobu sender list`."))
    })
}

/// For `--from`: the profile with this name or this From, else one made from it.
pub fn find_or_create(store: &Store, by: &By, now: Time, from: &str) -> Result<SenderId> {
    let wanted = from.trim();
    let all = list(store)?;
    if let Ok(id) = SenderId::parse(wanted)
        && all.iter().any(|p| p.id == id)
    {
        return Ok(id);
    }
    if let Some(found) = all.iter().find(|p| p.sender.name == wanted || p.sender.from == wanted) {
        return Ok(found.id);
    }
    let mailbox = Mailbox::parse(&say!("差出人", "The sender"), wanted)?;
    let same = |p: &&Profile| p.sender.from_mailbox().is_ok_and(|m| m == mailbox);
    if let Some(found) = all.iter().find(same) {
        return Ok(found.id);
    }
    // What the house already said about itself is better than an empty footer.
    let like = all.iter().find(|p| p.sender.is_complete()).map(|p| p.sender.clone()).unwrap_or_default();
    let sender = Sender { name: mailbox.to_string(), from: mailbox.to_string(), reply_to: String::new(), ..like };
    create(store, by, now, &sender)
}

fn named_once(e: Error) -> Error {
    match e.kind() {
        crate::base::Kind::Conflict if e.hinted().is_none() => {
            Error::conflict(say!("同じ名前の差出人がすでにあります。", "There is a sender of that name already."))
                .because(e)
        }
        _ => e,
    }
}

fn changed_meanwhile() -> Error {
    Error::conflict(say!(
        "ほかの人が先にこの差出人を変更しました。",
        "Somebody else changed this sender in the meantime."
    ))
    .hint(say!("今の内容を確認してから、もう一度保存してください。", "Look at what it is now, then save again."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_with_a_line_break_in_any_field_is_refused_and_names_the_field() {
        let good = Sender { from: "運ぶ商店 <news@news.example.jp>".into(), ..Sender::default() };
        assert_eq!(good.checked().unwrap().shown_name(), "運ぶ商店");
        let bad = "x\r\nBcc: a@b.example.jp";
        for (sender, field) in [
            (Sender { legal_name: bad.into(), ..good.clone() }, "事業者名"),
            (Sender { postal_address: bad.into(), ..good.clone() }, "住所"),
            (Sender { contact: bad.into(), ..good.clone() }, "問い合わせ先"),
            (Sender { from: format!("{bad} <a@b.jp>"), ..good.clone() }, "差出人"),
            (Sender { reply_to: format!("{bad} <a@b.jp>"), ..good.clone() }, "返信先"),
        ] {
            assert!(sender.checked().unwrap_err().says().ja.starts_with(field), "{field}");
        }
    }
}
