//! `hakobu user` and `hakobu token`: who may come in.

use super::{Answer, Hidden};
use crate::access::link::{self, Life};
use crate::access::{LinkKind, NewUser, Right, Role, User, token, user};
use crate::base::{By, Email, Error, Result, Secret, Time, clock, ids::UserId};
use crate::house::House;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Debug, Serialize, Deserialize)]
pub enum UserAsk {
    List,
    Add {
        email: Hidden,
        name: String,
        role: Role,
        password: Hidden,
    },
    Invite {
        email: Hidden,
        name: String,
        role: Role,
    },
    Suspend {
        user: Hidden,
    },
    Resume {
        user: Hidden,
    },
    Role {
        user: Hidden,
        role: Role,
    },
    /// Without a password, a link that asks for one.
    Password {
        user: Hidden,
        password: Option<Hidden>,
    },
}

#[derive(Debug, Serialize, Deserialize)]
pub enum TokenAsk {
    List,
    Create { name: String, scopes: Vec<String>, user: Hidden },
    Revoke { token: i64 },
}

pub(super) fn users(house: &House, by: &By, now: Time, ask: UserAsk) -> Result<Answer> {
    let store = &house.store;
    let id = match ask {
        UserAsk::List => {
            return Answer::of(json!({"users": user::list(store)?.iter().map(shown).collect::<Vec<_>>()}));
        }
        UserAsk::Add { email, name, role, password } => {
            user::add(store, by, now, &new(house, &email, name, role)?, Some(&password.secret()))?
        }
        UserAsk::Invite { email, name, role } => {
            let id = user::add(store, by, now, &new(house, &email, name, role)?, None)?;
            return link_for(house, by, now, (LinkKind::Invite, id));
        }
        UserAsk::Suspend { user } => {
            let id = find(house, &user)?.id;
            user::suspend(store, by, now, id)?;
            id
        }
        UserAsk::Resume { user } => {
            let id = find(house, &user)?.id;
            user::resume(store, by, now, id)?;
            id
        }
        UserAsk::Role { user, role } => {
            let found = find(house, &user)?;
            user::change(store, by, now, found.id, (&found.name, role))?;
            found.id
        }
        UserAsk::Password { user, password } => {
            let id = find(house, &user)?.id;
            let Some(password) = password else { return link_for(house, by, now, (LinkKind::Reset, id)) };
            let once = link::make(store, by, now, (LinkKind::Reset, id), Life::ONCE)?;
            link::set_password(store, now, &once, &password.secret())?.id
        }
    };
    Answer::of(shown(&user::get(store, id)?))
}

fn new(house: &House, email: &Hidden, name: String, role: Role) -> Result<NewUser> {
    Ok(NewUser { email: Email::parse(&email.0)?, name, role, lang: house.boot.lang })
}

/// By id (`u1`) or by address.
fn find(house: &House, which: &Hidden) -> Result<User> {
    if let Ok(id) = UserId::parse(&which.0) {
        return user::get(&house.store, id);
    }
    user::find(&house.store, &Email::parse(&which.0)?)?.ok_or_else(|| {
        Error::missing(say!("その利用者はいません。", "There is no such user."))
            .hint(say!("一覧: hakobu user list", "The list: hakobu user list"))
    })
}

fn link_for(house: &House, by: &By, now: Time, (kind, id): (LinkKind, UserId)) -> Result<Answer> {
    let secret = link::make(&house.store, by, now, (kind, id), Life::ONCE)?;
    let mut value = shown(&user::get(&house.store, id)?);
    let until = now.plus(Life::ONCE.lasts).rfc3339(&clock::japan());
    value["link"] = json!(house.link(&secret));
    value["until"] = json!(until);
    Answer::of(value)
}

fn shown(user: &User) -> Value {
    json!({
        "user": user.id,
        "email": user.email.as_str(),
        "name": user.name,
        "role": user.role,
        "state": match (user.suspended.is_some(), user.has_password) {
            (true, _) => "suspended",
            (false, true) => "active",
            (false, false) => "invited",
        },
        "created": user.created.rfc3339(&clock::japan()),
    })
}

pub(super) fn tokens(house: &House, by: &By, now: Time, ask: TokenAsk) -> Result<Answer> {
    let store = &house.store;
    match ask {
        TokenAsk::List => {
            let list = token::list(store)?;
            let at = |t: Time| t.rfc3339(&clock::japan());
            let rows: Vec<Value> = list
                .iter()
                .map(|t| {
                    let scopes: Vec<&str> = t.scopes.iter().map(|s| s.name()).collect();
                    json!({
                        "token": t.id, "name": t.name, "scopes": scopes, "user": t.user, "created": at(t.created),
                        "used": t.used.map(at), "revoked": t.revoked.map(at),
                    })
                })
                .collect();
            Answer::of(json!({"tokens": rows}))
        }
        TokenAsk::Create { name, scopes, user } => {
            let rights = scopes.iter().map(|s| right(s)).collect::<Result<Vec<Right>>>()?;
            let owner = find(house, &user)?.id;
            let (id, secret) = token::make(store, by, now, owner, (&name, &rights))?;
            Answer::of(json!({"token": id, "secret": secret.text(), "scopes": scopes, "user": owner}))
        }
        TokenAsk::Revoke { token } => {
            token::revoke(store, by, now, token)?;
            Answer::of(json!({"token": token, "revoked": now.rfc3339(&clock::japan())}))
        }
    }
}

fn right(name: &str) -> Result<Right> {
    Right::parse(name.trim()).ok_or_else(|| {
        let all = Right::ALL.map(Right::name).join(", ");
        Error::refused(say!("{name} という権限はありません。", "There is no right {name}."))
            .hint(say!("指定できる権限: {all}", "Rights: {all}"))
    })
}

impl Hidden {
    fn secret(&self) -> Secret {
        Secret::new(self.0.as_bytes())
    }
}
