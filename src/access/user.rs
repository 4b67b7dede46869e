//! Users: made, invited, changed, suspended. Nobody is deleted: the audit chain names them.

use super::{Role, password, plan, rows};
use crate::base::{By, Email, Error, Lang, Result, Secret, Time, ids::UserId, limits};
use crate::store::{Deed, Store};

#[derive(Clone, Debug)]
pub struct User {
    pub id: UserId,
    pub email: Email,
    pub name: String,
    pub role: Role,
    pub lang: Lang,
    pub suspended: Option<Time>,
    pub created: Time,
    /// False until the invitation is accepted.
    pub has_password: bool,
}

pub struct NewUser {
    pub email: Email,
    pub name: String,
    pub role: Role,
    pub lang: Lang,
}

/// Adds a user, with a password or (for one who will be invited) without.
pub fn add(store: &Store, by: &By, now: Time, new: &NewUser, with: Option<&Secret>) -> Result<UserId> {
    let name = name_of(&new.name)?;
    let stored = match with {
        Some(secret) => {
            password::accept_from(by, secret, &[new.email.as_str(), &name])?;
            Some(password::hash(secret)?)
        }
        None => None,
    };
    store.write(by, now, Deed::new("user.add", new.role.name()), |tx| {
        if rows::user_by_email(tx, &new.email)?.is_some() {
            return Err(Error::conflict(say!(
                "このメールアドレスの利用者はすでにいます。",
                "There is a user with this mail address already."
            )));
        }
        if rows::user_count(tx)? >= limits::USERS_MAX as i64 {
            let most = limits::USERS_MAX;
            return Err(Error::refused(say!("利用者は {most} 人までです。", "There can be {most} users.")));
        }
        rows::add_user(tx, &rows::UserRow { new, name: &name, password: stored.as_deref() }, now)
    })
}

/// A display name: one line, not empty, not endless.
pub(super) fn name_of(text: &str) -> Result<String> {
    let name: String = text.trim().chars().filter(|c| !c.is_control()).collect();
    let most = limits::USER_NAME_MAX;
    if name.is_empty() {
        return Err(Error::refused(say!("名前を入力してください。", "Enter a name.")));
    }
    if name.chars().count() > most {
        return Err(Error::refused(say!("名前は {most} 文字までです。", "A name has at most {most} characters.")));
    }
    Ok(name)
}

pub fn get(store: &Store, id: UserId) -> Result<User> {
    store.read(|c| rows::user(c, id))?.ok_or_else(missing)
}

pub fn list(store: &Store) -> Result<Vec<User>> {
    store.read(rows::users)
}

/// The user and the stored hash.
pub(super) fn by_email(store: &Store, email: &Email) -> Result<Option<(User, Option<String>)>> {
    store.read(|c| rows::user_by_email(c, email))
}

pub fn find(store: &Store, email: &Email) -> Result<Option<User>> {
    Ok(by_email(store, email)?.map(|(user, _)| user))
}

/// Changes name and role; the last admin stays one.
pub fn change(store: &Store, by: &By, now: Time, id: UserId, to: (&str, Role)) -> Result<()> {
    let (name, role) = (name_of(to.0)?, to.1);
    store.write(by, now, Deed::new("user.change", format!("{id} {}", role.name())), |tx| {
        let user = rows::user(tx, id)?.ok_or_else(missing)?;
        if role != Role::Admin {
            keep_an_admin(tx, &user)?;
        }
        rows::change_user(tx, id, &name, role)
    })
}

/// Ends the user's sessions and tokens with it.
pub fn suspend(store: &Store, by: &By, now: Time, id: UserId) -> Result<()> {
    store.write(by, now, Deed::new("user.suspend", id.to_string()), |tx| {
        let user = rows::user(tx, id)?.ok_or_else(missing)?;
        keep_an_admin(tx, &user)?;
        rows::suspend(tx, id, Some(now))?;
        rows::revoke_tokens_of(tx, id, now)?;
        rows::end_sessions(tx, id, None)?;
        Ok(())
    })
}

pub fn resume(store: &Store, by: &By, now: Time, id: UserId) -> Result<()> {
    store.write(by, now, Deed::new("user.resume", id.to_string()), |tx| {
        rows::user(tx, id)?.ok_or_else(missing)?;
        rows::suspend(tx, id, None)
    })
}

fn keep_an_admin(tx: &rows::Connection, user: &User) -> Result<()> {
    if plan::is_last_admin(user.role, user.suspended.is_some(), user.has_password, rows::active_admins(tx)?) {
        return Err(Error::conflict(say!(
            "最後の管理者は停止も役割の変更もできません。",
            "The last admin can be neither suspended nor given another role."
        ))
        .hint(say!("先に、別の利用者を管理者にしてください。", "Make somebody else an admin first.")));
    }
    Ok(())
}

pub fn set_language(store: &Store, now: Time, id: UserId, lang: Lang) -> Result<()> {
    store.write(&By::User(id), now, Deed::new("user.language", id.to_string()), |tx| rows::set_lang(tx, id, lang))
}

/// The user's own change: the old password is asked, all other sessions end.
pub fn change_password(store: &Store, now: Time, id: UserId, old_new: (&Secret, &Secret), keep: i64) -> Result<()> {
    let (old, new) = old_new;
    let user = get(store, id)?;
    super::guess::count(store, now, &user.email.folded(), "account page")?;
    let stored = store.read(|c| rows::user_by_email(c, &user.email))?.and_then(|(_, hash)| hash);
    // Somebody who came in by a link may have no password yet.
    if stored.is_some() && !password::matches(stored.as_deref(), old)? {
        return Err(Error::denied(say!("いまのパスワードが違います。", "The present password is not right.")));
    }
    password::accept(new, &[user.email.as_str(), &user.name])?;
    let hash = password::hash(new)?;
    super::guess::forgive(store, now, id, &user.email.folded(), "account page")?;
    store.write(&By::User(id), now, Deed::new("user.password", id.to_string()), |tx| {
        rows::end_sessions(tx, id, Some(keep))?;
        rows::set_password(tx, id, &hash)
    })
}

fn missing() -> Error {
    Error::missing(say!("その利用者はいません。", "There is no such user."))
}

pub(super) fn suspended() -> Error {
    Error::conflict(say!("この利用者は停止されています。", "This user is suspended."))
        .hint(say!("先に停止を解いてください。", "Lift the suspension first."))
}
