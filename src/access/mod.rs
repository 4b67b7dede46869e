//! Access: who may come in, and what they may do.
//!
//! What it is: users with one of three roles, passwords, sessions, one-time links, API tokens, and the limit on
//! guessing; and the look of the door they come to. What it is not: pages and cookies (web), the audit chain (store).
//!
//! Flow of a sign-in: `sign_in` counts the attempt before it looks at the password (`guess`), compares (`password`; a
//! user that does not exist costs the same time and gets the same answer), forgives the count and opens a session
//! (`session`) with a new token. Each request brings the token back: `session::of` answers who that is.
//!
//! Read in this order: `role` (closed lists of roles and rights), `user`, `password`, `guess`, `session`, `link`,
//! `token`, `look` (name and colour of the house), `plan` (decisions), `schema`, `rows` (all SQL).
//!
//! **Invariant:** of every token, link and password the books hold only a hash; the token itself is shown once.
//! **Invariant:** there is always an admin who can sign in: the last one is neither suspended nor demoted.
//! **Invariant:** suspending a user ends their sessions and revokes their tokens in the same transaction.

pub mod guess;
pub mod link;
pub mod look;
pub mod password;
mod plan;
pub mod role;
mod rows;
mod schema;
pub mod session;
#[cfg(test)]
mod tests;
pub mod token;
pub mod user;

pub use link::LinkKind;
pub use role::{Right, Role};
pub use schema::SCHEMA;
pub use session::Session;
pub use token::ApiToken;
pub use user::{NewUser, User};

use crate::base::{Email, Error, Result, Secret, Time};
use crate::store::Store;

/// What the sign-in form holds, and from where it came.
pub struct Attempt<'a> {
    pub email: &'a str,
    pub password: &'a Secret,
    /// The client's address as text; guesses are counted per account and per address.
    pub from: &'a str,
    /// What the browser calls itself, shown in the list of sessions.
    pub agent: &'a str,
}

/// Opens a session, or refuses in one sentence that does not tell whether the account exists.
pub fn sign_in(store: &Store, now: Time, attempt: &Attempt<'_>) -> Result<(Session, Secret)> {
    let email = Email::parse(attempt.email).ok();
    let account = email.as_ref().map(Email::folded).unwrap_or_else(|| attempt.email.trim().to_lowercase());
    guess::count(store, now, &account, attempt.from)?;
    let found = match email {
        Some(email) => user::by_email(store, &email)?,
        None => None,
    };
    let stored = found.as_ref().and_then(|(_, hash)| hash.as_deref());
    let fits = password::matches(stored, attempt.password)?;
    match found {
        Some((user, _)) if fits && user.suspended.is_none() => {
            guess::forgive(store, now, user.id, &account, attempt.from)?;
            session::open(store, now, &user, attempt.agent)
        }
        _ => Err(wrong()),
    }
}

fn wrong() -> Error {
    Error::denied(say!("メールアドレスまたはパスワードが違います。", "The mail address or the password is not right."))
        .hint(say!(
            "忘れた場合は、管理者に再設定のリンクを発行してもらってください。",
            "If you have forgotten it, ask an admin for a link to set a new one."
        ))
}
