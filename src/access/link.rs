//! One-time links: an invitation, a new password, the first sign-in. The link is the secret; the books hold its hash.

use super::{User, rows, user};
use crate::base::{By, Error, Result, Secret, Time, ids::UserId, limits, seal};
use crate::store::{Deed, Store};
use data_encoding::BASE64URL_NOPAD;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkKind {
    /// Sets the first password and signs in.
    Invite,
    /// Sets a new password and signs in.
    Reset,
    /// Signs in at once.
    SignIn,
}

impl LinkKind {
    pub(super) fn name(self) -> &'static str {
        match self {
            LinkKind::Invite => "invite",
            LinkKind::Reset => "reset",
            LinkKind::SignIn => "sign_in",
        }
    }

    pub(super) fn parse(text: &str) -> Option<LinkKind> {
        [LinkKind::Invite, LinkKind::Reset, LinkKind::SignIn].into_iter().find(|k| k.name() == text)
    }

    pub fn sets_password(self) -> bool {
        match self {
            LinkKind::Invite | LinkKind::Reset => true,
            LinkKind::SignIn => false,
        }
    }
}

/// How long a link works, and how often.
#[derive(Clone, Copy, Debug)]
pub struct Life {
    pub lasts: Duration,
    pub many: bool,
}

impl Life {
    pub const ONCE: Life = Life { lasts: limits::LINK_LIFE, many: false };
}

fn hash(store: &Store, token: &[u8]) -> [u8; 32] {
    store.keys().token("link").mac(&[token])
}

/// The last part of the link's path: `/link/TOKEN`.
pub fn make(store: &Store, by: &By, now: Time, to: (LinkKind, UserId), life: Life) -> Result<Secret> {
    let (kind, id) = to;
    let target = user::get(store, id)?;
    if target.suspended.is_some() {
        return Err(user::suspended());
    }
    let token = BASE64URL_NOPAD.encode(&seal::random::<24>()?);
    let row = rows::NewLink {
        hash: hash(store, token.as_bytes()),
        kind,
        user: id,
        expires: now.plus(life.lasts),
        many: life.many,
    };
    store.write(by, now, Deed::new("link.make", format!("{id} {}", kind.name())), |tx| {
        rows::drop_old_links(tx, now)?;
        rows::add_link(tx, &row, now)
    })?;
    Ok(Secret::new(token))
}

/// What the link is for, without using it up.
pub fn look(store: &Store, now: Time, token: &Secret) -> Result<(LinkKind, User)> {
    let hash = hash(store, token.bytes());
    let (kind, id) = store.read(|c| rows::link(c, &hash, now))?.ok_or_else(over)?;
    let user = user::get(store, id)?;
    if user.suspended.is_some() {
        return Err(over());
    }
    Ok((kind, user))
}

/// Uses a sign-in link up.
pub fn enter(store: &Store, now: Time, token: &Secret) -> Result<User> {
    let (kind, user) = look(store, now, token)?;
    if kind.sets_password() {
        return Err(over());
    }
    let hash = hash(store, token.bytes());
    store.write(&By::User(user.id), now, Deed::new("link.use", user.id.to_string()), |tx| {
        if rows::use_link(tx, &hash, now)? { Ok(()) } else { Err(over()) }
    })?;
    Ok(user)
}

/// Uses an invitation or reset link up: the password is set in the same transaction, older sessions end.
pub fn set_password(store: &Store, now: Time, token: &Secret, password: &Secret) -> Result<User> {
    let (kind, user) = look(store, now, token)?;
    if !kind.sets_password() {
        return Err(over());
    }
    super::password::accept(password, &[user.email.as_str(), &user.name])?;
    let (hash, stored) = (hash(store, token.bytes()), super::password::hash(password)?);
    store.write(&By::User(user.id), now, Deed::new("link.set_password", user.id.to_string()), |tx| {
        if !rows::use_link(tx, &hash, now)? {
            return Err(over());
        }
        rows::end_sessions(tx, user.id, None)?;
        rows::set_password(tx, user.id, &stored)
    })?;
    Ok(user)
}

fn over() -> Error {
    Error::missing(say!(
        "このリンクは使用済みか、期限が切れています。",
        "This link has been used, or its time is over."
    ))
    .hint(say!("管理者に新しいリンクを発行してもらってください。", "Ask an admin for a new link."))
}
