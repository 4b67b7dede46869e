//! `hakobu key`: which key opens this house, and changing it without rewriting any data.

use super::{Answer, Hidden};
use crate::base::provider::{Phrase, Provider, refuse_inside};
use crate::base::{By, Result, Time, clock};
use crate::house::{Boot, House};
use crate::store::{Deed, KeyStatus, Keyring, RecoveryCode, Store};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::path::Path;

#[derive(Debug, Serialize, Deserialize)]
pub enum KeyAsk {
    Status,
    /// To another root key; the old one opens nothing afterwards.
    Rotate {
        to: Provider,
        phrase: Option<Hidden>,
    },
    /// Somebody has the recovery code on paper, and types it in to show it.
    Confirm {
        code: Hidden,
    },
    /// A new recovery code; the one before opens nothing afterwards.
    NewCode,
}

pub(super) fn answer(house: &House, by: &By, now: Time, ask: KeyAsk) -> Result<Answer> {
    match ask {
        KeyAsk::Status => Answer::of(status(house.data())?),
        KeyAsk::Rotate { to, phrase } => rotate(house, by, now, (to, phrase)),
        KeyAsk::Confirm { code } => {
            house.confirm_recovery(by, now, &code.0)?;
            Answer::of(status(house.data())?)
        }
        KeyAsk::NewCode => {
            let code = house.new_recovery_code(by, now)?;
            Answer::of(json!({"recovery_code": code.text().unwrap_or_default()}))
        }
    }
}

fn status(data: &Path) -> Result<Value> {
    let KeyStatus { provider, mode, keyring, made, root, recovery, recovery_confirmed } =
        Keyring::status(data, &Boot::read(data)?.key)?;
    let at = |t: Time| t.rfc3339(&clock::japan());
    let roots: Vec<Value> = root.iter().map(|w| json!({"id": w.id, "since": at(w.since)})).collect();
    Ok(json!({
        "provider": provider,
        "mode": mode,
        "keyring": keyring,
        "made": at(made),
        "root": roots,
        "recovery": {"id": recovery.id, "since": at(recovery.since), "confirmed": recovery_confirmed.map(at)},
    }))
}

/// Both keys open the keyring while the settings change, so that a crash between any two steps locks nobody out.
fn rotate(house: &House, by: &By, now: Time, (to, phrase): (Provider, Option<Hidden>)) -> Result<Answer> {
    let data = house.data();
    let phrase = phrase.map_or(Phrase::None, |p| Phrase::Given(crate::base::Secret::new(p.0.into_bytes())));
    let boot = Boot { key: to, ..Boot::read(data)? };
    let root = boot.key.make(data, &phrase)?;
    house.store.write(by, now, Deed::new("key.rotate", boot.key.name()), |_| Ok(()))?;
    house.store.keys().rewrap_root(&root, now)?;
    boot.write(data)?;
    house.store.keys().retire_roots(&root)?;
    house.take_root(&root);
    house.keep_alarm()?;
    Answer::of(status(data)?)
}

/// With the recovery code alone: a new root key for a house whose own is lost. Nobody may have it open.
pub fn recover(data: &Path, now: Time, code: &str, to: Provider, phrase: &Phrase) -> Result<Answer> {
    let code = RecoveryCode::parse(code)?;
    let boot = Boot { key: to, ..Boot::read(data)? };
    if let Provider::File { path } = &boot.key {
        refuse_inside(path, data)?;
    }
    let root = boot.key.make(data, phrase)?;
    Store::recover(data, &code, &root, now)?;
    boot.write(data)?;
    Answer::of(status(data)?)
}
