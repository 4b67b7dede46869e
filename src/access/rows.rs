//! All SQL of this room.

use super::look::{Accent, Look};
use super::session::Listed;
use super::{ApiToken, LinkKind, NewUser, Right, Role, User};
use crate::base::{Email, Lang, Result, Time, ids::UserId, limits};
use rusqlite::{OptionalExtension, Row, params};

pub(super) use rusqlite::Connection;

const USER: &str = "SELECT id, email, name, role, lang, suspended, created, password FROM users";

struct Raw {
    id: i64,
    email: String,
    name: String,
    role: String,
    lang: String,
    suspended: Option<i64>,
    created: i64,
    password: Option<String>,
}

fn raw(r: &Row<'_>) -> rusqlite::Result<Raw> {
    Ok(Raw {
        id: r.get(0)?,
        email: r.get(1)?,
        name: r.get(2)?,
        role: r.get(3)?,
        lang: r.get(4)?,
        suspended: r.get(5)?,
        created: r.get(6)?,
        password: r.get(7)?,
    })
}

impl Raw {
    fn user(self) -> Result<(User, Option<String>)> {
        let user = User {
            id: UserId(self.id),
            email: Email::parse(&self.email)?,
            name: self.name,
            role: Role::parse(&self.role)?,
            lang: Lang::parse(&self.lang).unwrap_or_default(),
            suspended: self.suspended.map(Time),
            created: Time(self.created),
            has_password: self.password.is_some(),
        };
        Ok((user, self.password))
    }
}

pub(super) struct UserRow<'a> {
    pub(super) new: &'a NewUser,
    pub(super) name: &'a str,
    pub(super) password: Option<&'a str>,
}

pub(super) fn add_user(c: &Connection, row: &UserRow<'_>, now: Time) -> Result<UserId> {
    c.prepare_cached(
        "INSERT INTO users (email, folded, name, role, lang, password, created) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        row.new.email.as_str(),
        row.new.email.folded(),
        row.name,
        row.new.role.name(),
        row.new.lang.tag(),
        row.password,
        now.ms()
    ])?;
    Ok(UserId(c.last_insert_rowid()))
}

pub(super) fn user(c: &Connection, id: UserId) -> Result<Option<User>> {
    let found = c.prepare_cached(&format!("{USER} WHERE id = ?1"))?.query_row([id.0], raw).optional()?;
    Ok(found.map(Raw::user).transpose()?.map(|(user, _)| user))
}

pub(super) fn user_by_email(c: &Connection, email: &Email) -> Result<Option<(User, Option<String>)>> {
    let mut q = c.prepare_cached(&format!("{USER} WHERE folded = ?1"))?;
    q.query_row([email.folded()], raw).optional()?.map(Raw::user).transpose()
}

pub(super) fn users(c: &Connection) -> Result<Vec<User>> {
    let mut q = c.prepare_cached(&format!("{USER} ORDER BY id"))?;
    let all = q.query_map([], raw)?.collect::<rusqlite::Result<Vec<_>>>()?;
    all.into_iter().map(|r| r.user().map(|(user, _)| user)).collect()
}

pub(super) fn user_count(c: &Connection) -> Result<i64> {
    Ok(c.query_row("SELECT count(*) FROM users", [], |r| r.get(0))?)
}

/// Admins who are in force and can sign in by themselves.
pub(super) fn active_admins(c: &Connection) -> Result<i64> {
    let sql = "SELECT count(*) FROM users WHERE role = 'admin' AND suspended IS NULL AND password IS NOT NULL";
    Ok(c.query_row(sql, [], |r| r.get(0))?)
}

fn change(c: &Connection, sql: &str, values: impl rusqlite::Params) -> Result<usize> {
    Ok(c.prepare_cached(sql)?.execute(values)?)
}

pub(super) fn change_user(c: &Connection, id: UserId, name: &str, role: Role) -> Result<()> {
    change(c, "UPDATE users SET name = ?2, role = ?3 WHERE id = ?1", params![id.0, name, role.name()]).map(drop)
}

pub(super) fn suspend(c: &Connection, id: UserId, at: Option<Time>) -> Result<()> {
    change(c, "UPDATE users SET suspended = ?2 WHERE id = ?1", params![id.0, at.map(Time::ms)]).map(drop)
}

