//! Topics (配信種別): what a person subscribed to. Every campaign names one; consent and refusal act on it.

use super::rows::consent as rows;
use crate::base::{By, Error, Result, Time, ids::TopicId};
use crate::store::{Deed, Store};

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Topic {
    #[serde(rename = "topic")]
    pub id: TopicId,
    pub name: String,
    pub is_default: bool,
}

const NAME: usize = 100;

pub fn list(store: &Store) -> Result<Vec<Topic>> {
    store.read(rows::topics)
}

/// The topic of whoever names none; setup makes it.
pub fn default(store: &Store) -> Result<Topic> {
    list(store)?.into_iter().find(|t| t.is_default).ok_or_else(|| {
        Error::missing(say!("配信種別がまだありません。", "There is no topic yet."))
            .hint(say!("作成: hakobu topic create お知らせ", "Make one: hakobu topic create NEWS"))
    })
}

/// By id (`t1`) or by name.
pub fn find(store: &Store, which: &str) -> Result<Topic> {
    let by_id = TopicId::parse(which).ok();
    let which = which.trim();
    list(store)?.into_iter().find(|t| Some(t.id) == by_id || t.name == which).ok_or_else(|| {
        Error::missing(say!("その配信種別はありません。", "There is no such topic."))
            .hint(say!("一覧: hakobu topic list", "The list: hakobu topic list"))
    })
}

/// The first topic of a house becomes its default.
pub fn create(store: &Store, by: &By, now: Time, name: &str) -> Result<Topic> {
    let name = name.trim();
    if name.is_empty()
        || name.chars().count() > NAME
        || name.chars().any(char::is_control)
        || TopicId::parse(name).is_ok()
    {
        return Err(Error::refused(say!(
            "配信種別の名前は 1〜{NAME} 文字で、番号の形（t3）でないものにします。",
            "A topic's name has 1 to {NAME} characters and does not look like an id (t3)."
        )));
    }
    store.write(by, now, Deed::from("topic.create"), |tx| {
        let known = rows::topics(tx)?;
        if known.iter().any(|t| t.name == name) {
            return Err(Error::conflict(say!(
                "同じ名前の配信種別があります。",
                "There is a topic of this name already."
            )));
        }
        let is_default = !known.iter().any(|t| t.is_default);
        let id = rows::insert_topic(tx, name, is_default, now)?;
        Ok(Topic { id, name: name.to_owned(), is_default })
    })
}

/// Makes the default topic where there is none; what setup calls, as often as it likes.
pub fn ensure_default(store: &Store, by: &By, now: Time, name: &str) -> Result<Topic> {
    match list(store)?.into_iter().find(|t| t.is_default) {
        Some(topic) => Ok(topic),
        None => create(store, by, now, name),
    }
}

/// Others keep what was said about them; only the choice for those who name none moves.
pub fn make_default(store: &Store, by: &By, now: Time, topic: TopicId) -> Result<()> {
    store.write(by, now, Deed::new("topic.default", topic.to_string()), |tx| rows::make_default(tx, topic))
}
