//! API tokens: for scripts, with only the rights they need. Shown once, stored as a keyed hash.

use super::{Right, rows, user};
use crate::base::{By, Error, Result, Secret, Time, ids::UserId, seal};
use crate::store::{Deed, Store};
use data_encoding::BASE64URL_NOPAD;

#[derive(Clone, Debug)]
pub struct ApiToken {
    pub id: i64,
    pub name: String,
    pub scopes: Vec<Right>,
    pub user: UserId,
    pub created: Time,
    pub used: Option<Time>,
    pub revoked: Option<Time>,
}

impl ApiToken {
    pub fn may(&self, right: Right) -> bool {
        self.scopes.contains(&right)
    }

    pub fn by(&self) -> By {
        By::Token(self.id)
    }
}

fn hash(store: &Store, token: &[u8]) -> [u8; 32] {
    store.keys().token("api").mac(&[token])
}

/// Makes a token for `owner`, who must have every right it gets. The secret is returned once.
pub fn make(store: &Store, by: &By, now: Time, owner: UserId, what: (&str, &[Right])) -> Result<(i64, Secret)> {
    let (name, scopes) = (user::name_of(what.0)?, what.1);
    let role = user::get(store, owner)?.role;
    if scopes.is_empty() {
        return Err(Error::refused(say!("権限を一つ以上選んでください。", "Choose at least one right.")));
    }
    if scopes.contains(&Right::Users) || !scopes.iter().all(|s| role.may(*s)) {
        return Err(Error::denied(say!(
            "このトークンには、その権限を与えられません。",
            "A token cannot be given that right."
        )));
    }
    let secret = format!("hk_{}", BASE64URL_NOPAD.encode(&seal::random::<32>()?));
    let (hash, list) = (hash(store, secret.as_bytes()), scopes.iter().map(|s| s.name()).collect::<Vec<_>>().join(" "));
    let id = store.write(by, now, Deed::new("token.make", format!("{owner} {list}")), |tx| {
        rows::add_token(tx, &rows::NewToken { hash, name: &name, scopes: &list, user: owner }, now)
    })?;
    Ok((id, Secret::new(secret)))
}

/// The token in force that this secret is, if its owner still has all its rights.
pub fn of(store: &Store, now: Time, secret: &Secret) -> Result<Option<ApiToken>> {
    let hash = hash(store, secret.bytes());
    let Some(token) = store.read(|c| rows::token(c, &hash))? else { return Ok(None) };
    let owner = user::get(store, token.user)?;
    if token.revoked.is_some() || owner.suspended.is_some() || !token.scopes.iter().all(|s| owner.role.may(*s)) {
        return Ok(None);
    }
    if token.used.is_none_or(|t| now.since(t) > crate::base::limits::SESSION_SEEN_EVERY) {
        store.write(&token.by(), now, Deed::new("token.use", token.id.to_string()), |tx| {
            rows::token_used(tx, token.id, now)
        })?;
    }
    Ok(Some(token))
}

pub fn list(store: &Store) -> Result<Vec<ApiToken>> {
    store.read(rows::tokens)
}

pub fn revoke(store: &Store, by: &By, now: Time, id: i64) -> Result<()> {
    let changed =
        store.write(by, now, Deed::new("token.revoke", id.to_string()), |tx| rows::revoke_token(tx, id, now))?;
    if changed == 0 {
        return Err(Error::missing(say!("そのトークンはありません。", "There is no such token.")));
    }
    Ok(())
}