pub(super) fn set_lang(c: &Connection, id: UserId, lang: Lang) -> Result<()> {
    change(c, "UPDATE users SET lang = ?2 WHERE id = ?1", params![id.0, lang.tag()]).map(drop)
}

pub(super) fn set_password(c: &Connection, id: UserId, stored: &str) -> Result<()> {
    change(c, "UPDATE users SET password = ?2 WHERE id = ?1", params![id.0, stored]).map(drop)
}

pub(super) fn add_session(c: &Connection, hash: &[u8], user: UserId, now: Time, agent: &str) -> Result<i64> {
    let n: i64 = c.query_row("SELECT coalesce(max(n), 0) + 1 FROM sessions", [], |r| r.get(0))?;
    change(
        c,
        "INSERT INTO sessions (hash, n, user, created, seen, agent) VALUES (?1, ?2, ?3, ?4, ?4, ?5)",
        params![hash, n, user.0, now.ms(), agent],
    )?;
    Ok(n)
}

fn listed(r: &Row<'_>) -> rusqlite::Result<Listed> {
    Ok(Listed { n: r.get(0)?, created: Time(r.get(1)?), seen: Time(r.get(2)?), agent: r.get(3)? })
}

pub(super) fn session(c: &Connection, hash: &[u8]) -> Result<Option<(Listed, UserId)>> {
    let mut q = c.prepare_cached("SELECT n, created, seen, agent, user FROM sessions WHERE hash = ?1")?;
    Ok(q.query_row([hash], |r| Ok((listed(r)?, UserId(r.get(4)?)))).optional()?)
}

