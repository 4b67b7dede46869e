//! The urgent lane: single messages that a script hands in, each with a key of its own so that a request sent twice sends
//! once. Kept in the books, because the key, the mail and the answer to the caller are one transaction; the mail itself is
//! forgotten as soon as it is known what became of it.
//!
//! `accept` makes it durable, `send` brings it out, over connections of its own and without asking any receiver's pace for a turn: bulk
//! mail never stands before it.
//!
//! **Invariant:** a key answers with the message that it was first used for, or says that it was another one.
//! **Invariant:** a message is durably on the wire before its first byte leaves; what a crash leaves there is in doubt.

mod send;
mod state;

pub(in crate::delivery) use send::Due;
pub use send::{Lane, recover, serve};
pub use state::{Message, Progress};

use super::{Finish, Letter, rows};
use crate::base::{By, Error, Result, Time, ids::MessageId};
use crate::store::{Deed, Store};
use sha2::{Digest, Sha256};

/// What came of handing one in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    pub id: MessageId,
    /// The key was used before, for the same message.
    pub again: bool,
}

/// Durable when this returns. `asked` is what the caller said: the same key with other words is refused.
pub fn accept(store: &Store, by: &By, now: Time, (key, asked): (&str, &[u8]), letter: Letter) -> Result<Accepted> {
    let letter = Finish::of(store, &letter.from)?.letter(letter, now)?;
    let digest = Sha256::digest(asked);
    store.write(by, now, Deed::new("message.accept", ""), |tx| {
        if let Some((id, before)) = rows::messages::by_key(tx, key)? {
            return match before == digest.as_slice() {
                true => Ok(Accepted { id, again: true }),
                false => Err(Error::conflict(say!(
                    "この冪等キーは、内容の異なる別の依頼で使われています。",
                    "This idempotency key was used for another message."
                ))
                .hint(say!("依頼ごとに新しいキーを使ってください。", "Use a new key for each message."))),
            };
        }
        let id = rows::messages::insert(tx, (key, &digest), &letter, now)?;
        Ok(Accepted { id, again: false })
    })
}

pub fn get(store: &Store, id: MessageId) -> Result<Message> {
    store
        .read(|c| rows::messages::one(c, id))?
        .ok_or_else(|| Error::missing(say!("そのメッセージはありません。", "There is no such message.")))
}
