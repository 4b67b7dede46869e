//! Sessions: a random token in the browser's cookie, its keyed hash in the books.

use super::{User, plan, rows, user};
use crate::base::{By, Error, Result, Secret, Time, ids::UserId, limits, seal};
use crate::store::{Deed, Store};
use data_encoding::BASE64URL_NOPAD;
use subtle::ConstantTimeEq;

/// Who is signed in, and the token every form of this session must carry.
#[derive(Clone, Debug)]
pub struct Session {
    pub n: i64,
    pub user: User,
    pub csrf: String,
}

/// One line in the list of a user's sessions.
#[derive(Clone, Debug)]
pub struct Listed {
    pub n: i64,
    pub created: Time,
    pub seen: Time,
    pub agent: String,
}

pub(super) fn hash(store: &Store, token: &[u8]) -> [u8; 32] {
    store.keys().token("session").mac(&[token])
}

fn csrf(store: &Store, token: &[u8]) -> String {
    BASE64URL_NOPAD.encode(&store.keys().token("csrf").mac(&[token]))
}

/// A new session with a new token; the token is returned once and kept nowhere.
pub fn open(store: &Store, now: Time, user: &User, agent: &str) -> Result<(Session, Secret)> {
    let token = BASE64URL_NOPAD.encode(&seal::random::<32>()?);
    let hash = hash(store, token.as_bytes());
    let agent: String = agent.chars().filter(|c| !c.is_control()).take(200).collect();
    let n = store.write(&By::User(user.id), now, Deed::new("session.open", user.id.to_string()), |tx| {
        rows::drop_old_sessions(tx, now)?;
        rows::add_session(tx, &hash, user.id, now, &agent)
    })?;
    let session = Session { n, user: user.clone(), csrf: csrf(store, token.as_bytes()) };
    Ok((session, Secret::new(token)))
}

/// Whose token this is, while the session and the user are in force.
pub fn of(store: &Store, now: Time, token: &Secret) -> Result<Option<Session>> {
    let hash = hash(store, token.bytes());
    let Some((found, id)) = store.read(|c| rows::session(c, &hash))? else { return Ok(None) };
    if plan::session_over(found.created, found.seen, now) {
        return Ok(None);
    }
    let user = user::get(store, id)?;
    if user.suspended.is_some() {
        return Ok(None);
    }
    if now.since(found.seen) > limits::SESSION_SEEN_EVERY {
        store.write(&By::User(id), now, Deed::new("session.seen", id.to_string()), |tx| {
            rows::session_seen(tx, &hash, now)
        })?;
    }
    Ok(Some(Session { n: found.n, user, csrf: csrf(store, token.bytes()) }))
}

impl Session {
    pub fn by(&self) -> By {
        By::User(self.user.id)
    }

    pub fn csrf_fits(&self, given: &str) -> bool {
        bool::from(self.csrf.as_bytes().ct_eq(given.as_bytes()))
    }
}

pub fn list(store: &Store, now: Time, id: UserId) -> Result<Vec<Listed>> {
    let all = store.read(|c| rows::sessions(c, id))?;
    Ok(all.into_iter().filter(|s| !plan::session_over(s.created, s.seen, now)).collect())
}

pub fn end(store: &Store, by: &By, now: Time, id: UserId, n: i64) -> Result<()> {
    let ended = store.write(by, now, Deed::new("session.end", id.to_string()), |tx| rows::end_session(tx, id, n))?;
    if ended == 0 {
        return Err(Error::missing(say!("そのセッションはすでに終わっています。", "That session has ended already.")));
    }
    Ok(())
}

/// Ends all but one; how many.
pub fn end_others(store: &Store, by: &By, now: Time, id: UserId, keep: i64) -> Result<usize> {
    store.write(by, now, Deed::new("session.end_others", id.to_string()), |tx| rows::end_sessions(tx, id, Some(keep)))
}