pub(super) fn sessions(c: &Connection, user: UserId) -> Result<Vec<Listed>> {
    let mut q = c.prepare_cached("SELECT n, created, seen, agent FROM sessions WHERE user = ?1 ORDER BY seen DESC")?;
    Ok(q.query_map([user.0], listed)?.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn session_seen(c: &Connection, hash: &[u8], now: Time) -> Result<()> {
    change(c, "UPDATE sessions SET seen = ?2 WHERE hash = ?1", params![hash, now.ms()]).map(drop)
}

pub(super) fn end_session(c: &Connection, user: UserId, n: i64) -> Result<usize> {
    change(c, "DELETE FROM sessions WHERE user = ?1 AND n = ?2", params![user.0, n])
}

pub(super) fn end_sessions(c: &Connection, user: UserId, keep: Option<i64>) -> Result<usize> {
    change(c, "DELETE FROM sessions WHERE user = ?1 AND n IS NOT ?2", params![user.0, keep])
}

pub(super) fn drop_old_sessions(c: &Connection, now: Time) -> Result<()> {
    let (idle, old) = (now.minus(limits::SESSION_IDLE), now.minus(limits::SESSION_LIFE));
    change(c, "DELETE FROM sessions WHERE seen < ?1 OR created < ?2", params![idle.ms(), old.ms()]).map(drop)
}

pub(super) struct NewLink {
    pub(super) hash: [u8; 32],
    pub(super) kind: LinkKind,
    pub(super) user: UserId,
    pub(super) expires: Time,
    pub(super) many: bool,
}

pub(super) fn add_link(c: &Connection, link: &NewLink, now: Time) -> Result<()> {
    change(
        c,
        "INSERT INTO links (hash, kind, user, created, expires, many) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![link.hash, link.kind.name(), link.user.0, now.ms(), link.expires.ms(), link.many],
    )
    .map(drop)
}

pub(super) fn link(c: &Connection, hash: &[u8], now: Time) -> Result<Option<(LinkKind, UserId)>> {
    let sql = "SELECT kind, user FROM links WHERE hash = ?1 AND expires > ?2 AND (many = 1 OR used IS NULL)";
    let found = c
        .prepare_cached(sql)?
        .query_row(params![hash, now.ms()], |r| Ok((r.get::<_, String>(0)?, r.get(1)?)))
        .optional()?;
    Ok(found.and_then(|(kind, user)| Some((LinkKind::parse(&kind)?, UserId(user)))))
}

/// False when somebody used it first.
pub(super) fn use_link(c: &Connection, hash: &[u8], now: Time) -> Result<bool> {
    let sql = "UPDATE links SET used = ?2 WHERE hash = ?1 AND expires > ?2 AND (many = 1 OR used IS NULL)";
    Ok(change(c, sql, params![hash, now.ms()])? == 1)
}

pub(super) fn drop_old_links(c: &Connection, now: Time) -> Result<()> {
    change(c, "DELETE FROM links WHERE expires < ?1", [now.ms()]).map(drop)
}

pub(super) struct NewToken<'a> {
    pub(super) hash: [u8; 32],
    pub(super) name: &'a str,
    pub(super) scopes: &'a str,
    pub(super) user: UserId,
}

pub(super) fn add_token(c: &Connection, token: &NewToken<'_>, now: Time) -> Result<i64> {
    change(
        c,
        "INSERT INTO api_tokens (hash, name, scopes, user, created) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![token.hash, token.name, token.scopes, token.user.0, now.ms()],
    )?;
    Ok(c.last_insert_rowid())
}

const TOKEN: &str = "SELECT id, name, scopes, user, created, used, revoked FROM api_tokens";

fn api_token(r: &Row<'_>) -> rusqlite::Result<ApiToken> {
    let scopes: String = r.get(2)?;
    Ok(ApiToken {
        id: r.get(0)?,
        name: r.get(1)?,
        scopes: scopes.split(' ').filter_map(Right::parse).collect(),
        user: UserId(r.get(3)?),
        created: Time(r.get(4)?),
        used: r.get::<_, Option<i64>>(5)?.map(Time),
        revoked: r.get::<_, Option<i64>>(6)?.map(Time),
    })
}

pub(super) fn token(c: &Connection, hash: &[u8]) -> Result<Option<ApiToken>> {
    Ok(c.prepare_cached(&format!("{TOKEN} WHERE hash = ?1"))?.query_row([hash], api_token).optional()?)
}

pub(super) fn tokens(c: &Connection) -> Result<Vec<ApiToken>> {
    let mut q = c.prepare_cached(&format!("{TOKEN} ORDER BY id DESC"))?;
    Ok(q.query_map([], api_token)?.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn token_used(c: &Connection, id: i64, now: Time) -> Result<()> {
    change(c, "UPDATE api_tokens SET used = ?2 WHERE id = ?1", params![id, now.ms()]).map(drop)
}

pub(super) fn revoke_token(c: &Connection, id: i64, now: Time) -> Result<usize> {
    change(c, "UPDATE api_tokens SET revoked = ?2 WHERE id = ?1 AND revoked IS NULL", params![id, now.ms()])
}

pub(super) fn revoke_tokens_of(c: &Connection, user: UserId, now: Time) -> Result<usize> {
    change(c, "UPDATE api_tokens SET revoked = ?2 WHERE user = ?1 AND revoked IS NULL", params![user.0, now.ms()])
}

pub(super) fn guesses(c: &Connection, who: &[u8]) -> Result<Option<(u32, Time)>> {
    let mut q = c.prepare_cached("SELECT fails, last FROM guesses WHERE who = ?1")?;
    Ok(q.query_row([who], |r| Ok((r.get(0)?, Time(r.get(1)?)))).optional()?)
}

pub(super) fn set_guesses(c: &Connection, who: &[u8], fails: u32, last: Time) -> Result<()> {
    let forgotten = last.minus(limits::GUESS_FORGET);
    change(c, "DELETE FROM guesses WHERE last < ?1", [forgotten.ms()])?;
    change(
        c,
        "INSERT INTO guesses (who, fails, last) VALUES (?1, ?2, ?3)
         ON CONFLICT (who) DO UPDATE SET fails = ?2, last = ?3",
        params![who, fails, last.ms()],
    )
    .map(drop)
}

pub(super) fn forget_guesses(c: &Connection, who: &[u8]) -> Result<()> {
    change(c, "DELETE FROM guesses WHERE who = ?1", [who]).map(drop)
}

pub(super) fn look(c: &Connection) -> Result<Option<Look>> {
    let mut q = c.prepare_cached("SELECT name, accent FROM look WHERE one = 1")?;
    let found = q.query_row([], |r| Ok((r.get(0)?, r.get::<_, String>(1)?))).optional()?;
    found.map(|(name, accent)| Ok(Look { name, accent: Accent::parse(&accent)? })).transpose()
}

pub(super) fn set_look(c: &Connection, look: &Look) -> Result<()> {
    let sql = "INSERT OR REPLACE INTO look (one, name, accent) VALUES (1, ?1, ?2)";
    change(c, sql, params![look.name, look.accent.name()]).map(drop)
}
