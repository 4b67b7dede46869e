//! The limit on guessing: failures per account and per client address, kept in the books so that a restart forgets
//! nothing. An attempt is counted before the password is looked at, so that tries at the same moment all count.

use super::{plan, plan::Counted, rows};
use crate::base::{By, Error, Kind, Result, Time, ids::UserId};
use crate::store::{Deed, Store};

/// Counts one attempt, or says how long to wait.
pub(super) fn count(store: &Store, now: Time, account: &str, from: &str) -> Result<()> {
    let keys = keys(store, account, from);
    // Looking first keeps blocked attempts from writing.
    store.read(|c| allowed(c, &keys, now))?;
    store.write(&By::Public, now, Deed::from("signin.try"), |tx| {
        allowed(tx, &keys, now)?;
        for (who, _) in &keys {
            let fails = rows::guesses(tx, who)?.map_or(0, |(fails, last)| plan::faded(fails, last, now));
            rows::set_guesses(tx, who, fails.saturating_add(1), now)?;
        }
        Ok(())
    })
}

pub(super) fn forgive(store: &Store, now: Time, id: UserId, account: &str, from: &str) -> Result<()> {
    let keys = keys(store, account, from);
    store.write(&By::User(id), now, Deed::new("signin.done", id.to_string()), |tx| {
        for (who, counted) in &keys {
            match counted {
                Counted::Account => rows::forget_guesses(tx, who)?,
                // One success must not wash an address clean: only this attempt is taken back.
                Counted::Address => {
                    if let Some((fails, last)) = rows::guesses(tx, who)? {
                        rows::set_guesses(tx, who, fails.saturating_sub(1), last)?;
                    }
                }
            }
        }
        Ok(())
    })
}

fn allowed(c: &rows::Connection, keys: &[([u8; 32], Counted); 2], now: Time) -> Result<()> {
    for (who, counted) in keys {
        if let Some((fails, last)) = rows::guesses(c, who)?
            && let Some(until) = plan::blocked_until(plan::faded(fails, last, now), last, now, *counted)
        {
            return Err(wait(until, now));
        }
    }
    Ok(())
}

/// The kind tells the surface (429) without a word about whether the account exists.
fn wait(until: Time, now: Time) -> Error {
    let minutes = until.since(now).as_secs().div_ceil(60);
    Error::new(
        Kind::Later,
        say!(
            "サインインの試行が続いたため、しばらく受け付けません。約 {minutes} 分後にもう一度お試しください。",
            "Too many attempts to sign in. Try again in about {minutes} min."
        ),
    )
    .hint(say!("管理者は、再設定のリンクを発行できます。", "An admin can issue a link to set a new password."))
}

fn keys(store: &Store, account: &str, from: &str) -> [([u8; 32], Counted); 2] {
    let key = store.keys().token("guess");
    [
        (key.mac(&[b"account", account.as_bytes()]), Counted::Account),
        (key.mac(&[b"address", from.as_bytes()]), Counted::Address),
    ]
}
